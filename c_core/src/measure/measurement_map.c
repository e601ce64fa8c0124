/* The map's making, its tables, and their use. The lists of measurements are read off the circuit; what else
 * they are to be compared with comes from detector_trace.c. */
#include "outrider/measurements.h"

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "measure/detector_trace.h"

#include <stdlib.h>

#define STEPS_MAX_DEFAULT 10000000000u

struct otr_measurement_map {
    uint32_t measurement_count;
    uint32_t sweep_count;
    uint32_t detector_count;
    uint32_t observable_count;
    otr_sparse_rows results; /* row -> measurements */
    otr_sparse_rows sweeps;  /* row -> sweep bits */
    uint8_t *constants;      /* packed rows */
    uint32_t *needed;        /* detector -> how many measurements must be in */
    uint32_t *order;         /* detectors by `needed` */
    uint32_t *first_coordinate;
    double *coordinates;
};

static otr_status fill(otr_measurement_map *map, const otr_stim_circuit *circuit,
                       const otr_measurement_options *options, otr_error *error);
static size_t row_count_of(const otr_measurement_map *map);
static void write_rows(const otr_measurement_map *map, size_t first, size_t count,
                       const uint8_t *measurements, const uint8_t *sweep, uint8_t *bits);
static uint32_t value_of(const otr_measurement_map *map, size_t row, const uint8_t *measurements,
                         const uint8_t *sweep);

otr_measurement_options otr_measurement_options_default(void) {
    return (otr_measurement_options){.steps_max = STEPS_MAX_DEFAULT};
}

