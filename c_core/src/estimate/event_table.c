#include "estimate/event_table.h"

#include <math.h>

#include "estimate/attenuation.h"

#define OUTCOMES 4
/* Of Newton's method, which starts where Poisson's distribution has its saddlepoint. */
#define STEPS_MAX 100
#define STEP_MIN 1e-11
/* Nearer to the middle the correction of the root is the quotient of two small numbers. */
#define CENTRE 0.1

/* The outcomes of a shot: both, the first, the second, neither. */
typedef struct outcomes {
    double shares[OUTCOMES], values[OUTCOMES];
} outcomes;

static double centre(outcomes *shot);
static double normal_of(const outcomes *shot, double variance, double shots, double excess);
static bool lay_out(outcomes *shot, double first, double second, double attenuation);

bool otr_table_possible(double first, double second, double attenuation) {
    outcomes shot;
    return lay_out(&shot, first, second, attenuation);
}

otr_table_test otr_table_compare(const otr_event_table *table, double first, double second,
                                 double attenuation) {
    outcomes shot;
    lay_out(&shot, first, second, attenuation);
    const double excess = (table->both - table->shots * shot.shares[0]) +
                          shot.values[1] * (table->first - table->shots * first) +
                          shot.values[2] * (table->second - table->shots * second);
    const double variance = centre(&shot);
    return (otr_table_test){normal_of(&shot, variance, table->shots, excess), variance};
}

double otr_table_deviation(double first, double second, double attenuation) {
    outcomes shot;
    lay_out(&shot, first, second, attenuation);
    /* d p11 / d a = Z12 / 2. */
    return sqrt(centre(&shot)) /
           (0.5 * ((1 - 2 * first) * (1 - 2 * second) * otr_exponential(2 * attenuation)));
}

double otr_rate_compare(double shots, double count, double rate) {
    outcomes shot = {{rate, 1 - rate, 0, 0}, {1, 0, 0, 0}};
    const double variance = centre(&shot);
    return normal_of(&shot, variance, shots, count - shots * rate);
}

/* Makes the mean of the values 0; returns the variance. */
static double centre(outcomes *shot) {
    double mean = 0, variance = 0;
    for (int i = 0; i < OUTCOMES; i++) {
        mean += shot->shares[i] * shot->values[i];
    }
    for (int i = 0; i < OUTCOMES; i++) {
        shot->values[i] -= mean;
        variance += shot->shares[i] * shot->values[i] * shot->values[i];
    }
    return variance;
}

/* Cumulants of one shot, tilted by e^(t value). */
static void tilt(const outcomes *shot, double t, double *sum, double *mean, double *variance) {
    double first = 0, second = 0;
    *sum = 0;
    for (int i = 0; i < OUTCOMES; i++) {
        const double share = shot->shares[i] * otr_exponential(t * shot->values[i]);
        *sum += share;
        first += share * shot->values[i];
        second += share * shot->values[i] * shot->values[i];
    }
    *mean = first / *sum;
    *variance = second / *sum - *mean * *mean;
}

/* Of a sum of centred values over the shots that is `excess`. Half a shot is taken off, since it moves in
 * steps of one. */
static double normal_of(const outcomes *shot, double variance, double shots, double excess) {
    const double size = (excess < 0 ? -excess : excess) - 0.5;
    if (!(size > 0 && variance > 0)) {
        return 0;
    }
    const double target = (excess < 0 ? -size : size) / shots;
    const double relative = 1 + target / variance;
    double t = otr_ln(relative > 0.1 ? relative : 0.1), sum, mean, tilted;
    tilt(shot, t, &sum, &mean, &tilted);
    for (int i = 0; i < STEPS_MAX; i++) {
        const double wanted = (target - mean) / tilted;
        const double step = wanted > 1 ? 1 : wanted > -1 ? wanted : -1;
        t += step;
        tilt(shot, t, &sum, &mean, &tilted);
        if (step < STEP_MIN && step > -STEP_MIN) {
            break;
        }
    }
    const double square = 2 * shots * (t * target - otr_ln(sum));
    const double root = square > 0 ? (target < 0 ? -sqrt(square) : sqrt(square)) : 0;
    if (root < CENTRE && root > -CENTRE) {
        return target * sqrt(shots / variance);
    }
    const double sine = otr_exponential(t / 2) - otr_exponential(-t / 2);
    const double ratio = sine * sqrt(shots * tilted) / root;
    return ratio > 0 ? root + otr_ln(ratio) / root : root;
}

/* Shares of the outcomes, and the values of the test; false if one would be negative. */
static bool lay_out(outcomes *shot, double first, double second, double attenuation) {
    const double more = otr_exponential_less_one(2 * attenuation), together = 1 + more;
    const double z1 = 1 - 2 * first, z2 = 1 - 2 * second;
    /* (1 - z1 - z2 + z1 z2 together) / 4, without loss where the rates are small. */
    const double both = first * second + z1 * z2 * more / 4;
    const double f1 = (1 - z2 * together) / 2, f2 = (1 - z1 * together) / 2;
    *shot = (outcomes){{both, first - both, second - both, 1 - first - second + both},
                       {1 - f1 - f2, -f1, -f2, 0}};
    return both > 0 && first > both && second > both && 1 - first - second + both > 0;
}
