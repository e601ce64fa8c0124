/* Alternating trees and blossoms: what becomes of regions that meet, and of a shrinking region that is used
 * up.
 *
 * A tree alternates outer regions, which grow, and inner regions, which shrink; every inner region is matched
 * to the outer one below it, and the root is unmatched. Two trees that meet are matched along the path
 * between their roots; a matched pair that a tree meets joins it; a tree that meets itself makes the odd
 * cycle one region, a blossom.
 *
 * An example, which c_core/tests/blossom_steps.c takes step by step. Capital letters are detection events,
 * small ones other nodes.
 *
 *                                  +-- 14 -- A -- 8 -- B -- 12 -- x -- 4 -- F -- 18 -- boundary
 *                                  |                   |
 *   G -- 6 -- z -- 8 -- y -- 12 -- E                  12
 *                                  |                   |
 *                                  +-- 12 -- D -- 8 -- C
 *
 * The numbers of a row are the radii after its step, the last one that of blossom S or T.
 *
 * time  step              A  B  C  D  E  F  G ST
 *    0  greedy start      4  4  4  4  8  4  6  -  A-B and C-D are matched; E, F and G are roots
 *    0  F reaches x       4  4  4  4  8  4  6  -  F holds x
 *    0  G reaches z       4  4  4  4  8  4  6  -  G holds z
 *    0  E meets D         4  4  4  4  8  4  6  -  D-C join the tree of E: D shrinks, C grows; such steps come
 *                                                 after all others of their time
 *    2  E meets A         4  4  6  2 10  6  8  -  A-B join the tree of E
 *    3  B meets C         3  5  7  1 11  7  9  0  one tree: the cycle E D C B A becomes blossom S
 *    4  S reaches y       3  5  7  1 11  8 10  1  S holds y
 *    5  S meets F         3  5  7  1 11  9 11  2  two trees: S-F are matched along B x F, both freeze
 *    7  G meets S         3  5  7  1 11  9 13  2  S-F join the tree of G: S shrinks, F grows
 *    8  S leaves y        3  5  7  1 11 10 14  1  y is free
 *    8  G reaches y       3  5  7  1 11 10 14  1  G holds y and z
 *    9  S has radius 0    3  5  7  1 11 11 15  -  S shatters: E A B stay between G and F; C-D are matched
 *   14  B has radius 0    8  0  7  1  6 16 20  0  A and F meet at B itself: A B F become blossom T
 *   16  T meets boundary  8  0  7  1  4 16 22  2  F is matched to it; inside T A-B, up the tree E-G
 *
 * The radii add up to 60, the weight of A-B, C-D, E-y-z-G and F-boundary. */
#include "match/matcher_state.h"

static void attach_matched_pair(otr_matcher *m, uint32_t region, uint32_t inner, otr_link link);
static void augment_tree(otr_matcher *m, uint32_t outer);
static void leave_tree(otr_region *region);
static uint32_t common_ancestor(otr_matcher *m, uint32_t a, uint32_t b);
static void form_blossom(otr_matcher *m, uint32_t a, uint32_t b, uint32_t top, otr_link link);
static uint32_t new_blossom(otr_matcher *m);
static void link_cycle_side(otr_matcher *m, uint32_t outer, uint32_t top, uint32_t stamp, bool upward);
static void set_cycle_next(otr_matcher *m, uint32_t region, uint32_t next, otr_link link);
static void replace_in_tree(otr_matcher *m, uint32_t outer, uint32_t blossom);
static void adopt_children(otr_matcher *m, uint32_t outer, uint32_t blossom, uint32_t stamp);
static void move_nodes_into(otr_matcher *m, uint32_t region, uint32_t blossom);
static void shatter(otr_matcher *m, uint32_t blossom);
static uint32_t part_holding(const otr_matcher *m, uint32_t blossom, uint32_t event);
static void reverse_cycle(otr_matcher *m, uint32_t first);
static void release_parts(otr_matcher *m, uint32_t blossom);
static void move_nodes_out(otr_matcher *m, uint32_t region);
static void match_parts_in_pairs(otr_matcher *m, uint32_t first, uint32_t end);
static void attach_pair_below(otr_matcher *m, uint32_t parent, otr_link up, uint32_t inner, uint32_t outer,
                              otr_link link);
