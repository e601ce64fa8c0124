/* Sorting and merging of index lists without allocation. */
#ifndef OTR_COMMON_SORT_H
#define OTR_COMMON_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts ascending, in place. */
void otr_sort_indices(uint32_t *indices, size_t count);

/* Sorts ascending and keeps one of each value that occurs an odd number of times; returns how many. */
size_t otr_sort_cancel(uint32_t *indices, size_t count);

#endif
