/* The inner loops of training: products of 16 x 16 blocks of weights over many pairs of events.
 *
 * Pairs are sorted by relation, so a block is loaded once and stays in registers while all its pairs pass. */
#ifndef OTR_TRAINING_BLOCKS_H
#define OTR_TRAINING_BLOCKS_H

#include "outrider/training.h"

#include <stddef.h>
#include <stdint.h>

#define OTR_BLOCK OTR_TRAINING_WIDTH_STEP

/* Rows of events, and of weights, are `width` floats apart; of each row the first OTR_BLOCK count. */
typedef struct otr_training_blocks {
    /* out[target[k]] += in[source[k]] . weights, for k < count */
    void (*apply)(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *weights, const float *in, float *out);
    /* out = sum over k of the outer products in[source[k]] x gradient[target[k]] */
    void (*outer)(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *in, const float *gradient, float *out);
} otr_training_blocks;

extern const otr_training_blocks otr_training_blocks_portable;
extern const otr_training_blocks otr_training_blocks_avx2;
extern const otr_training_blocks otr_training_blocks_avx512;

/* The fastest table whose instruction set `kernels` covers. */
const otr_training_blocks *otr_training_blocks_for(const otr_kernels *kernels);

#endif
