#include "kernels/scan_arcs.h"

#if defined(OTR_KERNELS_NEON)
#include <arm_neon.h>
#include <string.h>

/* The half of a word of bits that holds bit `head`. */
static inline uint32_t load_half(const uint64_t *bits, uint32_t head) {
    uint32_t half;
    memcpy(&half, (const uint8_t *)bits + (size_t)(head >> 5) * sizeof half, sizeof half);
    return half;
}

/* All bits of lane i are the bit of head i. There is no gather: words are loaded one by one. */
static inline uint32x4_t look_up(const uint32_t *arcs, uint32x4_t heads, const uint64_t *bits) {
    const uint32x4_t places = vandq_u32(heads, vdupq_n_u32(31));
    uint32x4_t words = vdupq_n_u32(load_half(bits, arcs[0]));
    words = vsetq_lane_u32(load_half(bits, arcs[2]), words, 1);
    words = vsetq_lane_u32(load_half(bits, arcs[4]), words, 2);
    words = vsetq_lane_u32(load_half(bits, arcs[6]), words, 3);
    return vtstq_u32(words, vshlq_u32(vdupq_n_u32(1), vreinterpretq_s32_u32(places)));
}

/* Four arcs at a time; each lane keeps the first of its least weights. The last four may have been seen
 * before, which changes nothing. */
uint64_t otr_neon_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                            uint32_t *position) {
    static const uint32_t LANES[4] = {0, 1, 2, 3}, LANE_BITS[4] = {1, 2, 4, 8};
    const uint32x4_t lanes = vld1q_u32(LANES), lane_bits = vld1q_u32(LANE_BITS);
    uint32x4_t best = vdupq_n_u32(UINT32_MAX), best_places = lanes;
    uint64_t set = 0;
    if (count < 4) {
        return otr_portable_scan_arcs(arcs, count, bits, least, position);
    }
    for (uint32_t next = 0; next < count; next += 4) {
        const uint32_t i = next < count - 4 ? next : count - 4;
        const uint32x4x2_t four = vld2q_u32(arcs + 2 * i);
        const uint32x4_t hit = look_up(arcs + 2 * i, four.val[0], bits);
        const uint32x4_t weights = vorrq_u32(four.val[1], hit);
        const uint32x4_t better = vcltq_u32(weights, best);
        set |= (uint64_t)vaddvq_u32(vandq_u32(hit, lane_bits)) << i;
        best = vminq_u32(best, weights);
        best_places = vbslq_u32(better, vaddq_u32(lanes, vdupq_n_u32(i)), best_places);
    }
    *least = vminvq_u32(best);
    *position = vminvq_u32(vorrq_u32(best_places, vmvnq_u32(vceqq_u32(best, vdupq_n_u32(*least)))));
    return set;
}

#endif
