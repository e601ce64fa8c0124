/* The one decoder interface: prepares a shot (events, per-shot weights, committed edges), lets an engine
 * solve it, and turns the engine's edges into observables and weight.
 *
 * Committed edges. The engines know only non-negative weights. An edge of negative weight is taken to be in
 * the answer from the start: its ends' events flip, its weight is added once, and the engine may take it back
 * for |weight|. */
#include "outrider/decoder.h"

#include "cluster/union_find.h"
#include "common/array.h"
#include "common/bits.h"
#include "common/sort.h"
#include "match/matcher.h"

#include <stdlib.h>
#include <string.h>

/* Entries past the end that otr_kernels.bit_indices may scribble on. */
#define INDEX_SLACK 16
/* Observables that fit the graph's edge masks. */
#define MASK_OBSERVABLES 64

struct otr_decoder {
    const otr_graph *graph;
    const otr_kernels *kernels;
    otr_decoder_kind kind;
    int certify;
    otr_weights weights;
    otr_matcher *matcher;
    otr_union_find *union_find;

    uint32_t *events; /* at least node_count + INDEX_SLACK */
    size_t event_capacity;
    uint32_t *merged;     /* events after flips; node_count */
    uint64_t *committed;  /* one bit an edge */
    uint32_t *base_flips; /* nodes that the graph's own negative edges flip, ascending */
    size_t base_flip_count;
    int64_t base_weight; /* sum of the graph's negative weights */

    /* Of the present shot. */
    uint32_t *toggles; /* edges whose commitment the overrides changed */
    size_t toggle_count, toggle_capacity;
    uint32_t *flips; /* nodes flipped by toggles */
    size_t flip_count, flip_capacity;
    int64_t committed_weight;
    const uint32_t *matched_edges;
    size_t matched_edge_count;

    /* Of the last shot. */
    int answered;
    otr_certificate certificate;
    uint32_t *answer; /* edges, once asked for */
    size_t answer_count, answer_capacity;
    int answer_is_sorted;
    uint64_t *used; /* correlated: one bit an edge, all zero between shots */
};

otr_decoder_options otr_decoder_options_default(void) {
    const otr_decoder_options options = {OTR_DECODER_MWPM, OTR_ISA_AUTO, 0};
    return options;
}

static otr_status find_base_flips(otr_decoder *d) {
    const otr_graph *const graph = d->graph;
    if (graph->negative_count == 0) {
        return OTR_OK;
    }
    d->base_flips = otr_array_new((size_t)graph->negative_count * 2, sizeof *d->base_flips);
    if (d->base_flips == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < graph->negative_count; i++) {
        const uint32_t edge = graph->negative_edges[i];
        d->committed[edge >> 6] |= (uint64_t)1 << (edge & 63);
        d->base_weight += graph->edge_weight[edge];
        d->base_flips[d->base_flip_count++] = graph->edge_node1[edge];
        if (graph->edge_node2[edge] != OTR_BOUNDARY) {
            d->base_flips[d->base_flip_count++] = graph->edge_node2[edge];
        }
    }
    d->base_flip_count = otr_sort_cancel(d->base_flips, d->base_flip_count);
    return OTR_OK;
}

static otr_status create_engine(otr_decoder *d) {
    if (d->kind == OTR_DECODER_UNION_FIND) {
        return otr_union_find_create(&d->union_find, &d->weights, d->kernels);
    }
    return otr_matcher_create(&d->matcher, &d->weights, d->kernels);
}

static otr_status fill_decoder(otr_decoder *d) {
    const size_t edge_words = (size_t)d->graph->edge_count / 64 + 1;
    otr_status status = otr_weights_init(&d->weights, d->graph);
    if (status != OTR_OK) {
        return status;
    }
    d->event_capacity = (size_t)d->graph->node_count + INDEX_SLACK;
    d->events = otr_array_new(d->event_capacity, sizeof *d->events);
    d->merged = otr_array_new(d->graph->node_count, sizeof *d->merged);
    d->committed = otr_array_zeroed(edge_words, sizeof *d->committed);
    d->used = otr_array_zeroed(edge_words, sizeof *d->used);
    if (d->events == NULL || d->merged == NULL || d->committed == NULL || d->used == NULL) {
        return OTR_ERR_MEMORY;
    }
    status = find_base_flips(d);
    return status == OTR_OK ? create_engine(d) : status;
}

