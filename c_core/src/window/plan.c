/* Plans: arithmetic on layers and rows. Cells of a row follow one another in a pattern that repeats after
 * `stride` layers; ranks are a function of row and place in the pattern (or, without a spacing, in time). A
 * window of a history is found in the reference by a shift: by none near the beginning, by the difference of
 * the lengths near the end, and in the bulk by whatever multiple of the period takes it to the bulk's first
 * layers. */
#include "outrider/plan.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "window/enclosed.h"
#include "window/plan_internal.h"
#include "window/timeline.h"

struct otr_plan {
    otr_plan_options options;
    otr_timeline timeline;
    uint32_t row_count;
    uint32_t stride;     /* layers after which the pattern of cells and ranks repeats */
    uint32_t margin;     /* layers around a window that decide what it is */
    uint32_t tail;       /* layers after the bulk */
    uint32_t tail_marks; /* most marks of one of them */
    uint64_t layers_min; /* 0 without a bulk that is long enough */
    uint8_t *occupied;   /* one a layer of the reference and row: whether it has detectors */
    bool is_sequential;  /* ranks are those of cells one after the other: others would enclose some */
};

static otr_status check_options(const otr_plan_options *options, otr_error *error);
static void measure(otr_plan *plan);
static otr_status occupy(otr_plan *plan, otr_error *error);
static otr_status check_ranks(const otr_plan *plan, otr_error *error);
static otr_status order_cells(otr_plan *plan, otr_error *error);
static uint32_t layer_width(const otr_timeline *timeline, uint32_t layer);
static uint32_t layer_alike(const otr_plan *plan, uint64_t layer, uint64_t layer_count);
static uint32_t layer_marks(const otr_timeline *timeline, uint32_t layer);
static uint32_t larger(uint32_t a, uint32_t b);
static bool shifts(const otr_plan *plan, uint64_t layer_count);
static uint64_t index_at(const otr_plan *plan, uint32_t row, uint64_t layer);
static uint64_t smaller(uint64_t a, uint64_t b);
static uint64_t first_layer_of(const otr_plan *plan, otr_place cell);
static uint64_t end_layer_of(const otr_plan *plan, otr_place cell);
static uint64_t reduced(uint64_t layer, uint64_t by);
static int64_t find_shift(const otr_plan *plan, const otr_cell *cell, uint64_t layer_count);
static uint64_t end_of(const otr_plan *plan, uint64_t layer_count);
static bool is_empty(const otr_plan *plan, const otr_cell_shape *shape);
static uint64_t rank_of(const otr_plan *plan, otr_place cell);
static bool are_near_rows(const otr_plan *plan, uint32_t row, uint32_t other);
static otr_place place_of(const otr_plan *plan, uint32_t detector, uint64_t phase);
static bool is_near_row(const otr_plan *plan, uint32_t row, uint64_t site, uint64_t distance);
static bool is_brick(const otr_plan *plan);
static bool has_decided_past(const otr_plan *plan);
static otr_place own_place(const otr_plan *plan, const otr_cell_shape *shape);
static uint8_t role_of(const otr_plan *plan, const otr_cell_shape *shape, otr_place own, uint32_t detector,
                       otr_place cell);

otr_plan_options otr_plan_options_default(uint32_t distance) {
    return (otr_plan_options){.cell_layers = distance, .spacing = distance, .buffer = distance, .pitch = 2};
}

