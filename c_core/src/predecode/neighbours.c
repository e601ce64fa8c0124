/* Finding pairs costs by events, not by volume.
 *
 * The lattice is one row of bits, a cell per site, with margins as wide as the largest offset. Around each
 * event the forward half of the neighbourhood is gathered into words: a window of one lattice row is a
 * shifted load, and all windows of a neighbourhood of radius 3 make one word. Its set bits are the pairs.
 * They are then sorted by class with one counting sort, so that all that share weights stand together. */
#include "predecode/neighbours.h"

#include "common/array.h"
#include "common/bits.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that a window may read from the byte it starts in. */
#define READ_BYTES 8
/* Cells that a read certainly holds, wherever in its first byte it starts. */
#define WINDOW_CELLS (64 - 7)

typedef struct strides {
    int64_t row, layer; /* in cells */
    int64_t margin;     /* before the first cell of a row */
} strides;

static otr_status lay_out(otr_neighbours *n, const otr_offset *offsets, uint32_t offset_count, strides *out);
static otr_status plan_words(otr_neighbours *n, const strides *strides, const otr_offset *offsets,
                             uint32_t offset_count, const uint16_t *codes);
static void place_events(otr_neighbours *n, const uint32_t *events, size_t event_count);
static void remove_events(otr_neighbours *n, const uint32_t *events, size_t event_count);
static otr_event_pair *list_pairs(otr_neighbours *n, uint32_t event, uint32_t node, otr_event_pair *next);
static void sort_pairs(otr_neighbours *n, size_t count);

otr_status otr_neighbours_init(otr_neighbours *neighbours, const otr_lattice *lattice,
                               const otr_offset *offsets, uint32_t offset_count, const uint16_t *codes,
                               uint32_t class_count) {
    strides cells;
    otr_status status;
    *neighbours = (otr_neighbours){.lattice = lattice, .class_count = class_count};
    neighbours->class_begin = otr_array_zeroed((size_t)class_count + 1, sizeof *neighbours->class_begin);
    status =
        neighbours->class_begin != NULL ? lay_out(neighbours, offsets, offset_count, &cells) : OTR_ERR_MEMORY;
    if (status == OTR_OK) {
        status = plan_words(neighbours, &cells, offsets, offset_count, codes);
    }
    if (status != OTR_OK) {
        otr_neighbours_free(neighbours);
    }
    return status;
}

void otr_neighbours_free(otr_neighbours *neighbours) {
    free(neighbours->cells);
    free(neighbours->windows);
    free(neighbours->words);
    free(neighbours->bits);
    free(neighbours->cell_event);
    free(neighbours->found);
    free(neighbours->pairs);
    free(neighbours->class_begin);
    *neighbours = (otr_neighbours){0};
}

size_t otr_neighbours_bytes(const otr_neighbours *n) {
    return n->lattice->node_count * sizeof *n->cells +
           n->offset_count * (sizeof *n->windows + sizeof *n->words) + n->bit_bytes +
           n->cell_count * sizeof *n->cell_event + (n->found_capacity + n->pair_capacity) * sizeof *n->pairs +
           ((size_t)n->class_count + 1) * sizeof *n->class_begin;
}

otr_status otr_neighbours_find(otr_neighbours *neighbours, const uint32_t *events, size_t event_count) {
    const size_t per_event = (size_t)neighbours->word_count * 64;
    otr_status status = OTR_OK;
    size_t count = 0;
    memset(neighbours->class_begin, 0,
           ((size_t)neighbours->class_count + 1) * sizeof *neighbours->class_begin);
    place_events(neighbours, events, event_count);
    for (size_t i = 0; i < event_count && status == OTR_OK; i++) {
        if (count > UINT32_MAX - per_event) {
            status = OTR_ERR_LIMIT;
        } else if (otr_array_reserve((void **)&neighbours->found, &neighbours->found_capacity,
                                     count + per_event, sizeof *neighbours->found)) {
            otr_event_pair *const begin = neighbours->found + count;
            count += (size_t)(list_pairs(neighbours, (uint32_t)i, events[i], begin) - begin);
        } else {
            status = OTR_ERR_MEMORY;
        }
    }
    remove_events(neighbours, events, event_count);
    if (status == OTR_OK && !otr_array_reserve((void **)&neighbours->pairs, &neighbours->pair_capacity, count,
                                               sizeof *neighbours->pairs)) {
        status = OTR_ERR_MEMORY;
    }
    if (status == OTR_OK) {
        sort_pairs(neighbours, count);
    }
    return status;
}

