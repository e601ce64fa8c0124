/* Text written into a buffer that may be too small: every byte is counted, those that fit are kept. */
#ifndef OTR_COMMON_TEXT_H
#define OTR_COMMON_TEXT_H

#include <stddef.h>
#include <stdint.h>

typedef struct otr_text {
    char *buffer;
    size_t capacity; /* the buffer's, with room for the terminating NUL */
    size_t bytes;    /* written so far, whether they fitted or not */
} otr_text;

void otr_text_put(otr_text *text, const char *bytes, size_t count);
void otr_text_put_string(otr_text *text, const char *string);
void otr_text_put_unsigned(otr_text *text, uint64_t value);
/* As in Stim's formats: "(1, 0.5)", or nothing. */
void otr_text_put_arguments(otr_text *text, const double *arguments, size_t count);
/* Starts a line inside `depth` blocks. */
void otr_text_put_indent(otr_text *text, size_t depth);
/* Terminates what fitted and returns the bytes that all of it needs, without NUL. */
size_t otr_text_end(otr_text *text);

#endif
