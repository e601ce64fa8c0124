/* The second pass of correlated matching: lowers the weights that the first answer implies, and mends it.
 *
 * A lowered edge matters only if the regions at its ends now reach further over it than it is long. Then
 * there are three remedies, from cheap to dear:
 *  - two events matched directly along this very edge (or one matched to the boundary over it) stay matched,
 *    with radii that add up to the new weight: this is what a Y error looks like;
 *  - of two events matched directly along another edge, one may give radius to the other;
 *  - otherwise the region and its partner are dissolved, and their events are matched anew among what
 *    still stands.
 * What stands is optimal for the new weights already, so the work grows with what changed. */
#include "match/matcher_state.h"

/* How many entries ahead of their use rules and arcs are asked for: the tables exceed the inner caches from a
 * distance of about 13 on. */
#define RULES_AHEAD 4
#define ARCS_AHEAD 8

static void apply_rule(otr_matcher *m, uint32_t rule);
static bool collect_rules(otr_matcher *m, const uint32_t *edges, size_t edge_count);
static void sort_rules(otr_matcher *m, uint32_t edge);
static void mend(otr_matcher *m, const otr_rule *rule);
static void mend_inside(otr_matcher *m, uint32_t node1, uint32_t node2, int64_t weight);
static void dissolve(otr_matcher *m, uint32_t top);
static bool shorten_match(otr_matcher *m, const otr_rule *rule);
static uint32_t directly_matched_at(const otr_matcher *m, uint32_t node);
static void reduce(otr_matcher *m, uint32_t event, int64_t radius);
static bool shift_radius(otr_matcher *m, uint32_t node, int64_t excess);
static bool is_alone(const otr_matcher *m, uint32_t event);
static int64_t room_around(const otr_matcher *m, uint32_t event);
static void set_awaited(otr_matcher *m);
static void clear_awaited(otr_matcher *m);

void otr_apply_waiting_rules(otr_matcher *m, uint32_t node) {
    m->awaited[node >> 6] &= ~((uint64_t)1 << (node & 63));
    for (size_t i = 0; i < m->waiting_count; i++) {
        if (m->waiting[i].node1 == node || m->waiting[i].node2 == node) {
            apply_rule(m, m->waiting[i].rule);
        }
    }
}

otr_status otr_matcher_correlate(otr_matcher *m, const uint32_t *edges, size_t edge_count,
                                 const uint64_t *forced, bool *changed) {
    otr_status status;
    if (!collect_rules(m, edges, edge_count)) {
        return OTR_ERR_MEMORY;
    }
    m->forced = forced;
    m->batch_count = 0;
    m->now = 0;
    for (size_t i = 0; i < m->tight_count; i++) {
        if (i + ARCS_AHEAD < m->tight_count) {
            otr_prefetch(&m->arcs[m->graph->rules[m->tight[i + ARCS_AHEAD]].arcs.arc1]);
            otr_prefetch(&m->arcs[m->graph->rules[m->tight[i + ARCS_AHEAD]].arcs.arc2]);
        }
        apply_rule(m, m->tight[i]);
    }
    for (size_t i = 0; i < m->tight_count; i++) {
        mend(m, &m->graph->rules[m->tight[i]]);
    }
    *changed = m->batch_count > 0;
    if (m->batch_count == 0) {
        return OTR_OK;
    }
    set_awaited(m);
    otr_matcher_start_batch(m, true);
    status = otr_matcher_finish_batch(m);
    clear_awaited(m);
    return status;
}

void otr_matcher_dissolve_at(otr_matcher *m, uint32_t node) {
    if (otr_is_occupied(m, node)) {
        const uint32_t top = m->sites[node].top;
        const uint32_t partner = m->regions[top].match;
        if (partner == OTR_NONE) {
            return; /* an event of the batch already */
        }
        dissolve(m, top);
        if (partner != OTR_MATCH_BOUNDARY) {
            dissolve(m, partner);
        }
    }
}

/* Lowers the edge of a rule. A forced edge counts with its negative weight, which no rule is below, and an
 * infinite weight stays. */
static void apply_rule(otr_matcher *m, uint32_t rule) {
    const otr_edge_arcs arcs = m->graph->rules[rule].arcs;
    const uint32_t weight = (uint32_t)m->graph->implied_weight[rule];
    const uint32_t edge = otr_edge_of_arc(m->graph, arcs.arc1);
    if (weight < m->arcs[arcs.arc1].weight && m->arcs[arcs.arc1].weight != OTR_WEIGHT_NONE &&
        (m->forced[edge >> 6] >> (edge & 63) & 1) == 0) {
        otr_weights_set(m->weights, arcs, weight);
    }
}

