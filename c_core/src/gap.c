/* The complementary gap: every shot is matched twice on a graph with a parted boundary, once in each class.
 */
#include "outrider/gap.h"

#include "common/array.h"
#include "common/error.h"
#include "graph/boundary_split.h"
#include "outrider/decoder.h"

#include <stdlib.h>
#include <string.h>

/* The edges of one class's answer. */
typedef struct answer {
    uint32_t *edges;
    size_t count, capacity;
} answer;

struct otr_gap {
    otr_boundary_split split;
    otr_decoder *decoder; /* on the parted graph */
    uint32_t *events;     /* of the shot, and the extra node */
    size_t event_capacity;
    int answered;
    answer answers[2]; /* of the last shot, by class */
};

static otr_status fill_gap(otr_gap *gap, const otr_graph *graph, const otr_gap_options *options,
                           otr_error *error);
static otr_status match_class(otr_gap *gap, size_t event_count, const otr_override *overrides,
                              size_t override_count, answer *answer, int64_t *weight);

otr_gap_options otr_gap_options_default(void) {
    return (otr_gap_options){.isa = OTR_ISA_AUTO, .weight_offset = 0};
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

void otr_gap_destroy(otr_gap *gap) {
    if (gap == NULL) {
        return;
    }
    otr_decoder_destroy(gap->decoder);
    otr_boundary_split_free(&gap->split);
    free(gap->events);
    free(gap->answers[0].edges);
    free(gap->answers[1].edges);
    free(gap);
}

otr_status otr_gap_decode(otr_gap *gap, const uint32_t *events, size_t event_count,
                          const otr_override *overrides, size_t override_count, otr_gap_result *result) {
    otr_status status = OTR_OK;
    int64_t weights[2];
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
    gap->events[event_count] = gap->split.extra;
    for (unsigned class = 0; class < 2 && status == OTR_OK; class ++) {
        status = match_class(gap, event_count + (class ^ potential), overrides, override_count,
                             &gap->answers[class], &weights[class]);
    }
    if (status != OTR_OK) {
        return status;
    }
    gap->answered = 1;
    *result = (otr_gap_result){{weights[0], weights[1]}, weights[1] < weights[0]};
    return OTR_OK;
}

otr_status otr_gap_edges(otr_gap *gap, int observable, const uint32_t **edges, size_t *count) {
    if (gap == NULL || observable < 0 || observable > 1 || edges == NULL || count == NULL || !gap->answered) {
        return OTR_ERR_ARGUMENT;
    }
    *edges = gap->answers[observable].edges;
    *count = gap->answers[observable].count;
    return OTR_OK;
}

size_t otr_gap_bytes(const otr_gap *gap) {
    return sizeof *gap + otr_boundary_split_bytes(&gap->split) + otr_decoder_bytes(gap->decoder) +
           (gap->event_capacity + gap->answers[0].capacity + gap->answers[1].capacity) * sizeof(uint32_t);
}

static otr_status fill_gap(otr_gap *gap, const otr_graph *graph, const otr_gap_options *options,
                           otr_error *error) {
    otr_decoder_options decoder_options = otr_decoder_options_default();
    otr_status status = otr_boundary_split_init(&gap->split, graph, options->weight_offset, error);
    if (status != OTR_OK) {
        return status;
    }
    decoder_options.isa = options->isa;
    status = otr_decoder_create(&gap->decoder, gap->split.graph, &decoder_options);
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
}

/* Matches the first event_count of gap->events. */
static otr_status match_class(otr_gap *gap, size_t event_count, const otr_override *overrides,
                              size_t override_count, answer *answer, int64_t *weight) {
    const uint32_t *edges = NULL;
    otr_result result;
    otr_status status = otr_decoder_decode_events(gap->decoder, gap->events, event_count, overrides,
                                                  override_count, NULL, &result);
    if (status == OTR_OK) {
        status = otr_decoder_edges(gap->decoder, &edges, &answer->count);
    }
    if (status != OTR_OK) {
        return status;
    }
    if (!otr_array_reserve((void **)&answer->edges, &answer->capacity, answer->count, sizeof *edges)) {
        return OTR_ERR_MEMORY;
    }
    if (answer->count > 0) {
        memcpy(answer->edges, edges, answer->count * sizeof *edges);
    }
    *weight = result.weight;
    return OTR_OK;
}
