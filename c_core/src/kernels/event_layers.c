#include "kernels/event_layers.h"

#include "common/bits.h"

static inline uint8_t clamp_feature(int32_t value) {
    return (uint8_t)(value < 0 ? 0 : value > 127 ? 127 : value);
}

static inline void start_rows(const uint32_t width, const int16_t *places, const int16_t *phases,
                              const otr_event_spot *spots, const uint32_t *nodes, size_t event_count,
                              int16_t *sums) {
    for (size_t k = 0; k < event_count; k++) {
        const int16_t *const place = places + (size_t)spots[nodes[k]].place * width;
        const int16_t *const phase = phases + (size_t)spots[nodes[k]].phase * width;
        for (uint32_t c = 0; c < width; c++) {
            sums[k * width + c] = (int16_t)(place[c] + phase[c]);
        }
    }
}

static inline void add_rows(const uint32_t width, const int16_t *rows, const otr_event_pair *pairs,
                            size_t pair_count, int16_t *sums) {
    for (size_t k = 0; k < pair_count; k++) {
        const int16_t *const row = rows + (size_t)pairs[k].class_index * 2 * width;
        int16_t *const first = sums + (size_t)pairs[k].first * width;
        int16_t *const second = sums + (size_t)pairs[k].second * width;
        for (uint32_t c = 0; c < width; c++) {
            first[c] = (int16_t)(first[c] + row[c]);
        }
        for (uint32_t c = 0; c < width; c++) {
            second[c] = (int16_t)(second[c] + row[width + c]);
        }
    }
}

static inline void narrow_rows(const int16_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    for (size_t i = 0; i < count; i++) {
        h[i] = clamp_feature(otr_shift_right(sums[i], shift));
    }
}

static inline void narrow_sums(const int32_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    for (size_t i = 0; i < count; i++) {
        h[i] = clamp_feature(otr_shift_right(sums[i], shift));
    }
}

/* sums += matrix x, for a matrix of `width` inputs. */
static inline void add_product(const uint32_t width, const uint32_t outputs, const int8_t *matrix,
                               const uint8_t *x, int32_t *sums) {
    for (uint32_t in = 0; in < width; in += 4) {
        for (uint32_t out = 0; out < outputs; out++) {
            const int8_t *const weights = matrix + (in * outputs + out * 4);
            sums[out] +=
                weights[0] * x[in] + weights[1] * x[in + 1] + weights[2] * x[in + 2] + weights[3] * x[in + 3];
        }
    }
}

static inline void dense(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                         const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *sums) {
    for (size_t k = 0; k < event_count; k++) {
        const uint8_t *const own = h + (size_t)events[k] * width;
        int32_t *const sum = sums + (size_t)events[k] * width;
        for (uint32_t c = 0; c < width; c++) {
            sum[c] = biases[c] + ((int32_t)own[c] << shift);
        }
        add_product(width, width, matrix, own, sum);
    }
}

static inline void message(const uint32_t width, const int8_t *matrix, const uint8_t *x, int32_t *sums) {
    add_product(width, width, matrix, x, sums);
}

static inline void head(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                        const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *out,
                        size_t stride) {
    for (size_t k = 0; k < event_count; k++) {
        int32_t *const sum = out + events[k] * stride;
        for (uint32_t c = 0; c < OTR_EVENT_HEAD; c++) {
            sum[c] = biases[c];
        }
        add_product(width, OTR_EVENT_HEAD, matrix, h + (size_t)events[k] * width, sum);
        for (uint32_t c = 0; c < OTR_EVENT_HEAD; c++) {
            sum[c] = otr_shift_right(sum[c], shift);
        }
    }
}

static inline int32_t clamp_weight(int64_t weight) {
    return (int32_t)(weight > OTR_WEIGHT_MAX    ? OTR_WEIGHT_MAX
                     : weight < -OTR_WEIGHT_MAX ? -OTR_WEIGHT_MAX
                                                : weight);
}

size_t otr_portable_write_overrides(const otr_override *edges, uint32_t slots, const uint32_t *nodes,
                                    const uint32_t *named, size_t event_count, const int32_t *steps,
                                    size_t stride, int32_t unit, otr_override *out) {
    size_t count = 0;
    for (size_t k = 0; k < event_count; k++) {
        const otr_override *const own = edges + (size_t)nodes[k] * slots;
        for (uint32_t i = 0; i < slots; i++) {
            const int64_t weight = own[i].weight - (int64_t)unit * steps[k * stride + i];
            out[count] = (otr_override){.edge = own[i].edge, .weight = clamp_weight(weight)};
            count += own[i].edge != UINT32_MAX && !(named[k] >> i & 1);
        }
    }
    return count;
}

OTR_EVENT_LAYERS(otr_event_layers_portable, otr_portable_write_overrides);