static void match_regions(otr_matcher *m, uint32_t a, uint32_t b, otr_link link);
static void add_child(otr_matcher *m, uint32_t parent, uint32_t child);
static void remove_child(otr_matcher *m, uint32_t child);
static otr_region *region_at(const otr_matcher *m, uint32_t region);

void otr_trees_meet(otr_matcher *m, uint32_t region, uint32_t other, otr_link link) {
    const otr_region *const met = region_at(m, other);
    uint32_t top;
    if (met->outer == OTR_NONE && met->match != OTR_MATCH_BOUNDARY) {
        attach_matched_pair(m, region, other, link);
        return;
    }
    if (met->outer == OTR_NONE) {
        augment_tree(m, region);
        match_regions(m, region, other, link);
        return;
    }
    top = common_ancestor(m, region, other);
    if (top != OTR_NONE) {
        form_blossom(m, region, other, top, link);
        return;
    }
    augment_tree(m, region);
    augment_tree(m, other);
    match_regions(m, region, other, link);
}

void otr_trees_meet_boundary(otr_matcher *m, uint32_t region, otr_link link) {
    augment_tree(m, region);
    region_at(m, region)->match = OTR_MATCH_BOUNDARY;
    region_at(m, region)->match_link = link;
}

void otr_trees_vanish(otr_matcher *m, uint32_t region) {
    const uint32_t outer = region_at(m, region)->outer;
    if (region_at(m, region)->first_part != OTR_NONE) {
        shatter(m, region);
    } else {
        /* The parent and the outer partner meet at the event itself. */
        const uint32_t parent = region_at(m, outer)->parent;
        const otr_link link =
            otr_link_joined(m, otr_reversed(region_at(m, outer)->up), region_at(m, region)->match_link);
        form_blossom(m, parent, outer, parent, link);
    }
}

/* The matched pair of `inner`, which the growing `region` meets, becomes a tree node below it. */
static void attach_matched_pair(otr_matcher *m, uint32_t region, uint32_t inner, otr_link link) {
    const uint32_t outer = region_at(m, inner)->match;
    otr_region *const node = region_at(m, outer);
    region_at(m, inner)->outer = outer;
    node->outer = outer;
    node->inner = inner;
    node->up = otr_reversed(link);
    node->first_child = OTR_NONE;
    add_child(m, region, outer);
    otr_flood_shrink(m, inner);
    otr_flood_grow(m, outer);
}

/* Frees `outer` for a match outside its tree: the path from it up to the root is matched the other way round,
 * the tree is dissolved, and its regions freeze. */
static void augment_tree(otr_matcher *m, uint32_t outer) {
    uint32_t count = 0;
    uint32_t root = outer;
    while (region_at(m, root)->parent != OTR_NONE) {
        const otr_region *const region = region_at(m, root);
        match_regions(m, region->inner, region->parent, region->up);
        root = region->parent;
    }
    m->stack[count++] = root;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t child = region_at(m, m->stack[i])->first_child;
        otr_flood_freeze(m, m->stack[i]);
        for (; child != OTR_NONE; child = region_at(m, child)->next_sibling) {
            m->stack[count++] = child;
        }
    }
    /* Only now, so that no outer region of this tree is taken for a growing neighbour. */
    for (uint32_t i = 0; i < count; i++) {
        otr_region *const region = region_at(m, m->stack[i]);
        if (region->inner != OTR_NONE) {
            otr_flood_freeze(m, region->inner);
            leave_tree(region_at(m, region->inner));
        }
        leave_tree(region);
    }
    m->tree_count--;
}

