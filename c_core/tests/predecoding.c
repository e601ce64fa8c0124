/* Decoders with a pre-decoder that follows a script: soft use is overriding by hand, hard use is decoding the
 * residual by hand, for every kind of decoder, whether the decoder has the pre-decoder or takes what it left,
 * one by one or in batches. Ends with 0 if all holds. */
#include "fuzz/fuzz.h"
#include "predecode/predecoder_internal.h"

enum { SHOTS = 300, SCRIPT = 12, OWN = 3, DETECTORS = 24, ROW = DETECTORS / 8 };

typedef struct scripted {
    otr_predecoder shared;
    otr_override script[SCRIPT];
    otr_status status; /* of the next call */
} scripted;

/* What a shot gives. */
typedef struct answer {
    otr_status status;
    uint8_t observables;
    otr_result result;
    uint32_t edges[256];
    size_t edge_count;
} answer;

static uint64_t state = 7;

static uint32_t below(uint32_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % bound;
}

static otr_status soft(otr_predecoder *self, const uint32_t *events, size_t event_count) {
    const scripted *const s = (const scripted *)self;
    (void)events;
    (void)event_count;
    for (int i = 0; i < SCRIPT; i++) {
        CHECK(otr_predecoder_override(self, s->script[i].edge, s->script[i].weight) == OTR_OK);
    }
    return s->status;
}

/* Corrects something that is no edge. */
static otr_status hard(otr_predecoder *self, const uint32_t *events, size_t event_count,
                       otr_predecoded *out) {
    self->observables[0] = 1;
    out->events = events;
    out->event_count = event_count;
    out->observables = self->observables;
    return OTR_OK;
}

static otr_reach reach(const otr_predecoder *self) {
    (void)self;
    return (otr_reach){0, 0, 0};
}

static size_t bytes(const otr_predecoder *self) {
    (void)self;
    return 0;
}

static const otr_predecoder_kind SCRIPTED = {"scripted", soft, NULL, reach, bytes, otr_predecoder_free, NULL};
static const otr_predecoder_kind EDGELESS = {"edgeless", soft, hard, reach, bytes, otr_predecoder_free, NULL};

static otr_graph *memory_graph(void) {
    otr_surface_options options = otr_surface_options_default();
    otr_graph_options graph_options = otr_graph_options_default();
    otr_surface *surface = NULL;
    otr_model *model = NULL;
    otr_graph *graph = NULL;
    options.noise_stim = (otr_noise_stim){0.01, 0.01, 0.01, 0.01};
    graph_options.correlations = true;
    CHECK(otr_surface_create(&surface, &options, NULL) == OTR_OK);
    CHECK(otr_surface_model(surface, 0, &model, NULL) == OTR_OK);
    CHECK(otr_graph_create(&graph, model, &graph_options, NULL) == OTR_OK);
    CHECK(otr_graph_node_count(graph) == DETECTORS);
    otr_model_destroy(model);
    otr_surface_destroy(surface);
    return graph;
}

static otr_decoder *decoder_of(const otr_graph *graph, otr_decoder_kind kind, int32_t offset,
                               otr_predecoder *predecoder, otr_predecoder_use predecoder_use) {
    otr_decoder_options options = otr_decoder_options_default();
    otr_decoder *decoder = NULL;
    options.kind = kind;
    options.certify = kind != OTR_DECODER_UNION_FIND;
    options.weight_offset = offset;
    options.predecoder = predecoder;
    options.predecoder_use = predecoder_use;
    CHECK(otr_decoder_create(&decoder, graph, &options) == OTR_OK);
    return decoder;
}

static answer decode(otr_decoder *decoder, const uint8_t *row, const otr_override *overrides, size_t count) {
    answer a = {0};
    const uint32_t *edges = NULL;
    a.status = otr_decoder_decode(decoder, row, overrides, count, &a.observables, &a.result);
    CHECK(a.status == OTR_OK);
    CHECK(otr_decoder_edges(decoder, &edges, &a.edge_count) == OTR_OK);
    CHECK(a.edge_count <= sizeof a.edges / sizeof a.edges[0]);
    for (size_t i = 0; i < a.edge_count; i++) {
        a.edges[i] = edges[i];
    }
    return a;
}

