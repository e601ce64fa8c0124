/* Bytes -> networks of both kinds, as far as they are taken -> their answers on a small memory: the same on
 * every instruction set, about edges and detectors that exist, and the same again from a dense network that
 * was written and read.
 *
 * The first inputs come from make_networks.py. */
#include "fuzz.h"

enum { DISTANCE = 3, ROUNDS = 3, DETECTORS = 24, SHOTS = 2 };

typedef struct memory {
    otr_surface *surface;
    otr_model *model;
    otr_graph *graph;
} memory;

/* Packed: some events, all. */
static const uint8_t shots[SHOTS][DETECTORS / 8] = {{0x86, 0x21, 0x40}, {0xFF, 0xFF, 0xFF}};

/* What a pre-decoder said about the shots: hashes, to compare. */
typedef struct answer {
    uint64_t soft[SHOTS], hard[SHOTS], logits[SHOTS];
} answer;

static uint64_t hash(uint64_t number) {
    number = (number ^ number >> 31) * 0x9E3779B97F4A7C15u;
    return number ^ number >> 29;
}

/* Made once; it lives until the process ends. */
static const memory *memory_of(otr_circuit_family family) {
    static memory memories[OTR_CIRCUIT_PAPER + 1];
    memory *const out = &memories[family];
    if (out->surface == NULL) {
        otr_surface_options options = otr_surface_options_default();
        options.family = family;
        options.width = options.height = DISTANCE;
        options.rounds = ROUNDS;
        options.noise_stim = (otr_noise_stim){0.01, 0.01, 0.01, 0.01};
        options.noise_paper = otr_noise_paper_uniform(0.01);
        CHECK(otr_surface_create(&out->surface, &options, NULL) == OTR_OK);
        CHECK(otr_surface_model(out->surface, 0, &out->model, NULL) == OTR_OK);
        CHECK(otr_graph_create(&out->graph, out->model, NULL, NULL) == OTR_OK);
        CHECK(otr_graph_node_count(out->graph) == DETECTORS);
    }
    return out;
}

/* Overrides name each edge at most once, in any order. */
static uint64_t ask_softly(otr_predecoder *predecoder, const otr_graph *graph, const uint32_t *events,
                           size_t event_count) {
    otr_predecoded left;
    const uint32_t edge_count = otr_graph_edge_count(graph);
    uint8_t *const named = allocate(edge_count);
    uint64_t sum = 0;
    memset(named, 0, edge_count);
    CHECK(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_SOFT, events, event_count, &left) == OTR_OK);
    for (size_t i = 0; i < left.override_count; i++) {
        const otr_override override = left.overrides[i];
        CHECK(override.edge < edge_count && !named[override.edge]);
        named[override.edge] = 1;
        sum += hash((uint64_t) override.edge << 32 | (uint32_t) override.weight);
    }
    free(named);
    return sum;
}

static uint64_t ask_firmly(otr_predecoder *predecoder, const uint32_t *events, size_t event_count) {
    otr_predecoded left;
    uint64_t sum;
    CHECK(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_HARD, events, event_count, &left) == OTR_OK);
    CHECK(left.observables[0] <= 1);
    sum = left.observables[0];
    for (size_t i = 0; i < left.event_count; i++) {
        CHECK(left.events[i] < DETECTORS && (i == 0 || left.events[i - 1] < left.events[i]));
        sum = hash(sum + left.events[i]);
    }
    return sum;
}

/* Of the logits' bits; 0 from pre-decoders without. */
static uint64_t ask_for_logits(otr_predecoder *predecoder, const uint32_t *events, size_t event_count) {
    const float *logits = NULL;
    size_t count = 0;
    uint64_t sum = 0;
    if (otr_dense_predecoder_logits(predecoder, events, event_count, &logits, &count) == OTR_OK) {
        CHECK(count == OTR_DENSE_PLANES * ROUNDS * DISTANCE * DISTANCE);
        for (size_t i = 0; i < count; i++) {
            uint32_t bits;
            memcpy(&bits, &logits[i], sizeof bits);
            sum = hash(sum + bits);
        }
    }
    return sum;
}

static answer ask(otr_predecoder *predecoder, const otr_graph *graph) {
    answer out;
    for (size_t i = 0; i < SHOTS; i++) {
        uint32_t events[DETECTORS + 16];
        const size_t count = otr_kernels_for(OTR_ISA_PORTABLE)->bit_indices(shots[i], DETECTORS, events);
        out.soft[i] = ask_softly(predecoder, graph, events, count);
        out.hard[i] = ask_firmly(predecoder, events, count);
        out.logits[i] = ask_for_logits(predecoder, events, count);
    }
    CHECK(otr_predecoder_bytes(predecoder) > 0);
    otr_predecoder_destroy(predecoder);
    return out;
}

