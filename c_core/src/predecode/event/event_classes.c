/* The classes of pairs of near events.
 *
 * A pair is found once, from the event that the other lies forward of (later, or in the same round and
 * further along y, then x). What the first event is to the second is one relation, what the second is to the
 * first another. With weights shared between mirrored kinds the same two relations turn up from several
 * directions; they are one class then, with the events exchanged where the roles are. */
#include "predecode/event/event_classes.h"

#include "common/array.h"
#include "predecode/neighbours.h"

#include <stdlib.h>

/* Offsets that are looked through: every forward one within the largest components. */
#define SPAN (2 * OTR_NEIGHBOUR_OFFSET_MAX + 1)
#define FORWARD_MAX ((size_t)(OTR_NEIGHBOUR_OFFSET_MAX + 1) * SPAN * SPAN)

_Static_assert(OTR_EVENT_SLOT_OFFSET_MAX <= OTR_NEIGHBOUR_OFFSET_MAX, "slots are searched");
_Static_assert(OTR_EVENT_RADIUS_MAX <= OTR_NEIGHBOUR_OFFSET_MAX, "neighbours are searched");
_Static_assert(OTR_EVENT_KINDS_MAX == OTR_LATTICE_KINDS_MAX, "one limit, public and internal");
_Static_assert(FORWARD_MAX *OTR_EVENT_KINDS_MAX < UINT16_MAX / 2, "codes hold every class");

static int32_t magnitude(int32_t value);
static bool is_near(uint32_t radius, otr_offset offset);
static void list_offsets(otr_event_classes *classes, const otr_event_layout *layout);
static void number_classes(otr_event_classes *classes, const otr_event_layout *layout, bool near);

uint32_t otr_event_relation_count(uint32_t radius) {
    uint32_t count = 0;
    for (uint32_t t = 0; t <= radius; t++) {
        const uint32_t side = 2 * (radius - t) + 1;
        count += (t > 0 ? 2 : 1) * side * side;
    }
    return count - 1;
}

uint32_t otr_event_relation(uint32_t radius, otr_offset offset) {
    const int32_t side = (int32_t)radius - magnitude(offset.t); /* of the square of this round */
    uint32_t number = 0;
    if (!is_near(radius, offset) || (offset.x == 0 && offset.y == 0 && offset.t == 0)) {
        return OTR_EVENT_NO_RELATION;
    }
    for (int32_t t = -(int32_t)radius; t < offset.t; t++) {
        const uint32_t width = (uint32_t)(2 * ((int32_t)radius - magnitude(t)) + 1);
        number += width * width;
    }
    number += (uint32_t)((offset.y + side) * (2 * side + 1) + offset.x + side);
    return number - (offset.t > 0 || (offset.t == 0 && (offset.y > 0 || (offset.y == 0 && offset.x > 0))));
}

otr_status otr_event_classes_init(otr_event_classes *classes, const otr_event_layout *layout) {
    size_t pairs;
    *classes = (otr_event_classes){0};
    classes->offsets = otr_array_new(FORWARD_MAX, sizeof *classes->offsets);
    if (classes->offsets == NULL) {
        return OTR_ERR_MEMORY;
    }
    list_offsets(classes, layout);
    pairs = (size_t)classes->offset_count * layout->rule.kinds;
    classes->codes = otr_array_new(pairs, sizeof *classes->codes);
    classes->classes = otr_array_new(pairs, sizeof *classes->classes);
    if (classes->codes == NULL || classes->classes == NULL) {
        otr_event_classes_free(classes);
        return OTR_ERR_MEMORY;
    }
    number_classes(classes, layout, true);
    classes->message_count = classes->count;
    number_classes(classes, layout, false);
    return OTR_OK;
}

void otr_event_classes_free(otr_event_classes *classes) {
    free(classes->offsets);
    free(classes->codes);
    free(classes->classes);
    *classes = (otr_event_classes){0};
}

static int32_t magnitude(int32_t value) {
    return value < 0 ? -value : value;
}

static bool is_near(uint32_t radius, otr_offset offset) {
    const int32_t x = magnitude(offset.x), y = magnitude(offset.y);
    return (x > y ? x : y) + magnitude(offset.t) <= (int32_t)radius;
}

