/* One batch: events, pairs of near events sorted by relation, scored edges. */
#include "common/array.h"
#include "common/bits.h"
#include "train/training_internal.h"

#include <string.h>

/* Makes room for `wanted` elements of a named array. */
#define RESERVE(t, name, wanted)                                                                             \
    otr_array_reserve((void **)&(t)->arrays.name, &(t)->arrays.name##_capacity, (wanted),                    \
                      sizeof *(t)->arrays.name)

static otr_status add_shot(otr_training *t, const uint8_t *detectors, const uint8_t *truth,
                           otr_training_shots *out);
static otr_status sort_pairs(otr_training *t, const otr_training_shots *out);
static void set_views(otr_training *t, bool has_truth, otr_training_shots *out);

otr_status otr_training_batch(otr_training *training, const uint8_t *detectors, size_t detector_stride,
                              const uint8_t *edges, size_t edge_stride, size_t shot_count,
                              otr_training_shots *out) {
    otr_training *const t = training;
    otr_training_shots shots = {.shot_count = shot_count};
    otr_status status = OTR_OK;
    if (t == NULL || out == NULL || (detectors == NULL && shot_count > 0) ||
        detector_stride < otr_bytes_for_bits(t->graph->node_count) ||
        (edges != NULL && edge_stride < otr_bytes_for_bits(t->graph->edge_count))) {
        return OTR_ERR_ARGUMENT;
    }
    if (shot_count > OTR_TRAINING_SHOTS_MAX) {
        return OTR_ERR_LIMIT;
    }
    t->shots = (otr_training_shots){0};
    if (!RESERVE(t, shot_events, shot_count + 1) || !RESERVE(t, shot_edges, shot_count + 1)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t s = 0; s < shot_count && status == OTR_OK; s++) {
        t->arrays.shot_events[s] = shots.event_count;
        t->arrays.shot_edges[s] = shots.edge_count;
        status = add_shot(t, detectors + s * detector_stride, edges != NULL ? edges + s * edge_stride : NULL,
                          &shots);
    }
    status = status == OTR_OK ? sort_pairs(t, &shots) : status;
    if (status != OTR_OK) {
        return status;
    }
    t->arrays.shot_events[shot_count] = shots.event_count;
    t->arrays.shot_edges[shot_count] = shots.edge_count;
    set_views(t, edges != NULL, &shots);
    t->shots = shots;
    *out = shots;
    return OTR_OK;
}

static bool reserve_events(otr_training *t, size_t wanted) {
    return RESERVE(t, detector, wanted) && RESERVE(t, set, wanted) && RESERVE(t, place, wanted) &&
           RESERVE(t, phase, wanted);
}

static bool reserve_edges(otr_training *t, size_t wanted) {
    return RESERVE(t, edge, wanted) && RESERVE(t, output1, wanted) && RESERVE(t, output2, wanted) &&
           RESERVE(t, prior, wanted) && RESERVE(t, label, wanted);
}

static otr_status add_events(otr_training *t, const uint8_t *detectors, otr_training_shots *out) {
    const size_t first = out->event_count;
    const size_t count = t->kernels->bit_indices(detectors, t->graph->node_count, t->events);
    if (first + count > OTR_TRAINING_EVENTS_MAX) {
        return OTR_ERR_LIMIT;
    }
    if (!reserve_events(t, first + count)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t node = t->events[i];
        const uint32_t kind = t->lattice.kinds[node];
        t->arrays.detector[first + i] = node;
        t->arrays.set[first + i] = t->set_of_kind[kind];
        t->arrays.place[first + i] = kind * OTR_GEOMETRY_PLACES + t->lattice.places[node];
        t->arrays.phase[first + i] = kind * OTR_GEOMETRY_PHASES + t->lattice.phases[node];
    }
    out->event_count += count;
    return OTR_OK;
}

static otr_status add_pairs(otr_training *t, size_t first, otr_training_shots *out) {
    const uint32_t *const detector = t->arrays.detector;
    for (size_t i = first; i < out->event_count; i++) {
        const uint32_t kind = t->lattice.kinds[detector[i]];
        const int64_t *const steps = t->steps + (size_t)kind * t->offset_count;
        const uint32_t base = t->set_of_kind[kind] * t->offset_count;
        const int64_t cell = t->cells[detector[i]];
        if (out->pair_count + t->offset_count > OTR_TRAINING_PAIRS_MAX) {
            return OTR_ERR_LIMIT;
        }
        if (!otr_array_reserve((void **)&t->pairs, &t->pair_capacity, out->pair_count + t->offset_count,
                               sizeof *t->pairs)) {
            return OTR_ERR_MEMORY;
        }
        for (uint32_t r = 0; r < t->offset_count; r++) {
            const uint32_t other = t->grid[cell + steps[r]];
            if (other != OTR_NONE) {
                t->pairs[out->pair_count++] = (otr_training_pair){(uint32_t)i, other, base + r};
            }
        }
    }
    return OTR_OK;
}

