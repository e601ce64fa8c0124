/* Text -> detector error model -> text, walk, graphs, gaps, sampler, and sums over errors. */
#include "fuzz.h"

/* Beyond these, models are parsed and walked for a while, but not flattened. */
enum { STEPS_MAX = 2000, DETECTORS_MAX = 1000, OBSERVABLES_MAX = 1000, ERRORS_MAX = 1000, SHOTS = 70 };
/* Shots that are matched and summed up, and observables whose gaps are asked. */
enum { FEW_SHOTS = 5, FEW_OBSERVABLES = 3 };

static void check_same_instruction(const otr_instruction *a, const otr_instruction *b) {
    CHECK(a->kind == b->kind);
    CHECK(a->argument_count == b->argument_count);
    for (uint32_t i = 0; i < a->argument_count; i++) {
        CHECK(a->arguments[i] == b->arguments[i]);
    }
    CHECK(a->target_count == b->target_count);
    for (uint64_t i = 0; i < a->target_count; i++) {
        CHECK(a->targets[i] == b->targets[i]);
    }
    CHECK(a->repeat_count == b->repeat_count && a->body_count == b->body_count);
    CHECK(a->tag_bytes == b->tag_bytes);
    CHECK(a->tag_bytes == 0 || memcmp(a->tag, b->tag, a->tag_bytes) == 0);
}

static void check_same_model(const otr_model *a, const otr_model *b) {
    const uint64_t count = otr_model_instruction_count(a);
    otr_instruction left, right;
    CHECK(otr_model_instruction_count(b) == count);
    CHECK(otr_model_detector_count(a) == otr_model_detector_count(b));
    CHECK(otr_model_observable_count(a) == otr_model_observable_count(b));
    CHECK(otr_model_error_count(a) == otr_model_error_count(b));
    for (uint64_t i = 0; i < count; i++) {
        CHECK(otr_model_instruction(a, i, &left) == OTR_OK);
        CHECK(otr_model_instruction(b, i, &right) == OTR_OK);
        check_same_instruction(&left, &right);
    }
    CHECK(otr_model_instruction(a, count, &left) == OTR_ERR_INDEX);
}

static void round_trip(const otr_model *model) {
    const size_t size = otr_model_text(model, NULL, 0);
    char *const text = allocate(size + 1);
    otr_model *again = NULL;
    CHECK(otr_model_text(model, text, size + 1) == size);
    CHECK(text[size] == '\0' && strlen(text) == size);
    CHECK(otr_model_parse(&again, text, size, NULL) == OTR_OK);
    check_same_model(model, again);
    otr_model_destroy(again);
    free(text);
}

static void walk(const otr_model *model) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    uint64_t errors = 0;
    bool more = true;
    CHECK(otr_model_walk_create(&walk, model) == OTR_OK);
    for (int i = 0; i < STEPS_MAX && (more = otr_model_walk_next(walk, &step)); i++) {
        errors += step.kind == OTR_INSTRUCTION_ERROR;
        for (uint64_t t = 0; t < step.target_count; t++) {
            const uint64_t target = step.targets[t];
            if (target != OTR_TARGET_SEPARATOR) {
                CHECK(target & OTR_TARGET_OBSERVABLE
                          ? (target & ~OTR_TARGET_OBSERVABLE) < otr_model_observable_count(model)
                          : target < otr_model_detector_count(model));
            }
        }
    }
    CHECK(more ? errors <= otr_model_error_count(model) : errors == otr_model_error_count(model));
    otr_model_walk_destroy(walk);
}

/* The probabilities of the errors, times `factor`; NULL for models that repeat too many declarations. */
static double *take_probabilities(const otr_model *model, double factor) {
    double *const probabilities = allocate((size_t)otr_model_error_count(model) * sizeof *probabilities);
    otr_model_walk *walk = NULL;
    otr_instruction step;
    size_t count = 0;
    bool more = true;
    CHECK(otr_model_walk_create(&walk, model) == OTR_OK);
    for (int i = 0; i < STEPS_MAX && (more = otr_model_walk_next(walk, &step)); i++) {
        if (step.kind == OTR_INSTRUCTION_ERROR) {
            probabilities[count++] = factor * step.arguments[0];
        }
    }
    otr_model_walk_destroy(walk);
    if (more) {
        free(probabilities);
        return NULL;
    }
    CHECK(count == otr_model_error_count(model));
    return probabilities;
}

