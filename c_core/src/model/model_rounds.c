/* The rounds of a model, and the same model with rounds for times: coordinates are read in two walks over the
 * declarations, one for how many there are and one for the time among them. */
#include "outrider/rounds.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "common/time_axis.h"
#include "model/model_builder.h"

/* A model in the making. */
typedef struct rewriting {
    otr_model_builder *builder;
    const uint32_t *of;   /* detector -> round */
    uint32_t *new_number; /* of a detector */
    uint32_t axis;
    uint32_t space; /* coordinates before the round */
    uint64_t *targets;
    size_t target_capacity;
} rewriting;

static otr_status read_counts(const otr_model *model, uint32_t *counts);
static otr_status read_times(const otr_model *model, uint32_t axis, double *times);
static otr_status renumber(rewriting *work, const otr_model *model, size_t detector_count, uint32_t *order);
static otr_status rewrite(rewriting *work, const otr_model *model);

otr_status otr_model_rounds(const otr_model *model, const otr_time_axis *time, uint32_t *of, otr_rounds *out,
                            otr_error *error) {
    const otr_time_axis chosen = time != NULL ? *time : otr_time_axis_default();
    otr_rounds found = {0};
    uint32_t *counts;
    double *times;
    otr_status status = OTR_ERR_MEMORY;
    if (model == NULL || out == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model or no place for its rounds");
    }
    const uint64_t detectors = otr_model_detector_count(model);
    if (detectors >= UINT32_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "the model has %llu detectors, 2^32 or more",
                             (unsigned long long)detectors);
    }
    counts = otr_array_zeroed((size_t)detectors, sizeof *counts);
    times = otr_array_zeroed((size_t)detectors, sizeof *times);
    if (counts != NULL && times != NULL) {
        status = read_counts(model, counts);
    }
    if (status != OTR_OK) {
        status = otr_error_set(error, status, 0, 0, "out of memory");
    } else {
        status = otr_choose_time_axis(counts, (size_t)detectors, &chosen, &found, error);
    }
    if (status == OTR_OK) {
        status = read_times(model, found.axis, times);
        status = status == OTR_OK ? otr_count_rounds(times, (size_t)detectors, &chosen, of, &found, error)
                                  : otr_error_set(error, status, 0, 0, "out of memory");
    }
    if (status == OTR_OK) {
        *out = found;
    }
    free(counts);
    free(times);
    return status;
}

otr_status otr_model_in_rounds(otr_model **out, const otr_model *model, const otr_time_axis *time,
                               uint32_t *order, otr_error *error) {
    rewriting work = {0};
    otr_rounds rounds;
    uint32_t *of;
    otr_status status;
    if (out == NULL || model == NULL || otr_model_detector_count(model) >= UINT32_MAX) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no model, no place for it, or too many detectors");
    }
    const size_t count = (size_t)otr_model_detector_count(model);
    of = otr_array_new(count, sizeof *of);
    work.new_number = otr_array_new(count, sizeof *work.new_number);
    if (of == NULL || work.new_number == NULL) {
        status = otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    } else {
        status = otr_model_rounds(model, time, of, &rounds, error);
    }
    if (status == OTR_OK) {
        work.of = of;
        work.axis = rounds.axis;
        status = renumber(&work, model, count, order);
        status = status == OTR_OK ? rewrite(&work, model) : status;
        status = status == OTR_OK ? otr_model_builder_finish(work.builder, out, NULL) : status;
        if (status != OTR_OK) {
            otr_error_set(error, status, 0, 0, "%s",
                          status == OTR_ERR_MEMORY ? "out of memory" : "too large");
        }
    }
    otr_model_builder_destroy(work.builder);
    free(work.targets);
    free(work.new_number);
    free(of);
    return status;
}

/* The next declaration of detectors with coordinates, or NULL at the end. */
static const otr_instruction *next_declaration(otr_model_walk *walk, otr_instruction *step) {
    while (otr_model_walk_next(walk, step)) {
        if (step->kind == OTR_INSTRUCTION_DETECTOR && step->argument_count > 0) {
            return step;
        }
    }
    return NULL;
}

