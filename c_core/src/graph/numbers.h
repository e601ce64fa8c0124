/* The numbers of a graph: how errors add up to probabilities, and how probabilities become integer weights.
 * Building and reweighting a graph both go through here, so they agree to the last bit. */
#ifndef OTR_GRAPH_NUMBERS_H
#define OTR_GRAPH_NUMBERS_H

#include "graph/graph_internal.h"

#include <stdbool.h>

/* Probability that an odd number of two independent events happens. */
static inline double otr_probability_xor(double p, double q) {
    return p * (1 - q) + q * (1 - p);
}

/* ln((1-p)/p), finite also where the quotient overflows; infinite for 0 and 1. */
double otr_probability_weight(double p);

/* What errors add up to, vanished edges too. All are 0 at first. */
typedef struct otr_error_sums {
    bool correlations;
    double *probability; /* edge -> merged probability */
    double *marginal;    /* edge -> J[a][a], see correlations.c; NULL where that is the merged probability,
                            which it is unless an error has an edge twice */
    double *joint;       /* pair -> J[a][b]; with correlations */
} otr_error_sums;

static inline void otr_probability_add(double *sum, double p) {
    *sum = otr_probability_xor(*sum, p);
}

/* Adds an error of probability p > 0, which `words` describe as in otr_recipe. Returns the words after it. */
static inline const uint32_t *otr_error_sums_add(const otr_error_sums *sums, const uint32_t *words,
                                                 double p) {
    const uint32_t count = *words++;
    const uint32_t *const edges = words;
    const uint32_t *pairs = words + count;
    for (uint32_t i = 0; i < count; i++) {
        otr_probability_add(&sums->probability[edges[i]], p);
    }
    if (!sums->correlations || (count == 1 && sums->marginal == NULL)) {
        return pairs;
    }
    if (sums->marginal == NULL) {
        for (const uint32_t *const end = pairs + (size_t)count * (count - 1) / 2; pairs < end; pairs++) {
            otr_probability_add(&sums->joint[*pairs], p);
        }
        return pairs;
    }
    for (uint32_t i = 0; i < count; i++) {
        otr_probability_add(&sums->marginal[edges[i]], p);
        for (uint32_t j = i + 1; j < count; j++, pairs++) {
            if (*pairs != OTR_NONE) {
                otr_probability_add(&sums->joint[*pairs], p);
            } else {
                /* As in PyMatching, where J[a][b] and J[b][a] are then the same cell. */
                otr_probability_add(&sums->marginal[edges[i]], otr_probability_xor(p, p));
            }
        }
    }
    return pairs;
}

/* The nearest finite weight to a natural one, within OTR_WEIGHT_MAX; 0 for NaN. For log-odds that a
 * pre-decoder gives. */
int32_t otr_graph_nearest_weight(const otr_graph *graph, double natural_weight);

/* The weight that the graph gives an edge of this probability. */
int32_t otr_graph_probability_weight(const otr_graph *graph, double p);

/* Sets the scale and the weights of edges to natural ones, which are numbers or infinite. The graph has its
 * edge count, levels and weight_range. */
void otr_graph_set_natural_weights(otr_graph *graph, const double *natural_weights);

/* Sets the scale, and the weights of edges and rules. The graph has its topology, levels and edge
 * probabilities; `pairs` gives the pair of each rule. */
void otr_graph_set_weights(otr_graph *graph, const otr_error_sums *sums, const uint32_t *pairs);

#endif
