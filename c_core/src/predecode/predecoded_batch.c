/* Many shots pre-decoded: what each leaves is copied behind that of the shots before it. */
#include "common/array.h"
#include "common/bits.h"
#include "graph/graph_internal.h"
#include "predecode/predecoder_internal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Lists of one kind of element, one after the other. */
typedef struct list {
    void *items;
    size_t count, capacity;
    size_t *begin; /* of each shot's list, and the end of the last */
    size_t begin_capacity;
} list;

struct otr_predecoded_batch {
    size_t shot_count;
    list events;      /* uint32_t */
    list overrides;   /* otr_override */
    list observables; /* bytes: a row each shot, or nothing */
    list edges;       /* uint32_t */
    size_t observable_stride;
    bool has_observables, has_edges;
    int32_t weight_offset;
};

static bool start(otr_predecoded_batch *batch, size_t shot_count);
static void free_list(list *list);
static bool append_shot(otr_predecoded_batch *batch, const otr_predecoded *shot);
static bool is_ascending(const size_t *event_begin, size_t shot_count);

otr_status otr_predecoded_batch_create(otr_predecoded_batch **out) {
    otr_predecoded_batch *batch;
    if (out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    batch = otr_array_zeroed(1, sizeof *batch);
    if (batch == NULL || !start(batch, 0)) {
        otr_predecoded_batch_destroy(batch);
        return OTR_ERR_MEMORY;
    }
    *out = batch;
    return OTR_OK;
}

void otr_predecoded_batch_destroy(otr_predecoded_batch *batch) {
    if (batch == NULL) {
        return;
    }
    free_list(&batch->events);
    free_list(&batch->overrides);
    free_list(&batch->observables);
    free_list(&batch->edges);
    free(batch);
}

otr_status otr_predecoder_apply_batch(otr_predecoder *predecoder, otr_predecoder_use use,
                                      const uint32_t *events, const size_t *event_begin, size_t shot_count,
                                      otr_predecoded_batch *out, size_t *failed_shot) {
    otr_status status;
    if (predecoder == NULL || (uint32_t)use > OTR_PREDECODER_USE_HARD || event_begin == NULL || out == NULL ||
        !is_ascending(event_begin, shot_count) || (events == NULL && event_begin[shot_count] > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    status = start(out, shot_count) ? OTR_OK : OTR_ERR_MEMORY;
    out->observable_stride = otr_bytes_for_bits(predecoder->graph->observable_count);
    while (status == OTR_OK && out->shot_count < shot_count) {
        const size_t begin = event_begin[out->shot_count];
        const size_t count = event_begin[out->shot_count + 1] - begin;
        otr_predecoded shot;
        status = otr_predecoder_run(predecoder, use, count > 0 ? events + begin : NULL, count, &shot);
        if (status == OTR_OK && !append_shot(out, &shot)) {
            status = OTR_ERR_MEMORY;
        }
    }
    if (status != OTR_OK && failed_shot != NULL) {
        *failed_shot = out->shot_count;
    }
    return status;
}

otr_status otr_predecoded_batch_spans(const otr_predecoded_batch *batch, otr_predecoded_spans *out) {
    if (batch == NULL || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    *out = (otr_predecoded_spans){
        .shot_count = batch->shot_count,
        .events = batch->events.items,
        .event_begin = batch->events.begin,
        .overrides = batch->overrides.items,
        .override_begin = batch->overrides.begin,
        .observables = batch->has_observables ? batch->observables.items : NULL,
        .observable_stride = batch->observable_stride,
        .edges = batch->has_edges ? batch->edges.items : NULL,
        .edge_begin = batch->edges.begin,
        .weight_offset = batch->weight_offset,
    };
    return OTR_OK;
}

otr_status otr_predecoded_batch_shot(const otr_predecoded_batch *batch, size_t shot, otr_predecoded *out) {
    otr_predecoded_spans all;
    const otr_status status = otr_predecoded_batch_spans(batch, &all);
    if (status != OTR_OK || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    if (shot >= all.shot_count) {
        return OTR_ERR_INDEX;
    }
    *out = otr_predecoded_at(&all, shot);
    return OTR_OK;
}

size_t otr_predecoded_batch_bytes(const otr_predecoded_batch *batch) {
    return sizeof *batch + (batch->events.capacity + batch->edges.capacity) * sizeof(uint32_t) +
           batch->overrides.capacity * sizeof(otr_override) + batch->observables.capacity +
           (batch->events.begin_capacity + batch->overrides.begin_capacity +
            batch->observables.begin_capacity + batch->edges.begin_capacity) *
               sizeof *batch->events.begin;
}

/* Room for the lists of `shot_count` shots, of which there are none yet. There is an item to point at even if
 * all are empty: a null pointer means something in otr_predecoded. */
static bool start_list(list *list, size_t shot_count, size_t element_bytes) {
    if (!otr_array_reserve((void **)&list->begin, &list->begin_capacity, shot_count + 1,
                           sizeof *list->begin) ||
        !otr_array_reserve(&list->items, &list->capacity, 1, element_bytes)) {
        return false;
    }
    list->count = 0;
    list->begin[0] = 0;
    return true;
}

/* Appends the list of a shot. */
static bool append(list *list, size_t shot, const void *items, size_t count, size_t element_bytes) {
    if (count > 0) {
        if (!otr_array_reserve(&list->items, &list->capacity, list->count + count, element_bytes)) {
            return false;
        }
        memcpy((char *)list->items + list->count * element_bytes, items, count * element_bytes);
        list->count += count;
    }
    list->begin[shot + 1] = list->count;
    return true;
}

static void free_list(list *list) {
    free(list->items);
    free(list->begin);
}

static bool start(otr_predecoded_batch *batch, size_t shot_count) {
    batch->shot_count = 0;
    return start_list(&batch->events, shot_count, sizeof(uint32_t)) &&
           start_list(&batch->overrides, shot_count, sizeof(otr_override)) &&
           start_list(&batch->observables, shot_count, 1) &&
           start_list(&batch->edges, shot_count, sizeof(uint32_t));
}

static bool append_shot(otr_predecoded_batch *batch, const otr_predecoded *shot) {
    const size_t number = batch->shot_count;
    const size_t row_bytes = shot->observables != NULL ? batch->observable_stride : 0;
    if (!append(&batch->events, number, shot->events, shot->event_count, sizeof *shot->events) ||
        !append(&batch->overrides, number, shot->overrides, shot->override_count, sizeof *shot->overrides) ||
        !append(&batch->observables, number, shot->observables, row_bytes, 1) ||
        !append(&batch->edges, number, shot->edges, shot->edge_count, sizeof *shot->edges)) {
        return false;
    }
    batch->has_observables = shot->observables != NULL;
    batch->has_edges = shot->edges != NULL;
    batch->weight_offset = shot->weight_offset;
    batch->shot_count++;
    return true;
}

/* Whether the lists of events lie one behind the other. */
static bool is_ascending(const size_t *event_begin, size_t shot_count) {
    for (size_t shot = 0; shot < shot_count; shot++) {
        if (event_begin[shot + 1] < event_begin[shot]) {
            return false;
        }
    }
    return true;
}