otr_status otr_plan_create(otr_plan **out, const otr_graph *graph, const otr_model *model,
                           const otr_plan_options *options, otr_error *error) {
    otr_plan *plan;
    otr_status status;
    if (out == NULL || graph == NULL || model == NULL || options == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no graph, model, options or place for the plan");
    }
    status = check_options(options, error);
    if (status != OTR_OK) {
        return status;
    }
    plan = otr_array_zeroed(1, sizeof *plan);
    if (plan == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    plan->options = *options;
    status = otr_timeline_init(&plan->timeline, graph, model, options->axis, options->pitch,
                               OTR_PLAN_PERIOD_MAX, error);
    if (status == OTR_OK) {
        measure(plan);
        status = occupy(plan, error);
    }
    if (status == OTR_OK) {
        status = check_ranks(plan, error);
    }
    if (status == OTR_OK) {
        status = order_cells(plan, error);
    }
    if (status != OTR_OK) {
        otr_plan_destroy(plan);
        return status;
    }
    *out = plan;
    return OTR_OK;
}

void otr_plan_destroy(otr_plan *plan) {
    if (plan != NULL) {
        otr_timeline_free(&plan->timeline);
        free(plan->occupied);
        free(plan);
    }
}

const otr_graph *otr_plan_graph(const otr_plan *plan) {
    return plan->timeline.graph;
}

uint32_t otr_plan_layer_count(const otr_plan *plan) {
    return plan->timeline.layer_count;
}

uint32_t otr_plan_row_count(const otr_plan *plan) {
    return plan->row_count;
}

uint32_t otr_plan_stride(const otr_plan *plan) {
    return plan->stride;
}

bool otr_plan_is_sequential(const otr_plan *plan) {
    return plan->is_sequential || (plan->options.spacing == 0 && plan->row_count == 1);
}

uint32_t otr_plan_period(const otr_plan *plan) {
    return plan->layers_min > 0 ? plan->timeline.period : 0;
}

uint64_t otr_plan_layers_min(const otr_plan *plan) {
    return plan->layers_min;
}

otr_status otr_plan_check_length(const otr_plan *plan, uint64_t layer_count, otr_error *error) {
    const uint32_t own = plan->timeline.layer_count;
    const uint32_t period = otr_plan_period(plan);
    if (layer_count == own) {
        return OTR_OK;
    }
    if (period == 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "%llu layers, but the plan is for %u: its model does not repeat itself, or not "
                             "for long enough",
                             (unsigned long long)layer_count, own);
    }
    if (layer_count < plan->layers_min || layer_count > OTR_PLAN_HISTORY_MAX) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "%llu layers; the plan serves %u, or %llu to %llu",
                             (unsigned long long)layer_count, own, (unsigned long long)plan->layers_min,
                             (unsigned long long)OTR_PLAN_HISTORY_MAX);
    }
    if ((layer_count > own ? layer_count - own : own - layer_count) % period != 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "%llu layers; the plan serves %u and what differs from it by a multiple of %u",
                             (unsigned long long)layer_count, own, period);
    }
    return OTR_OK;
}

uint32_t otr_plan_layer_detectors(const otr_plan *plan, uint64_t layer, uint64_t layer_count) {
    const uint32_t own = layer_alike(plan, layer, layer_count);
    return own < plan->timeline.layer_count ? layer_width(&plan->timeline, own) : 0;
}

uint32_t otr_plan_layer_marks(const otr_plan *plan, uint64_t layer, uint64_t layer_count) {
    const uint32_t own = layer_alike(plan, layer, layer_count);
    return own < plan->timeline.layer_count ? layer_marks(&plan->timeline, own) : 0;
}

uint32_t otr_plan_layer_marks_max(const otr_plan *plan, uint64_t layer) {
    const uint32_t marks = otr_plan_layer_marks(plan, layer, 0);
    return shifts(plan, 0) && layer >= plan->timeline.bulk_begin ? larger(marks, plan->tail_marks) : marks;
}

uint64_t otr_plan_cell_count(const otr_plan *plan, uint64_t layer_count) {
    uint64_t most = 0;
    layer_count = smaller(layer_count, OTR_PLAN_HISTORY_MAX);
    for (uint32_t row = 0; row < plan->row_count && layer_count > 0; row++) {
        const uint64_t number = index_at(plan, row, layer_count - 1) * plan->row_count + row + 1;
        most = number > most ? number : most;
    }
    return most;
}

otr_status otr_plan_cell(const otr_plan *plan, uint64_t number, uint64_t layer_count, otr_cell *out) {
    const otr_place own = {(uint32_t)(number % plan->row_count), number / plan->row_count};
    const uint64_t end = end_of(plan, layer_count);
    const uint32_t past = has_decided_past(plan) ? 0 : plan->options.buffer;
    otr_cell cell = {.number = number};
    if (layer_count > 0 && otr_plan_check_length(plan, layer_count, NULL) != OTR_OK) {
        return OTR_ERR_ARGUMENT;
    }
    if (own.index >= OTR_PLAN_HISTORY_MAX ||
        (first_layer_of(plan, own) >= end && number >= otr_plan_cell_count(plan, end))) {
        return OTR_ERR_INDEX;
    }
    /* The row may have ended while others go on: the cell is empty then. */
    cell.first_layer = smaller(first_layer_of(plan, own), end);
    cell.end_layer = smaller(end_layer_of(plan, own), end);
    cell.window_first = reduced(cell.first_layer, past);
    cell.window_end = smaller(cell.end_layer + plan->options.buffer, end);
    cell.events_first = reduced(cell.window_first, plan->options.context);
    cell.events_end = smaller(cell.window_end + plan->options.context, end);
    cell.marks_first = reduced(cell.window_first, plan->timeline.layer_reach);
    cell.marks_end = smaller(cell.window_end + plan->timeline.layer_reach, end);
    cell.ready_layers = cell.events_end;
    if (plan->layers_min > 0) {
        cell.ready_layers = smaller(cell.window_end + plan->margin + reduced(plan->tail, 1), end);
    }
    cell.shift = find_shift(plan, &cell, layer_count);
    cell.shape = (otr_cell_shape){
        .row = own.row,
        .first_layer = (uint32_t)((int64_t)cell.first_layer - cell.shift),
        .end_layer = (uint32_t)((int64_t)cell.end_layer - cell.shift),
        .window_first = (uint32_t)((int64_t)cell.window_first - cell.shift),
        .window_end = (uint32_t)((int64_t)cell.window_end - cell.shift),
    };
    const int64_t phase = cell.shift % plan->stride;
    cell.shape.phase = (uint32_t)(phase < 0 ? phase + plan->stride : phase);
    cell.is_empty = is_empty(plan, &cell.shape);
    *out = cell;
    return OTR_OK;
}

