/* The decoder by likelihood: what it is made of, and its shots. */
#include "outrider/likelihood.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "graph/graph_errors.h"
#include "likelihood/likelihood_internal.h"
#include "predecode/predecoder_internal.h"

static otr_status create(otr_likelihood **out, const otr_graph *graph, const otr_likelihood_options *options,
                         bool for_cells, otr_error *error);
static otr_status check_options(const otr_likelihood_options *options, const otr_graph *graph,
                                otr_error *error);
static otr_status fill(otr_likelihood *l, otr_error *error);
static otr_status take_shot(otr_likelihood *l, const uint8_t *detectors);
static double calibrated(const otr_likelihood *l, uint32_t observable);

otr_likelihood_options otr_likelihood_options_default(void) {
    return (otr_likelihood_options){.isa = OTR_ISA_AUTO,
                                    .sure_gap = 12,
                                    .sure_mean = 5,
                                    .likely_weight = 4,
                                    .iterations = 1,
                                    .budget = {.cutoff = 1e-9, .states_max = 500},
                                    .gap_share = 0.25,
                                    .gap_slope = 0.53,
                                    .sum_slope = 0.6,
                                    .deep_members = 8,
                                    .deep_budget = {.cutoff = 1e-12, .states_max = 2000}};
}

otr_status otr_likelihood_create(otr_likelihood **out, const otr_graph *graph,
                                 const otr_likelihood_options *options, otr_error *error) {
    if (out == NULL || graph == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no graph or no place for the decoder");
    }
    return create(out, graph, options, false, error);
}

otr_status otr_likelihood_create_for_cells(otr_likelihood **out, const otr_graph *graph,
                                           const otr_likelihood_options *options, otr_error *error) {
    otr_likelihood *made = NULL;
    const otr_status status = create(&made, graph, options, true, error);
    if (status == OTR_OK && made->flippable == 0) {
        otr_likelihood_destroy(made);
        made = NULL;
    }
    if (status == OTR_OK) {
        *out = made;
    }
    return status;
}

void otr_likelihood_destroy(otr_likelihood *l) {
    if (l == NULL) {
        return;
    }
    for (uint32_t i = 0; i < OTR_TRELLIS_OBSERVABLES_MAX; i++) {
        for (unsigned weights = 0; weights < OTR_WEIGHTS; weights++) {
            otr_gap_destroy(l->gaps[i].under[weights]);
        }
    }
    otr_decoder_destroy(l->plain);
    otr_class_sum_free(&l->sum);
    otr_error_reduction_free(&l->reduction);
    otr_candidates_free(&l->candidates);
    free(l->events);
    free(l->others);
    free(l->first);
    free(l->implied);
    free(l->lowered);
    free(l->perturbed);
    free(l->combined);
    free(l->answer);
    free(l->clusters);
    free(l->deciders);
    free(l);
}

uint32_t otr_likelihood_detector_count(const otr_likelihood *l) {
    return l->graph->node_count;
}

uint32_t otr_likelihood_observable_count(const otr_likelihood *l) {
    return l->graph->observable_count;
}

size_t otr_likelihood_bytes(const otr_likelihood *l) {
    size_t bytes = sizeof *l + otr_candidates_bytes(&l->candidates) + otr_class_sum_bytes(&l->sum) +
                   otr_error_reduction_bytes(&l->reduction) + otr_decoder_bytes(l->plain);
    for (uint64_t left = l->flippable; left != 0; left &= left - 1) {
        const otr_gap_set *const set = &l->gaps[otr_ctz64(left)];
        for (unsigned weights = 0; weights < OTR_WEIGHTS; weights++) {
            bytes += otr_gap_bytes(set->under[weights]);
        }
    }
    return bytes + ((size_t)2 * l->graph->node_count + OTR_INDEX_SLACK) * sizeof *l->events +
           l->graph->node_count * (sizeof *l->deciders + sizeof *l->clusters) +
           l->graph->edge_count *
               (sizeof *l->first + sizeof *l->implied + sizeof *l->lowered + sizeof *l->answer +
                (l->perturbed != NULL ? l->options.deep_members + 2 : 0) * sizeof *l->perturbed);
}

