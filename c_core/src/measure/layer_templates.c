/* Takes a measurement map apart into layers. A layer's parities are kept as runs: measurements that follow
 * one another and enter detectors that follow one another. In circuits that measure in the order in which
 * they declare detectors there are few of them, and they are applied a word at a time. An observable's
 * measurements belong to the layers that make them known. */
#include "measure/layer_templates.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"

/* Measurement and row of parities, to be sorted. */
typedef struct terms {
    uint64_t *keys;
    size_t count, capacity;
} terms;

static otr_status find_layers(otr_layer_templates *templates, const otr_measurement_map *map,
                              otr_error *error);
static otr_status find_parities(otr_layer_templates *templates, const otr_measurement_map *map);
static otr_status add_observables(otr_layer_templates *templates, const otr_measurement_map *map,
                                  terms *observables);
static otr_status add_layer(otr_layer_templates *templates, const otr_measurement_map *map, uint32_t layer,
                            terms *own);
static otr_status add_observable_runs(otr_layer_templates *templates, uint32_t layer,
                                      const terms *observables, size_t *done, terms *own);
static otr_status add_offset(otr_layer_templates *templates, const otr_parity *parity, uint64_t bit);
static otr_status add_runs(otr_layer_templates *templates, terms *own);
static void find_bulk(otr_layer_templates *templates);

otr_status otr_layer_templates_init(otr_layer_templates *templates, const otr_measurement_map *map,
                                    otr_error *error) {
    otr_status status;
    *templates = (otr_layer_templates){
        .measurement_count = otr_measurement_map_measurement_count(map),
        .observable_count = otr_measurement_map_observable_count(map),
        .sweep_count = otr_measurement_map_sweep_count(map),
    };
    status = find_layers(templates, map, error);
    if (status != OTR_OK) {
        return status;
    }
    status = find_parities(templates, map);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    find_bulk(templates);
    return OTR_OK;
}

void otr_layer_templates_free(otr_layer_templates *templates) {
    free(templates->layers);
    free(templates->runs);
    free(templates->sweeps);
    free(templates->constants);
    *templates = (otr_layer_templates){0};
}

/* Layers ascend with the detectors' numbers; they are the rounds of outrider/rounds.h. */
static otr_status find_layers(otr_layer_templates *templates, const otr_measurement_map *map,
                              otr_error *error) {
    const size_t count = (size_t)otr_measurement_map_detector_count(map);
    uint32_t *const of = otr_array_new(count, sizeof *of);
    otr_rounds rounds;
    otr_status status = OTR_ERR_MEMORY;
    if (of == NULL) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    status = otr_measurement_map_rounds(map, NULL, of, &rounds, error);
    for (size_t i = 1; i < count && status == OTR_OK; i++) {
        if (of[i] < of[i - 1]) {
            status = otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                                   "detector D%zu lies in round %u, after a detector in round %u", i, of[i],
                                   of[i - 1]);
        }
    }
    if (status == OTR_OK) {
        templates->layer_count = rounds.count;
        templates->layers = otr_array_zeroed((size_t)rounds.count + 1, sizeof *templates->layers);
        status =
            templates->layers != NULL ? OTR_OK : otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (size_t i = 0; i < count && status == OTR_OK; i++) {
        templates->layers[of[i] + 1].first_detector = (uint32_t)i + 1;
    }
    for (uint32_t layer = 0; layer < templates->layer_count && status == OTR_OK; layer++) {
        if (templates->layers[layer + 1].first_detector == 0) {
            templates->layers[layer + 1].first_detector = templates->layers[layer].first_detector;
        }
    }
    free(of);
    return status;
}

