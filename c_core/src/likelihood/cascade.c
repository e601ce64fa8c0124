/* The cascade: gaps first, and where they are unsure the sum over errors that explain a shot well in either
 * class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bits.h"
#include "graph/graph_errors.h"
#include "likelihood/likelihood_internal.h"

/* Of likely_weight: below this share of it an implied weight makes a candidate where there is no pre-decoder.
 */
#define IMPLIED_SHARE 0.5

static void imply_from(otr_likelihood *l, const otr_edge_set *set);
static double signed_gap(const otr_likelihood *l, const otr_gap_result *result);
static bool is_at_limit(const otr_likelihood *l, const otr_gap_result *result);
static otr_status ask_again(otr_likelihood *l, uint64_t *unsure);
static otr_status sum_up(otr_likelihood *l, uint64_t unsure, otr_likelihood_result *result);

otr_status otr_likelihood_decide(otr_likelihood *l, otr_likelihood_result *result) {
    uint64_t unsure = 0;
    otr_status status = OTR_OK;
    l->asked_again = 0;
    l->summed = 0;
    for (uint32_t i = 0; i < l->errors->list.observable_count && status == OTR_OK; i++) {
        const bool happened = (l->errors->list.happened_observables >> i & 1) != 0;
        otr_gap_result found;
        l->ratios[i] = happened ? -OTR_TRELLIS_RATIO_MAX : OTR_TRELLIS_RATIO_MAX;
        if ((l->flippable >> i & 1) == 0) {
            continue;
        }
        status = otr_gap_decode_predecoded(l->gaps[i].under[OTR_PREDECODED], &l->shot.left, NULL, 0, &found);
        if (status == OTR_OK) {
            l->first_gaps[i] = signed_gap(l, &found);
            l->ratios[i] = l->first_gaps[i];
            unsure |= (uint64_t)!is_at_limit(l, &found) << i;
        }
    }
    if (status == OTR_OK && unsure != 0) {
        result->level = OTR_LIKELIHOOD_MEAN_GAP;
        status = ask_again(l, &unsure);
    }
    return status == OTR_OK && unsure != 0 ? sum_up(l, unsure, result) : status;
}

void otr_likelihood_imply(otr_likelihood *l, const otr_edge_set *set) {
    for (size_t i = 0; i < l->lowered_count; i++) {
        l->implied[l->lowered[i].edge] = OTR_WEIGHT_INFINITE;
    }
    l->lowered_count = 0;
    imply_from(l, set);
    imply_from(l, &l->shot.recalled);
    for (size_t i = 0; i < l->lowered_count; i++) {
        l->lowered[i].weight = l->implied[l->lowered[i].edge];
    }
}

void otr_likelihood_add_edges(otr_likelihood *l, const otr_edge_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        otr_candidates_add(&l->candidates, set->edges[i]);
    }
}

otr_status otr_likelihood_add_classes(otr_likelihood *l, otr_gap *gap, const otr_override *weights,
                                      size_t other_count) {
    for (int class = 0; class < 2; class ++) {
        const otr_override *lowered = l->lowered;
        otr_edge_set own, other;
        otr_status status = otr_gap_edges(gap, class, &own.edges, &own.count);
        size_t count;
        if (status == OTR_ERR_ARGUMENT) {
            continue; /* a class beyond the limit, or without an answer */
        }
        if (status != OTR_OK) {
            return status;
        }
        otr_likelihood_add_edges(l, &own);
        otr_likelihood_imply(l, &own);
        count = l->lowered_count;
        if (weights != NULL) {
            count = otr_likelihood_combine(l, weights);
            lowered = l->combined;
        }
        status = otr_decoder_decode_events(l->plain, l->others, other_count, lowered, count, NULL, NULL);
        if (status == OTR_OK) {
            status = otr_decoder_edges(l->plain, &other.edges, &other.count);
        }
        if (status != OTR_OK) {
            return status;
        }
        otr_likelihood_add_edges(l, &other);
    }
    return OTR_OK;
}

size_t otr_likelihood_list_others(otr_likelihood *l, uint32_t observable) {
    const otr_predecoded *const left = &l->shot.left;
    size_t count = 0;
    for (size_t i = 0; i < left->event_count; i++) {
        l->others[count] = left->events[i];
        count += !otr_gap_is_parted(l->gaps[observable].under[OTR_OWN], left->events[i]);
    }
    return count;
}

