/* Keeps the books of a history that is being decided. Layers and cells lie in rings. `frontier` is the first
 * cell that is not committed; cells before it wait in the ring only as long as their marks may be
 * wanted, layers only as long as a cell from the frontier on may look at them. */
#include "outrider/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "window/plan_internal.h"

typedef enum stage { STAGE_WAITING = 0, STAGE_OUT = 1, STAGE_COMMITTED = 2 } stage;

/* A mark of the history; `index` as of otr_plan_mark. */
typedef struct mark {
    uint64_t layer;
    uint32_t index;
} mark;

typedef struct slot {
    otr_cell cell;
    stage stage;
    uint64_t blocker; /* a cell that it waits for; its own number if none is known */
    mark *marks;
    size_t mark_count, mark_capacity;
} slot;

struct otr_stream {
    const otr_plan *plan;
    uint64_t layers_max;
    size_t layer_bytes;
    uint8_t *layers; /* layers_max of layer_bytes each; layer l is number l % layers_max */
    uint64_t layer_count;
    uint64_t length; /* of the history, 0 until its end is known */

    size_t marks_max;   /* of one commit */
    size_t marks_usual; /* of one commit, for which there is room beforehand */
    uint64_t cells_max;
    slot *slots;             /* cells_max; cell n is number n % cells_max */
    uint8_t *flips;          /* observables of each slot's commit */
    uint64_t first, entered; /* cells first .. entered - 1 are in the ring */
    uint64_t frontier;
    uint64_t committed; /* layer */
    size_t observable_bytes;
    uint8_t *observables;

    size_t dependencies_max;
    uint64_t *dependencies;
    uint32_t *events;
    size_t event_count, event_capacity;
    uint32_t *marks;
    size_t mark_count, mark_capacity;
};

static otr_status allocate(otr_stream *stream);
static otr_status check_push(const otr_stream *stream, uint32_t detector_count, int is_last,
                             otr_error *error);
static uint64_t room(const otr_stream *stream);
static void enter_cells(otr_stream *stream);
static void pass_empty_cells(otr_stream *stream);
static void advance(otr_stream *stream);
static int is_committed(const otr_stream *stream, uint64_t number);
static int is_decidable(otr_stream *stream, slot *slot);
static otr_status gather_events(otr_stream *stream, const otr_cell *cell);
static otr_status gather_marks(otr_stream *stream, const otr_cell *cell);

uint64_t otr_stream_layers_needed(const otr_plan *plan) {
    /* Of the cells in a chain of ranks, each waits for one that ends a cell and a buffer later. */
    const uint64_t link =
        (uint64_t)otr_plan_longest(plan) + otr_plan_events_reach(plan) + otr_plan_reach(plan);
    const uint64_t needed = otr_plan_levels(plan) * link + otr_plan_stride(plan) +
                            otr_plan_events_reach(plan) + otr_plan_lookahead(plan);
    const uint64_t all = otr_plan_layer_count(plan);
    return otr_plan_period(plan) == 0 && all < needed ? all : needed;
}

