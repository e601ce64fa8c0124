/* Starting, restarting and forgetting a matching problem.
 *
 * Greedy start. Any radii that overlap nowhere are a feasible dual solution, so the search need not start
 * from zero. An event's radius stays within its shortest edge; then its region holds no other node, and two
 * regions can only touch over an edge between their events. So a scan of each event's own edges gives radii
 * that cannot be raised further, and matches the events whose regions touch. At low error rates this settles
 * most events; only the rest grow. */
#include "match/matcher_state.h"

#include <stdlib.h>
#include <string.h>

/* Largest number of events of one shot: regions and nodes share the 32-bit ids of the queue. */
#define EVENTS_MAX ((size_t)1 << 28)

otr_status otr_matcher_create(otr_matcher **out, const otr_weights *weights, const otr_kernels *kernels) {
    const uint32_t node_count = weights->graph->node_count;
    otr_matcher *const m = otr_array_zeroed(1, sizeof *m);
    if (m == NULL) {
        return OTR_ERR_MEMORY;
    }
    m->weights = weights;
    m->graph = weights->graph;
    m->arcs = weights->arcs;
    m->arc_begin = weights->graph->arc_begin;
    m->kernels = kernels;
    m->node_count = node_count;
    m->free_region = OTR_NONE;
    m->sites = otr_array_zeroed(node_count, sizeof *m->sites);
    m->occupied = otr_array_zeroed((size_t)node_count / 64 + 1, sizeof *m->occupied);
    m->forward = otr_array_new(node_count, sizeof *m->forward);
    if (m->sites == NULL || m->occupied == NULL || m->forward == NULL) {
        otr_matcher_destroy(m);
        return OTR_ERR_MEMORY;
    }
    for (uint32_t node = 0; node < node_count; node++) {
        uint32_t arc = m->arc_begin[node];
        while (arc < m->arc_begin[node + 1] && m->arcs[arc].head < node) {
            arc++;
        }
        m->forward[node] = arc;
    }
    *out = m;
    return OTR_OK;
}

void otr_matcher_destroy(otr_matcher *m) {
    if (m == NULL) {
        return;
    }
    free(m->forward);
    free(m->sites);
    free(m->occupied);
    free(m->regions);
    free(m->queue.keys);
    free(m->paths);
    free(m->stack);
    free(m->batch);
    free(m->contacts);
    free(m->tight);
    free(m->first_contact);
    free(m->edges);
    free(m->pairs);
    free(m);
}

size_t otr_matcher_bytes(const otr_matcher *m) {
    return sizeof *m + m->node_count * (sizeof *m->sites + sizeof *m->forward) +
           ((size_t)m->node_count / 64 + 1) * sizeof *m->occupied + m->region_capacity * sizeof *m->regions +
           m->queue.capacity * sizeof *m->queue.keys + m->path_capacity * sizeof *m->paths +
           m->stack_capacity * sizeof *m->stack + m->batch_capacity * sizeof *m->batch +
           m->contact_capacity * sizeof *m->contacts + m->first_contact_capacity * sizeof *m->first_contact +
           m->edge_capacity * sizeof *m->edges + m->tight_capacity * sizeof *m->tight +
           m->pair_capacity * sizeof *m->pairs;
}

/* Everything whose size follows from the number of events. A blossom has at least three parts, so there are
 * fewer live blossoms than half the events. */
static int reserve_for_events(otr_matcher *m, size_t event_count) {
    const size_t regions = event_count + event_count / 2 + 1;
    return otr_array_reserve((void **)&m->regions, &m->region_capacity, regions, sizeof *m->regions) &&
           otr_array_reserve((void **)&m->stack, &m->stack_capacity, regions, sizeof *m->stack) &&
           otr_array_reserve((void **)&m->batch, &m->batch_capacity, event_count, sizeof *m->batch) &&
           otr_array_reserve((void **)&m->first_contact, &m->first_contact_capacity, event_count,
                             sizeof *m->first_contact);
}

