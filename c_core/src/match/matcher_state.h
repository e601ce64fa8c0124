/* The state of one matching problem, shared by the files of this room.
 *
 * Time. Growing regions gain one unit of radius per unit of time, shrinking ones lose one, frozen ones stay.
 * Radii are kept as lines base + slope * now. Nodes and queue entries keep times and radii modulo 2^32:
 * values that are compared differ by a few edge weights at most, and those are far below 2^31.
 *
 * Parity. Weights are even and every region starts with an even radius at time 0, so two growing regions
 * always have an even gap between them and meet at an integer time. */
#ifndef OTR_MATCHER_STATE_H
#define OTR_MATCHER_STATE_H

#include "common/array.h"
#include "common/bits.h"
#include "graph/hubs.h"
#include "match/event_queue.h"
#include "match/matcher.h"

#include <stdbool.h>

/* Region ids: the i-th event's own region is i; blossoms follow. */
#define OTR_MATCH_BOUNDARY (UINT32_MAX - 1)
/* Set in otr_link.path if the path is the one edge in the other bits. */
#define OTR_PATH_SINGLE 0x80000000u

/* A tight path between an event of one region and an event of another (or the boundary). */
typedef struct otr_link {
    uint32_t from; /* event number, as seen from the region that holds the link */
    uint32_t to;   /* event number or OTR_MATCH_BOUNDARY */
    uint32_t path; /* OTR_PATH_SINGLE | edge, or offset into paths of a length and that many edges */
} otr_link;

/* A rule whose edge has no occupied end yet. */
typedef struct otr_waiting_rule {
    uint32_t node1;
    uint32_t node2;
    uint32_t rule;
} otr_waiting_rule;

/* What the search keeps of a node; meaningful while its `occupied` bit is set. */
typedef struct otr_site {
    uint32_t top;     /* outermost region it belongs to */
    uint32_t offset;  /* how far `top` reaches past the node is radius(top) + offset */
    uint32_t event;   /* event number it was reached from */
    uint32_t arc;     /* arc (from its predecessor) it was reached by; OTR_NONE at the event itself */
    uint32_t below;   /* node reached before it in the same region's shell, or OTR_NONE */
    uint32_t due;     /* time of its live queue entry */
    uint32_t due_arc; /* arc of the contact that it is queued for; OTR_NONE: any of its arcs */
    uint32_t queued;  /* 1 while it has a live entry; kept also while unoccupied */
} otr_site;

typedef struct otr_region {
    int64_t base;        /* radius at time t is base + slope * t */
    int32_t slope;       /* 1 growing, 0 frozen, -1 shrinking */
    uint32_t shell;      /* last node it reached itself, head of a list through otr_site.below */
    uint32_t blossom;    /* blossom it is part of, OTR_NONE for an outermost region */
    uint32_t first_part; /* blossoms: a region of its cycle; OTR_NONE for an event's own region */
    uint32_t cycle_next; /* parts of a blossom: next region around the cycle ... */
    otr_link cycle_link; /* ... and the link to it */
    uint32_t match;      /* outermost regions: partner, OTR_MATCH_BOUNDARY or OTR_NONE */
    otr_link match_link;
    /* Alternating trees. A tree node is an outer (growing) region with its inner (shrinking) partner; its
     * links live in the outer region. The root has no inner region. */
    uint32_t outer;       /* in a tree: the outer region of its tree node; else OTR_NONE */
    uint32_t inner;       /* outer regions: partner or OTR_NONE */
    uint32_t parent;      /* outer regions: parent's outer region or OTR_NONE */
    otr_link up;          /* outer regions: from the inner region to the parent's outer region */
    uint32_t first_child; /* outer regions: a tree node below, by its outer region, or OTR_NONE */
    uint32_t next_sibling;
    uint32_t previous_sibling;
    uint32_t stamp; /* of the last walk that passed here */
    uint32_t exit;  /* while a solution is read out: event that the region's match ends at */
} otr_region;

