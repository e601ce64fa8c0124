/* Matching in both classes of patches with two sides, from within: every shot of random patches is matched in
 * each class by itself, and that is compared with
 *  - matching all events but the last and then the last, with a certificate;
 *  - the bound by the slack between the sides, which may never claim more than the classes differ by;
 *  - the gap of both classes.
 * Counts go to stdout: shots, those with one class only, bounds that were decisive, and those that were not.
 */
#include "decode/decode.h"
#include "graph/boundary_split.h"
#include "match/matcher.h"
#include "match/slack_search.h"
#include "outrider/outrider.h"
#include "support/random_numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MODELS = 1500, SHOTS = 12, NODES_MAX = 300, EDGES_MAX = 3 * NODES_MAX, LIMITS = 6 };

static uint32_t node1[EDGES_MAX], node2[EDGES_MAX], flipped[EDGES_MAX];
static size_t flipped_begin[EDGES_MAX + 1];
static double weights[EDGES_MAX];
static otr_graph_edges edges = {.observable_count = 1,
                                .node1 = node1,
                                .node2 = node2,
                                .weights = weights,
                                .observable_begin = flipped_begin,
                                .observables = flipped};
static unsigned potentials[NODES_MAX];

static unsigned long shot_count, one_class_count, decisive_count, open_count;

static void require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

/* Weights with ties, with zeros, of every size, and up to the largest that there is. */
static double random_weight(uint32_t kind) {
    if (below(40) == 0) {
        return INFINITY;
    }
    return kind == 0 ? 2 : kind == 1 ? below(6) : kind == 2 ? 1 + below(1000) : 1 + below(OTR_WEIGHT_MAX / 2);
}

static void add_edge(uint32_t a, uint32_t b, unsigned class, uint32_t weight_kind) {
    const size_t edge = edges.edge_count++;
    node1[edge] = a;
    node2[edge] = b;
    weights[edge] = random_weight(weight_kind);
    flipped_begin[edge + 1] = flipped_begin[edge];
    if ((class ^ potentials[a] ^ (b != OTR_BOUNDARY ? potentials[b] : 0)) != 0) {
        flipped[flipped_begin[edge + 1]++] = 0;
    }
}

/* A grid with some edges left out; its first column is at one side, its last one at the other, or at none. */
static void add_patch(uint32_t width, uint32_t height, bool has_far_side, uint32_t weight_kind) {
    const uint32_t first = edges.node_count;
    edges.node_count += width * height;
    for (uint32_t node = first; node < edges.node_count; node++) {
        potentials[node] = below(2);
    }
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            const uint32_t node = first + y * width + x;
            const bool is_far = x + 1 == width && (width > 1 || below(2) == 0);
            if (x + 1 < width && below(8) > 0) {
                add_edge(node, node + 1, 0, weight_kind);
            }
            if (y + 1 < height && below(8) > 0) {
                add_edge(node, node + width, 0, weight_kind);
            }
            if (is_far && has_far_side) {
                add_edge(node, OTR_BOUNDARY, 1, weight_kind);
            } else if (x == 0) {
                add_edge(node, OTR_BOUNDARY, 0, weight_kind);
            }
        }
    }
}

static void make_patches(void) {
    const uint32_t weight_kind = below(4);
    edges.node_count = 0;
    edges.edge_count = 0;
    if (below(10) == 0) {
        /* So many edges to a side that its node is a hub. */
        add_patch(2, 90, true, weight_kind);
    }
    for (uint32_t patches = 1 + below(3); patches > 0; patches--) {
        add_patch(1 + below(6), 1 + below(6), below(3) > 0, weight_kind);
    }
}

/* A split graph with a matcher on it. */
typedef struct side_matching {
    otr_boundary_split split;
    otr_weights weights;
    otr_matcher *matcher;
    otr_slack_search search;
} side_matching;

static bool lay_out(side_matching *m, const otr_graph *graph, const int32_t *bypass) {
    const otr_status status = otr_boundary_split_init(&m->split, graph, 0, bypass, NULL);
    if (status != OTR_OK) {
        require(status == OTR_ERR_UNSUPPORTED, "no split");
        otr_boundary_split_free(&m->split);
        return false;
    }
    require(otr_weights_init(&m->weights, m->split.graph, 0) == OTR_OK &&
                otr_matcher_create(&m->matcher, &m->weights, otr_kernels_for(OTR_ISA_PORTABLE)) == OTR_OK &&
                otr_slack_search_init(&m->search, m->split.graph, m->split.extra) == OTR_OK,
            "no matcher");
    return true;
}

static void take_down(side_matching *m) {
    otr_slack_search_free(&m->search);
    otr_matcher_destroy(m->matcher);
    otr_weights_free(&m->weights);
    otr_boundary_split_free(&m->split);
}

/* The weight of a matching, INT64_MAX if there is none. */
static int64_t match(otr_matcher *matcher, const uint32_t *events, size_t count) {
    const otr_status status = otr_matcher_solve(matcher, events, count, false);
    const int64_t weight = status == OTR_OK ? otr_matcher_weight(matcher) : INT64_MAX;
    require(status == OTR_OK || status == OTR_ERR_ODD_PARITY, "not matched");
    otr_matcher_reset(matcher);
    return weight;
}

