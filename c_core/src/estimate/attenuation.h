/* Attenuations -ln(1 - 2 p) of errors and their probabilities p, without loss where p is small. */
#ifndef OTR_ATTENUATION_H
#define OTR_ATTENUATION_H

#include "common/exponential.h"

/* Below this a series is exact to the last place. */
#define OTR_SERIES_MAX 0.17

/* Of odds p / (1 - p) below 1: -ln(1 - 2 p) = 2 artanh(odds). */
static inline double otr_attenuation_of_odds(double odds) {
    return odds < OTR_SERIES_MAX ? otr_two_artanh(odds) : otr_ln((1 + odds) / (1 - odds));
}

/* e^x - 1. */
static inline double otr_exponential_less_one(double x) {
    double sum = 1.0;
    if (x > 2 * OTR_SERIES_MAX || x < -2 * OTR_SERIES_MAX) {
        return otr_exponential(x) - 1.0;
    }
    for (int term = OTR_EXPONENTIAL_TERMS; term > 1; term--) {
        sum = 1.0 + sum * x / term;
    }
    return x * sum;
}

static inline double otr_probability_of_attenuation(double attenuation) {
    return -0.5 * otr_exponential_less_one(-attenuation);
}

#endif
