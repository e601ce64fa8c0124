/* What all kinds of pre-decoders share: checking of events, the list of overrides, hard use by committing
 * what soft use finds likely. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/sort.h"
#include "graph/graph_internal.h"
#include "graph/numbers.h"
#include "predecode/predecoder_internal.h"

#include <stdlib.h>
#include <string.h>

static otr_status apply_soft(otr_predecoder *self, const uint32_t *events, size_t event_count,
                             otr_predecoded *out);
static otr_status apply_hard(otr_predecoder *self, const uint32_t *events, size_t event_count,
                             otr_predecoded *out);
static int32_t threshold_weight(const otr_graph *graph, double probability);

otr_status otr_predecoder_init(otr_predecoder *self, const otr_predecoder_kind *kind, const otr_graph *graph,
                               otr_isa isa) {
    self->kind = kind;
    self->graph = graph;
    self->kernels = otr_kernels_for(isa);
    self->threshold = 0.5;
    self->observables = otr_array_zeroed(otr_bytes_for_bits(graph->observable_count), 1);
    if (self->kernels == NULL) {
        return OTR_ERR_UNSUPPORTED;
    }
    return self->observables != NULL ? OTR_OK : OTR_ERR_MEMORY;
}

void otr_predecoder_free(otr_predecoder *self) {
    free(self->overrides);
    free(self->residual);
    free(self->edges);
    free(self->observables);
}

void otr_predecoder_destroy(otr_predecoder *predecoder) {
    if (predecoder != NULL) {
        predecoder->kind->destroy(predecoder);
    }
}

otr_status otr_predecoder_override(otr_predecoder *self, uint32_t edge, int32_t weight) {
    if (!OTR_ARRAY_GROW(self->overrides, self->override_count, self->override_capacity)) {
        return OTR_ERR_MEMORY;
    }
    self->overrides[self->override_count].edge = edge;
    self->overrides[self->override_count].weight = weight;
    self->override_count++;
    return OTR_OK;
}

otr_status otr_predecoder_check_events(const otr_predecoder *self, const uint32_t *events,
                                       size_t event_count) {
    for (size_t i = 0; i < event_count; i++) {
        if (events[i] >= self->graph->node_count || (i > 0 && events[i] <= events[i - 1])) {
            return OTR_ERR_INDEX;
        }
    }
    return OTR_OK;
}

otr_status otr_predecoder_run(otr_predecoder *self, otr_predecoder_use use, const uint32_t *events,
                              size_t event_count, otr_predecoded *out) {
    const otr_status status = otr_predecoder_check_events(self, events, event_count);
    if (status != OTR_OK) {
        return status;
    }
    *out = (otr_predecoded){.weight_offset = otr_predecoder_weight_offset(self, use)};
    return use == OTR_PREDECODER_USE_SOFT ? apply_soft(self, events, event_count, out)
                                          : apply_hard(self, events, event_count, out);
}

otr_status otr_predecoder_apply(otr_predecoder *predecoder, otr_predecoder_use use, const uint32_t *events,
                                size_t event_count, otr_predecoded *out) {
    otr_predecoded shot;
    otr_status status;
    if (predecoder == NULL || (uint32_t)use > OTR_PREDECODER_USE_HARD ||
        (events == NULL && event_count > 0) || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_predecoder_run(predecoder, use, events, event_count, &shot);
    if (status == OTR_OK) {
        *out = shot;
    }
    return status;
}

int32_t otr_predecoder_weight_offset(const otr_predecoder *predecoder, otr_predecoder_use use) {
    return use == OTR_PREDECODER_USE_SOFT ? predecoder->weight_offset : 0;
}

otr_status otr_predecoder_set_threshold(otr_predecoder *predecoder, double probability) {
    if (predecoder == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    if (!(probability > 0 && probability < 1)) {
        return OTR_ERR_PROBABILITY;
    }
    predecoder->threshold = probability;
    predecoder->threshold_weight = threshold_weight(predecoder->graph, probability);
    return OTR_OK;
}

otr_status otr_predecoder_reweight(otr_predecoder *predecoder, const otr_graph *graph, otr_error *error) {
    otr_status status;
    if (predecoder == NULL || graph == NULL || !otr_graph_is_alike(predecoder->graph, graph)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no pre-decoder, or no graph of the same topology");
    }
    if (predecoder->kind->reweight == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "%s depends on more than the graph's numbers; make it anew",
                             predecoder->kind->name);
    }
    status = predecoder->kind->reweight(predecoder, graph, error);
    if (status == OTR_OK) {
        predecoder->graph = graph;
        predecoder->threshold_weight = threshold_weight(graph, predecoder->threshold);
    }
    return status;
}

otr_status otr_predecoder_reweight_plain(otr_predecoder *self, const otr_graph *graph, otr_error *error) {
    (void)self;
    (void)graph;
    (void)error;
    return OTR_OK;
}

otr_reach otr_predecoder_reach(const otr_predecoder *predecoder) {
    return predecoder->kind->reach(predecoder);
}

const char *otr_predecoder_name(const otr_predecoder *predecoder) {
    return predecoder->kind->name;
}

size_t otr_predecoder_bytes(const otr_predecoder *predecoder) {
    return predecoder->override_capacity * sizeof *predecoder->overrides +
           (predecoder->residual_capacity + predecoder->edge_capacity) * sizeof *predecoder->residual +
           otr_bytes_for_bits(predecoder->graph->observable_count) + predecoder->kind->bytes(predecoder);
}

/* Errors that are certain stay so, and edges that do not exist. */
static void drop_infinite(otr_predecoder *self) {
    size_t kept = 0;
    for (size_t i = 0; i < self->override_count; i++) {
        self->overrides[kept] = self->overrides[i];
        kept += !otr_weight_is_infinite(self->graph->edge_weight[self->overrides[i].edge]);
    }
    self->override_count = kept;
}

