/* Pre-decoders: detection events in; log-odds of some edges, or a smaller shot, out.
 *
 * A pre-decoder looks a few sites around each detection event and gives the probabilities that the
 * matching-graph edges there flipped. Every kind (rules, message passing, networks) has two uses:
 *  - soft: a list of per-shot weights. The weight ln((1-p)/p), p the probability that the edge flipped, takes
 *    the place of the graph's; p > 1/2 gives a negative weight, which forces the edge at a price. A decoder
 *    finishes under these weights;
 *  - hard, as published: edges with p above a threshold are fixed for good, the residual events are
 *    decoded under the graph's own weights.
 *
 * One call, otr_predecoder_apply, makes an otr_predecoded of a shot in either use. It is the one thing that
 * decoders, gaps and windows take from a pre-decoder, their own or one that ran elsewhere.
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

/* How a pre-decoder is used. Both go with every kind of decoder. */
typedef enum otr_predecoder_use {
    OTR_PREDECODER_USE_SOFT = 0,
    OTR_PREDECODER_USE_HARD = 1
} otr_predecoder_use;

/* What a pre-decoder leaves of a shot. A shot without pre-decoding is its events, all else zero. The struct
 * owns nothing. */
typedef struct otr_predecoded {
    /* Detectors, ascending and distinct: what is left to explain. */
    const uint32_t *events;
    size_t event_count;
    /* Of soft use: per-shot weights, each edge named at most once, in no order that means anything. */
    const otr_override *overrides;
    size_t override_count;
    /* Of hard use: what was fixed for good; its events are gone from `events`. The observables that it
     * flips, packed, ceil(observables/8) bytes, NULL if nothing was fixed; and its edges, each once, in
     * no order that means anything, NULL beside observables where corrections are no edges of the graph. */
    const uint8_t *observables;
    const uint32_t *edges;
    size_t edge_count;
    /* Added to the weight of every edge that no override names, integer units. */
    int32_t weight_offset;
} otr_predecoded;

OTR_API void otr_predecoder_destroy(otr_predecoder *predecoder);

/* Answers from now on as a pre-decoder made on `graph`, which has the same topology (otr_graph_reweighted)
 * and is borrowed instead of the graph so far. A decoder that uses the pre-decoder must be reweighted to the
 * same graph before its next shot. No allocation. OTR_ERR_UNSUPPORTED: message passing, whose priors are
 * those of the model's errors, must be made anew; OTR_ERR_FORMAT: as when an event network's pre-decoder is
 * made; OTR_ERR_ARGUMENT: another topology. On failure the pre-decoder is as it was. */
OTR_API otr_status otr_predecoder_reweight(otr_predecoder *predecoder, const otr_graph *graph,
                                           otr_error *error);

/* Pre-decodes one shot. `events` are detector indices, ascending and distinct. *out lives until the next call
 * on the pre-decoder; in soft use its events are those of the caller. *out is untouched on failure:
 * OTR_ERR_INDEX for events that are not ascending and distinct, or one >= nodes; OTR_ERR_LIMIT if they have
 * more near pairs than an event network counts; OTR_ERR_ARGUMENT, OTR_ERR_MEMORY. */
OTR_API otr_status otr_predecoder_apply(otr_predecoder *predecoder, otr_predecoder_use use,
                                        const uint32_t *events, size_t event_count, otr_predecoded *out);

/* The weight_offset of all that this use leaves: an even constant, 0 in hard use. */
OTR_API int32_t otr_predecoder_weight_offset(const otr_predecoder *predecoder, otr_predecoder_use use);

/* What a pre-decoder leaves of many shots, in arrays that the batch owns. It goes with any pre-decoder. One
 * thread fills it at a time, and threads may read it together; it allocates in create and in its first uses,
 * and none after warm-up. */
typedef struct otr_predecoded_batch otr_predecoded_batch;

/* A batch of no shots. OTR_ERR_ARGUMENT, OTR_ERR_MEMORY. */
OTR_API otr_status otr_predecoded_batch_create(otr_predecoded_batch **out);
OTR_API void otr_predecoded_batch_destroy(otr_predecoded_batch *batch);

/* Pre-decodes shot_count shots into *out, whose shots before are gone: shot by shot what otr_predecoder_apply
 * leaves. The events of shot i are events[event_begin[i]] to events[event_begin[i + 1] - 1]; event_begin has
 * shot_count + 1 entries that do not descend. Stops at the first failing shot, whose number (from 0) goes to
 * *failed_shot (nullable); *out then has those before it. Nothing of the pre-decoder or of the events is
 * needed by *out afterwards. Statuses as for otr_predecoder_apply. OTR_ERR_ARGUMENT leaves *out as it was. */
OTR_API otr_status otr_predecoder_apply_batch(otr_predecoder *predecoder, otr_predecoder_use use,
                                              const uint32_t *events, const size_t *event_begin,
                                              size_t shot_count, otr_predecoded_batch *out,
                                              size_t *failed_shot);

/* All shots of a batch, one after the other; the members are as in otr_predecoded. */
typedef struct otr_predecoded_spans {
    size_t shot_count;
    const uint32_t *events;    /* of shot i: events[event_begin[i]] to events[event_begin[i + 1] - 1] */
    const size_t *event_begin; /* shot_count + 1 entries, as those below */
    const otr_override *overrides;
    const size_t *override_begin;
    const uint8_t *observables; /* row i starts at i*observable_stride; NULL: nothing fixed */
    size_t observable_stride;   /* ceil(observables/8) bytes */
    const uint32_t *edges;      /* NULL beside observables where corrections are no edges of the graph */
    const size_t *edge_begin;
    int32_t weight_offset; /* of every shot */
} otr_predecoded_spans;

/* The arrays of a batch, valid until it is filled again. OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_predecoded_batch_spans(const otr_predecoded_batch *batch, otr_predecoded_spans *out);

/* One shot of a batch, valid until it is filled again. OTR_ERR_INDEX if shot >= its shots, OTR_ERR_ARGUMENT.
 */
OTR_API otr_status otr_predecoded_batch_shot(const otr_predecoded_batch *batch, size_t shot,
                                             otr_predecoded *out);

/* Heap bytes held now. */
OTR_API size_t otr_predecoded_batch_bytes(const otr_predecoded_batch *batch);

/* Hard use fixes edges whose probability is at least this; 1/2 at first. In (0, 1), OTR_ERR_PROBABILITY
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
