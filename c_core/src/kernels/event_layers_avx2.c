/* The event network with AVX2. A product of int8 weights and values below 128 is two steps of 16 and 32 bits:
 * the sum of two such products is below 2^15, so that VPMADDUBSW never saturates. */
#include "kernels/event_layers.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>
#include <string.h>

/* Lanes of 32 bits. */
#define LANES 8

static inline __m256i load(const void *from) {
    return _mm256_loadu_si256((const __m256i *)from);
}

static inline void store(void *to, __m256i value) {
    _mm256_storeu_si256((__m256i *)to, value);
}

/* Four channels in every lane. */
static inline __m256i repeat_four(const uint8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

static inline void start_rows(const uint32_t width, const int16_t *places, const int16_t *phases,
                              const otr_event_spot *spots, const uint32_t *nodes, size_t event_count,
                              int16_t *sums) {
    for (size_t k = 0; k < event_count; k++) {
        const int16_t *const place = places + (size_t)spots[nodes[k]].place * width;
        const int16_t *const phase = phases + (size_t)spots[nodes[k]].phase * width;
        for (uint32_t c = 0; c < width; c += 16) {
            store(sums + k * width + c, _mm256_add_epi16(load(place + c), load(phase + c)));
        }
    }
}

static inline void add_rows(const uint32_t width, const int16_t *rows, const otr_event_pair *pairs,
                            size_t pair_count, int16_t *sums) {
    for (size_t k = 0; k < pair_count; k++) {
        const int16_t *const row = rows + (size_t)pairs[k].class_index * 2 * width;
        int16_t *const first = sums + (size_t)pairs[k].first * width;
        int16_t *const second = sums + (size_t)pairs[k].second * width;
        for (uint32_t c = 0; c < width; c += 16) {
            store(first + c, _mm256_add_epi16(load(first + c), load(row + c)));
            store(second + c, _mm256_add_epi16(load(second + c), load(row + width + c)));
        }
    }
}

/* Sixteen values of 16 bits, clamped to bytes. */
static inline void store_features(__m256i values, uint8_t *h) {
    const __m256i clamped =
        _mm256_min_epi16(_mm256_max_epi16(values, _mm256_setzero_si256()), _mm256_set1_epi16(127));
    _mm_storeu_si128((__m128i *)h,
                     _mm_packus_epi16(_mm256_castsi256_si128(clamped), _mm256_extracti128_si256(clamped, 1)));
}

static inline void narrow_rows(const int16_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t i = 0; i < count; i += 16) {
        store_features(_mm256_sra_epi16(load(sums + i), by), h + i);
    }
}

static inline void narrow_sums(const int32_t *sums, size_t count, uint32_t shift, uint8_t *h) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t i = 0; i < count; i += 16) {
        const __m256i low = _mm256_sra_epi32(load(sums + i), by);
        const __m256i high = _mm256_sra_epi32(load(sums + i + LANES), by);
        /* Packing works in halves: quarters come out as 0, 2, 1, 3. */
        store_features(_mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), _MM_SHUFFLE(3, 1, 2, 0)),
                       h + i);
    }
}

static inline __m256i add_four(__m256i sum, __m256i four, const int8_t *weights) {
    const __m256i twos = _mm256_maddubs_epi16(four, load(weights));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(twos, _mm256_set1_epi16(1)));
}

/* sums[q] += outputs 8 q .. 8 q + 7 of matrix x, q < outputs / 8. */
static inline void add_product(const uint32_t width, const uint32_t outputs, const int8_t *matrix,
                               const uint8_t *x, __m256i *sums) {
    for (uint32_t in = 0; in < width; in += 4) {
        const __m256i four = repeat_four(x + in);
        for (uint32_t q = 0; q < outputs / LANES; q++) {
            sums[q] = add_four(sums[q], four, matrix + in * outputs + q * 32);
        }
    }
}

static inline void dense(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                         const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *sums) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t k = 0; k < event_count; k++) {
        const uint8_t *const own = h + (size_t)events[k] * width;
        int32_t *const out = sums + (size_t)events[k] * width;
        __m256i sum[OTR_EVENT_WIDTH_MAX / LANES];
        for (uint32_t q = 0; q < width / LANES; q++) {
            const __m128i eight = _mm_loadl_epi64((const __m128i *)(own + q * LANES));
            sum[q] =
                _mm256_add_epi32(load(biases + q * LANES), _mm256_sll_epi32(_mm256_cvtepu8_epi32(eight), by));
        }
        add_product(width, width, matrix, own, sum);
        for (uint32_t q = 0; q < width / LANES; q++) {
            store(out + q * LANES, sum[q]);
        }
    }
}

static inline void message(const uint32_t width, const int8_t *matrix, const uint8_t *x, int32_t *sums) {
    __m256i sum[OTR_EVENT_WIDTH_MAX / LANES];
    for (uint32_t q = 0; q < width / LANES; q++) {
        sum[q] = load(sums + q * LANES);
    }
    add_product(width, width, matrix, x, sum);
    for (uint32_t q = 0; q < width / LANES; q++) {
        store(sums + q * LANES, sum[q]);
    }
}

static inline void head(const uint32_t width, const int8_t *matrix, const int32_t *biases, uint32_t shift,
                        const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *out,
                        size_t stride) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t k = 0; k < event_count; k++) {
        int32_t *const row = out + events[k] * stride;
        __m256i sum[OTR_EVENT_HEAD / LANES];
        for (uint32_t q = 0; q < OTR_EVENT_HEAD / LANES; q++) {
            sum[q] = load(biases + q * LANES);
        }
        add_product(width, OTR_EVENT_HEAD, matrix, h + (size_t)events[k] * width, sum);
        for (uint32_t q = 0; q < OTR_EVENT_HEAD / LANES; q++) {
            store(row + q * LANES, _mm256_sra_epi32(sum[q], by));
        }
    }
}

OTR_EVENT_LAYERS(otr_event_layers_avx2, otr_portable_write_overrides);
