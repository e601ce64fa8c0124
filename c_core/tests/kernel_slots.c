/* Every slot of every instruction set that this machine and build have, against the portable one, at awkward
 * sizes and offsets; for machines that `cargo test` does not reach (tests/kernels.rs compares with plain
 * Rust). Prints the instruction sets compared. AMX is left out: it needs a permission. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outrider/kernels.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s, line %d: %s does not hold\n", otr_isa_name(k->isa), __LINE__, #condition);  \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

enum { CANARY = 0xA5, OFFSETS = 5, BYTES_MAX = 400, EVENTS = 13, PAIRS = 40, CLASSES = 3, NODES = 29 };

static const otr_kernels *plain, *k;
static uint64_t state = 1;

/* SplitMix64. */
static uint64_t random_word(void) {
    uint64_t mixed = state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

static uint32_t below(uint32_t bound) {
    return (uint32_t)(random_word() % bound);
}

/* Clear, set, alternating, sparse and random bytes. */
static void fill(uint8_t *bytes, size_t count, int pattern) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t bytes_of[] = {0, 0xFF, 0x55, (uint8_t)(below(9) == 0 ? 1u << below(8) : 0),
                                    (uint8_t)random_word()};
        bytes[i] = bytes_of[pattern];
    }
}

static void compare_bits(size_t bit_count, int pattern, size_t offset) {
    uint8_t bytes[BYTES_MAX], digits[2][8 * BYTES_MAX], packed[2][BYTES_MAX];
    uint32_t indices[2][8 * BYTES_MAX + OTR_INDEX_SLACK];
    uint8_t *const bits = bytes + offset;
    const size_t byte_count = (bit_count + 7) / 8;
    size_t count;
    fill(bytes, sizeof bytes, pattern);
    count = plain->bit_indices(bits, bit_count, indices[0]);
    CHECK(k->bit_indices(bits, bit_count, indices[1]) == count);
    CHECK(memcmp(indices[0], indices[1], count * sizeof indices[0][0]) == 0);
    memset(digits, CANARY, sizeof digits);
    memset(packed, CANARY, sizeof packed);
    plain->bits_to_digits(bits, bit_count, digits[0] + offset);
    k->bits_to_digits(bits, bit_count, digits[1] + offset);
    CHECK(memcmp(digits[0], digits[1], sizeof digits[0]) == 0);
    CHECK(k->digits_to_bits(digits[1] + offset, bit_count, packed[1]) == bit_count);
    plain->digits_to_bits(digits[1] + offset, bit_count, packed[0]);
    CHECK(memcmp(packed[0], packed[1], byte_count + 1) == 0);
    if (bit_count > 0) {
        const size_t wrong = below((uint32_t)bit_count);
        digits[1][offset + wrong] = '2';
        CHECK(k->digits_to_bits(digits[1] + offset, bit_count, packed[1]) == wrong);
    }
}

static void compare_words(size_t word_count, int pattern) {
    uint64_t source[600], target[2][600];
    fill((uint8_t *)source, sizeof source, pattern);
    fill((uint8_t *)target[0], sizeof target[0], 4);
    memcpy(target[1], target[0], sizeof target[0]);
    CHECK(k->count_bits(source + 1, word_count) == plain->count_bits(source + 1, word_count));
    plain->xor_words(target[0] + 1, source, word_count);
    k->xor_words(target[1] + 1, source, word_count);
    CHECK(memcmp(target[0], target[1], sizeof target[0]) == 0);
    plain->transpose_64x64(target[0] + 2);
    k->transpose_64x64(target[1] + 2);
    CHECK(memcmp(target[0], target[1], sizeof target[0]) == 0);
}

/* Enough set bits to fill sums of 16 bits. */
static void compare_long_counts(void) {
    static uint64_t words[10000];
    memset(words, 0xFF, sizeof words);
    CHECK(k->count_bits(words, 10000) == 640000);
}

