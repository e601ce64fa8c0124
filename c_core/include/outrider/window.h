/* Windows: parts of a history that are decoded one by one, so that their answers join to one answer.
 *
 * The detectors of a history are dealt out to cells, and every cell has a rank; cells that an edge joins have
 * different ranks. A cell is decided from its window: itself, and a buffer of detectors around it that later
 * cells will decide. Of the answer on the window only the edges that touch the cell are committed. An edge
 * that a lower-rank cell touches too is that cell's to decide: it is no part of the window. The other end of
 * a committed edge that leaves the cell is an artificial defect: there a detection event flips, for the cells
 * of higher rank. So every edge has one owner, the events of a cell are explained when it is committed, and
 * the observables of all commits add up to those of the history.
 *
 * Correlated matching has a second thing to pass on. An edge that its first pass used makes others likelier,
 * and these may be for a cell of higher rank to decide: it applies the rules of edges that lower ranks used
 * in its own second pass. Defects and such edges together are the marks of a commit. Marks are numbered:
 * those below the history's number of detectors are defects, at the detector of that number; that number + e
 * is edge e.
 *
 * The rule covers forward windows (Dennis et al., arXiv:quant-ph/0110143), windows in parallel (Skoric et
 * al., arXiv:2209.08552; Tan et al., arXiv:2209.09219) and cells in space and time (Bombin et al.,
 * arXiv:2303.04846): they differ only in the cells and their ranks. A commit depends on the raw events of its
 * window and on the marks of lower ranks, and on nothing else. */
#ifndef OUTRIDER_WINDOW_H
#define OUTRIDER_WINDOW_H

#include "outrider/decoder.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a detector of the history is to a window. */
typedef enum otr_window_role {
    OTR_WINDOW_OUTSIDE = 0, /* not seen; edges to it are cut, and lead to the boundary */
    OTR_WINDOW_BUFFER = 1,  /* seen, and decided later by another cell */
    OTR_WINDOW_CELL = 2,    /* decided here */
    OTR_WINDOW_CLOSED = 3   /* decided before, by a cell of lower rank; edges to it do not exist any more */
} otr_window_role;

typedef struct otr_window otr_window;

/* A window on `graph`, which it borrows and which must outlive it. `roles` has an otr_window_role for each
 * node of the graph and is not needed afterwards. Weights, their scale and correlation rules are the graph's.
 * The edges of one detector that are cut, and its boundary edge, become one boundary edge: their
 * probabilities are combined, and it stands for the likeliest of them, the first among equals. Where that
 * gives 0, of two certain errors or of errors too rare for a double, its weight is the least magnitude among
 * theirs. Certain errors that cancel so have OTR_WEIGHT_INFINITE, and only a cell that has no answer
 * otherwise takes one of them back, for OTR_WEIGHT_MAX, as it does with other certain errors (see graph.h).
 * OTR_ERR_ARGUMENT (a role that is none, no detector in the cell), OTR_ERR_MEMORY; *error (nullable) says
 * which. A window is immutable; threads and decoders may share it. */
OTR_API otr_status otr_window_create(otr_window **out, const otr_graph *graph, const uint8_t *roles,
                                     otr_error *error);
/* The window on a graph with other numbers: what otr_window_create makes of `history` and the same roles, in
 * less time. `history` is borrowed and must outlive the new window; it and the graph of `window`, which must
 * still be there, are otr_graph_reweighted from one another or from a third one. The new window borrows the
 * topology of the one that otr_window_create made, `window` or the one that `window` was made from: that one
 * must outlive it. OTR_ERR_ARGUMENT: another topology; OTR_ERR_MEMORY. On failure *out is untouched. */
OTR_API otr_status otr_window_reweighted(otr_window **out, const otr_window *window, const otr_graph *history,
                                         otr_error *error);
/* Last for the window whose topology others borrow. NULL is allowed. */
OTR_API void otr_window_destroy(otr_window *window);

/* The window's own matching graph, alive as long as the window. Its nodes are the detectors in the cell and
 * in the buffer, ascending; its observables are the history's. */
OTR_API const otr_graph *otr_window_graph(const otr_window *window);
/* The detectors of the history that the window's nodes are, ascending, alive as long as the window. */
OTR_API const uint32_t *otr_window_detectors(const otr_window *window, size_t *count);

/* One edge of the window's graph. */
typedef struct otr_window_edge {
    uint32_t source;     /* the edge of the history that it is, or stands for */
    uint32_t part_count; /* edges of the history that are combined in it */
    bool owned;          /* whether it touches the cell, so that the window commits it */
} otr_window_edge;
/* OTR_ERR_INDEX if edge >= the edges of the window's graph. */
OTR_API otr_status otr_window_edge_at(const otr_window *window, uint32_t edge, otr_window_edge *out);

/* Cut edges that the window owns. 0 wherever the buffer is as wide as an edge is long. If not, the window
 * commits edges of which it sees one end only; the result is an answer, but a worse one. */
OTR_API uint32_t otr_window_blind_count(const otr_window *window);