static bool collect_rules(otr_matcher *m, const uint32_t *edges, size_t edge_count) {
    const uint32_t *const begin = m->graph->implied_begin;
    m->tight_count = 0;
    m->waiting_count = 0;
    for (size_t i = 0; i < edge_count; i++) {
        const size_t more = begin[edges[i] + 1] - begin[edges[i]] + 1;
        if (i + RULES_AHEAD < edge_count) {
            const uint32_t next = edges[i + RULES_AHEAD];
            otr_prefetch(&m->graph->rules[begin[next]]);
            otr_prefetch(&m->graph->rules[begin[next + 1]]);
            otr_prefetch(&m->graph->implied_weight[begin[next]]);
        }
        if (!otr_array_reserve((void **)&m->tight, &m->tight_capacity, m->tight_count + more,
                               sizeof *m->tight) ||
            !otr_array_reserve((void **)&m->waiting, &m->waiting_capacity, m->waiting_count + more,
                               sizeof *m->waiting)) {
            return false;
        }
        sort_rules(m, edges[i]);
    }
    return otr_weights_reserve(m->weights, m->tight_count + m->waiting_count);
}

/* Parts the rules of `edge` into those that matter now and those that wait. Both lists have room for one more
 * than all. */
static void sort_rules(otr_matcher *m, uint32_t edge) {
    const uint64_t *const occupied = m->occupied;
    const uint32_t end = m->graph->implied_begin[edge + 1];
    size_t tight_count = m->tight_count;
    size_t waiting_count = m->waiting_count;
    for (uint32_t i = m->graph->implied_begin[edge]; i < end; i++) {
        const otr_rule *const rule = &m->graph->rules[i];
        const otr_waiting_rule waiting = {rule->node1, rule->node2, i};
        const uint32_t touches = (uint32_t)(occupied[rule->node1 >> 6] >> (rule->node1 & 63) |
                                            occupied[rule->node2 >> 6] >> (rule->node2 & 63)) &
                                 1;
        m->tight[tight_count] = i;
        m->waiting[waiting_count] = waiting;
        tight_count += touches;
        waiting_count += 1 - touches;
    }
    m->tight_count = tight_count;
    m->waiting_count = waiting_count;
}

static void mend(otr_matcher *m, const otr_rule *rule) {
    const uint32_t node1 = rule->node1;
    const uint32_t node2 = rule->node2;
    const int64_t weight = m->arcs[rule->arcs.arc1].weight;
    const bool at1 = otr_is_occupied(m, node1);
    const bool at2 = otr_is_occupied(m, node2) && node1 != node2;
    int64_t excess;
    if (at1 && at2 && m->sites[node1].top == m->sites[node2].top) {
        mend_inside(m, node1, node2, weight);
        return;
    }
    excess = (at1 ? (int64_t)otr_reach_past(m, &m->sites[node1]) : 0) +
             (at2 ? (int64_t)otr_reach_past(m, &m->sites[node2]) : 0) - weight;
    if (excess <= 0 || shorten_match(m, rule) || (at1 && shift_radius(m, node1, excess)) ||
        (at2 && shift_radius(m, node2, excess))) {
        return;
    }
    otr_matcher_dissolve_at(m, node1);
    otr_matcher_dissolve_at(m, node2);
}

/* An edge inside one region was lowered: in an event's region it may lead somewhere sooner; a blossom is not
 * worth the closer look. */
static void mend_inside(otr_matcher *m, uint32_t node1, uint32_t node2, int64_t weight) {
    const int64_t reach1 = otr_reach_past(m, &m->sites[node1]);
    const int64_t reach2 = otr_reach_past(m, &m->sites[node2]);
    if (m->sites[node1].top >= m->event_count || reach1 - reach2 > weight || reach2 - reach1 > weight) {
        otr_matcher_dissolve_at(m, node1);
    }
}

