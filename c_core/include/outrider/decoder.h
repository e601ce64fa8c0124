/* Decoders: detection events in; observables, weight and, on request, edges and pairs out.
 *
 * One interface for every kind. A decoder is single-threaded (make one per thread; they share the graph),
 * does all its allocation in create and in its first shots, and none after warm-up. Weights are integers, and
 * ties fall by the order of indices and never by timing or history, so answers are the same for every
 * instruction set and every split of the shots. */
#ifndef OUTRIDER_DECODER_H
#define OUTRIDER_DECODER_H

#include "outrider/graph.h"
#include "outrider/kernels.h"
#include "outrider/predecoder.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum otr_decoder_kind {
    OTR_DECODER_MWPM = 0,            /* exact minimum-weight perfect matching, arXiv:2303.15933 */
    OTR_DECODER_MWPM_CORRELATED = 1, /* two passes, the first one's edges lower weights for the second */
    OTR_DECODER_UNION_FIND = 2,      /* weighted union-find with peeling, arXiv:1709.06218 and 2004.04693 */
    OTR_DECODER_LIKELIHOOD = 3 /* of cells only, see otr_window_decoder_create: likelihood.h has whole shots
                                  (OTR_ERR_UNSUPPORTED) */
} otr_decoder_kind;
/* Correlated matching where most implied weights are 0, as those of Y errors alone are: an edge of implied
 * weight 0 ties with detours over others, so giving one up costs one step of the weights' rounding (2). The
 * answer may weigh one step more than the least for each such edge. */

typedef struct otr_decoder otr_decoder;

struct otr_likelihood_options;

typedef struct otr_decoder_options {
    otr_decoder_kind kind;
    otr_isa isa;                /* OTR_ISA_AUTO picks the best; a missing one is OTR_ERR_UNSUPPORTED */
    bool certify;               /* matching kinds only: prove every answer minimal, see otr_certificate */
    otr_predecoder *predecoder; /* borrowed, used by this decoder alone while it lives; NULL for none */
    otr_predecoder_use predecoder_use; /* its use */
    int32_t weight_offset; /* added to every finite weight that no override names; offset and sum are
                              clamped to OTR_WEIGHT_MAX. A negative sum forces the edge as ever.
                              The weight_offset of a pre-decoded shot is added to it */
    const struct otr_likelihood_options *likelihood; /* of OTR_DECODER_LIKELIHOOD, copied, but for its isa and
                                                        pre-decoder; NULL for the defaults */
} otr_decoder_options;

/* MWPM, best instruction set, no certificates, no pre-decoder, no offset, defaults of likelihood. */
OTR_API otr_decoder_options otr_decoder_options_default(void);

/* The decoder borrows `graph`, which must outlive it. MWPM_CORRELATED needs a graph with correlations, and a
 * pre-decoder must be one on this very graph (OTR_ERR_ARGUMENT otherwise). OTR_ERR_ARGUMENT,
 * OTR_ERR_UNSUPPORTED, OTR_ERR_MEMORY.
 *
 * The rules of MWPM_CORRELATED apply last: whatever an edge weighs in the first pass, by the graph, offset or
 * override, they lower it to at most their own weight, which has no offset; forced edges they leave. Edges
 * that hard use fixed are no part of the first answer, so they lower nothing. */
OTR_API otr_status otr_decoder_create(otr_decoder **out, const otr_graph *graph,
                                      const otr_decoder_options *options);
OTR_API void otr_decoder_destroy(otr_decoder *decoder);

/* Decodes from now on as a decoder made on `graph` with the same options and this weight_offset (which, like
 * all weights, is in units of the graph's scale). `graph` and the decoder's graph are otr_graph_reweighted
 * from one another or from a third one; it is borrowed instead of that one, which is not needed afterwards. A
 * pre-decoder goes first, see otr_predecoder_reweight. No allocation when warm, unless more edges than ever
 * have a negative weight. On failure the decoder is as it was. OTR_ERR_ARGUMENT: another topology, or the
 * pre-decoder is not on `graph`. OTR_ERR_MEMORY. */
OTR_API otr_status otr_decoder_reweight(otr_decoder *decoder, const otr_graph *graph, int32_t weight_offset);

/* What one shot gives. */
typedef struct otr_result {
    int64_t weight; /* total integer weight of the chosen edges under the shot's weights (for MWPM_CORRELATED
                       the second pass's), without what hard pre-decoding fixed and without certain errors;
                       natural weight = weight / otr_graph_scale */
    uint32_t event_count;   /* detection events of the shot as given */
    uint32_t matched_count; /* events left to match after pre-decoding and forced edges flipped theirs */
} otr_result;

