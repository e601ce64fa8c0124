#include "likelihood/error_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"

#define NONE UINT32_MAX

/* What parts are found with. */
typedef struct search {
    const otr_error_list *list;
    uint32_t *root;    /* detector -> one of its part that is no later, itself for the least */
    uint32_t *part_of; /* detector -> number of its part, or NONE */
    uint32_t *flipped; /* detectors that errors flip, ascending */
    uint32_t flipped_count;
} search;

static void list_detectors(search *search);
static void join_detectors(search *search);
static uint32_t number_parts(search *search);
static void fill_parts(otr_error_parts *parts, const search *search);

otr_status otr_error_parts_fill(otr_error_parts *parts, const otr_error_list *list) {
    const size_t detectors = list->detector_count;
    search search = {.list = list};
    if (!otr_array_reserve((void **)&parts->words, &parts->capacity, 6 * detectors + 2 + list->count,
                           sizeof *parts->words)) {
        return OTR_ERR_MEMORY;
    }
    parts->detector_begin = parts->words;
    parts->error_begin = parts->detector_begin + detectors + 1;
    parts->detectors = parts->error_begin + detectors + 1;
    search.root = parts->detectors + detectors;
    search.part_of = search.root + detectors;
    search.flipped = search.part_of + detectors;
    parts->errors = search.flipped + detectors;
    list_detectors(&search);
    join_detectors(&search);
    parts->count = number_parts(&search);
    fill_parts(parts, &search);
    return OTR_OK;
}

void otr_error_parts_free(otr_error_parts *parts) {
    free(parts->words);
    *parts = (otr_error_parts){0};
}

size_t otr_error_parts_bytes(const otr_error_parts *parts) {
    return parts->capacity * sizeof *parts->words;
}

static void list_detectors(search *search) {
    const otr_error_list *const list = search->list;
    for (size_t byte = 0; byte < otr_bytes_for_bits(list->detector_count); byte++) {
        for (uint32_t bits = (uint8_t)~list->fixed[byte]; bits != 0; bits &= bits - 1) {
            const uint32_t detector = (uint32_t)(8 * byte) + otr_ctz64(bits);
            if (detector < list->detector_count) {
                search->root[detector] = detector;
                search->part_of[detector] = NONE;
                search->flipped[search->flipped_count++] = detector;
            }
        }
    }
}

static uint32_t find_root(uint32_t *root, uint32_t detector) {
    while (root[detector] != detector) {
        root[detector] = root[root[detector]];
        detector = root[detector];
    }
    return detector;
}

/* Joins the detectors of each error; the least detector of a part is its root. */
static void join_detectors(search *search) {
    const otr_error_list *const list = search->list;
    for (uint32_t error = 0; error < list->count; error++) {
        for (size_t i = list->begin[error] + 1; i < list->begin[error + 1]; i++) {
            const uint32_t a = find_root(search->root, list->detectors[i - 1]);
            const uint32_t b = find_root(search->root, list->detectors[i]);
            search->root[a < b ? b : a] = a < b ? a : b;
        }
    }
}

/* Gives the detectors of parts with observables their numbers, by roots. Returns how many there are. */
static uint32_t number_parts(search *search) {
    const otr_error_list *const list = search->list;
    uint32_t count = 0;
    for (uint32_t error = 0; error < list->count; error++) {
        if (list->observables[error] != 0 && list->begin[error] < list->begin[error + 1]) {
            search->part_of[find_root(search->root, list->detectors[list->begin[error]])] = 0;
        }
    }
    for (uint32_t i = 0; i < search->flipped_count; i++) {
        const uint32_t detector = search->flipped[i];
        const uint32_t root = find_root(search->root, detector);
        if (root != detector) {
            search->part_of[detector] = search->part_of[root];
        } else if (search->part_of[detector] != NONE) {
            search->part_of[detector] = count++;
        }
    }
    return count;
}

static uint32_t part_of_error(const search *search, uint32_t error) {
    const otr_error_list *const list = search->list;
    return list->begin[error] < list->begin[error + 1] ? search->part_of[list->detectors[list->begin[error]]]
                                                       : NONE;
}

static void fill_parts(otr_error_parts *parts, const search *search) {
    uint32_t *const detector_begin = parts->detector_begin;
    uint32_t *const error_begin = parts->error_begin;
    memset(detector_begin, 0, ((size_t)parts->count + 1) * sizeof *detector_begin);
    memset(error_begin, 0, ((size_t)parts->count + 1) * sizeof *error_begin);
    for (uint32_t i = 0; i < search->flipped_count; i++) {
        const uint32_t part = search->part_of[search->flipped[i]];
        if (part != NONE) {
            detector_begin[part]++;
        }
    }
    for (uint32_t error = 0; error < search->list->count; error++) {
        const uint32_t part = part_of_error(search, error);
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
    for (uint32_t i = search->flipped_count; i-- > 0;) {
        const uint32_t part = search->part_of[search->flipped[i]];
        if (part != NONE) {
            parts->detectors[--detector_begin[part]] = search->flipped[i];
        }
    }
    for (uint32_t error = search->list->count; error-- > 0;) {
        const uint32_t part = part_of_error(search, error);
        if (part != NONE) {
            parts->errors[--error_begin[part]] = error;
        }
    }
}
