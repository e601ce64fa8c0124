/* Weighted union-find with exact, event-driven growth.
 *
 * Idea (Delfosse and Nickerson, arXiv:1709.06218; weighted growth: Huang, Newman and Brown,
 * arXiv:2004.04693). Every detection event starts a cluster. A cluster with an odd number of events that does
 * not touch the boundary grows: the radius of each of its nodes rises by one per unit of time. An edge is
 * complete when the radii of its two ends add up to its weight; it then takes in a fresh node (radius 0),
 * joins two clusters, or ties the cluster to the boundary. When nothing grows, every cluster is even or tied
 * to the boundary. An edge whose completion joined something is a tree edge, so the trees consist of the
 * edges completed first, and peeling them leaf by leaf gives the correction.
 *
 * Time does not tick but jumps from completion to completion through a queue of nodes. For every edge that
 * can still complete, it holds at least one of the ends, at the time of completion or earlier. What makes
 * completions earlier (a node joins, a frozen cluster grows again) looks at the nodes concerned; what makes
 * them later (a cluster freezes) does not: a node that comes up too early looks again and goes back into the
 * queue. A node that comes up while its cluster is frozen, or whose last look was at such a time, is parked:
 * the nodes that a cluster looks at when it grows again are those, not all.
 *
 * A hub (graph/hubs.h) keeps for each of its blocks what completes first, and looks anew at blocks that are
 * due only.
 *
 * Clusters are lists of nodes, and cluster_of has the cluster of each node; a union moves the nodes of the
 * smaller one. Radii follow from one clock per cluster, radius = reach(cluster) - origin(node), so growth
 * touches no node. Two growing clusters may meet at half a unit of time; that completion is rounded up. */
#include "cluster/union_find.h"

#include "cluster/node_queue.h"
#include "common/array.h"
#include "common/bits.h"
#include "graph/hubs.h"

#include <stdbool.h>
#include <stdlib.h>

/* Later than every completion: a path of OTR_GRAPH_NODES_MAX edges of OTR_WEIGHT_MAX stays below 2^56. */
#define TIME_NEVER INT64_MAX
/* Arcs that one call of the kernel scan_arcs takes. */
#define ARCS_PER_SCAN OTR_HUB_BLOCK

/* One cluster. Its reach at time t is reach_at_0 + t while it grows, and reach_at_0 while it is frozen. */
typedef struct cluster {
    int64_t reach_at_0;
    uint32_t first; /* any node of the cluster's circular list */
    uint32_t size;
    uint32_t first_parked; /* list through member.next_parked, or OTR_NONE */
    uint32_t last_parked;
    bool growing;
    bool odd;
    bool grounded; /* touches the boundary */
} cluster;

/* A node of a cluster; not reset, but filled when a cluster takes the node in. */
typedef struct member {
    int64_t origin;
    uint32_t next;          /* in the cluster's circular list */
    uint32_t arc;           /* completes first as of the node's last look; BOUNDARY_ARC or OTR_NONE */
    uint32_t rival;         /* see SEVERAL_RIVALS */
    uint32_t next_parked;   /* OTR_NONE at the end of the list; NOT_PARKED */
    uint32_t tree_degree;   /* tree edges at this node not yet peeled */
    uint32_t tree_edge_xor; /* their indices combined: the index itself once one is left */
    uint32_t charged;       /* 1 while the node's parity is to be carried away */
} member;

/* In place of an arc: the node's boundary edge. */
#define BOUNDARY_ARC (OTR_NONE - 1)
/* In place of a next parked node. */
#define NOT_PARKED (OTR_NONE - 1)
/* `rival` is the neighbour that was in another cluster at the node's last look, OTR_NONE if there was
 * none, or this if there were several. */
#define SEVERAL_RIVALS (OTR_NONE - 1)

/* What completes first over some arcs of a node, as of a look at them. */
typedef struct outlook {
    int64_t due;    /* TIME_NEVER if nothing does */
    uint32_t arc;   /* or BOUNDARY_ARC, or OTR_NONE */
    uint32_t rival; /* as of a member */
} outlook;

