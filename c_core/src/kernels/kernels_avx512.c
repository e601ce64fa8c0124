/* Kernels for AVX-512 F, BW, VL, DQ, and the tables of the instruction sets that add to them. Compiled with
 * those flags only; see select.c for when it may run. */
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

#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) || !defined(__AVX512DQ__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

/* Words whose non-zero ones are gathered at a time. */
#define WORDS_AT_ONCE 64
/* Every non-zero word writes at least this many entries, counted or not: few words hold more, so the branch
 * that looks for more is well predicted (Langdale, Lemire, "Parsing gigabytes of JSON per second", VLDB J.
 * 2019). */
#define INDICES_AT_ONCE 4

static size_t gather_words(const uint8_t *bits, size_t bit_count, uint32_t base, uint64_t *words,
                           uint32_t *bases);
static uint32_t *list_word(uint64_t word, uint32_t base, uint32_t *indices);

static size_t bit_indices(const uint8_t *bits, size_t bit_count, uint32_t *indices) {
    uint64_t words[WORDS_AT_ONCE + 8];
    uint32_t bases[WORDS_AT_ONCE + 8];
    uint32_t *next = indices;
    for (size_t base = 0; base < bit_count; base += 64 * WORDS_AT_ONCE) {
        const size_t left = bit_count - base;
        const size_t here = left < 64 * WORDS_AT_ONCE ? left : 64 * WORDS_AT_ONCE;
        const size_t count = gather_words(bits + base / 8, here, (uint32_t)base, words, bases);
        for (size_t i = 0; i < count; i++) {
            next = list_word(words[i], bases[i], next);
        }
    }
    return (size_t)(next - indices);
}

/* Lists the non-zero words among bit_count bits, with the index of their first bit. */
static size_t gather_words(const uint8_t *bits, size_t bit_count, uint32_t base, uint64_t *words,
                           uint32_t *bases) {
    const __m256i steps = _mm256_setr_epi32(0, 64, 128, 192, 256, 320, 384, 448);
    size_t count = 0;
    for (size_t done = 0; done < bit_count; done += 512) {
        const size_t left = bit_count - done;
        __m512i v;
        if (left >= 512) {
            v = _mm512_loadu_si512(bits + done / 8);
        } else {
            const uint64_t bytes = ((uint64_t)1 << otr_bytes_for_bits(left) % 64) - 1;
            v = _mm512_maskz_loadu_epi8(left > 504 ? UINT64_MAX : bytes, bits + done / 8);
            if (left % 8 != 0) {
                v = _mm512_and_si512(v, _mm512_mask_set1_epi8(_mm512_set1_epi8(-1), (uint64_t)1 << left / 8,
                                                              (char)((1u << left % 8) - 1)));
            }
        }
        const __mmask8 found = _mm512_test_epi64_mask(v, v);
        const __m256i first = _mm256_add_epi32(steps, _mm256_set1_epi32((int)(base + done)));
        _mm512_storeu_si512(words + count, _mm512_maskz_compress_epi64(found, v));
        _mm256_storeu_si256((__m256i *)(bases + count), _mm256_maskz_compress_epi32(found, first));
        count += (size_t)_mm_popcnt_u32(found);
    }
    return count;
}

static uint32_t *list_word(uint64_t word, uint32_t base, uint32_t *indices) {
    const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const size_t count = (size_t)_mm_popcnt_u64(word);
    if (count > INDICES_AT_ONCE) {
        for (uint32_t part = 0; part < 64; part += 16) {
            const __mmask16 mask = (__mmask16)(word >> part);
            const __m512i index = _mm512_add_epi32(iota, _mm512_set1_epi32((int)(base + part)));
            _mm512_storeu_si512(indices, _mm512_maskz_compress_epi32(mask, index));
            indices += _mm_popcnt_u32(mask);
        }
        return indices;
    }
    for (size_t i = 0; i < INDICES_AT_ONCE; i++) {
        indices[i] = base + (uint32_t)_tzcnt_u64(word);
        word = _blsr_u64(word);
    }
    return indices + count;
}

/* x where the mask has ones, else y. */
static inline __m512i select_bits(__m512i mask, __m512i x, __m512i y) {
    return _mm512_ternarylogic_epi64(mask, x, y, 0xCA);
}

