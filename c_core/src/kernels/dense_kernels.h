/* Dense convolutions on integers, for every instruction set (see otr_kernels for the contracts). */
#ifndef OTR_DENSE_KERNELS_H
#define OTR_DENSE_KERNELS_H

#include "kernels/kernels_tables.h"

#include <string.h>

#define OTR_DENSE_SUMS(name)                                                                                 \
    void name(const otr_dense_weights *weights, const uint8_t *input, const uint32_t *voxels,                \
              size_t voxel_count, uint8_t *scratch, int32_t *sums)
#define OTR_DENSE_ACTIVATE(name)                                                                             \
    void name(const int32_t *sums, const float *scales, const float *offsets, const uint8_t *table,          \
              size_t channel_count, uint8_t *output)

OTR_DENSE_SUMS(otr_portable_dense_sums);
OTR_DENSE_ACTIVATE(otr_portable_dense_activate);
#if defined(OTR_KERNELS_X86)
OTR_DENSE_SUMS(otr_avx2_dense_sums);
OTR_DENSE_ACTIVATE(otr_avx2_dense_activate);
OTR_DENSE_SUMS(otr_avx512_dense_sums);
OTR_DENSE_ACTIVATE(otr_avx512_dense_activate);
OTR_DENSE_SUMS(otr_avx512vnni_dense_sums);
OTR_DENSE_SUMS(otr_amx_dense_sums);
#elif defined(OTR_KERNELS_NEON)
OTR_DENSE_SUMS(otr_neon_dense_sums);
OTR_DENSE_ACTIVATE(otr_neon_dense_activate);
#endif

/* Bytes of one block of weights. */
static inline size_t otr_dense_block_bytes(const otr_dense_weights *weights) {
    return (size_t)weights->block_groups * OTR_DENSE_BLOCK * OTR_DENSE_GROUP;
}

/* The input channels of a group. */
static inline int32_t otr_dense_load_group(const uint8_t *input) {
    int32_t group;
    memcpy(&group, input, sizeof group);
    return group;
}

#endif
