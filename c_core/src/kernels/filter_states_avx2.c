#include "kernels/filter_states.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define LANES 4

size_t otr_avx2_filter_states(const uint64_t *keys, const double *weights, size_t count,
                              const otr_state_filter *filter, uint32_t *indices) {
    const size_t whole = count / LANES * LANES;
    size_t kept = 0;
    for (size_t i = 0; i < whole; i += LANES) {
        const __m256i key = _mm256_loadu_si256((const __m256i *)(keys + i));
        __m256i pattern = _mm256_setzero_si256();
        for (uint32_t bit = 0; bit < OTR_STATE_BITS; bit++) {
            const __m128i right = _mm_cvtsi32_si128((int)filter->turns[bit]);
            const __m128i left = _mm_cvtsi32_si128((int)(-filter->turns[bit] & 63));
            const __m256i turned = _mm256_or_si256(_mm256_srl_epi64(key, right), _mm256_sll_epi64(key, left));
            pattern = _mm256_or_si256(
                pattern, _mm256_and_si256(turned, _mm256_set1_epi64x((long long)filter->bits[bit])));
        }
        const __m256d needed = _mm256_i64gather_pd(filter->needed, pattern, sizeof(double));
        const __m256d above = _mm256_cmp_pd(_mm256_loadu_pd(weights + i), needed, _CMP_GT_OQ);
        for (uint32_t lanes = (uint32_t)_mm256_movemask_pd(above); lanes != 0; lanes &= lanes - 1) {
            indices[kept++] = (uint32_t)i + (uint32_t)__builtin_ctz(lanes);
        }
    }
    if (whole < count) {
        const size_t rest =
            otr_portable_filter_states(keys + whole, weights + whole, count - whole, filter, indices + kept);
        for (size_t i = 0; i < rest; i++) {
            indices[kept++] += (uint32_t)whole;
        }
    }
    return kept;
}