static otr_status run_soft(otr_predecoder *self, const uint32_t *events, size_t event_count) {
    otr_status status;
    self->override_count = 0;
    status = self->kind->soft(self, events, event_count);
    if (status == OTR_OK && self->graph->has_infinite) {
        drop_infinite(self);
    }
    return status;
}

static void flip_observables(otr_predecoder *self, uint32_t edge) {
    const otr_graph *const graph = self->graph;
    for (uint32_t i = graph->observable_begin[edge]; i < graph->observable_begin[edge + 1]; i++) {
        self->observables[graph->observable_list[i] / 8] ^= (uint8_t)(1u << (graph->observable_list[i] % 8));
    }
}

/* Fixes the edges of the overrides at or below the threshold: their ends flip events, and their observables
 * flip. */
static otr_status fix_edges(otr_predecoder *self, const uint32_t *events, size_t event_count,
                            otr_predecoded *out) {
    const otr_graph *const graph = self->graph;
    if (!otr_array_reserve((void **)&self->residual, &self->residual_capacity,
                           event_count + 2 * self->override_count, sizeof *self->residual) ||
        !otr_array_reserve((void **)&self->edges, &self->edge_capacity, self->override_count + 1,
                           sizeof *self->edges)) {
        return OTR_ERR_MEMORY;
    }
    memset(self->observables, 0, otr_bytes_for_bits(graph->observable_count));
    if (event_count > 0) {
        memcpy(self->residual, events, event_count * sizeof *events);
    }
    self->residual_count = event_count;
    self->edge_count = 0;
    for (size_t i = 0; i < self->override_count; i++) {
        const uint32_t edge = self->overrides[i].edge;
        if (self->overrides[i].weight > self->threshold_weight) {
            continue;
        }
        self->residual[self->residual_count++] = graph->edge_node1[edge];
        if (graph->edge_node2[edge] != OTR_BOUNDARY) {
            self->residual[self->residual_count++] = graph->edge_node2[edge];
        }
        self->edges[self->edge_count++] = edge;
        flip_observables(self, edge);
    }
    self->residual_count = otr_sort_cancel(self->residual, self->residual_count);
    out->events = self->residual;
    out->event_count = self->residual_count;
    out->observables = self->observables;
    out->edges = self->edges;
    out->edge_count = self->edge_count;
    return OTR_OK;
}

static otr_status apply_soft(otr_predecoder *self, const uint32_t *events, size_t event_count,
                             otr_predecoded *out) {
    const otr_status status = run_soft(self, events, event_count);
    out->events = events;
    out->event_count = event_count;
    out->overrides = self->overrides;
    out->override_count = self->override_count;
    return status;
}

static otr_status apply_hard(otr_predecoder *self, const uint32_t *events, size_t event_count,
                             otr_predecoded *out) {
    otr_status status;
    if (self->kind->hard != NULL) {
        return self->kind->hard(self, events, event_count, out);
    }
    status = run_soft(self, events, event_count);
    return status == OTR_OK ? fix_edges(self, events, event_count, out) : status;
}

static int32_t threshold_weight(const otr_graph *graph, double probability) {
    return otr_graph_nearest_weight(graph, otr_probability_weight(probability));
}
