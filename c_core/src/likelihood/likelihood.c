/* The cascade: gaps first, and where they are unsure the sum over errors that explain a shot well in either
 * class. */
#include "outrider/likelihood.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "decode/decode.h"
#include "graph/graph_internal.h"
#include "likelihood/candidates.h"
#include "likelihood/class_sum.h"
#include "likelihood/error_list.h"
#include "outrider/decoder.h"
#include "outrider/gap.h"
#include "predecode/predecoder_internal.h"

/* Of likely_weight: below this share of it an implied weight makes a candidate where there is no pre-decoder.
 */
#define IMPLIED_SHARE 0.5

/* A set of edges. */
typedef struct edge_set {
    const uint32_t *edges;
    size_t count;
} edge_set;

/* Under which weights a shot is matched. */
enum { PREDECODED, OWN, WEIGHTS };

/* The gaps of an observable that errors flip, up to sure_gap, in the parts of the graph that it parts. One
 * gap under both weights would lay them out at every change. */
typedef struct gap_set {
    otr_gap *under[WEIGHTS];
} gap_set;

struct otr_likelihood {
    otr_likelihood_options options;
    const otr_graph *graph; /* borrowed */
    const otr_kernels *kernels;
    otr_error_list errors;
    otr_candidates candidates;
    otr_class_sum sum;
    otr_decoder *plain;
    gap_set gaps[OTR_TRELLIS_OBSERVABLES_MAX];
    int32_t limit;      /* of the gaps: sure_gap in units of the graph */
    uint64_t flippable; /* observables that have gaps */

    uint32_t *events;
    uint32_t *others; /* some of them */
    uint32_t *first;  /* the plain matching */
    size_t first_count;
    int32_t *implied;      /* edge -> weight that is implied, OTR_WEIGHT_INFINITE for none */
    otr_override *lowered; /* what is */
    size_t lowered_count;

    double ratios[OTR_TRELLIS_OBSERVABLES_MAX];     /* of the shot */
    double first_gaps[OTR_TRELLIS_OBSERVABLES_MAX]; /* signed, above 0 for unflipped */
    double mean_gaps[OTR_TRELLIS_OBSERVABLES_MAX];  /* the same */
};

static otr_status check_options(const otr_likelihood_options *options, const otr_graph *graph,
                                otr_error *error);
static otr_status fill(otr_likelihood *l, const otr_model *model, otr_error *error);
static otr_status decide(otr_likelihood *l, const uint8_t *detectors, otr_likelihood_result *result);

otr_likelihood_options otr_likelihood_options_default(void) {
    return (otr_likelihood_options){.isa = OTR_ISA_AUTO,
                                    .sure_gap = 12,
                                    .sure_mean = 5,
                                    .likely_weight = 4,
                                    .iterations = 1,
                                    .budget = {.cutoff = 1e-12, .states_max = 500},
                                    .gap_share = 0.25};
}