struct otr_union_find {
    const otr_weights *weights;
    const otr_kernels *kernels;
    uint64_t *is_reached; /* bit per node: in a cluster; clear outside a call */
    uint32_t *cluster_of; /* reached node -> cluster */
    member *members;      /* by node */
    outlook *hub_blocks;  /* see graph/hubs.h */
    cluster *clusters;    /* one per event */
    uint32_t *reached;    /* nodes of clusters, in the order they were taken in */
    uint32_t *edges;      /* the correction */
    uint32_t reached_count;
    uint32_t edge_count;
    uint32_t growing_count; /* clusters that grow */
    otr_node_queue queue;
    size_t heap_bytes;
};

static void start_clusters(otr_union_find *uf, const uint32_t *events, size_t event_count);
static void reach_node(otr_union_find *uf, uint32_t node, uint32_t into, int64_t origin, uint32_t charged);
static void match_neighbours(otr_union_find *uf, const uint32_t *events, size_t event_count);
static bool has_chosen(const otr_union_find *uf, uint32_t node, uint32_t head);
static void look_first(otr_union_find *uf, uint32_t node);
static uint64_t scan(const otr_union_find *uf, uint32_t begin, uint32_t end, uint32_t *least, uint32_t *arc);
static bool has_reached(const otr_union_find *uf, uint32_t node);
static void look_anew(otr_union_find *uf, uint32_t node, int64_t now);
static void look(otr_union_find *uf, uint32_t node, int64_t now);
static void clear_blocks(otr_union_find *uf, uint32_t hub, int64_t now);
static void look_at_block(otr_union_find *uf, uint32_t node, uint32_t begin, int64_t now, outlook *out);
static void look_at_hub(otr_union_find *uf, uint32_t node, int64_t now, outlook *out);
static bool is_hub(const otr_union_find *uf, uint32_t node);
static outlook *blocks_of(const otr_union_find *uf, uint32_t hub);
static void add_rival(outlook *out, uint32_t rival);
static void park(otr_union_find *uf, uint32_t node);
static void take_parked(cluster *into, const cluster *from, member *members);
static void look_at_parked(otr_union_find *uf, cluster *thawed, int64_t now);
static void advance(otr_union_find *uf, uint32_t node, int64_t now);
static bool is_idle(const otr_union_find *uf, uint32_t node);
static bool is_due(const otr_union_find *uf, uint32_t node, int64_t now);
static void complete(otr_union_find *uf, uint32_t node, int64_t now);
static void ground(otr_union_find *uf, uint32_t index, int64_t now);
static void join(otr_union_find *uf, uint32_t a, uint32_t b, int64_t now);
static void splice(otr_union_find *uf, uint32_t a, uint32_t b);
static int64_t radius_of(const otr_union_find *uf, uint32_t node, int64_t now);
static void add_tree_edge(member *end, uint32_t edge);
static void peel(otr_union_find *uf);

otr_status otr_union_find_create(otr_union_find **out, const otr_weights *weights,
                                 const otr_kernels *kernels) {
    uint32_t node_count = weights->graph->node_count;
    otr_union_find *uf = otr_array_zeroed(1, sizeof *uf);
    if (uf == NULL) {
        return OTR_ERR_MEMORY;
    }
    uf->weights = weights;
    uf->kernels = kernels;
    uf->is_reached = otr_array_zeroed((size_t)node_count / 64 + 1, sizeof *uf->is_reached);
    uf->cluster_of = otr_array_new(node_count, sizeof *uf->cluster_of);
    uf->members = otr_array_new(node_count, sizeof *uf->members);
    uf->clusters = otr_array_new(node_count, sizeof *uf->clusters);
    uf->hub_blocks = otr_array_new(otr_hub_block_count(weights->graph), sizeof *uf->hub_blocks);
    uf->reached = otr_array_new(node_count, sizeof *uf->reached);
    uf->edges = otr_array_new(node_count, sizeof *uf->edges);
    if (otr_node_queue_init(&uf->queue, node_count) != OTR_OK || uf->cluster_of == NULL ||
        uf->is_reached == NULL || uf->members == NULL || uf->clusters == NULL || uf->reached == NULL ||
        uf->hub_blocks == NULL || uf->edges == NULL) {
        otr_union_find_destroy(uf);
        return OTR_ERR_MEMORY;
    }
    uf->heap_bytes =
        sizeof *uf + ((size_t)node_count / 64 + 1) * sizeof *uf->is_reached +
        otr_hub_block_count(weights->graph) * sizeof *uf->hub_blocks +
        (size_t)node_count * (sizeof *uf->members + sizeof *uf->clusters + 3 * sizeof *uf->reached);
    *out = uf;
    return OTR_OK;
}

