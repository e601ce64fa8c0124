/* Bytes -> a small graph and shots with overrides, decoded by every kind: corrections must explain the
 * events, weights must add up and be minimal, instruction sets must agree.
 *
 * The graph is one of a model, written as text, so that it is built as users build it; or one of edges. */
#include <math.h>
#include <stdarg.h>

#include "fuzz.h"

enum {
    NODES_MAX = 24,
    ERRORS_MAX = 48,
    OBSERVABLES = 3,
    SHOTS_MAX = 6,
    EVENTS_MAX = 32,
    OVERRIDES_MAX = 8,
    /* Graphs with this many edges at most are solved by trying every set of edges, too. */
    BRUTE_FORCE_EDGES = 10,
    TEXT_BYTES = ERRORS_MAX * 128
};

static const char *const probabilities[] = {"0.1",  "0.01", "0.001", "0.2", "0.3",  "0.4",   "0.5",    "0.05",
                                            "0.02", "1e-6", "0.25",  "0",   "0.75", "0.999", "1e-300", "1"};
static const int32_t extreme_weights[] = {
    OTR_WEIGHT_INFINITE, 1, -1, INT32_MIN, INT32_MAX, OTR_WEIGHT_MAX, -OTR_WEIGHT_MAX, -OTR_WEIGHT_INFINITE};
/* More than all finite weights of a shot, for what no answer uses, and for what every answer uses. */
#define NEVER ((int64_t)1 << 50)
#define ALWAYS ((int64_t)1 << 40)

typedef struct shot {
    uint32_t events[EVENTS_MAX];
    size_t event_count;
    otr_override overrides[OVERRIDES_MAX];
    size_t override_count;
} shot;

/* What a decoder said about a shot. */
typedef struct answer {
    otr_status status;
    otr_result result;
    uint8_t observables;
    uint64_t edges; /* sum of a hash of each, to compare */
} answer;

static void append(char *text, size_t *used, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    *used += (size_t)vsnprintf(text + *used, TEXT_BYTES - *used, format, arguments);
    va_end(arguments);
    CHECK(*used < TEXT_BYTES);
}

/* A component of an error: one detector or two, and perhaps observables. */
static void append_component(char *text, size_t *used, input *in, uint32_t nodes) {
    const uint32_t first = take_byte(in) % nodes, second = take_byte(in) % (nodes + 1u),
                   flips = take_byte(in);
    append(text, used, " D%u", first);
    if (second < nodes && second != first) {
        append(text, used, " D%u", second);
    }
    for (unsigned i = 0; i < OBSERVABLES; i++) {
        if (flips >> i & 1) {
            append(text, used, " L%u", i);
        }
    }
}

static otr_model *take_model(input *in) {
    char *const text = allocate(TEXT_BYTES);
    size_t used = 0;
    const uint32_t nodes = 1 + take_byte(in) % NODES_MAX;
    const int errors = take_byte(in) % ERRORS_MAX;
    otr_model *model = NULL;
    for (int i = 0; i < errors; i++) {
        const uint8_t choice = take_byte(in);
        append(text, &used, "error(%s)", probabilities[choice % 16]);
        append_component(text, &used, in, nodes);
        for (int extra = choice >> 6; extra > 0; extra--) {
            append(text, &used, " ^");
            append_component(text, &used, in, nodes);
        }
        append(text, &used, "\n");
    }
    append(text, &used, "detector D%u\nlogical_observable L%d\n", nodes - 1, OBSERVABLES - 1);
    CHECK(otr_model_parse(&model, text, used, NULL) == OTR_OK);
    free(text);
    return model;
}

/* Natural weights: whole ones, others, and those at the edges of what there is. */
static double take_weight(input *in) {
    static const double extremes[] = {
        (double)INFINITY, (double)-INFINITY, (double)NAN, 0.0,         -0.0,   1e-300, 1e300, -1e300,
        0x3FFFFFFE,       -0x3FFFFFFE,       0x1FFFFFFF,  -0x1FFFFFFF, 0x3p29, 1e9,    64,    0.5};
    const uint8_t kind = take_byte(in), value = take_byte(in);
    switch (kind % 4) {
    case 0:
        return extremes[value % 16];
    case 1:
        return value * 0.37 - 20;
    default:
        return (double)value - 32;
    }
}

