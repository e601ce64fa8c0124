/* Exact minimum-weight perfect matching on a sparse graph.
 *
 * The method is the primal-dual blossom algorithm run on the matching graph itself, without a table of pair
 * distances: each unmatched event grows a region over the nodes around it, regions that meet form alternating
 * trees and blossoms, and the sum of all radii is the weight (sparse blossom, arXiv:2303.15933). Three things
 * differ from that paper:
 *  - a greedy start sets radii and matches neighbouring events before any region grows (greedy_start.c);
 *  - nodes keep the arc they were reached by, so a matched pair has its path without a second search;
 *  - after some weights were lowered, only the regions that became infeasible are mended (correlated.c). */
#ifndef OTR_MATCHER_H
#define OTR_MATCHER_H

#include "graph/weights.h"
#include "outrider/decoder.h"

#include <stdbool.h>

typedef struct otr_matcher otr_matcher;

/* Borrows `weights`, whose values now count as its own; they may change between solves. OTR_ERR_MEMORY. */
otr_status otr_matcher_create(otr_matcher **out, otr_weights *weights, const otr_kernels *kernels);
void otr_matcher_destroy(otr_matcher *matcher);

/* The borrowed weights were refilled, from a graph that is alike but for its numbers. */
void otr_matcher_reweight(otr_matcher *matcher);

/* Matches `events` (ascending, distinct; borrowed until otr_matcher_reset). `overridden`: some weight may
 * differ from the graph's own. On success the solution stays in the matcher until otr_matcher_reset, which
 * the caller must call before the next solve, also after an error. OTR_ERR_ODD_PARITY, OTR_ERR_MEMORY. */
otr_status otr_matcher_solve(otr_matcher *matcher, const uint32_t *events, size_t event_count,
                             bool overridden);

/* The same without the last event, which otr_matcher_add_last takes in afterwards: the solution then grows
 * from what stands, at the price of what changes. Statuses as otr_matcher_solve. */
otr_status otr_matcher_solve_but_last(otr_matcher *matcher, const uint32_t *events, size_t event_count,
                                      bool overridden);
otr_status otr_matcher_add_last(otr_matcher *matcher);

/* The second pass of correlated matching. Lowers the borrowed weights by the rules of `edges`, but of no edge
 * whose bit in `forced` is set, and makes the solution a minimum again. Only edges with an occupied end
 * are really lowered, as no others matter; the caller restores the weights. *changed is set to whether pairs
 * were matched anew; if not, the edges read out before are still those of the solution. Statuses as
 * otr_matcher_solve. */
otr_status otr_matcher_correlate(otr_matcher *matcher, const uint32_t *edges, size_t edge_count,
                                 const uint64_t *forced, bool *changed);

/* Total weight of the solution: the sum of all radii. */
int64_t otr_matcher_weight(const otr_matcher *matcher);

/* The edges of all matched paths, in no particular order; an edge on two paths comes twice. Valid until the
 * next call but otr_matcher_pairs. OTR_ERR_MEMORY. */
otr_status otr_matcher_edges(otr_matcher *matcher, const uint32_t **edges, size_t *edge_count);

/* The matched pairs, ascending; valid until the next call. otr_matcher_edges must have been called on this
 * solution. */
void otr_matcher_pairs(otr_matcher *matcher, const otr_pair **pairs, size_t *pair_count);

/* Checks dual feasibility of the solution over every edge at an occupied node; fills all but `primal`.
 * OTR_ERR_MEMORY. */
otr_status otr_matcher_certify(const otr_matcher *matcher, otr_certificate *out);

/* Clears the solution; cost grows with the nodes it occupied. */
void otr_matcher_reset(otr_matcher *matcher);

/* Heap bytes held now. */
size_t otr_matcher_bytes(const otr_matcher *matcher);

#endif
