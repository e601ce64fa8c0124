/* Builds the matching graph in three steps. Errors are walked flat; each is put into words, see otr_recipe,
 * with edges and pairs of edges found by hash tables, and added to the sums. Then edges are ordered by two
 * counting passes, over their second and their first node, and laid out as arrays. Last come the weights.
 * A graph that takes new probabilities keeps the words, and repeats the sums and the last step. */
#include "graph/graph_build.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "common/key_table.h"
#include "graph/correlations.h"
#include "graph/edge_observables.h"
#include "graph/graph_errors.h"
#include "graph/numbers.h"
#include "model/model_internal.h"

/* A graph in the making. Edges are numbered here in order of first appearance; `rank` takes them to the
 * graph's order. */
typedef struct graph_build {
    otr_graph_options options;
    otr_error *error;
    otr_key_table edges; /* node1 << 32 | node2 */
    otr_key_table pairs; /* of edges a < b: a << 32 | b; with correlations */
    otr_error_sums sums;
    size_t probability_capacity, marginal_capacity, joint_capacity;
    otr_recipe recipe;  /* of the error at hand; of all if the graph keeps it */
    size_t error_begin; /* the word that the error at hand begins with */
    otr_edge_observables observables;
    uint64_t *scratch; /* targets of one component */
    size_t scratch_capacity;
    uint64_t ignored_count;
    uint64_t undetectable_count;
    uint32_t *rank; /* edge -> place in the graph; edges that merged to p = 0 follow those of the graph */
} graph_build;

static otr_status check_size(const otr_model *model, const otr_graph_options *options, otr_error *error);
static otr_status collect(graph_build *build, const otr_model *model);
static otr_status add_error(graph_build *build, const otr_instruction *instruction);
static otr_status add_component(graph_build *build, const otr_instruction *instruction, uint64_t begin,
                                uint64_t end);
static otr_status add_pairs(graph_build *build, uint64_t line);
static bool part_marginals(graph_build *build);
static otr_status add_word(graph_build *build, uint32_t word);
static otr_status add_edge(graph_build *build, const otr_instruction *instruction, uint32_t node1,
                           uint32_t node2, uint64_t begin, uint64_t end);
static bool merge_observables(graph_build *build, const otr_instruction *instruction, uint32_t edge,
                              uint64_t begin, uint64_t end);
static size_t list_observables(graph_build *build, const otr_instruction *instruction, uint64_t begin,
                               uint64_t end);
static size_t cancel_pairs(uint64_t *items, size_t count);
static otr_status fail_memory(graph_build *build);
static otr_status lay_out(graph_build *build, otr_graph *graph);
static bool rank_edges(graph_build *build, otr_graph *graph);
static void fill_edges(const graph_build *build, otr_graph *graph);
static otr_status fill_numbers(graph_build *build, otr_graph *graph);
static void keep_recipe(graph_build *build, otr_graph *graph);

otr_status otr_graph_create(otr_graph **out, const otr_model *model, const otr_graph_options *options,
                            otr_error *error) {
    graph_build build = {.options = options != NULL ? *options : otr_graph_options_default(), .error = error};
    otr_graph *graph = NULL;
    otr_status status;
    if (out == NULL || model == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model or no place for the graph");
    }
    build.sums.correlations = build.options.correlations;
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
    if (status == OTR_OK && build.options.errors) {
        status = otr_graph_errors_create(&graph->errors, model, graph, error);
        graph->heap_bytes += status == OTR_OK ? otr_graph_errors_bytes(graph->errors, graph->edge_count) : 0;
    }
    if (status == OTR_OK) {
        *out = graph;
        graph = NULL;
    }
    otr_graph_destroy(graph);
    otr_key_table_free(&build.edges);
    otr_key_table_free(&build.pairs);
    free(build.sums.probability);
    free(build.sums.marginal);
    free(build.sums.joint);
    free(build.recipe.words);
    otr_edge_observables_free(&build.observables);
    free(build.scratch);
    free(build.rank);
    return status;
}

