/* The errors of a model as they are, whole, beside the graph of their pieces: for sums over errors. */
#ifndef OTR_GRAPH_ERRORS_H
#define OTR_GRAPH_ERRORS_H

#include "graph/graph_internal.h"
#include "model/error_list.h"

/* An error of the model as it is decomposed, which has edges for its pieces, is a decomposition of an error
 * of the list. Errors may have several, or none: those with a piece that is no edge. */
struct otr_graph_errors {
    otr_error_list list;
    uint32_t decomposition_count;
    uint32_t *error_of;       /* decomposition -> error of the list, ascending */
    size_t *edge_begin;       /* decomposition -> into edges, one more at the end */
    uint32_t *edges;          /* distinct within a decomposition */
    size_t *begin;            /* edge -> into decompositions, one more at the end */
    uint32_t *decompositions; /* those with each edge, ascending */
    uint32_t *always;         /* errors without edges */
    uint32_t always_count;
    /* Of windows, NULL of other graphs: the edge of a lower rank that is a piece of an error too, by its
     * number in the graph's implied_begin, or OTR_NONE; and the error's odds if that one was used. */
    uint32_t *recalled;
    double *recalled_odds;
    uint32_t recalled_count; /* such edges of the window */
};

/* The errors of `model` on its graph. OTR_ERR_LIMIT as for otr_error_list_init, OTR_ERR_MEMORY; *out is then
 * untouched. */
otr_status otr_graph_errors_create(otr_graph_errors **out, const otr_model *model, const otr_graph *graph,
                                   otr_error *error);
/* Fills the tables by edge from those by decomposition. OTR_ERR_MEMORY. */
otr_status otr_graph_errors_index(otr_graph_errors *errors, uint32_t edge_count);
/* NULL is allowed. */
void otr_graph_errors_destroy(otr_graph_errors *errors);
size_t otr_graph_errors_bytes(const otr_graph_errors *errors, uint32_t edge_count);

#endif
