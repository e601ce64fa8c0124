/* Decides one cell: puts what pre-decoding left and the marks of lower ranks together, has the window
 * decoded, and keeps of the answer what touches the cell. That the cell's events are explained is checked
 * every time; it costs a pass over the bits of the window. */
#include "outrider/window.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/sort.h"
#include "decode/decode.h"
#include "likelihood/likelihood_internal.h"
#include "predecode/predecoder_internal.h"
#include "window/window_internal.h"

/* A part whose weight nothing overrides in this shot. */
#define NOT_OVERRIDDEN INT32_MIN

struct otr_window_decoder {
    const otr_window *window;
    otr_decoder *decoder;
    otr_likelihood *likelihood; /* NULL of other kinds, and where no class is to be decided */
    otr_predecoder *predecoder; /* borrowed, on the history's graph; or NULL */
    otr_predecoder_use predecoder_use;
    otr_decoder_kind kind;
    int32_t weight_offset; /* of the options */

    uint8_t *row;          /* events of the window, one bit a node, zero between calls */
    int32_t *part_weights; /* one a part, NOT_OVERRIDDEN between calls */
    uint32_t *combined;    /* edges of several parts with overrides in this shot; none between calls */
    size_t combined_count, combined_capacity;
    otr_override *overrides; /* of edges of the window */
    size_t override_count, override_capacity;
    uint32_t *edges; /* committed, of the history */
    size_t edge_count, edge_capacity;
    uint32_t *recalled; /* used by lower ranks, in the window's numbers */
    size_t recalled_count, recalled_capacity;
    uint32_t *marks;
    size_t mark_count, mark_capacity;
    uint8_t *observables;
};

static otr_status check_likelihood(const otr_window *window, const otr_decoder_options *options);
static otr_status fill_decoder(otr_window_decoder *d, const otr_decoder_options *options);
static int32_t shot_offset(const otr_window_decoder *d);
static otr_status check_input(const otr_window_decoder *d, const uint32_t *marks, size_t mark_count,
                              const otr_override *overrides, size_t override_count);
static otr_status decide(otr_window_decoder *d, const otr_predecoded *cell, const uint32_t *marks,
                         size_t mark_count, const otr_override *overrides, size_t override_count,
                         otr_commit *out);
static otr_status apply_marks(otr_window_decoder *d, const uint32_t *marks, size_t count);
static void flip_in_window(otr_window_decoder *d, const uint32_t *detectors, size_t count);
static void flip_ends(otr_window_decoder *d, const otr_predecoded *cell, bool in_window);
static otr_status override_edges(otr_window_decoder *d, const otr_predecoded *cell,
                                 const otr_override *overrides, size_t override_count);
static otr_status add_last_resorts(otr_window_decoder *d);
static void drop_overrides(otr_window_decoder *d);
static otr_status match(otr_window_decoder *d, const otr_predecoded *cell, uint32_t *event_count);
static otr_status match_once(otr_window_decoder *d, const otr_predecoded *cell, uint32_t *event_count);
static otr_status mark_first_pass(otr_window_decoder *d, const otr_cell_answer *answer);
static otr_status commit(otr_window_decoder *d);

otr_status otr_window_decoder_create(otr_window_decoder **out, const otr_window *window,
                                     const otr_decoder_options *options) {
    const otr_decoder_options chosen = options != NULL ? *options : otr_decoder_options_default();
    otr_window_decoder *d;
    otr_status status;
    if (out == NULL || window == NULL || (uint32_t)chosen.predecoder_use > OTR_PREDECODER_USE_HARD ||
        (chosen.predecoder != NULL && chosen.predecoder->graph != window->history)) {
        return OTR_ERR_ARGUMENT;
    }
    status = chosen.kind == OTR_DECODER_LIKELIHOOD ? check_likelihood(window, &chosen) : OTR_OK;
    if (status != OTR_OK) {
        return status;
    }
    d = otr_array_zeroed(1, sizeof *d);
    if (d == NULL) {
        return OTR_ERR_MEMORY;
    }
    d->window = window;
    d->predecoder = chosen.predecoder;
    d->predecoder_use = chosen.predecoder_use;
    d->kind = chosen.kind;
    status = fill_decoder(d, &chosen);
    if (status != OTR_OK) {
        otr_window_decoder_destroy(d);
        return status;
    }
    *out = d;
    return OTR_OK;
}

