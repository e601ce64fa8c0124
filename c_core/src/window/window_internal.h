/* The tables of a window, for its builder and its decoder. Immutable once made. */
#ifndef OTR_WINDOW_INTERNAL_H
#define OTR_WINDOW_INTERNAL_H

#include "graph/graph_internal.h"
#include "outrider/window.h"

#include <stdbool.h>

/* From a range of the history's numbers to the window's. */
typedef struct otr_window_map {
    uint32_t first;
    uint32_t count;
    uint32_t *to; /* count numbers, OTR_NONE for what the window does not have */
} otr_window_map;

/* As graphs do, a window has a topology and numbers, and a reweighted one borrows the topology. */
struct otr_window {
    const otr_window *lender; /* NULL if the topology is its own */

    /* Topology. */
    uint32_t *detectors; /* node -> detector of the history */
    otr_window_map nodes;
    otr_window_map edges;
    uint8_t *in_cell; /* one bit a node */
    /* The parts of edge e are parts[part_begin[e]] .. parts[part_begin[e + 1] - 1], ascending. */
    uint32_t *part_begin;
    uint32_t *parts;
    /* Of correlated matching. Edges that lower ranks own have their rules for edges of the window behind
     * those of the window's own edges, as if they were edges of the graph too; `recalled` gives them their
     * numbers. */
    otr_window_map recalled;
    uint32_t *recalled_edges; /* of the history, ascending */
    uint32_t recalled_count;
    uint8_t *part_informs; /* one bit a part: the cell owns it, and it has rules for edges that higher ranks
                              own */
    uint32_t blind_count;
    uint32_t outward_count; /* marks that are defects, at most */

    /* Numbers. Which of its parts an edge stands for follows from them, and with it its observables and its
     * rules. */
    const otr_graph *history;
    otr_graph *graph;
    uint32_t *source; /* edge -> the likeliest of its parts */
    uint8_t *informs; /* one bit an edge: that of its source */
    uint32_t marks_max;

    size_t heap_bytes; /* of its own */
};

/* Whether two windows differ in nothing but numbers. */
static inline bool otr_window_is_alike(const otr_window *a, const otr_window *b) {
    return (a->lender != NULL ? a->lender : a) == (b->lender != NULL ? b->lender : b);
}

/* The window's number for one of the history's, or OTR_NONE. */
static inline uint32_t otr_window_number(const otr_window_map *map, uint32_t history_number) {
    const uint32_t offset = history_number - map->first;
    return history_number >= map->first && offset < map->count ? map->to[offset] : OTR_NONE;
}

#endif
