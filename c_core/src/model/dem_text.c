/* Writing a folded model as .dem text, in the layout Stim writes. */
#include "outrider/model.h"

#include "common/text.h"

static void put_instruction(otr_text *text, const otr_instruction *instruction);

size_t otr_model_text(const otr_model *model, char *buffer, size_t capacity) {
    otr_text text = {.buffer = buffer, .capacity = capacity};
    const uint64_t count = otr_model_instruction_count(model);
    uint64_t ends[OTR_MODEL_REPEAT_DEPTH_MAX]; /* one past the last instruction of each open repeat */
    uint32_t depth = 0;
    for (uint64_t i = 0; i <= count; i++) {
        otr_instruction instruction;
        while (depth > 0 && ends[depth - 1] == i) {
            otr_text_put_indent(&text, --depth);
            otr_text_put_string(&text, "}\n");
        }
        if (otr_model_instruction(model, i, &instruction) == OTR_OK) {
            otr_text_put_indent(&text, depth);
            put_instruction(&text, &instruction);
            if (instruction.kind == OTR_INSTRUCTION_REPEAT) {
                ends[depth++] = i + 1 + instruction.body_count;
            }
        }
    }
    return otr_text_end(&text);
}

static void put_tag(otr_text *text, const otr_instruction *instruction) {
    if (instruction->tag == NULL) {
        return;
    }
    otr_text_put_string(text, "[");
    for (uint64_t i = 0; i < instruction->tag_bytes; i++) {
        switch (instruction->tag[i]) {
        case '\n':
            otr_text_put_string(text, "\\n");
            break;
        case '\r':
            otr_text_put_string(text, "\\r");
            break;
        case '\\':
            otr_text_put_string(text, "\\B");
            break;
        case ']':
            otr_text_put_string(text, "\\C");
            break;
        default:
            otr_text_put(text, &instruction->tag[i], 1);
        }
    }
    otr_text_put_string(text, "]");
}

static void put_targets(otr_text *text, const otr_instruction *instruction) {
    for (uint64_t i = 0; i < instruction->target_count; i++) {
        const uint64_t target = instruction->targets[i];
        if (target == OTR_TARGET_SEPARATOR) {
            otr_text_put_string(text, " ^");
        } else {
            otr_text_put_string(text, (target & OTR_TARGET_OBSERVABLE) != 0 ? " L" : " D");
            otr_text_put_unsigned(text, target & ~OTR_TARGET_OBSERVABLE);
        }
    }
}

static void put_instruction(otr_text *text, const otr_instruction *instruction) {
    static const char *const names[] = {[OTR_INSTRUCTION_ERROR] = "error",
                                        [OTR_INSTRUCTION_DETECTOR] = "detector",
                                        [OTR_INSTRUCTION_OBSERVABLE] = "logical_observable",
                                        [OTR_INSTRUCTION_SHIFT_DETECTORS] = "shift_detectors",
                                        [OTR_INSTRUCTION_REPEAT] = "repeat"};
    otr_text_put_string(text, names[instruction->kind]);
    put_tag(text, instruction);
    otr_text_put_arguments(text, instruction->arguments, instruction->argument_count);
    put_targets(text, instruction);
    if (instruction->kind == OTR_INSTRUCTION_SHIFT_DETECTORS || instruction->kind == OTR_INSTRUCTION_REPEAT) {
        otr_text_put_string(text, " ");
        otr_text_put_unsigned(text, instruction->repeat_count);
    }
    otr_text_put_string(text, instruction->kind == OTR_INSTRUCTION_REPEAT ? " {\n" : "\n");
}
