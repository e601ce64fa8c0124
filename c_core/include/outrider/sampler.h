/* Sampling a detector error model: every error fires independently with its probability.
 *
 * Shots are numbered from 0 by a global index. Random numbers are counter-based, keyed by (seed, block of
 * shots), so shot i is the same whatever the instruction set, the thread, or the way a range is split. Errors
 * of similar probability are visited by geometric skips, so cost grows with the errors that fire. */
#ifndef OUTRIDER_SAMPLER_H
#define OUTRIDER_SAMPLER_H

#include "outrider/kernels.h"
#include "outrider/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Shots that are generated together. Ranges that start and end at multiples of it waste no work. */
#define OTR_SAMPLER_BLOCK_SHOTS 256
/* Flattened errors of one sampler. */
#define OTR_SAMPLER_ERRORS_MAX 0x10000000u
/* Detectors, and observables, of one sampler. */
#define OTR_SAMPLER_INDEX_MAX 0x80000000u

typedef struct otr_sampler otr_sampler;

typedef struct otr_sampler_options {
    uint64_t seed;
    otr_isa isa;
} otr_sampler_options;

OTR_API otr_sampler_options otr_sampler_options_default(void);

/* Flattens `model`, which is not needed afterwards. A sampler is single-threaded: make one per thread.
 * OTR_ERR_LIMIT, OTR_ERR_UNSUPPORTED, OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_sampler_create(otr_sampler **out, const otr_model *model,
                                      const otr_sampler_options *options, otr_error *error);
OTR_API void otr_sampler_destroy(otr_sampler *sampler);

OTR_API uint64_t otr_sampler_detector_count(const otr_sampler *sampler);
OTR_API uint64_t otr_sampler_observable_count(const otr_sampler *sampler);
OTR_API uint64_t otr_sampler_error_count(const otr_sampler *sampler); /* flattened errors, in walk order */

/* Samples shots first_shot .. first_shot + shot_count - 1. Each output is rows of packed bits (bit k = byte
 * k/8, bit k%8, padding zero), row i at i*stride bytes; a NULL output is not made. Strides are at least
 * ceil(bits/8); bytes between rows are untouched. `errors` has one bit per flattened error. OTR_ERR_ARGUMENT
 * for a stride that is too small or first_shot + shot_count overflowing. */
OTR_API otr_status otr_sampler_sample(otr_sampler *sampler, uint64_t first_shot, size_t shot_count,
                                      uint8_t *detectors, size_t detector_stride, uint8_t *observables,
                                      size_t observable_stride, uint8_t *errors, size_t error_stride);

#ifdef __cplusplus
}
#endif
#endif
