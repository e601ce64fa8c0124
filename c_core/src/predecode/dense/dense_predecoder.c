/* The published pre-decoding pipeline, hard as published and soft.
 *
 * With e[t] the flips of data qubits in round t, m[t] the false outcomes and H the stabilisers' parities, the
 * residual is R[t] = events[t] + m[t] + m[t-1] + H e[t], and the observable flips by the parity of the
 * logical operator over all e[t]. In the matching graph e[t] are the edges within round t, m[t] those between
 * the rounds t and t+1; a stabiliser of the other basis has no detector in round 0, so its m[0] is an edge
 * from round 1 to the boundary. */
#include "common/array.h"
#include "common/error.h"
#include "common/exponential.h"
#include "graph/graph_internal.h"
#include "graph/numbers.h"
#include "predecode/dense/dense_internal.h"
#include "predecode/predecoder_internal.h"

#include <stdlib.h>
#include <string.h>

/* Planes of the output. */
#define PLANE_TIMELIKE 2

/* A logit that speaks about an edge. */
typedef struct edge_logit {
    uint32_t edge;
    uint32_t logit; /* plane * voxels + voxel */
} edge_logit;

typedef struct dense_predecoder {
    otr_predecoder base;
    otr_dense_workspace workspace;
    otr_dense_map map;
    float data_threshold, syndrome_threshold;
    uint8_t *halves; /* input planes */
    uint8_t *flips;  /* residual events, a byte per detector */
    edge_logit *edge_logits;
    size_t edge_logit_count, edge_logit_capacity;
} dense_predecoder;

static otr_status soft(otr_predecoder *base, const uint32_t *events, size_t event_count);
static otr_status hard(otr_predecoder *base, const uint32_t *events, size_t event_count, otr_predecoded *out);
static otr_reach reach(const otr_predecoder *base);
static size_t bytes(const otr_predecoder *base);
static void destroy(otr_predecoder *base);
static otr_status check_options(const otr_dense_network *network, const otr_dense_options *options,
                                otr_error *error);
static otr_status set_up(dense_predecoder *self, const otr_dense_network *network, const otr_surface *surface,
                         const otr_dense_options *options, otr_error *error);
static otr_status list_edges(dense_predecoder *self);
static void evaluate(dense_predecoder *self, const uint32_t *events, size_t event_count);

static const otr_predecoder_kind KIND = {
    .name = "dense network",
    .soft = soft,
    .hard = hard,
    .reach = reach,
    .bytes = bytes,
    .destroy = destroy,
    .reweight = otr_predecoder_reweight_plain,
};

otr_dense_options otr_dense_options_default(void) {
    return (otr_dense_options){.isa = OTR_ISA_AUTO, .arithmetic = OTR_DENSE_INTEGER};
}

otr_status otr_dense_predecoder_create(otr_predecoder **out, const otr_dense_network *network,
                                       const otr_surface *surface, const otr_graph *graph,
                                       const otr_dense_options *options, otr_error *error) {
    const otr_dense_options chosen = options != NULL ? *options : otr_dense_options_default();
    dense_predecoder *self;
    otr_status status;
    if (out == NULL || network == NULL || surface == NULL || graph == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a null argument");
    }
    status = check_options(network, &chosen, error);
    if (status != OTR_OK) {
        return status;
    }
    self = otr_array_zeroed(1, sizeof *self);
    if (self == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = otr_predecoder_init(&self->base, &KIND, graph, chosen.isa);
    if (status != OTR_OK) {
        otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
    }
    status = status == OTR_OK ? set_up(self, network, surface, &chosen, error) : status;
    if (status != OTR_OK) {
        destroy(&self->base);
        return status;
    }
    *out = &self->base;
    return OTR_OK;
}

otr_status otr_dense_predecoder_logits(otr_predecoder *predecoder, const uint32_t *events, size_t event_count,
                                       const float **logits, size_t *logit_count) {
    dense_predecoder *const self = (dense_predecoder *)predecoder;
    otr_status status;
    if (predecoder == NULL || predecoder->kind != &KIND || (events == NULL && event_count > 0) ||
        logits == NULL || logit_count == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_predecoder_check_events(predecoder, events, event_count);
    if (status == OTR_OK) {
        evaluate(self, events, event_count);
        *logits = self->workspace.logits;
        *logit_count = OTR_DENSE_PLANES * self->workspace.voxel_count;
    }
    return status;
}

static bool is_finite(float x) {
    return x - x == 0;
}

static otr_status check_options(const otr_dense_network *network, const otr_dense_options *options,
                                otr_error *error) {
    if (options->arithmetic != OTR_DENSE_FLOAT && options->arithmetic != OTR_DENSE_INTEGER) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "arithmetic: no such value");
    }
    if (options->arithmetic == OTR_DENSE_INTEGER && !network->has_integers) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the network has no ranges for integers yet: calibrate it first");
    }
    if (!is_finite(options->data_threshold) || !is_finite(options->syndrome_threshold)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "thresholds must be finite");
    }
    return OTR_OK;
}

