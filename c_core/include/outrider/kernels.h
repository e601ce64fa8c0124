/* Instruction sets and the hot loops that are written once per instruction set.
 *
 * A handle captures one table of kernels when it is created (option `isa`, OTR_ISA_AUTO by default); there
 * is no global choice, so two handles of one process may use two instruction sets. Every table gives
 * bit-identical results. The slots are public for tests and benches; they carry no stability promise. */
#ifndef OUTRIDER_KERNELS_H
#define OUTRIDER_KERNELS_H

#include "outrider/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum otr_isa {
    OTR_ISA_AUTO = 0,       /* the best that CPU and operating system support, AMX excepted */
    OTR_ISA_PORTABLE = 1,   /* plain C */
    OTR_ISA_AVX2 = 2,       /* x86-64: AVX2, BMI1, BMI2, POPCNT */
    OTR_ISA_AVX512 = 3,     /* x86-64: the above and AVX-512 F, BW, VL, DQ */
    OTR_ISA_NEON = 4,       /* AArch64; the slot is reserved, no kernels are written yet */
    OTR_ISA_AVX512VNNI = 5, /* x86-64: AVX512 and AVX-512 VNNI */
    OTR_ISA_AMX = 6         /* x86-64: the above, AMX-TILE and AMX-INT8; see below */
} otr_isa;

/* Tile registers need a permission for the process, which only a system call grants and tells of; the library
 * makes none. On Linux a program that wants OTR_ISA_AMX calls arch_prctl(OTR_AMX_REQUEST, OTR_AMX_FEATURE)
 * once, before it names the instruction set; where that fails, using the table ends the process. The Rust
 * crate does so by itself, also for its `auto`. */
#define OTR_AMX_REQUEST 0x1023
#define OTR_AMX_FEATURE 18

/* Random words and skips are made this many at a time. */
#define OTR_RANDOM_LANES 16
/* Largest scale of geometric_skips: every skip is then below 2^52. */
#define OTR_SKIP_SCALE_MAX 70368744177664.0

/* Output channels of a packed block of weights, and input channels of a group, of a dense convolution. */
#define OTR_DENSE_BLOCK 16
#define OTR_DENSE_GROUP 4
/* A block's groups are a multiple of this, filled up with zeros. */
#define OTR_DENSE_GROUPS_ALIGN 16
/* Entries of an activation's table. */
#define OTR_DENSE_TABLE 1024
/* Voxels that share the scratch memory of dense_sums. */
#define OTR_DENSE_TILE 32

/* One layer of a dense convolution on integers. Channels lie next to each other; a tap is a voxel of the
 * kernel, given by the distance in bytes from where a voxel's kernel starts. */
typedef struct otr_dense_weights {
    const int8_t *weights; /* >= -127: [block_count][block_groups][OTR_DENSE_BLOCK][OTR_DENSE_GROUP] */
    const uint32_t *taps;
    uint32_t tap_count;
    uint32_t tap_groups;   /* groups of input channels; group g of tap k has the place k * tap_groups + g */
    uint32_t block_groups; /* tap_count * tap_groups rounded up to OTR_DENSE_GROUPS_ALIGN */
    uint32_t block_count;
} otr_dense_weights;

/* Entries past the last that bit_indices may scribble on. */
#define OTR_INDEX_SLACK 16

/* One table of hot loops. Contracts hold for every table; buffers need no more than the alignment of their
 * type. */
