#include "code/fault_set.h"

#include "common/array.h"

#include <stdlib.h>

void otr_fault_set_free(otr_fault_set *faults) {
    otr_target_map_free(&faults->map);
    free(faults->probabilities);
    *faults = (otr_fault_set){0};
}

otr_status otr_fault_set_add(otr_fault_set *faults, const uint64_t *targets, size_t count,
                             double probability) {
    const size_t known = faults->map.list_count;
    size_t index;
    if (count == 0 || !(probability > 0)) {
        return OTR_OK;
    }
    if (!OTR_ARRAY_GROW(faults->probabilities, known, faults->probability_capacity)) {
        return OTR_ERR_MEMORY;
    }
    index = otr_target_map_insert(&faults->map, targets, count);
    if (index == OTR_TARGET_MAP_NONE) {
        return OTR_ERR_MEMORY;
    }
    if (index == known) {
        faults->probabilities[index] = probability;
    } else {
        const double before = faults->probabilities[index];
        faults->probabilities[index] = before * (1 - probability) + (1 - before) * probability;
    }
    return OTR_OK;
}
