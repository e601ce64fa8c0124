/* Training blocks with AVX-512: the 16 rows of a block in 16 registers. */
#include "kernels/training_blocks.h"

#if !defined(__AVX512F__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

/* Two sums, so that a pair's multiplications do not all wait for each other. */
static void apply(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *weights, const float *in, float *out) {
    __m512 block[OTR_TRAINING_BLOCK];
    for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
        block[c] = _mm512_loadu_ps(weights + c * width);
    }
    for (size_t k = 0; k < count; k++) {
        const float *const from = in + (size_t)source[k] * width;
        float *const to = out + (size_t)target[k] * width;
        __m512 even = _mm512_loadu_ps(to);
        __m512 odd = _mm512_setzero_ps();
        for (size_t c = 0; c < OTR_TRAINING_BLOCK; c += 2) {
            even = _mm512_fmadd_ps(_mm512_set1_ps(from[c]), block[c], even);
            odd = _mm512_fmadd_ps(_mm512_set1_ps(from[c + 1]), block[c + 1], odd);
        }
        _mm512_storeu_ps(to, _mm512_add_ps(even, odd));
    }
}

static void outer(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *in, const float *gradient, float *out) {
    __m512 block[OTR_TRAINING_BLOCK];
    for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
        block[c] = _mm512_setzero_ps();
    }
    for (size_t k = 0; k < count; k++) {
        const float *const from = in + (size_t)source[k] * width;
        const __m512 to = _mm512_loadu_ps(gradient + (size_t)target[k] * width);
        for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
            block[c] = _mm512_fmadd_ps(_mm512_set1_ps(from[c]), to, block[c]);
        }
    }
    for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
        _mm512_storeu_ps(out + c * width, block[c]);
    }
}

const otr_training_blocks otr_training_blocks_avx512 = {apply, outer};
