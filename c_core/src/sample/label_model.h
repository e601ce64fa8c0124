/* The labels of the published pre-decoder as an error model.
 *
 * Events, errors and timelike parts are sums over the faults of a shot, so each of their bits can stand as a
 * "detector" of a model whose errors are the faults, and the ordinary sampler samples them all. Bits are
 * numbered as in label_layout.h; observable 0 is the memory's. */
#ifndef OTR_SAMPLE_LABEL_MODEL_H
#define OTR_SAMPLE_LABEL_MODEL_H

#include "sample/label_layout.h"

#include <stdbool.h>

/* The surface is of a PAPER family. OTR_ERR_MEMORY, OTR_ERR_LIMIT. */
otr_status otr_label_model(const otr_surface *surface, const otr_label_layout *layout, bool split_y,
                           otr_model **out);

#endif
