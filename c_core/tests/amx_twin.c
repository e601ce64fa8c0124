/* The AMX convolution of src/kernels/dense_kernels_avx512amx.c on tiles in plain C, against the portable one:
 * what runs here is that very source, only the tile instructions are emulated. Prints how many sums agree. */
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64 };

static uint8_t tiles[TILES][ROWS][ROW_BYTES];
static bool configured;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition);                            \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* Palette 1, and eight full tiles: byte 0, row bytes from byte 16 on, rows from byte 48 on. */
static void load_configuration(const void *configuration) {
    const uint8_t *const bytes = configuration;
    CHECK(bytes[0] == 1 && bytes[1] == 0);
    for (int tile = 0; tile < TILES; tile++) {
        CHECK(bytes[16 + 2 * tile] == ROW_BYTES && bytes[17 + 2 * tile] == 0 && bytes[48 + tile] == ROWS);
    }
    configured = true;
}

static void load_tile(int tile, const void *base, size_t stride) {
    CHECK(configured);
    for (int row = 0; row < ROWS; row++) {
        memcpy(tiles[tile][row], (const uint8_t *)base + (size_t)row * stride, ROW_BYTES);
    }
}

static void store_tile(int tile, void *base, size_t stride) {
    CHECK(configured);
    for (int row = 0; row < ROWS; row++) {
        memcpy((uint8_t *)base + (size_t)row * stride, tiles[tile][row], ROW_BYTES);
    }
}

static void add_products(int sums, int left, int right) {
    CHECK(configured);
    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < ROWS; column++) {
            int32_t sum;
            memcpy(&sum, &tiles[sums][row][4 * column], sizeof sum);
            for (int k = 0; k < ROW_BYTES; k++) {
                sum += tiles[left][row][k] * (int8_t)tiles[right][k / 4][4 * column + k % 4];
            }
            memcpy(&tiles[sums][row][4 * column], &sum, sizeof sum);
        }
    }
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbusd
#define _tile_loadconfig(configuration) load_configuration(configuration)
#define _tile_release() (configured = 0)
#define _tile_zero(tile) memset(tiles[tile], 0, sizeof tiles[tile])
#define _tile_loadd(tile, base, stride) load_tile(tile, base, stride)
#define _tile_stored(tile, base, stride) store_tile(tile, base, stride)
#define _tile_dpbusd(sums, left, right) add_products(sums, left, right)
#define __AMX_INT8__ 1
#include "kernels/dense_kernels_avx512amx.c"

static uint32_t state = 1;

static uint32_t below(uint32_t bound) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % bound;
}

/* A layer of random shape and contents; returns the number of sums. */
static size_t compare(uint32_t tap_count, uint32_t tap_groups, uint32_t block_count, size_t voxel_count) {
    const uint32_t groups = tap_count * tap_groups;
    const uint32_t input_bytes = 5000;
    const size_t sum_count = voxel_count * block_count * OTR_DENSE_BLOCK;
    otr_dense_weights weights = {
        .tap_count = tap_count, .tap_groups = tap_groups, .block_count = block_count};
    uint32_t *taps = malloc(tap_count * sizeof *taps), *voxels = malloc(voxel_count * sizeof *voxels);
    uint8_t *input = malloc(input_bytes), *scratch;
    int32_t *expected = malloc(sum_count * sizeof *expected), *sums = malloc(sum_count * sizeof *sums);
    int8_t *packed;
    weights.block_groups =
        (groups + OTR_DENSE_GROUPS_ALIGN - 1) / OTR_DENSE_GROUPS_ALIGN * OTR_DENSE_GROUPS_ALIGN;
    packed = calloc(block_count, otr_dense_block_bytes(&weights));
    scratch = malloc((size_t)OTR_DENSE_TILE * weights.block_groups * OTR_DENSE_GROUP);
    for (uint32_t block = 0; block < block_count; block++) {
        for (size_t i = 0; i < (size_t)groups * OTR_DENSE_BLOCK * OTR_DENSE_GROUP; i++) {
            packed[block * otr_dense_block_bytes(&weights) + i] = (int8_t)((int)below(255) - 127);
        }
    }
    for (uint32_t i = 0; i < input_bytes; i++) {
        input[i] = (uint8_t)below(128);
    }
    for (uint32_t i = 0; i < tap_count; i++) {
        taps[i] = below(1000);
    }
    for (size_t i = 0; i < voxel_count; i++) {
        voxels[i] = below(1000);
    }
    weights.weights = packed;
    weights.taps = taps;
    otr_portable_dense_sums(&weights, input, voxels, voxel_count, scratch, expected);
    otr_amx_dense_sums(&weights, input, voxels, voxel_count, scratch, sums);
    CHECK(memcmp(sums, expected, sum_count * sizeof *sums) == 0);
    CHECK(!configured);
    free(taps);
    free(voxels);
    free(input);
    free(scratch);
    free(packed);
    free(expected);
    free(sums);
    return sum_count;
}

int main(void) {
    static const uint32_t shapes[][3] = {{27, 1, 8}, {27, 32, 1}, {27, 4, 3}, {125, 4, 2}, {1, 1, 1}};
    static const size_t voxel_counts[] = {1, 15, 16, 17, 32, 33, 96};
    size_t sums = 0;
    for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
        for (size_t i = 0; i < sizeof voxel_counts / sizeof voxel_counts[0]; i++) {
            sums += compare(shapes[shape][0], shapes[shape][1], shapes[shape][2], voxel_counts[i]);
        }
    }
    printf("%zu\n", sums);
    return 0;
}
