/* Status codes and error details shared by every call of the library. */
#ifndef OUTRIDER_STATUS_H
#define OUTRIDER_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Functions with this mark are the library's exported interface; everything else is hidden. */
#if defined(__GNUC__)
#define OTR_API __attribute__((visibility("default")))
#else
#define OTR_API
#endif

/* What a call answers. Values are pinned; gaps separate groups. On any status but OTR_OK outputs are
 * untouched unless the function's comment says otherwise. */
typedef enum otr_status {
    OTR_OK = 0,

    /* The caller's arguments. */
    OTR_ERR_ARGUMENT = 1,    /* null where not allowed, option out of its stated range */
    OTR_ERR_UNSUPPORTED = 2, /* known to the interface, not available in this build or on this CPU */
    OTR_ERR_INDEX = 3,       /* detector, observable or edge index out of range */
    OTR_ERR_LIMIT = 4,       /* a named OTR_…_MAX limit would be exceeded */

    /* Resources. */
    OTR_ERR_MEMORY = 10, /* an allocation failed */

    /* Text and files. */
    OTR_ERR_PARSE = 20,          /* malformed text; otr_error names line and column */
    OTR_ERR_PROBABILITY = 21,    /* not a number, below 0 or above 1 */
    OTR_ERR_UNDECOMPOSABLE = 22, /* an error component with three or more detectors */
    OTR_ERR_TRUNCATED = 23,      /* input ended inside a record */
    OTR_ERR_FORMAT = 24,         /* bytes that the stated format does not allow */
    OTR_ERR_RANDOM = 25,         /* a detector or observable that noise-free runs do not fix */

    /* Decoding. */
    OTR_ERR_ODD_PARITY = 30,  /* odd number of events in a component without boundary: no perfect matching */
    OTR_ERR_CERTIFICATE = 31, /* the dual certificate does not prove the answer: a bug of this library */
    OTR_ERR_RESIDUAL = 32,    /* a commit leaves detection events in its cell: a bug of this library */
    OTR_ERR_UNEXPLAINED = 33  /* no errors explain the shot, or none within the budget of a sum */
} otr_status;

/* Bytes of otr_error.message including the terminating NUL. */
#define OTR_ERROR_MESSAGE_BYTES 232

/* Details of a failure, filled by calls that take an `otr_error *` (NULL is always allowed there). */
typedef struct otr_error {
    otr_status status;
    uint32_t column; /* 1-based byte column in the text, 0 where it does not apply */
    uint64_t line;   /* 1-based line of the text, or 1-based shot number; 0 where it does not apply */
    char message[OTR_ERROR_MESSAGE_BYTES]; /* one line of ASCII, no trailing period, NUL-terminated */
} otr_error;

/* A constant English phrase for `status`; never NULL, also for unknown values. */
OTR_API const char *otr_status_text(otr_status status);

#ifdef __cplusplus
}
#endif
#endif