otr_status otr_decoder_create(otr_decoder **out, const otr_graph *graph, const otr_decoder_options *options) {
    const otr_decoder_options chosen = options != NULL ? *options : otr_decoder_options_default();
    const otr_kernels *const kernels = otr_kernels_for(chosen.isa);
    otr_decoder *d;
    otr_status status;
    if (out == NULL || graph == NULL || (uint32_t)chosen.kind > OTR_DECODER_UNION_FIND) {
        return OTR_ERR_ARGUMENT;
    }
    if (kernels == NULL) {
        return OTR_ERR_UNSUPPORTED;
    }
    if ((chosen.kind == OTR_DECODER_MWPM_CORRELATED && !graph->correlations) ||
        (chosen.kind == OTR_DECODER_UNION_FIND && chosen.certify)) {
        return OTR_ERR_ARGUMENT;
    }
    d = otr_array_zeroed(1, sizeof *d);
    if (d == NULL) {
        return OTR_ERR_MEMORY;
    }
    d->graph = graph;
    d->kernels = kernels;
    d->kind = chosen.kind;
    d->certify = chosen.certify;
    status = fill_decoder(d);
    if (status != OTR_OK) {
        otr_decoder_destroy(d);
        return status;
    }
    *out = d;
    return OTR_OK;
}

void otr_decoder_destroy(otr_decoder *d) {
    if (d == NULL) {
        return;
    }
    otr_matcher_destroy(d->matcher);
    otr_union_find_destroy(d->union_find);
    otr_weights_free(&d->weights);
    free(d->events);
    free(d->merged);
    free(d->committed);
    free(d->base_flips);
    free(d->toggles);
    free(d->flips);
    free(d->answer);
    free(d->used);
    free(d);
}

size_t otr_decoder_bytes(const otr_decoder *d) {
    const size_t edge_words = (size_t)d->graph->edge_count / 64 + 1;
    return sizeof *d + otr_weights_bytes(&d->weights) +
           (d->matcher != NULL ? otr_matcher_bytes(d->matcher) : 0) +
           (d->union_find != NULL ? otr_union_find_bytes(d->union_find) : 0) +
           (d->event_capacity + d->graph->node_count) * sizeof *d->events +
           2 * edge_words * sizeof *d->committed +
           2 * (size_t)d->graph->negative_count * sizeof *d->base_flips +
           d->toggle_capacity * sizeof *d->toggles + d->flip_capacity * sizeof *d->flips +
           d->answer_capacity * sizeof *d->answer;
}

/* Per-shot weights. */

static int is_committed(const otr_decoder *d, uint32_t edge) {
    return (int)(d->committed[edge >> 6] >> (edge & 63)) & 1;
}

static otr_status toggle_commitment(otr_decoder *d, uint32_t edge) {
    if (!OTR_ARRAY_GROW(d->toggles, d->toggle_count, d->toggle_capacity) ||
        !otr_array_reserve((void **)&d->flips, &d->flip_capacity, d->flip_count + 2, sizeof *d->flips)) {
        return OTR_ERR_MEMORY;
    }
    d->toggles[d->toggle_count++] = edge;
    d->committed[edge >> 6] ^= (uint64_t)1 << (edge & 63);
    d->flips[d->flip_count++] = d->graph->edge_node1[edge];
    if (d->graph->edge_node2[edge] != OTR_BOUNDARY) {
        d->flips[d->flip_count++] = d->graph->edge_node2[edge];
    }
    return OTR_OK;
}

