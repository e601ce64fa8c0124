/* Implied weights for correlated matching, by the rules of PyMatching 2.3 and later (see also
 * arXiv:1310.0863).
 *
 * J[a][b] is the probability that edges a and b are flipped by the same error, accumulated over all errors
 * that have both as components; J[a][a] is the marginal of a. An edge a that the first pass used makes b
 * likely with q = min(1/2, J[a][b] / J[a][a]), so b's weight falls to ln((1-q)/q) in the second pass.
 *
 * Pairs are kept once, in a hash table; the rules of all edges are laid out by two counting passes, first
 * over the target edge, then over the source edge, which leaves every edge's rules ascending without a
 * comparison sort. */
#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "graph/graph_build.h"

static otr_status add_pair(otr_graph_build *build, uint32_t a, uint32_t b, double p, uint64_t line);
static double conditional(const otr_graph_build *build, size_t directed);
static uint32_t source_of(const otr_graph_build *build, size_t directed);
static uint32_t target_of(const otr_graph_build *build, size_t directed);
static uint32_t *sort_by_target(const otr_graph_build *build, const otr_graph *graph);

otr_status otr_correlations_add(otr_graph_build *build, double p, uint64_t line) {
    otr_status status = OTR_OK;
    for (uint32_t i = 0; i < build->component_count; i++) {
        const uint32_t a = build->components[i];
        build->marginal[a] = otr_probability_xor(build->marginal[a], p);
        for (uint32_t j = i + 1; j < build->component_count && status == OTR_OK; j++) {
            status = add_pair(build, a, build->components[j], p, line);
        }
    }
    return status;
}

double otr_correlations_max_weight(const otr_graph_build *build, int *integral) {
    double lowest = 0.5;
    for (size_t directed = 0; directed < 2 * build->pairs.count; directed++) {
        const double q = conditional(build, directed);
        lowest = q < lowest ? q : lowest;
        if (*integral) {
            const double weight = otr_probability_weight(q);
            *integral = round(weight) == weight;
        }
    }
    return otr_probability_weight(lowest);
}

otr_rule otr_rule_for(const otr_graph *graph, otr_implied implied) {
    const uint32_t node1 = graph->edge_node1[implied.edge];
    const uint32_t node2 = graph->edge_node2[implied.edge];
    const otr_rule rule = {.node1 = node1,
                           .node2 = node2 == OTR_BOUNDARY ? node1 : node2,
                           .arcs = graph->edge_arcs[implied.edge],
                           .weight = (uint32_t)implied.weight};
    return rule;
}

otr_status otr_correlations_finish(const otr_graph_build *build, otr_graph *graph) {
    const size_t rules = 2 * build->pairs.count;
    uint32_t *order = NULL;
    uint32_t *begin = otr_graph_allocate(graph, (size_t)graph->edge_count + 1, sizeof *begin);
    graph->implied_begin = begin;
    graph->implied = otr_graph_allocate(graph, rules, sizeof *graph->implied);
    graph->rules = otr_graph_allocate(graph, rules, sizeof *graph->rules);
    if (begin == NULL || graph->implied == NULL || graph->rules == NULL) {
        return OTR_ERR_MEMORY;
    }
    order = sort_by_target(build, graph);
    if (order == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t directed = 0; directed < rules; directed++) {
        begin[build->rank[source_of(build, directed)]]++;
    }
    for (uint32_t edge = 0, sum = 0; edge <= graph->edge_count; edge++) {
        sum += begin[edge];
        begin[edge] = sum;
    }
    /* Filled from the back, every begin ends where its rules start. */
    for (size_t i = rules; i-- > 0;) {
        const uint32_t slot = --begin[build->rank[source_of(build, order[i])]];
        const uint32_t target = build->rank[target_of(build, order[i])];
        graph->implied[slot].edge = target;
        graph->implied[slot].weight =
            otr_graph_quantize(graph, otr_probability_weight(conditional(build, order[i])));
        graph->rules[slot] = otr_rule_for(graph, graph->implied[slot]);
    }
    free(order);
    return OTR_OK;
}

static otr_status add_pair(otr_graph_build *build, uint32_t a, uint32_t b, double p, uint64_t line) {
    const uint64_t key = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
    const size_t known = build->pairs.count;
    uint32_t pair;
    if (a == b) {
        /* As in PyMatching, where J[a][b] and J[b][a] are then the same cell. */
        build->marginal[a] = otr_probability_xor(build->marginal[a], otr_probability_xor(p, p));
        return OTR_OK;
    }
    if (!OTR_ARRAY_GROW(build->joint, known, build->joint_capacity)) {
        return otr_error_set(build->error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    pair = otr_key_table_add(&build->pairs, key);
    if (pair == OTR_KEY_NONE) {
        return otr_error_set(build->error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    if (pair == known) {
        if (2 * build->pairs.count > OTR_GRAPH_RULES_MAX) {
            return otr_error_set(build->error, OTR_ERR_LIMIT, line, 0, "more than %u implied weights",
                                 OTR_GRAPH_RULES_MAX);
        }
        build->joint[pair] = 0;
    }
    build->joint[pair] = otr_probability_xor(build->joint[pair], p);
    return OTR_OK;
}

/* Pair i, a < b, is two rules: number 2i from a to b, and 2i + 1 from b to a. */
static uint32_t source_of(const otr_graph_build *build, size_t directed) {
    const uint64_t key = build->pairs.keys[directed / 2];
    return (uint32_t)(directed % 2 == 0 ? key >> 32 : key);
}

static uint32_t target_of(const otr_graph_build *build, size_t directed) {
    return source_of(build, directed ^ 1);
}

static double conditional(const otr_graph_build *build, size_t directed) {
    const double q = build->joint[directed / 2] / build->marginal[source_of(build, directed)];
    return q < 0.5 ? q : 0.5;
}

/* The rules' numbers, ascending by target in the graph's order; NULL when memory is out. To be freed. */
static uint32_t *sort_by_target(const otr_graph_build *build, const otr_graph *graph) {
    const size_t rules = 2 * build->pairs.count;
    uint32_t *order = otr_array_new(rules, sizeof *order);
    uint32_t *next = otr_array_zeroed((size_t)graph->edge_count + 1, sizeof *next);
    if (order == NULL || next == NULL) {
        free(order);
        free(next);
        return NULL;
    }
    for (size_t directed = 0; directed < rules; directed++) {
        next[build->rank[target_of(build, directed)] + 1]++;
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        next[edge + 1] += next[edge];
    }
    for (size_t directed = 0; directed < rules; directed++) {
        order[next[build->rank[target_of(build, directed)]]++] = (uint32_t)directed;
    }
    free(next);
    return order;
}
