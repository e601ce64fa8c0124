/* Kernels for AVX2 with BMI. Compiled with that instruction set's flags only; see select.c for when it may
 * run. */
#include "common/bits.h"
#include "common/random.h"
#include "kernels/count_parities.h"
#include "kernels/dense_kernels.h"
#include "kernels/event_layers.h"
#include "kernels/filter_states.h"
#include "kernels/flip_sums.h"
#include "kernels/kernels_tables.h"
#include "kernels/scan_arcs.h"
#include "kernels/training_blocks.h"

#if !defined(__AVX2__) || !defined(__BMI__) || !defined(__BMI2__) || !defined(__POPCNT__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

static __m256i load(const void *from) {
    return _mm256_loadu_si256((const __m256i *)from);
}

static void store(void *to, __m256i value) {
    _mm256_storeu_si256((__m256i *)to, value);
}

static uint32_t *list_word(uint64_t word, uint32_t base, uint32_t *indices);

/* Every word writes at least INDICES_AT_ONCE entries, counted or not: few words hold more, so the branch that
 * looks for it is well predicted (Langdale, Lemire, "Parsing gigabytes of JSON per second", VLDB J. 2019). */
#define INDICES_AT_ONCE 4

static size_t bit_indices(const uint8_t *bits, size_t bit_count, uint32_t *indices) {
    uint32_t *next = indices;
    const size_t whole = bit_count / 64;
    const uint32_t left = (uint32_t)(bit_count % 64);
    for (size_t i = 0; i < whole; i++) {
        next = list_word(otr_load_le64(bits + 8 * i), (uint32_t)(64 * i), next);
    }
    if (left != 0) {
        const uint64_t tail = _bzhi_u64(otr_load_tail(bits + 8 * whole, otr_bytes_for_bits(left)), left);
        next = list_word(tail, (uint32_t)(64 * whole), next);
    }
    return (size_t)(next - indices);
}

static uint32_t *list_word(uint64_t word, uint32_t base, uint32_t *indices) {
    const size_t count = (size_t)_mm_popcnt_u64(word);
    for (size_t i = 0; i < INDICES_AT_ONCE; i++) {
        indices[i] = base + (uint32_t)_tzcnt_u64(word);
        word = _blsr_u64(word);
    }
    if (count > INDICES_AT_ONCE) {
        for (size_t i = INDICES_AT_ONCE; i < count; i++) {
            indices[i] = base + (uint32_t)_tzcnt_u64(word);
            word = _blsr_u64(word);
        }
    }
    return indices + count;
}

/* Swaps the bits of `mask` in b with those `width` places higher in a. */
#define SWAP_BITS(a, b, width, mask)                                                                         \
    do {                                                                                                     \
        const __m256i swap_ = _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(a, width), b), mask);      \
        a = _mm256_xor_si256(a, _mm256_slli_epi64(swap_, width));                                            \
        b = _mm256_xor_si256(b, swap_);                                                                      \
    } while (0)

/* The stages 4, 2 and 1 of a group of eight vectors; in each vector rows stand 16 apart. */
static inline void transpose_near(__m256i *v) {
    const __m256i mask_4 = _mm256_set1_epi8(0x0F);
    const __m256i mask_2 = _mm256_set1_epi8(0x33);
    const __m256i mask_1 = _mm256_set1_epi8(0x55);
    for (int i = 0; i < 4; i++) {
        SWAP_BITS(v[i], v[i + 4], 4, mask_4);
    }
    for (int i = 0; i < 8; i += 4) {
        SWAP_BITS(v[i], v[i + 2], 2, mask_2);
        SWAP_BITS(v[i + 1], v[i + 3], 2, mask_2);
    }
    for (int i = 0; i < 8; i += 2) {
        SWAP_BITS(v[i], v[i + 1], 1, mask_1);
    }
}

/* A 4 x 4 transpose of 16-bit elements: lane a, part b of the result is lane b, part a. */
static inline __m256i transpose_far(__m256i v) {
    /* Within each 128-bit half, bring parts 0 of both words together, then 1, 2, 3: pairs of 32 bits. */
    const __m256i pair = _mm256_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15, 0, 1, 8, 9, 2,
                                          3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    const __m256i gather = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(v, pair), gather);
}