static void check_same(const answer *one, const answer *other) {
    CHECK(memcmp(one, other, sizeof *one) == 0);
}

static bool is_here(otr_isa isa) {
    return isa != OTR_ISA_AMX && otr_kernels_for(isa) != NULL;
}

static void use_event_network(const otr_event_network *network) {
    const memory *const at = memory_of(OTR_CIRCUIT_STIM);
    const uint32_t width = otr_event_network_width(network);
    answer first = {.soft = {0}};
    CHECK(width % 16 == 0 && width > 0 && width <= 64);
    CHECK(otr_event_network_layers(network) <= OTR_EVENT_LAYERS_MAX);
    CHECK(otr_event_network_bytes(network) > strlen(otr_event_network_card(network)));
    CHECK(otr_event_network_reach(network).rounds > 0);
    for (otr_isa isa = OTR_ISA_PORTABLE; isa <= OTR_ISA_AMX; isa++) {
        otr_predecoder *predecoder = NULL;
        otr_error error;
        answer found;
        otr_status status;
        if (!is_here(isa)) {
            continue;
        }
        status = otr_event_predecoder_create(&predecoder, network, at->graph, at->model, isa, &error);
        if (status != OTR_OK) {
            check_error(status, &error);
            return;
        }
        found = ask(predecoder, at->graph);
        first = isa == OTR_ISA_PORTABLE ? found : first;
        check_same(&found, &first);
    }
}

static answer ask_dense(const otr_dense_network *network, otr_isa isa, otr_dense_arithmetic arithmetic) {
    const memory *const at = memory_of(OTR_CIRCUIT_PAPER);
    const otr_dense_options options = {.isa = isa, .arithmetic = arithmetic};
    otr_predecoder *predecoder = NULL;
    CHECK(otr_dense_predecoder_create(&predecoder, network, at->surface, at->graph, &options, NULL) ==
          OTR_OK);
    return ask(predecoder, at->graph);
}

/* What is written gives the same network, and the same bytes. */
static otr_dense_network *write_and_read(const otr_dense_network *network) {
    const size_t size = otr_dense_network_write(network, NULL, 0);
    uint8_t *const bytes = allocate(size), *const again = allocate(size);
    otr_dense_network *out = NULL;
    CHECK(otr_dense_network_write(network, bytes, size) == size);
    CHECK(otr_dense_network_create(&out, bytes, size, NULL) == OTR_OK);
    CHECK(otr_dense_network_write(out, again, size) == size && memcmp(bytes, again, size) == 0);
    free(bytes);
    free(again);
    return out;
}

static void use_dense_network(otr_dense_network *network) {
    otr_dense_network *copy;
    ask_dense(network, OTR_ISA_PORTABLE, OTR_DENSE_FLOAT);
    if (!otr_dense_network_info(network).has_integers) {
        otr_error error;
        const otr_status status = otr_dense_network_calibrate(network, memory_of(OTR_CIRCUIT_PAPER)->surface,
                                                              shots[0], sizeof shots[0], SHOTS, &error);
        if (status != OTR_OK) {
            check_error(status, &error);
        }
    }
    copy = write_and_read(network);
    if (otr_dense_network_info(network).has_integers) {
        const answer first = ask_dense(network, OTR_ISA_PORTABLE, OTR_DENSE_INTEGER);
        for (otr_isa isa = OTR_ISA_PORTABLE; isa <= OTR_ISA_AMX; isa++) {
            if (is_here(isa)) {
                const answer found = ask_dense(copy, isa, OTR_DENSE_INTEGER);
                check_same(&found, &first);
            }
        }
    }
    otr_dense_network_destroy(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    otr_event_network *event = NULL;
    otr_dense_network *dense = NULL;
    otr_network_kind kind = OTR_NETWORK_DENSE;
    otr_error kind_error, event_error, dense_error;
    const otr_status told = otr_network_kind_of(&kind, data, size, &kind_error);
    const otr_status event_status = otr_event_network_parse(&event, data, size, &event_error);
    const otr_status dense_status = otr_dense_network_create(&dense, data, size, &dense_error);
    if (told != OTR_OK) {
        check_error(told, &kind_error);
    }
    if (event_status == OTR_OK) {
        CHECK(told == OTR_OK && kind == OTR_NETWORK_EVENT);
        use_event_network(event);
    } else {
        check_error(event_status, &event_error);
    }
    if (dense_status == OTR_OK) {
        CHECK(told == OTR_OK);
        use_dense_network(dense);
    } else {
        check_error(dense_status, &dense_error);
    }
    otr_event_network_destroy(event);
    otr_dense_network_destroy(dense);
    return 0;
}
