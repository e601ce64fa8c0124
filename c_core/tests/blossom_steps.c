/* The worked example at the top of c_core/src/match/trees.c, taken step by step.
 *
 * After each step the whole state is written as one line and compared with the line expected. The rows of the
 * table in trees.c go to stdout. The names of the steps go to stderr, the one that failed last.
 *
 * How a state is written. Trees come first, then matched regions, each by the number of its first region:
 *   +E10 [EA -A4 AB +B4]   root E with radius 10 grows; below it hang inner region A, which shrinks, and
 * outer region B; EA and AB are the paths of the links =C7 CD =D1             C and D are frozen and matched
 * along path CD; | is the boundary (A8 AB B0 BxF F16x FxBA)2   a blossom with radius 2: its cycle from part
 * to part, with the links between F16x                   small letters are nodes without event that the
 * region holds, the last one first */
#define _XOPEN_SOURCE 700 /* for setrlimit */

#include "match/matcher_state.h"
#include "outrider/outrider.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Nodes by number; capital letters have an event, whose number is the node's. */
static const char NAMES[] = "ABCDEFGxyz";
enum { EVENTS = 7, NODES = 10, BOUNDARY = '|', WEIGHT_MAX = 18, TOTAL = 60 };
static const uint32_t ALL_EVENTS[EVENTS] = {0, 1, 2, 3, 4, 5, 6};

typedef struct example_edge {
    char end1;
    char end2;
    int weight;
} example_edge;

static const example_edge EDGES[] = {{'A', 'B', 8},  {'B', 'C', 12}, {'C', 'D', 8},      {'D', 'E', 12},
                                     {'E', 'A', 14}, {'E', 'y', 12}, {'y', 'z', 8},      {'z', 'G', 6},
                                     {'B', 'x', 12}, {'x', 'F', 4},  {'F', BOUNDARY, 18}};
enum { EDGE_COUNT = sizeof EDGES / sizeof EDGES[0] };

typedef struct example_step {
    const char *name;
    uint32_t time;
    otr_step_kind kind;
    char region;      /* a part of the outermost region that it happens to */
    const char *over; /* the node where it happens and the one over the arc; "" of a shrinking region */
    const char *after;
} example_step;

#define S_CYCLE "(E11 ED D1 DC C7 CB B5 BA A3 AE)"

static const char START[] = "+E8, +F4, +G6, =A4 AB =B4, =C4 CD =D4";
static const example_step STEPS[] = {
    {"F reaches x", 0, OTR_STEP_REACH_NODE, 'F', "Fx", "+E8, +F4x, +G6, =A4 AB =B4, =C4 CD =D4"},
    {"G reaches z", 0, OTR_STEP_REACH_NODE, 'G', "Gz", "+E8, +F4x, +G6z, =A4 AB =B4, =C4 CD =D4"},
    {"E meets D", 0, OTR_STEP_MEET_REGION, 'E', "ED", "+E8 [ED -D4 DC +C4], +F4x, +G6z, =A4 AB =B4"},
    {"E meets A", 2, OTR_STEP_MEET_REGION, 'E', "EA", "+E10 [EA -A4 AB +B4] [ED -D2 DC +C6], +F6x, +G8z"},
    {"B meets C", 3, OTR_STEP_MEET_REGION, 'B', "BC", "+F7x, +G9z, +" S_CYCLE "0"},
    {"S reaches y", 4, OTR_STEP_REACH_NODE, 'E', "Ey", "+F8x, +G10z, +" S_CYCLE "1y"},
    {"S meets F", 5, OTR_STEP_MEET_REGION, 'E', "Bx", "+G11z, =F9x FxB =" S_CYCLE "2y"},
    {"G meets S", 7, OTR_STEP_MEET_REGION, 'G', "zy", "+G13z [GzyE -" S_CYCLE "2y BxF +F9x]"},
    {"S leaves y", 8, OTR_STEP_LEAVE_NODE, 'E', "", "+G14z [GzyE -" S_CYCLE "1 BxF +F10x]"},
    {"G reaches y", 8, OTR_STEP_REACH_NODE, 'G', "zy", "+G14yz [GzyE -" S_CYCLE "1 BxF +F10x]"},
    {"S has radius 0", 9, OTR_STEP_VANISH, 'E', "",
     "+G15yz [GzyE -E11 EA +A3 [AB -B5 BxF +F11x]], =C7 CD =D1"},
    {"B has radius 0", 14, OTR_STEP_VANISH, 'B', "",
     "+G20yz [GzyE -E6 EA +(A8 AB B0 BxF F16x FxBA)0], =C7 CD =D1"},
    {"T meets boundary", 16, OTR_STEP_MEET_BOUNDARY, 'F', "F|",
     "=C7 CD =D1, =E4 EyzG =G22yz, =(A8 AB B0 BxF F16x FxBA)2 F|"},
};
enum { STEP_COUNT = sizeof STEPS / sizeof STEPS[0] };