static otr_status set_up(dense_predecoder *self, const otr_dense_network *network, const otr_surface *surface,
                         const otr_dense_options *options, otr_error *error) {
    const otr_graph *const graph = self->base.graph;
    otr_status status = otr_dense_map_init(&self->map, surface, error);
    if (status != OTR_OK) {
        return status;
    }
    if (graph->node_count != self->map.detector_count || graph->observable_count != 1) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the graph has %u detectors and %u observables, the experiment %u and 1",
                             graph->node_count, graph->observable_count, self->map.detector_count);
    }
    status = otr_dense_workspace_init(&self->workspace, network, options->arithmetic, self->map.rounds,
                                      self->map.distance);
    if (status == OTR_ERR_LIMIT) {
        return otr_error_set(error, status, 0, 0, "the network's activations need more than %d bytes",
                             OTR_DENSE_VOLUME_MAX);
    }
    self->data_threshold = options->data_threshold;
    self->syndrome_threshold = options->syndrome_threshold;
    self->halves = otr_array_new(otr_dense_map_voxels(&self->map), OTR_DENSE_PLANES);
    self->flips = otr_array_new(self->map.detector_count, 1);
    if (status == OTR_OK && (self->halves == NULL || self->flips == NULL ||
                             !otr_array_reserve((void **)&self->base.residual, &self->base.residual_capacity,
                                                self->map.detector_count, sizeof *self->base.residual))) {
        status = OTR_ERR_MEMORY;
    }
    status = status == OTR_OK ? list_edges(self) : status;
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "out of memory");
}

static void destroy(otr_predecoder *base) {
    dense_predecoder *const self = (dense_predecoder *)base;
    otr_dense_workspace_free(&self->workspace);
    otr_dense_map_free(&self->map);
    free(self->halves);
    free(self->flips);
    free(self->edge_logits);
    otr_predecoder_free(base);
    free(self);
}

static size_t bytes(const otr_predecoder *base) {
    const dense_predecoder *const self = (const dense_predecoder *)base;
    return sizeof *self + otr_dense_workspace_bytes(&self->workspace) + otr_dense_map_bytes(&self->map) +
           otr_dense_map_voxels(&self->map) * OTR_DENSE_PLANES + self->map.detector_count +
           self->edge_logit_capacity * sizeof *self->edge_logits;
}

/* An event lies within 1 of the middle of its cell, an edge's qubit within 1 of its detectors, and cells are
 * 2 apart; a logit about outcomes also speaks about the next round. */
static otr_reach reach(const otr_predecoder *base) {
    const dense_predecoder *const self = (const dense_predecoder *)base;
    const otr_dense_network *const network = self->workspace.network;
    const double voxels = network->layer_count * (network->kernel / 2);
    return (otr_reach){.x = 2 * voxels + 2, .y = 2 * voxels + 2, .rounds = voxels + 1};
}

static void evaluate(dense_predecoder *self, const uint32_t *events, size_t event_count) {
    otr_dense_map_planes(&self->map, events, event_count, self->halves);
    otr_dense_evaluate(&self->workspace, self->base.kernels, self->halves);
}

/* Whether the output says that the data qubit, or outcome, of this voxel flipped. */
static bool is_flipped(const dense_predecoder *self, uint32_t plane, size_t voxel) {
    const float threshold = plane < PLANE_TIMELIKE ? self->data_threshold : self->syndrome_threshold;
    return self->workspace.logits[plane * self->workspace.voxel_count + voxel] >= threshold;
}

