/* The loops of training, for every instruction set (see otr_training_blocks for the contracts). */
#ifndef OTR_TRAINING_BLOCKS_H
#define OTR_TRAINING_BLOCKS_H

#include "kernels/kernels_tables.h"

extern const otr_training_blocks otr_training_blocks_portable;
#if defined(OTR_KERNELS_X86)
extern const otr_training_blocks otr_training_blocks_avx2;
extern const otr_training_blocks otr_training_blocks_avx512;
#endif

#endif