otr_status otr_window_decoder_reweight(otr_window_decoder *d, const otr_window *window,
                                       int32_t weight_offset) {
    otr_status status;
    if (d == NULL || window == NULL || !otr_window_is_alike(d->window, window) ||
        (d->predecoder != NULL && d->predecoder->graph != window->history)) {
        return OTR_ERR_ARGUMENT;
    }
    if (d->kind == OTR_DECODER_LIKELIHOOD) {
        return OTR_ERR_UNSUPPORTED;
    }
    if (!otr_array_reserve((void **)&d->marks, &d->mark_capacity, window->marks_max, sizeof *d->marks)) {
        return OTR_ERR_MEMORY;
    }
    status = otr_decoder_lay_weights(d->decoder, window->graph, weight_offset, shot_offset(d));
    if (status == OTR_OK) {
        d->window = window;
        d->weight_offset = weight_offset;
    }
    return status;
}

void otr_window_decoder_destroy(otr_window_decoder *d) {
    if (d == NULL) {
        return;
    }
    otr_decoder_destroy(d->decoder);
    otr_likelihood_destroy(d->likelihood);
    free(d->row);
    free(d->part_weights);
    free(d->combined);
    free(d->overrides);
    free(d->edges);
    free(d->recalled);
    free(d->marks);
    free(d->observables);
    free(d);
}

