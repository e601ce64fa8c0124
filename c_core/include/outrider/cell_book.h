/* Cell books: which cells of a history can be decided while its layers arrive, from what, and what has to be
 * kept for the others, in bounded memory.
 *
 * A book follows cells of one history, all of them or those of some ranges. It decodes nothing itself: the
 * caller takes a cell, has its window decoded, on this thread or another, and hands the commit back.
 * In whatever order cells are taken and commits come back, the commits are the same, and so is the answer.
 *
 *     while there is a layer                 otr_cell_book_push
 *         while a cell can be decided        otr_cell_book_next, otr_cell_book_input
 *             decode its window              otr_window_decode
 *             hand the commit back           otr_cell_book_commit
 *         look how far it got                otr_cell_book_look
 *
 * Cells can be decided on other machines too. Their commits are imported, in any order. So one book serves
 *
 *     a stream        follows all cells and decides them
 *     a node          follows the cells that it owns and decides them; layers that none of them needs may be
 *                     skipped; commits of other cells are imported for their marks
 *     a controller    follows all cells and imports all commits; cells can be opened again, when whoever was
 *                     to decide them is gone
 *
 * Three rules hold for all of them:
 *
 *     entry           Cells enter in the order of their numbers, each when the first layer that it needs is
 *                     there, or `lead` layers earlier. Once the last layer is there, all cells enter.
 *     decidability    A cell can be decided when no layer that is still to come can change what it is
 *                     (ready_layers), and every cell that it depends on is committed, or final and empty.
 *     pruning         Layers are kept from one cell's length before the first that an open cell needs, since
 *                     cells of other rows that have not entered may begin that much earlier; a commit is kept
 *                     until all its marks lie before the layers that are kept. */
#ifndef OUTRIDER_CELL_BOOK_H
#define OUTRIDER_CELL_BOOK_H

#include <stdbool.h>

#include "outrider/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Layers that a book can hold. */
#define OTR_CELL_BOOK_LAYERS_MAX 0x1000000u
/* The count of a range without end. */
#define OTR_CELLS_ENDLESS UINT64_MAX

typedef struct otr_cell_book otr_cell_book;

/* Cells first, first + stride, ..., `count` of them. */
typedef struct otr_cell_range {
    uint64_t first;
    uint64_t stride; /* at least 1 */
    uint64_t count;  /* OTR_CELLS_ENDLESS for all that the history has */
} otr_cell_range;

typedef struct otr_cell_book_options {
    uint64_t layers_max;  /* that are held, at least those needed */
    uint64_t first_layer; /* the first that may be pushed */
    /* Cells that are followed, copied; NULL for all. Ranges may overlap; none at all is allowed. */
    const otr_cell_range *followed;
    size_t followed_count;
    uint32_t lead;   /* layers by which cells enter early */
    bool can_reopen; /* layers of committed cells are kept until every cell before them is committed */
    /* Of cells that are not followed: commits that are kept; and marks, those of followed cells included. */
    size_t imports_max, marks_max;
} otr_cell_book_options;

/* A book that follows all cells from layer 0 on, holds the layers needed, and has no other bounds. */
OTR_API otr_cell_book_options otr_cell_book_options_default(const otr_plan *plan);

/* Layers that a book of this plan has to hold so that it never stands still. */
OTR_API uint64_t otr_cell_book_layers_needed(const otr_plan *plan);

/* A book over `plan`, which it borrows. OTR_ERR_LIMIT: layers_max is less than needed or more than
 * OTR_CELL_BOOK_LAYERS_MAX. OTR_ERR_ARGUMENT: a range with stride 0. OTR_ERR_INDEX: the first cell of the
 * ranges is beyond every history. OTR_ERR_MEMORY. Single-threaded. Allocates in create, for the first cells
 * and commits, and none after warm-up, but for commits that leave more marks than there are detectors in the
 * layers of their cells, and for imported ones longer than those before. */
OTR_API otr_status otr_cell_book_create(otr_cell_book **out, const otr_plan *plan,
                                        const otr_cell_book_options *options, otr_error *error);
