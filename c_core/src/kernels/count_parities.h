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

/* Counts every set by an inline function of an instruction set. The usual sizes are constants in calls of
 * their own, so that the loop over a set is unrolled; by a macro, since a pointer might not be followed. */
#define OTR_COUNT_SETS(count_set, columns, sets, set_size, set_count, shift, counts)                         \
    for (size_t i = 0; i < (set_count); i++) {                                                               \
        const uint32_t *const set = (sets) + i * (set_size);                                                 \
        uint64_t count;                                                                                      \
        switch (set_size) {                                                                                  \
        case 1:                                                                                              \
            count = count_set(columns, set, 1);                                                              \
            break;                                                                                           \
        case 2:                                                                                              \
            count = count_set(columns, set, 2);                                                              \
            break;                                                                                           \
        case 3:                                                                                              \
            count = count_set(columns, set, 3);                                                              \
            break;                                                                                           \
        case 4:                                                                                              \
            count = count_set(columns, set, 4);                                                              \
            break;                                                                                           \
        default:                                                                                             \
            count = count_set(columns, set, set_size);                                                       \
        }                                                                                                    \
        (counts)[i] += count << (shift);                                                                     \
    }

#endif
