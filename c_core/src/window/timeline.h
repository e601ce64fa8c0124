/* The layers of a history: which detectors lie in each, how far edges reach, and where the layers repeat. */
#ifndef OTR_TIMELINE_H
#define OTR_TIMELINE_H

#include "graph/graph_internal.h"
#include "outrider/model.h"

typedef struct otr_timeline {
    const otr_graph *graph;
    uint32_t layer_count;
    uint32_t *layer_begin; /* layer_count + 1, into the detectors */
    uint32_t *layers;      /* detector -> layer */
    uint32_t *sites;       /* detector -> site along the axis, counted from the lowest */
    uint32_t site_count;
    /* Of graphs with correlations: edges by their later ends, those of layer l are edges[edge_begin[l]] ..
     * edges[edge_begin[l + 1] - 1]. Layers that repeat have theirs in the same order. */
    uint32_t *edge_begin; /* layer_count + 1 */
    uint32_t *edges;
    uint32_t *edge_places; /* edge -> where it is in edges */
    uint32_t layer_reach;  /* layers between the ends of an edge, at most */
    uint32_t site_reach;
    /* Layers bulk_begin .. bulk_end - 1 repeat after `period` layers; 0 if none do. */
    uint32_t period;
    uint32_t bulk_begin, bulk_end;
} otr_timeline;

/* Reads the coordinates of the graph's detectors. A site is `pitch` units of coordinate `axis`.
 * OTR_ERR_FORMAT, OTR_ERR_ARGUMENT if the model is not the graph's, OTR_ERR_MEMORY; to be freed in any case.
 */
otr_status otr_timeline_init(otr_timeline *timeline, const otr_graph *graph, const otr_model *model,
                             uint32_t axis, double pitch, uint32_t period_max, otr_error *error);
void otr_timeline_free(otr_timeline *timeline);

#endif
