/* One book for a stream, a node and a controller: they differ in which cells are followed and where commits
 * come from, not in the rules. `frontier` is the first followed cell that is not committed. What changes a
 * cell ends in otr_book_settle(), which commits empty cells, joins commits without holes, and prunes. */
#include "outrider/cell_book.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "window/cell_rules.h"
#include "window/plan_internal.h"

static otr_status begin(otr_cell_book *book, otr_error *error);
static otr_status check_push(const otr_cell_book *book, uint32_t detector_count, bool is_last,
                             otr_error *error);
static otr_status gather_events(otr_cell_book *book, const otr_cell *cell, otr_error *error);
static otr_status gather_marks(otr_cell_book *book, const otr_cell_entry *entry, otr_error *error);
static otr_cell_entry *find_out(const otr_cell_book *book, uint64_t number);
static otr_status place_marks(const otr_cell_book *book, const otr_cell_entry *entry,
                              const otr_commit *commit, uint64_t first);
static void set_flips(const otr_cell_book *book, otr_cell_entry *entry, const uint8_t *observables);
static uint64_t room(const otr_cell_book *book);
static otr_status import_followed(otr_cell_book *book, uint64_t number, const otr_placed_commit *commit,
                                  otr_import_outcome *outcome, uint64_t *arrived);
static otr_status import_other(otr_cell_book *book, uint64_t number, const otr_placed_commit *commit,
                               otr_import_outcome *outcome);
static otr_status check_marks(const otr_cell_book *book, const otr_placed_commit *commit);
static const otr_cell_entry *open_dependency(const otr_cell_book *book, const otr_cell_entry *entry);
static const otr_cell_entry *first_open(const otr_cell_book *book);

uint64_t otr_cell_book_layers_needed(const otr_plan *plan) {
    /* Of the cells in a chain of ranks, each waits for one that ends a cell and a buffer later. */
    const uint64_t link =
        (uint64_t)otr_plan_longest(plan) + otr_plan_events_reach(plan) + otr_plan_reach(plan);
    const uint64_t needed = otr_plan_levels(plan) * link + otr_plan_stride(plan) +
                            otr_plan_events_reach(plan) + otr_plan_lookahead(plan);
    const uint64_t all = otr_plan_layer_count(plan);
    return otr_plan_period(plan) == 0 && all < needed ? all : needed;
}

otr_cell_book_options otr_cell_book_options_default(const otr_plan *plan) {
    return (otr_cell_book_options){
        .layers_max = otr_cell_book_layers_needed(plan), .imports_max = SIZE_MAX, .marks_max = SIZE_MAX};
}

otr_status otr_cell_book_create(otr_cell_book **out, const otr_plan *plan,
                                const otr_cell_book_options *options, otr_error *error) {
    otr_cell_book *book;
    otr_status status;
    if (out == NULL || plan == NULL || options == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no plan, options or place for the book");
    }
    if (options->layers_max < otr_cell_book_layers_needed(plan) ||
        options->layers_max > OTR_CELL_BOOK_LAYERS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "a book of %llu layers; this plan needs %llu to %u",
                             (unsigned long long)options->layers_max,
                             (unsigned long long)otr_cell_book_layers_needed(plan), OTR_CELL_BOOK_LAYERS_MAX);
    }
    for (size_t i = 0; options->followed != NULL && i < options->followed_count; i++) {
        if (options->followed[i].stride == 0) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a range of cells with stride 0");
        }
    }
    book = otr_array_zeroed(1, sizeof *book);
    if (book == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    book->plan = plan;
    book->options = *options;
    status = begin(book, error);
    if (status != OTR_OK) {
        otr_cell_book_destroy(book);
        return status;
    }
    *out = book;
    return OTR_OK;
}

void otr_cell_book_destroy(otr_cell_book *book) {
    if (book == NULL) {
        return;
    }
    otr_cell_list_free(&book->cells);
    otr_layer_ring_free(&book->layers);
    free(book->followed);
    free(book->observables);
    free(book->dependencies);
    free(book->events);
    free(book->marks);
    free(book);
}

otr_status otr_cell_book_skip(otr_cell_book *book, uint64_t layer) {
    if (book == NULL || book->length > 0 || layer < book->layer_count || layer >= OTR_PLAN_HISTORY_MAX) {
        return OTR_ERR_ARGUMENT;
    }
    book->layer_count = layer;
    return OTR_OK;
}

