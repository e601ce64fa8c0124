/* Pre-decoders that need no training: two nearest-neighbour rules and message passing.
 *
 *  - CLIQUE, after Ravi et al., arXiv:2208.08547: clears what has one trivial explanation. Two adjacent
 *    events without another event next to either are joined by their edge; an event with none next to it is
 *    joined to the boundary, if it has an edge there. All others stay: where the published hardware hands a
 *    whole round on, this gives up event by event. It was made for noise without circuit errors.
 *  - SMITH, after Smith, Brown and Bartlett, arXiv:2208.04660: adjacent events are paired greedily, lightest
 *    edge first (ties: lowest index), never with the boundary. Each of `iterations` passes joins the pairs
 *    whose ends both like their edge best, which is what greedy order gives wherever it does not depend on
 *    events further away. It pairs wrongly where a chain of events begins beside another pair, so it needs a
 *    larger code for the same error rate (published: 50 % more qubits).
 *  - MIN_SUM: normalised min-sum belief propagation on the errors of the model, each with all its detectors,
 *    in integers. Correlations between X and Z, which the graph has lost, come back as per-shot weights.
 *    Only errors of whose detectors at least half saw events take part; the others keep their prior. So cost
 *    grows with events, and little is lost.
 *
 * The two nearest-neighbour rules know nothing that the graph does not, so they cannot say how sure they are:
 * soft use prices taking back an edge at the edge's own |weight|, which is what hard use amounts to. MIN_SUM
 * is for soft use. */
#ifndef OUTRIDER_RULES_H
#define OUTRIDER_RULES_H

#include "outrider/predecoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Passes or iterations. */
#define OTR_RULE_ITERATIONS_MAX 1000
/* Parts per 1 of otr_rule_options.normalization. */
#define OTR_RULE_NORMALIZATION_ONE 256
/* With MIN_SUM: pairs of an error and one of its detectors, and pairs of an error and one of its edges. */
#define OTR_RULE_LINKS_MAX 0x10000000u

typedef enum otr_rule_kind { OTR_RULE_CLIQUE = 0, OTR_RULE_SMITH = 1, OTR_RULE_MIN_SUM = 2 } otr_rule_kind;

typedef struct otr_rule_options {
    otr_rule_kind kind;
    otr_isa isa;
    uint32_t iterations;    /* SMITH, MIN_SUM: 1 to OTR_RULE_ITERATIONS_MAX */
    uint32_t normalization; /* MIN_SUM: what detectors say is multiplied by this / 256; 1 to 256 */
} otr_rule_options;

/* The rule's own defaults. */
OTR_API otr_rule_options otr_rule_options_default(otr_rule_kind kind);

/* `model` is the one that `graph` was built from, and is not needed afterwards; the graph is borrowed and
 * must outlive the pre-decoder. On failure *out is untouched. OTR_ERR_ARGUMENT (the message names the option,
 * or says that the model is another one), OTR_ERR_LIMIT, OTR_ERR_UNSUPPORTED, OTR_ERR_MEMORY.
 *
 * Reach: the largest extent of an edge in each coordinate, times 2 (CLIQUE) or 2 * iterations (SMITH); of an
 * error, times iterations (MIN_SUM). Infinite if a detector of an edge has no three coordinates. */
OTR_API otr_status otr_rule_predecoder_create(otr_predecoder **out, const otr_graph *graph,
                                              const otr_model *model, const otr_rule_options *options,
                                              otr_error *error);

/* "clique", "smith", "min-sum"; "unknown" for other values. */
OTR_API const char *otr_rule_name(otr_rule_kind kind);

/* The rule of that name. OTR_ERR_ARGUMENT if there is none. */
OTR_API otr_status otr_rule_from_name(const char *name, otr_rule_kind *kind);

#ifdef __cplusplus
}
#endif
#endif