void otr_union_find_destroy(otr_union_find *uf) {
    if (uf == NULL) {
        return;
    }
    otr_node_queue_free(&uf->queue);
    free(uf->is_reached);
    free(uf->cluster_of);
    free(uf->members);
    free(uf->hub_blocks);
    free(uf->clusters);
    free(uf->reached);
    free(uf->edges);
    free(uf);
}

otr_status otr_union_find_solve(otr_union_find *uf, const uint32_t *events, size_t event_count,
                                const uint32_t **edges, size_t *edge_count) {
    otr_status status = OTR_OK;
    start_clusters(uf, events, event_count);
    match_neighbours(uf, events, event_count);
    while (uf->growing_count > 0 && uf->queue.count > 0) {
        otr_queue_entry entry = otr_node_queue_pop(&uf->queue);
        advance(uf, entry.node, entry.time);
    }
    if (uf->growing_count == 0) {
        peel(uf);
        *edges = uf->edges;
        *edge_count = uf->edge_count;
    } else {
        status = OTR_ERR_ODD_PARITY;
    }
    for (uint32_t i = 0; i < uf->reached_count; i++) {
        uf->is_reached[uf->reached[i] >> 6] = 0;
    }
    uf->queue.count = 0;
    return status;
}

size_t otr_union_find_bytes(const otr_union_find *uf) {
    return uf->heap_bytes + uf->queue.heap_bytes;
}

static void start_clusters(otr_union_find *uf, const uint32_t *events, size_t event_count) {
    uf->reached_count = 0;
    uf->growing_count = (uint32_t)event_count;
    for (uint32_t i = 0; i < event_count; i++) {
        uf->clusters[i] = (cluster){.first = events[i],
                                    .first_parked = OTR_NONE,
                                    .last_parked = OTR_NONE,
                                    .growing = true,
                                    .odd = true};
        reach_node(uf, events[i], i, 0, 1);
    }
}

/* Looks at every event for the first time and completes at once, out of turn, the edges that both their
 * events chose; only the other events go into the queue. No cluster next to such a pair can arrive before
 * the pair meets; one that comes through a fresh node over two edges lighter than the pair's one does, but
 * then sees the pair already joined. The pair itself can stay out of the queue: of every edge to another
 * event, that event holds the other end. */
static void match_neighbours(otr_union_find *uf, const uint32_t *events, size_t event_count) {
    for (size_t i = 0; i < event_count; i++) {
        look_first(uf, events[i]);
    }
    for (size_t i = 0; i < event_count; i++) {
        uint32_t node = events[i];
        uint32_t arc = uf->members[node].arc;
        if (arc == BOUNDARY_ARC) {
            otr_node_queue_set(&uf->queue, node, otr_boundary_weight(uf->weights, node));
        } else if (arc != OTR_NONE) {
            otr_arc chosen = uf->weights->arcs[arc];
            bool is_event = has_reached(uf, chosen.head);
            int64_t due = chosen.weight >> is_event;
            if (!is_event || !has_chosen(uf, chosen.head, node)) {
                otr_node_queue_set(&uf->queue, node, due);
            } else if (node < chosen.head) {
                complete(uf, node, due);
                park(uf, node);
                park(uf, chosen.head);
            }
        }
    }
}