static bool are_between_the_same(const otr_graph_edges *edges, size_t i, size_t j) {
    return (edges->node1[i] == edges->node1[j] && edges->node2[i] == edges->node2[j]) ||
           (edges->node1[i] == edges->node2[j] && edges->node2[i] == edges->node1[j]);
}

/* Whether the words of graph.h allow these edges, but for weights so far apart that no scale fits. */
static bool are_good(const otr_graph_edges *edges) {
    for (size_t i = 0; i < edges->edge_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (are_between_the_same(edges, i, j)) {
                return false;
            }
        }
        if (edges->node1[i] == edges->node2[i] || isnan(edges->weights[i])) {
            return false;
        }
    }
    return true;
}

/* Each edge is found by its nodes, with its observables, and the weight that its natural one is rounded to.
 */
static void check_graph_of_edges(const otr_graph *graph, const otr_graph_edges *edges) {
    CHECK(otr_graph_edge_count(graph) == edges->edge_count);
    for (size_t i = 0; i < edges->edge_count; i++) {
        uint32_t number;
        int32_t weight;
        uint8_t given = 0, kept = 0;
        otr_edge edge;
        CHECK(otr_graph_find_edge(graph, edges->node1[i], edges->node2[i], &number) == OTR_OK);
        CHECK(otr_graph_edge(graph, number, &edge) == OTR_OK);
        CHECK(otr_graph_quantize(graph, edges->weights[i], &weight) == OTR_OK);
        CHECK(edge.weight == weight && edge.probability >= 0 && edge.probability <= 1);
        for (size_t o = edges->observable_begin[i]; o < edges->observable_begin[i + 1]; o++) {
            given ^= (uint8_t)(1u << edges->observables[o]);
        }
        for (uint32_t o = 0; o < edge.observable_count; o++) {
            kept |= (uint8_t)(1u << edge.observables[o]);
        }
        CHECK(given == kept);
    }
}

/* NULL where the edges are refused. */
static otr_graph *take_graph_of_edges(input *in) {
    static const double ranges[] = {0, 0, 1, 64, 1e9, 1e-9, 1e10, -1, (double)NAN};
    static const uint32_t levels[] = {0, 0, 1, 7, 1000, OTR_GRAPH_LEVELS_DEFAULT};
    otr_graph_options options = otr_graph_options_default();
    uint32_t node1[ERRORS_MAX], node2[ERRORS_MAX], observables[2 * ERRORS_MAX];
    double weights[ERRORS_MAX];
    size_t begin[ERRORS_MAX + 1] = {0};
    otr_graph_edges edges = {.node_count = 1 + take_byte(in) % NODES_MAX,
                             .observable_count = OBSERVABLES,
                             .edge_count = take_byte(in) % ERRORS_MAX,
                             .node1 = node1,
                             .node2 = node2,
                             .weights = weights,
                             .observable_begin = begin,
                             .observables = observables};
    const uint8_t choice = take_byte(in);
    otr_graph *graph = NULL;
    otr_error error = {0};
    otr_status status;
    options.weight_range = ranges[choice % 9];
    options.levels = levels[choice / 9 % 6];
    for (size_t i = 0; i < edges.edge_count; i++) {
        const uint8_t first = take_byte(in), second = take_byte(in), flips = take_byte(in);
        node1[i] = first % edges.node_count;
        node2[i] = second % (edges.node_count + 1u);
        node2[i] = node2[i] == edges.node_count ? OTR_BOUNDARY : node2[i];
        weights[i] = take_weight(in);
        begin[i + 1] = begin[i] + (flips & 1) + (flips >> 1 & 1);
        for (size_t o = begin[i]; o < begin[i + 1]; o++) {
            observables[o] = (flips >> (2 + 2 * (o - begin[i])) & 3) % OBSERVABLES;
        }
    }
    status = otr_graph_create_from_edges(&graph, &edges, &options, &error);
    if (status == OTR_OK) {
        CHECK(are_good(&edges));
        check_graph_of_edges(graph, &edges);
        return graph;
    }
    CHECK(!are_good(&edges) || choice % 9 > 5);
    check_error(status, &error);
    return NULL;
}

