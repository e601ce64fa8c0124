/* Sparse 0-1 matrices: for each row an ascending list of columns. */
#ifndef OTR_MEASURE_SPARSE_ROWS_H
#define OTR_MEASURE_SPARSE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An entry to be; two equal ones cancel. */
typedef struct otr_row_entry {
    uint32_t row;
    uint32_t column;
} otr_row_entry;

typedef struct otr_row_entries {
    otr_row_entry *items;
    size_t count;
    size_t capacity;
} otr_row_entries;

typedef struct otr_sparse_rows {
    uint32_t *first; /* row -> its first column's place; one more than there are rows */
    uint32_t *columns;
} otr_sparse_rows;

/* Builds rows from fewer than 2^32 entries in any order. Returns false when memory is out. Freed by
 * otr_sparse_rows_free in either case. */
bool otr_sparse_rows_init(otr_sparse_rows *rows, size_t row_count, const otr_row_entries *entries);
void otr_sparse_rows_free(otr_sparse_rows *rows);

#endif
