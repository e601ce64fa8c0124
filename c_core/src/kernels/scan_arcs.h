/* The search's innermost loop, for every instruction set (see otr_kernels.scan_arcs for the contract). */
#ifndef OTR_SCAN_ARCS_H
#define OTR_SCAN_ARCS_H

#include "kernels/kernels_tables.h"

uint64_t otr_portable_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                                uint32_t *position);
#if defined(OTR_KERNELS_X86)
uint64_t otr_avx2_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                            uint32_t *position);
uint64_t otr_avx512_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                              uint32_t *position);
#elif defined(OTR_KERNELS_NEON)
uint64_t otr_neon_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                            uint32_t *position);
#endif

#endif
