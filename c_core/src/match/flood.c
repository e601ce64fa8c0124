/* Growing and shrinking regions over the nodes of the graph, in order of time.
 *
 * A contact is what happens to a growing region at one of its nodes: over an arc it reaches a free node,
 * meets another region, or meets the boundary. A node has one live queue entry, for the first contact that it
 * had when it was last scheduled. When the entry comes up, the contact is looked for anew, so an entry may
 * come too early but never too late. Hence whatever makes a contact earlier (a node set free, a shrinking
 * region stopped) must queue the growing neighbours. A region that freezes leaves its entries behind: when
 * one comes up, its node queues the growing neighbours, whose entries may be about the time before the
 * freeze.
 *
 * A hub (graph/hubs.h) keeps the time of the next contact of each of its blocks, and only blocks that are due
 * are looked at anew. The same rule holds for a block as for the node: too early is allowed, too late is not.
 *
 * Of the steps at one time, those that make a matched pair part of a tree come last. Where many events are
 * equally far apart, all of them meet at once, and a tree would otherwise take in pair after pair, to be
 * dissolved by the next root that it meets. */
#include "match/matcher_state.h"

/* Stands for the boundary where an arc is named. */
#define ARC_BOUNDARY (UINT32_MAX - 1)
/* No contact over this arc. */
#define GAP_NONE UINT32_MAX

static bool has_entry_now(const otr_matcher *m);
static bool take_entry(otr_matcher *m, uint32_t *node, uint32_t *arc, otr_step *step);
static void defer(otr_matcher *m, uint32_t node);
static bool attaches_pair(const otr_matcher *m, const otr_step *step);
static bool next_at_node(otr_matcher *m, uint32_t node, uint32_t arc, otr_step *step);
static bool is_due(const otr_matcher *m, uint32_t node, uint32_t arc);
static uint32_t first_contact(otr_matcher *m, uint32_t node, uint32_t *arc);
static inline uint32_t contact_in_block(const otr_matcher *m, uint32_t top, uint32_t reach, uint32_t first,
                                        uint32_t end, uint32_t gap, uint32_t *arc);
static uint32_t contact_of_hub(otr_matcher *m, uint32_t node, uint32_t reach, uint32_t gap, uint32_t *arc);
static inline bool is_hub(const otr_matcher *m, uint32_t node);
static otr_hub_block *blocks_of(const otr_matcher *m, uint32_t hub);
static void look_at_hub_anew(otr_matcher *m, uint32_t hub);
static void hasten_block(otr_matcher *m, uint32_t hub, uint32_t arc, uint32_t gap);
static inline uint32_t gap_between(const otr_matcher *m, uint32_t top, uint32_t reach, otr_arc arc);
static bool next_of_region(const otr_matcher *m, uint32_t id, otr_step *step);
static uint32_t next_loss(const otr_matcher *m, const otr_region *region);
static void reach_node(otr_matcher *m, uint32_t tail, uint32_t arc);
static void leave_last_node(otr_matcher *m, uint32_t id);
static void enqueue_node(otr_matcher *m, uint32_t node, uint32_t gap, uint32_t arc);
static void enqueue_region(otr_matcher *m, uint32_t region, uint32_t gap);
static void enqueue_growing_neighbours(otr_matcher *m, uint32_t node, uint32_t reach);

void otr_flood_run(otr_matcher *m) {
    otr_step step = {.node = OTR_NONE};
    while (m->tree_count > 0 && otr_flood_next(m, &step)) {
        otr_flood_take(m, &step);
    }
}

bool otr_flood_next(otr_matcher *m, otr_step *step) {
    /* Where one contact was, another may be at the same time. */
    uint32_t node = step->node;
    uint32_t arc = OTR_NONE;
    bool is_deferred = false;
    while (m->failure == OTR_OK) {
        if (node != OTR_NONE && next_at_node(m, node, arc, step)) {
            if (is_deferred || !attaches_pair(m, step)) {
                return true;
            }
            defer(m, node);
        }
        arc = OTR_NONE;
        is_deferred = m->deferred_first < m->deferred_count && !has_entry_now(m);
        if (is_deferred) {
            node = m->deferred[m->deferred_first++];
        } else if (take_entry(m, &node, &arc, step)) {
            return true;
        }
    }
    return false;
}