otr_status otr_stream_create(otr_stream **out, const otr_plan *plan, uint64_t layers_max, otr_error *error) {
    otr_stream *stream;
    if (out == NULL || plan == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no plan or no place for the stream");
    }
    if (layers_max < otr_stream_layers_needed(plan) || layers_max > OTR_STREAM_LAYERS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "a stream of %llu layers; this plan needs %llu to %u",
                             (unsigned long long)layers_max,
                             (unsigned long long)otr_stream_layers_needed(plan), OTR_STREAM_LAYERS_MAX);
    }
    stream = otr_array_zeroed(1, sizeof *stream);
    if (stream == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    stream->plan = plan;
    stream->layers_max = layers_max;
    if (allocate(stream) != OTR_OK) {
        otr_stream_destroy(stream);
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    *out = stream;
    return OTR_OK;
}

static otr_status allocate(otr_stream *stream) {
    const otr_plan *const plan = stream->plan;
    const uint64_t span = stream->layers_max + otr_plan_events_reach(plan) + otr_plan_reach(plan);
    const size_t layers_marked = (size_t)otr_plan_longest(plan) + 2 * (size_t)otr_plan_reach(plan);
    stream->layer_bytes = otr_bytes_for_bits(otr_plan_width(plan));
    stream->observable_bytes = otr_bytes_for_bits(otr_graph_observable_count(otr_plan_graph(plan)));
    stream->dependencies_max = otr_plan_dependencies_max(plan);
    /* Marks lie on a cell's own layers, or as far before and after it as an edge reaches. Edges are marked
     * near the cell's borders only, as a rule fewer than there are detectors. */
    stream->marks_max = layers_marked * otr_plan_marks_width(plan);
    stream->marks_usual = layers_marked * otr_plan_width(plan);
    stream->cells_max =
        (span / otr_plan_stride(plan) + 3) * otr_plan_stride_cells(plan) * otr_plan_row_count(plan);
    stream->layers = otr_array_zeroed(stream->layers_max, stream->layer_bytes);
    stream->slots = otr_array_zeroed(stream->cells_max, sizeof *stream->slots);
    /* One byte more, so that without observables these are arrays all the same. */
    stream->flips = otr_array_zeroed(stream->cells_max * stream->observable_bytes + 1, 1);
    stream->observables = otr_array_zeroed(stream->observable_bytes + 1, 1);
    stream->dependencies = otr_array_new(stream->dependencies_max, sizeof *stream->dependencies);
    return stream->layers != NULL && stream->slots != NULL && stream->flips != NULL &&
                   stream->observables != NULL && stream->dependencies != NULL
               ? OTR_OK
               : OTR_ERR_MEMORY;
}

void otr_stream_destroy(otr_stream *stream) {
    if (stream == NULL) {
        return;
    }
    for (uint64_t i = 0; stream->slots != NULL && i < stream->cells_max; i++) {
        free(stream->slots[i].marks);
    }
    free(stream->layers);
    free(stream->slots);
    free(stream->flips);
    free(stream->observables);
    free(stream->dependencies);
    free(stream->events);
    free(stream->marks);
    free(stream);
}

otr_status otr_stream_push(otr_stream *stream, const uint8_t *events, uint32_t detector_count, int is_last,
                           otr_error *error) {
    const size_t bytes = otr_bytes_for_bits(detector_count);
    uint8_t *layer;
    otr_status status;
    if (stream == NULL || (events == NULL && detector_count > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no stream or no layer");
    }
    status = check_push(stream, detector_count, is_last, error);
    if (status != OTR_OK) {
        return status;
    }
    layer = stream->layers + stream->layer_count % stream->layers_max * stream->layer_bytes;
    memset(layer, 0, stream->layer_bytes);
    memcpy(layer, events, bytes);
    if (detector_count % 8 != 0) {
        layer[bytes - 1] &= (uint8_t)((1u << detector_count % 8) - 1);
    }
    stream->layer_count++;
    if (is_last) {
        stream->length = stream->layer_count;
        for (uint64_t number = stream->frontier; number < stream->entered; number++) {
            slot *const slot = &stream->slots[number % stream->cells_max];
            slot->blocker = number;
            if (slot->stage == STAGE_WAITING) {
                (void)otr_plan_cell(stream->plan, number, stream->length, &slot->cell);
            }
        }
    }
    enter_cells(stream);
    pass_empty_cells(stream);
    advance(stream);
    return OTR_OK;
}

int otr_stream_next(otr_stream *stream, otr_cell *out) {
    if (stream == NULL || out == NULL) {
        return 0;
    }
    for (uint64_t number = stream->frontier; number < stream->entered; number++) {
        slot *const slot = &stream->slots[number % stream->cells_max];
        if (slot->stage == STAGE_WAITING && slot->cell.ready_layers <= stream->layer_count &&
            is_decidable(stream, slot)) {
            slot->stage = STAGE_OUT;
            *out = slot->cell;
            return 1;
        }
    }
    return 0;
}

static slot *find_out(otr_stream *stream, uint64_t number) {
    slot *const slot = &stream->slots[number % stream->cells_max];
    return number >= stream->frontier && number < stream->entered && slot->stage == STAGE_OUT ? slot : NULL;
}

otr_status otr_stream_input(otr_stream *stream, uint64_t number, const uint32_t **events, size_t *event_count,
                            const uint32_t **marks, size_t *mark_count) {
    const slot *const slot = stream != NULL ? find_out(stream, number) : NULL;
    otr_status status;
    if (slot == NULL || events == NULL || event_count == NULL || marks == NULL || mark_count == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = gather_events(stream, &slot->cell);
    if (status == OTR_OK) {
        status = gather_marks(stream, &slot->cell);
    }
    if (status == OTR_OK) {
        *events = stream->events;
        *event_count = stream->event_count;
        *marks = stream->marks;
        *mark_count = stream->mark_count;
    }
    return status;
}

/* Where a mark of a cell's commit is in the history. OTR_ERR_INDEX if it is not near the cell. */
static otr_status find_mark(const otr_stream *stream, const otr_cell *cell, uint32_t number, mark *out) {
    const int64_t reach = otr_plan_reach(stream->plan);
    uint32_t layer, index;
    int64_t own;
    if (otr_plan_place(stream->plan, number, &layer, &index) != OTR_OK) {
        return OTR_ERR_INDEX;
    }
    own = layer + cell->shift;
    if (own < 0 || own < (int64_t)cell->first_layer - reach || own >= (int64_t)cell->end_layer + reach ||
        index >= otr_plan_layer_marks(stream->plan, (uint64_t)own, stream->length)) {
        return OTR_ERR_INDEX;
    }
    *out = (mark){.layer = (uint64_t)own, .index = index};
    return OTR_OK;
}

otr_status otr_stream_commit(otr_stream *stream, uint64_t number, const otr_commit *commit) {
    slot *const slot = stream != NULL ? find_out(stream, number) : NULL;
    uint8_t *flips;
    if (slot == NULL || commit == NULL || (commit->observables == NULL && stream->observable_bytes > 0) ||
        (commit->marks == NULL && commit->mark_count > 0) || commit->mark_count > stream->marks_max) {
        return OTR_ERR_ARGUMENT;
    }
    if (!otr_array_reserve((void **)&slot->marks, &slot->mark_capacity,
                           commit->mark_count > stream->marks_usual ? commit->mark_count
                                                                    : stream->marks_usual,
                           sizeof *slot->marks)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < commit->mark_count; i++) {
        const otr_status status = find_mark(stream, &slot->cell, commit->marks[i], &slot->marks[i]);
        if (status != OTR_OK) {
            return status;
        }
    }
    slot->mark_count = commit->mark_count;
    flips = stream->flips + number % stream->cells_max * stream->observable_bytes;
    if (stream->observable_bytes > 0) {
        const uint32_t used = otr_graph_observable_count(otr_plan_graph(stream->plan)) % 8;
        memcpy(flips, commit->observables, stream->observable_bytes);
        flips[stream->observable_bytes - 1] &= (uint8_t)(used > 0 ? (1u << used) - 1 : 0xFFu);
    }
    slot->stage = STAGE_COMMITTED;
    advance(stream);
    return OTR_OK;
}

void otr_stream_look(const otr_stream *stream, otr_stream_state *out) {
    const int has_ended = stream->length > 0;
    const int is_finished =
        has_ended && stream->frontier >= otr_plan_cell_count(stream->plan, stream->length);
    *out = (otr_stream_state){.layers = stream->layer_count,
                              .room = room(stream),
                              .committed = is_finished ? stream->length : stream->committed,
                              .cells = stream->frontier,
                              .observables = stream->observables,
                              .has_ended = has_ended,
                              .is_finished = is_finished};
}

size_t otr_stream_bytes(const otr_stream *stream) {
    size_t bytes = sizeof *stream + stream->layers_max * stream->layer_bytes +
                   stream->cells_max * (sizeof *stream->slots + stream->observable_bytes) +
                   stream->observable_bytes + stream->dependencies_max * sizeof *stream->dependencies +
                   stream->event_capacity * sizeof *stream->events +
                   stream->mark_capacity * sizeof *stream->marks;
    for (uint64_t i = 0; i < stream->cells_max; i++) {
        bytes += stream->slots[i].mark_capacity * sizeof *stream->slots[i].marks;
    }
    return bytes;
}

/* The first layer that a cell from the frontier on may look at. */
static uint64_t first_kept(const otr_stream *stream) {
    const uint64_t reach = otr_plan_events_reach(stream->plan);
    return stream->committed > reach ? stream->committed - reach : 0;
}

static uint64_t room(const otr_stream *stream) {
    return stream->length > 0 ? 0 : stream->layers_max - (stream->layer_count - first_kept(stream));
}

static otr_status check_push(const otr_stream *stream, uint32_t detector_count, int is_last,
                             otr_error *error) {
    const uint64_t layer = stream->layer_count;
    const int is_whole = otr_plan_period(stream->plan) == 0;
    const uint64_t length = is_last ? layer + 1 : is_whole ? otr_plan_layer_count(stream->plan) : 0;
    uint32_t width;
    if (stream->length > 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "layer %llu comes after the last one",
                             (unsigned long long)layer);
    }
    if (room(stream) == 0) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "no room for layer %llu: the stream holds %llu, and none is committed",
                             (unsigned long long)layer, (unsigned long long)stream->layers_max);
    }
    if (is_last) {
        const otr_status status = otr_plan_check_length(stream->plan, length, error);
        if (status != OTR_OK) {
            return status;
        }
    } else if (layer + 1 >= (is_whole ? length : OTR_PLAN_HISTORY_MAX)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "layer %llu must be the last one",
                             (unsigned long long)layer);
    }
    width = otr_plan_layer_detectors(stream->plan, layer, length);
    if (width != detector_count) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "layer %llu has %u detectors, not %u",
                             (unsigned long long)layer, width, detector_count);
    }
    return OTR_OK;
}

