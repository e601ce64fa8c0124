/* Bit tricks on words and packed rows. Bit k of a row is byte k/8, bit k%8 (little-endian, as Stim's b8). */
#ifndef OTR_COMMON_BITS_H
#define OTR_COMMON_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t otr_ctz64(uint64_t word) {
    return (uint32_t)__builtin_ctzll(word);
}

/* Leading zeros of a word that is not zero. */
static inline uint32_t otr_clz64(uint64_t word) {
    return (uint32_t)__builtin_clzll(word);
}

static inline uint32_t otr_popcount64(uint64_t word) {
    return (uint32_t)__builtin_popcountll(word);
}

/* Asks for the cache line at `address`, to be written soon. */
static inline void otr_prefetch(const void *address) {
    __builtin_prefetch(address, 1);
}

/* Arithmetic shift: rounds towards minus infinity. */
static inline int32_t otr_shift_right(int32_t value, uint32_t shift) {
    return value >= 0 ? value >> shift : ~(~value >> shift);
}

static inline size_t otr_bytes_for_bits(uint64_t bits) {
    return (size_t)((bits + 7) / 8);
}

static inline bool otr_bit_get(const uint8_t *row, uint64_t index) {
    return (row[index >> 3] >> (index & 7) & 1) != 0;
}

static inline void otr_bit_flip(uint8_t *row, uint64_t index) {
    row[index >> 3] ^= (uint8_t)(1u << (index & 7));
}

static inline uint64_t otr_load_le64(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline void otr_store_le64(uint8_t *bytes, uint64_t word) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(bytes, &word, sizeof word);
}

/* The last `byte_count` < 8 bytes of a row as a word, zero above. */
static inline uint64_t otr_load_tail(const uint8_t *bytes, size_t byte_count) {
    uint64_t word = 0;
    for (size_t i = 0; i < byte_count; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

#endif