static void compare_random_numbers(void) {
    uint64_t words[2][2 * OTR_RANDOM_LANES], skips[2][OTR_RANDOM_LANES];
    const uint64_t key = random_word(), high = random_word(), low = random_word() / OTR_RANDOM_LANES;
    const double scales[] = {OTR_SKIP_SCALE_MAX, 1.0, 333.25, 1e-3, 4294967295.5};
    plain->random_words(key, high, low * OTR_RANDOM_LANES, words[0]);
    k->random_words(key, high, low * OTR_RANDOM_LANES, words[1]);
    CHECK(memcmp(words[0], words[1], sizeof words[0]) == 0);
    words[0][0] = 0;
    words[0][1] = UINT64_MAX;
    words[0][2] >>= below(64);
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        plain->geometric_skips(words[0], scales[i], skips[0]);
        k->geometric_skips(words[0], scales[i], skips[1]);
        CHECK(memcmp(skips[0], skips[1], sizeof skips[0]) == 0);
    }
}

static void compare_logarithms(size_t count) {
    double numbers[2][67];
    for (size_t i = 0; i < count; i++) {
        const int exponent = below(4) == 0 ? (int)below(2045) - 1021 : (int)below(40);
        numbers[0][i] = numbers[1][i] = ldexp(1 - ldexp((double)(random_word() >> 11), -53) / 2, exponent);
    }
    plain->logarithms(numbers[0], count);
    k->logarithms(numbers[1], count);
    CHECK(memcmp(numbers[0], numbers[1], count * sizeof numbers[0][0]) == 0);
}

/* Few distinct weights, so that the first of several least ones matters; and extreme ones. */
static void compare_arcs(uint32_t count, int pattern) {
    static const uint32_t weights[] = {0, 2, 2, 4, 1u << 27, UINT32_MAX - 1};
    uint64_t bits[16], set;
    uint32_t arcs[128], least[2], position[2];
    fill((uint8_t *)bits, sizeof bits, pattern);
    for (uint32_t i = 0; i < count; i++) {
        arcs[2 * i] = below(64 * 16);
        arcs[2 * i + 1] = weights[i < 3 ? 5 : below(6)];
    }
    set = plain->scan_arcs(arcs, count, bits, &least[0], &position[0]);
    CHECK(k->scan_arcs(arcs, count, bits, &least[1], &position[1]) == set);
    CHECK(least[0] == least[1] && position[0] == position[1]);
}

static void compare_states(size_t count) {
    otr_state_filter filter = {{0}, {0}, {0}};
    uint64_t keys[67];
    double weights[67];
    uint32_t indices[2][67 + OTR_INDEX_SLACK];
    for (uint32_t place = 0; place < OTR_STATE_BITS; place++) {
        filter.turns[place] = below(64);
        filter.bits[place] = (uint64_t)(below(5) > 0) << place;
    }
    for (uint32_t i = 0; i < 1u << OTR_STATE_BITS; i++) {
        filter.needed[i] = below(5);
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = random_word();
        weights[i] = below(6);
    }
    const size_t found = plain->filter_states(keys, weights, count, &filter, indices[0]);
    CHECK(k->filter_states(keys, weights, count, &filter, indices[1]) == found);
    CHECK(memcmp(indices[0], indices[1], found * sizeof indices[0][0]) == 0);
}

static void compare_flips(size_t count) {
    double sums[2][256];
    const size_t mask = 1 + below((uint32_t)count - 1);
    const double odds = below(1000) / 999.0;
    for (size_t i = 0; i < count; i++) {
        sums[0][i] = sums[1][i] = below(1000000) / 7.0;
    }
    plain->flip_sums(sums[0], count, mask, odds);
    k->flip_sums(sums[1], count, mask, odds);
    CHECK(memcmp(sums[0], sums[1], count * sizeof sums[0][0]) == 0);
}

static void compare_parities(size_t word_count) {
    static uint64_t words[5 * 300];
    uint32_t sets[7 * 6];
    uint64_t counts[2][7] = {{0}};
    const otr_bit_columns columns = {words, word_count + below(3), word_count};
    const size_t set_size = below(7);
    const uint32_t shift = (uint32_t)below(17);
    fill((uint8_t *)words, sizeof words, below(4) == 0 ? 1 : 4);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        sets[i] = (uint32_t)below(5);
    }
    plain->count_parities(&columns, sets, set_size, 7, shift, counts[0]);
    k->count_parities(&columns, sets, set_size, 7, shift, counts[1]);
    CHECK(memcmp(counts[0], counts[1], sizeof counts[0]) == 0);
}

