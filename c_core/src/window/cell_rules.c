/* The three rules of a cell book: which cells enter, which can be decided, what is dropped. */
#include "window/cell_rules.h"

#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "window/plan_internal.h"

static bool is_in_range(const otr_cell_range *range, uint64_t number);
static uint64_t first_from(const otr_cell_range *range, uint64_t number);
static otr_status set_dependencies(otr_cell_book *book, otr_cell_entry *entry, uint64_t length);
static otr_status failed(otr_status status, otr_error *error);
static bool is_left_out(const otr_cell_book *book, uint64_t layer);
static void uncount(otr_cell_book *book, const otr_cell_entry *entry);
static bool is_settled(const otr_cell_book *book, uint64_t number);
static void pass_empty_cells(otr_cell_book *book);
static void join_commits(otr_cell_book *book);
static uint64_t find_first_needed(otr_cell_book *book);

bool otr_book_is_followed(const otr_cell_book *book, uint64_t number) {
    bool found = book->options.followed == NULL;
    for (size_t i = 0; !found && i < book->options.followed_count; i++) {
        found = is_in_range(&book->followed[i], number);
    }
    return found;
}

otr_status otr_book_find_followed(const otr_cell_book *book, uint64_t number, uint64_t length, otr_cell *out,
                                  bool *found) {
    const otr_plan *const plan = book->plan;
    uint64_t first = book->options.followed == NULL ? number : UINT64_MAX;
    uint64_t count = UINT64_MAX;
    if (length > 0 || otr_plan_period(plan) == 0) {
        count = otr_plan_cell_count(plan, length > 0 ? length : otr_plan_layer_count(plan));
    }
    for (size_t i = 0; book->options.followed != NULL && i < book->options.followed_count; i++) {
        const uint64_t of_range = first_from(&book->followed[i], number);
        first = of_range < first ? of_range : first;
    }
    *found = first < count;
    return *found ? otr_plan_cell(plan, first, length, out) : OTR_OK;
}

otr_status otr_book_stage_cells(otr_cell_book *book, uint64_t length, otr_cell *upcoming, bool *has_upcoming,
                                otr_error *error) {
    const uint64_t near = book->layer_count + 1 + book->options.lead;
    otr_status status = OTR_OK;
    *upcoming = book->upcoming;
    *has_upcoming = book->has_upcoming;
    if (length > 0 && *has_upcoming) {
        status = otr_book_find_followed(book, book->upcoming.number, length, upcoming, has_upcoming);
    }
    while (status == OTR_OK && *has_upcoming && (length > 0 || upcoming->events_first < near)) {
        otr_cell_entry *entry;
        if (is_left_out(book, upcoming->events_first)) {
            return otr_error_set(error, OTR_ERR_INDEX, 0, 0, "a round that cell %llu needs was left out",
                                 (unsigned long long)upcoming->number);
        }
        entry = otr_cell_list_take(&book->cells);
        if (entry == NULL) {
            return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
        }
        book->cells.staged[book->cells.staged_count++] = entry;
        entry->cell = *upcoming;
        entry->is_followed = true;
        entry->blocker = upcoming->number;
        status = set_dependencies(book, entry, length);
        if (status == OTR_OK) {
            status = otr_book_find_followed(book, upcoming->number + 1, length, upcoming, has_upcoming);
        }
    }
    return status == OTR_OK ? OTR_OK : failed(status, error);
}

/* The end takes dependencies away and adds none. */
otr_status otr_book_look_again(otr_cell_book *book, uint64_t length, otr_error *error) {
    const uint64_t count = otr_plan_cell_count(book->plan, length);
    otr_status status = OTR_OK;
    for (size_t i = otr_cell_list_find(&book->cells, book->frontier);
         i < book->cells.count && status == OTR_OK; i++) {
        otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        if (entry->is_followed && entry->stage == OTR_CELL_WAITING && entry->cell.number < count) {
            book->open_empty -= entry->cell.is_empty ? 1 : 0;
            status = otr_plan_cell(book->plan, entry->cell.number, length, &entry->cell);
            book->open_empty += entry->cell.is_empty ? 1 : 0;
            entry->blocker = entry->cell.number;
            if (status == OTR_OK) {
                status = set_dependencies(book, entry, length);
            }
        }
    }
    return status == OTR_OK ? OTR_OK : failed(status, error);
}

