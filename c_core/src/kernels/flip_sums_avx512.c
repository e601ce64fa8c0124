#include "kernels/flip_sums.h"

#include "common/bits.h"

#if !defined(__AVX512F__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define LANES 8

/* A mask's low bits permute the lanes of a vector, the others pair vectors. */
void otr_avx512_flip_sums(double *sums, size_t count, size_t mask, double odds) {
    const size_t vectors = mask & ~(size_t)(LANES - 1);
    const __m512d factor = _mm512_set1_pd(odds);
    const __m512i order = _mm512_xor_si512(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7),
                                           _mm512_set1_epi64((long long)(mask % LANES)));
    if (count < LANES) {
        otr_portable_flip_sums(sums, count, mask, odds);
        return;
    }
    if (vectors == 0) {
        for (size_t i = 0; i < count; i += LANES) {
            const __m512d here = _mm512_loadu_pd(sums + i);
            _mm512_storeu_pd(sums + i,
                             _mm512_add_pd(here, _mm512_mul_pd(factor, _mm512_permutexvar_pd(order, here))));
        }
        return;
    }
    const size_t highest = (size_t)1 << (63 - otr_clz64(vectors));
    for (size_t block = 0; block < count; block += 2 * highest) {
        for (size_t i = block; i < block + highest; i += LANES) {
            double *const other = sums + (i ^ vectors);
            const __m512d here = _mm512_loadu_pd(sums + i);
            const __m512d there = _mm512_loadu_pd(other);
            _mm512_storeu_pd(sums + i,
                             _mm512_add_pd(here, _mm512_mul_pd(factor, _mm512_permutexvar_pd(order, there))));
            _mm512_storeu_pd(other,
                             _mm512_add_pd(there, _mm512_mul_pd(factor, _mm512_permutexvar_pd(order, here))));
        }
    }
}
