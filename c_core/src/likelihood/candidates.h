/* Which errors of a model a set of edges of its graph makes candidates: those whose pieces are all among
 * them. */
#ifndef OTR_CANDIDATES_H
#define OTR_CANDIDATES_H

#include "graph/graph_internal.h"
#include "likelihood/error_list.h"

/* An error of the model as it is decomposed, which has edges for its pieces, is a decomposition of an error
 * of the list. */
typedef struct otr_candidates {
    const otr_error_list *errors; /* borrowed */
    uint32_t edge_count;
    uint32_t decomposition_count;
    uint32_t *error_of;       /* decomposition -> error of the list */
    uint32_t *edge_counts;    /* decomposition -> its distinct edges */
    size_t *begin;            /* edge -> into decompositions, one more at the end */
    uint32_t *decompositions; /* those with each edge */
    uint32_t *hits;           /* decomposition -> how many of its edges are in the set */
    uint8_t *is_chosen;       /* edge -> whether it is in the set */
    uint32_t *edges;          /* the set */
    uint32_t chosen_count;    /* of edges */
    otr_error_list list;      /* the candidates */
    uint32_t *numbers;        /* their numbers in the list of all */
    uint32_t *always;         /* errors without edges */
    uint32_t always_count;
} otr_candidates;

/* For the errors of `model`, whose list is borrowed, and its graph. OTR_ERR_MEMORY. To be freed in any case.
 */
otr_status otr_candidates_init(otr_candidates *candidates, const otr_model *model,
                               const otr_error_list *errors, const otr_graph *graph);
void otr_candidates_free(otr_candidates *candidates);
size_t otr_candidates_bytes(const otr_candidates *candidates);

/* Empties the set of edges; adds one, which may be in it. */
void otr_candidates_clear(otr_candidates *candidates);
void otr_candidates_add(otr_candidates *candidates, uint32_t edge);
/* Lists the errors of the set in candidates->list. */
void otr_candidates_list(otr_candidates *candidates);

#endif
