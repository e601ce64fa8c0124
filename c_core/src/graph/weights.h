/* One decoder's own copy of the magnitudes |weight|, which single shots may override.
 *
 * A negative weight is handled outside the search: the edge is committed (its ends' events flip) and the
 * search sees the price |weight| of taking it back. So everything here is non-negative and even. */
#ifndef OTR_GRAPH_WEIGHTS_H
#define OTR_GRAPH_WEIGHTS_H

#include "graph/graph_internal.h"

/* Boundary weight of a node without a boundary edge. */
#define OTR_WEIGHT_NO_BOUNDARY UINT32_MAX

/* One direction of an edge as the search walks it. */
typedef struct otr_arc {
    uint32_t head;
    uint32_t weight;
} otr_arc;

typedef struct otr_weights {
    const otr_graph *graph;
    otr_arc *arcs;      /* indexed as graph->arc_head */
    uint32_t *boundary; /* node -> weight of its boundary edge or OTR_WEIGHT_NO_BOUNDARY */
    uint32_t *nearest;  /* node -> at most the smallest weight of its edges; 0 for an isolated node */
    size_t heap_bytes;
} otr_weights;

otr_status otr_weights_init(otr_weights *weights, const otr_graph *graph);
void otr_weights_free(otr_weights *weights);

/* Sets the magnitude of one edge, both directions; `magnitude` is even and at most OTR_WEIGHT_MAX. Returns
 * the old one. */
uint32_t otr_weights_set(otr_weights *weights, uint32_t edge, uint32_t magnitude);

/* The magnitude of an edge now. */
uint32_t otr_weights_get(const otr_weights *weights, uint32_t edge);

/* Puts `nearest` of the edge's ends back to the graph's own value after otr_weights_set restored the weights.
 */
void otr_weights_reset_nearest(otr_weights *weights, uint32_t edge);

#endif