static otr_status apply_override(otr_decoder *d, otr_override override) {
    const uint32_t edge = override.edge;
    const int was_committed = is_committed(d, edge);
    const int32_t weight = otr_weight_clamped(override.weight);
    const uint32_t magnitude = (uint32_t)abs(weight);
    const int commits = weight < 0;
    if (was_committed) {
        d->committed_weight += otr_weights_get(&d->weights, edge);
    }
    if (commits) {
        d->committed_weight -= magnitude;
    }
    if (!otr_weights_set(&d->weights, d->graph->edge_arc1[edge], d->graph->edge_arc2[edge], magnitude)) {
        return OTR_ERR_MEMORY;
    }
    return commits != was_committed ? toggle_commitment(d, edge) : OTR_OK;
}

static otr_status apply_overrides(otr_decoder *d, const otr_override *overrides, size_t override_count) {
    for (size_t i = 0; i < override_count; i++) {
        if (overrides[i].edge >= d->graph->edge_count) {
            return OTR_ERR_INDEX;
        }
    }
    for (size_t i = 0; i < override_count; i++) {
        const otr_status status = apply_override(d, overrides[i]);
        if (status != OTR_OK) {
            return status;
        }
    }
    return OTR_OK;
}

static void undo_overrides(otr_decoder *d) {
    otr_weights_restore(&d->weights);
    for (size_t i = 0; i < d->toggle_count; i++) {
        d->committed[d->toggles[i] >> 6] ^= (uint64_t)1 << (d->toggles[i] & 63);
    }
}

/* Applies the flips of committed edges to d->events; returns the list to solve. */
static const uint32_t *flip_events(otr_decoder *d, size_t *count) {
    if (d->flip_count > 0) {
        d->flip_count = otr_sort_cancel(d->flips, d->flip_count);
        *count = otr_merge_cancel(d->events, *count, d->flips, d->flip_count, d->merged);
        if (d->base_flip_count == 0) {
            return d->merged;
        }
        memcpy(d->events, d->merged, *count * sizeof *d->events);
    }
    if (d->base_flip_count > 0) {
        *count = otr_merge_cancel(d->events, *count, d->base_flips, d->base_flip_count, d->merged);
        return d->merged;
    }
    return d->events;
}

/* Correlations. */

/* Notes in d->answer every edge of the lists that is used an odd number of times. */
static otr_status find_used(otr_decoder *d, const uint32_t *edges, size_t edge_count) {
    const size_t total = edge_count + d->toggle_count;
    if (!otr_array_reserve((void **)&d->answer, &d->answer_capacity, total, sizeof *d->answer)) {
        return OTR_ERR_MEMORY;
    }
    d->answer_count = 0;
    for (size_t i = 0; i < total; i++) {
        const uint32_t edge = i < edge_count ? edges[i] : d->toggles[i - edge_count];
        d->used[edge >> 6] ^= (uint64_t)1 << (edge & 63);
    }
    for (size_t i = 0; i < total; i++) {
        const uint32_t edge = i < edge_count ? edges[i] : d->toggles[i - edge_count];
        const uint64_t bit = (uint64_t)1 << (edge & 63);
        d->answer[d->answer_count] = edge;
        d->answer_count += (d->used[edge >> 6] & bit) != 0;
        d->used[edge >> 6] &= ~bit;
    }
    return OTR_OK;
}

/* The second pass: edges of the first answer lower the weights of edges that fail together with them. */
static otr_status match_again(otr_decoder *d) {
    int changed = 0;
    otr_status status = find_used(d, d->matched_edges, d->matched_edge_count);
    if (status == OTR_OK) {
        status = otr_matcher_correlate(d->matcher, d->answer, d->answer_count, d->committed, &changed);
    }
    if (status == OTR_OK && changed) {
        status = otr_matcher_edges(d->matcher, &d->matched_edges, &d->matched_edge_count);
    }
    return status;
}

/* One shot. */

static otr_status certify_matching(otr_decoder *d) {
    otr_certificate *const certificate = &d->certificate;
    const otr_status status = otr_matcher_certify(d->matcher, certificate);
    if (status != OTR_OK) {
        return status;
    }
    certificate->primal = 0;
    for (size_t i = 0; i < d->matched_edge_count; i++) {
        certificate->primal += otr_weights_get(&d->weights, d->matched_edges[i]);
    }
    return certificate->primal == certificate->dual && certificate->edges_overtight == 0
               ? OTR_OK
               : OTR_ERR_CERTIFICATE;
}

