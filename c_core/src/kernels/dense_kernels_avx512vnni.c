/* Dense convolutions on AVX-512 VNNI: vpdpbusd adds four products to each sum. */
#include "kernels/dense_kernels.h"

#if !defined(__AVX512VNNI__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define DENSE_SUMS otr_avx512vnni_dense_sums
#define ADD_PRODUCTS _mm512_dpbusd_epi32
#include "kernels/dense_sums_512.h"
