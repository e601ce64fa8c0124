#include "match/slack_search.h"

#include "match/matcher_state.h"

#include <stdlib.h>

/* From which side. */
enum { FAR, BOUNDARY };

static void find_edge_nodes(otr_slack_search *search, const otr_graph *graph);
static uint32_t reach_at(const otr_matcher *m, uint32_t node);
static void note(otr_slack_search *search, unsigned side, uint32_t node, uint32_t distance, uint32_t limit);
static void spread(otr_slack_search *search, const otr_matcher *m, unsigned side, uint32_t limit);
static bool meets(const otr_slack_search *search, const otr_matcher *m, uint32_t limit);

otr_status otr_slack_search_init(otr_slack_search *search, const otr_graph *graph, uint32_t far_side) {
    const size_t count = graph->node_count;
    *search = (otr_slack_search){.far_side = far_side, .node_count = graph->node_count};
    search->distances[0] = otr_array_new(count, sizeof *search->queue);
    search->distances[1] = otr_array_new(count, sizeof *search->queue);
    search->queue = otr_array_new(count, sizeof *search->queue);
    search->is_queued = otr_array_zeroed(count, sizeof *search->is_queued);
    search->reached = otr_array_new(2 * count, sizeof *search->reached);
    search->is_near_boundary = otr_array_zeroed(count / 64 + 1, sizeof *search->is_near_boundary);
    search->edge_nodes = otr_array_new(count, sizeof *search->edge_nodes);
    if (search->distances[0] == NULL || search->distances[1] == NULL || search->queue == NULL ||
        search->is_near_boundary == NULL || search->is_queued == NULL || search->reached == NULL ||
        search->edge_nodes == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        search->distances[0][node] = OTR_WEIGHT_NONE;
        search->distances[1][node] = OTR_WEIGHT_NONE;
    }
    find_edge_nodes(search, graph);
    return OTR_OK;
}

void otr_slack_search_free(otr_slack_search *search) {
    free(search->distances[0]);
    free(search->distances[1]);
    free(search->queue);
    free(search->is_queued);
    free(search->is_near_boundary);
    free(search->reached);
    free(search->edge_nodes);
    *search = (otr_slack_search){0};
}

size_t otr_slack_search_bytes(const otr_slack_search *search) {
    return search->node_count * (6 * sizeof *search->queue + sizeof *search->is_queued) +
           ((size_t)search->node_count / 64 + 1) * sizeof *search->is_near_boundary;
}

bool otr_slack_is_wide(otr_slack_search *search, const otr_matcher *m, uint32_t limit) {
    const uint32_t half = limit / 2;
    bool is_wide;
    for (uint32_t i = 0; i < search->edge_node_count; i++) {
        const uint32_t node = search->edge_nodes[i];
        const uint32_t weight = otr_boundary_weight(m->weights, node);
        if (weight != OTR_WEIGHT_NONE) {
            note(search, BOUNDARY, node, weight - reach_at(m, node), half);
        }
    }
    spread(search, m, BOUNDARY, half);
    for (uint32_t a = m->nodes[search->far_side].begin; a < m->nodes[search->far_side + 1].begin; a++) {
        const otr_arc arc = m->arcs[a];
        if (arc.weight != OTR_WEIGHT_NONE) {
            note(search, FAR, arc.head, arc.weight - reach_at(m, arc.head), half);
        }
    }
    spread(search, m, FAR, half);
    is_wide = !search->has_met && !meets(search, m, limit);
    for (size_t i = 0; i < search->reached_count; i++) {
        search->distances[0][search->reached[i]] = OTR_WEIGHT_NONE;
        search->distances[1][search->reached[i]] = OTR_WEIGHT_NONE;
        search->is_near_boundary[search->reached[i] >> 6] = 0;
        search->is_queued[search->reached[i]] = 0;
    }
    search->reached_count = 0;
    search->queue_count = 0;
    search->has_met = false;
    return is_wide;
}

