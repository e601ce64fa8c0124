#include "kernels/scan_arcs.h"

#if !defined(__AVX512F__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

uint64_t otr_avx512_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                              uint32_t *position) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    uint64_t set = 0;
    uint32_t best = UINT32_MAX;
    uint32_t best_position = 0;
    for (uint32_t i = 0; i < count; i += 16) {
        const uint32_t left = count - i < 16 ? count - i : 16;
        const __mmask16 valid = (__mmask16)((1u << left) - 1);
        const uint32_t load = (uint32_t)((UINT64_C(1) << 2 * left) - 1);
        const __m512i low = _mm512_maskz_loadu_epi32((__mmask16)load, arcs + 2 * i);
        const __m512i high = _mm512_maskz_loadu_epi32((__mmask16)(load >> 16), arcs + 2 * i + 16);
        const __m512i heads = _mm512_permutex2var_epi32(low, even, high);
        const __m512i weights = _mm512_permutex2var_epi32(low, odd, high);
        const __m512i words =
            _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), valid, _mm512_srli_epi32(heads, 5), bits, 4);
        const __m512i bit =
            _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(heads, _mm512_set1_epi32(31)));
        const __mmask16 hit = _mm512_test_epi32_mask(words, bit);
        const __mmask16 open = (__mmask16)(valid & ~hit);
        const uint32_t chunk_least = _mm512_mask_reduce_min_epu32(open, weights);
        set |= (uint64_t)hit << i;
        if (chunk_least < best) {
            best = chunk_least;
            best_position = i + (uint32_t)__builtin_ctz(_mm512_mask_cmpeq_epi32_mask(
                                    open, weights, _mm512_set1_epi32((int)chunk_least)));
        }
    }
    *least = best;
    *position = best_position;
    return set;
}
