/* Collects instructions into flat arrays, then folds the counts from the innermost repeat outwards: a block
 * is summed up as one iteration, and a repeat contributes that sum times its count, so nothing is ever
 * unrolled. */
#include "model/model_builder.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "model/model_internal.h"

struct otr_model_builder {
    otr_model *model;
    uint32_t depth;
    uint64_t open[OTR_MODEL_REPEAT_DEPTH_MAX]; /* records of the open repeats, outermost first */
};

/* One iteration of a block, relative to the block's start. */
typedef struct block {
    uint64_t record; /* its repeat */
    uint64_t end;    /* one past its last record */
    uint64_t shift;
    uint64_t detectors; /* largest index + 1 */
    uint64_t errors;    /* saturating */
    uint32_t content;
    uint32_t coordinate_count;
    double coordinates[OTR_MODEL_COORDINATES_MAX];
} block;

static bool append_tag(otr_model *model, otr_record *record, const otr_instruction *instruction);
static otr_status fold(otr_model *model, otr_error *error);

otr_status otr_model_builder_create(otr_model_builder **out) {
    otr_model_builder *builder = otr_array_zeroed(1, sizeof *builder);
    if (builder == NULL) {
        return OTR_ERR_MEMORY;
    }
    builder->model = otr_array_zeroed(1, sizeof *builder->model);
    if (builder->model == NULL) {
        free(builder);
        return OTR_ERR_MEMORY;
    }
    *out = builder;
    return OTR_OK;
}

void otr_model_builder_destroy(otr_model_builder *builder) {
    if (builder != NULL) {
        otr_model_destroy(builder->model);
        free(builder);
    }
}

otr_status otr_model_builder_append(otr_model_builder *builder, const otr_instruction *instruction) {
    otr_model *model = builder->model;
    otr_record *record;
    if (model == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    if (instruction->argument_count > OTR_MODEL_COORDINATES_MAX || instruction->target_count > UINT32_MAX ||
        instruction->tag_bytes > UINT32_MAX ||
        (instruction->kind == OTR_INSTRUCTION_REPEAT && builder->depth == OTR_MODEL_REPEAT_DEPTH_MAX)) {
        return OTR_ERR_LIMIT;
    }
    if (!OTR_ARRAY_GROW(model->records, model->record_count, model->record_capacity) ||
        !otr_array_reserve((void **)&model->arguments, &model->argument_capacity,
                           model->argument_count + instruction->argument_count, sizeof *model->arguments) ||
        !otr_array_reserve((void **)&model->targets, &model->target_capacity,
                           model->target_count + instruction->target_count, sizeof *model->targets)) {
        return OTR_ERR_MEMORY;
    }
    record = &model->records[model->record_count];
    *record = (otr_record){.kind = (uint8_t)instruction->kind,
                           .argument_count = instruction->argument_count,
                           .argument_begin = model->argument_count,
                           .target_count = (uint32_t)instruction->target_count,
                           .target_begin = model->target_count,
                           .repeat_count = instruction->repeat_count,
                           .line = instruction->line};
    if (!append_tag(model, record, instruction)) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < instruction->argument_count; i++) {
        model->arguments[model->argument_count++] = instruction->arguments[i];
    }
    for (uint64_t i = 0; i < instruction->target_count; i++) {
        model->targets[model->target_count++] = instruction->targets[i];
    }
    if (record->target_count > model->targets_max) {
        model->targets_max = record->target_count;
    }
    if (instruction->kind == OTR_INSTRUCTION_REPEAT) {
        builder->open[builder->depth++] = model->record_count;
    }
    model->record_count++;
    return OTR_OK;
}

otr_status otr_model_builder_end_repeat(otr_model_builder *builder) {
    if (builder->depth == 0) {
        return OTR_ERR_ARGUMENT;
    }
    const uint64_t begin = builder->open[--builder->depth];
    builder->model->records[begin].body_count = builder->model->record_count - begin - 1;
    return OTR_OK;
}

otr_status otr_model_builder_finish(otr_model_builder *builder, otr_model **out, otr_error *error) {
    otr_status status;
    if (builder->model == NULL || builder->depth != 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the model is incomplete");
    }
    status = fold(builder->model, error);
    if (status == OTR_OK) {
        *out = builder->model;
        builder->model = NULL;
    }
    return status;
}

static bool append_tag(otr_model *model, otr_record *record, const otr_instruction *instruction) {
    if (instruction->tag == NULL || instruction->tag_bytes == 0) {
        return true;
    }
    if (!otr_array_reserve((void **)&model->tags, &model->tag_capacity,
                           model->tag_bytes + instruction->tag_bytes, sizeof *model->tags)) {
        return false;
    }
    memcpy(model->tags + model->tag_bytes, instruction->tag, instruction->tag_bytes);
    record->tag_begin = model->tag_bytes;
    record->tag_bytes = (uint32_t)instruction->tag_bytes;
    model->tag_bytes += instruction->tag_bytes;
    return true;
}

/* *sum += term; false when the result exceeds the largest index. */
static bool add_index(uint64_t *sum, uint64_t term) {
    if (term > OTR_MODEL_INDEX_MAX - *sum) {
        return false;
    }
    *sum += term;
    return true;
}

