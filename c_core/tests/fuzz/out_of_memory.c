/* Runs a tour of the library again and again, each time with a later allocation failing, until none fails.
 * Every call must say OTR_OK or OTR_ERR_MEMORY, and after the tour nothing may be left allocated. Prints how
 * many allocations failed. */
#include "fuzz.h"

void *test_malloc(size_t bytes);
void *test_calloc(size_t count, size_t bytes);
void *test_realloc(void *block, size_t bytes);
void test_free(void *block);

enum { SHOTS = 40, FEW_SHOTS = 4, NETWORK_BYTES_MAX = 0x10000 };

static uint8_t *network_bytes;
static size_t network_size;

static uint64_t until_failure; /* allocations before the one that fails */
static bool failed;
static int64_t live;

static bool may_allocate(void) {
    const bool fails = !failed && until_failure == 0;
    failed |= fails;
    until_failure -= until_failure > 0;
    return !fails;
}

void *test_malloc(size_t bytes) {
    void *const block = may_allocate() ? malloc(bytes) : NULL;
    live += block != NULL;
    return block;
}

void *test_calloc(size_t count, size_t bytes) {
    void *const block = may_allocate() ? calloc(count, bytes) : NULL;
    live += block != NULL;
    return block;
}

void *test_realloc(void *block, size_t bytes) {
    void *const grown = may_allocate() ? realloc(block, bytes) : NULL;
    live += block == NULL && grown != NULL;
    return grown;
}

void test_free(void *block) {
    live -= block != NULL;
    free(block);
}

/* Whether a call succeeded; it may fail for want of memory only. */
static bool good(otr_status status) {
    CHECK(status == OTR_OK || (status == OTR_ERR_MEMORY && failed));
    return status == OTR_OK;
}

/* The same for a call that has to say in words what failed. */
static bool good_or_told(otr_status status, const otr_error *error) {
    CHECK(status == OTR_OK || error->message[0] != '\0');
    return good(status);
}

/* A surface code's model, by way of its text. */
static otr_model *make_model(void) {
    otr_surface_options options = otr_surface_options_default();
    otr_surface *surface = NULL;
    otr_model *traced = NULL, *model = NULL;
    options.width = options.height = 3;
    options.noise_stim = (otr_noise_stim){0.02, 0.02, 0.02, 0.02};
    if (good(otr_surface_create(&surface, &options, NULL)) &&
        good(otr_surface_model(surface, false, &traced, NULL))) {
        const size_t size = otr_model_text(traced, NULL, 0);
        char *const text = allocate(size + 1);
        otr_model_text(traced, text, size + 1);
        good(otr_model_parse(&model, text, size, NULL));
        free(text);
    }
    otr_model_destroy(traced);
    otr_surface_destroy(surface);
    return model;
}

static void sample(const otr_model *model, const otr_graph *graph, uint8_t *rows, size_t stride) {
    const otr_sampler_output output = {.detectors = {rows, stride}};
    otr_sampler_options options = otr_sampler_options_default();
    otr_sampler *sampler = NULL;
    options.graph = graph;
    if (good(otr_sampler_create(&sampler, model, &options, NULL))) {
        good(otr_sampler_sample(sampler, 0, SHOTS, &output));
    }
    otr_sampler_destroy(sampler);
}

static void sample_rounds(const otr_model *model) {
    otr_round_sampler *sampler = NULL;
    otr_sampled_layer layer;
    otr_error error = {0};
    if (good_or_told(otr_round_sampler_create(&sampler, model, 1, OTR_ISA_AUTO, &error), &error)) {
        CHECK(otr_round_sampler_next(sampler, &layer) && layer.detector_count > 0);
    }
    otr_round_sampler_destroy(sampler);
}

static void read_rounds(const otr_model *model) {
    otr_model *sorted = NULL;
    otr_rounds rounds;
    otr_error error = {0};
    uint32_t *const of = allocate(otr_model_detector_count(model) * sizeof *of);
    if (good_or_told(otr_model_rounds(model, NULL, of, &rounds, &error), &error)) {
        CHECK(rounds.axis == 2 && rounds.count > 1 && of[0] == 0);
    }
    if (good_or_told(otr_model_in_rounds(&sorted, model, NULL, of, &error), &error)) {
        CHECK(otr_model_detector_count(sorted) == otr_model_detector_count(model));
    }
    otr_model_destroy(sorted);
    free(of);
}

static void sample_labels(void) {
    uint8_t observables[SHOTS];
    const otr_label_output output = {.observables = {observables, 1}};
    otr_surface_options options = otr_surface_options_default();
    otr_surface *surface = NULL;
    otr_label_sampler *sampler = NULL;
    options.family = OTR_CIRCUIT_PAPER;
    options.noise_paper = otr_noise_paper_uniform(0.02);
    if (good(otr_surface_create(&surface, &options, NULL)) &&
        good(otr_label_sampler_create(&sampler, surface, NULL, NULL))) {
        good(otr_label_sampler_sample(sampler, 0, SHOTS, &output));
    }
    otr_label_sampler_destroy(sampler);
    otr_surface_destroy(surface);
}

