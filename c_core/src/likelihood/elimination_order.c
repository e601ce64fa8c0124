#include "likelihood/elimination_order.h"

#include <stddef.h>

/* How good an order is: the smaller, the better, `most` first. */
typedef struct width {
    uint32_t most; /* detectors open at once */
    uint64_t sum;  /* of those over all steps */
} width;

/* A sweep over the graph. */
typedef struct sweep {
    const otr_neighbourhood *graph;
    uint32_t *state;  /* of each detector */
    uint32_t *unseen; /* detector -> neighbours that were never open */
    uint32_t *open;   /* in the order of their opening */
    uint32_t open_count;
} sweep;

enum { UNSEEN, OPEN, CLOSED };

static uint32_t find_far_end(sweep *sweep, uint32_t *queue);
static void sweep_greedily(sweep *sweep, uint32_t start, uint32_t *order);
static width measure(sweep *sweep, const uint32_t *order);

void otr_elimination_order(uint32_t *order, const otr_neighbourhood *graph, uint32_t *scratch) {
    const uint32_t count = graph->count;
    sweep sweep = {
        .graph = graph, .state = scratch, .unseen = scratch + count, .open = scratch + (size_t)2 * count};
    sweep_greedily(&sweep, find_far_end(&sweep, order), order);
    const width greedy = measure(&sweep, order);
    const width ascending = measure(&sweep, NULL);
    if (ascending.most < greedy.most || (ascending.most == greedy.most && ascending.sum <= greedy.sum)) {
        for (uint32_t i = 0; i < count; i++) {
            order[i] = i;
        }
    }
}

static void set_unseen(sweep *sweep) {
    for (uint32_t i = 0; i < sweep->graph->count; i++) {
        sweep->state[i] = UNSEEN;
    }
}

/* The last detector of a breadth-first search, which fills the queue. */
static uint32_t search(sweep *sweep, uint32_t start, uint32_t *queue) {
    const otr_neighbourhood *const graph = sweep->graph;
    uint32_t count = 1;
    set_unseen(sweep);
    queue[0] = start;
    sweep->state[start] = CLOSED;
    for (uint32_t at = 0; at < count; at++) {
        for (size_t i = graph->begin[queue[at]]; i < graph->begin[queue[at] + 1]; i++) {
            const uint32_t next = graph->neighbours[i];
            if (sweep->state[next] == UNSEEN) {
                sweep->state[next] = CLOSED;
                queue[count++] = next;
            }
        }
    }
    return queue[count - 1];
}

static uint32_t find_far_end(sweep *sweep, uint32_t *queue) {
    return search(sweep, search(sweep, 0, queue), queue);
}

/* Opens a detector if it was never open. */
static void open_detector(sweep *sweep, uint32_t detector) {
    const otr_neighbourhood *const graph = sweep->graph;
    if (sweep->state[detector] != UNSEEN) {
        return;
    }
    sweep->state[detector] = OPEN;
    sweep->open[sweep->open_count++] = detector;
    for (size_t i = graph->begin[detector]; i < graph->begin[detector + 1]; i++) {
        sweep->unseen[graph->neighbours[i]]--;
    }
}

/* Closes a detector, which opens all that share an error with it. Returns how many are open just before. */
static uint32_t close_detector(sweep *sweep, uint32_t detector) {
    const otr_neighbourhood *const graph = sweep->graph;
    uint32_t kept = 0;
    open_detector(sweep, detector);
    for (size_t i = graph->begin[detector]; i < graph->begin[detector + 1]; i++) {
        open_detector(sweep, graph->neighbours[i]);
    }
    for (uint32_t i = 0; i < sweep->open_count; i++) {
        if (sweep->open[i] != detector) {
            sweep->open[kept++] = sweep->open[i];
        }
    }
    sweep->open_count = kept;
    sweep->state[detector] = CLOSED;
    return kept + 1;
}

static void start(sweep *sweep) {
    const otr_neighbourhood *const graph = sweep->graph;
    set_unseen(sweep);
    sweep->open_count = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        sweep->unseen[i] = (uint32_t)(graph->begin[i + 1] - graph->begin[i]);
    }
}

static void sweep_greedily(sweep *sweep, uint32_t first, uint32_t *order) {
    start(sweep);
    order[0] = first;
    close_detector(sweep, first);
    for (uint32_t step = 1; step < sweep->graph->count; step++) {
        uint32_t best = sweep->open[0];
        for (uint32_t i = 1; i < sweep->open_count; i++) {
            best = sweep->unseen[sweep->open[i]] < sweep->unseen[best] ? sweep->open[i] : best;
        }
        order[step] = best;
        close_detector(sweep, best);
    }
}

/* Of an order, or of the ascending one for NULL. */
static width measure(sweep *sweep, const uint32_t *order) {
    width found = {0};
    start(sweep);
    for (uint32_t step = 0; step < sweep->graph->count; step++) {
        const uint32_t open = close_detector(sweep, order != NULL ? order[step] : step);
        found.most = open > found.most ? open : found.most;
        found.sum += open;
    }
    return found;
}
