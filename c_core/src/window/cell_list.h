/* The cells of a cell book, ascending: those that have entered, and committed ones that others may need. */
#ifndef OTR_CELL_LIST_H
#define OTR_CELL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outrider/cell_book.h"

typedef enum otr_cell_stage { OTR_CELL_WAITING = 0, OTR_CELL_OUT = 1, OTR_CELL_COMMITTED = 2 } otr_cell_stage;

typedef struct otr_cell_entry {
    otr_cell cell;
    otr_cell_stage stage;
    bool is_followed;
    bool is_reopened; /* waiting, and its commit of before stands */
    uint64_t blocker; /* a cell that it waits for; its own number if none is known */
    uint64_t *dependencies;
    size_t dependency_count, dependency_capacity;
    uint64_t marks_layer; /* from which the layers of marks count */
    otr_placed_mark *marks;
    size_t mark_count, mark_capacity;
    uint8_t *flips; /* observables of the commit */
} otr_cell_entry;

typedef struct otr_cell_list {
    otr_cell_entry **entries; /* from `begin` on */
    size_t begin, count;
    /* Entries that are to be appended, in their order, and entries without a cell, kept for their memory. */
    otr_cell_entry **staged, **spare;
    size_t staged_count, spare_count;
    size_t entry_capacity, staged_capacity, spare_capacity;
    size_t total; /* entries that were ever made */
    size_t flip_bytes;
} otr_cell_list;

void otr_cell_list_free(otr_cell_list *list);

/* An entry without dependencies, marks and flips, WAITING; NULL if memory is out. Whoever takes it inserts,
 * stages or returns it. */
otr_cell_entry *otr_cell_list_take(otr_cell_list *list);
void otr_cell_list_return(otr_cell_list *list, otr_cell_entry *entry);
/* Puts an entry that was taken at a place. */
void otr_cell_list_insert(otr_cell_list *list, size_t place, otr_cell_entry *entry);
/* Takes out the first, or the last. */
void otr_cell_list_drop_first(otr_cell_list *list);
void otr_cell_list_drop_last(otr_cell_list *list);

size_t otr_cell_list_bytes(const otr_cell_list *list);

/* otr_cell_list_find by bisection. */
size_t otr_cell_list_search(const otr_cell_list *list, uint64_t number);

static inline otr_cell_entry *otr_cell_list_at(const otr_cell_list *list, size_t place) {
    return list->entries[list->begin + place];
}

/* The place of the first cell from `number` on; `count` if there is none. */
static inline size_t otr_cell_list_find(const otr_cell_list *list, uint64_t number) {
    if (list->count == 0 || number <= otr_cell_list_at(list, 0)->cell.number) {
        return 0;
    }
    /* Where it is if there is no hole before it. */
    const uint64_t offset = number - otr_cell_list_at(list, 0)->cell.number;
    if (offset < list->count && otr_cell_list_at(list, (size_t)offset)->cell.number == number) {
        return (size_t)offset;
    }
    return otr_cell_list_search(list, number);
}

/* The entry of a cell; NULL if it has none. */
static inline otr_cell_entry *otr_cell_list_get(const otr_cell_list *list, uint64_t number) {
    const size_t place = otr_cell_list_find(list, number);
    otr_cell_entry *const entry = place < list->count ? otr_cell_list_at(list, place) : NULL;
    return entry != NULL && entry->cell.number == number ? entry : NULL;
}

#endif
