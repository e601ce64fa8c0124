/* The innermost loop of exact sums over errors, for every instruction set (see otr_kernels.flip_sums for the
 * contract). */
#ifndef OTR_FLIP_SUMS_H
#define OTR_FLIP_SUMS_H

#include "kernels/kernels_tables.h"

void otr_portable_flip_sums(double *sums, size_t count, size_t mask, double odds);
#if defined(OTR_KERNELS_X86)
void otr_avx2_flip_sums(double *sums, size_t count, size_t mask, double odds);
void otr_avx512_flip_sums(double *sums, size_t count, size_t mask, double odds);
#endif

#endif
