/* A bound on what another answer would cost: how much slack the edges leave on the way from one side to the
 * other.
 *
 * The radii of a matching are a feasible dual solution: an edge's slack is its weight without what regions
 * cover of it, and it is 0 on matched paths. An answer that differs by a path from one side to the other, and
 * perhaps by loops, weighs at least as much more as this path has slack. So if every path from side to side
 * has slack of a limit or more, no search for the other answer is needed. The paths are looked for from both
 * sides, half the limit far. */
#ifndef OTR_SLACK_SEARCH_H
#define OTR_SLACK_SEARCH_H

#include "match/matcher.h"

typedef struct otr_slack_search {
    uint32_t *distances[2]; /* node -> slack from each side, OTR_WEIGHT_NONE where it was not reached */
    uint32_t *queue;        /* a ring of nodes */
    uint32_t queue_end, queue_count;
    bool has_met;               /* a path of less than the limit was found on the way */
    uint8_t *is_queued;         /* node -> whether it is in it */
    uint64_t *is_near_boundary; /* bit of each node: it has a distance from the boundary */
    uint32_t *reached;          /* nodes that have a distance, one may come twice */
    size_t reached_count;
    uint32_t *edge_nodes; /* nodes with an edge to the boundary, but the far side */
    uint32_t edge_node_count;
    uint32_t far_side;
    uint32_t node_count;
} otr_slack_search;

/* On the graph of a matcher; `far_side` is a node that all edges to one side lead to, the boundary is the
 * other side. OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_slack_search_init(otr_slack_search *search, const otr_graph *graph, uint32_t far_side);
void otr_slack_search_free(otr_slack_search *search);
size_t otr_slack_search_bytes(const otr_slack_search *search);

/* Whether every path between the sides leaves slack of at least `limit` beside the solution that stands in
 * the matcher, for which going over the far side to the boundary was free. */
bool otr_slack_is_wide(otr_slack_search *search, const otr_matcher *matcher, uint32_t limit);

#endif
