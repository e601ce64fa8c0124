/* Prints what the library answers to a fixed workload, one line each: a name and a hash of all answers. The
 * lines are the same on every machine and for every instruction set; .ci/run compares those of x86-64 with
 * those of AArch64.
 *
 *   answers ISA EVENT_NETWORK DENSE_NETWORK */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outrider/outrider.h"

enum { SHOTS = 1000, DISTANCE = 5, FILE_BYTES_MAX = 1 << 22 };

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition);                            \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* One experiment, its graph and sampled shots. */
typedef struct experiment {
    otr_isa isa;
    otr_surface *surface;
    otr_model *model;
    otr_graph *graph;
    uint8_t *detectors;
    uint32_t *events; /* of one shot */
    size_t stride;
} experiment;

/* FNV-1a. */
static uint64_t hash(uint64_t before, const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        before = (before ^ ((const uint8_t *)data)[i]) * 0x100000001B3u;
    }
    return before;
}

static void print(const char *name, uint64_t value) {
    printf("%s %016llx\n", name, (unsigned long long)value);
}

static void *allocate(size_t bytes) {
    void *const block = calloc(1, bytes + 1);
    CHECK(block != NULL);
    return block;
}

static uint8_t *read_file(const char *path, size_t *size) {
    FILE *const file = fopen(path, "rb");
    uint8_t *const bytes = allocate(FILE_BYTES_MAX);
    CHECK(file != NULL);
    *size = fread(bytes, 1, FILE_BYTES_MAX, file);
    CHECK(*size < FILE_BYTES_MAX && fclose(file) == 0);
    return bytes;
}

static void sample(experiment *e) {
    const uint64_t edge_bytes = (otr_graph_edge_count(e->graph) + 7) / 8;
    uint8_t *const observables = allocate(SHOTS), *const edges = allocate(SHOTS * edge_bytes);
    const otr_sampler_output output = {.detectors = {e->detectors, e->stride},
                                       .observables = {observables, 1},
                                       .edges = {edges, edge_bytes}};
    otr_sampler_options options = otr_sampler_options_default();
    otr_sampler *sampler = NULL;
    options.seed = 7;
    options.isa = e->isa;
    options.graph = e->graph;
    CHECK(otr_sampler_create(&sampler, e->model, &options, NULL) == OTR_OK);
    CHECK(otr_sampler_sample(sampler, 0, SHOTS, &output) == OTR_OK);
    print("  shots", hash(hash(hash(0, e->detectors, SHOTS * e->stride), observables, SHOTS), edges,
                          SHOTS * edge_bytes));
    otr_sampler_destroy(sampler);
    free(observables);
    free(edges);
}

static experiment set_up(otr_isa isa, otr_circuit_family family, double p) {
    experiment e = {.isa = isa};
    otr_surface_options options = otr_surface_options_default();
    otr_graph_options graph_options = otr_graph_options_default();
    char *text;
    size_t size, nodes;
    options.family = family;
    options.width = options.height = options.rounds = DISTANCE;
    options.noise_stim = (otr_noise_stim){p, p, p, p};
    options.noise_paper = otr_noise_paper_uniform(p);
    graph_options.correlations = true;
    CHECK(otr_surface_create(&e.surface, &options, NULL) == OTR_OK);
    CHECK(otr_surface_model(e.surface, 0, &e.model, NULL) == OTR_OK);
    CHECK(otr_graph_create(&e.graph, e.model, &graph_options, NULL) == OTR_OK);
    size = otr_model_text(e.model, NULL, 0);
    text = allocate(size);
    otr_model_text(e.model, text, size + 1);
    print("model", hash(0, text, size));
    free(text);
    nodes = otr_graph_node_count(e.graph);
    e.stride = (nodes + 7) / 8;
    e.detectors = allocate(SHOTS * e.stride);
    e.events = allocate((nodes + OTR_INDEX_SLACK) * sizeof *e.events);
    sample(&e);
    return e;
}

static void tear_down(experiment *e) {
    otr_graph_destroy(e->graph);
    otr_model_destroy(e->model);
    otr_surface_destroy(e->surface);
    free(e->detectors);
    free(e->events);
}