otr_status otr_plan_dependencies(const otr_plan *plan, uint64_t number, uint64_t layer_count,
                                 uint64_t *numbers, size_t capacity, size_t *count) {
    const otr_place own = {(uint32_t)(number % plan->row_count), number / plan->row_count};
    const uint64_t rank = rank_of(plan, own);
    otr_cell cell;
    uint64_t low = UINT64_MAX, high = 0;
    const otr_status status = otr_plan_cell(plan, number, layer_count, &cell);
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t row = 0; row < plan->row_count; row++) {
        const uint64_t last = index_at(plan, row, cell.marks_end - 1);
        low = smaller(low, index_at(plan, row, cell.marks_first));
        high = last > high ? last : high;
    }
    *count = 0;
    for (uint64_t index = low; index <= high; index++) {
        for (uint32_t row = 0; row < plan->row_count; row++) {
            const otr_place other = {row, index};
            if (are_near_rows(plan, own.row, row) && rank_of(plan, other) < rank &&
                first_layer_of(plan, other) < cell.marks_end &&
                end_layer_of(plan, other) > cell.marks_first) {
                if (*count < capacity) {
                    numbers[*count] = index * plan->row_count + row;
                }
                (*count)++;
            }
        }
    }
    return *count <= capacity ? OTR_OK : OTR_ERR_LIMIT;
}

size_t otr_plan_dependencies_max(const otr_plan *plan) {
    const uint64_t layers =
        (uint64_t)otr_plan_longest(plan) + 2 * ((uint64_t)plan->options.buffer + plan->timeline.layer_reach);
    return (size_t)((layers / plan->stride + 2) * otr_plan_stride_cells(plan) * plan->row_count);
}

otr_status otr_plan_window(otr_window **out, const otr_plan *plan, const otr_cell_shape *shape,
                           otr_error *error) {
    const otr_timeline *timeline;
    uint8_t *roles;
    otr_status status;
    if (out == NULL || plan == NULL || shape == NULL || shape->row >= plan->row_count ||
        shape->phase >= plan->stride || shape->first_layer >= shape->end_layer ||
        shape->end_layer > plan->timeline.layer_count || shape->window_end > plan->timeline.layer_count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "not a shape of this plan");
    }
    timeline = &plan->timeline;
    roles = otr_array_zeroed(timeline->graph->node_count, 1);
    if (roles == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    const otr_place own = own_place(plan, shape);
    for (uint32_t node = 0; node < timeline->graph->node_count; node++) {
        roles[node] = role_of(plan, shape, own, node, place_of(plan, node, shape->phase));
    }
    status = otr_window_create(out, timeline->graph, roles, error);
    free(roles);
    return status;
}

otr_status otr_plan_place(const otr_plan *plan, uint32_t mark, uint32_t *layer, uint32_t *index) {
    const otr_timeline *const timeline = &plan->timeline;
    const otr_graph *const graph = timeline->graph;
    if (mark < graph->node_count) {
        *layer = timeline->layers[mark];
        *index = mark - timeline->layer_begin[*layer];
        return OTR_OK;
    }
    const uint32_t edge = mark - graph->node_count;
    if (!graph->correlations || edge >= graph->edge_count) {
        return OTR_ERR_INDEX;
    }
    const uint32_t node2 = graph->edge_node2[edge];
    *layer = timeline->layers[node2 != OTR_BOUNDARY ? node2 : graph->edge_node1[edge]];
    *index = layer_width(timeline, *layer) + timeline->edge_places[edge] - timeline->edge_begin[*layer];
    return OTR_OK;
}

