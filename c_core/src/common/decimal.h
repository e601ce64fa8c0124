/* Doubles as decimal text, correctly rounded in both directions and independent of the locale. */
#ifndef OTR_COMMON_DECIMAL_H
#define OTR_COMMON_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that otr_decimal_print needs at most, including the terminating NUL. */
#define OTR_DECIMAL_BYTES 32

/* Reads all of `text` as a number: sign, digits with at most one point, exponent. Returns true and the
 * nearest double (ties to even, underflow to zero), or false when the text is no such number or exceeds the
 * largest double. */
bool otr_decimal_parse(const char *text, size_t bytes, double *out);

/* Writes the shortest decimal that reads back as the finite `value`, NUL-terminated; returns its length. */
size_t otr_decimal_print(double value, char buffer[OTR_DECIMAL_BYTES]);

#endif
