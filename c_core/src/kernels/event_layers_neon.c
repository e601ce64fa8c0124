/* The event network with NEON. A product of int8 weights and values below 128 is two steps of 16 and 32 bits:
 * the sum of two such products is below 2^15. */
#include "kernels/event_layers.h"

#if defined(OTR_KERNELS_NEON)
#include <arm_neon.h>
#include <string.h>

/* Lanes of 32 bits. */
#define LANES 4

/* Four channels in every lane. */
static inline int8x16_t repeat_four(const uint8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

static inline void start_rows(const uint32_t width, const int16_t *places, const int16_t *phases,
                              const otr_event_spot *spots, const uint32_t *nodes, size_t event_count,
                              int16_t *sums) {
    for (size_t k = 0; k < event_count; k++) {
        const int16_t *const place = places + (size_t)spots[nodes[k]].place * width;
        const int16_t *const phase = phases + (size_t)spots[nodes[k]].phase * width;
        for (uint32_t c = 0; c < width; c += 8) {
            vst1q_s16(sums + k * width + c, vaddq_s16(vld1q_s16(place + c), vld1q_s16(phase + c)));
        }
    }
}

static inline void add_rows(const uint32_t width, const int16_t *rows, const otr_event_pair *pairs,
                            size_t pair_count, int16_t *sums) {
    for (size_t k = 0; k < pair_count; k++) {
        const int16_t *const row = rows + (size_t)pairs[k].class_index * 2 * width;
        int16_t *const first = sums + (size_t)pairs[k].first * width;
        int16_t *const second = sums + (size_t)pairs[k].second * width;
        for (uint32_t c = 0; c < width; c += 8) {
            vst1q_s16(first + c, vaddq_s16(vld1q_s16(first + c), vld1q_s16(row + c)));
            vst1q_s16(second + c, vaddq_s16(vld1q_s16(second + c), vld1q_s16(row + width + c)));
        }
    }
}

/* Sixteen values of 16 bits, clamped to bytes: negative ones become 0, those above 127 too large for int8. */
static inline void store_features(int16x8_t low, int16x8_t high, uint8_t *h) {
    const int8x16_t below_128 = vqmovn_high_s16(vqmovn_s16(low), high);
    vst1q_u8(h, vreinterpretq_u8_s8(vmaxq_s8(below_128, vdupq_n_s8(0))));
}

static inline void narrow_rows(const int16_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    const int16x8_t by = vdupq_n_s16((int16_t) - (int32_t)shift);
    for (size_t i = 0; i < count; i += 16) {
        store_features(vshlq_s16(vld1q_s16(sums + i), by), vshlq_s16(vld1q_s16(sums + i + 8), by), h + i);
    }
}

static inline int16x8_t narrow_eight(const int32_t *sums, int32x4_t by) {
    const int16x4_t low = vqmovn_s32(vshlq_s32(vld1q_s32(sums), by));
    return vqmovn_high_s32(low, vshlq_s32(vld1q_s32(sums + LANES), by));
}

static inline void narrow_sums(const int32_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    const int32x4_t by = vdupq_n_s32(-(int32_t)shift);
    for (size_t i = 0; i < count; i += 16) {
        store_features(narrow_eight(sums + i, by), narrow_eight(sums + i + 8, by), h + i);
    }
}

static inline int32x4_t add_four(int32x4_t sum, int8x16_t four, const int8_t *weights) {
    const int8x16_t w = vld1q_s8(weights);
    const int16x8_t low = vmull_s8(vget_low_s8(four), vget_low_s8(w)), high = vmull_high_s8(four, w);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

/* sums[q] += outputs 4 q .. 4 q + 3 of matrix x, q < outputs / 4. */
static inline void add_product(const uint32_t width, const uint32_t outputs, const int8_t *matrix,
                               const uint8_t *x, int32x4_t *sums) {
    for (uint32_t in = 0; in < width; in += 4) {
        const int8x16_t four = repeat_four(x + in);
        for (uint32_t q = 0; q < outputs / LANES; q++) {
            sums[q] = add_four(sums[q], four, matrix + in * outputs + q * 16);
        }
    }
}

static inline void dense(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                         const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *sums) {
    const int32x4_t by = vdupq_n_s32((int32_t)shift);
    for (size_t k = 0; k < event_count; k++) {
        const uint8_t *const own = h + (size_t)events[k] * width;
        int32_t *const out = sums + (size_t)events[k] * width;
        int32x4_t sum[OTR_EVENT_WIDTH_MAX / LANES];
        for (uint32_t c = 0; c < width; c += 8) {
            const uint16x8_t eight = vmovl_u8(vld1_u8(own + c));
            const int32x4_t low = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(eight)));
            const int32x4_t high = vreinterpretq_s32_u32(vmovl_high_u16(eight));
            sum[c / LANES] = vaddq_s32(vld1q_s32(biases + c), vshlq_s32(low, by));
            sum[c / LANES + 1] = vaddq_s32(vld1q_s32(biases + c + LANES), vshlq_s32(high, by));
        }
        add_product(width, width, matrix, own, sum);
        for (uint32_t q = 0; q < width / LANES; q++) {
            vst1q_s32(out + q * LANES, sum[q]);
        }
    }
}

static inline void message(const uint32_t width, const int8_t *matrix, const uint8_t *x, int32_t *sums) {
    int32x4_t sum[OTR_EVENT_WIDTH_MAX / LANES];
    for (uint32_t q = 0; q < width / LANES; q++) {
        sum[q] = vld1q_s32(sums + q * LANES);
    }
    add_product(width, width, matrix, x, sum);
    for (uint32_t q = 0; q < width / LANES; q++) {
        vst1q_s32(sums + q * LANES, sum[q]);
    }
}

static inline void head(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                        const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *out,
                        size_t stride) {
    const int32x4_t by = vdupq_n_s32(-(int32_t)shift);
    for (size_t k = 0; k < event_count; k++) {
        int32_t *const row = out + events[k] * stride;
        int32x4_t sum[OTR_EVENT_HEAD / LANES];
        for (uint32_t q = 0; q < OTR_EVENT_HEAD / LANES; q++) {
            sum[q] = vld1q_s32(biases + q * LANES);
        }
        add_product(width, OTR_EVENT_HEAD, matrix, h + (size_t)events[k] * width, sum);
        for (uint32_t q = 0; q < OTR_EVENT_HEAD / LANES; q++) {
            vst1q_s32(row + q * LANES, vshlq_s32(sum[q], by));
        }
    }
}

OTR_EVENT_LAYERS(otr_event_layers_neon, otr_portable_write_overrides);

#endif