inline void otr_flood_take(otr_matcher *m, const otr_step *step) {
    switch (step->kind) {
    case OTR_STEP_REACH_NODE:
        reach_node(m, step->node, step->arc);
        break;
    case OTR_STEP_MEET_REGION: {
        const otr_link link = otr_link_over_arc(m, step->node, step->arc);
        otr_trees_meet(m, step->region, m->sites[m->arcs[step->arc].head].top, link);
        break;
    }
    case OTR_STEP_MEET_BOUNDARY:
        otr_trees_meet_boundary(m, step->region, otr_link_to_boundary(m, step->node));
        break;
    case OTR_STEP_LEAVE_NODE:
        leave_last_node(m, step->region);
        break;
    case OTR_STEP_VANISH:
        otr_trees_vanish(m, step->region);
        break;
    }
}

void otr_flood_schedule(otr_matcher *m, uint32_t node) {
    uint32_t arc = OTR_NONE;
    uint32_t gap;
    if (is_hub(m, node)) {
        look_at_hub_anew(m, node);
    }
    gap = first_contact(m, node, &arc);
    if (gap != GAP_NONE) {
        enqueue_node(m, node, gap, arc);
    }
}

void otr_flood_schedule_inside(otr_matcher *m, uint32_t region) {
    for (uint32_t part = region; part != OTR_NONE; part = otr_next_inside(m, part, region)) {
        for (uint32_t node = m->regions[part].shell; node != OTR_NONE; node = m->sites[node].below) {
            otr_flood_schedule(m, node);
        }
    }
}

void otr_flood_grow(otr_matcher *m, uint32_t region) {
    otr_set_slope(m, &m->regions[region], 1);
    otr_flood_schedule_inside(m, region);
}

void otr_flood_shrink(otr_matcher *m, uint32_t region) {
    otr_set_slope(m, &m->regions[region], -1);
    enqueue_region(m, region,
                   (uint32_t)otr_radius(m, &m->regions[region]) - next_loss(m, &m->regions[region]));
}

void otr_flood_freeze(otr_matcher *m, uint32_t region) {
    const bool was_shrinking = m->regions[region].slope < 0;
    otr_set_slope(m, &m->regions[region], 0);
    if (!was_shrinking) {
        return;
    }
    for (uint32_t part = region; part != OTR_NONE; part = otr_next_inside(m, part, region)) {
        for (uint32_t node = m->regions[part].shell; node != OTR_NONE; node = m->sites[node].below) {
            enqueue_growing_neighbours(m, node, otr_reach_past(m, &m->sites[node]));
        }
    }
}

static bool has_entry_now(const otr_matcher *m) {
    return m->queue.count > 0 && (uint32_t)(m->queue.keys[0] >> 32) == (uint32_t)m->now;
}

/* Takes the first entry of the queue. Returns true if it is the next step, of a region; else *node is where
 * to look for one, or OTR_NONE. */
static bool take_entry(otr_matcher *m, uint32_t *node, uint32_t *arc, otr_step *step) {
    uint64_t key;
    uint32_t time, id;
    *node = OTR_NONE;
    if (m->queue.count == 0) {
        m->failure = m->failure == OTR_OK ? OTR_ERR_ODD_PARITY : m->failure;
        return false;
    }
    key = otr_queue_pop(&m->queue);
    time = (uint32_t)(key >> 32);
    id = (uint32_t)key;
    if (id >= m->node_count) {
        m->now += (uint32_t)(time - (uint32_t)m->now);
        return next_of_region(m, id - m->node_count, step);
    }
    if (m->sites[id].queued && m->sites[id].due == time) {
        m->now += (uint32_t)(time - (uint32_t)m->now);
        m->sites[id].queued = 0;
        *node = id;
        *arc = m->sites[id].due_arc;
    }
    return false;
}

