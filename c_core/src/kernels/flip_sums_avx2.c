#include "kernels/flip_sums.h"

#include "common/bits.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define LANES 4

static inline __m256d permute(__m256d numbers, __m256i order) {
    return _mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(numbers), order));
}

/* A mask's low bits permute the lanes of a vector, the others pair vectors. */
void otr_avx2_flip_sums(double *sums, size_t count, size_t mask, double odds) {
    const size_t vectors = mask & ~(size_t)(LANES - 1);
    const __m256d factor = _mm256_set1_pd(odds);
    /* As pairs of 32-bit lanes. */
    const __m256i order = _mm256_xor_si256(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                           _mm256_set1_epi32((int)(2 * (mask % LANES))));
    if (count < LANES) {
        otr_portable_flip_sums(sums, count, mask, odds);
        return;
    }
    if (vectors == 0) {
        for (size_t i = 0; i < count; i += LANES) {
            const __m256d here = _mm256_loadu_pd(sums + i);
            _mm256_storeu_pd(sums + i, _mm256_add_pd(here, _mm256_mul_pd(factor, permute(here, order))));
        }
        return;
    }
    const size_t highest = (size_t)1 << (63 - otr_clz64(vectors));
    for (size_t block = 0; block < count; block += 2 * highest) {
        for (size_t i = block; i < block + highest; i += LANES) {
            double *const other = sums + (i ^ vectors);
            const __m256d here = _mm256_loadu_pd(sums + i);
            const __m256d there = _mm256_loadu_pd(other);
            _mm256_storeu_pd(sums + i, _mm256_add_pd(here, _mm256_mul_pd(factor, permute(there, order))));
            _mm256_storeu_pd(other, _mm256_add_pd(there, _mm256_mul_pd(factor, permute(here, order))));
        }
    }
}
