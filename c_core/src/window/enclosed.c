/* Union-find over the detectors of a window, then over those around it. */
#include "window/enclosed.h"

#include <stdlib.h>

#include "common/array.h"

/* What is found out about the part of a root. */
typedef struct part {
    bool is_open, has_cell, is_split; /* split: its last two deciders have the same rank */
    uint64_t rank;                    /* of its last decider, plus 1; 0 without one */
    otr_place decider;
} part;

static otr_status label_parts(const otr_graph *graph, const uint32_t *layers, const uint32_t *rows,
                              uint32_t **label, uint8_t **has_boundary);
static bool is_seen(uint8_t role);
static uint32_t find(uint32_t *parents, uint32_t node);
static void join(uint32_t *parents, uint32_t a, uint32_t b);
static void look_around(const otr_timeline *timeline, const otr_surroundings *around, uint32_t node,
                        part *own);
static uint32_t pick(const otr_surroundings *around, const otr_enclosure_rule *rule, uint32_t *parents,
                     const part *parts, uint8_t *marked);

otr_status otr_all_reach_boundary(const otr_timeline *timeline, const uint32_t *rows, bool *out) {
    uint32_t *label;
    uint8_t *has_boundary;
    const otr_status status = label_parts(timeline->graph, timeline->layers, rows, &label, &has_boundary);
    *out = true;
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t node = 0; node < timeline->graph->node_count; node++) {
        *out &= has_boundary[label[node]] != 0;
    }
    free(label);
    free(has_boundary);
    return OTR_OK;
}

otr_status otr_connected_parts(const otr_graph *graph, uint32_t **label, uint8_t **has_boundary) {
    return label_parts(graph, NULL, NULL, label, has_boundary);
}

otr_status otr_find_enclosed(const otr_timeline *timeline, const otr_surroundings *around,
                             const otr_enclosure_rule *rule, uint32_t *out) {
    const otr_graph *const graph = timeline->graph;
    const uint32_t count = around->end - around->first;
    uint32_t *const parents = otr_array_new(count, sizeof *parents);
    part *const parts = otr_array_zeroed(count, sizeof *parts);
    uint8_t *const marked = otr_array_zeroed(count, 1);
    const bool is_enough = parents != NULL && parts != NULL && marked != NULL;
    for (uint32_t i = 0; is_enough && i < count; i++) {
        parents[i] = i;
    }
    for (uint32_t i = 0; is_enough && i < count; i++) {
        const uint32_t node = around->first + i;
        for (uint32_t arc = graph->arc_begin[node];
             is_seen(around->roles[i]) && arc < graph->arc_begin[node + 1]; arc++) {
            const uint32_t other = graph->arc_head[arc] - around->first;
            if (other < count && is_seen(around->roles[other])) {
                join(parents, i, other);
            }
        }
    }
    for (uint32_t i = 0; is_enough && i < count; i++) {
        if (is_seen(around->roles[i])) {
            look_around(timeline, around, around->first + i, &parts[find(parents, i)]);
        }
    }
    *out = is_enough ? pick(around, rule, parents, parts, marked) : OTR_NONE;
    free(parents);
    free(parts);
    free(marked);
    return is_enough ? OTR_OK : OTR_ERR_MEMORY;
}

/* The connected parts of a graph, of which an edge joins two detectors only if they are in the same layer and
 * the same row, where these are given. OTR_ERR_MEMORY. */
static otr_status label_parts(const otr_graph *graph, const uint32_t *layers, const uint32_t *rows,
                              uint32_t **label, uint8_t **has_boundary) {
    uint32_t *const parents = otr_array_new(graph->node_count, sizeof *parents);
    uint8_t *const reaches = otr_array_zeroed(graph->node_count, 1);
    if (parents == NULL || reaches == NULL) {
        free(parents);
        free(reaches);
        return OTR_ERR_MEMORY;
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        parents[node] = node;
    }
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const uint32_t node1 = graph->edge_node1[edge];
        const uint32_t node2 = graph->edge_node2[edge];
        if (node2 != OTR_BOUNDARY && (layers == NULL || layers[node1] == layers[node2]) &&
            (rows == NULL || rows[node1] == rows[node2])) {
            join(parents, node1, node2);
        }
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        parents[node] = find(parents, node);
        reaches[parents[node]] |= graph->boundary_edge[node] != OTR_NONE;
    }
    *label = parents;
    *has_boundary = reaches;
    return OTR_OK;
}

static bool is_seen(uint8_t role) {
    return role == OTR_WINDOW_CELL || role == OTR_WINDOW_BUFFER;
}

static uint32_t find(uint32_t *parents, uint32_t node) {
    while (parents[node] != node) {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    return node;
}

/* The lower number is the root. */
static void join(uint32_t *parents, uint32_t a, uint32_t b) {
    a = find(parents, a);
    b = find(parents, b);
    parents[a > b ? a : b] = a > b ? b : a;
}

static void look_around(const otr_timeline *timeline, const otr_surroundings *around, uint32_t node,
                        part *own) {
    const otr_graph *const graph = timeline->graph;
    own->has_cell |= around->roles[node - around->first] == OTR_WINDOW_CELL;
    own->is_open |= graph->boundary_edge[node] != OTR_NONE;
    for (uint32_t arc = graph->arc_begin[node]; arc < graph->arc_begin[node + 1]; arc++) {
        const uint32_t other = graph->arc_head[arc] - around->first;
        if (other >= around->end - around->first || around->roles[other] == OTR_WINDOW_OUTSIDE) {
            own->is_open = true;
        } else if (around->roles[other] == OTR_WINDOW_CLOSED) {
            const otr_place decider = around->cells[other];
            const uint64_t rank = around->ranks[other] + 1;
            const bool is_other = decider.row != own->decider.row || decider.index != own->decider.index;
            own->is_split = rank == own->rank ? own->is_split || is_other : rank < own->rank && own->is_split;
            if (rank > own->rank) {
                own->rank = rank;
                own->decider = decider;
            }
        }
    }
}

/* A detector of the first part that is enclosed and not saved by the rule. */
static uint32_t pick(const otr_surroundings *around, const otr_enclosure_rule *rule, uint32_t *parents,
                     const part *parts, uint8_t *marked) {
    const uint32_t count = around->end - around->first;
    for (uint32_t root = 0; root < count; root++) {
        const part *const own = &parts[root];
        bool is_whole = !own->is_split;
        if (!is_seen(around->roles[root]) || find(parents, root) != root || own->is_open || !own->has_cell ||
            own->rank == 0) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            marked[i] = is_seen(around->roles[i]) && find(parents, i) == root;
            is_whole =
                is_whole && (marked[i] == 0 || rule->sees(rule->context, own->decider, around->first + i));
        }
        if (!is_whole && !rule->is_rest(rule->context, around->first + root, marked)) {
            return around->first + root;
        }
    }
    return OTR_NONE;
}
