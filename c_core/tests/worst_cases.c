/* The work of both engines on shots that are bad for them: events that are equally far apart, so that all of
 * them meet at the same time, a detector that fires in every round, a node with very many edges.
 *
 * Work is counted in arcs that the engines look at, by a kernel scan_arcs that counts, and in bytes that they
 * hold. Four times the shot may take ARCS_RATIO times the arcs and BYTES_RATIO times the bytes; if work grew
 * with the square it would be 16 times. The counts go to stdout. */
#include "cluster/union_find.h"
#include "match/matcher.h"
#include "outrider/outrider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 4000, LARGE = 4 * SMALL, NODES_MAX = 10 * LARGE, EDGES_MAX = 3 * NODES_MAX };
enum { ARCS_RATIO = 6, BYTES_RATIO = 6 };

static uint32_t node1[EDGES_MAX], node2[EDGES_MAX], events[NODES_MAX];
static double weights[EDGES_MAX];
static otr_graph_edges edges = {.node1 = node1, .node2 = node2, .weights = weights};
static size_t event_count;

static const otr_kernels *own;
static uint64_t arcs_seen;

static uint64_t scan_and_count(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                               uint32_t *position) {
    arcs_seen += count;
    return own->scan_arcs(arcs, count, bits, least, position);
}

static void add_edge(uint32_t a, uint32_t b, double weight) {
    node1[edges.edge_count] = a;
    node2[edges.edge_count] = b;
    weights[edges.edge_count++] = weight;
}

/* An event at every tenth node of a chain between two boundaries. */
static void chain(uint32_t size) {
    edges.node_count = 10 * size;
    add_edge(0, OTR_BOUNDARY, 3);
    for (uint32_t node = 0; node + 1 < edges.node_count; node++) {
        add_edge(node, node + 1, 3);
        if (node % 10 == 0) {
            events[event_count++] = node;
        }
    }
    add_edge(edges.node_count - 1, OTR_BOUNDARY, 0);
}

/* An event at every node of a chain. */
static void full_chain(uint32_t size) {
    edges.node_count = size;
    add_edge(0, OTR_BOUNDARY, 3);
    for (uint32_t node = 0; node < size; node++) {
        events[event_count++] = node;
        if (node + 1 < size) {
            add_edge(node, node + 1, 3);
        }
    }
    add_edge(size - 1, OTR_BOUNDARY, 3);
}

/* A square with a boundary on one side and an event at every third node of every third row. */
static void square(uint32_t size) {
    uint32_t width = 0;
    while (width * width < 9 * size) {
        width += 3;
    }
    edges.node_count = width * width;
    for (uint32_t node = 0; node < edges.node_count; node++) {
        const uint32_t x = node % width;
        const uint32_t y = node / width;
        add_edge(node, x > 0 ? node - 1 : OTR_BOUNDARY, 3);
        if (y > 0) {
            add_edge(node, node - width, 3);
        }
        if (x % 3 == 0 && y % 3 == 0) {
            events[event_count++] = node;
        }
    }
}

/* A repetition code of four detectors a round, of which one fires in every round, others now and then. */
static void stuck_detector(uint32_t size) {
    edges.node_count = 4 * size;
    for (uint32_t node = 0; node < edges.node_count; node++) {
        add_edge(node, node % 4 < 3 ? node + 1 : OTR_BOUNDARY, 4.6);
        if (node % 4 == 0) {
            add_edge(node, OTR_BOUNDARY, 4.6);
        }
        if (node >= 4) {
            add_edge(node, node - 4, 4.59);
        }
        if (node % 4 == 1 || node % 37 == 0) {
            events[event_count++] = node;
        }
    }
}

/* One event at a node that has an edge to all others, equally heavy or not. */
static void hub(uint32_t size, bool equal) {
    edges.node_count = size;
    for (uint32_t node = 1; node < size; node++) {
        add_edge(0, node, equal ? 3 : 1 + (double)(node * 7919 % size) / size);
        add_edge(node, OTR_BOUNDARY, 9);
    }
    events[event_count++] = 0;
}

static void equal_hub(uint32_t size) {
    hub(size, true);
}

static void mixed_hub(uint32_t size) {
    hub(size, false);
}

static void require(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

/* The arcs that an engine looks at, and the bytes that it then holds. */
static void solve(void (*make)(uint32_t), uint32_t size, bool by_matching, uint64_t *arcs, size_t *bytes) {
    otr_kernels counting = *own;
    otr_graph *graph = NULL;
    otr_weights magnitudes;
    edges.edge_count = 0;
    event_count = 0;
    make(size);
    counting.scan_arcs = scan_and_count;
    arcs_seen = 0;
    require(otr_graph_create_from_edges(&graph, &edges, NULL, NULL) == OTR_OK, "no graph");
    require(otr_weights_init(&magnitudes, graph, 0) == OTR_OK, "no weights");
    if (by_matching) {
        otr_matcher *matcher = NULL;
        require(otr_matcher_create(&matcher, &magnitudes, &counting) == OTR_OK, "no matcher");
        require(otr_matcher_solve(matcher, events, event_count, false) == OTR_OK, "no matching");
        *bytes = otr_matcher_bytes(matcher);
        otr_matcher_reset(matcher);
        otr_matcher_destroy(matcher);
    } else {
        otr_union_find *clusters = NULL;
        const uint32_t *correction;
        size_t count;
        require(otr_union_find_create(&clusters, &magnitudes, &counting) == OTR_OK, "no union-find");
        require(otr_union_find_solve(clusters, events, event_count, &correction, &count) == OTR_OK,
                "no correction");
        *bytes = otr_union_find_bytes(clusters);
        otr_union_find_destroy(clusters);
    }
    *arcs = arcs_seen;
    otr_weights_free(&magnitudes);
    otr_graph_destroy(graph);
}

int main(void) {
    static const struct {
        const char *name;
        void (*make)(uint32_t);
    } shots[] = {{"chain", chain},
                 {"full chain", full_chain},
                 {"square", square},
                 {"stuck detector", stuck_detector},
                 {"hub, equal weights", equal_hub},
                 {"hub, mixed weights", mixed_hub}};
    bool good = true;
    own = otr_kernels_for(OTR_ISA_PORTABLE);
    for (size_t i = 0; i < sizeof shots / sizeof shots[0]; i++) {
        for (int by_matching = 0; by_matching < 2; by_matching++) {
            uint64_t arcs, more_arcs;
            size_t bytes, more_bytes;
            solve(shots[i].make, SMALL, by_matching, &arcs, &bytes);
            solve(shots[i].make, LARGE, by_matching, &more_arcs, &more_bytes);
            printf("%s, %s: %llu and %llu arcs, %zu and %zu bytes\n", shots[i].name,
                   by_matching ? "matching" : "union-find", (unsigned long long)arcs,
                   (unsigned long long)more_arcs, bytes, more_bytes);
            good &= more_arcs <= ARCS_RATIO * arcs && more_bytes <= BYTES_RATIO * bytes;
        }
    }
    fflush(stdout);
    require(good, "work grows faster than the shot");
    return 0;
}
