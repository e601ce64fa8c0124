#include "common/array.h"

#include <stdint.h>
#include <stdlib.h>

/* Smallest capacity of a growing array. */
#define ARRAY_CAPACITY_MIN 16

bool otr_array_enlarge(void **items, size_t *capacity, size_t wanted, size_t element_bytes) {
    size_t grown = *capacity + *capacity / 2;
    void *moved;
    if (grown < wanted) {
        grown = wanted;
    }
    if (grown < ARRAY_CAPACITY_MIN) {
        grown = ARRAY_CAPACITY_MIN;
    }
    if (grown > SIZE_MAX / element_bytes) {
        return false;
    }
    moved = realloc(*items, grown * element_bytes);
    if (moved == NULL) {
        return false;
    }
    *items = moved;
    *capacity = grown;
    return true;
}

void *otr_array_zeroed(size_t count, size_t element_bytes) {
    return calloc(count > 0 ? count : 1, element_bytes);
}

void *otr_array_new(size_t count, size_t element_bytes) {
    if (count > SIZE_MAX / element_bytes) {
        return NULL;
    }
    return malloc((count > 0 ? count : 1) * element_bytes);
}
