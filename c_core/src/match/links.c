/* Paths of links: most are one edge, the others are kept in one growing array for the length of a run. */
#include "match/matcher_state.h"

#include <string.h>

static uint32_t steps_to_event(const otr_matcher *m, uint32_t node);
static uint32_t *new_path(otr_matcher *m, uint32_t length, uint32_t *path);
static uint32_t *write_steps(const otr_matcher *m, uint32_t node, uint32_t *out);
static uint32_t path_length(const otr_matcher *m, uint32_t path);
static uint32_t *copy_path(const otr_matcher *m, uint32_t path, uint32_t *out);

uint32_t otr_previous_node(const otr_matcher *m, uint32_t node) {
    const uint32_t edge = m->graph->arc_edge[m->sites[node].arc];
    return m->graph->edge_node1[edge] ^ m->graph->edge_node2[edge] ^ node;
}

otr_link otr_link_over_arc(otr_matcher *m, uint32_t tail, uint32_t arc) {
    const uint32_t head = m->arcs[arc].head;
    const uint32_t edge = m->graph->arc_edge[arc];
    const uint32_t length = steps_to_event(m, tail) + 1 + steps_to_event(m, head);
    otr_link link = {m->sites[tail].event, m->sites[head].event, OTR_PATH_SINGLE | edge};
    if (length > 1) {
        uint32_t *out = new_path(m, length, &link.path);
        if (out != NULL) {
            out = write_steps(m, tail, out);
            *out++ = edge;
            write_steps(m, head, out);
        }
    }
    return link;
}

otr_link otr_link_to_boundary(otr_matcher *m, uint32_t node) {
    const uint32_t edge = otr_boundary_edge(m, node);
    const uint32_t length = steps_to_event(m, node) + 1;
    otr_link link = {m->sites[node].event, OTR_MATCH_BOUNDARY, OTR_PATH_SINGLE | edge};
    if (length > 1) {
        uint32_t *out = new_path(m, length, &link.path);
        if (out != NULL) {
            out = write_steps(m, node, out);
            *out = edge;
        }
    }
    return link;
}

otr_link otr_link_joined(otr_matcher *m, otr_link first, otr_link second) {
    otr_link link = {first.from, second.to, 0};
    uint32_t *out = new_path(m, path_length(m, first.path) + path_length(m, second.path), &link.path);
    if (out != NULL) {
        copy_path(m, second.path, copy_path(m, first.path, out));
    }
    return link;
}

static uint32_t steps_to_event(const otr_matcher *m, uint32_t node) {
    uint32_t steps = 0;
    while (m->sites[node].arc != OTR_NONE) {
        node = otr_previous_node(m, node);
        steps++;
    }
    return steps;
}

/* Room for a path of `length` edges, after its length; NULL when memory is out. */
static uint32_t *new_path(otr_matcher *m, uint32_t length, uint32_t *path) {
    if (m->path_count + length + 1 >= OTR_PATH_SINGLE ||
        !otr_array_reserve((void **)&m->paths, &m->path_capacity, m->path_count + length + 1,
                           sizeof *m->paths)) {
        m->failure = OTR_ERR_MEMORY;
        return NULL;
    }
    *path = (uint32_t)m->path_count;
    m->paths[m->path_count] = length;
    m->path_count += length + 1;
    return m->paths + *path + 1;
}

static uint32_t *write_steps(const otr_matcher *m, uint32_t node, uint32_t *out) {
    while (m->sites[node].arc != OTR_NONE) {
        *out++ = m->graph->arc_edge[m->sites[node].arc];
        node = otr_previous_node(m, node);
    }
    return out;
}

static uint32_t path_length(const otr_matcher *m, uint32_t path) {
    return path & OTR_PATH_SINGLE ? 1 : m->paths[path];
}

static uint32_t *copy_path(const otr_matcher *m, uint32_t path, uint32_t *out) {
    if (path & OTR_PATH_SINGLE) {
        *out = path & ~OTR_PATH_SINGLE;
        return out + 1;
    }
    memcpy(out, m->paths + path + 1, m->paths[path] * sizeof *out);
    return out + m->paths[path];
}