otr_status otr_window_decode(otr_window_decoder *d, const uint32_t *events, size_t event_count,
                             const uint32_t *marks, size_t mark_count, const otr_override *overrides,
                             size_t override_count, otr_commit *out) {
    otr_predecoded cell = {.events = events, .event_count = event_count};
    otr_status status;
    if (d == NULL || (events == NULL && event_count > 0) || (marks == NULL && mark_count > 0) ||
        (overrides == NULL && override_count > 0) || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_predecoded_check(&cell, d->window->history->node_count, d->window->history->edge_count);
    if (status == OTR_OK) {
        status = check_input(d, marks, mark_count, overrides, override_count);
    }
    if (status == OTR_OK && d->predecoder != NULL) {
        status = otr_predecoder_apply(d->predecoder, d->predecoder_use, events, event_count, &cell);
    }
    return status == OTR_OK ? decide(d, &cell, marks, mark_count, overrides, override_count, out) : status;
}

otr_status otr_window_decode_predecoded(otr_window_decoder *d, const otr_predecoded *cell,
                                        const uint32_t *marks, size_t mark_count,
                                        const otr_override *overrides, size_t override_count,
                                        otr_commit *out) {
    otr_status status;
    if (d == NULL || cell == NULL || (marks == NULL && mark_count > 0) ||
        (overrides == NULL && override_count > 0) || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_predecoded_check(cell, d->window->history->node_count, d->window->history->edge_count);
    if (status == OTR_OK) {
        status = check_input(d, marks, mark_count, overrides, override_count);
    }
    return status == OTR_OK ? decide(d, cell, marks, mark_count, overrides, override_count, out) : status;
}

size_t otr_window_decoder_bytes(const otr_window_decoder *d) {
    const otr_graph *const graph = d->window->graph;
    return sizeof *d + otr_decoder_bytes(d->decoder) +
           (d->likelihood != NULL ? otr_likelihood_bytes(d->likelihood) : 0) +
           otr_bytes_for_bits(graph->node_count) +
           d->window->part_begin[graph->edge_count] * sizeof *d->part_weights +
           d->combined_capacity * sizeof *d->combined + d->override_capacity * sizeof *d->overrides +
           d->edge_capacity * sizeof *d->edges + d->recalled_capacity * sizeof *d->recalled +
           d->mark_capacity * sizeof *d->marks + otr_bytes_for_bits(graph->observable_count);
}

static otr_status fill_decoder(otr_window_decoder *d, const otr_decoder_options *options) {
    const otr_graph *const graph = d->window->graph;
    const size_t parts = d->window->part_begin[graph->edge_count];
    otr_decoder_options inner = *options;
    otr_status status;
    d->weight_offset = options->weight_offset;
    d->row = otr_array_zeroed(otr_bytes_for_bits(graph->node_count), 1);
    d->part_weights = otr_array_new(parts, sizeof *d->part_weights);
    d->observables = otr_array_zeroed(otr_bytes_for_bits(graph->observable_count), 1);
    if (d->row == NULL || d->part_weights == NULL || d->observables == NULL ||
        !otr_array_reserve((void **)&d->recalled, &d->recalled_capacity, d->window->recalled_count,
                           sizeof *d->recalled) ||
        !otr_array_reserve((void **)&d->marks, &d->mark_capacity, d->window->marks_max, sizeof *d->marks)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t part = 0; part < parts; part++) {
        d->part_weights[part] = NOT_OVERRIDDEN;
    }
    inner.predecoder = NULL;
    if (d->kind == OTR_DECODER_LIKELIHOOD) {
        otr_likelihood_options sums =
            options->likelihood != NULL ? *options->likelihood : otr_likelihood_options_default();
        sums.isa = options->isa;
        sums.predecoder = NULL;
        inner.kind = OTR_DECODER_MWPM_CORRELATED;
        status = otr_likelihood_create_for_cells(&d->likelihood, graph, &sums, NULL);
        if (status != OTR_OK) {
            return status;
        }
    }
    status = otr_decoder_create(&d->decoder, graph, &inner);
    return status == OTR_OK ? otr_decoder_lay_weights(d->decoder, graph, d->weight_offset, shot_offset(d))
                            : status;
}

static otr_status check_likelihood(const otr_window *window, const otr_decoder_options *options) {
    if (options->certify || options->weight_offset != 0 ||
        (options->predecoder != NULL && options->predecoder_use != OTR_PREDECODER_USE_SOFT)) {
        return OTR_ERR_UNSUPPORTED;
    }
    return window->graph->correlations && window->graph->errors != NULL ? OTR_OK : OTR_ERR_ARGUMENT;
}

/* Of the cells that the pre-decoder leaves. */
static int32_t shot_offset(const otr_window_decoder *d) {
    return d->predecoder != NULL ? otr_predecoder_weight_offset(d->predecoder, d->predecoder_use) : 0;
}

static otr_status check_input(const otr_window_decoder *d, const uint32_t *marks, size_t mark_count,
                              const otr_override *overrides, size_t override_count) {
    const otr_graph *const history = d->window->history;
    for (size_t i = 0; i < mark_count; i++) {
        if (marks[i] >= history->node_count && marks[i] - history->node_count >= history->edge_count) {
            return OTR_ERR_INDEX;
        }
    }
    for (size_t i = 0; i < override_count; i++) {
        if (overrides[i].edge >= history->edge_count) {
            return OTR_ERR_INDEX;
        }
    }
    return OTR_OK;
}

/* Decides the cell from what is left of the history, which is known to be that. */
static otr_status decide(otr_window_decoder *d, const otr_predecoded *cell, const uint32_t *marks,
                         size_t mark_count, const otr_override *overrides, size_t override_count,
                         otr_commit *out) {
    uint32_t event_count;
    otr_status status;
    if ((cell->observables != NULL && cell->edges == NULL) ||
        (d->kind == OTR_DECODER_LIKELIHOOD && (override_count > 0 || cell->edge_count > 0))) {
        return OTR_ERR_UNSUPPORTED;
    }
    status = override_edges(d, cell, overrides, override_count);
    if (status == OTR_OK) {
        /* The raw events: those that are left, and those of all that is fixed. */
        flip_in_window(d, cell->events, cell->event_count);
        flip_ends(d, cell, false);
        status = apply_marks(d, marks, mark_count);
        if (status == OTR_OK) {
            status = match(d, cell, &event_count);
        }
        if (status == OTR_OK) {
            status = commit(d);
        }
        memset(d->row, 0, otr_bytes_for_bits(d->window->graph->node_count));
    }
    drop_overrides(d);
    if (status != OTR_OK) {
        return status;
    }
    *out = (otr_commit){.observables = d->observables,
                        .marks = d->marks,
                        .mark_count = d->mark_count,
                        .edges = d->edges,
                        .edge_count = d->edge_count,
                        .event_count = event_count};
    return OTR_OK;
}

static void flip_in_window(otr_window_decoder *d, const uint32_t *detectors, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint32_t node = otr_window_number(&d->window->nodes, detectors[i]);
        if (node != OTR_NONE) {
            otr_bit_flip(d->row, node);
        }
    }
}

/* Flips what lower ranks flipped, and lists the edges that they used for the second pass: in the order of
 * their numbers, on which ties there may depend, whatever order the marks came in. */
static otr_status apply_marks(otr_window_decoder *d, const uint32_t *marks, size_t count) {
    const uint32_t detectors = d->window->history->node_count;
    size_t distinct = 0;
    d->recalled_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t edge;
        if (marks[i] < detectors) {
            flip_in_window(d, &marks[i], 1);
            continue;
        }
        edge = otr_window_number(&d->window->recalled, marks[i] - detectors);
        if (edge == OTR_NONE) {
            continue;
        }
        if (!OTR_ARRAY_GROW(d->recalled, d->recalled_count, d->recalled_capacity)) {
            return OTR_ERR_MEMORY;
        }
        d->recalled[d->recalled_count++] = edge;
    }
    otr_sort_indices(d->recalled, d->recalled_count);
    for (size_t i = 0; i < d->recalled_count; i++) {
        if (distinct == 0 || d->recalled[i] != d->recalled[distinct - 1]) {
            d->recalled[distinct++] = d->recalled[i];
        }
    }
    d->recalled_count = distinct;
    return OTR_OK;
}

