/* Reading the solution out: matched pairs and the edges of their paths.
 *
 * An outermost region is matched as a whole along a link that ends at one of its events. Inside a blossom,
 * the part that holds this event takes the link over, and the other parts are matched two by two around the
 * cycle. */
#include "match/matcher_state.h"

#include <string.h>

static inline bool add_pair(otr_matcher *m, otr_link link);
static bool add_edges(otr_matcher *m, uint32_t path);
static bool is_blossom(const otr_matcher *m, uint32_t region);
static bool open_region(otr_matcher *m, uint32_t region, uint32_t event);

otr_status otr_matcher_edges(otr_matcher *m, const uint32_t **edges, size_t *edge_count) {
    m->edge_count = 0;
    m->pair_count = 0;
    if (!otr_array_reserve((void **)&m->pairs, &m->pair_capacity, m->event_count, sizeof *m->pairs)) {
        return OTR_ERR_MEMORY;
    }
    if (m->event_count > 0) {
        memset(m->pairs, 0xFF, m->event_count * sizeof *m->pairs);
    }
    for (uint32_t top = 0; top < m->region_count; top++) {
        const otr_region *const region = &m->regions[top];
        const otr_link link = region->match_link;
        /* Each match is read once: of two regions, at the lower one. */
        if (region->blossom != OTR_NONE || region->match == OTR_NONE || region->match < top) {
            continue;
        }
        if (!add_pair(m, link) || (is_blossom(m, top) && !open_region(m, top, link.from)) ||
            (is_blossom(m, region->match) && !open_region(m, region->match, link.to))) {
            return OTR_ERR_MEMORY;
        }
    }
    m->pair_count = m->event_count;
    *edges = m->edges;
    *edge_count = m->edge_count;
    return OTR_OK;
}

void otr_matcher_pairs(otr_matcher *m, const otr_pair **pairs, size_t *pair_count) {
    size_t kept = 0;
    for (size_t i = 0; i < m->pair_count; i++) {
        m->pairs[kept] = m->pairs[i];
        kept += m->pairs[i].event1 != OTR_NONE;
    }
    m->pair_count = kept;
    *pairs = m->pairs;
    *pair_count = m->pair_count;
}

/* Puts the pair at its lower event. */
static inline bool add_pair(otr_matcher *m, otr_link link) {
    const uint32_t lower = link.from < link.to ? link.from : link.to;
    const uint32_t upper = link.from < link.to ? link.to : link.from;
    const otr_pair pair = {m->events[lower], upper == OTR_MATCH_BOUNDARY ? OTR_BOUNDARY : m->events[upper]};
    m->pairs[lower] = pair;
    return add_edges(m, link.path);
}

static bool add_edges(otr_matcher *m, uint32_t path) {
    const bool is_single = (path & OTR_PATH_SINGLE) != 0;
    const uint32_t length = is_single ? 1 : m->paths[path];
    if (!otr_array_reserve((void **)&m->edges, &m->edge_capacity, m->edge_count + length, sizeof *m->edges)) {
        return false;
    }
    if (is_single) {
        m->edges[m->edge_count++] = path & ~OTR_PATH_SINGLE;
        return true;
    }
    for (uint32_t i = 1; i <= length; i++) {
        m->edges[m->edge_count++] = m->paths[path + i];
    }
    return true;
}

/* Events' own regions come first; the boundary is not a region. */
static bool is_blossom(const otr_matcher *m, uint32_t region) {
    return region >= m->event_count && region != OTR_MATCH_BOUNDARY;
}

/* Opens blossom `region`, whose match ends at `event`, down to single events. */
static bool open_region(otr_matcher *m, uint32_t region, uint32_t event) {
    uint32_t depth = 0;
    m->stack[depth++] = region;
    m->regions[region].exit = event;
    while (depth > 0) {
        const uint32_t blossom = m->stack[--depth];
        uint32_t part = m->regions[blossom].exit;
        uint32_t first;
        while (m->regions[part].blossom != blossom) {
            part = m->regions[part].blossom;
        }
        m->regions[part].exit = m->regions[blossom].exit;
        if (is_blossom(m, part)) {
            m->stack[depth++] = part;
        }
        first = part;
        for (part = m->regions[first].cycle_next; part != first;) {
            const otr_link link = m->regions[part].cycle_link;
            const uint32_t other = m->regions[part].cycle_next;
            if (!add_pair(m, link)) {
                return false;
            }
            m->regions[part].exit = link.from;
            m->regions[other].exit = link.to;
            if (is_blossom(m, part)) {
                m->stack[depth++] = part;
            }
            if (is_blossom(m, other)) {
                m->stack[depth++] = other;
            }
            part = m->regions[other].cycle_next;
        }
    }
    return true;
}
