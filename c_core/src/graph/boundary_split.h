/* A matching graph whose boundary is parted in two, so that a shot can be matched in a chosen logical class.
 *
 * Nodes get potentials: the observable flips over an edge between two detectors if their potentials differ.
 * So what a set of edges does to the observable follows from its events, which give the xor of their
 * potentials, and from its boundary edges, each of which adds its class: the edge's observable xor its node's
 * potential. Boundary edges of class 1 are led to one extra node instead. Whether that node is an event then
 * decides the parity of class-1 edges, and with it the observable. The node may have an edge to the boundary
 * itself, the bypass: matching over it costs its weight and leaves the class. Several parts of the graph may
 * have both classes: their edges of class 1 lead to the same extra node, and count together. */
#ifndef OTR_BOUNDARY_SPLIT_H
#define OTR_BOUNDARY_SPLIT_H

#include "graph/graph_internal.h"

typedef struct otr_boundary_split {
    /* The same edges in the same order, and the bypass; without observables and probabilities. */
    otr_graph *graph;
    uint32_t extra;      /* its last node; its edge to the boundary, if any, is the last edge */
    uint8_t *potentials; /* by detector */
    uint8_t *is_parted;  /* by detector: its part of the graph has both classes */
    uint32_t observable;
} otr_boundary_split;

/* `bypass` is the weight of that edge; NULL for none. OTR_ERR_UNSUPPORTED if the observable does not follow
 * this rule (*error says why), OTR_ERR_LIMIT, OTR_ERR_MEMORY; *split is to be freed in any case. */
otr_status otr_boundary_split_init(otr_boundary_split *split, const otr_graph *graph, uint32_t observable,
                                   const int32_t *bypass, otr_error *error);
/* The weights of a graph that is alike but for its numbers. OTR_ERR_ARGUMENT if it is not, or if `bypass` is
 * there and was not before, or the other way round; then nothing has changed. */
otr_status otr_boundary_split_reweight(otr_boundary_split *split, const otr_graph *graph,
                                       const int32_t *bypass, otr_error *error);
void otr_boundary_split_free(otr_boundary_split *split);

/* Heap bytes held. */
size_t otr_boundary_split_bytes(const otr_boundary_split *split);

#endif