/* Forward arcs that otr_node.ahead holds. */
#define OTR_AHEAD_MAX 7
/* otr_node.ahead_count of a node with more of them, or with one that leads too far ahead. */
#define OTR_AHEAD_MANY UINT16_MAX

/* What the search reads of a node, in half a cache line. Edges are numbered by their lower node, so the edge
 * of a forward arc follows from its place. */
typedef struct otr_node {
    uint32_t begin;   /* its first arc; the arcs end where the next node's begin */
    uint32_t forward; /* its first arc to a higher node */
    uint32_t nearest; /* smallest weight at the node when nothing is overridden */
    /* Edge of the arc `forward`. The boundary edge, if there is one, follows those of the forward arcs. */
    uint32_t first_edge;
    uint16_t ahead[OTR_AHEAD_MAX]; /* how far the forward arcs' heads are ahead of the node */
    uint16_t ahead_count;          /* number of forward arcs, or OTR_AHEAD_MANY */
} otr_node;

/* An event in the greedy start. */
typedef struct otr_start {
    uint32_t radius;
    uint32_t room;          /* most that the radius can be, contacts apart */
    uint32_t first_contact; /* head of a list through otr_contact.next, or OTR_NONE */
    uint32_t partner;       /* event, OTR_MATCH_BOUNDARY or OTR_NONE */
    uint32_t edge;          /* to the partner */
} otr_start;

/* Two neighbouring events in the greedy start, event[0] at the lower node; a list at each of them. */
typedef struct otr_contact {
    uint32_t event[2];
    uint32_t weight;
    uint32_t edge;
    uint32_t next[2]; /* next contact of event[0] and of event[1], or OTR_NONE */
} otr_contact;

/* Some arcs of a hub, see flood.c: its region has no contact over them before `due`, or none (is_quiet). */
typedef struct otr_hub_block {
    uint32_t due;
    uint32_t arc; /* of the contact */
    bool is_quiet;
} otr_hub_block;

struct otr_matcher {
    otr_weights *weights;
    const otr_graph *graph;
    const otr_arc *arcs;
    const otr_kernels *kernels;

    uint32_t node_count;
    otr_node *nodes;           /* node_count + 1 */
    otr_site *sites;           /* node_count */
    uint64_t *occupied;        /* one bit a node */
    otr_hub_block *hub_blocks; /* see graph/hubs.h */

    const uint32_t *events; /* event number -> node, borrowed */
    uint32_t event_count;

    otr_region *regions; /* region_count used of region_capacity; never moved during a run */
    size_t region_capacity;
    uint32_t region_count;
    uint32_t free_region; /* freed blossoms, linked through cycle_next */
    uint32_t stamp;       /* the last one given */

    uint64_t now;
    uint32_t tree_count; /* trees still growing */
    otr_status failure;  /* OTR_OK, or what went wrong during a run */
    otr_queue queue;
    uint32_t *deferred; /* nodes put off until nothing else happens now: from deferred_first on */
    size_t deferred_first, deferred_count, deferred_capacity;

    uint32_t *paths; /* edges of links, see otr_link.path */
    size_t path_count, path_capacity;

    /* Scratch. */
    uint32_t *stack; /* as many entries as regions */
    size_t stack_capacity;
    uint32_t *batch; /* events to be started */
    size_t batch_count, batch_capacity;
    otr_contact *contacts;
    size_t contact_count, contact_capacity;
    otr_start *starts; /* by event */
    size_t start_capacity;

    /* The second pass: rules of the first answer's edges. */
    uint32_t *tight; /* those whose edge has an occupied end */
    size_t tight_count, tight_capacity;
    otr_waiting_rule *waiting; /* the others */
    size_t waiting_count, waiting_capacity;
    uint64_t *awaited;      /* one bit a node: some waiting rule's edge ends there; all clear between runs */
    const uint64_t *forced; /* one bit an edge that rules do not lower, borrowed during the pass */

