/* Which errors of a model a set of edges of its graph makes candidates: those whose pieces are all among
 * them. */
#ifndef OTR_CANDIDATES_H
#define OTR_CANDIDATES_H

#include "graph/graph_errors.h"

typedef struct otr_candidates {
    const otr_graph_errors *errors; /* borrowed */
    uint32_t edge_count;
    uint32_t *hits;        /* decomposition -> how many of its edges are in the set */
    uint8_t *is_chosen;    /* edge -> whether it is in the set */
    uint32_t *edges;       /* the set */
    uint32_t chosen_count; /* of edges */
    otr_error_list list;   /* the candidates */
    uint32_t *numbers;     /* their numbers in the list of all */
    uint8_t *is_recalled;  /* edge of a lower rank -> whether it was used, see otr_graph_errors */
} otr_candidates;

/* Among these errors of a graph with so many edges; they are borrowed. OTR_ERR_MEMORY. To be freed in any
 * case. */
otr_status otr_candidates_init(otr_candidates *candidates, const otr_graph_errors *errors,
                               uint32_t edge_count);
void otr_candidates_free(otr_candidates *candidates);
size_t otr_candidates_bytes(const otr_candidates *candidates);

/* Empties the set of edges; adds one, which may be in it. */
void otr_candidates_clear(otr_candidates *candidates);
void otr_candidates_add(otr_candidates *candidates, uint32_t edge);
/* Makes these the edges of lower ranks that were used, in place of those before. */
void otr_candidates_recall(otr_candidates *candidates, const uint32_t *edges, size_t count);
/* Lists the errors of the set in candidates->list. */
void otr_candidates_list(otr_candidates *candidates);

#endif