/* What the output changes about a stabiliser's event in round t. Its data qubits are in the plane that has
 * its type's index: X stabilisers see Z errors. */
static bool correction(const dense_predecoder *self, const otr_dense_stabiliser *stabiliser, uint32_t t) {
    const size_t cell_count = (size_t)self->map.distance * self->map.distance;
    const uint32_t plane = stabiliser->basis;
    bool parity = is_flipped(self, PLANE_TIMELIKE + plane, t * cell_count + stabiliser->cell);
    if (t > 0) {
        parity ^= is_flipped(self, PLANE_TIMELIKE + plane, (t - 1) * cell_count + stabiliser->cell);
    }
    for (uint32_t i = 0; i < stabiliser->data_count; i++) {
        parity ^= is_flipped(self, plane, t * cell_count + stabiliser->data[i]);
    }
    return parity;
}

static bool logical_parity(const dense_predecoder *self) {
    const otr_dense_map *const map = &self->map;
    const size_t cell_count = (size_t)map->distance * map->distance;
    bool parity = false;
    for (size_t t = 0; t < map->rounds; t++) {
        for (uint32_t i = 0; i < map->distance; i++) {
            parity ^= is_flipped(self, map->basis, t * cell_count + i * map->observable_step);
        }
    }
    return parity;
}

static otr_status hard(otr_predecoder *base, const uint32_t *events, size_t event_count,
                       otr_predecoded *out) {
    dense_predecoder *const self = (dense_predecoder *)base;
    const otr_dense_map *const map = &self->map;
    evaluate(self, events, event_count);
    memset(self->flips, 0, map->detector_count);
    for (size_t i = 0; i < event_count; i++) {
        self->flips[events[i]] =
            events[i] >= map->boundary_begin || map->detector_input[events[i]] != OTR_DENSE_UNSEEN;
    }
    for (uint32_t t = 0; t < map->rounds; t++) {
        for (uint32_t s = 0; s < map->stabiliser_count; s++) {
            const uint32_t detector = otr_dense_map_detector(map, s, t);
            if (detector != OTR_DENSE_UNSEEN) {
                self->flips[detector] ^= (uint8_t)correction(self, &map->stabilisers[s], t);
            }
        }
    }
    base->residual_count = 0;
    for (uint32_t d = 0; d < map->detector_count; d++) {
        base->residual[base->residual_count] = d;
        base->residual_count += self->flips[d];
    }
    base->observables[0] = (uint8_t)logical_parity(self);
    out->events = base->residual;
    out->event_count = base->residual_count;
    out->observables = base->observables;
    return OTR_OK;
}

/* The weight of "an odd number of two", from the weights ln((1-p)/p) of each. */
static double odd_of_two(double a, double b) {
    const double a_size = a < 0 ? -a : a, b_size = b < 0 ? -b : b;
    const double less = a_size < b_size ? a_size : b_size;
    const double sum = a_size + b_size, difference = a_size + b_size - 2 * less;
    const double size = less + otr_minus_ln(1.0 / (1.0 + otr_exponential(-sum))) -
                        otr_minus_ln(1.0 / (1.0 + otr_exponential(-difference)));
    return (a < 0) == (b < 0) ? size : -size;
}

static otr_status soft(otr_predecoder *base, const uint32_t *events, size_t event_count) {
    dense_predecoder *const self = (dense_predecoder *)base;
    otr_status status = OTR_OK;
    evaluate(self, events, event_count);
    for (size_t i = 0; i < self->edge_logit_count && status == OTR_OK;) {
        const uint32_t edge = self->edge_logits[i].edge;
        double weight = -self->workspace.logits[self->edge_logits[i].logit];
        for (i++; i < self->edge_logit_count && self->edge_logits[i].edge == edge; i++) {
            weight = odd_of_two(weight, -self->workspace.logits[self->edge_logits[i].logit]);
        }
        status = otr_predecoder_override(base, edge, otr_graph_nearest_weight(base->graph, weight));
    }
    return status;
}

