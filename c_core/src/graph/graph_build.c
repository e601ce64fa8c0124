/* Builds the matching graph in two steps: errors are walked flat and merged into edges found by a hash table;
 * then edges are ordered by two counting passes, over their second and their first node, and laid out as
 * arrays. */
#include "graph/graph_build.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "model/model_internal.h"

static otr_status check_size(const otr_model *model, const otr_graph_options *options, otr_error *error);
static otr_status collect(otr_graph_build *build, const otr_model *model);
static otr_status add_error(otr_graph_build *build, const otr_instruction *instruction);
static otr_status add_component(otr_graph_build *build, const otr_instruction *instruction, uint64_t begin,
                                uint64_t end);
static otr_status merge_edge(otr_graph_build *build, const otr_instruction *instruction, uint32_t node1,
                             uint32_t node2, uint64_t begin, uint64_t end);
static int keep_observables(otr_graph_build *build, const otr_instruction *instruction, uint64_t begin,
                            uint64_t end);
static size_t cancel_pairs(uint64_t *items, size_t count);
static otr_status fail_memory(otr_graph_build *build);
static otr_status lay_out(otr_graph_build *build, otr_graph *graph);
static int allocate_edges(otr_graph_build *build, otr_graph *graph);
static int rank_edges(otr_graph_build *build, otr_graph *graph);
static void fill_edges(const otr_graph_build *build, otr_graph *graph);
static void set_scale(const otr_graph_build *build, otr_graph *graph);
static void fill_weights(otr_graph *graph);

otr_status otr_graph_create(otr_graph **out, const otr_model *model, const otr_graph_options *options,
                            otr_error *error) {
    otr_graph_build build = {.options = options != NULL ? *options : otr_graph_options_default(),
                             .error = error};
    otr_graph *graph = NULL;
    otr_status status;
    if (out == NULL || model == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model or no place for the graph");
    }
    status = check_size(model, &build.options, error);
    if (status != OTR_OK) {
        return status;
    }
    graph = otr_array_zeroed(1, sizeof *graph);
    status = graph != NULL ? collect(&build, model) : fail_memory(&build);
    if (status == OTR_OK) {
        graph->heap_bytes = sizeof *graph;
        graph->node_count = (uint32_t)otr_model_detector_count(model);
        graph->observable_count = (uint32_t)otr_model_observable_count(model);
        status = lay_out(&build, graph);
    }
    if (status == OTR_OK) {
        *out = graph;
        graph = NULL;
    }
    otr_graph_destroy(graph);
    otr_key_table_free(&build.edges);
    otr_key_table_free(&build.pairs);
    free(build.probability);
    free(build.observable_begin);
    free(build.observable_end);
    free(build.observable_list);
    free(build.scratch);
    free(build.rank);
    free(build.marginal);
    free(build.joint);
    return status;
}

static otr_status check_size(const otr_model *model, const otr_graph_options *options, otr_error *error) {
    const struct {
        const char *what;
        uint64_t count;
        uint64_t limit;
    } sizes[] = {{"detectors", otr_model_detector_count(model), OTR_GRAPH_NODES_MAX},
                 {"observables", otr_model_observable_count(model), OTR_GRAPH_OBSERVABLES_MAX},
                 {"flattened errors", otr_model_error_count(model), OTR_GRAPH_ERRORS_MAX}};
    if (options->levels > OTR_GRAPH_LEVELS_DEFAULT) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "%u weight levels, more than the limit of %u",
                             options->levels, OTR_GRAPH_LEVELS_DEFAULT);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i].count > sizes[i].limit) {
            return otr_error_set(
                error, OTR_ERR_LIMIT, 0, 0, "the model has %llu %s, more than the limit of %llu",
                (unsigned long long)sizes[i].count, sizes[i].what, (unsigned long long)sizes[i].limit);
        }
    }
    return OTR_OK;
}

static otr_status collect(otr_graph_build *build, const otr_model *model) {
    otr_model_walk *walk = NULL;
    otr_instruction instruction;
    otr_status status = otr_model_walk_create_errors(&walk, model);
    if (status != OTR_OK) {
        return fail_memory(build);
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &instruction)) {
        status = add_error(build, &instruction);
    }
    otr_model_walk_destroy(walk);
    return status;
}