void otr_book_drop_beyond(otr_cell_book *book, uint64_t length) {
    const uint64_t count = otr_plan_cell_count(book->plan, length);
    while (book->cells.count > 0) {
        const otr_cell_entry *const last = otr_cell_list_at(&book->cells, book->cells.count - 1);
        if (last->cell.number < count) {
            break;
        }
        uncount(book, last);
        otr_cell_list_drop_last(&book->cells);
    }
    book->entered = book->entered < count ? book->entered : count;
}

size_t otr_book_enter_staged(otr_cell_book *book) {
    otr_cell_list *const cells = &book->cells;
    const size_t count = cells->staged_count;
    for (size_t i = 0; i < count; i++) {
        otr_cell_entry *const entry = cells->staged[i];
        const uint64_t number = entry->cell.number;
        otr_cell_list_insert(cells, otr_cell_list_find(cells, number), entry);
        book->entered = number + 1;
        book->open++;
        book->open_empty += entry->cell.is_empty ? 1 : 0;
    }
    cells->staged_count = 0;
    return count;
}

void otr_book_set_committed(otr_cell_book *book, otr_cell_entry *entry) {
    book->open--;
    book->open_empty -= entry->cell.is_empty ? 1 : 0;
    book->commits++;
    entry->stage = OTR_CELL_COMMITTED;
    entry->is_reopened = false;
}

bool otr_book_is_final(const otr_cell_book *book, const otr_cell *cell) {
    return book->length > 0 || cell->ready_layers <= book->layer_count;
}

/* Whether a cell waits for no other. The one that it was found to wait for is looked at first, so that a cell
 * that has to wait costs nothing. */
bool otr_book_is_decidable(otr_cell_book *book, otr_cell_entry *entry) {
    if (entry->blocker != entry->cell.number && !is_settled(book, entry->blocker)) {
        return false;
    }
    for (size_t i = 0; i < entry->dependency_count; i++) {
        if (!is_settled(book, entry->dependencies[i])) {
            entry->blocker = entry->dependencies[i];
            return false;
        }
    }
    return true;
}

bool otr_book_is_past(const otr_cell_book *book, const otr_cell *cell) {
    return cell->end_layer + otr_plan_reach(book->plan) <= book->kept_from;
}

void otr_book_settle(otr_cell_book *book) {
    const uint64_t slack = otr_plan_cell_layers(book->plan);
    uint64_t needed;
    pass_empty_cells(book);
    join_commits(book);
    needed = find_first_needed(book);
    book->kept_from = needed > slack ? needed - slack : 0;
    otr_layer_ring_drop(&book->layers, book->kept_from);
    while (book->cells.count > 0) {
        const otr_cell_entry *const first = otr_cell_list_at(&book->cells, 0);
        if (first->stage != OTR_CELL_COMMITTED ||
            (first->is_followed && first->cell.number >= book->frontier) ||
            !otr_book_is_past(book, &first->cell)) {
            break;
        }
        uncount(book, first);
        otr_cell_list_drop_first(&book->cells);
    }
}

/* Entry. */

static bool is_in_range(const otr_cell_range *range, uint64_t number) {
    const uint64_t offset = number - range->first;
    return number >= range->first && offset % range->stride == 0 &&
           (range->count == OTR_CELLS_ENDLESS || offset / range->stride < range->count);
}

/* The first cell of a range from `number` on; UINT64_MAX if there is none. */
static uint64_t first_from(const otr_cell_range *range, uint64_t number) {
    const uint64_t before = number > range->first ? number - range->first : 0;
    const uint64_t steps = before / range->stride + (before % range->stride > 0);
    const bool is_within = range->count == OTR_CELLS_ENDLESS || steps < range->count;
    return is_within && steps <= (UINT64_MAX - range->first) / range->stride
               ? range->first + steps * range->stride
               : UINT64_MAX;
}

/* Fills in what a cell depends on. */
static otr_status set_dependencies(otr_cell_book *book, otr_cell_entry *entry, uint64_t length) {
    size_t count = 0;
    const otr_status status = otr_plan_dependencies(book->plan, entry->cell.number, length,
                                                    book->dependencies, book->dependencies_max, &count);
    if (status != OTR_OK) {
        return status;
    }
    if (!otr_array_reserve((void **)&entry->dependencies, &entry->dependency_capacity, count,
                           sizeof *entry->dependencies)) {
        return OTR_ERR_MEMORY;
    }
    if (count > 0) {
        memcpy(entry->dependencies, book->dependencies, count * sizeof *entry->dependencies);
    }
    entry->dependency_count = count;
    return OTR_OK;
}

