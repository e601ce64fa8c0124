/* The greedy start: radii and matches for events, before any region grows.
 *
 * Any radii that overlap nowhere are a feasible dual solution, so the search need not start from zero. An
 * event's radius stays within its shortest edge; then its region holds no other node, and two regions can
 * only touch over an edge between their events, a contact. Each radius first goes half way to the nearest
 * contact, then, event by event, as far as the others leave room; events that touch and are free are matched.
 * At low error rates this settles most events. */
#include "match/matcher_state.h"

static void note_contacts_alone(otr_matcher *m, uint32_t event);
static void note_contacts_among_others(otr_matcher *m, uint32_t event);
static void add_contacts(otr_matcher *m, uint32_t event, const otr_node *record, uint32_t first,
                         uint64_t occupied);
static void add_contact(otr_matcher *m, uint32_t event, uint32_t other, uint32_t weight, uint32_t edge);
static void limit_radius(otr_start *start, uint32_t limit);
static void raise_radius(otr_matcher *m, uint32_t event);
static uint32_t next_contact(const otr_contact *contact, uint32_t event);
static uint32_t other_event(const otr_contact *contact, uint32_t event);
static void match(otr_start *start, uint32_t partner, uint32_t edge);

void otr_greedy_start(otr_matcher *m, bool overridden) {
    m->contact_count = 0;
    for (size_t i = 0; i < m->batch_count; i++) {
        otr_start *const start = &m->starts[m->batch[i]];
        start->radius = UINT32_MAX;
        start->first_contact = OTR_NONE;
        start->partner = OTR_NONE;
    }
    for (size_t i = 0; i < m->batch_count; i++) {
        if (i + OTR_EVENTS_AHEAD < m->batch_count) {
            otr_prefetch(&m->nodes[m->events[m->batch[i + OTR_EVENTS_AHEAD]]]);
        }
        if (!overridden) {
            note_contacts_alone(m, m->batch[i]);
        } else {
            note_contacts_among_others(m, m->batch[i]);
        }
    }
    for (size_t i = 0; i < m->batch_count && m->failure == OTR_OK; i++) {
        raise_radius(m, m->batch[i]);
    }
}

/* With nothing overridden and no other regions, the shortest edge is that of the node's record, and the
 * forward arcs are enough to find every contact once. */
static void note_contacts_alone(otr_matcher *m, uint32_t event) {
    const uint32_t node = m->events[event];
    const otr_node *const record = &m->nodes[node];
    if (record->ahead_count != OTR_AHEAD_MANY) {
        const uint64_t *const bits = m->occupied;
        uint64_t occupied = 0;
        for (uint32_t i = 0; i < OTR_AHEAD_MAX; i++) {
            const uint32_t head = node + record->ahead[i];
            occupied |= (bits[head >> 6] >> (head & 63) & 1) << i;
        }
        add_contacts(m, event, record, record->forward,
                     occupied & (((uint64_t)1 << record->ahead_count) - 1));
    } else {
        const uint32_t end = record[1].begin;
        for (uint32_t first = record->forward; first < end; first += OTR_SCAN_ARCS) {
            uint32_t least, least_arc;
            add_contacts(m, event, record, first, otr_scan(m, first, end, &least, &least_arc));
        }
    }
    m->starts[event].room = record->nearest;
    limit_radius(&m->starts[event], record->nearest);
}

