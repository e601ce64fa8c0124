#include "likelihood/candidates.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/sort.h"

static bool reserve(otr_candidates *candidates);
/* Of the odds of an error of a window: what is left if a lower rank owns a piece of it and did not use it. It
 * may have been wrong. */
#define UNUSED_SHARE 0.02

static void append_error(otr_candidates *candidates, uint32_t error);

otr_status otr_candidates_init(otr_candidates *candidates, const otr_graph_errors *errors,
                               uint32_t edge_count) {
    *candidates = (otr_candidates){.errors = errors, .edge_count = edge_count};
    if (!reserve(candidates)) {
        return OTR_ERR_MEMORY;
    }
    memcpy(candidates->list.happened, errors->list.happened, otr_bytes_for_bits(errors->list.detector_count));
    return OTR_OK;
}

void otr_candidates_free(otr_candidates *candidates) {
    free(candidates->hits);
    free(candidates->is_chosen);
    free(candidates->edges);
    free(candidates->numbers);
    free(candidates->is_recalled);
    otr_error_list_free(&candidates->list);
    *candidates = (otr_candidates){0};
}

size_t otr_candidates_bytes(const otr_candidates *candidates) {
    const otr_graph_errors *const errors = candidates->errors;
    return (2 * (size_t)errors->decomposition_count + errors->always_count) * sizeof(uint32_t) +
           candidates->edge_count * (sizeof(uint32_t) + 1) + errors->recalled_count +
           otr_error_list_bytes(&errors->list);
}

void otr_candidates_clear(otr_candidates *candidates) {
    for (uint32_t i = 0; i < candidates->chosen_count; i++) {
        candidates->is_chosen[candidates->edges[i]] = 0;
    }
    candidates->chosen_count = 0;
}

void otr_candidates_add(otr_candidates *candidates, uint32_t edge) {
    candidates->edges[candidates->chosen_count] = edge;
    candidates->chosen_count += 1 - candidates->is_chosen[edge];
    candidates->is_chosen[edge] = 1;
}

void otr_candidates_recall(otr_candidates *candidates, const uint32_t *edges, size_t count) {
    for (uint32_t i = 0; i < candidates->errors->recalled_count; i++) {
        candidates->is_recalled[i] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        candidates->is_recalled[edges[i] - candidates->edge_count] = 1;
    }
}

void otr_candidates_list(otr_candidates *candidates) {
    const otr_graph_errors *const errors = candidates->errors;
    otr_error_list *const list = &candidates->list;
    uint32_t count = 0;
    for (uint32_t i = 0; i < candidates->chosen_count; i++) {
        const uint32_t edge = candidates->edges[i];
        for (size_t j = errors->begin[edge]; j < errors->begin[edge + 1]; j++) {
            const uint32_t decomposition = errors->decompositions[j];
            if (++candidates->hits[decomposition] ==
                errors->edge_begin[decomposition + 1] - errors->edge_begin[decomposition]) {
                candidates->numbers[count++] = errors->error_of[decomposition];
            }
        }
    }
    for (uint32_t i = 0; i < candidates->chosen_count; i++) {
        const uint32_t edge = candidates->edges[i];
        for (size_t j = errors->begin[edge]; j < errors->begin[edge + 1]; j++) {
            candidates->hits[errors->decompositions[j]] = 0;
        }
    }
    for (uint32_t i = 0; i < errors->always_count; i++) {
        candidates->numbers[count++] = errors->always[i];
    }
    otr_sort_indices(candidates->numbers, count);
    list->count = 0;
    otr_error_list_fix(list);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || candidates->numbers[i] != candidates->numbers[i - 1]) {
            append_error(candidates, candidates->numbers[i]);
        }
    }
}

/* Copies an error of the list of all. */
static void append_error(otr_candidates *candidates, uint32_t error) {
    const otr_error_list *const all = &candidates->errors->list;
    const uint32_t *const recalled = candidates->errors->recalled;
    otr_error_list *const list = &candidates->list;
    const size_t begin = list->begin[list->count];
    const size_t count = all->begin[error + 1] - all->begin[error];
    list->odds[list->count] = all->odds[error];
    if (recalled != NULL && recalled[error] != OTR_NONE) {
        list->odds[list->count] = candidates->is_recalled[recalled[error] - candidates->edge_count]
                                      ? candidates->errors->recalled_odds[error]
                                      : UNUSED_SHARE * all->odds[error];
    }
    list->observables[list->count] = all->observables[error];
    for (size_t i = 0; i < count; i++) {
        const uint32_t detector = all->detectors[all->begin[error] + i];
        list->detectors[begin + i] = detector;
        list->fixed[detector / 8] &= (uint8_t) ~(1u << detector % 8);
    }
    list->begin[++list->count] = begin + count;
}

/* Room for all errors among the candidates. */
static bool reserve(otr_candidates *candidates) {
    const otr_graph_errors *const errors = candidates->errors;
    const otr_error_list *const all = &errors->list;
    const size_t bytes = otr_bytes_for_bits(all->detector_count);
    const size_t decompositions = errors->decomposition_count;
    otr_error_list *const list = &candidates->list;
    candidates->hits = otr_array_zeroed(decompositions, sizeof *candidates->hits);
    candidates->is_chosen = otr_array_zeroed(candidates->edge_count, 1);
    candidates->edges = otr_array_new((size_t)candidates->edge_count + 1, sizeof *candidates->edges);
    candidates->is_recalled = otr_array_zeroed(errors->recalled_count, 1);
    candidates->numbers = otr_array_new(decompositions + errors->always_count, sizeof *candidates->numbers);
    *list = (otr_error_list){.detector_count = all->detector_count,
                             .observable_count = all->observable_count,
                             .odds = otr_array_new(all->count, sizeof *list->odds),
                             .observables = otr_array_new(all->count, sizeof *list->observables),
                             .begin = otr_array_zeroed((size_t)all->count + 1, sizeof *list->begin),
                             .detectors = otr_array_new(all->begin[all->count], sizeof *list->detectors),
                             .happened = otr_array_new(bytes, 1),
                             .happened_observables = all->happened_observables,
                             .fixed = otr_array_new(bytes, 1)};
    return candidates->hits != NULL && candidates->is_chosen != NULL && candidates->edges != NULL &&
           candidates->numbers != NULL && candidates->is_recalled != NULL && list->odds != NULL &&
           list->observables != NULL && list->begin != NULL && list->detectors != NULL &&
           list->happened != NULL && list->fixed != NULL;
}
