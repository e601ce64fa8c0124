/* Training blocks with AVX2: as much of a block at a time as 16 registers hold. */
#include "kernels/training_blocks.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define LANES 8
/* Rows of a block whose sums are kept at once. */
#define ROWS 4

static void apply_half(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                       const float *weights, const float *in, float *out) {
    __m256 block[OTR_TRAINING_BLOCK];
    for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
        block[c] = _mm256_loadu_ps(weights + c * width);
    }
    for (size_t k = 0; k < count; k++) {
        const float *const from = in + (size_t)source[k] * width;
        float *const to = out + (size_t)target[k] * width;
        __m256 even = _mm256_loadu_ps(to);
        __m256 odd = _mm256_setzero_ps();
        for (size_t c = 0; c < OTR_TRAINING_BLOCK; c += 2) {
            even = _mm256_add_ps(even, _mm256_mul_ps(_mm256_broadcast_ss(from + c), block[c]));
            odd = _mm256_add_ps(odd, _mm256_mul_ps(_mm256_broadcast_ss(from + c + 1), block[c + 1]));
        }
        _mm256_storeu_ps(to, _mm256_add_ps(even, odd));
    }
}

static void apply(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *weights, const float *in, float *out) {
    apply_half(width, count, target, source, weights, in, out);
    apply_half(width, count, target, source, weights + LANES, in, out + LANES);
}

static void outer(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *in, const float *gradient, float *out) {
    for (size_t row = 0; row < OTR_TRAINING_BLOCK; row += ROWS) {
        __m256 low[ROWS], high[ROWS];
        for (size_t c = 0; c < ROWS; c++) {
            low[c] = high[c] = _mm256_setzero_ps();
        }
        for (size_t k = 0; k < count; k++) {
            const float *const from = in + (size_t)source[k] * width + row;
            const float *const to = gradient + (size_t)target[k] * width;
            const __m256 to_low = _mm256_loadu_ps(to), to_high = _mm256_loadu_ps(to + LANES);
            for (size_t c = 0; c < ROWS; c++) {
                const __m256 factor = _mm256_broadcast_ss(from + c);
                low[c] = _mm256_add_ps(low[c], _mm256_mul_ps(factor, to_low));
                high[c] = _mm256_add_ps(high[c], _mm256_mul_ps(factor, to_high));
            }
        }
        for (size_t c = 0; c < ROWS; c++) {
            _mm256_storeu_ps(out + (row + c) * width, low[c]);
            _mm256_storeu_ps(out + (row + c) * width + LANES, high[c]);
        }
    }
}

const otr_training_blocks otr_training_blocks_avx2 = {apply, outer};
