/* Growing arrays: a pointer, a count and a capacity that live in the owner's struct. */
#ifndef OTR_COMMON_ARRAY_H
#define OTR_COMMON_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* otr_array_reserve when the capacity is too small. */
bool otr_array_enlarge(void **items, size_t *capacity, size_t wanted, size_t element_bytes);

/* Makes room for `wanted` elements of `element_bytes` in *items, growing *capacity geometrically. Returns
 * true, or false when memory is out or the size overflows; *items and *capacity are then unchanged. */
static inline bool otr_array_reserve(void **items, size_t *capacity, size_t wanted, size_t element_bytes) {
    return wanted <= *capacity || otr_array_enlarge(items, capacity, wanted, element_bytes);
}

/* Reserves room for one more element; evaluates to false when memory is out. */
#define OTR_ARRAY_GROW(items, count, capacity)                                                               \
    ((count) < (capacity) || otr_array_reserve((void **)&(items), &(capacity), (count) + 1, sizeof *(items)))

/* Allocates `count` zeroed elements, at least one; NULL when memory is out or the size overflows. */
void *otr_array_zeroed(size_t count, size_t element_bytes);

/* Allocates `count` uninitialised elements, at least one; NULL when memory is out or the size overflows. */
void *otr_array_new(size_t count, size_t element_bytes);

#endif