/* Puts a node off until nothing else happens now. */
static void defer(otr_matcher *m, uint32_t node) {
    if (m->deferred_first == m->deferred_count) {
        m->deferred_first = m->deferred_count = 0;
    }
    if (!OTR_ARRAY_GROW(m->deferred, m->deferred_count, m->deferred_capacity)) {
        m->failure = OTR_ERR_MEMORY;
        return;
    }
    m->deferred[m->deferred_count++] = node;
}

/* Whether the step makes a matched pair part of a tree. */
static bool attaches_pair(const otr_matcher *m, const otr_step *step) {
    const otr_region *met;
    if (step->kind != OTR_STEP_MEET_REGION) {
        return false;
    }
    met = &m->regions[m->sites[m->arcs[step->arc].head].top];
    return met->outer == OTR_NONE && met->match != OTR_MATCH_BOUNDARY;
}

/* Whether a contact happens at a node now, and which; `arc` is where to look first, or OTR_NONE. If not, the
 * node is scheduled, or its growing neighbours are if it is frozen. */
static bool next_at_node(otr_matcher *m, uint32_t node, uint32_t arc, otr_step *step) {
    const otr_site *const site = &m->sites[node];
    int32_t slope;
    if (!otr_is_occupied(m, node)) {
        return false;
    }
    slope = m->regions[site->top].slope;
    if (slope == 0) {
        enqueue_growing_neighbours(m, node, otr_reach_past(m, site));
    }
    if (slope <= 0) {
        return false;
    }
    if (!is_due(m, node, arc)) {
        const uint32_t gap = first_contact(m, node, &arc);
        if (gap != 0) {
            if (gap != GAP_NONE) {
                enqueue_node(m, node, gap, arc);
            }
            return false;
        }
    }
    step->kind = arc == ARC_BOUNDARY                     ? OTR_STEP_MEET_BOUNDARY
                 : otr_is_occupied(m, m->arcs[arc].head) ? OTR_STEP_MEET_REGION
                                                         : OTR_STEP_REACH_NODE;
    step->region = site->top;
    step->node = node;
    step->arc = arc;
    return true;
}

/* Whether the contact over this arc happens now. */
static bool is_due(const otr_matcher *m, uint32_t node, uint32_t arc) {
    const otr_site *const site = &m->sites[node];
    const uint32_t reach = otr_reach_past(m, site);
    if (arc == OTR_NONE) {
        return false;
    }
    if (arc == ARC_BOUNDARY) {
        return otr_boundary_weight(m->weights, node) == reach;
    }
    return (otr_is_occupied(m, m->arcs[arc].head) ? gap_between(m, site->top, reach, m->arcs[arc])
                                                  : m->arcs[arc].weight - reach) == 0;
}

/* The first contact at a node of a growing region: returns the time until then, and its arc. */
static uint32_t first_contact(otr_matcher *m, uint32_t node, uint32_t *arc) {
    const otr_site *const site = &m->sites[node];
    const uint32_t top = site->top;
    const uint32_t reach = otr_reach_past(m, site);
    const uint32_t boundary = otr_boundary_weight(m->weights, node);
    const uint32_t begin = m->nodes[node].begin;
    const uint32_t end = m->nodes[node + 1].begin;
    uint32_t gap = GAP_NONE;
    if (boundary != OTR_WEIGHT_NONE) {
        gap = boundary - reach;
        *arc = ARC_BOUNDARY;
    }
    if (end - begin > OTR_HUB_ARCS) {
        return contact_of_hub(m, node, reach, gap, arc);
    }
    for (uint32_t first = begin; first < end; first += OTR_SCAN_ARCS) {
        gap = contact_in_block(m, top, reach, first, end, gap, arc);
    }
    return gap;
}

