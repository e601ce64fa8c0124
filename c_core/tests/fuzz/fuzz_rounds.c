/* Bytes -> a model in layers and a script of a round sampler: layers are the same wherever sampling begins,
 * on every instruction set, and whenever the end is made known; lengths are refused or kept to. */
#include "layered_model.h"

enum { LAYER_BYTES = 1, HISTORIES = 3 };

/* A layer as it was sampled. */
typedef struct layer {
    uint8_t events;
    uint32_t detector_count;
    bool is_last;
    uint8_t observables;
} layer;

static bool next(otr_round_sampler *sampler, layer *out) {
    otr_sampled_layer view;
    if (!otr_round_sampler_next(sampler, &view)) {
        return false;
    }
    CHECK(view.detector_count <= 8 * LAYER_BYTES);
    *out = (layer){.detector_count = view.detector_count, .is_last = view.is_last};
    if (view.detector_count > 0) {
        out->events = view.events[0];
        CHECK(out->events >> view.detector_count == 0);
    }
    out->observables = view.observables[0];
    CHECK(out->observables >> OBSERVABLES == 0);
    return true;
}

/* A whole history from its first layer on, its length known before. */
static uint32_t sample(otr_round_sampler *sampler, uint64_t history, uint64_t length, layer *layers) {
    uint32_t count = 0;
    layer one;
    CHECK(otr_round_sampler_seek(sampler, history, 0, length, NULL) == OTR_OK);
    while (next(sampler, &one)) {
        CHECK(count < HISTORY_LAYERS_MAX && (count == 0 || !layers[count - 1].is_last));
        layers[count++] = one;
    }
    CHECK(count > 0 && layers[count - 1].is_last);
    CHECK(!next(sampler, &one));
    return count;
}

/* The same layers from another one on; observables count from there. */
static void sample_from(otr_round_sampler *sampler, uint64_t history, uint32_t from, uint32_t length,
                        const layer *expected) {
    layer one;
    const uint8_t before = from > 0 ? expected[from - 1].observables : 0;
    CHECK(otr_round_sampler_seek(sampler, history, from, length, NULL) == OTR_OK);
    for (uint32_t i = from; i < length; i++) {
        CHECK(next(sampler, &one));
        CHECK(one.events == expected[i].events && one.detector_count == expected[i].detector_count);
        CHECK(one.is_last == expected[i].is_last);
        CHECK((one.observables ^ before) == expected[i].observables);
    }
    CHECK(!next(sampler, &one));
}

/* The same layers when the end is made known while the history runs, as late as it can be, or `early` layers
 * before. */
static void end_late(otr_round_sampler *sampler, uint64_t history, uint32_t length, uint32_t early,
                     const layer *expected) {
    otr_error error = {0};
    bool has_end = false;
    layer one;
    CHECK(otr_round_sampler_seek(sampler, history, 0, 0, NULL) == OTR_OK);
    if (otr_round_sampler_earliest_end(sampler) > length) {
        /* A short model that repeats to longer histories only, when their end is not known. */
        CHECK(length == otr_round_sampler_layer_count(sampler));
        check_error(otr_round_sampler_end(sampler, length, &error), &error);
        return;
    }
    for (uint32_t i = 0; i < length; i++) {
        /* One more layer may be as far as it can go without an end that fits. */
        if (!has_end && otr_round_sampler_earliest_end(sampler) + early >= length) {
            CHECK(otr_round_sampler_end(sampler, length, &error) == OTR_OK);
            check_error(otr_round_sampler_end(sampler, length, &error), &error);
            has_end = true;
        }
        CHECK(next(sampler, &one));
        CHECK(one.events == expected[i].events && one.detector_count == expected[i].detector_count);
        CHECK(one.is_last == expected[i].is_last && one.observables == expected[i].observables);
    }
    CHECK(has_end && !next(sampler, &one));
}

/* A seek that may be refused: the sampler then goes on as if nothing had been asked. */
static void seek_somewhere(otr_round_sampler *sampler, input *in) {
    static const uint64_t places[] = {0, 1, 2, 5, 63, 64, 1000003, OTR_ROUND_SAMPLER_HISTORY_MAX, UINT64_MAX};
    const size_t count = sizeof places / sizeof places[0];
    const uint64_t from = places[take_byte(in) % count] - take_byte(in) % 2;
    const uint64_t length = places[take_byte(in) % count] + take_byte(in) % 16;
    otr_error error = {0};
    layer one;
    const otr_status status = otr_round_sampler_seek(sampler, take_byte(in), from, length, &error);
    if (status != OTR_OK) {
        CHECK(status == OTR_ERR_ARGUMENT);
        check_error(status, &error);
    }
    for (int i = take_byte(in) % 80; i > 0 && next(sampler, &one); i--) {
        CHECK(status != OTR_OK || !one.is_last || length != 0 || otr_round_sampler_period(sampler) == 0);
    }
}

static void run_script(otr_round_sampler *sampler, otr_round_sampler *other, input *in) {
    layer layers[HISTORY_LAYERS_MAX], again[HISTORY_LAYERS_MAX];
    const uint32_t reference = otr_round_sampler_layer_count(sampler),
                   period = otr_round_sampler_period(sampler);
    const uint64_t history = take_byte(in) % HISTORIES;
    uint32_t length = reference;
    CHECK(period <= OTR_ROUND_SAMPLER_PERIOD_MAX && reference <= LAYERS_MAX);
    if (period > 0) {
        length += take_byte(in) % ((HISTORY_LAYERS_MAX - reference) / period + 1) * period;
    }
    CHECK(sample(sampler, history, length, layers) == length);
    seek_somewhere(sampler, in);
    CHECK(sample(other, history, length, again) == length);
    for (uint32_t i = 0; i < length; i++) {
        CHECK(memcmp(&layers[i].events, &again[i].events, 1) == 0);
        CHECK(layers[i].observables == again[i].observables);
    }
    sample_from(sampler, history, take_byte(in) % length, length, layers);
    if (period > 0) {
        end_late(other, history, length, take_byte(in) % 4, layers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    const otr_isa isa = pick_isa(take_byte(&in));
    const uint64_t seed = take_byte(&in);
    const layered_model layered = take_layered_model(&in);
    otr_model *const model = make_layered_model(&layered, layered.layers);
    otr_round_sampler *sampler = NULL, *other = NULL;
    otr_error error = {0};
    const otr_status status = otr_round_sampler_create(&sampler, model, seed, isa, &error);
    if (status == OTR_OK) {
        CHECK(otr_round_sampler_create(&other, model, seed, OTR_ISA_PORTABLE, NULL) == OTR_OK);
        run_script(sampler, other, &in);
    } else {
        CHECK(status == OTR_ERR_FORMAT);
        check_error(status, &error);
    }
    otr_round_sampler_destroy(other);
    otr_round_sampler_destroy(sampler);
    otr_model_destroy(model);
    return 0;
}