static otr_status read_counts(const otr_model *model, uint32_t *counts) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    const otr_status status = otr_model_walk_create(&walk, model);
    while (status == OTR_OK && next_declaration(walk, &step) != NULL) {
        for (uint64_t i = 0; i < step.target_count; i++) {
            counts[step.targets[i]] = step.argument_count;
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

static otr_status read_times(const otr_model *model, uint32_t axis, double *times) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    const otr_status status = otr_model_walk_create(&walk, model);
    while (status == OTR_OK && next_declaration(walk, &step) != NULL) {
        for (uint64_t i = 0; i < step.target_count && axis < step.argument_count; i++) {
            times[step.targets[i]] = step.arguments[axis];
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

/* What detectors are sorted by: round, then the first coordinates beside time, then their number. */
typedef struct sort_key {
    double others[3];
    uint32_t round, number;
} sort_key;

static int compare_keys(const void *left, const void *right) {
    const sort_key *const a = left;
    const sort_key *const b = right;
    if (a->round != b->round) {
        return a->round < b->round ? -1 : 1;
    }
    for (int i = 0; i < 3; i++) {
        if (a->others[i] != b->others[i]) {
            return a->others[i] < b->others[i] ? -1 : 1;
        }
    }
    return (a->number > b->number) - (a->number < b->number);
}

static otr_status read_keys(const rewriting *work, const otr_model *model, sort_key *keys) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    const otr_status status = otr_model_walk_create(&walk, model);
    while (status == OTR_OK && next_declaration(walk, &step) != NULL) {
        for (uint64_t i = 0; i < step.target_count; i++) {
            sort_key *const key = &keys[step.targets[i]];
            uint32_t count = 0;
            *key = (sort_key){.round = work->of[step.targets[i]], .number = (uint32_t)step.targets[i]};
            for (uint32_t axis = 0; axis < step.argument_count && count < 3; axis++) {
                if (axis != work->axis) {
                    key->others[count++] = step.arguments[axis];
                }
            }
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

/* Numbers detectors by round, if they are to be. Equal layers, however they were numbered, have the same
 * order. */
static otr_status renumber(rewriting *work, const otr_model *model, size_t detector_count, uint32_t *order) {
    sort_key *keys;
    otr_status status;
    if (order == NULL) {
        for (uint32_t i = 0; i < detector_count; i++) {
            work->new_number[i] = i;
        }
        return OTR_OK;
    }
    keys = otr_array_zeroed(detector_count, sizeof *keys);
    if (keys == NULL) {
        return OTR_ERR_MEMORY;
    }
    status = read_keys(work, model, keys);
    if (status == OTR_OK) {
        qsort(keys, detector_count, sizeof *keys, compare_keys);
        for (uint32_t i = 0; i < detector_count; i++) {
            order[i] = keys[i].number;
            work->new_number[keys[i].number] = i;
        }
    }
    free(keys);
    return status;
}

/* Declares one detector: space, round, the rest. Detectors of fewer coordinates than others are filled up. */
static otr_status declare(rewriting *work, const otr_instruction *step, uint64_t detector) {
    double arguments[OTR_MODEL_COORDINATES_MAX + 3] = {0};
    const uint64_t target = work->new_number[detector];
    otr_instruction declaration = *step;
    uint32_t count = 0;
    for (uint32_t i = 0; i < step->argument_count; i++) {
        if (i != work->axis) {
            const uint32_t at = count < work->space ? count : count + 1;
            arguments[at] = step->arguments[i];
            count++;
        }
    }
    arguments[work->space] = work->of[detector];
    count = count < work->space ? work->space : count;
    declaration.argument_count = count + 1;
    declaration.arguments = arguments;
    declaration.target_count = 1;
    declaration.targets = &target;
    return otr_model_builder_append(work->builder, &declaration);
}

static otr_status rewrite_step(rewriting *work, const otr_instruction *step) {
    otr_instruction copy = *step;
    if (step->kind == OTR_INSTRUCTION_DETECTOR) {
        otr_status status = OTR_OK;
        for (uint64_t i = 0; i < step->target_count && step->argument_count > 0 && status == OTR_OK; i++) {
            status = declare(work, step, step->targets[i]);
        }
        return status;
    }
    if (!otr_array_reserve((void **)&work->targets, &work->target_capacity, (size_t)step->target_count,
                           sizeof *work->targets)) {
        return OTR_ERR_MEMORY;
    }
    for (uint64_t i = 0; i < step->target_count; i++) {
        const bool is_detector = (step->targets[i] & OTR_TARGET_OBSERVABLE) == 0;
        work->targets[i] = is_detector ? work->new_number[step->targets[i]] : step->targets[i];
    }
    copy.targets = work->targets;
    return otr_model_builder_append(work->builder, &copy);
}

/* Most coordinates beside time that a detector has, two at the most: so many come before the round. */
static otr_status measure_space(rewriting *work, const otr_model *model) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    const otr_status status = otr_model_walk_create(&walk, model);
    while (status == OTR_OK && next_declaration(walk, &step) != NULL) {
        const uint32_t others = step.argument_count - (work->axis < step.argument_count ? 1 : 0);
        work->space = others > work->space ? others : work->space;
    }
    otr_model_walk_destroy(walk);
    work->space = work->space < 2 ? work->space : 2;
    return status;
}

static otr_status rewrite(rewriting *work, const otr_model *model) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    otr_status status = measure_space(work, model);
    if (status == OTR_OK) {
        status = otr_model_builder_create(&work->builder);
    }
    if (status == OTR_OK) {
        status = otr_model_walk_create(&walk, model);
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        status = rewrite_step(work, &step);
    }
    otr_model_walk_destroy(walk);
    return status;
}
