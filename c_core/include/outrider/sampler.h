/* Sampling a detector error model: every error fires independently with its probability.
 *
 * Shots are numbered from 0 by a global index. Random numbers are counter-based, keyed by (seed, block of
 * shots), so shot i is the same whatever the instruction set, the thread, or the way a range is split. Errors
 * of similar probability are visited by geometric skips, so cost grows with the errors that fire. */
#ifndef OUTRIDER_SAMPLER_H
#define OUTRIDER_SAMPLER_H

#include "outrider/graph.h"
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
    /* If not NULL, the graph of the same model: shots can then tell which of its edges flipped. Not needed
     * afterwards. */
    const otr_graph *graph;
} otr_sampler_options;

OTR_API otr_sampler_options otr_sampler_options_default(void);

/* Flattens `model`, which is not needed afterwards. A sampler is single-threaded: make one per thread.
 * OTR_ERR_LIMIT, OTR_ERR_UNSUPPORTED, OTR_ERR_MEMORY, OTR_ERR_ARGUMENT (also for the graph of another model,
 * where that is found out). */
OTR_API otr_status otr_sampler_create(otr_sampler **out, const otr_model *model,
                                      const otr_sampler_options *options, otr_error *error);
OTR_API void otr_sampler_destroy(otr_sampler *sampler);

OTR_API uint64_t otr_sampler_detector_count(const otr_sampler *sampler);
OTR_API uint64_t otr_sampler_observable_count(const otr_sampler *sampler);
OTR_API uint64_t otr_sampler_error_count(const otr_sampler *sampler); /* flattened errors, in walk order */
OTR_API uint32_t otr_sampler_edge_count(const otr_sampler *sampler);  /* of the graph; 0 without one */

/* Rows of packed bits in the caller's memory: row i at i*stride bytes, bit k in byte k/8 at k%8. */
typedef struct otr_bit_rows {
    uint8_t *bytes; /* NULL: not wanted */
    size_t stride;  /* at least ceil(bits/8) */
} otr_bit_rows;

/* What sampling fills in. Padding bits become zero, bytes between rows are untouched.
 *
 * An edge flips when an odd number of the components that became this edge fire. Then the ends of the flipped
 * edges, each counted as often as it occurs, are the detection events of the shot, but for components that
 * the graph ignored as undecomposable. The observables of the flipped edges are those of the shot wherever
 * all components of an edge have the same ones; components without detectors flip observables but no edge. */
typedef struct otr_sampler_output {
    otr_bit_rows detectors;
    otr_bit_rows observables;
    otr_bit_rows errors; /* one bit per flattened error */
    otr_bit_rows edges;  /* one bit per edge of the graph */
} otr_sampler_output;

/* Samples shots first_shot .. first_shot + shot_count - 1. OTR_ERR_ARGUMENT for a stride that is too small,
 * edges without a graph, or first_shot + shot_count overflowing. */
OTR_API otr_status otr_sampler_sample(otr_sampler *sampler, uint64_t first_shot, size_t shot_count,
                                      const otr_sampler_output *output);

#ifdef __cplusplus
}
#endif
#endif
