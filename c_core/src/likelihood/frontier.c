#include "likelihood/frontier.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "common/sort.h"
#include "likelihood/elimination_order.h"
#include "likelihood/error_parts.h"
#include "model/symptoms.h"
#include "outrider/trellis.h"

#define NONE UINT32_MAX

/* One part on its way to a frontier. */
typedef struct laying {
    otr_frontier *frontier;
    const otr_error_list *list;
    const uint32_t *detectors; /* of the part, ascending */
    const uint32_t *errors;    /* the same; error_count of the frontier */
    uint32_t *place;           /* detector of the model -> place in `detectors`, then its step */
    uint32_t *mark;            /* place -> the last place whose neighbour it was */
    uint32_t *order;           /* position -> error of the model */
} laying;

static otr_status lay_part(laying *work, otr_error *error);
static otr_status allocate(otr_frontier *frontier, size_t target_count);
static otr_status order_part(laying *work);
static void place_errors(laying *work);
static void number_incidences(otr_frontier *frontier);
static otr_status open_detectors(otr_frontier *frontier);
static otr_status set_masks(const laying *work, otr_error *error);
static void free_frontier(otr_frontier *frontier);

otr_status otr_frontier_list_init(otr_frontier_list *list, const otr_error_list *errors, otr_error *error) {
    otr_error_parts parts;
    laying work = {.list = errors};
    otr_status status = otr_error_parts_init(&parts, errors);
    *list = (otr_frontier_list){0};
    list->parts = otr_array_zeroed(parts.count, sizeof *list->parts);
    work.place = otr_array_new(errors->detector_count, sizeof *work.place);
    work.mark = otr_array_new(errors->detector_count, sizeof *work.mark);
    work.order = otr_array_new(errors->count, sizeof *work.order);
    if (list->parts == NULL || work.place == NULL || work.mark == NULL || work.order == NULL) {
        status = OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; status == OTR_OK && i < parts.count; i++) {
        work.frontier = &list->parts[list->count++];
        work.detectors = parts.detectors + parts.detector_begin[i];
        work.errors = parts.errors + parts.error_begin[i];
        work.frontier->step_count = parts.detector_begin[i + 1] - parts.detector_begin[i];
        work.frontier->error_count = parts.error_begin[i + 1] - parts.error_begin[i];
        status = lay_part(&work, error);
        work.frontier->first_step = list->step_count;
        work.frontier->first_incidence = list->incidence_count;
        list->step_count += work.frontier->step_count;
        if (status == OTR_OK) {
            list->incidence_count += work.frontier->incidence_begin[work.frontier->step_count];
        }
    }
    if (status == OTR_ERR_MEMORY) {
        otr_error_set(error, status, 0, 0, "out of memory");
    }
    otr_error_parts_free(&parts);
    free(work.place);
    free(work.mark);
    free(work.order);
    return status;
}

void otr_frontier_list_free(otr_frontier_list *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        free_frontier(&list->parts[i]);
    }
    free(list->parts);
    *list = (otr_frontier_list){0};
}

size_t otr_frontier_list_bytes(const otr_frontier_list *list) {
    size_t bytes = list->count * sizeof *list->parts;
    for (uint32_t i = 0; i < list->count; i++) {
        const otr_frontier *const part = &list->parts[i];
        bytes += (size_t)part->step_count * 6 * sizeof(uint32_t);
        bytes += (size_t)part->error_count *
                 (sizeof *part->odds + sizeof *part->target_begin + part->words * sizeof *part->masks);
        bytes += (size_t)part->incidence_begin[part->step_count] * 3 * sizeof(uint32_t);
    }
    return bytes;
}

static otr_status lay_part(laying *work, otr_error *error) {
    otr_frontier *const frontier = work->frontier;
    const otr_error_list *const list = work->list;
    size_t target_count = 0;
    otr_status status;
    for (uint32_t i = 0; i < frontier->error_count; i++) {
        target_count += list->begin[work->errors[i] + 1] - list->begin[work->errors[i]];
    }
    if (target_count >= UINT32_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the errors of the model have 2^32 detectors or more");
    }
    status = allocate(frontier, target_count);
    status = status == OTR_OK ? order_part(work) : status;
    if (status != OTR_OK) {
        return status;
    }
    place_errors(work);
    number_incidences(frontier);
    status = open_detectors(frontier);
    return status == OTR_OK ? set_masks(work, error) : status;
}

