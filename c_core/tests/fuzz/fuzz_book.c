/* Bytes -> a plan, a cell book that follows some of its cells, and calls that nobody should make: layers of
 * wrong sizes, commits of cells that are not out, marks that are nowhere. Each is refused by its status and
 * changes nothing, or the book goes on within its bounds. */
#include "layered_model.h"

enum { RANGES_MAX = 3, MARKS_MAX = 6 };

/* Numbers near those that a small history has, and some far from them. */
static uint64_t take_number(input *in) {
    static const uint64_t far[] = {OTR_PLAN_HISTORY_MAX, UINT64_MAX, UINT64_MAX / 2, UINT32_MAX, 1000003};
    const uint8_t choice = take_byte(in);
    return choice < 240 ? choice % 80 : far[choice % 5];
}

static void push(otr_cell_book *book, const otr_plan *plan, input *in) {
    const uint8_t events = take_byte(in), choice = take_byte(in);
    const bool is_last = choice % 16 == 15;
    otr_error error = {0};
    otr_cell_book_state before, after;
    otr_status status;
    uint32_t count;
    otr_cell_book_look(book, &before);
    count = otr_plan_layer_detectors(plan, before.layers, is_last ? before.layers + 1 : 0);
    count = choice < 32 ? choice % 8 : count;
    status = otr_cell_book_push(book, &events, count, is_last, take_byte(in), &error);
    otr_cell_book_look(book, &after);
    CHECK(after.layers == before.layers + (status == OTR_OK));
    if (status != OTR_OK) {
        check_error(status, &error);
        CHECK(after.held == before.held && after.open == before.open && after.has_ended == before.has_ended);
    }
}

static void check_input(const otr_plan *plan, const otr_cell_input *input) {
    const otr_graph *const graph = otr_plan_graph(plan);
    const uint32_t nodes = otr_graph_node_count(graph), edges = otr_graph_edge_count(graph);
    for (size_t i = 0; i < input->event_count; i++) {
        CHECK(input->events[i] < nodes && (i == 0 || input->events[i - 1] < input->events[i]));
    }
    for (size_t i = 0; i < input->mark_count; i++) {
        CHECK(input->marks[i] < nodes + edges);
    }
}

/* A cell that was given out, or any other. */
static void commit(otr_cell_book *book, const otr_plan *plan, input *in) {
    uint32_t marks[MARKS_MAX];
    const uint8_t observables = take_byte(in) & 7;
    otr_commit commit = {
        .observables = &observables, .marks = marks, .mark_count = take_byte(in) % MARKS_MAX};
    otr_cell_input input;
    otr_cell cell;
    otr_error error = {0};
    const bool is_out = otr_cell_book_next(book, &cell);
    const uint64_t number = is_out ? cell.number : take_number(in);
    otr_status status = otr_cell_book_input(book, number, &input, &error);
    if (status == OTR_OK) {
        check_input(plan, &input);
    } else {
        CHECK(status == OTR_ERR_ARGUMENT || status == OTR_ERR_INDEX);
        check_error(status, &error);
    }
    for (size_t i = 0; i < commit.mark_count; i++) {
        marks[i] = (uint32_t)take_number(in);
    }
    status = otr_cell_book_commit(book, number, &commit);
    CHECK(status == OTR_OK || status == OTR_ERR_ARGUMENT || status == OTR_ERR_INDEX);
    if (is_out && status == OTR_ERR_INDEX) {
        commit.mark_count = 0;
        CHECK(otr_cell_book_commit(book, number, &commit) == OTR_OK);
    }
}

static void import(otr_cell_book *book, input *in) {
    otr_placed_mark marks[MARKS_MAX];
    const uint8_t observables = take_byte(in) & 7;
    const uint64_t number = take_number(in);
    otr_placed_commit placed = {.observables = take_byte(in) % 4 == 0 ? NULL : &observables,
                                .layer = take_number(in),
                                .marks = marks,
                                .mark_count = take_byte(in) % MARKS_MAX};
    otr_import_outcome outcome;
    uint64_t arrived;
    otr_status checked, status;
    for (size_t i = 0; i < placed.mark_count; i++) {
        marks[i].layer = (uint32_t)take_number(in) % 100;
        marks[i].index = (uint32_t)take_number(in);
    }
    checked = otr_cell_book_check(book, number, &placed);
    CHECK(checked == OTR_OK || checked == OTR_ERR_INDEX);
    status = otr_cell_book_import(book, number, &placed, &outcome, &arrived);
    CHECK(status == OTR_OK || status == OTR_ERR_ARGUMENT || status == OTR_ERR_INDEX ||
          status == OTR_ERR_LIMIT);
    CHECK(status != OTR_OK || outcome <= OTR_IMPORT_LATE);
}