/* The window's edge that this one is part of, or OTR_NONE. */
static uint32_t edge_of(const otr_window_decoder *d, uint32_t history_edge) {
    return otr_window_number(&d->window->edges, history_edge);
}

/* Flips, once or back, the ends of the edges that hard use has fixed: of all, or of those in the window.
 */
static void flip_ends(otr_window_decoder *d, const otr_predecoded *cell, bool in_window) {
    const otr_graph *const history = d->window->history;
    for (size_t i = 0; i < cell->edge_count; i++) {
        const uint32_t edge = cell->edges[i];
        if (!in_window || edge_of(d, edge) != OTR_NONE) {
            const uint32_t ends[2] = {history->edge_node1[edge], history->edge_node2[edge]};
            flip_in_window(d, ends, 2);
        }
    }
}

static otr_status add_override(otr_window_decoder *d, uint32_t edge, int32_t weight) {
    if (!OTR_ARRAY_GROW(d->overrides, d->override_count, d->override_capacity)) {
        return OTR_ERR_MEMORY;
    }
    d->overrides[d->override_count++] = (otr_override){.edge = edge, .weight = weight};
    return OTR_OK;
}

static otr_status add_overrides(otr_window_decoder *d, const otr_override *overrides, size_t count) {
    const otr_window *const window = d->window;
    for (size_t i = 0; i < count; i++) {
        const uint32_t edge = edge_of(d, overrides[i].edge);
        int32_t weight;
        otr_status status;
        if (!otr_weight_take(overrides[i].weight, &weight)) {
            return OTR_ERR_LIMIT;
        }
        if (edge == OTR_NONE) {
            continue;
        }
        if (window->part_begin[edge + 1] - window->part_begin[edge] == 1) {
            status = add_override(d, edge, weight);
            if (status != OTR_OK) {
                return status;
            }
            continue;
        }
        if (!OTR_ARRAY_GROW(d->combined, d->combined_count, d->combined_capacity)) {
            return OTR_ERR_MEMORY;
        }
        d->combined[d->combined_count++] = edge;
        for (uint32_t part = window->part_begin[edge]; part < window->part_begin[edge + 1]; part++) {
            if (window->parts[part] == overrides[i].edge) {
                d->part_weights[part] = weight;
            }
        }
    }
    return OTR_OK;
}