static bool has_chosen(const otr_union_find *uf, uint32_t node, uint32_t head) {
    uint32_t arc = uf->members[node].arc;
    return arc != OTR_NONE && arc != BOUNDARY_ARC && uf->weights->arcs[arc].head == head;
}

/* What `look` finds at time 0, when every cluster is one growing event of radius 0. */
static void look_first(otr_union_find *uf, uint32_t node) {
    uint32_t end = uf->weights->graph->arc_begin[node + 1];
    uint32_t shortest = otr_boundary_weight(uf->weights, node);
    uint32_t best = shortest != OTR_WEIGHT_NONE ? BOUNDARY_ARC : OTR_NONE;
    uint32_t rival = OTR_NONE;
    if (is_hub(uf, node)) {
        clear_blocks(uf, node, 0);
    }
    for (uint32_t begin = uf->weights->graph->arc_begin[node]; begin < end; begin += ARCS_PER_SCAN) {
        uint32_t least, arc;
        uint64_t reached = scan(uf, begin, end, &least, &arc);
        best = least < shortest ? arc : best;
        shortest = least < shortest ? least : shortest;
        for (; reached != 0; reached &= reached - 1) {
            uint32_t left;
            arc = begin + otr_ctz64(reached);
            if (uf->weights->arcs[arc].weight == OTR_WEIGHT_NONE) {
                continue;
            }
            left = uf->weights->arcs[arc].weight / 2;
            rival = rival == OTR_NONE ? uf->weights->arcs[arc].head : SEVERAL_RIVALS;
            best = left < shortest ? arc : best;
            shortest = left < shortest ? left : shortest;
        }
    }
    uf->members[node].arc = best;
    uf->members[node].rival = rival;
}

/* Looks at up to ARCS_PER_SCAN arcs from `begin` to `end`: returns which lead to reached nodes, and of the
 * others the least weight, UINT32_MAX if there is none, and its arc. */
static uint64_t scan(const otr_union_find *uf, uint32_t begin, uint32_t end, uint32_t *least, uint32_t *arc) {
    uint32_t count = end - begin < ARCS_PER_SCAN ? end - begin : ARCS_PER_SCAN;
    uint64_t reached =
        uf->kernels->scan_arcs(&uf->weights->arcs[begin].head, count, uf->is_reached, least, arc);
    *arc += begin;
    return reached;
}

/* Adds an untouched node to cluster `into`, which may be empty if `node` is its `first`. */
static void reach_node(otr_union_find *uf, uint32_t node, uint32_t into, int64_t origin, uint32_t charged) {
    cluster *home = &uf->clusters[into];
    uf->members[node] =
        (member){.origin = origin, .next = node, .next_parked = NOT_PARKED, .charged = charged};
    if (home->size > 0) {
        uf->members[node].next = uf->members[home->first].next;
        uf->members[home->first].next = node;
    }
    home->size++;
    uf->cluster_of[node] = into;
    uf->is_reached[node >> 6] |= (uint64_t)1 << (node & 63);
    uf->reached[uf->reached_count++] = node;
}

/* Looks at a node whose cluster just took it in, or grows again. */
static void look_anew(otr_union_find *uf, uint32_t node, int64_t now) {
    if (is_hub(uf, node)) {
        clear_blocks(uf, node, now);
    }
    look(uf, node, now);
}

/* Makes all blocks of a hub due. */
static void clear_blocks(otr_union_find *uf, uint32_t hub, int64_t now) {
    const uint32_t count = uf->weights->graph->arc_begin[hub + 1] - uf->weights->graph->arc_begin[hub];
    outlook *const blocks = blocks_of(uf, hub);
    for (uint32_t i = 0; i <= (count - 1) / ARCS_PER_SCAN; i++) {
        blocks[i].due = now;
    }
}

/* Finds what completes first at `node` if nothing else happens (of equals the boundary, then a fresh node,
 * then the lowest arc), and queues the node for it. */
