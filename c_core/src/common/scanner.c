#include "common/scanner.h"

#include "common/array.h"
#include "common/decimal.h"
#include "common/error.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the text that an error message quotes at most. */
#define QUOTE_BYTES 40

static bool is_space(char c);
static bool is_name_byte(char c);
static char to_lower(char c);
static otr_status read_argument(otr_scanner *scanner, bool probability, double *out);
static bool ends_argument(char c);
static uint32_t column_of(const char *line_begin, const char *byte);

otr_status otr_scanner_start(otr_scanner *scanner, const char *text, size_t bytes, otr_error *error) {
    const char *nul = bytes > 0 ? memchr(text, '\0', bytes) : NULL;
    *scanner = (otr_scanner){
        .next = text, .end = bytes > 0 ? text + bytes : text, .line_begin = text, .line = 1, .error = error};
    if (nul == NULL) {
        return OTR_OK;
    }
    for (const char *newline;
         (newline = memchr(scanner->line_begin, '\n', (size_t)(nul - scanner->line_begin))) != NULL;
         scanner->line++) {
        scanner->line_begin = newline + 1;
    }
    return otr_scanner_fail(scanner, OTR_ERR_PARSE, nul, "a NUL byte is not allowed");
}

void otr_scanner_skip_spaces(otr_scanner *scanner) {
    while (scanner->next < scanner->end && is_space(*scanner->next)) {
        scanner->next++;
    }
}

void otr_scanner_skip_blank(otr_scanner *scanner) {
    for (otr_scanner_skip_spaces(scanner); scanner->next < scanner->end; otr_scanner_skip_spaces(scanner)) {
        if (*scanner->next == '#') {
            const char *newline = memchr(scanner->next, '\n', (size_t)(scanner->end - scanner->next));
            scanner->next = newline != NULL ? newline : scanner->end;
        } else if (*scanner->next == '\n') {
            scanner->next++;
            scanner->line++;
            scanner->line_begin = scanner->next;
        } else {
            return;
        }
    }
}

size_t otr_scanner_name(otr_scanner *scanner) {
    const char *begin = scanner->next;
    while (scanner->next < scanner->end && is_name_byte(*scanner->next)) {
        scanner->next++;
    }
    return (size_t)(scanner->next - begin);
}

bool otr_scanner_same_name(const char *begin, size_t bytes, const char *name) {
    size_t same = 0;
    while (same < bytes && to_lower(begin[same]) == name[same]) {
        same++;
    }
    return same == bytes && name[same] == '\0';
}

otr_status otr_scanner_tag_read(otr_scanner *scanner, otr_scanner_tag *tag, bool *found) {
    *found = otr_scanner_peek(scanner) == '[';
    tag->count = 0;
    if (!*found) {
        return OTR_OK;
    }
    for (scanner->next++; otr_scanner_peek(scanner) != ']'; scanner->next++) {
        char c = otr_scanner_peek(scanner);
        if (c == '\n' || c == '\r') {
            return otr_scanner_fail(scanner, OTR_ERR_PARSE, scanner->next,
                                    "the tag is not closed by ']' on its line");
        }
        if (c == '\\') {
            scanner->next++;
            switch (otr_scanner_peek(scanner)) {
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
                return otr_scanner_fail(scanner, OTR_ERR_PARSE, scanner->next - 1,
                                        "unknown escape in a tag; known are \\n, \\r, \\B and \\C");
            }
        }
        if (!OTR_ARRAY_GROW(tag->bytes, tag->count, tag->capacity)) {
            return otr_scanner_fail(scanner, OTR_ERR_MEMORY, scanner->next, "out of memory");
        }
        tag->bytes[tag->count++] = c;
    }
    scanner->next++;
    return OTR_OK;
}

otr_status otr_scanner_arguments_read(otr_scanner *scanner, bool probabilities, otr_scanner_arguments *out) {
    out->count = 0;
    if (otr_scanner_peek(scanner) != '(') {
        return OTR_OK;
    }
    do {
        otr_status status;
        scanner->next++;
        if (out->count == OTR_SCANNER_ARGUMENTS_MAX) {
            return otr_scanner_fail(scanner, OTR_ERR_LIMIT, scanner->next, "more than 16 arguments");
        }
        status = read_argument(scanner, probabilities, &out->values[out->count++]);
        if (status != OTR_OK) {
            return status;
        }
    } while (otr_scanner_peek(scanner) == ',');
    if (otr_scanner_peek(scanner) != ')') {
        return otr_scanner_fail_found(scanner, "',' or ')'");
    }
    scanner->next++;
    return OTR_OK;
}

