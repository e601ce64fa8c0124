#include "likelihood/error_parts.h"

#include <stdlib.h>

#include "common/array.h"

#define NONE UINT32_MAX

static void join_detectors(uint32_t *root, const otr_error_list *list);
static uint32_t number_parts(uint32_t *part, uint32_t *root, const otr_error_list *list);
static otr_status fill_parts(otr_error_parts *parts, const otr_error_list *list, const uint32_t *part_of);

otr_status otr_error_parts_init(otr_error_parts *parts, const otr_error_list *list) {
    uint32_t *const root = otr_array_new(list->detector_count, sizeof *root);
    uint32_t *const part_of = otr_array_new(list->detector_count, sizeof *part_of);
    otr_status status = OTR_ERR_MEMORY;
    *parts = (otr_error_parts){0};
    if (root != NULL && part_of != NULL) {
        join_detectors(root, list);
        parts->count = number_parts(part_of, root, list);
        status = fill_parts(parts, list, part_of);
    }
    free(root);
    free(part_of);
    return status;
}

void otr_error_parts_free(otr_error_parts *parts) {
    free(parts->detector_begin);
    free(parts->detectors);
    free(parts->error_begin);
    free(parts->errors);
    *parts = (otr_error_parts){0};
}

static uint32_t find_root(uint32_t *root, uint32_t detector) {
    while (root[detector] != detector) {
        root[detector] = root[root[detector]];
        detector = root[detector];
    }
    return detector;
}

/* Joins the detectors of each error; the least detector of a part is its root. */
static void join_detectors(uint32_t *root, const otr_error_list *list) {
    for (uint32_t i = 0; i < list->detector_count; i++) {
        root[i] = i;
    }
    for (uint32_t error = 0; error < list->count; error++) {
        for (size_t i = list->begin[error] + 1; i < list->begin[error + 1]; i++) {
            const uint32_t a = find_root(root, list->detectors[i - 1]);
            const uint32_t b = find_root(root, list->detectors[i]);
            root[a < b ? b : a] = a < b ? a : b;
        }
    }
}

/* Gives each detector the number of its part, or NONE; parts are numbered by their roots. Returns how many.
 */
static uint32_t number_parts(uint32_t *part_of, uint32_t *root, const otr_error_list *list) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->detector_count; i++) {
        part_of[i] = NONE;
    }
    for (uint32_t error = 0; error < list->count; error++) {
        if (list->observables[error] != 0 && list->begin[error] < list->begin[error + 1]) {
            part_of[find_root(root, list->detectors[list->begin[error]])] = 0;
        }
    }
    for (uint32_t i = 0; i < list->detector_count; i++) {
        const uint32_t at = find_root(root, i);
        if (at != i) {
            part_of[i] = part_of[at];
        } else if (part_of[i] != NONE) {
            part_of[i] = count++;
        }
    }
    return count;
}

static uint32_t part_of_error(const uint32_t *part_of, const otr_error_list *list, uint32_t error) {
    return list->begin[error] < list->begin[error + 1] ? part_of[list->detectors[list->begin[error]]] : NONE;
}

static otr_status fill_parts(otr_error_parts *parts, const otr_error_list *list, const uint32_t *part_of) {
    uint32_t *const detector_begin = otr_array_zeroed((size_t)parts->count + 1, sizeof *detector_begin);
    uint32_t *const error_begin = otr_array_zeroed((size_t)parts->count + 1, sizeof *error_begin);
    parts->detector_begin = detector_begin;
    parts->error_begin = error_begin;
    parts->detectors = otr_array_new(list->detector_count, sizeof *parts->detectors);
    parts->errors = otr_array_new(list->count, sizeof *parts->errors);
    if (detector_begin == NULL || error_begin == NULL || parts->detectors == NULL || parts->errors == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < list->detector_count; i++) {
        if (part_of[i] != NONE) {
            detector_begin[part_of[i]]++;
        }
    }
    for (uint32_t error = 0; error < list->count; error++) {
        const uint32_t part = part_of_error(part_of, list, error);
        if (part != NONE) {
            error_begin[part]++;
        }
    }
    for (uint32_t i = 0, detectors = 0, errors = 0; i <= parts->count; i++) {
        detectors += detector_begin[i];
        errors += error_begin[i];
        detector_begin[i] = detectors;
        error_begin[i] = errors;
    }
    /* Filled from the back, every begin ends where its list starts. */
    for (uint32_t i = list->detector_count; i-- > 0;) {
        if (part_of[i] != NONE) {
            parts->detectors[--detector_begin[part_of[i]]] = i;
        }
    }
    for (uint32_t error = list->count; error-- > 0;) {
        const uint32_t part = part_of_error(part_of, list, error);
        if (part != NONE) {
            parts->errors[--error_begin[part]] = error;
        }
    }
    return OTR_OK;
}
