/* The one decoder interface: pre-decodes a shot or takes one that was, applies its weights, lets an engine
 * solve it, and turns the engine's edges into observables and weight. */
#include "outrider/decoder.h"

#include "cluster/union_find.h"
#include "common/array.h"
#include "common/bits.h"
#include "common/sort.h"
#include "decode/decode.h"
#include "graph/shot_weights.h"
#include "match/matcher.h"
#include "predecode/predecoder_internal.h"

#include <stdlib.h>
#include <string.h>

/* Observables that fit the graph's edge masks. */
#define MASK_OBSERVABLES 64
/* Shots that are pre-decoded together. What a dense network leaves of one at distance 21 is half a megabyte.
 */
#define BATCH_SHOTS 32
/* What it costs to take an edge of implied weight 0 back, see match_anew. */
#define SURE_PRICE 2

/* A list of edges that belong to an answer. */
typedef struct edge_list {
    const uint32_t *edges;
    size_t count;
} edge_list;

struct otr_decoder {
    const otr_graph *graph;
    const otr_kernels *kernels;
    otr_decoder_kind kind;
    bool certify;
    otr_predecoder *predecoder; /* borrowed, or NULL */
    otr_predecoder_use predecoder_use;
    otr_predecoded_batch *batch; /* made by the first batch with a pre-decoder */

    /* The numbers of the graph, laid out for one offset; see otr_decoder_lay_weights. */
    int32_t own_offset;  /* of the options */
    int32_t shot_offset; /* added to it */
    otr_shot_weights weights;
    otr_matcher *matcher;
    otr_union_find *union_find;

    uint32_t *events; /* at least node_count + OTR_INDEX_SLACK */
    size_t event_capacity;
    uint32_t *remaining; /* events after flips; node_count + OTR_INDEX_SLACK */

    /* Of the last shot. */
    edge_list matched;
    uint32_t *fixed; /* edges that hard pre-decoding fixed */
    size_t fixed_count, fixed_capacity;
    bool fixed_edges_missing; /* it fixed what is given as no edges */
    bool answered;
    otr_certificate certificate;
    uint32_t *answer; /* edges, once asked for */
    size_t answer_count, answer_capacity;
    bool answer_is_sorted;
    /* Of correlated matching. */
    uint64_t *used; /* one bit an edge, all zero between shots */
    edge_list recalled;
    uint32_t *first_pass; /* edges of the first answer, then those recalled */
    size_t used_count;    /* of both together */
    size_t first_pass_count, first_pass_capacity;
};

/* The lists of an answer's edges. An edge on an even number of them, or twice on one, is not in it. */
enum { MATCHED, TOGGLED, BASE, FIXED, LISTS };

/* Where a batch writes its answers. */
typedef struct batch_output {
    uint8_t *observables;
    size_t observable_stride;
    int64_t *weights; /* or NULL */
} batch_output;

static otr_status fill_decoder(otr_decoder *d);
static otr_status check_options(const otr_graph *graph, const otr_decoder_options *options);
static int32_t own_shot_offset(const otr_decoder *d);
static otr_status decode_prepared(otr_decoder *d, size_t event_count, const otr_override *overrides,
                                  size_t override_count, uint8_t *observables, otr_result *result);
static otr_status match_shot(otr_decoder *d, const otr_predecoded *shot, const otr_override *overrides,
                             size_t override_count, uint8_t *observables, otr_result *result);
static otr_status decode_row(otr_decoder *d, const otr_predecoded *shot, const batch_output *out, size_t row);
static otr_status decode_rows(otr_decoder *d, const uint8_t *detectors, size_t detector_stride,
                              size_t shot_count, const batch_output *out, size_t *row);
static size_t count_edges(const otr_decoder *d, int end);
static size_t gather_edges(const otr_decoder *d, int end, uint32_t *out);

otr_decoder_options otr_decoder_options_default(void) {
    return (otr_decoder_options){
        .kind = OTR_DECODER_MWPM, .isa = OTR_ISA_AUTO, .predecoder_use = OTR_PREDECODER_USE_SOFT};
}

