/* A cursor on text in the line grammar that Stim's .dem and .stim files share: names, tags, arguments in
 * parentheses, targets separated by spaces, comments. Failures name line and column. */
#ifndef OTR_COMMON_SCANNER_H
#define OTR_COMMON_SCANNER_H

#include "outrider/status.h"

#include <stdbool.h>

/* Arguments of one instruction. */
#define OTR_SCANNER_ARGUMENTS_MAX 16

typedef struct otr_scanner {
    const char *next;
    const char *end;
    const char *line_begin;
    uint64_t line;
    otr_error *error;
} otr_scanner;

/* A place in the text that a later failure may name. */
typedef struct otr_scanner_place {
    uint64_t line;
    const char *line_begin;
    const char *byte;
} otr_scanner_place;

/* The arguments of one instruction. */
typedef struct otr_scanner_arguments {
    double values[OTR_SCANNER_ARGUMENTS_MAX];
    uint32_t count;
} otr_scanner_arguments;

/* The unescaped tag of one instruction, in a buffer that the owner frees. */
typedef struct otr_scanner_tag {
    char *bytes;
    size_t count;
    size_t capacity;
} otr_scanner_tag;

/* Starts at the first byte of the text, which may be NULL if it is empty. OTR_ERR_PARSE where a NUL byte is.
 */
otr_status otr_scanner_start(otr_scanner *scanner, const char *text, size_t bytes, otr_error *error);

/* The byte at the cursor; a newline at the end of the text. */
static inline char otr_scanner_peek(const otr_scanner *scanner) {
    return scanner->next < scanner->end ? *scanner->next : '\n';
}

/* Whether the cursor is at the end of an instruction's targets: a comment, a newline or the end of the text.
 */
static inline bool otr_scanner_at_line_end(const otr_scanner *scanner) {
    return otr_scanner_peek(scanner) == '\n' || otr_scanner_peek(scanner) == '#';
}

void otr_scanner_skip_spaces(otr_scanner *scanner);
/* Moves to the next instruction, brace or other byte that means something. */
void otr_scanner_skip_blank(otr_scanner *scanner);
/* Moves past a name and returns its bytes, 0 if there is none. */
size_t otr_scanner_name(otr_scanner *scanner);
/* Whether `bytes` bytes are `name`, which has no upper case, ignoring case. */
bool otr_scanner_same_name(const char *begin, size_t bytes, const char *name);
/* Reads "[...]" if it stands at the cursor, into tag->bytes and tag->count, and sets *found to whether it
 * did. */
otr_status otr_scanner_tag_read(otr_scanner *scanner, otr_scanner_tag *tag, bool *found);
/* Reads "(1, 2)" if it stands at the cursor; an empty argument is 0. With `probabilities` each must be one.
 */
otr_status otr_scanner_arguments_read(otr_scanner *scanner, bool probabilities, otr_scanner_arguments *out);
/* Reads a whole number of at most `max`. */
otr_status otr_scanner_integer(otr_scanner *scanner, uint64_t max, uint64_t *out);
/* Reads spaces and a whole number of at most `max`. */
otr_status otr_scanner_count(otr_scanner *scanner, uint64_t max, uint64_t *out);

otr_scanner_place otr_scanner_here(const otr_scanner *scanner);
/* Fails at `byte` of the current line. */
otr_status otr_scanner_fail(otr_scanner *scanner, otr_status status, const char *byte, const char *what);
/* Fails at an earlier place. */
otr_status otr_scanner_fail_at(otr_scanner *scanner, otr_status status, const otr_scanner_place *place,
                               const char *what);
/* Fails at the cursor, naming what was wanted and what stands there. */
otr_status otr_scanner_fail_found(otr_scanner *scanner, const char *wanted);
/* Fails at `begin`, quoting the text from there to the cursor, shortened and printable, between `before` and
 * `after`. */
otr_status otr_scanner_fail_quoting(otr_scanner *scanner, otr_status status, const char *before,
                                    const char *begin, const char *after);

#endif
