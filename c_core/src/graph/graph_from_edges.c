/* The graph of edges with weights of their own: checked, sorted by their nodes, laid out. */
#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "common/exponential.h"
#include "common/sort.h"
#include "graph/graph_build.h"
#include "graph/numbers.h"

/* The given edges in the graph's order. */
typedef struct sorted_edge {
    uint64_t nodes; /* the lower one << 32 | the higher one or OTR_BOUNDARY */
    size_t given;
} sorted_edge;

static otr_status check(const otr_graph_edges *edges, const otr_graph_options *options, otr_error *error);
static otr_status check_edge(const otr_graph_edges *edges, size_t i, otr_error *error);
static otr_status sort_edges(const otr_graph_edges *edges, sorted_edge *order, otr_error *error);
static bool lay_out(otr_graph *graph, const otr_graph_edges *edges, const sorted_edge *order);
static void fill_edge(otr_graph *graph, const otr_graph_edges *edges, uint32_t edge, size_t given);
static otr_status fail_memory(otr_error *error);

otr_status otr_graph_create_from_edges(otr_graph **out, const otr_graph_edges *edges,
                                       const otr_graph_options *options, otr_error *error) {
    const otr_graph_options chosen = options != NULL ? *options : otr_graph_options_default();
    sorted_edge *order;
    otr_graph *graph;
    otr_status status;
    if (out == NULL || edges == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no edges or no place for the graph");
    }
    status = check(edges, &chosen, error);
    if (status != OTR_OK) {
        return status;
    }
    order = otr_array_new(edges->edge_count, sizeof *order);
    graph = otr_array_zeroed(1, sizeof *graph);
    status = order != NULL && graph != NULL ? sort_edges(edges, order, error) : fail_memory(error);
    if (status == OTR_OK) {
        graph->heap_bytes = sizeof *graph;
        graph->node_count = edges->node_count;
        graph->edge_count = (uint32_t)edges->edge_count;
        graph->observable_count = edges->observable_count;
        graph->levels = chosen.levels;
        graph->weight_range = chosen.weight_range;
        status = lay_out(graph, edges, order) ? OTR_OK : fail_memory(error);
    }
    free(order);
    if (status != OTR_OK) {
        otr_graph_destroy(graph);
        return status;
    }
    *out = graph;
    return OTR_OK;
}

static otr_status check(const otr_graph_edges *edges, const otr_graph_options *options, otr_error *error) {
    otr_status status = otr_graph_check_options(options, error);
    if (status != OTR_OK) {
        return status;
    }
    if (options->correlations || options->reweightable || options->errors) {
        return otr_error_set(
            error, OTR_ERR_UNSUPPORTED, 0, 0,
            "correlations, reweighting and whole errors need the errors of a model, not edges");
    }
    if (edges->edge_count > 0 && (edges->node1 == NULL || edges->node2 == NULL || edges->weights == NULL ||
                                  (edges->observable_begin != NULL && edges->observables == NULL &&
                                   edges->observable_begin[edges->edge_count] > 0))) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "an array of the edges is missing");
    }
    status = otr_graph_check_count("nodes", edges->node_count, OTR_GRAPH_NODES_MAX, error);
    status = status == OTR_OK ? otr_graph_check_count("observables", edges->observable_count,
                                                      OTR_GRAPH_OBSERVABLES_MAX, error)
                              : status;
    status = status == OTR_OK && edges->observable_begin != NULL && edges->edge_count > 0
                 ? otr_graph_check_count("observables of edges", edges->observable_begin[edges->edge_count],
                                         UINT32_MAX, error)
                 : status;
    status = status == OTR_OK ? otr_graph_check_count("edges", edges->edge_count, OTR_GRAPH_EDGES_MAX, error)
                              : status;
    for (size_t i = 0; i < edges->edge_count && status == OTR_OK; i++) {
        status = check_edge(edges, i, error);
    }
    return status;
}