/* Events and overrides; now and then one that is out of range. */
static shot take_shot(input *in, const otr_graph *graph) {
    shot out = {.event_count = take_byte(in) % EVENTS_MAX, .override_count = take_byte(in) % OVERRIDES_MAX};
    const uint32_t nodes = otr_graph_node_count(graph), edges = otr_graph_edge_count(graph);
    for (size_t i = 0; i < out.event_count; i++) {
        const uint8_t choice = take_byte(in);
        out.events[i] = choice == 255 ? nodes : choice % nodes;
    }
    for (size_t i = 0; i < out.override_count; i++) {
        const uint8_t choice = take_byte(in), high = take_byte(in), low = take_byte(in);
        out.overrides[i].edge = choice == 255 || edges == 0 ? edges : choice % edges;
        out.overrides[i].weight = high == 128 ? extreme_weights[low % 8] : (int8_t)high * 100000 + low;
    }
    return out;
}

/* The status that a decoder gives for what is out of range in a shot, or OTR_OK. */
static otr_status check_range(const shot *shot, const otr_graph *graph) {
    bool good = true;
    for (size_t i = 0; i < shot->event_count; i++) {
        good &= shot->events[i] < otr_graph_node_count(graph);
    }
    for (size_t i = 0; i < shot->override_count && good; i++) {
        const int32_t weight = shot->overrides[i].weight;
        good &= shot->overrides[i].edge < otr_graph_edge_count(graph);
        if (good && (weight > OTR_WEIGHT_MAX || weight < -OTR_WEIGHT_MAX) && weight != OTR_WEIGHT_INFINITE &&
            weight != -OTR_WEIGHT_INFINITE) {
            return OTR_ERR_LIMIT;
        }
    }
    return good ? OTR_OK : OTR_ERR_INDEX;
}

/* The weight of an edge in this shot, by the words of decoder.h; -certain if it is certain. */
static int64_t weight_of(const otr_graph *graph, const shot *shot, uint32_t edge, int64_t certain) {
    otr_edge view;
    int64_t weight;
    CHECK(otr_graph_edge(graph, edge, &view) == OTR_OK);
    weight = view.weight;
    for (size_t i = 0; i < shot->override_count; i++) {
        if (shot->overrides[i].edge == edge) {
            weight = shot->overrides[i].weight;
        }
    }
    if (weight == OTR_WEIGHT_INFINITE || weight == -OTR_WEIGHT_INFINITE) {
        return weight > 0 ? NEVER : -certain;
    }
    return weight - weight % 2;
}

/* What certain edges would add to the weight of an answer that has them all, if each weighed -certain. */
static int64_t certain_weight(const otr_graph *graph, const shot *shot, int64_t certain) {
    int64_t sum = 0;
    for (uint32_t edge = 0; edge < otr_graph_edge_count(graph); edge++) {
        sum += weight_of(graph, shot, edge, certain) - weight_of(graph, shot, edge, 0);
    }
    return sum;
}

/* Syndrome of one edge: bit k is node k; the boundary has none. */
static uint32_t ends_of(const otr_edge *edge) {
    return 1u << edge->node1 | (edge->node2 == OTR_BOUNDARY ? 0 : 1u << edge->node2);
}

static uint32_t syndrome_of(const shot *shot) {
    uint32_t syndrome = 0;
    for (size_t i = 0; i < shot->event_count; i++) {
        syndrome ^= 1u << shot->events[i];
    }
    return syndrome;
}

/* The least weight of all sets of edges with this syndrome, if a certain edge costs `certain` to take back.
 */
static int64_t least_weight(const otr_graph *graph, const shot *shot, int64_t certain) {
    const uint32_t count = otr_graph_edge_count(graph), wanted = syndrome_of(shot);
    int64_t least = INT64_MAX;
    for (uint32_t set = 0; set < 1u << count; set++) {
        int64_t weight = 0;
        uint32_t syndrome = 0;
        for (uint32_t i = 0; i < count; i++) {
            otr_edge edge;
            if (set >> i & 1) {
                CHECK(otr_graph_edge(graph, i, &edge) == OTR_OK);
                syndrome ^= ends_of(&edge);
                weight += weight_of(graph, shot, i, certain);
            }
        }
        least = syndrome == wanted && weight < least ? weight : least;
    }
    return least < INT64_MAX ? least - certain_weight(graph, shot, certain) : INT64_MAX;
}

/* The weight of the right answer, INT64_MAX if there is none. */
static int64_t right_weight(const otr_graph *graph, const shot *shot) {
    const int64_t least = least_weight(graph, shot, ALWAYS);
    const int64_t right = least < ALWAYS / 2 ? least : least_weight(graph, shot, OTR_WEIGHT_MAX);
    return right < NEVER / 2 ? right : INT64_MAX;
}

