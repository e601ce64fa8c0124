#include "graph/shot_weights.h"

#include "common/array.h"
#include "common/bits.h"

#include <stdlib.h>
#include <string.h>

static bool reserve_base_edges(otr_shot_weights *shot, const otr_graph *graph, int32_t offset);
static void find_base_edges(otr_shot_weights *shot, int32_t offset);
static void relax(otr_shot_weights *shot, uint32_t edge);
static int32_t price(int32_t weight);
static bool is_forced(const otr_shot_weights *shot, uint32_t edge);
static void force(otr_shot_weights *shot, uint32_t edge, uint32_t before, int32_t weight);
static void flip_ends(const otr_graph *graph, uint32_t edge, uint8_t *nodes);

otr_status otr_shot_weights_init(otr_shot_weights *shot, const otr_graph *graph, const otr_kernels *kernels,
                                 int32_t offset) {
    const size_t node_bytes = otr_bytes_for_bits(graph->node_count);
    otr_status status;
    *shot = (otr_shot_weights){.graph = graph, .kernels = kernels};
    offset = otr_weight_clamped(offset);
    status = otr_weights_init(&shot->magnitudes, graph, offset);
    if (status != OTR_OK) {
        return status;
    }
    shot->forced = otr_array_zeroed((size_t)graph->edge_count / 64 + 1, sizeof *shot->forced);
    shot->base_flips = otr_array_zeroed(node_bytes, 1);
    shot->flipped = otr_array_zeroed(node_bytes, 1);
    if (shot->forced == NULL || shot->base_flips == NULL || shot->flipped == NULL ||
        !reserve_base_edges(shot, graph, offset)) {
        return OTR_ERR_MEMORY;
    }
    find_base_edges(shot, offset);
    return OTR_OK;
}

otr_status otr_shot_weights_refill(otr_shot_weights *shot, const otr_graph *graph, int32_t offset) {
    offset = otr_weight_clamped(offset);
    if (!reserve_base_edges(shot, graph, offset)) {
        return OTR_ERR_MEMORY;
    }
    shot->graph = graph;
    otr_weights_refill(&shot->magnitudes, graph, offset);
    memset(shot->forced, 0, ((size_t)graph->edge_count / 64 + 1) * sizeof *shot->forced);
    memset(shot->base_flips, 0, otr_bytes_for_bits(graph->node_count));
    find_base_edges(shot, offset);
    return OTR_OK;
}

void otr_shot_weights_free(otr_shot_weights *shot) {
    otr_weights_free(&shot->magnitudes);
    free(shot->forced);
    free(shot->base_edges);
    free(shot->base_flips);
    free(shot->flipped);
    free(shot->toggles);
    *shot = (otr_shot_weights){0};
}

void otr_shot_weights_begin(otr_shot_weights *shot) {
    shot->toggle_count = 0;
    shot->forced_weight = shot->base_weight;
}

otr_status otr_shot_weights_override(otr_shot_weights *shot, const otr_override *overrides,
                                     size_t override_count) {
    const otr_graph *const graph = shot->graph;
    if (!otr_weights_reserve(&shot->magnitudes, override_count) ||
        !otr_array_reserve((void **)&shot->toggles, &shot->toggle_capacity,
                           shot->toggle_count + override_count, sizeof *shot->toggles)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < override_count; i++) {
        const uint32_t edge = overrides[i].edge;
        int32_t weight;
        uint32_t before;
        if (edge >= graph->edge_count) {
            return OTR_ERR_INDEX;
        }
        if (!otr_weight_take(overrides[i].weight, &weight)) {
            return OTR_ERR_LIMIT;
        }
        before = otr_weights_set(&shot->magnitudes, graph->edge_arcs[edge], otr_magnitude(weight));
        if (weight < 0 || is_forced(shot, edge)) {
            force(shot, edge, before, weight);
        }
    }
    return OTR_OK;
}

const uint32_t *otr_shot_weights_flip(otr_shot_weights *shot, const uint32_t *events, size_t *event_count,
                                      uint32_t *left) {
    if (shot->toggle_count == 0 && shot->base_count == 0) {
        return events;
    }
    memcpy(shot->flipped, shot->base_flips, otr_bytes_for_bits(shot->graph->node_count));
    for (size_t i = 0; i < shot->toggle_count; i++) {
        flip_ends(shot->graph, shot->toggles[i], shot->flipped);
    }
    for (size_t i = 0; i < *event_count; i++) {
        otr_bit_flip(shot->flipped, events[i]);
    }
    *event_count = shot->kernels->bit_indices(shot->flipped, shot->graph->node_count, left);
    return left;
}