static otr_status check_edge(const otr_graph_edges *edges, size_t i, otr_error *error) {
    const uint32_t nodes[2] = {edges->node1[i], edges->node2[i]};
    if (nodes[0] == nodes[1]) {
        return otr_error_set(error, OTR_ERR_INDEX, 0, 0, "edge %zu leads from a node to itself", i);
    }
    for (int end = 0; end < 2; end++) {
        if (nodes[end] >= edges->node_count && nodes[end] != OTR_BOUNDARY) {
            return otr_error_set(error, OTR_ERR_INDEX, 0, 0, "edge %zu has node %u, of %u nodes", i,
                                 nodes[end], edges->node_count);
        }
    }
    if (isnan(edges->weights[i])) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the weight of edge %zu is not a number", i);
    }
    if (edges->probabilities != NULL && !(edges->probabilities[i] >= 0 && edges->probabilities[i] <= 1)) {
        return otr_error_set(error, OTR_ERR_PROBABILITY, 0, 0, "edge %zu has probability %g, which is none",
                             i, edges->probabilities[i]);
    }
    if (edges->observable_begin == NULL) {
        return OTR_OK;
    }
    if (edges->observable_begin[i] > edges->observable_begin[i + 1] ||
        (i == 0 && edges->observable_begin[0] != 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the offsets of observables do not rise from 0 at edge %zu", i);
    }
    for (size_t k = edges->observable_begin[i]; k < edges->observable_begin[i + 1]; k++) {
        if (edges->observables[k] >= edges->observable_count) {
            return otr_error_set(error, OTR_ERR_INDEX, 0, 0, "edge %zu flips observable %u, of %u", i,
                                 edges->observables[k], edges->observable_count);
        }
    }
    return OTR_OK;
}

static int compare_edges(const void *left, const void *right) {
    const sorted_edge *const a = left;
    const sorted_edge *const b = right;
    return a->nodes != b->nodes ? (a->nodes > b->nodes) - (a->nodes < b->nodes)
                                : (a->given > b->given) - (a->given < b->given);
}

static otr_status sort_edges(const otr_graph_edges *edges, sorted_edge *order, otr_error *error) {
    for (size_t i = 0; i < edges->edge_count; i++) {
        const uint32_t a = edges->node1[i];
        const uint32_t b = edges->node2[i];
        order[i].nodes = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
        order[i].given = i;
    }
    if (edges->edge_count > 0) {
        qsort(order, edges->edge_count, sizeof *order, compare_edges);
    }
    for (size_t i = 1; i < edges->edge_count; i++) {
        if (order[i].nodes == order[i - 1].nodes) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "edges %zu and %zu join the same nodes",
                                 order[i - 1].given, order[i].given);
        }
    }
    return OTR_OK;
}

/* False when memory is out. */
static bool lay_out(otr_graph *graph, const otr_graph_edges *edges, const sorted_edge *order) {
    double *const weights = otr_array_new(graph->edge_count, sizeof *weights);
    const bool has_observables = edges->observable_begin != NULL && graph->edge_count > 0;
    const size_t observables = has_observables ? edges->observable_begin[graph->edge_count] : 0;
    if (weights == NULL || !otr_graph_allocate_edges(graph, observables)) {
        free(weights);
        return false;
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        graph->edge_node1[edge] = (uint32_t)(order[edge].nodes >> 32);
        graph->edge_node2[edge] = (uint32_t)order[edge].nodes;
        weights[edge] = edges->weights[order[edge].given];
        fill_edge(graph, edges, edge, order[edge].given);
    }
    otr_graph_set_natural_weights(graph, weights);
    free(weights);
    return otr_graph_link(graph);
}

/* Probability and observables of an edge; those of the edges before are there. */
static void fill_edge(otr_graph *graph, const otr_graph_edges *edges, uint32_t edge, size_t given) {
    const uint32_t begin = graph->observable_begin[edge];
    uint32_t *const list = graph->observable_list + begin;
    size_t count = 0;
    graph->edge_probability[edge] = edges->probabilities != NULL
                                        ? edges->probabilities[given]
                                        : 1 / (1 + otr_exponential(edges->weights[given]));
    if (edges->observable_begin != NULL) {
        const size_t first = edges->observable_begin[given];
        count = edges->observable_begin[given + 1] - first;
        for (size_t k = 0; k < count; k++) {
            list[k] = edges->observables[first + k];
        }
        count = otr_sort_cancel(list, count);
    }
    for (size_t k = 0; k < count; k++) {
        graph->edge_mask[edge] |= list[k] < 64 ? (uint64_t)1 << list[k] : 0;
    }
    graph->observable_begin[edge + 1] = begin + (uint32_t)count;
}

static otr_status fail_memory(otr_error *error) {
    return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
}