static otr_status find_parities(otr_layer_templates *templates, const otr_measurement_map *map) {
    const uint32_t count = templates->layer_count;
    terms observables = {0}, own = {0};
    size_t done = 0;
    otr_status status = OTR_ERR_MEMORY;
    for (uint32_t layer = 0; layer < count; layer++) {
        const uint32_t width = otr_layer_width(templates, layer);
        templates->width = width > templates->width ? width : templates->width;
        templates->layers[layer].constants = templates->constant_bytes;
        templates->constant_bytes += ((size_t)width + 63) / 64 * 8;
    }
    templates->layers[count].constants = templates->constant_bytes;
    templates->constant_bytes += (size_t)(templates->observable_count + 63) / 64 * 8;
    templates->constants = otr_array_zeroed(templates->constant_bytes, 1);
    if (templates->constants != NULL) {
        status = add_observables(templates, map, &observables);
    }
    for (uint32_t layer = 0; layer < count && status == OTR_OK; layer++) {
        status = add_layer(templates, map, layer, &own);
        if (status == OTR_OK) {
            status = add_observable_runs(templates, layer, &observables, &done, &own);
        }
    }
    templates->layers[count].runs = templates->run_count;
    templates->layers[count].sweeps = templates->sweep_term_count;
    for (uint64_t row = 0; row < templates->observable_count && status == OTR_OK; row++) {
        otr_parity parity;
        status = otr_measurement_map_row(map, otr_measurement_map_detector_count(map) + row, &parity);
        if (status == OTR_OK) {
            status = add_offset(templates, &parity, templates->layers[count].constants * 8 + row);
        }
    }
    free(observables.keys);
    free(own.keys);
    return status;
}

static bool add_term(terms *to, uint64_t high, uint64_t low) {
    if (!OTR_ARRAY_GROW(to->keys, to->count, to->capacity)) {
        return false;
    }
    to->keys[to->count++] = high << 32 | low;
    return true;
}

