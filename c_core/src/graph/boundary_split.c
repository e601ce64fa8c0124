#include "graph/boundary_split.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "graph/graph_build.h"

/* A connected part of the graph, as the walk over it finds it. */
typedef struct component {
    uint32_t *nodes;
    uint32_t node_count;
    unsigned classes; /* bit c: it has a boundary edge of class c */
} component;

static uint8_t flips(const otr_boundary_split *split, const otr_graph *graph, uint32_t edge);
static otr_status find_potentials(otr_boundary_split *split, const otr_graph *graph, uint32_t *nodes,
                                  uint8_t *reached, otr_error *error);
static otr_status walk_component(otr_boundary_split *split, const otr_graph *graph, component *part,
                                 uint8_t *reached, otr_error *error);
static otr_status copy_graph(otr_boundary_split *split, const otr_graph *graph, const int32_t *bypass);
static bool is_alike(const otr_boundary_split *split, const otr_graph *graph);
static void fill_weights(otr_boundary_split *split, const otr_graph *graph, const int32_t *bypass);

otr_status otr_boundary_split_init(otr_boundary_split *split, const otr_graph *graph, uint32_t observable,
                                   const int32_t *bypass, otr_error *error) {
    uint32_t *nodes = NULL;
    uint8_t *reached = NULL;
    otr_status status = OTR_ERR_MEMORY;
    *split = (otr_boundary_split){.extra = graph->node_count, .observable = observable};
    if (observable >= graph->observable_count) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "no complementary gap: observable %u of a model with %u observables", observable,
                             graph->observable_count);
    }
    if (graph->node_count == OTR_GRAPH_NODES_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "more than %u detectors and sides",
                             OTR_GRAPH_NODES_MAX);
    }
    nodes = otr_array_new(graph->node_count, sizeof *nodes);
    reached = otr_array_zeroed(graph->node_count, sizeof *reached);
    split->potentials = otr_array_zeroed(graph->node_count, sizeof *split->potentials);
    split->is_parted = otr_array_zeroed(graph->node_count, sizeof *split->is_parted);
    if (nodes != NULL && reached != NULL && split->potentials != NULL && split->is_parted != NULL) {
        status = find_potentials(split, graph, nodes, reached, error);
        status = status == OTR_OK ? copy_graph(split, graph, bypass) : status;
    }
    free(nodes);
    free(reached);
    return status != OTR_ERR_MEMORY ? status : otr_error_set(error, status, 0, 0, "out of memory");
}

void otr_boundary_split_free(otr_boundary_split *split) {
    otr_graph_destroy(split->graph);
    free(split->potentials);
    free(split->is_parted);
    *split = (otr_boundary_split){0};
}

size_t otr_boundary_split_bytes(const otr_boundary_split *split) {
    return split->graph->heap_bytes + split->extra * (sizeof *split->potentials + sizeof *split->is_parted);
}

otr_status otr_boundary_split_reweight(otr_boundary_split *split, const otr_graph *graph,
                                       const int32_t *bypass, otr_error *error) {
    if (split->graph->edge_count != graph->edge_count + (bypass != NULL) || !is_alike(split, graph)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a graph of another topology, or another bypass");
    }
    fill_weights(split, graph, bypass);
    return OTR_OK;
}

/* Whether an edge flips the observable. */
static uint8_t flips(const otr_boundary_split *split, const otr_graph *graph, uint32_t edge) {
    uint8_t found = 0;
    if (split->observable < 64) {
        return (uint8_t)(graph->edge_mask[edge] >> split->observable & 1);
    }
    for (uint32_t i = graph->observable_begin[edge]; i < graph->observable_begin[edge + 1]; i++) {
        found |= graph->observable_list[i] == split->observable;
    }
    return found;
}

static uint8_t boundary_class(const otr_boundary_split *split, const otr_graph *graph, uint32_t node) {
    return flips(split, graph, graph->boundary_edge[node]) ^ split->potentials[node];
}

/* The potentials of each part are free up to a common flip; it is chosen so that only parts with both classes
 * have edges of class 1. */
