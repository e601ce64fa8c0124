/* Near-maximum-likelihood decoding at about the price of correlated matching: a sum over likely errors, where
 * matching is unsure.
 *
 * A cascade of three levels. The first is the complementary gap of every observable, under a pre-decoder's
 * weights if there is one: a shot whose gaps are wide has its answer. The second is the gap of correlated
 * matching, whose weights the edges of a plain matching lower. If the two agree and are wide enough in the
 * mean, that is the answer. Only else comes the third: the lightest explanations of each class from both
 * starts, with the edges that the pre-decoder finds likely, make a few hundred errors of the undecomposed
 * model candidates, and the probability of each class is the exact sum over all sets of candidates that
 * explain the shot. On request a fourth one sums over more candidates, of matchings under perturbed weights
 * (Harmony, arXiv:2401.12434, perturbs weights likewise).
 *
 * Numbers are doubles, added in one order, without contraction or library functions: the same bits on every
 * machine. Budgets are of states, never of time. */
#ifndef OUTRIDER_LIKELIHOOD_H
#define OUTRIDER_LIKELIHOOD_H

#include "outrider/graph.h"
#include "outrider/kernels.h"
#include "outrider/predecoder.h"
#include "outrider/trellis.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct otr_likelihood otr_likelihood;

#define OTR_LIKELIHOOD_MEMBERS_MAX 64

/* Weights and ratios are in natural units. */
typedef struct otr_likelihood_options {
    otr_isa isa;                /* OTR_ISA_AUTO picks the best; all of them give the same bits */
    otr_predecoder *predecoder; /* used softly, by this decoder alone while it lives; NULL for none */
    double sure_gap;            /* a first gap this wide is the answer; above 0 */
    double sure_mean;           /* so is a mean of the two gaps this wide if they agree; from 0 */
    double likely_weight; /* edges to which the pre-decoder gives less are candidates; without one, those
                             whose weight a matching lowers below half of it; from 0 */
    uint32_t iterations;  /* of belief propagation over the candidates, where they are too many for a table
                             of every state; at most OTR_TRELLIS_ITERATIONS_MAX */
    otr_trellis_budget budget; /* of the sum, likewise */
    double gap_share;          /* what is added of the mean gap to the ratio of the sum; from 0 to 1 */
    /* Ratios that decide are too large for probabilities: gaps count one set of errors for each class, and
     * the sum candidates only. What is given out are they times these, from 0 (not included) to 1. */
    double gap_slope; /* of gaps and their mean */
    double sum_slope; /* of the sum */
    /* A level more, for whoever has the time: where the magnitude of a ratio of the sum is below deep_ratio,
     * 0 for never, so many matchings under perturbed weights find more candidates, and these are summed up.
     */
    double deep_ratio;     /* from 0 */
    uint32_t deep_members; /* 1 to OTR_LIKELIHOOD_MEMBERS_MAX */
    otr_trellis_budget deep_budget;
} otr_likelihood_options;

/* 12 and 5; 4; 1 iteration, cutoff 1e-9 and 500 states; a quarter; 0.53 and 0.6, which fit Stim's memories
 * at every distance and strength (docs/likelihood.md); no deep level, or 8 members and 2000 states. */
OTR_API otr_likelihood_options otr_likelihood_options_default(void);

/* The decoder of a model whose graph has correlations and keeps its errors whole (otr_graph_options); the
 * graph is borrowed. A decoder is single-threaded (make one per thread), allocates here and in its first
 * shots, and none after warm-up. OTR_ERR_UNSUPPORTED: a graph without these, an observable without a gap
 * (otr_gap_create says when; a trellis takes any model), a missing instruction set. OTR_ERR_ARGUMENT for
 * options out of range or a pre-decoder on another graph. OTR_ERR_MEMORY. On failure *out is untouched. */
OTR_API otr_status otr_likelihood_create(otr_likelihood **out, const otr_graph *graph,
                                         const otr_likelihood_options *options, otr_error *error);
OTR_API void otr_likelihood_destroy(otr_likelihood *likelihood);

OTR_API uint32_t otr_likelihood_detector_count(const otr_likelihood *likelihood);
OTR_API uint32_t otr_likelihood_observable_count(const otr_likelihood *likelihood);
/* Heap bytes held now. */
OTR_API size_t otr_likelihood_bytes(const otr_likelihood *likelihood);

/* What a shot was decided by. */
typedef enum otr_likelihood_level {
    OTR_LIKELIHOOD_GAP = 0,      /* the first gaps alone */
    OTR_LIKELIHOOD_MEAN_GAP = 1, /* the mean of both gaps */
    OTR_LIKELIHOOD_SUM = 2,      /* the sum */
    OTR_LIKELIHOOD_DEEP = 3      /* the sum over more candidates */
} otr_likelihood_level;

typedef struct otr_likelihood_result {
    otr_likelihood_level level; /* the last one that was needed */
    bool is_fallback; /* the candidates, or the states within the budget, explain the shot in no class, the
                         budget lost a class, or an unsure observable is flipped by no candidate: the mean
                         gap answered */
    uint32_t candidate_count; /* errors that were summed over */
    uint64_t work;            /* states seen, each once for each error that was applied to it */
} otr_likelihood_result;

/* Decodes one shot.
 *  detectors    packed bits as in otr_decoder_decode; padding bits are ignored
 *  observables  out, packed bits, ceil(observables/8) bytes, padding zero; nullable
 *  ratios       out, for each observable the log-likelihood ratio of unflipped over flipped; nullable.
 *               Natural units, within OTR_TRELLIS_RATIO_MAX, which is that of an observable that no error
 *               flips. Those of the first level are at most gap_slope times sure_gap, and may be larger.
 *  result       out; nullable
 * OTR_ERR_ODD_PARITY: the shot has no explanation by the graph's edges; the first level looks only at parts
 * of the graph with two sides. OTR_ERR_MEMORY; any status of the pre-decoder. Outputs are then untouched, and
 * the decoder stays usable. */
OTR_API otr_status otr_likelihood_decode(otr_likelihood *likelihood, const uint8_t *detectors,
                                         uint8_t *observables, double *ratios, otr_likelihood_result *result);

/* The edges of the last shot's answer, ascending: a set that explains the shot, in the class that was decided
 * for. In parts of the graph with two sides they are the lightest of the class by one of the gaps. Where the
 * sum decided, its candidates form clusters that have nothing to do with each other: in each the edges are
 * those of a gap's class that flip the observable there as the sum of this cluster has it. The other parts of
 * the graph are matched under the weights that these edges imply. Where several observables share a part, its
 * edges are in the class of the first. Valid until the next call on the decoder. OTR_ERR_ARGUMENT if no shot
 * was decoded. OTR_ERR_ODD_PARITY: a part that no level looked at has no explanation. OTR_ERR_MEMORY. */
OTR_API otr_status otr_likelihood_edges(otr_likelihood *likelihood, const uint32_t **edges, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
