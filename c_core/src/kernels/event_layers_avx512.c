/* The event network with AVX-512 BW; products as in event_layers_avx2.c. */
#if !defined(__AVX512BW__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

static inline __m512i add_four(__m512i sum, __m512i four, __m512i weights) {
    const __m512i twos = _mm512_maddubs_epi16(four, weights);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(twos, _mm512_set1_epi16(1)));
}

#include "kernels/event_layers_zmm.h"

OTR_EVENT_LAYERS(otr_event_layers_avx512, write_overrides);
