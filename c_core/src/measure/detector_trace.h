/* What noise-free runs fix detectors and observables to, and what flips them. */
#ifndef OTR_MEASURE_DETECTOR_TRACE_H
#define OTR_MEASURE_DETECTOR_TRACE_H

#include "measure/sparse_rows.h"
#include "measure/stim_circuit.h"

/* Where a trace's findings go. Rows are detectors, then observables. */
typedef struct otr_trace_rows {
    uint8_t *constants;       /* zeroed; the packed rows that are 1 in noise-free runs without sweep bits */
    otr_row_entries sweeps;   /* the sweep bits that flip each row */
    otr_row_entries feedback; /* the measurements whose feedback flips each row */
} otr_trace_rows;

/* Fills `constants`, unless the reference sample is skipped, and appends to the lists, which are the caller's
 * to free; to `feedback` only for runs without it. OTR_ERR_RANDOM, OTR_ERR_LIMIT, OTR_ERR_MEMORY. */
otr_status otr_detector_trace(const otr_stim_circuit *circuit, const otr_measurement_options *options,
                              otr_trace_rows *out, otr_error *error);

#endif
