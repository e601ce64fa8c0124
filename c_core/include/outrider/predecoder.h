/* Pre-decoders: detection events in; log-odds of some edges, or a smaller shot, out.
 *
 * A pre-decoder looks a few sites around each detection event and says how likely the matching-graph edges
 * there are to have flipped. Every kind (rules, message passing, networks) has this one form:
 *  - soft: a list of per-shot weights. The weight ln((1-p)/p), p the probability that the edge flipped, takes
 *    the place of the graph's; p > 1/2 gives a negative weight, which commits the edge at a price. A decoder
 *    finishes under these weights, see otr_decoder_options;
 *  - hard, as published: edges with p above a threshold are committed for good, the residual events are
 *    decoded under the graph's own weights.
 *
 * Kinds are made by outrider/rules.h, outrider/event_network.h and outrider/dense_network.h. A pre-decoder is
 * single-threaded (make one per thread), allocates in create and in its first shots, and none after warm-up.
 * Rules and networks on integers give the same answers on every instruction set. */
#ifndef OUTRIDER_PREDECODER_H
#define OUTRIDER_PREDECODER_H

#include "outrider/graph.h"
#include "outrider/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct otr_predecoder otr_predecoder;

/* How far an answer looks: edges at a detector depend on events at most this far from it, in the units of the
 * model's detector coordinates (x, y and round); infinite where nothing bounds it. */
typedef struct otr_reach {
    double x, y, rounds;
} otr_reach;

/* What hard use leaves of a shot. */
typedef struct otr_residual {
    const uint32_t *events; /* ascending */
    size_t event_count;
    const uint8_t *observables; /* flips by the committed edges, packed, ceil(observables/8) bytes */
    const uint32_t *edges;      /* the committed edges, each once, in no order that means anything; NULL from
                                   kinds whose corrections are no edges of the graph */
    size_t edge_count;
} otr_residual;

OTR_API void otr_predecoder_destroy(otr_predecoder *predecoder);

/* Answers from now on as a pre-decoder made on `graph`, which has the same topology (otr_graph_reweighted)
 * and is borrowed instead of the graph so far. A decoder that uses the pre-decoder must be reweighted to the
 * same graph before its next shot. No allocation. OTR_ERR_UNSUPPORTED: message passing, whose priors are
 * those of the model's errors, must be made anew; OTR_ERR_FORMAT: as when an event network's pre-decoder is
 * made; OTR_ERR_ARGUMENT: another topology. On failure the pre-decoder is as it was. */
OTR_API otr_status otr_predecoder_reweight(otr_predecoder *predecoder, const otr_graph *graph,
                                           otr_error *error);

/* Soft use. `events` are detector indices, ascending and distinct (OTR_ERR_INDEX otherwise, or if one is >=
 * nodes). *overrides names each edge at most once, in no order that means anything; it lives until the next
 * call. OTR_ERR_LIMIT if the events have more near pairs than an event network counts, OTR_ERR_MEMORY. */
OTR_API otr_status otr_predecoder_soft(otr_predecoder *predecoder, const uint32_t *events, size_t event_count,
                                       const otr_override **overrides, size_t *override_count);

/* Added to the weight of every edge that soft use does not name (integer units, even, constant). */
OTR_API int32_t otr_predecoder_weight_offset(const otr_predecoder *predecoder);

/* Hard use, events as above. The residual lives until the next call. Statuses as for otr_predecoder_soft. */
OTR_API otr_status otr_predecoder_hard(otr_predecoder *predecoder, const uint32_t *events, size_t event_count,
                                       otr_residual *out);

/* Hard use commits edges whose probability is at least this; 1/2 at first. In (0, 1), OTR_ERR_PROBABILITY
 * otherwise. */
OTR_API otr_status otr_predecoder_set_threshold(otr_predecoder *predecoder, double probability);

OTR_API otr_reach otr_predecoder_reach(const otr_predecoder *predecoder);

/* The kind in words, such as "rule:min-sum" or "event network"; a constant. */
OTR_API const char *otr_predecoder_name(const otr_predecoder *predecoder);

/* Heap bytes held now. */
OTR_API size_t otr_predecoder_bytes(const otr_predecoder *predecoder);

#ifdef __cplusplus
}
#endif
#endif