static void look(otr_union_find *uf, uint32_t node, int64_t now) {
    const uint32_t end = uf->weights->graph->arc_begin[node + 1];
    const uint32_t boundary = otr_boundary_weight(uf->weights, node);
    const bool is_growing = uf->clusters[uf->cluster_of[node]].growing;
    outlook out = {.due = TIME_NEVER, .arc = OTR_NONE, .rival = OTR_NONE};
    if (is_growing && boundary != OTR_WEIGHT_NONE) {
        const int64_t left = (int64_t)boundary - radius_of(uf, node, now);
        out.due = now + (left > 0 ? left : 0);
        out.arc = BOUNDARY_ARC;
    }
    if (is_growing && is_hub(uf, node)) {
        look_at_hub(uf, node, now, &out);
    } else {
        for (uint32_t begin = uf->weights->graph->arc_begin[node]; begin < end; begin += ARCS_PER_SCAN) {
            look_at_block(uf, node, begin, now, &out);
        }
    }
    uf->members[node].arc = out.arc;
    uf->members[node].rival = out.rival;
    if (out.arc != OTR_NONE) {
        otr_node_queue_set(&uf->queue, node, out.due);
    }
    park(uf, node);
}

/* Looks at the arcs from `begin` on, as many as one scan takes. What completes before out->due replaces what
 * is there. */
static void look_at_block(otr_union_find *uf, uint32_t node, uint32_t begin, int64_t now, outlook *out) {
    const otr_arc *const arcs = uf->weights->arcs;
    const uint32_t own = uf->cluster_of[node];
    const uint32_t own_growing = uf->clusters[own].growing;
    const int64_t radius = radius_of(uf, node, now);
    int64_t shortest = out->due - now;
    uint32_t least, arc;
    uint64_t reached = scan(uf, begin, uf->weights->graph->arc_begin[node + 1], &least, &arc);
    if (own_growing && least != UINT32_MAX && (int64_t)least - radius < shortest) {
        shortest = (int64_t)least - radius;
        out->arc = arc;
    }
    for (; reached != 0; reached &= reached - 1) {
        uint32_t head, other, growing;
        int64_t left;
        arc = begin + otr_ctz64(reached);
        head = arcs[arc].head;
        other = uf->cluster_of[head];
        if (other == own || arcs[arc].weight == OTR_WEIGHT_NONE) {
            continue;
        }
        add_rival(out, head);
        /* When that cluster grows again, the edge completes sooner. */
        park(uf, head);
        growing = own_growing + uf->clusters[other].growing;
        left = (int64_t)arcs[arc].weight - radius - radius_of(uf, head, now);
        left = growing == 2 ? (left + 1) / 2 : left;
        if (growing > 0 && left < shortest) {
            shortest = left;
            out->arc = arc;
        }
    }
    if (out->arc != OTR_NONE) {
        out->due = now + (shortest > 0 ? shortest : 0);
    }
}

/* The same for all arcs of a hub, whose cluster grows. */
static void look_at_hub(otr_union_find *uf, uint32_t node, int64_t now, outlook *out) {
    const uint32_t end = uf->weights->graph->arc_begin[node + 1];
    outlook *block = blocks_of(uf, node);
    for (uint32_t begin = uf->weights->graph->arc_begin[node]; begin < end; begin += ARCS_PER_SCAN, block++) {
        if (block->due <= now) {
            *block = (outlook){.due = TIME_NEVER, .arc = OTR_NONE, .rival = OTR_NONE};
            look_at_block(uf, node, begin, now, block);
        }
        add_rival(out, block->rival);
        if (block->due < out->due) {
            out->due = block->due;
            out->arc = block->arc;
        }
        if (out->due <= now && begin + ARCS_PER_SCAN < end) {
            /* Nothing comes earlier. Who else is around is not known. */
            out->rival = SEVERAL_RIVALS;
            return;
        }
    }
}

static bool is_hub(const otr_union_find *uf, uint32_t node) {
    return uf->weights->graph->arc_begin[node + 1] - uf->weights->graph->arc_begin[node] > OTR_HUB_ARCS;
}

