/* Evaluating an event network on one shot (outrider/event_network.h has the formulas).
 *
 * Events are numbered as they come. Near pairs are found once, sorted by class, and each layer walks that
 * list: all pairs that use the same two matrices follow each other, so that a matrix comes from the nearest
 * cache or a register, and what is gathered for every event lies in a small array of sums. */
#include "predecode/event/event_network_internal.h"

#include "common/array.h"
#include "common/error.h"
#include "common/random.h"
#include "graph/numbers.h"
#include "predecode/neighbours.h"
#include "predecode/predecoder_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct event_predecoder {
    otr_predecoder base;
    const otr_event_network *network;
    const otr_event_layers *layers;
    otr_lattice lattice;
    otr_neighbours neighbours;
    otr_event_spot *spots; /* of the nodes */
    otr_override *edges;   /* [node][slot]: the edge there, at the graph's weight, or OTR_NONE */
    otr_aligned places;    /* int16: the network's, with its half and the noise */
    otr_aligned biases;    /* int32: of the layers, with the noise */
    int32_t unit;          /* weight of one step of log-odds */

    /* Of the shot. */
    otr_aligned rows;     /* int16 [event][width] */
    otr_aligned features; /* uint8 [event][width] */
    otr_aligned sums;     /* int32 [event][width], in the end [event][slots, padded] */
    uint32_t *listed;     /* events by set */
    size_t listed_capacity;
    uint32_t *named; /* event -> slots whose edge the other end writes */
    size_t named_capacity;
    size_t set_begin[OTR_EVENT_KINDS_MAX + 1];
} event_predecoder;

static otr_status soft(otr_predecoder *base, const uint32_t *events, size_t event_count);
static otr_reach reach(const otr_predecoder *base);
static size_t bytes(const otr_predecoder *base);
static void destroy(otr_predecoder *base);
static otr_status reweight(otr_predecoder *base, const otr_graph *graph, otr_error *error);
static otr_status create(event_predecoder *self, const otr_event_network *network, const otr_graph *graph,
                         const otr_model *model, otr_isa isa, otr_error *error);
static otr_status fill(event_predecoder *self, const otr_model *model, otr_error *error);
static otr_status reserve(event_predecoder *self, size_t event_count);
static void list_by_set(event_predecoder *self, const uint32_t *events, size_t event_count);
static void embed(event_predecoder *self, const uint32_t *events, size_t event_count);
static void run_layer(event_predecoder *self, uint32_t layer, size_t event_count);
static void run_hidden(event_predecoder *self, size_t event_count);
static void run_heads(event_predecoder *self);
static void join_ends(event_predecoder *self, size_t event_count);

static const otr_predecoder_kind KIND = {.name = "event network",
                                         .soft = soft,
                                         .hard = NULL,
                                         .reach = reach,
                                         .bytes = bytes,
                                         .destroy = destroy,
                                         .reweight = reweight};

otr_status otr_event_predecoder_create(otr_predecoder **out, const otr_event_network *network,
                                       const otr_graph *graph, const otr_model *model, otr_isa isa,
                                       otr_error *error) {
    event_predecoder *self;
    otr_status status;
    if (out == NULL || network == NULL || graph == NULL || model == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "an argument is missing");
    }
    if (otr_kernels_for(isa) == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "instruction set %s is not available here",
                             otr_isa_name(isa));
    }
    self = otr_array_zeroed(1, sizeof *self);
    status = self != NULL ? create(self, network, graph, model, isa, error) : OTR_ERR_MEMORY;
    if (status == OTR_OK) {
        *out = &self->base;
    }
    return status == OTR_ERR_MEMORY ? otr_error_set(error, status, 0, 0, "out of memory") : status;
}

/* Destroys `self` on failure. */
static otr_status create(event_predecoder *self, const otr_event_network *network, const otr_graph *graph,
                         const otr_model *model, otr_isa isa, otr_error *error) {
    otr_status status = otr_predecoder_init(&self->base, &KIND, graph, isa);
    self->network = network;
    if (status == OTR_OK) {
        self->layers = &self->base.kernels->event_layers[network->width / OTR_EVENT_WIDTH_STEP - 1];
        status = fill(self, model, error);
    }
    if (status != OTR_OK) {
        destroy(&self->base);
    }
    return status;
}

static void destroy(otr_predecoder *base) {
    event_predecoder *const self = (event_predecoder *)base;
    otr_lattice_free(&self->lattice);
    otr_neighbours_free(&self->neighbours);
    otr_aligned_free(&self->places);
    otr_aligned_free(&self->biases);
    otr_aligned_free(&self->rows);
    otr_aligned_free(&self->features);
    otr_aligned_free(&self->sums);
    free(self->spots);
    free(self->edges);
    free(self->listed);
    free(self->named);
    otr_predecoder_free(base);
    free(self);
}

