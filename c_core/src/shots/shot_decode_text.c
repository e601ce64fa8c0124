/* Decoding 01 (a line of digits), hits (indices separated by commas) and dets ("shot" and named indices). */
#include "common/bits.h"
#include "common/error.h"
#include "shots/shot_decode.h"

static const uint8_t KEYWORD[4] = {'s', 'h', 'o', 't'};

/* Indices saturate here: past every layout, and ten times it still fits. */
#define NUMBER_MAX (OTR_SHOT_BITS_MAX * (uint64_t)16)

static size_t take_digits(otr_shot_reader *reader, const uint8_t *at, size_t wanted);
static otr_status unexpected(otr_shot_reader *reader, const char *expected, uint8_t found);
static otr_status unexpected_in_digits(otr_shot_reader *reader, uint8_t found);
static uint32_t column_of(uint64_t bytes_before);
static otr_status toggle_hit(otr_shot_reader *reader);
static otr_status set_named(otr_shot_reader *reader);
static const char *expected_in_hits(shot_place place);
static const char *expected_in_dets(shot_place place);
static const shot_section *section_of(const otr_shot_reader *reader, uint8_t letter);
static const uint8_t *take_number(otr_shot_reader *reader, const uint8_t *at, const uint8_t *end);
static void end_line(otr_shot_reader *reader);

otr_status otr_shot_decode_01(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done) {
    const uint64_t bits = reader->record.bits;
    while (*at != end) {
        const uint8_t byte = **at;
        if (reader->position < bits) {
            const size_t available = (size_t)(end - *at);
            const uint64_t left = bits - reader->position;
            const size_t wanted = left < available ? (size_t)left : available;
            const size_t taken = take_digits(reader, *at, wanted);
            *at += taken;
            reader->position += taken;
            reader->column += taken;
            if (taken < wanted) {
                return unexpected_in_digits(reader, **at);
            }
        } else if (byte == '\n') {
            *at += 1;
            end_line(reader);
            *done = true;
            return OTR_OK;
        } else if (byte == '\r' && reader->place == PLACE_START) {
            *at += 1;
            reader->column++;
            reader->place = PLACE_LINE_END;
        } else {
            return unexpected(reader, reader->place == PLACE_START ? "the end of the line" : "a line feed",
                              byte);
        }
    }
    return OTR_OK;
}

otr_status otr_shot_decode_hits(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done) {
    const uint8_t *next = *at;
    otr_status status = OTR_OK;
    while (next != end && !*done) {
        const uint8_t byte = *next;
        const bool between = reader->place == PLACE_START || reader->place == PLACE_NUMBER;
        if (byte >= '0' && byte <= '9' && reader->place != PLACE_LINE_END) {
            next = take_number(reader, next, end);
            continue;
        }
        if (reader->place == PLACE_NUMBER && (byte == ',' || byte == '\n' || byte == '\r')) {
            status = toggle_hit(reader);
            if (status != OTR_OK) {
                break;
            }
        }
        if (byte == '\n' && reader->place != PLACE_NUMBER_START) {
            end_line(reader);
            *done = true;
        } else if (byte == '\r' && between) {
            reader->place = PLACE_LINE_END;
            reader->column++;
        } else if (byte == ',' && reader->place == PLACE_NUMBER) {
            reader->place = PLACE_NUMBER_START;
            reader->column++;
        } else {
            status = unexpected(reader, expected_in_hits(reader->place), byte);
            break;
        }
        next++;
    }
    *at = next;
    return status;
}

