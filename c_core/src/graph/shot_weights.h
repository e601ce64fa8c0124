/* The weights that one shot is decoded under: the graph's own plus an offset, some of them overridden.
 *
 * Forced edges. The engines know only non-negative weights. An edge of negative weight is forced: taken to be
 * in the answer from the start. Its ends' events flip, its weight is added once, and the engine may take it
 * back for |weight|. That is exact: the weight of any set of edges is the forced weight plus the magnitudes
 * of the edges in which the set differs from the forced ones. A certain edge, whose weight is infinite,
 * counts 0, and the engine cannot take it back. */
#ifndef OTR_SHOT_WEIGHTS_H
#define OTR_SHOT_WEIGHTS_H

#include "graph/weights.h"
#include "outrider/kernels.h"

typedef struct otr_shot_weights {
    const otr_graph *graph;
    const otr_kernels *kernels;
    otr_weights magnitudes; /* what the engines search on */

    uint64_t *forced;     /* one bit an edge: its weight is negative now */
    uint32_t *base_edges; /* edges whose weight is negative unless overridden, ascending */
    size_t base_count, base_capacity;
    int64_t base_weight; /* their sum */
    uint8_t *base_flips; /* one bit a node: whether they flip it */
    uint8_t *flipped;    /* the same for one shot, its events included; scratch */

    /* Of the present shot, or the last one. */
    uint32_t *toggles; /* edges forced now or in the base, but not in both; twice means not at all */
    size_t toggle_count, toggle_capacity;
    int64_t forced_weight;
} otr_shot_weights;

/* The graph is borrowed. `offset` is added to every weight that is not overridden. OTR_ERR_MEMORY; *shot is
 * to be freed in any case. */
otr_status otr_shot_weights_init(otr_shot_weights *shot, const otr_graph *graph, const otr_kernels *kernels,
                                 int32_t offset);
void otr_shot_weights_free(otr_shot_weights *shot);

/* Other numbers between shots: `graph` is alike but for them. OTR_ERR_MEMORY leaves all as it was; there is
 * none unless more edges than ever have a negative weight. */
otr_status otr_shot_weights_refill(otr_shot_weights *shot, const otr_graph *graph, int32_t offset);

/* Starts a shot. The last one must have been restored. */
void otr_shot_weights_begin(otr_shot_weights *shot);

/* Overrides weights; a later override of an edge counts. OTR_ERR_INDEX, OTR_ERR_LIMIT, OTR_ERR_MEMORY; what
 * was done before the error stays until restored. */
otr_status otr_shot_weights_override(otr_shot_weights *shot, const otr_override *overrides,
                                     size_t override_count);

/* The events, ascending, after the forced edges flipped theirs: `events` itself or `left`, which has room
 * for all nodes and OTR_INDEX_SLACK more. */
const uint32_t *otr_shot_weights_flip(otr_shot_weights *shot, const uint32_t *events, size_t *event_count,
                                      uint32_t *left);

/* For a shot that has no answer: from now on the engine can take certain edges back for OTR_WEIGHT_MAX. False
 * if there are none, or memory is out. */
bool otr_shot_weights_relax(otr_shot_weights *shot);

/* Ends the shot: the weights are the base's again. Toggles and forced weight can still be read. */
void otr_shot_weights_restore(otr_shot_weights *shot);

/* Heap bytes held now. */
size_t otr_shot_weights_bytes(const otr_shot_weights *shot);

#endif