/* With its own probabilities a graph is the same again; others it takes or refuses. */
static void reweight(const otr_graph *graph, const otr_model *model) {
    for (int halvings = 0; halvings < 2; halvings++) {
        double *const probabilities = take_probabilities(model, halvings ? 0.5 : 1);
        otr_graph *again = NULL;
        otr_error error;
        otr_status status;
        if (probabilities == NULL) {
            return;
        }
        status = otr_graph_reweighted(&again, graph, probabilities, otr_model_error_count(model), &error);
        free(probabilities);
        if (status != OTR_OK) {
            CHECK(again == NULL);
            CHECK(status == OTR_ERR_UNSUPPORTED ? otr_graph_conflict_count(graph) > 0
                                                : halvings && status == OTR_ERR_PROBABILITY);
            check_error(status, &error);
            continue;
        }
        CHECK(halvings || otr_graph_scale(again) == otr_graph_scale(graph));
        for (uint32_t i = 0; i < otr_graph_edge_count(graph); i++) {
            otr_edge one, two;
            CHECK(otr_graph_edge(graph, i, &one) == OTR_OK && otr_graph_edge(again, i, &two) == OTR_OK);
            CHECK(one.node1 == two.node1 && one.node2 == two.node2 && two.probability > 0);
            CHECK(halvings || (one.weight == two.weight && one.probability == two.probability));
        }
        otr_graph_destroy(again);
    }
}

/* Shots of other densities, the first one without events. Returns the number of events. */
static size_t choose_events(const otr_graph *graph, int shot, uint32_t *events) {
    const uint32_t nodes = otr_graph_node_count(graph);
    size_t count = 0;
    for (uint32_t node = 0; shot > 0 && node < nodes; node++) {
        events[count] = node;
        count += (node * 2654435761u >> 8) % (uint32_t)(2 * shot) == 0;
    }
    return count;
}

static bool has_certain_edges(const otr_graph *graph) {
    for (uint32_t i = 0; i < otr_graph_edge_count(graph); i++) {
        otr_edge edge;
        CHECK(otr_graph_edge(graph, i, &edge) == OTR_OK);
        if (edge.weight == -OTR_WEIGHT_INFINITE) {
            return true;
        }
    }
    return false;
}

/* A gap with a limit is the gap cut there, also of the parts with two sides alone. */
static void cut_gap(const otr_graph *graph, uint32_t observable) {
    const bool is_plain = !has_certain_edges(graph);
    uint32_t *const events = allocate((otr_graph_node_count(graph) + 1) * sizeof *events);
    otr_gap_options options = otr_gap_options_default();
    otr_gap *whole = NULL, *limited = NULL, *parted = NULL;
    options.observable = observable;
    if (otr_gap_create(&whole, graph, &options, NULL) == OTR_OK) {
        options.limit = 2 << observable * 11;
        CHECK(otr_gap_create(&limited, graph, &options, NULL) == OTR_OK);
        options.parted_only = true;
        CHECK(otr_gap_create(&parted, graph, &options, NULL) == OTR_OK);
        for (int shot = 0; shot < FEW_SHOTS; shot++) {
            const size_t count = choose_events(graph, shot, events);
            otr_gap_result all, some, part;
            const otr_status status = otr_gap_decode(whole, events, count, NULL, 0, &all);
            const bool has_both = all.weights[0] < INT64_MAX && all.weights[1] < INT64_MAX;
            CHECK(otr_gap_decode(limited, events, count, NULL, 0, &some) == status);
            CHECK(otr_gap_decode(parted, events, count, NULL, 0, &part) == OTR_OK || status != OTR_OK);
            if (status == OTR_OK && is_plain) {
                const int64_t difference = has_both ? all.weights[1] - all.weights[0] : INT64_MAX;
                CHECK(some.observable == all.observable && part.observable == all.observable);
                CHECK(some.weights[all.observable] == all.weights[all.observable]);
                CHECK(llabs(some.weights[1] - some.weights[0]) ==
                      (llabs(difference) < options.limit ? llabs(difference) : options.limit));
                CHECK(some.weights[1] - some.weights[0] == part.weights[1] - part.weights[0]);
            }
        }
    }
    otr_gap_destroy(whole);
    otr_gap_destroy(limited);
    otr_gap_destroy(parted);
    free(events);
}