    /* The solution read out. */
    uint32_t *edges;
    size_t edge_count, edge_capacity;
    otr_pair *pairs; /* by lower event; OTR_NONE at upper ones, which otr_matcher_pairs takes out */
    size_t pair_count, pair_capacity;
};

/* How many events ahead of their use a loop over events asks for their nodes' records. */
#define OTR_EVENTS_AHEAD 8

static inline bool otr_is_occupied(const otr_matcher *m, uint32_t node) {
    return (m->occupied[node >> 6] >> (node & 63) & 1) != 0;
}

/* The edge from a node to the boundary; there is one. */
static inline uint32_t otr_boundary_edge(const otr_matcher *m, uint32_t node) {
    const otr_node *const record = &m->nodes[node];
    return record->first_edge + (record[1].begin - record->forward);
}

/* How many arcs otr_scan looks at once. */
#define OTR_SCAN_ARCS OTR_HUB_BLOCK

/* Looks at up to OTR_SCAN_ARCS arcs from `arc` to `end`: returns which of them lead to occupied nodes, and of
 * the others the least weight and its arc. */
static inline uint64_t otr_scan(const otr_matcher *m, uint32_t arc, uint32_t end, uint32_t *least,
                                uint32_t *least_arc) {
    const uint32_t count = end - arc < OTR_SCAN_ARCS ? end - arc : OTR_SCAN_ARCS;
    const uint64_t occupied = m->kernels->scan_arcs(&m->arcs[arc].head, count, m->occupied, least, least_arc);
    *least_arc += arc;
    return occupied;
}

static inline void otr_occupy(otr_matcher *m, uint32_t node) {
    m->occupied[node >> 6] |= (uint64_t)1 << (node & 63);
}

static inline void otr_vacate(otr_matcher *m, uint32_t node) {
    m->occupied[node >> 6] &= ~((uint64_t)1 << (node & 63));
}

static inline int64_t otr_radius(const otr_matcher *m, const otr_region *region) {
    return region->base + region->slope * (int64_t)m->now;
}

/* How far the outermost region at an occupied node reaches past it; at least 0. */
static inline uint32_t otr_reach_past(const otr_matcher *m, const otr_site *site) {
    return (uint32_t)otr_radius(m, &m->regions[site->top]) + site->offset;
}

static inline void otr_set_slope(const otr_matcher *m, otr_region *region, int32_t slope) {
    region->base = otr_radius(m, region) - slope * (int64_t)m->now;
    region->slope = slope;
}

/* The region after `region` in a walk over `root` and everything inside it; OTR_NONE at the end. */
static inline uint32_t otr_next_inside(const otr_matcher *m, uint32_t region, uint32_t root) {
    if (m->regions[region].first_part != OTR_NONE) {
        return m->regions[region].first_part;
    }
    while (region != root) {
        const uint32_t blossom = m->regions[region].blossom;
        const uint32_t next = m->regions[region].cycle_next;
        if (next != m->regions[blossom].first_part) {
            return next;
        }
        region = blossom;
    }
    return OTR_NONE;
}

static inline otr_link otr_reversed(otr_link link) {
    const otr_link reversed = {link.to, link.from, link.path};
    return reversed;
}

/* matcher.c: from events to a solution. */

/* Makes an event its own region of radius 0, holding its node, matched to nothing. */
void otr_matcher_place(otr_matcher *m, uint32_t event);
/* Makes the place of a blossom without parts or nodes free for another. */
void otr_matcher_free_blossom(otr_matcher *m, uint32_t blossom);
/* otr_matcher_solve up to its first step, with the first batch_count events; the others have regions without
 * nodes. */
otr_status otr_matcher_start(otr_matcher *m, const uint32_t *events, size_t event_count, size_t batch_count,
                             bool overridden);