/* Breaks an outermost region up into its events, which join the batch. */
static void dissolve(otr_matcher *m, uint32_t top) {
    uint32_t count = 0;
    for (uint32_t part = top; part != OTR_NONE; part = otr_next_inside(m, part, top)) {
        m->stack[count++] = part;
    }
    for (uint32_t i = 0; i < count; i++) {
        otr_region *const region = &m->regions[m->stack[i]];
        for (uint32_t node = region->shell; node != OTR_NONE; node = m->sites[node].below) {
            otr_vacate(m, node);
        }
        region->shell = OTR_NONE;
        if (m->stack[i] >= m->event_count) {
            otr_matcher_free_blossom(m, m->stack[i]);
        } else {
            m->batch[m->batch_count++] = m->stack[i];
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (m->stack[i] < m->event_count) {
            otr_matcher_place(m, m->stack[i]);
        }
    }
}

/* The first remedy. Returns false if it does not apply. */
static bool shorten_match(otr_matcher *m, const otr_rule *rule) {
    const int64_t weight = m->arcs[rule->arcs.arc1].weight;
    const int64_t half = weight / 2 & ~(int64_t)1;
    const uint32_t event = directly_matched_at(m, rule->node1);
    uint32_t match;
    int64_t radius;
    if (event == OTR_NONE ||
        m->regions[event].match_link.path != (OTR_PATH_SINGLE | otr_edge_of_arc(m->graph, rule->arcs.arc1))) {
        return false;
    }
    match = m->regions[event].match;
    if (match == OTR_MATCH_BOUNDARY) {
        reduce(m, event, weight);
        return true;
    }
    radius = m->regions[event].base;
    radius = radius < half ? radius : half;
    if (m->regions[match].base < weight - radius) {
        radius = weight - m->regions[match].base;
    }
    reduce(m, event, radius);
    reduce(m, match, weight - radius);
    return true;
}

/* The event whose own outermost region holds the node, if it is matched along a single edge to the boundary
 * or to an event that is an outermost region too; else OTR_NONE. */
static uint32_t directly_matched_at(const otr_matcher *m, uint32_t node) {
    const uint32_t top = otr_is_occupied(m, node) ? m->sites[node].top : OTR_NONE;
    if (top >= m->event_count || m->regions[top].match == OTR_NONE ||
        (m->regions[top].match_link.path & OTR_PATH_SINGLE) == 0 ||
        (m->regions[top].match >= m->event_count && m->regions[top].match != OTR_MATCH_BOUNDARY)) {
        return OTR_NONE;
    }
    return top;
}

/* Takes the radius of an event's own frozen region down. */
static void reduce(otr_matcher *m, uint32_t event, int64_t radius) {
    otr_region *const region = &m->regions[event];
    region->base = radius;
    while (m->sites[region->shell].arc != OTR_NONE && 0u - m->sites[region->shell].offset > radius) {
        otr_vacate(m, region->shell);
        region->shell = m->sites[region->shell].below;
    }
}

/* The second remedy: the event at `node` gives up `excess` of its radius to the event it is matched with.
 * Returns false if that one has no room for it, or if a region holds more than its event: setting nodes free
 * could make room that is none. */
static bool shift_radius(otr_matcher *m, uint32_t node, int64_t excess) {
    const uint32_t event = directly_matched_at(m, node);
    const int64_t shift = (excess + 1) & ~(int64_t)1;
    uint32_t match;
    if (event == OTR_NONE || m->regions[event].match == OTR_MATCH_BOUNDARY ||
        m->regions[event].base < shift) {
        return false;
    }
    match = m->regions[event].match;
    if (!is_alone(m, event) || !is_alone(m, match) ||
        m->regions[match].base + shift > room_around(m, match)) {
        return false;
    }
    m->regions[event].base -= shift;
    m->regions[match].base += shift;
    return true;
}

static bool is_alone(const otr_matcher *m, uint32_t event) {
    return m->sites[m->regions[event].shell].arc == OTR_NONE;
}

/* How far an event's own region may reach at once: its shortest edge, and what regions around it leave. */
static int64_t room_around(const otr_matcher *m, uint32_t event) {
    const uint32_t node = m->events[event];
    const uint32_t end = m->nodes[node + 1].begin;
    int64_t room = otr_boundary_weight(m->weights, node);
    for (uint32_t first = m->nodes[node].begin; first < end; first += OTR_SCAN_ARCS) {
        uint32_t least, least_arc;
        uint64_t occupied = otr_scan(m, first, end, &least, &least_arc);
        room = least < room ? least : room;
        for (; occupied != 0; occupied &= occupied - 1) {
            const otr_arc arc = m->arcs[first + otr_ctz64(occupied)];
            const int64_t limit = (int64_t)arc.weight - otr_reach_past(m, &m->sites[arc.head]);
            room = m->sites[arc.head].top != m->regions[event].match && limit < room ? limit : room;
        }
    }
    return room;
}

static void set_awaited(otr_matcher *m) {
    for (size_t i = 0; i < m->waiting_count; i++) {
        m->awaited[m->waiting[i].node1 >> 6] |= (uint64_t)1 << (m->waiting[i].node1 & 63);
        m->awaited[m->waiting[i].node2 >> 6] |= (uint64_t)1 << (m->waiting[i].node2 & 63);
    }
}

static void clear_awaited(otr_matcher *m) {
    for (size_t i = 0; i < m->waiting_count; i++) {
        m->awaited[m->waiting[i].node1 >> 6] = 0;
        m->awaited[m->waiting[i].node2 >> 6] = 0;
    }
}
