/* Dense convolutions on AVX-512 BW, as on AVX2 (see there). */
#include "kernels/dense_kernels.h"

#if !defined(__AVX512BW__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

static inline __m512i add_products(__m512i total, __m512i x, __m512i w) {
    const __m512i pairs = _mm512_madd_epi16(_mm512_maddubs_epi16(x, w), _mm512_set1_epi16(1));
    return _mm512_add_epi32(total, pairs);
}

#define DENSE_SUMS otr_avx512_dense_sums
#define ADD_PRODUCTS add_products
#include "kernels/dense_sums_512.h"

OTR_DENSE_ACTIVATE(otr_avx512_dense_activate) {
    const __m512 half = _mm512_set1_ps(0.5f), most = _mm512_set1_ps(OTR_DENSE_TABLE - 1),
                 least = _mm512_setzero_ps();
    for (size_t c = 0; c < channel_count; c += 16) {
        uint16_t places[16];
        const __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(sums + c));
        __m512 place =
            _mm512_add_ps(_mm512_mul_ps(sum, _mm512_loadu_ps(scales + c)), _mm512_loadu_ps(offsets + c));
        place = _mm512_min_ps(_mm512_max_ps(place, least), most);
        _mm256_storeu_si256((__m256i *)places,
                            _mm512_cvtepi32_epi16(_mm512_cvttps_epi32(_mm512_add_ps(place, half))));
        for (int i = 0; i < 16; i++) {
            output[c + i] = table[places[i]];
        }
    }
}
