#include "model/symptoms.h"

#include <stdlib.h>

#include "common/array.h"
#include "outrider/model.h"

static int compare_items(const void *a, const void *b);

bool otr_index_append(otr_index_list *list, uint32_t item) {
    if (!OTR_ARRAY_GROW(list->items, list->count, list->capacity)) {
        return false;
    }
    list->items[list->count++] = item;
    return true;
}

otr_status otr_list_symptoms(otr_index_list *list, const uint64_t *targets, uint64_t count) {
    size_t kept = 0;
    list->count = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t kind = (targets[i] & OTR_TARGET_OBSERVABLE) != 0 ? OTR_SYMPTOM_OBSERVABLE : 0;
        if (targets[i] != OTR_TARGET_SEPARATOR && !otr_index_append(list, (uint32_t)targets[i] | kind)) {
            return OTR_ERR_MEMORY;
        }
    }
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof *list->items, compare_items);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && list->items[kept - 1] == list->items[i]) {
            kept--;
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
    return OTR_OK;
}

static int compare_items(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