otr_status otr_decoder_lay_weights(otr_decoder *d, const otr_graph *graph, int32_t own_offset,
                                   int32_t shot_offset) {
    otr_status status;
    if (graph == d->graph && own_offset == d->own_offset && shot_offset == d->shot_offset) {
        return OTR_OK;
    }
    status =
        otr_shot_weights_refill(&d->weights, graph, otr_weight_clamped((int64_t)own_offset + shot_offset));
    if (status != OTR_OK) {
        return status;
    }
    if (d->matcher != NULL) {
        otr_matcher_reweight(d->matcher);
    }
    d->graph = graph;
    d->own_offset = own_offset;
    d->shot_offset = shot_offset;
    d->answered = false;
    return OTR_OK;
}

otr_status otr_decoder_create(otr_decoder **out, const otr_graph *graph, const otr_decoder_options *options) {
    const otr_decoder_options chosen = options != NULL ? *options : otr_decoder_options_default();
    otr_decoder *d;
    otr_status status;
    if (out == NULL || graph == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = check_options(graph, &chosen);
    if (status != OTR_OK) {
        return status;
    }
    d = otr_array_zeroed(1, sizeof *d);
    if (d == NULL) {
        return OTR_ERR_MEMORY;
    }
    d->graph = graph;
    d->kernels = otr_kernels_for(chosen.isa);
    d->kind = chosen.kind;
    d->certify = chosen.certify;
    d->predecoder = chosen.predecoder;
    d->predecoder_use = chosen.predecoder_use;
    d->own_offset = chosen.weight_offset;
    status = fill_decoder(d);
    if (status != OTR_OK) {
        otr_decoder_destroy(d);
        return status;
    }
    *out = d;
    return OTR_OK;
}

otr_status otr_decoder_reweight(otr_decoder *d, const otr_graph *graph, int32_t weight_offset) {
    if (d == NULL || graph == NULL || !otr_graph_is_alike(d->graph, graph) ||
        (d->predecoder != NULL && d->predecoder->graph != graph)) {
        return OTR_ERR_ARGUMENT;
    }
    return otr_decoder_lay_weights(d, graph, weight_offset, own_shot_offset(d));
}

void otr_decoder_destroy(otr_decoder *d) {
    if (d == NULL) {
        return;
    }
    otr_matcher_destroy(d->matcher);
    otr_union_find_destroy(d->union_find);
    otr_shot_weights_free(&d->weights);
    otr_predecoded_batch_destroy(d->batch);
    free(d->events);
    free(d->remaining);
    free(d->fixed);
    free(d->answer);
    free(d->used);
    free(d->first_pass);
    free(d);
}

size_t otr_decoder_bytes(const otr_decoder *d) {
    return sizeof *d + otr_shot_weights_bytes(&d->weights) +
           (d->matcher != NULL ? otr_matcher_bytes(d->matcher) : 0) +
           (d->union_find != NULL ? otr_union_find_bytes(d->union_find) : 0) +
           (d->batch != NULL ? otr_predecoded_batch_bytes(d->batch) : 0) +
           (d->event_capacity + d->graph->node_count + OTR_INDEX_SLACK + d->fixed_capacity +
            d->answer_capacity + d->first_pass_capacity) *
               sizeof *d->events +
           ((size_t)d->graph->edge_count / 64 + 1) * sizeof *d->used;
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

otr_status otr_decoder_decode_predecoded(otr_decoder *d, const otr_predecoded *shot,
                                         const otr_override *overrides, size_t override_count,
                                         uint8_t *observables, otr_result *result) {
    otr_status status;
    if (d == NULL || shot == NULL || (overrides == NULL && override_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_predecoded_check(shot, d->graph->node_count, d->graph->edge_count);
    return status == OTR_OK ? match_shot(d, shot, overrides, override_count, observables, result) : status;
}

otr_status otr_decoder_decode_batch(otr_decoder *d, const uint8_t *detectors, size_t detector_stride,
                                    size_t shot_count, uint8_t *observables, size_t observable_stride,
                                    int64_t *weights, size_t *failed_shot) {
    const batch_output out = {observables, observable_stride, weights};
    otr_status status = OTR_OK;
    size_t row = 0;
    if (d == NULL || ((detectors == NULL || observables == NULL) && shot_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    while (row < shot_count && status == OTR_OK) {
        if (d->predecoder != NULL) {
            status = decode_rows(d, detectors, detector_stride, shot_count, &out, &row);
        } else {
            otr_predecoded shot = {.events = d->events};
            shot.event_count =
                d->kernels->bit_indices(detectors + row * detector_stride, d->graph->node_count, d->events);
            status = decode_row(d, &shot, &out, row);
            row += status == OTR_OK;
        }
    }
    if (status != OTR_OK) {
        d->answered = false;
        if (failed_shot != NULL) {
            *failed_shot = row;
        }
    }
    return status;
}

otr_status otr_decoder_decode_cell(otr_decoder *d, const otr_cell_shot *cell, otr_cell_answer *out) {
    const uint32_t *edges;
    size_t edge_count;
    otr_result result;
    otr_predecoded shot = {.events = d->events, .weight_offset = cell->weight_offset};
    otr_status status;
    shot.event_count = d->kernels->bit_indices(cell->detectors, d->graph->node_count, d->events);
    d->recalled = (edge_list){cell->recalled, cell->recalled_count};
    status = match_shot(d, &shot, cell->overrides, cell->override_count, NULL, &result);
    d->recalled = (edge_list){0};
    status = status == OTR_OK ? otr_decoder_edges(d, &edges, &edge_count) : status;
    if (status != OTR_OK) {
        return status;
    }
    *out = (otr_cell_answer){.edges = edges,
                             .edge_count = edge_count,
                             .first_pass = d->first_pass,
                             .first_pass_count = d->first_pass_count,
                             .event_count = result.event_count};
    return OTR_OK;
}

otr_status otr_decoder_edges(otr_decoder *d, const uint32_t **edges, size_t *count) {
    if (d == NULL || edges == NULL || count == NULL || !d->answered) {
        return OTR_ERR_ARGUMENT;
    }
    if (d->fixed_edges_missing) {
        return OTR_ERR_UNSUPPORTED;
    }
    if (!d->answer_is_sorted) {
        if (!otr_array_reserve((void **)&d->answer, &d->answer_capacity, count_edges(d, LISTS),
                               sizeof *d->answer)) {
            return OTR_ERR_MEMORY;
        }
        d->answer_count = otr_sort_cancel(d->answer, gather_edges(d, LISTS, d->answer));
        d->answer_is_sorted = true;
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

static otr_status create_engine(otr_decoder *d) {
    if (d->kind == OTR_DECODER_UNION_FIND) {
        return otr_union_find_create(&d->union_find, &d->weights.magnitudes, d->kernels);
    }
    return otr_matcher_create(&d->matcher, &d->weights.magnitudes, d->kernels);
}

/* The offset of shots that the decoder's pre-decoder leaves, or of those that come pre-decoded. */
static int32_t own_shot_offset(const otr_decoder *d) {
    return d->predecoder != NULL ? otr_predecoder_weight_offset(d->predecoder, d->predecoder_use)
                                 : d->shot_offset;
}

static otr_status fill_decoder(otr_decoder *d) {
    const size_t index_count = (size_t)d->graph->node_count + OTR_INDEX_SLACK;
    otr_status status;
    d->event_capacity = index_count;
    d->events = otr_array_new(index_count, sizeof *d->events);
    d->remaining = otr_array_new(index_count, sizeof *d->remaining);
    d->used = otr_array_zeroed((size_t)d->graph->edge_count / 64 + 1, sizeof *d->used);
    if (d->events == NULL || d->remaining == NULL || d->used == NULL) {
        return OTR_ERR_MEMORY;
    }
    d->shot_offset = own_shot_offset(d);
    status = otr_shot_weights_init(&d->weights, d->graph, d->kernels,
                                   otr_weight_clamped((int64_t)d->own_offset + d->shot_offset));
    return status == OTR_OK ? create_engine(d) : status;
}

static otr_status check_options(const otr_graph *graph, const otr_decoder_options *options) {
    const otr_predecoder *const predecoder = options->predecoder;
    if (options->kind == OTR_DECODER_LIKELIHOOD) {
        return OTR_ERR_UNSUPPORTED;
    }
    if ((uint32_t)options->kind > OTR_DECODER_UNION_FIND ||
        (uint32_t)options->predecoder_use > OTR_PREDECODER_USE_HARD) {
        return OTR_ERR_ARGUMENT;
    }
    if (otr_kernels_for(options->isa) == NULL) {
        return OTR_ERR_UNSUPPORTED;
    }
    if ((options->kind == OTR_DECODER_MWPM_CORRELATED && !graph->correlations) ||
        (options->kind == OTR_DECODER_UNION_FIND && options->certify) ||
        (predecoder != NULL && predecoder->graph != graph)) {
        return OTR_ERR_ARGUMENT;
    }
    return OTR_OK;
}

static edge_list list_of(const otr_decoder *d, int list) {
    switch (list) {
    case MATCHED:
        return d->matched;
    case TOGGLED:
        return (edge_list){d->weights.toggles, d->weights.toggle_count};
    case BASE:
        return (edge_list){d->weights.base_edges, d->weights.base_count};
    default:
        return (edge_list){d->fixed, d->fixed_count};
    }
}

/* How many edges are on the lists before `end`. */
static size_t count_edges(const otr_decoder *d, int end) {
    size_t total = 0;
    for (int list = MATCHED; list < end; list++) {
        total += list_of(d, list).count;
    }
    return total;
}

/* Copies the lists before `end`, one after the other, to `out`, which has room for them. */
static size_t gather_edges(const otr_decoder *d, int end, uint32_t *out) {
    size_t total = 0;
    for (int list = MATCHED; list < end; list++) {
        const edge_list edges = list_of(d, list);
        for (size_t i = 0; i < edges.count; i++) {
            out[total++] = edges.edges[i];
        }
    }
    return total;
}

/* Correlations. */

/* Leaves the edges that are on the list an odd number of times, in their order; returns how many. */
static size_t cancel_edges(otr_decoder *d, uint32_t *edges, size_t total) {
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        d->used[edges[i] >> 6] ^= (uint64_t)1 << (edges[i] & 63);
    }
    for (size_t i = 0; i < total; i++) {
        const uint32_t edge = edges[i];
        const uint64_t bit = (uint64_t)1 << (edge & 63);
        edges[count] = edge;
        count += (d->used[edge >> 6] & bit) != 0;
        d->used[edge >> 6] &= ~bit;
    }
    return count;
}

/* Lists the edges of the first answer, and those recalled, which lower the weights of edges that fail
 * together with them. What a pre-decoder has fixed for good is not among them. */
static otr_status gather_first_pass(otr_decoder *d) {
    size_t count;
    if (!otr_array_reserve((void **)&d->first_pass, &d->first_pass_capacity,
                           count_edges(d, FIXED) + d->recalled.count, sizeof *d->first_pass)) {
        return OTR_ERR_MEMORY;
    }
    count = cancel_edges(d, d->first_pass, gather_edges(d, FIXED, d->first_pass));
    d->first_pass_count = count;
    for (size_t i = 0; i < d->recalled.count; i++) {
        d->first_pass[count++] = d->recalled.edges[i];
    }
    d->used_count = count;
    return OTR_OK;
}

/* The second pass: mends the first answer where weights are lowered. */
static otr_status match_again(otr_decoder *d) {
    bool changed = false;
    const otr_status status =
        otr_matcher_correlate(d->matcher, d->first_pass, d->used_count, d->weights.forced, &changed);
    return status == OTR_OK && changed ? otr_matcher_edges(d->matcher, &d->matched.edges, &d->matched.count)
                                       : status;
}

/* One shot. */

static otr_status certify_matching(otr_decoder *d) {
    otr_certificate *const certificate = &d->certificate;
    const otr_status status = otr_matcher_certify(d->matcher, certificate);
    if (status != OTR_OK) {
        return status;
    }
    certificate->primal = 0;
    for (size_t i = 0; i < d->matched.count; i++) {
        certificate->primal += otr_weights_get(&d->weights.magnitudes, d->matched.edges[i]);
    }
    return certificate->primal == certificate->dual && certificate->edges_overtight == 0
               ? OTR_OK
               : OTR_ERR_CERTIFICATE;
}

/* Takes what the edges cost that were forced from the toggle `first` on out of the answer's weight: they
 * count 0, whether they are in the answer or not. */
static void drop_prices(otr_decoder *d, size_t first) {
    const uint32_t *const toggles = d->weights.toggles;
    const size_t count = d->weights.toggle_count;
    d->weights.forced_weight += (int64_t)(count - first) * SURE_PRICE;
    for (size_t i = first; i < count; i++) {
        d->used[toggles[i] >> 6] |= (uint64_t)1 << (toggles[i] & 63);
    }
    for (size_t i = 0; i < d->matched.count; i++) {
        const uint32_t edge = d->matched.edges[i];
        d->weights.forced_weight -= d->used[edge >> 6] >> (edge & 63) & 1 ? SURE_PRICE : 0;
    }
    for (size_t i = first; i < count; i++) {
        d->used[toggles[i] >> 6] = 0;
    }
}

/* The second pass where most errors that share an edge with another one are likelier than not to come with
 * it, as Y errors alone are. Their implied weights are all 0, and edges of weight 0 tie with detours over
 * others. So an edge of implied weight 0 is forced for the price of one step of rounding: of answers that
 * weigh the same, but for the rounding, the one with more of these edges counts. */
static otr_status match_anew(otr_decoder *d, const otr_predecoded *shot) {
    const otr_graph *const graph = d->graph;
    const size_t first_sure = d->weights.toggle_count;
    size_t event_count = shot->event_count;
    const uint32_t *events;
    otr_status status = OTR_OK;
    for (size_t i = 0; i < d->used_count && status == OTR_OK; i++) {
        const uint32_t end = graph->implied_begin[d->first_pass[i] + 1];
        for (uint32_t rule = graph->implied_begin[d->first_pass[i]]; rule < end && status == OTR_OK; rule++) {
            const uint32_t edge = otr_edge_of_arc(graph, graph->rules[rule].arcs.arc1);
            const int32_t implied = graph->implied_weight[rule];
            const otr_override lowered = {edge, implied > 0 ? implied : -SURE_PRICE};
            const uint32_t before = otr_weights_get(&d->weights.magnitudes, edge);
            const bool is_forced = (d->weights.forced[edge >> 6] >> (edge & 63) & 1) != 0;
            if (!is_forced && before != OTR_WEIGHT_NONE && (implied == 0 || (uint32_t)implied < before)) {
                status = otr_shot_weights_override(&d->weights, &lowered, 1);
            }
        }
    }
    if (status != OTR_OK) {
        return status;
    }
    otr_matcher_reset(d->matcher);
    events = otr_shot_weights_flip(&d->weights, shot->events, &event_count, d->remaining);
    status = otr_matcher_solve(d->matcher, events, event_count, true);
    status = status == OTR_OK ? otr_matcher_edges(d->matcher, &d->matched.edges, &d->matched.count) : status;
    if (status == OTR_OK) {
        drop_prices(d, first_sure);
    }
    return status;
}

/* `events` are those of the shot after flips. */
static otr_status solve_by_matching(otr_decoder *d, const otr_predecoded *shot, const uint32_t *events,
                                    size_t event_count, int64_t *weight) {
    otr_status status =
        otr_matcher_solve(d->matcher, events, event_count, d->weights.magnitudes.change_count > 0);
    if (status == OTR_OK) {
        status = otr_matcher_edges(d->matcher, &d->matched.edges, &d->matched.count);
    }
    if (status == OTR_OK && d->kind == OTR_DECODER_MWPM_CORRELATED) {
        status = gather_first_pass(d);
        if (status == OTR_OK) {
            status = d->graph->are_rules_sure ? match_anew(d, shot) : match_again(d);
        }
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
        otr_union_find_solve(d->union_find, events, event_count, &d->matched.edges, &d->matched.count);
    if (status != OTR_OK) {
        return status;
    }
    *weight = 0;
    for (size_t i = 0; i < d->matched.count; i++) {
        *weight += otr_weights_get(&d->weights.magnitudes, d->matched.edges[i]);
    }
    return OTR_OK;
}

static otr_status solve(otr_decoder *d, const otr_predecoded *shot, const uint32_t *events,
                        size_t event_count, int64_t *weight) {
    return d->kind == OTR_DECODER_UNION_FIND ? solve_by_clusters(d, events, event_count, weight)
                                             : solve_by_matching(d, shot, events, event_count, weight);
}

static void write_masked_observables(const otr_decoder *d, uint8_t *observables) {
    const size_t bytes = otr_bytes_for_bits(d->graph->observable_count);
    uint64_t mask = 0;
    for (int list = MATCHED; list < FIXED; list++) {
        const edge_list edges = list_of(d, list);
        for (size_t i = 0; i < edges.count; i++) {
            mask ^= d->graph->edge_mask[edges.edges[i]];
        }
    }
    for (size_t i = 0; i < bytes; i++, mask >>= 8) {
        observables[i] = (uint8_t)mask;
    }
}

static void write_listed_observables(const otr_decoder *d, uint8_t *observables) {
    const otr_graph *const graph = d->graph;
    memset(observables, 0, otr_bytes_for_bits(graph->observable_count));
    for (int list = MATCHED; list < FIXED; list++) {
        const edge_list edges = list_of(d, list);
        for (size_t i = 0; i < edges.count; i++) {
            const uint32_t end = graph->observable_begin[edges.edges[i] + 1];
            for (uint32_t k = graph->observable_begin[edges.edges[i]]; k < end; k++) {
                otr_bit_flip(observables, graph->observable_list[k]);
            }
        }
    }
}

static void write_observables(const otr_decoder *d, const otr_predecoded *shot, uint8_t *observables) {
    if (d->graph->observable_count <= MASK_OBSERVABLES) {
        write_masked_observables(d, observables);
    } else {
        write_listed_observables(d, observables);
    }
    for (size_t i = 0; shot->observables != NULL && i < otr_bytes_for_bits(d->graph->observable_count); i++) {
        observables[i] ^= shot->observables[i];
    }
}

/* Keeps what otr_decoder_edges needs of a shot. */
static otr_status keep_fixed(otr_decoder *d, const otr_predecoded *shot) {
    d->fixed_edges_missing = shot->observables != NULL && shot->edges == NULL;
    d->fixed_count = 0;
    if (shot->edge_count == 0) {
        return OTR_OK;
    }
    if (!otr_array_reserve((void **)&d->fixed, &d->fixed_capacity, shot->edge_count, sizeof *d->fixed)) {
        return OTR_ERR_MEMORY;
    }
    memcpy(d->fixed, shot->edges, shot->edge_count * sizeof *d->fixed);
    d->fixed_count = shot->edge_count;
    return OTR_OK;
}

/* Decodes what is left of a shot, which is known to be that. */
static otr_status match_shot(otr_decoder *d, const otr_predecoded *shot, const otr_override *overrides,
                             size_t override_count, uint8_t *observables, otr_result *result) {
    size_t remaining_count = shot->event_count;
    int64_t weight = 0;
    otr_status status = otr_decoder_lay_weights(d, d->graph, d->own_offset, shot->weight_offset);
    d->answered = false;
    d->answer_is_sorted = false;
    d->first_pass_count = 0;
    status = status == OTR_OK ? keep_fixed(d, shot) : status;
    if (status != OTR_OK) {
        return status;
    }
    otr_shot_weights_begin(&d->weights);
    if (shot->override_count > 0) {
        status = otr_shot_weights_override(&d->weights, shot->overrides, shot->override_count);
    }
    if (status == OTR_OK && override_count > 0) {
        status = otr_shot_weights_override(&d->weights, overrides, override_count);
    }
    if (status == OTR_OK) {
        const uint32_t *const events =
            otr_shot_weights_flip(&d->weights, shot->events, &remaining_count, d->remaining);
        status = solve(d, shot, events, remaining_count, &weight);
        if (status == OTR_ERR_ODD_PARITY && otr_shot_weights_relax(&d->weights)) {
            status = solve(d, shot, events, remaining_count, &weight);
        }
    }
    otr_shot_weights_restore(&d->weights);
    if (status != OTR_OK) {
        return status;
    }
    d->answered = true;
    if (observables != NULL) {
        write_observables(d, shot, observables);
    }
    if (result != NULL) {
        result->weight = weight + d->weights.forced_weight;
        result->event_count = (uint32_t)shot->event_count;
        result->matched_count = (uint32_t)remaining_count;
    }
    return OTR_OK;
}

/* Decodes the event_count events in d->events. */
static otr_status decode_prepared(otr_decoder *d, size_t event_count, const otr_override *overrides,
                                  size_t override_count, uint8_t *observables, otr_result *result) {
    otr_predecoded shot = {.events = d->events, .event_count = event_count};
    otr_status status = OTR_OK;
    d->answered = false;
    if (d->predecoder != NULL) {
        status = otr_predecoder_run(d->predecoder, d->predecoder_use, d->events, event_count, &shot);
    }
    if (status == OTR_OK) {
        status = match_shot(d, &shot, overrides, override_count, observables, result);
    }
    if (status == OTR_OK && result != NULL) {
        result->event_count = (uint32_t)event_count;
    }
    return status;
}

/* Pre-decodes at most BATCH_SHOTS rows into d->batch. *done of them are in it, all unless a status says why.
 */
static otr_status predecode_rows(otr_decoder *d, const uint8_t *detectors, size_t detector_stride,
                                 size_t shot_count, size_t *done) {
    const uint32_t node_count = d->graph->node_count;
    size_t begin[BATCH_SHOTS + 1] = {0};
    otr_status status = d->batch != NULL ? OTR_OK : otr_predecoded_batch_create(&d->batch);
    *done = 0;
    if (status != OTR_OK) {
        return status;
    }
    for (size_t shot = 0; shot < shot_count; shot++) {
        if (!otr_array_reserve((void **)&d->events, &d->event_capacity,
                               begin[shot] + node_count + OTR_INDEX_SLACK, sizeof *d->events)) {
            return OTR_ERR_MEMORY;
        }
        begin[shot + 1] = begin[shot] + d->kernels->bit_indices(detectors + shot * detector_stride,
                                                                node_count, d->events + begin[shot]);
    }
    *done = shot_count;
    return otr_predecoder_apply_batch(d->predecoder, d->predecoder_use, d->events, begin, shot_count,
                                      d->batch, done);
}

/* Decodes row `row` of a batch, of which this is left. */
static otr_status decode_row(otr_decoder *d, const otr_predecoded *shot, const batch_output *out,
                             size_t row) {
    otr_result result;
    const otr_status status =
        match_shot(d, shot, NULL, 0, out->observables + row * out->observable_stride, &result);
    if (status == OTR_OK && out->weights != NULL) {
        out->weights[row] = result.weight;
    }
    return status;
}

/* Pre-decodes and decodes some rows; *row moves past those decoded. */
static otr_status decode_rows(otr_decoder *d, const uint8_t *detectors, size_t detector_stride,
                              size_t shot_count, const batch_output *out, size_t *row) {
    const size_t wanted = shot_count - *row < BATCH_SHOTS ? shot_count - *row : BATCH_SHOTS;
    size_t done;
    otr_predecoded_spans spans;
    const otr_status predecoded =
        predecode_rows(d, detectors + *row * detector_stride, detector_stride, wanted, &done);
    if (done > 0) {
        otr_predecoded_batch_spans(d->batch, &spans);
    }
    for (size_t i = 0; i < done; i++, ++*row) {
        const otr_predecoded shot = otr_predecoded_at(&spans, i);
        const otr_status status = decode_row(d, &shot, out, *row);
        if (status != OTR_OK) {
            return status;
        }
    }
    return predecoded;
}
