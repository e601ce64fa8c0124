/* The complementary gap: every shot is matched twice on a graph with a parted boundary, once in each class.
 * Under a limit the class of the extra node can be bought off for that weight (the bypass), so the search in
 * the worse class ends there. */
#include "outrider/gap.h"

#include "common/array.h"
#include "common/error.h"
#include "common/sort.h"
#include "graph/boundary_split.h"
#include "graph/shot_weights.h"
#include "match/matcher.h"

#include <stdlib.h>
#include <string.h>

/* One class's answer. */
typedef struct answer {
    int64_t weight;
    uint32_t *edges; /* at first those matched, once asked for all of them */
    size_t count, capacity;
    int is_complete;
} answer;

struct otr_gap {
    otr_boundary_split split;
    otr_shot_weights weights; /* on the parted graph, as the matcher */
    otr_matcher *matcher;
    int32_t limit;    /* weight of the bypass, 0 for none */
    uint32_t *events; /* of the shot, and the extra node */
    size_t event_capacity;
    uint32_t *left; /* events after flips */
    int answered;
    answer answers[2]; /* of the last shot, by class */
};

static otr_status fill_gap(otr_gap *gap, const otr_graph *graph, const otr_gap_options *options,
                           otr_error *error);
static otr_status check_limit(int32_t limit, otr_error *error);
static int32_t bypass_weight(int32_t limit, int32_t weight_offset);
static otr_status match_class(otr_gap *gap, size_t event_count, answer *answer);
static otr_status complete(const otr_shot_weights *weights, answer *answer);

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
    int32_t bypass;
    if (gap == NULL || graph == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no gap or no graph");
    }
    status = check_limit(limit, error);
    if (status != OTR_OK) {
        return status;
    }
    bypass = bypass_weight(limit, weight_offset);
    status = otr_boundary_split_reweight(&gap->split, graph, limit != 0 ? &bypass : NULL, error);
    if (status != OTR_OK) {
        return status;
    }
    /* Until here the parted graph's weights were copied only: a failure leaves those of the shots. */
    status = otr_shot_weights_refill(&gap->weights, gap->split.graph, weight_offset);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    otr_matcher_reweight(gap->matcher);
    gap->limit = limit;
    gap->answered = 0;
    return OTR_OK;
}

void otr_gap_destroy(otr_gap *gap) {
    if (gap == NULL) {
        return;
    }
    otr_matcher_destroy(gap->matcher);
    otr_shot_weights_free(&gap->weights);
    otr_boundary_split_free(&gap->split);
    free(gap->events);
    free(gap->left);
    free(gap->answers[0].edges);
    free(gap->answers[1].edges);
    free(gap);
}