/* A 4 x 4 transpose of 64-bit elements. */
static inline void transpose_rows(__m256i *v) {
    const __m256i a = _mm256_unpacklo_epi64(v[0], v[1]);
    const __m256i b = _mm256_unpackhi_epi64(v[0], v[1]);
    const __m256i c = _mm256_unpacklo_epi64(v[2], v[3]);
    const __m256i d = _mm256_unpackhi_epi64(v[2], v[3]);
    v[0] = _mm256_permute2x128_si256(a, c, 0x20);
    v[1] = _mm256_permute2x128_si256(b, d, 0x20);
    v[2] = _mm256_permute2x128_si256(a, c, 0x31);
    v[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

/* Vector i holds rows i, i+16, i+32, i+48, so that the stages 32 and 16 stay inside a vector and the others
 * pair two vectors lane by lane. */
static void transpose_64x64(uint64_t *rows) {
    const __m256i mask_8 = _mm256_set1_epi16(0x00FF);
    __m256i v[16];
    for (int i = 0; i < 16; i += 4) {
        for (int k = 0; k < 4; k++) {
            v[i + k] = load(rows + i + 16 * k);
        }
        transpose_rows(v + i);
        for (int k = 0; k < 4; k++) {
            v[i + k] = transpose_far(v[i + k]);
        }
    }
    for (int i = 0; i < 8; i++) {
        SWAP_BITS(v[i], v[i + 8], 8, mask_8);
    }
    transpose_near(v);
    transpose_near(v + 8);
    for (int i = 0; i < 16; i += 4) {
        transpose_rows(v + i);
        for (int k = 0; k < 4; k++) {
            store(rows + i + 16 * k, v[i + k]);
        }
    }
}

static void xor_words(uint64_t *target, const uint64_t *source, size_t word_count) {
    size_t i = 0;
    for (; word_count - i >= 4; i += 4) {
        store(target + i, _mm256_xor_si256(load(target + i), load(source + i)));
    }
    otr_portable_xor_words(target + i, source + i, word_count - i);
}

/* Counts by a table of nibbles, summed bytewise (Mula, Kurz, Lemire, "Faster population counts", 2018). */
static uint64_t count_bits(const uint64_t *words, size_t word_count) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2,
                                           2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    __m256i sum = _mm256_setzero_si256();
    uint64_t parts[4];
    uint64_t count = 0;
    size_t i = 0;
    for (; word_count - i >= 4; i += 4) {
        const __m256i v = load(words + i);
        const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble));
        const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256()));
    }
    store(parts, sum);
    for (; i < word_count; i++) {
        count += (uint64_t)_mm_popcnt_u64(words[i]);
    }
    return count + parts[0] + parts[1] + parts[2] + parts[3];
}

static size_t digits_to_bits(const uint8_t *digits, size_t count, uint8_t *bits) {
    size_t done = 0;
    for (; count - done >= 32; done += 32) {
        const __m256i v = load(digits + done);
        const __m256i high = _mm256_and_si256(v, _mm256_set1_epi8((char)0xFE));
        const int valid = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, _mm256_set1_epi8('0')));
        const uint32_t packed = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(v, 7));
        if (valid != -1) {
            break;
        }
        memcpy(bits + done / 8, &packed, sizeof packed);
    }
    return done + otr_portable_digits_to_bits(digits + done, count - done, bits + done / 8);
}

static void bits_to_digits(const uint8_t *bits, size_t bit_count, uint8_t *digits) {
    const __m256i spread =
        _mm256_setr_epi64x(0x0000000000000000, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i select = _mm256_set1_epi64x((long long)0x8040201008040201u);
    size_t done = 0;
    for (; bit_count - done >= 32; done += 32) {
        uint32_t packed;
        memcpy(&packed, bits + done / 8, sizeof packed);
        const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)packed), spread);
        const __m256i ones = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, select), select);
        store(digits + done, _mm256_sub_epi8(_mm256_set1_epi8('0'), ones));
    }
    otr_portable_bits_to_digits(bits + done / 8, bit_count - done, digits + done);
}

/* Four counters per vector, one 32-bit word of each in the low half of a lane: that is what vpmuludq
 * multiplies. */
static void random_words(uint64_t key, uint64_t counter_high, uint64_t counter_low, uint64_t *words) {
    const __m256i multiplier_0 = _mm256_set1_epi64x(OTR_PHILOX_MULTIPLIER_0);
    const __m256i multiplier_1 = _mm256_set1_epi64x(OTR_PHILOX_MULTIPLIER_1);
    const __m256i low_half = _mm256_set1_epi64x(0xFFFFFFFF);
    for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane += 4) {
        uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
        __m256i c0 = _mm256_add_epi64(_mm256_set1_epi64x((long long)(counter_low + lane)),
                                      _mm256_setr_epi64x(0, 1, 2, 3));
        __m256i c1 = _mm256_set1_epi64x((long long)(counter_low >> 32));
        __m256i c2 = _mm256_set1_epi64x((long long)counter_high);
        __m256i c3 = _mm256_set1_epi64x((long long)(counter_high >> 32));
        for (uint32_t round = 0; round < OTR_PHILOX_ROUNDS; round++) {
            const __m256i product_0 = _mm256_mul_epu32(c0, multiplier_0);
            const __m256i product_1 = _mm256_mul_epu32(c2, multiplier_1);
            c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product_1, 32), c1),
                                  _mm256_set1_epi64x(k0));
            c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product_0, 32), c3),
                                  _mm256_set1_epi64x(k1));
            c1 = product_1;
            c3 = product_0;
            k0 += OTR_PHILOX_WEYL_0;
            k1 += OTR_PHILOX_WEYL_1;
        }
        store(words + lane, _mm256_or_si256(_mm256_and_si256(c0, low_half), _mm256_slli_epi64(c1, 32)));
        store(words + OTR_RANDOM_LANES + lane,
              _mm256_or_si256(_mm256_and_si256(c2, low_half), _mm256_slli_epi64(c3, 32)));
    }
}