static uint8_t find_slot(const otr_event_layout *layout, uint32_t set, otr_offset offset) {
    for (uint32_t slot = 0; slot < layout->slot_count; slot++) {
        const otr_slot *const other = &layout->slots[(size_t)set * layout->slot_count + slot];
        if (!other->is_boundary && other->offset.x == offset.x && other->offset.y == offset.y &&
            other->offset.t == offset.t) {
            return (uint8_t)slot;
        }
    }
    return OTR_EVENT_NO_SLOT;
}

/* What an event of `kind` and another one at `offset` from it are to each other. */
static otr_event_class class_of(const otr_event_layout *layout, uint32_t kind, otr_offset offset) {
    const otr_lattice_rule *const rule = &layout->rule;
    const uint32_t other_kind = otr_lattice_kind_at(rule, kind, offset);
    const otr_offset back = {-offset.x, -offset.y, -offset.t};
    const uint32_t kinds[2] = {kind, other_kind};
    const otr_offset seen[2] = {otr_lattice_framed(rule, kind, offset),
                                otr_lattice_framed(rule, other_kind, back)};
    otr_event_class found;
    for (int end = 0; end < 2; end++) {
        const uint32_t set = layout->set_of_kind[kinds[end]];
        const uint32_t relation = otr_event_relation(layout->radius, seen[end]);
        found.slots[end] = find_slot(layout, set, seen[end]);
        found.relations[end] = relation == OTR_EVENT_NO_RELATION ? OTR_EVENT_NO_RELATION
                                                                 : set * layout->relation_count + relation;
    }
    if (found.slots[0] == OTR_EVENT_NO_SLOT || found.slots[1] == OTR_EVENT_NO_SLOT) {
        found.slots[0] = found.slots[1] = OTR_EVENT_NO_SLOT;
    }
    return found;
}

static bool is_forward(otr_offset offset) {
    return offset.t > 0 || (offset.t == 0 && (offset.y > 0 || (offset.y == 0 && offset.x > 0)));
}

static bool is_of_use(const otr_event_layout *layout, otr_offset offset) {
    if (is_near(layout->radius, offset)) {
        return true;
    }
    for (uint32_t kind = 0; kind < layout->rule.kinds; kind++) {
        if (class_of(layout, kind, offset).slots[0] != OTR_EVENT_NO_SLOT) {
            return true;
        }
    }
    return false;
}

static void list_offsets(otr_event_classes *classes, const otr_event_layout *layout) {
    const int32_t most = OTR_NEIGHBOUR_OFFSET_MAX;
    for (int32_t t = 0; t <= most; t++) {
        for (int32_t y = -most; y <= most; y++) {
            for (int32_t x = -most; x <= most; x++) {
                const otr_offset offset = {x, y, t};
                if (is_forward(offset) && is_of_use(layout, offset)) {
                    classes->offsets[classes->offset_count++] = offset;
                }
            }
        }
    }
}

/* The class's number times two, with OTR_NEIGHBOUR_SWAP if its events stand the other way round. */
static uint16_t code_of(otr_event_classes *classes, uint32_t begin, const otr_event_class *wanted) {
    const uint32_t swap =
        wanted->relations[0] > wanted->relations[1] ||
        (wanted->relations[0] == wanted->relations[1] && wanted->slots[0] > wanted->slots[1]);
    const otr_event_class ordered = {{wanted->relations[swap], wanted->relations[!swap]},
                                     {wanted->slots[swap], wanted->slots[!swap]}};
    uint32_t i = begin;
    while (i < classes->count && (classes->classes[i].relations[0] != ordered.relations[0] ||
                                  classes->classes[i].relations[1] != ordered.relations[1] ||
                                  classes->classes[i].slots[0] != ordered.slots[0] ||
                                  classes->classes[i].slots[1] != ordered.slots[1])) {
        i++;
    }
    if (i == classes->count) {
        classes->classes[classes->count++] = ordered;
    }
    return (uint16_t)(2 * i + swap);
}

/* Numbers the classes of near pairs, or of the others. */
static void number_classes(otr_event_classes *classes, const otr_event_layout *layout, bool near) {
    const uint32_t begin = classes->count;
    for (uint32_t kind = 0; kind < layout->rule.kinds; kind++) {
        for (uint32_t i = 0; i < classes->offset_count; i++) {
            if (is_near(layout->radius, classes->offsets[i]) == near) {
                const otr_event_class found = class_of(layout, kind, classes->offsets[i]);
                classes->codes[(size_t)kind * classes->offset_count + i] = code_of(classes, begin, &found);
            }
        }
    }
}
