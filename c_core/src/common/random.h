/* Counter-based random numbers.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a keyed
 * bijection of 128-bit counters, so distinct counters never repeat a stream and any of them is found in
 * constant time. */
#ifndef OTR_COMMON_RANDOM_H
#define OTR_COMMON_RANDOM_H

#include "common/logarithm.h"

#define OTR_PHILOX_ROUNDS 10
#define OTR_PHILOX_MULTIPLIER_0 0xD2511F53u
#define OTR_PHILOX_MULTIPLIER_1 0xCD9E8D57u
#define OTR_PHILOX_WEYL_0 0x9E3779B9u
#define OTR_PHILOX_WEYL_1 0xBB67AE85u

#define OTR_ONE_LESS_TINY 0.99999999999999988898 /* 1 - 2^-53 */

static inline void otr_philox(uint64_t key, uint64_t counter_high, uint64_t counter_low, uint64_t *low,
                              uint64_t *high) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    for (uint32_t round = 0; round < OTR_PHILOX_ROUNDS; round++) {
        const uint64_t product_0 = (uint64_t)OTR_PHILOX_MULTIPLIER_0 * c0;
        const uint64_t product_1 = (uint64_t)OTR_PHILOX_MULTIPLIER_1 * c2;
        c0 = (uint32_t)(product_1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product_1;
        c2 = (uint32_t)(product_0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product_0;
        k0 += OTR_PHILOX_WEYL_0;
        k1 += OTR_PHILOX_WEYL_1;
    }
    *low = (uint64_t)c1 << 32 | c0;
    *high = (uint64_t)c3 << 32 | c2;
}

/* An exponential waiting time from a uniform word: -ln((word / 2^12 rounded down + 1/2) / 2^52). */
static inline double otr_random_exponential(uint64_t word) {
    return otr_minus_ln(otr_double_of_bits(word >> 12 | OTR_BITS_ONE) - OTR_ONE_LESS_TINY);
}

/* -1/ln(1-p) for 0 < p <= 1/2: what geometric skips of success probability p are scaled by. */
static inline double otr_geometric_scale(double p) {
    /* 1 - p loses the low bits of a small p; p/(2-p) does not. */
    return 1.0 / (p < 0.25 ? otr_two_artanh(p / (2.0 - p)) : otr_minus_ln(1.0 - p));
}

#endif
