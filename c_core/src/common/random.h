/* Counter-based random numbers, and the logarithm that turns them into waiting times.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a keyed
 * bijection of 128-bit counters, so distinct counters never repeat a stream and any of them is found in
 * constant time.
 *
 * The logarithm uses IEEE additions, multiplications and one division in a fixed order, no library function,
 * so that every machine, compiler and instruction set gives the same bits; the build turns contraction to
 * fused operations off. With x = 2^-n m, 1/sqrt(2) <= m < sqrt(2): -ln x = n ln 2 - 2 artanh((m-1)/(m+1)),
 * whose series is cut after the power 17: |s| <= 0.1716 leaves less than 4e-16. Kernels of other instruction
 * sets repeat these steps lane by lane. */
#ifndef OTR_COMMON_RANDOM_H
#define OTR_COMMON_RANDOM_H

#include <stdint.h>
#include <string.h>

#define OTR_PHILOX_ROUNDS 10
#define OTR_PHILOX_MULTIPLIER_0 0xD2511F53u
#define OTR_PHILOX_MULTIPLIER_1 0xCD9E8D57u
#define OTR_PHILOX_WEYL_0 0x9E3779B9u
#define OTR_PHILOX_WEYL_1 0xBB67AE85u

/* Bits of the doubles 1, sqrt(1/2), and 2^52. */
#define OTR_BITS_ONE 0x3FF0000000000000u
#define OTR_BITS_SQRT_HALF 0x3FE6A09E667F3BCDu
#define OTR_BITS_TWO_52 0x4330000000000000u
/* The place of the exponent, and an offset of 64 in it that keeps it positive. */
#define OTR_EXPONENT_MASK 0xFFF0000000000000u
#define OTR_EXPONENT_64 0x0400000000000000u
#define OTR_TWO_52_PLUS_64 4503599627370560.0
#define OTR_ONE_LESS_TINY 0.99999999999999988898 /* 1 - 2^-53 */
#define OTR_LN_2 0.69314718055994530942

/* 2 artanh(s) = 2 s (1 + z (c[0] + z (c[1] + ...))), z = s^2. */
#define OTR_ARTANH_TERMS 8
static const double OTR_ARTANH[OTR_ARTANH_TERMS] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,
                                                    1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17};

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

static inline double otr_double_of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t otr_bits_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double otr_two_artanh(double s) {
    const double z = s * s;
    double sum = OTR_ARTANH[OTR_ARTANH_TERMS - 1];
    for (int term = OTR_ARTANH_TERMS - 2; term >= 0; term--) {
        sum = sum * z + OTR_ARTANH[term];
    }
    return (s + s) * (sum * z + 1.0);
}

/* -ln u for 0 < u <= 1, u normal. */
static inline double otr_minus_ln(double u) {
    const uint64_t bits = otr_bits_of_double(u);
    const uint64_t shifted = bits - OTR_BITS_SQRT_HALF + OTR_EXPONENT_64;
    const double n = OTR_TWO_52_PLUS_64 - otr_double_of_bits(shifted >> 52 | OTR_BITS_TWO_52);
    const double m = otr_double_of_bits(bits - (shifted & OTR_EXPONENT_MASK) + OTR_EXPONENT_64);
    const double f = m - 1.0;
    return n * OTR_LN_2 - otr_two_artanh(f / (f + 2.0));
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
