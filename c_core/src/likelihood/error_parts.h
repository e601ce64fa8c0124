/* The connected parts of a model: detectors that errors connect. */
#ifndef OTR_ERROR_PARTS_H
#define OTR_ERROR_PARTS_H

#include "model/error_list.h"

/* Parts in which no error flips an observable are left out: whatever they sum to is the same factor for all
 * classes. So are errors without detectors. Zero-initialised is empty. */
typedef struct otr_error_parts {
    uint32_t count;
    uint32_t *detector_begin; /* count + 1, into detectors */
    uint32_t *detectors;      /* of each part, ascending */
    uint32_t *error_begin;    /* count + 1, into errors */
    uint32_t *errors;         /* of each part, ascending */
    uint32_t *words;          /* where all of these are, and what they are found with */
    size_t capacity;
} otr_error_parts;

/* The parts of this list, in place of those before. Allocates for lists larger than any before.
 * OTR_ERR_MEMORY. */
otr_status otr_error_parts_fill(otr_error_parts *parts, const otr_error_list *list);
void otr_error_parts_free(otr_error_parts *parts);
size_t otr_error_parts_bytes(const otr_error_parts *parts);

#endif