/* CPU time after which a step that never ends is stopped. */
enum { SECONDS_MAX = 5 };

typedef struct line {
    char bytes[512];
    size_t count;
} line;

static void begin_step(const char *name);
static otr_graph *example_graph(void);
static void check_step(const otr_matcher *m, const otr_step *step, const example_step *expected);
static void check_state(const otr_matcher *m, const char *expected);
static void check_answer(otr_matcher *m, const otr_graph *graph);
static void print_row(const otr_matcher *m, const char *name);
static void write_tree(line *out, const otr_matcher *m, uint32_t outer);
static void write_match(line *out, const otr_matcher *m, uint32_t region);
static void write_region(line *out, const otr_matcher *m, uint32_t region);
static void write_path(line *out, const otr_matcher *m, otr_link link);
static void write(line *out, const char *format, ...);
static uint32_t outermost(const otr_matcher *m, uint32_t region);
static uint32_t number_of(char name);
static char name_of(uint32_t node);
static void expect(bool holds, const char *what, ...);

int main(void) {
    otr_graph *const graph = example_graph();
    otr_step step = {.node = OTR_NONE};
    otr_weights weights;
    otr_matcher *m = NULL;
    expect(setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS_MAX, SECONDS_MAX}) == 0, "a limit can be set");
    expect(otr_weights_init(&weights, graph, 0) == OTR_OK, "there are weights");
    expect(otr_matcher_create(&m, &weights, otr_kernels_for(OTR_ISA_PORTABLE)) == OTR_OK,
           "there is a matcher");
    begin_step("greedy start");
    expect(otr_matcher_start(m, ALL_EVENTS, EVENTS, EVENTS, false) == OTR_OK && m->failure == OTR_OK,
           "it starts");
    check_state(m, START);
    print_row(m, "greedy start");
    for (size_t i = 0; i < STEP_COUNT; i++) {
        begin_step(STEPS[i].name);
        expect(otr_flood_next(m, &step), "there is a step");
        check_step(m, &step, &STEPS[i]);
        otr_flood_take(m, &step);
        check_state(m, STEPS[i].after);
        print_row(m, STEPS[i].name);
    }
    begin_step("the answer");
    expect(m->tree_count == 0, "no tree is left");
    expect(otr_matcher_finish_batch(m) == OTR_OK, "the run ends well");
    check_answer(m, graph);
    otr_matcher_reset(m);
    otr_matcher_destroy(m);
    otr_weights_free(&weights);
    otr_graph_destroy(graph);
    return 0;
}

/* The last of these lines names the step that fails. */
static void begin_step(const char *name) {
    fprintf(stderr, "step: %s\n", name);
}

/* Half the weights are natural weights, whole numbers up to the number of levels: the graph doubles them. */
static otr_graph *example_graph(void) {
    otr_graph_options options = otr_graph_options_default();
    otr_model *model = NULL;
    otr_graph *graph = NULL;
    line text = {"", 0};
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        write(&text, "error(%.17g) D%" PRIu32, 1 / (1 + exp(EDGES[i].weight / 2)), number_of(EDGES[i].end1));
        if (EDGES[i].end2 != BOUNDARY) {
            write(&text, " D%" PRIu32, number_of(EDGES[i].end2));
        }
        write(&text, "\n");
    }
    options.levels = WEIGHT_MAX / 2;
    expect(otr_model_parse(&model, text.bytes, text.count, NULL) == OTR_OK, "the model is valid");
    expect(otr_graph_create(&graph, model, &options, NULL) == OTR_OK, "the model is a graph");
    otr_model_destroy(model);
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        const uint32_t end1 = number_of(EDGES[i].end1);
        uint32_t edge;
        otr_edge view;
        expect(otr_graph_find_edge(graph, end1, number_of(EDGES[i].end2), &edge) == OTR_OK &&
                   otr_graph_edge(graph, edge, &view) == OTR_OK && view.weight == EDGES[i].weight,
               "edge %c%c weighs %d", EDGES[i].end1, EDGES[i].end2, EDGES[i].weight);
    }
    return graph;
}