static int64_t delta_of(const strides *strides, otr_offset offset) {
    return offset.t * strides->layer + offset.y * strides->row + offset.x;
}

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* Gives every node its cell, so that no forward offset leaves the cells or enters a row from its side. */
static otr_status lay_out(otr_neighbours *n, const otr_offset *offsets, uint32_t offset_count, strides *out) {
    const otr_lattice *const lattice = n->lattice;
    otr_offset reach = {0, 0, 0};
    int64_t layers;
    for (uint32_t i = 0; i < offset_count; i++) {
        reach.x = larger(reach.x, abs(offsets[i].x));
        reach.y = larger(reach.y, abs(offsets[i].y));
        reach.t = larger(reach.t, offsets[i].t);
    }
    out->margin = reach.x;
    out->row = (int64_t)lattice->high.x - lattice->low.x + 1 + reach.x;
    out->layer = ((int64_t)lattice->high.y - lattice->low.y + 1 + reach.y) * out->row;
    layers = (int64_t)lattice->high.t - lattice->low.t + 1 + reach.t;
    if (out->layer > INT32_MAX || layers > INT32_MAX / (out->layer + out->margin + 1)) {
        return OTR_ERR_LIMIT;
    }
    n->cell_count = (size_t)(layers * out->layer + out->margin + 1);
    n->bit_bytes = n->cell_count / 8 + 1 + READ_BYTES;
    n->bits = otr_array_zeroed(n->bit_bytes, 1);
    n->cell_event = otr_array_zeroed(n->cell_count, sizeof *n->cell_event);
    n->cells = otr_array_new(lattice->node_count, sizeof *n->cells);
    if (n->bits == NULL || n->cell_event == NULL || n->cells == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t node = 0; node < lattice->node_count; node++) {
        const otr_offset site = lattice->sites[node];
        n->cells[node] = (uint32_t)(((int64_t)site.t - lattice->low.t) * out->layer +
                                    ((int64_t)site.y - lattice->low.y) * out->row + out->margin +
                                    ((int64_t)site.x - lattice->low.x));
    }
    return OTR_OK;
}

/* The window from offset `begin` on; returns the end of the offsets that it holds. On a lattice narrower than
 * the offsets two of them may name one cell, or come in another order; it is then a margin, always empty. */
static uint32_t fill_window(otr_neighbour_window *window, const strides *strides, const otr_offset *offsets,
                            uint32_t offset_count, uint32_t begin) {
    const int64_t first = delta_of(strides, offsets[begin]);
    uint32_t end = begin;
    *window = (otr_neighbour_window){.delta = (uint32_t)first};
    while (end < offset_count) {
        const int64_t cell = delta_of(strides, offsets[end]) - first;
        if (cell < 0 || cell >= WINDOW_CELLS) {
            break;
        }
        window->mask |= UINT64_C(1) << cell;
        end++;
    }
    return end;
}

/* The least shift that leaves the window whole and clear of the bits taken; 64 if there is none. */
static uint32_t find_room(uint64_t mask, uint64_t taken) {
    for (uint32_t shift = 0; shift < 64; shift++) {
        if ((mask << shift) >> shift == mask && (mask << shift & taken) == 0) {
            return shift;
        }
    }
    return 64;
}

