/* Finding pairs costs by events, not by volume.
 *
 * The lattice is one row of bits, a cell per site, with margins as wide as the largest offset. Around each
 * event the forward half of the neighbourhood is gathered into words: a window of one lattice row is a
 * shifted load, and all windows of a neighbourhood of radius 3 make one word. Its set bits are the pairs.
 * They are then sorted by class with one counting sort, so that all that share their weights stand together.
 */
#include "predecode/neighbours.h"

#include "common/array.h"
#include "common/bits.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that a window may read past the bit it starts at. */
#define READ_BYTES 8

typedef struct strides {
    int64_t row, layer; /* in cells */
    int64_t margin;     /* before the first cell of a row */
} strides;

static otr_status lay_out(otr_neighbours *n, const otr_offset *offsets, uint32_t offset_count, strides *out);
static otr_status plan_words(otr_neighbours *n, const strides *strides, const otr_offset *offsets,
                             uint32_t offset_count, const uint16_t *codes);

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
    free(neighbours->rows);
    free(neighbours->words);
    free(neighbours->bits);
    free(neighbours->cell_event);
    free(neighbours->found);
    free(neighbours->pairs);
    free(neighbours->class_begin);
    *neighbours = (otr_neighbours){0};
}

size_t otr_neighbours_bytes(const otr_neighbours *n) {
    size_t rows = 0;
    for (uint32_t i = 0; i < n->word_count; i++) {
        rows += n->words[i].row_end - n->words[i].row_begin;
    }
    return n->lattice->node_count * sizeof *n->cells + rows * sizeof *n->rows +
           n->word_count * sizeof *n->words + n->bit_bytes + n->cell_count * sizeof *n->cell_event +
           (n->found_capacity + n->pair_capacity) * sizeof *n->pairs +
           ((size_t)n->class_count + 1) * sizeof *n->class_begin;
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

static int same_row(otr_offset a, otr_offset b) {
    return a.t == b.t && a.y == b.y;
}

/* Offsets of one row, from `begin` on; returns their end. */
static uint32_t end_of_row(const otr_offset *offsets, uint32_t offset_count, uint32_t begin) {
    uint32_t end = begin + 1;
    while (end < offset_count && same_row(offsets[begin], offsets[end])) {
        end++;
    }
    return end;
}

/* Fills words with rows while they fit. There are no more rows or words than offsets. */
static otr_status plan_words(otr_neighbours *n, const strides *strides, const otr_offset *offsets,
                             uint32_t offset_count, const uint16_t *codes) {
    otr_neighbour_word *word;
    uint32_t row_count = 0, used = 64;
    n->rows = otr_array_zeroed(offset_count, sizeof *n->rows);
    n->words = otr_array_zeroed(offset_count, sizeof *n->words);
    if (n->rows == NULL || n->words == NULL) {
        return OTR_ERR_MEMORY;
    }
    word = n->words;
    for (uint32_t begin = 0, end; begin < offset_count; begin = end) {
        const otr_offset first = offsets[begin];
        const int64_t delta = first.t * strides->layer + first.y * strides->row + first.x;
        uint32_t width;
        end = end_of_row(offsets, offset_count, begin);
        width = (uint32_t)(offsets[end - 1].x - first.x + 1);
        if (used + width > 64) {
            word = &n->words[n->word_count++];
            word->row_begin = row_count;
            used = 0;
        }
        n->rows[row_count] = (otr_neighbour_row){.delta = (uint32_t)delta, .shift = used};
        for (uint32_t i = begin; i < end; i++) {
            const uint32_t bit = (uint32_t)(offsets[i].x - first.x);
            n->rows[row_count].mask |= 1u << bit;
            word->deltas[used + bit] = (int32_t)(delta + bit);
            for (uint32_t kind = 0; kind < n->lattice->rule->kinds; kind++) {
                word->codes[kind][used + bit] = codes[(size_t)kind * offset_count + i];
            }
        }
        used += width;
        word->row_end = ++row_count;
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
    for (uint32_t i = word->row_begin; i < word->row_end; i++) {
        const otr_neighbour_row row = n->rows[i];
        const uint32_t from = cell + row.delta;
        sites |= (otr_load_le64(n->bits + from / 8) >> from % 8 & row.mask) << row.shift;
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
