/* The errors of a model as a sum over them needs them: undecomposed, one for each symptom, none likelier than
 * 1/2. */
#ifndef OTR_ERROR_LIST_H
#define OTR_ERROR_LIST_H

#include "outrider/model.h"

/* An error likelier than 1/2 is taken as one that happened, and its list entry is that it did not. */
typedef struct otr_error_list {
    uint32_t detector_count;
    uint32_t observable_count;
    uint32_t count;
    double *odds;          /* p / (1 - p), above 0 and at most 1 */
    uint64_t *observables; /* masks */
    size_t *begin;         /* count + 1, into detectors */
    uint32_t *detectors;   /* ascending within an error */
    uint8_t *happened;     /* packed detectors that the errors taken as happened flip */
    uint64_t happened_observables;
    uint32_t happened_count; /* errors taken as happened */
    uint8_t *fixed;          /* packed detectors that no error of the list flips */
} otr_error_list;

/* Walks `model`: the `^` pieces of an error are one error, a target given twice cancels, errors of equal
 * symptoms are one of probability p1 (1 - p2) + p2 (1 - p1), those of probability 0 are left out. By symptoms
 * in order: detectors, then observables. OTR_ERR_LIMIT: over OTR_TRELLIS_ERRORS_MAX errors, 64 observables or
 * 2^31 detectors. OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_error_list_init(otr_error_list *list, const otr_model *model, otr_error *error);
void otr_error_list_free(otr_error_list *list);
/* The error of these symptoms, as otr_list_symptoms lists them; UINT32_MAX if there is none. */
uint32_t otr_error_list_find(const otr_error_list *list, const uint32_t *symptoms, size_t count);
/* Makes every detector one that no error flips. */
void otr_error_list_fix(otr_error_list *list);
size_t otr_error_list_bytes(const otr_error_list *list);

#endif
