#include "likelihood/error_reduction.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"

#define NONE UINT32_MAX
#define MAX OTR_REDUCED_DETECTORS_MAX
/* Odds of an error that stands for others are not below this. */
#define ODDS_MIN 1e-200

static void load(otr_error_reduction *r, const otr_error_list *list);
static void look_at(otr_error_reduction *r, uint32_t detector);
static void flip_happened(otr_error_reduction *r, const otr_error_list *list, const uint8_t *detectors);
static void unload(otr_error_reduction *r, const otr_error_list *list);
static void store(const otr_error_reduction *r, otr_error_list *list);

otr_status otr_error_reduction_init(otr_error_reduction *r, uint32_t detector_count) {
    *r = (otr_error_reduction){.detector_count = detector_count};
    r->detectors = otr_array_new(detector_count, sizeof *r->detectors);
    r->events = otr_array_zeroed(otr_bytes_for_bits(detector_count), 1);
    if (r->detectors == NULL || r->events == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < detector_count; i++) {
        r->detectors[i] = (otr_reduced_detector){.first = NONE};
    }
    return OTR_OK;
}

void otr_error_reduction_free(otr_error_reduction *r) {
    free(r->detectors);
    free(r->events);
    free(r->errors);
    free(r->stack);
    *r = (otr_error_reduction){0};
}

size_t otr_error_reduction_bytes(const otr_error_reduction *r) {
    return r->detector_count * sizeof *r->detectors + otr_bytes_for_bits(r->detector_count) +
           r->error_capacity * sizeof *r->errors + r->stack_capacity * sizeof *r->stack;
}

otr_status otr_error_reduction_run(otr_error_reduction *r, otr_error_list *list, const uint8_t *detectors) {
    if (!otr_array_reserve((void **)&r->errors, &r->error_capacity, list->count, sizeof *r->errors) ||
        !otr_array_reserve((void **)&r->stack, &r->stack_capacity, list->begin[list->count],
                           sizeof *r->stack)) {
        return OTR_ERR_MEMORY;
    }
    flip_happened(r, list, detectors);
    load(r, list);
    while (r->stack_count > 0) {
        const uint32_t detector = r->stack[--r->stack_count];
        r->detectors[detector].is_waiting = false;
        look_at(r, detector);
    }
    unload(r, list);
    store(r, list);
    flip_happened(r, list, r->events);
    return OTR_OK;
}

/* Takes or gives back what the errors flip that are taken as happened. */
static void flip_happened(otr_error_reduction *r, const otr_error_list *list, const uint8_t *detectors) {
    for (size_t i = 0; i < otr_bytes_for_bits(r->detector_count); i++) {
        r->events[i] = detectors[i] ^ list->happened[i];
    }
}

/* Looks at a detector later, or again. */
static void push(otr_error_reduction *r, uint32_t detector) {
    if (!r->detectors[detector].is_waiting) {
        r->detectors[detector].is_waiting = true;
        r->stack[r->stack_count++] = detector;
    }
}

/* A link is the number of an error and which of its detectors it is linked at. */
static uint32_t link_of(uint32_t error, uint32_t place) {
    return error * MAX + place;
}

static void link(otr_error_reduction *r, uint32_t error) {
    otr_reduced_error *const e = &r->errors[error];
    for (uint32_t i = 0; i < e->detector_count; i++) {
        otr_reduced_detector *const detector = &r->detectors[e->detectors[i]];
        e->next[i] = detector->first;
        detector->first = link_of(error, i);
        detector->degree++;
        push(r, e->detectors[i]);
    }
}

/* Takes an error out of the lists of its detectors, which are looked at again. */
static void unlink(otr_error_reduction *r, uint32_t error) {
    otr_reduced_error *const e = &r->errors[error];
    for (uint32_t i = 0; i < e->detector_count; i++) {
        otr_reduced_detector *const detector = &r->detectors[e->detectors[i]];
        uint32_t *at = &detector->first;
        while (*at != link_of(error, i)) {
            at = &r->errors[*at / MAX].next[*at % MAX];
        }
        *at = e->next[i];
        detector->degree--;
        push(r, e->detectors[i]);
    }
    e->is_gone = true;
}

/* Errors of many detectors stay as they are, and so do their detectors. */
static void load(otr_error_reduction *r, const otr_error_list *list) {
    r->stack_count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        otr_reduced_error *const e = &r->errors[i];
        const uint32_t *const detectors = list->detectors + list->begin[i];
        const size_t count = list->begin[i + 1] - list->begin[i];
        *e = (otr_reduced_error){.odds = list->odds[i], .observables = list->observables[i]};
        if (count <= MAX) {
            e->detector_count = (uint32_t)count;
            memcpy(e->detectors, detectors, count * sizeof *detectors);
            link(r, i);
            continue;
        }
        for (size_t j = 0; j < count; j++) {
            r->detectors[detectors[j]].is_kept = true;
        }
    }
}