/* Every edge with an end at an event, once: at its first end that is one. */
static otr_status add_edges(otr_training *t, size_t first, const uint8_t *truth, otr_training_shots *out) {
    const otr_graph *const graph = t->graph;
    otr_training_arrays *const a = &t->arrays;
    if (!reserve_edges(t, out->edge_count + (out->event_count - first) * t->slots)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = first; i < out->event_count; i++) {
        const uint32_t node = a->detector[i];
        for (uint32_t slot = 0; slot < t->slots; slot++) {
            const uint32_t edge = t->slot_edges[(size_t)node * t->slots + slot];
            const bool is_first = edge != OTR_NONE && graph->edge_node1[edge] == node;
            uint32_t far, far_event;
            if (edge == OTR_NONE) {
                continue;
            }
            far = is_first ? graph->edge_node2[edge] : graph->edge_node1[edge];
            far_event = far == OTR_BOUNDARY ? OTR_NONE : t->grid[t->cells[far]];
            if (far_event != OTR_NONE && far_event < i) {
                continue;
            }
            a->edge[out->edge_count] = edge;
            a->output1[out->edge_count] = (uint32_t)(i * t->slots + slot);
            a->output2[out->edge_count] =
                far_event == OTR_NONE
                    ? UINT32_MAX
                    : far_event * t->slots + t->end_slots[2 * (size_t)edge + (size_t)is_first];
            a->prior[out->edge_count] = t->priors[edge];
            a->label[out->edge_count] = truth != NULL && (truth[edge / 8] >> (edge % 8) & 1) ? 1.0f : 0.0f;
            out->edge_count++;
        }
    }
    return OTR_OK;
}

static otr_status add_shot(otr_training *t, const uint8_t *detectors, const uint8_t *truth,
                           otr_training_shots *out) {
    const size_t first = out->event_count;
    otr_status status = add_events(t, detectors, out);
    if (status != OTR_OK) {
        return status;
    }
    for (size_t i = first; i < out->event_count; i++) {
        t->grid[t->cells[t->arrays.detector[i]]] = (uint32_t)i;
    }
    status = add_pairs(t, first, out);
    status = status == OTR_OK ? add_edges(t, first, truth, out) : status;
    for (size_t i = first; i < out->event_count; i++) {
        t->grid[t->cells[t->arrays.detector[i]]] = OTR_NONE;
    }
    return status;
}

/* Counting sort, stable. */
static otr_status sort_pairs(otr_training *t, const otr_training_shots *out) {
    const uint32_t relations = otr_training_relations(t);
    uint64_t *begin;
    if (!RESERVE(t, relation_pairs, (size_t)relations + 2) || !RESERVE(t, target, out->pair_count) ||
        !RESERVE(t, source, out->pair_count)) {
        return OTR_ERR_MEMORY;
    }
    begin = t->arrays.relation_pairs;
    memset(begin, 0, ((size_t)relations + 2) * sizeof *begin);
    for (size_t k = 0; k < out->pair_count; k++) {
        begin[t->pairs[k].relation + 2]++;
    }
    for (uint32_t r = 2; r <= relations; r++) {
        begin[r] += begin[r - 1];
    }
    for (size_t k = 0; k < out->pair_count; k++) {
        const uint64_t at = begin[t->pairs[k].relation + 1]++;
        t->arrays.target[at] = t->pairs[k].target;
        t->arrays.source[at] = t->pairs[k].source;
    }
    return OTR_OK;
}

static void set_views(otr_training *t, bool has_truth, otr_training_shots *out) {
    const otr_training_arrays *const a = &t->arrays;
    out->shot_events = a->shot_events;
    out->detector = a->detector;
    out->set = a->set;
    out->place = a->place;
    out->phase = a->phase;
    out->relation_pairs = a->relation_pairs;
    out->target = a->target;
    out->source = a->source;
    out->shot_edges = a->shot_edges;
    out->edge = a->edge;
    out->output1 = a->output1;
    out->output2 = a->output2;
    out->prior = a->prior;
    out->label = has_truth ? a->label : NULL;
}
