#include "kernels/count_parities.h"

#if !defined(__AVX512F__) || !defined(__AVX512BW__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define LANES 8
/* Vectors whose counts fit into bytes. */
#define VECTORS_AT_ONCE 31

static inline __m512i count_bytes(__m512i v) {
    const __m512i table =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m512i nibble = _mm512_set1_epi8(0x0F);
    const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(v, nibble));
    const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble));
    return _mm512_add_epi8(low, high);
}

/* Counts by a table of nibbles, summed bytewise (Mula, Kurz, Lemire, "Faster population counts", 2018). */
static inline uint64_t count_set(const otr_bit_columns *columns, const uint32_t *set, size_t set_size) {
    const size_t count = columns->word_count;
    __m512i sums = _mm512_setzero_si512();
    for (size_t i = 0; i < count;) {
        const size_t end = count - i < LANES * VECTORS_AT_ONCE ? count : i + LANES * VECTORS_AT_ONCE;
        __m512i bytes = _mm512_setzero_si512();
        for (; i < end; i += LANES) {
            const __mmask8 mask = (__mmask8)(end - i >= LANES ? 0xFF : (1u << (end - i)) - 1);
            __m512i v = _mm512_setzero_si512();
            for (size_t k = 0; k < set_size; k++) {
                const uint64_t *const words = columns->words + set[k] * columns->stride + i;
                v = _mm512_xor_si512(v, _mm512_maskz_loadu_epi64(mask, words));
            }
            bytes = _mm512_add_epi8(bytes, count_bytes(v));
        }
        sums = _mm512_add_epi64(sums, _mm512_sad_epu8(bytes, _mm512_setzero_si512()));
    }
    return (uint64_t)_mm512_reduce_add_epi64(sums);
}

void otr_avx512_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                               size_t set_count, uint32_t shift, uint64_t *counts) {
    OTR_COUNT_SETS(count_set, columns, sets, set_size, set_count, shift, counts);
}
