/* The complementary gap of every shot of a batch, and which edges it depends on: the gap's derivative by an
 * edge's weight is the difference of the two classes' answers on that edge. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "graph/numbers.h"
#include "train/training_internal.h"

#include <math.h>
#include <string.h>

static otr_status prepare_gap(const otr_training *t, otr_training_gap *gap, double limit, int32_t offset,
                              otr_error *error);
static otr_status decode_shot(otr_training *t, size_t shot, const float *logits, otr_gap_result *result);
static otr_status compare_answers(otr_training *t, size_t *count);
static double natural_gap(const otr_training *t, const otr_gap_result *result, double limit);

otr_status otr_training_gaps(otr_training *training, const float *logits, double limit, double *gaps,
                             uint64_t *shot_differences, const uint32_t **edges, const int8_t **signs,
                             otr_error *error) {
    otr_training *const t = training;
    size_t count = 0;
    otr_status status;
    if (t == NULL || t->shots.relation_pairs == NULL || (logits == NULL && t->shots.edge_count > 0) ||
        gaps == NULL || shot_differences == NULL || edges == NULL || signs == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "an argument or the batch is missing");
    }
    if (!(limit > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the limit of gaps is not positive");
    }
    status = prepare_gap(t, &t->gap, limit, t->offset, error);
    if (status != OTR_OK) {
        return status;
    }
    for (size_t shot = 0; shot < t->shots.shot_count; shot++) {
        otr_gap_result result;
        status = decode_shot(t, shot, logits, &result);
        shot_differences[shot] = count;
        if (status == OTR_OK) {
            gaps[shot] = natural_gap(t, &result, limit);
            status = fabs(gaps[shot]) < limit ? compare_answers(t, &count) : OTR_OK;
        }
        if (status != OTR_OK) {
            return otr_error_set(error, status, shot + 1, 0, "%s",
                                 status == OTR_ERR_ARGUMENT ? "a log-odds is not a number"
                                                            : otr_status_text(status));
        }
    }
    shot_differences[t->shots.shot_count] = count;
    *edges = t->difference_edges;
    *signs = t->difference_signs;
    return OTR_OK;
}

otr_status otr_training_screen(otr_training *training, const uint8_t *detectors, size_t detector_stride,
                               size_t shot_count, double limit, uint32_t *shots, size_t *count,
                               otr_error *error) {
    otr_training *const t = training;
    otr_status status;
    if (t == NULL || (detectors == NULL && shot_count > 0) || shots == NULL || count == NULL ||
        shot_count > UINT32_MAX || detector_stride < otr_bytes_for_bits(t->graph->node_count)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "an argument is missing or out of range");
    }
    if (!(limit > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the limit of gaps is not positive");
    }
    status = prepare_gap(t, &t->own_gap, limit, 0, error);
    if (status != OTR_OK) {
        return status;
    }
    *count = 0;
    for (size_t shot = 0; shot < shot_count; shot++) {
        const size_t events =
            t->kernels->bit_indices(detectors + shot * detector_stride, t->graph->node_count, t->events);
        otr_gap_result result;
        status = otr_gap_decode(t->own_gap.gap, t->events, events, NULL, 0, &result);
        if (status != OTR_OK) {
            return otr_error_set(error, status, shot + 1, 0, "%s", otr_status_text(status));
        }
        if (fabs(natural_gap(t, &result, limit)) < limit) {
            shots[(*count)++] = (uint32_t)shot;
        }
    }
    return OTR_OK;
}

/* Of natural units, in weights: at least `limit`, so that gaps below it are exact; 0 for none. */
static int32_t limit_weight(const otr_training *t, double limit) {
    const int32_t weight = otr_graph_nearest_weight(t->graph, limit);
    return weight < OTR_WEIGHT_MAX - 2 ? weight + 2 : 0;
}

/* Makes the gap if there is none for this limit. */
static otr_status prepare_gap(const otr_training *t, otr_training_gap *gap, double limit, int32_t offset,
                              otr_error *error) {
    otr_gap_options options = otr_gap_options_default();
    options.isa = t->kernels->isa;
    options.weight_offset = offset;
    options.limit = limit_weight(t, limit);
    if (gap->gap != NULL && gap->limit == options.limit) {
        return OTR_OK;
    }
    otr_gap_destroy(gap->gap);
    gap->gap = NULL;
    gap->limit = options.limit;
    return otr_gap_create(&gap->gap, t->graph, &options, error);
}

/* Under the log-odds of the shot's edges. */
static otr_status decode_shot(otr_training *t, size_t shot, const float *logits, otr_gap_result *result) {
    const otr_training_shots *const s = &t->shots;
    const size_t first = (size_t)s->shot_edges[shot];
    const size_t count = (size_t)s->shot_edges[shot + 1] - first;
    const size_t event = (size_t)s->shot_events[shot];
    if (!otr_array_reserve((void **)&t->overrides, &t->override_capacity, count, sizeof *t->overrides)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (isnan(logits[first + i])) {
            return OTR_ERR_ARGUMENT;
        }
        t->overrides[i].edge = s->edge[first + i];
        t->overrides[i].weight = otr_graph_nearest_weight(t->graph, -(double)logits[first + i]);
    }
    return otr_gap_decode(t->gap.gap, s->detector + event, (size_t)s->shot_events[shot + 1] - event,
                          t->overrides, count, result);
}

static void add_difference(otr_training *t, size_t *count, uint32_t edge, int8_t sign) {
    t->difference_edges[*count] = edge;
    t->difference_signs[*count] = sign;
    ++*count;
}

/* Both lists are ascending. */
static otr_status compare_answers(otr_training *t, size_t *count) {
    const uint32_t *second;
    const uint32_t *edges;
    size_t first_count, second_count, i = 0, j = 0;
    otr_status status = otr_gap_edges(t->gap.gap, 0, &edges, &first_count);
    if (status != OTR_OK || !otr_array_reserve((void **)&t->first_edges, &t->first_capacity, first_count,
                                               sizeof *t->first_edges)) {
        return status != OTR_OK ? status : OTR_ERR_MEMORY;
    }
    if (first_count > 0) {
        memcpy(t->first_edges, edges, first_count * sizeof *edges);
    }
    status = otr_gap_edges(t->gap.gap, 1, &second, &second_count);
    if (status != OTR_OK ||
        !otr_array_reserve((void **)&t->difference_edges, &t->difference_capacity,
                           *count + first_count + second_count, sizeof *t->difference_edges) ||
        !otr_array_reserve((void **)&t->difference_signs, &t->sign_capacity,
                           *count + first_count + second_count, sizeof *t->difference_signs)) {
        return status != OTR_OK ? status : OTR_ERR_MEMORY;
    }
    while (i < first_count || j < second_count) {
        if (j == second_count || (i < first_count && t->first_edges[i] < second[j])) {
            add_difference(t, count, t->first_edges[i++], -1);
        } else if (i == first_count || second[j] < t->first_edges[i]) {
            add_difference(t, count, second[j++], 1);
        } else {
            i++;
            j++;
        }
    }
    return OTR_OK;
}

static double natural_gap(const otr_training *t, const otr_gap_result *result, double limit) {
    const double gap = (double)(result->weights[1] - result->weights[0]) / t->graph->scale;
    return fmax(-limit, fmin(gap, limit));
}
