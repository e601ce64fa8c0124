/* A priority queue of (time, id) with times modulo 2^32.
 *
 * A binary heap of 64-bit keys, time in the upper half and id below, so that equal times come out by lowest
 * id. All times in the queue lie within 2^31 of each other, hence the signed difference of two keys orders
 * them. */
#ifndef OTR_EVENT_QUEUE_H
#define OTR_EVENT_QUEUE_H

#include "common/array.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct otr_queue {
    uint64_t *keys;
    size_t count;
    size_t capacity;
} otr_queue;

static inline bool otr_queue_before(uint64_t a, uint64_t b) {
    return (int64_t)(a - b) < 0;
}

/* Returns false when memory is out. */
static inline bool otr_queue_push(otr_queue *queue, uint32_t time, uint32_t id) {
    const uint64_t key = (uint64_t)time << 32 | id;
    size_t hole = queue->count;
    if (!OTR_ARRAY_GROW(queue->keys, queue->count, queue->capacity)) {
        return false;
    }
    queue->count++;
    while (hole > 0) {
        const size_t parent = (hole - 1) / 2;
        if (!otr_queue_before(key, queue->keys[parent])) {
            break;
        }
        queue->keys[hole] = queue->keys[parent];
        hole = parent;
    }
    queue->keys[hole] = key;
    return true;
}

/* The queue is not empty. */
static inline uint64_t otr_queue_pop(otr_queue *queue) {
    uint64_t *const keys = queue->keys;
    const uint64_t first = keys[0];
    const uint64_t last = keys[--queue->count];
    const size_t count = queue->count;
    size_t hole = 0;
    for (size_t child = 1; child < count; child = 2 * hole + 1) {
        child += child + 1 < count && otr_queue_before(keys[child + 1], keys[child]);
        if (!otr_queue_before(keys[child], last)) {
            break;
        }
        keys[hole] = keys[child];
        hole = child;
    }
    keys[hole] = last;
    return first;
}

#endif