static void compare_dense(uint32_t tap_count, uint32_t tap_groups, uint32_t block_count, size_t voxel_count) {
    const uint32_t groups = tap_count * tap_groups, align = OTR_DENSE_GROUPS_ALIGN;
    const uint32_t block_groups = (groups + align - 1) / align * align;
    const size_t block_bytes = (size_t)block_groups * OTR_DENSE_BLOCK * OTR_DENSE_GROUP;
    const size_t sum_count = voxel_count * block_count * OTR_DENSE_BLOCK;
    int8_t *const packed = calloc(block_count, block_bytes);
    uint8_t *const scratch = malloc((size_t)OTR_DENSE_TILE * block_groups * OTR_DENSE_GROUP);
    uint8_t input[3000], outputs[2][40 * 8 * OTR_DENSE_BLOCK], table[OTR_DENSE_TABLE];
    uint32_t taps[200], voxels[40];
    int32_t sums[2][40 * 8 * OTR_DENSE_BLOCK];
    float scales[40 * 8 * OTR_DENSE_BLOCK], offsets[40 * 8 * OTR_DENSE_BLOCK];
    const bool extreme = below(4) == 0;
    const otr_dense_weights weights = {packed, taps, tap_count, tap_groups, block_groups, block_count};
    for (uint32_t block = 0; block < block_count; block++) {
        for (size_t i = 0; i < (size_t)groups * OTR_DENSE_BLOCK * OTR_DENSE_GROUP; i++) {
            packed[block * block_bytes + i] = (int8_t)(extreme ? -127 : (int)below(255) - 127);
        }
    }
    for (uint32_t i = 0; i < sizeof input; i++) {
        input[i] = (uint8_t)(extreme ? 127 : below(128));
        table[i % OTR_DENSE_TABLE] = (uint8_t)(i * 7 % 128);
    }
    for (uint32_t i = 0; i < 200; i++) {
        taps[i] = below(1000);
        voxels[i % 40] = below(1000);
    }
    memset(sums, CANARY, sizeof sums);
    plain->dense_sums(&weights, input, voxels, voxel_count, scratch, sums[0]);
    k->dense_sums(&weights, input, voxels, voxel_count, scratch, sums[1]);
    CHECK(memcmp(sums[0], sums[1], sizeof sums[0]) == 0);
    for (size_t i = 0; i < sum_count; i++) {
        scales[i] = (float)below(1000) * 1e-4f;
        offsets[i] = (float)below(2000) - 500.25f;
    }
    memset(outputs, CANARY, sizeof outputs);
    plain->dense_activate(sums[0], scales, offsets, table, sum_count, outputs[0]);
    k->dense_activate(sums[0], scales, offsets, table, sum_count, outputs[1]);
    CHECK(memcmp(outputs[0], outputs[1], sizeof outputs[0]) == 0);
    free(packed);
    free(scratch);
}

/* Rows and matrices of random numbers, on cache lines as the contract wants them. */
typedef struct event_data {
    _Alignas(64) uint8_t features[EVENTS * OTR_EVENT_WIDTH_MAX];
    _Alignas(64) int16_t rows[2 * CLASSES * OTR_EVENT_WIDTH_MAX];
    _Alignas(64) int8_t matrices[2 * CLASSES * OTR_EVENT_WIDTH_MAX * OTR_EVENT_WIDTH_MAX];
    _Alignas(64) int32_t biases[OTR_EVENT_WIDTH_MAX];
    _Alignas(64) int16_t row_sums[2][EVENTS * OTR_EVENT_WIDTH_MAX];
    _Alignas(64) int32_t sums[2][EVENTS * OTR_EVENT_WIDTH_MAX];
    _Alignas(64) uint8_t narrowed[2][EVENTS * OTR_EVENT_WIDTH_MAX];
    otr_event_spot spots[NODES];
    otr_event_pair pairs[PAIRS];
    uint32_t nodes[EVENTS], listed[EVENTS], named[EVENTS];
    otr_override edges[NODES * 32], out[2][EVENTS * 32 + OTR_EVENT_OVERRIDE_SLACK];
} event_data;