/* The step that comes next: its time, its kind, to which region it happens and where. */
static void check_step(const otr_matcher *m, const otr_step *step, const example_step *expected) {
    expect(m->now == expected->time, "time %" PRIu64 " is %" PRIu32, m->now, expected->time);
    expect(step->kind == expected->kind, "kind %d is %d", (int)step->kind, (int)expected->kind);
    expect(step->region == outermost(m, number_of(expected->region)), "region %" PRIu32 " is that of %c",
           step->region, expected->region);
    if (expected->over[0] == '\0') {
        expect(step->node == OTR_NONE && step->arc == OTR_NONE, "it happens at no node");
        return;
    }
    expect(name_of(step->node) == expected->over[0], "node %c is %c", name_of(step->node), expected->over[0]);
    if (step->kind != OTR_STEP_MEET_BOUNDARY) {
        const char head = name_of(m->arcs[step->arc].head);
        expect(head == expected->over[1], "the arc to %c leads to %c", head, expected->over[1]);
    }
}

static void check_state(const otr_matcher *m, const char *expected) {
    const char *separator = "";
    uint32_t trees = 0;
    line found = {"", 0};
    for (uint32_t region = 0; region < m->region_count; region++) {
        const otr_region *const r = &m->regions[region];
        if (r->blossom == OTR_NONE && r->outer == region && r->parent == OTR_NONE) {
            write(&found, "%s", separator);
            write_tree(&found, m, region);
            separator = ", ";
            trees++;
        }
    }
    for (uint32_t region = 0; region < m->region_count; region++) {
        const otr_region *const r = &m->regions[region];
        if (r->blossom == OTR_NONE && r->outer == OTR_NONE && r->match != OTR_NONE && r->match > region) {
            write(&found, "%s", separator);
            write_match(&found, m, region);
            separator = ", ";
        }
    }
    expect(strcmp(found.bytes, expected) == 0, "\n  %s\nis\n  %s", found.bytes, expected);
    expect(m->tree_count == trees, "%" PRIu32 " trees are %" PRIu32, m->tree_count, trees);
}

/* The weight, its proof, the pairs, the edges; and a decoder gives the same. */
static void check_answer(otr_matcher *m, const otr_graph *graph) {
    static const otr_pair expected[] = {{0, 1}, {2, 3}, {4, 6}, {5, OTR_BOUNDARY}};
    otr_decoder_options options = otr_decoder_options_default();
    otr_certificate certificate;
    otr_decoder *decoder = NULL;
    otr_result result;
    const otr_pair *pairs;
    const uint32_t *edges;
    size_t edge_count, pair_count;
    int64_t weight = 0;
    expect(otr_matcher_weight(m) == TOTAL, "the radii add up to %d", TOTAL);
    expect(otr_matcher_certify(m, &certificate) == OTR_OK && certificate.edges_overtight == 0 &&
               certificate.dual == TOTAL,
           "the radii are a proof");
    expect(otr_matcher_edges(m, &edges, &edge_count) == OTR_OK && edge_count == 6, "there are 6 edges");
    for (size_t i = 0; i < edge_count; i++) {
        weight += graph->edge_weight[edges[i]];
    }
    expect(weight == TOTAL, "the edges weigh %d", TOTAL);
    otr_matcher_pairs(m, &pairs, &pair_count);
    expect(pair_count == sizeof expected / sizeof *expected && memcmp(pairs, expected, sizeof expected) == 0,
           "the pairs are AB, CD, EG and F|");
    options.certify = true;
    expect(otr_decoder_create(&decoder, graph, &options) == OTR_OK, "there is a decoder");
    expect(otr_decoder_decode_events(decoder, ALL_EVENTS, EVENTS, NULL, 0, NULL, &result) == OTR_OK &&
               result.weight == TOTAL,
           "the decoder finds the same weight");
    otr_decoder_destroy(decoder);
}

/* A row of the table: time, step and the radii after it, the blossom's last. */
static void print_row(const otr_matcher *m, const char *name) {
    const bool has_blossom = m->region_count > EVENTS && m->regions[EVENTS].first_part != OTR_NONE;
    printf("%4" PRIu64 "  %-16s", m->now, name);
    for (uint32_t event = 0; event < EVENTS; event++) {
        printf(" %2" PRId64, otr_radius(m, &m->regions[event]));
    }
    if (has_blossom) {
        printf(" %2" PRId64 "\n", otr_radius(m, &m->regions[EVENTS]));
    } else {
        printf("  -\n");
    }
}