static void sum_up(const otr_model *model, const uint8_t *rows, size_t stride) {
    otr_trellis *trellis = NULL;
    otr_error error = {0};
    if (good_or_told(otr_trellis_create(&trellis, model, NULL, &error), &error)) {
        for (int shot = 0; shot < SHOTS; shot++) {
            uint8_t observables = 0;
            CHECK(otr_trellis_decode(trellis, rows + (size_t)shot * stride, &observables, NULL, NULL) ==
                  OTR_OK);
        }
        CHECK(otr_trellis_bytes(trellis) > 0);
    }
    otr_trellis_destroy(trellis);
}

/* On a model of its own, small because every other allocation that fails repeats this. */
static void learn(const uint8_t *rows, size_t stride, otr_rates_method method) {
    static const char text[] =
        "error(0.1) D0 D1\nerror(0.1) D1 L0\nerror(0.1) D0 D1 D2 D3\nerror(0.1) D3 D4\n";
    static const uint32_t tied[] = {0, 0, 1, OTR_RATES_UNTIED};
    otr_moments_options moments_options = otr_moments_options_default();
    otr_rates_options options = otr_rates_options_default();
    const uint32_t *const groups = method == OTR_RATES_REGRESSION ? tied : NULL;
    otr_moments *moments = NULL;
    otr_rates *rates = NULL;
    otr_model *model = NULL, *learned = NULL;
    otr_error error = {0};
    moments_options.with_outside = true;
    options.method = method;
    if (good_or_told(otr_model_parse(&model, text, sizeof text - 1, &error), &error) &&
        good_or_told(otr_moments_create_for_model(&moments, model, &moments_options, &error), &error)) {
        CHECK(otr_moments_add(moments, rows, stride, SHOTS) == OTR_OK);
        if (good_or_told(otr_rates_create(&rates, model, groups, moments, &options, &error), &error) &&
            good_or_told(otr_rates_fit(rates, moments, &error), &error)) {
            static const uint32_t two[] = {0, 1};
            double covariance[4];
            good_or_told(otr_rates_model(rates, &learned, model, &error), &error);
            good_or_told(otr_rates_covariance(rates, two, 2, covariance, &error), &error);
        }
    }
    otr_model_destroy(learned);
    otr_rates_destroy(rates);
    otr_moments_destroy(moments);
    otr_model_destroy(model);
}

/* Shots against another model than theirs; windows of bursts and blocks of drift. */
static void check_noise(const uint8_t *rows, size_t stride) {
    static const char text[] = "error(0.1) D0 D1\nerror(0.1) D1 D2 L0\nerror(0.1) D3 D4\n";
    static const uint32_t rounds[5] = {0, 0, 1, 1, 2};
    otr_model *model = NULL;
    otr_moments *moments = NULL;
    otr_residuals *residuals = NULL;
    otr_bursts *bursts = NULL;
    otr_drift *drift = NULL;
    otr_event_sums sums = {0};
    otr_error error = {0};
    CHECK(otr_event_sums_add(&sums, rows, stride, SHOTS, 5) == OTR_OK);
    if (good_or_told(otr_model_parse(&model, text, sizeof text - 1, &error), &error) &&
        good_or_told(otr_moments_create_for_pairs(&moments, 5, rounds, 1, NULL, &error), &error)) {
        CHECK(otr_moments_add(moments, rows, stride, SHOTS) == OTR_OK);
        if (good_or_told(otr_residuals_create(&residuals, model, moments, 0.01, &error), &error)) {
            CHECK(otr_residuals_detector_count(residuals) == 5 && otr_residuals_bytes(residuals) > 0);
        }
        if (good_or_told(otr_drift_create(&drift, 5, &error), &error)) {
            CHECK(otr_drift_add(drift, moments, &sums, &error) == OTR_OK);
        }
    }
    if (good_or_told(otr_bursts_create(&bursts, NULL, &error), &error)) {
        CHECK(otr_bursts_push(bursts, &sums) == OTR_OK);
    }
    otr_bursts_destroy(bursts);
    otr_drift_destroy(drift);
    otr_residuals_destroy(residuals);
    otr_moments_destroy(moments);
    otr_model_destroy(model);
}

