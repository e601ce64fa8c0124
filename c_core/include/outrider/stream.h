/* Streams: a history decided cell by cell while its layers arrive, in bounded memory.
 *
 * A stream keeps the layers and marks that cells to come still need, and tells which cells can
 * be decided. It decodes nothing itself: the caller takes a cell, has its window decoded, on this thread or
 * another, or on another machine, and hands the commit back. In whatever order cells are taken and commits
 * come back, the commits are the same, and so is the answer.
 *
 *     while there is a layer                 otr_stream_push
 *         while a cell can be decided        otr_stream_next, otr_stream_input
 *             decode its window              otr_window_decode
 *             hand the commit back           otr_stream_commit
 *         look how far it got                otr_stream_state
 */
#ifndef OUTRIDER_STREAM_H
#define OUTRIDER_STREAM_H

#include "outrider/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Layers that a stream can hold. */
#define OTR_STREAM_LAYERS_MAX 0x1000000u

typedef struct otr_stream otr_stream;

/* Layers that a stream of this plan has to hold so that it never stands still. */
OTR_API uint64_t otr_stream_layers_needed(const otr_plan *plan);

/* A stream over `plan`, which it borrows, that holds `layers_max` layers, at least those needed.
 * OTR_ERR_LIMIT if that is too few or more than OTR_STREAM_LAYERS_MAX, OTR_ERR_ARGUMENT, OTR_ERR_MEMORY.
 * Single-threaded; allocates in create and for the first commits, and none after warm-up, but for commits
 * that leave more marks than there are detectors in the layers of their cells. */
OTR_API otr_status otr_stream_create(otr_stream **out, const otr_plan *plan, uint64_t layers_max,
                                     otr_error *error);
OTR_API void otr_stream_destroy(otr_stream *stream);

/* Appends a layer: its detection events, one packed bit a detector, padding ignored. `is_last` is not zero
 * for the last layer of the history. The stream is unchanged on failure. OTR_ERR_LIMIT: no room until cells
 * are committed. OTR_ERR_FORMAT: detector_count is not that of the layer. OTR_ERR_ARGUMENT: the last layer
 * has been, or the plan does not serve a history that ends here. */
OTR_API otr_status otr_stream_push(otr_stream *stream, const uint8_t *events, uint32_t detector_count,
                                   int is_last, otr_error *error);

/* Fills *out with the first cell that can be decided and was not taken yet, takes it and returns 1; 0 if
 * there is none. The cell is final and not empty: the stream commits empty cells itself. */
OTR_API int otr_stream_next(otr_stream *stream, otr_cell *out);

/* The events and marks of a cell that was taken, as otr_window_decode wants them for the window of its shape:
 * in the numbers of the plan's reference. Views until the next call on the stream. OTR_ERR_ARGUMENT
 * for a cell that is not out, OTR_ERR_MEMORY. */
OTR_API otr_status otr_stream_input(otr_stream *stream, uint64_t number, const uint32_t **events,
                                    size_t *event_count, const uint32_t **marks, size_t *mark_count);

/* Hands a commit back, in the numbers of the reference as otr_window_decode gives it. OTR_ERR_ARGUMENT for a
 * cell that is not out, or was committed before (the stream is unchanged: a commit counts once),
 * OTR_ERR_INDEX for a mark that is not near the cell, OTR_ERR_MEMORY. */
OTR_API otr_status otr_stream_commit(otr_stream *stream, uint64_t number, const otr_commit *commit);

typedef struct otr_stream_state {
    uint64_t layers;            /* that have arrived */
    uint64_t room;              /* layers that can be pushed now */
    uint64_t committed;         /* every cell that begins before this layer is committed */
    uint64_t cells;             /* that have been committed, in order of their numbers and without holes */
    const uint8_t *observables; /* flips by those cells, packed; a view until the next call */
    int has_ended;              /* the last layer has arrived */
    int is_finished;            /* and every cell is committed */
} otr_stream_state;
OTR_API void otr_stream_look(const otr_stream *stream, otr_stream_state *out);

/* Heap bytes held now, without the plan's. */
OTR_API size_t otr_stream_bytes(const otr_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
