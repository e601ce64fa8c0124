/* A shorter list of errors with the same sums for one shot, but for a factor that all classes share.
 *
 * An error that alone flips a detector has happened or not. Of two that alone flip one, the shot says whether
 * both or neither happened, or one of them: one error stands for the two. So chains of errors become single
 * ones, and what is left is where they meet. Errors of the same symptoms become one. */
#ifndef OTR_ERROR_REDUCTION_H
#define OTR_ERROR_REDUCTION_H

#include "model/error_list.h"

/* Detectors of an error that stands for others, and of one that others stand for. */
#define OTR_REDUCED_DETECTORS_MAX 4

typedef struct otr_reduced_error {
    double odds;
    uint64_t observables;
    uint32_t detectors[OTR_REDUCED_DETECTORS_MAX]; /* ascending */
    uint32_t
        next[OTR_REDUCED_DETECTORS_MAX]; /* of each detector's errors, as they are linked; or UINT32_MAX */
    uint32_t detector_count;
    bool is_gone;
} otr_reduced_error;

typedef struct otr_reduced_detector {
    uint32_t first;  /* link of its first error, or UINT32_MAX */
    uint32_t degree; /* its errors */
    bool is_waiting; /* on the stack */
    bool is_kept;    /* an error of many detectors flips it */
} otr_reduced_detector;

/* Room to work in; one thread at a time. */
typedef struct otr_error_reduction {
    otr_reduced_detector *detectors; /* as between lists: without errors */
    uint8_t *events;                 /* packed, those that the errors of the list are to flip */
    otr_reduced_error *errors;
    uint32_t *stack; /* detectors to look at */
    uint32_t stack_count;
    uint32_t detector_count;
    size_t error_capacity, stack_capacity;
} otr_error_reduction;

/* OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_error_reduction_init(otr_error_reduction *reduction, uint32_t detector_count);
void otr_error_reduction_free(otr_error_reduction *reduction);
size_t otr_error_reduction_bytes(const otr_error_reduction *reduction);

/* Shortens the list for the shot of these detectors; what is to be decoded then is reduction->events.
 * Allocates for more errors than ever before. OTR_ERR_MEMORY: the list is untouched. */
otr_status otr_error_reduction_run(otr_error_reduction *reduction, otr_error_list *list,
                                   const uint8_t *detectors);

#endif