static otr_reach reach(const otr_predecoder *base) {
    return otr_event_network_reach(((const event_predecoder *)base)->network);
}

static size_t bytes(const otr_predecoder *base) {
    const event_predecoder *const self = (const event_predecoder *)base;
    const size_t nodes = self->lattice.node_count;
    return sizeof *self + otr_lattice_bytes(&self->lattice) + otr_neighbours_bytes(&self->neighbours) +
           nodes * sizeof *self->spots + nodes * self->network->layout.slot_count * sizeof *self->edges +
           self->places.bytes + self->biases.bytes + self->rows.bytes + self->features.bytes +
           self->sums.bytes + self->listed_capacity * sizeof *self->listed +
           self->named_capacity * sizeof *self->named;
}

/* Making one: tables of the graph, and the noise. */

static otr_status find_edges(event_predecoder *self, otr_error *error) {
    const otr_event_network *const n = self->network;
    const otr_graph *const graph = self->base.graph;
    const size_t count = (size_t)graph->node_count * n->layout.slot_count;
    uint32_t *const edges = otr_array_new(count, sizeof *edges);
    otr_status status = OTR_ERR_MEMORY;
    self->edges = otr_array_new(count, sizeof *self->edges);
    if (edges != NULL && self->edges != NULL) {
        status = otr_lattice_edges(&self->lattice, graph, n->layout.slots, n->layout.slot_count,
                                   n->layout.set_of_kind, edges, error);
    }
    if (status == OTR_OK) {
        for (size_t i = 0; i < count; i++) {
            self->edges[i] = (otr_override){.edge = edges[i]};
        }
    }
    free(edges);
    return status;
}

static otr_status find_spots(event_predecoder *self) {
    const uint32_t count = self->lattice.node_count;
    self->spots = otr_array_new(count, sizeof *self->spots);
    if (self->spots == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t node = 0; node < count; node++) {
        const uint32_t kind = self->lattice.kinds[node];
        self->spots[node].place = (uint16_t)(kind * OTR_PLACE_CLASSES + self->lattice.places[node]);
        self->spots[node].phase = (uint16_t)(kind * OTR_PHASE_CLASSES + self->lattice.phases[node]);
    }
    return OTR_OK;
}

/* ln of the graph's mean edge probability over the network's reference. */
static double noise_level(const otr_event_network *network, const otr_graph *graph) {
    return graph->edge_count > 0 ? otr_minus_ln(network->reference_probability) + otr_graph_log_noise(graph)
                                 : 0;
}

/* What the noise adds to a channel. */
static double channel_noise(float per_level, double level) {
    return round((double)per_level * level);
}

/* Refuses noise that takes a channel out of its bounds. */
static otr_status check_noise(const otr_event_network *n, double level, otr_error *error) {
    for (size_t i = 0; i < ((size_t)n->layer_count + 1) * n->width; i++) {
        const int32_t most = i < n->width ? INT16_MAX - n->row_bounds[i] : OTR_EVENT_BIAS_MAX;
        if (!(fabs(channel_noise(n->noise[i], level)) <= most)) {
            return otr_error_set(
                error, OTR_ERR_FORMAT, 0, 0,
                "the model's error probabilities are too far from those that the network was made for");
        }
    }
    return OTR_OK;
}

static void add_noise_to_places(event_predecoder *self, double level) {
    const otr_event_network *const n = self->network;
    const size_t rows = (size_t)n->layout.rule.kinds * OTR_PLACE_CLASSES;
    const int32_t half = (int32_t)((UINT32_C(1) << n->embed_shift) >> 1);
    for (uint32_t c = 0; c < n->width; c++) {
        const int32_t noise = (int32_t)channel_noise(n->noise[c], level);
        for (size_t row = 0; row < rows; row++) {
            const size_t i = row * n->width + c;
            ((int16_t *)self->places.data)[i] = (int16_t)(otr_event_places(n)[i] + half + noise);
        }
    }
}

static void add_noise_to_biases(event_predecoder *self, double level) {
    const otr_event_network *const n = self->network;
    const size_t per_layer = (size_t)n->layout.set_count * n->width;
    int32_t *const biases = self->biases.data;
    for (size_t i = 0; i < n->layer_count * per_layer; i++) {
        const size_t channel = i / per_layer * n->width + i % n->width;
        biases[i] =
            otr_event_biases(n, 0, 0)[i] + (int32_t)channel_noise(n->noise[n->width + channel], level);
    }
}