/* Notes that the logit is about the edge between two detectors, if the graph has it. */
static otr_status add_edge(dense_predecoder *self, uint32_t node1, uint32_t node2, uint32_t plane,
                           size_t voxel) {
    uint32_t edge;
    if (otr_graph_find_edge(self->base.graph, node1, node2, &edge) != OTR_OK) {
        return OTR_OK;
    }
    if (!OTR_ARRAY_GROW(self->edge_logits, self->edge_logit_count, self->edge_logit_capacity)) {
        return OTR_ERR_MEMORY;
    }
    self->edge_logits[self->edge_logit_count++] =
        (edge_logit){edge, (uint32_t)(plane * otr_dense_map_voxels(&self->map) + voxel)};
    return OTR_OK;
}

/* The edges of a data qubit in round t: one between the two stabilisers of a type that it belongs to, or one
 * to the boundary if there is a single one. */
static otr_status list_data_edges(dense_predecoder *self, uint32_t (*owners)[2], otr_basis basis,
                                  uint32_t t) {
    const otr_dense_map *const map = &self->map;
    const uint32_t cell_count = map->distance * map->distance;
    otr_status status = OTR_OK;
    for (uint32_t cell = 0; cell < cell_count && status == OTR_OK; cell++) {
        uint32_t node1, node2 = OTR_BOUNDARY;
        node1 = otr_dense_map_detector(map, owners[cell][0], t);
        if (owners[cell][1] != OTR_DENSE_UNSEEN) {
            node2 = otr_dense_map_detector(map, owners[cell][1], t);
        }
        if (node1 != OTR_DENSE_UNSEEN) {
            status = add_edge(self, node1, node2, basis, (size_t)t * cell_count + cell);
        }
    }
    return status;
}

/* The edges of a stabiliser's outcomes. That of the last round, which has no noise, is none. */
static otr_status list_outcome_edges(dense_predecoder *self, uint32_t stabiliser) {
    const otr_dense_map *const map = &self->map;
    const uint32_t cell_count = map->distance * map->distance;
    const uint32_t plane = PLANE_TIMELIKE + map->stabilisers[stabiliser].basis;
    otr_status status = OTR_OK;
    for (uint32_t t = 0; t + 1 < map->rounds && status == OTR_OK; t++) {
        const uint32_t before = otr_dense_map_detector(map, stabiliser, t);
        const uint32_t after = otr_dense_map_detector(map, stabiliser, t + 1);
        const size_t voxel = (size_t)t * cell_count + map->stabilisers[stabiliser].cell;
        status = before != OTR_DENSE_UNSEEN ? add_edge(self, before, after, plane, voxel)
                                            : add_edge(self, after, OTR_BOUNDARY, plane, voxel);
    }
    return status;
}

static int by_edge(const void *a, const void *b) {
    const edge_logit *const first = a, *const second = b;
    if (first->edge != second->edge) {
        return first->edge < second->edge ? -1 : 1;
    }
    return (first->logit > second->logit) - (first->logit < second->logit);
}

static otr_status list_edges(dense_predecoder *self) {
    const otr_dense_map *const map = &self->map;
    const uint32_t cell_count = map->distance * map->distance;
    uint32_t(*owners)[2] = otr_array_new(cell_count, sizeof *owners);
    otr_status status = owners != NULL ? OTR_OK : OTR_ERR_MEMORY;
    for (otr_basis basis = OTR_BASIS_X; basis <= OTR_BASIS_Z && status == OTR_OK; basis++) {
        memset(owners, 0xFF, cell_count * sizeof *owners);
        for (uint32_t s = 0; s < map->stabiliser_count; s++) {
            const otr_dense_stabiliser *const stabiliser = &map->stabilisers[s];
            for (uint32_t i = 0; i < stabiliser->data_count && stabiliser->basis == basis; i++) {
                owners[stabiliser->data[i]][owners[stabiliser->data[i]][0] != OTR_DENSE_UNSEEN] = s;
            }
        }
        for (uint32_t t = 0; t < map->rounds && status == OTR_OK; t++) {
            status = list_data_edges(self, owners, basis, t);
        }
    }
    for (uint32_t s = 0; s < map->stabiliser_count && status == OTR_OK; s++) {
        status = list_outcome_edges(self, s);
    }
    if (self->edge_logit_count > 0) {
        qsort(self->edge_logits, self->edge_logit_count, sizeof *self->edge_logits, by_edge);
    }
    free(owners);
    return status;
}
