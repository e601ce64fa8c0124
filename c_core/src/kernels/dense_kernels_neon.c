/* Dense convolutions on NEON: as on AVX2 (see there), products are added to 16 bits in pairs, which inputs of
 * 7 bits never fill, and pairs of these to 32 bits. Four voxels by one block of output channels at a time. */
#include "kernels/dense_kernels.h"

#if defined(OTR_KERNELS_NEON)
#include <arm_neon.h>

#define VOXELS_AT_ONCE 4
#define FOR_VOXELS(DO) DO(0) DO(1) DO(2) DO(3)

/* Four channels of input with the weights of four outputs. */
static inline int32x4_t add_products(int32x4_t total, int8x16_t x, int8x16_t w) {
    const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(w)), high = vmull_high_s8(x, w);
    return vpadalq_s16(total, vpaddq_s16(low, high));
}

#define START(v)                                                                                             \
    const uint8_t *const input##v = input + voxels[v < voxel_count ? v : voxel_count - 1];                   \
    int32x4_t a##v = vdupq_n_s32(0), b##v = a##v, c##v = a##v, d##v = a##v;
#define STEP(v)                                                                                              \
    {                                                                                                        \
        const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(otr_dense_load_group(input##v + at)));          \
        a##v = add_products(a##v, x, wa);                                                                    \
        b##v = add_products(b##v, x, wb);                                                                    \
        c##v = add_products(c##v, x, wc);                                                                    \
        d##v = add_products(d##v, x, wd);                                                                    \
    }
#define FINISH(v)                                                                                            \
    if (v < voxel_count) {                                                                                   \
        vst1q_s32(sums + v * channels, a##v);                                                                \
        vst1q_s32(sums + v * channels + 4, b##v);                                                            \
        vst1q_s32(sums + v * channels + 8, c##v);                                                            \
        vst1q_s32(sums + v * channels + 12, d##v);                                                           \
    }

/* At least one voxel, of which at most VOXELS_AT_ONCE are done. */
static void sum_block(const otr_dense_weights *weights, const int8_t *block, const uint8_t *input,
                      const uint32_t *voxels, size_t voxel_count, int32_t *sums) {
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    FOR_VOXELS(START)
    for (uint32_t tap = 0; tap < weights->tap_count; tap++) {
        const size_t end = (size_t)weights->taps[tap] + OTR_DENSE_GROUP * weights->tap_groups;
        for (size_t at = weights->taps[tap]; at < end; at += OTR_DENSE_GROUP) {
            const int8x16_t wa = vld1q_s8(block), wb = vld1q_s8(block + 16);
            const int8x16_t wc = vld1q_s8(block + 32), wd = vld1q_s8(block + 48);
            FOR_VOXELS(STEP)
            block += OTR_DENSE_BLOCK * OTR_DENSE_GROUP;
        }
    }
    FOR_VOXELS(FINISH)
}

OTR_DENSE_SUMS(otr_neon_dense_sums) {
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    (void)scratch;
    for (size_t v = 0; v < voxel_count; v += VOXELS_AT_ONCE) {
        for (uint32_t b = 0; b < weights->block_count; b++) {
            sum_block(weights, weights->weights + b * otr_dense_block_bytes(weights), input, voxels + v,
                      voxel_count - v, sums + v * channels + b * OTR_DENSE_BLOCK);
        }
    }
}

OTR_DENSE_ACTIVATE(otr_neon_dense_activate) {
    const float32x4_t half = vdupq_n_f32(0.5f), most = vdupq_n_f32(OTR_DENSE_TABLE - 1);
    for (size_t c = 0; c < channel_count; c += 4) {
        int32_t places[4];
        const float32x4_t sum = vcvtq_f32_s32(vld1q_s32(sums + c));
        float32x4_t place = vaddq_f32(vmulq_f32(sum, vld1q_f32(scales + c)), vld1q_f32(offsets + c));
        place = vminq_f32(vmaxq_f32(place, vdupq_n_f32(0)), most);
        vst1q_s32(places, vcvtq_s32_f32(vaddq_f32(place, half)));
        for (int i = 0; i < 4; i++) {
            output[c + i] = table[places[i]];
        }
    }
}

#endif