otr_status otr_plan_mark(const otr_plan *plan, uint32_t layer, uint32_t index, uint32_t *mark) {
    const otr_timeline *const timeline = &plan->timeline;
    uint32_t detectors;
    if (layer >= timeline->layer_count || index >= layer_marks(timeline, layer)) {
        return OTR_ERR_INDEX;
    }
    detectors = layer_width(timeline, layer);
    *mark = index < detectors ? timeline->layer_begin[layer] + index
                              : timeline->graph->node_count +
                                    timeline->edges[timeline->edge_begin[layer] + index - detectors];
    return OTR_OK;
}

uint32_t otr_plan_reach(const otr_plan *plan) {
    return plan->timeline.layer_reach;
}

uint32_t otr_plan_stride_cells(const otr_plan *plan) {
    return plan->options.spacing > 0 ? 2 : 1;
}

uint32_t otr_plan_levels(const otr_plan *plan) {
    return (plan->options.spacing > 0 && !plan->is_sequential ? 2u : 1u) * (plan->row_count > 1 ? 2u : 1u);
}

uint32_t otr_plan_cell_layers(const otr_plan *plan) {
    return plan->options.cell_layers;
}

uint32_t otr_plan_longest(const otr_plan *plan) {
    return larger(plan->options.cell_layers, plan->options.spacing);
}

uint32_t otr_plan_events_reach(const otr_plan *plan) {
    return plan->options.buffer + plan->options.context;
}

uint32_t otr_plan_lookahead(const otr_plan *plan) {
    return plan->options.buffer + plan->margin + plan->tail;
}

uint32_t otr_plan_marks_width(const otr_plan *plan) {
    uint32_t most = 0;
    for (uint32_t layer = 0; layer < plan->timeline.layer_count; layer++) {
        most = larger(most, layer_marks(&plan->timeline, layer));
    }
    return most;
}

uint32_t otr_plan_width(const otr_plan *plan) {
    uint32_t widest = 0;
    for (uint32_t layer = 0; layer < plan->timeline.layer_count; layer++) {
        widest = larger(widest, layer_width(&plan->timeline, layer));
    }
    return widest;
}

static otr_status check_options(const otr_plan_options *options, otr_error *error) {
    const struct {
        const char *what;
        uint32_t value, low;
    } ranges[] = {{"cell_layers", options->cell_layers, 1},
                  {"spacing", options->spacing, 0},
                  {"buffer", options->buffer, 0},
                  {"width", options->width, 0},
                  {"context", options->context, 0}};
    const bool is_brick = options->layout == OTR_PLAN_BRICK && options->width > 0;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (ranges[i].value < ranges[i].low || ranges[i].value > OTR_PLAN_LAYERS_MAX) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "%s is %u; it ranges from %u to %u",
                                 ranges[i].what, ranges[i].value, ranges[i].low, OTR_PLAN_LAYERS_MAX);
        }
    }
    if ((uint32_t)options->layout > OTR_PLAN_BRICK || options->axis > 1 || !(options->pitch > 0) ||
        !isfinite(options->pitch)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no such layout, axis or pitch");
    }
    if (options->width == 1) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "rows of one site are too narrow for cells");
    }
    if (is_brick && (options->cell_layers < 2 || options->spacing > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "bricks have two layers or more, and no spacing");
    }
    return OTR_OK;
}

static bool is_brick(const otr_plan *plan) {
    return plan->options.layout == OTR_PLAN_BRICK && plan->options.width > 0;
}

static uint32_t row_of(const otr_plan *plan, uint32_t site) {
    return plan->options.width > 0 ? site / plan->options.width : 0;
}

static uint32_t layer_width(const otr_timeline *timeline, uint32_t layer) {
    return timeline->layer_begin[layer + 1] - timeline->layer_begin[layer];
}