static void write_and_read(const otr_model *model, otr_shot_format format, const uint8_t *rows,
                           size_t stride) {
    const otr_shot_layout layout = {.detectors = otr_model_detector_count(model)};
    otr_shot_writer *writer = NULL;
    otr_shot_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t size = 0, consumed = 0, count = 0;
    uint8_t *const again = allocate(SHOTS * stride);
    if (good(otr_shot_writer_create(&writer, format, &layout, OTR_ISA_AUTO)) &&
        good(otr_shot_writer_write(writer, rows, stride, SHOTS, &bytes, &size)) &&
        good(otr_shot_reader_create(&reader, format, &layout, OTR_ISA_AUTO))) {
        good(otr_shot_reader_read(reader, bytes, size, &consumed, again, stride, SHOTS, &count, NULL));
    }
    otr_shot_reader_destroy(reader);
    otr_shot_writer_destroy(writer);
    free(again);
}

/* A decoder that once lacked memory lays out its weights for an offset, and decodes the shot, later. */
static void decode_predecoded(otr_decoder *decoder, const uint32_t *events, size_t event_count) {
    static const uint8_t observables[1] = {1};
    static const uint32_t edges[1] = {3};
    const otr_override change = {0, -1000};
    const otr_predecoded shot = {.events = events,
                                 .event_count = event_count,
                                 .overrides = &change,
                                 .override_count = 1,
                                 .observables = observables,
                                 .edges = edges,
                                 .edge_count = 1,
                                 .weight_offset = 20};
    const uint32_t *answer;
    size_t count;
    if (!good(otr_decoder_decode_predecoded(decoder, &shot, &change, 1, NULL, NULL))) {
        CHECK(otr_decoder_bytes(decoder) > 0);
        CHECK(otr_decoder_decode_predecoded(decoder, &shot, &change, 1, NULL, NULL) == OTR_OK);
    }
    good(otr_decoder_edges(decoder, &answer, &count));
}

/* A decoder that once lacked memory decodes the same shot later. */
static void decode(const otr_graph *graph, otr_decoder_kind kind, const uint8_t *rows, size_t stride) {
    otr_decoder_options options = otr_decoder_options_default();
    otr_decoder *decoder = NULL;
    const otr_override change = {0, -1000};
    const uint32_t events[2] = {1, 2};
    options.kind = kind;
    options.certify = kind != OTR_DECODER_UNION_FIND;
    if (good(otr_decoder_create(&decoder, graph, &options))) {
        for (size_t i = 0; i < SHOTS; i++) {
            const uint8_t *const row = rows + i * stride;
            if (!good(otr_decoder_decode(decoder, row, &change, 1, NULL, NULL))) {
                CHECK(otr_decoder_decode(decoder, row, &change, 1, NULL, NULL) == OTR_OK);
            }
        }
        decode_predecoded(decoder, events, 2);
    }
    otr_decoder_destroy(decoder);
}

/* The same for a cell that comes pre-decoded. */
static void decide_predecoded_cell(otr_window_decoder *decoder) {
    static const uint32_t event = 1;
    const otr_override change = {0, -1000};
    const otr_predecoded cell = {
        .events = &event, .event_count = 1, .overrides = &change, .override_count = 1, .weight_offset = 20};
    otr_commit commit;
    if (!good(otr_window_decode_predecoded(decoder, &cell, NULL, 0, NULL, 0, &commit))) {
        CHECK(otr_window_decode_predecoded(decoder, &cell, NULL, 0, NULL, 0, &commit) == OTR_OK);
    }
}

/* The first half of the detectors is the cell, the others are its buffer. */
static void decide_cell(const otr_graph *graph, otr_predecoder *predecoder) {
    const uint32_t nodes = otr_graph_node_count(graph);
    uint8_t *const roles = allocate(nodes);
    otr_window *window = NULL;
    otr_window_decoder *decoder = NULL;
    otr_decoder_options options = otr_decoder_options_default();
    const otr_override change = {0, -1000};
    otr_error error = {0};
    options.kind = OTR_DECODER_MWPM_CORRELATED;
    options.predecoder = predecoder;
    for (uint32_t node = 0; node < nodes; node++) {
        roles[node] = node < nodes / 2 ? OTR_WINDOW_CELL : OTR_WINDOW_BUFFER;
    }
    if (good_or_told(otr_window_create(&window, graph, roles, &error), &error) &&
        good(otr_window_decoder_create(&decoder, window, &options))) {
        for (uint32_t event = 0; event < nodes; event++) {
            otr_commit commit;
            if (!good(otr_window_decode(decoder, &event, 1, NULL, 0, &change, 1, &commit))) {
                CHECK(otr_window_decode(decoder, &event, 1, NULL, 0, &change, 1, &commit) == OTR_OK);
            }
        }
        decide_predecoded_cell(decoder);
    }
    otr_window_decoder_destroy(decoder);
    otr_window_destroy(window);
    free(roles);
}

