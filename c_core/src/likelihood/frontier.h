/* How a connected part of a model is swept: its detectors are closed one after the other, and a state is what
 * the errors seen so far leave of those that are open. */
#ifndef OTR_FRONTIER_H
#define OTR_FRONTIER_H

#include "likelihood/error_parts.h"
#include "model/error_list.h"
#include "model/symptoms.h"

/* Detectors are numbered by the step that closes them, and errors by position: an error is seen in the step
 * of its first detector, and a detector is open from its first error to its own step. An incidence is a pair
 * of an error and a detector of it; they are numbered by detector, within it by error. */
typedef struct otr_frontier {
    uint32_t step_count;
    uint32_t error_count;
    size_t first_step; /* steps and incidences of the parts before it */
    size_t first_incidence;
    uint32_t *detector_of;     /* step -> detector of the model */
    uint32_t *error_begin;     /* step_count + 1, the errors seen in each */
    uint32_t *opened_begin;    /* step_count + 1, into opened */
    uint32_t *opened;          /* detectors by their steps */
    uint32_t *slot;            /* step -> bit of its detector in a state, while it is open */
    uint32_t slot_count;       /* most that are open at once */
    uint32_t words;            /* of a state: slots from bit 0 on, observables at the end of the last word */
    uint64_t flips;            /* observables that its errors flip */
    uint64_t *masks;           /* words for each error: what it flips */
    double *odds;              /* error -> p / (1 - p) */
    uint64_t *observables;     /* error -> mask of those it flips */
    uint32_t *target_begin;    /* error_count + 1, into the two below */
    uint32_t *targets;         /* steps of an error's detectors, ascending */
    uint32_t *incidence;       /* their incidences */
    uint32_t *incidence_begin; /* step_count + 1 */
    uint32_t *error_of;        /* incidence -> error */
} otr_frontier;

/* The parts of a model: detectors that errors connect. Parts in which no error flips an observable are left
 * out, since all their sums give every class the same factor. Zero-initialised is empty. */
typedef struct otr_frontier_list {
    otr_frontier *parts;
    uint32_t count;
    size_t step_count; /* of all parts */
    size_t incidence_count;

    /* Where the arrays of all parts are. */
    uint32_t *words;
    double *odds;
    uint64_t *observables;
    uint64_t *masks;
    size_t part_capacity, word_capacity, odds_capacity, observable_capacity, mask_capacity;
    /* What they are found with. */
    otr_error_parts found;
    uint32_t *scratch;
    size_t *begins;
    otr_index_list neighbours;
    size_t scratch_capacity, begin_capacity;
} otr_frontier_list;

/* Lays out the parts of these errors, in place of those before. Allocates for more than was ever laid out.
 * OTR_ERR_LIMIT: a part has more than OTR_TRELLIS_OPEN_MAX detectors open at once. OTR_ERR_MEMORY. */
otr_status otr_frontier_list_fill(otr_frontier_list *list, const otr_error_list *errors, otr_error *error);
void otr_frontier_list_free(otr_frontier_list *list);
size_t otr_frontier_list_bytes(const otr_frontier_list *list);

/* The observables of a state, at the end of its last word. */
static inline uint32_t otr_frontier_class_shift(const otr_error_list *errors) {
    return errors->observable_count < 64 ? 64 - errors->observable_count : 0;
}

#endif