static void imply_from(otr_likelihood *l, const otr_edge_set *set) {
    const otr_graph *const graph = l->graph;
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

static void imply_first(otr_likelihood *l) {
    const otr_edge_set first = {l->first, l->first_count};
    otr_likelihood_imply(l, &first);
}

/* Makes the errors candidates that explain the shot well in either class of the observable, by both gaps. */
static otr_status find_candidates(otr_likelihood *l, uint32_t observable) {
    const size_t other_count = otr_likelihood_list_others(l, observable);
    otr_status status = OTR_OK;
    for (unsigned i = 0; i < OTR_WEIGHTS && status == OTR_OK; i++) {
        status = otr_likelihood_add_classes(l, l->gaps[observable].under[i], NULL, other_count);
    }
    return status;
}

/* Makes edges candidates that are likely by the pre-decoder, or without one by what the plain matching
 * implies. */
static void add_likely(otr_likelihood *l) {
    const bool is_predecoded = l->shot.is_predecoded;
    const otr_override *const weights = is_predecoded ? l->shot.left.overrides : l->lowered;
    const double limit = l->options.likely_weight * l->graph->scale * (is_predecoded ? 1 : IMPLIED_SHARE);
    size_t count = l->shot.left.override_count;
    if (!is_predecoded) {
        imply_first(l);
        count = l->lowered_count;
    }
    for (size_t i = 0; i < count; i++) {
        if (weights[i].weight < limit) {
            otr_candidates_add(&l->candidates, weights[i].edge);
        }
    }
}

/* Sums over the candidates within a budget: sets the ratios of unsure observables. A ratio that is there
 * stays where they do without, or where a class is lost to the budget. Returns the observables that the sum
 * has decided. */
static otr_status sum_candidates(otr_likelihood *l, uint64_t unsure, const otr_trellis_budget *budget,
                                 otr_likelihood_result *result, uint64_t *decided) {
    const double share = l->options.gap_share;
    otr_status status;
    *decided = 0;
    otr_candidates_list(&l->candidates);
    result->candidate_count = l->candidates.list.count;
    status = otr_error_reduction_run(&l->reduction, &l->candidates.list, l->shot.detectors);
    if (status == OTR_OK) {
        status = otr_class_sum_lay(&l->sum, &l->candidates.list, NULL);
    }
    if (status == OTR_ERR_MEMORY) {
        return status;
    }
    if (status != OTR_OK || !otr_class_sum_take(&l->sum, l->reduction.events, l->options.iterations)) {
        return OTR_OK;
    }
    for (uint32_t i = 0; i < l->sum.groups.count; i++) {
        const otr_class_answer found = otr_class_sum_group(&l->sum, i, budget);
        uint64_t left = found.is_explained ? l->sum.groups.groups[i].observables & unsure : 0;
        result->work += found.work;
        for (; left != 0; left &= left - 1) {
            const uint32_t observable = otr_ctz64(left);
            const double ratio = l->sum.ratios[observable];
            if (found.is_exact || fabs(ratio) < OTR_TRELLIS_RATIO_MAX) {
                const bool happened = (l->errors->list.happened_observables >> observable & 1) != 0;
                *decided |= (uint64_t)1 << observable;
                l->ratios[observable] =
                    otr_ratio_within_range((happened ? -ratio : ratio) + share * l->mean_gaps[observable]);
            }
        }
    }
    return OTR_OK;
}

/* The third level, and the deep one where the third leaves a ratio small. */
static otr_status sum_up(otr_likelihood *l, uint64_t unsure, otr_likelihood_result *result) {
    uint64_t close = 0;
    otr_status status = OTR_OK;
    otr_candidates_clear(&l->candidates);
    otr_candidates_recall(&l->candidates, l->shot.recalled.edges, l->shot.recalled.count);
    for (uint64_t left = unsure; left != 0 && status == OTR_OK; left &= left - 1) {
        status = find_candidates(l, otr_ctz64(left));
    }
    if (status != OTR_OK) {
        return status;
    }
    add_likely(l);
    result->level = OTR_LIKELIHOOD_SUM;
    status = sum_candidates(l, unsure, &l->options.budget, result, &l->summed);
    /* The rest is flipped by no candidate, or explained by none. */
    result->is_fallback = l->summed != unsure;
    for (uint64_t left = l->summed; left != 0; left &= left - 1) {
        close |= is_wide(l->ratios[otr_ctz64(left)], l->options.deep_ratio) ? 0 : left & (0 - left);
    }
    if (status != OTR_OK || close == 0) {
        return status;
    }
    result->level = OTR_LIKELIHOOD_DEEP;
    for (uint64_t left = close; left != 0 && status == OTR_OK; left &= left - 1) {
        status = otr_likelihood_find_more(l, otr_ctz64(left));
    }
    return status == OTR_OK ? sum_candidates(l, close, &l->options.deep_budget, result, &close) : status;
}

/* The observables whose second gaps leave them unsure; sets the mean gaps of all that had to be asked. */
static otr_status ask_again(otr_likelihood *l, uint64_t *unsure) {
    const uint32_t *edges;
    size_t count;
    uint64_t left = *unsure;
    otr_status status = otr_decoder_decode(l->plain, l->shot.detectors, NULL, 0, NULL, NULL);
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
        status = otr_gap_decode(l->gaps[observable].under[OTR_OWN], l->shot.left.events,
                                l->shot.left.event_count, l->lowered, l->lowered_count, &result);
        if (status == OTR_OK) {
            const double second = signed_gap(l, &result);
            const double mean = (first + second) / 2;
            l->asked_again |= (uint64_t)1 << observable;
            l->mean_gaps[observable] = mean;
            l->ratios[observable] = mean;
            if (is_wide(mean, l->options.sure_mean) && (first < 0) == (second < 0)) {
                *unsure &= ~((uint64_t)1 << observable);
            }
        }
    }
    return status;
}
