#include "model/error_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "model/model_internal.h"
#include "model/symptoms.h"
#include "outrider/trellis.h"

/* An error as it was found. */
typedef struct found_error {
    double probability;
    uint64_t observables;
    const uint32_t *detectors;
    uint32_t detector_count;
    uint32_t number;
} found_error;

typedef struct findings {
    found_error *errors;
    size_t count, capacity;
    size_t *begin; /* of each error's detectors, whose array may still move */
    size_t begin_capacity;
    otr_index_list detectors;
} findings;

static otr_status find_errors(findings *found, const otr_model *model, otr_error *error);
static otr_status merge_errors(otr_error_list *list, const findings *found);
static int compare_to_error(const otr_error_list *list, const uint32_t *detectors, size_t count,
                            uint64_t observables, uint32_t error);

otr_status otr_error_list_init(otr_error_list *list, const otr_model *model, otr_error *error) {
    findings found = {0};
    otr_status status;
    *list = (otr_error_list){0};
    if (otr_model_detector_count(model) >= OTR_SYMPTOM_OBSERVABLE ||
        otr_model_observable_count(model) > OTR_TRELLIS_OBSERVABLES_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the model has %llu detectors and %llu observables; a sum over its errors takes "
                             "fewer than 2^31 and at most %d",
                             (unsigned long long)otr_model_detector_count(model),
                             (unsigned long long)otr_model_observable_count(model),
                             OTR_TRELLIS_OBSERVABLES_MAX);
    }
    list->detector_count = (uint32_t)otr_model_detector_count(model);
    list->observable_count = (uint32_t)otr_model_observable_count(model);
    status = find_errors(&found, model, error);
    if (status == OTR_OK) {
        status = merge_errors(list, &found);
        if (status != OTR_OK) {
            otr_error_set(error, status, 0, 0, "out of memory");
        }
    }
    free(found.errors);
    free(found.begin);
    free(found.detectors.items);
    return status;
}

void otr_error_list_free(otr_error_list *list) {
    free(list->odds);
    free(list->observables);
    free(list->begin);
    free(list->detectors);
    free(list->happened);
    free(list->fixed);
    *list = (otr_error_list){0};
}

uint32_t otr_error_list_find(const otr_error_list *list, const uint32_t *symptoms, size_t count) {
    uint32_t low = 0, high = list->count;
    uint64_t observables = 0;
    for (; count > 0 && (symptoms[count - 1] & OTR_SYMPTOM_OBSERVABLE) != 0; count--) {
        observables |= (uint64_t)1 << (symptoms[count - 1] ^ OTR_SYMPTOM_OBSERVABLE);
    }
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = compare_to_error(list, symptoms, count, observables, middle);
        if (order == 0) {
            return middle;
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return UINT32_MAX;
}

void otr_error_list_fix(otr_error_list *list) {
    const uint32_t rest = list->detector_count % 8;
    memset(list->fixed, 0xFF, otr_bytes_for_bits(list->detector_count));
    if (rest != 0) {
        list->fixed[list->detector_count / 8] = (uint8_t)((1u << rest) - 1);
    }
}

size_t otr_error_list_bytes(const otr_error_list *list) {
    return list->count * (sizeof *list->odds + sizeof *list->observables + sizeof *list->begin) +
           (list->count > 0 ? list->begin[list->count] * sizeof *list->detectors : 0) +
           2 * otr_bytes_for_bits(list->detector_count);
}

/* Below, at or above an error in the order of the list. */
static int compare_to_error(const otr_error_list *list, const uint32_t *detectors, size_t count,
                            uint64_t observables, uint32_t error) {
    const uint32_t *const others = list->detectors + list->begin[error];
    const size_t other_count = list->begin[error + 1] - list->begin[error];
    for (size_t i = 0; i < count && i < other_count; i++) {
        if (detectors[i] != others[i]) {
            return detectors[i] < others[i] ? -1 : 1;
        }
    }
    if (count != other_count) {
        return count < other_count ? -1 : 1;
    }
    return (observables > list->observables[error]) - (observables < list->observables[error]);
}

/* Appends the symptoms of one error. */
static bool append_error(findings *found, double probability, const otr_index_list *symptoms) {
    found_error made = {.probability = probability, .number = (uint32_t)found->count};
    if (!OTR_ARRAY_GROW(found->errors, found->count, found->capacity) ||
        !otr_array_reserve((void **)&found->begin, &found->begin_capacity, found->count + 1,
                           sizeof *found->begin)) {
        return false;
    }
    found->begin[found->count] = found->detectors.count;
    for (size_t i = 0; i < symptoms->count; i++) {
        if ((symptoms->items[i] & OTR_SYMPTOM_OBSERVABLE) != 0) {
            made.observables |= (uint64_t)1 << (symptoms->items[i] ^ OTR_SYMPTOM_OBSERVABLE);
        } else if (otr_index_append(&found->detectors, symptoms->items[i])) {
            made.detector_count++;
        } else {
            return false;
        }
    }
    found->errors[found->count++] = made;
    return true;
}

static otr_status find_errors(findings *found, const otr_model *model, otr_error *error) {
    otr_index_list symptoms = {0};
    otr_model_walk *walk = NULL;
    otr_instruction step;
    otr_status status = otr_model_walk_create_errors(&walk, model);
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        if (step.kind != OTR_INSTRUCTION_ERROR || !(step.arguments[0] > 0)) {
            continue;
        }
        if (found->count == OTR_TRELLIS_ERRORS_MAX) {
            status = OTR_ERR_LIMIT;
            otr_error_set(error, status, 0, 0, "the model has more than %d errors, the limit of a sum",
                          OTR_TRELLIS_ERRORS_MAX);
            break;
        }
        status = otr_list_symptoms(&symptoms, step.targets, step.target_count);
        if (status == OTR_OK && symptoms.count > 0 && !append_error(found, step.arguments[0], &symptoms)) {
            status = OTR_ERR_MEMORY;
        }
    }
    otr_model_walk_destroy(walk);
    free(symptoms.items);
    if (status == OTR_ERR_MEMORY) {
        otr_error_set(error, status, 0, 0, "out of memory");
    }
    return status;
}

