/* Filling otr_error, and leaving a function with a status. */
#ifndef OTR_COMMON_ERROR_H
#define OTR_COMMON_ERROR_H

#include "outrider/status.h"

/* Fills *error (nullable) with a printf-formatted message and returns `status`. */
otr_status otr_error_set(otr_error *error, otr_status status, uint64_t line, uint32_t column,
                         const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

#endif