otr_status otr_gap_decode(otr_gap *gap, const uint32_t *events, size_t event_count,
                          const otr_override *overrides, size_t override_count, otr_gap_result *result) {
    otr_status status;
    unsigned potential = 0;
    if (gap == NULL || (events == NULL && event_count > 0) || (overrides == NULL && override_count > 0) ||
        result == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    gap->answered = 0;
    if (!otr_array_reserve((void **)&gap->events, &gap->event_capacity, event_count + 1,
                           sizeof *gap->events)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < event_count; i++) {
        if (events[i] >= gap->split.extra) {
            return OTR_ERR_INDEX;
        }
        gap->events[i] = events[i];
        potential ^= gap->split.potentials[events[i]];
    }
    for (size_t i = 0; gap->limit != 0 && i < override_count; i++) {
        if (overrides[i].edge >= gap->split.graph->edge_count - 1) {
            return OTR_ERR_INDEX; /* the bypass is no edge of the graph */
        }
    }
    event_count = otr_sort_cancel(gap->events, event_count);
    gap->events[event_count] = gap->split.extra;
    otr_shot_weights_begin(&gap->weights);
    status = otr_shot_weights_override(&gap->weights, overrides, override_count);
    for (unsigned class = 0; class < 2 && status == OTR_OK; class ++) {
        status = match_class(gap, event_count + (class ^ potential), &gap->answers[class]);
    }
    otr_shot_weights_restore(&gap->weights);
    if (status != OTR_OK) {
        return status;
    }
    gap->answered = 1;
    result->weights[0] = gap->answers[0].weight;
    result->weights[1] = gap->answers[1].weight;
    result->observable = result->weights[1] < result->weights[0];
    return OTR_OK;
}

otr_status otr_gap_edges(otr_gap *gap, int observable, const uint32_t **edges, size_t *count) {
    answer *answer;
    int64_t excess;
    if (gap == NULL || observable < 0 || observable > 1 || edges == NULL || count == NULL || !gap->answered) {
        return OTR_ERR_ARGUMENT;
    }
    answer = &gap->answers[observable];
    excess = answer->weight - gap->answers[1 - observable].weight;
    if (gap->limit != 0 && excess >= gap->limit) {
        return OTR_ERR_ARGUMENT;
    }
    if (!answer->is_complete) {
        const otr_status status = complete(&gap->weights, answer);
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
           otr_matcher_bytes(gap->matcher) +
           (gap->event_capacity + gap->split.graph->node_count + OTR_INDEX_SLACK + gap->answers[0].capacity +
            gap->answers[1].capacity) *
               sizeof *gap->events;
}

static otr_status check_limit(int32_t limit, otr_error *error) {
    return limit >= 0 && limit <= OTR_WEIGHT_MAX && limit % 2 == 0
               ? OTR_OK
               : otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a limit of %d; it is even, from 0 to %d",
                               limit, OTR_WEIGHT_MAX);
}

/* Like all weights it gets the offset, and is `limit` then. */
static int32_t bypass_weight(int32_t limit, int32_t weight_offset) {
    return limit - otr_weight_clamped(weight_offset);
}

static otr_status fill_gap(otr_gap *gap, const otr_graph *graph, const otr_gap_options *options,
                           otr_error *error) {
    const otr_kernels *const kernels = otr_kernels_for(options->isa);
    int32_t bypass;
    otr_status status;
    if (kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "the instruction set is not available");
    }
    status = check_limit(options->limit, error);
    if (status != OTR_OK) {
        return status;
    }
    gap->limit = options->limit;
    bypass = bypass_weight(options->limit, options->weight_offset);
    status = otr_boundary_split_init(&gap->split, graph, gap->limit != 0 ? &bypass : NULL, error);
    if (status != OTR_OK) {
        return status;
    }
    gap->left = otr_array_new((size_t)gap->split.graph->node_count + OTR_INDEX_SLACK, sizeof *gap->left);
    status = gap->left != NULL
                 ? otr_shot_weights_init(&gap->weights, gap->split.graph, kernels, options->weight_offset)
                 : OTR_ERR_MEMORY;
    if (status == OTR_OK) {
        status = otr_matcher_create(&gap->matcher, &gap->weights.magnitudes, kernels);
    }
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
}

/* Matches the first event_count of gap->events. */
static otr_status match_class(otr_gap *gap, size_t event_count, answer *answer) {
    const uint32_t *const left = otr_shot_weights_flip(&gap->weights, gap->events, &event_count, gap->left);
    const uint32_t *edges = NULL;
    size_t count = 0;
    otr_status status =
        otr_matcher_solve(gap->matcher, left, event_count, gap->weights.magnitudes.change_count > 0);
    if (status == OTR_OK) {
        status = otr_matcher_edges(gap->matcher, &edges, &count);
    }
    if (status == OTR_OK &&
        !otr_array_reserve((void **)&answer->edges, &answer->capacity, count, sizeof *edges)) {
        status = OTR_ERR_MEMORY;
    }
    if (status == OTR_OK) {
        answer->weight = otr_matcher_weight(gap->matcher) + gap->weights.committed_weight;
        answer->count = count;
        answer->is_complete = 0;
        if (count > 0) {
            memcpy(answer->edges, edges, count * sizeof *edges);
        }
    }
    otr_matcher_reset(gap->matcher);
    return status;
}

/* Adds the committed edges to those matched. */
static otr_status complete(const otr_shot_weights *weights, answer *answer) {
    if (!otr_array_reserve((void **)&answer->edges, &answer->capacity,
                           answer->count + weights->toggle_count + weights->base_count,
                           sizeof *answer->edges)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < weights->toggle_count; i++) {
        answer->edges[answer->count++] = weights->toggles[i];
    }
    for (size_t i = 0; i < weights->base_count; i++) {
        answer->edges[answer->count++] = weights->base_edges[i];
    }
    answer->count = otr_sort_cancel(answer->edges, answer->count);
    answer->is_complete = 1;
    return OTR_OK;
}