/* The first contact of a node of region `top`, which reaches `reach` past it, over the arcs from `first` on,
 * OTR_SCAN_ARCS or those before `end`, if it is before `gap`, and its arc; else `gap`. */
static inline uint32_t contact_in_block(const otr_matcher *m, uint32_t top, uint32_t reach, uint32_t first,
                                        uint32_t end, uint32_t gap, uint32_t *arc) {
    uint32_t least, least_arc;
    uint64_t occupied = otr_scan(m, first, end, &least, &least_arc);
    if (least != UINT32_MAX && least - reach < gap) {
        gap = least - reach;
        *arc = least_arc;
    }
    for (; occupied != 0; occupied &= occupied - 1) {
        const uint32_t a = first + otr_ctz64(occupied);
        const uint32_t meeting = gap_between(m, top, reach, m->arcs[a]);
        if (meeting < gap) {
            gap = meeting;
            *arc = a;
        }
    }
    return gap;
}

/* The same over all arcs of a hub. */
static uint32_t contact_of_hub(otr_matcher *m, uint32_t node, uint32_t reach, uint32_t gap, uint32_t *arc) {
    const uint32_t begin = m->nodes[node].begin;
    const uint32_t end = m->nodes[node + 1].begin;
    otr_hub_block *block = blocks_of(m, node);
    for (uint32_t first = begin; first < end && gap > 0; first += OTR_SCAN_ARCS, block++) {
        uint32_t left = block->due - (uint32_t)m->now;
        if (block->is_quiet) {
            continue;
        }
        if ((int32_t)left <= 0) {
            left = contact_in_block(m, m->sites[node].top, reach, first, end, GAP_NONE, &block->arc);
            block->is_quiet = left == GAP_NONE;
            block->due = (uint32_t)m->now + left;
        }
        if (left < gap) {
            gap = left;
            *arc = block->arc;
        }
    }
    return gap;
}

static inline bool is_hub(const otr_matcher *m, uint32_t node) {
    return m->nodes[node + 1].begin - m->nodes[node].begin > OTR_HUB_ARCS;
}

static otr_hub_block *blocks_of(const otr_matcher *m, uint32_t hub) {
    return &m->hub_blocks[otr_hub_blocks_at(m->nodes[hub].begin)];
}

/* All blocks are due. */
static void look_at_hub_anew(otr_matcher *m, uint32_t hub) {
    const uint32_t count = m->nodes[hub + 1].begin - m->nodes[hub].begin;
    otr_hub_block *const blocks = blocks_of(m, hub);
    for (uint32_t i = 0; i <= (count - 1) / OTR_SCAN_ARCS; i++) {
        blocks[i] = (otr_hub_block){.due = (uint32_t)m->now};
    }
}

/* A contact of a hub, over the edge of `arc`, which leads to it, comes after `gap` at the earliest. */
static void hasten_block(otr_matcher *m, uint32_t hub, uint32_t arc, uint32_t gap) {
    const otr_edge_arcs arcs = m->graph->edge_arcs[m->graph->arc_edge[arc]];
    const uint32_t own = arcs.arc1 == arc ? arcs.arc2 : arcs.arc1;
    otr_hub_block *const block = blocks_of(m, hub) + (own - m->nodes[hub].begin) / OTR_SCAN_ARCS;
    const uint32_t due = (uint32_t)m->now + gap;
    if (block->is_quiet || (int32_t)(due - block->due) < 0) {
        block->is_quiet = false;
        block->due = due;
        block->arc = own;
    }
}

/* Time until a growing region that reaches `reach` past the tail of `arc` meets the region at its head. */
static inline uint32_t gap_between(const otr_matcher *m, uint32_t top, uint32_t reach, otr_arc arc) {
    const otr_site *const site = &m->sites[arc.head];
    const otr_region *const region = &m->regions[site->top];
    uint32_t gap;
    if (site->top == top || region->slope < 0 || arc.weight == OTR_WEIGHT_NONE) {
        return GAP_NONE;
    }
    gap = arc.weight - reach - ((uint32_t)otr_radius(m, region) + site->offset);
    return region->slope > 0 ? gap / 2 : gap;
}