/* What an edge of several parts weighs in a shot that overrides some: as much as the lightest of them, or as
 * a certain one, of which two cancel. `offset` is that of the parts that are not overridden. */
static int32_t combined_weight(const otr_window_decoder *d, uint32_t edge, int32_t offset,
                               bool *has_certain) {
    const otr_window *const window = d->window;
    int32_t lightest = OTR_WEIGHT_INFINITE;
    bool is_certain = false;
    *has_certain = false;
    for (uint32_t part = window->part_begin[edge]; part < window->part_begin[edge + 1]; part++) {
        const int32_t own = window->history->edge_weight[window->parts[part]];
        const int32_t weight =
            d->part_weights[part] == NOT_OVERRIDDEN ? otr_weight_offset(own, offset) : d->part_weights[part];
        if (weight == -OTR_WEIGHT_INFINITE) {
            is_certain = !is_certain;
            *has_certain = true;
        } else {
            lightest = weight < lightest ? weight : lightest;
        }
    }
    return is_certain ? -OTR_WEIGHT_INFINITE : lightest;
}

/* Fills d->overrides; the later ones of an edge count. What it takes of the scratch is given back by
 * drop_overrides, also after a failure. */
static otr_status override_edges(otr_window_decoder *d, const otr_predecoded *cell,
                                 const otr_override *overrides, size_t override_count) {
    const int32_t offset = otr_weight_clamped((int64_t)d->weight_offset + cell->weight_offset);
    otr_status status;
    d->override_count = 0;
    status = add_overrides(d, cell->overrides, cell->override_count);
    if (status == OTR_OK) {
        status = add_overrides(d, overrides, override_count);
    }
    for (size_t i = 0; i < d->combined_count && status == OTR_OK; i++) {
        bool has_certain;
        const int32_t weight = combined_weight(d, d->combined[i], offset, &has_certain);
        status = add_override(d, d->combined[i], weight);
    }
    return status;
}

/* For a cell that has no answer, and of which certain edges have been taken back already: where certain ones
 * cancel in an edge, one of them can be taken back too, at the same price. */
static otr_status add_last_resorts(otr_window_decoder *d) {
    const otr_window *const window = d->window;
    otr_status status = OTR_OK;
    for (uint32_t edge = 0; edge < window->graph->edge_count && status == OTR_OK; edge++) {
        bool has_certain;
        if (combined_weight(d, edge, 0, &has_certain) == OTR_WEIGHT_INFINITE && has_certain) {
            status = add_override(d, edge, OTR_WEIGHT_MAX);
        }
    }
    return status;
}

/* Puts the scratch of the overrides in order. */
static void drop_overrides(otr_window_decoder *d) {
    const otr_window *const window = d->window;
    for (size_t i = 0; i < d->combined_count; i++) {
        const uint32_t edge = d->combined[i];
        for (uint32_t part = window->part_begin[edge]; part < window->part_begin[edge + 1]; part++) {
            d->part_weights[part] = NOT_OVERRIDDEN;
        }
    }
    d->combined_count = 0;
}

/* Appends to the committed edges; whether the edge is one of the cell is checked here. */
static otr_status add_edge(otr_window_decoder *d, uint32_t history_edge) {
    const otr_graph *const history = d->window->history;
    const uint32_t ends[2] = {history->edge_node1[history_edge], history->edge_node2[history_edge]};
    bool is_owned = false;
    for (int i = 0; i < 2; i++) {
        const uint32_t node = otr_window_number(&d->window->nodes, ends[i]);
        is_owned |= node != OTR_NONE && otr_bit_get(d->window->in_cell, node);
    }
    if (!is_owned) {
        return OTR_OK;
    }
    if (!OTR_ARRAY_GROW(d->edges, d->edge_count, d->edge_capacity)) {
        return OTR_ERR_MEMORY;
    }
    d->edges[d->edge_count++] = history_edge;
    return OTR_OK;
}

