/* What the rules share: how they are created, and how far edges and errors extend. */
#ifndef OTR_RULE_INTERNAL_H
#define OTR_RULE_INTERNAL_H

#include "outrider/rules.h"
#include "predecode/predecoder_internal.h"

/* x, y and round of every detector of a model. */
typedef struct otr_detector_coordinates {
    double *values; /* three a detector; NaN where the model gives none */
} otr_detector_coordinates;

/* Reads the coordinates that the model declares, as far as there are not far more declarations than
 * detectors. OTR_ERR_MEMORY. */
otr_status otr_detector_coordinates_init(otr_detector_coordinates *coordinates, const otr_model *model,
                                         uint32_t node_count);
void otr_detector_coordinates_free(otr_detector_coordinates *coordinates);

/* Widens *extent so that it covers the distances between `count` detectors. */
void otr_detector_coordinates_cover(const otr_detector_coordinates *coordinates, const uint32_t *detectors,
                                    size_t count, otr_reach *extent);

/* *extent, `steps` times. */
otr_reach otr_reach_times(otr_reach extent, double steps);

/* The kinds. Options are checked. */
otr_status otr_rule_pairs_create(otr_predecoder **out, const otr_graph *graph, const otr_model *model,
                                 const otr_rule_options *options, otr_error *error);
otr_status otr_rule_min_sum_create(otr_predecoder **out, const otr_graph *graph, const otr_model *model,
                                   const otr_rule_options *options, otr_error *error);

#endif
