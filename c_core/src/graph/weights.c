#include "graph/weights.h"

#include <stdlib.h>

#include "common/array.h"

otr_status otr_weights_init(otr_weights *weights, const otr_graph *graph, int32_t offset) {
    const size_t arc_count = (size_t)graph->arc_count + graph->node_count;
    otr_arc *const arcs = otr_array_new(arc_count, sizeof *arcs);
    if (arcs == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        const otr_arc none = {node, OTR_WEIGHT_NONE};
        arcs[otr_boundary_arc(graph, node)] = none;
    }
    for (uint32_t arc = 0; arc < graph->arc_count; arc++) {
        arcs[arc].head = graph->arc_head[arc];
    }
    *weights = (otr_weights){.arcs = arcs};
    otr_weights_refill(weights, graph, offset);
    return OTR_OK;
}

void otr_weights_refill(otr_weights *weights, const otr_graph *graph, int32_t offset) {
    weights->graph = graph;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const uint32_t magnitude = otr_magnitude(otr_weight_offset(graph->edge_weight[edge], offset));
        weights->arcs[graph->edge_arcs[edge].arc1].weight = magnitude;
        weights->arcs[graph->edge_arcs[edge].arc2].weight = magnitude;
    }
}

void otr_weights_free(otr_weights *weights) {
    free(weights->arcs);
    free(weights->changes);
    *weights = (otr_weights){0};
}

void otr_weights_restore(otr_weights *weights) {
    otr_weights_restore_to(weights, 0);
}

void otr_weights_restore_to(otr_weights *weights, size_t change_count) {
    while (weights->change_count > change_count) {
        const otr_weight_change change = weights->changes[--weights->change_count];
        weights->arcs[change.arcs.arc1].weight = change.before;
        weights->arcs[change.arcs.arc2].weight = change.before;
    }
}

size_t otr_weights_bytes(const otr_weights *weights) {
    return ((size_t)weights->graph->arc_count + weights->graph->node_count) * sizeof *weights->arcs +
           weights->change_capacity * sizeof *weights->changes;
}
