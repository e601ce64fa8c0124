/* Bytes -> a model in layers, a plan, and a history that is decided cell by cell through a cell book.
 *
 * A plan is refused, or every shot that has an answer gets one: commits explain all events, whatever the
 * order of the cells, on every length that the plan serves. */
#include "layered_model.h"

enum {
    DETECTORS_MAX = SITES_MAX * HISTORY_LAYERS_MAX,
    MECHANISMS_FIRED_MAX = 24,
    CELLS_MAX = 4096,
    WINDOWS_MAX = 256,
    OVERRIDES_MAX = 4,
    TURNS_MAX = 100000,
    /* A shorter reference may repeat in another way than the input's. */
    REPEATING_LAYERS = 9
};

/* A history as it is streamed, and what was committed of it. */
typedef struct history {
    const otr_plan *plan;
    uint32_t layers;
    uint32_t first[HISTORY_LAYERS_MAX + 1]; /* detectors of the layers, one after the other */
    uint8_t events[DETECTORS_MAX], explained[DETECTORS_MAX];
    uint8_t observables;
    int64_t weight; /* of the committed edges, by the reference */
    uint8_t counted[CELLS_MAX / 8];
    otr_override overrides[OVERRIDES_MAX];
    size_t override_count;
} history;

/* A window's decoder is made once for all cells of its shape. */
typedef struct decided_window {
    otr_cell_shape shape;
    otr_window *window;
    otr_window_decoder *decoder;
} decided_window;

typedef struct windows {
    const otr_plan *plan;
    otr_decoder_options options;
    decided_window all[WINDOWS_MAX];
    size_t count;
} windows;

static otr_window_decoder *decoder_of(windows *windows, const otr_cell_shape *shape) {
    decided_window *one = windows->all;
    otr_error error = {0};
    while (one < windows->all + windows->count && memcmp(&one->shape, shape, sizeof *shape) != 0) {
        one++;
    }
    if (one == windows->all + windows->count) {
        CHECK(windows->count++ < WINDOWS_MAX);
        one->shape = *shape;
        CHECK(otr_plan_window(&one->window, windows->plan, shape, &error) == OTR_OK);
        CHECK(otr_window_decoder_create(&one->decoder, one->window, &windows->options) == OTR_OK);
    }
    return one->decoder;
}

static void destroy_windows(windows *windows) {
    for (size_t i = 0; i < windows->count; i++) {
        otr_window_decoder_destroy(windows->all[i].decoder);
        otr_window_destroy(windows->all[i].window);
    }
}

/* Events of some edges, so that there is an answer; the parity of the events by which there is none. */
static void take_events(history *history, const otr_graph *graph, input *in) {
    const uint32_t edges = otr_graph_edge_count(graph);
    for (int fired = take_byte(in) % MECHANISMS_FIRED_MAX; fired > 0 && edges > 0; fired--) {
        const uint32_t low = take_byte(in);
        otr_edge edge;
        CHECK(otr_graph_edge(graph, (take_byte(in) * 256u + low) % edges, &edge) == OTR_OK);
        history->events[edge.node1] ^= 1;
        if (edge.node2 != OTR_BOUNDARY) {
            history->events[edge.node2] ^= 1;
        }
    }
    if (take_byte(in) % 8 == 7) {
        history->events[take_byte(in) % otr_graph_node_count(graph)] ^= 1;
    }
}

static void take_overrides(history *history, input *in) {
    /* No error is ruled out: without it there may be no answer, which the plan cannot foresee. */
    static const int32_t weights[] = {0,       -2, OTR_WEIGHT_MAX,      -OTR_WEIGHT_MAX, 100000,
                                      -100000, 1,  -OTR_WEIGHT_INFINITE};
    const uint32_t edges = otr_graph_edge_count(otr_plan_graph(history->plan));
    const uint8_t count = take_byte(in);
    history->override_count = count < 128 || edges == 0 ? 0 : count % (OVERRIDES_MAX + 1);
    for (size_t i = 0; i < history->override_count; i++) {
        history->overrides[i].edge = take_byte(in) % edges;
        history->overrides[i].weight = weights[take_byte(in) % 8];
    }
}

/* The number in the history of a detector that a cell has in the reference's numbers. */
static uint32_t in_history(const history *history, uint32_t detector, int64_t shift) {
    uint32_t layer, index;
    CHECK(otr_plan_place(history->plan, detector, &layer, &index) == OTR_OK);
    CHECK((int64_t)layer + shift >= 0 && (int64_t)layer + shift < history->layers);
    layer = (uint32_t)(layer + shift);
    CHECK(index < history->first[layer + 1] - history->first[layer]);
    return history->first[layer] + index;
}