static void write_tree(line *out, const otr_matcher *m, uint32_t outer) {
    const otr_region *const top = &m->regions[outer];
    uint32_t previous = OTR_NONE;
    write_region(out, m, outer);
    for (uint32_t child = top->first_child; child != OTR_NONE; child = m->regions[child].next_sibling) {
        const otr_region *const below = &m->regions[child];
        const otr_region *const inner = &m->regions[below->inner];
        expect(below->parent == outer && below->previous_sibling == previous, "a child has its place");
        expect(below->outer == child && inner->outer == child, "a tree node is found by its regions");
        expect(below->match == below->inner && inner->match == child, "a tree node is a matched pair");
        write(out, " [");
        write_path(out, m, otr_reversed(below->up));
        write(out, " ");
        write_region(out, m, below->inner);
        write(out, " ");
        write_path(out, m, inner->match_link);
        write(out, " ");
        write_tree(out, m, child);
        write(out, "]");
        previous = child;
    }
}

static void write_match(line *out, const otr_matcher *m, uint32_t region) {
    const otr_region *const r = &m->regions[region];
    write_region(out, m, region);
    write(out, " ");
    write_path(out, m, r->match_link);
    if (r->match != OTR_MATCH_BOUNDARY) {
        expect(m->regions[r->match].match == region, "a match is mutual");
        write(out, " ");
        write_region(out, m, r->match);
    }
}

/* Sign of an outermost region, parts of a blossom, radius and nodes. */
static void write_region(line *out, const otr_matcher *m, uint32_t region) {
    const otr_region *const r = &m->regions[region];
    if (r->blossom == OTR_NONE) {
        write(out, "%c", r->slope > 0 ? '+' : r->slope < 0 ? '-' : '=');
    } else {
        expect(r->slope == 0, "a part of a blossom is frozen");
    }
    if (r->first_part == OTR_NONE) {
        write(out, "%c", name_of(m->events[region]));
    } else {
        uint32_t part = r->first_part;
        write(out, "(");
        do {
            expect(m->regions[part].blossom == region, "a part is in its blossom");
            write_region(out, m, part);
            write(out, " ");
            write_path(out, m, m->regions[part].cycle_link);
            part = m->regions[part].cycle_next;
            write(out, part != r->first_part ? " " : ")");
        } while (part != r->first_part);
    }
    write(out, "%" PRId64, otr_radius(m, r));
    for (uint32_t node = r->shell; node != OTR_NONE; node = m->sites[node].below) {
        expect(otr_is_occupied(m, node) && m->sites[node].top == outermost(m, region),
               "%c is held by its region", name_of(node));
        if (m->sites[node].arc != OTR_NONE) {
            write(out, "%c", name_of(node));
        }
    }
}

/* The nodes along a link, whose edges are listed from one of its ends or the other. */
static void write_path(line *out, const otr_matcher *m, otr_link link) {
    const bool is_single = (link.path & OTR_PATH_SINGLE) != 0;
    const uint32_t count = is_single ? 1 : m->paths[link.path];
    const uint32_t end = link.to == OTR_MATCH_BOUNDARY ? OTR_BOUNDARY : m->events[link.to];
    uint32_t node = m->events[link.from];
    uint32_t walked = 0;
    write(out, "%c", name_of(node));
    for (uint32_t steps = 0; steps < count; steps++) {
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t edge = is_single ? link.path & ~OTR_PATH_SINGLE : m->paths[link.path + 1 + i];
            const uint32_t end1 = m->graph->edge_node1[edge];
            const uint32_t end2 = m->graph->edge_node2[edge];
            if ((walked >> i & 1) == 0 && (end1 == node || end2 == node)) {
                walked |= UINT32_C(1) << i;
                node = end1 ^ end2 ^ node;
                write(out, "%c", name_of(node));
                break;
            }
        }
    }
    expect(node == end, "a link along %u edges from %c ends at %c, not %c", count,
           name_of(m->events[link.from]), name_of(end), name_of(node));
}

static void write(line *out, const char *format, ...) {
    const size_t room = sizeof out->bytes - out->count;
    va_list arguments;
    int written;
    va_start(arguments, format);
    written = vsnprintf(out->bytes + out->count, room, format, arguments);
    va_end(arguments);
    expect(written >= 0 && (size_t)written < room, "the line has room");
    out->count += (size_t)written;
}

static uint32_t outermost(const otr_matcher *m, uint32_t region) {
    while (m->regions[region].blossom != OTR_NONE) {
        region = m->regions[region].blossom;
    }
    return region;
}

static uint32_t number_of(char name) {
    return name == BOUNDARY ? OTR_BOUNDARY : (uint32_t)(strchr(NAMES, name) - NAMES);
}

static char name_of(uint32_t node) {
    return node < NODES ? NAMES[node] : BOUNDARY;
}

/* Ends the program if something does not hold. */
static void expect(bool holds, const char *what, ...) {
    va_list arguments;
    if (holds) {
        return;
    }
    fprintf(stderr, "it does not hold that ");
    va_start(arguments, what);
    vfprintf(stderr, what, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(1);
}