static uint32_t layer_marks(const otr_timeline *timeline, uint32_t layer) {
    return layer_width(timeline, layer) + timeline->edge_begin[layer + 1] - timeline->edge_begin[layer];
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* Whether the layers after the bulk, but for the last, have as many detectors as the bulk's would have: until
 * the end is known they cannot be told from these. */
static bool has_plain_tail(const otr_timeline *timeline) {
    for (uint32_t layer = timeline->bulk_end; layer + 1 < timeline->layer_count; layer++) {
        const uint32_t alike = timeline->bulk_begin + (layer - timeline->bulk_begin) % timeline->period;
        if (layer_width(timeline, layer) != layer_width(timeline, alike)) {
            return false;
        }
    }
    return true;
}

/* Everything that follows from options and timeline. */
static void measure(otr_plan *plan) {
    const otr_plan_options *const options = &plan->options;
    const otr_timeline *const timeline = &plan->timeline;
    uint64_t need;
    plan->row_count = options->width > 0 ? (timeline->site_count - 1) / options->width + 1 : 1;
    plan->stride = options->cell_layers + options->spacing;
    plan->margin = timeline->layer_reach + options->context;
    plan->tail = timeline->layer_count - timeline->bulk_end;
    for (uint32_t layer = timeline->bulk_end; layer < timeline->layer_count; layer++) {
        plan->tail_marks = larger(plan->tail_marks, layer_marks(timeline, layer));
    }
    need =
        (uint64_t)otr_plan_longest(plan) + 2 * ((uint64_t)options->buffer + plan->margin) + timeline->period;
    if (timeline->period > 0 && timeline->bulk_end - timeline->bulk_begin >= need &&
        has_plain_tail(timeline)) {
        plan->layers_min = timeline->bulk_begin + need + plan->tail;
    }
}

/* Notes which rows have detectors in which layers. */
static otr_status occupy(otr_plan *plan, otr_error *error) {
    const otr_timeline *const timeline = &plan->timeline;
    if (plan->row_count > OTR_PLAN_ROWS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "%u rows of cells, more than the limit of %d",
                             plan->row_count, OTR_PLAN_ROWS_MAX);
    }
    plan->occupied = otr_array_zeroed((size_t)timeline->layer_count * plan->row_count, 1);
    if (plan->occupied == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint32_t node = 0; node < timeline->graph->node_count; node++) {
        const size_t layer = timeline->layers[node];
        plan->occupied[layer * plan->row_count + row_of(plan, timeline->sites[node])] = 1;
    }
    return OTR_OK;
}

/* The pattern of a row. */

/* The layers of a cell that the beginning of the history cuts off. */
static uint32_t lead(const otr_plan *plan, uint32_t row) {
    return is_brick(plan) && row % 2 == 1 ? plan->options.cell_layers / 2 : 0;
}

static uint64_t first_layer_of(const otr_plan *plan, otr_place cell) {
    const uint64_t layers = plan->options.cell_layers;
    const uint64_t spacing = plan->options.spacing;
    const uint32_t cut = lead(plan, cell.row);
    if (spacing > 0) {
        return cell.index / 2 * (layers + spacing) + (cell.index % 2 == 1 ? layers : 0);
    }
    return cell.index == 0 ? 0 : cell.index * layers - cut;
}

static uint64_t end_layer_of(const otr_plan *plan, otr_place cell) {
    return first_layer_of(plan, (otr_place){cell.row, cell.index + 1});
}

static uint64_t index_at(const otr_plan *plan, uint32_t row, uint64_t layer) {
    const uint64_t layers = plan->options.cell_layers;
    const uint64_t spacing = plan->options.spacing;
    if (spacing > 0) {
        return layer / (layers + spacing) * 2 + (layer % (layers + spacing) >= layers);
    }
    return (layer + lead(plan, row)) / layers;
}

/* Cells that an edge joins differ in rank. Without a spacing ranks ascend with the cells' first layers; of
 * bricks those of odd rows begin half a cell earlier. */
static uint64_t rank_of(const otr_plan *plan, otr_place cell) {
    const uint32_t odd = cell.row % 2;
    if (plan->is_sequential) {
        return cell.index * plan->row_count + cell.row;
    }
    if (plan->options.spacing > 0) {
        return 2 * (uint64_t)odd + cell.index % 2;
    }
    return 2 * cell.index + (is_brick(plan) ? 1 - odd : odd);
}

/* The cell of a detector of the reference, which lies `phase` layers into the pattern. */
static otr_place place_of(const otr_plan *plan, uint32_t detector, uint64_t phase) {
    const uint32_t row = row_of(plan, plan->timeline.sites[detector]);
    return (otr_place){row, index_at(plan, row, plan->timeline.layers[detector] + phase)};
}

/* The place of a cell of this shape, in the reference. */
static otr_place own_place(const otr_plan *plan, const otr_cell_shape *shape) {
    return (otr_place){shape->row, index_at(plan, shape->row, (uint64_t)shape->first_layer + shape->phase)};
}