static int compare_keys(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void sort_terms(terms *list) {
    if (list->count > 1) {
        qsort(list->keys, list->count, sizeof *list->keys, compare_keys);
    }
}

/* All measurements of all observables, in the order of measuring. */
static otr_status add_observables(otr_layer_templates *templates, const otr_measurement_map *map,
                                  terms *observables) {
    const uint64_t first = otr_measurement_map_detector_count(map);
    for (uint64_t row = 0; row < templates->observable_count; row++) {
        otr_parity parity;
        const otr_status status = otr_measurement_map_row(map, first + row, &parity);
        if (status != OTR_OK) {
            return status;
        }
        for (size_t i = 0; i < parity.measurement_count; i++) {
            if (!add_term(observables, parity.measurements[i], row)) {
                return OTR_ERR_MEMORY;
            }
        }
    }
    sort_terms(observables);
    return OTR_OK;
}

/* A run keeps the distance between measurement and row, so terms are sorted by distance, then by row. */
static bool add_distance(terms *own, uint64_t measurement, uint64_t row) {
    return add_term(own, measurement + UINT32_MAX / 2 - row, row);
}

/* The parities of a layer's detectors, and where its measurements begin and end. */
static otr_status add_layer(otr_layer_templates *templates, const otr_measurement_map *map, uint32_t layer,
                            terms *own) {
    otr_layer_template *const self = &templates->layers[layer];
    const uint32_t width = otr_layer_width(templates, layer);
    self->runs = templates->run_count;
    self->sweeps = templates->sweep_term_count;
    self->begin = UINT64_MAX;
    self->end = layer > 0 ? self[-1].end : 0;
    own->count = 0;
    for (uint32_t index = 0; index < width; index++) {
        otr_parity parity;
        otr_status status = otr_measurement_map_row(map, self->first_detector + index, &parity);
        if (status == OTR_OK) {
            status = add_offset(templates, &parity, (uint64_t)self->constants * 8 + index);
        }
        for (size_t i = 0; i < parity.measurement_count && status == OTR_OK; i++) {
            const uint64_t measurement = parity.measurements[i];
            self->begin = measurement < self->begin ? measurement : self->begin;
            self->end = measurement >= self->end ? measurement + 1 : self->end;
            status = add_distance(own, measurement, index) ? OTR_OK : OTR_ERR_MEMORY;
        }
        if (status != OTR_OK) {
            return status;
        }
    }
    if (layer + 1 == templates->layer_count) {
        self->end = templates->measurement_count;
    }
    return add_runs(templates, own);
}

/* What observables gain from the measurements up to the end of a layer. */
static otr_status add_observable_runs(otr_layer_templates *templates, uint32_t layer,
                                      const terms *observables, size_t *done, terms *own) {
    otr_layer_template *const self = &templates->layers[layer];
    self->observable_runs = templates->run_count;
    own->count = 0;
    while (*done < observables->count && observables->keys[*done] >> 32 < self->end) {
        const uint64_t measurement = observables->keys[*done] >> 32;
        if (!add_distance(own, measurement, observables->keys[*done] & UINT32_MAX)) {
            return OTR_ERR_MEMORY;
        }
        self->begin = measurement < self->begin ? measurement : self->begin;
        (*done)++;
    }
    self->begin = self->begin < self->end ? self->begin : self->end;
    return add_runs(templates, own);
}

static otr_status add_offset(otr_layer_templates *templates, const otr_parity *parity, uint64_t bit) {
    if (parity->constant) {
        otr_bit_flip(templates->constants, bit);
    }
    for (size_t i = 0; i < parity->sweep_count; i++) {
        if (!OTR_ARRAY_GROW(templates->sweeps, templates->sweep_term_count, templates->sweep_capacity)) {
            return OTR_ERR_MEMORY;
        }
        templates->sweeps[templates->sweep_term_count++] = (otr_sweep_term){bit, parity->sweep_bits[i]};
    }
    return OTR_OK;
}

static otr_status add_runs(otr_layer_templates *templates, terms *own) {
    sort_terms(own);
    for (size_t i = 0; i < own->count; i++) {
        const uint32_t to = (uint32_t)own->keys[i];
        const uint32_t from = (uint32_t)(own->keys[i] >> 32) - UINT32_MAX / 2 + to;
        if (i > 0 && own->keys[i] == own->keys[i - 1] + 1) {
            templates->runs[templates->run_count - 1].length++;
            continue;
        }
        if (!OTR_ARRAY_GROW(templates->runs, templates->run_count, templates->run_capacity)) {
            return OTR_ERR_MEMORY;
        }
        templates->runs[templates->run_count++] = (otr_bit_run){to, from, 1};
    }
    return OTR_OK;
}

/* Whether a layer is another one `span` measurements later. */
static bool are_alike(const otr_layer_templates *templates, uint32_t layer, uint32_t later, uint64_t span) {
    const otr_layer_template *const a = &templates->layers[layer];
    const otr_layer_template *const b = &templates->layers[later];
    const size_t run_count = a[1].runs - a->runs;
    const size_t sweep_count = a[1].sweeps - a->sweeps;
    if (otr_layer_width(templates, layer) != otr_layer_width(templates, later) || b->end - a->end != span ||
        b[1].runs - b->runs != run_count || b[1].sweeps - b->sweeps != sweep_count ||
        b->observable_runs - b->runs != a->observable_runs - a->runs ||
        memcmp(templates->constants + a->constants, templates->constants + b->constants,
               a[1].constants - a->constants) != 0) {
        return false;
    }
    for (size_t i = 0; i < run_count; i++) {
        const otr_bit_run run = templates->runs[a->runs + i];
        const otr_bit_run other = templates->runs[b->runs + i];
        if (run.to != other.to || run.length != other.length || run.from + span != other.from) {
            return false;
        }
    }
    for (size_t i = 0; i < sweep_count; i++) {
        const otr_sweep_term term = templates->sweeps[a->sweeps + i];
        const otr_sweep_term other = templates->sweeps[b->sweeps + i];
        if (term.sweep != other.sweep || term.bit - a->constants * 8 != other.bit - b->constants * 8) {
            return false;
        }
    }
    return true;
}

/* The shortest period that the layers before the last one bear out, twice in a row. The last one must need
 * nothing from before the bulk, so that it can be shifted. */
static void find_bulk(otr_layer_templates *templates) {
    const otr_layer_template *const layers = templates->layers;
    const uint32_t last = templates->layer_count - 1;
    templates->bulk_begin = last;
    for (uint32_t period = 1; period <= OTR_MEASUREMENT_STREAM_PERIOD_MAX && 2 * period <= last; period++) {
        const uint64_t span = layers[last - 1].end - layers[last - 1 - period].end;
        uint32_t begin = last - period;
        while (begin > 0 && are_alike(templates, begin - 1, begin - 1 + period, span)) {
            begin--;
        }
        const uint64_t bulk_measurement = begin > 0 ? layers[begin - 1].end : 0;
        if (span > 0 && begin + 2 * period <= last && layers[last].begin >= bulk_measurement) {
            templates->bulk_begin = begin;
            templates->period = period;
            templates->span = span;
            break;
        }
    }
    for (uint32_t layer = 0; layer <= last; layer++) {
        const uint64_t reach = layers[layer].end - layers[layer].begin;
        templates->reach = reach > templates->reach ? reach : templates->reach;
    }
}