static void fill_events(event_data *d, bool extreme) {
    memset(d, 0, sizeof *d);
    for (size_t i = 0; i < sizeof d->features; i++) {
        d->features[i] = (uint8_t)(extreme ? 127 : below(128));
    }
    for (size_t i = 0; i < sizeof d->rows / sizeof d->rows[0]; i++) {
        d->rows[i] = (int16_t)((int)below(1000) - 500);
    }
    for (size_t i = 0; i < sizeof d->matrices; i++) {
        d->matrices[i] = (int8_t)(extreme ? -128 : (int)below(256) - 128);
    }
    for (size_t i = 0; i < OTR_EVENT_WIDTH_MAX; i++) {
        d->biases[i] = (int32_t)below(1u << 30) - (1 << 29);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        d->spots[i] = (otr_event_spot){(uint16_t)below(2 * CLASSES), (uint16_t)below(2 * CLASSES)};
    }
    for (uint32_t i = 0; i < PAIRS; i++) {
        d->pairs[i] = (otr_event_pair){below(EVENTS), below(EVENTS), below(CLASSES)};
        d->pairs[i].second +=
            d->pairs[i].first == d->pairs[i].second ? (d->pairs[i].first > 0 ? -1u : 1u) : 0;
    }
    for (uint32_t i = 0; i < EVENTS; i++) {
        d->nodes[i] = below(NODES);
        d->listed[i] = EVENTS - 1 - i;
        d->named[i] = (uint32_t)random_word();
    }
    for (uint32_t i = 0; i < NODES * 32; i++) {
        d->edges[i] =
            (otr_override){below(5) == 0 ? UINT32_MAX : below(1000), (int32_t)below(1u << 28) - (1 << 27)};
    }
}

static void compare_rows(event_data *d, uint32_t w, size_t count, uint32_t shift) {
    const otr_event_layers *const tables[] = {&plain->event_layers[w / OTR_EVENT_WIDTH_STEP - 1],
                                              &k->event_layers[w / OTR_EVENT_WIDTH_STEP - 1]};
    for (int i = 0; i < 2; i++) {
        tables[i]->start_rows(d->rows, d->rows + w, d->spots, d->nodes, count, d->row_sums[i]);
        tables[i]->add_rows(d->rows, d->pairs, count == EVENTS ? PAIRS : 0, d->row_sums[i]);
        tables[i]->narrow_rows(d->row_sums[i], count, shift, d->narrowed[i]);
    }
    CHECK(memcmp(d->row_sums[0], d->row_sums[1], sizeof d->row_sums[0]) == 0);
    CHECK(memcmp(d->narrowed[0], d->narrowed[1], sizeof d->narrowed[0]) == 0);
}

static void compare_layers(event_data *d, uint32_t w, size_t count, uint32_t shift, uint32_t slots) {
    const otr_event_layers *const tables[] = {&plain->event_layers[w / OTR_EVENT_WIDTH_STEP - 1],
                                              &k->event_layers[w / OTR_EVENT_WIDTH_STEP - 1]};
    const size_t stride = (slots + OTR_EVENT_HEAD - 1) / OTR_EVENT_HEAD * OTR_EVENT_HEAD;
    size_t written[2];
    for (int i = 0; i < 2; i++) {
        tables[i]->dense(d->matrices, d->biases, shift, d->listed, count, d->features, d->sums[i]);
        tables[i]->messages(d->matrices, d->pairs, PAIRS, d->features, d->sums[i]);
        tables[i]->narrow_sums(d->sums[i], count, shift, d->narrowed[i]);
    }
    CHECK(memcmp(d->sums[0], d->sums[1], sizeof d->sums[0]) == 0);
    CHECK(memcmp(d->narrowed[0], d->narrowed[1], sizeof d->narrowed[0]) == 0);
    for (int i = 0; i < 2; i++) {
        for (size_t first = 0; first < stride; first += OTR_EVENT_HEAD) {
            tables[i]->head(d->matrices + first * w, d->biases + first, shift, d->listed, count, d->features,
                            d->sums[i] + first, stride);
        }
        written[i] = tables[i]->write_overrides(d->edges, slots, d->nodes, d->named, count, d->sums[i],
                                                stride, 34, d->out[i]);
    }
    CHECK(memcmp(d->sums[0], d->sums[1], sizeof d->sums[0]) == 0);
    CHECK(written[0] == written[1] && memcmp(d->out[0], d->out[1], written[0] * sizeof d->out[0][0]) == 0);
}

