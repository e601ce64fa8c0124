/* Training blocks in plain C. */
#include "kernels/training_blocks.h"

#include <string.h>

static void apply(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *weights, const float *in, float *out) {
    float block[OTR_TRAINING_BLOCK][OTR_TRAINING_BLOCK];
    for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
        memcpy(block[c], weights + c * width, sizeof block[c]);
    }
    for (size_t k = 0; k < count; k++) {
        const float *const from = in + (size_t)source[k] * width;
        float *const to = out + (size_t)target[k] * width;
        float sum[OTR_TRAINING_BLOCK] = {0};
        for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
            for (size_t o = 0; o < OTR_TRAINING_BLOCK; o++) {
                sum[o] += from[c] * block[c][o];
            }
        }
        for (size_t o = 0; o < OTR_TRAINING_BLOCK; o++) {
            to[o] += sum[o];
        }
    }
}

static void outer(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *in, const float *gradient, float *out) {
    float block[OTR_TRAINING_BLOCK][OTR_TRAINING_BLOCK] = {{0}};
    for (size_t k = 0; k < count; k++) {
        const float *const from = in + (size_t)source[k] * width;
        const float *const to = gradient + (size_t)target[k] * width;
        for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
            for (size_t o = 0; o < OTR_TRAINING_BLOCK; o++) {
                block[c][o] += from[c] * to[o];
            }
        }
    }
    for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
        memcpy(out + c * width, block[c], sizeof block[c]);
    }
}

const otr_training_blocks otr_training_blocks_portable = {apply, outer};