/* Lets into the ring the cells that begin in layers that are there. */
static void enter_cells(otr_stream *stream) {
    /* All numbers below it have their cell. */
    const uint64_t end = otr_plan_cell_count(stream->plan, stream->layer_count);
    while (stream->entered < end && stream->entered - stream->first < stream->cells_max) {
        slot *const slot = &stream->slots[stream->entered % stream->cells_max];
        (void)otr_plan_cell(stream->plan, stream->entered, stream->length, &slot->cell);
        slot->stage = STAGE_WAITING;
        slot->blocker = stream->entered;
        slot->mark_count = 0;
        memset(stream->flips + stream->entered % stream->cells_max * stream->observable_bytes, 0,
               stream->observable_bytes);
        stream->entered++;
    }
}

/* Commits cells without detectors, once they are final. */
static void pass_empty_cells(otr_stream *stream) {
    for (uint64_t number = stream->frontier; number < stream->entered; number++) {
        slot *const slot = &stream->slots[number % stream->cells_max];
        if (slot->stage == STAGE_WAITING && slot->cell.is_empty &&
            slot->cell.ready_layers <= stream->layer_count) {
            slot->stage = STAGE_COMMITTED;
        }
    }
}

/* Moves the frontier over what is committed, and lets go of cells that no cell from there on can touch. */
static void advance(otr_stream *stream) {
    const uint32_t rows = otr_plan_row_count(stream->plan);
    const uint64_t reach = (uint64_t)otr_plan_events_reach(stream->plan) + otr_plan_reach(stream->plan);
    while (stream->frontier < stream->entered &&
           stream->slots[stream->frontier % stream->cells_max].stage == STAGE_COMMITTED) {
        const uint8_t *const flips =
            stream->flips + stream->frontier % stream->cells_max * stream->observable_bytes;
        for (size_t i = 0; i < stream->observable_bytes; i++) {
            stream->observables[i] ^= flips[i];
        }
        stream->frontier++;
    }
    /* Cells of one time index begin at different layers; the first of them is the earliest that may be open.
     */
    stream->committed = stream->layer_count;
    for (uint64_t number = stream->frontier; number < stream->entered && number < stream->frontier + 2 * rows;
         number++) {
        const slot *const slot = &stream->slots[number % stream->cells_max];
        if (slot->stage != STAGE_COMMITTED && slot->cell.first_layer < stream->committed) {
            stream->committed = slot->cell.first_layer;
        }
    }
    while (stream->first < stream->frontier &&
           stream->slots[stream->first % stream->cells_max].cell.end_layer + reach < stream->committed) {
        stream->first++;
    }
}