/* What a detector of the reference, which lies in `cell`, is to the window of this shape. */
static uint8_t role_of(const otr_plan *plan, const otr_cell_shape *shape, otr_place own, uint32_t detector,
                       otr_place cell) {
    const uint32_t layer = plan->timeline.layers[detector];
    if (cell.row == own.row && cell.index == own.index) {
        return OTR_WINDOW_CELL;
    }
    if (rank_of(plan, cell) < rank_of(plan, own)) {
        return OTR_WINDOW_CLOSED;
    }
    return layer >= shape->window_first && layer < shape->window_end &&
                   is_near_row(plan, own.row, plan->timeline.sites[detector], plan->options.buffer)
               ? OTR_WINDOW_BUFFER
               : OTR_WINDOW_OUTSIDE;
}

/* Refuses an edge between two cells of one rank, for what is too small about them. */
static otr_status refuse_edge(const otr_plan *plan, const uint32_t nodes[2], const otr_place cells[2],
                              otr_error *error) {
    const otr_plan_options *const options = &plan->options;
    const uint32_t *const layers = plan->timeline.layers;
    const bool is_in_row = cells[0].row == cells[1].row;
    /* Between two cells of one rank and row lies one of the other kind. */
    const bool is_spacing = options->spacing > 0 && cells[0].index % 2 == 0;
    const char *const what = !is_in_row   ? "the width of rows"
                             : is_spacing ? "the spacing between cells"
                                          : "the length of cells";
    const uint32_t size = !is_in_row ? options->width : is_spacing ? options->spacing : options->cell_layers;
    return otr_error_set(
        error, OTR_ERR_ARGUMENT, 0, 0,
        "an edge joins detectors D%u in round %u and D%u in round %u, which lie in two cells that "
        "may be decided at the same time: %s, %u, must be more %s",
        nodes[0], layers[nodes[0]], nodes[1], layers[nodes[1]], what, size, is_in_row ? "rounds" : "sites");
}

/* Checks an edge whose ends lie `phase` layers further into the pattern. */
static otr_status check_edge(const otr_plan *plan, uint32_t node1, uint32_t node2, uint64_t phase,
                             otr_error *error) {
    const otr_place cell1 = place_of(plan, node1, phase);
    const otr_place cell2 = place_of(plan, node2, phase);
    const bool is_one = cell1.row == cell2.row && cell1.index == cell2.index;
    if (is_one || rank_of(plan, cell1) != rank_of(plan, cell2)) {
        return OTR_OK;
    }
    return refuse_edge(plan, (const uint32_t[]){node1, node2}, (const otr_place[]){cell1, cell2}, error);
}

/* Every edge, wherever a history that the plan serves has it: those of the first layers in their place, those
 * of one period of the bulk and of the last layers at every place of the pattern that shifting takes them to.
 */
static otr_status check_ranks(const otr_plan *plan, otr_error *error) {
    const otr_timeline *const timeline = &plan->timeline;
    const otr_graph *const graph = timeline->graph;
    otr_status status = OTR_OK;
    for (uint32_t edge = 0; edge < graph->edge_count && status == OTR_OK; edge++) {
        const uint32_t node1 = graph->edge_node1[edge];
        const uint32_t node2 = graph->edge_node2[edge];
        if (node2 == OTR_BOUNDARY) {
            continue;
        }
        /* Layers ascend with detectors, so node2 is in the later layer. */
        const uint32_t layer = timeline->layers[node2];
        const bool is_typical =
            layer >= timeline->bulk_end ||
            (layer >= timeline->bulk_begin && layer < timeline->bulk_begin + timeline->period);
        status = check_edge(plan, node1, node2, 0, error);
        for (uint64_t k = 1; plan->layers_min > 0 && is_typical && k < plan->stride && status == OTR_OK;
             k++) {
            status = check_edge(plan, node1, node2, k * timeline->period % plan->stride, error);
        }
    }
    return status;
}

/* Enclosed cells. */

/* Whether a cell's past is decided before it, so that its window leaves it out. */
static bool has_decided_past(const otr_plan *plan) {
    return plan->options.spacing == 0 ? !(plan->is_sequential && is_brick(plan)) : plan->is_sequential;
}

/* One shape that is looked at. */
typedef struct enclosure_check {
    const otr_plan *plan;
    otr_cell_shape shape;
    uint32_t first, end;   /* of the detectors around it */
    const uint32_t *label; /* of the connected parts of the whole graph */
    const uint8_t *has_boundary;
} enclosure_check;

/* An otr_enclosure_rule's `sees`. */
static bool sees(const void *context, otr_place cell, uint32_t detector) {
    const enclosure_check *const check = context;
    const otr_plan *const plan = check->plan;
    const uint64_t layer = (uint64_t)plan->timeline.layers[detector] + check->shape.phase;
    const uint64_t past = has_decided_past(plan) ? 0 : plan->options.buffer;
    return layer + past >= first_layer_of(plan, cell) &&
           layer < end_layer_of(plan, cell) + plan->options.buffer &&
           is_near_row(plan, cell.row, plan->timeline.sites[detector], plan->options.buffer);
}

