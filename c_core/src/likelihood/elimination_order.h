/* The order in which the detectors of a part are closed. */
#ifndef OTR_ELIMINATION_ORDER_H
#define OTR_ELIMINATION_ORDER_H

#include "outrider/status.h"

/* Which detectors share an error: the graph of a connected part, without edges from a detector to itself. */
typedef struct otr_neighbourhood {
    uint32_t count;      /* detectors */
    const size_t *begin; /* count + 1, into neighbours */
    const uint32_t *neighbours;
} otr_neighbourhood;

/* Words of scratch for each detector. */
#define OTR_ELIMINATION_SCRATCH 3

/* Fills order[0 .. count) with the detectors, such that few are open at once: from a far end on, the open one
 * that opens the fewest others, among those the one that has been open longest; or ascending, if that is no
 * worse. */
void otr_elimination_order(uint32_t *order, const otr_neighbourhood *graph, uint32_t *scratch);

#endif