static outlook *blocks_of(const otr_union_find *uf, uint32_t hub) {
    return &uf->hub_blocks[otr_hub_blocks_at(uf->weights->graph->arc_begin[hub])];
}

static void add_rival(outlook *out, uint32_t rival) {
    if (rival != OTR_NONE) {
        out->rival = out->rival == OTR_NONE || out->rival == rival ? rival : SEVERAL_RIVALS;
    }
}

/* Handles a node that comes out of the queue. */
static void advance(otr_union_find *uf, uint32_t node, int64_t now) {
    if (is_idle(uf, node)) {
        park(uf, node);
        return;
    }
    if (is_due(uf, node, now)) {
        complete(uf, node, now);
        if (is_idle(uf, node)) {
            park(uf, node);
            return;
        }
    }
    look(uf, node, now);
}

/* True if `node` can stay out of the queue: its cluster is frozen, and no other cluster had a node next to
 * it at its last look, or only one that has joined. A neighbour taken in since then looked at the edge
 * itself. */
static bool is_idle(const otr_union_find *uf, uint32_t node) {
    uint32_t own = uf->cluster_of[node];
    uint32_t rival = uf->members[node].rival;
    return !uf->clusters[own].growing &&
           (rival == OTR_NONE || (rival != SEVERAL_RIVALS && uf->cluster_of[rival] == own));
}

/* True if the edge that the node's last look chose is complete and leads out of the cluster. */
static bool is_due(const otr_union_find *uf, uint32_t node, int64_t now) {
    uint32_t own = uf->cluster_of[node];
    uint32_t arc = uf->members[node].arc;
    uint32_t growing = uf->clusters[own].growing;
    int64_t grown = radius_of(uf, node, now);
    uint32_t weight = otr_boundary_weight(uf->weights, node);
    if (arc == OTR_NONE) {
        return false;
    }
    if (arc != BOUNDARY_ARC) {
        uint32_t head = uf->weights->arcs[arc].head;
        if (has_reached(uf, head)) {
            if (uf->cluster_of[head] == own) {
                return false;
            }
            growing += uf->clusters[uf->cluster_of[head]].growing;
            grown += radius_of(uf, head, now);
        }
        weight = uf->weights->arcs[arc].weight;
    }
    return growing > 0 && grown >= (int64_t)weight;
}

/* Completes the edge that the node's last look chose. */
static void complete(otr_union_find *uf, uint32_t node, int64_t now) {
    const otr_graph *graph = uf->weights->graph;
    uint32_t own = uf->cluster_of[node];
    uint32_t arc = uf->members[node].arc;
    uint32_t edge = arc == BOUNDARY_ARC ? graph->boundary_edge[node] : graph->arc_edge[arc];
    uint32_t head;
    add_tree_edge(&uf->members[node], edge);
    if (arc == BOUNDARY_ARC) {
        ground(uf, own, now);
        return;
    }
    head = uf->weights->arcs[arc].head;
    if (!has_reached(uf, head)) {
        reach_node(uf, head, own, uf->clusters[own].reach_at_0 + now, 0);
        add_tree_edge(&uf->members[head], edge);
        look_anew(uf, head, now);
    } else {
        add_tree_edge(&uf->members[head], edge);
        join(uf, own, uf->cluster_of[head], now);
    }
}

/* Ties a growing cluster to the boundary, which freezes it for good. */
static void ground(otr_union_find *uf, uint32_t index, int64_t now) {
    cluster *grounded = &uf->clusters[index];
    grounded->reach_at_0 += now;
    grounded->growing = false;
    grounded->grounded = true;
    uf->growing_count--;
}

