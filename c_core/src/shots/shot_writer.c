/* Writers of shots: rows of packed bits to the bytes of each format. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "outrider/kernels.h"
#include "shots/shot_format.h"

#include <stdlib.h>

/* Bits of a row whose set indices are listed at a time; a multiple of 8. */
#define CHUNK_BITS 4096
/* Characters of one index: separator, letter, ten digits. */
#define INDEX_BYTES_MAX 12

struct otr_shot_writer {
    otr_shot_format format;
    shot_record record;
    const otr_kernels *kernels;
    size_t row_bytes;
    uint8_t *bytes; /* the encoded bytes of this call */
    size_t byte_count, byte_capacity;
    uint64_t *group; /* ptb64: word s of block b holds bits 64*b .. 64*b+63 of shot s */
    size_t group_blocks;
    uint32_t group_shots; /* rows held back */
    uint64_t shots;
    uint32_t indices[CHUNK_BITS + OTR_INDEX_SLACK];
};

static otr_status write_row(otr_shot_writer *writer, const uint8_t *row);
static uint8_t *room(otr_shot_writer *writer, size_t wanted);
static otr_status write_01(otr_shot_writer *writer, const uint8_t *row);
static otr_status write_b8(otr_shot_writer *writer, const uint8_t *row);
static otr_status write_r8(otr_shot_writer *writer, const uint8_t *row);
static otr_status write_ptb64(otr_shot_writer *writer, const uint8_t *row);
static otr_status write_hits(otr_shot_writer *writer, const uint8_t *row);
static otr_status write_dets(otr_shot_writer *writer, const uint8_t *row);
static size_t list_chunk(otr_shot_writer *writer, const uint8_t *row, uint64_t base);
static uint8_t *put_number(uint8_t *to, uint64_t number);

otr_status otr_shot_writer_create(otr_shot_writer **out, otr_shot_format format,
                                  const otr_shot_layout *layout, otr_isa isa) {
    shot_record record;
    const otr_kernels *kernels = otr_kernels_for(isa);
    otr_shot_writer *writer;
    otr_status status;
    if (out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    status = otr_shot_record_init(&record, format, layout);
    if (status != OTR_OK) {
        return status;
    }
    if (kernels == NULL) {
        return OTR_ERR_UNSUPPORTED;
    }
    writer = otr_array_zeroed(1, sizeof *writer);
    if (writer == NULL) {
        return OTR_ERR_MEMORY;
    }
    writer->format = format;
    writer->record = record;
    writer->kernels = kernels;
    writer->row_bytes = otr_bytes_for_bits(record.bits);
    if (format == OTR_FORMAT_PTB64) {
        writer->group_blocks = (size_t)((record.bits + 63) / 64);
        writer->group = otr_array_zeroed(writer->group_blocks, 64 * sizeof *writer->group);
        if (writer->group == NULL) {
            otr_shot_writer_destroy(writer);
            return OTR_ERR_MEMORY;
        }
    }
    *out = writer;
    return OTR_OK;
}

void otr_shot_writer_destroy(otr_shot_writer *writer) {
    if (writer != NULL) {
        free(writer->bytes);
        free(writer->group);
        free(writer);
    }
}

otr_status otr_shot_writer_write(otr_shot_writer *writer, const uint8_t *rows, size_t row_stride,
                                 size_t row_count, const uint8_t **bytes, size_t *byte_count) {
    if (writer == NULL || bytes == NULL || byte_count == NULL || (rows == NULL && row_count > 0) ||
        (row_count > 0 && row_stride < writer->row_bytes)) {
        return OTR_ERR_ARGUMENT;
    }
    writer->byte_count = 0;
    for (size_t i = 0; i < row_count; i++) {
        const otr_status status = write_row(writer, rows + i * row_stride);
        if (status != OTR_OK) {
            return status;
        }
        writer->shots++;
    }
    *bytes = writer->bytes;
    *byte_count = writer->byte_count;
    return OTR_OK;
}

otr_status otr_shot_writer_finish(otr_shot_writer *writer, otr_error *error) {
    if (writer == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "writer must not be NULL");
    }
    if (writer->group_shots != 0) {
        return otr_error_set(error, OTR_ERR_TRUNCATED, writer->shots, 0,
                             "ptb64 needs a multiple of 64 shots, not %llu",
                             (unsigned long long)writer->shots);
    }
    return OTR_OK;
}

static otr_status write_row(otr_shot_writer *writer, const uint8_t *row) {
    switch (writer->format) {
    case OTR_FORMAT_01:
        return write_01(writer, row);
    case OTR_FORMAT_B8:
        return write_b8(writer, row);
    case OTR_FORMAT_R8:
        return write_r8(writer, row);
    case OTR_FORMAT_PTB64:
        return write_ptb64(writer, row);
    case OTR_FORMAT_HITS:
        return write_hits(writer, row);
    case OTR_FORMAT_DETS:
        return write_dets(writer, row);
    }
    return OTR_ERR_ARGUMENT;
}

/* Where the next bytes go, with room for `wanted`; NULL when memory is out. Callers advance byte_count. */
static uint8_t *room(otr_shot_writer *writer, size_t wanted) {
    if (wanted > SIZE_MAX - writer->byte_count ||
        !otr_array_reserve((void **)&writer->bytes, &writer->byte_capacity, writer->byte_count + wanted, 1)) {
        return NULL;
    }
    return writer->bytes + writer->byte_count;
}

static otr_status write_01(otr_shot_writer *writer, const uint8_t *row) {
    const size_t bits = (size_t)writer->record.bits;
    uint8_t *to = room(writer, bits + 1);
    if (to == NULL) {
        return OTR_ERR_MEMORY;
    }
    writer->kernels->bits_to_digits(row, bits, to);
    to[bits] = '\n';
    writer->byte_count += bits + 1;
    return OTR_OK;
}

