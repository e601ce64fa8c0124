/* Stim's result formats 01, b8, r8, ptb64, hits and dets, as streams of bytes (Stim, doc/result_formats.md).
 *
 * The codec does no I/O: the caller feeds bytes and takes shots, or gives shots and takes bytes, so files of
 * any size pass through in constant memory. A shot is a row of packed bits: detectors first, then, if the
 * stream has them appended, observables: bit k = byte k/8, bit k%8, padding zero. */
#ifndef OUTRIDER_SHOTS_H
#define OUTRIDER_SHOTS_H

#include "outrider/kernels.h"
#include "outrider/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum otr_shot_format {
    OTR_FORMAT_01 = 0,
    OTR_FORMAT_B8 = 1,
    OTR_FORMAT_R8 = 2,
    OTR_FORMAT_PTB64 = 3,
    OTR_FORMAT_HITS = 4,
    OTR_FORMAT_DETS = 5
} otr_shot_format;

/* Bits of one shot. */
#define OTR_SHOT_BITS_MAX 0x100000000u

/* What one record holds. In `dets`, measurements print as M#, detectors as D#, observables as L#. */
typedef struct otr_shot_layout {
    uint64_t measurements;
    uint64_t detectors;
    uint64_t observables;
} otr_shot_layout;

/* "01", "b8", "r8", "ptb64", "hits", "dets" <-> format. OTR_ERR_FORMAT for an unknown name. */
OTR_API otr_status otr_shot_format_from_name(const char *name, otr_shot_format *out);
OTR_API const char *otr_shot_format_name(otr_shot_format format);

typedef struct otr_shot_reader otr_shot_reader;
/* OTR_ERR_LIMIT, OTR_ERR_MEMORY, OTR_ERR_UNSUPPORTED (isa), OTR_ERR_ARGUMENT (also for zero bits with b8 or
 * ptb64, where the number of shots is undefined). Copies `layout`. */
OTR_API otr_status otr_shot_reader_create(otr_shot_reader **out, otr_shot_format format,
                                          const otr_shot_layout *layout, otr_isa isa);
OTR_API void otr_shot_reader_destroy(otr_shot_reader *reader);

/* Decodes as much of `input` as gives up to row_capacity rows. Row i is written at rows + i*row_stride,
 * row_stride >= ceil(bits/8); *consumed bytes were used, *row_count rows are complete: when they are fewer
 * than row_capacity, all input was consumed. A record may span calls; the reader keeps its part.
 *
 * Reading is as strict as Stim's: `hits` indices may come in any order and a repeated index cancels; in
 * `dets` a repeated index counts once, and blank lines and leading blanks are skipped; lines may end in
 * "\r\n". Set padding bits of b8 are refused, which Stim ignores: they come from another bit order or width.
 * On an error the rows before it count, and *error gives the 1-based shot number in `line`, the 1-based byte
 * column in that line for text formats, and a message naming what was found. A reader that has failed stays
 * failed: every later call returns the same error. OTR_ERR_FORMAT, OTR_ERR_INDEX (an index past the layout),
 * OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_shot_reader_read(otr_shot_reader *reader, const uint8_t *input, size_t input_bytes,
                                        size_t *consumed, uint8_t *rows, size_t row_stride,
                                        size_t row_capacity, size_t *row_count, otr_error *error);
/* Says that the input has ended, after otr_shot_reader_read has returned fewer rows than it had room for. A
 * line of all digits of 01 without its line feed is then complete and is returned as a last row (*row_count 0
 * or 1; row_stride as in otr_shot_reader_read). OTR_ERR_TRUNCATED if the input ended inside a record, which a
 * line of `hits` or `dets` without its line feed is, for its last number may be cut off; OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_shot_reader_finish(otr_shot_reader *reader, uint8_t *rows, size_t row_stride,
                                          size_t *row_count, otr_error *error);
/* Complete shots given out so far. */
OTR_API uint64_t otr_shot_reader_shots(const otr_shot_reader *reader);

typedef struct otr_shot_writer otr_shot_writer;
/* OTR_ERR_LIMIT, OTR_ERR_MEMORY, OTR_ERR_UNSUPPORTED (isa), OTR_ERR_ARGUMENT. Shots of zero bits are no bytes
 * in b8 and ptb64. Copies `layout`. */
OTR_API otr_status otr_shot_writer_create(otr_shot_writer **out, otr_shot_format format,
                                          const otr_shot_layout *layout, otr_isa isa);
OTR_API void otr_shot_writer_destroy(otr_shot_writer *writer);
/* Encodes rows into an internal buffer; *bytes / *byte_count view it and stay valid until the next call on
 * the writer, which starts with an empty buffer. ptb64 holds rows back until it has 64. Bits past the layout
 * in a row's last byte are ignored. OTR_ERR_MEMORY, OTR_ERR_ARGUMENT; on a failure the rows of the call may
 * be lost. */
OTR_API otr_status otr_shot_writer_write(otr_shot_writer *writer, const uint8_t *rows, size_t row_stride,
                                         size_t row_count, const uint8_t **bytes, size_t *byte_count);
/* Says that no row follows. OTR_ERR_TRUNCATED for ptb64 when the number of shots is no multiple of 64. */
OTR_API otr_status otr_shot_writer_finish(otr_shot_writer *writer, otr_error *error);

#ifdef __cplusplus
}
#endif
#endif