otr_status otr_scanner_integer(otr_scanner *scanner, uint64_t max, uint64_t *out) {
    const char *begin = scanner->next;
    uint64_t value = 0;
    while (scanner->next < scanner->end && *scanner->next >= '0' && *scanner->next <= '9') {
        const uint64_t digit = (uint64_t)(*scanner->next - '0');
        if (digit > max || value > (max - digit) / 10) {
            return otr_error_set(scanner->error, OTR_ERR_LIMIT, scanner->line,
                                 column_of(scanner->line_begin, begin), "the number is larger than %llu",
                                 (unsigned long long)max);
        }
        value = value * 10 + digit;
        scanner->next++;
    }
    *out = value;
    return scanner->next > begin ? OTR_OK : otr_scanner_fail_found(scanner, "a whole number");
}

otr_status otr_scanner_count(otr_scanner *scanner, uint64_t max, uint64_t *out) {
    const char *begin = scanner->next;
    otr_scanner_skip_spaces(scanner);
    return scanner->next > begin ? otr_scanner_integer(scanner, max, out)
                                 : otr_scanner_fail_found(scanner, "a space");
}

otr_scanner_place otr_scanner_here(const otr_scanner *scanner) {
    return (otr_scanner_place){scanner->line, scanner->line_begin, scanner->next};
}

otr_status otr_scanner_fail(otr_scanner *scanner, otr_status status, const char *byte, const char *what) {
    return otr_error_set(scanner->error, status, scanner->line, column_of(scanner->line_begin, byte), "%s",
                         what);
}

otr_status otr_scanner_fail_at(otr_scanner *scanner, otr_status status, const otr_scanner_place *place,
                               const char *what) {
    return otr_error_set(scanner->error, status, place->line, column_of(place->line_begin, place->byte), "%s",
                         what);
}

otr_status otr_scanner_fail_found(otr_scanner *scanner, const char *wanted) {
    const char c = otr_scanner_peek(scanner);
    char message[96];
    if (scanner->next == scanner->end) {
        snprintf(message, sizeof message, "expected %s, found the end of the text", wanted);
    } else if (c == '\n') {
        snprintf(message, sizeof message, "expected %s, found the end of the line", wanted);
    } else if (c >= ' ' && c <= '~') {
        snprintf(message, sizeof message, "expected %s, found '%c'", wanted, c);
    } else {
        snprintf(message, sizeof message, "expected %s, found byte 0x%02X", wanted,
                 (unsigned)(unsigned char)c);
    }
    return otr_scanner_fail(scanner, OTR_ERR_PARSE, scanner->next, message);
}

otr_status otr_scanner_fail_quoting(otr_scanner *scanner, otr_status status, const char *before,
                                    const char *begin, const char *after) {
    char quote[QUOTE_BYTES + 1];
    size_t bytes = (size_t)(scanner->next - begin);
    bytes = bytes < QUOTE_BYTES ? bytes : QUOTE_BYTES;
    for (size_t i = 0; i < bytes; i++) {
        quote[i] = (char)(begin[i] >= ' ' && begin[i] <= '~' ? begin[i] : '?');
    }
    quote[bytes] = '\0';
    return otr_error_set(scanner->error, status, scanner->line, column_of(scanner->line_begin, begin),
                         "%s'%s'%s", before, quote, after);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char to_lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Reads one number between '(' or ',' and ',' or ')'. */
static otr_status read_argument(otr_scanner *scanner, bool probability, double *out) {
    const char *begin;
    bool is_number = true;
    otr_scanner_skip_spaces(scanner);
    begin = scanner->next;
    while (scanner->next < scanner->end && !ends_argument(*scanner->next)) {
        scanner->next++;
    }
    *out = 0;
    if (scanner->next > begin) {
        is_number = otr_decimal_parse(begin, (size_t)(scanner->next - begin), out);
    }
    if (probability && !(is_number && *out >= 0 && *out <= 1)) {
        return otr_scanner_fail_quoting(scanner, OTR_ERR_PROBABILITY, "", begin,
                                        " is not a probability between 0 and 1");
    }
    if (!is_number) {
        return otr_scanner_fail_quoting(scanner, OTR_ERR_PARSE, "", begin, " is not a finite number");
    }
    otr_scanner_skip_spaces(scanner);
    return OTR_OK;
}

static bool ends_argument(char c) {
    return c == ',' || c == ')' || c == '(' || c == '\n' || c == '#' || is_space(c);
}

static uint32_t column_of(const char *line_begin, const char *byte) {
    const size_t column = (size_t)(byte - line_begin) + 1;
    return column < UINT32_MAX ? (uint32_t)column : UINT32_MAX;
}
