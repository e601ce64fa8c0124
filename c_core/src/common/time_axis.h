/* The rule by which coordinates become rounds; see outrider/rounds.h. */
#ifndef OTR_TIME_AXIS_H
#define OTR_TIME_AXIS_H

#include "outrider/rounds.h"

/* Chooses the coordinate that is time: counts[d] coordinates has detector d. Fills out->axis. OTR_ERR_FORMAT,
 * OTR_ERR_ARGUMENT. */
otr_status otr_choose_time_axis(const uint32_t *counts, size_t detector_count, const otr_time_axis *time,
                                otr_rounds *out, otr_error *error);

/* Turns times into rounds, one for each detector, into `of` (nullable), and fills in the rest of *out, whose
 * axis is given. OTR_ERR_FORMAT, OTR_ERR_MEMORY; *out may be half filled then. */
otr_status otr_count_rounds(const double *times, size_t detector_count, const otr_time_axis *time,
                            uint32_t *of, otr_rounds *out, otr_error *error);

#endif
