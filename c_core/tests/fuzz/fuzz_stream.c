/* Bytes -> a circuit that repeats a round, and measurements of a history that come in pieces: a stream gives
 * the events that the map of the whole circuit gives, whatever the pieces; hostile pieces are refused and
 * change nothing. */
#include "layered_model.h"

enum { QUBITS = 3, OPERATIONS_MAX = 12, ROUNDS_MAX = 12, BITS_MAX = 1024, SWEEP_BITS = 8 };

/* Qubits that are measured, reset, flipped; look-backs of detectors and observables. */
typedef struct operation {
    uint8_t code, first, second;
} operation;

typedef struct round_block {
    operation operations[OPERATIONS_MAX];
    uint32_t count;
} round_block;

typedef struct circuit {
    round_block before, repeated, after;
    uint32_t rounds;
} circuit;

static void take_block(round_block *block, input *in) {
    block->count = take_byte(in) % (OPERATIONS_MAX + 1);
    for (uint32_t i = 0; i < block->count; i++) {
        block->operations[i] = (operation){take_byte(in) % 12, take_byte(in), take_byte(in)};
    }
}

/* `measured`: measurements before this block, at the least, to which look-backs are kept. */
static uint32_t append_block(char *text, size_t *used, const round_block *block, uint32_t measured) {
    for (uint32_t i = 0; i < block->count; i++) {
        const operation *const one = &block->operations[i];
        const unsigned first = one->first % QUBITS, second = one->second % QUBITS;
        const unsigned near = measured == 0 ? 0 : 1 + one->first % measured,
                       far = measured == 0 ? 0 : 1 + one->second % measured;
        switch (one->code) {
        case 0:
        case 1:
            append(text, used, "M %s%u\n", one->second % 4 == 3 ? "!" : "", first);
            measured++;
            break;
        case 2:
            append(text, used, "MR %u\n", first);
            measured++;
            break;
        case 3:
            append(text, used, "R %u\n", first);
            break;
        case 4:
            append(text, used, "X %u\n", first);
            break;
        case 5:
            if (first != second) {
                append(text, used, "CX %u %u\n", first, second);
            }
            break;
        case 6:
            append(text, used, "CX sweep[%u] %u\n", one->second % SWEEP_BITS, first);
            break;
        case 7:
            if (measured > 0) {
                append(text, used, "CX rec[-%u] %u\n", far, first);
            }
            break;
        case 8:
        case 9:
            if (measured > 0) {
                append(text, used, "DETECTOR(%u, 0) rec[-%u]", one->second / 64, near);
                append(text, used, far != near ? " rec[-%u]\n" : "\n", far);
            }
            break;
        case 10:
            if (measured > 0) {
                append(text, used, "OBSERVABLE_INCLUDE(%u) rec[-%u]\n", one->second % OBSERVABLES, near);
            }
            break;
        default:
            append(text, used, "SHIFT_COORDS(0, %u)\n", 1 + one->second % 2);
        }
    }
    return measured;
}

static otr_measurement_map *make_map(const circuit *circuit, const otr_measurement_options *options) {
    char *const text = allocate(MODEL_TEXT_BYTES);
    size_t used = 0;
    otr_measurement_map *map = NULL;
    otr_error error = {0};
    otr_status status;
    uint32_t measured;
    append(text, &used, "R 0 1 2\n");
    measured = append_block(text, &used, &circuit->before, 0);
    append(text, &used, "REPEAT %u {\n", circuit->rounds);
    measured = append_block(text, &used, &circuit->repeated, measured);
    append(text, &used, "SHIFT_COORDS(0, 1)\n}\n");
    append_block(text, &used, &circuit->after, measured);
    status = otr_measurement_map_create(&map, text, used, options, &error);
    free(text);
    if (status != OTR_OK) {
        CHECK(status == OTR_ERR_RANDOM);
        check_error(status, &error);
    }
    return map;
}

static bool bit_of(const uint8_t *bits, uint64_t index) {
    return (bits[index / 8] >> index % 8 & 1) != 0;
}

/* Bits from `first` on, as a block of exactly that size. */
static uint8_t *cut(const uint8_t *bits, uint64_t first, uint32_t count) {
    uint8_t *const out = allocate((count + 7) / 8);
    memset(out, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count; i++) {
        out[i / 8] |= (uint8_t)(bit_of(bits, first + i) << i % 8);
    }
    return out;
}

/* Takes the layers that are known; gives the number of events so far. */
static uint64_t take_layers(otr_measurement_stream *stream, uint8_t *events, uint64_t known, uint64_t *layers,
                            bool *has_ended) {
    otr_measured_layer layer;
    while (otr_measurement_stream_next(stream, &layer)) {
        CHECK(layer.number == (*layers)++ && !*has_ended);
        CHECK(known + layer.detector_count <= BITS_MAX);
        for (uint32_t i = 0; i < layer.detector_count; i++) {
            events[known / 8] |= (uint8_t)(bit_of(layer.events, i) << known % 8);
            known++;
        }
        *has_ended = layer.is_last;
    }
    return known;
}

/* What no stream takes leaves it as it was. */
static void push_too_many(otr_measurement_stream *stream) {
    static const uint8_t bits[1] = {0xFF};
    otr_error error = {0};
    const otr_status status =
        otr_measurement_stream_push(stream, bits, OTR_MEASUREMENT_STREAM_PUSH_MAX + 1, false, &error);
    CHECK(status == OTR_ERR_LIMIT);
    check_error(status, &error);
}

