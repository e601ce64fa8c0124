/* Parser of Stim's .dem text (Stim, doc/file_format_dem_detector_error_model.md), accepting what Stim 1.16
 * accepts: an empty argument is 0, a block may open and close on one line, names and target letters ignore
 * case. Beyond Stim, `detector` and `logical_observable` take any number of targets, as the format's document
 * says. */
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "common/scanner.h"
#include "model/model_builder.h"

#define MISPLACED_SEPARATOR "'^' must stand between two groups of targets"

_Static_assert(OTR_SCANNER_ARGUMENTS_MAX == OTR_MODEL_COORDINATES_MAX, "what is read must fit the model");

typedef struct parser {
    otr_scanner scanner;
    uint32_t depth;
    otr_scanner_place open[OTR_MODEL_REPEAT_DEPTH_MAX]; /* the open repeats */
    otr_model_builder *builder;
    otr_instruction instruction; /* the one being read; its views point into what follows */
    otr_scanner_arguments arguments;
    uint64_t *targets;
    size_t target_capacity;
    otr_scanner_tag tag;
} parser;

static otr_status parse_text(parser *p);
static otr_status parse_instruction(parser *p);
static otr_status parse_name(parser *p);
static otr_status parse_tag(parser *p);
static otr_status parse_arguments(parser *p);
static otr_status parse_targets(parser *p);
static otr_status check_targets(parser *p, const char *begin);
static otr_status parse_shift(parser *p);
static otr_status parse_repeat(parser *p);
static otr_status close_repeat(parser *p);
static otr_status append(parser *p);

otr_status otr_model_parse(otr_model **out, const char *text, size_t bytes, otr_error *error) {
    parser p = {0};
    otr_status status;
    if (out == NULL || (text == NULL && bytes > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no text or no place for the model");
    }
    if (bytes > OTR_MODEL_TEXT_BYTES_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the model has %llu bytes, more than the limit of %llu",
                             (unsigned long long)bytes, (unsigned long long)OTR_MODEL_TEXT_BYTES_MAX);
    }
    status = otr_scanner_start(&p.scanner, text, bytes, error);
    if (status != OTR_OK) {
        return status;
    }
    status = otr_model_builder_create(&p.builder);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    status = parse_text(&p);
    if (status == OTR_OK) {
        status = otr_model_builder_finish(p.builder, out, error);
    }
    otr_model_builder_destroy(p.builder);
    free(p.targets);
    free(p.tag.bytes);
    return status;
}

static otr_status parse_text(parser *p) {
    otr_scanner *scanner = &p->scanner;
    otr_status status = OTR_OK;
    for (otr_scanner_skip_blank(scanner); scanner->next < scanner->end && status == OTR_OK;
         otr_scanner_skip_blank(scanner)) {
        status = *scanner->next == '}' ? close_repeat(p) : parse_instruction(p);
    }
    if (status == OTR_OK && p->depth > 0) {
        return otr_scanner_fail_at(scanner, OTR_ERR_PARSE, &p->open[p->depth - 1],
                                   "this repeat block is never closed by '}'");
    }
    return status;
}

static otr_status parse_instruction(parser *p) {
    otr_status status;
    p->instruction = (otr_instruction){.line = p->scanner.line};
    status = parse_name(p);
    if (status == OTR_OK) {
        status = parse_tag(p);
    }
    if (status == OTR_OK && p->instruction.kind == OTR_INSTRUCTION_REPEAT) {
        status = parse_repeat(p);
    } else if (status == OTR_OK) {
        status = parse_arguments(p);
        if (status == OTR_OK) {
            status =
                p->instruction.kind == OTR_INSTRUCTION_SHIFT_DETECTORS ? parse_shift(p) : parse_targets(p);
        }
    }
    return status == OTR_OK ? append(p) : status;
}

static otr_status parse_name(parser *p) {
    static const struct {
        const char *name;
        otr_instruction_kind kind;
    } names[] = {{"error", OTR_INSTRUCTION_ERROR},
                 {"detector", OTR_INSTRUCTION_DETECTOR},
                 {"logical_observable", OTR_INSTRUCTION_OBSERVABLE},
                 {"shift_detectors", OTR_INSTRUCTION_SHIFT_DETECTORS},
                 {"repeat", OTR_INSTRUCTION_REPEAT}};
    const char *begin = p->scanner.next;
    const size_t bytes = otr_scanner_name(&p->scanner);
    if (bytes == 0) {
        return otr_scanner_fail_found(&p->scanner, "an instruction");
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (otr_scanner_same_name(begin, bytes, names[i].name)) {
            p->instruction.kind = names[i].kind;
            return OTR_OK;
        }
    }
    return otr_scanner_fail_quoting(&p->scanner, OTR_ERR_PARSE, "unknown instruction ", begin, "");
}

static otr_status parse_tag(parser *p) {
    bool found;
    const otr_status status = otr_scanner_tag_read(&p->scanner, &p->tag, &found);
    if (status == OTR_OK && found) {
        p->instruction.tag = p->tag.bytes;
        p->instruction.tag_bytes = p->tag.count;
    }
    return status;
}

