/* Making, starting and clearing a matching problem. */
#include "match/matcher_state.h"

#include <stdlib.h>
#include <string.h>

/* Largest number of events of one shot: regions and nodes share the 32-bit ids of the queue. */
#define EVENTS_MAX ((size_t)1 << 28)

static void fill_nodes(otr_matcher *m);
static uint32_t find_nearest(const otr_matcher *m, uint32_t node);
static void fill_ahead(const otr_graph *graph, uint32_t node, uint32_t end, otr_node *record);
static bool reserve_for_events(otr_matcher *m, size_t event_count);
static void place_site(otr_matcher *m, uint32_t event);
static void place_region(otr_matcher *m, uint32_t event);
static bool take_start(otr_matcher *m, uint32_t event);
static void clear_queue(otr_matcher *m);

otr_status otr_matcher_create(otr_matcher **out, otr_weights *weights, const otr_kernels *kernels) {
    const uint32_t node_count = weights->graph->node_count;
    otr_matcher *const m = otr_array_zeroed(1, sizeof *m);
    if (m == NULL) {
        return OTR_ERR_MEMORY;
    }
    m->weights = weights;
    m->graph = weights->graph;
    m->arcs = weights->arcs;
    m->kernels = kernels;
    m->node_count = node_count;
    m->free_region = OTR_NONE;
    m->sites = otr_array_zeroed(node_count, sizeof *m->sites);
    m->occupied = otr_array_zeroed((size_t)node_count / 64 + 1, sizeof *m->occupied);
    m->awaited = otr_array_zeroed((size_t)node_count / 64 + 1, sizeof *m->awaited);
    m->nodes = otr_array_new((size_t)node_count + 1, sizeof *m->nodes);
    m->hub_blocks = otr_array_new(otr_hub_block_count(m->graph), sizeof *m->hub_blocks);
    if (m->sites == NULL || m->hub_blocks == NULL || m->occupied == NULL || m->awaited == NULL ||
        m->nodes == NULL) {
        otr_matcher_destroy(m);
        return OTR_ERR_MEMORY;
    }
    fill_nodes(m);
    *out = m;
    return OTR_OK;
}

void otr_matcher_reweight(otr_matcher *m) {
    m->graph = m->weights->graph;
    for (uint32_t node = 0; node < m->node_count; node++) {
        m->nodes[node].nearest = find_nearest(m, node);
    }
}

void otr_matcher_destroy(otr_matcher *m) {
    if (m == NULL) {
        return;
    }
    free(m->nodes);
    free(m->hub_blocks);
    free(m->sites);
    free(m->occupied);
    free(m->regions);
    free(m->queue.keys);
    free(m->deferred);
    free(m->paths);
    free(m->stack);
    free(m->batch);
    free(m->contacts);
    free(m->tight);
    free(m->waiting);
    free(m->awaited);
    free(m->starts);
    free(m->edges);
    free(m->pairs);
    free(m);
}

otr_status otr_matcher_solve(otr_matcher *m, const uint32_t *events, size_t event_count, bool overridden) {
    const otr_status status = otr_matcher_start(m, events, event_count, event_count, overridden);
    return status == OTR_OK ? otr_matcher_finish_batch(m) : status;
}

otr_status otr_matcher_solve_but_last(otr_matcher *m, const uint32_t *events, size_t event_count,
                                      bool overridden) {
    const otr_status status = otr_matcher_start(m, events, event_count, event_count - 1, overridden);
    return status == OTR_OK ? otr_matcher_finish_batch(m) : status;
}

otr_status otr_matcher_add_last(otr_matcher *m) {
    const uint32_t last = m->event_count - 1;
    m->batch_count = 0;
    otr_matcher_dissolve_at(m, m->events[last]);
    otr_matcher_place(m, last);
    m->batch[m->batch_count++] = last;
    otr_matcher_start_batch(m, true);
    return otr_matcher_finish_batch(m);
}

int64_t otr_matcher_weight(const otr_matcher *m) {
    int64_t weight = 0;
    for (uint32_t top = 0; top < m->region_count; top++) {
        weight += otr_radius(m, &m->regions[top]);
    }
    return weight;
}