/* In general all arcs count: for the shortest one, and for the regions around that stand already. */
static void note_contacts_among_others(otr_matcher *m, uint32_t event) {
    const uint32_t node = m->events[event];
    const otr_node *const record = &m->nodes[node];
    const uint32_t end = record[1].begin;
    uint32_t room = otr_boundary_weight(m->weights, node);
    for (uint32_t first = record->begin; first < end; first += OTR_SCAN_ARCS) {
        uint32_t least, least_arc;
        uint64_t occupied = otr_scan(m, first, end, &least, &least_arc);
        room = least < room ? least : room;
        for (; occupied != 0; occupied &= occupied - 1) {
            const uint32_t a = first + otr_ctz64(occupied);
            const otr_arc arc = m->arcs[a];
            const otr_site *const site = &m->sites[arc.head];
            if (arc.weight == OTR_WEIGHT_NONE) {
                continue;
            }
            if (m->regions[site->top].match != OTR_NONE) {
                const uint32_t limit = arc.weight - otr_reach_past(m, site);
                room = limit < room ? limit : room;
            } else if (a >= record->forward) {
                add_contact(m, event, site->event, arc.weight, record->first_edge + (a - record->forward));
            }
        }
    }
    m->starts[event].room = room & ~1u;
    limit_radius(&m->starts[event], room & ~1u);
}

/* Notes the contacts over some of the event's forward arcs: bit i of `occupied` is about arc `first` + i. */
static void add_contacts(otr_matcher *m, uint32_t event, const otr_node *record, uint32_t first,
                         uint64_t occupied) {
    for (; occupied != 0; occupied &= occupied - 1) {
        const uint32_t a = first + otr_ctz64(occupied);
        const otr_arc arc = m->arcs[a];
        if (arc.weight != OTR_WEIGHT_NONE) {
            add_contact(m, event, m->sites[arc.head].event, arc.weight,
                        record->first_edge + (a - record->forward));
        }
    }
}

static void add_contact(otr_matcher *m, uint32_t event, uint32_t other, uint32_t weight, uint32_t edge) {
    otr_start *const a = &m->starts[event];
    otr_start *const b = &m->starts[other];
    const otr_contact contact = {{event, other}, weight, edge, {a->first_contact, b->first_contact}};
    if (!OTR_ARRAY_GROW(m->contacts, m->contact_count, m->contact_capacity)) {
        m->failure = OTR_ERR_MEMORY;
        return;
    }
    a->first_contact = (uint32_t)m->contact_count;
    b->first_contact = (uint32_t)m->contact_count;
    m->contacts[m->contact_count++] = contact;
    limit_radius(a, weight / 2 & ~1u);
    limit_radius(b, weight / 2 & ~1u);
}

static void limit_radius(otr_start *start, uint32_t limit) {
    start->radius = limit < start->radius ? limit : start->radius;
}

/* Raises the radius of an event until it touches something, and matches it to what it touches if that is
 * free. */
static void raise_radius(otr_matcher *m, uint32_t event) {
    otr_start *const start = &m->starts[event];
    const otr_contact *contact;
    uint32_t radius = start->room;
    for (uint32_t c = start->first_contact; c != OTR_NONE; c = next_contact(contact, event)) {
        uint32_t limit;
        contact = &m->contacts[c];
        limit = contact->weight - m->starts[other_event(contact, event)].radius;
        radius = limit < radius ? limit : radius;
    }
    start->radius = radius;
    if (start->partner != OTR_NONE) {
        return;
    }
    for (uint32_t c = start->first_contact; c != OTR_NONE; c = next_contact(contact, event)) {
        uint32_t other;
        contact = &m->contacts[c];
        other = other_event(contact, event);
        if (m->starts[other].partner == OTR_NONE && radius + m->starts[other].radius == contact->weight) {
            match(start, other, contact->edge);
            match(&m->starts[other], event, contact->edge);
            return;
        }
    }
    /* The room is no more than the boundary's weight. */
    if (radius == start->room && radius == otr_boundary_weight(m->weights, m->events[event])) {
        match(start, OTR_MATCH_BOUNDARY, otr_boundary_edge(m, m->events[event]));
    }
}

static uint32_t next_contact(const otr_contact *contact, uint32_t event) {
    return contact->next[contact->event[1] == event];
}

static uint32_t other_event(const otr_contact *contact, uint32_t event) {
    return contact->event[0] ^ contact->event[1] ^ event;
}

static void match(otr_start *start, uint32_t partner, uint32_t edge) {
    start->partner = partner;
    start->edge = edge;
}
