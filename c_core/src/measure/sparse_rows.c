#include "measure/sparse_rows.h"

#include "common/array.h"
#include "common/sort.h"

#include <stdlib.h>

bool otr_sparse_rows_init(otr_sparse_rows *rows, size_t row_count, const otr_row_entries *entries) {
    uint32_t begin = 0;
    rows->first = otr_array_zeroed(row_count + 2, sizeof(uint32_t));
    rows->columns = otr_array_new(entries->count, sizeof(uint32_t));
    if (rows->first == NULL || rows->columns == NULL) {
        return false;
    }
    for (size_t i = 0; i < entries->count; i++) {
        rows->first[entries->items[i].row + 2]++;
    }
    for (size_t row = 2; row <= row_count; row++) {
        rows->first[row] += rows->first[row - 1];
    }
    /* first[row + 1] is where the row's next column goes, and in the end where the row ends. */
    for (size_t i = 0; i < entries->count; i++) {
        rows->columns[rows->first[entries->items[i].row + 1]++] = entries->items[i].column;
    }
    for (size_t row = 0, end = 0; row < row_count; row++) {
        const uint32_t count = rows->first[row + 1] - begin;
        const size_t kept = otr_sort_cancel(rows->columns + begin, count);
        begin = rows->first[row + 1];
        for (size_t i = 0; i < kept; i++) {
            rows->columns[end + i] = rows->columns[begin - count + i];
        }
        end += kept;
        rows->first[row + 1] = (uint32_t)end;
    }
    return true;
}

void otr_sparse_rows_free(otr_sparse_rows *rows) {
    free(rows->first);
    free(rows->columns);
}