otr_status otr_likelihood_decode(otr_likelihood *l, const uint8_t *detectors, uint8_t *observables,
                                 double *ratios, otr_likelihood_result *result) {
    otr_likelihood_result found = {.level = OTR_LIKELIHOOD_GAP};
    otr_status status;
    if (l == NULL || (detectors == NULL && l->graph->node_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    l->is_answered = false;
    status = take_shot(l, detectors);
    status = status == OTR_OK ? otr_likelihood_decide(l, &found) : status;
    if (status != OTR_OK) {
        return status;
    }
    l->is_answered = true;
    l->answer_is_known = false;
    if (observables != NULL) {
        memset(observables, 0, otr_bytes_for_bits(l->graph->observable_count));
        for (uint32_t i = 0; i < l->graph->observable_count; i++) {
            if (l->ratios[i] < 0) {
                otr_bit_flip(observables, i);
            }
        }
    }
    for (uint32_t i = 0; ratios != NULL && i < l->graph->observable_count; i++) {
        ratios[i] = calibrated(l, i);
    }
    if (result != NULL) {
        *result = found;
    }
    return OTR_OK;
}

otr_status otr_likelihood_edges(otr_likelihood *l, const uint32_t **edges, size_t *count) {
    otr_status status = OTR_OK;
    if (l == NULL || edges == NULL || count == NULL || !l->is_answered) {
        return OTR_ERR_ARGUMENT;
    }
    if (!l->answer_is_known) {
        status = otr_likelihood_find_edges(l);
    }
    if (status == OTR_OK) {
        l->answer_is_known = true;
        *edges = l->answer;
        *count = l->answer_count;
    }
    return status;
}

otr_status otr_likelihood_decode_cell(otr_likelihood *l, const otr_cell_shot *cell, otr_cell_answer *out) {
    otr_likelihood_result result = {.level = OTR_LIKELIHOOD_GAP};
    const size_t event_count = l->kernels->bit_indices(cell->detectors, l->graph->node_count, l->events);
    otr_status status;
    l->is_answered = false;
    l->shot = (otr_likelihood_shot){.detectors = cell->detectors,
                                    .left = {.events = l->events,
                                             .event_count = event_count,
                                             .overrides = cell->overrides,
                                             .override_count = cell->override_count,
                                             .weight_offset = cell->weight_offset},
                                    .is_predecoded = cell->override_count > 0,
                                    .recalled = {cell->recalled, cell->recalled_count}};
    status = otr_likelihood_decide(l, &result);
    status = status == OTR_OK ? otr_likelihood_find_edges(l) : status;
    if (status == OTR_OK) {
        *out = (otr_cell_answer){.edges = l->answer,
                                 .edge_count = l->answer_count,
                                 .first_pass = l->answer,
                                 .first_pass_count = l->answer_count,
                                 .event_count = (uint32_t)event_count};
    }
    return status;
}

static otr_status create(otr_likelihood **out, const otr_graph *graph, const otr_likelihood_options *options,
                         bool for_cells, otr_error *error) {
    const otr_likelihood_options chosen = options != NULL ? *options : otr_likelihood_options_default();
    otr_likelihood *l;
    otr_status status = check_options(&chosen, graph, error);
    if (status != OTR_OK) {
        return status;
    }
    l = otr_array_zeroed(1, sizeof *l);
    if (l == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    l->options = chosen;
    l->graph = graph;
    l->errors = graph->errors;
    l->for_cells = for_cells;
    status = fill(l, error);
    if (status != OTR_OK) {
        otr_likelihood_destroy(l);
        return status;
    }
    *out = l;
    return OTR_OK;
}

/* The ratio of an observable as a probability has it; one that nothing flips has no slope. */
static double calibrated(const otr_likelihood *l, uint32_t observable) {
    const uint64_t bit = (uint64_t)1 << observable;
    const double slope = (l->summed & bit) != 0 ? l->options.sum_slope : l->options.gap_slope;
    return (l->flippable & bit) != 0 ? slope * l->ratios[observable] : l->ratios[observable];
}

static otr_status check_options(const otr_likelihood_options *options, const otr_graph *graph,
                                otr_error *error) {
    if (!graph->correlations || graph->errors == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "the graph was built without correlations, or does not keep its errors whole");
    }
    if (options->predecoder != NULL && options->predecoder->graph != graph) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the pre-decoder is on another graph");
    }
    if (!(options->sure_gap > 0 && options->sure_gap <= OTR_TRELLIS_RATIO_MAX) ||
        !(options->sure_mean >= 0) || !(options->likely_weight >= 0) ||
        !(options->gap_share >= 0 && options->gap_share <= 1) ||
        !(options->gap_slope > 0 && options->gap_slope <= 1) ||
        !(options->sum_slope > 0 && options->sum_slope <= 1)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "a sure gap is above 0 and at most %g, a sure mean and a likely weight are at "
                             "least 0, a share is from 0 to 1, a slope above 0 and at most 1",
                             OTR_TRELLIS_RATIO_MAX);
    }
    if (options->iterations > OTR_TRELLIS_ITERATIONS_MAX) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "more than %d iterations",
                             OTR_TRELLIS_ITERATIONS_MAX);
    }
    if (!(options->deep_ratio >= 0) || options->deep_members == 0 ||
        options->deep_members > OTR_LIKELIHOOD_MEMBERS_MAX) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "a deep ratio is at least 0, and it takes 1 to %d members",
                             OTR_LIKELIHOOD_MEMBERS_MAX);
    }
    if (otr_check_trellis_budget(&options->deep_budget, error) != OTR_OK) {
        return OTR_ERR_ARGUMENT;
    }
    return otr_check_trellis_budget(&options->budget, error);
}

