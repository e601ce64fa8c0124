/* The one decoder interface: prepares a shot (events, per-shot weights, pre-decoding), lets an engine solve
 * it, and turns the engine's edges into observables and weight. */
#include "outrider/decoder.h"

#include "cluster/union_find.h"
#include "common/array.h"
#include "common/bits.h"
#include "common/sort.h"
#include "decoder_internal.h"
#include "graph/shot_weights.h"
#include "match/matcher.h"
#include "predecode/predecoder_internal.h"

#include <stdlib.h>
#include <string.h>

/* Observables that fit the graph's edge masks. */
#define MASK_OBSERVABLES 64

/* A list of edges that belong to an answer. */
typedef struct edge_list {
    const uint32_t *edges;
    size_t count;
} edge_list;

struct otr_decoder {
    const otr_graph *graph;
    const otr_kernels *kernels;
    otr_decoder_kind kind;
    int certify;
    otr_predecoder *predecoder; /* borrowed, or NULL */
    otr_predecode predecode;
    otr_shot_weights weights;
    otr_matcher *matcher;
    otr_union_find *union_find;

    uint32_t *events; /* at least node_count + OTR_INDEX_SLACK */
    size_t event_capacity;
    uint32_t *left; /* events after flips; node_count + OTR_INDEX_SLACK */

    /* Of the last shot. */
    edge_list matched;
    otr_residual residual; /* of hard pre-decoding, all zero without */
    int answered;
    otr_certificate certificate;
    uint32_t *answer; /* edges, once asked for */
    size_t answer_count, answer_capacity;
    int answer_is_sorted;
    /* Of correlated matching. */
    uint64_t *used; /* one bit an edge, all zero between shots */
    size_t first_pass_count;
    edge_list recalled;
};

otr_decoder_options otr_decoder_options_default(void) {
    return (otr_decoder_options){
        .kind = OTR_DECODER_MWPM, .isa = OTR_ISA_AUTO, .predecode = OTR_PREDECODE_SOFT};
}

static otr_status create_engine(otr_decoder *d) {
    if (d->kind == OTR_DECODER_UNION_FIND) {
        return otr_union_find_create(&d->union_find, &d->weights.magnitudes, d->kernels);
    }
    return otr_matcher_create(&d->matcher, &d->weights.magnitudes, d->kernels);
}

static otr_status fill_decoder(otr_decoder *d, int32_t weight_offset) {
    const size_t index_count = (size_t)d->graph->node_count + OTR_INDEX_SLACK;
    const otr_status status = otr_shot_weights_init(&d->weights, d->graph, d->kernels, weight_offset);
    if (status != OTR_OK) {
        return status;
    }
    d->event_capacity = index_count;
    d->events = otr_array_new(index_count, sizeof *d->events);
    d->left = otr_array_new(index_count, sizeof *d->left);
    d->used = otr_array_zeroed((size_t)d->graph->edge_count / 64 + 1, sizeof *d->used);
    if (d->events == NULL || d->left == NULL || d->used == NULL) {
        return OTR_ERR_MEMORY;
    }
    return create_engine(d);
}