/* What others ask of a book; every view is read to its end. */
static void ask(const otr_cell_book *book, const otr_plan *plan, input *in) {
    const uint64_t number = take_number(in);
    const uint64_t *numbers = NULL;
    uint64_t arrived;
    size_t count = 0;
    otr_cell_need need;
    otr_placed_commit placed;
    otr_kept_layer layer;
    uint32_t sum = 0;
    if (otr_cell_book_need(book, number, &need)) {
        CHECK(need.number >= number && need.first_layer <= need.end_layer);
    }
    if (otr_cell_book_dependencies(book, number, &numbers, &count) == OTR_OK) {
        CHECK(count <= otr_plan_dependencies_max(plan));
        for (size_t i = 0; i < count; i++) {
            CHECK(i == 0 || numbers[i - 1] < numbers[i]);
        }
    }
    if (otr_cell_book_commit_of(book, number, &placed)) {
        CHECK(otr_cell_book_is_committed(book, number));
        for (size_t i = 0; i < placed.mark_count; i++) {
            sum += placed.marks[i].index;
        }
    }
    if (otr_cell_book_layer(book, number, &layer)) {
        CHECK(layer.detector_count == 0 || layer.events[0] >> layer.detector_count == 0);
    }
    CHECK(!otr_cell_book_awaited(book, &arrived, &arrived) || sum <= UINT32_MAX);
}

static void run_script(otr_cell_book *book, const otr_plan *plan, uint64_t layers_max, input *in) {
    while (in->size > 0) {
        otr_cell_book_state state;
        switch (take_byte(in) % 8) {
        case 0:
        case 1:
        case 2:
            push(book, plan, in);
            break;
        case 3:
        case 4:
            commit(book, plan, in);
            break;
        case 5:
            import(book, in);
            break;
        case 6:
            ask(book, plan, in);
            break;
        default:
            if (take_byte(in) % 2 == 0) {
                otr_cell_book_reopen(book);
            } else {
                const otr_status status = otr_cell_book_skip(book, take_number(in));
                CHECK(status == OTR_OK || status == OTR_ERR_ARGUMENT);
            }
        }
        otr_cell_book_look(book, &state);
        CHECK(state.held <= layers_max && state.held == otr_cell_book_held(book));
        CHECK(state.out <= state.open && (!state.is_finished || (state.has_ended && state.open == 0)));
    }
}

static void run_book(const otr_plan *plan, input *in) {
    otr_cell_book_options options = otr_cell_book_options_default(plan);
    otr_cell_range ranges[RANGES_MAX];
    otr_cell_book *book = NULL;
    otr_error error = {0};
    otr_status status;
    const uint8_t choice = take_byte(in);
    options.followed = choice % 4 == 0 ? NULL : ranges;
    options.followed_count = choice % 4 == 0 ? 0 : choice / 4 % (RANGES_MAX + 1);
    for (size_t i = 0; i < options.followed_count; i++) {
        ranges[i] = (otr_cell_range){take_number(in), take_byte(in) % 5, take_number(in)};
    }
    options.can_reopen = choice >= 128;
    options.lead = choice >> 4 & 7;
    options.layers_max += take_byte(in) % 16;
    options.first_layer = choice % 8 == 7 ? take_number(in) : 0;
    options.imports_max = take_byte(in) % 8;
    options.marks_max = take_byte(in) % 16;
    status = otr_cell_book_create(&book, plan, &options, &error);
    if (status == OTR_OK) {
        run_script(book, plan, options.layers_max, in);
    } else {
        CHECK(status == OTR_ERR_ARGUMENT || status == OTR_ERR_INDEX || status == OTR_ERR_LIMIT);
        check_error(status, &error);
    }
    otr_cell_book_destroy(book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    const layered_model layered = take_layered_model(&in);
    const otr_plan_options options = take_plan_options(&in);
    otr_model *const model = make_layered_model(&layered, layered.layers);
    otr_graph_options graph_options = otr_graph_options_default();
    otr_graph *graph = NULL;
    otr_plan *plan = NULL;
    graph_options.correlations = take_byte(&in) % 2 == 1;
    if (otr_graph_create(&graph, model, &graph_options, NULL) == OTR_OK &&
        otr_plan_create(&plan, graph, model, &options, NULL) == OTR_OK) {
        run_book(plan, &in);
    }
    otr_plan_destroy(plan);
    otr_graph_destroy(graph);
    otr_model_destroy(model);
    return 0;
}
