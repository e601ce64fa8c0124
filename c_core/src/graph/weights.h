/* One decoder's own copy of the magnitudes |weight|, which single shots may change.
 *
 * A negative weight is handled outside the search, see shot_weights.h; the search sees the price |weight| of
 * taking the forced edge back. So everything here is non-negative and even, or OTR_WEIGHT_NONE. */
#ifndef OTR_GRAPH_WEIGHTS_H
#define OTR_GRAPH_WEIGHTS_H

#include "common/array.h"
#include "graph/graph_internal.h"

#include <stdbool.h>
#include <stdlib.h>

/* The magnitude of what the search does not take: an infinite weight, and the boundary edge of a node that
 * has none. */
#define OTR_WEIGHT_NONE UINT32_MAX

/* One direction of an edge as the search walks it. A boundary edge leads to its own node. */
typedef struct otr_arc {
    uint32_t head;
    uint32_t weight;
} otr_arc;

/* A changed magnitude, with what it takes to put it back. */
typedef struct otr_weight_change {
    otr_edge_arcs arcs;
    uint32_t before;
} otr_weight_change;

typedef struct otr_weights {
    const otr_graph *graph;
    otr_arc *arcs;              /* the graph's arcs, then one boundary arc a node, see otr_boundary_arc */
    otr_weight_change *changes; /* since the last otr_weights_restore, in order */
    size_t change_count;
    size_t change_capacity;
} otr_weights;

/* The magnitudes of the graph's weights plus `offset`. OTR_ERR_MEMORY. */
otr_status otr_weights_init(otr_weights *weights, const otr_graph *graph, int32_t offset);
void otr_weights_free(otr_weights *weights);

/* The same for another graph that is alike but for its numbers. All changes are undone. */
void otr_weights_refill(otr_weights *weights, const otr_graph *graph, int32_t offset);

/* The magnitude of a weight that the search takes, or of an infinite one. */
static inline uint32_t otr_magnitude(int32_t weight) {
    return otr_weight_is_infinite(weight) ? OTR_WEIGHT_NONE : (uint32_t)abs(weight);
}

/* The weight of a node's boundary edge, or OTR_WEIGHT_NONE. */
static inline uint32_t otr_boundary_weight(const otr_weights *weights, uint32_t node) {
    return weights->arcs[otr_boundary_arc(weights->graph, node)].weight;
}

/* The magnitude of an edge now. */
static inline uint32_t otr_weights_get(const otr_weights *weights, uint32_t edge) {
    return weights->arcs[weights->graph->edge_arcs[edge].arc1].weight;
}

/* Makes room for `count` more changes; false when memory is out. */
static inline bool otr_weights_reserve(otr_weights *weights, size_t count) {
    return otr_array_reserve((void **)&weights->changes, &weights->change_capacity,
                             weights->change_count + count, sizeof *weights->changes);
}

/* Sets the magnitude of an edge given by its arcs until otr_weights_restore; `magnitude` is even and at most
 * OTR_WEIGHT_MAX, or OTR_WEIGHT_NONE, and there is room for a change. Returns the magnitude before. */
static inline uint32_t otr_weights_set(otr_weights *weights, otr_edge_arcs arcs, uint32_t magnitude) {
    const otr_weight_change change = {arcs, weights->arcs[arcs.arc1].weight};
    weights->changes[weights->change_count++] = change;
    weights->arcs[arcs.arc1].weight = magnitude;
    weights->arcs[arcs.arc2].weight = magnitude;
    return change.before;
}

/* Undoes all changes, or those after the first `change_count`. */
void otr_weights_restore(otr_weights *weights);
void otr_weights_restore_to(otr_weights *weights, size_t change_count);

/* Heap bytes held now. */
size_t otr_weights_bytes(const otr_weights *weights);

#endif