/* Those that are connected with the far side. */
static void find_edge_nodes(otr_slack_search *search, const otr_graph *graph) {
    uint32_t count = 0;
    search->queue[count++] = search->far_side;
    search->is_queued[search->far_side] = 1;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t node = search->queue[i];
        if (graph->boundary_edge[node] != OTR_NONE && node != search->far_side) {
            search->edge_nodes[search->edge_node_count++] = node;
        }
        for (uint32_t arc = graph->arc_begin[node]; arc < graph->arc_begin[node + 1]; arc++) {
            if (!search->is_queued[graph->arc_head[arc]]) {
                search->is_queued[graph->arc_head[arc]] = 1;
                search->queue[count++] = graph->arc_head[arc];
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        search->is_queued[search->queue[i]] = 0;
    }
}

static uint32_t reach_at(const otr_matcher *m, uint32_t node) {
    return otr_is_occupied(m, node) ? otr_reach_past(m, &m->sites[node]) : 0;
}

/* Less than the slack of an arc where both ends are in one region. */
static uint32_t slack_of(const otr_matcher *m, uint32_t node, otr_arc arc) {
    if (otr_is_occupied(m, node) && otr_is_occupied(m, arc.head) &&
        m->sites[node].top == m->sites[arc.head].top) {
        return 0;
    }
    return arc.weight - reach_at(m, node) - reach_at(m, arc.head);
}

/* Takes a distance below the limit, which is half of the whole one, that is shorter than the node's. */
static void note(otr_slack_search *search, unsigned side, uint32_t node, uint32_t distance, uint32_t limit) {
    uint32_t *const known = &search->distances[side][node];
    if (distance >= limit || distance >= *known) {
        return;
    }
    if (*known == OTR_WEIGHT_NONE) {
        search->is_near_boundary[node >> 6] |= (uint64_t)(side == BOUNDARY) << (node & 63);
        search->reached[search->reached_count++] = node;
    }
    *known = distance;
    search->has_met =
        search->has_met || (side == FAR && search->distances[BOUNDARY][node] != OTR_WEIGHT_NONE &&
                            distance + search->distances[BOUNDARY][node] < 2 * limit);
    if (!search->is_queued[node]) {
        search->is_queued[node] = 1;
        search->queue[search->queue_end] = node;
        search->queue_end = search->queue_end + 1 < search->node_count ? search->queue_end + 1 : 0;
        search->queue_count++;
    }
}

/* Goes on from a node over an arc. */
static void spread_over_arc(otr_slack_search *search, const otr_matcher *m, unsigned side, uint32_t node,
                            otr_arc arc, uint32_t limit) {
    if (arc.weight != OTR_WEIGHT_NONE && arc.head != search->far_side) {
        note(search, side, arc.head, search->distances[side][node] + slack_of(m, node, arc), limit);
    }
}

/* Goes on from a node over one block of its arcs: to occupied nodes, and to others if the nearest is in
 * reach. */
static void spread_over(otr_slack_search *search, const otr_matcher *m, unsigned side, uint32_t node,
                        uint32_t first, uint32_t end, uint32_t limit) {
    uint32_t least, least_arc;
    uint64_t chosen = otr_scan(m, first, end, &least, &least_arc);
    const uint32_t count = end - first < OTR_SCAN_ARCS ? end - first : OTR_SCAN_ARCS;
    if (least != OTR_WEIGHT_NONE && search->distances[side][node] + (least - reach_at(m, node)) < limit) {
        chosen = UINT64_MAX >> (64 - count);
    }
    for (; chosen != 0; chosen &= chosen - 1) {
        spread_over_arc(search, m, side, node, m->arcs[first + otr_ctz64(chosen)], limit);
    }
}

/* Goes on from the nodes in the queue, as far as the limit. */
static void spread(otr_slack_search *search, const otr_matcher *m, unsigned side, uint32_t limit) {
    while (search->queue_count > 0 && !search->has_met) {
        const uint32_t begin = search->queue_end +
                               (search->queue_end < search->queue_count ? search->node_count : 0) -
                               search->queue_count;
        const uint32_t node = search->queue[begin];
        const uint32_t end = m->nodes[node + 1].begin;
        search->queue_count--;
        search->is_queued[node] = 0;
        for (uint32_t first = m->nodes[node].begin; first < end; first += OTR_SCAN_ARCS) {
            spread_over(search, m, side, node, first, end, limit);
        }
    }
}

/* Whether an arc of the node ends a path that is shorter than the limit. */
static bool meets_over_arc(const otr_slack_search *search, const otr_matcher *m, uint32_t node,
                           uint32_t limit) {
    const uint32_t *const to_boundary = search->distances[BOUNDARY];
    const uint32_t distance = search->distances[FAR][node];
    const uint32_t end = m->nodes[node + 1].begin;
    for (uint32_t first = m->nodes[node].begin; first < end; first += OTR_SCAN_ARCS) {
        const uint32_t count = end - first < OTR_SCAN_ARCS ? end - first : OTR_SCAN_ARCS;
        uint32_t least, least_arc;
        uint64_t met =
            m->kernels->scan_arcs(&m->arcs[first].head, count, search->is_near_boundary, &least, &least_arc);
        for (; met != 0; met &= met - 1) {
            const otr_arc arc = m->arcs[first + otr_ctz64(met)];
            if (arc.weight != OTR_WEIGHT_NONE &&
                distance + slack_of(m, node, arc) + to_boundary[arc.head] < limit) {
                return true;
            }
        }
    }
    return false;
}

/* Whether a path is shorter than the limit. The last node of it that is less than half the limit from the far
 * side is followed by one that is less than half from the boundary. */
static bool meets(const otr_slack_search *search, const otr_matcher *m, uint32_t limit) {
    const uint32_t *const to_boundary = search->distances[BOUNDARY];
    for (uint32_t a = m->nodes[search->far_side].begin; a < m->nodes[search->far_side + 1].begin; a++) {
        const otr_arc arc = m->arcs[a];
        if (arc.weight != OTR_WEIGHT_NONE && to_boundary[arc.head] != OTR_WEIGHT_NONE &&
            arc.weight - reach_at(m, arc.head) + to_boundary[arc.head] < limit) {
            return true;
        }
    }
    for (size_t i = 0; i < search->reached_count; i++) {
        const uint32_t node = search->reached[i];
        const uint32_t distance = search->distances[FAR][node];
        const uint32_t boundary = otr_boundary_weight(m->weights, node);
        if (distance != OTR_WEIGHT_NONE &&
            ((boundary != OTR_WEIGHT_NONE && distance + (boundary - reach_at(m, node)) < limit) ||
             meets_over_arc(search, m, node, limit))) {
            return true;
        }
    }
    return false;
}