static bool same(const answer *a, const answer *b) {
    return a->observables == b->observables && a->result.weight == b->result.weight &&
           a->result.matched_count == b->result.matched_count && a->edge_count == b->edge_count &&
           memcmp(a->edges, b->edges, a->edge_count * sizeof *a->edges) == 0;
}

static otr_override random_override(const otr_graph *graph, uint32_t edge) {
    otr_edge view;
    CHECK(otr_graph_edge(graph, edge, &view) == OTR_OK);
    return (otr_override){edge, (int32_t)below(4) * view.weight - view.weight};
}

/* A script names no edge twice. */
static void write_script(scripted *s, const otr_graph *graph) {
    const uint32_t stride = otr_graph_edge_count(graph) / SCRIPT;
    for (uint32_t i = 0; i < SCRIPT; i++) {
        s->script[i] = random_override(graph, i * stride + below(stride));
    }
}

static size_t events_of(const uint8_t *row, uint32_t *events) {
    size_t count = 0;
    for (uint32_t i = 0; i < DETECTORS; i++) {
        if (row[i / 8] >> (i % 8) & 1) {
            events[count++] = i;
        }
    }
    return count;
}

/* Flips an edge in a sorted list: takes it out or puts it in. */
static void flip(answer *a, uint32_t edge) {
    size_t place = 0;
    while (place < a->edge_count && a->edges[place] < edge) {
        place++;
    }
    if (place < a->edge_count && a->edges[place] == edge) {
        memmove(a->edges + place, a->edges + place + 1, (a->edge_count - place - 1) * sizeof edge);
        a->edge_count--;
        return;
    }
    memmove(a->edges + place + 1, a->edges + place, (a->edge_count - place) * sizeof edge);
    a->edges[place] = edge;
    a->edge_count++;
}

static void check_soft(otr_decoder *decoder, otr_decoder *by_hand, const scripted *s, const uint8_t *row,
                       const otr_override *own) {
    otr_override all[SCRIPT + OWN];
    uint32_t events[DETECTORS];
    memcpy(all, s->script, sizeof s->script);
    memcpy(all + SCRIPT, own, OWN * sizeof *own);
    const answer found = decode(decoder, row, own, OWN);
    const answer expected = decode(by_hand, row, all, SCRIPT + OWN);
    CHECK(same(&found, &expected));
    CHECK(found.result.event_count == events_of(row, events));
}

static void check_hard(otr_decoder *decoder, otr_decoder *by_hand, scripted *s, const uint8_t *row,
                       const otr_override *own) {
    uint8_t left[ROW] = {0};
    uint32_t events[DETECTORS];
    otr_predecoded residual;
    answer found = decode(decoder, row, own, OWN);
    const size_t count = events_of(row, events);
    CHECK(otr_predecoder_apply(&s->shared, OTR_PREDECODER_USE_HARD, events, count, &residual) == OTR_OK);
    CHECK(residual.weight_offset == 0 && residual.override_count == 0);
    for (size_t i = 0; i < residual.event_count; i++) {
        left[residual.events[i] / 8] |= (uint8_t)(1u << residual.events[i] % 8);
    }
    answer expected = decode(by_hand, left, own, OWN);
    expected.observables ^= residual.observables[0];
    for (size_t i = 0; i < residual.edge_count; i++) {
        flip(&expected, residual.edges[i]);
    }
    CHECK(same(&found, &expected));
    CHECK(found.result.event_count == count);
}