/* Makes the gaps of an observable under all weights. */
static otr_status make_gaps_of(otr_likelihood *l, uint32_t observable, otr_error *error) {
    otr_gap_options options = otr_gap_options_default();
    otr_status status = OTR_OK;
    options.isa = l->options.isa;
    options.limit = l->limit;
    options.parted_only = true;
    options.observable = observable;
    for (unsigned weights = 0; weights < OTR_WEIGHTS && status == OTR_OK; weights++) {
        status = otr_gap_create(&l->gaps[observable].under[weights], l->graph, &options, error);
    }
    return status;
}

/* Gives the observable the parts of the graph that it is the first to part. */
static void take_parts(otr_likelihood *l, uint32_t observable) {
    for (uint32_t node = 0; node < l->graph->node_count; node++) {
        if (l->deciders[node] == OTR_NO_DECIDER &&
            otr_gap_is_parted(l->gaps[observable].under[OTR_OWN], node)) {
            l->deciders[node] = (uint8_t)observable;
        }
    }
}

/* Of all observables that errors flip; cells do without those that have none. */
static otr_status make_gaps(otr_likelihood *l, otr_error *error) {
    const otr_error_list *const list = &l->errors->list;
    const double limit = l->options.sure_gap * l->graph->scale;
    uint64_t flipped = 0;
    l->deciders = otr_array_new(l->graph->node_count, sizeof *l->deciders);
    if (l->deciders == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    memset(l->deciders, OTR_NO_DECIDER, l->graph->node_count);
    l->limit = limit < OTR_WEIGHT_MAX ? (int32_t)limit & ~1 : OTR_WEIGHT_MAX;
    l->limit = l->limit > 2 ? l->limit : 2;
    for (uint32_t i = 0; i < list->count; i++) {
        flipped |= list->observables[i];
    }
    for (; flipped != 0; flipped &= flipped - 1) {
        const uint32_t observable = otr_ctz64(flipped);
        const otr_status status = make_gaps_of(l, observable, error);
        if (status == OTR_OK) {
            l->flippable |= (uint64_t)1 << observable;
            take_parts(l, observable);
        } else if (status != OTR_ERR_UNSUPPORTED || !l->for_cells) {
            return status;
        }
    }
    return OTR_OK;
}

static bool allocate(otr_likelihood *l) {
    const size_t edges = l->graph->edge_count;
    l->events = otr_array_new((size_t)l->graph->node_count + OTR_INDEX_SLACK, sizeof *l->events);
    l->others = otr_array_new(l->graph->node_count, sizeof *l->others);
    l->first = otr_array_new(edges, sizeof *l->first);
    l->implied = otr_array_new(edges, sizeof *l->implied);
    l->lowered = otr_array_new(edges, sizeof *l->lowered);
    l->answer = otr_array_new(edges, sizeof *l->answer);
    l->clusters = otr_array_zeroed(l->graph->node_count, sizeof *l->clusters);
    for (uint32_t node = 0; l->clusters != NULL && node < l->graph->node_count; node++) {
        l->clusters[node].parent = node;
    }
    for (size_t i = 0; l->implied != NULL && i < edges; i++) {
        l->implied[i] = OTR_WEIGHT_INFINITE;
    }
    return l->events != NULL && l->others != NULL && l->first != NULL && l->implied != NULL &&
           l->lowered != NULL && l->answer != NULL && l->clusters != NULL;
}

static otr_status fill(otr_likelihood *l, otr_error *error) {
    otr_decoder_options options = otr_decoder_options_default();
    otr_status status;
    l->kernels = otr_kernels_for(l->options.isa);
    if (l->kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "the instruction set is not available");
    }
    status = make_gaps(l, error);
    if (status != OTR_OK) {
        return status;
    }
    options.isa = l->options.isa;
    status = otr_candidates_init(&l->candidates, l->errors, l->graph->edge_count);
    if (status == OTR_OK) {
        status = otr_error_reduction_init(&l->reduction, l->graph->node_count);
    }
    if (status == OTR_OK) {
        const uint32_t usual = l->options.budget.states_max;
        const uint32_t deep = l->options.deep_ratio > 0 ? l->options.deep_budget.states_max : 0;
        status =
            otr_class_sum_init(&l->sum, deep > usual ? deep : usual, OTR_TRELLIS_TABLE_BITS_MAX, l->kernels);
    }
    if (status == OTR_OK) {
        status = otr_decoder_create(&l->plain, l->graph, &options);
    }
    if (status == OTR_OK && !(allocate(l) && (l->options.deep_ratio == 0 || otr_likelihood_perturb(l)))) {
        status = OTR_ERR_MEMORY;
    }
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
}

/* Makes this the shot at hand, with what the pre-decoder of the options has for it. */
static otr_status take_shot(otr_likelihood *l, const uint8_t *detectors) {
    const size_t event_count = l->kernels->bit_indices(detectors, l->graph->node_count, l->events);
    otr_predecoder *const predecoder = l->options.predecoder;
    l->shot = (otr_likelihood_shot){.detectors = detectors,
                                    .left = {.events = l->events, .event_count = event_count},
                                    .is_predecoded = predecoder != NULL};
    return predecoder == NULL ? OTR_OK
                              : otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_SOFT, l->events,
                                                     event_count, &l->shot.left);
}
