/* Reads layers and sites off the coordinates that a model declares, and finds the bulk: the longest run of
 * layers that are the same again `period` layers later. Layers are the same if their detectors, in order,
 * have the same sites and the same edges to their own and to earlier layers: ends, weights, observables and
 * correlation rules. */
#include "window/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "model/model_layers.h"

static void number_sites(otr_timeline *timeline, const double *places, double pitch);
static otr_status order_edges(otr_timeline *timeline, otr_error *error);
static void measure_edges(otr_timeline *timeline);
static void find_bulk(otr_timeline *timeline, uint32_t period_max);

otr_status otr_timeline_init(otr_timeline *timeline, const otr_graph *graph, const otr_model *model,
                             uint32_t axis, double pitch, uint32_t period_max, otr_error *error) {
    const size_t count = graph->node_count;
    double *places;
    otr_layers layers = {0};
    otr_status status;
    *timeline = (otr_timeline){.graph = graph};
    if (otr_model_detector_count(model) != count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the model is not the graph's");
    }
    places = otr_array_zeroed(count, sizeof *places);
    timeline->sites = otr_array_zeroed(count, sizeof *timeline->sites);
    if (places == NULL || timeline->sites == NULL) {
        free(places);
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = otr_layers_init(&layers, model, axis, places, error);
    timeline->layer_count = layers.count;
    timeline->layer_begin = layers.begin;
    timeline->layers = layers.of;
    if (status == OTR_OK) {
        status = order_edges(timeline, error);
    }
    if (status == OTR_OK) {
        number_sites(timeline, places, pitch);
        measure_edges(timeline);
        find_bulk(timeline, period_max);
    }
    free(places);
    return status;
}

void otr_timeline_free(otr_timeline *timeline) {
    free(timeline->layer_begin);
    free(timeline->layers);
    free(timeline->sites);
    free(timeline->edge_begin);
    free(timeline->edges);
    free(timeline->edge_places);
    *timeline = (otr_timeline){0};
}

static void number_sites(otr_timeline *timeline, const double *places, double pitch) {
    const uint32_t count = timeline->graph->node_count;
    double lowest = places[0];
    for (uint32_t node = 1; node < count; node++) {
        lowest = places[node] < lowest ? places[node] : lowest;
    }
    for (uint32_t node = 0; node < count; node++) {
        const double site = floor((places[node] - lowest) / pitch);
        timeline->sites[node] = site < UINT32_MAX - 1 ? (uint32_t)site : UINT32_MAX - 1;
        if (timeline->sites[node] >= timeline->site_count) {
            timeline->site_count = timeline->sites[node] + 1;
        }
    }
}

static void append_edge(otr_timeline *timeline, uint32_t layer, uint32_t edge) {
    timeline->edge_places[edge] = timeline->edge_begin[layer + 1];
    timeline->edges[timeline->edge_begin[layer + 1]++] = edge;
}

static otr_status order_edges(otr_timeline *timeline, otr_error *error) {
    const otr_graph *const graph = timeline->graph;
    const uint32_t count = graph->correlations ? graph->edge_count : 0;
    timeline->edge_begin = otr_array_zeroed((size_t)timeline->layer_count + 1, sizeof *timeline->edge_begin);
    timeline->edges = otr_array_new(count, sizeof *timeline->edges);
    timeline->edge_places = otr_array_new(count, sizeof *timeline->edge_places);
    if (timeline->edge_begin == NULL || timeline->edges == NULL || timeline->edge_places == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint32_t layer = 0; layer < timeline->layer_count && count > 0; layer++) {
        timeline->edge_begin[layer + 1] = timeline->edge_begin[layer];
        for (uint32_t node = timeline->layer_begin[layer]; node < timeline->layer_begin[layer + 1]; node++) {
            uint32_t arc = graph->arc_begin[node];
            for (; arc < graph->arc_begin[node + 1] && graph->arc_head[arc] < node; arc++) {
                append_edge(timeline, layer, graph->arc_edge[arc]);
            }
            if (graph->boundary_edge[node] != OTR_NONE) {
                append_edge(timeline, layer, graph->boundary_edge[node]);
            }
        }
    }
    return OTR_OK;
}

static uint32_t difference(uint32_t a, uint32_t b) {
    return a > b ? a - b : b - a;
}

static void measure_edges(otr_timeline *timeline) {
    const otr_graph *const graph = timeline->graph;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const uint32_t node1 = graph->edge_node1[edge];
        const uint32_t node2 = graph->edge_node2[edge];
        if (node2 != OTR_BOUNDARY) {
            const uint32_t layers = difference(timeline->layers[node1], timeline->layers[node2]);
            const uint32_t sites = difference(timeline->sites[node1], timeline->sites[node2]);
            timeline->layer_reach = layers > timeline->layer_reach ? layers : timeline->layer_reach;
            timeline->site_reach = sites > timeline->site_reach ? sites : timeline->site_reach;
        }
    }
}