/* otr_random_exponential of common/random.h on four lanes, operation by operation. */
static inline __m256d random_exponential(__m256i word) {
    const __m256i uniform_bits =
        _mm256_or_si256(_mm256_srli_epi64(word, 12), _mm256_set1_epi64x(OTR_BITS_ONE));
    const __m256i bits = _mm256_castpd_si256(
        _mm256_sub_pd(_mm256_castsi256_pd(uniform_bits), _mm256_set1_pd(OTR_ONE_LESS_TINY)));
    const __m256i shifted =
        _mm256_add_epi64(bits, _mm256_set1_epi64x((long long)(OTR_EXPONENT_1024 - OTR_BITS_SQRT_HALF)));
    const __m256i exponent =
        _mm256_or_si256(_mm256_srli_epi64(shifted, 52), _mm256_set1_epi64x(OTR_BITS_TWO_52));
    const __m256d n = _mm256_sub_pd(_mm256_set1_pd(OTR_TWO_52_PLUS_1024), _mm256_castsi256_pd(exponent));
    const __m256i m_bits = _mm256_add_epi64(
        _mm256_sub_epi64(bits, _mm256_and_si256(shifted, _mm256_set1_epi64x((long long)OTR_EXPONENT_MASK))),
        _mm256_set1_epi64x(OTR_EXPONENT_1024));
    const __m256d f = _mm256_sub_pd(_mm256_castsi256_pd(m_bits), _mm256_set1_pd(1.0));
    const __m256d s = _mm256_div_pd(f, _mm256_add_pd(f, _mm256_set1_pd(2.0)));
    const __m256d z = _mm256_mul_pd(s, s);
    __m256d sum = _mm256_set1_pd(OTR_ARTANH[OTR_ARTANH_TERMS - 1]);
    for (int term = OTR_ARTANH_TERMS - 2; term >= 0; term--) {
        sum = _mm256_add_pd(_mm256_mul_pd(sum, z), _mm256_set1_pd(OTR_ARTANH[term]));
    }
    sum = _mm256_add_pd(_mm256_mul_pd(sum, z), _mm256_set1_pd(1.0));
    return _mm256_sub_pd(_mm256_mul_pd(n, _mm256_set1_pd(OTR_LN_2)), _mm256_mul_pd(_mm256_add_pd(s, s), sum));
}

static void geometric_skips(const uint64_t *words, double scale, uint64_t *skips) {
    const __m256d two_52 = _mm256_castsi256_pd(_mm256_set1_epi64x(OTR_BITS_TWO_52));
    for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane += 4) {
        const __m256d wait = _mm256_mul_pd(random_exponential(load(words + lane)), _mm256_set1_pd(scale));
        /* A whole number below 2^52, added to 2^52, stands in the low bits. */
        const __m256d shifted = _mm256_add_pd(_mm256_floor_pd(wait), two_52);
        store(skips + lane, _mm256_castpd_si256(_mm256_xor_pd(shifted, two_52)));
    }
}

static void logarithms(double *numbers, size_t count) {
    otr_logarithms(numbers, count);
}

const otr_kernels otr_kernels_avx2 = {
    .isa = OTR_ISA_AVX2,
    .bit_indices = bit_indices,
    .transpose_64x64 = transpose_64x64,
    .xor_words = xor_words,
    .count_bits = count_bits,
    .digits_to_bits = digits_to_bits,
    .bits_to_digits = bits_to_digits,
    .random_words = random_words,
    .geometric_skips = geometric_skips,
    .logarithms = logarithms,
    .scan_arcs = otr_avx2_scan_arcs,
    .filter_states = otr_avx2_filter_states,
    .flip_sums = otr_avx2_flip_sums,
    .count_parities = otr_avx2_count_parities,
    .dense_sums = otr_avx2_dense_sums,
    .dense_activate = otr_avx2_dense_activate,
    .event_layers = otr_event_layers_avx2,
    .training_blocks = &otr_training_blocks_avx2,
};