/* By detectors, then observables. */
static int compare_symptoms(const found_error *a, const found_error *b) {
    const uint32_t shared = a->detector_count < b->detector_count ? a->detector_count : b->detector_count;
    for (uint32_t i = 0; i < shared; i++) {
        if (a->detectors[i] != b->detectors[i]) {
            return a->detectors[i] < b->detectors[i] ? -1 : 1;
        }
    }
    if (a->detector_count != b->detector_count) {
        return a->detector_count < b->detector_count ? -1 : 1;
    }
    return (a->observables > b->observables) - (a->observables < b->observables);
}

static int compare_errors(const void *a, const void *b) {
    const found_error *const x = a;
    const found_error *const y = b;
    const int order = compare_symptoms(x, y);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* Takes one error into the list, or what it flips into what has happened. */
static void keep_error(otr_error_list *list, const found_error *error, double probability) {
    const bool happened = probability > 0.5;
    const double rest = happened ? 1 - probability : probability;
    const size_t begin = list->begin[list->count];
    if (happened) {
        list->happened_count++;
        list->happened_observables ^= error->observables;
        for (uint32_t i = 0; i < error->detector_count; i++) {
            otr_bit_flip(list->happened, error->detectors[i]);
        }
    }
    if (rest > 0) {
        list->odds[list->count] = rest / (1 - rest);
        list->observables[list->count] = error->observables;
        for (uint32_t i = 0; i < error->detector_count; i++) {
            list->detectors[begin + i] = error->detectors[i];
            list->fixed[error->detectors[i] / 8] &= (uint8_t) ~(1u << error->detectors[i] % 8);
        }
        list->begin[++list->count] = begin + error->detector_count;
    }
}

static otr_status merge_errors(otr_error_list *list, const findings *found) {
    list->odds = otr_array_new(found->count, sizeof *list->odds);
    list->observables = otr_array_new(found->count, sizeof *list->observables);
    list->begin = otr_array_zeroed(found->count + 1, sizeof *list->begin);
    list->detectors = otr_array_new(found->detectors.count, sizeof *list->detectors);
    list->happened = otr_array_zeroed(otr_bytes_for_bits(list->detector_count), 1);
    list->fixed = otr_array_new(otr_bytes_for_bits(list->detector_count), 1);
    if (list->odds == NULL || list->observables == NULL || list->begin == NULL || list->detectors == NULL ||
        list->happened == NULL || list->fixed == NULL) {
        return OTR_ERR_MEMORY;
    }
    otr_error_list_fix(list);
    for (size_t i = 0; i < found->count; i++) {
        found->errors[i].detectors =
            found->errors[i].detector_count > 0 ? found->detectors.items + found->begin[i] : NULL;
    }
    if (found->count > 0) {
        qsort(found->errors, found->count, sizeof *found->errors, compare_errors);
    }
    for (size_t i = 0; i < found->count;) {
        const found_error *const first = &found->errors[i];
        double probability = 0;
        for (; i < found->count && compare_symptoms(first, &found->errors[i]) == 0; i++) {
            const double p = found->errors[i].probability;
            probability = probability * (1 - p) + p * (1 - probability);
        }
        keep_error(list, first, probability);
    }
    return OTR_OK;
}