otr_status otr_measurement_map_create(otr_measurement_map **out, const char *text, size_t bytes,
                                      const otr_measurement_options *options, otr_error *error) {
    const otr_measurement_options chosen = options != NULL ? *options : otr_measurement_options_default();
    otr_stim_circuit circuit;
    otr_measurement_map *map;
    otr_status status;
    if (out == NULL || (text == NULL && bytes > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no text or no place for the map");
    }
    if (bytes > OTR_MEASUREMENT_TEXT_BYTES_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the circuit has %llu bytes, more than the limit of %llu",
                             (unsigned long long)bytes, (unsigned long long)OTR_MEASUREMENT_TEXT_BYTES_MAX);
    }
    map = otr_array_zeroed(1, sizeof *map);
    if (map == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = otr_stim_circuit_parse(&circuit, text, bytes, &chosen, error);
    if (status == OTR_OK) {
        map->measurement_count = (uint32_t)circuit.totals[OTR_STIM_MEASUREMENTS];
        map->sweep_count = circuit.sweep_count;
        map->detector_count = (uint32_t)circuit.totals[OTR_STIM_DETECTORS];
        map->observable_count = circuit.observable_count;
        status = fill(map, &circuit, &chosen, error);
    }
    otr_stim_circuit_free(&circuit);
    if (status == OTR_OK) {
        *out = map;
    } else {
        otr_measurement_map_destroy(map);
    }
    return status;
}

void otr_measurement_map_destroy(otr_measurement_map *map) {
    if (map != NULL) {
        otr_sparse_rows_free(&map->results);
        otr_sparse_rows_free(&map->sweeps);
        free(map->constants);
        free(map->needed);
        free(map->order);
        free(map->first_coordinate);
        free(map->coordinates);
        free(map);
    }
}

uint64_t otr_measurement_map_measurement_count(const otr_measurement_map *map) {
    return map->measurement_count;
}

uint64_t otr_measurement_map_sweep_count(const otr_measurement_map *map) {
    return map->sweep_count;
}

uint64_t otr_measurement_map_detector_count(const otr_measurement_map *map) {
    return map->detector_count;
}

uint64_t otr_measurement_map_observable_count(const otr_measurement_map *map) {
    return map->observable_count;
}

otr_status otr_measurement_map_row(const otr_measurement_map *map, uint64_t row, otr_parity *out) {
    if (row >= row_count_of(map)) {
        return OTR_ERR_INDEX;
    }
    *out = (otr_parity){
        .measurements = map->results.columns + map->results.first[row],
        .measurement_count = map->results.first[row + 1] - map->results.first[row],
        .sweep_bits = map->sweeps.columns + map->sweeps.first[row],
        .sweep_count = map->sweeps.first[row + 1] - map->sweeps.first[row],
        .constant = (uint32_t)otr_bit_get(map->constants, row),
    };
    return OTR_OK;
}

otr_status otr_measurement_map_coordinates(const otr_measurement_map *map, uint64_t detector,
                                           const double **coordinates, size_t *count) {
    if (detector >= map->detector_count) {
        return OTR_ERR_INDEX;
    }
    *coordinates = map->coordinates + map->first_coordinate[detector];
    *count = map->first_coordinate[detector + 1] - map->first_coordinate[detector];
    return OTR_OK;
}

otr_status otr_measurement_map_apply(const otr_measurement_map *map, const otr_measured *in, size_t count,
                                     const otr_parities *out) {
    if (in->measurement_stride < otr_bytes_for_bits(map->measurement_count) ||
        (in->sweep != NULL && in->sweep_stride < otr_bytes_for_bits(map->sweep_count)) ||
        (out->detectors != NULL && out->detector_stride < otr_bytes_for_bits(map->detector_count)) ||
        (out->observables != NULL && out->observable_stride < otr_bytes_for_bits(map->observable_count)) ||
        (in->measurements == NULL && map->measurement_count > 0 && count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    for (size_t shot = 0; shot < count; shot++) {
        const uint8_t *const measurements =
            map->measurement_count > 0 ? in->measurements + shot * in->measurement_stride : NULL;
        const uint8_t *const sweep = in->sweep != NULL ? in->sweep + shot * in->sweep_stride : NULL;
        if (out->detectors != NULL) {
            write_rows(map, 0, map->detector_count, measurements, sweep,
                       out->detectors + shot * out->detector_stride);
        }
        if (out->observables != NULL) {
            write_rows(map, map->detector_count, map->observable_count, measurements, sweep,
                       out->observables + shot * out->observable_stride);
        }
    }
    return OTR_OK;
}

const uint32_t *otr_measurement_map_order(const otr_measurement_map *map) {
    return map->order;
}

uint64_t otr_measurement_map_known(const otr_measurement_map *map, uint64_t measurement_count) {
    size_t low = 0, high = map->detector_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (map->needed[map->order[middle]] <= measurement_count) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

otr_status otr_measurement_map_apply_known(const otr_measurement_map *map, const uint8_t *measurements,
                                           const uint8_t *sweep, uint64_t first, uint64_t count,
                                           uint8_t *detectors) {
    if (first > map->detector_count || count > map->detector_count - first) {
        return OTR_ERR_INDEX;
    }
    if (count > 0 && (detectors == NULL || (measurements == NULL && map->measurement_count > 0))) {
        return OTR_ERR_ARGUMENT;
    }
    for (uint64_t i = first; i < first + count; i++) {
        const uint32_t detector = map->order[i];
        const uint32_t value = value_of(map, detector, measurements, sweep);
        const uint32_t bit = 1u << (detector & 7);
        detectors[detector >> 3] = (uint8_t)((detectors[detector >> 3] & ~bit) | (value != 0 ? bit : 0));
    }
    return OTR_OK;
}

static size_t row_count_of(const otr_measurement_map *map) {
    return (size_t)map->detector_count + map->observable_count;
}

/* Keeps the next detector's coordinates. */
static void place_detector(otr_measurement_map *map, const otr_stim_circuit *circuit,
                           const otr_stim_operation *operation, uint32_t detector, const double *shift) {
    const uint32_t begin = map->first_coordinate[detector];
    for (size_t i = 0; i < operation->argument_count; i++) {
        map->coordinates[begin + i] = circuit->arguments[operation->arguments + i] + shift[i];
    }
    map->first_coordinate[detector + 1] = begin + (uint32_t)operation->argument_count;
}

/* Lists the targets of every row, and where detectors are. The arrays have room for what the circuit has. */
static void read_rows(otr_measurement_map *map, const otr_stim_circuit *circuit, otr_row_entries *entries) {
    otr_stim_walk walk = otr_stim_walk_start(circuit, OTR_STIM_FORWARD);
    double shift[OTR_MEASUREMENT_COORDINATES_MAX] = {0};
    const otr_stim_operation *operation;
    uint32_t measured = 0, detector = 0;
    while ((operation = otr_stim_walk_next(&walk)) != NULL) {
        const uint32_t *const targets = otr_stim_targets_of(circuit, operation);
        const bool is_detector = operation->kind == OTR_STIM_DETECTOR;
        if (operation->kind == OTR_STIM_SHIFT) {
            for (size_t i = 0; i < operation->argument_count; i++) {
                shift[i] += circuit->arguments[operation->arguments + i];
            }
        } else if (is_detector || operation->kind == OTR_STIM_OBSERVABLE) {
            const uint32_t row = is_detector ? detector : map->detector_count + (uint32_t)operation->value;
            for (size_t i = 0; i < operation->target_count; i++) {
                entries->items[entries->count++] =
                    (otr_row_entry){.row = row, .column = measured - otr_stim_value(targets[i])};
            }
        } else {
            measured += otr_stim_results(circuit, operation);
        }
        if (is_detector) {
            place_detector(map, circuit, operation, detector++, shift);
        }
    }
}

/* Sorts the detectors by what they need, stably. Returns false when memory is out. */
static bool order_detectors(otr_measurement_map *map) {
    uint32_t *const places = otr_array_zeroed((size_t)map->measurement_count + 2, sizeof *places);
    if (places == NULL) {
        return false;
    }
    for (uint32_t d = 0; d < map->detector_count; d++) {
        const uint32_t begin = map->results.first[d], end = map->results.first[d + 1];
        map->needed[d] = end > begin ? map->results.columns[end - 1] + 1 : 0;
        places[map->needed[d] + 1]++;
    }
    for (size_t needed = 1; needed <= map->measurement_count; needed++) {
        places[needed] += places[needed - 1];
    }
    for (uint32_t d = 0; d < map->detector_count; d++) {
        map->order[places[map->needed[d]]++] = d;
    }
    free(places);
    return true;
}

/* Makes the lists from what the trace found and from the circuit. Returns false when memory is out. */
static bool make_lists(otr_measurement_map *map, const otr_stim_circuit *circuit, otr_trace_rows *traced) {
    otr_row_entries *const results = &traced->feedback;
    const size_t rows = row_count_of(map);
    const size_t entries = results->count + (size_t)circuit->totals[OTR_STIM_TERMS];
    if (!otr_array_reserve((void **)&results->items, &results->capacity, entries, sizeof *results->items)) {
        return false;
    }
    read_rows(map, circuit, results);
    return otr_sparse_rows_init(&map->results, rows, results) &&
           otr_sparse_rows_init(&map->sweeps, rows, &traced->sweeps) && order_detectors(map);
}

static otr_status fill(otr_measurement_map *map, const otr_stim_circuit *circuit,
                       const otr_measurement_options *options, otr_error *error) {
    const size_t rows = row_count_of(map);
    otr_trace_rows traced = {0};
    otr_status status = OTR_ERR_MEMORY;
    map->constants = otr_array_zeroed(otr_bytes_for_bits(rows), 1);
    map->needed = otr_array_new(map->detector_count, sizeof *map->needed);
    map->order = otr_array_new(map->detector_count, sizeof *map->order);
    map->first_coordinate = otr_array_zeroed((size_t)map->detector_count + 1, sizeof *map->first_coordinate);
    map->coordinates = otr_array_new((size_t)circuit->totals[OTR_STIM_COORDINATES], sizeof *map->coordinates);
    traced.constants = map->constants;
    if (map->constants != NULL && map->needed != NULL && map->order != NULL &&
        map->first_coordinate != NULL && map->coordinates != NULL) {
        status = otr_detector_trace(circuit, options, &traced, error);
        if (status == OTR_OK && !make_lists(map, circuit, &traced)) {
            status = otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
        }
    } else {
        otr_error_set(error, status, 0, 0, "out of memory");
    }
    free(traced.sweeps.items);
    free(traced.feedback.items);
    return status;
}

/* The parity of a row's entries in `bits`. */
static uint32_t parity_of(const otr_sparse_rows *rows, size_t row, const uint8_t *bits) {
    uint32_t parity = 0;
    for (uint32_t i = rows->first[row]; i < rows->first[row + 1]; i++) {
        parity ^= (uint32_t)otr_bit_get(bits, rows->columns[i]);
    }
    return parity;
}

static uint32_t value_of(const otr_measurement_map *map, size_t row, const uint8_t *measurements,
                         const uint8_t *sweep) {
    return (uint32_t)otr_bit_get(map->constants, row) ^ parity_of(&map->results, row, measurements) ^
           (sweep != NULL ? parity_of(&map->sweeps, row, sweep) : 0);
}

/* Writes `count` rows from `first` on as packed bits, each byte at once. */
static void write_rows(const otr_measurement_map *map, size_t first, size_t count,
                       const uint8_t *measurements, const uint8_t *sweep, uint8_t *bits) {
    for (size_t begin = 0; begin < count; begin += 8) {
        const size_t width = count - begin < 8 ? count - begin : 8;
        uint32_t byte = 0;
        for (size_t i = 0; i < width; i++) {
            byte |= value_of(map, first + begin + i, measurements, sweep) << i;
        }
        bits[begin >> 3] = (uint8_t)byte;
    }
}