static void leave_tree(otr_region *region) {
    region->outer = OTR_NONE;
    region->inner = OTR_NONE;
    region->parent = OTR_NONE;
    region->first_child = OTR_NONE;
}

/* Where the paths of two outer regions to their roots meet first, or OTR_NONE in different trees. */
static uint32_t common_ancestor(otr_matcher *m, uint32_t a, uint32_t b) {
    const uint32_t stamp = ++m->stamp;
    while (a != OTR_NONE || b != OTR_NONE) {
        uint32_t swap;
        if (a != OTR_NONE) {
            if (region_at(m, a)->stamp == stamp) {
                return a;
            }
            region_at(m, a)->stamp = stamp;
            a = region_at(m, a)->parent;
        }
        swap = a;
        a = b;
        b = swap;
    }
    return OTR_NONE;
}

/* `a` and `b`, outer regions of one tree whose paths to the root meet first at `top`, meet along `link`. */
static void form_blossom(otr_matcher *m, uint32_t a, uint32_t b, uint32_t top, otr_link link) {
    const uint32_t blossom = new_blossom(m);
    const uint32_t stamp = ++m->stamp;
    uint32_t part = top;
    /* The cycle runs from a up to the top, down to b, and back to a. */
    link_cycle_side(m, a, top, stamp, true);
    link_cycle_side(m, b, top, stamp, false);
    set_cycle_next(m, b, a, otr_reversed(link));
    region_at(m, blossom)->first_part = top;
    replace_in_tree(m, top, blossom);
    do {
        otr_region *const region = region_at(m, part);
        const uint32_t next = region->cycle_next;
        const bool was_outer = region->outer == part;
        if (was_outer) {
            adopt_children(m, part, blossom, stamp);
        }
        move_nodes_into(m, part, blossom);
        otr_set_slope(m, region, 0);
        region->blossom = blossom;
        part = next;
    } while (part != top);
    /* The nodes of inner regions grow again; those of outer ones never stopped. */
    do {
        otr_region *const region = region_at(m, part);
        if (region->outer != part) {
            otr_flood_schedule_inside(m, part);
        }
        leave_tree(region);
        part = region->cycle_next;
    } while (part != top);
}

static uint32_t new_blossom(otr_matcher *m) {
    uint32_t blossom = m->free_region;
    otr_region *region;
    if (blossom != OTR_NONE) {
        m->free_region = region_at(m, blossom)->cycle_next;
    } else {
        blossom = m->region_count++;
    }
    region = region_at(m, blossom);
    region->base = -(int64_t)m->now;
    region->slope = 1;
    region->shell = OTR_NONE;
    region->blossom = OTR_NONE;
    region->match = OTR_NONE;
    region->first_child = OTR_NONE;
    region->stamp = 0;
    return blossom;
}

/* Links the regions from `outer` up to `top` as one side of a cycle. Upward the side runs outer, inner, ...,
 * top; downward it runs the other way. Stamps the outer ones below the top. */
static void link_cycle_side(otr_matcher *m, uint32_t outer, uint32_t top, uint32_t stamp, bool upward) {
    while (outer != top) {
        otr_region *const region = region_at(m, outer);
        const uint32_t inner = region->inner;
        region->stamp = stamp;
        if (upward) {
            set_cycle_next(m, outer, inner, region->match_link);
            set_cycle_next(m, inner, region->parent, region->up);
        } else {
            set_cycle_next(m, region->parent, inner, otr_reversed(region->up));
            set_cycle_next(m, inner, outer, region_at(m, inner)->match_link);
        }
        outer = region->parent;
    }
}

static void set_cycle_next(otr_matcher *m, uint32_t region, uint32_t next, otr_link link) {
    region_at(m, region)->cycle_next = next;
    region_at(m, region)->cycle_link = link;
}

