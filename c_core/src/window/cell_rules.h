/* A cell book inside, and the rules by which cells enter, are decided and are dropped. */
#ifndef OTR_CELL_RULES_H
#define OTR_CELL_RULES_H

#include "outrider/cell_book.h"
#include "window/cell_list.h"
#include "window/layer_ring.h"

struct otr_cell_book {
    const otr_plan *plan;
    otr_cell_book_options options;
    otr_cell_range *followed; /* what options.followed points to, if it is not NULL */
    size_t observable_bytes;
    size_t marks_max;   /* of one commit */
    size_t marks_usual; /* of one commit, for which there is room beforehand */

    otr_layer_ring layers;
    uint64_t layer_count; /* those left out included */
    uint64_t length;      /* of the history, 0 until its end is known */
    uint64_t kept_from;

    otr_cell_list cells;
    otr_cell upcoming; /* the followed cell to enter next, if there is one */
    bool has_upcoming;
    uint64_t entered, frontier;
    uint64_t first_open_layer; /* no open cell begins before it */
    uint64_t commits;
    size_t open, open_empty, out;
    size_t imports;     /* entries of cells that are not followed */
    size_t marks_total; /* that are kept */
    bool is_dirty;      /* something has changed since all cells were found to wait */
    uint8_t *observables;

    size_t dependencies_max;
    uint64_t *dependencies;
    /* The input of the cell `gathered`, if there is one. */
    bool has_gathered;
    uint64_t gathered, gathered_arrived;
    uint32_t *events;
    size_t event_count, event_capacity;
    uint32_t *marks;
    size_t mark_count, mark_capacity;
};

/* Whether the book follows a cell. */
bool otr_book_is_followed(const otr_cell_book *book, uint64_t number);
/* The first followed cell from `number` on that a history of this length has, if there is one. OTR_ERR_INDEX
 * if its number is beyond every history. */
otr_status otr_book_find_followed(const otr_cell_book *book, uint64_t number, uint64_t length, otr_cell *out,
                                  bool *found);
/* No layer that is still to come can change what the cell is. */
bool otr_book_is_final(const otr_cell_book *book, const otr_cell *cell);
/* All marks that the cell can have lie before the layers that are kept. */
bool otr_book_is_past(const otr_cell_book *book, const otr_cell *cell);
/* Whether a cell waits for no other. */
bool otr_book_is_decidable(otr_cell_book *book, otr_cell_entry *entry);

/* Stages entries of the cells that enter with the next layer, which is the last if `length` is not 0;
 * *upcoming is the cell after them. OTR_ERR_INDEX: the first layer of one was left out. */
otr_status otr_book_stage_cells(otr_cell_book *book, uint64_t length, otr_cell *upcoming, bool *has_upcoming,
                                otr_error *error);
/* Looks up the cells that are waiting in the light of the history's end. */
otr_status otr_book_look_again(otr_cell_book *book, uint64_t length, otr_error *error);
/* Drops cells that a history of this length does not have. */
void otr_book_drop_beyond(otr_cell_book *book, uint64_t length);
/* Lets the staged cells enter, and returns how many. */
size_t otr_book_enter_staged(otr_cell_book *book);

void otr_book_set_committed(otr_cell_book *book, otr_cell_entry *entry);
/* Commits empty cells, joins the commits that have no hole before them, and prunes. */
void otr_book_settle(otr_cell_book *book);

#endif