/* The same answer twice, within its range. */
static void decode_twice(otr_likelihood *likelihood, const uint8_t *row) {
    const uint32_t observable_count = otr_likelihood_observable_count(likelihood);
    uint8_t *const observables = allocate((observable_count + 7) / 8);
    double *const ratios = allocate(observable_count * sizeof *ratios);
    double *const again = allocate(observable_count * sizeof *again);
    otr_likelihood_result result, second;
    const otr_status status = otr_likelihood_decode(likelihood, row, observables, ratios, &result);
    CHECK(status == OTR_OK || status == OTR_ERR_ODD_PARITY);
    CHECK(otr_likelihood_decode(likelihood, row, NULL, again, &second) == status);
    for (uint32_t i = 0; status == OTR_OK && i < observable_count; i++) {
        CHECK(ratios[i] >= -OTR_TRELLIS_RATIO_MAX && ratios[i] <= OTR_TRELLIS_RATIO_MAX);
        CHECK((observables[i / 8] >> i % 8 & 1) == (ratios[i] < 0));
        CHECK(ratios[i] == again[i]);
    }
    if (status == OTR_OK) {
        CHECK(result.level == second.level && result.is_fallback == second.is_fallback);
        CHECK(result.candidate_count == second.candidate_count && result.work == second.work);
        CHECK(!result.is_fallback || result.level >= OTR_LIKELIHOOD_SUM);
    }
    free(observables);
    free(ratios);
    free(again);
}

static void decode_likely(const otr_graph *graph, otr_predecoder *predecoder) {
    const size_t stride = (size_t)(otr_graph_node_count(graph) + 7) / 8;
    uint8_t *const row = allocate(stride);
    uint32_t *const events = allocate((otr_graph_node_count(graph) + 1) * sizeof *events);
    otr_likelihood_options options = otr_likelihood_options_default();
    otr_likelihood *likelihood = NULL;
    otr_error error;
    otr_status status;
    options.predecoder = predecoder;
    options.sure_gap = 100;
    options.sure_mean = 90;
    options.likely_weight = predecoder != NULL ? 20 : 4;
    options.budget.states_max = 64;
    options.deep_ratio = predecoder != NULL ? 20 : 0;
    options.deep_members = 2;
    options.deep_budget.states_max = 64;
    status = otr_likelihood_create(&likelihood, graph, &options, &error);
    if (status != OTR_OK) {
        check_error(status, &error);
        CHECK(likelihood == NULL && (status == OTR_ERR_LIMIT || status == OTR_ERR_UNSUPPORTED));
    } else {
        for (int shot = 0; shot < FEW_SHOTS; shot++) {
            const size_t count = choose_events(graph, shot, events);
            memset(row, 0, stride);
            for (size_t i = 0; i < count; i++) {
                row[events[i] / 8] |= (uint8_t)(1u << events[i] % 8);
            }
            decode_twice(likelihood, row);
        }
        CHECK(otr_likelihood_bytes(likelihood) > 0);
    }
    otr_likelihood_destroy(likelihood);
    free(row);
    free(events);
}

/* With and without a pre-decoder, which has opinions on many edges. */
static void decide(const otr_model *model, bool ignore) {
    otr_rule_options options = otr_rule_options_default(OTR_RULE_MIN_SUM);
    otr_graph_options graph_options = otr_graph_options_default();
    otr_predecoder *rule = NULL;
    otr_graph *graph = NULL;
    otr_error error;
    otr_status status;
    graph_options.correlations = true;
    graph_options.errors = true;
    graph_options.ignore_undecomposable = ignore;
    status = otr_graph_create(&graph, model, &graph_options, &error);
    if (status != OTR_OK) {
        check_error(status, &error);
        CHECK(graph == NULL && status == OTR_ERR_LIMIT);
        return;
    }
    options.iterations = 3;
    decode_likely(graph, NULL);
    if (otr_rule_predecoder_create(&rule, graph, model, &options, NULL) == OTR_OK) {
        decode_likely(graph, rule);
    }
    otr_predecoder_destroy(rule);
    otr_graph_destroy(graph);
}

