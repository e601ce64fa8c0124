/* Dense convolutions on AVX2: vpmaddubsw adds pairs of products to 16 bits, which inputs of 7 bits never
 * fill; vpmaddwd adds pairs of these to 32 bits. Four voxels by one block of output channels at a time. */
#include "kernels/dense_kernels.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define VOXELS_AT_ONCE 4
#define FOR_VOXELS(DO) DO(0) DO(1) DO(2) DO(3)

#define ADD_PRODUCTS(total, x, w)                                                                            \
    total = _mm256_add_epi32(total, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), ones))

#define START(v)                                                                                             \
    const uint8_t *const input##v = input + voxels[v < voxel_count ? v : voxel_count - 1];                   \
    __m256i low##v = _mm256_setzero_si256(), high##v = _mm256_setzero_si256();
#define STEP(v)                                                                                              \
    {                                                                                                        \
        const __m256i x = _mm256_set1_epi32(otr_dense_load_group(input##v + at));                            \
        ADD_PRODUCTS(low##v, x, w_low);                                                                      \
        ADD_PRODUCTS(high##v, x, w_high);                                                                    \
    }
#define FINISH(v)                                                                                            \
    if (v < voxel_count) {                                                                                   \
        _mm256_storeu_si256((__m256i *)(sums + v * channels), low##v);                                       \
        _mm256_storeu_si256((__m256i *)(sums + v * channels + 8), high##v);                                  \
    }

/* At least one voxel, of which at most VOXELS_AT_ONCE are done. */
static void sum_block(const otr_dense_weights *weights, const int8_t *block, const uint8_t *input,
                      const uint32_t *voxels, size_t voxel_count, int32_t *sums) {
    const __m256i ones = _mm256_set1_epi16(1);
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    FOR_VOXELS(START)
    for (uint32_t tap = 0; tap < weights->tap_count; tap++) {
        const size_t end = (size_t)weights->taps[tap] + OTR_DENSE_GROUP * weights->tap_groups;
        for (size_t at = weights->taps[tap]; at < end; at += OTR_DENSE_GROUP) {
            const __m256i w_low = _mm256_loadu_si256((const __m256i *)block);
            const __m256i w_high = _mm256_loadu_si256((const __m256i *)(block + 32));
            FOR_VOXELS(STEP)
            block += OTR_DENSE_BLOCK * OTR_DENSE_GROUP;
        }
    }
    FOR_VOXELS(FINISH)
}

OTR_DENSE_SUMS(otr_avx2_dense_sums) {
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    (void)scratch;
    for (size_t v = 0; v < voxel_count; v += VOXELS_AT_ONCE) {
        for (uint32_t b = 0; b < weights->block_count; b++) {
            sum_block(weights, weights->weights + b * otr_dense_block_bytes(weights), input, voxels + v,
                      voxel_count - v, sums + v * channels + b * OTR_DENSE_BLOCK);
        }
    }
}

OTR_DENSE_ACTIVATE(otr_avx2_dense_activate) {
    const __m256 half = _mm256_set1_ps(0.5f), most = _mm256_set1_ps(OTR_DENSE_TABLE - 1),
                 least = _mm256_setzero_ps();
    for (size_t c = 0; c < channel_count; c += 8) {
        int32_t places[8];
        const __m256 sum = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(sums + c)));
        __m256 place =
            _mm256_add_ps(_mm256_mul_ps(sum, _mm256_loadu_ps(scales + c)), _mm256_loadu_ps(offsets + c));
        place = _mm256_min_ps(_mm256_max_ps(place, least), most);
        _mm256_storeu_si256((__m256i *)places, _mm256_cvttps_epi32(_mm256_add_ps(place, half)));
        for (int i = 0; i < 8; i++) {
            output[c + i] = table[places[i]];
        }
    }
}
