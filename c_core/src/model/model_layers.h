/* The layers of a model: detectors by their round (see outrider/rounds.h), and where layers repeat. */
#ifndef OTR_MODEL_LAYERS_H
#define OTR_MODEL_LAYERS_H

#include "outrider/rounds.h"

#include <stdbool.h>

/* Layers are counted from the first that has detectors. */
typedef struct otr_layers {
    uint32_t count;
    uint32_t *begin; /* count + 1, into the detectors */
    uint32_t *of;    /* detector -> layer */
} otr_layers;

/* Reads the layers off the coordinates that the model declares; layers ascend with the detectors' numbers,
 * and some may be empty. If `places` is not NULL, it has room for one number a detector and gets coordinate
 * `axis` of those beside time, where there is one. Fewer than 2^32 detectors. OTR_ERR_FORMAT, OTR_ERR_LIMIT,
 * OTR_ERR_MEMORY; to be freed in any case. */
otr_status otr_layers_init(otr_layers *layers, const otr_model *model, uint32_t axis, double *places,
                           otr_error *error);
void otr_layers_free(otr_layers *layers);

/* Layers begin .. end - 1 repeat after `period` layers; all 0 if none do. */
typedef struct otr_bulk {
    uint32_t period;
    uint32_t begin, end;
} otr_bulk;

/* The longest run of repeating layers, of two periods at least; among equals that of the shortest period.
 * `repeats` returns whether a layer is the one `period` layers before it. */
otr_bulk otr_find_bulk(uint32_t layer_count, uint32_t period_max,
                       bool (*repeats)(const void *context, uint32_t layer, uint32_t period),
                       const void *context);

#endif
