#include "likelihood/elimination_order.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* How good an order is: the smaller, the better, `most` first. */
typedef struct width {
    uint32_t most; /* detectors open at once */
    uint64_t sum;  /* of those over all steps */
} width;

/* A sweep over the graph. */
typedef struct sweep {
    const otr_neighbourhood *graph;
    uint8_t *state;   /* of each detector */
    uint32_t *unseen; /* detector -> neighbours that were never open */
    uint32_t *open;   /* in the order of their opening */
    uint32_t open_count;
} sweep;

enum { UNSEEN, OPEN, CLOSED };

static uint32_t find_far_end(sweep *sweep, uint32_t *queue);
static void sweep_greedily(sweep *sweep, uint32_t start, uint32_t *order);
static width measure(sweep *sweep, const uint32_t *order);

otr_status otr_elimination_order(uint32_t *order, const otr_neighbourhood *graph) {
    const uint32_t count = graph->count;
    uint32_t *const ascending = otr_array_new(count, sizeof *ascending);
    sweep sweep = {.graph = graph,
                   .state = otr_array_new(count, sizeof *sweep.state),
                   .unseen = otr_array_new(count, sizeof *sweep.unseen),
                   .open = otr_array_new(count, sizeof *sweep.open)};
    otr_status status = OTR_ERR_MEMORY;
    if (ascending != NULL && sweep.state != NULL && sweep.unseen != NULL && sweep.open != NULL) {
        sweep_greedily(&sweep, find_far_end(&sweep, order), order);
        for (uint32_t i = 0; i < count; i++) {
            ascending[i] = i;
        }
        const width greedy = measure(&sweep, order);
        const width plain = measure(&sweep, ascending);
        if (plain.most < greedy.most || (plain.most == greedy.most && plain.sum <= greedy.sum)) {
            memcpy(order, ascending, count * sizeof *order);
        }
        status = OTR_OK;
    }
    free(ascending);
    free(sweep.state);
    free(sweep.unseen);
    free(sweep.open);
    return status;
}

/* The last detector of a breadth-first search, which fills the queue. */
static uint32_t search(sweep *sweep, uint32_t start, uint32_t *queue) {
    const otr_neighbourhood *const graph = sweep->graph;
    uint32_t count = 1;
    memset(sweep->state, UNSEEN, graph->count);
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
    memset(sweep->state, UNSEEN, graph->count);
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

static width measure(sweep *sweep, const uint32_t *order) {
    width found = {0};
    start(sweep);
    for (uint32_t step = 0; step < sweep->graph->count; step++) {
        const uint32_t open = close_detector(sweep, order[step]);
        found.most = open > found.most ? open : found.most;
        found.sum += open;
    }
    return found;
}
