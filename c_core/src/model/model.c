/* Access to a model's folded instructions. */
#include "outrider/model.h"

#include <stdlib.h>

#include "model/model_internal.h"

void otr_model_destroy(otr_model *model) {
    if (model != NULL) {
        free(model->records);
        free(model->arguments);
        free(model->targets);
        free(model->tags);
        free(model);
    }
}

uint64_t otr_model_detector_count(const otr_model *model) {
    return model->detector_count;
}

uint64_t otr_model_observable_count(const otr_model *model) {
    return model->observable_count;
}

uint64_t otr_model_error_count(const otr_model *model) {
    return model->error_count;
}

uint64_t otr_model_instruction_count(const otr_model *model) {
    return model->record_count;
}

otr_status otr_model_instruction(const otr_model *model, uint64_t index, otr_instruction *out) {
    const otr_record *record;
    if (index >= model->record_count) {
        return OTR_ERR_INDEX;
    }
    record = &model->records[index];
    *out = (otr_instruction){.kind = (otr_instruction_kind)record->kind,
                             .target_count = record->target_count,
                             .repeat_count = record->repeat_count,
                             .body_count = record->body_count,
                             .line = record->line,
                             .tag_bytes = record->tag_bytes};
    if (record->kind != OTR_INSTRUCTION_REPEAT && record->argument_count > 0) {
        out->argument_count = record->argument_count;
        out->arguments = model->arguments + record->argument_begin;
    }
    if (record->target_count > 0) {
        out->targets = model->targets + record->target_begin;
    }
    if (record->tag_bytes > 0) {
        out->tag = model->tags + record->tag_begin;
    }
    return OTR_OK;
}