otr_status otr_likelihood_create(otr_likelihood **out, const otr_model *model, const otr_graph *graph,
                                 const otr_likelihood_options *options, otr_error *error) {
    const otr_likelihood_options chosen = options != NULL ? *options : otr_likelihood_options_default();
    otr_likelihood *l;
    otr_status status;
    if (out == NULL || model == NULL || graph == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model, no graph or no place for the decoder");
    }
    status = check_options(&chosen, graph, error);
    if (status != OTR_OK) {
        return status;
    }
    l = otr_array_zeroed(1, sizeof *l);
    if (l == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    l->options = chosen;
    l->graph = graph;
    status = fill(l, model, error);
    if (status != OTR_OK) {
        otr_likelihood_destroy(l);
        return status;
    }
    *out = l;
    return OTR_OK;
}

void otr_likelihood_destroy(otr_likelihood *l) {
    if (l == NULL) {
        return;
    }
    for (uint32_t i = 0; i < OTR_TRELLIS_OBSERVABLES_MAX; i++) {
        for (unsigned weights = 0; weights < WEIGHTS; weights++) {
            otr_gap_destroy(l->gaps[i].under[weights]);
        }
    }
    otr_decoder_destroy(l->plain);
    otr_class_sum_free(&l->sum);
    otr_candidates_free(&l->candidates);
    otr_error_list_free(&l->errors);
    free(l->events);
    free(l->others);
    free(l->first);
    free(l->implied);
    free(l->lowered);
    free(l);
}

uint32_t otr_likelihood_detector_count(const otr_likelihood *l) {
    return l->errors.detector_count;
}

uint32_t otr_likelihood_observable_count(const otr_likelihood *l) {
    return l->errors.observable_count;
}

size_t otr_likelihood_bytes(const otr_likelihood *l) {
    size_t bytes = sizeof *l + otr_error_list_bytes(&l->errors) + otr_candidates_bytes(&l->candidates) +
                   otr_class_sum_bytes(&l->sum) + otr_decoder_bytes(l->plain);
    for (uint64_t left = l->flippable; left != 0; left &= left - 1) {
        const gap_set *const set = &l->gaps[otr_ctz64(left)];
        for (unsigned weights = 0; weights < WEIGHTS; weights++) {
            bytes += otr_gap_bytes(set->under[weights]);
        }
    }
    return bytes + ((size_t)2 * l->errors.detector_count + OTR_INDEX_SLACK) * sizeof *l->events +
           l->graph->edge_count * (sizeof *l->first + sizeof *l->implied + sizeof *l->lowered);
}

otr_status otr_likelihood_decode(otr_likelihood *l, const uint8_t *detectors, uint8_t *observables,
                                 double *ratios, otr_likelihood_result *result) {
    otr_likelihood_result found = {.level = OTR_LIKELIHOOD_GAP};
    otr_status status;
    if (l == NULL || (detectors == NULL && l->errors.detector_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    status = decide(l, detectors, &found);
    if (status != OTR_OK) {
        return status;
    }
    if (observables != NULL) {
        memset(observables, 0, otr_bytes_for_bits(l->errors.observable_count));
        for (uint32_t i = 0; i < l->errors.observable_count; i++) {
            if (l->ratios[i] < 0) {
                otr_bit_flip(observables, i);
            }
        }
    }
    if (ratios != NULL && l->errors.observable_count > 0) {
        memcpy(ratios, l->ratios, l->errors.observable_count * sizeof *ratios);
    }
    if (result != NULL) {
        *result = found;
    }
    return OTR_OK;
}

static otr_status check_options(const otr_likelihood_options *options, const otr_graph *graph,
                                otr_error *error) {
    if (!graph->correlations) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "the graph has no correlations");
    }
    if (options->predecoder != NULL && options->predecoder->graph != graph) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the pre-decoder is on another graph");
    }
    if (!(options->sure_gap > 0 && options->sure_gap <= OTR_TRELLIS_RATIO_MAX) ||
        !(options->sure_mean >= 0) || !(options->likely_weight >= 0) ||
        !(options->gap_share >= 0 && options->gap_share <= 1)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "a sure gap is above 0 and at most %g, a sure mean and a likely weight are at "
                             "least 0, a share is from 0 to 1",
                             OTR_TRELLIS_RATIO_MAX);
    }
    if (options->iterations > OTR_TRELLIS_ITERATIONS_MAX) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "more than %d iterations",
                             OTR_TRELLIS_ITERATIONS_MAX);
    }
    return otr_check_trellis_budget(&options->budget, error);
}

static otr_status make_gaps(otr_likelihood *l, otr_error *error) {
    const double limit = l->options.sure_gap * l->graph->scale;
    otr_gap_options options = otr_gap_options_default();
    otr_status status = OTR_OK;
    options.isa = l->options.isa;
    l->limit = limit < OTR_WEIGHT_MAX ? (int32_t)limit & ~1 : OTR_WEIGHT_MAX;
    l->limit = l->limit > 2 ? l->limit : 2;
    options.limit = l->limit;
    options.parted_only = true;
    for (uint32_t i = 0; i < l->errors.count; i++) {
        l->flippable |= l->errors.observables[i];
    }
    for (uint64_t left = l->flippable; status == OTR_OK && left != 0; left &= left - 1) {
        gap_set *const set = &l->gaps[otr_ctz64(left)];
        options.observable = otr_ctz64(left);
        for (unsigned weights = 0; weights < WEIGHTS && status == OTR_OK; weights++) {
            status = otr_gap_create(&set->under[weights], l->graph, &options, error);
        }
    }
    return status;
}