static void match_predecoded_classes(otr_gap *gap) {
    static const uint8_t observables[1] = {1};
    static const uint32_t event = 1, edge = 3;
    const otr_predecoded shot = {.events = &event,
                                 .event_count = 1,
                                 .observables = observables,
                                 .edges = &edge,
                                 .edge_count = 1,
                                 .weight_offset = 20};
    const uint32_t *edges;
    size_t count;
    otr_gap_result result;
    if (!good(otr_gap_decode_predecoded(gap, &shot, NULL, 0, &result))) {
        CHECK(otr_gap_bytes(gap) > 0);
        CHECK(otr_gap_decode_predecoded(gap, &shot, NULL, 0, &result) == OTR_OK);
    }
    good(otr_gap_edges(gap, 0, &edges, &count));
}

static void match_classes(const otr_graph *graph) {
    otr_gap *gap = NULL;
    const otr_override change = {0, -1000};
    const uint32_t *edges = NULL;
    size_t count = 0;
    if (good(otr_gap_create(&gap, graph, NULL, NULL))) {
        for (uint32_t event = 0; event < otr_graph_node_count(graph); event++) {
            otr_gap_result result;
            if (!good(otr_gap_decode(gap, &event, 1, &change, 1, &result))) {
                CHECK(otr_gap_decode(gap, &event, 1, &change, 1, &result) == OTR_OK);
            }
            good(otr_gap_edges(gap, 1, &edges, &count));
        }
        match_predecoded_classes(gap);
    }
    otr_gap_destroy(gap);
}

/* The same with a limit, most of whose shots are sure without a second search. */
static void match_up_to_limit(const otr_graph *graph) {
    otr_gap_options options = otr_gap_options_default();
    otr_gap *gap = NULL;
    options.limit = 2 * (int32_t)otr_graph_scale(graph);
    if (good(otr_gap_create(&gap, graph, &options, NULL))) {
        for (uint32_t event = 0; event < otr_graph_node_count(graph); event++) {
            otr_gap_result result;
            if (!good(otr_gap_decode(gap, &event, 1, NULL, 0, &result))) {
                CHECK(otr_gap_decode(gap, &event, 1, NULL, 0, &result) == OTR_OK);
            }
            CHECK(llabs(result.weights[1] - result.weights[0]) <= options.limit);
        }
    }
    otr_gap_destroy(gap);
}

/* A window on the first half of the detectors, decided by likelihood. */
static void decide_a_cell(const otr_graph *graph) {
    const uint32_t nodes = otr_graph_node_count(graph);
    const uint32_t events[] = {0, nodes / 2};
    otr_decoder_options options = otr_decoder_options_default();
    uint8_t *const roles = allocate(nodes);
    otr_window *window = NULL;
    otr_window_decoder *decoder = NULL;
    otr_error error = {0};
    for (uint32_t node = 0; node < nodes; node++) {
        roles[node] = node < nodes / 2 ? OTR_WINDOW_CELL : OTR_WINDOW_BUFFER;
    }
    options.kind = OTR_DECODER_LIKELIHOOD;
    if (good_or_told(otr_window_create(&window, graph, roles, &error), &error) &&
        good(otr_window_decoder_create(&decoder, window, &options))) {
        otr_commit commit;
        for (int shot = 0; shot < FEW_SHOTS; shot++) {
            good(otr_window_decode(decoder, events, 2, NULL, 0, NULL, 0, &commit));
        }
    }
    otr_window_decoder_destroy(decoder);
    otr_window_destroy(window);
    free(roles);
}

/* A shot that once lacked memory has the same answer later. */
static void decode_likely(const otr_graph *graph, const uint8_t *rows, size_t stride) {
    otr_likelihood_options options = otr_likelihood_options_default();
    otr_likelihood *likelihood = NULL;
    otr_error error = {0};
    options.sure_gap = 100;
    options.sure_mean = 100;
    options.budget.states_max = 50;
    options.deep_ratio = 3;
    options.deep_members = 2;
    if (good_or_told(otr_likelihood_create(&likelihood, graph, &options, &error), &error)) {
        for (int shot = 0; shot < FEW_SHOTS; shot++) {
            otr_likelihood_result result;
            double ratio, again;
            if (!good(
                    otr_likelihood_decode(likelihood, rows + (size_t)shot * stride, NULL, &ratio, &result))) {
                CHECK(otr_likelihood_decode(likelihood, rows + (size_t)shot * stride, NULL, &ratio,
                                            &result) == OTR_OK);
            }
            CHECK(otr_likelihood_decode(likelihood, rows + (size_t)shot * stride, NULL, &again, NULL) ==
                  OTR_OK);
            CHECK(result.level >= OTR_LIKELIHOOD_SUM && ratio == again);
        }
        CHECK(otr_likelihood_bytes(likelihood) > 0);
    }
    otr_likelihood_destroy(likelihood);
}