/* The edges of the last shot explain its events, observables and, unless a second pass changed it, weight. */
static uint64_t check_edges(otr_decoder *decoder, const otr_graph *graph, const shot *shot,
                            const answer *answer, bool same_weights) {
    const uint32_t *edges = NULL;
    size_t count = 0;
    uint32_t syndrome = 0;
    uint8_t observables = 0;
    int64_t weight = 0;
    uint64_t hash = 0;
    CHECK(otr_decoder_edges(decoder, &edges, &count) == OTR_OK);
    for (size_t i = 0; i < count; i++) {
        otr_edge edge;
        CHECK(i == 0 || edges[i - 1] < edges[i]);
        CHECK(otr_graph_edge(graph, edges[i], &edge) == OTR_OK);
        syndrome ^= ends_of(&edge);
        weight += weight_of(graph, shot, edges[i], OTR_WEIGHT_MAX);
        for (uint32_t o = 0; o < edge.observable_count; o++) {
            observables ^= (uint8_t)(1u << edge.observables[o]);
        }
        hash = (hash + edges[i] + 1) * 0x9E3779B97F4A7C15u;
    }
    CHECK(syndrome == syndrome_of(shot));
    CHECK(observables == answer->observables);
    weight -= certain_weight(graph, shot, OTR_WEIGHT_MAX);
    CHECK(!same_weights || weight == answer->result.weight);
    return hash;
}

static void check_certificate(const otr_decoder *decoder) {
    otr_certificate proof;
    CHECK(otr_decoder_certificate(decoder, &proof) == OTR_OK);
    CHECK(proof.primal == proof.dual && proof.edges_overtight == 0 && proof.min_slack >= 0);
}

static size_t list_events(uint32_t syndrome, uint32_t *events) {
    size_t count = 0;
    for (uint32_t node = 0; node < NODES_MAX; node++) {
        if (syndrome >> node & 1) {
            events[count++] = node;
        }
    }
    return count;
}

/* The same shot as soft use leaves it: some overrides are its own, and the answer is the same. */
static void decode_softly(otr_decoder *decoder, const otr_graph *graph, const shot *shot,
                          const answer *expected) {
    const size_t own = shot->override_count / 2;
    uint32_t events[NODES_MAX];
    const otr_predecoded left = {.events = events,
                                 .event_count = list_events(syndrome_of(shot), events),
                                 .overrides = shot->overrides,
                                 .override_count = own};
    answer found = {.status = OTR_OK};
    CHECK(otr_decoder_decode_predecoded(decoder, &left, shot->overrides + own, shot->override_count - own,
                                        &found.observables, &found.result) == OTR_OK);
    CHECK(check_edges(decoder, graph, shot, &found, false) == expected->edges);
    CHECK(found.result.weight == expected->result.weight && found.observables == expected->observables);
}

/* The same shot as hard use leaves it, with one edge fixed: the answer explains it all the same. */
static void decode_firmly(otr_decoder *decoder, const otr_graph *graph, const shot *shot) {
    uint32_t events[NODES_MAX];
    uint8_t fixed = 0;
    otr_edge edge;
    otr_predecoded left = {
        .events = events, .observables = &fixed, .edges = &shot->overrides[0].edge, .edge_count = 1};
    answer found = {.status = OTR_OK};
    otr_status status;
    CHECK(otr_graph_edge(graph, shot->overrides[0].edge, &edge) == OTR_OK);
    for (uint32_t o = 0; o < edge.observable_count; o++) {
        fixed ^= (uint8_t)(1u << edge.observables[o]);
    }
    left.event_count = list_events(syndrome_of(shot) ^ ends_of(&edge), events);
    status = otr_decoder_decode_predecoded(decoder, &left, shot->overrides, shot->override_count,
                                           &found.observables, &found.result);
    if (status != OTR_OK) {
        /* What no answer uses may be the only way back. */
        CHECK(status == OTR_ERR_ODD_PARITY && weight_of(graph, shot, shot->overrides[0].edge, 0) == NEVER);
        return;
    }
    check_edges(decoder, graph, shot, &found, false);
}