/* All that follows from the numbers of a graph. Nothing changes on failure; OTR_ERR_FORMAT. */
static otr_status set_numbers(event_predecoder *self, const otr_graph *graph, otr_error *error) {
    const otr_event_network *const n = self->network;
    const double level = noise_level(n, graph);
    const int32_t unit = otr_graph_nearest_weight(graph, n->log_odds_unit);
    const size_t edge_count = (size_t)graph->node_count * n->layout.slot_count;
    otr_status status;
    if (unit == 0) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                             "the graph's weights are too coarse for the network's log-odds");
    }
    status = check_noise(n, level, error);
    if (status != OTR_OK) {
        return status;
    }
    self->unit = unit;
    self->base.weight_offset = otr_graph_nearest_weight(graph, n->offset_nats);
    for (size_t i = 0; i < edge_count; i++) {
        const uint32_t edge = self->edges[i].edge;
        self->edges[i].weight = edge != OTR_NONE ? graph->edge_weight[edge] : 0;
    }
    add_noise_to_places(self, level);
    add_noise_to_biases(self, level);
    return OTR_OK;
}

static otr_status reweight(otr_predecoder *base, const otr_graph *graph, otr_error *error) {
    return set_numbers((event_predecoder *)base, graph, error);
}

static otr_status fill(event_predecoder *self, const otr_model *model, otr_error *error) {
    const otr_event_network *const n = self->network;
    const otr_graph *const graph = self->base.graph;
    otr_status status = otr_lattice_init(&self->lattice, &n->layout.rule, graph, model, error);
    status = status == OTR_OK ? find_edges(self, error) : status;
    status = status == OTR_OK ? find_spots(self) : status;
    if (status == OTR_OK &&
        (!otr_aligned_reserve(&self->places, (size_t)n->layout.rule.kinds * OTR_PLACE_CLASSES * n->width,
                              sizeof(int16_t)) ||
         !otr_aligned_reserve(&self->biases, (size_t)n->layer_count * n->layout.set_count * n->width,
                              sizeof(int32_t)))) {
        status = OTR_ERR_MEMORY;
    }
    status = status == OTR_OK ? set_numbers(self, graph, error) : status;
    if (status == OTR_OK) {
        status = otr_neighbours_init(&self->neighbours, &self->lattice, n->classes.offsets,
                                     n->classes.offset_count, n->classes.codes, n->classes.count);
        if (status == OTR_ERR_LIMIT) {
            otr_error_set(error, status, 0, 0, "the detectors are spread too widely for an event network");
        }
    }
    return status;
}

/* One shot. */

static size_t head_stride(const event_predecoder *self) {
    return (size_t)self->network->head_count * OTR_EVENT_HEAD;
}

static otr_status soft(otr_predecoder *base, const uint32_t *events, size_t event_count) {
    event_predecoder *const self = (event_predecoder *)base;
    otr_status status;
    if (event_count == 0) {
        return OTR_OK;
    }
    status = reserve(self, event_count);
    status = status == OTR_OK ? otr_neighbours_find(&self->neighbours, events, event_count) : status;
    if (status != OTR_OK) {
        return status;
    }
    list_by_set(self, events, event_count);
    embed(self, events, event_count);
    for (uint32_t layer = 0; layer < self->network->layer_count; layer++) {
        run_layer(self, layer, event_count);
    }
    run_hidden(self, event_count);
    run_heads(self);
    join_ends(self, event_count);
    base->override_count = self->layers->write_overrides(self->edges, self->network->layout.slot_count,
                                                         events, self->named, event_count, self->sums.data,
                                                         head_stride(self), self->unit, base->overrides);
    return OTR_OK;
}

static otr_status reserve(event_predecoder *self, size_t event_count) {
    const size_t width = self->network->width, stride = head_stride(self);
    otr_predecoder *const base = &self->base;
    if (!otr_aligned_reserve(&self->rows, event_count * width, sizeof(int16_t)) ||
        !otr_aligned_reserve(&self->features, event_count * width, 1) ||
        !otr_aligned_reserve(&self->sums, event_count * (width > stride ? width : stride), sizeof(int32_t)) ||
        !otr_array_reserve((void **)&self->listed, &self->listed_capacity, event_count,
                           sizeof *self->listed) ||
        !otr_array_reserve((void **)&self->named, &self->named_capacity, event_count, sizeof *self->named) ||
        !otr_array_reserve((void **)&base->overrides, &base->override_capacity,
                           event_count * self->network->layout.slot_count + OTR_EVENT_OVERRIDE_SLACK,
                           sizeof *base->overrides)) {
        return OTR_ERR_MEMORY;
    }
    return OTR_OK;
}