static int is_committed(const otr_stream *stream, uint64_t number) {
    return number < stream->first ||
           (number < stream->entered && stream->slots[number % stream->cells_max].stage == STAGE_COMMITTED);
}

/* Whether a cell waits for no other. The one that it was found to wait for is looked at first, so that a cell
 * that has to wait costs nothing. */
static int is_decidable(otr_stream *stream, slot *slot) {
    const uint64_t own = slot->cell.number;
    size_t count;
    if (slot->blocker != own && !is_committed(stream, slot->blocker)) {
        return 0;
    }
    if (otr_plan_dependencies(stream->plan, own, stream->length, stream->dependencies,
                              stream->dependencies_max, &count) != OTR_OK) {
        return 0; /* it cannot be: there is room for all */
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_committed(stream, stream->dependencies[i])) {
            slot->blocker = stream->dependencies[i];
            return 0;
        }
    }
    return 1;
}

static otr_status gather_events(otr_stream *stream, const otr_cell *cell) {
    const size_t most = (cell->events_end - cell->events_first) * stream->layer_bytes * 8;
    stream->event_count = 0;
    if (!otr_array_reserve((void **)&stream->events, &stream->event_capacity, most, sizeof *stream->events)) {
        return OTR_ERR_MEMORY;
    }
    for (uint64_t layer = cell->events_first; layer < cell->events_end; layer++) {
        const uint8_t *const row = stream->layers + layer % stream->layers_max * stream->layer_bytes;
        uint32_t begin;
        const otr_status status =
            otr_plan_mark(stream->plan, (uint32_t)((int64_t)layer - cell->shift), 0, &begin);
        if (status != OTR_OK) {
            return status;
        }
        for (size_t byte = 0; byte < stream->layer_bytes; byte++) {
            for (uint32_t bits = row[byte]; bits != 0; bits &= bits - 1) {
                stream->events[stream->event_count++] = begin + (uint32_t)(8 * byte) + otr_ctz64(bits);
            }
        }
    }
    return OTR_OK;
}

