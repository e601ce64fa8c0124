/* What noise-free runs fix detectors and observables to. */
#ifndef OTR_MEASURE_DETECTOR_TRACE_H
#define OTR_MEASURE_DETECTOR_TRACE_H

#include "measure/sparse_rows.h"
#include "measure/stim_circuit.h"

/* Flips, in the zeroed packed row `constants`, the rows (detectors, then observables) that are 1 in
 * noise-free runs without sweep bits, and appends to *sweeps the sweep bits that flip each row.
 * OTR_ERR_RANDOM, OTR_ERR_LIMIT, OTR_ERR_MEMORY; *sweeps is the caller's to free. */
otr_status otr_detector_trace(const otr_stim_circuit *circuit, uint64_t steps_max, uint8_t *constants,
                              otr_row_entries *sweeps, otr_error *error);

#endif
