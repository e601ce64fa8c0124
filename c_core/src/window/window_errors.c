#include "window/window_errors.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/sort.h"
#include "graph/graph_errors.h"
#include "model/symptoms.h"

/* An error of the window in the making, and all of them, each appended to the one before. */
typedef struct errors_build {
    const otr_window *window;
    const otr_graph_errors *history;
    otr_graph_errors *errors;
    uint64_t mask;            /* observables of the error at hand */
    otr_index_list flipped;   /* detectors of the window that it flips */
    uint32_t recalled;        /* the edge of a lower rank that it has, or OTR_NONE */
    uint32_t recalled_source; /* the same in the history's numbers */
    size_t error_capacity, mask_capacity, begin_capacity, detector_capacity;
    size_t decomposition_capacity, edge_begin_capacity, edge_capacity;
    size_t recalled_capacity, recalled_odds_capacity;
} errors_build;

static otr_status list_errors(const otr_window *window, otr_index_list *numbers);
static otr_status add_error(errors_build *build, uint32_t error);
static otr_status finish(errors_build *build);

otr_status otr_window_keep_errors(otr_window *window) {
    errors_build build = {.window = window, .history = window->history->errors};
    otr_index_list numbers = {0};
    otr_status status;
    if (build.history == NULL || build.history->list.happened_count > 0) {
        return OTR_OK;
    }
    build.errors = otr_array_zeroed(1, sizeof *build.errors);
    status = build.errors != NULL ? list_errors(window, &numbers) : OTR_ERR_MEMORY;
    for (size_t i = 0; i < numbers.count && status == OTR_OK; i++) {
        status = add_error(&build, numbers.items[i]);
    }
    status = status == OTR_OK ? finish(&build) : status;
    free(numbers.items);
    free(build.flipped.items);
    if (status != OTR_OK) {
        otr_graph_errors_destroy(build.errors);
        return status;
    }
    window->graph->errors = build.errors;
    window->graph->heap_bytes += otr_graph_errors_bytes(build.errors, window->graph->edge_count);
    return OTR_OK;
}

/* The errors of the history that have an edge of the window, ascending and distinct. */
static otr_status list_errors(const otr_window *window, otr_index_list *numbers) {
    const otr_graph_errors *const history = window->history->errors;
    const uint32_t end = window->part_begin[window->graph->edge_count];
    size_t kept = 0;
    for (uint32_t part = 0; part < end; part++) {
        const uint32_t edge = window->parts[part];
        for (size_t i = history->begin[edge]; i < history->begin[edge + 1]; i++) {
            if (!otr_index_append(numbers, history->error_of[history->decompositions[i]])) {
                return OTR_ERR_MEMORY;
            }
        }
    }
    otr_sort_indices(numbers->items, numbers->count);
    for (size_t i = 0; i < numbers->count; i++) {
        if (kept == 0 || numbers->items[i] != numbers->items[kept - 1]) {
            numbers->items[kept++] = numbers->items[i];
        }
    }
    numbers->count = kept;
    return OTR_OK;
}

/* The decompositions of an error: *first and those up to the one returned. */
static uint32_t decompositions_of(const otr_graph_errors *errors, uint32_t error, uint32_t *first) {
    uint32_t low = 0, high = errors->decomposition_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (errors->error_of[middle] < error) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *first = low;
    while (high < errors->decomposition_count && errors->error_of[high] == error) {
        high++;
    }
    return high;
}

/* How many edges of a decomposition the window has. */
static size_t count_inside(const errors_build *build, uint32_t decomposition) {
    const otr_graph_errors *const history = build->history;
    size_t count = 0;
    for (size_t i = history->edge_begin[decomposition]; i < history->edge_begin[decomposition + 1]; i++) {
        count += otr_window_number(&build->window->edges, history->edges[i]) != OTR_NONE;
    }
    return count;
}

/* Takes what the decomposition does in the window. */
static otr_status take_symptoms(errors_build *build, uint32_t decomposition) {
    const otr_window *const window = build->window;
    const otr_graph *const graph = window->history;
    const otr_graph_errors *const history = build->history;
    build->mask = 0;
    build->recalled = OTR_NONE;
    build->flipped.count = 0;
    for (size_t i = history->edge_begin[decomposition]; i < history->edge_begin[decomposition + 1]; i++) {
        const uint32_t edge = history->edges[i];
        const uint32_t ends[2] = {graph->edge_node1[edge], graph->edge_node2[edge]};
        if (otr_window_number(&window->edges, edge) == OTR_NONE) {
            const uint32_t recalled = otr_window_number(&window->recalled, edge);
            if (recalled != OTR_NONE && build->recalled == OTR_NONE) {
                build->recalled = recalled;
                build->recalled_source = edge;
            }
            continue;
        }
        build->mask ^= graph->edge_mask[edge];
        for (int end = 0; end < 2; end++) {
            const uint32_t node = otr_window_number(&window->nodes, ends[end]);
            if (node != OTR_NONE && !otr_index_append(&build->flipped, node)) {
                return OTR_ERR_MEMORY;
            }
        }
    }
    build->flipped.count = otr_sort_cancel(build->flipped.items, build->flipped.count);
    return OTR_OK;
}

