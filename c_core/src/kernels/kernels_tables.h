/* The tables. */
#ifndef OTR_KERNELS_TABLES_H
#define OTR_KERNELS_TABLES_H

#include "outrider/kernels.h"

/* -DOTR_PORTABLE_ONLY builds without the instruction-set files, which need compiler flags of their own. */
#if defined(__x86_64__) && !defined(OTR_PORTABLE_ONLY)
#define OTR_KERNELS_X86 1
#endif

extern const otr_kernels otr_kernels_portable;
#if defined(OTR_KERNELS_X86)
extern const otr_kernels otr_kernels_avx2;
extern const otr_kernels otr_kernels_avx512;
extern const otr_kernels otr_kernels_avx512vnni;
extern const otr_kernels otr_kernels_amx;
#endif

/* The portable kernels by name: a table points at them where its instruction set brings no gain. */
size_t otr_portable_bit_indices(const uint8_t *bits, size_t bit_count, uint32_t *indices);
void otr_portable_transpose_64x64(uint64_t *rows);
void otr_portable_xor_words(uint64_t *target, const uint64_t *source, size_t word_count);
uint64_t otr_portable_count_bits(const uint64_t *words, size_t word_count);
size_t otr_portable_digits_to_bits(const uint8_t *digits, size_t count, uint8_t *bits);
void otr_portable_bits_to_digits(const uint8_t *bits, size_t bit_count, uint8_t *digits);
void otr_portable_random_words(uint64_t key, uint64_t counter_high, uint64_t counter_low, uint64_t *words);
void otr_portable_geometric_skips(const uint64_t *words, double scale, uint64_t *skips);

#endif