/* Floats: alike but for rounding. */
static void compare_training(uint32_t width, size_t count) {
    static float weights[64 * 64], in[EVENTS * 64], out[2][EVENTS * 64], products[2][64 * 64];
    uint32_t target[PAIRS], source[PAIRS];
    for (size_t i = 0; i < 64 * 64; i++) {
        weights[i] = (float)below(2000) * 1e-3f - 1;
        in[i % (EVENTS * 64)] = (float)below(2000) * 1e-3f - 1;
    }
    for (size_t i = 0; i < PAIRS; i++) {
        target[i] = below(EVENTS);
        source[i] = below(EVENTS);
    }
    memset(out, 0, sizeof out);
    memset(products, 0, sizeof products);
    plain->training_blocks->apply(width, count, target, source, weights, in, out[0]);
    k->training_blocks->apply(width, count, target, source, weights, in, out[1]);
    plain->training_blocks->outer(width, count, target, source, in, weights, products[0]);
    k->training_blocks->outer(width, count, target, source, in, weights, products[1]);
    for (size_t i = 0; i < EVENTS * 64; i++) {
        CHECK(fabsf(out[0][i] - out[1][i]) < 1e-4f);
    }
    for (size_t i = 0; i < 64 * 64; i++) {
        CHECK(fabsf(products[0][i] - products[1][i]) < 1e-4f);
    }
}

static void compare_event_families(void) {
    static event_data data;
    for (uint32_t width = OTR_EVENT_WIDTH_STEP; width <= OTR_EVENT_WIDTH_MAX; width += OTR_EVENT_WIDTH_STEP) {
        for (uint32_t shift = 0; shift <= 16; shift++) {
            fill_events(&data, shift % 4 == 3);
            for (size_t count = 0; count <= EVENTS; count++) {
                compare_rows(&data, width, count, shift);
                compare_layers(&data, width, count, shift, 1 + below(32));
                compare_training(width, count);
            }
        }
    }
}

static void compare_all(void) {
    static const size_t sizes[] = {0,  1,  7,   8,   9,   31,  32,  33,         63,
                                   64, 65, 127, 128, 129, 255, 511, 31 * 64 + 7};
    static const uint32_t shapes[][3] = {{1, 1, 1}, {27, 1, 4}, {2, 12, 5}, {27, 4, 8}, {125, 4, 1}};
    for (int pattern = 0; pattern < 5; pattern++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (size_t offset = 0; offset < OFFSETS; offset++) {
                compare_bits(sizes[i], pattern, offset);
            }
            compare_words(sizes[i] < 590 ? sizes[i] : 590, pattern);
        }
        for (uint32_t count = 0; count <= 64; count++) {
            compare_arcs(count, pattern);
        }
    }
    for (size_t count = 0; count <= 67; count++) {
        compare_states(count);
    }
    for (size_t count = 2; count <= 256; count *= 2) {
        compare_flips(count);
    }
    for (size_t i = 0; i < 1500; i++) {
        compare_parities(i % 298);
    }
    compare_long_counts();
    for (int i = 0; i < 500; i++) {
        compare_random_numbers();
        compare_logarithms((size_t)i % 67);
    }
    for (size_t voxels = 0; voxels <= 33; voxels += voxels < 8 ? 1 : 5) {
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            compare_dense(shapes[i][0], shapes[i][1], shapes[i][2], voxels);
        }
    }
    compare_event_families();
}

int main(void) {
    plain = otr_kernels_for(OTR_ISA_PORTABLE);
    for (int isa = OTR_ISA_AVX2; isa < OTR_ISA_AMX; isa++) {
        k = otr_kernels_for((otr_isa)isa);
        if (k != NULL) {
            compare_all();
            printf("%s\n", otr_isa_name(k->isa));
        }
    }
    return 0;
}