/* Pre-decoder and decoder apart give what they give together, the decoder having no offset but its own. */
static void check_apart(otr_decoder *decoder, otr_decoder *apart, scripted *s, otr_predecoder_use use,
                        const uint8_t *row, const otr_override *own) {
    const answer expected = decode(decoder, row, own, OWN);
    const uint32_t *edges = NULL;
    uint32_t events[DETECTORS];
    otr_predecoded shot;
    answer found = {0};
    CHECK(otr_predecoder_apply(&s->shared, use, events, events_of(row, events), &shot) == OTR_OK);
    CHECK(shot.weight_offset == otr_predecoder_weight_offset(&s->shared, use));
    found.status = otr_decoder_decode_predecoded(apart, &shot, own, OWN, &found.observables, &found.result);
    CHECK(found.status == OTR_OK && found.result.event_count == shot.event_count);
    /* What was left is not needed any more. */
    CHECK(otr_predecoder_apply(&s->shared, use, events, 0, &shot) == OTR_OK);
    CHECK(otr_decoder_edges(apart, &edges, &found.edge_count) == OTR_OK);
    memcpy(found.edges, edges, found.edge_count * sizeof *edges);
    CHECK(same(&found, &expected));
}

/* A batch leaves of each shot what single calls leave, and those before one that fails. */
static void check_predecoded_batch(scripted *s, otr_predecoder_use use, const uint8_t *row) {
    uint32_t events[3 * DETECTORS];
    const size_t count = events_of(row, events);
    const size_t begin[4] = {0, count, count, 2 * count};
    otr_predecoded_batch *batch = NULL;
    otr_predecoded_spans all;
    otr_predecoded one, single;
    size_t failed_shot = 9;
    memcpy(events + count, events, count * sizeof *events);
    CHECK(otr_predecoded_batch_create(&batch) == OTR_OK);
    CHECK(otr_predecoder_apply_batch(&s->shared, use, events, begin, 3, batch, &failed_shot) == OTR_OK);
    CHECK(otr_predecoded_batch_spans(batch, &all) == OTR_OK && all.shot_count == 3 && failed_shot == 9);
    CHECK(all.event_begin[3] >= all.event_begin[2] &&
          all.weight_offset == (use == OTR_PREDECODER_USE_SOFT ? s->shared.weight_offset : 0));
    for (size_t i = 0; i < 3; i++) {
        const size_t own = begin[i + 1] - begin[i];
        CHECK(otr_predecoded_batch_shot(batch, i, &one) == OTR_OK);
        CHECK(otr_predecoder_apply(&s->shared, use, events + begin[i], own, &single) == OTR_OK);
        CHECK(one.event_count == single.event_count && one.override_count == single.override_count);
        CHECK(one.edge_count == single.edge_count && one.weight_offset == single.weight_offset);
        CHECK(memcmp(one.events, single.events, one.event_count * sizeof *one.events) == 0);
        CHECK(one.override_count == 0 ||
              memcmp(one.overrides, single.overrides, one.override_count * sizeof *one.overrides) == 0);
        CHECK((one.observables == NULL) == (single.observables == NULL));
        CHECK(one.observables == NULL || *one.observables == *single.observables);
        CHECK((one.edges == NULL) == (single.edges == NULL));
        CHECK(one.edge_count == 0 ||
              memcmp(one.edges, single.edges, one.edge_count * sizeof *one.edges) == 0);
    }
    CHECK(otr_predecoded_batch_shot(batch, 3, &one) == OTR_ERR_INDEX);
    if (count > 0) {
        events[count] = DETECTORS;
        CHECK(otr_predecoder_apply_batch(&s->shared, use, events, begin, 3, batch, &failed_shot) ==
              OTR_ERR_INDEX);
        CHECK(failed_shot == 2 && otr_predecoded_batch_shot(batch, 1, &one) == OTR_OK);
        CHECK(otr_predecoded_batch_shot(batch, 2, &one) == OTR_ERR_INDEX);
    }
    CHECK(otr_predecoded_batch_bytes(batch) > 0);
    otr_predecoded_batch_destroy(batch);
}