otr_status otr_graph_check_options(const otr_graph_options *options, otr_error *error) {
    if (options->levels > OTR_GRAPH_LEVELS_DEFAULT) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "%u weight levels, more than the limit of %u",
                             options->levels, OTR_GRAPH_LEVELS_DEFAULT);
    }
    if (!(options->weight_range >= 0 && options->weight_range <= OTR_GRAPH_WEIGHT_RANGE_MAX)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a weight range of %g; it is from 0 to %g",
                             options->weight_range, OTR_GRAPH_WEIGHT_RANGE_MAX);
    }
    return OTR_OK;
}

otr_status otr_graph_check_count(const char *what, uint64_t count, uint64_t limit, otr_error *error) {
    if (count <= limit) {
        return OTR_OK;
    }
    return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "%llu %s, more than the limit of %llu",
                         (unsigned long long)count, what, (unsigned long long)limit);
}

bool otr_graph_allocate_edges(otr_graph *graph, size_t observable_count) {
    const size_t edges = graph->edge_count;
    graph->edge_node1 = otr_graph_allocate(graph, edges, sizeof *graph->edge_node1);
    graph->edge_node2 = otr_graph_allocate(graph, edges, sizeof *graph->edge_node2);
    graph->edge_weight = otr_graph_allocate(graph, edges, sizeof *graph->edge_weight);
    graph->edge_probability = otr_graph_allocate(graph, edges, sizeof *graph->edge_probability);
    graph->edge_mask = otr_graph_allocate(graph, edges, sizeof *graph->edge_mask);
    graph->observable_begin = otr_graph_allocate(graph, edges + 1, sizeof *graph->observable_begin);
    graph->observable_list = otr_graph_allocate(graph, observable_count, sizeof *graph->observable_list);
    return graph->edge_node1 != NULL && graph->edge_node2 != NULL && graph->edge_weight != NULL &&
           graph->edge_probability != NULL && graph->edge_mask != NULL && graph->observable_begin != NULL &&
           graph->observable_list != NULL;
}

/* Edges are ascending by (node1, node2), so appending their arcs in that order leaves each node's arcs
 * ascending. */
bool otr_graph_link(otr_graph *graph) {
    uint32_t *next;
    graph->arc_begin = otr_graph_allocate(graph, (size_t)graph->node_count + 1, sizeof *graph->arc_begin);
    graph->boundary_edge = otr_graph_allocate(graph, graph->node_count, sizeof *graph->boundary_edge);
    graph->edge_arcs = otr_graph_allocate(graph, graph->edge_count, sizeof *graph->edge_arcs);
    if (graph->arc_begin == NULL || graph->boundary_edge == NULL || graph->edge_arcs == NULL) {
        return false;
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
        return false;
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
    return true;
}

static otr_status check_size(const otr_model *model, const otr_graph_options *options, otr_error *error) {
    const struct {
        const char *what;
        uint64_t count;
        uint64_t limit;
    } sizes[] = {{"detectors", otr_model_detector_count(model), OTR_GRAPH_NODES_MAX},
                 {"observables", otr_model_observable_count(model), OTR_GRAPH_OBSERVABLES_MAX},
                 {"flattened errors", otr_model_error_count(model),
                  options->reweightable ? OTR_GRAPH_RECIPE_MAX : OTR_GRAPH_ERRORS_MAX}};
    otr_status status = otr_graph_check_options(options, error);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && status == OTR_OK; i++) {
        status = otr_graph_check_count(sizes[i].what, sizes[i].count, sizes[i].limit, error);
    }
    return status;
}

