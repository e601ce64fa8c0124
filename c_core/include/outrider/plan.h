/* Plans: how a history of rounds, however long, is cut into cells.
 *
 * Detectors lie in layers, one a round (see rounds.h). A plan cuts the layers into cells, over and over:
 * cells of `cell_layers` layers, and between them, unless `spacing` is 0, cells of `spacing` layers that are
 * decided after both of their neighbours. Without a spacing each cell is decided after the one before it. A
 * wide patch can be cut in space too, into rows of `width` sites, as a chessboard or, with odd rows shifted
 * by half a cell, as bricks. Without a spacing cells of all rows are then decided in the order of their first
 * layers, of those that begin together the ones of even rows first; with a spacing they have four colours.
 *
 *     spacing = 0                   forward, a cell waits for the one before: a chain
 *     cell_layers = spacing = d     parallel, work for two workers at least (arXiv:2209.08552: spacing 3d)
 *     spacing = 1                   sandwich (arXiv:2209.09219)
 *     width > 0                     cells in space and time (arXiv:2303.04846)
 *
 * A cell must not be enclosed: one that decided cells surround and that reaches no boundary may be left with
 * an odd number of events, and its window then has no perfect matching. In patches whose layers reach a
 * boundary in space no cell is, without rows. Others, such as a torus, a stability experiment or one basis of
 * a patch, and rows that are cut off from the boundary, are looked at when the plan is made, window by
 * window. If the order above would enclose a cell, cells of the same shape are decided one after the other
 * instead, row by row (otr_plan_is_sequential): then something next to a cell is always still to be decided,
 * up to the last one, which gets what is left of the history. So they do not run in parallel, but every shot
 * is decided. Only a part of a history that reaches a boundary in time at its beginning and none at its end
 * cannot be cut at all.
 *
 * In Stim's rotated memories rows reach a boundary along axis x in basis Z and along axis y in basis X, for
 * the detectors of the memory's basis; they run along the short way of a logical error then, and `buffer`
 * needs its length only.
 *
 * A plan is made from the model of one history, the reference. If its layers repeat, all but some first and
 * last ones, of which only the very last may have other detectors, the plan serves histories of any length,
 * with the last layer unknown until it comes: a window in the bulk is a window of the reference, shifted, so
 * windows are made once and used for ever. */
#ifndef OUTRIDER_PLAN_H
#define OUTRIDER_PLAN_H

#include "outrider/window.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Layers of a cell, of a buffer and of the context; sites of a row. */
#define OTR_PLAN_LAYERS_MAX 0x1000u
/* Rows that a patch is cut into. */
#define OTR_PLAN_ROWS_MAX 256
/* Layers after which a reference may repeat itself. */
#define OTR_PLAN_PERIOD_MAX 8
/* Layers of a history. */
#define OTR_PLAN_HISTORY_MAX 0x1000000000000u

typedef enum otr_plan_layout {
    OTR_PLAN_CHESSBOARD = 0, /* cells of all rows begin at the same layers */
    OTR_PLAN_BRICK = 1       /* odd rows are shifted by half a cell; `spacing` must be 0 */
} otr_plan_layout;

typedef struct otr_plan_options {
    uint32_t cell_layers;   /* layers of a cell, at least 1; of bricks at least 2 */
    uint32_t spacing;       /* layers of the cells between them, 0 for none */
    uint32_t buffer;        /* layers, and sites, that a window sees around its cell. d loses nothing
                               measurable; less than the edges are long is allowed and bad */
    uint32_t width;         /* sites of a row of cells, 0 to leave the patch whole; at least 2 otherwise */
    uint32_t axis;          /* coordinate, of those beside time, that rows follow one another along: 0 or 1 */
    double pitch;           /* coordinate units of a site along that axis, above 0; 2 in Stim's circuits */
    otr_plan_layout layout; /* without width it does not matter */
    uint32_t context;       /* layers around a window that its pre-decoder looks at (its reach in rounds) */
} otr_plan_options;

/* Parallel windows for distance d: cell_layers, spacing and buffer d, not cut in space, no context. */
OTR_API otr_plan_options otr_plan_options_default(uint32_t distance);

typedef struct otr_plan otr_plan;

/* A plan over `graph`, the matching graph of `model`, which tells the coordinates; the graph is borrowed, the
 * model is not needed afterwards. The ranks are checked against every edge of the graph.
 * OTR_ERR_FORMAT: no rounds (see otr_model_rounds), or rounds that do not ascend with the detectors' numbers
 * (otr_model_in_rounds numbers them so). OTR_ERR_ARGUMENT: options out of range, an edge between cells of the
 * same rank
 * (*error names both detectors), a
 * part of the history that windows cannot decide. OTR_ERR_LIMIT, OTR_ERR_MEMORY. Immutable; threads may share
 * it. */
OTR_API otr_status otr_plan_create(otr_plan **out, const otr_graph *graph, const otr_model *model,
                                   const otr_plan_options *options, otr_error *error);
OTR_API void otr_plan_destroy(otr_plan *plan);

