/* The layers that a cell book holds: a queue of packed layers, ascending, of which some may be left out. */
#ifndef OTR_LAYER_RING_H
#define OTR_LAYER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct otr_ring_layer {
    uint64_t number;
    uint64_t arrived;
    uint32_t detector_count;
} otr_ring_layer;

typedef struct otr_layer_ring {
    otr_ring_layer *layers;
    uint8_t *bits; /* layer_bytes for each */
    size_t layer_bytes;
    size_t capacity, begin, count;
} otr_layer_ring;

/* Returns whether there was memory; to be freed in any case. */
bool otr_layer_ring_init(otr_layer_ring *ring, size_t capacity, size_t layer_bytes);
void otr_layer_ring_free(otr_layer_ring *ring);

/* Appends a layer behind those there are, of which there are fewer than the capacity. */
void otr_layer_ring_push(otr_layer_ring *ring, const otr_ring_layer *layer, const uint8_t *events);
/* Drops the layers before this one. */
void otr_layer_ring_drop(otr_layer_ring *ring, uint64_t before);
/* otr_layer_ring_find by bisection. */
size_t otr_layer_ring_search(const otr_layer_ring *ring, uint64_t number);

/* Where the layer of this place lies in the arrays. */
static inline size_t otr_layer_ring_slot(const otr_layer_ring *ring, size_t place) {
    const size_t slot = ring->begin + place;
    return slot < ring->capacity ? slot : slot - ring->capacity;
}

static inline const otr_ring_layer *otr_layer_ring_at(const otr_layer_ring *ring, size_t place) {
    return &ring->layers[otr_layer_ring_slot(ring, place)];
}

/* The place of the first layer from `number` on; `count` if there is none. */
static inline size_t otr_layer_ring_find(const otr_layer_ring *ring, uint64_t number) {
    if (ring->count == 0 || number <= ring->layers[ring->begin].number) {
        return 0;
    }
    /* Where it is if none was left out. */
    const uint64_t offset = number - ring->layers[ring->begin].number;
    if (offset < ring->count && otr_layer_ring_at(ring, (size_t)offset)->number == number) {
        return (size_t)offset;
    }
    return otr_layer_ring_search(ring, number);
}

/* The layer of that number; NULL if it is not held. */
static inline const otr_ring_layer *otr_layer_ring_get(const otr_layer_ring *ring, uint64_t number) {
    const size_t place = otr_layer_ring_find(ring, number);
    const otr_ring_layer *const layer = place < ring->count ? otr_layer_ring_at(ring, place) : NULL;
    return layer != NULL && layer->number == number ? layer : NULL;
}

#endif
