/* Readers of shots: the public calls; the formats are in shot_decode_binary.c and shot_decode_text.c. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "shots/shot_decode.h"

#include <stdlib.h>

/* What a NULL input of zero bytes is read as. */
static const uint8_t NO_INPUT[1] = {0};

static otr_status allocate(otr_shot_reader *reader);
static otr_status check_call(otr_shot_reader *reader, const uint8_t *rows, size_t row_stride,
                             otr_error *error);
static otr_status fail(otr_shot_reader *reader, otr_error *error);
static size_t copy_b8(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, uint8_t *rows,
                      size_t row_stride, size_t row_capacity);
static otr_status decode_record(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done);
static void give_row(otr_shot_reader *reader, uint8_t *row);

otr_status otr_shot_reader_create(otr_shot_reader **out, otr_shot_format format,
                                  const otr_shot_layout *layout, otr_isa isa) {
    shot_record record;
    const otr_kernels *kernels = otr_kernels_for(isa);
    otr_shot_reader *reader;
    otr_status status;
    if (out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_shot_record_init(&record, format, layout);
    if (status != OTR_OK) {
        return status;
    }
    if (record.bits == 0 && (format == OTR_FORMAT_B8 || format == OTR_FORMAT_PTB64)) {
        return OTR_ERR_ARGUMENT;
    }
    if (kernels == NULL) {
        return OTR_ERR_UNSUPPORTED;
    }
    reader = otr_array_zeroed(1, sizeof *reader);
    if (reader == NULL) {
        return OTR_ERR_MEMORY;
    }
    reader->format = format;
    reader->record = record;
    reader->kernels = kernels;
    reader->group_shot = 64;
    status = allocate(reader);
    if (status != OTR_OK) {
        otr_shot_reader_destroy(reader);
        return status;
    }
    *out = reader;
    return OTR_OK;
}

void otr_shot_reader_destroy(otr_shot_reader *reader) {
    if (reader != NULL) {
        free(reader->row);
        free(reader->group);
        free(reader);
    }
}

otr_status otr_shot_reader_read(otr_shot_reader *reader, const uint8_t *input, size_t input_bytes,
                                size_t *consumed, uint8_t *rows, size_t row_stride, size_t row_capacity,
                                size_t *row_count, otr_error *error) {
    const uint8_t *at = input != NULL ? input : NO_INPUT;
    const uint8_t *const end = at + input_bytes;
    size_t count = 0;
    otr_status status;
    if (consumed == NULL || row_count == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "consumed and row_count must not be NULL");
    }
    *consumed = 0;
    *row_count = 0;
    if ((input == NULL && input_bytes > 0) || (rows == NULL && row_capacity > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a buffer is NULL but its size is not zero");
    }
    status = check_call(reader, rows, row_stride, error);
    if (status != OTR_OK) {
        return status;
    }
    while (count < row_capacity) {
        bool done = false;
        if (reader->format == OTR_FORMAT_B8) {
            count += copy_b8(reader, &at, end, rows + count * row_stride, row_stride, row_capacity - count);
            if (count == row_capacity) {
                break;
            }
        }
        status = decode_record(reader, &at, end, &done);
        if (!done) {
            break;
        }
        give_row(reader, rows + count * row_stride);
        count++;
    }
    *consumed = input_bytes - (size_t)(end - at);
    *row_count = count;
    return status == OTR_OK ? OTR_OK : fail(reader, error);
}

otr_status otr_shot_reader_finish(otr_shot_reader *reader, uint8_t *rows, size_t row_stride,
                                  size_t *row_count, otr_error *error) {
    bool done = false;
    otr_status status;
    if (row_count == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "row_count must not be NULL");
    }
    *row_count = 0;
    status = check_call(reader, rows, row_stride, error);
    if (status != OTR_OK) {
        return status;
    }
    if (rows == NULL || reader->group_shot < 64) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "finish needs room for a row and no row waiting");
    }
    switch (reader->format) {
    case OTR_FORMAT_B8:
    case OTR_FORMAT_R8:
    case OTR_FORMAT_PTB64:
        status = otr_shot_end_binary(reader, &done);
        break;
    case OTR_FORMAT_01:
    case OTR_FORMAT_HITS:
    case OTR_FORMAT_DETS:
        status = otr_shot_end_text(reader, &done);
        break;
    }
    if (status != OTR_OK) {
        return fail(reader, error);
    }
    if (done) {
        give_row(reader, rows);
        *row_count = 1;
    }
    return OTR_OK;
}