static otr_status allocate(otr_frontier *frontier, size_t target_count) {
    const size_t steps = frontier->step_count, errors = frontier->error_count;
    frontier->detector_of = otr_array_new(steps, sizeof *frontier->detector_of);
    frontier->error_begin = otr_array_zeroed(steps + 1, sizeof *frontier->error_begin);
    frontier->opened_begin = otr_array_zeroed(steps + 1, sizeof *frontier->opened_begin);
    frontier->opened = otr_array_new(steps, sizeof *frontier->opened);
    frontier->slot = otr_array_new(steps, sizeof *frontier->slot);
    frontier->odds = otr_array_new(errors, sizeof *frontier->odds);
    frontier->target_begin = otr_array_zeroed(errors + 1, sizeof *frontier->target_begin);
    frontier->targets = otr_array_new(target_count, sizeof *frontier->targets);
    frontier->incidence = otr_array_new(target_count, sizeof *frontier->incidence);
    frontier->incidence_begin = otr_array_zeroed(steps + 1, sizeof *frontier->incidence_begin);
    frontier->error_of = otr_array_new(target_count, sizeof *frontier->error_of);
    return frontier->detector_of == NULL || frontier->error_begin == NULL || frontier->opened_begin == NULL ||
                   frontier->opened == NULL || frontier->slot == NULL || frontier->odds == NULL ||
                   frontier->target_begin == NULL || frontier->targets == NULL ||
                   frontier->incidence == NULL || frontier->incidence_begin == NULL ||
                   frontier->error_of == NULL
               ? OTR_ERR_MEMORY
               : OTR_OK;
}

/* The errors of each detector, by places; to be freed in any case. */
typedef struct local_errors {
    size_t *begin;
    uint32_t *errors; /* of the model */
} local_errors;

static otr_status list_errors(local_errors *local, const laying *work) {
    const otr_error_list *const list = work->list;
    const uint32_t count = work->frontier->step_count;
    local->begin = otr_array_zeroed((size_t)count + 1, sizeof *local->begin);
    if (local->begin == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < work->frontier->error_count; i++) {
        for (size_t j = list->begin[work->errors[i]]; j < list->begin[work->errors[i] + 1]; j++) {
            local->begin[work->place[list->detectors[j]]]++;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        local->begin[i + 1] += local->begin[i];
    }
    local->errors = otr_array_new(local->begin[count], sizeof *local->errors);
    if (local->errors == NULL) {
        return OTR_ERR_MEMORY;
    }
    /* Filled from the back, every begin ends where its errors start. */
    for (uint32_t i = work->frontier->error_count; i-- > 0;) {
        for (size_t j = list->begin[work->errors[i]]; j < list->begin[work->errors[i] + 1]; j++) {
            local->errors[--local->begin[work->place[list->detectors[j]]]] = work->errors[i];
        }
    }
    return OTR_OK;
}

/* Appends the detectors that share an error with the one at `place`, each once, as places. */
static otr_status append_neighbours(otr_index_list *neighbours, laying *work, const local_errors *local,
                                    uint32_t place) {
    const otr_error_list *const list = work->list;
    work->mark[place] = place;
    for (size_t i = local->begin[place]; i < local->begin[place + 1]; i++) {
        for (size_t j = list->begin[local->errors[i]]; j < list->begin[local->errors[i] + 1]; j++) {
            const uint32_t other = work->place[list->detectors[j]];
            if (work->mark[other] != place) {
                work->mark[other] = place;
                if (!otr_index_append(neighbours, other)) {
                    return OTR_ERR_MEMORY;
                }
            }
        }
    }
    return OTR_OK;
}

/* Finds the order of the detectors, and makes `place` their steps. */
static otr_status order_part(laying *work) {
    otr_frontier *const frontier = work->frontier;
    const uint32_t count = frontier->step_count;
    local_errors local = {0};
    otr_index_list neighbours = {0};
    size_t *const begin = otr_array_zeroed((size_t)count + 1, sizeof *begin);
    otr_status status = begin != NULL ? OTR_OK : OTR_ERR_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        work->place[work->detectors[i]] = i;
        work->mark[i] = NONE;
    }
    status = status == OTR_OK ? list_errors(&local, work) : status;
    for (uint32_t i = 0; status == OTR_OK && i < count; i++) {
        status = append_neighbours(&neighbours, work, &local, i);
        begin[i + 1] = neighbours.count;
    }
    if (status == OTR_OK) {
        const otr_neighbourhood graph = {.count = count, .begin = begin, .neighbours = neighbours.items};
        status = otr_elimination_order(frontier->detector_of, &graph);
    }
    for (uint32_t step = 0; status == OTR_OK && step < count; step++) {
        frontier->detector_of[step] = work->detectors[frontier->detector_of[step]];
        work->place[frontier->detector_of[step]] = step;
    }
    free(local.begin);
    free(local.errors);
    free(neighbours.items);
    free(begin);
    return status;
}

static uint32_t first_step(const laying *work, uint32_t error) {
    const otr_error_list *const list = work->list;
    uint32_t first = NONE;
    for (size_t i = list->begin[error]; i < list->begin[error + 1]; i++) {
        const uint32_t step = work->place[list->detectors[i]];
        first = step < first ? step : first;
    }
    return first;
}