static uint32_t set_of(const event_predecoder *self, uint32_t node) {
    return self->network->layout.set_of_kind[self->lattice.kinds[node]];
}

static void list_by_set(event_predecoder *self, const uint32_t *events, size_t event_count) {
    size_t next[OTR_EVENT_KINDS_MAX] = {0};
    size_t before = 0;
    for (size_t i = 0; i < event_count; i++) {
        next[set_of(self, events[i])]++;
    }
    for (uint32_t set = 0; set < self->network->layout.set_count; set++) {
        const size_t count = next[set];
        self->set_begin[set] = next[set] = before;
        before += count;
    }
    self->set_begin[self->network->layout.set_count] = before;
    for (size_t i = 0; i < event_count; i++) {
        self->listed[next[set_of(self, events[i])]++] = (uint32_t)i;
    }
}

static size_t message_pairs(const event_predecoder *self) {
    return self->neighbours.class_begin[self->network->classes.message_count];
}

static void embed(event_predecoder *self, const uint32_t *events, size_t event_count) {
    const otr_event_network *const n = self->network;
    self->layers->start_rows(self->places.data, otr_event_phases(n), self->spots, events, event_count,
                             self->rows.data);
    self->layers->add_rows(otr_event_embed(n), self->neighbours.pairs, message_pairs(self), self->rows.data);
    self->layers->narrow_rows(self->rows.data, event_count, n->embed_shift, self->features.data);
}

static void run_layer(event_predecoder *self, uint32_t layer, size_t event_count) {
    const otr_event_network *const n = self->network;
    const int32_t *const biases =
        (const int32_t *)self->biases.data + (size_t)layer * n->layout.set_count * n->width;
    const uint32_t shift = n->layer_shifts[layer];
    for (uint32_t set = 0; set < n->layout.set_count; set++) {
        const size_t begin = self->set_begin[set];
        self->layers->dense(otr_event_self(n, layer, set), biases + (size_t)set * n->width, shift,
                            self->listed + begin, self->set_begin[set + 1] - begin, self->features.data,
                            self->sums.data);
    }
    self->layers->messages(otr_event_relations(n, layer), self->neighbours.pairs, message_pairs(self),
                           self->features.data, self->sums.data);
    self->layers->narrow_sums(self->sums.data, event_count, shift, self->features.data);
}

static void run_hidden(event_predecoder *self, size_t event_count) {
    const otr_event_network *const n = self->network;
    for (uint32_t set = 0; set < n->layout.set_count; set++) {
        const size_t begin = self->set_begin[set];
        self->layers->dense(otr_event_hidden(n, set), otr_event_biases(n, n->layer_count, set),
                            n->hidden_shift, self->listed + begin, self->set_begin[set + 1] - begin,
                            self->features.data, self->sums.data);
    }
    self->layers->narrow_sums(self->sums.data, event_count, n->hidden_shift, self->features.data);
}

static void run_heads(event_predecoder *self) {
    const otr_event_network *const n = self->network;
    for (uint32_t set = 0; set < n->layout.set_count; set++) {
        const size_t begin = self->set_begin[set];
        for (uint32_t head = 0; head < n->head_count; head++) {
            self->layers->head(otr_event_head(n, set, head), otr_event_head_biases(n, set, head),
                               n->head_shift, self->listed + begin, self->set_begin[set + 1] - begin,
                               self->features.data, (int32_t *)self->sums.data + head * OTR_EVENT_HEAD,
                               head_stride(self));
        }
    }
}

/* Where two events are the ends of an edge, the first one takes what both say about it. */
static void join_ends(event_predecoder *self, size_t event_count) {
    const otr_event_classes *const classes = &self->network->classes;
    const uint32_t *const begin = self->neighbours.class_begin;
    const size_t stride = head_stride(self);
    int32_t *const steps = self->sums.data;
    memset(self->named, 0, event_count * sizeof *self->named);
    for (uint32_t i = 0; i < classes->count; i++) {
        const uint8_t *const slots = classes->classes[i].slots;
        if (slots[0] == OTR_EVENT_NO_SLOT) {
            continue;
        }
        for (uint32_t k = begin[i]; k < begin[i + 1]; k++) {
            const otr_event_pair pair = self->neighbours.pairs[k];
            steps[pair.first * stride + slots[0]] += steps[pair.second * stride + slots[1]];
            self->named[pair.second] |= UINT32_C(1) << slots[1];
        }
    }
}
