/* The dual certificate: proves from the final radii alone that no matching weighs less.
 *
 * Region R gives node v the height f_R(v): its radius y_R at events inside it, 0 at events outside, and in
 * between what is left of the radius past the node. If on every edge the heights of all regions together
 * change by at most the weight, then a path between two events weighs at least the radii of the regions that
 * hold one of them; every perfect matching leaves every region at least once, so it weighs at least the sum
 * of all radii. */
#include "match/matcher_state.h"

#include <stdlib.h>

typedef struct check {
    const otr_matcher *matcher;
    uint32_t *owner; /* node -> region whose shell holds it; OTR_NONE if unoccupied */
} check;

static void check_node(const check *c, uint32_t node, otr_certificate *out);
static void check_edge(const check *c, uint32_t node1, uint32_t node2, uint32_t weight, otr_certificate *out);
static int64_t change_along(const check *c, uint32_t node1, uint32_t node2);
static int64_t heights_below(const check *c, uint32_t node, uint32_t end);
static int64_t own_height(const check *c, uint32_t node);
static int64_t total_height(const check *c, uint32_t node);
static uint32_t depth_of(const otr_matcher *m, uint32_t region);

/* A fresh state of this size for every call keeps the hot path free of it: certificates are for tests and
 * doubts. */
otr_status otr_matcher_certify(const otr_matcher *m, otr_certificate *out) {
    check c = {m, otr_array_new(m->node_count, sizeof *c.owner)};
    if (c.owner == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t node = 0; node < m->node_count; node++) {
        c.owner[node] = OTR_NONE;
    }
    out->dual = otr_matcher_weight(m);
    out->edges_checked = 0;
    out->edges_overtight = 0;
    out->min_slack = INT64_MAX;
    for (uint32_t region = 0; region < m->region_count; region++) {
        out->edges_overtight += otr_radius(m, &m->regions[region]) < 0;
        for (uint32_t node = m->regions[region].shell; node != OTR_NONE; node = m->sites[node].below) {
            c.owner[node] = region;
        }
    }
    /* Every event is inside its own region, or the heights prove nothing. */
    for (uint32_t event = 0; event < m->event_count; event++) {
        out->edges_overtight +=
            c.owner[m->events[event]] != event || m->sites[m->events[event]].arc != OTR_NONE;
    }
    for (uint32_t node = 0; node < m->node_count; node++) {
        if (c.owner[node] != OTR_NONE) {
            check_node(&c, node, out);
        }
    }
    free(c.owner);
    return OTR_OK;
}

/* Every edge at the node; one between two occupied nodes is checked from its lower end. */
static void check_node(const check *c, uint32_t node, otr_certificate *out) {
    const otr_matcher *const m = c->matcher;
    const uint32_t boundary = otr_boundary_weight(m->weights, node);
    if (boundary != OTR_WEIGHT_NONE) {
        check_edge(c, node, OTR_BOUNDARY, boundary, out);
    }
    for (uint32_t a = m->nodes[node].begin; a < m->nodes[node + 1].begin; a++) {
        const otr_arc arc = m->arcs[a];
        if (arc.weight != OTR_WEIGHT_NONE && (c->owner[arc.head] == OTR_NONE || node < arc.head)) {
            check_edge(c, node, arc.head, arc.weight, out);
        }
    }
}

static void check_edge(const check *c, uint32_t node1, uint32_t node2, uint32_t weight,
                       otr_certificate *out) {
    const int64_t slack = (int64_t)weight - change_along(c, node1, node2);
    out->edges_checked++;
    out->edges_overtight += slack < 0;
    if (slack < out->min_slack) {
        out->min_slack = slack;
    }
}

/* Sum over all regions of the change of height along the edge between two nodes. */
static int64_t change_along(const check *c, uint32_t node1, uint32_t node2) {
    const otr_matcher *const m = c->matcher;
    uint32_t a = node1 == OTR_BOUNDARY ? OTR_NONE : c->owner[node1];
    uint32_t b = node2 == OTR_BOUNDARY ? OTR_NONE : c->owner[node2];
    uint32_t depth_a, depth_b;
    int64_t at_common = 0;
    if (a == OTR_NONE || b == OTR_NONE) {
        return a != OTR_NONE   ? heights_below(c, node1, OTR_NONE)
               : b != OTR_NONE ? heights_below(c, node2, OTR_NONE)
                               : 0;
    }
    depth_a = depth_of(m, a);
    depth_b = depth_of(m, b);
    for (; depth_a > depth_b; depth_a--) {
        a = m->regions[a].blossom;
    }
    for (; depth_b > depth_a; depth_b--) {
        b = m->regions[b].blossom;
    }
    while (a != b) {
        a = m->regions[a].blossom;
        b = m->regions[b].blossom;
    }
    if (a != OTR_NONE) {
        /* In the innermost common region both have a height; above it both have the full radius. */
        const int64_t full = otr_radius(m, &m->regions[a]);
        const int64_t height1 = c->owner[node1] == a ? own_height(c, node1) : full;
        const int64_t height2 = c->owner[node2] == a ? own_height(c, node2) : full;
        at_common = height1 > height2 ? height1 - height2 : height2 - height1;
    }
    return heights_below(c, node1, a) + heights_below(c, node2, a) + at_common;
}

/* Sum of the heights from the node's owner up to, and without, region `end`. */
static int64_t heights_below(const check *c, uint32_t node, uint32_t end) {
    const otr_matcher *const m = c->matcher;
    uint32_t region = c->owner[node];
    int64_t sum;
    if (region == end) {
        return 0;
    }
    sum = own_height(c, node);
    for (region = m->regions[region].blossom; region != end; region = m->regions[region].blossom) {
        sum += otr_radius(m, &m->regions[region]);
    }
    return sum;
}

/* The height of the region that owns the node; those around it have their full radius there. */
static int64_t own_height(const check *c, uint32_t node) {
    const otr_matcher *const m = c->matcher;
    int64_t height = total_height(c, node);
    for (uint32_t region = m->regions[c->owner[node]].blossom; region != OTR_NONE;
         region = m->regions[region].blossom) {
        height -= otr_radius(m, &m->regions[region]);
    }
    return height;
}

/* The heights of all regions at a node: radii around the event it was reached from, less the way to it. */
static int64_t total_height(const check *c, uint32_t node) {
    const otr_matcher *const m = c->matcher;
    int64_t height = 0;
    for (; m->sites[node].arc != OTR_NONE; node = otr_previous_node(m, node)) {
        height -= m->arcs[m->sites[node].arc].weight;
    }
    for (uint32_t region = m->sites[node].event; region != OTR_NONE; region = m->regions[region].blossom) {
        height += otr_radius(m, &m->regions[region]);
    }
    return height;
}

static uint32_t depth_of(const otr_matcher *m, uint32_t region) {
    uint32_t depth = 0;
    while (region != OTR_NONE) {
        region = m->regions[region].blossom;
        depth++;
    }
    return depth;
}
