/* Dense convolutions on AMX: tdpbusd multiplies a tile of 16 voxels x 64 input bytes by a tile of 64 input
 * bytes x 16 output channels. The packed weights are such tiles already; the inputs of 32 voxels are gathered
 * from their taps into rows of scratch memory. Two tiles of voxels by two blocks make four tiles of sums.
 *
 * The tile configuration is set and released by every call, so that none outlives it. */
#include "kernels/dense_kernels.h"

/* Clang 14 spells it without the underscore. */
#if !defined(__AMX_INT8__) && !defined(__AMXINT8__)
#error "compile this file with its instruction set enabled (see c_core/instruction_sets.txt)"
#endif

#include <immintrin.h>

#define TILE_ROWS 16
#define TILE_BYTES 64
#define WEIGHT_TILE_BYTES (TILE_ROWS * TILE_BYTES)

/* Tiles 0-3: sums, 4-5: inputs of two times 16 voxels, 6-7: weights of two blocks. All are full. */
typedef struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_configuration;

static void configure(void) {
    tile_configuration configuration = {.palette = 1};
    for (int tile = 0; tile < 8; tile++) {
        configuration.row_bytes[tile] = TILE_BYTES;
        configuration.rows[tile] = TILE_ROWS;
    }
    /* Some compilers believe that the instruction reads less than it does, and would drop the stores. */
    __asm__ volatile("" : : "r"(&configuration) : "memory");
    _tile_loadconfig(&configuration);
}

/* Rows of all inputs of each voxel, tap by tap, filled up with zeros; the last voxel stands in for missing
 * ones. */
static void gather(const otr_dense_weights *weights, const uint8_t *input, const uint32_t *voxels,
                   size_t voxel_count, uint8_t *rows) {
    const size_t row_bytes = (size_t)weights->block_groups * OTR_DENSE_GROUP;
    const size_t tap_bytes = (size_t)weights->tap_groups * OTR_DENSE_GROUP;
    const size_t used = weights->tap_count * tap_bytes;
    for (size_t v = 0; v < OTR_DENSE_TILE; v++) {
        const uint8_t *const voxel = input + voxels[v < voxel_count ? v : voxel_count - 1];
        uint8_t *const row = rows + v * row_bytes;
        for (uint32_t tap = 0; tap < weights->tap_count; tap++) {
            memcpy(row + tap * tap_bytes, voxel + weights->taps[tap], tap_bytes);
        }
        memset(row + used, 0, row_bytes - used);
    }
}

/* Sums of OTR_DENSE_TILE gathered voxels and of two blocks; both times the same one if only one is left. */
static void sum_tiles(const otr_dense_weights *weights, const int8_t *first, const int8_t *second,
                      const uint8_t *rows, int32_t sums[4][TILE_ROWS * OTR_DENSE_BLOCK]) {
    const size_t row_bytes = (size_t)weights->block_groups * OTR_DENSE_GROUP;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (uint32_t group = 0; group < weights->block_groups; group += TILE_ROWS) {
        _tile_loadd(4, rows, row_bytes);
        _tile_loadd(5, rows + TILE_ROWS * row_bytes, row_bytes);
        _tile_loadd(6, first, TILE_BYTES);
        _tile_loadd(7, second, TILE_BYTES);
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
        rows += TILE_BYTES;
        first += WEIGHT_TILE_BYTES;
        second += WEIGHT_TILE_BYTES;
    }
    _tile_stored(0, sums[0], TILE_BYTES);
    _tile_stored(1, sums[1], TILE_BYTES);
    _tile_stored(2, sums[2], TILE_BYTES);
    _tile_stored(3, sums[3], TILE_BYTES);
}

OTR_DENSE_SUMS(otr_amx_dense_sums) {
    const size_t channels = (size_t)weights->block_count * OTR_DENSE_BLOCK;
    const size_t stride = otr_dense_block_bytes(weights);
    int32_t tiles[4][TILE_ROWS * OTR_DENSE_BLOCK];
    configure();
    for (size_t v = 0; v < voxel_count; v += OTR_DENSE_TILE) {
        const size_t count = voxel_count - v < OTR_DENSE_TILE ? voxel_count - v : OTR_DENSE_TILE;
        gather(weights, input, voxels + v, count, scratch);
        for (uint32_t b = 0; b < weights->block_count; b += 2) {
            const int8_t *const first = weights->weights + b * stride;
            const uint32_t blocks = weights->block_count - b < 2 ? 1 : 2;
            sum_tiles(weights, first, first + (blocks - 1) * stride, scratch, tiles);
            for (size_t i = 0; i < count; i++) {
                for (uint32_t k = 0; k < blocks; k++) {
                    memcpy(sums + (v + i) * channels + (b + k) * OTR_DENSE_BLOCK,
                           tiles[i / TILE_ROWS * 2 + k] + i % TILE_ROWS * OTR_DENSE_BLOCK, TILE_BYTES);
                }
            }
        }
    }
    _tile_release();
}
