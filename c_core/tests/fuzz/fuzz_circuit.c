/* Text of a circuit -> measurement map: its rows, its conversions, and streams of measurements. */
#include "fuzz.h"

/* Work that an input may cost, and rows up to which all are compared. */
enum { STEPS_MAX = 20000, ROWS_MAX = 2000 };

/* Measurements or sweep bits that look random, in exactly as many bytes as they need. */
static uint8_t *make_bits(uint64_t count, uint32_t seed) {
    const size_t bytes = (size_t)(count + 7) / 8;
    uint8_t *const bits = allocate(bytes);
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525u + 1013904223u;
        bits[i] = (uint8_t)(seed >> 24);
    }
    return bits;
}

static int bit_of(const uint8_t *bits, uint64_t index) {
    return bits[index / 8] >> (index % 8) & 1;
}

static bool ascending(const uint32_t *list, size_t count, uint64_t end) {
    for (size_t i = 0; i < count; i++) {
        if (list[i] >= end || (i > 0 && list[i] <= list[i - 1])) {
            return false;
        }
    }
    return true;
}

static int value_of(const otr_measurement_map *map, uint64_t row, const uint8_t *measurements,
                    const uint8_t *sweep) {
    otr_parity parity;
    int value;
    CHECK(otr_measurement_map_row(map, row, &parity) == OTR_OK);
    CHECK(
        ascending(parity.measurements, parity.measurement_count, otr_measurement_map_measurement_count(map)));
    CHECK(ascending(parity.sweep_bits, parity.sweep_count, otr_measurement_map_sweep_count(map)));
    value = (int)parity.constant;
    for (size_t i = 0; i < parity.measurement_count; i++) {
        value ^= bit_of(measurements, parity.measurements[i]);
    }
    for (size_t i = 0; i < parity.sweep_count; i++) {
        value ^= bit_of(sweep, parity.sweep_bits[i]);
    }
    return value;
}

static void convert(const otr_measurement_map *map) {
    const uint64_t detectors = otr_measurement_map_detector_count(map);
    const uint64_t observables = otr_measurement_map_observable_count(map);
    const uint64_t measured = otr_measurement_map_measurement_count(map);
    const uint64_t swept = otr_measurement_map_sweep_count(map);
    uint8_t *const measurements = make_bits(measured, 1), *const sweep = make_bits(swept, 2);
    uint8_t *const detector_row = make_bits(detectors, 3), *const observable_row = make_bits(observables, 4);
    uint8_t *const streamed = make_bits(detectors, 5);
    const otr_measured in = {measurements, (size_t)(measured + 7) / 8, sweep, (size_t)(swept + 7) / 8};
    const otr_parities out = {detector_row, (size_t)(detectors + 7) / 8, observable_row,
                              (size_t)(observables + 7) / 8};
    uint64_t done = 0;
    CHECK(otr_measurement_map_apply(map, &in, 1, &out) == OTR_OK);
    for (uint64_t came = 0; came <= measured; came++) {
        const uint64_t known = otr_measurement_map_known(map, came);
        CHECK(known >= done);
        CHECK(otr_measurement_map_apply_known(map, measurements, sweep, done, known - done, streamed) ==
              OTR_OK);
        done = known;
    }
    CHECK(done == detectors);
    for (uint64_t row = 0; row < detectors + observables && row < ROWS_MAX; row++) {
        const int value = value_of(map, row, measurements, sweep);
        CHECK(value ==
              (row < detectors ? bit_of(detector_row, row) : bit_of(observable_row, row - detectors)));
        CHECK(row >= detectors || value == bit_of(streamed, row));
    }
    free(measurements);
    free(sweep);
    free(detector_row);
    free(observable_row);
    free(streamed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* The same input always has the same options. */
    const otr_measurement_options options = {.steps_max = STEPS_MAX,
                                             .detectors_only = (size & 1) != 0,
                                             .ran_without_feedback = (size & 2) != 0,
                                             .skip_reference_sample = (size & 4) != 0};
    otr_measurement_map *map = NULL;
    otr_error error;
    const otr_status status = otr_measurement_map_create(&map, (const char *)data, size, &options, &error);
    if (status != OTR_OK) {
        check_error(status, &error);
        CHECK(map == NULL && error.line > 0);
        return 0;
    }
    convert(map);
    otr_measurement_map_destroy(map);
    return 0;
}
