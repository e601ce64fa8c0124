#include "kernels/count_parities.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define LANES 4
/* Vectors whose counts fit into bytes. */
#define VECTORS_AT_ONCE 31

/* Counts by a table of nibbles, summed bytewise (Mula, Kurz, Lemire, "Faster population counts", 2018). */
static inline uint64_t count_set(const otr_bit_columns *columns, const uint32_t *set, size_t set_size) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2,
                                           2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    const size_t whole = columns->word_count / LANES * LANES;
    __m256i sums = _mm256_setzero_si256();
    uint64_t parts[LANES];
    for (size_t i = 0; i < whole;) {
        const size_t left = whole - i;
        const size_t end = i + (left < LANES * VECTORS_AT_ONCE ? left : LANES * VECTORS_AT_ONCE);
        __m256i bytes = _mm256_setzero_si256();
        for (; i < end; i += LANES) {
            __m256i v = _mm256_setzero_si256();
            for (size_t k = 0; k < set_size; k++) {
                const uint64_t *const words = columns->words + set[k] * columns->stride + i;
                v = _mm256_xor_si256(v, _mm256_loadu_si256((const __m256i *)words));
            }
            const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble));
            const __m256i high =
                _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
            bytes = _mm256_add_epi8(bytes, _mm256_add_epi8(low, high));
        }
        sums = _mm256_add_epi64(sums, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    }
    _mm256_storeu_si256((__m256i *)parts, sums);
    return parts[0] + parts[1] + parts[2] + parts[3] + otr_count_set(columns, set, set_size, whole);
}

void otr_avx2_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                             size_t set_count, uint32_t shift, uint64_t *counts) {
    OTR_COUNT_SETS(count_set, columns, sets, set_size, set_count, shift, counts);
}
