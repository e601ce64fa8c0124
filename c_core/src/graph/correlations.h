/* The pairs of edges that one error flips, and the correlation rules that they make; see correlations.c. */
#ifndef OTR_GRAPH_CORRELATIONS_H
#define OTR_GRAPH_CORRELATIONS_H

#include "common/key_table.h"
#include "graph/graph_internal.h"

/* The number of the pair of two edges, in either order; OTR_KEY_NONE when memory is out. New pairs get the
 * next number. */
uint32_t otr_pair_number(otr_key_table *pairs, uint32_t a, uint32_t b);

/* Lays out the rules of all pairs, for now without weights, and which pair each of them is of; `rank` takes
 * the pairs' edges to the graph's order. OTR_ERR_MEMORY. */
otr_status otr_correlations_lay_out(const otr_key_table *pairs, const uint32_t *rank, otr_graph *graph);

/* A rule that lowers `edge`, as the search finds it; the graph's arcs are known. */
otr_rule otr_rule_for(const otr_graph *graph, uint32_t edge);

#endif
