/* The errors of a model, each with all its detectors and all its matching-graph edges: what message passing
 * works on. Errors with the same edges are one, p = p1(1-p2) + p2(1-p1). */
#ifndef OTR_FACTOR_GRAPH_H
#define OTR_FACTOR_GRAPH_H

#include "graph/graph_internal.h"
#include "outrider/rules.h"

/* Log-odds are in units of 1 / OTR_LOG_ODDS_ONE nats, of at most OTR_LOG_ODDS_MAX. */
#define OTR_LOG_ODDS_ONE 1024
#define OTR_LOG_ODDS_MAX 0x100000

/* Lists of what belongs to what; list i is x_begin[i] .. x_begin[i+1]-1. */
typedef struct otr_factor_graph {
    uint32_t error_count;
    uint32_t link_count; /* pairs of an error and one of its detectors */
    uint32_t part_count; /* pairs of an error and one of its edges */
    int32_t *prior;      /* error -> ln((1-p)/p) */
    uint32_t *error_begin;
    uint32_t *error_detectors; /* ascending */
    uint32_t *error_edge_begin;
    uint32_t *error_edges; /* ascending */
    uint32_t *detector_begin;
    uint32_t *detector_errors; /* ascending by magnitude of the prior */
    uint32_t *edge_begin;
    uint32_t *edge_errors; /* ascending by magnitude of the prior */
    otr_reach extent;      /* the largest distance between ends of one error's edges */
} otr_factor_graph;

/* `model` is the one that `graph` was built from; components that the graph skips are skipped.
 * OTR_ERR_ARGUMENT if it turns out to be another one, OTR_ERR_LIMIT, OTR_ERR_MEMORY. After a failure
 * otr_factor_graph_free is still due. */
otr_status otr_factor_graph_init(otr_factor_graph *factors, const otr_graph *graph, const otr_model *model,
                                 otr_error *error);
void otr_factor_graph_free(otr_factor_graph *factors);
size_t otr_factor_graph_bytes(const otr_factor_graph *factors, const otr_graph *graph);

#endif
