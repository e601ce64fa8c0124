/* The exponential function by IEEE additions and multiplications in a fixed order, no library function, so
 * that every machine gives the same bits.
 *
 * With n = x / ln 2 rounded and r = x - n ln 2, |r| <= 0.35: e^x = 2^n e^r, whose Taylor series is cut after
 * the power 13: below 1e-17 is left. ln 2 is split into a part that n multiplies exactly and a rest. */
#ifndef OTR_COMMON_EXPONENTIAL_H
#define OTR_COMMON_EXPONENTIAL_H

#include "common/logarithm.h"

/* Beyond these the result is near the end of the doubles; arguments are clamped to them, and what is not a
 * number to the upper one. */
#define OTR_EXPONENT_MAX 700.0

#define OTR_INVERSE_LN_2 1.4426950408889634074
/* Adding and subtracting 1.5 * 2^52 rounds to a whole number. */
#define OTR_ROUNDER 6755399441055744.0
#define OTR_EXPONENTIAL_TERMS 13

static inline double otr_exponential(double x) {
    const double at_most = x < OTR_EXPONENT_MAX ? x : OTR_EXPONENT_MAX;
    const double bounded = at_most > -OTR_EXPONENT_MAX ? at_most : -OTR_EXPONENT_MAX;
    const double n = (bounded * OTR_INVERSE_LN_2 + OTR_ROUNDER) - OTR_ROUNDER;
    const double r = (bounded - n * OTR_LN_2_HIGH) - n * OTR_LN_2_LOW;
    double sum = 1.0;
    for (int term = OTR_EXPONENTIAL_TERMS; term > 0; term--) {
        sum = 1.0 + sum * r / term;
    }
    return sum * otr_double_of_bits((uint64_t)((int64_t)n + 1023) << 52);
}

#endif
