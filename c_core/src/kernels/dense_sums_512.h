/* The convolution on 512-bit vectors, for the instruction sets that differ in how they add products. The
 * including file defines
 *   DENSE_SUMS              the function's name
 *   ADD_PRODUCTS(t, x, w)   t plus, in each 32-bit lane, the four products of bytes of x and w.
 *
 * Six voxels by four blocks of output channels make 24 sums in registers: a group of input channels costs
 * four loads of weights and six broadcasts for 24 additions. Blocks that are left go one at a time. */
#ifndef OTR_DENSE_SUMS_512_H
#define OTR_DENSE_SUMS_512_H

#include "kernels/dense_kernels.h"

#define VOXELS_AT_ONCE 6
#define BLOCKS_AT_ONCE 4
#define GROUP_BYTES (OTR_DENSE_BLOCK * OTR_DENSE_GROUP)
#define FOR_VOXELS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)

#define START(v)                                                                                             \
    const uint8_t *const input##v = input + voxels[v < voxel_count ? v : voxel_count - 1];                   \
    __m512i a##v = _mm512_setzero_si512();
#define START_MORE(v) __m512i b##v = a##v, c##v = a##v, d##v = a##v;

#define STEP(v) a##v = ADD_PRODUCTS(a##v, _mm512_set1_epi32(otr_dense_load_group(input##v + at)), wa);
#define STEP_FOUR(v)                                                                                         \
    {                                                                                                        \
        const __m512i x = _mm512_set1_epi32(otr_dense_load_group(input##v + at));                            \
        a##v = ADD_PRODUCTS(a##v, x, wa);                                                                    \
        b##v = ADD_PRODUCTS(b##v, x, wb);                                                                    \
        c##v = ADD_PRODUCTS(c##v, x, wc);                                                                    \
        d##v = ADD_PRODUCTS(d##v, x, wd);                                                                    \
    }

#define FINISH(v)                                                                                            \
    if (v < voxel_count) {                                                                                   \
        _mm512_storeu_si512(sums + v * channels, a##v);                                                      \
    }
#define FINISH_FOUR(v)                                                                                       \
    if (v < voxel_count) {                                                                                   \
        _mm512_storeu_si512(sums + v * channels, a##v);                                                      \
        _mm512_storeu_si512(sums + v * channels + OTR_DENSE_BLOCK, b##v);                                    \
        _mm512_storeu_si512(sums + v * channels + 2 * OTR_DENSE_BLOCK, c##v);                                \
        _mm512_storeu_si512(sums + v * channels + 3 * OTR_DENSE_BLOCK, d##v);                                \
    }

/* At least one voxel, of which at most VOXELS_AT_ONCE are done. */
static void sum_block(const otr_dense_weights *weights, const int8_t *block, const uint8_t *input,
                      const uint32_t *voxels, size_t voxel_count, int32_t *sums) {
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    FOR_VOXELS(START)
    for (uint32_t tap = 0; tap < weights->tap_count; tap++) {
        const size_t end = (size_t)weights->taps[tap] + OTR_DENSE_GROUP * weights->tap_groups;
        for (size_t at = weights->taps[tap]; at < end; at += OTR_DENSE_GROUP) {
            const __m512i wa = _mm512_loadu_si512(block);
            FOR_VOXELS(STEP)
            block += GROUP_BYTES;
        }
    }
    FOR_VOXELS(FINISH)
}

static void sum_four_blocks(const otr_dense_weights *weights, const int8_t *block, const uint8_t *input,
                            const uint32_t *voxels, size_t voxel_count, int32_t *sums) {
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    const size_t stride = otr_dense_block_bytes(weights);
    FOR_VOXELS(START)
    FOR_VOXELS(START_MORE)
    for (uint32_t tap = 0; tap < weights->tap_count; tap++) {
        const size_t end = (size_t)weights->taps[tap] + OTR_DENSE_GROUP * weights->tap_groups;
        for (size_t at = weights->taps[tap]; at < end; at += OTR_DENSE_GROUP) {
            const __m512i wa = _mm512_loadu_si512(block);
            const __m512i wb = _mm512_loadu_si512(block + stride);
            const __m512i wc = _mm512_loadu_si512(block + 2 * stride);
            const __m512i wd = _mm512_loadu_si512(block + 3 * stride);
            FOR_VOXELS(STEP_FOUR)
            block += GROUP_BYTES;
        }
    }
    FOR_VOXELS(FINISH_FOUR)
}

OTR_DENSE_SUMS(DENSE_SUMS) {
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    const size_t stride = otr_dense_block_bytes(weights);
    (void)scratch;
    for (size_t v = 0; v < voxel_count; v += VOXELS_AT_ONCE) {
        const int8_t *block = weights->weights;
        int32_t *out = sums + v * channels;
        uint32_t left = weights->block_count;
        for (; left >= BLOCKS_AT_ONCE; left -= BLOCKS_AT_ONCE) {
            sum_four_blocks(weights, block, input, voxels + v, voxel_count - v, out);
            block += BLOCKS_AT_ONCE * stride;
            out += BLOCKS_AT_ONCE * OTR_DENSE_BLOCK;
        }
        for (; left > 0; left--) {
            sum_block(weights, block, input, voxels + v, voxel_count - v, out);
            block += stride;
            out += OTR_DENSE_BLOCK;
        }
    }
}

#endif
