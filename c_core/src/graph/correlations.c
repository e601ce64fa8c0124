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
#include "graph/correlations.h"

#include <stdlib.h>

#include "common/array.h"
#include "graph/graph_build.h"

static uint32_t source_of(const otr_key_table *pairs, size_t directed);
static uint32_t target_of(const otr_key_table *pairs, size_t directed);
static uint32_t *sort_by_target(const otr_key_table *pairs, const uint32_t *rank, const otr_graph *graph,
                                size_t *count);

uint32_t otr_pair_number(otr_key_table *pairs, uint32_t a, uint32_t b) {
    return otr_key_table_add(pairs, a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a);
}

otr_rule otr_rule_for(const otr_graph *graph, uint32_t edge) {
    const uint32_t node1 = graph->edge_node1[edge];
    const uint32_t node2 = graph->edge_node2[edge];
    return (otr_rule){
        .node1 = node1, .node2 = node2 == OTR_BOUNDARY ? node1 : node2, .arcs = graph->edge_arcs[edge]};
}

otr_status otr_correlations_lay_out(const otr_key_table *pairs, const uint32_t *rank, otr_graph *graph) {
    size_t rules = 2 * pairs->count;
    uint32_t *order = NULL;
    uint32_t *begin = otr_graph_allocate(graph, (size_t)graph->edge_count + 1, sizeof *begin);
    graph->implied_begin = begin;
    graph->implied_edge = otr_graph_allocate(graph, rules, sizeof *graph->implied_edge);
    graph->implied_weight = otr_graph_allocate(graph, rules, sizeof *graph->implied_weight);
    graph->implied_pairs = otr_graph_allocate(graph, rules, sizeof *graph->implied_pairs);
    graph->rules = otr_graph_allocate(graph, rules, sizeof *graph->rules);
    if (begin == NULL || graph->implied_edge == NULL || graph->implied_weight == NULL ||
        graph->implied_pairs == NULL || graph->rules == NULL) {
        return OTR_ERR_MEMORY;
    }
    order = sort_by_target(pairs, rank, graph, &rules);
    if (order == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < rules; i++) {
        begin[rank[source_of(pairs, order[i])]]++;
    }
    for (uint32_t edge = 0, sum = 0; edge <= graph->edge_count; edge++) {
        sum += begin[edge];
        begin[edge] = sum;
    }
    /* Filled from the back, every begin ends where its rules start. */
    for (size_t i = rules; i-- > 0;) {
        const uint32_t slot = --begin[rank[source_of(pairs, order[i])]];
        graph->implied_edge[slot] = rank[target_of(pairs, order[i])];
        graph->implied_pairs[slot] = order[i] / 2;
        graph->rules[slot] = otr_rule_for(graph, graph->implied_edge[slot]);
    }
    free(order);
    return OTR_OK;
}

/* Pair i, a < b, is two rules: number 2i from a to b, and 2i + 1 from b to a. */
static uint32_t source_of(const otr_key_table *pairs, size_t directed) {
    const uint64_t key = pairs->keys[directed / 2];
    return (uint32_t)(directed % 2 == 0 ? key >> 32 : key);
}

static uint32_t target_of(const otr_key_table *pairs, size_t directed) {
    return source_of(pairs, directed ^ 1);
}

/* Whether both edges are in the graph. Those that merged to p = 0, which an error that has them twice can do,
 * are not. */
static bool is_rule(const otr_key_table *pairs, const uint32_t *rank, const otr_graph *graph,
                    size_t directed) {
    return rank[source_of(pairs, directed)] < graph->edge_count &&
           rank[target_of(pairs, directed)] < graph->edge_count;
}

/* The rules' numbers, ascending by target in the graph's order, and how many there are; NULL when memory is
 * out. To be freed. */
static uint32_t *sort_by_target(const otr_key_table *pairs, const uint32_t *rank, const otr_graph *graph,
                                size_t *count) {
    const size_t directed_count = 2 * pairs->count;
    uint32_t *order = otr_array_new(directed_count, sizeof *order);
    uint32_t *next = otr_array_zeroed((size_t)graph->edge_count + 1, sizeof *next);
    if (order == NULL || next == NULL) {
        free(order);
        free(next);
        return NULL;
    }
    for (size_t directed = 0; directed < directed_count; directed++) {
        if (is_rule(pairs, rank, graph, directed)) {
            next[rank[target_of(pairs, directed)] + 1]++;
        }
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        next[edge + 1] += next[edge];
    }
    *count = next[graph->edge_count];
    for (size_t directed = 0; directed < directed_count; directed++) {
        if (is_rule(pairs, rank, graph, directed)) {
            order[next[rank[target_of(pairs, directed)]]++] = (uint32_t)directed;
        }
    }
    free(next);
    return order;
}