/* Puts the blossom in the place that `outer`, the cycle's top, has in its tree. */
static void replace_in_tree(otr_matcher *m, uint32_t outer, uint32_t blossom) {
    otr_region *const old = region_at(m, outer);
    otr_region *const region = region_at(m, blossom);
    region->outer = blossom;
    region->inner = old->inner;
    region->parent = OTR_NONE;
    region->up = old->up;
    region->previous_sibling = OTR_NONE;
    region->next_sibling = OTR_NONE;
    if (old->inner != OTR_NONE) {
        region->match = old->inner;
        region->match_link = old->match_link;
        region_at(m, old->inner)->match = blossom;
        region_at(m, old->inner)->outer = blossom;
    }
    if (old->parent != OTR_NONE) {
        const uint32_t parent = old->parent;
        remove_child(m, outer);
        add_child(m, parent, blossom);
    }
}

/* Gives the children of a cycle region to the blossom, but for those on the cycle, which bear the stamp. */
static void adopt_children(otr_matcher *m, uint32_t outer, uint32_t blossom, uint32_t stamp) {
    uint32_t child = region_at(m, outer)->first_child;
    while (child != OTR_NONE) {
        const uint32_t next = region_at(m, child)->next_sibling;
        if (region_at(m, child)->stamp != stamp) {
            add_child(m, blossom, child);
        }
        child = next;
    }
}

/* Makes `blossom` the top of every node of its new part `region`. */
static void move_nodes_into(otr_matcher *m, uint32_t region, uint32_t blossom) {
    const uint32_t radius = (uint32_t)otr_radius(m, region_at(m, region));
    for (uint32_t part = region; part != OTR_NONE; part = otr_next_inside(m, part, region)) {
        for (uint32_t node = region_at(m, part)->shell; node != OTR_NONE; node = m->sites[node].below) {
            m->sites[node].top = blossom;
            m->sites[node].offset += radius;
        }
    }
}

/* Breaks an inner blossom of radius 0 up. Around its cycle there are two ways from the part that touches the
 * parent to the part that touches the outer partner; the one with an odd number of parts takes the blossom's
 * place in the tree, the parts of the other are matched two by two. */
static void shatter(otr_matcher *m, uint32_t blossom) {
    const uint32_t outer = region_at(m, blossom)->outer;
    const otr_link down = region_at(m, blossom)->match_link;
    const uint32_t upper = part_holding(m, blossom, region_at(m, outer)->up.from);
    const uint32_t lower = part_holding(m, blossom, down.from);
    uint32_t above = region_at(m, outer)->parent;
    otr_link up = region_at(m, outer)->up;
    uint32_t steps = 0;
    for (uint32_t part = upper; part != lower; part = region_at(m, part)->cycle_next) {
        steps++;
    }
    if (steps % 2 != 0) {
        reverse_cycle(m, upper);
    }
    release_parts(m, blossom);
    match_parts_in_pairs(m, region_at(m, lower)->cycle_next, upper);
    remove_child(m, outer);
    for (uint32_t inner = upper; inner != lower;) {
        const uint32_t next = region_at(m, inner)->cycle_next;
        attach_pair_below(m, above, up, inner, next, region_at(m, inner)->cycle_link);
        up = otr_reversed(region_at(m, next)->cycle_link);
        above = next;
        inner = region_at(m, next)->cycle_next;
    }
    attach_pair_below(m, above, up, lower, outer, down);
    for (uint32_t inner = upper; inner != lower;) {
        const uint32_t next = region_at(m, inner)->cycle_next;
        otr_flood_shrink(m, inner);
        otr_flood_grow(m, next);
        inner = region_at(m, next)->cycle_next;
    }
    otr_flood_shrink(m, lower);
}

/* The part of `blossom` that holds `event`. */
static uint32_t part_holding(const otr_matcher *m, uint32_t blossom, uint32_t event) {
    uint32_t part = event;
    while (region_at(m, part)->blossom != blossom) {
        part = region_at(m, part)->blossom;
    }
    return part;
}