/* Whatever lacks memory on the way to new numbers stays as it was. */
static void reweight(const otr_graph *graph) {
    const size_t count = (size_t)otr_graph_error_count(graph);
    const uint32_t nodes = otr_graph_node_count(graph);
    double *const probabilities = allocate(count * sizeof *probabilities);
    uint8_t *const roles = allocate(nodes);
    otr_graph *reweighted = NULL;
    otr_window *windows[2] = {NULL, NULL};
    otr_window_decoder *cell = NULL;
    otr_decoder *decoder = NULL;
    otr_gap *gap = NULL;
    otr_error error = {0};
    const uint32_t event = 1;
    otr_commit commit;
    for (size_t i = 0; i < count; i++) {
        probabilities[i] = 0.01 + (double)(i % 5) * 0.002;
    }
    memset(roles, OTR_WINDOW_CELL, nodes);
    if (good_or_told(otr_graph_reweighted(&reweighted, graph, probabilities, count, &error), &error)) {
        /* The offset makes weights negative, which takes room. */
        int32_t offset = 0;
        good(otr_graph_quantize(reweighted, -4.5, &offset));
        if (good(otr_decoder_create(&decoder, graph, NULL))) {
            good(otr_decoder_reweight(decoder, reweighted, offset));
            good(otr_decoder_decode_events(decoder, &event, 1, NULL, 0, NULL, NULL));
        }
        if (good(otr_gap_create(&gap, graph, NULL, NULL))) {
            otr_gap_result result;
            good_or_told(otr_gap_reweight(gap, reweighted, offset, 0, &error), &error);
            good(otr_gap_decode(gap, &event, 1, NULL, 0, &result));
        }
        if (good(otr_window_create(&windows[0], graph, roles, NULL)) &&
            good_or_told(otr_window_reweighted(&windows[1], windows[0], reweighted, &error), &error) &&
            good(otr_window_decoder_create(&cell, windows[0], NULL))) {
            good(otr_window_decoder_reweight(cell, windows[1], offset));
            good(otr_window_decode(cell, &event, 1, NULL, 0, NULL, 0, &commit));
        }
    }
    otr_window_decoder_destroy(cell);
    otr_window_destroy(windows[1]);
    otr_window_destroy(windows[0]);
    otr_gap_destroy(gap);
    otr_decoder_destroy(decoder);
    otr_graph_destroy(reweighted);
    free(roles);
    free(probabilities);
}

/* A pre-decoder that once lacked memory takes the same shot later. */
static void predecode_shots(otr_predecoder *predecoder, const uint8_t *rows, size_t stride,
                            uint32_t node_count) {
    uint32_t *const events = allocate((node_count + 16) * sizeof *events);
    for (size_t i = 0; i < SHOTS; i++) {
        const size_t count =
            otr_kernels_for(OTR_ISA_AUTO)->bit_indices(rows + i * stride, node_count, events);
        otr_predecoded left;
        if (!good(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_HARD, events, count, &left))) {
            CHECK(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_HARD, events, count, &left) == OTR_OK);
        }
    }
    free(events);
}

/* The same for a batch: it has the shots before the one that lacked memory, and later all. */
static void predecode_batch(otr_predecoder *predecoder) {
    static const uint32_t events[5] = {1, 2, 0, 3, 4};
    static const size_t begin[4] = {0, 2, 2, 5};
    otr_predecoded_batch *batch = NULL;
    otr_predecoded left;
    if (good(otr_predecoded_batch_create(&batch))) {
        for (int use = OTR_PREDECODER_USE_SOFT; use <= OTR_PREDECODER_USE_HARD; use++) {
            size_t done = 3;
            if (!good(otr_predecoder_apply_batch(predecoder, (otr_predecoder_use)use, events, begin, 3, batch,
                                                 &done))) {
                CHECK(done < 3 && otr_predecoded_batch_shot(batch, done, &left) == OTR_ERR_INDEX);
                CHECK(done == 0 || otr_predecoded_batch_shot(batch, done - 1, &left) == OTR_OK);
                CHECK(otr_predecoder_apply_batch(predecoder, (otr_predecoder_use)use, events, begin, 3, batch,
                                                 NULL) == OTR_OK);
            }
            CHECK(otr_predecoded_batch_shot(batch, 2, &left) == OTR_OK);
        }
    }
    otr_predecoded_batch_destroy(batch);
}