/* Appends a decomposition of the error that comes next; the window's edges each once. */
static bool append_decomposition(errors_build *build, uint32_t decomposition) {
    const otr_graph_errors *const history = build->history;
    otr_graph_errors *const errors = build->errors;
    const uint32_t number = errors->decomposition_count;
    size_t begin, end;
    if (!OTR_ARRAY_GROW(errors->error_of, number, build->decomposition_capacity) ||
        !otr_array_reserve((void **)&errors->edge_begin, &build->edge_begin_capacity, (size_t)number + 2,
                           sizeof *errors->edge_begin)) {
        return false;
    }
    errors->edge_begin[0] = 0;
    begin = errors->edge_begin[number];
    end = begin;
    for (size_t i = history->edge_begin[decomposition]; i < history->edge_begin[decomposition + 1]; i++) {
        const uint32_t edge = otr_window_number(&build->window->edges, history->edges[i]);
        bool is_new = edge != OTR_NONE;
        for (size_t j = begin; j < end; j++) {
            is_new = is_new && errors->edges[j] != edge;
        }
        if (is_new) {
            if (!OTR_ARRAY_GROW(errors->edges, end, build->edge_capacity)) {
                return false;
            }
            errors->edges[end++] = edge;
        }
    }
    errors->error_of[number] = errors->list.count;
    errors->edge_begin[number + 1] = end;
    errors->decomposition_count++;
    return true;
}

/* The odds of an error of these odds, one of those that have the edge, if it was used. */
static double odds_if_used(const otr_graph *history, uint32_t edge, double odds) {
    const double share = odds / (1 + odds) / history->edge_probability[edge];
    return share < 0.5 ? share / (1 - share) : 1;
}

/* Appends the error at hand, whose decompositions are there. */
static bool append_error(errors_build *build, double odds) {
    otr_graph_errors *const errors = build->errors;
    otr_error_list *const list = &errors->list;
    size_t begin;
    if (!OTR_ARRAY_GROW(list->odds, list->count, build->error_capacity) ||
        !OTR_ARRAY_GROW(list->observables, list->count, build->mask_capacity) ||
        !OTR_ARRAY_GROW(errors->recalled, list->count, build->recalled_capacity) ||
        !OTR_ARRAY_GROW(errors->recalled_odds, list->count, build->recalled_odds_capacity) ||
        !otr_array_reserve((void **)&list->begin, &build->begin_capacity, (size_t)list->count + 2,
                           sizeof *list->begin)) {
        return false;
    }
    list->begin[0] = 0;
    begin = list->begin[list->count];
    if (!otr_array_reserve((void **)&list->detectors, &build->detector_capacity, begin + build->flipped.count,
                           sizeof *list->detectors)) {
        return false;
    }
    memcpy(list->detectors + begin, build->flipped.items, build->flipped.count * sizeof *list->detectors);
    list->odds[list->count] = odds;
    list->observables[list->count] = build->mask;
    errors->recalled[list->count] = build->recalled;
    errors->recalled_odds[list->count] =
        build->recalled != OTR_NONE ? odds_if_used(build->window->history, build->recalled_source, odds)
                                    : odds;
    list->begin[++list->count] = begin + build->flipped.count;
    return true;
}

/* An error with all of its pieces in the window keeps all of its decompositions, another one the first that
 * has edges there. */
static otr_status add_error(errors_build *build, uint32_t error) {
    const otr_graph_errors *const history = build->history;
    uint32_t first, chosen = OTR_NONE;
    const uint32_t end = decompositions_of(history, error, &first);
    bool is_whole = true;
    otr_status status;
    for (uint32_t i = first; i < end; i++) {
        const size_t inside = count_inside(build, i);
        is_whole = is_whole && inside == history->edge_begin[i + 1] - history->edge_begin[i];
        chosen = chosen == OTR_NONE && inside > 0 ? i : chosen;
    }
    status = take_symptoms(build, chosen);
    if (status != OTR_OK || build->flipped.count == 0) {
        return status;
    }
    build->mask = is_whole ? history->list.observables[error] : build->mask;
    for (uint32_t i = is_whole ? first : chosen; i < (is_whole ? end : chosen + 1); i++) {
        if (!append_decomposition(build, i)) {
            return OTR_ERR_MEMORY;
        }
    }
    return append_error(build, history->list.odds[error]) ? OTR_OK : OTR_ERR_MEMORY;
}

/* Sets what does not depend on single errors. */
static otr_status finish(errors_build *build) {
    const otr_graph *const graph = build->window->graph;
    otr_graph_errors *const errors = build->errors;
    otr_error_list *const list = &errors->list;
    list->detector_count = graph->node_count;
    list->observable_count = graph->observable_count;
    list->happened = otr_array_zeroed(otr_bytes_for_bits(graph->node_count), 1);
    list->fixed = otr_array_new(otr_bytes_for_bits(graph->node_count), 1);
    errors->recalled_count = build->window->recalled_count;
    /* Arrays that no error has made yet. */
    if (list->happened == NULL || list->fixed == NULL ||
        !otr_array_reserve((void **)&list->begin, &build->begin_capacity, 1, sizeof *list->begin) ||
        !otr_array_reserve((void **)&errors->edge_begin, &build->edge_begin_capacity, 1,
                           sizeof *errors->edge_begin)) {
        return OTR_ERR_MEMORY;
    }
    list->begin[0] = 0;
    errors->edge_begin[0] = 0;
    otr_error_list_fix(list);
    for (size_t i = 0; i < list->begin[list->count]; i++) {
        list->fixed[list->detectors[i] / 8] &= (uint8_t) ~(1u << list->detectors[i] % 8);
    }
    return otr_graph_errors_index(errors, graph->edge_count);
}
