/* Nearest-neighbour rules: every event chooses an edge, and an edge that all its events choose is forced.
 *
 * CLIQUE (arXiv:2208.08547): an event with exactly one event next to it chooses the edge to it, an event with
 * none the boundary. SMITH (arXiv:2208.04660): every event chooses its lightest edge to an event, and the
 * events left choose again in the next pass; an edge that is lightest at both ends is the one that greedy
 * pairing would take first, so enough passes are greedy pairing.
 *
 * A forced edge gets the weight -|w|: taking it back costs what using it would have cost. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "graph/graph_internal.h"
#include "predecode/rules/rule_internal.h"

#include <stdlib.h>

typedef struct pairs {
    otr_predecoder base;
    uint32_t (*choose)(const struct pairs *rule, uint32_t event);
    uint32_t passes;
    otr_reach edge_extent;
    uint8_t *is_event; /* packed bits, all zero between shots */
    uint32_t *chosen;  /* node -> edge or OTR_NONE; valid for the events of a pass */
    uint32_t *events;  /* left after the passes so far */
    size_t event_capacity;
} pairs;

static otr_status soft(otr_predecoder *self, const uint32_t *events, size_t event_count);
static otr_reach reach(const otr_predecoder *self);
static size_t bytes(const otr_predecoder *self);
static void destroy(otr_predecoder *self);
static otr_status measure(pairs *rule, const otr_model *model);
static uint32_t choose_only(const pairs *rule, uint32_t event);
static uint32_t choose_lightest(const pairs *rule, uint32_t event);
static otr_status force_choices(pairs *rule, size_t *event_count);

static const otr_predecoder_kind CLIQUE = {
    "rule:clique", soft, NULL, reach, bytes, destroy, otr_predecoder_reweight_plain};
static const otr_predecoder_kind SMITH = {
    "rule:smith", soft, NULL, reach, bytes, destroy, otr_predecoder_reweight_plain};

