/* Layers are read in one walk over the declarations of detectors; a later declaration of the same detector
 * counts. */
#include "model/model_layers.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"

/* Coordinates are far below this in magnitude. */
#define COORDINATE_MAX 1e9
/* A detector whose declaration has not come yet. */
#define NO_LAYER UINT32_MAX

static otr_status read_places(otr_layers *layers, const otr_model *model, uint32_t axis, double *places,
                              otr_error *error);
static otr_status check_order(otr_layers *layers, uint32_t detector_count, otr_error *error);

otr_status otr_layers_init(otr_layers *layers, const otr_model *model, uint32_t axis, double *places,
                           otr_error *error) {
    const uint64_t detectors = otr_model_detector_count(model);
    otr_status status;
    *layers = (otr_layers){0};
    if (detectors >= NO_LAYER) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "the model has %llu detectors, 2^32 or more",
                             (unsigned long long)detectors);
    }
    layers->of = otr_array_new((size_t)detectors, sizeof *layers->of);
    if (layers->of == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint32_t detector = 0; detector < detectors; detector++) {
        layers->of[detector] = NO_LAYER;
    }
    status = read_places(layers, model, axis, places, error);
    return status == OTR_OK ? check_order(layers, (uint32_t)detectors, error) : status;
}

void otr_layers_free(otr_layers *layers) {
    free(layers->begin);
    free(layers->of);
    *layers = (otr_layers){0};
}

otr_bulk otr_find_bulk(uint32_t layer_count, uint32_t period_max,
                       bool (*repeats)(const void *context, uint32_t layer, uint32_t period),
                       const void *context) {
    otr_bulk bulk = {0};
    for (uint32_t period = 1; period <= period_max; period++) {
        uint32_t run = 0;
        for (uint32_t layer = period; layer < layer_count; layer++) {
            run = repeats(context, layer, period) ? run + 1 : 0;
            if (run >= period && run + period > bulk.end - bulk.begin) {
                bulk = (otr_bulk){.period = period, .begin = layer + 1 - run - period, .end = layer + 1};
            }
        }
    }
    return bulk;
}

static otr_status place_detector(otr_layers *layers, const otr_instruction *declaration, uint64_t target,
                                 uint32_t axis, double *places, otr_error *error) {
    const uint32_t count = declaration->argument_count;
    double layer;
    if (count < axis + 2) {
        return OTR_OK; /* refused below if no other declaration places it */
    }
    layer = declaration->arguments[count - 1];
    if (!(layer >= 0 && layer < COORDINATE_MAX) || floor(layer) != layer) {
        return otr_error_set(
            error, OTR_ERR_FORMAT, declaration->line, 0,
            "the last coordinate of detector D%llu, %g, is no layer: whole numbers from 0 are",
            (unsigned long long)target, layer);
    }
    if (places != NULL) {
        const double place = declaration->arguments[axis];
        if (!(fabs(place) < COORDINATE_MAX)) {
            return otr_error_set(error, OTR_ERR_FORMAT, declaration->line, 0,
                                 "coordinate %u of detector D%llu, %g, is out of range", axis + 1,
                                 (unsigned long long)target, place);
        }
        places[target] = place;
    }
    layers->of[target] = (uint32_t)layer;
    return OTR_OK;
}

static otr_status read_places(otr_layers *layers, const otr_model *model, uint32_t axis, double *places,
                              otr_error *error) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    otr_status status = otr_model_walk_create(&walk, model);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        for (uint64_t i = 0;
             step.kind == OTR_INSTRUCTION_DETECTOR && i < step.target_count && status == OTR_OK; i++) {
            status = place_detector(layers, &step, step.targets[i], axis, places, error);
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

/* Every detector has a layer, layers ascend, and none is empty; they are counted from the first. */
static otr_status check_order(otr_layers *layers, uint32_t detector_count, otr_error *error) {
    uint32_t *const of = layers->of;
    const uint32_t first = detector_count > 0 ? of[0] : 0;
    for (uint32_t node = 0; node < detector_count; node++) {
        if (of[node] == NO_LAYER) {
            return otr_error_set(
                error, OTR_ERR_FORMAT, 0, 0,
                "detector D%u has no coordinates (x, y, round), which windows need; decoding "
                "without windows works",
                node);
        }
        if (node > 0 && of[node] < of[node - 1]) {
            return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                                 "detector D%u lies in round %u, before detector D%u in round %u", node,
                                 of[node], node - 1, of[node - 1]);
        }
        if (node > 0 && of[node] > of[node - 1] + 1) {
            return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "no detector lies in round %u",
                                 of[node - 1] + 1);
        }
    }
    if (detector_count == 0) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "the model has no detectors to cut into windows");
    }
    layers->count = of[detector_count - 1] - first + 1;
    layers->begin = otr_array_zeroed((size_t)layers->count + 1, sizeof *layers->begin);
    if (layers->begin == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint32_t node = 0; node < detector_count; node++) {
        of[node] -= first;
        layers->begin[of[node] + 1] = node + 1;
    }
    return OTR_OK;
}