static bool allocate(otr_likelihood *l) {
    const size_t edges = l->graph->edge_count;
    l->events = otr_array_new((size_t)l->graph->node_count + OTR_INDEX_SLACK, sizeof *l->events);
    l->others = otr_array_new(l->graph->node_count, sizeof *l->others);
    l->first = otr_array_new(edges, sizeof *l->first);
    l->implied = otr_array_new(edges, sizeof *l->implied);
    l->lowered = otr_array_new(edges, sizeof *l->lowered);
    for (size_t i = 0; l->implied != NULL && i < edges; i++) {
        l->implied[i] = OTR_WEIGHT_INFINITE;
    }
    return l->events != NULL && l->others != NULL && l->first != NULL && l->implied != NULL &&
           l->lowered != NULL;
}

static otr_status fill(otr_likelihood *l, const otr_model *model, otr_error *error) {
    otr_decoder_options options = otr_decoder_options_default();
    otr_status status;
    l->kernels = otr_kernels_for(l->options.isa);
    if (l->kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "the instruction set is not available");
    }
    status = otr_error_list_init(&l->errors, model, error);
    if (status == OTR_OK && l->errors.detector_count != l->graph->node_count) {
        status = otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the graph is of another model");
    }
    status = status == OTR_OK ? make_gaps(l, error) : status;
    if (status != OTR_OK) {
        return status;
    }
    options.isa = l->options.isa;
    status = otr_candidates_init(&l->candidates, model, &l->errors, l->graph);
    if (status == OTR_OK) {
        status =
            otr_class_sum_init(&l->sum, l->options.budget.states_max, OTR_TRELLIS_TABLE_BITS_MAX, l->kernels);
    }
    if (status == OTR_OK) {
        status = otr_decoder_create(&l->plain, l->graph, &options);
    }
    if (status == OTR_OK && !allocate(l)) {
        status = OTR_ERR_MEMORY;
    }
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
}

/* The gap of a shot in natural units, above 0 if the observable is not flipped. */
static double signed_gap(const otr_likelihood *l, const otr_gap_result *result) {
    if (result->weights[0] == INT64_MAX || result->weights[1] == INT64_MAX) {
        return result->weights[1] == INT64_MAX ? l->options.sure_gap : -l->options.sure_gap;
    }
    return (double)(result->weights[1] - result->weights[0]) / l->graph->scale;
}

static bool is_wide(double gap, double width) {
    return gap >= width || gap <= -width;
}

/* Whether a gap is at its limit, and this is sure_gap. */
static bool is_at_limit(const otr_likelihood *l, const otr_gap_result *result) {
    return l->limit < OTR_WEIGHT_MAX && llabs(result->weights[1] - result->weights[0]) >= l->limit;
}

/* Lowers weights to what these edges imply, in place of what was lowered before. */
static void imply(otr_likelihood *l, const edge_set *set) {
    const otr_graph *const graph = l->graph;
    for (size_t i = 0; i < l->lowered_count; i++) {
        l->implied[l->lowered[i].edge] = OTR_WEIGHT_INFINITE;
    }
    l->lowered_count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const uint32_t end = graph->implied_begin[set->edges[i] + 1];
        for (uint32_t rule = graph->implied_begin[set->edges[i]]; rule < end; rule++) {
            const uint32_t edge = graph->implied_edge[rule];
            const int32_t weight = graph->implied_weight[rule];
            if (weight >= graph->edge_weight[edge] || weight >= l->implied[edge] ||
                graph->edge_weight[edge] == OTR_WEIGHT_INFINITE) {
                continue;
            }
            if (l->implied[edge] == OTR_WEIGHT_INFINITE) {
                l->lowered[l->lowered_count++].edge = edge;
            }
            l->implied[edge] = weight;
        }
    }
    for (size_t i = 0; i < l->lowered_count; i++) {
        l->lowered[i].weight = l->implied[l->lowered[i].edge];
    }
}