void otr_matcher_place(otr_matcher *m, uint32_t event) {
    const uint32_t node = m->events[event];
    otr_site *const site = &m->sites[node];
    otr_region *const region = &m->regions[event];
    site->top = event;
    site->offset = 0;
    site->event = event;
    site->arc = OTR_NONE;
    site->below = OTR_NONE;
    otr_occupy(m, node);
    region->base = 0;
    region->slope = 0;
    region->shell = node;
    region->blossom = OTR_NONE;
    region->first_child = OTR_NONE;
    region->match = OTR_NONE;
    region->outer = OTR_NONE;
    region->inner = OTR_NONE;
    region->parent = OTR_NONE;
    region->first_kid = OTR_NONE;
    region->mark = 0;
}

static void add_contact(otr_matcher *m, uint32_t event, uint32_t other, uint32_t arc) {
    const uint32_t weight = m->arcs[arc].weight;
    const uint32_t number = (uint32_t)m->contact_count;
    const otr_contact contact = {
        {event, other}, weight, arc, {m->first_contact[event], m->first_contact[other]}};
    if (!OTR_ARRAY_GROW(m->contacts, m->contact_count, m->contact_capacity)) {
        m->failure = OTR_ERR_MEMORY;
        return;
    }
    m->contacts[m->contact_count++] = contact;
    m->first_contact[event] = number;
    m->first_contact[other] = number;
    if (weight / 2 < m->regions[event].base) {
        m->regions[event].base = weight / 2;
    }
    if (weight / 2 < m->regions[other].base) {
        m->regions[other].base = weight / 2;
    }
}

/* Looks at the arcs from `first` on of an event's node: notes contacts with higher events that are being
 * started too, and limits both radii to half way. Returns how far the radius may go apart from contacts:
 * `room`, but not beyond the shortest edge looked at nor into the regions that stand around. */
static uint32_t note_contacts(otr_matcher *m, uint32_t event, uint32_t first, uint32_t room) {
    const uint32_t node = m->events[event];
    const uint32_t end = m->arc_begin[node + 1];
    for (; first < end; first += OTR_SCAN_ARCS) {
        uint32_t least, least_arc;
        uint64_t occupied = otr_scan(m, first, end, &least, &least_arc);
        room = least < room ? least : room;
        for (; occupied != 0; occupied &= occupied - 1) {
            const uint32_t a = first + otr_ctz64(occupied);
            const otr_arc arc = m->arcs[a];
            const otr_site *const site = &m->sites[arc.head];
            if (m->regions[site->top].match != OTR_NONE) {
                const uint32_t limit = arc.weight - otr_reach(m, site);
                room = limit < room ? limit : room;
            } else if (arc.head > node) {
                add_contact(m, event, site->event, a);
            }
        }
    }
    return room & ~1u;
}

static void match_at_start(otr_matcher *m, uint32_t event, uint32_t other, uint32_t edge) {
    const otr_link link = {event, other, OTR_PATH_SINGLE | edge};
    m->regions[event].match = other;
    m->regions[event].match_link = link;
    if (other != OTR_MATCH_BOUNDARY) {
        m->regions[other].match = event;
        m->regions[other].match_link = otr_reversed(link);
    }
}

/* The next contact of `event` after `contact`, and the event on its other side. */
static uint32_t next_contact(const otr_contact *contact, uint32_t event) {
    return contact->next[contact->event[1] == event];
}

static uint32_t other_event(const otr_contact *contact, uint32_t event) {
    return contact->event[0] ^ contact->event[1] ^ event;
}

/* Raises the radius of an event, up to `room`, until it touches something, and matches it to what it touches
 * if that is free. */