static otr_status collect(graph_build *build, const otr_model *model) {
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

static otr_status add_error(graph_build *build, const otr_instruction *instruction) {
    const double p = instruction->arguments[0];
    const bool keeps = build->options.reweightable;
    otr_status status = OTR_OK;
    uint64_t begin = 0;
    build->recipe.error_count++;
    if (p == 0) {
        return keeps ? add_word(build, OTR_ERROR_NEVER) : OTR_OK;
    }
    build->recipe.word_count = keeps ? build->recipe.word_count : 0;
    build->error_begin = build->recipe.word_count;
    status = add_word(build, 0);
    for (uint64_t i = 0; i <= instruction->target_count && status == OTR_OK; i++) {
        if (i == instruction->target_count || instruction->targets[i] == OTR_TARGET_SEPARATOR) {
            status = add_component(build, instruction, begin, i);
            begin = i + 1;
        }
    }
    if (status == OTR_OK && build->options.correlations) {
        status = add_pairs(build, instruction->line);
    }
    if (status == OTR_OK) {
        otr_error_sums_add(&build->sums, build->recipe.words + build->error_begin, p);
    }
    if (status == OTR_OK && keeps && build->recipe.word_count > OTR_GRAPH_RECIPE_MAX) {
        return otr_error_set(build->error, OTR_ERR_LIMIT, instruction->line, 0,
                             "more than %u errors, components and pairs of them to keep for reweighting",
                             OTR_GRAPH_RECIPE_MAX);
    }
    return status;
}

/* Adds the component in targets begin .. end-1. */
static otr_status add_component(graph_build *build, const otr_instruction *instruction, uint64_t begin,
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
        return add_edge(build, instruction, (uint32_t)build->scratch[0], node2, begin, end);
    }
    if (count == 0) {
        const bool alone = begin == 0 && end == instruction->target_count;
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

/* Adds an edge to the error at hand. */
static otr_status add_edge(graph_build *build, const otr_instruction *instruction, uint32_t node1,
                           uint32_t node2, uint64_t begin, uint64_t end) {
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
        if (!OTR_ARRAY_GROW(build->sums.probability, edge, build->probability_capacity) ||
            (build->sums.marginal != NULL &&
             !OTR_ARRAY_GROW(build->sums.marginal, edge, build->marginal_capacity)) ||
            !otr_edge_observables_add(&build->observables, build->scratch,
                                      list_observables(build, instruction, begin, end))) {
            return fail_memory(build);
        }
        build->sums.probability[edge] = 0;
        if (build->sums.marginal != NULL) {
            build->sums.marginal[edge] = 0;
        }
    } else if (!merge_observables(build, instruction, edge, begin, end)) {
        return fail_memory(build);
    }
    if (build->options.correlations && build->recipe.words[build->error_begin] == OTR_GRAPH_COMPONENTS_MAX) {
        return otr_error_set(build->error, OTR_ERR_LIMIT, instruction->line, 0,
                             "an error with more than %d components", OTR_GRAPH_COMPONENTS_MAX);
    }
    build->recipe.words[build->error_begin]++;
    return add_word(build, edge);
}

/* Adds the pairs of the edges of the error at hand. */
static otr_status add_pairs(graph_build *build, uint64_t line) {
    const uint32_t count = build->recipe.words[build->error_begin];
    otr_status status = OTR_OK;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = i + 1; j < count && status == OTR_OK; j++) {
            const uint32_t *const edges = build->recipe.words + build->error_begin + 1;
            const size_t known = build->pairs.count;
            uint32_t pair = OTR_NONE;
            if (edges[i] == edges[j] && !part_marginals(build)) {
                return fail_memory(build);
            }
            if (edges[i] != edges[j]) {
                pair = otr_pair_number(&build->pairs, edges[i], edges[j]);
                if (pair == OTR_KEY_NONE || !OTR_ARRAY_GROW(build->sums.joint, pair, build->joint_capacity)) {
                    return fail_memory(build);
                }
                if (2 * build->pairs.count > OTR_GRAPH_RULES_MAX) {
                    return otr_error_set(build->error, OTR_ERR_LIMIT, line, 0, "more than %u implied weights",
                                         OTR_GRAPH_RULES_MAX);
                }
                build->sums.joint[pair] = pair == known ? 0 : build->sums.joint[pair];
            }
            status = add_word(build, pair);
        }
    }
    return status;
}

