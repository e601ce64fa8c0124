/* The reference kernels in plain C; every other table must agree with this one bit for bit. */
#include "common/bits.h"
#include "common/random.h"
#include "kernels/count_parities.h"
#include "kernels/dense_kernels.h"
#include "kernels/event_layers.h"
#include "kernels/filter_states.h"
#include "kernels/flip_sums.h"
#include "kernels/kernels_tables.h"
#include "kernels/scan_arcs.h"
#include "kernels/training_blocks.h"

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

/* Eight digits at a time: their low bits are the bits, and one multiplication moves them side by side. */
size_t otr_portable_digits_to_bits(const uint8_t *digits, size_t count, uint8_t *bits) {
    size_t done = 0;
    for (; count - done >= 8; done += 8) {
        const uint64_t word = otr_load_le64(digits + done);
        if ((word & 0xFEFEFEFEFEFEFEFEu) != 0x3030303030303030u) {
            break;
        }
        bits[done / 8] = (uint8_t)(((word & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
    }
    for (; done < count; done++) {
        if ((digits[done] & 0xFEu) != '0') {
            return done;
        }
        if (done % 8 == 0) {
            bits[done / 8] = 0;
        }
        bits[done / 8] |= (uint8_t)((digits[done] & 1u) << (done % 8));
    }
    return count;
}

/* A byte copied to all eight lanes leaves bit k in lane k; adding 0x80 - 2^k carries it to the top bit. */
void otr_portable_bits_to_digits(const uint8_t *bits, size_t bit_count, uint8_t *digits) {
    size_t done = 0;
    for (; bit_count - done >= 8; done += 8) {
        const uint64_t lanes = (bits[done / 8] * 0x0101010101010101u) & 0x8040201008040201u;
        const uint64_t ones = ((lanes + 0x00406070787C7E7Fu) >> 7) & 0x0101010101010101u;
        otr_store_le64(digits + done, 0x3030303030303030u + ones);
    }
    for (; done < bit_count; done++) {
        digits[done] = otr_bit_get(bits, done) ? '1' : '0';
    }
}

void otr_portable_random_words(uint64_t key, uint64_t counter_high, uint64_t counter_low, uint64_t *words) {
    for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane++) {
        otr_philox(key, counter_high, counter_low + lane, &words[lane], &words[OTR_RANDOM_LANES + lane]);
    }
}

void otr_portable_geometric_skips(const uint64_t *words, double scale, uint64_t *skips) {
    for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane++) {
        skips[lane] = (uint64_t)(otr_random_exponential(words[lane]) * scale);
    }
}

void otr_portable_logarithms(double *numbers, size_t count) {
    otr_logarithms(numbers, count);
}

const otr_kernels otr_kernels_portable = {
    .isa = OTR_ISA_PORTABLE,
    .bit_indices = otr_portable_bit_indices,
    .transpose_64x64 = otr_portable_transpose_64x64,
    .xor_words = otr_portable_xor_words,
    .count_bits = otr_portable_count_bits,
    .digits_to_bits = otr_portable_digits_to_bits,
    .bits_to_digits = otr_portable_bits_to_digits,
    .random_words = otr_portable_random_words,
    .geometric_skips = otr_portable_geometric_skips,
    .logarithms = otr_portable_logarithms,
    .scan_arcs = otr_portable_scan_arcs,
    .filter_states = otr_portable_filter_states,
    .flip_sums = otr_portable_flip_sums,
    .count_parities = otr_portable_count_parities,
    .dense_sums = otr_portable_dense_sums,
    .dense_activate = otr_portable_dense_activate,
    .event_layers = otr_event_layers_portable,
    .training_blocks = &otr_training_blocks_portable,
};