static otr_status solve_by_matching(otr_decoder *d, const uint32_t *events, size_t event_count,
                                    int64_t *weight) {
    otr_status status = otr_matcher_solve(d->matcher, events, event_count, d->weights.change_count > 0);
    if (status == OTR_OK) {
        status = otr_matcher_edges(d->matcher, &d->matched_edges, &d->matched_edge_count);
    }
    if (status == OTR_OK && d->kind == OTR_DECODER_MWPM_CORRELATED) {
        status = match_again(d);
    }
    if (status == OTR_OK) {
        *weight = otr_matcher_weight(d->matcher);
        if (d->certify) {
            status = certify_matching(d);
        }
    }
    otr_matcher_reset(d->matcher);
    return status;
}

static otr_status solve_by_clusters(otr_decoder *d, const uint32_t *events, size_t event_count,
                                    int64_t *weight) {
    const otr_status status =
        otr_union_find_solve(d->union_find, events, event_count, &d->matched_edges, &d->matched_edge_count);
    if (status != OTR_OK) {
        return status;
    }
    *weight = 0;
    for (size_t i = 0; i < d->matched_edge_count; i++) {
        *weight += otr_weights_get(&d->weights, d->matched_edges[i]);
    }
    return OTR_OK;
}

static uint64_t mask_of(const otr_graph *graph, const uint32_t *edges, size_t edge_count) {
    uint64_t mask = 0;
    for (size_t i = 0; i < edge_count; i++) {
        mask ^= graph->edge_mask[edges[i]];
    }
    return mask;
}

static void flip_observables(const otr_graph *graph, const uint32_t *edges, size_t edge_count, uint8_t *row) {
    for (size_t i = 0; i < edge_count; i++) {
        for (uint32_t k = graph->observable_begin[edges[i]]; k < graph->observable_begin[edges[i] + 1]; k++) {
            otr_bit_flip(row, graph->observable_list[k]);
        }
    }
}

static void write_observables(const otr_decoder *d, uint8_t *observables) {
    const otr_graph *const graph = d->graph;
    const size_t bytes = otr_bytes_for_bits(graph->observable_count);
    if (graph->observable_count <= MASK_OBSERVABLES) {
        uint64_t mask = mask_of(graph, d->matched_edges, d->matched_edge_count) ^
                        mask_of(graph, d->toggles, d->toggle_count) ^
                        mask_of(graph, graph->negative_edges, graph->negative_count);
        for (size_t i = 0; i < bytes; i++, mask >>= 8) {
            observables[i] = (uint8_t)mask;
        }
        return;
    }
    memset(observables, 0, bytes);
    flip_observables(graph, d->matched_edges, d->matched_edge_count, observables);
    flip_observables(graph, d->toggles, d->toggle_count, observables);
    flip_observables(graph, graph->negative_edges, graph->negative_count, observables);
}

/* Decodes the event_count events in d->events. */
static otr_status decode_prepared(otr_decoder *d, size_t event_count, const otr_override *overrides,
                                  size_t override_count, uint8_t *observables, otr_result *result) {
    size_t matched_count = event_count;
    const uint32_t *events = NULL;
    int64_t weight = 0;
    otr_status status;
    d->answered = 0;
    d->answer_is_sorted = 0;
    d->toggle_count = 0;
    d->flip_count = 0;
    d->committed_weight = d->base_weight;
    status = apply_overrides(d, overrides, override_count);
    if (status == OTR_OK) {
        events = flip_events(d, &matched_count);
        status = d->kind == OTR_DECODER_UNION_FIND ? solve_by_clusters(d, events, matched_count, &weight)
                                                   : solve_by_matching(d, events, matched_count, &weight);
    }
    undo_overrides(d);
    if (status != OTR_OK) {
        return status;
    }
    d->answered = 1;
    if (observables != NULL) {
        write_observables(d, observables);
    }
    if (result != NULL) {
        result->weight = weight + d->committed_weight;
        result->event_count = (uint32_t)event_count;
        result->matched_count = (uint32_t)matched_count;
    }
    return OTR_OK;
}

