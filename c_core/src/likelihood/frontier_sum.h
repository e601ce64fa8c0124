/* The sum over all errors of a part: for each class of observables, how much all sets of errors weigh that
 * explain the shot. */
#ifndef OTR_FRONTIER_SUM_H
#define OTR_FRONTIER_SUM_H

#include "likelihood/frontier.h"
#include "outrider/kernels.h"
#include "outrider/trellis.h"

#include <stdbool.h>

/* Where a sum works; one thread at a time. Zero-initialised is empty. */
typedef struct otr_frontier_space {
    const otr_kernels *kernels;
    uint64_t *keys;     /* words for each state */
    double *weights;    /* of each state, times what its open detectors may expect of later errors */
    uint32_t *places;   /* of each state in the table */
    uint64_t *new_keys; /* of the states that one error leads to */
    double *new_weights;
    uint32_t *selected; /* states that an error is applied to */
    size_t capacity;    /* of states */
    uint32_t *table;    /* hash table of states, NONE where free */
    size_t table_size;  /* a power of two */
    double *expected;   /* incidence -> product of the messages from it on */
    double *factors; /* slot -> expectation of an open detector that needs a flip, over one that needs none */
    double *ratios;  /* slot -> how that changes in a step */
    uint32_t *next;  /* step -> its first incidence whose error is still to come */
    size_t key_capacity, new_key_capacity, expected_capacity, factor_capacity, ratio_capacity, next_capacity;
} otr_frontier_space;

/* A space for budgets of up to this many states. OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_frontier_space_init(otr_frontier_space *space, uint32_t states_max,
                                   const otr_kernels *kernels);
/* Room for every part of the list, and still for those before. OTR_ERR_MEMORY. */
otr_status otr_frontier_space_fit(otr_frontier_space *space, const otr_frontier_list *list);
void otr_frontier_space_free(otr_frontier_space *space);
size_t otr_frontier_space_bytes(const otr_frontier_space *space);

/* What a sum leaves: states without open detectors, one for each class, in space->keys (one word each, the
 * observables in its upper bits from `class_shift` on) and space->weights. */
typedef struct otr_frontier_result {
    size_t class_count; /* 0 if nothing within the budget explains the shot */
    uint64_t work;      /* states seen, once for each error */
    bool is_exact;      /* nothing was left out */
} otr_frontier_result;

/* Sums over the errors of a part. `fired` has one 0 or 1 for each step, `messages` one number for each
 * incidence, from otr_belief_run: how errors that are still to come are weighed. They decide what is left
 * out, and have no effect on a sum that leaves out nothing. */
otr_frontier_result otr_frontier_sum(otr_frontier_space *space, const otr_frontier *part,
                                     uint32_t class_shift, const uint8_t *fired, const double *messages,
                                     const otr_trellis_budget *budget);

#endif
