/* What an error flips: detectors and observables as plain numbers, in growing lists. */
#ifndef OTR_SYMPTOMS_H
#define OTR_SYMPTOMS_H

#include "outrider/status.h"

#include <stdbool.h>

/* The bit of an observable. */
#define OTR_SYMPTOM_OBSERVABLE 0x80000000u

typedef struct otr_index_list {
    uint32_t *items;
    size_t count, capacity;
} otr_index_list;

/* Returns false when memory is out. */
bool otr_index_append(otr_index_list *list, uint32_t item);

/* Replaces the list by the targets that occur an odd number of times among `count` given ones, separators
 * aside: detectors first, each kind ascending. Indices are below OTR_SYMPTOM_OBSERVABLE. OTR_ERR_MEMORY. */
otr_status otr_list_symptoms(otr_index_list *list, const uint64_t *targets, uint64_t count);

#endif
