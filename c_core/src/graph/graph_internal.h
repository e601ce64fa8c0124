/* The arrays of a matching graph, for the modules that search it. Immutable after otr_graph_create. */
#ifndef OTR_GRAPH_INTERNAL_H
#define OTR_GRAPH_INTERNAL_H

#include "outrider/graph.h"

#include <stdbool.h>

/* No edge, no arc, no node. */
#define OTR_NONE UINT32_MAX

/* The two arcs of an edge, at its first and its second node; of a boundary edge both are the node's
 * otr_boundary_arc. */
typedef struct otr_edge_arcs {
    uint32_t arc1;
    uint32_t arc2;
} otr_edge_arcs;

/* Where a correlation rule applies: the ends of its edge, which are the same twice for a boundary edge, and
 * the edge's arcs. */
typedef struct otr_rule {
    uint32_t node1;
    uint32_t node2;
    otr_edge_arcs arcs;
} otr_rule;

/* What the errors of the model, in its order, add to: kept by graphs that take new error probabilities.
 *
 * Each error is a run of words. The first is the number n of its edges, or OTR_ERROR_NEVER if its probability
 * was 0. The edges follow, and with correlations a pair for each two of them: (0,1), (0,2), .., (1,2), ..;
 * OTR_NONE where both are the same edge. */
typedef struct otr_recipe {
    bool is_kept; /* whether the graph has one */
    uint32_t *words;
    size_t word_count, word_capacity;
    uint64_t error_count;
    uint32_t vanished_count; /* edges that merged to probability 0: no edges, but numbered behind those */
    uint32_t pair_count;
    bool has_repeats; /* an error has an edge twice */
} otr_recipe;

#define OTR_ERROR_NEVER UINT32_MAX

typedef struct otr_graph_errors otr_graph_errors; /* graph_errors.h */

/* A graph has a topology and numbers. A reweighted graph has its own numbers and borrows the topology: its
 * pointers there are those of the lender. What differs from the lender's is its own.
 *
 * Edges are sorted by (node1, node2), a boundary edge after the node's other edges; an edge between two
 * detectors is two arcs, one at each end. Arcs of node v are arc_begin[v] .. arc_begin[v+1]-1, ascending by
 * head. */
struct otr_graph {
    const otr_graph *lender; /* NULL if the topology is its own */

    /* Topology. */
    uint32_t node_count;
    uint32_t edge_count;
    uint32_t arc_count;
    uint32_t observable_count;
    uint32_t *arc_begin;     /* node_count + 1 */
    uint32_t *arc_head;      /* arc -> node it leads to */
    uint32_t *arc_edge;      /* arc -> edge */
    uint32_t *boundary_edge; /* node -> its edge to the boundary, or OTR_NONE */
    uint32_t *edge_node1;
    uint32_t *edge_node2; /* OTR_BOUNDARY for a boundary edge */
    otr_edge_arcs *edge_arcs;
    uint64_t *edge_mask;        /* observables 0..63 of the edge */
    uint32_t *observable_begin; /* edge_count + 1, into observable_list */
    uint32_t *observable_list;
    bool correlations;
    uint32_t *implied_begin; /* edge_count + 1 into the rules; NULL without correlations */
    uint32_t *implied_edge;
    otr_rule *rules;         /* the implied edges as the search finds them */
    uint32_t *implied_pairs; /* rule -> pair of the recipe; NULL without correlations or recipe */
    otr_recipe recipe;
    otr_graph_errors *errors; /* NULL if they are not kept whole */
    uint32_t levels;
    double weight_range;
    uint64_t conflict_count;
    bool is_choice; /* observables of some edges depend on the probabilities */
    uint64_t ignored_count;
    uint64_t undetectable_count;

    /* Numbers. */
    int32_t *edge_weight; /* even; may be negative, or infinite */
    bool has_infinite;    /* of edges */
    double *edge_probability;
    int32_t *implied_weight;
    bool are_rules_sure; /* most implied weights are 0 */
    double scale;

    size_t heap_bytes; /* of its own */
};

/* Whether two graphs differ in nothing but numbers. */
static inline bool otr_graph_is_alike(const otr_graph *a, const otr_graph *b) {
    return (a->lender != NULL ? a->lender : a) == (b->lender != NULL ? b->lender : b);
}

/* ln of the mean edge probability, the same on every machine; 0 without edges. */
double otr_graph_log_noise(const otr_graph *graph);

/* The nearest finite weight that the search takes: within OTR_WEIGHT_MAX, even, rounded towards zero. */
static inline int32_t otr_weight_clamped(int64_t weight) {
    const int64_t magnitude = weight < 0 ? -weight : weight;
    const int32_t kept = (int32_t)(magnitude < OTR_WEIGHT_MAX ? magnitude : OTR_WEIGHT_MAX) & ~1;
    return weight < 0 ? -kept : kept;
}

static inline bool otr_weight_is_infinite(int32_t weight) {
    return weight == OTR_WEIGHT_INFINITE || weight == -OTR_WEIGHT_INFINITE;
}

/* The weight that an override of `given` sets; false if it cannot be held. */
static inline bool otr_weight_take(int32_t given, int32_t *weight) {
    *weight = given & 1 ? given - (given > 0 ? 1 : -1) : given;
    return otr_weight_is_infinite(given) || (given <= OTR_WEIGHT_MAX && given >= -OTR_WEIGHT_MAX);
}

/* An edge's weight under an offset, which changes finite ones only. */
static inline int32_t otr_weight_offset(int32_t weight, int32_t offset) {
    return otr_weight_is_infinite(weight) ? weight : otr_weight_clamped((int64_t)weight + offset);
}

/* Number of the arc that stands for a node's boundary edge, whether it has one or not; follows the graph's
 * own arcs. */
static inline uint32_t otr_boundary_arc(const otr_graph *graph, uint32_t node) {
    return graph->arc_count + node;
}

/* The edge of an arc, also of a boundary arc. */
static inline uint32_t otr_edge_of_arc(const otr_graph *graph, uint32_t arc) {
    return arc < graph->arc_count ? graph->arc_edge[arc] : graph->boundary_edge[arc - graph->arc_count];
}

#endif