/* The same for a decoder that pre-decodes a batch. */
static void decode_batch(const otr_graph *graph, otr_predecoder *predecoder, const uint8_t *rows,
                         size_t stride) {
    otr_decoder_options options = otr_decoder_options_default();
    otr_decoder *decoder = NULL;
    uint8_t observables[SHOTS];
    options.predecoder = predecoder;
    if (good(otr_decoder_create(&decoder, graph, &options)) &&
        !good(otr_decoder_decode_batch(decoder, rows, stride, SHOTS, observables, 1, NULL, NULL))) {
        CHECK(otr_decoder_decode_batch(decoder, rows, stride, SHOTS, observables, 1, NULL, NULL) == OTR_OK);
    }
    otr_decoder_destroy(decoder);
}

static void predecode(const otr_graph *graph, const otr_model *model, otr_rule_kind kind, const uint8_t *rows,
                      size_t stride) {
    const otr_rule_options options = otr_rule_options_default(kind);
    otr_predecoder *rule = NULL;
    if (good(otr_rule_predecoder_create(&rule, graph, model, &options, NULL))) {
        predecode_shots(rule, rows, stride, otr_graph_node_count(graph));
        predecode_batch(rule);
        decode_batch(graph, rule, rows, stride);
        decide_cell(graph, rule);
    }
    otr_predecoder_destroy(rule);
}

/* Layers of one and four channels without neighbours, all numbers alike. */
static size_t make_network_file(uint8_t *bytes) {
    static const char header[] =
        "{\"net.0.weight\":{\"dtype\":\"F32\",\"shape\":[1,4,1,1,1],\"data_offsets\":[0,16]},"
        "\"net.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},"
        "\"net.3.weight\":{\"dtype\":\"F32\",\"shape\":[4,1,1,1,1],\"data_offsets\":[20,36]},"
        "\"net.3.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[36,52]}}";
    const size_t header_bytes = sizeof header - 1;
    memset(bytes, 0, 8);
    bytes[0] = (uint8_t)header_bytes;
    bytes[1] = (uint8_t)(header_bytes >> 8);
    memcpy(bytes + 8, header, header_bytes);
    memset(bytes + 8 + header_bytes, 0x3F, 52);
    return 8 + header_bytes + 52;
}

/* A pre-decoder that once lacked memory scores the same shot later. */
static void use_dense_network(const otr_dense_network *network, const otr_surface *surface,
                              const otr_graph *graph) {
    otr_predecoder *predecoder = NULL;
    otr_predecoded left;
    if (good(otr_dense_predecoder_create(&predecoder, network, surface, graph, NULL, NULL))) {
        for (uint32_t event = 0; event < 3; event++) {
            if (!good(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_SOFT, &event, 1, &left))) {
                CHECK(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_SOFT, &event, 1, &left) == OTR_OK);
            }
            good(otr_predecoder_apply(predecoder, OTR_PREDECODER_USE_HARD, &event, 1, &left));
        }
        predecode_batch(predecoder);
    }
    otr_predecoder_destroy(predecoder);
}

static void dense_tour(void) {
    otr_surface_options options = otr_surface_options_default();
    otr_surface *surface = NULL;
    otr_model *model = NULL;
    otr_graph *graph = NULL;
    otr_dense_network *network = NULL;
    uint8_t file[500];
    const uint8_t shots[6] = {0x21, 0, 0, 0, 0x80, 0};
    options.family = OTR_CIRCUIT_PAPER;
    options.noise_paper = otr_noise_paper_uniform(0.01);
    if (good(otr_surface_create(&surface, &options, NULL)) &&
        good(otr_surface_model(surface, false, &model, NULL)) &&
        good(otr_graph_create(&graph, model, NULL, NULL)) &&
        good(otr_dense_network_create(&network, file, make_network_file(file), NULL)) &&
        good(otr_dense_network_calibrate(network, surface, shots, 3, 2, NULL))) {
        use_dense_network(network, surface, graph);
    }
    otr_dense_network_destroy(network);
    otr_graph_destroy(graph);
    otr_model_destroy(model);
    otr_surface_destroy(surface);
}

