#include "kernels/count_parities.h"

void otr_portable_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                                 size_t set_count, uint32_t shift, uint64_t *counts) {
    for (size_t i = 0; i < set_count; i++) {
        counts[i] += otr_count_set(columns, sets + i * set_size, set_size, 0) << shift;
    }
}
