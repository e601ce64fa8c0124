/* The edges of the classes that a shot was decided for. In the parts of the graph that an observable parts, a
 * gap has the lightest ones of its class; the other parts are matched under the weights that these imply. */
#include <math.h>

#include "common/bits.h"
#include "common/sort.h"
#include "graph/graph_errors.h"
#include "likelihood/likelihood_internal.h"

/* Two gaps with two classes each. */
#define SETS_MAX (2 * OTR_WEIGHTS)

static otr_status add_class(otr_likelihood *l, uint32_t observable);
static otr_status add_others(otr_likelihood *l);

otr_status otr_likelihood_find_edges(otr_likelihood *l) {
    otr_status status = OTR_OK;
    l->answer_count = 0;
    for (uint64_t left = l->flippable; left != 0 && status == OTR_OK; left &= left - 1) {
        status = add_class(l, otr_ctz64(left));
    }
    status = status == OTR_OK ? add_others(l) : status;
    otr_sort_indices(l->answer, l->answer_count);
    return status;
}

/* The sets of edges to choose from, those of the observable's class first, and by the first gap before those
 * by the second. A gap may lack a class, and the second one may not have been asked for. */
static otr_status list_sets(otr_likelihood *l, uint32_t observable, otr_edge_set *sets, unsigned *count) {
    const int class = l->ratios[observable] < 0;
    *count = 0;
    for (unsigned i = 0; i < SETS_MAX; i++) {
        const unsigned weights = i % 2 == 0 ? OTR_PREDECODED : OTR_OWN;
        otr_edge_set *const set = &sets[*count];
        otr_status status = OTR_ERR_ARGUMENT;
        if (weights == OTR_PREDECODED || (l->asked_again >> observable & 1) != 0) {
            status = otr_gap_edges(l->gaps[observable].under[weights], i < 2 ? class : !class, &set->edges,
                                   &set->count);
        }
        if (status != OTR_OK && status != OTR_ERR_ARGUMENT) {
            return status;
        }
        *count += status == OTR_OK;
    }
    return *count > 0 ? OTR_OK : OTR_ERR_ODD_PARITY;
}

static uint32_t holder_of(otr_likelihood *l, uint32_t node) {
    while (l->clusters[node].parent != node) {
        l->clusters[node].parent = l->clusters[l->clusters[node].parent].parent;
        node = l->clusters[node].parent;
    }
    return node;
}

static void connect(otr_likelihood *l, uint32_t a, uint32_t b) {
    const uint32_t x = holder_of(l, a);
    const uint32_t y = holder_of(l, b);
    l->clusters[x > y ? x : y].parent = x < y ? x : y;
}

/* Finds the clusters of the candidates, with what the sum wants of each; all of them together are in the
 * class that was decided for, or the least sure part is turned over. */
static void find_clusters(otr_likelihood *l, uint32_t observable) {
    const otr_graph *const graph = l->graph;
    const otr_frontier_list *const frontiers = &l->sum.frontiers;
    uint32_t least = OTR_NONE;
    bool flips = false;
    for (uint32_t i = 0; i < l->candidates.chosen_count; i++) {
        const uint32_t edge = l->candidates.edges[i];
        if (graph->edge_node2[edge] != OTR_BOUNDARY) {
            connect(l, graph->edge_node1[edge], graph->edge_node2[edge]);
        }
    }
    for (uint32_t i = 0; i < frontiers->count; i++) {
        for (uint32_t step = 1; step < frontiers->parts[i].step_count; step++) {
            connect(l, frontiers->parts[i].detector_of[0], frontiers->parts[i].detector_of[step]);
        }
    }
    for (uint32_t i = 0; i < frontiers->count; i++) {
        if (frontiers->parts[i].flips >> observable & 1) {
            const double ratio = l->sum.part_ratios[i];
            l->clusters[holder_of(l, frontiers->parts[i].detector_of[0])].flips ^= ratio < 0;
            flips ^= ratio < 0;
            if (least == OTR_NONE || fabs(ratio) < fabs(l->sum.part_ratios[least])) {
                least = i;
            }
        }
    }
    if (least != OTR_NONE && flips != (l->ratios[observable] < 0)) {
        l->clusters[holder_of(l, frontiers->parts[least].detector_of[0])].flips ^= 1;
    }
}