/* Exchanges blocks of `width` bits between rows that stand `width` apart: rows a keep their low blocks, rows
 * b their high blocks; `low` has the bits whose index lacks the bit `width`. */
#define EXCHANGE(a, b, width, low)                                                                           \
    do {                                                                                                     \
        const __m512i kept_ = a;                                                                             \
        a = select_bits(low, a, _mm512_slli_epi64(b, width));                                                \
        b = select_bits(low, _mm512_srli_epi64(kept_, width), b);                                            \
    } while (0)

/* Vector i holds rows 8*i .. 8*i+7: the stages 32, 16 and 8 pair vectors; in the stages 4, 2 and 1 a row's
 * partner is another lane of its vector, and a rotation by `width` or back moves its blocks into place. */
static void transpose_64x64(uint64_t *rows) {
    const __m512i low_32 = _mm512_set1_epi64(0x00000000FFFFFFFF);
    const __m512i low_16 = _mm512_set1_epi32(0x0000FFFF);
    const __m512i low_8 = _mm512_set1_epi16(0x00FF);
    const __m512i swap_4 = _mm512_setr_epi64(4, 4, 4, 4, 60, 60, 60, 60);
    const __m512i swap_2 = _mm512_setr_epi64(2, 2, 62, 62, 2, 2, 62, 62);
    const __m512i swap_1 = _mm512_setr_epi64(1, 63, 1, 63, 1, 63, 1, 63);
    const __m512i keep_4 = _mm512_mask_set1_epi8(_mm512_set1_epi8(0x0F), 0xFFFFFFFF00000000u, (char)0xF0);
    const __m512i keep_2 = _mm512_mask_set1_epi8(_mm512_set1_epi8(0x33), 0xFFFF0000FFFF0000u, (char)0xCC);
    const __m512i keep_1 = _mm512_mask_set1_epi8(_mm512_set1_epi8(0x55), 0xFF00FF00FF00FF00u, (char)0xAA);
    __m512i v[8];
    for (int i = 0; i < 8; i++) {
        v[i] = _mm512_loadu_si512(rows + 8 * i);
    }
    for (int i = 0; i < 4; i++) {
        EXCHANGE(v[i], v[i + 4], 32, low_32);
    }
    for (int i = 0; i < 8; i += 4) {
        EXCHANGE(v[i], v[i + 2], 16, low_16);
        EXCHANGE(v[i + 1], v[i + 3], 16, low_16);
    }
    for (int i = 0; i < 8; i += 2) {
        EXCHANGE(v[i], v[i + 1], 8, low_8);
    }
    for (int i = 0; i < 8; i++) {
        __m512i x = v[i];
        x = select_bits(keep_4, x, _mm512_rolv_epi64(_mm512_shuffle_i64x2(x, x, 0x4E), swap_4));
        x = select_bits(keep_2, x, _mm512_rolv_epi64(_mm512_permutex_epi64(x, 0x4E), swap_2));
        x = select_bits(keep_1, x, _mm512_rolv_epi64(_mm512_permutex_epi64(x, 0xB1), swap_1));
        _mm512_storeu_si512(rows + 8 * i, x);
    }
}

static void xor_words(uint64_t *target, const uint64_t *source, size_t word_count) {
    size_t i = 0;
    for (; word_count - i >= 8; i += 8) {
        _mm512_storeu_si512(target + i,
                            _mm512_xor_si512(_mm512_loadu_si512(target + i), _mm512_loadu_si512(source + i)));
    }
    const __mmask8 tail = (__mmask8)((1u << (word_count - i)) - 1);
    _mm512_mask_storeu_epi64(target + i, tail,
                             _mm512_xor_si512(_mm512_maskz_loadu_epi64(tail, target + i),
                                              _mm512_maskz_loadu_epi64(tail, source + i)));
}

/* Bits of each 64-bit lane, by a table of nibbles (Mula, Kurz, Lemire, "Faster population counts", 2018). */
static inline __m512i count_lanes(__m512i v) {
    const __m512i table =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m512i nibble = _mm512_set1_epi8(0x0F);
    const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(v, nibble));
    const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

