/* How unlikely a deviation is, far out in the tails: logarithms of p-values, where the values themselves
 * would be too small or too close to 1. Sums of doubles in one order, without library functions: the same
 * bits on every machine. */
#ifndef OUTRIDER_SIGNIFICANCE_H
#define OUTRIDER_SIGNIFICANCE_H

#include "outrider/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* log10 of the probability that a standard normal variable is beyond `z` in magnitude, to better than 1e-12
 * of its own size or 1e-14. Minus infinity for an infinite z; NaN for NaN. */
OTR_API double otr_normal_log10_p(double z);

/* log10 of the probability that a chi-square variable of `freedom` > 0 degrees of freedom, which need not be
 * whole, is above `x`; 0 for an x that is not above 0. To better than 1e-9 of its own size or 1e-12, up to a
 * million degrees of freedom. */
OTR_API double otr_chi_square_log10_p(double x, double freedom);

#ifdef __cplusplus
}
#endif
#endif
