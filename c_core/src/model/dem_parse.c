/* Parser of Stim's .dem text (Stim, doc/file_format_dem_detector_error_model.md), accepting what Stim 1.16
 * accepts: an empty argument is 0, a block may open and close on one line, names and target letters ignore
 * case. Beyond Stim, `detector` and `logical_observable` take any number of targets, as the format's document
 * says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/decimal.h"
#include "common/error.h"
#include "model/model_builder.h"

/* Bytes of the text that an error message quotes at most. */
#define QUOTE_BYTES 40
#define MISPLACED_SEPARATOR "'^' must stand between two groups of targets"

typedef struct place {
    uint64_t line;
    const char *line_begin;
    const char *byte;
} place;

typedef struct parser {
    const char *next;
    const char *end;
    const char *line_begin;
    uint64_t line;
    uint32_t depth;
    place open[OTR_MODEL_REPEAT_DEPTH_MAX]; /* the open repeats */
    otr_model_builder *builder;
    otr_error *error;
    otr_instruction instruction; /* the one being read; its views point into the arrays below */
    double arguments[OTR_MODEL_COORDINATES_MAX];
    uint64_t *targets;
    size_t target_capacity;
    char *tag;
    size_t tag_capacity;
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
static otr_status parse_count(parser *p);
static otr_status parse_integer(parser *p, uint64_t *out);
static otr_status close_repeat(parser *p);
static otr_status append(parser *p);
static otr_status fail(parser *p, otr_status status, const char *byte, const char *what);
static otr_status fail_found(parser *p, const char *wanted);
static otr_status fail_quoting(parser *p, otr_status status, const char *format, const char *begin);

otr_status otr_model_parse(otr_model **out, const char *text, size_t bytes, otr_error *error) {
    parser p = {.next = text, .line_begin = text, .line = 1, .error = error};
    otr_status status;
    if (out == NULL || (text == NULL && bytes > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no text or no place for the model");
    }
    if (bytes > OTR_MODEL_TEXT_BYTES_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the model has %llu bytes, more than the limit of %llu",
                             (unsigned long long)bytes, (unsigned long long)OTR_MODEL_TEXT_BYTES_MAX);
    }
    p.end = bytes > 0 ? text + bytes : text;
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
    free(p.tag);
    return status;
}

static int is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static int is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char to_lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The byte at the cursor; a newline at the end of the text. */
static char peek(const parser *p) {
    return p->next < p->end ? *p->next : '\n';
}

static void skip_spaces(parser *p) {
    while (p->next < p->end && is_space(*p->next)) {
        p->next++;
    }
}

/* Moves to the next instruction, brace or other byte that means something. */
static void skip_blank(parser *p) {
    for (skip_spaces(p); p->next < p->end; skip_spaces(p)) {
        if (*p->next == '#') {
            const char *newline = memchr(p->next, '\n', (size_t)(p->end - p->next));
            p->next = newline != NULL ? newline : p->end;
        } else if (*p->next == '\n') {
            p->next++;
            p->line++;
            p->line_begin = p->next;
        } else {
            return;
        }
    }
}

static otr_status parse_text(parser *p) {
    const char *nul = p->next < p->end ? memchr(p->next, '\0', (size_t)(p->end - p->next)) : NULL;
    otr_status status = OTR_OK;
    if (nul != NULL) {
        for (const char *newline; (newline = memchr(p->next, '\n', (size_t)(nul - p->next))) != NULL;
             p->line++) {
            p->next = newline + 1;
        }
        p->line_begin = p->next;
        return fail(p, OTR_ERR_PARSE, nul, "a NUL byte is not allowed");
    }
    for (skip_blank(p); p->next < p->end && status == OTR_OK; skip_blank(p)) {
        status = *p->next == '}' ? close_repeat(p) : parse_instruction(p);
    }
    if (status == OTR_OK && p->depth > 0) {
        const place *open = &p->open[p->depth - 1];
        p->line = open->line;
        p->line_begin = open->line_begin;
        return fail(p, OTR_ERR_PARSE, open->byte, "this repeat block is never closed by '}'");
    }
    return status;
}

static otr_status parse_instruction(parser *p) {
    otr_status status;
    p->instruction = (otr_instruction){.line = p->line};
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
    const char *begin = p->next;
    size_t bytes;
    while (p->next < p->end && is_name_byte(*p->next)) {
        p->next++;
    }
    bytes = (size_t)(p->next - begin);
    if (bytes == 0) {
        return fail_found(p, "an instruction");
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t same = 0;
        while (same < bytes && to_lower(begin[same]) == names[i].name[same]) {
            same++;
        }
        if (same == bytes && names[i].name[same] == '\0') {
            p->instruction.kind = names[i].kind;
            return OTR_OK;
        }
    }
    return fail_quoting(p, OTR_ERR_PARSE, "unknown instruction '%s'", begin);
}

static otr_status parse_tag(parser *p) {
    size_t bytes = 0;
    if (peek(p) != '[') {
        return OTR_OK;
    }
    for (p->next++; peek(p) != ']'; p->next++) {
        char c = peek(p);
        if (c == '\n' || c == '\r') {
            return fail(p, OTR_ERR_PARSE, p->next, "the tag is not closed by ']' on its line");
        }
        if (c == '\\') {
            p->next++;
            switch (peek(p)) {
            case 'n':
                c = '\n';
                break;
            case 'r':
                c = '\r';
                break;
            case 'B':
                break;
            case 'C':
                c = ']';
                break;
            default:
                return fail(p, OTR_ERR_PARSE, p->next - 1,
                            "unknown escape in a tag; known are \\n, \\r, \\B and \\C");
            }
        }
        if (!OTR_ARRAY_GROW(p->tag, bytes, p->tag_capacity)) {
            return fail(p, OTR_ERR_MEMORY, p->next, "out of memory");
        }
        p->tag[bytes++] = c;
    }
    p->next++;
    p->instruction.tag = p->tag;
    p->instruction.tag_bytes = bytes;
    return OTR_OK;
}

static int ends_argument(char c) {
    return c == ',' || c == ')' || c == '(' || c == '\n' || c == '#' || is_space(c);
}

/* Reads one number between '(' or ',' and ',' or ')'. */
static otr_status parse_argument(parser *p, double *out) {
    const int probability = p->instruction.kind == OTR_INSTRUCTION_ERROR;
    const char *begin;
    int number = 1;
    skip_spaces(p);
    begin = p->next;
    while (p->next < p->end && !ends_argument(*p->next)) {
        p->next++;
    }
    *out = 0;
    if (p->next > begin) {
        number = otr_decimal_parse(begin, (size_t)(p->next - begin), out);
    }
    if (probability && !(number && *out >= 0 && *out <= 1)) {
        return fail_quoting(p, OTR_ERR_PROBABILITY, "'%s' is not a probability between 0 and 1", begin);
    }
    if (!number) {
        return fail_quoting(p, OTR_ERR_PARSE, "'%s' is not a finite number", begin);
    }
    skip_spaces(p);
    return OTR_OK;
}

static otr_status parse_arguments(parser *p) {
    otr_instruction *instruction = &p->instruction;
    const char *begin = p->next;
    if (peek(p) == '(') {
        do {
            p->next++;
            if (instruction->argument_count == OTR_MODEL_COORDINATES_MAX) {
                return fail(p, OTR_ERR_LIMIT, p->next, "more than 16 arguments");
            }
            const otr_status status = parse_argument(p, &p->arguments[instruction->argument_count++]);
            if (status != OTR_OK) {
                return status;
            }
        } while (peek(p) == ',');
        if (peek(p) != ')') {
            return fail_found(p, "',' or ')'");
        }
        p->next++;
    }
    instruction->arguments = p->arguments;
    if (instruction->kind == OTR_INSTRUCTION_ERROR && instruction->argument_count != 1) {
        return fail(p, OTR_ERR_PARSE, begin, "error takes one probability, as in error(0.01) D0");
    }
    if (instruction->kind == OTR_INSTRUCTION_OBSERVABLE && instruction->argument_count != 0) {
        return fail(p, OTR_ERR_PARSE, begin, "logical_observable takes no arguments");
    }
    return OTR_OK;
}

/* Appends the target that starts at the cursor. */
static otr_status parse_target(parser *p) {
    const char letter = to_lower(peek(p));
    const otr_instruction_kind kind = p->instruction.kind;
    const uint64_t count = p->instruction.target_count;
    uint64_t target = OTR_TARGET_SEPARATOR;
    otr_status status = OTR_OK;
    if (letter == '^' && kind == OTR_INSTRUCTION_ERROR) {
        if (count == 0 || p->targets[count - 1] == OTR_TARGET_SEPARATOR) {
            return fail(p, OTR_ERR_PARSE, p->next, MISPLACED_SEPARATOR);
        }
        p->next++;
    } else if (letter == 'd' && kind != OTR_INSTRUCTION_OBSERVABLE) {
        p->next++;
        status = parse_integer(p, &target);
    } else if (letter == 'l' && kind != OTR_INSTRUCTION_DETECTOR) {
        p->next++;
        status = parse_integer(p, &target);
        target |= OTR_TARGET_OBSERVABLE;
    } else {
        return fail_found(p, kind == OTR_INSTRUCTION_ERROR      ? "a target D#, L# or ^"
                             : kind == OTR_INSTRUCTION_DETECTOR ? "a target D#"
                                                                : "a target L#");
    }
    if (status != OTR_OK) {
        return status;
    }
    if (!OTR_ARRAY_GROW(p->targets, count, p->target_capacity)) {
        return fail(p, OTR_ERR_MEMORY, p->next, "out of memory");
    }
    p->targets[count] = target;
    p->instruction.target_count++;
    return OTR_OK;
}

/* 1 at the end of an instruction's targets: a comment, a newline or the end of the text. */
static int at_end(const parser *p) {
    return peek(p) == '\n' || peek(p) == '#';
}

static otr_status parse_targets(parser *p) {
    const char *begin = p->next;
    for (;;) {
        const char *gap = p->next;
        otr_status status;
        skip_spaces(p);
        if (at_end(p)) {
            return check_targets(p, begin);
        }
        if (p->next == gap) {
            return fail_found(p, "a space");
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
        return fail(p, OTR_ERR_PARSE, begin, "a target is missing");
    }
    if (count > 0 && p->targets[count - 1] == OTR_TARGET_SEPARATOR) {
        return fail(p, OTR_ERR_PARSE, p->next, MISPLACED_SEPARATOR);
    }
    p->instruction.targets = p->targets;
    return OTR_OK;
}

static otr_status parse_shift(parser *p) {
    const otr_status status = parse_count(p);
    if (status != OTR_OK) {
        return status;
    }
    skip_spaces(p);
    return at_end(p) ? OTR_OK : fail_found(p, "the end of the line");
}

static otr_status parse_repeat(parser *p) {
    const otr_status status = parse_count(p);
    if (status != OTR_OK) {
        return status;
    }
    skip_spaces(p);
    if (peek(p) != '{') {
        return fail_found(p, "'{'");
    }
    if (p->depth == OTR_MODEL_REPEAT_DEPTH_MAX) {
        return fail(p, OTR_ERR_LIMIT, p->next, "repeat blocks are nested more than 64 deep");
    }
    p->open[p->depth++] = (place){.line = p->line, .line_begin = p->line_begin, .byte = p->next};
    p->next++;
    return OTR_OK;
}

/* Reads the number of a shift_detectors or repeat. */
static otr_status parse_count(parser *p) {
    const char *begin = p->next;
    skip_spaces(p);
    return p->next > begin ? parse_integer(p, &p->instruction.repeat_count) : fail_found(p, "a space");
}

static otr_status parse_integer(parser *p, uint64_t *out) {
    const char *begin = p->next;
    uint64_t value = 0;
    while (p->next < p->end && *p->next >= '0' && *p->next <= '9') {
        value = value * 10 + (uint64_t)(*p->next - '0');
        if (value >= OTR_MODEL_INDEX_MAX) {
            return fail(p, OTR_ERR_LIMIT, begin, "the number is larger than 1152921504606846975");
        }
        p->next++;
    }
    *out = value;
    return p->next > begin ? OTR_OK : fail_found(p, "a whole number");
}

static otr_status close_repeat(parser *p) {
    if (p->depth == 0) {
        return fail(p, OTR_ERR_PARSE, p->next, "'}' without an open repeat block");
    }
    p->next++;
    p->depth--;
    return otr_model_builder_end_repeat(p->builder);
}

static otr_status append(parser *p) {
    const otr_status status = otr_model_builder_append(p->builder, &p->instruction);
    return status == OTR_OK ? OTR_OK : otr_error_set(p->error, status, p->line, 0, "out of memory");
}

static uint32_t column_of(const parser *p, const char *byte) {
    const size_t column = (size_t)(byte - p->line_begin) + 1;
    return column < UINT32_MAX ? (uint32_t)column : UINT32_MAX;
}

static otr_status fail(parser *p, otr_status status, const char *byte, const char *what) {
    return otr_error_set(p->error, status, p->line, column_of(p, byte), "%s", what);
}

/* Fails at the cursor, naming what was wanted and what stands there. */
static otr_status fail_found(parser *p, const char *wanted) {
    const char c = peek(p);
    char message[96];
    if (p->next == p->end) {
        snprintf(message, sizeof message, "expected %s, found the end of the text", wanted);
    } else if (c == '\n') {
        snprintf(message, sizeof message, "expected %s, found the end of the line", wanted);
    } else if (c >= ' ' && c <= '~') {
        snprintf(message, sizeof message, "expected %s, found '%c'", wanted, c);
    } else {
        snprintf(message, sizeof message, "expected %s, found byte 0x%02X", wanted,
                 (unsigned)(unsigned char)c);
    }
    return fail(p, OTR_ERR_PARSE, p->next, message);
}

/* Fails at `begin`, quoting the text from there to the cursor, shortened and printable. */
static otr_status fail_quoting(parser *p, otr_status status, const char *format, const char *begin) {
    char quote[QUOTE_BYTES + 1];
    size_t bytes = (size_t)(p->next - begin);
    bytes = bytes < QUOTE_BYTES ? bytes : QUOTE_BYTES;
    for (size_t i = 0; i < bytes; i++) {
        quote[i] = (char)(begin[i] >= ' ' && begin[i] <= '~' ? begin[i] : '?');
    }
    quote[bytes] = '\0';
    return otr_error_set(p->error, status, p->line, column_of(p, begin), format, quote);
}
