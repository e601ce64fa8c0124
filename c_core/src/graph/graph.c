/* Access to a finished matching graph, and its end. */
#include "outrider/graph.h"

#include <stdlib.h>

#include "common/array.h"
#include "graph/graph_build.h"
#include "graph/graph_errors.h"

static void free_own(void *memory, const void *lent);

otr_graph_options otr_graph_options_default(void) {
    return (otr_graph_options){.correlations = false,
                               .ignore_undecomposable = false,
                               .reweightable = false,
                               .errors = false,
                               .levels = OTR_GRAPH_LEVELS_DEFAULT,
                               .weight_range = OTR_GRAPH_WEIGHT_RANGE_DEFAULT};
}

void otr_graph_destroy(otr_graph *graph) {
    const otr_graph nothing = {0};
    const otr_graph *const lent = graph != NULL && graph->lender != NULL ? graph->lender : &nothing;
    if (graph == NULL) {
        return;
    }
    free_own(graph->arc_begin, lent->arc_begin);
    free_own(graph->arc_head, lent->arc_head);
    free_own(graph->arc_edge, lent->arc_edge);
    free_own(graph->boundary_edge, lent->boundary_edge);
    free_own(graph->edge_node1, lent->edge_node1);
    free_own(graph->edge_node2, lent->edge_node2);
    free_own(graph->edge_arcs, lent->edge_arcs);
    free_own(graph->edge_mask, lent->edge_mask);
    free_own(graph->observable_begin, lent->observable_begin);
    free_own(graph->observable_list, lent->observable_list);
    free_own(graph->implied_begin, lent->implied_begin);
    free_own(graph->implied_edge, lent->implied_edge);
    free_own(graph->implied_pairs, lent->implied_pairs);
    free_own(graph->recipe.words, lent->recipe.words);
    free_own(graph->edge_weight, lent->edge_weight);
    free_own(graph->edge_probability, lent->edge_probability);
    free_own(graph->implied_weight, lent->implied_weight);
    free_own(graph->rules, lent->rules);
    if (graph->errors != lent->errors) {
        otr_graph_errors_destroy(graph->errors);
    }
    free(graph);
}

uint32_t otr_graph_node_count(const otr_graph *graph) {
    return graph->node_count;
}

uint32_t otr_graph_edge_count(const otr_graph *graph) {
    return graph->edge_count;
}

uint32_t otr_graph_observable_count(const otr_graph *graph) {
    return graph->observable_count;
}

bool otr_graph_has_correlations(const otr_graph *graph) {
    return graph->correlations;
}

bool otr_graph_has_errors(const otr_graph *graph) {
    return graph->errors != NULL;
}

uint64_t otr_graph_conflict_count(const otr_graph *graph) {
    return graph->conflict_count;
}

uint64_t otr_graph_ignored_count(const otr_graph *graph) {
    return graph->ignored_count;
}

uint64_t otr_graph_undetectable_count(const otr_graph *graph) {
    return graph->undetectable_count;
}

double otr_graph_scale(const otr_graph *graph) {
    return graph->scale;
}

double otr_graph_weight_limit(const otr_graph *graph) {
    return OTR_WEIGHT_MAX / graph->scale;
}

uint64_t otr_graph_error_count(const otr_graph *graph) {
    return graph->recipe.error_count;
}

size_t otr_graph_bytes(const otr_graph *graph) {
    return graph->heap_bytes;
}

otr_status otr_graph_edge(const otr_graph *graph, uint32_t edge, otr_edge *out) {
    if (edge >= graph->edge_count) {
        return OTR_ERR_INDEX;
    }
    *out = (otr_edge){.node1 = graph->edge_node1[edge],
                      .node2 = graph->edge_node2[edge],
                      .probability = graph->edge_probability[edge],
                      .weight = graph->edge_weight[edge],
                      .observable_count = graph->observable_begin[edge + 1] - graph->observable_begin[edge],
                      .observables = graph->observable_list + graph->observable_begin[edge]};
    return OTR_OK;
}

otr_status otr_graph_find_edge(const otr_graph *graph, uint32_t node1, uint32_t node2, uint32_t *edge) {
    uint32_t low;
    uint32_t high;
    if (node1 == OTR_BOUNDARY) {
        node1 = node2;
        node2 = OTR_BOUNDARY;
    }
    if (node1 >= graph->node_count) {
        return OTR_ERR_INDEX;
    }
    if (node2 == OTR_BOUNDARY) {
        if (graph->boundary_edge[node1] == OTR_NONE) {
            return OTR_ERR_INDEX;
        }
        *edge = graph->boundary_edge[node1];
        return OTR_OK;
    }
    low = graph->arc_begin[node1];
    high = graph->arc_begin[node1 + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (graph->arc_head[middle] < node2) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == graph->arc_begin[node1 + 1] || graph->arc_head[low] != node2) {
        return OTR_ERR_INDEX;
    }
    *edge = graph->arc_edge[low];
    return OTR_OK;
}

otr_status otr_graph_implied(const otr_graph *graph, uint32_t edge, otr_implied *out) {
    if (edge >= graph->edge_count) {
        return OTR_ERR_INDEX;
    }
    *out = (otr_implied){0};
    if (graph->correlations) {
        const uint32_t begin = graph->implied_begin[edge];
        *out = (otr_implied){.edges = graph->implied_edge + begin,
                             .weights = graph->implied_weight + begin,
                             .count = graph->implied_begin[edge + 1] - begin};
    }
    return OTR_OK;
}

void *otr_graph_allocate(otr_graph *graph, size_t count, size_t element_bytes) {
    void *memory = otr_array_zeroed(count, element_bytes);
    if (memory != NULL) {
        graph->heap_bytes += count * element_bytes;
    }
    return memory;
}

static void free_own(void *memory, const void *lent) {
    if (memory != lent) {
        free(memory);
    }
}