/* From the first error on that has an edge twice, marginals differ from probabilities. False when memory is
 * out.
 */
static bool part_marginals(graph_build *build) {
    otr_error_sums *const sums = &build->sums;
    if (sums->marginal != NULL) {
        return true;
    }
    build->recipe.has_repeats = true;
    if (!otr_array_reserve((void **)&sums->marginal, &build->marginal_capacity, build->edges.count,
                           sizeof *sums->marginal)) {
        return false;
    }
    memcpy(sums->marginal, sums->probability, build->edges.count * sizeof *sums->marginal);
    return true;
}

static otr_status add_word(graph_build *build, uint32_t word) {
    otr_recipe *const recipe = &build->recipe;
    if (!OTR_ARRAY_GROW(recipe->words, recipe->word_count, recipe->word_capacity)) {
        return fail_memory(build);
    }
    recipe->words[recipe->word_count++] = word;
    return OTR_OK;
}

/* Merges the component in targets begin .. end-1 into an edge that has others; false when memory is out. */
static bool merge_observables(graph_build *build, const otr_instruction *instruction, uint32_t edge,
                              uint64_t begin, uint64_t end) {
    const size_t count = list_observables(build, instruction, begin, end);
    const double p = instruction->arguments[0];
    double before = build->sums.probability[edge];
    /* The edges of the error at hand are not in the sums yet. */
    for (size_t word = build->error_begin + 1; word < build->recipe.word_count; word++) {
        before = build->recipe.words[word] == edge ? otr_probability_xor(before, p) : before;
    }
    return otr_edge_observables_merge(&build->observables, edge, build->scratch, count, p, before);
}

