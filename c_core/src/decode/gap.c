/* The complementary gap: every shot is matched twice on a graph with a parted boundary, once in each class.
 * Under a limit the class of the extra node can be bought off for that weight (the bypass), so the search in
 * the worse class ends there. Most shots need no such search: with the bypass free there is one boundary, and
 * the slack that its answer leaves between the sides shows that the other class is far. */
#include "outrider/gap.h"

#include "common/array.h"
#include "common/error.h"
#include "common/sort.h"
#include "decode/decode.h"
#include "graph/boundary_split.h"
#include "graph/shot_weights.h"
#include "match/matcher.h"
#include "match/slack_search.h"

#include <stdlib.h>
#include <string.h>

/* One class's answer. */
typedef struct answer {
    int64_t weight;
    uint32_t *edges; /* at first those matched, once asked for all of them */
    size_t count, capacity;
    bool is_complete;
} answer;

struct otr_gap {
    otr_boundary_split split;
    const otr_kernels *kernels;
    int32_t limit;      /* weight of the bypass where classes are told apart, 0 for none */
    bool parted_only;   /* of the options */
    int32_t own_offset; /* of the options */

    /* Laid out for one offset, on the parted graph. */
    int32_t shot_offset; /* added to the gap's own */
    otr_shot_weights weights;
    otr_matcher *matcher;
    otr_slack_search search; /* with a limit */

    uint32_t *events; /* of the shot, and the extra node */
    size_t event_capacity;
    uint32_t *remaining; /* events after flips */

    /* Of the last shot. */
    bool answered;
    unsigned fixed_class; /* of what a pre-decoder fixed */
    uint32_t *fixed;      /* its edges */
    size_t fixed_count, fixed_capacity;
    bool fixed_edges_missing; /* it fixed what is given as no edges */
    answer answers[2];        /* by class, without what was fixed */
};

static otr_status fill_gap(otr_gap *gap, const otr_graph *graph, const otr_gap_options *options,
                           otr_error *error);
static uint32_t edge_count(const otr_gap *gap);
static otr_status check_limit(int32_t limit, otr_error *error);
static int32_t total_offset(int32_t own_offset, int32_t shot_offset);
static otr_status lay_weights(otr_gap *gap, int32_t shot_offset);
static otr_status match_shot(otr_gap *gap, const otr_predecoded *shot, const otr_override *overrides,
                             size_t override_count, otr_gap_result *result);
static otr_status answer_classes(otr_gap *gap, size_t event_count, unsigned potential);
static otr_status keep_fixed(otr_gap *gap, const otr_predecoded *shot);
static bool is_sure(otr_gap *gap, size_t event_count, unsigned potential);
static bool match_both(otr_gap *gap, size_t event_count, unsigned potential);
static otr_status match_class(otr_gap *gap, size_t event_count, answer *answer);
static otr_status keep_answer(otr_gap *gap, answer *answer);
static otr_status solve(otr_gap *gap, const uint32_t *events, size_t event_count);
static otr_status complete(const otr_gap *gap, answer *answer);

otr_gap_options otr_gap_options_default(void) {
    return (otr_gap_options){.isa = OTR_ISA_AUTO, .weight_offset = 0, .limit = 0};
}

