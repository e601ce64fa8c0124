/* Decoding b8 (packed bits), r8 (run lengths) and ptb64 (64 shots transposed). */
#include "common/bits.h"
#include "common/error.h"
#include "shots/shot_decode.h"

static bool take_bytes(otr_shot_reader *reader, uint8_t *into, size_t wanted, const uint8_t **at,
                       const uint8_t *end);
static void group_row(const otr_shot_reader *reader, uint8_t *row);

/* Only records cut by the end of the input, and bad ones, come here: see copy_b8 in shot_reader.c. */
otr_status otr_shot_decode_b8(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done) {
    otr_status status;
    if (!take_bytes(reader, reader->row, reader->row_bytes, at, end)) {
        return OTR_OK;
    }
    status = otr_shot_check_padding(reader, reader->row);
    *done = status == OTR_OK;
    return status;
}

otr_status otr_shot_check_padding(otr_shot_reader *reader, const uint8_t *row) {
    const uint8_t last = row[reader->row_bytes - 1];
    const uint32_t used = (uint32_t)(reader->record.bits % 8);
    if (used == 0 || last >> used == 0) {
        return OTR_OK;
    }
    return otr_error_set(&reader->failed, OTR_ERR_FORMAT, reader->shots + 1, 0,
                         "bits past the shot's %llu are set in its last byte, 0x%02X: another bit order "
                         "(np.packbits needs bitorder='little'), or shots of another width",
                         (unsigned long long)reader->record.bits, last);
}

/* A byte b < 255 is b zeros and a one, 255 is 255 zeros; the one that ends a shot lies just past its last
 * bit. */
otr_status otr_shot_decode_r8(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done) {
    const uint64_t bits = reader->record.bits;
    uint64_t position = reader->position;
    const uint8_t *next = *at;
    otr_status status = OTR_OK;
    while (next != end) {
        const uint8_t run = *next++;
        reader->started = true;
        position += run;
        if (position > bits) {
            status = otr_error_set(&reader->failed, OTR_ERR_FORMAT, reader->shots + 1, 0,
                                   "a run of zeros passes the end of the shot's %llu bits",
                                   (unsigned long long)bits);
            break;
        }
        if (run == 255) {
            continue;
        }
        if (position == bits) {
            position = 0;
            reader->started = false;
            *done = true;
            break;
        }
        otr_bit_flip(reader->row, position++);
    }
    reader->position = position;
    *at = next;
    return status;
}

otr_status otr_shot_decode_ptb64(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end,
                                 bool *done) {
    if (reader->group_shot == 64) {
        const size_t group_bytes = (size_t)reader->record.bits * 8;
        if (!take_bytes(reader, (uint8_t *)reader->group, group_bytes, at, end)) {
            return OTR_OK;
        }
        for (size_t word = 0; word < 64 * reader->group_blocks; word++) {
            reader->group[word] =
                word < reader->record.bits ? otr_load_le64((uint8_t *)(reader->group + word)) : 0;
        }
        for (size_t block = 0; block < reader->group_blocks; block++) {
            reader->kernels->transpose_64x64(reader->group + 64 * block);
        }
        reader->group_shot = 0;
    }
    group_row(reader, reader->row);
    reader->group_shot++;
    *done = true;
    return OTR_OK;
}

otr_status otr_shot_end_binary(otr_shot_reader *reader, bool *done) {
    const unsigned long long position = reader->position;
    const unsigned long long bits = reader->record.bits;
    *done = false;
    if (reader->format == OTR_FORMAT_R8 && reader->started) {
        return otr_error_set(&reader->failed, OTR_ERR_TRUNCATED, reader->shots + 1, 0,
                             "the input ends after %llu of the shot's %llu bits", position, bits);
    }
    if (reader->format == OTR_FORMAT_B8 && position != 0) {
        return otr_error_set(&reader->failed, OTR_ERR_TRUNCATED, reader->shots + 1, 0,
                             "the input ends after %llu of the shot's %zu bytes", position,
                             reader->row_bytes);
    }
    if (reader->format == OTR_FORMAT_PTB64 && position != 0) {
        return otr_error_set(&reader->failed, OTR_ERR_TRUNCATED, reader->shots + 1, 0,
                             "the input ends after %llu of the %llu bytes of a group of 64 shots", position,
                             bits * 8);
    }
    return OTR_OK;
}

/* Fills into[position..wanted]; true when it is full, and then starts over. */
static bool take_bytes(otr_shot_reader *reader, uint8_t *into, size_t wanted, const uint8_t **at,
                       const uint8_t *end) {
    const size_t available = (size_t)(end - *at);
    size_t part = wanted - (size_t)reader->position;
    if (part > available) {
        part = available;
    }
    if (part > 0) {
        memcpy(into + reader->position, *at, part);
        *at += part;
        reader->position += part;
    }
    if (reader->position < wanted) {
        return false;
    }
    reader->position = 0;
    return true;
}

/* After the transposes, word s of block b holds bits 64*b .. 64*b+63 of shot s. */
static void group_row(const otr_shot_reader *reader, uint8_t *row) {
    const uint64_t *word = reader->group + reader->group_shot;
    size_t left = reader->row_bytes;
    for (; left >= 8; left -= 8, row += 8, word += 64) {
        otr_store_le64(row, *word);
    }
    for (size_t i = 0; i < left; i++) {
        row[i] = (uint8_t)(*word >> (8 * i));
    }
}