static size_t list_events(const experiment *e, size_t shot) {
    return otr_kernels_for(e->isa)->bit_indices(e->detectors + shot * e->stride,
                                                otr_graph_node_count(e->graph), e->events);
}

/* Observables, weight and edges of every shot. */
static void decode(const experiment *e, const char *name, otr_decoder_kind kind, otr_predecoder *predecoder,
                   otr_predecoder_use predecoder_use) {
    otr_decoder_options options = otr_decoder_options_default();
    otr_decoder *decoder = NULL;
    uint64_t sum = 0;
    options.kind = kind;
    options.isa = e->isa;
    options.predecoder = predecoder;
    options.predecoder_use = predecoder_use;
    options.certify = kind != OTR_DECODER_UNION_FIND;
    CHECK(otr_decoder_create(&decoder, e->graph, &options) == OTR_OK);
    for (size_t shot = 0; shot < SHOTS; shot++) {
        uint8_t observables[1];
        otr_result result;
        const uint32_t *edges;
        size_t edge_count;
        CHECK(otr_decoder_decode(decoder, e->detectors + shot * e->stride, NULL, 0, observables, &result) ==
              OTR_OK);
        sum = hash(hash(sum, observables, 1), &result.weight, sizeof result.weight);
        if (otr_decoder_edges(decoder, &edges, &edge_count) == OTR_OK) {
            sum = hash(sum, edges, edge_count * sizeof *edges);
        }
    }
    print(name, sum);
    otr_decoder_destroy(decoder);
}

/* The first half of the detectors as a cell, the others as its buffer. */
static void decide_cells(const experiment *e) {
    const uint32_t nodes = otr_graph_node_count(e->graph);
    uint8_t *const roles = allocate(nodes);
    otr_decoder_options options = otr_decoder_options_default();
    otr_window *window = NULL;
    otr_window_decoder *decoder = NULL;
    uint64_t sum = 0;
    options.kind = OTR_DECODER_MWPM_CORRELATED;
    options.isa = e->isa;
    for (uint32_t node = 0; node < nodes; node++) {
        roles[node] = node < nodes / 2 ? OTR_WINDOW_CELL : OTR_WINDOW_BUFFER;
    }
    CHECK(otr_window_create(&window, e->graph, roles, NULL) == OTR_OK);
    CHECK(otr_window_decoder_create(&decoder, window, &options) == OTR_OK);
    for (size_t shot = 0; shot < SHOTS; shot++) {
        const size_t count = list_events(e, shot);
        otr_commit commit;
        CHECK(otr_window_decode(decoder, e->events, count, NULL, 0, NULL, 0, &commit) == OTR_OK);
        sum = hash(hash(sum, commit.observables, 1), commit.marks, commit.mark_count * sizeof *commit.marks);
        sum = hash(sum, commit.edges, commit.edge_count * sizeof *commit.edges);
    }
    print("  window", sum);
    otr_window_decoder_destroy(decoder);
    otr_window_destroy(window);
    free(roles);
}

static void write_shots(const experiment *e) {
    const otr_shot_layout layout = {.detectors = otr_graph_node_count(e->graph)};
    for (int format = OTR_FORMAT_01; format <= OTR_FORMAT_DETS; format++) {
        otr_shot_writer *writer = NULL;
        otr_shot_reader *reader = NULL;
        const uint8_t *bytes = NULL;
        uint8_t *const again = allocate(SHOTS * e->stride);
        size_t size = 0, consumed = 0, count = 0;
        const size_t shots = SHOTS / 64 * 64;
        CHECK(otr_shot_writer_create(&writer, (otr_shot_format)format, &layout, e->isa) == OTR_OK);
        CHECK(otr_shot_writer_write(writer, e->detectors, e->stride, shots, &bytes, &size) == OTR_OK);
        CHECK(otr_shot_reader_create(&reader, (otr_shot_format)format, &layout, e->isa) == OTR_OK);
        CHECK(otr_shot_reader_read(reader, bytes, size, &consumed, again, e->stride, shots, &count, NULL) ==
              OTR_OK);
        CHECK(count == shots && memcmp(again, e->detectors, shots * e->stride) == 0);
        print("  format", hash(0, bytes, size));
        otr_shot_reader_destroy(reader);
        otr_shot_writer_destroy(writer);
        free(again);
    }
}

