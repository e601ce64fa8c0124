/* The sum over all errors of a part with few detectors open at once, exactly: a table with every state. */
#ifndef OTR_TABLE_SUM_H
#define OTR_TABLE_SUM_H

#include "likelihood/frontier.h"
#include "likelihood/frontier_sum.h"

/* Observables that a part may flip. */
#define OTR_TABLE_SUM_CLASS_BITS 8

/* Whether a part has at most `bits` detectors open at once and observables. */
bool otr_table_sum_fits(const otr_frontier *part, uint32_t bits);

/* As otr_frontier_sum, for a part that fits; never leaves anything out. `table` has room for 1 << bits
 * sums. */
otr_frontier_result otr_table_sum(otr_frontier_space *space, const otr_frontier *part, uint32_t class_shift,
                                  const uint8_t *fired, double *table);

#endif
