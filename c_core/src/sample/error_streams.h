/* How samplers deal errors into streams by probability: four streams for each power of two, one for all that
 * is rarer than 2^-32. Candidates are found by geometric skips at the probability of a stream's likeliest
 * error; one of a rarer error is then kept with the ratio. */
#ifndef OTR_ERROR_STREAMS_H
#define OTR_ERROR_STREAMS_H

#include "common/random.h"

#define OTR_ERROR_STREAMS 128
#define OTR_ERROR_STREAM_RARE (OTR_ERROR_STREAMS - 1)
#define OTR_ERROR_RARE_PROBABILITY 2.3283064365386962890625e-10 /* 2^-32 */
#define OTR_TWO_64 18446744073709551616.0

/* Of an error, or of its not firing if that is less likely. */
static inline double otr_rarer_probability(double probability) {
    return probability > 0.5 ? 1.0 - probability : probability;
}

/* Probabilities of one stream share exponent and two bits of the mantissa. 0 < probability <= 1/2. */
static inline uint32_t otr_error_stream_of(double probability) {
    const uint64_t steps = (otr_bits_of_double(0.5) >> 50) - (otr_bits_of_double(probability) >> 50);
    return steps < OTR_ERROR_STREAM_RARE ? (uint32_t)steps : OTR_ERROR_STREAM_RARE;
}

/* What candidates of a stream are found with. */
static inline double otr_error_stream_probability(uint32_t stream, double likeliest) {
    return stream == OTR_ERROR_STREAM_RARE ? OTR_ERROR_RARE_PROBABILITY : likeliest;
}

/* A candidate is kept if a uniform word is not above this. */
static inline uint64_t otr_error_limit(double probability, double stream_probability) {
    const double kept = probability / stream_probability;
    return kept < 1 ? (uint64_t)(kept * OTR_TWO_64) : UINT64_MAX;
}

#endif