void otr_matcher_reset(otr_matcher *m) {
    for (uint32_t i = 0; i < m->region_count; i++) {
        uint32_t node = m->regions[i].shell;
        /* Most regions hold their event alone: no need to look at the site. */
        if (i < m->event_count && node == m->events[i]) {
            otr_vacate(m, node);
            continue;
        }
        for (; node != OTR_NONE; node = m->sites[node].below) {
            otr_vacate(m, node);
        }
    }
    m->region_count = 0;
    m->event_count = 0;
    m->events = NULL;
}

size_t otr_matcher_bytes(const otr_matcher *m) {
    return sizeof *m + m->node_count * (sizeof *m->sites + sizeof *m->nodes) +
           2 * ((size_t)m->node_count / 64 + 1) * sizeof *m->occupied +
           m->region_capacity * sizeof *m->regions + m->queue.capacity * sizeof *m->queue.keys +
           otr_hub_block_count(m->graph) * sizeof *m->hub_blocks +
           m->deferred_capacity * sizeof *m->deferred + m->path_capacity * sizeof *m->paths +
           m->stack_capacity * sizeof *m->stack + m->batch_capacity * sizeof *m->batch +
           m->contact_capacity * sizeof *m->contacts + m->start_capacity * sizeof *m->starts +
           m->edge_capacity * sizeof *m->edges + m->tight_capacity * sizeof *m->tight +
           m->waiting_capacity * sizeof *m->waiting + m->pair_capacity * sizeof *m->pairs;
}

otr_status otr_matcher_start(otr_matcher *m, const uint32_t *events, size_t event_count, size_t batch_count,
                             bool overridden) {
    if (event_count > EVENTS_MAX) {
        return OTR_ERR_LIMIT;
    }
    if (!reserve_for_events(m, event_count)) {
        return OTR_ERR_MEMORY;
    }
    m->events = events;
    m->event_count = (uint32_t)event_count;
    m->region_count = (uint32_t)event_count;
    m->free_region = OTR_NONE;
    m->path_count = 0;
    m->stamp = 0;
    m->batch_count = batch_count;
    for (uint32_t event = (uint32_t)batch_count; event < event_count; event++) {
        place_region(m, event);
        m->regions[event].shell = OTR_NONE;
    }
    for (uint32_t event = 0; event < batch_count; event++) {
        if (event + OTR_EVENTS_AHEAD < batch_count) {
            otr_prefetch(&m->sites[events[event + OTR_EVENTS_AHEAD]]);
        }
        place_site(m, event);
        m->batch[event] = event;
        if (overridden) {
            place_region(m, event);
        }
    }
    otr_matcher_start_batch(m, overridden);
    return OTR_OK;
}

void otr_matcher_start_batch(otr_matcher *m, bool overridden) {
    size_t root_count = 0;
    m->now = 0;
    m->failure = OTR_OK;
    otr_greedy_start(m, overridden);
    for (size_t i = 0; i < m->batch_count; i++) {
        const uint32_t event = m->batch[i];
        if (!overridden) {
            place_region(m, event);
        }
        if (m->failure == OTR_OK && take_start(m, event)) {
            m->batch[root_count++] = event;
        }
    }
    m->tree_count = (uint32_t)root_count;
    for (size_t i = 0; i < root_count; i++) {
        otr_flood_schedule(m, m->events[m->batch[i]]);
    }
}

otr_status otr_matcher_finish_batch(otr_matcher *m) {
    otr_flood_run(m);
    clear_queue(m);
    return m->failure;
}

void otr_matcher_place(otr_matcher *m, uint32_t event) {
    place_site(m, event);
    place_region(m, event);
}

void otr_matcher_free_blossom(otr_matcher *m, uint32_t blossom) {
    otr_region *const region = &m->regions[blossom];
    region->base = 0;
    region->slope = 0;
    region->match = OTR_NONE;
    region->first_part = OTR_NONE;
    region->cycle_next = m->free_region;
    m->free_region = blossom;
}

