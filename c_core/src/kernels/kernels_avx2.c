/* Kernels for avx2. Compiled with that instruction set's flags only; see select.c for when it may run. */
#include "kernels/kernels_tables.h"

#if !defined(__AVX2__)
#error "compile this file with its instruction set enabled (see build.rs)"
#endif

const otr_kernels otr_kernels_avx2 = {
    .isa = OTR_ISA_AVX2,
    .bit_indices = otr_portable_bit_indices,
    .transpose_64x64 = otr_portable_transpose_64x64,
    .xor_words = otr_portable_xor_words,
    .count_bits = otr_portable_count_bits,
    .digits_to_bits = otr_portable_digits_to_bits,
    .bits_to_digits = otr_portable_bits_to_digits,
};
