/* Groups of errors that share one factor on their prior.
 *
 * The attenuation of a class is the sum over its parts, one for each group that its errors belong to, of what
 * the prior gives the part, times the group's factor. Without groups each class is one. */
#ifndef OTR_RATE_GROUPS_H
#define OTR_RATE_GROUPS_H

#include "estimate/error_classes.h"

#include <stdbool.h>

typedef struct otr_rate_groups {
    uint32_t count;
    size_t *begin;     /* class -> its parts */
    uint32_t *of;      /* part -> group, ascending within a class */
    double *amounts;   /* part -> attenuation by the prior */
    bool is_partition; /* every class is one part */

    /* Classes of one group and one number of detectors; larger ones first. Each class is one where some
     * belong to several groups. */
    uint32_t pool_count;
    uint32_t *pool_begin; /* pool_count + 1, into members */
    uint32_t *members;    /* classes, ascending within a pool */
    uint32_t *pool_of;    /* class -> pool */
} otr_rate_groups;

/* `groups` has the group of every error of `prior` in the order of its walk, or OTR_RATES_UNTIED for one of
 * its own class; NULL if all are. OTR_ERR_INDEX: a group that is not below the number of errors.
 * OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_rate_groups_init(otr_rate_groups *result, const otr_error_classes *classes,
                                const otr_error_list *errors, const otr_model *prior, const uint32_t *groups);
void otr_rate_groups_free(otr_rate_groups *groups);
size_t otr_rate_groups_bytes(const otr_rate_groups *groups, uint32_t class_count);

#endif