static otr_status add_error(otr_graph_build *build, const otr_instruction *instruction) {
    const double p = instruction->arguments[0];
    otr_status status = OTR_OK;
    uint64_t begin = 0;
    if (p == 0) {
        return OTR_OK;
    }
    if (build->options.correlations && p > 0.5) {
        return otr_error_set(build->error, OTR_ERR_PROBABILITY, instruction->line, 0,
                             "probability above 1/2, which correlated matching does not take");
    }
    build->component_count = 0;
    for (uint64_t i = 0; i <= instruction->target_count && status == OTR_OK; i++) {
        if (i == instruction->target_count || instruction->targets[i] == OTR_TARGET_SEPARATOR) {
            status = add_component(build, instruction, begin, i);
            begin = i + 1;
        }
    }
    if (status == OTR_OK && build->options.correlations) {
        status = otr_correlations_add(build, p, instruction->line);
    }
    return status;
}

/* Adds the component in targets begin .. end-1. */
static otr_status add_component(otr_graph_build *build, const otr_instruction *instruction, uint64_t begin,
                                uint64_t end) {
    size_t count = 0;
    if (!otr_array_reserve((void **)&build->scratch, &build->scratch_capacity, end - begin,
                           sizeof *build->scratch)) {
        return fail_memory(build);
    }
    for (uint64_t i = begin; i < end; i++) {
        if ((instruction->targets[i] & OTR_TARGET_OBSERVABLE) == 0) {
            build->scratch[count++] = instruction->targets[i];
        }
    }
    count = cancel_pairs(build->scratch, count);
    if (count == 1 || count == 2) {
        const uint32_t node2 = count == 2 ? (uint32_t)build->scratch[1] : OTR_BOUNDARY;
        return merge_edge(build, instruction, (uint32_t)build->scratch[0], node2, begin, end);
    }
    if (count == 0) {
        const int alone = begin == 0 && end == instruction->target_count;
        if (build->options.correlations && !alone) {
            return otr_error_set(build->error, OTR_ERR_UNDECOMPOSABLE, instruction->line, 0,
                                 "a component without detectors, which correlated matching does not take");
        }
        build->undetectable_count++;
        return OTR_OK;
    }
    if (!build->options.ignore_undecomposable) {
        return otr_error_set(
            build->error, OTR_ERR_UNDECOMPOSABLE, instruction->line, 0,
            "an error component with %llu detectors; decompose it with '^' into ones with at "
            "most two",
            (unsigned long long)count);
    }
    build->ignored_count++;
    return OTR_OK;
}

static otr_status merge_edge(otr_graph_build *build, const otr_instruction *instruction, uint32_t node1,
                             uint32_t node2, uint64_t begin, uint64_t end) {
    const double p = instruction->arguments[0];
    const size_t known = build->edges.count;
    const uint32_t edge = otr_key_table_add(&build->edges, (uint64_t)node1 << 32 | node2);
    if (edge == OTR_KEY_NONE) {
        return fail_memory(build);
    }
    if (edge == known) {
        if (edge == OTR_GRAPH_EDGES_MAX) {
            return otr_error_set(build->error, OTR_ERR_LIMIT, instruction->line, 0, "more than %u edges",
                                 OTR_GRAPH_EDGES_MAX);
        }
        if (!OTR_ARRAY_GROW(build->probability, edge, build->probability_capacity) ||
            (build->options.correlations &&
             !OTR_ARRAY_GROW(build->marginal, edge, build->marginal_capacity)) ||
            !keep_observables(build, instruction, begin, end)) {
            return fail_memory(build);
        }
        build->probability[edge] = 0;
        if (build->options.correlations) {
            build->marginal[edge] = 0;
        }
    }
    build->probability[edge] = otr_probability_xor(build->probability[edge], p);
    if (build->options.correlations) {
        if (build->component_count == OTR_GRAPH_COMPONENTS_MAX) {
            return otr_error_set(build->error, OTR_ERR_LIMIT, instruction->line, 0,
                                 "an error with more than %d components", OTR_GRAPH_COMPONENTS_MAX);
        }
        build->components[build->component_count++] = edge;
    }
    return OTR_OK;
}

/* Keeps the observables of targets begin .. end-1 for the newest edge; 0 when memory is out. */
static int keep_observables(otr_graph_build *build, const otr_instruction *instruction, uint64_t begin,
                            uint64_t end) {
    const size_t edge = build->edges.count - 1;
    size_t count = 0;
    if (!OTR_ARRAY_GROW(build->observable_begin, edge, build->observable_begin_capacity) ||
        !OTR_ARRAY_GROW(build->observable_end, edge, build->observable_end_capacity)) {
        return 0;
    }
    for (uint64_t i = begin; i < end; i++) {
        if ((instruction->targets[i] & OTR_TARGET_OBSERVABLE) != 0) {
            build->scratch[count++] = instruction->targets[i] & ~OTR_TARGET_OBSERVABLE;
        }
    }
    count = cancel_pairs(build->scratch, count);
    if (build->observable_count + count > UINT32_MAX ||
        !otr_array_reserve((void **)&build->observable_list, &build->observable_capacity,
                           build->observable_count + count, sizeof *build->observable_list)) {
        return 0;
    }
    build->observable_begin[edge] = (uint32_t)build->observable_count;
    for (size_t i = 0; i < count; i++) {
        build->observable_list[build->observable_count++] = (uint32_t)build->scratch[i];
    }
    build->observable_end[edge] = (uint32_t)build->observable_count;
    return 1;
}