static void add_commit(history *history, const otr_cell *cell, const otr_commit *commit) {
    uint8_t observables = 0;
    for (size_t i = 0; i < commit->edge_count; i++) {
        otr_edge edge;
        CHECK(i == 0 || commit->edges[i - 1] < commit->edges[i]);
        CHECK(otr_graph_edge(otr_plan_graph(history->plan), commit->edges[i], &edge) == OTR_OK);
        history->explained[in_history(history, edge.node1, cell->shift)] ^= 1;
        if (edge.node2 != OTR_BOUNDARY) {
            history->explained[in_history(history, edge.node2, cell->shift)] ^= 1;
        }
        for (uint32_t o = 0; o < edge.observable_count; o++) {
            observables ^= (uint8_t)(1u << edge.observables[o]);
        }
        history->weight += edge.weight;
    }
    CHECK(observables == commit->observables[0]);
    history->observables ^= observables;
}

/* Decides a cell that the book gave out, and hands it back. A cell that is decided again counts once. */
static otr_status decide(otr_cell_book *book, windows *windows, history *history, const otr_cell *cell) {
    otr_cell_input input;
    otr_commit commit;
    otr_status status;
    CHECK(otr_cell_book_input(book, cell->number, &input, NULL) == OTR_OK);
    status =
        otr_window_decode(decoder_of(windows, &cell->shape), input.events, input.event_count, input.marks,
                          input.mark_count, history->overrides, history->override_count, &commit);
    if (status != OTR_OK) {
        CHECK(status == OTR_ERR_ODD_PARITY);
        return status;
    }
    CHECK(cell->number < CELLS_MAX);
    if ((history->counted[cell->number / 8] >> cell->number % 8 & 1) == 0) {
        history->counted[cell->number / 8] |= (uint8_t)(1u << cell->number % 8);
        add_commit(history, cell, &commit);
    }
    CHECK(otr_cell_book_commit(book, cell->number, &commit) == OTR_OK);
    return OTR_OK;
}

static otr_status push(otr_cell_book *book, const history *history, uint32_t layer, otr_error *error) {
    const uint32_t first = history->first[layer], count = history->first[layer + 1] - first;
    uint8_t events = 0;
    for (uint32_t i = 0; i < count; i++) {
        events |= (uint8_t)(history->events[first + i] << i);
    }
    return otr_cell_book_push(book, &events, count, layer + 1 == history->layers, layer, error);
}

/* Streams the history; the input chooses who goes next. False if a window has no answer. */
static bool stream(otr_cell_book *book, windows *windows, history *history, bool can_reopen, input *in) {
    otr_cell out[64];
    size_t out_count = 0;
    uint32_t pushed = 0;
    otr_cell_book_state state = {0};
    otr_error error = {0};
    for (int turn = 0; !state.is_finished; turn++) {
        const uint8_t choice = take_byte(in);
        CHECK(turn < TURNS_MAX);
        if (choice % 4 != 1 && pushed < history->layers) {
            const otr_status status = push(book, history, pushed, &error);
            CHECK(status == OTR_OK || status == OTR_ERR_LIMIT);
            pushed += status == OTR_OK;
        }
        while (choice % 4 != 2 && out_count < 64 && otr_cell_book_next(book, &out[out_count])) {
            out_count++;
        }
        if (out_count > 0 && choice % 4 != 3) {
            const size_t chosen = choice / 4 % out_count;
            if (decide(book, windows, history, &out[chosen]) != OTR_OK) {
                return false;
            }
            out[chosen] = out[--out_count];
        }
        if (can_reopen && choice >= 250) {
            otr_cell_book_reopen(book);
        }
        otr_cell_book_look(book, &state);
    }
    CHECK(out_count == 0 && pushed == history->layers);
    CHECK(state.observables[0] == history->observables);
    return true;
}

static bool has_certain_edges(const otr_graph *graph) {
    bool found = false;
    for (uint32_t i = 0; i < otr_graph_edge_count(graph); i++) {
        otr_edge edge;
        CHECK(otr_graph_edge(graph, i, &edge) == OTR_OK);
        found |= edge.weight == -OTR_WEIGHT_INFINITE;
    }
    return found;
}

/* What matching makes of the whole history at once. */
static void compare_with_whole(const otr_graph *graph, const history *history, bool is_decided) {
    otr_decoder *decoder = NULL;
    otr_result whole;
    uint32_t events[DETECTORS_MAX];
    size_t count = 0;
    uint8_t observables = 0;
    otr_status status;
    for (uint32_t i = 0; i < otr_graph_node_count(graph); i++) {
        if (history->events[i] != 0) {
            events[count++] = i;
        }
        CHECK(!is_decided || history->events[i] == history->explained[i]);
    }
    CHECK(otr_decoder_create(&decoder, graph, NULL) == OTR_OK);
    status = otr_decoder_decode_events(decoder, events, count, NULL, 0, &observables, &whole);
    CHECK(status == OTR_OK ? is_decided : status == OTR_ERR_ODD_PARITY && !is_decided);
    if (is_decided && graph == otr_plan_graph(history->plan) && !has_certain_edges(graph)) {
        CHECK(whole.weight <= history->weight);
    }
    otr_decoder_destroy(decoder);
}

