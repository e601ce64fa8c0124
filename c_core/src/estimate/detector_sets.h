/* Distinct sets of detectors in one order: by size, then by their detectors. */
#ifndef OTR_DETECTOR_SETS_H
#define OTR_DETECTOR_SETS_H

#include "model/error_list.h"

typedef struct otr_detector_sets {
    size_t count;
    size_t *begin; /* count + 1, into detectors */
    uint32_t *detectors;
} otr_detector_sets;

/* Sets in the making: in any order, some of them several times. Zero-initialised is empty. */
typedef struct otr_set_list {
    uint32_t *detectors;
    size_t detector_count, detector_capacity;
    size_t *ends;
    size_t count, capacity;
} otr_set_list;

/* Appends a set, whose detectors ascend. OTR_ERR_LIMIT: over OTR_MOMENTS_SETS_MAX. OTR_ERR_MEMORY. */
otr_status otr_set_list_append(otr_set_list *list, const uint32_t *detectors, size_t count);
void otr_set_list_free(otr_set_list *list);

/* Orders a list and drops repeated sets. OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_detector_sets_init(otr_detector_sets *sets, const otr_set_list *list);
/* The sets of otr_moments_create_for_model. Statuses of both functions above. To be freed in any case. */
otr_status otr_detector_sets_of_errors(otr_detector_sets *sets, const otr_error_list *errors,
                                       bool with_outside);
void otr_detector_sets_free(otr_detector_sets *sets);
/* The place of a set whose detectors ascend; SIZE_MAX if it is missing. */
size_t otr_detector_sets_find(const otr_detector_sets *sets, const uint32_t *detectors, size_t count);

#endif
