/* Kernels for NEON, which every AArch64 CPU has; empty on other machines. Slots where the
 * compiler finds as short a loop in plain C are the portable ones. */
#include "kernels/kernels_tables.h"

#if defined(OTR_KERNELS_NEON)
#include "common/bits.h"
#include "kernels/count_parities.h"
#include "kernels/dense_kernels.h"
#include "kernels/event_layers.h"
#include "kernels/filter_states.h"
#include "kernels/flip_sums.h"
#include "kernels/scan_arcs.h"
#include "kernels/training_blocks.h"

#include <arm_neon.h>

static uint32_t *list_word(uint64_t word, uint32_t base, uint32_t *indices) {
    for (; word != 0; word &= word - 1) {
        *indices++ = base + otr_ctz64(word);
    }
    return indices;
}

/* Rows are mostly empty: two words at a time are passed over if no bit of them is set. */
static size_t bit_indices(const uint8_t *bits, size_t bit_count, uint32_t *indices) {
    const size_t pairs_end = bit_count / 128 * 128;
    uint32_t *next = indices;
    for (size_t base = 0; base < pairs_end; base += 128) {
        const uint64x2_t words = vreinterpretq_u64_u8(vld1q_u8(bits + base / 8));
        const uint64_t low = vgetq_lane_u64(words, 0), high = vgetq_lane_u64(words, 1);
        if ((low | high) != 0) {
            next = list_word(low, (uint32_t)base, next);
            next = list_word(high, (uint32_t)base + 64, next);
        }
    }
    for (size_t base = pairs_end; base < bit_count; base += 64) {
        const size_t left = bit_count - base;
        const uint64_t word = left >= 64 ? otr_load_le64(bits + base / 8)
                                         : otr_load_tail(bits + base / 8, otr_bytes_for_bits(left)) &
                                               ((UINT64_C(1) << left) - 1);
        next = list_word(word, (uint32_t)base, next);
    }
    return (size_t)(next - indices);
}

/* Counts of bytes are added up in 16 bits, which 128 steps of at most 4 x 8 x 2 never fill. */
static uint64_t count_bits(const uint64_t *words, size_t word_count) {
    uint64_t count = 0;
    size_t i = 0;
    while (word_count - i >= 8) {
        const size_t steps = (word_count - i) / 8 < 128 ? (word_count - i) / 8 : 128;
        const size_t end = i + 8 * steps;
        uint16x8_t sums = vdupq_n_u16(0);
        for (; i < end; i += 8) {
            uint8x16_t bytes = vcntq_u8(vreinterpretq_u8_u64(vld1q_u64(words + i)));
            bytes = vaddq_u8(bytes, vcntq_u8(vreinterpretq_u8_u64(vld1q_u64(words + i + 2))));
            bytes = vaddq_u8(bytes, vcntq_u8(vreinterpretq_u8_u64(vld1q_u64(words + i + 4))));
            bytes = vaddq_u8(bytes, vcntq_u8(vreinterpretq_u8_u64(vld1q_u64(words + i + 6))));
            sums = vpadalq_u8(sums, bytes);
        }
        count += vaddlvq_u16(sums);
    }
    return count + otr_portable_count_bits(words + i, word_count - i);
}

const otr_kernels otr_kernels_neon = {
    .isa = OTR_ISA_NEON,
    .bit_indices = bit_indices,
    .transpose_64x64 = otr_portable_transpose_64x64,
    .xor_words = otr_portable_xor_words,
    .count_bits = count_bits,
    .digits_to_bits = otr_portable_digits_to_bits,
    .bits_to_digits = otr_portable_bits_to_digits,
    .random_words = otr_portable_random_words,
    .geometric_skips = otr_portable_geometric_skips,
    .logarithms = otr_portable_logarithms,
    .scan_arcs = otr_neon_scan_arcs,
    .filter_states = otr_portable_filter_states,
    .flip_sums = otr_portable_flip_sums,
    .count_parities = otr_neon_count_parities,
    .dense_sums = otr_neon_dense_sums,
    .dense_activate = otr_neon_dense_activate,
    .event_layers = otr_event_layers_neon,
    .training_blocks = &otr_training_blocks_portable,
};

#endif
