/* Dense convolutions on integers in plain C. */
#include "kernels/dense_kernels.h"

static void sum_block(const otr_dense_weights *weights, const int8_t *block, const uint8_t *voxel,
                      int32_t *sums) {
    int32_t totals[OTR_DENSE_BLOCK] = {0};
    for (uint32_t tap = 0; tap < weights->tap_count; tap++) {
        const uint8_t *const input = voxel + weights->taps[tap];
        for (uint32_t i = 0; i < OTR_DENSE_GROUP * weights->tap_groups; i += OTR_DENSE_GROUP) {
            for (uint32_t c = 0; c < OTR_DENSE_BLOCK; c++) {
                totals[c] += input[i] * block[4 * c] + input[i + 1] * block[4 * c + 1] +
                             input[i + 2] * block[4 * c + 2] + input[i + 3] * block[4 * c + 3];
            }
            block += OTR_DENSE_BLOCK * OTR_DENSE_GROUP;
        }
    }
    memcpy(sums, totals, sizeof totals);
}

OTR_DENSE_SUMS(otr_portable_dense_sums) {
    (void)scratch;
    for (size_t v = 0; v < voxel_count; v++) {
        for (uint32_t b = 0; b < weights->block_count; b++) {
            sum_block(weights, weights->weights + b * otr_dense_block_bytes(weights), input + voxels[v],
                      sums);
            sums += OTR_DENSE_BLOCK;
        }
    }
}

OTR_DENSE_ACTIVATE(otr_portable_dense_activate) {
    const float last = OTR_DENSE_TABLE - 1;
    for (size_t c = 0; c < channel_count; c++) {
        const float place = (float)sums[c] * scales[c] + offsets[c];
        const float bounded = place < 0.0f ? 0.0f : place > last ? last : place;
        output[c] = table[(int32_t)(bounded + 0.5f)];
    }
}