uint64_t otr_shot_reader_shots(const otr_shot_reader *reader) {
    return reader->shots;
}

static otr_status allocate(otr_shot_reader *reader) {
    const uint64_t bits = reader->record.bits;
    reader->row_bytes = otr_bytes_for_bits(bits);
    reader->row = otr_array_zeroed(reader->row_bytes, 1);
    if (reader->row == NULL) {
        return OTR_ERR_MEMORY;
    }
    if (reader->format == OTR_FORMAT_PTB64) {
        reader->group_blocks = (size_t)((bits + 63) / 64);
        reader->group = otr_array_zeroed(reader->group_blocks, 64 * sizeof *reader->group);
        if (reader->group == NULL) {
            return OTR_ERR_MEMORY;
        }
    }
    return OTR_OK;
}

static otr_status check_call(otr_shot_reader *reader, const uint8_t *rows, size_t row_stride,
                             otr_error *error) {
    if (reader == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "reader must not be NULL");
    }
    if (reader->failed.status != OTR_OK) {
        return fail(reader, error);
    }
    if (rows != NULL && row_stride < reader->row_bytes) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "row_stride %zu is less than the %zu bytes of a row", row_stride,
                             reader->row_bytes);
    }
    return OTR_OK;
}

static otr_status fail(otr_shot_reader *reader, otr_error *error) {
    if (error != NULL) {
        *error = reader->failed;
    }
    return reader->failed.status;
}

/* Whole b8 records need no reader state. Stops at one with set padding bits, which otr_shot_decode_b8
 * refuses. */
static size_t copy_b8(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, uint8_t *rows,
                      size_t row_stride, size_t row_capacity) {
    const size_t row_bytes = reader->row_bytes;
    const uint32_t used = (uint32_t)(reader->record.bits % 8);
    const uint8_t padding = used == 0 ? 0 : (uint8_t)(0xFFu << used);
    size_t count;
    if (reader->position != 0) {
        return 0;
    }
    count = (size_t)(end - *at) / row_bytes;
    if (count > row_capacity) {
        count = row_capacity;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *const row = *at + i * row_bytes;
        if ((row[row_bytes - 1] & padding) != 0) {
            count = i;
            break;
        }
        memcpy(rows + i * row_stride, row, row_bytes);
    }
    *at += count * row_bytes;
    reader->shots += count;
    return count;
}

static otr_status decode_record(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done) {
    switch (reader->format) {
    case OTR_FORMAT_01:
        return otr_shot_decode_01(reader, at, end, done);
    case OTR_FORMAT_B8:
        return otr_shot_decode_b8(reader, at, end, done);
    case OTR_FORMAT_R8:
        return otr_shot_decode_r8(reader, at, end, done);
    case OTR_FORMAT_PTB64:
        return otr_shot_decode_ptb64(reader, at, end, done);
    case OTR_FORMAT_HITS:
        return otr_shot_decode_hits(reader, at, end, done);
    case OTR_FORMAT_DETS:
        return otr_shot_decode_dets(reader, at, end, done);
    }
    return OTR_ERR_ARGUMENT;
}

/* Hands out the finished record and clears it: the sparse formats only set bits. */
static void give_row(otr_shot_reader *reader, uint8_t *row) {
    memcpy(row, reader->row, reader->row_bytes);
    memset(reader->row, 0, reader->row_bytes);
    reader->shots++;
}