/* Fills `scratch`, which has room, with the observables of targets begin .. end-1. */
static size_t list_observables(graph_build *build, const otr_instruction *instruction, uint64_t begin,
                               uint64_t end) {
    size_t count = 0;
    for (uint64_t i = begin; i < end; i++) {
        if ((instruction->targets[i] & OTR_TARGET_OBSERVABLE) != 0) {
            build->scratch[count++] = instruction->targets[i] & ~OTR_TARGET_OBSERVABLE;
        }
    }
    return cancel_pairs(build->scratch, count);
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

static otr_status fail_memory(graph_build *build) {
    return otr_error_set(build->error, OTR_ERR_MEMORY, 0, 0, "out of memory");
}

static otr_status lay_out(graph_build *build, otr_graph *graph) {
    if (!rank_edges(build, graph) || !otr_graph_allocate_edges(graph, build->observables.count)) {
        return fail_memory(build);
    }
    if (!build->options.first_observables) {
        otr_edge_observables_choose(&build->observables);
    }
    fill_edges(build, graph);
    graph->conflict_count = build->observables.conflict_count;
    graph->is_choice = graph->conflict_count > 0 && !build->options.first_observables;
    graph->ignored_count = build->ignored_count;
    graph->undetectable_count = build->undetectable_count;
    graph->correlations = build->options.correlations;
    graph->levels = build->options.levels;
    graph->weight_range = build->options.weight_range;
    if (!otr_graph_link(graph) ||
        (graph->correlations && otr_correlations_lay_out(&build->pairs, build->rank, graph) != OTR_OK) ||
        fill_numbers(build, graph) != OTR_OK) {
        return fail_memory(build);
    }
    keep_recipe(build, graph);
    return OTR_OK;
}

/* One counting pass over the edges in `from` (NULL: as numbered) by one of their nodes, into `to`. */
static void sort_by_node(const graph_build *build, uint32_t *next, uint32_t node_count, const uint32_t *from,
                         uint32_t *to, uint32_t shift) {
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

/* Sets build->rank and graph->edge_count; false when memory is out. */
static bool rank_edges(graph_build *build, otr_graph *graph) {
    const size_t count = build->edges.count;
    uint32_t *next = otr_array_new((size_t)graph->node_count + 2, sizeof *next);
    uint32_t *by_second = otr_array_new(count, sizeof *by_second);
    uint32_t *order = otr_array_new(count, sizeof *order);
    build->rank = otr_array_new(count, sizeof *build->rank);
    const bool enough = next != NULL && by_second != NULL && order != NULL && build->rank != NULL;
    if (enough) {
        sort_by_node(build, next, graph->node_count, NULL, by_second, 0);
        sort_by_node(build, next, graph->node_count, by_second, order, 32);
        for (size_t i = 0; i < count; i++) {
            graph->edge_count += build->sums.probability[i] > 0;
        }
        for (size_t i = 0, kept = 0, vanished = graph->edge_count; i < count; i++) {
            build->rank[order[i]] = (uint32_t)(build->sums.probability[order[i]] > 0 ? kept++ : vanished++);
        }
    }
    free(next);
    free(by_second);
    free(order);
    return enough;
}

/* Copies what was gathered to its place in the graph's order. */
static void fill_edges(const graph_build *build, otr_graph *graph) {
    for (size_t i = 0; i < build->edges.count; i++) {
        const uint32_t edge = build->rank[i];
        if (edge < graph->edge_count) {
            graph->edge_node1[edge] = (uint32_t)(build->edges.keys[i] >> 32);
            graph->edge_node2[edge] = (uint32_t)build->edges.keys[i];
            graph->edge_probability[edge] = build->sums.probability[i];
            graph->observable_begin[edge + 1] = build->observables.end[i] - build->observables.begin[i];
        }
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        graph->observable_begin[edge + 1] += graph->observable_begin[edge];
    }
    for (size_t i = 0; i < build->edges.count; i++) {
        const uint32_t edge = build->rank[i];
        if (edge >= graph->edge_count) {
            continue;
        }
        for (uint32_t from = build->observables.begin[i], to = graph->observable_begin[edge];
             from < build->observables.end[i]; from++, to++) {
            const uint32_t observable = build->observables.list[from];
            graph->observable_list[to] = observable;
            graph->edge_mask[edge] |= observable < 64 ? (uint64_t)1 << observable : 0;
        }
    }
}

/* Sets the weights from the sums, which the build numbers by its own edges. */
static otr_status fill_numbers(graph_build *build, otr_graph *graph) {
    otr_error_sums sums = {.joint = build->sums.joint};
    if (build->sums.marginal != NULL) {
        sums.marginal = otr_array_new(build->edges.count, sizeof *sums.marginal);
        if (sums.marginal == NULL) {
            return OTR_ERR_MEMORY;
        }
        for (size_t i = 0; i < build->edges.count; i++) {
            sums.marginal[build->rank[i]] = build->sums.marginal[i];
        }
    }
    otr_graph_set_weights(graph, &sums, graph->implied_pairs);
    free(sums.marginal);
    return OTR_OK;
}

/* Hands the words over to the graph, with the graph's edges, if it wants them. */
static void keep_recipe(graph_build *build, otr_graph *graph) {
    otr_recipe *const recipe = &build->recipe;
    if (!build->options.reweightable) {
        free(graph->implied_pairs);
        graph->implied_pairs = NULL;
        graph->heap_bytes -= graph->correlations ? 2 * build->pairs.count * sizeof *graph->implied_pairs : 0;
        return;
    }
    for (size_t i = 0; i < recipe->word_count;) {
        const uint32_t count = recipe->words[i++];
        if (count == OTR_ERROR_NEVER) {
            continue;
        }
        for (uint32_t k = 0; k < count; k++) {
            recipe->words[i + k] = build->rank[recipe->words[i + k]];
        }
        i += count + (graph->correlations ? (size_t)count * (count - 1) / 2 : 0);
    }
    recipe->vanished_count = (uint32_t)build->edges.count - graph->edge_count;
    recipe->pair_count = (uint32_t)build->pairs.count;
    recipe->is_kept = true;
    graph->recipe = *recipe;
    graph->heap_bytes += recipe->word_capacity * sizeof *recipe->words;
    *recipe = (otr_recipe){0};
}