/* Rows of a batch go the same way, and a failing pre-decoder fails its shot only. */
static void check_batch(otr_decoder *decoder, scripted *s, const uint8_t *row) {
    const answer expected = decode(decoder, row, NULL, 0);
    uint8_t rows[2 * ROW], observables[2] = {9, 9};
    int64_t weights[2];
    size_t failed_shot = 9;
    memcpy(rows, row, ROW);
    memcpy(rows + ROW, row, ROW);
    CHECK(otr_decoder_decode_batch(decoder, rows, ROW, 2, observables, 1, weights, NULL) == OTR_OK);
    CHECK(observables[0] == expected.observables && observables[1] == expected.observables);
    CHECK(weights[0] == expected.result.weight && weights[1] == expected.result.weight);
    s->status = OTR_ERR_LIMIT;
    CHECK(otr_decoder_decode_batch(decoder, rows, ROW, 2, observables, 1, weights, &failed_shot) ==
          OTR_ERR_LIMIT);
    CHECK(failed_shot == 0 && observables[0] == expected.observables);
    s->status = OTR_OK;
    const answer again = decode(decoder, row, NULL, 0);
    CHECK(same(&again, &expected));
}

static void check_kind(const otr_graph *graph, otr_decoder_kind kind) {
    const int32_t offset = (int32_t)(otr_graph_scale(graph) / 4) * 2;
    scripted s = {.status = OTR_OK};
    CHECK(otr_predecoder_init(&s.shared, &SCRIPTED, graph, OTR_ISA_AUTO) == OTR_OK);
    s.shared.weight_offset = 3 * offset;
    otr_decoder *const softly = decoder_of(graph, kind, offset, &s.shared, OTR_PREDECODER_USE_SOFT);
    otr_decoder *const soft_by_hand = decoder_of(graph, kind, 4 * offset, NULL, OTR_PREDECODER_USE_SOFT);
    otr_decoder *const hardly = decoder_of(graph, kind, offset, &s.shared, OTR_PREDECODER_USE_HARD);
    otr_decoder *const hard_by_hand = decoder_of(graph, kind, offset, NULL, OTR_PREDECODER_USE_HARD);
    for (int shot = 0; shot < SHOTS; shot++) {
        uint8_t row[ROW];
        otr_override own[OWN];
        for (int i = 0; i < ROW; i++) {
            row[i] = (uint8_t)(below(256) & below(256));
        }
        for (int i = 0; i < OWN; i++) {
            own[i] = random_override(graph, below(otr_graph_edge_count(graph)));
        }
        write_script(&s, graph);
        check_soft(softly, soft_by_hand, &s, row, own);
        check_hard(hardly, hard_by_hand, &s, row, own);
        check_batch(softly, &s, row);
        check_batch(hardly, &s, row);
        check_apart(softly, hard_by_hand, &s, OTR_PREDECODER_USE_SOFT, row, own);
        check_apart(hardly, hard_by_hand, &s, OTR_PREDECODER_USE_HARD, row, own);
        check_predecoded_batch(&s, OTR_PREDECODER_USE_SOFT, row);
        check_predecoded_batch(&s, OTR_PREDECODER_USE_HARD, row);
    }
    otr_decoder_destroy(softly);
    otr_decoder_destroy(soft_by_hand);
    otr_decoder_destroy(hardly);
    otr_decoder_destroy(hard_by_hand);
    otr_predecoder_destroy(&s.shared);
}