/* *product = a * b; false when the result exceeds the largest index. */
static bool multiply_index(uint64_t a, uint64_t b, uint64_t *product) {
    if (a != 0 && b > OTR_MODEL_INDEX_MAX / a) {
        return false;
    }
    *product = a * b;
    return true;
}

static uint64_t multiply_saturating(uint64_t a, uint64_t b) {
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static uint64_t add_saturating(uint64_t a, uint64_t b) {
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static void add_coordinates(block *into, const double *offsets, uint32_t count, double times) {
    for (uint32_t i = 0; i < count; i++) {
        if (i == into->coordinate_count) {
            into->coordinates[into->coordinate_count++] = 0;
        }
        into->coordinates[i] += offsets[i] * times;
    }
}

/* Counts one instruction that is no repeat; false when an index gets too large. Like Stim, an observable
 * counts even inside `repeat 0`. */
static bool count_record(otr_model *model, const otr_record *record, block *into) {
    if (record->kind == OTR_INSTRUCTION_SHIFT_DETECTORS) {
        if (record->argument_count > 0) {
            add_coordinates(into, model->arguments + record->argument_begin, record->argument_count, 1);
        }
        return add_index(&into->shift, record->repeat_count);
    }
    for (uint32_t i = 0; i < record->target_count; i++) {
        const uint64_t target = model->targets[record->target_begin + i];
        uint64_t end = into->shift;
        if (target == OTR_TARGET_SEPARATOR) {
            continue;
        }
        if ((target & OTR_TARGET_OBSERVABLE) != 0) {
            const uint64_t observable = target & ~OTR_TARGET_OBSERVABLE;
            if (observable >= OTR_MODEL_INDEX_MAX) {
                return false;
            }
            if (observable >= model->observable_count) {
                model->observable_count = observable + 1;
            }
            continue;
        }
        if (target >= OTR_MODEL_INDEX_MAX || !add_index(&end, target + 1)) {
            return false;
        }
        into->detectors = end > into->detectors ? end : into->detectors;
    }
    into->content |= record->kind == OTR_INSTRUCTION_ERROR ? OTR_BODY_ERRORS : OTR_BODY_DECLARATIONS;
    into->errors = add_saturating(into->errors, record->kind == OTR_INSTRUCTION_ERROR);
    return true;
}

/* Adds all iterations of `body`, whose repeat is `record`, to the block around it; false when an index gets
 * too large. */
static bool count_repeat(otr_record *record, const block *body, block *into) {
    uint64_t end = into->shift;
    uint64_t shift;
    if (record->repeat_count == 0) {
        return true;
    }
    if (!multiply_index(body->shift, record->repeat_count - 1, &shift)) {
        return false;
    }
    if (body->detectors > 0) {
        if (!add_index(&end, shift) || !add_index(&end, body->detectors)) {
            return false;
        }
        into->detectors = end > into->detectors ? end : into->detectors;
    }
    record->body_content = (uint8_t)body->content;
    into->content |= body->content;
    into->errors = add_saturating(into->errors, multiply_saturating(body->errors, record->repeat_count));
    add_coordinates(into, body->coordinates, body->coordinate_count, (double)record->repeat_count);
    return add_index(&into->shift, shift) && add_index(&into->shift, body->shift);
}

/* Keeps what one iteration shifts, so that a walk can pass a repeat that yields nothing in one step. */
static otr_status keep_body_shift(otr_model *model, otr_record *record, const block *body) {
    if (!otr_array_reserve((void **)&model->arguments, &model->argument_capacity,
                           model->argument_count + body->coordinate_count, sizeof *model->arguments)) {
        return OTR_ERR_MEMORY;
    }
    record->argument_begin = model->argument_count;
    record->argument_count = body->coordinate_count;
    record->body_shift = body->shift;
    for (uint32_t i = 0; i < body->coordinate_count; i++) {
        model->arguments[model->argument_count++] = body->coordinates[i];
    }
    return OTR_OK;
}

static otr_status fail_limit(const otr_record *record, otr_error *error) {
    return otr_error_set(error, OTR_ERR_LIMIT, record->line, 0, "an index exceeds the largest one, %llu",
                         (unsigned long long)OTR_MODEL_INDEX_MAX - 1);
}

static otr_status fold(otr_model *model, otr_error *error) {
    block stack[OTR_MODEL_REPEAT_DEPTH_MAX + 1];
    uint32_t depth = 0;
    stack[0] = (block){.end = model->record_count};
    for (uint64_t next = 0;;) {
        block *top = &stack[depth];
        if (next < top->end) {
            otr_record *record = &model->records[next];
            if (record->kind == OTR_INSTRUCTION_REPEAT) {
                stack[++depth] = (block){.record = next, .end = next + 1 + record->body_count};
            } else if (!count_record(model, record, top)) {
                return fail_limit(record, error);
            }
            next++;
        } else if (depth > 0) {
            otr_record *record = &model->records[top->record];
            if (keep_body_shift(model, record, top) != OTR_OK) {
                return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
            }
            if (!count_repeat(record, top, &stack[--depth])) {
                return fail_limit(record, error);
            }
        } else {
            model->detector_count = top->detectors;
            model->error_count = top->errors;
            return OTR_OK;
        }
    }
}
