#include "kernels/scan_arcs.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

/* Lanes 0 .. count-1 on. */
static __m256i lanes_below(uint32_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static uint32_t lane_mask(__m256i lanes) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(lanes));
}

/* Eight arcs from memory, the first `count` of them; heads and weights apart, zeros beyond. */
static void load_arcs(const uint32_t *arcs, uint32_t count, __m256i *heads, __m256i *weights) {
    const __m256i order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const uint32_t words = 2 * count;
    __m256i low = _mm256_maskload_epi32((const int *)arcs, lanes_below(words));
    __m256i high = words > 8 ? _mm256_maskload_epi32((const int *)arcs + 8, lanes_below(words - 8))
                             : _mm256_setzero_si256();
    low = _mm256_permutevar8x32_epi32(low, order);
    high = _mm256_permutevar8x32_epi32(high, order);
    *heads = _mm256_permute2x128_si256(low, high, 0x20);
    *weights = _mm256_permute2x128_si256(low, high, 0x31);
}

static uint32_t least_lane(__m256i values) {
    __m128i least = _mm_min_epu32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
    least = _mm_min_epu32(least, _mm_shuffle_epi32(least, _MM_SHUFFLE(1, 0, 3, 2)));
    least = _mm_min_epu32(least, _mm_shuffle_epi32(least, _MM_SHUFFLE(2, 3, 0, 1)));
    return (uint32_t)_mm_cvtsi128_si32(least);
}

uint64_t otr_avx2_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                            uint32_t *position) {
    uint64_t set = 0;
    uint32_t best = UINT32_MAX;
    uint32_t best_position = 0;
    for (uint32_t i = 0; i < count; i += 8) {
        const uint32_t left = count - i < 8 ? count - i : 8;
        const __m256i valid = lanes_below(left);
        __m256i heads, weights, words, hit;
        uint32_t chunk_least;
        load_arcs(arcs + 2 * i, left, &heads, &weights);
        words = _mm256_mask_i32gather_epi32(_mm256_setzero_si256(), (const int *)bits,
                                            _mm256_srli_epi32(heads, 5), valid, 4);
        hit = _mm256_slli_epi32(_mm256_srlv_epi32(words, _mm256_and_si256(heads, _mm256_set1_epi32(31))), 31);
        hit = _mm256_srai_epi32(hit, 31);
        set |= (uint64_t)lane_mask(hit) << i;
        weights =
            _mm256_or_si256(weights, _mm256_or_si256(hit, _mm256_xor_si256(valid, _mm256_set1_epi32(-1))));
        chunk_least = least_lane(weights);
        if (chunk_least < best) {
            best = chunk_least;
            best_position = i + (uint32_t)__builtin_ctz(lane_mask(
                                    _mm256_cmpeq_epi32(weights, _mm256_set1_epi32((int)chunk_least))));
        }
    }
    *least = best;
    *position = best_position;
    return set;
}