static void fill_nodes(otr_matcher *m) {
    const otr_graph *const graph = m->graph;
    uint32_t edge = 0;
    for (uint32_t node = 0; node < graph->node_count; node++) {
        const uint32_t end = graph->arc_begin[node + 1];
        uint32_t forward = graph->arc_begin[node];
        while (forward < end && graph->arc_head[forward] < node) {
            forward++;
        }
        m->nodes[node].begin = graph->arc_begin[node];
        m->nodes[node].forward = forward;
        m->nodes[node].nearest = find_nearest(m, node);
        m->nodes[node].first_edge = edge;
        fill_ahead(graph, node, end, &m->nodes[node]);
        edge += end - forward + (graph->boundary_edge[node] != OTR_NONE);
    }
    m->nodes[graph->node_count].begin = graph->arc_count;
}

/* The smallest weight at a node; 0 for one without edges. */
static uint32_t find_nearest(const otr_matcher *m, uint32_t node) {
    uint32_t nearest = otr_boundary_weight(m->weights, node);
    for (uint32_t arc = m->graph->arc_begin[node]; arc < m->graph->arc_begin[node + 1]; arc++) {
        nearest = m->arcs[arc].weight < nearest ? m->arcs[arc].weight : nearest;
    }
    return nearest != OTR_WEIGHT_NONE ? nearest : 0;
}

static void fill_ahead(const otr_graph *graph, uint32_t node, uint32_t end, otr_node *record) {
    record->ahead_count =
        end - record->forward <= OTR_AHEAD_MAX ? (uint16_t)(end - record->forward) : OTR_AHEAD_MANY;
    for (uint32_t i = 0; i < OTR_AHEAD_MAX; i++) {
        const uint32_t arc = record->forward + i;
        const uint32_t distance = arc < end ? graph->arc_head[arc] - node : 0;
        record->ahead[i] = (uint16_t)distance;
        if (distance > UINT16_MAX) {
            record->ahead_count = OTR_AHEAD_MANY;
        }
    }
}

/* Everything whose size follows from the number of events. A blossom has at least three parts, so there are
 * fewer live blossoms than half the events. */
static bool reserve_for_events(otr_matcher *m, size_t event_count) {
    const size_t regions = event_count + event_count / 2 + 1;
    return otr_array_reserve((void **)&m->regions, &m->region_capacity, regions, sizeof *m->regions) &&
           otr_array_reserve((void **)&m->stack, &m->stack_capacity, regions, sizeof *m->stack) &&
           otr_array_reserve((void **)&m->batch, &m->batch_capacity, event_count, sizeof *m->batch) &&
           otr_array_reserve((void **)&m->starts, &m->start_capacity, event_count, sizeof *m->starts);
}

static void place_site(otr_matcher *m, uint32_t event) {
    const uint32_t node = m->events[event];
    otr_site *const site = &m->sites[node];
    site->top = event;
    site->offset = 0;
    site->event = event;
    site->arc = OTR_NONE;
    site->below = OTR_NONE;
    otr_occupy(m, node);
}

static void place_region(otr_matcher *m, uint32_t event) {
    otr_region *const region = &m->regions[event];
    region->base = 0;
    region->slope = 0;
    region->shell = m->events[event];
    region->blossom = OTR_NONE;
    region->first_part = OTR_NONE;
    region->match = OTR_NONE;
    region->outer = OTR_NONE;
    region->inner = OTR_NONE;
    region->parent = OTR_NONE;
    region->first_child = OTR_NONE;
    region->stamp = 0;
}

/* Takes an event over from the greedy start: matched and frozen, or the root of a tree. Returns whether it is
 * a root. */
static bool take_start(otr_matcher *m, uint32_t event) {
    const otr_start *const start = &m->starts[event];
    const otr_link link = {event, start->partner, OTR_PATH_SINGLE | start->edge};
    otr_region *const region = &m->regions[event];
    region->base = start->radius;
    if (start->partner != OTR_NONE) {
        region->match = start->partner;
        region->match_link = link;
        return false;
    }
    region->slope = 1;
    region->outer = event;
    return true;
}

static void clear_queue(otr_matcher *m) {
    for (size_t i = 0; i < m->queue.count; i++) {
        const uint32_t id = (uint32_t)m->queue.keys[i];
        if (id < m->node_count) {
            m->sites[id].queued = 0;
        }
    }
    m->queue.count = 0;
    m->deferred_first = m->deferred_count = 0;
}