OTR_API void otr_cell_book_destroy(otr_cell_book *book);

/* Leaves out the layers before `layer` that have not come: no followed cell needs them. OTR_ERR_ARGUMENT if
 * layers from `layer` on have come, or the last one. */
OTR_API otr_status otr_cell_book_skip(otr_cell_book *book, uint64_t layer);

/* Appends a layer: its detection events, one packed bit a detector, padding ignored. `is_last` for the last
 * layer of the history. `arrived` is a time by any clock; the book keeps it with the layer. Nothing has
 * changed on failure, and after OTR_ERR_MEMORY the same layer can be pushed again. OTR_ERR_LIMIT: no room
 * until cells are committed. OTR_ERR_FORMAT: detector_count is not that of the layer. OTR_ERR_ARGUMENT: the
 * last layer has been, or the plan does not serve a history that ends here. OTR_ERR_INDEX: the first layer of
 * a followed cell was left out. */
OTR_API otr_status otr_cell_book_push(otr_cell_book *book, const uint8_t *events, uint32_t detector_count,
                                      bool is_last, uint64_t arrived, otr_error *error);

/* Fills *out with the first cell that can be decided and was not taken yet, takes it and returns true; false
 * if there is none. The cell is final and not empty: the book commits empty cells itself. */
OTR_API bool otr_cell_book_next(otr_cell_book *book, otr_cell *out);

/* What a cell is decided from. */
typedef struct otr_cell_input {
    const uint32_t *events; /* raw detection events, ascending */
    size_t event_count;
    const uint32_t *marks; /* of the cells that it depends on */
    size_t mark_count;
    uint64_t arrived; /* the latest time of its layers */
} otr_cell_input;

/* The input of a cell that was taken, as otr_window_decode wants it for the window of its shape: in the
 * numbers of the plan's reference. The lists are views until the input of another cell is asked for or the
 * cell is committed. OTR_ERR_ARGUMENT for a cell that is not out. OTR_ERR_INDEX: a layer that it needs was
 * left out, or an imported mark is none of the history's. OTR_ERR_MEMORY. */
OTR_API otr_status otr_cell_book_input(otr_cell_book *book, uint64_t number, otr_cell_input *out,
                                       otr_error *error);

/* Hands a commit back, in the numbers of the reference as otr_window_decode gives it. OTR_ERR_ARGUMENT for a
 * cell that is not out, or was committed before (the book is unchanged: a commit counts once),
 * OTR_ERR_INDEX for a mark that is not near the cell, OTR_ERR_MEMORY. */
OTR_API otr_status otr_cell_book_commit(otr_cell_book *book, uint64_t number, const otr_commit *commit);

/* A mark by its place, `layer` layers after the first of its commit; `index` as of otr_plan_mark. */
typedef struct otr_placed_mark {
    uint32_t layer, index;
} otr_placed_mark;

/* A commit whose marks are in the numbers of the history. */
typedef struct otr_placed_commit {
    const uint8_t *observables; /* packed flips; NULL for none, or not known */
    uint64_t layer;             /* from which those of the marks count */
    const otr_placed_mark *marks;
    size_t mark_count;
} otr_placed_commit;

typedef enum otr_import_outcome {
    OTR_IMPORT_NEW = 0,       /* the commit is kept */
    OTR_IMPORT_SAME = 1,      /* the cell was committed before, alike */
    OTR_IMPORT_DIFFERENT = 2, /* the cell was committed before, otherwise; the first commit stands */
    OTR_IMPORT_LATE = 3       /* nothing needs the cell any more */
} otr_import_outcome;

/* Takes the commit of a cell that was decided elsewhere. *arrived is the time of the last layer that a
 * followed cell needed, if the outcome is OTR_IMPORT_NEW. Nothing has changed on failure.
 *
 * A followed cell: OTR_ERR_ARGUMENT if it is out, has not entered or is not final. OTR_ERR_INDEX for a mark
 * that is not near the cell. The first commit stands, also when the cell was opened again.
 * Another cell: OTR_ERR_INDEX for a cell or a mark that no history has, as far as the end is known.
 * OTR_ERR_LIMIT for more than imports_max cells, or marks_max marks. The outcome does not tell commits apart.
 * OTR_ERR_MEMORY. */