/* A training that once lacked memory prepares the same batch, and its gaps, later. */
static void train(const otr_model *model, const otr_graph *graph, const uint8_t *rows, size_t stride) {
    static const otr_event_slot slots[] = {
        {0, 0, 0, 1},   {0, 0, 1, 0},  {0, 0, -1, 0}, {1, 1, 0, 0},   {-1, -1, 0, 0},
        {1, -1, 0, 0},  {-1, 1, 0, 0}, {1, 1, -1, 0}, {-1, -1, 1, 0}, {-1, 1, 1, 0},
        {1, -1, -1, 0}, {-2, 0, 1, 0}, {2, 0, -1, 0},
    };
    static const uint8_t transposed[2] = {0, 1}, set[2] = {0, 0};
    const otr_event_geometry geometry = {
        .pitch = {2, 2, 1},
        .kind = {1, 1, 0},
        .kinds = 2,
        .radius = 2,
        .transposed = transposed,
        .set = set,
        .sets = 1,
        .slots = sizeof slots / sizeof slots[0],
        .slot = slots,
    };
    otr_training *training = NULL;
    otr_training_shots shots;
    otr_error error = {0};
    if (good_or_told(otr_training_create(&training, graph, model, &geometry, 1, OTR_ISA_AUTO, &error),
                     &error)) {
        double gaps[SHOTS];
        uint64_t first[SHOTS + 1];
        const uint32_t *edges = NULL;
        const int8_t *signs = NULL;
        if (!good(otr_training_batch(training, rows, stride, NULL, 0, SHOTS, &shots))) {
            CHECK(otr_training_batch(training, rows, stride, NULL, 0, SHOTS, &shots) == OTR_OK);
        }
        if (!good(otr_training_gaps(training, shots.prior, 100, gaps, first, &edges, &signs, NULL))) {
            CHECK(otr_training_gaps(training, shots.prior, 100, gaps, first, &edges, &signs, NULL) == OTR_OK);
        }
    }
    otr_training_destroy(training);
}

static void run_network(const otr_graph *graph, const otr_model *model, const uint8_t *rows, size_t stride) {
    otr_event_network *network = NULL;
    otr_predecoder *predecoder = NULL;
    otr_error error = {0};
    if (good_or_told(otr_event_network_parse(&network, network_bytes, network_size, &error), &error) &&
        good_or_told(otr_event_predecoder_create(&predecoder, network, graph, model, OTR_ISA_AUTO, &error),
                     &error)) {
        predecode_shots(predecoder, rows, stride, otr_graph_node_count(graph));
    }
    otr_predecoder_destroy(predecoder);
    otr_event_network_destroy(network);
}

/* Layers without events; commits of every other cell are imported if one range is followed. */
static void fill_book(otr_cell_book *book, const otr_plan *plan, bool imports) {
    static const uint8_t quiet[1] = {0};
    static const otr_placed_mark marks[1] = {{0, 0}};
    const uint64_t layers = otr_plan_layer_count(plan);
    otr_error error = {0};
    for (uint64_t layer = 0; layer < layers; layer++) {
        const uint32_t width = otr_plan_layer_detectors(plan, layer, layers);
        const bool is_last = layer + 1 == layers;
        CHECK(width <= 8 * sizeof quiet);
        if (!good_or_told(otr_cell_book_push(book, quiet, width, is_last, 0, &error), &error)) {
            CHECK(otr_cell_book_push(book, quiet, width, is_last, 0, &error) == OTR_OK);
        }
    }
    for (uint64_t number = 1; imports && number < otr_plan_cell_count(plan, layers); number += 2) {
        otr_cell cell;
        otr_import_outcome outcome;
        uint64_t arrived;
        CHECK(otr_plan_cell(plan, number, layers, &cell) == OTR_OK);
        const otr_placed_commit commit = {.layer = cell.first_layer, .marks = marks, .mark_count = 1};
        if (!good(otr_cell_book_import(book, number, &commit, &outcome, &arrived))) {
            CHECK(otr_cell_book_import(book, number, &commit, &outcome, &arrived) == OTR_OK);
        }
    }
}

/* A book that once lacked memory takes the same layer or commit, and gives the same input, later. */
static void keep_book(const otr_plan *plan, bool imports) {
    static const uint8_t flips[1] = {0};
    static const otr_cell_range every_other = {0, 2, OTR_CELLS_ENDLESS};
    const otr_commit commit = {.observables = flips};
    otr_cell_book_options options = otr_cell_book_options_default(plan);
    otr_cell_book *book = NULL;
    otr_cell_book_state state;
    otr_cell_input input;
    otr_cell cell;
    otr_error error = {0};
    options.layers_max += otr_plan_layer_count(plan);
    options.followed = imports ? &every_other : NULL;
    options.followed_count = imports ? 1 : 0;
    if (good_or_told(otr_cell_book_create(&book, plan, &options, &error), &error)) {
        fill_book(book, plan, imports);
        while (otr_cell_book_next(book, &cell)) {
            if (!good_or_told(otr_cell_book_input(book, cell.number, &input, &error), &error)) {
                CHECK(otr_cell_book_input(book, cell.number, &input, &error) == OTR_OK);
            }
            CHECK(input.event_count == 0 && (imports || input.mark_count == 0));
            if (!good(otr_cell_book_commit(book, cell.number, &commit))) {
                CHECK(otr_cell_book_commit(book, cell.number, &commit) == OTR_OK);
            }
        }
        otr_cell_book_look(book, &state);
        CHECK(state.is_finished);
    }
    otr_cell_book_destroy(book);
}

