/* The event network on vectors of 512 bits; only for files of AVX-512 instruction sets, which define add_four
 * before they include this: sum + the products of four values of 0..127 with sixteen outputs' weights. */
#ifndef OTR_EVENT_LAYERS_ZMM_H
#define OTR_EVENT_LAYERS_ZMM_H

#include "kernels/event_layers.h"

#include <immintrin.h>
#include <string.h>

/* Lanes of 32 bits. */
#define LANES 16

/* Four channels in every lane. */
static inline __m512i repeat_four(const uint8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

static inline __m256i load_half(const void *from) {
    return _mm256_loadu_si256((const __m256i *)from);
}

static inline void start_rows(const uint32_t width, const int16_t *places, const int16_t *phases,
                              const otr_event_spot *spots, const uint32_t *nodes, size_t event_count,
                              int16_t *sums) {
    for (size_t k = 0; k < event_count; k++) {
        const int16_t *const place = places + (size_t)spots[nodes[k]].place * width;
        const int16_t *const phase = phases + (size_t)spots[nodes[k]].phase * width;
        for (uint32_t c = 0; c < width; c += 16) {
            const __m256i sum = _mm256_add_epi16(load_half(place + c), load_half(phase + c));
            _mm256_storeu_si256((__m256i *)(sums + k * width + c), sum);
        }
    }
}

/* Sixteen channels of 16 bits at a time, whatever the width. */
static inline void add_rows(const uint32_t width, const int16_t *rows, const otr_event_pair *pairs,
                            size_t pair_count, int16_t *sums) {
    for (size_t k = 0; k < pair_count; k++) {
        const int16_t *const row = rows + (size_t)pairs[k].class_index * 2 * width;
        int16_t *const first = sums + (size_t)pairs[k].first * width;
        int16_t *const second = sums + (size_t)pairs[k].second * width;
        for (uint32_t c = 0; c < width; c += 16) {
            const __m256i sum1 = _mm256_add_epi16(load_half(first + c), load_half(row + c));
            _mm256_storeu_si256((__m256i *)(first + c), sum1);
        }
        for (uint32_t c = 0; c < width; c += 16) {
            const __m256i sum2 = _mm256_add_epi16(load_half(second + c), load_half(row + width + c));
            _mm256_storeu_si256((__m256i *)(second + c), sum2);
        }
    }
}

static inline void store_features(__m512i values, uint8_t *h) {
    const __m512i clamped =
        _mm512_min_epi32(_mm512_max_epi32(values, _mm512_setzero_si512()), _mm512_set1_epi32(127));
    _mm_storeu_si128((__m128i *)h, _mm512_cvtepi32_epi8(clamped));
}

static inline void narrow_rows(const int16_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t i = 0; i < count; i += 16) {
        const __m256i values = _mm256_sra_epi16(load_half(sums + i), by);
        store_features(_mm512_cvtepi16_epi32(values), h + i);
    }
}

static inline void narrow_sums(const int32_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t i = 0; i < count; i += LANES) {
        store_features(_mm512_sra_epi32(_mm512_loadu_si512(sums + i), by), h + i);
    }
}

/* sums[q] += outputs 16 q .. 16 q + 15 of matrix x, q < outputs / 16. */
static inline void add_product(const uint32_t width, const uint32_t outputs, const int8_t *matrix,
                               const uint8_t *x, __m512i *sums) {
    for (uint32_t in = 0; in < width; in += 4) {
        const __m512i four = repeat_four(x + in);
        for (uint32_t q = 0; q < outputs / LANES; q++) {
            sums[q] = add_four(sums[q], four, _mm512_loadu_si512(matrix + in * outputs + q * 64));
        }
    }
}

static inline void dense(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                         const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *sums) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t k = 0; k < event_count; k++) {
        const uint8_t *const own = h + (size_t)events[k] * width;
        int32_t *const out = sums + (size_t)events[k] * width;
        __m512i sum[OTR_EVENT_WIDTH_MAX / LANES];
        for (uint32_t q = 0; q < width / LANES; q++) {
            const __m128i sixteen = _mm_loadu_si128((const __m128i *)(own + q * LANES));
            sum[q] = _mm512_add_epi32(_mm512_loadu_si512(biases + q * LANES),
                                      _mm512_sll_epi32(_mm512_cvtepu8_epi32(sixteen), by));
        }
        add_product(width, width, matrix, own, sum);
        for (uint32_t q = 0; q < width / LANES; q++) {
            _mm512_storeu_si512(out + q * LANES, sum[q]);
        }
    }
}

static inline void message(const uint32_t width, const int8_t *matrix, const uint8_t *x, int32_t *sums) {
    __m512i sum[OTR_EVENT_WIDTH_MAX / LANES];
    for (uint32_t q = 0; q < width / LANES; q++) {
        sum[q] = _mm512_loadu_si512(sums + q * LANES);
    }
    add_product(width, width, matrix, x, sum);
    for (uint32_t q = 0; q < width / LANES; q++) {
        _mm512_storeu_si512(sums + q * LANES, sum[q]);
    }
}

static inline void head(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                        const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *out,
                        size_t stride) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t k = 0; k < event_count; k++) {
        __m512i sum = _mm512_loadu_si512(biases);
        add_product(width, OTR_EVENT_HEAD, matrix, h + (size_t)events[k] * width, &sum);
        _mm512_storeu_si512(out + events[k] * stride, _mm512_sra_epi32(sum, by));
    }
}

/* An override is a word of 64 bits: the edge below, the weight above. */
_Static_assert(sizeof(otr_override) == 8, "an override is a word");

/* Eight slots at a time; the kept ones move together and are stored with what follows them. */
static size_t write_overrides(const otr_override *edges, uint32_t slots, const uint32_t *nodes,
                              const uint32_t *named, size_t event_count, const int32_t *steps, size_t stride,
                              int32_t unit, otr_override *out) {
    const __m512i edge_bits = _mm512_set1_epi64(UINT32_MAX);
    const __m512i units = _mm512_set1_epi64(unit);
    otr_override *next = out;
    for (size_t k = 0; k < event_count; k++) {
        const otr_override *const own = edges + (size_t)nodes[k] * slots;
        for (uint32_t i = 0; i < slots; i += 8) {
            const uint32_t left = slots - i < 8 ? slots - i : 8;
            const __mmask8 valid = (__mmask8)(((1u << left) - 1) & ~(named[k] >> i));
            const __m512i words = _mm512_mask_loadu_epi64(edge_bits, valid, own + i);
            const __m512i edge = _mm512_and_si512(words, edge_bits);
            const __m512i step = _mm512_cvtepi32_epi64(load_half(steps + k * stride + i));
            __m512i weight = _mm512_sub_epi64(_mm512_srai_epi64(words, 32), _mm512_mul_epi32(step, units));
            __mmask8 kept;
            weight = _mm512_min_epi64(weight, _mm512_set1_epi64(OTR_WEIGHT_MAX));
            weight = _mm512_max_epi64(weight, _mm512_set1_epi64(-OTR_WEIGHT_MAX));
            kept = _mm512_cmpneq_epi64_mask(edge, edge_bits);
            _mm512_storeu_si512(next, _mm512_maskz_compress_epi64(
                                          kept, _mm512_or_si512(_mm512_slli_epi64(weight, 32), edge)));
            next += _mm_popcnt_u32(kept);
        }
    }
    return (size_t)(next - out);
}

#endif