static otr_status check_options(const otr_graph *graph, const otr_decoder_options *options) {
    const otr_predecoder *const predecoder = options->predecoder;
    if ((uint32_t)options->kind > OTR_DECODER_UNION_FIND ||
        (uint32_t)options->predecode > OTR_PREDECODE_HARD) {
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

/* The offset of all weights that nothing overrides. */
static int32_t total_offset(const otr_decoder *d, int32_t weight_offset) {
    const int is_soft = d->predecoder != NULL && d->predecode == OTR_PREDECODE_SOFT;
    const int64_t own = is_soft ? otr_predecoder_weight_offset(d->predecoder) : 0;
    return otr_weight_clamped(weight_offset + own);
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
    d->predecode = chosen.predecode;
    status = fill_decoder(d, total_offset(d, chosen.weight_offset));
    if (status != OTR_OK) {
        otr_decoder_destroy(d);
        return status;
    }
    *out = d;
    return OTR_OK;
}

otr_status otr_decoder_reweight(otr_decoder *d, const otr_graph *graph, int32_t weight_offset) {
    otr_status status;
    if (d == NULL || graph == NULL || !otr_graph_is_alike(d->graph, graph) ||
        (d->predecoder != NULL && d->predecoder->graph != graph)) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_shot_weights_refill(&d->weights, graph, total_offset(d, weight_offset));
    if (status == OTR_OK) {
        d->graph = graph;
        d->answered = 0;
        if (d->matcher != NULL) {
            otr_matcher_reweight(d->matcher);
        }
    }
    return status;
}

void otr_decoder_destroy(otr_decoder *d) {
    if (d == NULL) {
        return;
    }
    otr_matcher_destroy(d->matcher);
    otr_union_find_destroy(d->union_find);
    otr_shot_weights_free(&d->weights);
    free(d->events);
    free(d->left);
    free(d->answer);
    free(d->used);
    free(d);
}

size_t otr_decoder_bytes(const otr_decoder *d) {
    return sizeof *d + otr_shot_weights_bytes(&d->weights) +
           (d->matcher != NULL ? otr_matcher_bytes(d->matcher) : 0) +
           (d->union_find != NULL ? otr_union_find_bytes(d->union_find) : 0) +
           (d->event_capacity + d->graph->node_count + OTR_INDEX_SLACK) * sizeof *d->events +
           ((size_t)d->graph->edge_count / 64 + 1) * sizeof *d->used + d->answer_capacity * sizeof *d->answer;
}

/* Edges of an answer. An edge on an even number of the lists, or twice on one, is not in it. */

enum { MATCHED, TOGGLED, BASE, FIXED, LISTS };

static edge_list list_of(const otr_decoder *d, int list) {
    switch (list) {
    case MATCHED:
        return d->matched;
    case TOGGLED:
        return (edge_list){d->weights.toggles, d->weights.toggle_count};
    case BASE:
        return (edge_list){d->weights.base_edges, d->weights.base_count};
    default:
        return (edge_list){d->residual.edges, d->residual.edge_count};
    }
}

/* Copies the lists before `end`, one after the other, to d->answer, where there is room for `more`. */
static otr_status gather_edges(otr_decoder *d, int end, size_t more) {
    size_t total = more;
    for (int list = MATCHED; list < end; list++) {
        total += list_of(d, list).count;
    }
    if (!otr_array_reserve((void **)&d->answer, &d->answer_capacity, total, sizeof *d->answer)) {
        return OTR_ERR_MEMORY;
    }
    d->answer_count = 0;
    for (int list = MATCHED; list < end; list++) {
        const edge_list edges = list_of(d, list);
        for (size_t i = 0; i < edges.count; i++) {
            d->answer[d->answer_count++] = edges.edges[i];
        }
    }
    return OTR_OK;
}

/* Correlations. */

/* Leaves in d->answer the edges that are on it an odd number of times. */
static void cancel_answer(otr_decoder *d) {
    const size_t total = d->answer_count;
    d->answer_count = 0;
    for (size_t i = 0; i < total; i++) {
        d->used[d->answer[i] >> 6] ^= (uint64_t)1 << (d->answer[i] & 63);
    }
    for (size_t i = 0; i < total; i++) {
        const uint32_t edge = d->answer[i];
        const uint64_t bit = (uint64_t)1 << (edge & 63);
        d->answer[d->answer_count] = edge;
        d->answer_count += (d->used[edge >> 6] & bit) != 0;
        d->used[edge >> 6] &= ~bit;
    }
}

/* The second pass: edges of the first answer lower the weights of edges that fail together with them. What a
 * pre-decoder has fixed for good is no part of it. */
static otr_status match_again(otr_decoder *d) {
    int changed = 0;
    otr_status status = gather_edges(d, FIXED, d->recalled.count);
    if (status == OTR_OK) {
        cancel_answer(d);
        d->first_pass_count = d->answer_count;
        for (size_t i = 0; i < d->recalled.count; i++) {
            d->answer[d->answer_count++] = d->recalled.edges[i];
        }
        status =
            otr_matcher_correlate(d->matcher, d->answer, d->answer_count, d->weights.committed, &changed);
    }
    if (status == OTR_OK && changed) {
        status = otr_matcher_edges(d->matcher, &d->matched.edges, &d->matched.count);
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
    for (size_t i = 0; i < d->matched.count; i++) {
        certificate->primal += otr_weights_get(&d->weights.magnitudes, d->matched.edges[i]);
    }
    return certificate->primal == certificate->dual && certificate->edges_overtight == 0
               ? OTR_OK
               : OTR_ERR_CERTIFICATE;
}

static otr_status solve_by_matching(otr_decoder *d, const uint32_t *events, size_t event_count,
                                    int64_t *weight) {
    otr_status status =
        otr_matcher_solve(d->matcher, events, event_count, d->weights.magnitudes.change_count > 0);
    if (status == OTR_OK) {
        status = otr_matcher_edges(d->matcher, &d->matched.edges, &d->matched.count);
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

static void write_observables(const otr_decoder *d, uint8_t *observables) {
    if (d->graph->observable_count <= MASK_OBSERVABLES) {
        write_masked_observables(d, observables);
    } else {
        write_listed_observables(d, observables);
    }
    for (size_t i = 0; d->residual.observables != NULL && i < otr_bytes_for_bits(d->graph->observable_count);
         i++) {
        observables[i] ^= d->residual.observables[i];
    }
}

/* Soft use overrides weights, hard use leaves other events. */
static otr_status predecode(otr_decoder *d, const uint32_t **events, size_t *event_count) {
    const otr_override *overrides = NULL;
    size_t override_count = 0;
    otr_status status;
    if (d->predecode == OTR_PREDECODE_HARD) {
        status = otr_predecoder_hard(d->predecoder, *events, *event_count, &d->residual);
        if (status == OTR_OK) {
            *events = d->residual.events;
            *event_count = d->residual.event_count;
        }
        return status;
    }
    status = otr_predecoder_soft(d->predecoder, *events, *event_count, &overrides, &override_count);
    return status == OTR_OK ? otr_shot_weights_override(&d->weights, overrides, override_count) : status;
}

/* Decodes the event_count events in d->events. */
static otr_status decode_prepared(otr_decoder *d, size_t event_count, const otr_override *overrides,
                                  size_t override_count, uint8_t *observables, otr_result *result) {
    const uint32_t *events = d->events;
    size_t left_count = event_count;
    int64_t weight = 0;
    otr_status status = OTR_OK;
    d->answered = 0;
    d->answer_is_sorted = 0;
    d->first_pass_count = 0;
    otr_shot_weights_begin(&d->weights);
    if (d->predecoder != NULL) {
        status = predecode(d, &events, &left_count);
    }
    if (status == OTR_OK) {
        status = otr_shot_weights_override(&d->weights, overrides, override_count);
    }
    if (status == OTR_OK) {
        events = otr_shot_weights_flip(&d->weights, events, &left_count, d->left);
        status = d->kind == OTR_DECODER_UNION_FIND ? solve_by_clusters(d, events, left_count, &weight)
                                                   : solve_by_matching(d, events, left_count, &weight);
    }
    otr_shot_weights_restore(&d->weights);
    d->recalled = (edge_list){0};
    if (status != OTR_OK) {
        return status;
    }
    d->answered = 1;
    if (observables != NULL) {
        write_observables(d, observables);
    }
    if (result != NULL) {
        result->weight = weight + d->weights.committed_weight;
        result->event_count = (uint32_t)event_count;
        result->matched_count = (uint32_t)left_count;
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

/* Between windows. */

void otr_decoder_recall(otr_decoder *d, const uint32_t *edges, size_t count) {
    d->recalled = (edge_list){edges, count};
}

void otr_decoder_first_pass(const otr_decoder *d, const uint32_t **edges, size_t *count) {
    *edges = d->answer;
    *count = d->first_pass_count;
}

/* Details of the last shot. */

otr_status otr_decoder_edges(otr_decoder *d, const uint32_t **edges, size_t *count) {
    if (d == NULL || edges == NULL || count == NULL || !d->answered) {
        return OTR_ERR_ARGUMENT;
    }
    if (d->residual.observables != NULL && d->residual.edges == NULL) {
        return OTR_ERR_UNSUPPORTED;
    }
    if (!d->answer_is_sorted) {
        const otr_status status = gather_edges(d, LISTS, 0);
        if (status != OTR_OK) {
            return status;
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
