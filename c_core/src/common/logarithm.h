/* Logarithms by IEEE additions, multiplications and one division in a fixed order, no library function, so
 * that every machine, compiler and instruction set gives the same bits; the build turns contraction to fused
 * operations off.
 *
 * With x = 2^n m, 1/sqrt(2) <= m < sqrt(2), and s = (m-1)/(m+1): ln x = n ln 2 + 2 artanh(s), |s| <= 0.1716.
 */
#ifndef OTR_COMMON_LOGARITHM_H
#define OTR_COMMON_LOGARITHM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bits of the doubles 1, sqrt(1/2), and 2^52. */
#define OTR_BITS_ONE 0x3FF0000000000000u
#define OTR_BITS_SQRT_HALF 0x3FE6A09E667F3BCDu
#define OTR_BITS_TWO_52 0x4330000000000000u
/* The place of the exponent, and an offset of 1024 in it that keeps it positive. */
#define OTR_EXPONENT_MASK 0xFFF0000000000000u
#define OTR_EXPONENT_1024 0x4000000000000000u
#define OTR_TWO_52_PLUS_1024 4503599627371520.0
/* ln 2, and split into a part that an exponent multiplies exactly and a rest. */
#define OTR_LN_2 0.69314718055994530942
#define OTR_LN_2_HIGH 0.69314718036912381649
#define OTR_LN_2_LOW 1.9082149292705877e-10

/* 2 artanh(s) = 2 s (1 + z (c[0] + z (c[1] + ...))), z = s^2. Eight terms leave less than 4e-16, and eleven
 * less than 1e-18. */
#define OTR_ARTANH_TERMS 8
#define OTR_ARTANH_TERMS_FULL 11
static const double OTR_ARTANH[OTR_ARTANH_TERMS_FULL] = {
    1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23};

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

/* m and n of a normal x > 0. */
static inline double otr_mantissa_exponent(double x, double *exponent) {
    const uint64_t bits = otr_bits_of_double(x);
    const uint64_t shifted = bits - OTR_BITS_SQRT_HALF + OTR_EXPONENT_1024;
    *exponent = otr_double_of_bits(shifted >> 52 | OTR_BITS_TWO_52) - OTR_TWO_52_PLUS_1024;
    return otr_double_of_bits(bits - (shifted & OTR_EXPONENT_MASK) + OTR_EXPONENT_1024);
}

/* The first terms of c[0] + z (c[1] + ...). */
static inline double otr_artanh_sum(double z, int terms) {
    double sum = OTR_ARTANH[terms - 1];
    for (int term = terms - 2; term >= 0; term--) {
        sum = sum * z + OTR_ARTANH[term];
    }
    return sum;
}

static inline double otr_two_artanh(double s) {
    const double z = s * s;
    return (s + s) * (otr_artanh_sum(z, OTR_ARTANH_TERMS) * z + 1.0);
}

/* ln x for a normal x > 0, to less than one unit in the last place: what f = m - 1 lacks of 2 artanh(s) is
 * small, and is added to f last. */
static inline double otr_ln(double x) {
    double n;
    const double f = otr_mantissa_exponent(x, &n) - 1.0;
    const double s = f / (f + 2.0);
    const double z = s * s;
    const double half_square = 0.5 * f * f;
    const double rest = s * (half_square + 2.0 * z * otr_artanh_sum(z, OTR_ARTANH_TERMS_FULL));
    return n * OTR_LN_2_HIGH - ((half_square - (rest + n * OTR_LN_2_LOW)) - f);
}

/* Each number becomes its logarithm. Compilers do several at once, with whatever instruction set they may
 * use. */
static inline void otr_logarithms(double *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        numbers[i] = otr_ln(numbers[i]);
    }
}

/* -ln u for 0 < u <= 1, u normal, to a few units in the last place. Waiting times, and with them all samples,
 * are defined by its bits; kernels of other instruction sets repeat it lane by lane. */
static inline double otr_minus_ln(double u) {
    double n;
    const double f = otr_mantissa_exponent(u, &n) - 1.0;
    return (0.0 - n) * OTR_LN_2 - otr_two_artanh(f / (f + 2.0));
}

#endif