static uint64_t count_bits(const uint64_t *words, size_t word_count) {
    __m512i sum = _mm512_setzero_si512();
    size_t i = 0;
    for (; word_count - i >= 8; i += 8) {
        sum = _mm512_add_epi64(sum, count_lanes(_mm512_loadu_si512(words + i)));
    }
    const __mmask8 tail = (__mmask8)((1u << (word_count - i)) - 1);
    sum = _mm512_add_epi64(sum, count_lanes(_mm512_maskz_loadu_epi64(tail, words + i)));
    return (uint64_t)_mm512_reduce_add_epi64(sum);
}

static size_t digits_to_bits(const uint8_t *digits, size_t count, uint8_t *bits) {
    size_t done = 0;
    for (; count - done >= 64; done += 64) {
        const __m512i v = _mm512_loadu_si512(digits + done);
        const __m512i high = _mm512_and_si512(v, _mm512_set1_epi8((char)0xFE));
        if (_mm512_cmpneq_epi8_mask(high, _mm512_set1_epi8('0')) != 0) {
            break;
        }
        const uint64_t packed = _mm512_test_epi8_mask(v, _mm512_set1_epi8(1));
        memcpy(bits + done / 8, &packed, sizeof packed);
    }
    return done + otr_portable_digits_to_bits(digits + done, count - done, bits + done / 8);
}

static void bits_to_digits(const uint8_t *bits, size_t bit_count, uint8_t *digits) {
    const __m512i zero = _mm512_set1_epi8('0');
    size_t done = 0;
    for (; bit_count - done >= 64; done += 64) {
        uint64_t packed;
        memcpy(&packed, bits + done / 8, sizeof packed);
        _mm512_storeu_si512(digits + done, _mm512_sub_epi8(zero, _mm512_movm_epi8(packed)));
    }
    const size_t left = bit_count - done;
    const uint64_t packed = otr_load_tail(bits + done / 8, otr_bytes_for_bits(left));
    _mm512_mask_storeu_epi8(digits + done, ((uint64_t)1 << left) - 1,
                            _mm512_sub_epi8(zero, _mm512_movm_epi8(packed)));
}

/* Eight counters per vector, one 32-bit word of each in the low half of a lane: that is what vpmuludq
 * multiplies. */
static void random_words(uint64_t key, uint64_t counter_high, uint64_t counter_low, uint64_t *words) {
    const __m512i multiplier_0 = _mm512_set1_epi64(OTR_PHILOX_MULTIPLIER_0);
    const __m512i multiplier_1 = _mm512_set1_epi64(OTR_PHILOX_MULTIPLIER_1);
    const __m512i low_half = _mm512_set1_epi64(0xFFFFFFFF);
    for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane += 8) {
        uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
        __m512i c0 = _mm512_add_epi64(_mm512_set1_epi64((long long)(counter_low + lane)),
                                      _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
        __m512i c1 = _mm512_set1_epi64((long long)(counter_low >> 32));
        __m512i c2 = _mm512_set1_epi64((long long)counter_high);
        __m512i c3 = _mm512_set1_epi64((long long)(counter_high >> 32));
        for (uint32_t round = 0; round < OTR_PHILOX_ROUNDS; round++) {
            const __m512i product_0 = _mm512_mul_epu32(c0, multiplier_0);
            const __m512i product_1 = _mm512_mul_epu32(c2, multiplier_1);
            c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product_1, 32), c1, _mm512_set1_epi64(k0), 0x96);
            c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product_0, 32), c3, _mm512_set1_epi64(k1), 0x96);
            c1 = product_1;
            c3 = product_0;
            k0 += OTR_PHILOX_WEYL_0;
            k1 += OTR_PHILOX_WEYL_1;
        }
        _mm512_storeu_si512(words + lane, select_bits(low_half, c0, _mm512_slli_epi64(c1, 32)));
        _mm512_storeu_si512(words + OTR_RANDOM_LANES + lane,
                            select_bits(low_half, c2, _mm512_slli_epi64(c3, 32)));
    }
}