bool otr_shot_weights_relax(otr_shot_weights *shot) {
    const size_t before = shot->magnitudes.change_count;
    if (!otr_weights_reserve(&shot->magnitudes, shot->base_count + shot->toggle_count)) {
        return false;
    }
    for (size_t i = 0; i < shot->base_count; i++) {
        relax(shot, shot->base_edges[i]);
    }
    for (size_t i = 0; i < shot->toggle_count; i++) {
        relax(shot, shot->toggles[i]);
    }
    return shot->magnitudes.change_count > before;
}

void otr_shot_weights_restore(otr_shot_weights *shot) {
    otr_weights_restore(&shot->magnitudes);
    for (size_t i = 0; i < shot->toggle_count; i++) {
        shot->forced[shot->toggles[i] >> 6] ^= (uint64_t)1 << (shot->toggles[i] & 63);
    }
}

size_t otr_shot_weights_bytes(const otr_shot_weights *shot) {
    const size_t edge_words = (size_t)shot->graph->edge_count / 64 + 1;
    return otr_weights_bytes(&shot->magnitudes) + edge_words * sizeof *shot->forced +
           shot->base_capacity * sizeof *shot->base_edges + shot->toggle_capacity * sizeof *shot->toggles +
           2 * otr_bytes_for_bits(shot->graph->node_count);
}

/* Room for the edges of negative weight; false when memory is out. */
static bool reserve_base_edges(otr_shot_weights *shot, const otr_graph *graph, int32_t offset) {
    size_t count = 0;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        count += otr_weight_offset(graph->edge_weight[edge], offset) < 0;
    }
    return otr_array_reserve((void **)&shot->base_edges, &shot->base_capacity, count,
                             sizeof *shot->base_edges);
}

/* Nothing is forced so far, and there is room. */
static void find_base_edges(otr_shot_weights *shot, int32_t offset) {
    const otr_graph *const graph = shot->graph;
    shot->base_count = 0;
    shot->base_weight = 0;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const int32_t weight = otr_weight_offset(graph->edge_weight[edge], offset);
        if (weight < 0) {
            shot->base_edges[shot->base_count++] = edge;
            shot->base_weight += price(weight);
            shot->forced[edge >> 6] |= (uint64_t)1 << (edge & 63);
            flip_ends(graph, edge, shot->base_flips);
        }
    }
}

static bool is_forced(const otr_shot_weights *shot, uint32_t edge) {
    return (shot->forced[edge >> 6] >> (edge & 63) & 1) != 0;
}

/* Forces an edge by its new weight, or no longer, or at another price; `before` is its old magnitude.
 * There is room for a toggle. */
static void force(otr_shot_weights *shot, uint32_t edge, uint32_t before, int32_t weight) {
    const bool was_forced = is_forced(shot, edge);
    const bool forces = weight < 0;
    shot->forced_weight += forces ? price(weight) : 0;
    shot->forced_weight += was_forced && before != OTR_WEIGHT_NONE ? (int64_t)before : 0;
    if (forces != was_forced) {
        shot->forced[edge >> 6] ^= (uint64_t)1 << (edge & 63);
        shot->toggles[shot->toggle_count++] = edge;
    }
}

/* Lets the search take back an edge that is certain. */
static void relax(otr_shot_weights *shot, uint32_t edge) {
    if (is_forced(shot, edge) && otr_weights_get(&shot->magnitudes, edge) == OTR_WEIGHT_NONE) {
        otr_weights_set(&shot->magnitudes, shot->graph->edge_arcs[edge], OTR_WEIGHT_MAX);
    }
}

/* What a forced edge adds to the weight of an answer. */
static int32_t price(int32_t weight) {
    return otr_weight_is_infinite(weight) ? 0 : weight;
}

static void flip_ends(const otr_graph *graph, uint32_t edge, uint8_t *nodes) {
    otr_bit_flip(nodes, graph->edge_node1[edge]);
    if (graph->edge_node2[edge] != OTR_BOUNDARY) {
        otr_bit_flip(nodes, graph->edge_node2[edge]);
    }
}
