/* Hubs: nodes with very many arcs, which would be looked at whole for each thing that happens at them. A
 * search keeps what it last saw of a hub block by block, OTR_HUB_BLOCK arcs each, and looks anew at single
 * blocks. */
#ifndef OTR_GRAPH_HUBS_H
#define OTR_GRAPH_HUBS_H

#include "graph/graph_internal.h"

#define OTR_HUB_ARCS 1024 /* a node with more is a hub */
#define OTR_HUB_BLOCK 64

/* Blocks of all hubs of a graph, for an array with one entry for each. */
static inline size_t otr_hub_block_count(const otr_graph *graph) {
    return graph->arc_count / (OTR_HUB_BLOCK / 2) + 1;
}

/* Number of the first block of the hub whose arcs start with `first_arc`. Every arc leaves room for twice the
 * blocks that it needs, so no two hubs share one. */
static inline size_t otr_hub_blocks_at(uint32_t first_arc) {
    return first_arc / (OTR_HUB_BLOCK / 2);
}

#endif
