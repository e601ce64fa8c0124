#include "estimate/incidence.h"

#include <stdlib.h>

#include "common/array.h"

otr_status otr_incidence_init(otr_incidence *incidence, uint32_t detector_count, const size_t *begin,
                              const uint32_t *detectors, uint32_t count) {
    *incidence = (otr_incidence){0};
    incidence->begin = otr_array_zeroed((size_t)detector_count + 2, sizeof *incidence->begin);
    incidence->errors = otr_array_new(begin[count], sizeof *incidence->errors);
    incidence->row = otr_array_new(count, sizeof *incidence->row);
    incidence->is_odd = otr_array_zeroed(count, 1);
    incidence->is_listed = otr_array_zeroed(count, 1);
    if (incidence->begin == NULL || incidence->errors == NULL || incidence->row == NULL ||
        incidence->is_odd == NULL || incidence->is_listed == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < begin[count]; i++) {
        incidence->begin[detectors[i] + 2]++;
    }
    for (uint32_t i = 0; i < detector_count; i++) {
        incidence->begin[i + 2] += incidence->begin[i + 1];
    }
    for (uint32_t item = 0; item < count; item++) {
        for (size_t i = begin[item]; i < begin[item + 1]; i++) {
            incidence->errors[incidence->begin[detectors[i] + 1]++] = item;
        }
    }
    return OTR_OK;
}

void otr_incidence_free(otr_incidence *incidence) {
    free(incidence->begin);
    free(incidence->errors);
    free(incidence->row);
    free(incidence->is_odd);
    free(incidence->is_listed);
    *incidence = (otr_incidence){0};
}

size_t otr_incidence_of(otr_incidence *incidence, const uint32_t *set, size_t size) {
    uint32_t *const row = incidence->row;
    size_t touched = 0, count = 0;
    for (size_t i = 0; i < size; i++) {
        for (size_t k = incidence->begin[set[i]]; k < incidence->begin[set[i] + 1]; k++) {
            const uint32_t item = incidence->errors[k];
            incidence->is_odd[item] ^= 1;
            if (!incidence->is_listed[item]) {
                incidence->is_listed[item] = 1;
                row[touched++] = item;
            }
        }
    }
    for (size_t i = 0; i < touched; i++) {
        const uint32_t item = row[i];
        if (incidence->is_odd[item]) {
            row[count++] = item;
        }
        incidence->is_odd[item] = 0;
        incidence->is_listed[item] = 0;
    }
    return count;
}