/* Reverses the direction of a cycle. */
static void reverse_cycle(otr_matcher *m, uint32_t first) {
    uint32_t part = first;
    otr_link link = region_at(m, part)->cycle_link;
    uint32_t next = region_at(m, part)->cycle_next;
    do {
        const uint32_t after = region_at(m, next)->cycle_next;
        const otr_link after_link = region_at(m, next)->cycle_link;
        set_cycle_next(m, next, part, otr_reversed(link));
        part = next;
        next = after;
        link = after_link;
    } while (part != first);
}

/* Makes every part of a blossom an outermost region of its own, shrinking as the blossom did. */
static void release_parts(otr_matcher *m, uint32_t blossom) {
    const uint32_t first = region_at(m, blossom)->first_part;
    uint32_t part = first;
    do {
        move_nodes_out(m, part);
        otr_set_slope(m, region_at(m, part), -1);
        region_at(m, part)->blossom = OTR_NONE;
        part = region_at(m, part)->cycle_next;
    } while (part != first);
    otr_matcher_free_blossom(m, blossom);
}

/* The reverse of move_nodes_into: a part of a blossom that breaks up is the top of its nodes again. */
static void move_nodes_out(otr_matcher *m, uint32_t region) {
    const uint32_t radius = (uint32_t)otr_radius(m, region_at(m, region));
    for (uint32_t part = region; part != OTR_NONE; part = otr_next_inside(m, part, region)) {
        for (uint32_t node = region_at(m, part)->shell; node != OTR_NONE; node = m->sites[node].below) {
            m->sites[node].top = region;
            m->sites[node].offset -= radius;
        }
    }
}

/* Matches the regions from `first` on, two by two around the cycle, until `end`. */
static void match_parts_in_pairs(otr_matcher *m, uint32_t first, uint32_t end) {
    while (first != end) {
        const uint32_t second = region_at(m, first)->cycle_next;
        const uint32_t next = region_at(m, second)->cycle_next;
        match_regions(m, first, second, region_at(m, first)->cycle_link);
        otr_flood_freeze(m, first);
        otr_flood_freeze(m, second);
        first = next;
    }
}

/* Matches `inner` and `outer` along `link`, which goes from the first to the second, and makes them a tree
 * node below `parent`. */
static void attach_pair_below(otr_matcher *m, uint32_t parent, otr_link up, uint32_t inner, uint32_t outer,
                              otr_link link) {
    otr_region *const node = region_at(m, outer);
    match_regions(m, inner, outer, link);
    region_at(m, inner)->outer = outer;
    node->outer = outer;
    node->inner = inner;
    node->up = up;
    add_child(m, parent, outer);
}

static void match_regions(otr_matcher *m, uint32_t a, uint32_t b, otr_link link) {
    region_at(m, a)->match = b;
    region_at(m, a)->match_link = link;
    region_at(m, b)->match = a;
    region_at(m, b)->match_link = otr_reversed(link);
}

static void add_child(otr_matcher *m, uint32_t parent, uint32_t child) {
    otr_region *const region = region_at(m, child);
    const uint32_t next = region_at(m, parent)->first_child;
    region->parent = parent;
    region->previous_sibling = OTR_NONE;
    region->next_sibling = next;
    if (next != OTR_NONE) {
        region_at(m, next)->previous_sibling = child;
    }
    region_at(m, parent)->first_child = child;
}

static void remove_child(otr_matcher *m, uint32_t child) {
    const otr_region *const region = region_at(m, child);
    if (region->previous_sibling != OTR_NONE) {
        region_at(m, region->previous_sibling)->next_sibling = region->next_sibling;
    } else if (region->parent != OTR_NONE) {
        region_at(m, region->parent)->first_child = region->next_sibling;
    }
    if (region->next_sibling != OTR_NONE) {
        region_at(m, region->next_sibling)->previous_sibling = region->previous_sibling;
    }
}

static otr_region *region_at(const otr_matcher *m, uint32_t region) {
    return &m->regions[region];
}
