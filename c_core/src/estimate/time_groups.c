/* Errors of one shape at one place, round after round. A detector is the place that its coordinates beside
 * time name, and a round; the shape of an error lists places and rounds counted from its first one. */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "common/sort.h"
#include "estimate/detector_sets.h"
#include "model/symptoms.h"
#include "outrider/rates.h"

typedef struct detector_place {
    const double *coordinates; /* beside time */
    uint32_t count, detector;
} detector_place;

typedef struct place_table {
    uint32_t detector_count;
    uint32_t *rounds; /* of detectors */
    uint32_t *places;
    uint32_t place_count;
    uint32_t *first, *last; /* rounds of a place's detectors */
} place_table;

static otr_status find_places(place_table *table, const otr_model *model, const otr_time_axis *time,
                              otr_error *error);
static void free_places(place_table *table);
static otr_status list_shapes(const place_table *table, const otr_model *prior, otr_set_list *shapes);
static otr_status name_groups(const place_table *table, const otr_model *prior,
                              const otr_detector_sets *shapes, uint32_t *groups);

otr_status otr_rates_time_groups(const otr_model *prior, const otr_time_axis *time, uint32_t *groups,
                                 uint32_t *group_count, otr_error *error) {
    place_table table = {0};
    otr_set_list list = {0};
    otr_detector_sets shapes = {0};
    otr_status status;
    if (prior == NULL || (groups == NULL && otr_model_error_count(prior) > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model, or no place for the groups");
    }
    status = find_places(&table, prior, time, error);
    if (status == OTR_OK) {
        status = list_shapes(&table, prior, &list);
        status = status == OTR_OK ? otr_detector_sets_init(&shapes, &list) : status;
        status = status == OTR_OK ? name_groups(&table, prior, &shapes, groups) : status;
        if (status != OTR_OK) {
            otr_error_set(error, status, 0, 0,
                          status == OTR_ERR_MEMORY ? "out of memory" : "too many places and rounds");
        } else if (group_count != NULL) {
            *group_count = (uint32_t)shapes.count;
        }
    }
    free_places(&table);
    otr_set_list_free(&list);
    otr_detector_sets_free(&shapes);
    return status;
}

static int compare_places(const void *left, const void *right) {
    const detector_place *const a = left, *const b = right;
    if (a->count != b->count) {
        return (a->count > b->count) - (a->count < b->count);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->coordinates[i] != b->coordinates[i]) {
            return (a->coordinates[i] > b->coordinates[i]) - (a->coordinates[i] < b->coordinates[i]);
        }
    }
    return (a->detector > b->detector) - (a->detector < b->detector);
}

static bool is_one_place(const detector_place *a, const detector_place *b) {
    detector_place same = *a;
    same.detector = b->detector;
    return compare_places(&same, b) == 0;
}

/* Fills in the coordinates beside `axis` of each detector, the last declaration counting; room for
 * OTR_MODEL_COORDINATES_MAX of each. */
static otr_status read_coordinates(const otr_model *model, uint32_t axis, double *coordinates,
                                   detector_place *found) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    otr_status status = otr_model_walk_create(&walk, model);
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        for (uint64_t i = 0; step.kind == OTR_INSTRUCTION_DETECTOR && i < step.target_count; i++) {
            const uint32_t detector = (uint32_t)step.targets[i];
            double *const place = coordinates + (size_t)detector * OTR_MODEL_COORDINATES_MAX;
            uint32_t count = 0;
            for (uint32_t k = 0; k < step.argument_count; k++) {
                if (k != axis) {
                    place[count++] = step.arguments[k];
                }
            }
            found[detector] = (detector_place){place, count, detector};
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

static otr_status number_places(place_table *table, const otr_model *model, uint32_t axis) {
    const uint32_t detectors = table->detector_count;
    double *const coordinates =
        otr_array_new((size_t)detectors * OTR_MODEL_COORDINATES_MAX, sizeof *coordinates);
    detector_place *const found = otr_array_zeroed(detectors, sizeof *found);
    otr_status status = coordinates == NULL || found == NULL ? OTR_ERR_MEMORY : OTR_OK;
    status = status == OTR_OK ? read_coordinates(model, axis, coordinates, found) : status;
    if (status == OTR_OK && detectors > 0) {
        qsort(found, detectors, sizeof *found, compare_places);
    }
    for (uint32_t i = 0; i < detectors && status == OTR_OK; i++) {
        const uint32_t detector = found[i].detector, round = table->rounds[detector];
        if (i == 0 || !is_one_place(&found[i - 1], &found[i])) {
            table->first[table->place_count] = round;
            table->last[table->place_count++] = round;
        }
        const uint32_t place = table->place_count - 1;
        table->places[detector] = place;
        table->first[place] = round < table->first[place] ? round : table->first[place];
        table->last[place] = round > table->last[place] ? round : table->last[place];
    }
    free(coordinates);
    free(found);
    return status;
}

static otr_status find_places(place_table *table, const otr_model *model, const otr_time_axis *time,
                              otr_error *error) {
    const uint64_t detectors = otr_model_detector_count(model);
    otr_rounds rounds;
    otr_status status;
    if (detectors > OTR_MOMENTS_DETECTORS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "more than %d detectors", OTR_MOMENTS_DETECTORS_MAX);
    }
    table->detector_count = (uint32_t)detectors;
    table->rounds = otr_array_new((size_t)detectors, sizeof *table->rounds);
    table->places = otr_array_new((size_t)detectors, sizeof *table->places);
    table->first = otr_array_new((size_t)detectors, sizeof *table->first);
    table->last = otr_array_new((size_t)detectors, sizeof *table->last);
    if (table->rounds == NULL || table->places == NULL || table->first == NULL || table->last == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = otr_model_rounds(model, time, table->rounds, &rounds, error);
    if (status != OTR_OK) {
        return status;
    }
    status = number_places(table, model, rounds.axis);
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "out of memory");
}