/* Whether the parts of the sum that flip the observable flip no other one, so that each has a ratio of its
 * own. */
static bool has_part_ratios(const otr_likelihood *l, uint32_t observable) {
    bool is_alone = false;
    for (uint32_t i = 0; i < l->sum.groups.count; i++) {
        const otr_class_group *const group = &l->sum.groups.groups[i];
        is_alone |= group->observables == (uint64_t)1 << observable && group->class_count == 2;
    }
    return is_alone;
}

static void forget_clusters(otr_likelihood *l) {
    for (uint32_t node = 0; node < l->graph->node_count; node++) {
        l->clusters[node] = (otr_edge_cluster){.parent = node};
    }
}

static bool flips(const otr_likelihood *l, uint32_t edge, uint32_t observable) {
    return (l->graph->edge_mask[edge] >> observable & 1) != 0;
}

/* Adds an edge if it is in a part of the graph that the observable decides. Returns whether it is added and
 * flips the observable. */
static bool add_edge(otr_likelihood *l, uint32_t edge, uint32_t observable) {
    if (l->deciders[l->graph->edge_node1[edge]] != observable) {
        return false;
    }
    l->answer[l->answer_count++] = edge;
    return flips(l, edge, observable);
}

/* Adds for each cluster the edges of the first set that does there what the sum wants. Returns whether they
 * flip the observable. */
static bool add_by_cluster(otr_likelihood *l, uint32_t observable, const otr_edge_set *sets, unsigned count) {
    bool is_flipped = false;
    find_clusters(l, observable);
    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < sets[i].count; j++) {
            const uint32_t edge = sets[i].edges[j];
            const uint32_t holder = holder_of(l, l->graph->edge_node1[edge]);
            l->clusters[holder].flipped ^= (uint8_t)(flips(l, edge, observable) << i);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < sets[i].count; j++) {
            const uint32_t edge = sets[i].edges[j];
            const otr_edge_cluster cluster = l->clusters[holder_of(l, l->graph->edge_node1[edge])];
            const unsigned right =
                (cluster.flips ? cluster.flipped : ~(unsigned)cluster.flipped) & ((1u << count) - 1);
            if (i == (right != 0 ? otr_ctz64(right) : 0)) {
                is_flipped ^= add_edge(l, edge, observable);
            }
        }
    }
    forget_clusters(l);
    return is_flipped;
}

/* Adds the edges of an observable in its parts of the graph. */
static otr_status add_class(otr_likelihood *l, uint32_t observable) {
    const bool class = l->ratios[observable] < 0;
    const size_t before = l->answer_count;
    otr_edge_set sets[SETS_MAX];
    unsigned count;
    const otr_status status = list_sets(l, observable, sets, &count);
    if (status != OTR_OK) {
        return status;
    }
    /* A sum leaves out what happened, which sets have. At an open side of a window one edge stands for
     * several, and may flip what their errors do not: a cell takes the clusters as they are. */
    if ((l->summed >> observable & 1) != 0 && l->errors->list.happened_count == 0 &&
        has_part_ratios(l, observable) &&
        (add_by_cluster(l, observable, sets, count) == class || l->for_cells)) {
        return OTR_OK;
    }
    l->answer_count = before;
    for (size_t i = 0; i < sets[0].count; i++) {
        add_edge(l, sets[0].edges[i], observable);
    }
    return OTR_OK;
}

static otr_status add_others(otr_likelihood *l) {
    const otr_predecoded *const left = &l->shot.left;
    const otr_edge_set own = {l->answer, l->answer_count};
    otr_edge_set set;
    size_t count = 0;
    otr_status status;
    for (size_t i = 0; i < left->event_count; i++) {
        l->others[count] = left->events[i];
        count += l->deciders[left->events[i]] == OTR_NO_DECIDER;
    }
    otr_likelihood_imply(l, &own);
    status = otr_decoder_decode_events(l->plain, l->others, count, l->lowered, l->lowered_count, NULL, NULL);
    if (status == OTR_OK) {
        status = otr_decoder_edges(l->plain, &set.edges, &set.count);
    }
    for (size_t i = 0; status == OTR_OK && i < set.count; i++) {
        if (l->deciders[l->graph->edge_node1[set.edges[i]]] == OTR_NO_DECIDER) {
            l->answer[l->answer_count++] = set.edges[i];
        }
    }
    return status;
}