/* Whether a region loses something now. Its entries are not taken back when it stops to shrink. */
static bool next_of_region(const otr_matcher *m, uint32_t id, otr_step *step) {
    const otr_region *const region = &m->regions[id];
    if (region->slope >= 0 || (uint32_t)otr_radius(m, region) != next_loss(m, region)) {
        return false;
    }
    step->kind = region->shell == OTR_NONE || m->sites[region->shell].arc == OTR_NONE ? OTR_STEP_VANISH
                                                                                      : OTR_STEP_LEAVE_NODE;
    step->region = id;
    step->node = OTR_NONE;
    step->arc = OTR_NONE;
    return true;
}

/* Radius at which a shrinking region loses its last node, or vanishes. */
static uint32_t next_loss(const otr_matcher *m, const otr_region *region) {
    return region->shell == OTR_NONE ? 0 : 0u - m->sites[region->shell].offset;
}

static void reach_node(otr_matcher *m, uint32_t tail, uint32_t arc) {
    const uint32_t node = m->arcs[arc].head;
    const otr_site *const from = &m->sites[tail];
    otr_site *const site = &m->sites[node];
    otr_region *const region = &m->regions[from->top];
    site->top = from->top;
    site->offset = 0u - (uint32_t)otr_radius(m, region);
    site->event = from->event;
    site->arc = arc;
    site->below = region->shell;
    region->shell = node;
    otr_occupy(m, node);
    if (m->awaited[node >> 6] >> (node & 63) & 1) {
        otr_apply_waiting_rules(m, node);
    }
    otr_flood_schedule(m, node);
}

static void leave_last_node(otr_matcher *m, uint32_t id) {
    otr_region *const region = &m->regions[id];
    const uint32_t node = region->shell;
    region->shell = m->sites[node].below;
    otr_vacate(m, node);
    enqueue_growing_neighbours(m, node, 0);
    enqueue_region(m, id, (uint32_t)otr_radius(m, region) - next_loss(m, region));
}

static void enqueue_node(otr_matcher *m, uint32_t node, uint32_t gap, uint32_t arc) {
    otr_site *const site = &m->sites[node];
    const uint32_t time = (uint32_t)m->now + gap;
    if (site->queued && (int32_t)(time - site->due) >= 0) {
        return;
    }
    if (!otr_queue_push(&m->queue, time, node)) {
        m->failure = OTR_ERR_MEMORY;
        return;
    }
    site->queued = 1;
    site->due = time;
    site->due_arc = arc;
}

static void enqueue_region(otr_matcher *m, uint32_t region, uint32_t gap) {
    if (!otr_queue_push(&m->queue, (uint32_t)m->now + gap, m->node_count + region)) {
        m->failure = OTR_ERR_MEMORY;
    }
}

/* Queues the growing neighbours of a node for when they meet it; its own region, frozen or just gone from it,
 * reaches `reach` past it. */
static void enqueue_growing_neighbours(otr_matcher *m, uint32_t node, uint32_t reach) {
    const uint32_t end = m->nodes[node + 1].begin;
    for (uint32_t first = m->nodes[node].begin; first < end; first += OTR_SCAN_ARCS) {
        uint32_t least, least_arc;
        uint64_t occupied = otr_scan(m, first, end, &least, &least_arc);
        for (; occupied != 0; occupied &= occupied - 1) {
            const uint32_t a = first + otr_ctz64(occupied);
            const otr_arc arc = m->arcs[a];
            const otr_site *const site = &m->sites[arc.head];
            if (m->regions[site->top].slope > 0 && arc.weight != OTR_WEIGHT_NONE) {
                const uint32_t gap = arc.weight - otr_reach_past(m, site) - reach;
                if (is_hub(m, arc.head)) {
                    hasten_block(m, arc.head, a, gap);
                }
                enqueue_node(m, arc.head, gap, OTR_NONE);
            }
        }
    }
}