static void use_rules(const experiment *e) {
    for (int kind = OTR_RULE_CLIQUE; kind <= OTR_RULE_MIN_SUM; kind++) {
        otr_rule_options options = otr_rule_options_default((otr_rule_kind)kind);
        otr_predecoder *rule = NULL;
        options.isa = e->isa;
        CHECK(otr_rule_predecoder_create(&rule, e->graph, e->model, &options, NULL) == OTR_OK);
        decode(e, "  rule, soft", OTR_DECODER_MWPM, rule, OTR_PREDECODER_USE_SOFT);
        decode(e, "  rule, hard", OTR_DECODER_UNION_FIND, rule, OTR_PREDECODER_USE_HARD);
        otr_predecoder_destroy(rule);
    }
}

static void use_event_network(const experiment *e, const char *path) {
    otr_event_network *network = NULL;
    otr_predecoder *predecoder = NULL;
    size_t size;
    uint8_t *const bytes = read_file(path, &size);
    uint64_t sum = 0;
    CHECK(otr_event_network_parse(&network, bytes, size, NULL) == OTR_OK);
    CHECK(otr_event_predecoder_create(&predecoder, network, e->graph, e->model, e->isa, NULL) == OTR_OK);
    for (size_t shot = 0; shot < SHOTS; shot++) {
        const size_t count = list_events(e, shot);
        otr_predecoded left;
        CHECK(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_SOFT, e->events, count, &left) == OTR_OK);
        sum = hash(sum, left.overrides, left.override_count * sizeof *left.overrides);
    }
    print("  event network", sum);
    decode(e, "  event network, soft", OTR_DECODER_MWPM_CORRELATED, predecoder, OTR_PREDECODER_USE_SOFT);
    otr_predecoder_destroy(predecoder);
    otr_event_network_destroy(network);
    free(bytes);
}

/* On integers, whose ranges come from the shots. */
static void use_dense_network(const experiment *e, const char *path) {
    otr_dense_options options = otr_dense_options_default();
    otr_dense_network *network = NULL;
    otr_predecoder *predecoder = NULL;
    size_t size;
    uint8_t *const bytes = read_file(path, &size);
    options.isa = e->isa;
    CHECK(otr_dense_network_create(&network, bytes, size, NULL) == OTR_OK);
    CHECK(otr_dense_network_calibrate(network, e->surface, e->detectors, e->stride, 50, NULL) == OTR_OK);
    CHECK(otr_dense_predecoder_create(&predecoder, network, e->surface, e->graph, &options, NULL) == OTR_OK);
    decode(e, "  dense network, hard", OTR_DECODER_MWPM, predecoder, OTR_PREDECODER_USE_HARD);
    otr_predecoder_destroy(predecoder);
    otr_dense_network_destroy(network);
    free(bytes);
}

static otr_isa isa_named(const char *name) {
    for (int isa = OTR_ISA_AUTO; isa <= OTR_ISA_AMX; isa++) {
        if (strcmp(otr_isa_name((otr_isa)isa), name) == 0) {
            return (otr_isa)isa;
        }
    }
    CHECK(!"a name of an instruction set");
    return OTR_ISA_AUTO;
}

int main(int argument_count, char **arguments) {
    experiment stim, paper;
    otr_isa isa;
    CHECK(argument_count == 4);
    isa = isa_named(arguments[1]);
    CHECK(otr_kernels_for(isa) != NULL);
    stim = set_up(isa, OTR_CIRCUIT_STIM, 0.006);
    decode(&stim, "  mwpm", OTR_DECODER_MWPM, NULL, OTR_PREDECODER_USE_SOFT);
    decode(&stim, "  correlated", OTR_DECODER_MWPM_CORRELATED, NULL, OTR_PREDECODER_USE_SOFT);
    decode(&stim, "  union-find", OTR_DECODER_UNION_FIND, NULL, OTR_PREDECODER_USE_SOFT);
    decide_cells(&stim);
    write_shots(&stim);
    use_rules(&stim);
    use_event_network(&stim, arguments[2]);
    tear_down(&stim);
    paper = set_up(isa, OTR_CIRCUIT_PAPER, 0.004);
    use_dense_network(&paper, arguments[3]);
    tear_down(&paper);
    return 0;
}
