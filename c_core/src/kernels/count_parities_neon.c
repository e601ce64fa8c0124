/* Empty on other machines than AArch64. */
#include "kernels/count_parities.h"

#if defined(OTR_KERNELS_NEON)
#include <arm_neon.h>

#define LANES 2
/* Vectors whose counts fit into bytes. */
#define VECTORS_AT_ONCE 31

static inline uint64_t count_set(const otr_bit_columns *columns, const uint32_t *set, size_t set_size) {
    const size_t whole = columns->word_count / LANES * LANES;
    uint64_t count = 0;
    for (size_t i = 0; i < whole;) {
        const size_t left = whole - i;
        const size_t end = i + (left < LANES * VECTORS_AT_ONCE ? left : LANES * VECTORS_AT_ONCE);
        uint8x16_t bytes = vdupq_n_u8(0);
        for (; i < end; i += LANES) {
            uint64x2_t v = vdupq_n_u64(0);
            for (size_t k = 0; k < set_size; k++) {
                v = veorq_u64(v, vld1q_u64(columns->words + set[k] * columns->stride + i));
            }
            bytes = vaddq_u8(bytes, vcntq_u8(vreinterpretq_u8_u64(v)));
        }
        count += vaddlvq_u8(bytes);
    }
    return count + otr_count_set(columns, set, set_size, whole);
}

void otr_neon_count_parities(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                             size_t set_count, uint32_t shift, uint64_t *counts) {
    OTR_COUNT_SETS(count_set, columns, sets, set_size, set_count, shift, counts);
}

#endif
