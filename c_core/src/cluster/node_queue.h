/* A priority queue of graph nodes: each node at most once, keyed by (time, node), so equal times come out by
 * lowest index. A binary heap with the slot of every node; capacity for all nodes is allocated once. */
#ifndef OTR_NODE_QUEUE_H
#define OTR_NODE_QUEUE_H

#include "outrider/status.h"

typedef struct otr_queue_entry {
    int64_t time;
    uint32_t node;
} otr_queue_entry;

typedef struct otr_node_queue {
    otr_queue_entry *heap;
    uint32_t *slot; /* node -> its place in the heap; meaningless unless that place holds the node */
    uint32_t count;
    size_t heap_bytes;
} otr_node_queue;

/* An empty queue for nodes 0 .. node_count-1. OTR_ERR_MEMORY; otr_node_queue_free is right after either. */
otr_status otr_node_queue_init(otr_node_queue *queue, uint32_t node_count);
void otr_node_queue_free(otr_node_queue *queue);

/* Adds `node` at `time`, or moves it there. */
void otr_node_queue_set(otr_node_queue *queue, uint32_t node, int64_t time);

/* Removes and returns the first entry; the queue must not be empty. */
otr_queue_entry otr_node_queue_pop(otr_node_queue *queue);

#endif