/* The error has happened. */
static void take(otr_error_reduction *r, uint32_t error) {
    const otr_reduced_error *const e = &r->errors[error];
    for (uint32_t i = 0; i < e->detector_count; i++) {
        otr_bit_flip(r->events, e->detectors[i]);
    }
}

/* What both errors flip together. Returns false if that are no detectors, or too many. */
static bool add_symptoms(const otr_reduced_error *a, const otr_reduced_error *b, otr_reduced_error *out) {
    uint32_t i = 0, j = 0;
    while (i < a->detector_count || j < b->detector_count) {
        const uint32_t one = i < a->detector_count ? a->detectors[i] : UINT32_MAX;
        const uint32_t other = j < b->detector_count ? b->detectors[j] : UINT32_MAX;
        i += one <= other;
        j += other <= one;
        if (one != other) {
            if (out->detector_count == MAX) {
                return false;
            }
            out->detectors[out->detector_count++] = one < other ? one : other;
        }
    }
    out->observables = a->observables ^ b->observables;
    return out->detector_count > 0;
}

static bool has_symptoms_of(const otr_reduced_error *a, const otr_reduced_error *b) {
    return a->observables == b->observables && a->detector_count == b->detector_count &&
           memcmp(a->detectors, b->detectors, a->detector_count * sizeof *a->detectors) == 0;
}

/* Puts the error in the place of one that is gone, or makes it one with one of the same symptoms. */
static void add(otr_error_reduction *r, uint32_t place, const otr_reduced_error *error) {
    for (uint32_t at = r->detectors[error->detectors[0]].first; at != NONE;
         at = r->errors[at / MAX].next[at % MAX]) {
        otr_reduced_error *const other = &r->errors[at / MAX];
        if (has_symptoms_of(other, error)) {
            other->odds = (other->odds + error->odds) / (1 + other->odds * error->odds);
            return;
        }
    }
    r->errors[place] = *error;
    link(r, place);
}

/* Makes one error of the two that alone flip a detector, if it can be kept in the list. */
static void merge(otr_error_reduction *r, uint32_t a, uint32_t b, bool is_event) {
    const uint32_t likely = r->errors[a].odds >= r->errors[b].odds ? a : b;
    const uint32_t other = likely == a ? b : a;
    otr_reduced_error both = {0};
    if (!add_symptoms(&r->errors[a], &r->errors[b], &both) ||
        (is_event && r->errors[likely].observables != 0)) {
        return;
    }
    both.odds =
        is_event ? r->errors[other].odds / r->errors[likely].odds : r->errors[a].odds * r->errors[b].odds;
    if (both.odds < ODDS_MIN) {
        return;
    }
    if (is_event) {
        take(r, likely);
    }
    unlink(r, a);
    unlink(r, b);
    add(r, a > b ? a : b, &both);
}

static void look_at(otr_error_reduction *r, uint32_t detector) {
    const otr_reduced_detector *const d = &r->detectors[detector];
    const bool is_event = otr_bit_get(r->events, detector);
    if (d->is_kept || d->degree == 0 || d->degree > 2) {
        return;
    }
    const uint32_t first = d->first / MAX;
    if (d->degree == 2) {
        merge(r, r->errors[first].next[d->first % MAX] / MAX, first, is_event);
    } else if (!is_event) {
        unlink(r, first);
    } else if (r->errors[first].observables == 0) {
        take(r, first);
        unlink(r, first);
    }
}

/* Leaves the detectors without errors. */
static void unload(otr_error_reduction *r, const otr_error_list *list) {
    for (size_t i = 0; i < list->begin[list->count]; i++) {
        r->detectors[list->detectors[i]] = (otr_reduced_detector){.first = NONE};
    }
}

/* Writes the errors that are left in place of all. What is written never overtakes what is read: an error
 * stands in the place of the last one for which it stands, and has fewer detectors than these have. */
static void store(const otr_error_reduction *r, otr_error_list *list) {
    uint32_t count = 0;
    size_t begin = 0, next = 0;
    otr_error_list_fix(list);
    for (uint32_t i = 0; i < list->count; i++) {
        const otr_reduced_error *const e = &r->errors[i];
        const size_t at = next;
        const bool is_short = list->begin[i + 1] - at <= MAX;
        const size_t detector_count = is_short ? e->detector_count : list->begin[i + 1] - at;
        next = list->begin[i + 1];
        if (e->is_gone) {
            continue;
        }
        list->odds[count] = e->odds;
        list->observables[count] = e->observables;
        memmove(list->detectors + begin, is_short ? e->detectors : list->detectors + at,
                detector_count * sizeof *list->detectors);
        for (size_t j = begin; j < begin + detector_count; j++) {
            list->fixed[list->detectors[j] / 8] &= (uint8_t) ~(1u << list->detectors[j] % 8);
        }
        begin += detector_count;
        list->begin[++count] = begin;
    }
    list->count = count;
}
