#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>

static void keep_plain(char *message);

otr_status otr_error_set(otr_error *error, otr_status status, uint64_t line, uint32_t column,
                         const char *format, ...) {
    if (error != NULL) {
        va_list arguments;
        error->status = status;
        error->line = line;
        error->column = column;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        keep_plain(error->message);
    }
    return status;
}

/* Messages quote files, whose words may hold line breaks and worse. */
static void keep_plain(char *message) {
    for (; *message != '\0'; message++) {
        if (*message < ' ' || *message > '~') {
            *message = '?';
        }
    }
}