/* otr_random_exponential of common/random.h on eight lanes, operation by operation. */
static inline __m512d random_exponential(__m512i word) {
    const __m512i uniform_bits =
        _mm512_or_si512(_mm512_srli_epi64(word, 12), _mm512_set1_epi64(OTR_BITS_ONE));
    const __m512i bits = _mm512_castpd_si512(
        _mm512_sub_pd(_mm512_castsi512_pd(uniform_bits), _mm512_set1_pd(OTR_ONE_LESS_TINY)));
    const __m512i shifted =
        _mm512_add_epi64(bits, _mm512_set1_epi64((long long)(OTR_EXPONENT_1024 - OTR_BITS_SQRT_HALF)));
    const __m512i exponent =
        _mm512_or_si512(_mm512_srli_epi64(shifted, 52), _mm512_set1_epi64(OTR_BITS_TWO_52));
    const __m512d n = _mm512_sub_pd(_mm512_set1_pd(OTR_TWO_52_PLUS_1024), _mm512_castsi512_pd(exponent));
    const __m512i m_bits = _mm512_add_epi64(
        _mm512_sub_epi64(bits, _mm512_and_si512(shifted, _mm512_set1_epi64((long long)OTR_EXPONENT_MASK))),
        _mm512_set1_epi64(OTR_EXPONENT_1024));
    const __m512d f = _mm512_sub_pd(_mm512_castsi512_pd(m_bits), _mm512_set1_pd(1.0));
    const __m512d s = _mm512_div_pd(f, _mm512_add_pd(f, _mm512_set1_pd(2.0)));
    const __m512d z = _mm512_mul_pd(s, s);
    __m512d sum = _mm512_set1_pd(OTR_ARTANH[OTR_ARTANH_TERMS - 1]);
    for (int term = OTR_ARTANH_TERMS - 2; term >= 0; term--) {
        sum = _mm512_add_pd(_mm512_mul_pd(sum, z), _mm512_set1_pd(OTR_ARTANH[term]));
    }
    sum = _mm512_add_pd(_mm512_mul_pd(sum, z), _mm512_set1_pd(1.0));
    return _mm512_sub_pd(_mm512_mul_pd(n, _mm512_set1_pd(OTR_LN_2)), _mm512_mul_pd(_mm512_add_pd(s, s), sum));
}

static void geometric_skips(const uint64_t *words, double scale, uint64_t *skips) {
    for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane += 8) {
        const __m512d wait =
            _mm512_mul_pd(random_exponential(_mm512_loadu_si512(words + lane)), _mm512_set1_pd(scale));
        _mm512_storeu_si512(skips + lane, _mm512_cvttpd_epu64(wait));
    }
}

static void logarithms(double *numbers, size_t count) {
    otr_logarithms(numbers, count);
}

/* The slots that the instruction sets above this one take over. */
#define AVX512_SLOTS                                                                                         \
    .bit_indices = bit_indices, .transpose_64x64 = transpose_64x64, .xor_words = xor_words,                  \
    .count_bits = count_bits, .digits_to_bits = digits_to_bits, .bits_to_digits = bits_to_digits,            \
    .random_words = random_words, .geometric_skips = geometric_skips, .logarithms = logarithms,              \
    .scan_arcs = otr_avx512_scan_arcs, .filter_states = otr_avx512_filter_states,                            \
    .flip_sums = otr_avx512_flip_sums, .count_parities = otr_avx512_count_parities,                          \
    .dense_activate = otr_avx512_dense_activate, .training_blocks = &otr_training_blocks_avx512

const otr_kernels otr_kernels_avx512 = {
    .isa = OTR_ISA_AVX512,
    AVX512_SLOTS,
    .dense_sums = otr_avx512_dense_sums,
    .event_layers = otr_event_layers_avx512,
};

const otr_kernels otr_kernels_avx512vnni = {
    .isa = OTR_ISA_AVX512VNNI,
    AVX512_SLOTS,
    .dense_sums = otr_avx512vnni_dense_sums,
    .event_layers = otr_event_layers_avx512vnni,
};

const otr_kernels otr_kernels_amx = {
    .isa = OTR_ISA_AMX,
    AVX512_SLOTS,
    .dense_sums = otr_amx_dense_sums,
    .event_layers = otr_event_layers_avx512vnni,
};