/* Matches the events in d->row, without those that hard use explains, and gathers the cell's edges. */
static otr_status match(otr_window_decoder *d, const otr_predecoded *cell, uint32_t *event_count) {
    const size_t override_count = d->override_count;
    otr_status status = match_once(d, cell, event_count);
    if (status != OTR_ERR_ODD_PARITY) {
        return status;
    }
    status = add_last_resorts(d);
    if (status != OTR_OK) {
        return status;
    }
    return d->override_count > override_count ? match_once(d, cell, event_count) : OTR_ERR_ODD_PARITY;
}

static otr_status match_once(otr_window_decoder *d, const otr_predecoded *cell, uint32_t *event_count) {
    const otr_cell_shot shot = {.detectors = d->row,
                                .overrides = d->overrides,
                                .override_count = d->override_count,
                                .weight_offset = cell->weight_offset,
                                .recalled = d->recalled,
                                .recalled_count = d->recalled_count};
    otr_cell_answer answer;
    otr_status status;
    flip_ends(d, cell, true);
    status = d->likelihood != NULL ? otr_likelihood_decode_cell(d->likelihood, &shot, &answer)
                                   : OTR_ERR_ODD_PARITY;
    if (status == OTR_ERR_ODD_PARITY) {
        status = otr_decoder_decode_cell(d->decoder, &shot, &answer);
    }
    flip_ends(d, cell, true);
    if (status != OTR_OK) {
        return status;
    }
    *event_count = answer.event_count;
    status = mark_first_pass(d, &answer);
    d->edge_count = 0;
    for (size_t i = 0; i < answer.edge_count && status == OTR_OK; i++) {
        status = add_edge(d, d->window->source[answer.edges[i]]);
    }
    for (size_t i = 0; i < cell->edge_count && status == OTR_OK; i++) {
        if (edge_of(d, cell->edges[i]) != OTR_NONE) {
            status = add_edge(d, cell->edges[i]);
        }
    }
    d->edge_count = otr_sort_cancel(d->edges, d->edge_count);
    return status;
}

static otr_status add_mark(otr_window_decoder *d, uint32_t mark) {
    if (!OTR_ARRAY_GROW(d->marks, d->mark_count, d->mark_capacity)) {
        return OTR_ERR_MEMORY;
    }
    d->marks[d->mark_count++] = mark;
    return OTR_OK;
}

/* Marks, the first of the commit, the edges of the first pass that concern higher ranks. */
static otr_status mark_first_pass(otr_window_decoder *d, const otr_cell_answer *answer) {
    const otr_window *const window = d->window;
    otr_status status = OTR_OK;
    d->mark_count = 0;
    for (size_t i = 0; i < answer->first_pass_count && status == OTR_OK; i++) {
        const uint32_t edge = answer->first_pass[i];
        if (otr_bit_get(window->informs, edge)) {
            status = add_mark(d, window->history->node_count + window->source[edge]);
        }
    }
    return status;
}

/* What the committed edges do: to the observables, to the events of the cell, and outside it. */
static otr_status commit(otr_window_decoder *d) {
    const otr_window *const window = d->window;
    const otr_graph *const history = window->history;
    memset(d->observables, 0, otr_bytes_for_bits(history->observable_count));
    for (size_t i = 0; i < d->edge_count; i++) {
        const uint32_t edge = d->edges[i];
        const uint32_t ends[2] = {history->edge_node1[edge], history->edge_node2[edge]};
        for (uint32_t k = history->observable_begin[edge]; k < history->observable_begin[edge + 1]; k++) {
            otr_bit_flip(d->observables, history->observable_list[k]);
        }
        for (int end = 0; end < 2 && ends[end] != OTR_BOUNDARY; end++) {
            const uint32_t node = otr_window_number(&window->nodes, ends[end]);
            if (node != OTR_NONE && otr_bit_get(window->in_cell, node)) {
                otr_bit_flip(d->row, node);
                continue;
            }
            const otr_status status = add_mark(d, ends[end]);
            if (status != OTR_OK) {
                return status;
            }
        }
    }
    d->mark_count = otr_sort_cancel(d->marks, d->mark_count);
    for (size_t i = 0; i < otr_bytes_for_bits(window->graph->node_count); i++) {
        if ((d->row[i] & window->in_cell[i]) != 0) {
            return OTR_ERR_RESIDUAL;
        }
    }
    return OTR_OK;
}