/* Matches all but the last event, then the last one: the weights are those of matching at once. */
static void grow(const side_matching *m, const uint32_t *events, size_t count, int64_t without,
                 int64_t weight) {
    otr_status status = otr_matcher_solve_but_last(m->matcher, events, count, false);
    require(status == (without < INT64_MAX ? OTR_OK : OTR_ERR_ODD_PARITY), "the status without the last");
    if (status == OTR_OK) {
        require(otr_matcher_weight(m->matcher) == without, "the weight without the last");
        status = otr_matcher_add_last(m->matcher);
        require(status == (weight < INT64_MAX ? OTR_OK : OTR_ERR_ODD_PARITY), "the status with the last");
    }
    if (status == OTR_OK) {
        otr_certificate proof;
        const uint32_t *found;
        size_t found_count;
        int64_t primal = 0;
        require(otr_matcher_certify(m->matcher, &proof) == OTR_OK && proof.edges_overtight == 0 &&
                    proof.dual == weight,
                "what has grown is not a minimum");
        require(otr_matcher_edges(m->matcher, &found, &found_count) == OTR_OK, "no edges");
        for (size_t i = 0; i < found_count; i++) {
            primal += otr_weights_get(&m->weights, found[i]);
        }
        require(primal == weight, "the edges have another weight");
    }
    otr_matcher_reset(m->matcher);
}

/* No limit beyond the gap is claimed; the same question has the same answer. */
static void bound(side_matching *m, const uint32_t *events, size_t count, int64_t gap) {
    const int64_t around = gap < OTR_WEIGHT_MAX ? gap : OTR_WEIGHT_MAX;
    const int64_t limits[LIMITS] = {2, around - 2, around, around + 2, 2 + 2 * below(500), OTR_WEIGHT_MAX};
    if (otr_matcher_solve(m->matcher, events, count, false) == OTR_OK) {
        for (size_t i = 0; i < LIMITS; i++) {
            bool is_wide;
            if (limits[i] < 2 || limits[i] > OTR_WEIGHT_MAX) {
                continue;
            }
            is_wide = otr_slack_is_wide(&m->search, m->matcher, (uint32_t)limits[i]);
            require(!is_wide || limits[i] <= gap, "a bound above the gap");
            require(is_wide == otr_slack_is_wide(&m->search, m->matcher, (uint32_t)limits[i]),
                    "two answers to one question");
            decisive_count += is_wide;
            open_count += !is_wide && limits[i] <= gap;
        }
    }
    otr_matcher_reset(m->matcher);
}

/* The gap has the weight of each class, and edges of that class and weight. */
static void match_gap(otr_gap *gap, const side_matching *m, const uint32_t *events, size_t count,
                      const int64_t *by_class) {
    otr_gap_result result;
    require(otr_gap_decode(gap, events, count, NULL, 0, &result) == OTR_OK, "no gap");
    require(result.weights[0] == by_class[0] && result.weights[1] == by_class[1], "another gap");
    for (unsigned class = 0; class < 2; class ++) {
        const uint32_t *found;
        size_t found_count;
        int64_t weight = 0;
        unsigned flips = 0;
        if (by_class[class] == INT64_MAX) {
            continue;
        }
        require(otr_gap_edges(gap, (int)class, &found, &found_count) == OTR_OK, "no edges of a class");
        for (size_t i = 0; i < found_count; i++) {
            const uint32_t a = m->split.graph->edge_node1[found[i]], b = m->split.graph->edge_node2[found[i]];
            weight += otr_weights_get(&m->weights, found[i]);
            flips ^=
                m->split.potentials[a] ^ (b < m->split.extra ? m->split.potentials[b] : b == m->split.extra);
        }
        require(weight == by_class[class] && flips == class, "another class or weight");
    }
}

/* Returns whether there was room for an answer. */
static void check_shot(otr_gap *gap, side_matching *parted, side_matching *joined, uint32_t density) {
    uint32_t events[NODES_MAX + 1];
    int64_t weights_of[2], by_class[2], difference;
    unsigned potential = 0;
    size_t count = 0;
    for (uint32_t node = 0; node < edges.node_count; node++) {
        if (below(density) == 0) {
            events[count++] = node;
            potential ^= parted->split.potentials[node];
        }
    }
    events[count] = parted->split.extra;
    weights_of[0] = match(parted->matcher, events, count);
    weights_of[1] = match(parted->matcher, events, count + 1);
    grow(parted, events, count + 1, weights_of[0], weights_of[1]);
    if (count > 0) {
        grow(parted, events, count, match(parted->matcher, events, count - 1), weights_of[0]);
    }
    by_class[potential] = weights_of[0];
    by_class[potential ^ 1] = weights_of[1];
    if (weights_of[0] == INT64_MAX && weights_of[1] == INT64_MAX) {
        return;
    }
    match_gap(gap, parted, events, count, by_class);
    difference = weights_of[0] < INT64_MAX && weights_of[1] < INT64_MAX ? llabs(weights_of[1] - weights_of[0])
                                                                        : INT64_MAX;
    one_class_count += difference == INT64_MAX;
    shot_count++;
    bound(joined, events, count, difference);
}

int main(void) {
    const int32_t bypass = 0;
    for (int model = 0; model < MODELS; model++) {
        otr_graph *graph = NULL;
        otr_gap *gap = NULL;
        side_matching parted = {0}, joined = {0};
        make_patches();
        require(otr_graph_create_from_edges(&graph, &edges, NULL, NULL) == OTR_OK, "no graph");
        if (lay_out(&parted, graph, NULL) && lay_out(&joined, graph, &bypass)) {
            require(otr_gap_create(&gap, graph, NULL, NULL) == OTR_OK, "no gap");
            for (int shot = 0; shot < SHOTS; shot++) {
                check_shot(gap, &parted, &joined, 2 + below(20));
            }
            otr_gap_destroy(gap);
            take_down(&joined);
            take_down(&parted);
        }
        otr_graph_destroy(graph);
    }
    printf("%lu %lu %lu %lu\n", shot_count, one_class_count, decisive_count, open_count);
    return 0;
}