/* An otr_enclosure_rule's `is_rest`. In other orders cells of the same rank are decided without one another.
 */
static bool is_rest(const void *context, uint32_t detector, const uint8_t *part) {
    const enclosure_check *const check = context;
    const otr_plan *const plan = check->plan;
    const uint64_t rank = rank_of(plan, own_place(plan, &check->shape));
    bool is_last = otr_plan_is_sequential(plan) && check->has_boundary[check->label[detector]] == 0;
    for (uint32_t node = 0; is_last && node < plan->timeline.graph->node_count; node++) {
        const bool is_near = node >= check->first && node < check->end;
        is_last = check->label[node] != check->label[detector] ||
                  (is_near && part[node - check->first] != 0) ||
                  rank_of(plan, place_of(plan, node, check->shape.phase)) < rank;
    }
    return is_last;
}

/* Looks at one cell; *found is a detector of it that is enclosed. */
static otr_status check_cell(enclosure_check *check, const otr_cell *cell, uint32_t *found) {
    const otr_plan *const plan = check->plan;
    const otr_timeline *const timeline = &plan->timeline;
    const uint64_t reach = timeline->layer_reach;
    const otr_enclosure_rule rule = {.context = check, .sees = sees, .is_rest = is_rest};
    otr_status status = OTR_ERR_MEMORY;
    *found = OTR_NONE;
    if (cell->is_empty) {
        return OTR_OK;
    }
    check->shape = cell->shape;
    check->first = timeline->layer_begin[reduced(cell->shape.window_first, reach)];
    check->end = timeline->layer_begin[smaller(cell->shape.window_end + reach, timeline->layer_count)];
    const uint32_t count = check->end - check->first;
    const otr_place own = own_place(plan, &check->shape);
    uint8_t *const roles = otr_array_new(count, 1);
    otr_place *const cells = otr_array_new(count, sizeof *cells);
    uint64_t *const ranks = otr_array_new(count, sizeof *ranks);
    if (roles != NULL && cells != NULL && ranks != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            cells[i] = place_of(plan, check->first + i, check->shape.phase);
            ranks[i] = rank_of(plan, cells[i]);
            roles[i] = role_of(plan, &check->shape, own, check->first + i, cells[i]);
        }
        status = otr_find_enclosed(
            timeline, &(otr_surroundings){check->first, check->end, roles, cells, ranks}, &rule, found);
    }
    free(roles);
    free(cells);
    free(ranks);
    return status;
}

/* Looks at the cells of a history from one number on. */
static otr_status check_history(enclosure_check *check, uint64_t number, uint64_t layer_count,
                                uint32_t *found) {
    const uint64_t count = otr_plan_cell_count(check->plan, layer_count);
    otr_status status = OTR_OK;
    *found = OTR_NONE;
    for (; number < count && status == OTR_OK && *found == OTR_NONE; number++) {
        otr_cell cell;
        status = otr_plan_cell(check->plan, number, layer_count, &cell);
        if (status == OTR_OK) {
            status = check_cell(check, &cell, found);
        }
    }
    return status;
}

/* Looks at one cell of each shape: those of a history that is long enough to have all of the beginning and
 * the bulk, and the last ones of histories that end elsewhere in the pattern. */
static otr_status find_enclosed(enclosure_check *check, uint32_t *found) {
    const otr_plan *const plan = check->plan;
    const otr_timeline *const timeline = &plan->timeline;
    const uint64_t period = plan->layers_min > 0 ? timeline->period : 0;
    const uint64_t all = timeline->layer_count + period * plan->stride;
    const uint64_t tail = (uint64_t)plan->tail + plan->margin + plan->options.buffer + plan->stride;
    otr_status status = check_history(check, 0, all, found);
    for (uint64_t k = 1; period > 0 && k < plan->stride && status == OTR_OK && *found == OTR_NONE; k++) {
        const uint64_t length = all + k * period;
        const uint64_t first = index_at(plan, 0, reduced(length, tail)) * plan->row_count;
        status = check_history(check, reduced(first, plan->row_count), length, found);
    }
    return status;
}

/* Decides cells one after the other if any would be enclosed otherwise, and refuses a plan that encloses some
 * even so. */
