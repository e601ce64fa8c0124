#include "outrider/significance.h"

#include <math.h>

#include "common/exponential.h"
#include "estimate/significance.h"

/* ln(2 / sqrt(2 pi)) and its exponential. */
#define LN_TWO_DENSITIES (-0.22579135264472743)
#define TWO_DENSITIES 0.79788456080286536
#define HALF_LN_TWO_PI 0.91893853320467274
/* Up to here a series is used, and beyond it a continued fraction; both have more terms than they need. */
#define NORMAL_SERIES_MAX 2.5
#define NORMAL_SERIES_TERMS 40
#define NORMAL_FRACTION_TERMS 80
/* From here on Stirling's series is exact to the last places. */
#define STIRLING_MIN 10.0
/* Relative size of what sums and fractions leave out, and steps that are enough for a million degrees of
 * freedom. */
#define LEFT_OUT 1e-16
#define STEPS_MAX 200000

/* Of probabilities. */
#define TINY 1e-300

static double ln_gamma(double a);

double otr_normal_log10_p(double z) {
    const double size = z < 0 ? -z : z, square = size * size;
    if (size <= NORMAL_SERIES_MAX) {
        double term = size, sum = size;
        for (int k = 1; k < NORMAL_SERIES_TERMS; k++) {
            term *= square / (2 * k + 1);
            sum += term;
        }
        return otr_ln(1 - TWO_DENSITIES * otr_exponential(-0.5 * square) * sum) / OTR_LN_10;
    }
    if (isinf(size)) {
        return -HUGE_VAL;
    }
    /* 1 / Mills' ratio. */
    double fraction = size;
    for (int k = NORMAL_FRACTION_TERMS; k > 0; k--) {
        fraction = size + k / fraction;
    }
    return (LN_TWO_DENSITIES - 0.5 * square - otr_ln(fraction)) / OTR_LN_10;
}

/* The incomplete gamma function of a = freedom / 2 and y = x / 2. */
double otr_chi_square_log10_p(double x, double freedom) {
    const double a = freedom / 2, y = x / 2;
    if (!(y > 0)) {
        return 0;
    }
    if (isinf(y)) {
        return -HUGE_VAL;
    }
    const double front = a * otr_ln(y) - y - ln_gamma(a);
    if (y < a + 1) {
        double term = 1 / a, sum = term;
        for (int k = 1; k < STEPS_MAX && term > LEFT_OUT * sum; k++) {
            term *= y / (a + k);
            sum += term;
        }
        const double rest = 1 - otr_exponential(front) * sum;
        return otr_ln(rest > TINY ? rest : TINY) / OTR_LN_10;
    }
    /* Lentz' form of the continued fraction. */
    double b = y + 1 - a, c = 1 / TINY, d = 1 / b, fraction = d;
    for (int k = 1; k < STEPS_MAX; k++) {
        const double numerator = -k * (k - a);
        b += 2;
        d = numerator * d + b;
        c = b + numerator / c;
        d = 1 / (d > TINY || d < -TINY ? d : TINY);
        c = c > TINY || c < -TINY ? c : TINY;
        fraction *= d * c;
        if (d * c - 1 < LEFT_OUT && 1 - d * c < LEFT_OUT) {
            break;
        }
    }
    return (front + otr_ln(fraction)) / OTR_LN_10;
}

static double ln_gamma(double a) {
    double product = 1;
    while (a < STIRLING_MIN) {
        product *= a;
        a += 1;
    }
    const double inverse = 1 / a, square = inverse * inverse;
    const double series =
        inverse *
        (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188))));
    return (a - 0.5) * otr_ln(a) - a + HALF_LN_TWO_PI + series - otr_ln(product);
}
