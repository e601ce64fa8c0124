/* Sorting and merging of index lists without allocation. */
#ifndef OTR_COMMON_SORT_H
#define OTR_COMMON_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts ascending, in place. */
void otr_sort_indices(uint32_t *indices, size_t count);

/* Sorts ascending and keeps one of each value that occurs an odd number of times; returns how many. */
size_t otr_sort_cancel(uint32_t *indices, size_t count);

/* Merges two ascending lists of distinct values into `out` without what is in both; returns the count. */
size_t otr_merge_cancel(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, uint32_t *out);

#endif
