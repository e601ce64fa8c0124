/* The innermost loop of sums over errors, for every instruction set (see otr_kernels.filter_states for the
 * contract). */
#ifndef OTR_FILTER_STATES_H
#define OTR_FILTER_STATES_H

#include "kernels/kernels_tables.h"

size_t otr_portable_filter_states(const uint64_t *keys, const double *weights, size_t count,
                                  const otr_state_filter *filter, uint32_t *indices);
#if defined(OTR_KERNELS_X86)
size_t otr_avx2_filter_states(const uint64_t *keys, const double *weights, size_t count,
                              const otr_state_filter *filter, uint32_t *indices);
size_t otr_avx512_filter_states(const uint64_t *keys, const double *weights, size_t count,
                                const otr_state_filter *filter, uint32_t *indices);
#endif

#endif