static int compare_items(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Sorts the items and removes equal ones two by two; returns how many are left. */
static size_t cancel_pairs(uint64_t *items, size_t count) {
    size_t kept = 0;
    if (count == 2 && items[0] > items[1]) {
        const uint64_t first = items[0];
        items[0] = items[1];
        items[1] = first;
    } else if (count > 2) {
        qsort(items, count, sizeof *items, compare_items);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && items[kept - 1] == items[i]) {
            kept--;
        } else {
            items[kept++] = items[i];
        }
    }
    return kept;
}

static otr_status fail_memory(otr_graph_build *build) {
    return otr_error_set(build->error, OTR_ERR_MEMORY, 0, 0, "out of memory");
}

static otr_status lay_out(otr_graph_build *build, otr_graph *graph) {
    if (!rank_edges(build, graph) || !allocate_edges(build, graph)) {
        return fail_memory(build);
    }
    fill_edges(build, graph);
    graph->ignored_count = build->ignored_count;
    graph->undetectable_count = build->undetectable_count;
    graph->correlations = build->options.correlations != 0;
    set_scale(build, graph);
    fill_weights(graph);
    if (!otr_graph_link(graph) || (graph->correlations && otr_correlations_finish(build, graph) != OTR_OK)) {
        return fail_memory(build);
    }
    return OTR_OK;
}

/* One counting pass over the edges in `from` (NULL: as numbered) by one of their nodes, into `to`. */
static void sort_by_node(const otr_graph_build *build, uint32_t *next, uint32_t node_count,
                         const uint32_t *from, uint32_t *to, uint32_t shift) {
    const size_t count = build->edges.count;
    for (uint32_t node = 0; node <= node_count + 1; node++) {
        next[node] = 0;
    }
    for (size_t edge = 0; edge < count; edge++) {
        const uint32_t node = (uint32_t)(build->edges.keys[edge] >> shift);
        next[(node < node_count ? node : node_count) + 1]++;
    }
    for (uint32_t node = 0; node <= node_count; node++) {
        next[node + 1] += next[node];
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t edge = from != NULL ? from[i] : (uint32_t)i;
        const uint32_t node = (uint32_t)(build->edges.keys[edge] >> shift);
        to[next[node < node_count ? node : node_count]++] = edge;
    }
}

/* Sets build->rank and graph->edge_count; 0 when memory is out. */
static int rank_edges(otr_graph_build *build, otr_graph *graph) {
    const size_t count = build->edges.count;
    uint32_t *next = otr_array_new((size_t)graph->node_count + 2, sizeof *next);
    uint32_t *by_second = otr_array_new(count, sizeof *by_second);
    uint32_t *order = otr_array_new(count, sizeof *order);
    build->rank = otr_array_new(count, sizeof *build->rank);
    const int enough = next != NULL && by_second != NULL && order != NULL && build->rank != NULL;
    if (enough) {
        sort_by_node(build, next, graph->node_count, NULL, by_second, 0);
        sort_by_node(build, next, graph->node_count, by_second, order, 32);
        for (size_t i = 0; i < count; i++) {
            build->rank[order[i]] = build->probability[order[i]] > 0 ? graph->edge_count++ : OTR_NONE;
        }
    }
    free(next);
    free(by_second);
    free(order);
    return enough;
}

static int allocate_edges(otr_graph_build *build, otr_graph *graph) {
    const size_t edges = graph->edge_count;
    graph->edge_node1 = otr_graph_allocate(graph, edges, sizeof *graph->edge_node1);
    graph->edge_node2 = otr_graph_allocate(graph, edges, sizeof *graph->edge_node2);
    graph->edge_weight = otr_graph_allocate(graph, edges, sizeof *graph->edge_weight);
    graph->edge_probability = otr_graph_allocate(graph, edges, sizeof *graph->edge_probability);
    graph->edge_mask = otr_graph_allocate(graph, edges, sizeof *graph->edge_mask);
    graph->observable_begin = otr_graph_allocate(graph, edges + 1, sizeof *graph->observable_begin);
    graph->observable_list =
        otr_graph_allocate(graph, build->observable_count, sizeof *graph->observable_list);
    return graph->edge_node1 != NULL && graph->edge_node2 != NULL && graph->edge_weight != NULL &&
           graph->edge_probability != NULL && graph->edge_mask != NULL && graph->observable_begin != NULL &&
           graph->observable_list != NULL;
}