/* Most marks that a commit can have. */
OTR_API uint32_t otr_window_marks_max(const otr_window *window);
/* Heap bytes held. */
OTR_API size_t otr_window_bytes(const otr_window *window);

/* Decodes one window, over and over. */
typedef struct otr_window_decoder otr_window_decoder;

/* The decoder borrows `window`. Options are those of otr_decoder_create for the window's graph, but for the
 * pre-decoder: it is one on the history's graph, applied to the raw events that the caller passes, in the
 * window and around it, as far as its reach (otr_predecoder_reach) goes. So it gives an edge the weight that
 * it has on the whole history. Statuses as for otr_decoder_create. Single-threaded; allocates in create and
 * in its first shots, and none after warm-up.
 *
 * OTR_DECODER_LIKELIHOOD decides the classes of the window's observables as otr_likelihood does, by the
 * options of that name, and commits edges of the classes chosen. At an open side, as the future is, edges
 * that are cut end at the boundary, so a class holds all sets of errors of the window with this parity of the
 * observable, however many of them leave at open sides. Edges that lower ranks used make the errors that they
 * are pieces of likely. A window without an observable that parts it is matched as by
 * OTR_DECODER_MWPM_CORRELATED. It needs a history with correlations that keeps its errors whole, none of them
 * likelier than 1/2, and options within their ranges (OTR_ERR_ARGUMENT); OTR_ERR_UNSUPPORTED: with it
 * certify, hard use or a weight_offset. */
OTR_API otr_status otr_window_decoder_create(otr_window_decoder **out, const otr_window *window,
                                             const otr_decoder_options *options);
OTR_API void otr_window_decoder_destroy(otr_window_decoder *decoder);

/* Decides from now on as a decoder made on `window` with the same options and this weight_offset. `window`
 * and the decoder's window are otr_window_reweighted from one another or from a third one; it is borrowed
 * instead of that one, which is not needed afterwards. A pre-decoder goes first, see otr_predecoder_reweight.
 * Allocation, failures and statuses as for otr_decoder_reweight; OTR_ERR_UNSUPPORTED for
 * OTR_DECODER_LIKELIHOOD. */
OTR_API otr_status otr_window_decoder_reweight(otr_window_decoder *decoder, const otr_window *window,
                                               int32_t weight_offset);

/* What a cell commits. Alive until the next call on the decoder. */
typedef struct otr_commit {
    const uint8_t *observables; /* flips by the committed edges, packed, ceil(observables/8) bytes */
    const uint32_t *marks;      /* for cells of higher rank, ascending and distinct */
    size_t mark_count;
    const uint32_t *edges; /* the committed edges, of the history, ascending and distinct */
    size_t edge_count;
    uint32_t event_count; /* events that were decoded: those of the window, artificial defects included,
                             without what hard pre-decoding explained */
} otr_commit;

/* Decides the cell.
 *  events     raw detection events of the history, ascending and distinct; those outside the window count
 *             for the pre-decoder only
 *  marks      of all cells of lower rank that touch the window, in any order; a defect given twice cancels,
 *             an edge given twice counts once, and those that do not concern the window are ignored
 *  overrides  per-shot weights of edges of the history, as in otr_decoder_decode; others than the window's
 *             are ignored. Where edges are combined the lightest of them counts, but certain ones cancel in
 *             pairs
 * OTR_ERR_INDEX: an event, mark or overridden edge is not of the history, or events are not ascending.
 * OTR_ERR_ODD_PARITY: the window has no perfect matching; it may have one with other marks.
 * OTR_ERR_UNSUPPORTED: what the pre-decoder fixes is not given as edges; for OTR_DECODER_LIKELIHOOD, there
 * are fixed edges or overrides. OTR_ERR_RESIDUAL: the commit does not explain the events of the cell: a bug
 * of this library. OTR_ERR_ARGUMENT, OTR_ERR_MEMORY, any status of decoder and pre-decoder. *out is untouched
 * on failure. */
OTR_API otr_status otr_window_decode(otr_window_decoder *decoder, const uint32_t *events, size_t event_count,
                                     const uint32_t *marks, size_t mark_count, const otr_override *overrides,
                                     size_t override_count, otr_commit *out);

/* Decides the cell from what a pre-decoder left of the history, in the window and around it; one among the
 * options is not asked. Of *cell only what concerns the window counts: its fixed edges are the cell's if
 * they touch it. Nothing of it is needed after the call. A weight_offset other than the last cell's takes as
 * long as creating a decoder, and allocates. Otherwise as otr_window_decode, and OTR_ERR_INDEX for an edge of
 * *cell that is not of the history. */
OTR_API otr_status otr_window_decode_predecoded(otr_window_decoder *decoder, const otr_predecoded *cell,
                                                const uint32_t *marks, size_t mark_count,
                                                const otr_override *overrides, size_t override_count,
                                                otr_commit *out);

/* Heap bytes held now, without the window's. */
OTR_API size_t otr_window_decoder_bytes(const otr_window_decoder *decoder);

#ifdef __cplusplus
}
#endif
#endif