/* Fills words with windows while they fit. There are no more windows or words than offsets. */
static otr_status plan_words(otr_neighbours *n, const strides *strides, const otr_offset *offsets,
                             uint32_t offset_count, const uint16_t *codes) {
    uint32_t window_count = 0;
    uint64_t taken = UINT64_MAX;
    n->offset_count = offset_count;
    n->windows = otr_array_zeroed(offset_count, sizeof *n->windows);
    n->words = otr_array_zeroed(offset_count, sizeof *n->words);
    if (n->windows == NULL || n->words == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t begin = 0, end; begin < offset_count; begin = end) {
        otr_neighbour_window *const window = &n->windows[window_count];
        otr_neighbour_word *word;
        end = fill_window(window, strides, offsets, offset_count, begin);
        window->shift = find_room(window->mask, taken);
        if (window->shift == 64) {
            n->words[n->word_count++].window_begin = window_count;
            window->shift = 0;
            taken = 0;
        }
        taken |= window->mask << window->shift;
        word = &n->words[n->word_count - 1];
        word->window_end = ++window_count;
        for (uint32_t i = begin; i < end; i++) {
            const int64_t delta = delta_of(strides, offsets[i]);
            const uint32_t bit = (uint32_t)(delta - window->delta) + window->shift;
            word->deltas[bit] = (int32_t)delta;
            for (uint32_t kind = 0; kind < n->lattice->rule->kinds; kind++) {
                word->codes[kind][bit] = codes[(size_t)kind * offset_count + i];
            }
        }
    }
    return OTR_OK;
}

static void place_events(otr_neighbours *n, const uint32_t *events, size_t event_count) {
    for (size_t i = 0; i < event_count; i++) {
        const uint32_t cell = n->cells[events[i]];
        otr_bit_flip(n->bits, cell);
        n->cell_event[cell] = (uint32_t)i;
    }
}

static void remove_events(otr_neighbours *n, const uint32_t *events, size_t event_count) {
    for (size_t i = 0; i < event_count; i++) {
        n->bits[n->cells[events[i]] / 8] = 0;
    }
}

static uint64_t gather(const otr_neighbours *n, const otr_neighbour_word *word, uint32_t cell) {
    uint64_t sites = 0;
    for (uint32_t i = word->window_begin; i < word->window_end; i++) {
        const otr_neighbour_window window = n->windows[i];
        const uint32_t from = cell + window.delta;
        sites |= (otr_load_le64(n->bits + from / 8) >> from % 8 & window.mask) << window.shift;
    }
    return sites;
}

/* Lists the pairs of one event as the first end found; counts them by class in class_begin. */
static otr_event_pair *list_pairs(otr_neighbours *n, uint32_t event, uint32_t node, otr_event_pair *next) {
    const uint32_t cell = n->cells[node];
    const uint32_t kind = n->lattice->kinds[node];
    for (uint32_t i = 0; i < n->word_count; i++) {
        const otr_neighbour_word *const word = &n->words[i];
        for (uint64_t sites = gather(n, word, cell); sites != 0; sites &= sites - 1) {
            const uint32_t bit = otr_ctz64(sites);
            const uint32_t code = word->codes[kind][bit];
            const uint32_t other = n->cell_event[cell + (uint32_t)word->deltas[bit]];
            const uint32_t swap = 0u - (code & OTR_NEIGHBOUR_SWAP);
            const uint32_t exchange = (event ^ other) & swap;
            *next++ = (otr_event_pair){event ^ exchange, other ^ exchange, code / 2};
            n->class_begin[code / 2]++;
        }
    }
    return next;
}

/* Counting sort of `found` into `pairs`, stable. On entry class_begin holds counts. */
static void sort_pairs(otr_neighbours *n, size_t count) {
    uint32_t before = 0;
    for (uint32_t i = 0; i <= n->class_count; i++) {
        const uint32_t of_class = n->class_begin[i];
        n->class_begin[i] = before;
        before += of_class;
    }
    for (size_t i = 0; i < count; i++) {
        n->pairs[n->class_begin[n->found[i].class_index]++] = n->found[i];
    }
    /* Every begin has become the next one's. */
    memmove(n->class_begin + 1, n->class_begin, n->class_count * sizeof *n->class_begin);
    n->class_begin[0] = 0;
}
