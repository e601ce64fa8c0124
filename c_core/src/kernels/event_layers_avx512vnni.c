/* The event network with AVX-512 VNNI, whose one instruction does a whole step of four products. */
#if !defined(__AVX512VNNI__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

static inline __m512i add_four(__m512i sum, __m512i four, __m512i weights) {
    return _mm512_dpbusd_epi32(sum, four, weights);
}

#include "kernels/event_layers_zmm.h"

OTR_EVENT_LAYERS(otr_event_layers_avx512vnni, write_overrides);
