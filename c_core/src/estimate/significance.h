/* Constants of tails, and corrections for many tests. */
#ifndef OTR_SIGNIFICANCE_H
#define OTR_SIGNIFICANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/logarithm.h"

#define OTR_LN_10 2.3025850929940456840

/* Holm's step-down test of a family, in order of its p-values: is the next one significant? */
typedef struct otr_holm {
    double level;
    uint64_t left; /* tests that are not rejected yet; at first all of the family */
} otr_holm;

static inline bool otr_holm_next(otr_holm *holm, double log10_p) {
    if (holm->left == 0 || !(log10_p * OTR_LN_10 <= otr_ln(holm->level / (double)holm->left))) {
        holm->left = 0;
        return false;
    }
    holm->left--;
    return true;
}

#endif