/* Whether two detectors, or both the boundary, are at the same place `period` layers apart. */
static bool are_alike(const otr_timeline *timeline, uint32_t earlier, uint32_t later, uint32_t period) {
    if (earlier == OTR_BOUNDARY || later == OTR_BOUNDARY) {
        return earlier == later;
    }
    const uint32_t layer1 = timeline->layers[earlier];
    const uint32_t layer2 = timeline->layers[later];
    return layer1 + period == layer2 &&
           earlier - timeline->layer_begin[layer1] == later - timeline->layer_begin[layer2];
}

static bool are_alike_edges(const otr_timeline *timeline, uint32_t earlier, uint32_t later, uint32_t period) {
    const otr_graph *const graph = timeline->graph;
    return are_alike(timeline, graph->edge_node1[earlier], graph->edge_node1[later], period) &&
           are_alike(timeline, graph->edge_node2[earlier], graph->edge_node2[later], period);
}

/* Compares weights, observables and rules of two edges. Rules may lead anywhere near. */
static bool have_alike_effects(const otr_timeline *timeline, uint32_t earlier, uint32_t later,
                               uint32_t period) {
    const otr_graph *const graph = timeline->graph;
    const uint32_t begin1 = graph->observable_begin[earlier];
    const uint32_t begin2 = graph->observable_begin[later];
    const uint32_t count = graph->observable_begin[earlier + 1] - begin1;
    if (graph->edge_weight[earlier] != graph->edge_weight[later] ||
        count != graph->observable_begin[later + 1] - begin2 ||
        (count > 0 && memcmp(graph->observable_list + begin1, graph->observable_list + begin2,
                             count * sizeof *graph->observable_list) != 0)) {
        return false;
    }
    if (graph->correlations) {
        const uint32_t rules1 = graph->implied_begin[earlier];
        const uint32_t rules2 = graph->implied_begin[later];
        const uint32_t rules = graph->implied_begin[earlier + 1] - rules1;
        if (rules != graph->implied_begin[later + 1] - rules2) {
            return false;
        }
        for (uint32_t i = 0; i < rules; i++) {
            if (graph->implied_weight[rules1 + i] != graph->implied_weight[rules2 + i] ||
                !are_alike_edges(timeline, graph->implied_edge[rules1 + i], graph->implied_edge[rules2 + i],
                                 period)) {
                return false;
            }
        }
    }
    return true;
}

/* Whether a node's edges to its own and earlier layers are those of the node `period` layers before. */
static bool has_alike_edges(const otr_timeline *timeline, uint32_t earlier, uint32_t later, uint32_t period) {
    const otr_graph *const graph = timeline->graph;
    const uint32_t layer1 = timeline->layers[earlier];
    const uint32_t layer2 = timeline->layers[later];
    uint32_t arc1 = graph->arc_begin[earlier];
    uint32_t arc2 = graph->arc_begin[later];
    const uint32_t boundary1 = graph->boundary_edge[earlier];
    const uint32_t boundary2 = graph->boundary_edge[later];
    if ((boundary1 == OTR_NONE) != (boundary2 == OTR_NONE) ||
        (boundary1 != OTR_NONE && !have_alike_effects(timeline, boundary1, boundary2, period))) {
        return false;
    }
    /* Arcs ascend by head, and heads by layer. */
    for (;; arc1++, arc2++) {
        const bool more1 =
            arc1 < graph->arc_begin[earlier + 1] && timeline->layers[graph->arc_head[arc1]] <= layer1;
        const bool more2 =
            arc2 < graph->arc_begin[later + 1] && timeline->layers[graph->arc_head[arc2]] <= layer2;
        if (!more1 || !more2) {
            return more1 == more2;
        }
        if (!are_alike(timeline, graph->arc_head[arc1], graph->arc_head[arc2], period) ||
            !have_alike_effects(timeline, graph->arc_edge[arc1], graph->arc_edge[arc2], period)) {
            return false;
        }
    }
}

/* Whether a layer is the one `period` layers before it. */
static bool repeats(const void *context, uint32_t layer, uint32_t period) {
    const otr_timeline *const timeline = context;
    const uint32_t earlier = timeline->layer_begin[layer - period];
    const uint32_t later = timeline->layer_begin[layer];
    const uint32_t count = timeline->layer_begin[layer + 1] - later;
    if (timeline->layer_begin[layer - period + 1] - earlier != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (timeline->sites[earlier + i] != timeline->sites[later + i] ||
            !has_alike_edges(timeline, earlier + i, later + i, period)) {
            return false;
        }
    }
    return true;
}

static void find_bulk(otr_timeline *timeline, uint32_t period_max) {
    const otr_bulk bulk = otr_find_bulk(timeline->layer_count, period_max, repeats, timeline);
    timeline->period = bulk.period;
    timeline->bulk_begin = bulk.begin;
    timeline->bulk_end = bulk.end;
}