static otr_status write_b8(otr_shot_writer *writer, const uint8_t *row) {
    const uint32_t used = (uint32_t)(writer->record.bits % 8);
    uint8_t *to = room(writer, writer->row_bytes);
    if (writer->row_bytes == 0) {
        return OTR_OK;
    }
    if (to == NULL) {
        return OTR_ERR_MEMORY;
    }
    memcpy(to, row, writer->row_bytes);
    if (used != 0) {
        to[writer->row_bytes - 1] &= (uint8_t)((1u << used) - 1);
    }
    writer->byte_count += writer->row_bytes;
    return OTR_OK;
}

/* Every one, and a last one just past the shot's end, is preceded by the number of zeros before it. */
static otr_status write_r8(otr_shot_writer *writer, const uint8_t *row) {
    const uint64_t bits = writer->record.bits;
    uint64_t done = 0;
    for (uint64_t base = 0;; base += CHUNK_BITS) {
        const bool last = bits - base <= CHUNK_BITS;
        size_t count = list_chunk(writer, row, base);
        const uint64_t end = last ? bits : base + CHUNK_BITS;
        uint8_t *to = room(writer, count + 1 + (size_t)((end - done) / 255));
        uint8_t *const from = to;
        if (to == NULL) {
            return OTR_ERR_MEMORY;
        }
        if (last) {
            writer->indices[count++] = (uint32_t)(bits - base);
        }
        for (size_t i = 0; i < count; i++) {
            const uint64_t one = base + writer->indices[i];
            uint64_t zeros = one - done;
            for (; zeros >= 255; zeros -= 255) {
                *to++ = 255;
            }
            *to++ = (uint8_t)zeros;
            done = one + 1;
        }
        writer->byte_count += (size_t)(to - from);
        if (last) {
            return OTR_OK;
        }
    }
}

static otr_status write_ptb64(otr_shot_writer *writer, const uint8_t *row) {
    const size_t whole = writer->row_bytes / 8;
    const size_t left = writer->row_bytes % 8;
    const size_t group_bytes = (size_t)writer->record.bits * 8;
    uint64_t *word = writer->group + writer->group_shots;
    for (size_t i = 0; i < whole; i++, word += 64) {
        *word = otr_load_le64(row + 8 * i);
    }
    if (left > 0) {
        *word = otr_load_tail(row + 8 * whole, left);
    }
    writer->group_shots = (writer->group_shots + 1) % 64;
    if (writer->group_shots != 0 || group_bytes == 0) {
        return OTR_OK;
    }
    uint8_t *to = room(writer, group_bytes);
    if (to == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t block = 0; block < writer->group_blocks; block++) {
        writer->kernels->transpose_64x64(writer->group + 64 * block);
    }
    for (size_t i = 0; i < writer->record.bits; i++) {
        otr_store_le64(to + 8 * i, writer->group[i]);
    }
    writer->byte_count += group_bytes;
    return OTR_OK;
}

static otr_status write_hits(otr_shot_writer *writer, const uint8_t *row) {
    bool first = true;
    for (uint64_t base = 0; base < writer->record.bits; base += CHUNK_BITS) {
        const size_t count = list_chunk(writer, row, base);
        uint8_t *const from = room(writer, count * INDEX_BYTES_MAX + 1);
        uint8_t *to = from;
        if (from == NULL) {
            return OTR_ERR_MEMORY;
        }
        for (size_t i = 0; i < count; i++) {
            if (!first) {
                *to++ = ',';
            }
            first = false;
            to = put_number(to, base + writer->indices[i]);
        }
        writer->byte_count += (size_t)(to - from);
    }
    uint8_t *to = room(writer, 1);
    if (to == NULL) {
        return OTR_ERR_MEMORY;
    }
    *to = '\n';
    writer->byte_count++;
    return OTR_OK;
}

static otr_status write_dets(otr_shot_writer *writer, const uint8_t *row) {
    const shot_section *section = writer->record.sections;
    uint8_t *to = room(writer, 4);
    if (to == NULL) {
        return OTR_ERR_MEMORY;
    }
    memcpy(to, "shot", 4);
    writer->byte_count += 4;
    for (uint64_t base = 0; base < writer->record.bits; base += CHUNK_BITS) {
        const size_t count = list_chunk(writer, row, base);
        uint8_t *const from = room(writer, count * INDEX_BYTES_MAX + 1);
        to = from;
        if (from == NULL) {
            return OTR_ERR_MEMORY;
        }
        for (size_t i = 0; i < count; i++) {
            const uint64_t bit = base + writer->indices[i];
            while (bit - section->first >= section->count) {
                section++;
            }
            *to++ = ' ';
            *to++ = (uint8_t)section->letter;
            to = put_number(to, bit - section->first);
        }
        writer->byte_count += (size_t)(to - from);
    }
    to = room(writer, 1);
    if (to == NULL) {
        return OTR_ERR_MEMORY;
    }
    *to = '\n';
    writer->byte_count++;
    return OTR_OK;
}

/* Lists the ones among CHUNK_BITS bits from `base` on, relative to it. */
static size_t list_chunk(otr_shot_writer *writer, const uint8_t *row, uint64_t base) {
    const uint64_t left = writer->record.bits - base;
    return writer->kernels->bit_indices(row + base / 8, left < CHUNK_BITS ? (size_t)left : CHUNK_BITS,
                                        writer->indices);
}

static uint8_t *put_number(uint8_t *to, uint64_t number) {
    uint8_t digits[10];
    size_t count = 0;
    do {
        digits[count++] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0) {
        *to++ = digits[--count];
    }
    return to;
}
