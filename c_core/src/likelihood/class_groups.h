/* Classes of observables: parts of a model that flip the same ones are summed up together, others apart. */
#ifndef OTR_CLASS_GROUPS_H
#define OTR_CLASS_GROUPS_H

#include "likelihood/frontier.h"
#include "model/error_list.h"
#include "outrider/trellis.h"

/* Observables that depend on each other, and what flips them. */
typedef struct otr_class_group {
    uint64_t observables;
    uint32_t part_begin, part_end; /* into the numbers of parts */
    uint32_t class_count;          /* all of its classes; 0 for one part alone with too many to be listed */
    double *undetectable;          /* class -> probability that errors without detectors flip it */
} otr_class_group;

/* Zero-initialised is empty. */
typedef struct otr_class_groups {
    otr_class_group groups[OTR_TRELLIS_OBSERVABLES_MAX + 1];
    uint32_t count;
    uint32_t *parts; /* numbers of parts, by group */
    double *shares;  /* where the tables of the groups are */
    size_t part_capacity, share_capacity;
} otr_class_groups;

/* Groups these parts, in place of those before. Allocates for more than there ever was. OTR_ERR_LIMIT: over
 * OTR_TRELLIS_SHARED_OBSERVABLES_MAX observables in a group of several parts or with errors without
 * detectors. OTR_ERR_MEMORY. */
otr_status otr_class_groups_fill(otr_class_groups *groups, const otr_frontier_list *parts,
                                 const otr_error_list *errors, otr_error *error);
void otr_class_groups_free(otr_class_groups *groups);
size_t otr_class_groups_bytes(const otr_class_groups *groups);

/* The number of a class among those of its group: its bits at the group's observables, put together. And
 * back. */
uint32_t otr_class_number(uint64_t observables, uint64_t mask);
uint64_t otr_class_mask(uint64_t observables, uint32_t number);

/* sums[] of the classes of two independent parts. Both have `count` classes, a power of two. */
void otr_class_convolve(double *sums, const double *left, const double *right, uint32_t count);

#endif
