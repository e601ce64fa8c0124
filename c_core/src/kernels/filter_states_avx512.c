#include "kernels/filter_states.h"

#if !defined(__AVX512F__) || !defined(__AVX512VL__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define LANES 8
/* acc | (turned & bit) */
#define OR_AND 0xF8

size_t otr_avx512_filter_states(const uint64_t *keys, const double *weights, size_t count,
                                const otr_state_filter *filter, uint32_t *indices) {
    __m512i turns[OTR_STATE_BITS], bits[OTR_STATE_BITS];
    __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    size_t kept = 0;
    for (uint32_t bit = 0; bit < OTR_STATE_BITS; bit++) {
        turns[bit] = _mm512_set1_epi64((long long)filter->turns[bit]);
        bits[bit] = _mm512_set1_epi64((long long)filter->bits[bit]);
    }
    for (size_t i = 0; i < count; i += LANES) {
        const size_t left = count - i;
        const __mmask8 valid = (__mmask8)(left < LANES ? (1u << left) - 1 : 0xFF);
        const __m512i key = _mm512_maskz_loadu_epi64(valid, keys + i);
        __m512i pattern = _mm512_setzero_si512();
        for (uint32_t bit = 0; bit < OTR_STATE_BITS; bit++) {
            pattern =
                _mm512_ternarylogic_epi64(pattern, _mm512_rorv_epi64(key, turns[bit]), bits[bit], OR_AND);
        }
        const __m512d needed = _mm512_i64gather_pd(pattern, filter->needed, sizeof(double));
        const __m512d weight = _mm512_maskz_loadu_pd(valid, weights + i);
        const __mmask8 above = _mm512_mask_cmp_pd_mask(valid, weight, needed, _CMP_GT_OQ);
        _mm256_storeu_si256((__m256i *)(indices + kept), _mm256_maskz_compress_epi32(above, lanes));
        kept += (size_t)__builtin_popcount(above);
        lanes = _mm256_add_epi32(lanes, _mm256_set1_epi32(LANES));
    }
    return kept;
}
