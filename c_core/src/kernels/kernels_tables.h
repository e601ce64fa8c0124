/* The tables. */
#ifndef OTR_KERNELS_TABLES_H
#define OTR_KERNELS_TABLES_H

#include "outrider/kernels.h"

/* Which instruction-set files this build has. Those of x86-64 need compiler flags of their own, which
 * c_core/instruction_sets.txt lists; those of AArch64 are empty elsewhere. -DOTR_PORTABLE_ONLY builds without
 * any. */
#if defined(__x86_64__) && !defined(OTR_PORTABLE_ONLY)
#define OTR_KERNELS_X86 1
#elif defined(__aarch64__) && !defined(__AARCH64EB__) && !defined(OTR_PORTABLE_ONLY)
#define OTR_KERNELS_NEON 1
#endif

extern const otr_kernels otr_kernels_portable;
#if defined(OTR_KERNELS_X86)
extern const otr_kernels otr_kernels_avx2;
extern const otr_kernels otr_kernels_avx512;
extern const otr_kernels otr_kernels_avx512vnni;
extern const otr_kernels otr_kernels_amx;
#elif defined(OTR_KERNELS_NEON)
extern const otr_kernels otr_kernels_neon;
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
void otr_portable_logarithms(double *numbers, size_t count);

#endif