otr_status otr_cell_book_push(otr_cell_book *book, const uint8_t *events, uint32_t detector_count,
                              bool is_last, uint64_t arrived, otr_error *error) {
    otr_ring_layer layer;
    otr_cell upcoming;
    bool has_upcoming;
    otr_status status;
    if (book == NULL || (events == NULL && detector_count > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no book or no layer");
    }
    const uint64_t length = is_last ? book->layer_count + 1 : 0;
    status = check_push(book, detector_count, is_last, error);
    if (status == OTR_OK) {
        status = otr_book_stage_cells(book, length, &upcoming, &has_upcoming, error);
    }
    if (status == OTR_OK && is_last) {
        status = otr_book_look_again(book, length, error);
    }
    if (status != OTR_OK) {
        while (book->cells.staged_count > 0) {
            otr_cell_list_return(&book->cells, book->cells.staged[--book->cells.staged_count]);
        }
        return status;
    }
    layer = (otr_ring_layer){book->layer_count, arrived, detector_count};
    otr_layer_ring_push(&book->layers, &layer, events);
    book->layer_count++;
    book->upcoming = upcoming;
    book->has_upcoming = has_upcoming;
    book->is_dirty = true;
    if (is_last) {
        book->length = length;
        otr_book_drop_beyond(book, length);
    }
    /* Without a change among the cells there is nothing to settle. */
    if (otr_book_enter_staged(book) > 0 || is_last || book->open == 0 || book->open_empty > 0) {
        otr_book_settle(book);
    }
    return OTR_OK;
}

bool otr_cell_book_next(otr_cell_book *book, otr_cell *out) {
    if (book == NULL || out == NULL || !book->is_dirty) {
        return false;
    }
    for (size_t i = otr_cell_list_find(&book->cells, book->frontier); i < book->cells.count; i++) {
        otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        if (entry->stage == OTR_CELL_WAITING && !entry->cell.is_empty &&
            otr_book_is_final(book, &entry->cell) && otr_book_is_decidable(book, entry)) {
            entry->stage = OTR_CELL_OUT;
            book->out++;
            *out = entry->cell;
            return true;
        }
    }
    book->is_dirty = false;
    return false;
}

otr_status otr_cell_book_input(otr_cell_book *book, uint64_t number, otr_cell_input *out, otr_error *error) {
    const otr_cell_entry *const entry = book != NULL ? find_out(book, number) : NULL;
    otr_status status = OTR_OK;
    if (entry == NULL || out == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "cell %llu is not out",
                             (unsigned long long)number);
    }
    /* All that a cell which is out depends on is there to stay. */
    if (!book->has_gathered || book->gathered != number) {
        book->has_gathered = false;
        status = gather_events(book, &entry->cell, error);
        if (status == OTR_OK) {
            status = gather_marks(book, entry, error);
        }
    }
    if (status == OTR_OK) {
        book->has_gathered = true;
        book->gathered = number;
        *out = (otr_cell_input){.events = book->events,
                                .event_count = book->event_count,
                                .marks = book->marks,
                                .mark_count = book->mark_count,
                                .arrived = book->gathered_arrived};
    }
    return status;
}

otr_status otr_cell_book_commit(otr_cell_book *book, uint64_t number, const otr_commit *commit) {
    otr_cell_entry *const entry = book != NULL ? find_out(book, number) : NULL;
    size_t room;
    if (entry == NULL || commit == NULL || (commit->observables == NULL && book->observable_bytes > 0) ||
        (commit->marks == NULL && commit->mark_count > 0) || commit->mark_count > book->marks_max) {
        return OTR_ERR_ARGUMENT;
    }
    room = commit->mark_count > book->marks_usual ? commit->mark_count : book->marks_usual;
    if (!otr_array_reserve((void **)&entry->marks, &entry->mark_capacity, room, sizeof *entry->marks)) {
        return OTR_ERR_MEMORY;
    }
    const uint64_t reach = otr_plan_reach(book->plan);
    const uint64_t first = entry->cell.first_layer > reach ? entry->cell.first_layer - reach : 0;
    const otr_status status = place_marks(book, entry, commit, first);
    if (status != OTR_OK) {
        return status;
    }
    entry->marks_layer = first;
    book->marks_total += commit->mark_count - entry->mark_count;
    entry->mark_count = commit->mark_count;
    set_flips(book, entry, commit->observables);
    book->out--;
    book->has_gathered = book->has_gathered && book->gathered != number;
    book->is_dirty = true;
    otr_book_set_committed(book, entry);
    otr_book_settle(book);
    return OTR_OK;
}