static void imply_first(otr_likelihood *l) {
    const edge_set first = {l->first, l->first_count};
    imply(l, &first);
}

static void add_edges(otr_likelihood *l, const edge_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        otr_candidates_add(&l->candidates, set->edges[i]);
    }
}

/* The events of parts that the observable does not part: in l->others. */
static size_t list_others(otr_likelihood *l, const otr_predecoded *shot, uint32_t observable) {
    size_t count = 0;
    for (size_t i = 0; i < shot->event_count; i++) {
        l->others[count] = shot->events[i];
        count += !otr_gap_is_parted(l->gaps[observable].under[OWN], shot->events[i]);
    }
    return count;
}

/* Makes the errors candidates that explain the shot well in either class of the observable: the edges of both
 * gaps, and with those of each the edges of a matching of the other parts under what they imply. */
static otr_status find_candidates(otr_likelihood *l, const otr_predecoded *shot, uint32_t observable) {
    const size_t other_count = list_others(l, shot, observable);
    for (unsigned i = 0; i < 2 * WEIGHTS; i++) {
        edge_set own, other;
        otr_status status =
            otr_gap_edges(l->gaps[observable].under[i / 2], (int)(i % 2), &own.edges, &own.count);
        if (status == OTR_ERR_ARGUMENT) {
            continue; /* a class beyond the limit, or without an answer */
        }
        if (status == OTR_OK) {
            add_edges(l, &own);
            imply(l, &own);
            status = otr_decoder_decode_events(l->plain, l->others, other_count, l->lowered, l->lowered_count,
                                               NULL, NULL);
        }
        if (status == OTR_OK) {
            status = otr_decoder_edges(l->plain, &other.edges, &other.count);
        }
        if (status != OTR_OK) {
            return status;
        }
        add_edges(l, &other);
    }
    return OTR_OK;
}

/* Makes edges candidates that are likely by the pre-decoder, or without one by what the plain matching
 * implies. */
static void add_likely(otr_likelihood *l, const otr_predecoded *shot) {
    const bool has_predecoder = l->options.predecoder != NULL;
    const otr_override *const weights = has_predecoder ? shot->overrides : l->lowered;
    const double limit = l->options.likely_weight * l->graph->scale * (has_predecoder ? 1 : IMPLIED_SHARE);
    size_t count = shot->override_count;
    if (!has_predecoder) {
        imply_first(l);
        count = l->lowered_count;
    }
    for (size_t i = 0; i < count; i++) {
        if (weights[i].weight < limit) {
            otr_candidates_add(&l->candidates, weights[i].edge);
        }
    }
}

/* The third level: sums over the candidates. */
static otr_status sum_up(otr_likelihood *l, const uint8_t *detectors, const otr_predecoded *shot,
                         uint64_t unsure, otr_likelihood_result *result) {
    const double share = l->options.gap_share;
    otr_status status = OTR_OK;
    otr_candidates_clear(&l->candidates);
    for (uint64_t left = unsure; left != 0 && status == OTR_OK; left &= left - 1) {
        status = find_candidates(l, shot, otr_ctz64(left));
    }
    if (status != OTR_OK) {
        return status;
    }
    add_likely(l, shot);
    otr_candidates_list(&l->candidates);
    result->level = OTR_LIKELIHOOD_SUM;
    result->candidate_count = l->candidates.list.count;
    status = otr_class_sum_lay(&l->sum, &l->candidates.list, NULL);
    if (status == OTR_ERR_MEMORY) {
        return status;
    }
    if (status != OTR_OK || !otr_class_sum_take(&l->sum, detectors, l->options.iterations)) {
        result->is_fallback = true;
        return OTR_OK;
    }
    for (uint32_t i = 0; i < l->sum.groups.count; i++) {
        const otr_class_answer found = otr_class_sum_group(&l->sum, i, &l->options.budget);
        uint64_t left = l->sum.groups.groups[i].observables & unsure;
        result->work += found.work;
        result->is_fallback = result->is_fallback || (!found.is_explained && left != 0);
        for (; found.is_explained && left != 0; left &= left - 1) {
            const uint32_t observable = otr_ctz64(left);
            const bool happened = (l->errors.happened_observables >> observable & 1) != 0;
            const double ratio = l->sum.ratios[observable];
            l->ratios[observable] =
                otr_ratio_within_range((happened ? -ratio : ratio) + share * l->mean_gaps[observable]);
        }
        unsure &= ~l->sum.groups.groups[i].observables;
    }
    /* No candidate flips those that are left. */
    result->is_fallback = result->is_fallback || unsure != 0;
    return OTR_OK;
}

