/* Bytes of a result format -> rows: the same rows or the same error however the input is split, and the same
 * rows again after writing them.
 *
 * The first bytes choose the format, the layout, the instruction set and the splits; the rest is the file. */
#include "fuzz.h"

enum { PIECE_MAX = 24, CAPACITY_MAX = 5 };

/* All rows of a stream, and how it ended. */
typedef struct stream {
    uint8_t *rows;
    size_t stride;
    size_t count;
    otr_status status;
    otr_error error;
} stream;

static size_t bits_of(const otr_shot_layout *layout) {
    return (size_t)(layout->measurements + layout->detectors + layout->observables);
}

static void append(stream *out, const uint8_t *rows, size_t count) {
    uint8_t *const grown = realloc(out->rows, (out->count + count) * out->stride + 1);
    CHECK(grown != NULL);
    if (count * out->stride > 0) {
        memcpy(grown + out->count * out->stride, rows, count * out->stride);
    }
    out->rows = grown;
    out->count += count;
}

/* Reads all of `data`, in pieces and into row buffers whose sizes follow from `seed`; seed 0 is all at once.
 */
static stream read_all(otr_shot_format format, const otr_shot_layout *layout, otr_isa isa,
                       const uint8_t *data, size_t size, uint32_t seed) {
    stream out = {.stride = (bits_of(layout) + 7) / 8};
    otr_shot_reader *reader = NULL;
    uint32_t random = seed;
    bool full = false; /* the reader may hold more rows */
    out.status = otr_shot_reader_create(&reader, format, layout, isa);
    if (out.status != OTR_OK) {
        return out;
    }
    for (size_t at = 0; out.status == OTR_OK && (full || at < size);) {
        size_t piece = size - at, capacity = 8 * size + 1, consumed = 0, count = 0;
        uint8_t *input = NULL, *rows = NULL;
        if (seed != 0) {
            random = random * 1664525 + 1013904223;
            piece = (random >> 8) % PIECE_MAX < piece ? (random >> 8) % PIECE_MAX : piece;
            capacity = 1 + (random >> 24) % CAPACITY_MAX;
        }
        input = allocate(piece);
        rows = allocate(capacity * out.stride);
        if (piece > 0) {
            memcpy(input, data + at, piece);
        }
        out.status = otr_shot_reader_read(reader, input, piece, &consumed, rows, out.stride, capacity, &count,
                                          &out.error);
        CHECK(consumed <= piece && count <= capacity);
        CHECK(out.status != OTR_OK || consumed == piece || count == capacity);
        append(&out, rows, count);
        at += consumed;
        full = count == capacity;
        free(input);
        free(rows);
    }
    if (out.status == OTR_OK) {
        uint8_t *const row = allocate(out.stride);
        size_t count = 0;
        out.status = otr_shot_reader_finish(reader, row, out.stride, &count, &out.error);
        CHECK(count <= 1);
        append(&out, row, count);
        free(row);
    }
    if (out.status == OTR_OK) {
        CHECK(otr_shot_reader_shots(reader) == out.count);
    } else {
        check_error(out.status, &out.error);
    }
    otr_shot_reader_destroy(reader);
    return out;
}

static void check_same(const stream *a, const stream *b) {
    CHECK(a->status == b->status);
    CHECK(a->count == b->count);
    CHECK(a->count * a->stride == 0 || memcmp(a->rows, b->rows, a->count * a->stride) == 0);
    if (a->status != OTR_OK) {
        CHECK(a->error.line == b->error.line && a->error.column == b->error.column);
        CHECK(strcmp(a->error.message, b->error.message) == 0);
    }
}

static void write_and_read(const stream *rows, otr_shot_format format, const otr_shot_layout *layout,
                           otr_isa isa) {
    otr_shot_writer *writer = NULL;
    const uint8_t *bytes = NULL;
    size_t byte_count = 0;
    otr_status status;
    CHECK(otr_shot_writer_create(&writer, format, layout, isa) == OTR_OK);
    status = otr_shot_writer_write(writer, rows->rows, rows->stride, rows->count, &bytes, &byte_count);
    CHECK(status == OTR_OK);
    if (format != OTR_FORMAT_PTB64 || rows->count % 64 == 0) {
        stream again = read_all(format, layout, isa, bytes, byte_count, 0);
        check_same(rows, &again);
        free(again.rows);
    }
    otr_shot_writer_destroy(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    const otr_shot_format format = (otr_shot_format)(take_byte(&in) % 6);
    const otr_isa isa = pick_isa(take_byte(&in));
    const uint32_t seed = 1 + (uint32_t)take_byte(&in);
    otr_shot_layout layout;
    stream whole, parts;
    layout.measurements = take_byte(&in);
    layout.detectors = take_byte(&in);
    layout.observables = take_byte(&in);
    whole = read_all(format, &layout, isa, in.data, in.size, 0);
    parts = read_all(format, &layout, OTR_ISA_PORTABLE, in.data, in.size, seed);
    check_same(&whole, &parts);
    if (whole.status == OTR_OK && bits_of(&layout) > 0) {
        write_and_read(&whole, format, &layout, isa);
    }
    free(whole.rows);
    free(parts.rows);
    return 0;
}
