/* Weighted union-find: clusters grow around events until each is even or touches the boundary, then a
 * spanning forest is peeled (Delfosse and Nickerson, arXiv:1709.06218; weighted growth: Huang, Newman and
 * Brown, arXiv:2004.04693). */
#ifndef OTR_UNION_FIND_H
#define OTR_UNION_FIND_H

#include "graph/weights.h"
#include "outrider/kernels.h"

typedef struct otr_union_find otr_union_find;

/* Borrows `weights`, whose values may change between calls. OTR_ERR_MEMORY. */
otr_status otr_union_find_create(otr_union_find **out, const otr_weights *weights,
                                 const otr_kernels *kernels);
void otr_union_find_destroy(otr_union_find *union_find);

/* Decodes `events` (ascending, distinct). On success *edges views the distinct edges of the correction, in no
 * particular order, until the next call. OTR_ERR_ODD_PARITY, OTR_ERR_MEMORY; usable after either. */
otr_status otr_union_find_solve(otr_union_find *union_find, const uint32_t *events, size_t event_count,
                                const uint32_t **edges, size_t *edge_count);

/* Heap bytes held now. */
size_t otr_union_find_bytes(const otr_union_find *union_find);

#endif
