/* A decoder's own weights: two arc weights per edge, a boundary weight per node, and the nearest weight per
 * node. */
#include "graph/weights.h"

#include <stdlib.h>

#include "common/array.h"

otr_status otr_weights_init(otr_weights *weights, const otr_graph *graph) {
    otr_weights made = {.graph = graph};
    made.arcs = otr_array_new(graph->arc_count, sizeof *made.arcs);
    made.boundary = otr_array_new(graph->node_count, sizeof *made.boundary);
    made.nearest = otr_array_new(graph->node_count, sizeof *made.nearest);
    if (made.arcs == NULL || made.boundary == NULL || made.nearest == NULL) {
        otr_weights_free(&made);
        return OTR_ERR_MEMORY;
    }
    made.heap_bytes = graph->arc_count * sizeof *made.arcs +
                      graph->node_count * (sizeof *made.boundary + sizeof *made.nearest);
    for (uint32_t arc = 0; arc < graph->arc_count; arc++) {
        made.arcs[arc].head = graph->arc_head[arc];
        made.arcs[arc].weight = (uint32_t)abs(graph->edge_weight[graph->arc_edge[arc]]);
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        const uint32_t edge = graph->boundary_edge[node];
        made.boundary[node] =
            edge == OTR_NONE ? OTR_WEIGHT_NO_BOUNDARY : (uint32_t)abs(graph->edge_weight[edge]);
        made.nearest[node] = graph->nearest[node];
    }
    *weights = made;
    return OTR_OK;
}

void otr_weights_free(otr_weights *weights) {
    free(weights->arcs);
    free(weights->boundary);
    free(weights->nearest);
    *weights = (otr_weights){0};
}

static void lower_nearest(otr_weights *weights, uint32_t node, uint32_t magnitude) {
    if (magnitude < weights->nearest[node]) {
        weights->nearest[node] = magnitude;
    }
}

uint32_t otr_weights_set(otr_weights *weights, uint32_t edge, uint32_t magnitude) {
    const otr_graph *graph = weights->graph;
    const uint32_t old = otr_weights_get(weights, edge);
    lower_nearest(weights, graph->edge_node1[edge], magnitude);
    if (graph->edge_node2[edge] == OTR_BOUNDARY) {
        weights->boundary[graph->edge_node1[edge]] = magnitude;
    } else {
        lower_nearest(weights, graph->edge_node2[edge], magnitude);
        weights->arcs[graph->edge_arc1[edge]].weight = magnitude;
        weights->arcs[graph->edge_arc2[edge]].weight = magnitude;
    }
    return old;
}

uint32_t otr_weights_get(const otr_weights *weights, uint32_t edge) {
    const otr_graph *graph = weights->graph;
    return graph->edge_node2[edge] == OTR_BOUNDARY ? weights->boundary[graph->edge_node1[edge]]
                                                   : weights->arcs[graph->edge_arc1[edge]].weight;
}

void otr_weights_reset_nearest(otr_weights *weights, uint32_t edge) {
    const otr_graph *graph = weights->graph;
    weights->nearest[graph->edge_node1[edge]] = graph->nearest[graph->edge_node1[edge]];
    if (graph->edge_node2[edge] != OTR_BOUNDARY) {
        weights->nearest[graph->edge_node2[edge]] = graph->nearest[graph->edge_node2[edge]];
    }
}