otr_status otr_cell_book_import(otr_cell_book *book, uint64_t number, const otr_placed_commit *commit,
                                otr_import_outcome *outcome, uint64_t *arrived) {
    if (book == NULL || commit == NULL || outcome == NULL || arrived == NULL ||
        (commit->marks == NULL && commit->mark_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    return otr_book_is_followed(book, number) ? import_followed(book, number, commit, outcome, arrived)
                                              : import_other(book, number, commit, outcome);
}

otr_status otr_cell_book_check(const otr_cell_book *book, uint64_t number, const otr_placed_commit *commit) {
    otr_cell cell;
    if (book == NULL || commit == NULL || (commit->marks == NULL && commit->mark_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    return otr_plan_cell(book->plan, number, book->length, &cell) == OTR_OK ? check_marks(book, commit)
                                                                            : OTR_ERR_INDEX;
}

void otr_cell_book_reopen(otr_cell_book *book) {
    for (size_t i = otr_cell_list_find(&book->cells, book->frontier); i < book->cells.count; i++) {
        otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        if (entry->is_followed && entry->stage == OTR_CELL_COMMITTED) {
            entry->stage = OTR_CELL_WAITING;
            entry->is_reopened = true;
            entry->blocker = entry->cell.number;
            book->open++;
            book->open_empty += entry->cell.is_empty ? 1 : 0;
        }
    }
    book->is_dirty = true;
}

void otr_cell_book_look(const otr_cell_book *book, otr_cell_book_state *out) {
    const bool has_ended = book->length > 0;
    const bool is_finished = has_ended && book->open == 0;
    const uint64_t open = book->first_open_layer;
    *out = (otr_cell_book_state){
        .layers = book->layer_count,
        .held = book->layers.count,
        .kept_from = book->kept_from,
        .room = room(book),
        .committed = !is_finished && open < book->layer_count ? open : book->layer_count,
        .first_cell = book->cells.count > 0 ? otr_cell_list_at(&book->cells, 0)->cell.number : book->entered,
        .cells = book->frontier,
        .entered = book->entered,
        .commits = book->commits,
        .open = book->open,
        .out = book->out,
        .observables = book->observables,
        .has_ended = has_ended,
        .is_finished = is_finished};
}

uint64_t otr_cell_book_held(const otr_cell_book *book) {
    return book->layers.count;
}

bool otr_cell_book_need(const otr_cell_book *book, uint64_t number, otr_cell_need *out) {
    for (size_t i = otr_cell_list_find(&book->cells, number); i < book->cells.count; i++) {
        const otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        if (entry->is_followed) {
            *out = (otr_cell_need){.number = entry->cell.number,
                                   .first_layer = entry->cell.events_first,
                                   .end_layer = entry->cell.ready_layers,
                                   .is_committed = entry->stage == OTR_CELL_COMMITTED,
                                   .is_empty = entry->cell.is_empty};
            return true;
        }
    }
    return false;
}

otr_status otr_cell_book_dependencies(const otr_cell_book *book, uint64_t number, const uint64_t **numbers,
                                      size_t *count) {
    const otr_cell_entry *const entry = otr_cell_list_get(&book->cells, number);
    if (entry == NULL || !entry->is_followed) {
        return OTR_ERR_INDEX;
    }
    *numbers = entry->dependencies;
    *count = entry->dependency_count;
    return OTR_OK;
}

bool otr_cell_book_commit_of(const otr_cell_book *book, uint64_t number, otr_placed_commit *out) {
    const otr_cell_entry *const entry = otr_cell_list_get(&book->cells, number);
    if (entry == NULL || entry->stage != OTR_CELL_COMMITTED) {
        return false;
    }
    *out = (otr_placed_commit){.observables = entry->flips,
                               .layer = entry->marks_layer,
                               .marks = entry->marks,
                               .mark_count = entry->mark_count};
    return true;
}

bool otr_cell_book_is_committed(const otr_cell_book *book, uint64_t number) {
    const otr_cell_entry *const entry = otr_cell_list_get(&book->cells, number);
    return entry != NULL && entry->stage == OTR_CELL_COMMITTED;
}

bool otr_cell_book_layer(const otr_cell_book *book, uint64_t layer, otr_kept_layer *out) {
    const otr_ring_layer *const found = otr_layer_ring_get(&book->layers, layer);
    if (found == NULL) {
        return false;
    }
    *out = (otr_kept_layer){.events = book->layers.bits +
                                      (size_t)(found - book->layers.layers) * book->layers.layer_bytes,
                            .detector_count = found->detector_count,
                            .arrived = found->arrived};
    return true;
}

bool otr_cell_book_awaited(const otr_cell_book *book, uint64_t *number, uint64_t *arrived) {
    const otr_cell_entry *entry = NULL;
    const otr_cell_entry *next = first_open(book);
    /* Ranks fall from a cell to those that it waits for, so this ends. */
    while (next != NULL) {
        entry = next;
        next = open_dependency(book, entry);
    }
    if (entry == NULL) {
        return false;
    }
    const uint64_t end =
        book->length > 0 && book->length < entry->cell.ready_layers ? book->length : entry->cell.ready_layers;
    const otr_ring_layer *const last = otr_layer_ring_get(&book->layers, end - 1);
    if (last == NULL) {
        return false;
    }
    *number = entry->cell.number;
    *arrived = last->arrived;
    return true;
}

size_t otr_cell_book_bytes(const otr_cell_book *book) {
    const otr_layer_ring *const layers = &book->layers;
    const size_t ranges = book->options.followed != NULL ? book->options.followed_count : 0;
    return sizeof *book + layers->capacity * (layers->layer_bytes + sizeof *layers->layers) +
           otr_cell_list_bytes(&book->cells) + ranges * sizeof *book->followed + book->observable_bytes +
           book->dependencies_max * sizeof *book->dependencies + book->event_capacity * sizeof *book->events +
           book->mark_capacity * sizeof *book->marks;
}

static otr_status begin(otr_cell_book *book, otr_error *error) {
    const otr_plan *const plan = book->plan;
    const otr_cell_book_options *const options = &book->options;
    const size_t layers_marked = (size_t)otr_plan_longest(plan) + 2 * (size_t)otr_plan_reach(plan);
    const size_t layer_bytes = otr_bytes_for_bits(otr_plan_width(plan));
    const size_t range_count = options->followed != NULL ? options->followed_count : 0;
    bool has_memory;
    book->observable_bytes = otr_bytes_for_bits(otr_graph_observable_count(otr_plan_graph(plan)));
    book->cells.flip_bytes = book->observable_bytes;
    book->dependencies_max = otr_plan_dependencies_max(plan);
    /* Marks lie on a cell's own layers, or as far before and after it as an edge reaches. Edges are marked
     * near the cell's borders only, as a rule fewer than there are detectors. */
    book->marks_max = layers_marked * otr_plan_marks_width(plan);
    book->marks_usual = layers_marked * otr_plan_width(plan);
    book->layer_count = options->first_layer;
    book->kept_from = options->first_layer;
    book->first_open_layer = UINT64_MAX;
    book->is_dirty = true;
    has_memory = otr_layer_ring_init(&book->layers, (size_t)options->layers_max, layer_bytes);
    book->followed = otr_array_new(range_count, sizeof *book->followed);
    book->observables = otr_array_zeroed(book->observable_bytes, 1);
    book->dependencies = otr_array_new(book->dependencies_max, sizeof *book->dependencies);
    if (!has_memory || book->followed == NULL || book->observables == NULL || book->dependencies == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    if (options->followed != NULL) {
        if (range_count > 0) {
            memcpy(book->followed, options->followed, range_count * sizeof *book->followed);
        }
        book->options.followed = book->followed;
    }
    if (otr_book_find_followed(book, 0, 0, &book->upcoming, &book->has_upcoming) != OTR_OK) {
        return otr_error_set(error, OTR_ERR_INDEX, 0, 0, "cells beyond every history");
    }
    return OTR_OK;
}

static otr_cell_entry *find_out(const otr_cell_book *book, uint64_t number) {
    otr_cell_entry *const entry = otr_cell_list_get(&book->cells, number);
    return entry != NULL && entry->stage == OTR_CELL_OUT ? entry : NULL;
}

/* Whether a followed cell can have left a mark in this place: near itself, and at a place that the layer has.
 */
static bool is_near(const otr_cell_book *book, const otr_cell *cell, int64_t layer, uint32_t index) {
    const int64_t reach = otr_plan_reach(book->plan);
    return layer >= 0 && layer >= (int64_t)cell->first_layer - reach &&
           layer < (int64_t)cell->end_layer + reach &&
           index < otr_plan_layer_marks(book->plan, (uint64_t)layer, book->length);
}

/* Writes the marks of a commit, in the numbers of the reference, as marks of an entry: they count from
 * `first`. */
static otr_status place_marks(const otr_cell_book *book, const otr_cell_entry *entry,
                              const otr_commit *commit, uint64_t first) {
    for (size_t i = 0; i < commit->mark_count; i++) {
        uint32_t layer, index;
        if (otr_plan_place(book->plan, commit->marks[i], &layer, &index) != OTR_OK ||
            !is_near(book, &entry->cell, layer + entry->cell.shift, index)) {
            return OTR_ERR_INDEX;
        }
        entry->marks[i] = (otr_placed_mark){(uint32_t)((uint64_t)(layer + entry->cell.shift) - first), index};
    }
    return OTR_OK;
}

static void set_flips(const otr_cell_book *book, otr_cell_entry *entry, const uint8_t *observables) {
    const uint32_t used = otr_graph_observable_count(otr_plan_graph(book->plan)) % 8;
    if (book->observable_bytes > 0) {
        memcpy(entry->flips, observables, book->observable_bytes);
        entry->flips[book->observable_bytes - 1] &= (uint8_t)(used > 0 ? (1u << used) - 1 : 0xFFu);
    }
}

/* Keeps what was imported for a cell, if there is memory. */
static bool take_import(otr_cell_book *book, otr_cell_entry *entry, const otr_placed_commit *commit) {
    if (!otr_array_reserve((void **)&entry->marks, &entry->mark_capacity, commit->mark_count,
                           sizeof *entry->marks)) {
        return false;
    }
    if (commit->mark_count > 0) {
        memcpy(entry->marks, commit->marks, commit->mark_count * sizeof *entry->marks);
    }
    entry->marks_layer = commit->layer;
    book->marks_total += commit->mark_count - entry->mark_count;
    entry->mark_count = commit->mark_count;
    if (commit->observables != NULL) {
        set_flips(book, entry, commit->observables);
    }
    return true;
}

/* Whether a commit is the same as that of an entry; from which layer its marks count does not matter. */
static bool is_same(const otr_cell_book *book, const otr_cell_entry *entry, const otr_placed_commit *commit) {
    const uint32_t used = otr_graph_observable_count(otr_plan_graph(book->plan)) % 8;
    bool same = commit->mark_count == entry->mark_count;
    for (size_t i = 0; same && i < book->observable_bytes; i++) {
        const uint8_t flips = commit->observables != NULL ? commit->observables[i] : 0;
        const uint32_t mask = used > 0 && i + 1 == book->observable_bytes ? (1u << used) - 1 : 0xFFu;
        same = (flips & mask) == entry->flips[i];
    }
    for (size_t i = 0; same && i < commit->mark_count; i++) {
        same = commit->layer + commit->marks[i].layer == entry->marks_layer + entry->marks[i].layer &&
               commit->marks[i].index == entry->marks[i].index;
    }
    return same;
}

static otr_status import_followed(otr_cell_book *book, uint64_t number, const otr_placed_commit *commit,
                                  otr_import_outcome *outcome, uint64_t *arrived) {
    otr_cell_entry *const entry = otr_cell_list_get(&book->cells, number);
    if (entry == NULL && number < book->frontier) {
        *outcome = OTR_IMPORT_LATE;
        return OTR_OK;
    }
    if (entry == NULL || entry->stage == OTR_CELL_OUT || !otr_book_is_final(book, &entry->cell)) {
        return OTR_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < commit->mark_count; i++) {
        const uint64_t layer = commit->layer + commit->marks[i].layer;
        if (commit->layer >= OTR_PLAN_HISTORY_MAX ||
            !is_near(book, &entry->cell, (int64_t)layer, commit->marks[i].index)) {
            return OTR_ERR_INDEX;
        }
    }
    if (entry->stage == OTR_CELL_COMMITTED || entry->is_reopened) {
        *outcome = is_same(book, entry, commit) ? OTR_IMPORT_SAME : OTR_IMPORT_DIFFERENT;
    } else if (take_import(book, entry, commit)) {
        const otr_ring_layer *const last = otr_layer_ring_get(
            &book->layers,
            (entry->cell.ready_layers < book->layer_count ? entry->cell.ready_layers : book->layer_count) -
                1);
        *outcome = OTR_IMPORT_NEW;
        *arrived = last != NULL ? last->arrived : 0;
    } else {
        return OTR_ERR_MEMORY;
    }
    if (entry->stage != OTR_CELL_COMMITTED) {
        book->is_dirty = true;
        otr_book_set_committed(book, entry);
        otr_book_settle(book);
    }
    return OTR_OK;
}

/* OTR_ERR_INDEX for a mark that no history has. */
static otr_status check_marks(const otr_cell_book *book, const otr_placed_commit *commit) {
    for (size_t i = 0; i < commit->mark_count; i++) {
        const uint64_t layer = commit->layer + commit->marks[i].layer;
        /* Whoever decided the cell may have had the end when it is not known here. */
        if (commit->layer >= OTR_PLAN_HISTORY_MAX ||
            commit->marks[i].index >= (book->length > 0
                                           ? otr_plan_layer_marks(book->plan, layer, book->length)
                                           : otr_plan_layer_marks_max(book->plan, layer))) {
            return OTR_ERR_INDEX;
        }
    }
    return OTR_OK;
}

static otr_status import_other(otr_cell_book *book, uint64_t number, const otr_placed_commit *commit,
                               otr_import_outcome *outcome) {
    const size_t place = otr_cell_list_find(&book->cells, number);
    otr_cell cell;
    otr_cell_entry *entry;
    otr_status status = check_marks(book, commit);
    if (status == OTR_OK && otr_plan_cell(book->plan, number, book->length, &cell) != OTR_OK) {
        status = OTR_ERR_INDEX;
    }
    if (status != OTR_OK) {
        return status;
    }
    if (book->imports >= book->options.imports_max || book->marks_total > book->options.marks_max ||
        commit->mark_count > book->options.marks_max - book->marks_total) {
        return OTR_ERR_LIMIT;
    }
    if (place < book->cells.count && otr_cell_list_at(&book->cells, place)->cell.number == number) {
        *outcome = OTR_IMPORT_SAME;
        return OTR_OK;
    }
    if (otr_book_is_past(book, &cell)) {
        *outcome = OTR_IMPORT_LATE;
        return OTR_OK;
    }
    entry = otr_cell_list_take(&book->cells);
    if (entry == NULL) {
        return OTR_ERR_MEMORY;
    }
    if (!take_import(book, entry, commit)) {
        otr_cell_list_return(&book->cells, entry);
        return OTR_ERR_MEMORY;
    }
    entry->cell = cell;
    entry->stage = OTR_CELL_COMMITTED;
    otr_cell_list_insert(&book->cells, place, entry);
    book->imports++;
    book->is_dirty = true;
    *outcome = OTR_IMPORT_NEW;
    return OTR_OK;
}

static uint64_t room(const otr_cell_book *book) {
    return book->length > 0 ? 0 : book->layers.capacity - book->layers.count;
}

/* A dependency that has entered and is not committed; NULL if there is none. */
static const otr_cell_entry *open_dependency(const otr_cell_book *book, const otr_cell_entry *entry) {
    for (size_t i = 0; i < entry->dependency_count; i++) {
        const otr_cell_entry *const other = otr_cell_list_get(&book->cells, entry->dependencies[i]);
        if (other != NULL && other->stage != OTR_CELL_COMMITTED) {
            return other;
        }
    }
    return NULL;
}

/* The first open cell; NULL if there is none. */
static const otr_cell_entry *first_open(const otr_cell_book *book) {
    for (size_t i = otr_cell_list_find(&book->cells, book->frontier); i < book->cells.count; i++) {
        const otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        if (entry->stage != OTR_CELL_COMMITTED) {
            return entry;
        }
    }
    return NULL;
}

static otr_status gather_events(otr_cell_book *book, const otr_cell *cell, otr_error *error) {
    const otr_layer_ring *const layers = &book->layers;
    const size_t most = (cell->events_end - cell->events_first) * layers->layer_bytes * 8;
    size_t place = otr_layer_ring_find(layers, cell->events_first);
    book->event_count = 0;
    book->gathered_arrived = 0;
    if (!otr_array_reserve((void **)&book->events, &book->event_capacity, most, sizeof *book->events)) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint64_t layer = cell->events_first; layer < cell->events_end; layer++, place++) {
        const size_t slot = otr_layer_ring_slot(layers, place);
        const uint8_t *const row = layers->bits + slot * layers->layer_bytes;
        uint32_t begin = 0;
        otr_status status = OTR_OK;
        if (place >= layers->count || layers->layers[slot].number != layer) {
            return otr_error_set(error, OTR_ERR_INDEX, 0, 0, "a round that cell %llu needs was left out",
                                 (unsigned long long)cell->number);
        }
        if (layers->layers[slot].detector_count > 0) {
            status = otr_plan_mark(book->plan, (uint32_t)((int64_t)layer - cell->shift), 0, &begin);
        }
        if (status != OTR_OK) {
            return otr_error_set(error, status, 0, 0, "layer %llu is not in the reference",
                                 (unsigned long long)layer);
        }
        if (layers->layers[slot].arrived > book->gathered_arrived) {
            book->gathered_arrived = layers->layers[slot].arrived;
        }
        for (size_t byte = 0; byte < layers->layer_bytes; byte++) {
            for (uint32_t bits = row[byte]; bits != 0; bits &= bits - 1) {
                book->events[book->event_count++] = begin + (uint32_t)(8 * byte) + otr_ctz64(bits);
            }
        }
    }
    return OTR_OK;
}

/* The marks of the cells that it depends on, those near it. Cells that are not kept are too far back to have
 * left any here. */
static otr_status gather_marks(otr_cell_book *book, const otr_cell_entry *entry, otr_error *error) {
    const otr_cell *const cell = &entry->cell;
    book->mark_count = 0;
    if (!otr_array_reserve((void **)&book->marks, &book->mark_capacity,
                           entry->dependency_count * book->marks_usual, sizeof *book->marks)) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (size_t i = 0; i < entry->dependency_count; i++) {
        const otr_cell_entry *const other = otr_cell_list_get(&book->cells, entry->dependencies[i]);
        for (size_t k = 0; other != NULL && k < other->mark_count; k++) {
            const uint64_t layer = other->marks_layer + other->marks[k].layer;
            if (layer < cell->marks_first || layer >= cell->marks_end) {
                continue;
            }
            if (!OTR_ARRAY_GROW(book->marks, book->mark_count, book->mark_capacity)) {
                return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
            }
            const otr_status status = otr_plan_mark(book->plan, (uint32_t)((int64_t)layer - cell->shift),
                                                    other->marks[k].index, &book->marks[book->mark_count++]);
            if (status != OTR_OK) {
                return otr_error_set(error, status, 0, 0, "cell %llu has left a mark that is none",
                                     (unsigned long long)other->cell.number);
            }
        }
    }
    return OTR_OK;
}

static otr_status check_push(const otr_cell_book *book, uint32_t detector_count, bool is_last,
                             otr_error *error) {
    const uint64_t layer = book->layer_count;
    const bool is_whole = otr_plan_period(book->plan) == 0;
    const uint64_t length = is_last ? layer + 1 : is_whole ? otr_plan_layer_count(book->plan) : 0;
    uint32_t width;
    if (book->length > 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "layer %llu comes after the last one",
                             (unsigned long long)layer);
    }
    if (room(book) == 0) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "no room for layer %llu: the book holds %llu, and none is committed",
                             (unsigned long long)layer, (unsigned long long)book->options.layers_max);
    }
    if (is_last) {
        const otr_status status = otr_plan_check_length(book->plan, length, error);
        if (status != OTR_OK) {
            return status;
        }
    } else if (layer + 1 >= (is_whole ? length : OTR_PLAN_HISTORY_MAX)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "layer %llu must be the last one",
                             (unsigned long long)layer);
    }
    width = otr_plan_layer_detectors(book->plan, layer, length);
    if (width != detector_count) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "layer %llu has %u detectors, not %u",
                             (unsigned long long)layer, width, detector_count);
    }
    return OTR_OK;
}
