/* Training blocks in plain C. */
#include "train/training_blocks.h"

#include "kernels/kernels_tables.h"

#include <string.h>

static void apply(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *weights, const float *in, float *out) {
    float block[OTR_BLOCK][OTR_BLOCK];
    for (size_t c = 0; c < OTR_BLOCK; c++) {
        memcpy(block[c], weights + c * width, sizeof block[c]);
    }
    for (size_t k = 0; k < count; k++) {
        const float *const from = in + (size_t)source[k] * width;
        float *const to = out + (size_t)target[k] * width;
        float sum[OTR_BLOCK] = {0};
        for (size_t c = 0; c < OTR_BLOCK; c++) {
            for (size_t o = 0; o < OTR_BLOCK; o++) {
                sum[o] += from[c] * block[c][o];
            }
        }
        for (size_t o = 0; o < OTR_BLOCK; o++) {
            to[o] += sum[o];
        }
    }
}

static void outer(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *in, const float *gradient, float *out) {
    float block[OTR_BLOCK][OTR_BLOCK] = {{0}};
    for (size_t k = 0; k < count; k++) {
        const float *const from = in + (size_t)source[k] * width;
        const float *const to = gradient + (size_t)target[k] * width;
        for (size_t c = 0; c < OTR_BLOCK; c++) {
            for (size_t o = 0; o < OTR_BLOCK; o++) {
                block[c][o] += from[c] * to[o];
            }
        }
    }
    for (size_t c = 0; c < OTR_BLOCK; c++) {
        memcpy(out + c * width, block[c], sizeof block[c]);
    }
}

const otr_training_blocks otr_training_blocks_portable = {apply, outer};

const otr_training_blocks *otr_training_blocks_for(const otr_kernels *kernels) {
    switch (kernels->isa) {
#if defined(OTR_KERNELS_X86)
    case OTR_ISA_AVX2:
        return &otr_training_blocks_avx2;
    case OTR_ISA_AVX512:
    case OTR_ISA_AVX512VNNI:
    case OTR_ISA_AMX:
        return &otr_training_blocks_avx512;
#endif
    default:
        return &otr_training_blocks_portable;
    }
}