static otr_status find_potentials(otr_boundary_split *split, const otr_graph *graph, uint32_t *nodes,
                                  uint8_t *reached, otr_error *error) {
    bool is_two_sided = false;
    for (uint32_t start = 0; start < graph->node_count; start++) {
        component part = {.nodes = nodes};
        otr_status status;
        if (reached[start]) {
            continue;
        }
        reached[start] = 1;
        nodes[part.node_count++] = start;
        status = walk_component(split, graph, &part, reached, error);
        if (status != OTR_OK) {
            return status;
        }
        is_two_sided |= part.classes == 3;
        for (uint32_t i = 0; part.classes == 3 && i < part.node_count; i++) {
            split->is_parted[nodes[i]] = 1;
        }
        for (uint32_t i = 0; part.classes == 2 && i < part.node_count; i++) {
            split->potentials[nodes[i]] ^= 1;
        }
    }
    return is_two_sided ? OTR_OK
                        : otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                                        "no complementary gap: no undetected error flips the observable");
}

/* Walks breadth first from the part's first node. */
static otr_status walk_component(otr_boundary_split *split, const otr_graph *graph, component *part,
                                 uint8_t *reached, otr_error *error) {
    for (uint32_t i = 0; i < part->node_count; i++) {
        const uint32_t node = part->nodes[i];
        for (uint32_t arc = graph->arc_begin[node]; arc < graph->arc_begin[node + 1]; arc++) {
            const uint32_t head = graph->arc_head[arc];
            const uint8_t flipped = flips(split, graph, graph->arc_edge[arc]);
            if (!reached[head]) {
                reached[head] = 1;
                split->potentials[head] = split->potentials[node] ^ flipped;
                part->nodes[part->node_count++] = head;
            } else if ((split->potentials[head] ^ split->potentials[node]) != flipped) {
                return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                                     "no complementary gap: a closed loop of errors through detectors %u and "
                                     "%u flips the observable",
                                     node, head);
            }
        }
        if (graph->boundary_edge[node] != OTR_NONE) {
            part->classes |= 1u << boundary_class(split, graph, node);
        }
    }
    return OTR_OK;
}

/* As the extra node follows all others, edges stay in order: a node's boundary edge is its last one. */
static otr_status copy_graph(otr_boundary_split *split, const otr_graph *graph, const int32_t *bypass) {
    otr_graph *const copy = otr_array_zeroed(1, sizeof *copy);
    split->graph = copy;
    if (copy == NULL) {
        return OTR_ERR_MEMORY;
    }
    copy->heap_bytes = sizeof *copy;
    copy->node_count = graph->node_count + 1;
    copy->edge_count = graph->edge_count + (bypass != NULL);
    copy->edge_node1 = otr_graph_allocate(copy, copy->edge_count, sizeof *copy->edge_node1);
    copy->edge_node2 = otr_graph_allocate(copy, copy->edge_count, sizeof *copy->edge_node2);
    copy->edge_weight = otr_graph_allocate(copy, copy->edge_count, sizeof *copy->edge_weight);
    if (copy->edge_node1 == NULL || copy->edge_node2 == NULL || copy->edge_weight == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const uint32_t node1 = graph->edge_node1[edge];
        const uint32_t node2 = graph->edge_node2[edge];
        const bool crosses = node2 == OTR_BOUNDARY && boundary_class(split, graph, node1) == 1;
        copy->edge_node1[edge] = node1;
        copy->edge_node2[edge] = crosses ? split->extra : node2;
    }
    if (bypass != NULL) {
        copy->edge_node1[graph->edge_count] = split->extra;
        copy->edge_node2[graph->edge_count] = OTR_BOUNDARY;
    }
    fill_weights(split, graph, bypass);
    return otr_graph_link(copy) ? OTR_OK : OTR_ERR_MEMORY;
}

/* Whether the graph has the same edges with the same observables. The one that was parted may be gone. */
static bool is_alike(const otr_boundary_split *split, const otr_graph *graph) {
    if (graph->node_count != split->extra || graph->observable_count <= split->observable) {
        return false;
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const uint32_t node1 = graph->edge_node1[edge];
        const uint32_t node2 = graph->edge_node2[edge];
        const uint8_t flipped = flips(split, graph, edge);
        const uint8_t ends =
            split->potentials[node1] ^ (node2 != OTR_BOUNDARY ? split->potentials[node2] : 0);
        const uint32_t led_to = node2 == OTR_BOUNDARY && flipped != ends ? split->extra : node2;
        if (node1 != split->graph->edge_node1[edge] || led_to != split->graph->edge_node2[edge] ||
            (node2 != OTR_BOUNDARY && flipped != ends)) {
            return false;
        }
    }
    return true;
}

static void fill_weights(otr_boundary_split *split, const otr_graph *graph, const int32_t *bypass) {
    split->graph->scale = graph->scale;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        split->graph->edge_weight[edge] = graph->edge_weight[edge];
    }
    if (bypass != NULL) {
        split->graph->edge_weight[graph->edge_count] = *bypass;
    }
}
