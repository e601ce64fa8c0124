/* Instruction sets and the hot loops that are written once per instruction set.
 *
 * A handle captures one table of kernels when it is created (option `isa`, OTR_ISA_AUTO by default); there
 * is no global choice, so two handles of one process may use two instruction sets. Every table gives
 * bit-identical results. The slots are public for tests and benches; they carry no stability promise. */
#ifndef OUTRIDER_KERNELS_H
#define OUTRIDER_KERNELS_H

#include "outrider/graph.h"
#include "outrider/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum otr_isa {
    OTR_ISA_AUTO = 0,       /* the best that CPU and operating system support, AMX excepted */
    OTR_ISA_PORTABLE = 1,   /* plain C */
    OTR_ISA_AVX2 = 2,       /* x86-64: AVX2, BMI1, BMI2, POPCNT */
    OTR_ISA_AVX512 = 3,     /* x86-64: the above and AVX-512 F, BW, VL, DQ */
    OTR_ISA_NEON = 4,       /* AArch64, where every CPU has it */
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

/* Widths of an event network: multiples of the first, up to the second. */
#define OTR_EVENT_WIDTH_STEP 16
#define OTR_EVENT_WIDTH_MAX 64
#define OTR_EVENT_WIDTHS 4
/* Outputs of one head. */
#define OTR_EVENT_HEAD 16
/* Entries past the last that write_overrides may scribble on. */
#define OTR_EVENT_OVERRIDE_SLACK 8

/* Bits of a pattern in filter_states. */
#define OTR_STATE_BITS 6

/* Weights that a word needs by the pattern of a few of its bits: place k of the pattern has bit turns[k] + k
 * (modulo 64) of the word where bits[k] is 1 << k, and 0 where bits[k] is 0. */
typedef struct otr_state_filter {
    uint32_t turns[OTR_STATE_BITS]; /* below 64 */
    uint64_t bits[OTR_STATE_BITS];
    double needed[1 << OTR_STATE_BITS];
} otr_state_filter;

/* Bits by column: word i of column c is words[c * stride + i], i < word_count <= stride. */
typedef struct otr_bit_columns {
    const uint64_t *words;
    size_t stride;
    size_t word_count;
} otr_bit_columns;

/* Two events that are near each other, by their position in the list of events, and what kind of pair they
 * are. */
typedef struct otr_event_pair {
    uint32_t first;
    uint32_t second;
    uint32_t class_index;
} otr_event_pair;

/* Rows that describe where a detector is. */
typedef struct otr_event_spot {
    uint16_t place;
    uint16_t phase;
} otr_event_spot;

/* The inner loops of the event network, for one width.
 *
 * Features are `width` values of 0..127 an event, h[event * width + channel]. Sums are int16 or int32 rows
 * beside them; nothing overflows or saturates, which whoever makes the weights sees to. So sums may be added
 * up in any order, and all tables give the same bits. Matrices are packed for vectors: weights[(in / 4 *
 * outputs + out) * 4 + in % 4]. Rows of h, sums, matrices and biases begin on cache lines of their own or
 * divide one. */
typedef struct otr_event_layers {
    /* Of event k: sums = places[spots[nodes[k]].place] + phases[spots[nodes[k]].phase], one row each. */
    void (*start_rows)(const int16_t *places, const int16_t *phases, const otr_event_spot *spots,
                       const uint32_t *nodes, size_t event_count, int16_t *sums);

    /* For each pair: sums of `first` += row 2 class_index, sums of `second` += row 2 class_index + 1. */
    void (*add_rows)(const int16_t *rows, const otr_event_pair *pairs, size_t pair_count, int16_t *sums);

    /* h = clamp(sums >> shift, 0, 127) for all channels of event_count events. */
    void (*narrow_rows)(const int16_t *sums, size_t event_count, uint32_t shift, uint8_t *h);

    /* For the events listed: sums = biases + (h << shift) + matrix h. */
    void (*dense)(const int8_t *matrix, const int32_t *biases, uint32_t shift, const uint32_t *events,
                  size_t event_count, const uint8_t *h, int32_t *sums);

    /* For each pair: sums of `first` += matrix 2 class_index times h of `second`, and sums of `second` +=
     * matrix 2 class_index + 1 times h of `first`. */
    void (*messages)(const int8_t *matrices, const otr_event_pair *pairs, size_t pair_count, const uint8_t *h,
                     int32_t *sums);

    /* h = clamp(sums >> shift, 0, 127) for all channels of event_count events. */
    void (*narrow_sums)(const int32_t *sums, size_t event_count, uint32_t shift, uint8_t *h);

    /* For the events listed: out[event * stride + k] = (biases[k] + (matrix h)[k]) >> shift,
     * k < OTR_EVENT_HEAD. */
    void (*head)(const int8_t *matrix, const int32_t *biases, uint32_t shift, const uint32_t *events,
                 size_t event_count, const uint8_t *h, int32_t *out, size_t stride);

    /* Writes the overrides of a shot and returns their number. Event k has the edges edges[nodes[k] * slots +
     * i], i < slots, at the graph's weight, and skips those that are UINT32_MAX and those with bit i of
     * named[k]. A weight becomes weight - unit * steps[k * stride + i], within OTR_WEIGHT_MAX. `stride` is a
     * multiple of OTR_EVENT_HEAD; `out` has OTR_EVENT_OVERRIDE_SLACK entries more than are written. */
    size_t (*write_overrides)(const otr_override *edges, uint32_t slots, const uint32_t *nodes,
                              const uint32_t *named, size_t event_count, const int32_t *steps, size_t stride,
                              int32_t unit, otr_override *out);
} otr_event_layers;