typedef struct otr_kernels {
    otr_isa isa;

    /* Writes the indices of the set bits of `bits` (bit k = byte k/8, bit k%8), ascending, to `indices`.
     * Reads exactly ceil(bit_count/8) bytes; bits at or above bit_count are ignored. `indices` holds at least
     * bit_count + OTR_INDEX_SLACK entries. Returns the count. */
    size_t (*bit_indices)(const uint8_t *bits, size_t bit_count, uint32_t *indices);

    /* Transposes a 64 x 64 bit matrix in place: bit c of rows[r] goes to bit r of rows[c]. */
    void (*transpose_64x64)(uint64_t *rows);

    /* target[i] ^= source[i] for i < word_count; the buffers do not overlap. */
    void (*xor_words)(uint64_t *target, const uint64_t *source, size_t word_count);

    /* Number of set bits in word_count words. */
    uint64_t (*count_bits)(const uint64_t *words, size_t word_count);

    /* Packs the characters '0' and '1': digit k becomes bit k. Writes exactly ceil(count/8) bytes, padding
     * zero. Returns count, or the index of the first other character; the bits are then unspecified. */
    size_t (*digits_to_bits)(const uint8_t *digits, size_t count, uint8_t *bits);

    /* The reverse: writes exactly bit_count characters, reads exactly ceil(bit_count/8) bytes. */
    void (*bits_to_digits)(const uint8_t *bits, size_t bit_count, uint8_t *digits);

    /* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011) of OTR_RANDOM_LANES
     * counters that follow each other. Lane i has the 128-bit counter counter_high : counter_low + i and
     * writes its output words 0 and 1 to words[i], 2 and 3 to words[OTR_RANDOM_LANES + i] (the lower one in
     * the low half). counter_low is a multiple of OTR_RANDOM_LANES. */
    void (*random_words)(uint64_t key, uint64_t counter_high, uint64_t counter_low, uint64_t *words);

    /* Turns uniform words into geometric skips, the number of failures before a success of probability p, for
     * scale = -1/ln(1-p): skips[i] = floor(scale * -ln(u)), u = (words[i] / 2^12 rounded down + 1/2) / 2^52,
     * for OTR_RANDOM_LANES lanes. 0 < scale <= OTR_SKIP_SCALE_MAX. The logarithm is off by less than 1e-15 of
     * itself. */
    void (*geometric_skips)(const uint64_t *words, double scale, uint64_t *skips);

    /* The inner loop of growing regions. `arcs` are `count` <= 64 pairs of a head and a weight. Returns a
     * mask: bit i is bit arcs[2i] of `bits` (64-bit words, low bit first). *least is the smallest weight
     * arcs[2i+1] among those whose bit is clear, *position the first i that has it; UINT32_MAX and 0 if there
     * is none. */
    uint64_t (*scan_arcs)(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                          uint32_t *position);

    /* Sums of a convolution: sums[v * channels + c], channels = block_count * OTR_DENSE_BLOCK, is the sum of
     * input[voxels[v] + taps[k] + i] times the weight of output channel c, tap k and input channel i. Inputs
     * are at most 127, so that two products fit into 16 bits. `scratch` has OTR_DENSE_TILE * block_groups *
     * OTR_DENSE_GROUP bytes. */
    void (*dense_sums)(const otr_dense_weights *weights, const uint8_t *input, const uint32_t *voxels,
                       size_t voxel_count, uint8_t *scratch, int32_t *sums);

    /* Sums to activations: output[c] = table[min(max(sums[c] * scales[c] + offsets[c], 0), last) + 1/2
     * rounded down], last = OTR_DENSE_TABLE - 1, each operation rounded to 32-bit floats. channel_count is a
     * multiple of OTR_DENSE_BLOCK. */
    void (*dense_activate)(const int32_t *sums, const float *scales, const float *offsets,
                           const uint8_t *table, size_t channel_count, uint8_t *output);
} otr_kernels;

/* The table for `isa`, a constant of the library. Returns NULL when this CPU, operating system or build lacks
 * it (never for OTR_ISA_AUTO and OTR_ISA_PORTABLE). Thread-safe. */
OTR_API const otr_kernels *otr_kernels_for(otr_isa isa);

/* "portable", "avx2", "avx512", "avx512vnni", "amx", "neon", "auto"; "unknown" for other values. */
OTR_API const char *otr_isa_name(otr_isa isa);

#ifdef __cplusplus
}
#endif
#endif