OTR_API otr_status otr_cell_book_import(otr_cell_book *book, uint64_t number, const otr_placed_commit *commit,
                                        otr_import_outcome *outcome, uint64_t *arrived);
/* Whether there can be such a commit of a cell, as far as the end is known: OTR_ERR_INDEX for a cell or a
 * mark that no history has. For what is not imported, such as word of a followed cell that is decided here.
 */
OTR_API otr_status otr_cell_book_check(const otr_cell_book *book, uint64_t number,
                                       const otr_placed_commit *commit);

/* Opens the committed cells again that come after an open one. They keep their commits, and whoever decides
 * them anew is compared with these. For books that can_reopen. */
OTR_API void otr_cell_book_reopen(otr_cell_book *book);

typedef struct otr_cell_book_state {
    uint64_t layers;     /* the number after that of the last layer */
    uint64_t held;       /* layers that are kept */
    uint64_t kept_from;  /* no open cell needs a layer before this one */
    uint64_t room;       /* layers that can be pushed now */
    uint64_t committed;  /* every followed cell that begins before this layer is committed */
    uint64_t first_cell; /* that is kept; those before it are committed */
    uint64_t cells;      /* every followed cell with a number below this is committed */
    uint64_t entered;    /* every followed cell with a number below this has entered */
    uint64_t commits;    /* followed cells committed, also again; only ever grows */
    size_t open;         /* followed cells that have entered and are not committed */
    size_t out;          /* those of them that were taken */
    const uint8_t
        *observables; /* flips by the followed cells below `cells`, packed; a view until the next call */
    bool has_ended;   /* the last layer has arrived */
    bool is_finished; /* and every followed cell is committed */
} otr_cell_book_state;
OTR_API void otr_cell_book_look(const otr_cell_book *book, otr_cell_book_state *out);
/* `held` alone, for those who ask often. */
OTR_API uint64_t otr_cell_book_held(const otr_cell_book *book);

/* What is to be known of a followed cell that has entered. */
typedef struct otr_cell_need {
    uint64_t number;
    uint64_t first_layer, end_layer; /* that it needs, those included that tell what it is */
    bool is_committed, is_empty;
} otr_cell_need;

/* The first followed cell from `number` on that has entered and is still kept; false if there is none. */
OTR_API bool otr_cell_book_need(const otr_cell_book *book, uint64_t number, otr_cell_need *out);

/* The cells that a followed cell depends on, ascending; a view until the next push or import.
 * OTR_ERR_INDEX for a cell that is not kept. */
OTR_API otr_status otr_cell_book_dependencies(const otr_cell_book *book, uint64_t number,
                                              const uint64_t **numbers, size_t *count);

/* The commit of a cell that is kept, followed or not; false if there is none, or the cell is open again. The
 * lists are views until the next commit or import. */
OTR_API bool otr_cell_book_commit_of(const otr_cell_book *book, uint64_t number, otr_placed_commit *out);

/* Whether a cell is committed and its commit is kept. */
OTR_API bool otr_cell_book_is_committed(const otr_cell_book *book, uint64_t number);

/* A layer that is kept. */
typedef struct otr_kept_layer {
    const uint8_t *events; /* packed, without padding; a view until the next push */
    uint32_t detector_count;
    uint64_t arrived;
} otr_kept_layer;
OTR_API bool otr_cell_book_layer(const otr_cell_book *book, uint64_t layer, otr_kept_layer *out);

/* The open cell that all others wait for, directly or not, as far as they wait for each other: the first cell
 * that is not committed, or what it depends on. False unless all layers that it needs are there; *arrived is
 * the time of the last of them. */
OTR_API bool otr_cell_book_awaited(const otr_cell_book *book, uint64_t *number, uint64_t *arrived);

/* Heap bytes held now, without the plan's. */
OTR_API size_t otr_cell_book_bytes(const otr_cell_book *book);

#ifdef __cplusplus
}
#endif
#endif