/* The observables whose second gaps leave them unsure; sets the mean gaps of all that had to be asked. */
static otr_status ask_again(otr_likelihood *l, const uint8_t *detectors, const otr_predecoded *shot,
                            uint64_t *unsure) {
    const uint32_t *edges;
    size_t count;
    uint64_t left = *unsure;
    otr_status status = otr_decoder_decode(l->plain, detectors, NULL, 0, NULL, NULL);
    if (status == OTR_OK) {
        status = otr_decoder_edges(l->plain, &edges, &count);
    }
    if (status != OTR_OK) {
        return status;
    }
    l->first_count = count;
    if (count > 0) {
        memcpy(l->first, edges, count * sizeof *edges);
    }
    imply_first(l);
    for (; left != 0 && status == OTR_OK; left &= left - 1) {
        const uint32_t observable = otr_ctz64(left);
        const double first = l->first_gaps[observable];
        otr_gap_result result;
        status = otr_gap_decode(l->gaps[observable].under[OWN], shot->events, shot->event_count, l->lowered,
                                l->lowered_count, &result);
        if (status == OTR_OK) {
            const double second = signed_gap(l, &result);
            const double mean = (first + second) / 2;
            l->mean_gaps[observable] = mean;
            l->ratios[observable] = mean;
            if (is_wide(mean, l->options.sure_mean) && (first < 0) == (second < 0)) {
                *unsure &= ~((uint64_t)1 << observable);
            }
        }
    }
    return status;
}

static otr_status decide(otr_likelihood *l, const uint8_t *detectors, otr_likelihood_result *result) {
    const size_t event_count = l->kernels->bit_indices(detectors, l->graph->node_count, l->events);
    otr_predecoded shot = {.events = l->events, .event_count = event_count};
    uint64_t unsure = 0;
    otr_status status = OTR_OK;
    if (l->options.predecoder != NULL) {
        status = otr_predecoder_apply(l->options.predecoder, OTR_PREDECODER_USE_SOFT, l->events, event_count,
                                      &shot);
    }
    for (uint32_t i = 0; i < l->errors.observable_count && status == OTR_OK; i++) {
        const bool happened = (l->errors.happened_observables >> i & 1) != 0;
        otr_gap_result found;
        l->ratios[i] = happened ? -OTR_TRELLIS_RATIO_MAX : OTR_TRELLIS_RATIO_MAX;
        if ((l->flippable >> i & 1) == 0) {
            continue;
        }
        status = otr_gap_decode_predecoded(l->gaps[i].under[PREDECODED], &shot, NULL, 0, &found);
        if (status == OTR_OK) {
            l->first_gaps[i] = signed_gap(l, &found);
            l->ratios[i] = l->first_gaps[i];
            unsure |= (uint64_t)!is_at_limit(l, &found) << i;
        }
    }
    if (status == OTR_OK && unsure != 0) {
        result->level = OTR_LIKELIHOOD_MEAN_GAP;
        status = ask_again(l, detectors, &shot, &unsure);
    }
    return status == OTR_OK && unsure != 0 ? sum_up(l, detectors, &shot, unsure, result) : status;
}
