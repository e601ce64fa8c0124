#include "common/text.h"

#include "common/decimal.h"

#include <string.h>

#define INDENT_BYTES 4
/* Decimal digits of the largest uint64_t. */
#define UNSIGNED_DIGITS_MAX 20

void otr_text_put(otr_text *text, const char *bytes, size_t count) {
    if (text->bytes < text->capacity) {
        const size_t room = text->capacity - text->bytes;
        memcpy(text->buffer + text->bytes, bytes, count < room ? count : room);
    }
    text->bytes += count;
}

void otr_text_put_string(otr_text *text, const char *string) {
    otr_text_put(text, string, strlen(string));
}

void otr_text_put_unsigned(otr_text *text, uint64_t value) {
    char digits[UNSIGNED_DIGITS_MAX];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    otr_text_put(text, digits + first, sizeof digits - first);
}

void otr_text_put_arguments(otr_text *text, const double *arguments, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char number[OTR_DECIMAL_BYTES];
        otr_text_put_string(text, i == 0 ? "(" : ", ");
        otr_text_put(text, number, otr_decimal_print(arguments[i], number));
    }
    otr_text_put_string(text, count > 0 ? ")" : "");
}

void otr_text_put_indent(otr_text *text, size_t depth) {
    for (size_t i = 0; i < depth * INDENT_BYTES; i++) {
        otr_text_put_string(text, " ");
    }
}

size_t otr_text_end(otr_text *text) {
    if (text->capacity > 0) {
        text->buffer[text->bytes < text->capacity ? text->bytes : text->capacity - 1] = '\0';
    }
    return text->bytes;
}