otr_status otr_decoder_decode(otr_decoder *d, const uint8_t *detectors, const otr_override *overrides,
                              size_t override_count, uint8_t *observables, otr_result *result) {
    size_t event_count;
    if (d == NULL || detectors == NULL || (overrides == NULL && override_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    event_count = d->kernels->bit_indices(detectors, d->graph->node_count, d->events);
    return decode_prepared(d, event_count, overrides, override_count, observables, result);
}

otr_status otr_decoder_decode_events(otr_decoder *d, const uint32_t *events, size_t event_count,
                                     const otr_override *overrides, size_t override_count,
                                     uint8_t *observables, otr_result *result) {
    if (d == NULL || (events == NULL && event_count > 0) || (overrides == NULL && override_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < event_count; i++) {
        if (events[i] >= d->graph->node_count) {
            return OTR_ERR_INDEX;
        }
    }
    /* More events than nodes: some cancel. */
    if (!otr_array_reserve((void **)&d->events, &d->event_capacity, event_count, sizeof *events)) {
        return OTR_ERR_MEMORY;
    }
    if (event_count > 0) {
        memcpy(d->events, events, event_count * sizeof *events);
    }
    event_count = otr_sort_cancel(d->events, event_count);
    return decode_prepared(d, event_count, overrides, override_count, observables, result);
}

otr_status otr_decoder_decode_batch(otr_decoder *d, const uint8_t *detectors, size_t detector_stride,
                                    size_t shot_count, uint8_t *observables, size_t observable_stride,
                                    int64_t *weights, size_t *failed_shot) {
    if (d == NULL || ((detectors == NULL || observables == NULL) && shot_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    for (size_t shot = 0; shot < shot_count; shot++) {
        otr_result result;
        const otr_status status = otr_decoder_decode(d, detectors + shot * detector_stride, NULL, 0,
                                                     observables + shot * observable_stride, &result);
        if (status != OTR_OK) {
            if (failed_shot != NULL) {
                *failed_shot = shot;
            }
            return status;
        }
        if (weights != NULL) {
            weights[shot] = result.weight;
        }
    }
    return OTR_OK;
}

/* Details of the last shot. */

otr_status otr_decoder_edges(otr_decoder *d, const uint32_t **edges, size_t *count) {
    const otr_graph *graph;
    if (d == NULL || edges == NULL || count == NULL || !d->answered) {
        return OTR_ERR_ARGUMENT;
    }
    graph = d->graph;
    if (!d->answer_is_sorted) {
        const size_t total = d->matched_edge_count + d->toggle_count + graph->negative_count;
        if (!otr_array_reserve((void **)&d->answer, &d->answer_capacity, total, sizeof *d->answer)) {
            return OTR_ERR_MEMORY;
        }
        d->answer_count = 0;
        for (size_t i = 0; i < d->matched_edge_count; i++) {
            d->answer[d->answer_count++] = d->matched_edges[i];
        }
        for (size_t i = 0; i < d->toggle_count; i++) {
            d->answer[d->answer_count++] = d->toggles[i];
        }
        for (uint32_t i = 0; i < graph->negative_count; i++) {
            d->answer[d->answer_count++] = graph->negative_edges[i];
        }
        d->answer_count = otr_sort_cancel(d->answer, d->answer_count);
        d->answer_is_sorted = 1;
    }
    *edges = d->answer;
    *count = d->answer_count;
    return OTR_OK;
}

otr_status otr_decoder_pairs(otr_decoder *d, const otr_pair **pairs, size_t *count) {
    if (d == NULL || pairs == NULL || count == NULL || !d->answered) {
        return OTR_ERR_ARGUMENT;
    }
    if (d->matcher == NULL) {
        return OTR_ERR_UNSUPPORTED;
    }
    otr_matcher_pairs(d->matcher, pairs, count);
    return OTR_OK;
}

otr_status otr_decoder_certificate(const otr_decoder *d, otr_certificate *out) {
    if (d == NULL || out == NULL || !d->answered || !d->certify) {
        return OTR_ERR_ARGUMENT;
    }
    *out = d->certificate;
    return OTR_OK;
}
