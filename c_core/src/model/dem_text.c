/* Writing a folded model as .dem text, in the layout Stim writes. */
#include "outrider/model.h"

#include <string.h>

#include "common/decimal.h"

/* Spaces per open repeat. */
#define INDENT 4

/* Counts every byte, keeps those that fit. */
typedef struct writer {
    char *buffer;
    size_t capacity; /* without the terminating NUL */
    size_t length;
} writer;

static void put_bytes(writer *w, const char *bytes, size_t count) {
    if (w->length < w->capacity) {
        const size_t room = w->capacity - w->length;
        memcpy(w->buffer + w->length, bytes, count < room ? count : room);
    }
    w->length += count;
}

static void put(writer *w, const char *text) {
    put_bytes(w, text, strlen(text));
}

static void put_integer(writer *w, uint64_t value) {
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put_bytes(w, digits + first, sizeof digits - first);
}

static void put_indent(writer *w, uint32_t depth) {
    for (uint32_t i = 0; i < INDENT * depth; i++) {
        put(w, " ");
    }
}

static void put_tag(writer *w, const otr_instruction *instruction) {
    if (instruction->tag == NULL) {
        return;
    }
    put(w, "[");
    for (uint64_t i = 0; i < instruction->tag_bytes; i++) {
        switch (instruction->tag[i]) {
        case '\n':
            put(w, "\\n");
            break;
        case '\r':
            put(w, "\\r");
            break;
        case '\\':
            put(w, "\\B");
            break;
        case ']':
            put(w, "\\C");
            break;
        default:
            put_bytes(w, &instruction->tag[i], 1);
        }
    }
    put(w, "]");
}

static void put_arguments(writer *w, const otr_instruction *instruction) {
    for (uint32_t i = 0; i < instruction->argument_count; i++) {
        char number[OTR_DECIMAL_BYTES];
        put(w, i == 0 ? "(" : ", ");
        put_bytes(w, number, otr_decimal_print(instruction->arguments[i], number));
    }
    put(w, instruction->argument_count > 0 ? ")" : "");
}

static void put_targets(writer *w, const otr_instruction *instruction) {
    for (uint64_t i = 0; i < instruction->target_count; i++) {
        const uint64_t target = instruction->targets[i];
        if (target == OTR_TARGET_SEPARATOR) {
            put(w, " ^");
        } else {
            put(w, (target & OTR_TARGET_OBSERVABLE) != 0 ? " L" : " D");
            put_integer(w, target & ~OTR_TARGET_OBSERVABLE);
        }
    }
}

static void put_instruction(writer *w, const otr_instruction *instruction) {
    static const char *const names[] = {[OTR_INSTRUCTION_ERROR] = "error",
                                        [OTR_INSTRUCTION_DETECTOR] = "detector",
                                        [OTR_INSTRUCTION_OBSERVABLE] = "logical_observable",
                                        [OTR_INSTRUCTION_SHIFT_DETECTORS] = "shift_detectors",
                                        [OTR_INSTRUCTION_REPEAT] = "repeat"};
    put(w, names[instruction->kind]);
    put_tag(w, instruction);
    put_arguments(w, instruction);
    put_targets(w, instruction);
    if (instruction->kind == OTR_INSTRUCTION_SHIFT_DETECTORS || instruction->kind == OTR_INSTRUCTION_REPEAT) {
        put(w, " ");
        put_integer(w, instruction->repeat_count);
    }
    put(w, instruction->kind == OTR_INSTRUCTION_REPEAT ? " {\n" : "\n");
}

size_t otr_model_text(const otr_model *model, char *buffer, size_t capacity) {
    writer w = {.buffer = buffer, .capacity = capacity > 0 ? capacity - 1 : 0};
    const uint64_t count = otr_model_instruction_count(model);
    uint64_t ends[OTR_MODEL_REPEAT_DEPTH_MAX]; /* one past the last instruction of each open repeat */
    uint32_t depth = 0;
    for (uint64_t i = 0; i <= count; i++) {
        otr_instruction instruction;
        while (depth > 0 && ends[depth - 1] == i) {
            put_indent(&w, --depth);
            put(&w, "}\n");
        }
        if (otr_model_instruction(model, i, &instruction) == OTR_OK) {
            put_indent(&w, depth);
            put_instruction(&w, &instruction);
            if (instruction.kind == OTR_INSTRUCTION_REPEAT) {
                ends[depth++] = i + 1 + instruction.body_count;
            }
        }
    }
    if (capacity > 0) {
        buffer[w.length < capacity ? w.length : capacity - 1] = '\0';
    }
    return w.length;
}
