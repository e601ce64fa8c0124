/* The reference kernels in plain C; every other table must agree with this one bit for bit. */
#include "common/bits.h"
#include "kernels/kernels_tables.h"

size_t otr_portable_bit_indices(const uint8_t *bits, size_t bit_count, uint32_t *indices) {
    size_t count = 0;
    for (size_t base = 0; base < bit_count; base += 64) {
        const size_t left = bit_count - base;
        uint64_t word = left >= 64 ? otr_load_le64(bits + base / 8)
                                   : otr_load_tail(bits + base / 8, otr_bytes_for_bits(left)) &
                                         (((uint64_t)1 << left) - 1);
        while (word != 0) {
            indices[count++] = (uint32_t)base + otr_ctz64(word);
            word &= word - 1;
        }
    }
    return count;
}

/* Swaps ever smaller off-diagonal blocks: 32 x 32, 16 x 16, ..., 1 x 1. */
void otr_portable_transpose_64x64(uint64_t *rows) {
    uint64_t mask = 0x00000000FFFFFFFFu;
    for (uint32_t width = 32; width != 0; width >>= 1, mask ^= mask << width) {
        for (uint32_t row = 0; row < 64; row = ((row | width) + 1) & ~width) {
            const uint64_t swap = ((rows[row] >> width) ^ rows[row | width]) & mask;
            rows[row] ^= swap << width;
            rows[row | width] ^= swap;
        }
    }
}

void otr_portable_xor_words(uint64_t *target, const uint64_t *source, size_t word_count) {
    for (size_t i = 0; i < word_count; i++) {
        target[i] ^= source[i];
    }
}

uint64_t otr_portable_count_bits(const uint64_t *words, size_t word_count) {
    uint64_t count = 0;
    for (size_t i = 0; i < word_count; i++) {
        count += (uint64_t)__builtin_popcountll(words[i]);
    }
    return count;
}

const otr_kernels otr_kernels_portable = {
    .isa = OTR_ISA_PORTABLE,
    .bit_indices = otr_portable_bit_indices,
    .transpose_64x64 = otr_portable_transpose_64x64,
    .xor_words = otr_portable_xor_words,
    .count_bits = otr_portable_count_bits,
};
