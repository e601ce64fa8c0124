/* What a cell book needs of its plan beyond the public calls. */
#ifndef OTR_PLAN_INTERNAL_H
#define OTR_PLAN_INTERNAL_H

#include "outrider/plan.h"

/* Layers between the ends of an edge, at most. */
uint32_t otr_plan_reach(const otr_plan *plan);
/* Cells of one row in the layers after which their pattern repeats. */
uint32_t otr_plan_stride_cells(const otr_plan *plan);
/* Ranks that cells of one time can have: so many may wait for one another in a chain. */
uint32_t otr_plan_levels(const otr_plan *plan);
/* Layers of a cell, if it is none of those between. */
uint32_t otr_plan_cell_layers(const otr_plan *plan);
/* Layers of the longest cell. */
uint32_t otr_plan_longest(const otr_plan *plan);
/* Layers on each side of a cell whose events it may need. */
uint32_t otr_plan_events_reach(const otr_plan *plan);
/* Layers that have to be there beyond those of a cell before it can be decided. */
uint32_t otr_plan_lookahead(const otr_plan *plan);
/* Detectors of the widest layer. */
uint32_t otr_plan_width(const otr_plan *plan);
/* Marks of the layer that has most. */
uint32_t otr_plan_marks_width(const otr_plan *plan);

#endif