/* Joins two clusters, at least one of which grows. */
static void join(otr_union_find *uf, uint32_t a, uint32_t b, int64_t now) {
    uint32_t large =
        uf->clusters[a].size > uf->clusters[b].size || (uf->clusters[a].size == uf->clusters[b].size && a < b)
            ? a
            : b;
    cluster *into = &uf->clusters[large];
    cluster *from = &uf->clusters[a ^ b ^ large];
    uint32_t node;
    int64_t shift;
    uf->growing_count -= (uint32_t)into->growing + from->growing;
    into->reach_at_0 += into->growing ? now : 0;
    shift = into->reach_at_0 - (from->reach_at_0 + (from->growing ? now : 0));
    node = from->first;
    do {
        uf->cluster_of[node] = large;
        uf->members[node].origin += shift;
        node = uf->members[node].next;
    } while (node != from->first);
    into->size += from->size;
    into->odd ^= from->odd;
    into->grounded |= from->grounded;
    into->growing = into->odd && !into->grounded;
    take_parked(into, from, uf->members);
    splice(uf, into->first, from->first);
    if (into->growing) {
        /* One of the two was frozen; its edges can complete again. */
        into->reach_at_0 -= now;
        uf->growing_count++;
        look_at_parked(uf, into, now);
    }
}

/* Parks a node of a frozen cluster: it is looked at when that grows again. Others need not be. */
static void park(otr_union_find *uf, uint32_t node) {
    cluster *home = &uf->clusters[uf->cluster_of[node]];
    if (home->growing || home->grounded || uf->members[node].next_parked != NOT_PARKED) {
        return;
    }
    uf->members[node].next_parked = home->first_parked;
    home->last_parked = home->first_parked == OTR_NONE ? node : home->last_parked;
    home->first_parked = node;
}

/* Appends the parked nodes of `from` to those of `into`. */
static void take_parked(cluster *into, const cluster *from, member *members) {
    if (from->first_parked == OTR_NONE) {
        return;
    }
    members[from->last_parked].next_parked = into->first_parked;
    into->last_parked = into->first_parked == OTR_NONE ? from->last_parked : into->last_parked;
    into->first_parked = from->first_parked;
}

static void look_at_parked(otr_union_find *uf, cluster *thawed, int64_t now) {
    uint32_t node = thawed->first_parked;
    thawed->first_parked = OTR_NONE;
    while (node != OTR_NONE) {
        const uint32_t next = uf->members[node].next_parked;
        uf->members[node].next_parked = NOT_PARKED;
        look_anew(uf, node, now);
        node = next;
    }
}

/* Makes one circular list of two by exchanging what follows `a` and `b`. */
static void splice(otr_union_find *uf, uint32_t a, uint32_t b) {
    uint32_t next = uf->members[a].next;
    uf->members[a].next = uf->members[b].next;
    uf->members[b].next = next;
}

static bool has_reached(const otr_union_find *uf, uint32_t node) {
    return (uf->is_reached[node >> 6] >> (node & 63) & 1) != 0;
}

static int64_t radius_of(const otr_union_find *uf, uint32_t node, int64_t now) {
    const cluster *home = &uf->clusters[uf->cluster_of[node]];
    return home->reach_at_0 + (home->growing ? now : 0) - uf->members[node].origin;
}

static void add_tree_edge(member *end, uint32_t edge) {
    end->tree_degree++;
    end->tree_edge_xor ^= edge;
}

/* Cuts leaves off the trees, each with its edge; a charged leaf puts its edge into the correction and
 * passes its charge on. The boundary is never a leaf, so the charges of a grounded tree end there. */
static void peel(otr_union_find *uf) {
    const otr_graph *graph = uf->weights->graph;
    uf->edge_count = 0;
    for (uint32_t i = 0; i < uf->reached_count; i++) {
        uint32_t leaf = uf->reached[i];
        while (leaf != OTR_BOUNDARY && uf->members[leaf].tree_degree == 1) {
            member *end = &uf->members[leaf];
            uint32_t edge = end->tree_edge_xor;
            uint32_t node1 = graph->edge_node1[edge];
            uint32_t other = node1 == leaf ? graph->edge_node2[edge] : node1;
            if (end->charged) {
                uf->edges[uf->edge_count++] = edge;
            }
            end->tree_degree = 0;
            if (other != OTR_BOUNDARY) {
                uf->members[other].tree_degree--;
                uf->members[other].tree_edge_xor ^= edge;
                uf->members[other].charged ^= end->charged;
            }
            leaf = other;
        }
    }
}