otr_status otr_gap_create(otr_gap **out, const otr_graph *graph, const otr_gap_options *options,
                          otr_error *error) {
    const otr_gap_options chosen = options != NULL ? *options : otr_gap_options_default();
    otr_gap *gap;
    otr_status status;
    if (out == NULL || graph == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no graph or no place for the gap");
    }
    gap = otr_array_zeroed(1, sizeof *gap);
    if (gap == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = fill_gap(gap, graph, &chosen, error);
    if (status != OTR_OK) {
        otr_gap_destroy(gap);
        return status;
    }
    *out = gap;
    return OTR_OK;
}

otr_status otr_gap_reweight(otr_gap *gap, const otr_graph *graph, int32_t weight_offset, int32_t limit,
                            otr_error *error) {
    otr_status status;
    int32_t total, bypass;
    if (gap == NULL || graph == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no gap or no graph");
    }
    status = check_limit(limit, error);
    if (status != OTR_OK) {
        return status;
    }
    total = total_offset(weight_offset, gap->shot_offset);
    bypass = -total;
    status = otr_boundary_split_reweight(&gap->split, graph, limit != 0 ? &bypass : NULL, error);
    if (status != OTR_OK) {
        return status;
    }
    /* Until here the parted graph's weights were copied only: a failure leaves those of the shots. */
    status = otr_shot_weights_refill(&gap->weights, gap->split.graph, total);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    otr_matcher_reweight(gap->matcher);
    gap->limit = limit;
    gap->own_offset = weight_offset;
    gap->answered = false;
    return OTR_OK;
}

void otr_gap_destroy(otr_gap *gap) {
    if (gap == NULL) {
        return;
    }
    otr_matcher_destroy(gap->matcher);
    otr_shot_weights_free(&gap->weights);
    otr_slack_search_free(&gap->search);
    otr_boundary_split_free(&gap->split);
    free(gap->events);
    free(gap->remaining);
    free(gap->fixed);
    free(gap->answers[0].edges);
    free(gap->answers[1].edges);
    free(gap);
}

otr_status otr_gap_decode(otr_gap *gap, const uint32_t *events, size_t event_count,
                          const otr_override *overrides, size_t override_count, otr_gap_result *result) {
    const otr_predecoded shot = {.events = events, .event_count = event_count};
    if (gap == NULL || (events == NULL && event_count > 0) || (overrides == NULL && override_count > 0) ||
        result == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    gap->answered = false;
    for (size_t i = 0; i < event_count; i++) {
        if (events[i] >= gap->split.extra) {
            return OTR_ERR_INDEX;
        }
    }
    return match_shot(gap, &shot, overrides, override_count, result);
}

otr_status otr_gap_decode_predecoded(otr_gap *gap, const otr_predecoded *shot, const otr_override *overrides,
                                     size_t override_count, otr_gap_result *result) {
    otr_status status;
    if (gap == NULL || shot == NULL || (overrides == NULL && override_count > 0) || result == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    gap->answered = false;
    status = otr_predecoded_check(shot, gap->split.extra, edge_count(gap));
    return status == OTR_OK ? match_shot(gap, shot, overrides, override_count, result) : status;
}

bool otr_gap_is_parted(const otr_gap *gap, uint32_t detector) {
    return gap->split.is_parted[detector] != 0;
}

otr_status otr_gap_edges(otr_gap *gap, int observable, const uint32_t **edges, size_t *count) {
    const answer *other;
    answer *answer;
    if (gap == NULL || observable < 0 || observable > 1 || edges == NULL || count == NULL || !gap->answered) {
        return OTR_ERR_ARGUMENT;
    }
    answer = &gap->answers[(unsigned)observable ^ gap->fixed_class];
    other = &gap->answers[(unsigned)observable ^ gap->fixed_class ^ 1];
    if (answer->weight == INT64_MAX ||
        (gap->limit != 0 && other->weight < INT64_MAX && answer->weight - other->weight >= gap->limit)) {
        return OTR_ERR_ARGUMENT;
    }
    if (gap->fixed_edges_missing) {
        return OTR_ERR_UNSUPPORTED;
    }
    if (!answer->is_complete) {
        const otr_status status = complete(gap, answer);
        if (status != OTR_OK) {
            return status;
        }
    }
    *edges = answer->edges;
    *count = answer->count;
    return OTR_OK;
}

size_t otr_gap_bytes(const otr_gap *gap) {
    return sizeof *gap + otr_boundary_split_bytes(&gap->split) + otr_shot_weights_bytes(&gap->weights) +
           otr_matcher_bytes(gap->matcher) + otr_slack_search_bytes(&gap->search) +
           (gap->event_capacity + gap->split.graph->node_count + OTR_INDEX_SLACK + gap->fixed_capacity +
            gap->answers[0].capacity + gap->answers[1].capacity) *
               sizeof *gap->events;
}

static otr_status fill_gap(otr_gap *gap, const otr_graph *graph, const otr_gap_options *options,
                           otr_error *error) {
    const int32_t total = total_offset(options->weight_offset, 0);
    int32_t bypass;
    otr_status status;
    gap->kernels = otr_kernels_for(options->isa);
    if (gap->kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "the instruction set is not available");
    }
    status = check_limit(options->limit, error);
    if (status != OTR_OK) {
        return status;
    }
    bypass = -total; /* all weights get the offset */
    gap->limit = options->limit;
    gap->own_offset = options->weight_offset;
    gap->parted_only = options->parted_only;
    status = otr_boundary_split_init(&gap->split, graph, options->observable,
                                     gap->limit != 0 ? &bypass : NULL, error);
    if (status != OTR_OK) {
        return status;
    }
    gap->remaining =
        otr_array_new((size_t)gap->split.graph->node_count + OTR_INDEX_SLACK, sizeof *gap->remaining);
    status = gap->remaining != NULL
                 ? otr_shot_weights_init(&gap->weights, gap->split.graph, gap->kernels, total)
                 : OTR_ERR_MEMORY;
    if (status == OTR_OK) {
        status = otr_matcher_create(&gap->matcher, &gap->weights.magnitudes, gap->kernels);
    }
    if (status == OTR_OK && gap->limit != 0) {
        status = otr_slack_search_init(&gap->search, gap->split.graph, gap->split.extra);
    }
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
}

static otr_status check_limit(int32_t limit, otr_error *error) {
    return limit >= 0 && limit <= OTR_WEIGHT_MAX && limit % 2 == 0
               ? OTR_OK
               : otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a limit of %d; it is even, from 0 to %d",
                               limit, OTR_WEIGHT_MAX);
}

static int32_t total_offset(int32_t own_offset, int32_t shot_offset) {
    return otr_weight_clamped((int64_t)own_offset + shot_offset);
}

/* Edges of the graph; the bypass is none of them. */
static uint32_t edge_count(const otr_gap *gap) {
    return gap->split.graph->edge_count - (gap->limit != 0);
}

/* Lays out the weights for shots of this weight_offset, if they are laid out for another. */
static otr_status lay_weights(otr_gap *gap, int32_t shot_offset) {
    const int32_t total = total_offset(gap->own_offset, shot_offset);
    otr_status status;
    if (gap->shot_offset == shot_offset) {
        return OTR_OK;
    }
    if (gap->limit != 0) {
        gap->split.graph->edge_weight[edge_count(gap)] = -total;
    }
    status = otr_shot_weights_refill(&gap->weights, gap->split.graph, total);
    if (status == OTR_OK) {
        otr_matcher_reweight(gap->matcher);
        gap->shot_offset = shot_offset;
    }
    return status;
}

/* Matches what is left of a shot in both classes. Its events need not be in order or distinct. */
static otr_status match_shot(otr_gap *gap, const otr_predecoded *shot, const otr_override *overrides,
                             size_t override_count, otr_gap_result *result) {
    unsigned potential = 0;
    size_t kept = 0;
    size_t event_count;
    otr_status status = lay_weights(gap, shot->weight_offset);
    status = status == OTR_OK ? keep_fixed(gap, shot) : status;
    if (status != OTR_OK) {
        return status;
    }
    if (!otr_array_reserve((void **)&gap->events, &gap->event_capacity, shot->event_count + 1,
                           sizeof *gap->events)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < shot->event_count; i++) {
        gap->events[kept] = shot->events[i];
        kept += !gap->parted_only || gap->split.is_parted[shot->events[i]];
        potential ^= gap->split.potentials[shot->events[i]];
    }
    for (size_t i = 0; i < override_count; i++) {
        if (overrides[i].edge >= edge_count(gap)) {
            return OTR_ERR_INDEX;
        }
    }
    event_count = otr_sort_cancel(gap->events, kept);
    gap->events[event_count] = gap->split.extra;
    otr_shot_weights_begin(&gap->weights);
    status = otr_shot_weights_override(&gap->weights, shot->overrides, shot->override_count);
    if (status == OTR_OK) {
        status = otr_shot_weights_override(&gap->weights, overrides, override_count);
    }
    if (status == OTR_OK) {
        status = answer_classes(gap, event_count, potential);
    }
    otr_shot_weights_restore(&gap->weights);
    if (status != OTR_OK) {
        return status;
    }
    gap->answered = true;
    result->weights[0] = gap->answers[gap->fixed_class].weight;
    result->weights[1] = gap->answers[gap->fixed_class ^ 1].weight;
    result->observable = result->weights[1] < result->weights[0];
    return OTR_OK;
}

/* Finds the answers of both classes, from cheap to dear. */
static otr_status answer_classes(otr_gap *gap, size_t event_count, unsigned potential) {
    otr_status status = OTR_OK;
    if (gap->limit != 0) {
        const otr_override bypass = {edge_count(gap), gap->limit};
        if (is_sure(gap, event_count, potential)) {
            return OTR_OK;
        }
        status = otr_shot_weights_override(&gap->weights, &bypass, 1);
    }
    if (status == OTR_OK && match_both(gap, event_count, potential)) {
        return OTR_OK;
    }
    for (unsigned class = 0; class < 2 && status == OTR_OK; class ++) {
        answer *const answer = &gap->answers[class];
        status = match_class(gap, event_count + (class ^ potential), answer);
        if (status == OTR_ERR_ODD_PARITY) {
            /* Perhaps the other class has an answer. */
            answer->weight = INT64_MAX;
            status = OTR_OK;
        }
    }
    if (status == OTR_OK && gap->answers[0].weight == INT64_MAX && gap->answers[1].weight == INT64_MAX) {
        status = OTR_ERR_ODD_PARITY;
    }
    return status;
}

/* Keeps what a pre-decoder fixed: the observable for the classes, the edges for otr_gap_edges. */
static otr_status keep_fixed(otr_gap *gap, const otr_predecoded *shot) {
    const uint32_t observable = gap->split.observable;
    gap->fixed_class =
        shot->observables != NULL ? shot->observables[observable / 8] >> observable % 8 & 1 : 0;
    gap->fixed_edges_missing = shot->observables != NULL && shot->edges == NULL;
    gap->fixed_count = 0;
    if (shot->edge_count == 0) {
        return OTR_OK;
    }
    if (!otr_array_reserve((void **)&gap->fixed, &gap->fixed_capacity, shot->edge_count,
                           sizeof *gap->fixed)) {
        return OTR_ERR_MEMORY;
    }
    memcpy(gap->fixed, shot->edges, shot->edge_count * sizeof *gap->fixed);
    gap->fixed_count = shot->edge_count;
    return OTR_OK;
}

/* Matches with both sides as one boundary, over a free bypass, and bounds what an answer of the other class
 * would weigh. Returns whether that is the limit or more: then both classes are answered. */
static bool is_sure(otr_gap *gap, size_t event_count, unsigned potential) {
    size_t count = event_count;
    const uint32_t *const remaining =
        otr_shot_weights_flip(&gap->weights, gap->events, &count, gap->remaining);
    const bool has_extra = count > 0 && remaining[count - 1] == gap->split.extra;
    bool is_wide = false;
    if (solve(gap, remaining, count - has_extra) == OTR_OK &&
        otr_slack_is_wide(&gap->search, gap->matcher, (uint32_t)gap->limit)) {
        unsigned class = potential ^ has_extra;
        answer found = gap->answers[0];
        size_t kept = 0;
        if (keep_answer(gap, &found) != OTR_OK) {
            otr_matcher_reset(gap->matcher);
            return false;
        }
        for (size_t i = 0; i < found.count; i++) {
            class ^= gap->split.graph->edge_node2[found.edges[i]] == gap->split.extra;
            found.edges[kept] = found.edges[i];
            kept += found.edges[i] != edge_count(gap);
        }
        found.count = kept;
        gap->answers[0] = gap->answers[class];
        gap->answers[class] = found;
        gap->answers[class ^ 1].weight = found.weight + gap->limit;
        is_wide = true;
    }
    otr_matcher_reset(gap->matcher);
    return is_wide;
}

/* Matches in the class that the extra node is no event of, and goes on from there with it. Returns false if
 * that gives no answers: then each class is to be matched by itself. */
static bool match_both(otr_gap *gap, size_t event_count, unsigned potential) {
    const size_t change_count = gap->weights.magnitudes.change_count;
    size_t count = event_count;
    const uint32_t *const remaining =
        otr_shot_weights_flip(&gap->weights, gap->events, &count, gap->remaining);
    /* Forced edges may flip the extra node. */
    const bool has_extra = count > 0 && remaining[count - 1] == gap->split.extra;
    const unsigned first = potential ^ has_extra;
    otr_status status;
    if (!has_extra) {
        /* Among gap->events it is the next one already. */
        if (remaining == gap->remaining) {
            gap->remaining[count] = gap->split.extra;
        }
        count++;
    }
    status = otr_matcher_solve_but_last(gap->matcher, remaining, count, change_count > 0);
    status = status == OTR_OK ? keep_answer(gap, &gap->answers[first]) : status;
    status = status == OTR_OK ? otr_matcher_add_last(gap->matcher) : status;
    status = status == OTR_OK ? keep_answer(gap, &gap->answers[first ^ 1]) : status;
    otr_matcher_reset(gap->matcher);
    return status == OTR_OK;
}

/* Matches the first event_count of gap->events. */
static otr_status match_class(otr_gap *gap, size_t event_count, answer *answer) {
    const uint32_t *const remaining =
        otr_shot_weights_flip(&gap->weights, gap->events, &event_count, gap->remaining);
    const size_t change_count = gap->weights.magnitudes.change_count;
    otr_status status = solve(gap, remaining, event_count);
    if (status == OTR_ERR_ODD_PARITY && otr_shot_weights_relax(&gap->weights)) {
        otr_matcher_reset(gap->matcher);
        status = solve(gap, remaining, event_count);
    }
    status = status == OTR_OK ? keep_answer(gap, answer) : status;
    otr_matcher_reset(gap->matcher);
    otr_weights_restore_to(&gap->weights.magnitudes, change_count);
    return status;
}

/* Takes over what stands in the matcher. */
static otr_status keep_answer(otr_gap *gap, answer *answer) {
    const uint32_t *edges = NULL;
    size_t count = 0;
    const otr_status status = otr_matcher_edges(gap->matcher, &edges, &count);
    if (status != OTR_OK) {
        return status;
    }
    if (!otr_array_reserve((void **)&answer->edges, &answer->capacity, count, sizeof *edges)) {
        return OTR_ERR_MEMORY;
    }
    answer->weight = otr_matcher_weight(gap->matcher) + gap->weights.forced_weight;
    answer->count = count;
    answer->is_complete = false;
    if (count > 0) {
        memcpy(answer->edges, edges, count * sizeof *edges);
    }
    return OTR_OK;
}

static otr_status solve(otr_gap *gap, const uint32_t *events, size_t event_count) {
    return otr_matcher_solve(gap->matcher, events, event_count, gap->weights.magnitudes.change_count > 0);
}

/* Adds the forced and the fixed edges to those matched. */
static otr_status complete(const otr_gap *gap, answer *answer) {
    const otr_shot_weights *const weights = &gap->weights;
    if (!otr_array_reserve((void **)&answer->edges, &answer->capacity,
                           answer->count + weights->toggle_count + weights->base_count + gap->fixed_count,
                           sizeof *answer->edges)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < weights->toggle_count; i++) {
        answer->edges[answer->count++] = weights->toggles[i];
    }
    for (size_t i = 0; i < weights->base_count; i++) {
        answer->edges[answer->count++] = weights->base_edges[i];
    }
    for (size_t i = 0; i < gap->fixed_count; i++) {
        answer->edges[answer->count++] = gap->fixed[i];
    }
    answer->count = otr_sort_cancel(answer->edges, answer->count);
    answer->is_complete = true;
    return OTR_OK;
}
