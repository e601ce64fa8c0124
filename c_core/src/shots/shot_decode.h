/* The state of a reader, and one decoding function per format.
 *
 * A decoding function takes bytes from *at up to `end` until the current record is complete in reader->row
 * (*done is then true) or the bytes are used up. What it knows about an unfinished record is in the reader,
 * so that a record may be cut at any byte. */
#ifndef OTR_SHOTS_SHOT_DECODE_H
#define OTR_SHOTS_SHOT_DECODE_H

#include "shots/shot_format.h"

#include <stdbool.h>

/* Where a text decoder stands in its line. */
typedef enum shot_place {
    PLACE_START = 0,    /* before the line's first byte */
    PLACE_KEYWORD,      /* dets: inside "shot" */
    PLACE_ITEM_END,     /* dets: after "shot" or an index: a blank or the end of the line follows */
    PLACE_PREFIX,       /* dets: after a blank: a letter follows */
    PLACE_NUMBER_START, /* hits: after a comma; dets: after a letter: a digit follows */
    PLACE_NUMBER,       /* inside an index */
    PLACE_LINE_END      /* after '\r': '\n' follows */
} shot_place;

struct otr_shot_reader {
    otr_shot_format format;
    shot_record record;
    const otr_kernels *kernels;
    uint64_t shots;   /* complete shots given out */
    otr_error failed; /* status is OTR_OK as long as all is well */

    uint8_t *row; /* the record under construction */
    size_t row_bytes;
    uint64_t position; /* 01, r8: bits done; b8: bytes done; ptb64: bytes of the group done; dets: of "shot"
                          done */
    bool started;      /* r8: some byte of the record was read */

    uint64_t column; /* text: bytes of the current line before *at */
    shot_place place;
    uint64_t number;             /* hits, dets: the index read so far */
    uint64_t number_column;      /* its first byte */
    const shot_section *section; /* dets: the kind of the index */

    uint64_t *group; /* ptb64: 64 shots, transposed by blocks of 64 bits once complete */
    size_t group_blocks;
    uint32_t group_shot; /* next shot of a complete group; 64 if there is none */
};

typedef otr_status shot_decode(otr_shot_reader *reader, const uint8_t **at, const uint8_t *end, bool *done);

shot_decode otr_shot_decode_b8;
shot_decode otr_shot_decode_r8;
shot_decode otr_shot_decode_ptb64;
shot_decode otr_shot_decode_01;
shot_decode otr_shot_decode_hits;
shot_decode otr_shot_decode_dets;

/* Refuses a b8 record whose padding bits are set. OTR_ERR_FORMAT. */
otr_status otr_shot_check_padding(otr_shot_reader *reader, const uint8_t *row);

/* The input ended: *done is whether the open line is a record. Digits are counted, so their line needs no
 * line feed; a number may be longer than what there is of it, so its line does. OTR_ERR_TRUNCATED. */
otr_status otr_shot_end_binary(otr_shot_reader *reader, bool *done);
otr_status otr_shot_end_text(otr_shot_reader *reader, bool *done);

#endif