static answer decode(otr_decoder *decoder, const otr_graph *graph, otr_decoder_kind kind, const shot *shot) {
    answer out = {.observables = 0};
    out.status = otr_decoder_decode_events(decoder, shot->events, shot->event_count, shot->overrides,
                                           shot->override_count, &out.observables, &out.result);
    if (check_range(shot, graph) != OTR_OK) {
        CHECK(out.status == check_range(shot, graph));
    } else if (out.status == OTR_OK) {
        out.edges = check_edges(decoder, graph, shot, &out, kind != OTR_DECODER_MWPM_CORRELATED);
        CHECK(out.result.event_count <= shot->event_count);
        if (kind != OTR_DECODER_UNION_FIND) {
            check_certificate(decoder);
        }
        decode_softly(decoder, graph, shot, &out);
        if (shot->override_count > 0) {
            decode_firmly(decoder, graph, shot);
        }
    } else {
        CHECK(out.status == OTR_ERR_ODD_PARITY);
    }
    return out;
}

/* Decodes the shots with two decoders of one kind, on two instruction sets. */
static void decode_all(const otr_graph *graph, otr_decoder_kind kind, otr_isa isa, const shot *shots,
                       size_t shot_count, answer *answers) {
    otr_decoder_options options = otr_decoder_options_default();
    otr_decoder *first = NULL, *second = NULL;
    options.kind = kind;
    options.certify = kind != OTR_DECODER_UNION_FIND;
    options.isa = OTR_ISA_PORTABLE;
    CHECK(otr_decoder_create(&first, graph, &options) == OTR_OK);
    options.isa = isa;
    CHECK(otr_decoder_create(&second, graph, &options) == OTR_OK);
    for (size_t i = 0; i < shot_count; i++) {
        const answer one = decode(first, graph, kind, &shots[i]);
        const answer two = decode(second, graph, kind, &shots[i]);
        CHECK(one.status == two.status && one.edges == two.edges && one.observables == two.observables);
        CHECK(one.status != OTR_OK || one.result.weight == two.result.weight);
        answers[i] = one;
    }
    otr_decoder_destroy(first);
    otr_decoder_destroy(second);
}

static void decode_by_every_kind(const otr_graph *graph, otr_isa isa, const shot *shots, size_t shot_count) {
    answer matching[SHOTS_MAX], clusters[SHOTS_MAX], correlated[SHOTS_MAX];
    decode_all(graph, OTR_DECODER_MWPM, isa, shots, shot_count, matching);
    decode_all(graph, OTR_DECODER_UNION_FIND, isa, shots, shot_count, clusters);
    if (otr_graph_has_correlations(graph)) {
        decode_all(graph, OTR_DECODER_MWPM_CORRELATED, isa, shots, shot_count, correlated);
    }
    for (size_t i = 0; i < shot_count; i++) {
        CHECK(matching[i].status == clusters[i].status);
        CHECK(!otr_graph_has_correlations(graph) || matching[i].status == correlated[i].status);
        if (matching[i].status == OTR_OK) {
            CHECK(matching[i].result.weight <= clusters[i].result.weight);
        }
        if (check_range(&shots[i], graph) == OTR_OK && otr_graph_edge_count(graph) <= BRUTE_FORCE_EDGES) {
            const int64_t least = right_weight(graph, &shots[i]);
            CHECK(matching[i].status == OTR_OK ? matching[i].result.weight == least : least == INT64_MAX);
        }
    }
}

static otr_graph *take_graph_of_model(input *in, bool correlations) {
    otr_graph_options options = otr_graph_options_default();
    otr_graph *graph = NULL;
    otr_status status;
    otr_model *const model = take_model(in);
    options.correlations = correlations;
    status = otr_graph_create(&graph, model, &options, NULL);
    otr_model_destroy(model);
    CHECK(status == OTR_OK || (correlations && status == OTR_ERR_PROBABILITY));
    return graph;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    shot shots[SHOTS_MAX];
    const uint8_t kind = take_byte(&in), choice = take_byte(&in);
    const size_t shot_count = 1 + (choice >> 1) % SHOTS_MAX;
    /* Some first bytes stand for an instruction set and a graph of edges. */
    otr_graph *const graph =
        kind / 5 == 1 ? take_graph_of_edges(&in) : take_graph_of_model(&in, (choice & 1) != 0);
    if (graph == NULL) {
        return 0;
    }
    for (size_t i = 0; i < shot_count; i++) {
        shots[i] = take_shot(&in, graph);
    }
    decode_by_every_kind(graph, pick_isa(kind), shots, shot_count);
    otr_graph_destroy(graph);
    return 0;
}