static void keep_books(const otr_model *model, const otr_graph *graph) {
    otr_plan_options options = otr_plan_options_default(3);
    otr_plan *plan = NULL;
    otr_error error = {0};
    options.cell_layers = options.spacing = options.buffer = 1;
    if (good_or_told(otr_plan_create(&plan, graph, model, &options, &error), &error)) {
        keep_book(plan, false);
        keep_book(plan, true);
    }
    otr_plan_destroy(plan);
}

static void convert_measurements(bool ran_without_feedback) {
    static const char text[] =
        "R 0 1\nRX 2\nCX sweep[1] 0 sweep[0] 1\nREPEAT 9 {\nCX 0 1\nMPP Z0*Z1 X2*X2\nMR !1\n"
        "CX rec[-1] 0\nSHIFT_COORDS[a tag](0, 1)\nDETECTOR(0, 5) rec[-1] rec[-3]\n}\n"
        "M 0 1\nOBSERVABLE_INCLUDE(3) rec[-2]\n";
    otr_measurement_options options = otr_measurement_options_default();
    otr_measurement_map *map = NULL;
    otr_error error = {0};
    options.ran_without_feedback = ran_without_feedback;
    if (good_or_told(otr_measurement_map_create(&map, text, sizeof text - 1, &options, &error), &error)) {
        otr_measurement_stream *stream = NULL;
        CHECK(otr_measurement_map_detector_count(map) == 9);
        if (good_or_told(otr_measurement_stream_create(&stream, map, &error), &error)) {
            CHECK(otr_measurement_stream_period(stream) == 1);
        }
        otr_measurement_stream_destroy(stream);
    }
    otr_measurement_map_destroy(map);
}

/* On a graph that keeps its errors whole. */
static void decode_by_sums(const otr_model *model, const uint8_t *rows, size_t stride) {
    otr_graph_options options = otr_graph_options_default();
    otr_graph *graph = NULL;
    otr_error error = {0};
    options.correlations = true;
    options.errors = true;
    if (good_or_told(otr_graph_create(&graph, model, &options, &error), &error)) {
        decode_likely(graph, rows, stride);
        decide_a_cell(graph);
    }
    otr_graph_destroy(graph);
}

static void tour(void) {
    otr_model *const model = make_model();
    if (model != NULL) {
        otr_graph_options options = otr_graph_options_default();
        otr_graph *graph = NULL;
        const size_t stride = (size_t)(otr_model_detector_count(model) + 7) / 8;
        uint8_t *const rows = allocate(SHOTS * stride);
        memset(rows, 0, SHOTS * stride);
        sample(model, NULL, rows, stride);
        sample_rounds(model);
        sum_up(model, rows, stride);
        learn(rows, stride, OTR_RATES_CLOSED_FORM);
        learn(rows, stride, OTR_RATES_REGRESSION);
        check_noise(rows, stride);
        sample_labels();
        for (int format = OTR_FORMAT_01; format <= OTR_FORMAT_DETS; format++) {
            write_and_read(model, (otr_shot_format)format, rows, stride);
        }
        decode_by_sums(model, rows, stride);
        options.correlations = true;
        options.reweightable = true;
        if (good(otr_graph_create(&graph, model, &options, NULL))) {
            sample(model, graph, rows, stride);
            for (int kind = OTR_DECODER_MWPM; kind <= OTR_DECODER_UNION_FIND; kind++) {
                decode(graph, (otr_decoder_kind)kind, rows, stride);
            }
            match_classes(graph);
            match_up_to_limit(graph);
            reweight(graph);
            for (int kind = OTR_RULE_CLIQUE; kind <= OTR_RULE_MIN_SUM; kind++) {
                predecode(graph, model, (otr_rule_kind)kind, rows, stride);
            }
            keep_books(model, graph);
            read_rounds(model);
            run_network(graph, model, rows, stride);
            train(model, graph, rows, stride);
        }
        otr_graph_destroy(graph);
        free(rows);
    }
    otr_model_destroy(model);
    dense_tour();
    convert_measurements(false);
    convert_measurements(true);
}

static void read_network(const char *path) {
    FILE *const file = fopen(path, "rb");
    CHECK(file != NULL);
    network_bytes = allocate(NETWORK_BYTES_MAX);
    network_size = fread(network_bytes, 1, NETWORK_BYTES_MAX, file);
    CHECK(network_size < NETWORK_BYTES_MAX && fclose(file) == 0);
}

/* Takes the file of an event network. */
int main(int argument_count, char **arguments) {
    uint64_t failures = 0;
    CHECK(argument_count == 2);
    read_network(arguments[1]);
    for (;; failures++) {
        until_failure = failures;
        failed = false;
        tour();
        CHECK(live == 0);
        if (!failed) {
            break;
        }
    }
    free(network_bytes);
    printf("%llu\n", (unsigned long long)failures);
    return 0;
}
