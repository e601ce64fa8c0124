/* The innermost loop of counting parities, for every instruction set (see otr_kernels.count_parities for the
 * contract). */
#ifndef OTR_COUNT_PARITIES_H
#define OTR_COUNT_PARITIES_H

#include "kernels/kernels_tables.h"

void otr_portable_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                                 size_t set_count, uint32_t shift, uint64_t *counts);
#if defined(OTR_KERNELS_X86)
void otr_avx2_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                             size_t set_count, uint32_t shift, uint64_t *counts);
void otr_avx512_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                               size_t set_count, uint32_t shift, uint64_t *counts);
#elif defined(OTR_KERNELS_NEON)
void otr_neon_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                             size_t set_count, uint32_t shift, uint64_t *counts);
#endif

/* The bits of one set, in words from `from` on. */
static inline uint64_t otr_count_set(const otr_bit_columns *columns, const uint32_t *set, size_t set_size,
                                     size_t from) {
    uint64_t count = 0;
    for (size_t i = from; i < columns->word_count; i++) {
        uint64_t word = 0;
        for (size_t k = 0; k < set_size; k++) {
            word ^= columns->words[set[k] * columns->stride + i];
        }
        count += (uint64_t)__builtin_popcountll(word);
    }
    return count;
}

#endif
