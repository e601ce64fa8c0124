/* Walking a model flat with an explicit stack: one frame per open repeat, the running detector shift and
 * coordinate shift beside it. Repeats that yield nothing are passed in one step, so a walk's length is
 * bounded by what it yields times the length of the text. */
#include "outrider/model.h"

#include <stdlib.h>

#include "common/array.h"
#include "model/model_internal.h"

/* One open repeat: records begin .. end-1 are its body. */
typedef struct frame {
    uint64_t begin;
    uint64_t end;
    uint64_t left; /* iterations after this one */
} frame;

struct otr_model_walk {
    const otr_model *model;
    uint64_t next;
    uint64_t shift;
    uint32_t wanted; /* OTR_BODY_… */
    uint32_t depth;
    uint32_t coordinate_count;
    double coordinates[OTR_MODEL_COORDINATES_MAX];
    double arguments[OTR_MODEL_COORDINATES_MAX]; /* of the instruction yielded last */
    uint64_t *targets;
    frame stack[OTR_MODEL_REPEAT_DEPTH_MAX + 1];
};

static otr_status create(otr_model_walk **out, const otr_model *model, uint32_t wanted);
static void enter_repeat(otr_model_walk *walk, const otr_record *record);
static void shift_coordinates(otr_model_walk *walk, const otr_record *record, double times);
static void yield(otr_model_walk *walk, uint64_t index, otr_instruction *out);

otr_status otr_model_walk_create(otr_model_walk **out, const otr_model *model) {
    return create(out, model, OTR_BODY_ERRORS | OTR_BODY_DECLARATIONS);
}

otr_status otr_model_walk_create_errors(otr_model_walk **out, const otr_model *model) {
    return create(out, model, OTR_BODY_ERRORS);
}

void otr_model_walk_destroy(otr_model_walk *walk) {
    if (walk != NULL) {
        free(walk->targets);
        free(walk);
    }
}

bool otr_model_walk_next(otr_model_walk *walk, otr_instruction *out) {
    for (;;) {
        frame *top = &walk->stack[walk->depth];
        if (walk->next == top->end) {
            if (top->left > 0) {
                top->left--;
                walk->next = top->begin;
            } else if (walk->depth > 0) {
                walk->depth--;
            } else {
                return false;
            }
            continue;
        }
        const uint64_t index = walk->next++;
        const otr_record *record = &walk->model->records[index];
        if (record->kind == OTR_INSTRUCTION_REPEAT) {
            enter_repeat(walk, record);
        } else if (record->kind == OTR_INSTRUCTION_SHIFT_DETECTORS) {
            walk->shift += record->repeat_count;
            shift_coordinates(walk, record, 1);
        } else if (record->kind == OTR_INSTRUCTION_ERROR || (walk->wanted & OTR_BODY_DECLARATIONS) != 0) {
            yield(walk, index, out);
            return true;
        }
    }
}

static otr_status create(otr_model_walk **out, const otr_model *model, uint32_t wanted) {
    otr_model_walk *walk;
    if (out == NULL || model == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    walk = otr_array_zeroed(1, sizeof *walk);
    if (walk == NULL) {
        return OTR_ERR_MEMORY;
    }
    walk->targets = otr_array_new(model->targets_max, sizeof *walk->targets);
    if (walk->targets == NULL) {
        free(walk);
        return OTR_ERR_MEMORY;
    }
    walk->model = model;
    walk->wanted = wanted;
    walk->stack[0].end = model->record_count;
    *out = walk;
    return OTR_OK;
}

static void enter_repeat(otr_model_walk *walk, const otr_record *record) {
    const uint64_t begin = walk->next;
    const uint64_t end = begin + record->body_count;
    if ((record->body_content & walk->wanted) != 0) {
        walk->stack[++walk->depth] = (frame){.begin = begin, .end = end, .left = record->repeat_count - 1};
        return;
    }
    walk->next = end;
    if (record->repeat_count > 0) {
        walk->shift += record->body_shift * record->repeat_count;
        shift_coordinates(walk, record, (double)record->repeat_count);
    }
}

static void shift_coordinates(otr_model_walk *walk, const otr_record *record, double times) {
    for (uint32_t i = 0; i < record->argument_count; i++) {
        if (i == walk->coordinate_count) {
            walk->coordinates[walk->coordinate_count++] = 0;
        }
        walk->coordinates[i] += walk->model->arguments[record->argument_begin + i] * times;
    }
}

static void yield(otr_model_walk *walk, uint64_t index, otr_instruction *out) {
    otr_model_instruction(walk->model, index, out);
    for (uint64_t i = 0; i < out->target_count; i++) {
        const uint64_t target = out->targets[i];
        walk->targets[i] = (target & OTR_TARGET_OBSERVABLE) != 0 ? target : target + walk->shift;
    }
    out->targets = walk->targets;
    if (out->kind == OTR_INSTRUCTION_DETECTOR && out->argument_count > 0) {
        for (uint32_t i = 0; i < out->argument_count; i++) {
            walk->arguments[i] = out->arguments[i] + (i < walk->coordinate_count ? walk->coordinates[i] : 0);
        }
        out->arguments = walk->arguments;
    }
}