static void free_places(place_table *table) {
    free(table->rounds);
    free(table->places);
    free(table->first);
    free(table->last);
}

/* Turns the detectors of an error, `count` symptoms first in *items, into its shape; returns their number,
 * and 0 for an error at the end of a place's time, or without detectors. OTR_ERR_LIMIT. */
static otr_status make_shape(const place_table *table, uint32_t *items, size_t count, size_t *size) {
    uint32_t begin = UINT32_MAX;
    size_t detectors = 0;
    *size = 0;
    for (; detectors < count && items[detectors] < OTR_SYMPTOM_OBSERVABLE; detectors++) {
        const uint32_t place = table->places[items[detectors]], round = table->rounds[items[detectors]];
        if (round == table->first[place] || round == table->last[place]) {
            return OTR_OK;
        }
        begin = round < begin ? round : begin;
    }
    for (size_t i = 0; i < detectors; i++) {
        const uint64_t later = table->rounds[items[i]] - begin;
        const uint64_t item = later * table->place_count + table->places[items[i]];
        if (item > UINT32_MAX) {
            return OTR_ERR_LIMIT;
        }
        items[i] = (uint32_t)item;
    }
    otr_sort_indices(items, detectors);
    *size = detectors;
    return OTR_OK;
}

/* The next error of a walk as its shape. */
static otr_status next_shape(const place_table *table, const otr_instruction *step, otr_index_list *symptoms,
                             size_t *size) {
    const otr_status status = otr_list_symptoms(symptoms, step->targets, step->target_count);
    return status == OTR_OK ? make_shape(table, symptoms->items, symptoms->count, size) : status;
}

static otr_status list_shapes(const place_table *table, const otr_model *prior, otr_set_list *shapes) {
    otr_model_walk *walk = NULL;
    otr_index_list symptoms = {0};
    otr_instruction step;
    otr_status status = otr_model_walk_create(&walk, prior);
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        size_t size = 0;
        if (step.kind == OTR_INSTRUCTION_ERROR) {
            status = next_shape(table, &step, &symptoms, &size);
        }
        if (status == OTR_OK && size > 0) {
            status = otr_set_list_append(shapes, symptoms.items, size);
        }
    }
    otr_model_walk_destroy(walk);
    free(symptoms.items);
    return status;
}

static otr_status name_groups(const place_table *table, const otr_model *prior,
                              const otr_detector_sets *shapes, uint32_t *groups) {
    otr_model_walk *walk = NULL;
    otr_index_list symptoms = {0};
    otr_instruction step;
    otr_status status = otr_model_walk_create(&walk, prior);
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        size_t size;
        if (step.kind == OTR_INSTRUCTION_ERROR) {
            status = next_shape(table, &step, &symptoms, &size);
            *groups++ = status == OTR_OK && size > 0
                            ? (uint32_t)otr_detector_sets_find(shapes, symptoms.items, size)
                            : OTR_RATES_UNTIED;
        }
    }
    otr_model_walk_destroy(walk);
    free(symptoms.items);
    return status;
}