static void raise_radius(otr_matcher *m, uint32_t event, uint32_t room) {
    otr_region *const region = &m->regions[event];
    const otr_contact *contact;
    int64_t radius = room;
    for (uint32_t c = m->first_contact[event]; c != OTR_NONE; c = next_contact(contact, event)) {
        int64_t limit;
        contact = &m->contacts[c];
        limit = contact->weight - m->regions[other_event(contact, event)].base;
        radius = limit < radius ? limit : radius;
    }
    region->base = radius;
    if (region->match != OTR_NONE) {
        return;
    }
    for (uint32_t c = m->first_contact[event]; c != OTR_NONE; c = next_contact(contact, event)) {
        uint32_t other;
        contact = &m->contacts[c];
        other = other_event(contact, event);
        if (m->regions[other].match == OTR_NONE && radius + m->regions[other].base == contact->weight) {
            match_at_start(m, event, other, m->graph->arc_edge[contact->arc]);
            return;
        }
    }
    if (radius == otr_boundary_weight(m->weights, m->events[event])) {
        match_at_start(m, event, OTR_MATCH_BOUNDARY, m->graph->boundary_edge[m->events[event]]);
    }
}

/* In a fresh problem with the graph's own weights (`plain`), each node's shortest edge is known, and it is
 * enough to see a contact from its lower event. */
static void greedy_start(otr_matcher *m, int plain) {
    uint32_t *const room = m->stack;
    m->contact_count = 0;
    for (size_t i = 0; i < m->batch_count; i++) {
        m->first_contact[m->batch[i]] = OTR_NONE;
        m->regions[m->batch[i]].base = INT64_MAX;
    }
    for (size_t i = 0; i < m->batch_count; i++) {
        const uint32_t node = m->events[m->batch[i]];
        const uint32_t first = plain ? m->forward[node] : m->arc_begin[node];
        const uint32_t limit = plain ? m->graph->nearest[node] : otr_boundary_weight(m->weights, node);
        room[i] = note_contacts(m, m->batch[i], first, limit);
    }
    for (size_t i = 0; i < m->batch_count; i++) {
        otr_region *const region = &m->regions[m->batch[i]];
        region->base = (region->base < room[i] ? region->base : room[i]) & ~(int64_t)1;
    }
    for (size_t i = 0; i < m->batch_count && m->failure == OTR_OK; i++) {
        raise_radius(m, m->batch[i], room[i]);
    }
}

static void clear_queue(otr_matcher *m) {
    for (size_t i = 0; i < m->queue.count; i++) {
        const uint32_t id = (uint32_t)m->queue.keys[i];
        if (id < m->node_count) {
            m->sites[id].queued = 0;
        }
    }
    m->queue.count = 0;
}

otr_status otr_matcher_run_batch(otr_matcher *m, int plain) {
    size_t root_count = 0;
    m->now = 0;
    m->failure = OTR_OK;
    greedy_start(m, plain);
    for (size_t i = 0; i < m->batch_count; i++) {
        otr_region *const region = &m->regions[m->batch[i]];
        if (region->match == OTR_NONE) {
            region->slope = 1;
            region->outer = m->batch[i];
            m->batch[root_count++] = m->batch[i];
        }
    }
    m->tree_count = (uint32_t)root_count;
    for (size_t i = 0; i < root_count; i++) {
        otr_flood_look(m, m->events[m->batch[i]]);
    }
    otr_flood_run(m);
    clear_queue(m);
    return m->failure;
}

otr_status otr_matcher_solve(otr_matcher *m, const uint32_t *events, size_t event_count, int overridden) {
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
    m->mark = 0;
    m->batch_count = event_count;
    for (uint32_t event = 0; event < event_count; event++) {
        otr_matcher_place(m, event);
        m->batch[event] = event;
    }
    return otr_matcher_run_batch(m, !overridden);
}

int64_t otr_matcher_weight(const otr_matcher *m) {
    int64_t weight = 0;
    for (uint32_t top = 0; top < m->region_count; top++) {
        weight += otr_radius(m, &m->regions[top]);
    }
    return weight;
}

void otr_matcher_reset(otr_matcher *m) {
    for (uint32_t region = 0; region < m->region_count; region++) {
        for (uint32_t node = m->regions[region].shell; node != OTR_NONE; node = m->sites[node].below) {
            otr_vacate(m, node);
        }
    }
    m->region_count = 0;
    m->event_count = 0;
    m->events = NULL;
}