otr_status otr_rule_pairs_create(otr_predecoder **out, const otr_graph *graph, const otr_model *model,
                                 const otr_rule_options *options, otr_error *error) {
    const bool is_clique = options->kind == OTR_RULE_CLIQUE;
    pairs *const rule = otr_array_zeroed(1, sizeof *rule);
    otr_status status = OTR_ERR_MEMORY;
    if (rule != NULL) {
        rule->choose = is_clique ? choose_only : choose_lightest;
        rule->passes = is_clique ? 1 : options->iterations;
        status = otr_predecoder_init(&rule->base, is_clique ? &CLIQUE : &SMITH, graph, options->isa);
    }
    if (status == OTR_OK) {
        rule->is_event = otr_array_zeroed(otr_bytes_for_bits(graph->node_count), 1);
        rule->chosen = otr_array_new(graph->node_count, sizeof *rule->chosen);
        status = rule->is_event != NULL && rule->chosen != NULL ? measure(rule, model) : OTR_ERR_MEMORY;
    }
    if (status != OTR_OK) {
        otr_predecoder_destroy(rule != NULL ? &rule->base : NULL);
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    *out = &rule->base;
    return OTR_OK;
}

static otr_status soft(otr_predecoder *self, const uint32_t *events, size_t event_count) {
    pairs *const rule = (pairs *)self;
    otr_status status = OTR_OK;
    size_t left = event_count;
    size_t before = 0;
    if (!otr_array_reserve((void **)&rule->events, &rule->event_capacity, event_count,
                           sizeof *rule->events)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < event_count; i++) {
        rule->events[i] = events[i];
        otr_bit_flip(rule->is_event, events[i]);
    }
    for (uint32_t pass = 0; pass < rule->passes && left != before && status == OTR_OK; pass++) {
        before = left;
        for (size_t i = 0; i < left; i++) {
            rule->chosen[rule->events[i]] = rule->choose(rule, rule->events[i]);
        }
        status = force_choices(rule, &left);
    }
    for (size_t i = 0; i < event_count; i++) {
        rule->is_event[events[i] / 8] = 0;
    }
    return status;
}

static otr_reach reach(const otr_predecoder *self) {
    const pairs *const rule = (const pairs *)self;
    return otr_reach_times(rule->edge_extent, 2.0 * rule->passes);
}

static size_t bytes(const otr_predecoder *self) {
    const pairs *const rule = (const pairs *)self;
    const size_t node_count = self->graph->node_count;
    return sizeof *rule + otr_bytes_for_bits(node_count) + node_count * sizeof *rule->chosen +
           rule->event_capacity * sizeof *rule->events;
}

static void destroy(otr_predecoder *self) {
    pairs *const rule = (pairs *)self;
    otr_predecoder_free(self);
    free(rule->is_event);
    free(rule->chosen);
    free(rule->events);
    free(rule);
}

/* Sets the largest extent of an edge between two detectors. */
static otr_status measure(pairs *rule, const otr_model *model) {
    const otr_graph *const graph = rule->base.graph;
    otr_detector_coordinates coordinates;
    const otr_status status = otr_detector_coordinates_init(&coordinates, model, graph->node_count);
    for (uint32_t edge = 0; edge < graph->edge_count && status == OTR_OK; edge++) {
        const uint32_t ends[2] = {graph->edge_node1[edge], graph->edge_node2[edge]};
        otr_detector_coordinates_cover(&coordinates, ends, ends[1] == OTR_BOUNDARY ? 1 : 2,
                                       &rule->edge_extent);
    }
    otr_detector_coordinates_free(&coordinates);
    return status;
}

static uint32_t choose_only(const pairs *rule, uint32_t event) {
    const otr_graph *const graph = rule->base.graph;
    uint32_t only = graph->boundary_edge[event];
    uint32_t count = 0;
    for (uint32_t arc = graph->arc_begin[event]; arc < graph->arc_begin[event + 1]; arc++) {
        if (otr_bit_get(rule->is_event, graph->arc_head[arc])) {
            only = graph->arc_edge[arc];
            count++;
        }
    }
    return count <= 1 ? only : OTR_NONE;
}

/* Arcs ascend by edge, so the lowest edge wins a tie. */
static uint32_t choose_lightest(const pairs *rule, uint32_t event) {
    const otr_graph *const graph = rule->base.graph;
    uint32_t best = OTR_NONE;
    for (uint32_t arc = graph->arc_begin[event]; arc < graph->arc_begin[event + 1]; arc++) {
        const uint32_t edge = graph->arc_edge[arc];
        if (otr_bit_get(rule->is_event, graph->arc_head[arc]) &&
            (best == OTR_NONE || graph->edge_weight[edge] < graph->edge_weight[best])) {
            best = edge;
        }
    }
    return best;
}

/* Forces the edges that all their events chose, and keeps the other events. */
static otr_status force_choices(pairs *rule, size_t *event_count) {
    const otr_graph *const graph = rule->base.graph;
    size_t kept = 0;
    for (size_t i = 0; i < *event_count; i++) {
        const uint32_t event = rule->events[i];
        const uint32_t edge = rule->chosen[event];
        const uint32_t node1 = edge != OTR_NONE ? graph->edge_node1[edge] : OTR_NONE;
        const uint32_t node2 = edge != OTR_NONE ? graph->edge_node2[edge] : OTR_NONE;
        if (edge == OTR_NONE ||
            (node2 != OTR_BOUNDARY && (rule->chosen[node1] != edge || rule->chosen[node2] != edge))) {
            rule->events[kept++] = event;
            continue;
        }
        otr_bit_flip(rule->is_event, event);
        if (event == node1) {
            /* A weight of 0 would not force it. */
            const int32_t magnitude = abs(otr_weight_clamped(graph->edge_weight[edge]));
            const otr_status status =
                otr_predecoder_override(&rule->base, edge, magnitude > 0 ? -magnitude : -2);
            if (status != OTR_OK) {
                return status;
            }
        }
    }
    *event_count = kept;
    return OTR_OK;
}
