#include "estimate/error_classes.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "estimate/attenuation.h"

static bool has_equal_detectors(const otr_error_list *errors, uint32_t a, uint32_t b);

otr_status otr_error_classes_init(otr_error_classes *classes, const otr_error_list *errors) {
    *classes = (otr_error_classes){0};
    classes->first = otr_array_zeroed((size_t)errors->count + 1, sizeof *classes->first);
    classes->of = otr_array_new(errors->count, sizeof *classes->of);
    classes->begin = otr_array_zeroed((size_t)errors->count + 1, sizeof *classes->begin);
    classes->detectors = otr_array_new(errors->begin[errors->count], sizeof *classes->detectors);
    classes->prior = otr_array_zeroed(errors->count, sizeof *classes->prior);
    classes->shares = otr_array_new(errors->count, sizeof *classes->shares);
    if (classes->first == NULL || classes->of == NULL || classes->begin == NULL ||
        classes->detectors == NULL || classes->prior == NULL || classes->shares == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < errors->count; i++) {
        if (i == 0 || !has_equal_detectors(errors, i - 1, i)) {
            const size_t begin = classes->begin[classes->count];
            const size_t size = errors->begin[i + 1] - errors->begin[i];
            memcpy(classes->detectors + begin, errors->detectors + errors->begin[i],
                   size * sizeof *classes->detectors);
            classes->first[classes->count++] = i;
            classes->begin[classes->count] = begin + size;
        }
        classes->of[i] = classes->count - 1;
        classes->shares[i] = otr_attenuation_of_odds(errors->odds[i]);
        classes->prior[classes->count - 1] += classes->shares[i];
    }
    classes->first[classes->count] = errors->count;
    for (uint32_t i = 0; i < errors->count; i++) {
        classes->shares[i] /= classes->prior[classes->of[i]];
    }
    return OTR_OK;
}

void otr_error_classes_free(otr_error_classes *classes) {
    free(classes->first);
    free(classes->of);
    free(classes->begin);
    free(classes->detectors);
    free(classes->prior);
    free(classes->shares);
    *classes = (otr_error_classes){0};
}

static bool has_equal_detectors(const otr_error_list *errors, uint32_t a, uint32_t b) {
    const size_t size = errors->begin[a + 1] - errors->begin[a];
    return size == errors->begin[b + 1] - errors->begin[b] &&
           memcmp(errors->detectors + errors->begin[a], errors->detectors + errors->begin[b],
                  size * sizeof *errors->detectors) == 0;
}