/* Numbers the errors by the step that sees them, in `order`, and gives them their targets. */
static void place_errors(laying *work) {
    otr_frontier *const frontier = work->frontier;
    const otr_error_list *const list = work->list;
    const uint32_t count = frontier->error_count;
    uint32_t *const begin = frontier->error_begin;
    uint32_t targets = 0;
    for (uint32_t i = 0; i < count; i++) {
        begin[first_step(work, work->errors[i])]++;
    }
    for (uint32_t step = 0; step < frontier->step_count; step++) {
        begin[step + 1] += begin[step];
    }
    /* Filled from the back, every begin ends where its errors start. */
    for (uint32_t i = count; i-- > 0;) {
        work->order[--begin[first_step(work, work->errors[i])]] = work->errors[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t error = work->order[i];
        frontier->odds[i] = list->odds[error];
        for (size_t j = list->begin[error]; j < list->begin[error + 1]; j++) {
            frontier->targets[targets++] = work->place[list->detectors[j]];
        }
        otr_sort_indices(frontier->targets + frontier->target_begin[i], targets - frontier->target_begin[i]);
        frontier->target_begin[i + 1] = targets;
    }
}

/* Numbers the incidences by detector; those of a detector ascend by error. */
static void number_incidences(otr_frontier *frontier) {
    uint32_t *const begin = frontier->incidence_begin;
    for (uint32_t i = 0; i < frontier->target_begin[frontier->error_count]; i++) {
        begin[frontier->targets[i]]++;
    }
    for (uint32_t step = 0; step < frontier->step_count; step++) {
        begin[step + 1] += begin[step];
    }
    for (uint32_t error = frontier->error_count; error-- > 0;) {
        for (uint32_t i = frontier->target_begin[error]; i < frontier->target_begin[error + 1]; i++) {
            frontier->incidence[i] = --begin[frontier->targets[i]];
            frontier->error_of[frontier->incidence[i]] = error;
        }
    }
}

/* Opens a detector in the lowest free slot. */
static bool open_detector(otr_frontier *frontier, uint32_t detector, otr_index_list *used, uint32_t *opened) {
    uint32_t slot = 0;
    while (slot < used->count && used->items[slot] != 0) {
        slot++;
    }
    if (slot == used->count && !otr_index_append(used, 0)) {
        return false;
    }
    used->items[slot] = 1;
    frontier->slot[detector] = slot;
    frontier->opened[(*opened)++] = detector;
    return true;
}

/* Gives every detector a slot from the step of its first error to its own. */
static otr_status open_detectors(otr_frontier *frontier) {
    otr_index_list used = {0}; /* whether each slot is */
    uint32_t opened = 0;
    bool has_memory = true;
    for (uint32_t step = 0; step < frontier->step_count; step++) {
        frontier->slot[step] = NONE;
    }
    for (uint32_t step = 0; has_memory && step < frontier->step_count; step++) {
        const uint32_t begin = frontier->target_begin[frontier->error_begin[step]];
        const uint32_t end = frontier->target_begin[frontier->error_begin[step + 1]];
        if (frontier->slot[step] == NONE) {
            has_memory = open_detector(frontier, step, &used, &opened);
        }
        for (uint32_t i = begin; has_memory && i < end; i++) {
            if (frontier->slot[frontier->targets[i]] == NONE) {
                has_memory = open_detector(frontier, frontier->targets[i], &used, &opened);
            }
        }
        if (has_memory) {
            used.items[frontier->slot[step]] = 0;
        }
        frontier->opened_begin[step + 1] = opened;
    }
    frontier->slot_count = (uint32_t)used.count;
    free(used.items);
    return has_memory ? OTR_OK : OTR_ERR_MEMORY;
}

static otr_status set_masks(const laying *work, otr_error *error) {
    otr_frontier *const frontier = work->frontier;
    const uint32_t shift = otr_frontier_class_shift(work->list);
    if (frontier->slot_count > OTR_TRELLIS_OPEN_MAX) {
        return otr_error_set(
            error, OTR_ERR_LIMIT, 0, 0,
            "a sum over the errors of the model needs %u detectors open at once, the limit is "
            "%d",
            frontier->slot_count, OTR_TRELLIS_OPEN_MAX);
    }
    frontier->words = (frontier->slot_count + work->list->observable_count + 63) / 64;
    frontier->masks =
        otr_array_zeroed((size_t)frontier->error_count * frontier->words, sizeof *frontier->masks);
    if (frontier->masks == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < frontier->error_count; i++) {
        uint64_t *const mask = frontier->masks + (size_t)i * frontier->words;
        for (uint32_t j = frontier->target_begin[i]; j < frontier->target_begin[i + 1]; j++) {
            const uint32_t slot = frontier->slot[frontier->targets[j]];
            mask[slot / 64] |= (uint64_t)1 << slot % 64;
        }
        mask[frontier->words - 1] |= work->list->observables[work->order[i]] << shift;
    }
    return OTR_OK;
}

static void free_frontier(otr_frontier *frontier) {
    free(frontier->detector_of);
    free(frontier->error_begin);
    free(frontier->opened_begin);
    free(frontier->opened);
    free(frontier->slot);
    free(frontier->masks);
    free(frontier->odds);
    free(frontier->target_begin);
    free(frontier->targets);
    free(frontier->incidence);
    free(frontier->incidence_begin);
    free(frontier->error_of);
}