static otr_status order_cells(otr_plan *plan, otr_error *error) {
    const otr_timeline *const timeline = &plan->timeline;
    const uint32_t count = timeline->graph->node_count;
    uint32_t *const rows = otr_array_new(count, sizeof *rows);
    uint32_t *label = NULL;
    uint8_t *has_boundary = NULL;
    uint32_t found = OTR_NONE;
    bool is_open = false;
    otr_status status = OTR_ERR_MEMORY;
    if (rows != NULL) {
        for (uint32_t node = 0; node < count; node++) {
            rows[node] = row_of(plan, timeline->sites[node]);
        }
        status = otr_all_reach_boundary(timeline, rows, &is_open);
    }
    if (status == OTR_OK && !is_open) {
        status = otr_connected_parts(timeline->graph, &label, &has_boundary);
    }
    for (int attempt = 0; attempt < 2 && status == OTR_OK && !is_open; attempt++) {
        enclosure_check check = {.plan = plan, .label = label, .has_boundary = has_boundary};
        status = find_enclosed(&check, &found);
        is_open = found == OTR_NONE || otr_plan_is_sequential(plan);
        plan->is_sequential = plan->is_sequential || !is_open;
    }
    free(rows);
    free(label);
    free(has_boundary);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    return found == OTR_NONE
               ? OTR_OK
               : otr_error_set(
                     error, OTR_ERR_ARGUMENT, 0, 0,
                     "detector D%u in round %u lies where no error reaches a boundary later, but some do "
                     "before: windows cannot decide the beginning without the end; decode whole "
                     "histories",
                     found, timeline->layers[found]);
}

/* Histories. */

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t reduced(uint64_t layer, uint64_t by) {
    return layer > by ? layer - by : 0;
}

/* Whether a history is served by shifting, and not as the reference itself. */
static bool shifts(const otr_plan *plan, uint64_t layer_count) {
    return plan->layers_min > 0 && (layer_count == 0 || layer_count >= plan->layers_min);
}

/* The layer of the reference that is like this one; layer_count of the reference if there is none. */
static uint32_t layer_alike(const otr_plan *plan, uint64_t layer, uint64_t layer_count) {
    const otr_timeline *const timeline = &plan->timeline;
    uint64_t own = layer;
    if (layer_count > 0 && layer >= layer_count) {
        return timeline->layer_count;
    }
    if (shifts(plan, layer_count) && layer >= timeline->bulk_begin) {
        const bool is_last = layer_count > 0 && layer_count - layer <= plan->tail;
        own = is_last ? layer + timeline->layer_count - layer_count
                      : timeline->bulk_begin + (layer - timeline->bulk_begin) % timeline->period;
    }
    return (uint32_t)smaller(own, timeline->layer_count);
}

/* What to add to a layer of the reference to have the window's. */
static int64_t find_shift(const otr_plan *plan, const otr_cell *cell, uint64_t layer_count) {
    const otr_timeline *const timeline = &plan->timeline;
    const uint64_t low = reduced(cell->window_first, plan->margin);
    const uint64_t high = cell->window_end + plan->margin;
    if (!shifts(plan, layer_count) || low < timeline->bulk_begin) {
        return 0;
    }
    if (layer_count > 0 && high + plan->tail > layer_count) {
        return (int64_t)layer_count - (int64_t)timeline->layer_count;
    }
    return (int64_t)((low - timeline->bulk_begin) / timeline->period * timeline->period);
}

/* The layers of a history as far as they are known: none follow from this one on. */
static uint64_t end_of(const otr_plan *plan, uint64_t layer_count) {
    if (layer_count > 0) {
        return layer_count;
    }
    return plan->layers_min > 0 ? OTR_PLAN_HISTORY_MAX : plan->timeline.layer_count;
}

static bool is_empty(const otr_plan *plan, const otr_cell_shape *shape) {
    for (uint32_t layer = shape->first_layer; layer < shape->end_layer; layer++) {
        if (plan->occupied[(size_t)layer * plan->row_count + shape->row]) {
            return false;
        }
    }
    return true;
}

/* Whether a window of the row, with `distance` sites around it, has this site. */
static bool is_near_row(const otr_plan *plan, uint32_t row, uint64_t site, uint64_t distance) {
    const uint64_t width = plan->options.width;
    return width == 0 || (site + distance >= row * width && site < (row + 1) * width + distance);
}

/* The same of any site of another row. */
static bool are_near_rows(const otr_plan *plan, uint32_t row, uint32_t other) {
    const uint64_t width = plan->options.width;
    const uint64_t distance = (uint64_t)plan->options.buffer + plan->timeline.site_reach;
    return is_near_row(plan, row, other * width, distance) ||
           (width > 0 && is_near_row(plan, row, (other + 1) * width - 1, distance));
}
