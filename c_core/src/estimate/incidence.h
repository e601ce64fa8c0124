/* Which errors flip an odd number of a set's detectors. */
#ifndef OTR_INCIDENCE_H
#define OTR_INCIDENCE_H

#include "model/error_list.h"

typedef struct otr_incidence {
    size_t *begin; /* detector -> its errors, ascending */
    uint32_t *errors;
    uint32_t *row;      /* errors of the last set */
    uint8_t *is_odd;    /* scratch: error -> flips an odd number so far */
    uint8_t *is_listed; /* scratch: error -> stands in the row */
} otr_incidence;

/* Of items numbered from 0, the detectors of number i being detectors[begin[i]] .. detectors[begin[i + 1] -
 * 1]. OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_incidence_init(otr_incidence *incidence, uint32_t detector_count, const size_t *begin,
                              const uint32_t *detectors, uint32_t count);
void otr_incidence_free(otr_incidence *incidence);
/* Fills `row` with the items that flip an odd number of the set; returns how many. Their order depends on the
 * set only. */
size_t otr_incidence_of(otr_incidence *incidence, const uint32_t *set, size_t size);

#endif