static otr_status failed(otr_status status, otr_error *error) {
    return otr_error_set(error, status, 0, 0,
                         status == OTR_ERR_MEMORY ? "out of memory" : "a cell cannot be looked up");
}

/* A layer that should have come was left out. */
static bool is_left_out(const otr_cell_book *book, uint64_t layer) {
    return layer < book->layer_count && otr_layer_ring_get(&book->layers, layer) == NULL;
}

/* Takes the cell out of the counts; its entry is about to be dropped. */
static void uncount(otr_cell_book *book, const otr_cell_entry *entry) {
    const bool is_open = entry->is_followed && entry->stage != OTR_CELL_COMMITTED;
    book->open -= is_open ? 1 : 0;
    book->open_empty -= is_open && entry->cell.is_empty ? 1 : 0;
    book->imports -= entry->is_followed ? 0 : 1;
    book->marks_total -= entry->mark_count;
}

/* Decidability. */

/* Whether nobody has to wait for a cell any more. */
static bool is_settled(const otr_cell_book *book, uint64_t number) {
    const otr_cell_entry *const entry = otr_cell_list_get(&book->cells, number);
    otr_cell cell;
    if (entry != NULL) {
        return entry->stage == OTR_CELL_COMMITTED ||
               (entry->cell.is_empty && otr_book_is_final(book, &entry->cell));
    }
    if (otr_book_is_followed(book, number)) {
        return number < book->frontier;
    }
    /* Nobody decides it, so nobody sends a commit of it. */
    return otr_plan_cell(book->plan, number, book->length, &cell) == OTR_OK && cell.is_empty &&
           otr_book_is_final(book, &cell);
}

/* Pruning. */

/* Commits cells without detectors, once they are final. */
static void pass_empty_cells(otr_cell_book *book) {
    size_t i = book->open_empty > 0 ? otr_cell_list_find(&book->cells, book->frontier) : book->cells.count;
    for (; i < book->cells.count && book->open_empty > 0; i++) {
        otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        if (entry->stage == OTR_CELL_WAITING && entry->cell.is_empty &&
            otr_book_is_final(book, &entry->cell)) {
            entry->marks_layer = entry->cell.first_layer;
            otr_book_set_committed(book, entry);
        }
    }
}

/* Moves the frontier over what is committed without a hole. */
static void join_commits(otr_cell_book *book) {
    for (size_t i = otr_cell_list_find(&book->cells, book->frontier); i < book->cells.count; i++) {
        const otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        if (entry->is_followed && entry->stage != OTR_CELL_COMMITTED) {
            break;
        }
        if (entry->is_followed) {
            for (size_t k = 0; k < book->observable_bytes; k++) {
                book->observables[k] ^= entry->flips[k];
            }
            book->frontier = entry->cell.number + 1;
        }
    }
}

/* The first layer that a cell which is open, may be opened again, or has not entered, may look at. */
static uint64_t find_first_needed(otr_cell_book *book) {
    uint64_t first = UINT64_MAX, end = UINT64_MAX;
    book->first_open_layer = UINT64_MAX;
    for (size_t i = otr_cell_list_find(&book->cells, book->frontier); i < book->cells.count; i++) {
        const otr_cell_entry *const entry = otr_cell_list_at(&book->cells, i);
        const otr_cell *const cell = &entry->cell;
        const bool is_open = entry->is_followed && entry->stage != OTR_CELL_COMMITTED;
        if (cell->number >= end) {
            break;
        }
        if (is_open && end == UINT64_MAX) {
            /* Cells of one time index begin at different layers, those of the next ones later. */
            end = cell->number + otr_plan_row_count(book->plan);
        }
        if (is_open && cell->first_layer < book->first_open_layer) {
            book->first_open_layer = cell->first_layer;
        }
        if ((is_open || (entry->is_followed && book->options.can_reopen)) && cell->events_first < first) {
            first = cell->events_first;
        }
    }
    if (first < UINT64_MAX) {
        return first;
    }
    return book->has_upcoming ? book->upcoming.events_first : book->layer_count;
}