/* Decodes one shot. A pre-decoder among the options comes first, and the shot is what it leaves; overrides of
 * the caller come after its own and win.
 *  detectors    packed bits, detector k = byte k/8, bit k%8; ceil(nodes/8) bytes; padding bits are ignored
 *  overrides    override_count entries, NULL if 0
 *  observables  out, packed bits, ceil(observables/8) bytes, padding zero; NULL if not wanted
 *  result       out; NULL if not wanted
 * OTR_ERR_ODD_PARITY: the shot has no perfect matching (outputs untouched; the decoder stays usable).
 * OTR_ERR_INDEX: an override names no edge. OTR_ERR_LIMIT: its weight is finite and above OTR_WEIGHT_MAX.
 * OTR_ERR_MEMORY. OTR_ERR_CERTIFICATE with option certify. Any status of the pre-decoder. */
OTR_API otr_status otr_decoder_decode(otr_decoder *decoder, const uint8_t *detectors,
                                      const otr_override *overrides, size_t override_count,
                                      uint8_t *observables, otr_result *result);

/* The same with the events as detector indices; an index given twice cancels. OTR_ERR_INDEX if one is >=
 * nodes. */
OTR_API otr_status otr_decoder_decode_events(otr_decoder *decoder, const uint32_t *events, size_t event_count,
                                             const otr_override *overrides, size_t override_count,
                                             uint8_t *observables, otr_result *result);

/* Decodes what a pre-decoder left of a shot, whichever and wherever it was; one among the options is not
 * asked. Overrides of the caller come after those of the shot and win; the observables of what is fixed
 * in the shot are added. Nothing of *shot is needed after the call; result->event_count is its event_count.
 *
 * The weights of a decoder are laid out for one offset: that of its pre-decoder at first. A shot of another
 * weight_offset lays them out anew, which takes as long as creating a decoder, and allocates.
 * Statuses as for otr_decoder_decode, and OTR_ERR_INDEX for events that are not ascending and distinct, or
 * one that is >= nodes, or a fixed edge that is none; OTR_ERR_ARGUMENT for fixed edges without
 * observables.
 */
OTR_API otr_status otr_decoder_decode_predecoded(otr_decoder *decoder, const otr_predecoded *shot,
                                                 const otr_override *overrides, size_t override_count,
                                                 uint8_t *observables, otr_result *result);

/* Decodes shot_count shots: row i of `detectors` starts at i*detector_stride bytes, row i of `observables` at
 * i*observable_stride. `weights` (nullable) takes shot_count integer weights. Stops at the first failing
 * shot, whose number (from 0) goes to *failed_shot (nullable); rows before it are written, its own and later
 * ones are not. */
OTR_API otr_status otr_decoder_decode_batch(otr_decoder *decoder, const uint8_t *detectors,
                                            size_t detector_stride, size_t shot_count, uint8_t *observables,
                                            size_t observable_stride, int64_t *weights, size_t *failed_shot);

/* The edges of the last shot's answer (forced edges included, also those that a pre-decoder fixed, an edge
 * used twice cancelled), ascending. Valid until the next call on the decoder. *edges may be NULL when *count
 * is 0. OTR_ERR_ARGUMENT if no shot was decoded, OTR_ERR_UNSUPPORTED if what a pre-decoder fixed in it is not
 * given as edges. */
OTR_API otr_status otr_decoder_edges(otr_decoder *decoder, const uint32_t **edges, size_t *count);

/* A matched pair of detection events, event1 < event2, or event2 = OTR_BOUNDARY. */
typedef struct otr_pair {
    uint32_t event1;
    uint32_t event2;
} otr_pair;
/* The detector pairs of the last shot, ascending by event1; matching kinds only (OTR_ERR_UNSUPPORTED
 * otherwise). With negative weights or a pre-decoder the pairs are those of the events left to match. Valid
 * until the next call. */
OTR_API otr_status otr_decoder_pairs(otr_decoder *decoder, const otr_pair **pairs, size_t *count);

/* Proof that the last answer is a minimum: a feasible solution of the dual problem with the same value.
 * Checked from the final radii alone: for every edge (u,v) the sum over all regions R of |f_R(u) - f_R(v)| is
 * at most its weight, where f_R(v) in [0, y_R] is how far R's region reaches past v; then any matching weighs
 * at least the sum of the radii y_R. */
typedef struct otr_certificate {
    int64_t primal; /* weight of the matched edges, without forced ones */
    int64_t dual;   /* sum of all radii */
    uint64_t edges_checked;
    uint64_t edges_overtight; /* 0 in a proof */
    int64_t min_slack;        /* smallest weight - sum over the edges checked; INT64_MAX if none */
} otr_certificate;
/* Needs option certify. It is about the events left to match under the shot's weights, offset and overrides
 * included; for MWPM_CORRELATED about the second pass. OTR_ERR_ARGUMENT without the option
 * or a shot. */
OTR_API otr_status otr_decoder_certificate(const otr_decoder *decoder, otr_certificate *out);

/* Heap bytes held now. */
OTR_API size_t otr_decoder_bytes(const otr_decoder *decoder);

#ifdef __cplusplus
}
#endif
#endif