/* How far a history came. */
typedef struct outcome {
    uint64_t events, layers;
    bool is_whole; /* otherwise the stream serves no history that ends so */
    uint8_t observables;
} outcome;

/* Streams `count` measurements in pieces. */
static outcome run_stream(otr_measurement_stream *stream, const uint8_t *measurements, uint64_t count,
                          const uint8_t *sweep, uint8_t *events, input *in) {
    outcome out = {.events = 0};
    uint64_t at = 0;
    bool has_ended = false;
    memset(events, 0, BITS_MAX / 8);
    otr_measurement_stream_start(stream, sweep);
    while (at < count) {
        const uint8_t choice = take_byte(in);
        const uint32_t most = 1 + choice % 64u, piece = most < count - at ? most : (uint32_t)(count - at);
        uint8_t *const bits = cut(measurements, at, piece);
        otr_error error = {0};
        otr_status status;
        if (choice >= 240) {
            push_too_many(stream);
        }
        status = otr_measurement_stream_push(stream, bits, piece, at + piece == count, &error);
        free(bits);
        if (status != OTR_OK) {
            CHECK(status == OTR_ERR_ARGUMENT);
            check_error(status, &error);
            return out;
        }
        out.events = take_layers(stream, events, out.events, &out.layers, &has_ended);
        at += piece;
    }
    CHECK(has_ended);
    out.is_whole = true;
    if (otr_measurement_stream_observable_count(stream) > 0) {
        out.observables = otr_measurement_stream_observables(stream)[0];
    }
    return out;
}

/* The reference's own history: the map's detectors and observables. */
static void compare_with_map(otr_measurement_stream *stream, const otr_measurement_map *map,
                             const uint8_t *measurements, const uint8_t *sweep, input *in) {
    const uint64_t count = otr_measurement_map_measurement_count(map),
                   detectors = otr_measurement_map_detector_count(map);
    const otr_measured measured = {.measurements = measurements,
                                   .measurement_stride = BITS_MAX / 8,
                                   .sweep = sweep,
                                   .sweep_stride = BITS_MAX / 8};
    uint8_t expected[BITS_MAX / 8] = {0}, observables[BITS_MAX / 8] = {0}, events[BITS_MAX / 8];
    const otr_parities out = {.detectors = expected,
                              .detector_stride = sizeof expected,
                              .observables = observables,
                              .observable_stride = sizeof observables};
    outcome found;
    CHECK(otr_measurement_map_apply(map, &measured, 1, &out) == OTR_OK);
    found = run_stream(stream, measurements, count, sweep, events, in);
    if (!found.is_whole) {
        /* The last layer has to come with the last piece. */
        CHECK(found.layers >= otr_measurement_stream_layer_count(stream));
        return;
    }
    CHECK(found.events == detectors && memcmp(events, expected, (detectors + 7) / 8) == 0);
    CHECK(found.layers == otr_measurement_stream_layer_count(stream));
    CHECK(otr_measurement_map_observable_count(map) == 0 || found.observables == observables[0]);
}

/* A history of another length: the same events in whatever pieces it comes, or it is refused. */
static void compare_pieces(otr_measurement_stream *stream, const uint8_t *measurements, const uint8_t *sweep,
                           input *in) {
    uint8_t events[2][BITS_MAX / 8];
    const uint64_t count = 1 + take_byte(in) % 90;
    const outcome first = run_stream(stream, measurements, count, sweep, events[0], in);
    const outcome second = run_stream(stream, measurements, count, sweep, events[1], in);
    if (first.is_whole && second.is_whole) {
        CHECK(first.events == second.events && first.layers == second.layers);
        CHECK(memcmp(events[0], events[1], sizeof events[0]) == 0);
        CHECK(first.observables == second.observables);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    otr_measurement_options options = otr_measurement_options_default();
    otr_measurement_stream *stream = NULL;
    otr_measurement_map *map = NULL;
    otr_error error = {0};
    circuit circuit;
    uint8_t measurements[BITS_MAX / 8], sweep[BITS_MAX / 8] = {0};
    const uint8_t choice = take_byte(&in);
    uint8_t noise = take_byte(&in);
    options.skip_reference_sample = (choice & 1) != 0;
    options.ran_without_feedback = (choice & 2) != 0;
    options.detectors_only = (choice & 4) != 0;
    circuit.rounds = 1 + (choice >> 3) % ROUNDS_MAX;
    take_block(&circuit.before, &in);
    take_block(&circuit.repeated, &in);
    take_block(&circuit.after, &in);
    for (size_t i = 0; i < sizeof measurements; i++) {
        measurements[i] = noise;
        noise = (uint8_t)(noise * 73 + 41);
    }
    sweep[0] = noise;
    map = make_map(&circuit, &options);
    if (map != NULL) {
        const otr_status status = otr_measurement_stream_create(&stream, map, &error);
        if (status == OTR_OK) {
            compare_with_map(stream, map, measurements, sweep, &in);
            compare_pieces(stream, measurements, sweep, &in);
            compare_with_map(stream, map, measurements, sweep, &in);
        } else {
            CHECK(status == OTR_ERR_FORMAT);
            check_error(status, &error);
        }
    }
    otr_measurement_stream_destroy(stream);
    otr_measurement_map_destroy(map);
    return 0;
}
