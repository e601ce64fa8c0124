#include "window/cell_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

static void free_entries(otr_cell_entry **entries, size_t count);
static bool reserve(otr_cell_list *list);
static size_t entries_bytes(otr_cell_entry *const *entries, size_t count);

void otr_cell_list_free(otr_cell_list *list) {
    if (list->entries != NULL) {
        free_entries(list->entries + list->begin, list->count);
    }
    free_entries(list->staged, list->staged_count);
    free_entries(list->spare, list->spare_count);
    free(list->entries);
    free(list->staged);
    free(list->spare);
    *list = (otr_cell_list){0};
}

otr_cell_entry *otr_cell_list_take(otr_cell_list *list) {
    otr_cell_entry *entry;
    if (list->spare_count > 0) {
        entry = list->spare[--list->spare_count];
    } else {
        if (!reserve(list)) {
            return NULL;
        }
        entry = otr_array_zeroed(1, sizeof *entry);
        if (entry == NULL) {
            return NULL;
        }
        entry->flips = otr_array_zeroed(list->flip_bytes, 1);
        if (entry->flips == NULL) {
            free(entry);
            return NULL;
        }
        list->total++;
    }
    entry->stage = OTR_CELL_WAITING;
    entry->is_followed = false;
    entry->is_reopened = false;
    entry->dependency_count = 0;
    entry->mark_count = 0;
    memset(entry->flips, 0, list->flip_bytes);
    return entry;
}

void otr_cell_list_return(otr_cell_list *list, otr_cell_entry *entry) {
    list->spare[list->spare_count++] = entry;
}

void otr_cell_list_insert(otr_cell_list *list, size_t place, otr_cell_entry *entry) {
    if (list->begin + list->count == list->entry_capacity) {
        memmove(list->entries, list->entries + list->begin, list->count * sizeof(otr_cell_entry *));
        list->begin = 0;
    }
    otr_cell_entry **const at = list->entries + list->begin + place;
    memmove(at + 1, at, (list->count - place) * sizeof(otr_cell_entry *));
    *at = entry;
    list->count++;
}

void otr_cell_list_drop_first(otr_cell_list *list) {
    otr_cell_list_return(list, list->entries[list->begin]);
    list->begin++;
    list->count--;
}

void otr_cell_list_drop_last(otr_cell_list *list) {
    list->count--;
    otr_cell_list_return(list, list->entries[list->begin + list->count]);
}

size_t otr_cell_list_search(const otr_cell_list *list, uint64_t number) {
    size_t low = 0, high = list->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (otr_cell_list_at(list, middle)->cell.number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t otr_cell_list_bytes(const otr_cell_list *list) {
    const size_t places = list->entry_capacity + list->staged_capacity + list->spare_capacity;
    const size_t used = list->count > 0 ? entries_bytes(list->entries + list->begin, list->count) : 0;
    return places * sizeof(otr_cell_entry *) + list->total * list->flip_bytes + used +
           entries_bytes(list->staged, list->staged_count) + entries_bytes(list->spare, list->spare_count);
}

static void free_entry(otr_cell_entry *entry) {
    if (entry != NULL) {
        free(entry->dependencies);
        free(entry->marks);
        free(entry->flips);
        free(entry);
    }
}

static void free_entries(otr_cell_entry **entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free_entry(entries[i]);
    }
}

/* Room for one more entry, wherever it goes. With twice the room, `entries` moves to the front seldom. */
static bool reserve(otr_cell_list *list) {
    const size_t total = list->total + 1;
    return otr_array_reserve((void **)&list->entries, &list->entry_capacity, 2 * total,
                             sizeof *list->entries) &&
           otr_array_reserve((void **)&list->staged, &list->staged_capacity, total, sizeof *list->staged) &&
           otr_array_reserve((void **)&list->spare, &list->spare_capacity, total, sizeof *list->spare);
}

static size_t entries_bytes(otr_cell_entry *const *entries, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += sizeof *entries[i] + entries[i]->dependency_capacity * sizeof *entries[i]->dependencies +
                 entries[i]->mark_capacity * sizeof *entries[i]->marks;
    }
    return bytes;
}