/* What cannot be left of a shot is refused, everywhere in the same way. */
static void check_bad_shots(const otr_graph *graph) {
    static const uint32_t descending[2] = {2, 1}, twice[2] = {1, 1}, far[1] = {DETECTORS}, none[1] = {0};
    const uint32_t edges[1] = {otr_graph_edge_count(graph)};
    const otr_override change = {otr_graph_edge_count(graph), 2};
    const uint8_t observables[1] = {0};
    const struct {
        otr_predecoded shot;
        otr_status status;
    } bad[] = {
        {{.events = descending, .event_count = 2}, OTR_ERR_INDEX},
        {{.events = twice, .event_count = 2}, OTR_ERR_INDEX},
        {{.events = far, .event_count = 1}, OTR_ERR_INDEX},
        {{.overrides = &change, .override_count = 1}, OTR_ERR_INDEX},
        {{.observables = observables, .edges = edges, .edge_count = 1}, OTR_ERR_INDEX},
        {{.edges = none, .edge_count = 1}, OTR_ERR_ARGUMENT},
        {{.event_count = 1}, OTR_ERR_ARGUMENT},
        {{.override_count = 1}, OTR_ERR_ARGUMENT},
        {{.observables = observables, .edge_count = 1}, OTR_ERR_ARGUMENT},
    };
    uint8_t roles[DETECTORS];
    otr_decoder *decoder = NULL;
    otr_window *window = NULL;
    otr_window_decoder *cells = NULL;
    otr_gap *gap = NULL;
    memset(roles, OTR_WINDOW_CELL, sizeof roles);
    CHECK(otr_decoder_create(&decoder, graph, NULL) == OTR_OK);
    CHECK(otr_gap_create(&gap, graph, NULL, NULL) == OTR_OK);
    CHECK(otr_window_create(&window, graph, roles, NULL) == OTR_OK);
    CHECK(otr_window_decoder_create(&cells, window, NULL) == OTR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const otr_predecoded *const shot = &bad[i].shot;
        otr_result result = {.weight = 77};
        otr_gap_result weights = {.observable = 77};
        otr_commit commit = {.event_count = 77};
        CHECK(otr_decoder_decode_predecoded(decoder, shot, NULL, 0, NULL, &result) == bad[i].status);
        CHECK(otr_gap_decode_predecoded(gap, shot, NULL, 0, &weights) == bad[i].status);
        CHECK(otr_window_decode_predecoded(cells, shot, NULL, 0, NULL, 0, &commit) == bad[i].status);
        CHECK(result.weight == 77 && weights.observable == 77 && commit.event_count == 77);
    }
    const otr_predecoded edgeless = {.observables = observables};
    const uint32_t *list;
    size_t count;
    otr_gap_result weights;
    otr_commit commit;
    CHECK(otr_decoder_decode_predecoded(decoder, &edgeless, NULL, 0, NULL, NULL) == OTR_OK);
    CHECK(otr_decoder_edges(decoder, &list, &count) == OTR_ERR_UNSUPPORTED);
    CHECK(otr_gap_decode_predecoded(gap, &edgeless, NULL, 0, &weights) == OTR_OK);
    CHECK(otr_gap_edges(gap, 0, &list, &count) == OTR_ERR_UNSUPPORTED);
    CHECK(otr_window_decode_predecoded(cells, &edgeless, NULL, 0, NULL, 0, &commit) == OTR_ERR_UNSUPPORTED);
    CHECK(otr_decoder_decode_predecoded(decoder, NULL, NULL, 0, NULL, NULL) == OTR_ERR_ARGUMENT);
    CHECK(otr_gap_decode_predecoded(gap, NULL, NULL, 0, &weights) == OTR_ERR_ARGUMENT);
    CHECK(otr_window_decode_predecoded(cells, NULL, NULL, 0, NULL, 0, &commit) == OTR_ERR_ARGUMENT);
    otr_window_decoder_destroy(cells);
    otr_window_destroy(window);
    otr_gap_destroy(gap);
    otr_decoder_destroy(decoder);
}