/* Matches or makes roots of trees the events of the batch, and queues the roots. If `overridden`, weights may
 * differ from the graph's own, the events are placed, and other regions may stand, matched and frozen. Sets
 * m->failure. */
void otr_matcher_start_batch(otr_matcher *m, bool overridden);
/* Takes the steps that are left of a started batch. */
otr_status otr_matcher_finish_batch(otr_matcher *m);

/* greedy_start.c: radii and partners for the events of the batch, in m->starts. `overridden` as above. */
void otr_greedy_start(otr_matcher *m, bool overridden);

/* flood.c: regions over nodes. */

typedef enum otr_step_kind {
    OTR_STEP_REACH_NODE,    /* a growing region reaches the free node at the head of `arc` */
    OTR_STEP_MEET_REGION,   /* a growing region meets the region at the head of `arc` */
    OTR_STEP_MEET_BOUNDARY, /* a growing region meets the boundary at `node` */
    OTR_STEP_LEAVE_NODE,    /* a shrinking region leaves the last node that it reached */
    OTR_STEP_VANISH         /* a shrinking region has radius 0 */
} otr_step_kind;

/* Something that happens at one time to one outermost region. */
typedef struct otr_step {
    otr_step_kind kind;
    uint32_t region;
    uint32_t node; /* of a growing region: where it happens; else OTR_NONE */
    uint32_t arc;
} otr_step;

/* Sets m->now to the time of the next step, and *step to what it is, while a tree is left. On entry *step is
 * the one before, the first time one whose node is OTR_NONE. Returns false with m->failure set:
 * OTR_ERR_ODD_PARITY if there is no step, OTR_ERR_MEMORY. */
bool otr_flood_next(otr_matcher *m, otr_step *step);
/* Takes the step; sets m->failure. */
void otr_flood_take(otr_matcher *m, const otr_step *step);
/* Takes steps until no tree is left; sets m->failure. */
void otr_flood_run(otr_matcher *m);
/* Queues a node of a growing region for its next contact, if it has one. */
void otr_flood_schedule(otr_matcher *m, uint32_t node);
/* otr_flood_schedule for every node of a region that is growing or part of a growing one. */
void otr_flood_schedule_inside(otr_matcher *m, uint32_t region);
void otr_flood_grow(otr_matcher *m, uint32_t region);
void otr_flood_shrink(otr_matcher *m, uint32_t region);
void otr_flood_freeze(otr_matcher *m, uint32_t region);

/* correlated.c: lowers the edges at a node just become occupied, whose rules were waiting for that. */
void otr_apply_waiting_rules(otr_matcher *m, uint32_t node);
/* Breaks the matched region that holds the node, if one does, and its partner up into events of the batch. */
void otr_matcher_dissolve_at(otr_matcher *m, uint32_t node);

/* trees.c: what becomes of regions that meet. */

/* Growing region `region` meets `other` (not shrinking) along `link`, which goes from the first to the
 * second. */
void otr_trees_meet(otr_matcher *m, uint32_t region, uint32_t other, otr_link link);
void otr_trees_meet_boundary(otr_matcher *m, uint32_t region, otr_link link);
/* A shrinking region has radius 0 and no nodes of its own left (but the event, for an event's own region). */
void otr_trees_vanish(otr_matcher *m, uint32_t region);

/* links.c: paths of links. */

/* The node from which an occupied node, not an event's own, was reached. */
uint32_t otr_previous_node(const otr_matcher *m, uint32_t node);

/* The link along `arc`, from the event behind its tail to the event behind its head; both occupied. */
otr_link otr_link_over_arc(otr_matcher *m, uint32_t tail, uint32_t arc);
otr_link otr_link_to_boundary(otr_matcher *m, uint32_t node);
/* first.from -> first.to == second.from -> second.to, with the paths joined. */
otr_link otr_link_joined(otr_matcher *m, otr_link first, otr_link second);

#endif
