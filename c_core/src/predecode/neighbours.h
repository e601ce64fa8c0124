/* Pairs of detection events that are near each other, found on packed bits. */
#ifndef OTR_NEIGHBOURS_H
#define OTR_NEIGHBOURS_H

#include "outrider/kernels.h"
#include "predecode/lattice.h"

/* Largest component of an offset that is searched. */
#define OTR_NEIGHBOUR_OFFSET_MAX 8
/* Added to twice the class: the pair counts from its second event's side. */
#define OTR_NEIGHBOUR_SWAP 1

/* Up to 64 sites forward of an event: bit b of the word is at deltas[b]. */
typedef struct otr_neighbour_word {
    uint32_t window_begin, window_end;
    int32_t deltas[64];
    uint16_t codes[OTR_LATTICE_KINDS_MAX][64];
} otr_neighbour_word;

/* The cells of `mask`, counted from `delta` on, go to the bits `shift` above. */
typedef struct otr_neighbour_window {
    uint64_t mask;
    uint32_t delta;
    uint32_t shift;
} otr_neighbour_window;

/* Sites are cells of one long row of bits. Rows of the lattice share the margins between them. */
typedef struct otr_neighbours {
    const otr_lattice *lattice;
    uint32_t *cells; /* node -> cell */
    otr_neighbour_window *windows;
    otr_neighbour_word *words;
    uint32_t word_count;
    uint32_t offset_count;
    uint32_t class_count;
    uint8_t *bits;        /* cells with an event; all clear between calls */
    size_t bit_bytes;     /* of `bits`, with room for a wide read at the end */
    uint32_t *cell_event; /* cell -> its event; says nothing about cells without one */
    size_t cell_count;

    otr_event_pair *found; /* in the order of their first end */
    size_t found_capacity;
    otr_event_pair *pairs; /* by class */
    size_t pair_capacity;
    uint32_t *class_begin; /* class_count + 1, into `pairs` */
} otr_neighbours;

/* `offsets` are distinct, ascending by (t, y, x) and all forward: t > 0, or t = 0 and y > 0, or both are 0
 * and x > 0; components at most OTR_NEIGHBOUR_OFFSET_MAX in magnitude. An event of kind k with another one at
 * offsets[i] is a pair of class codes[k * offset_count + i] / 2, the first event being the one that the
 * offset starts from, or the other one with OTR_NEIGHBOUR_SWAP. The lattice is borrowed. OTR_ERR_LIMIT if it
 * makes too many cells, OTR_ERR_MEMORY. */
otr_status otr_neighbours_init(otr_neighbours *neighbours, const otr_lattice *lattice,
                               const otr_offset *offsets, uint32_t offset_count, const uint16_t *codes,
                               uint32_t class_count);
void otr_neighbours_free(otr_neighbours *neighbours);

/* Finds every pair among `events`, distinct nodes, once; afterwards the pairs of class c are
 * pairs[class_begin[c]] .. pairs[class_begin[c + 1] - 1]. OTR_ERR_LIMIT, OTR_ERR_MEMORY. */
otr_status otr_neighbours_find(otr_neighbours *neighbours, const uint32_t *events, size_t event_count);

/* Heap bytes held now. */
size_t otr_neighbours_bytes(const otr_neighbours *neighbours);

#endif