/* The marks of the cells of lower rank that touch the window, those near it. */
static otr_status gather_marks(otr_stream *stream, const otr_cell *cell) {
    size_t count;
    otr_status status = otr_plan_dependencies(stream->plan, cell->number, stream->length,
                                              stream->dependencies, stream->dependencies_max, &count);
    stream->mark_count = 0;
    if (status == OTR_OK && !otr_array_reserve((void **)&stream->marks, &stream->mark_capacity,
                                               count * stream->marks_usual, sizeof *stream->marks)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < count && status == OTR_OK; i++) {
        const uint64_t number = stream->dependencies[i];
        const slot *const other = &stream->slots[number % stream->cells_max];
        if (number < stream->first) {
            continue; /* too far back to have left anything here */
        }
        for (size_t k = 0; k < other->mark_count && status == OTR_OK; k++) {
            const mark mark = other->marks[k];
            if (mark.layer >= cell->marks_first && mark.layer < cell->marks_end) {
                if (!OTR_ARRAY_GROW(stream->marks, stream->mark_count, stream->mark_capacity)) {
                    return OTR_ERR_MEMORY;
                }
                status = otr_plan_mark(stream->plan, (uint32_t)((int64_t)mark.layer - cell->shift),
                                       mark.index, &stream->marks[stream->mark_count++]);
            }
        }
    }
    return status;
}
