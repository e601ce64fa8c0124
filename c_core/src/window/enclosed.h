/* Cells that decided ones enclose. The part of a window that a cell must explain may have no boundary, of the
 * patch or of time, and no detectors that are still to be decided; then it can be explained only if the
 * decisions around it agree on the parity of its events. They do if the last of them saw all of it, or if
 * nothing else is left. */
#ifndef OTR_ENCLOSED_H
#define OTR_ENCLOSED_H

#include "outrider/window.h"
#include "window/timeline.h"

/* A cell by its place: row, and index in time. */
typedef struct otr_place {
    uint32_t row;
    uint64_t index;
} otr_place;

/* Detectors that may concern a window, and what they are to it. */
typedef struct otr_surroundings {
    uint32_t first, end;    /* detectors first .. end - 1 */
    const uint8_t *roles;   /* an otr_window_role for each */
    const otr_place *cells; /* the cell of each */
    const uint64_t *ranks;  /* and its rank */
} otr_surroundings;

/* What the plan answers about a part that is enclosed. */
typedef struct otr_enclosure_rule {
    const void *context;
    /* Whether the window of a decided cell has a detector. */
    bool (*sees)(const void *context, otr_place cell, uint32_t detector);
    /* Whether everything that is connected with this detector, and is not marked in `part` (one byte for each
     * of the surroundings), was decided before, and reaches no boundary. */
    bool (*is_rest)(const void *context, uint32_t detector, const uint8_t *part);
} otr_enclosure_rule;

/* Whether each part of a layer and row reaches a boundary by itself; no cell is ever enclosed then. `rows`
 * has the row of each detector. OTR_ERR_MEMORY. */
otr_status otr_all_reach_boundary(const otr_timeline *timeline, const uint32_t *rows, bool *out);

/* *out: a detector of the cell in a part that the decisions around it may leave with an odd number of events;
 * OTR_NONE without one. OTR_ERR_MEMORY. */
otr_status otr_find_enclosed(const otr_timeline *timeline, const otr_surroundings *around,
                             const otr_enclosure_rule *rule, uint32_t *out);

/* The connected parts of the graph: (*label)[detector] is the same for two of one part, and
 * has_boundary[label] is whether an edge of the part leads to the boundary. Both arrays, one entry for each
 * detector, are the caller's to free. OTR_ERR_MEMORY. */
otr_status otr_connected_parts(const otr_graph *graph, uint32_t **label, uint8_t **has_boundary);

#endif
