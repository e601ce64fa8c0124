/* Layers are the rounds of outrider/rounds.h. */
#include "model/model_layers.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"

/* Coordinates are far below this in magnitude. */
#define COORDINATE_MAX 1e9

static otr_status read_places(const otr_model *model, uint32_t axis, double *places, otr_error *error);
static otr_status find_begins(otr_layers *layers, uint32_t detector_count, otr_error *error);

otr_status otr_layers_init(otr_layers *layers, const otr_model *model, uint32_t axis, double *places,
                           otr_error *error) {
    const uint64_t detectors = otr_model_detector_count(model);
    otr_rounds rounds;
    otr_status status;
    *layers = (otr_layers){0};
    if (detectors >= UINT32_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "the model has %llu detectors, 2^32 or more",
                             (unsigned long long)detectors);
    }
    layers->of = otr_array_new((size_t)detectors, sizeof *layers->of);
    if (layers->of == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = otr_model_rounds(model, NULL, layers->of, &rounds, error);
    if (status == OTR_OK && places != NULL) {
        status = read_places(model, axis < rounds.axis ? axis : axis + 1, places, error);
    }
    if (status == OTR_OK) {
        layers->count = rounds.count;
        status = find_begins(layers, (uint32_t)detectors, error);
    }
    return status;
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

/* The coordinate number `axis` of those beside time. */
static otr_status place_detector(const otr_instruction *declaration, uint64_t target, uint32_t axis,
                                 double *places, otr_error *error) {
    if (axis < declaration->argument_count) {
        const double place = declaration->arguments[axis];
        if (!(fabs(place) < COORDINATE_MAX)) {
            return otr_error_set(error, OTR_ERR_FORMAT, declaration->line, 0,
                                 "coordinate %u of detector D%llu, %g, is out of range", axis,
                                 (unsigned long long)target, place);
        }
        places[target] = place;
    }
    return OTR_OK;
}

static otr_status read_places(const otr_model *model, uint32_t axis, double *places, otr_error *error) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    otr_status status = otr_model_walk_create(&walk, model);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        for (uint64_t i = 0;
             step.kind == OTR_INSTRUCTION_DETECTOR && i < step.target_count && status == OTR_OK; i++) {
            status = place_detector(&step, step.targets[i], axis, places, error);
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

/* Layers ascend with the detectors' numbers. */
static otr_status find_begins(otr_layers *layers, uint32_t detector_count, otr_error *error) {
    const uint32_t *const of = layers->of;
    for (uint32_t node = 1; node < detector_count; node++) {
        if (of[node] < of[node - 1]) {
            return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                                 "detector D%u lies in round %u, before detector D%u in round %u: number "
                                 "detectors by round (otr_model_in_rounds does)",
                                 node, of[node], node - 1, of[node - 1]);
        }
    }
    layers->begin = otr_array_zeroed((size_t)layers->count + 1, sizeof *layers->begin);
    if (layers->begin == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint32_t node = 0; node < detector_count; node++) {
        layers->begin[of[node] + 1]++;
    }
    for (uint32_t layer = 0; layer < layers->count; layer++) {
        layers->begin[layer + 1] += layers->begin[layer];
    }
    return OTR_OK;
}