/* Copies what was gathered to its place in the graph's order. */
static void fill_edges(const otr_graph_build *build, otr_graph *graph) {
    for (size_t i = 0; i < build->edges.count; i++) {
        const uint32_t edge = build->rank[i];
        if (edge != OTR_NONE) {
            graph->edge_node1[edge] = (uint32_t)(build->edges.keys[i] >> 32);
            graph->edge_node2[edge] = (uint32_t)build->edges.keys[i];
            graph->edge_probability[edge] = build->probability[i];
            graph->observable_begin[edge + 1] = build->observable_end[i] - build->observable_begin[i];
        }
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        graph->observable_begin[edge + 1] += graph->observable_begin[edge];
    }
    for (size_t i = 0; i < build->edges.count; i++) {
        const uint32_t edge = build->rank[i];
        if (edge == OTR_NONE) {
            continue;
        }
        for (uint32_t from = build->observable_begin[i], to = graph->observable_begin[edge];
             from < build->observable_end[i]; from++, to++) {
            const uint32_t observable = build->observable_list[from];
            graph->observable_list[to] = observable;
            graph->edge_mask[edge] |= observable < 64 ? (uint64_t)1 << observable : 0;
        }
    }
}

/* Edges are ascending by (node1, node2), so appending their arcs in that order leaves each node's arcs
 * ascending. */
int otr_graph_link(otr_graph *graph) {
    uint32_t *next;
    graph->arc_begin = otr_graph_allocate(graph, (size_t)graph->node_count + 1, sizeof *graph->arc_begin);
    graph->boundary_edge = otr_graph_allocate(graph, graph->node_count, sizeof *graph->boundary_edge);
    graph->edge_arcs = otr_graph_allocate(graph, graph->edge_count, sizeof *graph->edge_arcs);
    if (graph->arc_begin == NULL || graph->boundary_edge == NULL || graph->edge_arcs == NULL) {
        return 0;
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        if (graph->edge_node2[edge] != OTR_BOUNDARY) {
            graph->arc_begin[graph->edge_node1[edge] + 1]++;
            graph->arc_begin[graph->edge_node2[edge] + 1]++;
            graph->arc_count += 2;
        }
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        graph->boundary_edge[node] = OTR_NONE;
        graph->arc_begin[node + 1] += graph->arc_begin[node];
    }
    graph->arc_head = otr_graph_allocate(graph, graph->arc_count, sizeof *graph->arc_head);
    graph->arc_edge = otr_graph_allocate(graph, graph->arc_count, sizeof *graph->arc_edge);
    next = otr_array_new(graph->node_count, sizeof *next);
    if (graph->arc_head == NULL || graph->arc_edge == NULL || next == NULL) {
        free(next);
        return 0;
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        next[node] = graph->arc_begin[node];
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const uint32_t node1 = graph->edge_node1[edge];
        const uint32_t node2 = graph->edge_node2[edge];
        if (node2 == OTR_BOUNDARY) {
            graph->boundary_edge[node1] = edge;
            graph->edge_arcs[edge].arc1 = otr_boundary_arc(graph, node1);
            graph->edge_arcs[edge].arc2 = otr_boundary_arc(graph, node1);
            continue;
        }
        graph->edge_arcs[edge].arc1 = next[node1];
        graph->arc_edge[next[node1]] = edge;
        graph->arc_head[next[node1]++] = node2;
        graph->edge_arcs[edge].arc2 = next[node2];
        graph->arc_edge[next[node2]] = edge;
        graph->arc_head[next[node2]++] = node1;
    }
    free(next);
    return 1;
}

/* The scale takes the largest finite magnitude to `levels`; whole numbers stay as they are. */
static void set_scale(const otr_graph_build *build, otr_graph *graph) {
    const uint32_t levels = build->options.levels > 0 ? build->options.levels : OTR_GRAPH_LEVELS_DEFAULT;
    int integral = 1;
    double largest = 0;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const double weight = otr_probability_weight(graph->edge_probability[edge]);
        if (isfinite(weight)) {
            largest = fabs(weight) > largest ? fabs(weight) : largest;
            integral = integral && round(weight) == weight;
        }
    }
    if (graph->correlations) {
        const double implied = otr_correlations_max_weight(build, &integral);
        largest = implied > largest ? implied : largest;
    }
    graph->scale = integral ? 2.0 : 2.0 * (levels / largest);
}

static void fill_weights(otr_graph *graph) {
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        graph->edge_weight[edge] =
            otr_graph_quantize(graph, otr_probability_weight(graph->edge_probability[edge]));
    }
}