/* Rows and columns of a block of weights in training. */
#define OTR_TRAINING_BLOCK 16

/* The inner loops of training: products of blocks of weights over many pairs of events. Rows of events, and
 * of weights, are `width` floats apart; of each row the first OTR_TRAINING_BLOCK count. Pairs are sorted by
 * relation, so a block is loaded once and stays in registers while all its pairs pass. Tables may differ in
 * the last bits; nothing else in otr_kernels does. */
typedef struct otr_training_blocks {
    /* out[target[k]] += in[source[k]] . weights, for k < count */
    void (*apply)(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *weights, const float *in, float *out);

    /* out = sum over k of the outer products in[source[k]] x gradient[target[k]] */
    void (*outer)(uint32_t width, size_t count, const uint32_t *target, const uint32_t *source,
                  const float *in, const float *gradient, float *out);
} otr_training_blocks;

/* All hot loops of one instruction set, every family of them: what a handle captures when it is made.
 * Contracts hold for every table; buffers need no more than the alignment of their type.
 *
 * An instruction set is what the calling thread runs on. A device is not one: it has memory and a queue of
 * its own, works on batches and is waited for, so it gets a type of its own beside this one. */
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

    /* Each number, normal and above 0, becomes its natural logarithm, off by less than one unit in the last
     * place. */
    void (*logarithms)(double *numbers, size_t count);

    /* The inner loop of growing regions. `arcs` are `count` <= 64 pairs of a head and a weight. Returns a
     * mask: bit i is bit arcs[2i] of `bits` (64-bit words, low bit first). *least is the smallest weight
     * arcs[2i+1] among those whose bit is clear, *position the first i that has it; UINT32_MAX and 0 if there
     * is none. */
    uint64_t (*scan_arcs)(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                          uint32_t *position);

    /* The inner loop of a sum over errors: lists the words whose weight is above what their pattern needs,
     * ascending. `indices` holds at least count + OTR_INDEX_SLACK entries. Returns their number. */
    size_t (*filter_states)(const uint64_t *keys, const double *weights, size_t count,
                            const otr_state_filter *filter, uint32_t *indices);

    /* The inner loop of an exact sum over errors: sums[i] becomes sums[i] + odds * sums[i ^ mask], for all i
     * at once. count is a power of two, 0 < mask < count. */
    void (*flip_sums)(double *sums, size_t count, size_t mask, double odds);

    /* The inner loop of counting parities: for each of set_count sets of set_size columns, which follow each
     * other in `sets`, counts[i] += (set bits of the XOR of the set's columns) << shift. */
    void (*count_parities)(const otr_bit_columns *columns, const uint32_t *sets, size_t set_size,
                           size_t set_count, uint32_t shift, uint64_t *counts);

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

    /* OTR_EVENT_WIDTHS tables: that of width w is event_layers[w / OTR_EVENT_WIDTH_STEP - 1]. */
    const otr_event_layers *event_layers;

    const otr_training_blocks *training_blocks;
} otr_kernels;

/* The table for `isa`, a constant of the library. Returns NULL when this CPU, operating system or build lacks
 * it (never for OTR_ISA_AUTO and OTR_ISA_PORTABLE). Thread-safe. */
OTR_API const otr_kernels *otr_kernels_for(otr_isa isa);

/* "auto", "portable", "neon", "avx2", "avx512", "avx512vnni", "amx"; "unknown" for other values. */
OTR_API const char *otr_isa_name(otr_isa isa);

#ifdef __cplusplus
}
#endif
#endif