/* The pre-decoder is one whose corrections are no edges. */
static void check_bad_batches(otr_predecoder *predecoder) {
    static const size_t descending[3] = {0, 2, 1}, begin[2] = {0, 1};
    static const uint32_t events[2] = {0, 1};
    otr_predecoded_batch *batch = NULL;
    otr_predecoded_spans all;
    otr_predecoded shot;
    size_t failed_shot = 9;
    CHECK(otr_predecoded_batch_create(NULL) == OTR_ERR_ARGUMENT);
    CHECK(otr_predecoded_batch_create(&batch) == OTR_OK);
    CHECK(otr_predecoded_batch_spans(batch, &all) == OTR_OK && all.shot_count == 0 &&
          all.event_begin[0] == 0);
    CHECK(otr_predecoder_apply_batch(predecoder, OTR_PREDECODER_USE_HARD, events, begin, 1, batch, NULL) ==
          OTR_OK);
    CHECK(otr_predecoder_apply_batch(predecoder, OTR_PREDECODER_USE_HARD, events, descending, 2, batch,
                                     &failed_shot) == OTR_ERR_ARGUMENT);
    CHECK(otr_predecoder_apply_batch(predecoder, (otr_predecoder_use)2, events, begin, 1, batch,
                                     &failed_shot) == OTR_ERR_ARGUMENT);
    CHECK(otr_predecoder_apply_batch(predecoder, OTR_PREDECODER_USE_HARD, NULL, begin, 1, batch,
                                     &failed_shot) == OTR_ERR_ARGUMENT);
    CHECK(failed_shot == 9 && otr_predecoded_batch_shot(batch, 0, &shot) == OTR_OK);
    CHECK(shot.observables != NULL && shot.edges == NULL && *shot.observables == 1);
    CHECK(otr_predecoded_batch_shot(batch, 0, NULL) == OTR_ERR_ARGUMENT);
    CHECK(otr_predecoded_batch_spans(NULL, &all) == OTR_ERR_ARGUMENT);
    CHECK(otr_predecoder_apply(predecoder, (otr_predecoder_use)2, events, 2, &shot) == OTR_ERR_ARGUMENT);
    otr_predecoded_batch_destroy(batch);
    otr_predecoded_batch_destroy(NULL);
}

static void check_refusals(const otr_graph *graph, const otr_graph *other) {
    const uint8_t row[ROW] = {1};
    uint8_t plain = 0, flipped = 0;
    const uint32_t *edges;
    size_t count;
    otr_predecoder predecoder = {0};
    otr_decoder_options options = otr_decoder_options_default();
    otr_decoder *decoder = NULL;
    CHECK(otr_predecoder_init(&predecoder, &EDGELESS, graph, OTR_ISA_AUTO) == OTR_OK);
    CHECK(otr_decoder_create(&decoder, graph, &options) == OTR_OK);
    CHECK(otr_decoder_decode(decoder, row, NULL, 0, &plain, NULL) == OTR_OK);
    otr_decoder_destroy(decoder);
    options.predecoder = &predecoder;
    options.predecoder_use = OTR_PREDECODER_USE_HARD;
    CHECK(otr_decoder_create(&decoder, other, &options) == OTR_ERR_ARGUMENT);
    CHECK(otr_decoder_create(&decoder, graph, &options) == OTR_OK);
    CHECK(otr_decoder_decode(decoder, row, NULL, 0, &flipped, NULL) == OTR_OK);
    CHECK(flipped == (plain ^ 1));
    CHECK(otr_decoder_edges(decoder, &edges, &count) == OTR_ERR_UNSUPPORTED);
    otr_decoder_destroy(decoder);
    options.predecoder_use = (otr_predecoder_use)2;
    CHECK(otr_decoder_create(&decoder, graph, &options) == OTR_ERR_ARGUMENT);
    check_bad_batches(&predecoder);
    otr_predecoder_destroy(&predecoder);
}

int main(void) {
    otr_graph *const graph = memory_graph();
    otr_graph *const other = memory_graph();
    for (int kind = OTR_DECODER_MWPM; kind <= OTR_DECODER_UNION_FIND; kind++) {
        check_kind(graph, (otr_decoder_kind)kind);
    }
    check_refusals(graph, other);
    check_bad_shots(graph);
    otr_graph_destroy(other);
    otr_graph_destroy(graph);
    return 0;
}
