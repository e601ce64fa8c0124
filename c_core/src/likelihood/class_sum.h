/* The sum over a list of errors, class by class of the observables: which class a shot's errors are likeliest
 * in, and by how much. */
#ifndef OTR_CLASS_SUM_H
#define OTR_CLASS_SUM_H

#include <stdbool.h>

#include "likelihood/class_groups.h"
#include "likelihood/frontier.h"
#include "likelihood/frontier_sum.h"
#include "model/error_list.h"

/* Where sums are laid out and run; one thread at a time. */
typedef struct otr_class_sum {
    const otr_error_list *errors; /* borrowed */
    otr_frontier_list frontiers;
    otr_class_groups groups;
    otr_frontier_space space;
    uint8_t *fired;   /* for each step 0 or 1 */
    double *messages; /* for each incidence */
    double *scratch;  /* the same */
    double *table;    /* of sums by table */
    uint32_t table_bits;
    double *sums; /* for each class of one group: three tables */
    size_t fired_capacity, message_capacity, scratch_capacity, sum_capacity;
    double *part_ratios; /* part -> the same as below, of a part that flips one observable alone */
    size_t part_ratio_capacity;
    double ratios[OTR_TRELLIS_OBSERVABLES_MAX]; /* ln of unflipped over flipped, by observable */
} otr_class_sum;

/* The answer for one group. */
typedef struct otr_class_answer {
    uint64_t class; /* observables that its likeliest class flips */
    double failure; /* probability of the other classes */
    uint64_t work;
    double ratio; /* least magnitude of its observables' ratios */
    bool is_explained;
    bool is_exact;
} otr_class_answer;

/* OTR_ERR_ARGUMENT for a budget out of range. */
otr_status otr_check_trellis_budget(const otr_trellis_budget *budget, otr_error *error);
/* The nearest ratio within OTR_TRELLIS_RATIO_MAX. */
double otr_ratio_within_range(double ratio);

/* For budgets of up to this many states, and with tables for parts of so many bits. OTR_ERR_MEMORY. To be
 * freed in any case. */
otr_status otr_class_sum_init(otr_class_sum *sum, uint32_t states_max, uint32_t table_bits,
                              const otr_kernels *kernels);
/* Sums over these errors from now on; they are borrowed. Allocates for more than was ever laid out.
 * OTR_ERR_LIMIT, OTR_ERR_MEMORY: then nothing is laid out. */
otr_status otr_class_sum_lay(otr_class_sum *sum, const otr_error_list *errors, otr_error *error);
void otr_class_sum_free(otr_class_sum *sum);
size_t otr_class_sum_bytes(const otr_class_sum *sum);

/* Takes a shot: its events without what the errors taken as happened flip, and so many iterations of belief
 * propagation. Returns false if there is an event that no error flips. */
bool otr_class_sum_take(otr_class_sum *sum, const uint8_t *detectors, uint32_t iterations);
/* Sums one group up, and sets the ratios of its observables if it is explained; those of observables in no
 * group are OTR_TRELLIS_RATIO_MAX. They leave out what happened. */
otr_class_answer otr_class_sum_group(otr_class_sum *sum, uint32_t group, const otr_trellis_budget *budget);

#endif