static void build_graph(const otr_model *model, bool correlations, bool ignore) {
    otr_graph_options options = otr_graph_options_default();
    otr_graph *graph = NULL;
    otr_error error;
    otr_status status;
    options.correlations = correlations;
    options.ignore_undecomposable = ignore;
    options.reweightable = true;
    options.first_observables = correlations;
    status = otr_graph_create(&graph, model, &options, &error);
    if (status != OTR_OK) {
        check_error(status, &error);
        CHECK(graph == NULL);
        return;
    }
    CHECK(otr_graph_node_count(graph) == otr_model_detector_count(model));
    CHECK(ignore || otr_graph_ignored_count(graph) == 0);
    for (uint32_t i = 0; i < otr_graph_edge_count(graph); i++) {
        otr_edge edge;
        uint32_t found;
        CHECK(otr_graph_edge(graph, i, &edge) == OTR_OK);
        CHECK(edge.node1 < otr_graph_node_count(graph) && edge.node1 < edge.node2);
        CHECK(edge.probability > 0 && edge.probability <= 1);
        CHECK(edge.weight % 2 == 0 && edge.weight <= OTR_WEIGHT_MAX);
        CHECK(edge.weight >= -OTR_WEIGHT_MAX || edge.weight == -OTR_WEIGHT_INFINITE);
        CHECK((edge.weight == -OTR_WEIGHT_INFINITE) == (edge.probability == 1));
        CHECK(otr_graph_find_edge(graph, edge.node1, edge.node2, &found) == OTR_OK && found == i);
    }
    reweight(graph, model);
    for (uint32_t i = 0; i < otr_graph_observable_count(graph) && i < FEW_OBSERVABLES; i++) {
        cut_gap(graph, i);
    }
    if (correlations) {
        decide(model, ignore);
    }
    otr_graph_destroy(graph);
}

static void sample(const otr_model *model) {
    otr_sampler *sampler = NULL;
    const size_t stride = (size_t)(otr_model_detector_count(model) + 7) / 8;
    uint8_t *const rows = allocate(SHOTS * stride);
    const otr_sampler_output output = {.detectors = {rows, stride}};
    CHECK(otr_sampler_create(&sampler, model, NULL, NULL) == OTR_OK);
    CHECK(otr_sampler_error_count(sampler) == otr_model_error_count(model));
    CHECK(otr_sampler_sample(sampler, 250, SHOTS, &output) == OTR_OK);
    otr_sampler_destroy(sampler);
    free(rows);
}

/* Sums over the errors of every shot that was sampled: some errors explain it. */
static void sum_up(const otr_model *model) {
    const otr_trellis_budget exact = {.cutoff = 0, .states_max = 64};
    const size_t stride = (size_t)(otr_model_detector_count(model) + 7) / 8;
    const size_t observable_bytes = (size_t)(otr_model_observable_count(model) + 7) / 8;
    uint8_t *const none = allocate(stride);
    uint8_t *const observables = allocate(observable_bytes);
    otr_trellis_options options = otr_trellis_options_default();
    otr_trellis *trellis = NULL;
    otr_trellis_result result;
    otr_error error;
    otr_status status;
    options.coarse.states_max = 16;
    options.fine = exact;
    memset(none, 0, stride);
    status = otr_trellis_create(&trellis, model, &options, &error);
    if (status != OTR_OK) {
        check_error(status, &error);
        CHECK(trellis == NULL && status == OTR_ERR_LIMIT);
    } else {
        status = otr_trellis_decode(trellis, none, observables, NULL, &result);
        CHECK(status == OTR_OK || status == OTR_ERR_UNEXPLAINED);
        CHECK(status != OTR_OK || (result.failure >= 0 && result.failure <= 1));
    }
    otr_trellis_destroy(trellis);
    free(none);
    free(observables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    otr_model *model = NULL;
    otr_error error;
    const otr_status status = otr_model_parse(&model, (const char *)data, size, &error);
    if (status != OTR_OK) {
        check_error(status, &error);
        CHECK(model == NULL && error.line > 0);
        return 0;
    }
    round_trip(model);
    walk(model);
    if (otr_model_detector_count(model) <= DETECTORS_MAX && otr_model_error_count(model) <= ERRORS_MAX &&
        otr_model_observable_count(model) <= OBSERVABLES_MAX) {
        for (int choice = 0; choice < 4; choice++) {
            build_graph(model, (choice & 1) != 0, choice >= 2);
        }
        sample(model);
        sum_up(model);
    }
    otr_model_destroy(model);
    return 0;
}
