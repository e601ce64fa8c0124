/* Sampling a history layer by layer, however long it is.
 *
 * A model with layers, one a round (see rounds.h), tells which errors begin in each layer: those whose
 * earliest detector lies in it. If layers repeat but for some first and last ones, histories of any length
 * can be sampled in constant memory, and their end may be chosen while they run.
 *
 * Random numbers are counter-based, keyed by (seed, history, layer), so a layer is the same wherever sampling
 * begins, whatever the instruction set, and whenever the end is made known. The shots differ from
 * otr_sampler's, their distribution does not. */
#ifndef OUTRIDER_ROUND_SAMPLER_H
#define OUTRIDER_ROUND_SAMPLER_H

#include "outrider/sampler.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Layers that are sampled together. */
#define OTR_ROUND_SAMPLER_BLOCK_LAYERS 64
/* Layers after which a model may repeat itself. */
#define OTR_ROUND_SAMPLER_PERIOD_MAX 8
/* Layers of a history. */
#define OTR_ROUND_SAMPLER_HISTORY_MAX 0x1000000000000u

typedef struct otr_round_sampler otr_round_sampler;

/* Flattens `model`, which is not needed afterwards; errors that begin in repeating layers are kept once. It
 * stands at the first layer of history 0. Single-threaded.
 * OTR_ERR_FORMAT: a model without layers or with layers that do not ascend with the detectors' numbers, or an
 * error that flips observables and no detectors, which happens in no layer. OTR_ERR_LIMIT,
 * OTR_ERR_UNSUPPORTED for an instruction set that is not there, OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_round_sampler_create(otr_round_sampler **out, const otr_model *model, uint64_t seed,
                                            otr_isa isa, otr_error *error);
OTR_API void otr_round_sampler_destroy(otr_round_sampler *sampler);

/* Layers of the model, and after how many it repeats itself; 0 if it does not: then histories have the
 * model's length. */
OTR_API uint32_t otr_round_sampler_layer_count(const otr_round_sampler *sampler);
OTR_API uint32_t otr_round_sampler_period(const otr_round_sampler *sampler);

/* Goes to a layer of a history. layer_count is that of the history, 0 if its end is not known yet (or is the
 * model's, without a period). OTR_ERR_ARGUMENT for a length that the model cannot be repeated to, and for a
 * layer beyond its end; the sampler is then unchanged. */
OTR_API otr_status otr_round_sampler_seek(otr_round_sampler *sampler, uint64_t history, uint64_t layer,
                                          uint64_t layer_count, otr_error *error);

/* The shortest length that the history can still come to. */
OTR_API uint64_t otr_round_sampler_earliest_end(const otr_round_sampler *sampler);
/* Makes the length of the running history known. OTR_ERR_ARGUMENT if it is too short by now, cannot be had by
 * repeating the model, or is known already. */
OTR_API otr_status otr_round_sampler_end(otr_round_sampler *sampler, uint64_t layer_count, otr_error *error);

/* Views until the next call. */
typedef struct otr_sampled_layer {
    const uint8_t *events; /* packed detection events, padding zero */
    uint32_t detector_count;
    bool is_last;
    const uint8_t *observables; /* flipped by the errors of the layers since the seek, this one included */
} otr_sampled_layer;

/* Fills *out with the next layer and returns true; false after the last one. Allocates nothing. */
OTR_API bool otr_round_sampler_next(otr_round_sampler *sampler, otr_sampled_layer *out);

#ifdef __cplusplus
}
#endif
#endif
