/* Where detectors are, and how far apart those of one edge or one error can be. */
#include "common/array.h"
#include "common/time_axis.h"
#include "predecode/rules/rule_internal.h"

#include <math.h>
#include <stdlib.h>

/* Declarations that are read: so many a detector, and some more. */
#define DECLARATIONS_PER_DETECTOR 4
#define DECLARATIONS_SPARE 1024
/* Coordinates of a detector that count. */
#define AXES 3

static void place(otr_detector_coordinates *coordinates, const otr_instruction *declaration,
                  uint32_t node_count);
static otr_status count_rounds(otr_detector_coordinates *coordinates, uint32_t node_count);

otr_status otr_detector_coordinates_init(otr_detector_coordinates *coordinates, const otr_model *model,
                                         uint32_t node_count) {
    uint64_t left = (uint64_t)node_count * DECLARATIONS_PER_DETECTOR + DECLARATIONS_SPARE;
    otr_model_walk *walk = NULL;
    otr_instruction instruction;
    coordinates->values = otr_array_new((size_t)node_count, AXES * sizeof *coordinates->values);
    if (coordinates->values == NULL || otr_model_walk_create(&walk, model) != OTR_OK) {
        otr_detector_coordinates_free(coordinates);
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < (size_t)node_count * AXES; i++) {
        coordinates->values[i] = NAN;
    }
    while (left > 0 && otr_model_walk_next(walk, &instruction)) {
        left -= instruction.kind != OTR_INSTRUCTION_ERROR;
        if (instruction.kind == OTR_INSTRUCTION_DETECTOR && instruction.argument_count >= AXES) {
            place(coordinates, &instruction, node_count);
        }
    }
    otr_model_walk_destroy(walk);
    return count_rounds(coordinates, node_count);
}

void otr_detector_coordinates_free(otr_detector_coordinates *coordinates) {
    free(coordinates->values);
    coordinates->values = NULL;
}

void otr_detector_coordinates_cover(const otr_detector_coordinates *coordinates, const uint32_t *detectors,
                                    size_t count, otr_reach *extent) {
    double *const reach[AXES] = {&extent->x, &extent->y, &extent->rounds};
    for (size_t axis = 0; axis < AXES; axis++) {
        double low = INFINITY;
        double high = -INFINITY;
        for (size_t i = 0; i < count; i++) {
            const double value = coordinates->values[AXES * (size_t)detectors[i] + axis];
            if (!isfinite(value)) {
                low = -INFINITY;
                high = INFINITY;
                break;
            }
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        *reach[axis] = fmax(*reach[axis], high - low);
    }
}

otr_reach otr_reach_times(otr_reach extent, double steps) {
    return (otr_reach){extent.x * steps, extent.y * steps, extent.rounds * steps};
}

static void place(otr_detector_coordinates *coordinates, const otr_instruction *declaration,
                  uint32_t node_count) {
    for (uint64_t i = 0; i < declaration->target_count; i++) {
        const uint64_t detector = declaration->targets[i];
        for (size_t axis = 0; axis < AXES && detector < node_count; axis++) {
            coordinates->values[AXES * (size_t)detector + axis] = declaration->arguments[axis];
        }
    }
}

/* Puts rounds in the place of times, where all detectors have some. */
static otr_status count_rounds(otr_detector_coordinates *coordinates, uint32_t node_count) {
    const otr_time_axis time = otr_time_axis_default();
    otr_rounds rounds = {.axis = AXES - 1};
    double *const times = otr_array_new(node_count, sizeof *times);
    uint32_t *const of = otr_array_new(node_count, sizeof *of);
    otr_status status = times != NULL && of != NULL ? OTR_OK : OTR_ERR_MEMORY;
    for (size_t i = 0; i < node_count && status == OTR_OK; i++) {
        times[i] = coordinates->values[AXES * i + AXES - 1];
    }
    if (status == OTR_OK && node_count > 0) {
        status = otr_count_rounds(times, node_count, &time, of, &rounds, NULL);
    }
    for (size_t i = 0; i < node_count && status == OTR_OK; i++) {
        coordinates->values[AXES * i + AXES - 1] = of[i];
    }
    free(times);
    free(of);
    if (status == OTR_ERR_MEMORY) {
        otr_detector_coordinates_free(coordinates);
        return status;
    }
    return OTR_OK;
}