/* A length that the plan serves, and its model's graph; the reference itself if lengths are not to be
 * compared. */
static otr_graph *take_history(history *history, const layered_model *layered, input *in) {
    const otr_plan *const plan = history->plan;
    const uint32_t reference = otr_plan_layer_count(plan), period = otr_plan_period(plan);
    otr_model *model = NULL;
    otr_graph *graph = NULL;
    history->layers = reference;
    if (period > 0 && layered->is_regular && reference == layered->layers && reference >= REPEATING_LAYERS) {
        history->layers = reference % period;
        history->layers += take_byte(in) % ((HISTORY_LAYERS_MAX - history->layers) / period + 1) * period;
        if (history->layers < otr_plan_layers_min(plan)) {
            otr_error error = {0};
            const otr_status status = otr_plan_check_length(plan, history->layers, &error);
            CHECK(status == OTR_OK ? history->layers == reference : status == OTR_ERR_ARGUMENT);
            history->layers = reference;
        }
    }
    CHECK(otr_plan_check_length(plan, history->layers, NULL) == OTR_OK);
    for (uint32_t t = 0; t < history->layers; t++) {
        history->first[t + 1] = history->first[t] + otr_plan_layer_detectors(plan, t, history->layers);
    }
    if (history->layers != reference) {
        otr_graph_options options = otr_graph_options_default();
        options.correlations = otr_graph_has_correlations(otr_plan_graph(plan));
        model = make_layered_model(layered, history->layers);
        CHECK(otr_graph_create(&graph, model, &options, NULL) == OTR_OK);
        CHECK(otr_graph_node_count(graph) == history->first[history->layers]);
        otr_model_destroy(model);
    }
    return graph;
}

static void run_plan(const otr_plan *plan, const layered_model *layered, otr_isa isa, input *in) {
    static history history;
    static windows windows;
    otr_cell_book_options options = otr_cell_book_options_default(plan);
    otr_cell_book *book = NULL;
    const uint8_t choice = take_byte(in);
    otr_graph *longer = NULL;
    const otr_graph *graph = NULL;
    memset(&history, 0, sizeof history);
    memset(&windows, 0, sizeof windows);
    history.plan = windows.plan = plan;
    windows.options = otr_decoder_options_default();
    windows.options.isa = isa;
    windows.options.kind = (otr_decoder_kind)(choice % 3);
    if (windows.options.kind == OTR_DECODER_MWPM_CORRELATED &&
        !otr_graph_has_correlations(otr_plan_graph(plan))) {
        windows.options.kind = OTR_DECODER_MWPM;
    }
    longer = take_history(&history, layered, in);
    graph = longer != NULL ? longer : otr_plan_graph(plan);
    take_events(&history, graph, in);
    take_overrides(&history, in);
    options.lead = choice >> 4 & 3;
    options.can_reopen = choice >= 128;
    options.layers_max += (choice >> 2 & 3) + (options.can_reopen ? HISTORY_LAYERS_MAX : 0);
    CHECK(otr_cell_book_create(&book, plan, &options, NULL) == OTR_OK);
    compare_with_whole(graph, &history, stream(book, &windows, &history, options.can_reopen, in));
    otr_cell_book_destroy(book);
    destroy_windows(&windows);
    otr_graph_destroy(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    const uint8_t choice = take_byte(&in);
    const otr_isa isa = pick_isa(choice / 2);
    const layered_model layered = take_layered_model(&in);
    const otr_plan_options options = take_plan_options(&in);
    otr_model *const model = make_layered_model(&layered, layered.layers);
    otr_graph_options graph_options = otr_graph_options_default();
    otr_graph *graph = NULL;
    otr_plan *plan = NULL;
    otr_error error = {0};
    graph_options.correlations = choice % 2 == 1;
    if (otr_graph_create(&graph, model, &graph_options, &error) != OTR_OK) {
        check_error(error.status, &error);
    } else {
        const otr_status status = otr_plan_create(&plan, graph, model, &options, &error);
        if (status == OTR_OK) {
            run_plan(plan, &layered, isa, &in);
        } else {
            CHECK(status == OTR_ERR_FORMAT || status == OTR_ERR_ARGUMENT || status == OTR_ERR_LIMIT);
            check_error(status, &error);
        }
    }
    otr_plan_destroy(plan);
    otr_graph_destroy(graph);
    otr_model_destroy(model);
    return 0;
}
