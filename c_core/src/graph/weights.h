/* One decoder's own copy of the magnitudes |weight|, which single shots may override.
 *
 * A negative weight is handled outside the search: the edge is committed (its ends' events flip) and the
 * search sees the price |weight| of taking it back. So everything here is non-negative and even. */
#ifndef OTR_GRAPH_WEIGHTS_H
#define OTR_GRAPH_WEIGHTS_H

#include "graph/graph_internal.h"

/* Boundary weight of a node without a boundary edge. */
#define OTR_WEIGHT_NO_BOUNDARY UINT32_MAX

/* One direction of an edge as the search walks it. A boundary edge leads to its own node. */
typedef struct otr_arc {
    uint32_t head;
    uint32_t weight;
} otr_arc;

/* A changed magnitude, with what it takes to put it back: both arcs of the edge, the same one for a boundary
 * edge. */
typedef struct otr_weight_change {
    uint32_t edge;
    uint32_t arc1;
    uint32_t arc2;
    uint32_t before;
} otr_weight_change;

typedef struct otr_weights {
    const otr_graph *graph;
    otr_arc *arcs; /* the graph's arcs, then one boundary arc a node, see otr_boundary_arc */
    size_t heap_bytes;
} otr_weights;

/* OTR_ERR_MEMORY. */
otr_status otr_weights_init(otr_weights *weights, const otr_graph *graph);
void otr_weights_free(otr_weights *weights);

/* The weight of a node's boundary edge, or OTR_WEIGHT_NO_BOUNDARY. */
static inline uint32_t otr_boundary_weight(const otr_weights *weights, uint32_t node) {
    return weights->arcs[otr_boundary_arc(weights->graph, node)].weight;
}

/* The magnitude of an edge now. */
static inline uint32_t otr_weights_get(const otr_weights *weights, uint32_t edge) {
    return weights->arcs[weights->graph->edge_arc1[edge]].weight;
}

/* Sets the magnitude of an edge given by its arcs; `magnitude` is even and at most OTR_WEIGHT_MAX. */
static inline otr_weight_change otr_weights_set(otr_weights *weights, uint32_t edge, uint32_t arc1,
                                                uint32_t arc2, uint32_t magnitude) {
    const otr_weight_change change = {edge, arc1, arc2, weights->arcs[arc1].weight};
    weights->arcs[arc1].weight = magnitude;
    weights->arcs[arc2].weight = magnitude;
    return change;
}

static inline void otr_weights_undo(otr_weights *weights, const otr_weight_change *change) {
    weights->arcs[change->arc1].weight = change->before;
    weights->arcs[change->arc2].weight = change->before;
}

#endif
