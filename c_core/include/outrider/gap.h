/* The complementary gap of an observable: the least weight in each logical class, for patches.
 *
 * The difference of the two weights is the log-odds of the answer: the larger, the surer. Every edge set that
 * explains the events either flips the observable or does not; both kinds are matched exactly, under the same
 * per-shot weights as otr_decoder takes. What the edge sets do to other observables is free.
 *
 * A graph has a gap if connected parts of it have two sides, boundary edges that differ in the observable,
 * and the observable of an edge set depends only on its ends, as on planar patches, one or several. A code
 * without two sides, where a closed loop of errors flips the observable (a torus), has none: to find the
 * lightest edge set of a class is then no matching problem. */
#ifndef OUTRIDER_GAP_H
#define OUTRIDER_GAP_H

#include "outrider/graph.h"
#include "outrider/kernels.h"
#include "outrider/predecoder.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct otr_gap otr_gap;

typedef struct otr_gap_options {
    otr_isa isa;           /* OTR_ISA_AUTO picks the best; a missing one is OTR_ERR_UNSUPPORTED */
    int32_t weight_offset; /* as in otr_decoder_options */
    int32_t limit;         /* weights of the classes are reported at most this far apart; even, 0 for no
                              limit. A search that ends there is as cheap as plain matching. */
    uint32_t observable;   /* whose gap */
    bool parted_only; /* leave out events in parts of the graph that do not have two sides, which weigh the
                         same in both classes: weights and edges are those of a shot without them, at less
                         work */
} otr_gap_options;

OTR_API otr_gap_options otr_gap_options_default(void);

/* The graph is not needed afterwards. A gap is single-threaded (make one per thread), allocates in create and
 * in its first shots, and none after warm-up. OTR_ERR_UNSUPPORTED if the graph has none (*error says why),
 * OTR_ERR_LIMIT, OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_gap_create(otr_gap **out, const otr_graph *graph, const otr_gap_options *options,
                                  otr_error *error);
OTR_API void otr_gap_destroy(otr_gap *gap);

/* Matches from now on as a gap made on `graph`, which has the same topology (see otr_graph_reweighted) and is
 * not needed afterwards, with these options, in units of its scale. No allocation when warm, unless more
 * edges than ever have a negative weight. OTR_ERR_ARGUMENT: another topology, a bad limit, or a limit where
 * there was none or none where there was one. OTR_ERR_MEMORY. On failure the gap is as it was. */
OTR_API otr_status otr_gap_reweight(otr_gap *gap, const otr_graph *graph, int32_t weight_offset,
                                    int32_t limit, otr_error *error);

/* What one shot gives. The gap in natural units is |weights[1] - weights[0]| / otr_graph_scale. */
typedef struct otr_gap_result {
    int64_t weights[2]; /* least total integer weight of an edge set that leaves, or flips, the observable;
                           under a limit, that of the lighter class plus the limit if it is more; INT64_MAX if
                           infinite weights leave the class no edge set */
    int observable;     /* the class of the lower weight, 0 if they are equal */
} otr_gap_result;

/* Matches one shot in both classes. `events` are detector indices; one given twice cancels. Overrides as in
 * otr_decoder_decode. OTR_ERR_INDEX, OTR_ERR_ODD_PARITY, OTR_ERR_MEMORY; *result is then untouched and the
 * gap stays usable. */
OTR_API otr_status otr_gap_decode(otr_gap *gap, const uint32_t *events, size_t event_count,
                                  const otr_override *overrides, size_t override_count,
                                  otr_gap_result *result);

/* The same for what a pre-decoder left of a shot. Classes are of the whole answer: the observable of what is
 * fixed in the shot is added; its weight is not. Nothing of *shot is needed after the call. A
 * weight_offset other than the last shot's takes as long as creating a gap, and allocates. Statuses as for
 * otr_gap_decode, and those of otr_decoder_decode_predecoded for a bad *shot. */
OTR_API otr_status otr_gap_decode_predecoded(otr_gap *gap, const otr_predecoded *shot,
                                             const otr_override *overrides, size_t override_count,
                                             otr_gap_result *result);

/* The edges of the last shot's answer in class 0 or 1, ascending, forced and fixed ones included. Valid until
 * the next call on the gap; *edges may be NULL when *count is 0. OTR_ERR_ARGUMENT if no shot was decoded, or
 * for the heavier class of a shot at the limit, whose answer was not searched for, or for a class that has
 * none; OTR_ERR_UNSUPPORTED if
 * what a pre-decoder fixed is not given as edges. */
OTR_API otr_status otr_gap_edges(otr_gap *gap, int observable, const uint32_t **edges, size_t *count);

/* Heap bytes held now. */
OTR_API size_t otr_gap_bytes(const otr_gap *gap);

#ifdef __cplusplus
}
#endif
#endif