static otr_status parse_arguments(parser *p) {
    otr_instruction *instruction = &p->instruction;
    const char *begin = p->scanner.next;
    const bool probability = instruction->kind == OTR_INSTRUCTION_ERROR;
    const otr_status status = otr_scanner_arguments_read(&p->scanner, probability, &p->arguments);
    if (status != OTR_OK) {
        return status;
    }
    instruction->arguments = p->arguments.values;
    instruction->argument_count = p->arguments.count;
    if (probability && instruction->argument_count != 1) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, begin,
                                "error takes one probability, as in error(0.01) D0");
    }
    if (instruction->kind == OTR_INSTRUCTION_OBSERVABLE && instruction->argument_count != 0) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, begin, "logical_observable takes no arguments");
    }
    return OTR_OK;
}

/* Appends the target that starts at the cursor. */
static otr_status parse_target(parser *p) {
    const char letter = otr_scanner_peek(&p->scanner);
    const otr_instruction_kind kind = p->instruction.kind;
    const uint64_t count = p->instruction.target_count;
    uint64_t target = OTR_TARGET_SEPARATOR;
    otr_status status = OTR_OK;
    if (letter == '^' && kind == OTR_INSTRUCTION_ERROR) {
        if (count == 0 || p->targets[count - 1] == OTR_TARGET_SEPARATOR) {
            return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, p->scanner.next, MISPLACED_SEPARATOR);
        }
        p->scanner.next++;
    } else if ((letter == 'd' || letter == 'D') && kind != OTR_INSTRUCTION_OBSERVABLE) {
        p->scanner.next++;
        status = otr_scanner_integer(&p->scanner, OTR_MODEL_INDEX_MAX - 1, &target);
    } else if ((letter == 'l' || letter == 'L') && kind != OTR_INSTRUCTION_DETECTOR) {
        p->scanner.next++;
        status = otr_scanner_integer(&p->scanner, OTR_MODEL_INDEX_MAX - 1, &target);
        target |= OTR_TARGET_OBSERVABLE;
    } else {
        return otr_scanner_fail_found(&p->scanner, kind == OTR_INSTRUCTION_ERROR      ? "a target D#, L# or ^"
                                                   : kind == OTR_INSTRUCTION_DETECTOR ? "a target D#"
                                                                                      : "a target L#");
    }
    if (status != OTR_OK) {
        return status;
    }
    if (!OTR_ARRAY_GROW(p->targets, count, p->target_capacity)) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_MEMORY, p->scanner.next, "out of memory");
    }
    p->targets[count] = target;
    p->instruction.target_count++;
    return OTR_OK;
}

static otr_status parse_targets(parser *p) {
    const char *begin = p->scanner.next;
    for (;;) {
        const char *gap = p->scanner.next;
        otr_status status;
        otr_scanner_skip_spaces(&p->scanner);
        if (otr_scanner_at_line_end(&p->scanner)) {
            return check_targets(p, begin);
        }
        if (p->scanner.next == gap) {
            return otr_scanner_fail_found(&p->scanner, "a space");
        }
        status = parse_target(p);
        if (status != OTR_OK) {
            return status;
        }
    }
}

/* Checks what can only be judged at the end of the line; `begin` is where the targets started. */
static otr_status check_targets(parser *p, const char *begin) {
    const uint64_t count = p->instruction.target_count;
    if (p->instruction.kind != OTR_INSTRUCTION_ERROR && count == 0) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, begin, "a target is missing");
    }
    if (count > 0 && p->targets[count - 1] == OTR_TARGET_SEPARATOR) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, p->scanner.next, MISPLACED_SEPARATOR);
    }
    p->instruction.targets = p->targets;
    return OTR_OK;
}

static otr_status parse_shift(parser *p) {
    const otr_status status =
        otr_scanner_count(&p->scanner, OTR_MODEL_INDEX_MAX - 1, &p->instruction.repeat_count);
    if (status != OTR_OK) {
        return status;
    }
    otr_scanner_skip_spaces(&p->scanner);
    return otr_scanner_at_line_end(&p->scanner) ? OTR_OK
                                                : otr_scanner_fail_found(&p->scanner, "the end of the line");
}

static otr_status parse_repeat(parser *p) {
    const otr_status status =
        otr_scanner_count(&p->scanner, OTR_MODEL_INDEX_MAX - 1, &p->instruction.repeat_count);
    if (status != OTR_OK) {
        return status;
    }
    otr_scanner_skip_spaces(&p->scanner);
    if (otr_scanner_peek(&p->scanner) != '{') {
        return otr_scanner_fail_found(&p->scanner, "'{'");
    }
    if (p->depth == OTR_MODEL_REPEAT_DEPTH_MAX) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_LIMIT, p->scanner.next,
                                "repeat blocks are nested more than 64 deep");
    }
    p->open[p->depth++] = otr_scanner_here(&p->scanner);
    p->scanner.next++;
    return OTR_OK;
}

static otr_status close_repeat(parser *p) {
    if (p->depth == 0) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, p->scanner.next,
                                "'}' without an open repeat block");
    }
    p->scanner.next++;
    p->depth--;
    return otr_model_builder_end_repeat(p->builder);
}

static otr_status append(parser *p) {
    const otr_status status = otr_model_builder_append(p->builder, &p->instruction);
    return status == OTR_OK ? OTR_OK
                            : otr_error_set(p->scanner.error, status, p->scanner.line, 0, "out of memory");
}
