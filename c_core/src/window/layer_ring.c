#include "window/layer_ring.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"

bool otr_layer_ring_init(otr_layer_ring *ring, size_t capacity, size_t layer_bytes) {
    *ring = (otr_layer_ring){.capacity = capacity, .layer_bytes = layer_bytes};
    ring->layers = otr_array_zeroed(capacity, sizeof *ring->layers);
    ring->bits = otr_array_zeroed(capacity, layer_bytes > 0 ? layer_bytes : 1);
    return ring->layers != NULL && ring->bits != NULL;
}

void otr_layer_ring_free(otr_layer_ring *ring) {
    free(ring->layers);
    free(ring->bits);
    *ring = (otr_layer_ring){0};
}

void otr_layer_ring_push(otr_layer_ring *ring, const otr_ring_layer *layer, const uint8_t *events) {
    const size_t slot = otr_layer_ring_slot(ring, ring->count);
    const size_t bytes = otr_bytes_for_bits(layer->detector_count);
    uint8_t *const bits = ring->bits + slot * ring->layer_bytes;
    ring->layers[slot] = *layer;
    memset(bits, 0, ring->layer_bytes);
    if (bytes > 0) {
        memcpy(bits, events, bytes);
    }
    if (layer->detector_count % 8 != 0) {
        bits[bytes - 1] &= (uint8_t)((1u << layer->detector_count % 8) - 1);
    }
    ring->count++;
}

void otr_layer_ring_drop(otr_layer_ring *ring, uint64_t before) {
    while (ring->count > 0 && ring->layers[ring->begin].number < before) {
        ring->begin = otr_layer_ring_slot(ring, 1);
        ring->count--;
    }
}

size_t otr_layer_ring_search(const otr_layer_ring *ring, uint64_t number) {
    size_t low = 0, high = ring->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (otr_layer_ring_at(ring, middle)->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