OTR_API const otr_graph *otr_plan_graph(const otr_plan *plan);
/* Layers of the reference. */
OTR_API uint32_t otr_plan_layer_count(const otr_plan *plan);
/* Rows that the patch is cut into. */
OTR_API uint32_t otr_plan_row_count(const otr_plan *plan);
/* Layers after which the pattern of cells repeats. */
OTR_API uint32_t otr_plan_stride(const otr_plan *plan);
/* Whether each cell waits for the one before: without a spacing and rows, and where any other order would
 * enclose cells. */
OTR_API bool otr_plan_is_sequential(const otr_plan *plan);
/* Layers after which the reference repeats itself, 0 if it does not. */
OTR_API uint32_t otr_plan_period(const otr_plan *plan);
/* The shortest history, in layers, from which on the plan serves every length that differs from the
 * reference's by a multiple of the period; 0 if it serves the reference's length alone. A longer reference
 * does not lower it. */
OTR_API uint64_t otr_plan_layers_min(const otr_plan *plan);
/* OTR_OK if the plan serves histories of this many layers, OTR_ERR_ARGUMENT otherwise. */
OTR_API otr_status otr_plan_check_length(const otr_plan *plan, uint64_t layer_count, otr_error *error);

/* Detectors of a layer of a history of `layer_count` layers; layer_count 0 for a layer that is not among the
 * last ones, or of which that is not known yet. */
OTR_API uint32_t otr_plan_layer_detectors(const otr_plan *plan, uint64_t layer, uint64_t layer_count);
/* Marks (see window.h) that commits can leave in a layer; layer_count as above. */
OTR_API uint32_t otr_plan_layer_marks(const otr_plan *plan, uint64_t layer, uint64_t layer_count);
/* The same while it is not known whether the layer is among the last ones: the most that there can be. */
OTR_API uint32_t otr_plan_layer_marks_max(const otr_plan *plan, uint64_t layer);

/* What windows that are alike have in common: two cells of the same shape have the same window. Layers are
 * the reference's. */
typedef struct otr_cell_shape {
    uint32_t row;
    uint32_t phase; /* layers by which the pattern of cells is ahead of the reference's first layer */
    uint32_t first_layer, end_layer;   /* of the cell */
    uint32_t window_first, window_end; /* of what it sees */
} otr_cell_shape;

/* One cell of a history. Ranges of layers contain their first and end before their end. */
typedef struct otr_cell {
    uint64_t number; /* counts cells in time, and rows within: time index * rows + row */
    uint64_t first_layer, end_layer;
    uint64_t window_first, window_end; /* layers of the window */
    uint64_t events_first, events_end; /* layers whose raw events it needs */
    uint64_t marks_first, marks_end;   /* layers in which the marks of lower ranks may concern it */
    uint64_t ready_layers;             /* it can be decided once so many layers are there, or all */
    int64_t shift; /* a layer of the history is this much more than that of the reference */
    bool is_empty; /* it has no detectors: there is nothing to decide, and no window */
    otr_cell_shape shape;
} otr_cell;

/* The cell of that number. layer_count is the history's, or 0 while its end is not known. OTR_ERR_INDEX: the
 * history ends before the cell. OTR_ERR_ARGUMENT: a layer_count that the plan does not serve. While the end
 * is not known a cell is only preliminary until ready_layers are there; from then on it is final. */
OTR_API otr_status otr_plan_cell(const otr_plan *plan, uint64_t number, uint64_t layer_count, otr_cell *out);

/* Cells of a history of that many layers are those with numbers below this. Bricks of some rows end before
 * those of others: cells that a row does not have any more are empty. */
OTR_API uint64_t otr_plan_cell_count(const otr_plan *plan, uint64_t layer_count);

/* The cells of lower rank that touch the window of a cell: their marks concern it. Fills in their
 * numbers, ascending. OTR_ERR_LIMIT if capacity is too small; *count is then what it takes. Other
 * statuses as for otr_plan_cell. */
OTR_API otr_status otr_plan_dependencies(const otr_plan *plan, uint64_t number, uint64_t layer_count,
                                         uint64_t *numbers, size_t capacity, size_t *count);
/* Dependencies that a cell of the plan has at the most. */
OTR_API size_t otr_plan_dependencies_max(const otr_plan *plan);

/* The window of a cell's shape; see otr_window_create. It borrows the plan's graph. OTR_ERR_ARGUMENT for a
 * shape that no cell of the plan has, or that of an empty cell. */
OTR_API otr_status otr_plan_window(otr_window **out, const otr_plan *plan, const otr_cell_shape *shape,
                                   otr_error *error);

/* A mark of the reference, so also a detector, as (layer, index in the layer), and back. A layer's detectors
 * come first. They are followed, if the graph has correlations, by the edges whose later end is in the layer:
 * detector by detector, those to earlier detectors ascending, then the one to the boundary. OTR_ERR_INDEX. */
OTR_API otr_status otr_plan_place(const otr_plan *plan, uint32_t mark, uint32_t *layer, uint32_t *index);
OTR_API otr_status otr_plan_mark(const otr_plan *plan, uint32_t layer, uint32_t index, uint32_t *mark);

#ifdef __cplusplus
}
#endif
#endif