otr_status otr_shot_decode_dets(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done) {
    const uint8_t *next = *at;
    otr_status status = OTR_OK;
    while (next != end && !*done) {
        const uint8_t byte = *next;
        const bool is_digit = byte >= '0' && byte <= '9';
        const shot_place place = reader->place;
        if (is_digit && (place == PLACE_NUMBER_START || place == PLACE_NUMBER)) {
            next = take_number(reader, next, end);
            continue;
        }
        if (place == PLACE_NUMBER) {
            status = set_named(reader);
            if (status != OTR_OK) {
                break;
            }
            reader->place = PLACE_ITEM_END;
        }
        if (reader->place == PLACE_START && (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n')) {
            reader->column = byte == '\n' ? 0 : reader->column + 1;
        } else if (reader->place <= PLACE_KEYWORD && byte == KEYWORD[reader->position]) {
            reader->column++;
            reader->position = (reader->position + 1) % sizeof KEYWORD;
            reader->place = reader->position == 0 ? PLACE_ITEM_END : PLACE_KEYWORD;
        } else if (reader->place == PLACE_ITEM_END && (byte == ' ' || byte == '\r')) {
            reader->column++;
            reader->place = byte == ' ' ? PLACE_PREFIX : PLACE_LINE_END;
        } else if (reader->place == PLACE_PREFIX && section_of(reader, byte) != NULL) {
            reader->section = section_of(reader, byte);
            reader->column++;
            reader->place = PLACE_NUMBER_START;
        } else if ((reader->place == PLACE_ITEM_END || reader->place == PLACE_LINE_END) && byte == '\n') {
            end_line(reader);
            *done = true;
        } else {
            status = unexpected(reader, expected_in_dets(place), byte);
            break;
        }
        next++;
    }
    *at = next;
    return status;
}

otr_status otr_shot_end_text(otr_shot_reader *reader, bool *done) {
    const bool is_01 = reader->format == OTR_FORMAT_01;
    const bool at_start = reader->place == PLACE_START && reader->position == 0;
    const bool between = reader->place == PLACE_NUMBER || reader->place == PLACE_ITEM_END;
    *done = false;
    if (at_start) {
        return OTR_OK;
    }
    if (reader->place != PLACE_LINE_END && !(is_01 && reader->position == reader->record.bits)) {
        return otr_error_set(&reader->failed, OTR_ERR_TRUNCATED, reader->shots + 1, column_of(reader->column),
                             "%s",
                             is_01     ? "the input ends inside a line of digits"
                             : between ? "the last line has no line feed, so it may be cut off"
                                       : "the input ends inside an item");
    }
    end_line(reader);
    *done = true;
    return OTR_OK;
}

/* Whole bytes through the kernel; single digits only where an earlier input ended inside a byte. Returns how
 * many of `wanted` characters are digits. */
static size_t take_digits(otr_shot_reader *reader, const uint8_t *at, size_t wanted) {
    size_t taken = 0;
    for (; taken < wanted && (reader->position + taken) % 8 != 0; taken++) {
        if (at[taken] != '0' && at[taken] != '1') {
            return taken;
        }
        if (at[taken] == '1') {
            otr_bit_flip(reader->row, reader->position + taken);
        }
    }
    return taken + reader->kernels->digits_to_bits(at + taken, wanted - taken,
                                                   reader->row + (reader->position + taken) / 8);
}

static uint32_t column_of(uint64_t bytes_before) {
    return bytes_before < UINT32_MAX ? (uint32_t)bytes_before + 1 : UINT32_MAX;
}

static otr_status unexpected(otr_shot_reader *reader, const char *expected, uint8_t found) {
    const uint32_t column = column_of(reader->column);
    if (found == '\n' || found == '\r') {
        return otr_error_set(&reader->failed, OTR_ERR_FORMAT, reader->shots + 1, column,
                             "expected %s, found the end of the line", expected);
    }
    if (found < 0x20 || found > 0x7E) {
        return otr_error_set(&reader->failed, OTR_ERR_FORMAT, reader->shots + 1, column,
                             "expected %s, found byte 0x%02X", expected, (unsigned)found);
    }
    return otr_error_set(&reader->failed, OTR_ERR_FORMAT, reader->shots + 1, column,
                         "expected %s, found '%c'", expected, (int)found);
}

static otr_status unexpected_in_digits(otr_shot_reader *reader, uint8_t found) {
    if (found != '\n' && found != '\r') {
        return unexpected(reader, "0 or 1", found);
    }
    return otr_error_set(&reader->failed, OTR_ERR_FORMAT, reader->shots + 1, column_of(reader->column),
                         "the line ends after %llu of %llu digits", (unsigned long long)reader->position,
                         (unsigned long long)reader->record.bits);
}

/* Reads digits into reader->number, starting a new index or going on with one that the last input cut. */
static const uint8_t *take_number(otr_shot_reader *reader, const uint8_t *at, const uint8_t *end) {
    const uint8_t *next = at;
    uint64_t number = reader->number;
    if (reader->place != PLACE_NUMBER) {
        number = 0;
        reader->number_column = reader->column;
        reader->place = PLACE_NUMBER;
    }
    for (; next != end && *next >= '0' && *next <= '9'; next++) {
        number = 10 * number + (uint64_t)(*next - '0');
        if (number > NUMBER_MAX) {
            number = NUMBER_MAX;
        }
    }
    reader->number = number;
    reader->column += (uint64_t)(next - at);
    return next;
}

static otr_status toggle_hit(otr_shot_reader *reader) {
    if (reader->number >= reader->record.bits) {
        return otr_error_set(&reader->failed, OTR_ERR_INDEX, reader->shots + 1,
                             column_of(reader->number_column),
                             "index %s%llu is not below the %llu bits of a shot",
                             reader->number == NUMBER_MAX ? "of at least " : "",
                             (unsigned long long)reader->number, (unsigned long long)reader->record.bits);
    }
    otr_bit_flip(reader->row, reader->number);
    return OTR_OK;
}

static otr_status set_named(otr_shot_reader *reader) {
    const shot_section *section = reader->section;
    uint64_t bit;
    if (reader->number >= section->count) {
        return otr_error_set(
            &reader->failed, OTR_ERR_INDEX, reader->shots + 1, column_of(reader->number_column),
            "%c%s%llu is not below the shot's %llu %c bits", section->letter,
            reader->number == NUMBER_MAX ? " of at least " : "", (unsigned long long)reader->number,
            (unsigned long long)section->count, section->letter);
    }
    bit = section->first + reader->number;
    reader->row[bit >> 3] |= (uint8_t)(1u << (bit & 7));
    return OTR_OK;
}

static const char *expected_in_hits(shot_place place) {
    switch (place) {
    case PLACE_NUMBER:
        return "a digit, a comma or the end of the line";
    case PLACE_LINE_END:
        return "a line feed";
    default:
        return "an index";
    }
}

static const char *expected_in_dets(shot_place place) {
    switch (place) {
    case PLACE_START:
    case PLACE_KEYWORD:
        return "'shot'";
    case PLACE_ITEM_END:
        return "a blank or the end of the line";
    case PLACE_PREFIX:
        return "M, D or L";
    case PLACE_NUMBER_START:
        return "an index";
    case PLACE_NUMBER:
        return "a digit, a blank or the end of the line";
    case PLACE_LINE_END:
        break;
    }
    return "a line feed";
}

static const shot_section *section_of(const otr_shot_reader *reader, uint8_t letter) {
    for (size_t i = 0; i < SHOT_SECTIONS; i++) {
        if ((uint8_t)reader->record.sections[i].letter == letter) {
            return &reader->record.sections[i];
        }
    }
    return NULL;
}

static void end_line(otr_shot_reader *reader) {
    reader->place = PLACE_START;
    reader->position = 0;
    reader->column = 0;
}
