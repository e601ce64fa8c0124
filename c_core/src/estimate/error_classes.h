/* Errors by what syndromes tell apart: a class for each set of detectors. */
#ifndef OTR_ERROR_CLASSES_H
#define OTR_ERROR_CLASSES_H

#include "model/error_list.h"

typedef struct otr_error_classes {
    uint32_t count;
    uint32_t *first;     /* count + 1: class -> its first error of the list, where they follow each other */
    uint32_t *of;        /* error -> class */
    size_t *begin;       /* count + 1, into detectors */
    uint32_t *detectors; /* ascending within a class */
    double *prior;       /* attenuation */
    double *shares;      /* of each error in that of its class */
} otr_error_classes;

/* No error has odds of 1. OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_error_classes_init(otr_error_classes *classes, const otr_error_list *errors);
void otr_error_classes_free(otr_error_classes *classes);

static inline size_t otr_class_size(const otr_error_classes *classes, uint32_t class) {
    return classes->begin[class + 1] - classes->begin[class];
}

#endif
