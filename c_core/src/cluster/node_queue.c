#include "cluster/node_queue.h"

#include "common/array.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool comes_before(otr_queue_entry a, otr_queue_entry b);
static void sift_up(otr_node_queue *queue, uint32_t slot, otr_queue_entry entry);
static void sift_down(otr_node_queue *queue, uint32_t slot, otr_queue_entry entry);

otr_status otr_node_queue_init(otr_node_queue *queue, uint32_t node_count) {
    memset(queue, 0, sizeof *queue);
    queue->heap = otr_array_new(node_count, sizeof *queue->heap);
    queue->slot = otr_array_zeroed(node_count, sizeof *queue->slot);
    queue->heap_bytes = (size_t)node_count * (sizeof *queue->heap + sizeof *queue->slot);
    return queue->heap != NULL && queue->slot != NULL ? OTR_OK : OTR_ERR_MEMORY;
}

void otr_node_queue_free(otr_node_queue *queue) {
    free(queue->heap);
    free(queue->slot);
    memset(queue, 0, sizeof *queue);
}

void otr_node_queue_set(otr_node_queue *queue, uint32_t node, int64_t time) {
    otr_queue_entry entry = {time, node};
    uint32_t slot = queue->slot[node];
    if (slot >= queue->count || queue->heap[slot].node != node) {
        sift_up(queue, queue->count++, entry);
    } else if (time < queue->heap[slot].time) {
        sift_up(queue, slot, entry);
    } else {
        sift_down(queue, slot, entry);
    }
}

otr_queue_entry otr_node_queue_pop(otr_node_queue *queue) {
    otr_queue_entry first = queue->heap[0];
    queue->count--;
    if (queue->count > 0) {
        sift_down(queue, 0, queue->heap[queue->count]);
    }
    return first;
}

static bool comes_before(otr_queue_entry a, otr_queue_entry b) {
    return (a.time < b.time) | ((a.time == b.time) & (a.node < b.node));
}

/* Places `entry` at the free `slot` or above it. */
static void sift_up(otr_node_queue *queue, uint32_t slot, otr_queue_entry entry) {
    while (slot > 0) {
        uint32_t parent = (slot - 1) / 2;
        if (!comes_before(entry, queue->heap[parent])) {
            break;
        }
        queue->heap[slot] = queue->heap[parent];
        queue->slot[queue->heap[slot].node] = slot;
        slot = parent;
    }
    queue->heap[slot] = entry;
    queue->slot[entry.node] = slot;
}

/* Places `entry` at the free `slot` or below it. */
static void sift_down(otr_node_queue *queue, uint32_t slot, otr_queue_entry entry) {
    for (;;) {
        uint32_t child = 2 * slot + 1;
        if (child >= queue->count) {
            break;
        }
        if (child + 1 < queue->count) {
            child += (uint32_t)comes_before(queue->heap[child + 1], queue->heap[child]);
        }
        if (!comes_before(queue->heap[child], entry)) {
            break;
        }
        queue->heap[slot] = queue->heap[child];
        queue->slot[queue->heap[slot].node] = slot;
        slot = child;
    }
    queue->heap[slot] = entry;
    queue->slot[entry.node] = slot;
}
