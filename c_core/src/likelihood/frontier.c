#include "likelihood/frontier.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "common/sort.h"
#include "likelihood/elimination_order.h"
#include "outrider/trellis.h"

#define NONE UINT32_MAX

/* One part on its way to a frontier. */
typedef struct laying {
    otr_frontier *frontier;
    const otr_error_list *list;
    const uint32_t *detectors; /* of the part, ascending */
    const uint32_t *errors;    /* the same; error_count of the frontier */
    uint32_t *place;           /* detector of the model -> place in `detectors`, then its step */
    uint32_t *mark;          /* place -> the last place whose neighbour it was; then whether a slot is used */
    uint32_t *order;         /* position -> error of the model */
    uint32_t *scratch;       /* of the elimination order */
    size_t *local_begin;     /* place -> into local_errors, one more at the end */
    uint32_t *local_errors;  /* errors of the model, by the places of their detectors */
    size_t *neighbour_begin; /* place -> into neighbours, one more at the end */
    otr_index_list *neighbours;
} laying;

/* How much is to be laid out. */
typedef struct extent {
    size_t steps, errors, incidences;
} extent;

static extent measure(const otr_error_parts *parts, const otr_error_list *errors);
static bool reserve(otr_frontier_list *list, const extent *extent, const otr_error_list *errors,
                    laying *work);
static void carve(otr_frontier_list *list, const extent *extent, const otr_error_list *errors);
static otr_status order_part(laying *work);
static void place_errors(laying *work);
static void number_incidences(otr_frontier *frontier);
static void open_detectors(laying *work);
static otr_status set_masks(otr_frontier_list *list, const otr_error_list *errors, otr_error *error);

otr_status otr_frontier_list_fill(otr_frontier_list *list, const otr_error_list *errors, otr_error *error) {
    laying work = {.list = errors};
    extent extent;
    otr_status status = otr_error_parts_fill(&list->found, errors);
    if (status == OTR_OK) {
        extent = measure(&list->found, errors);
        if (extent.incidences >= UINT32_MAX) {
            return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                                 "the errors of the model have 2^32 detectors or more");
        }
        status = reserve(list, &extent, errors, &work) ? OTR_OK : OTR_ERR_MEMORY;
    }
    list->count = 0;
    if (status == OTR_OK) {
        carve(list, &extent, errors);
    }
    for (uint32_t i = 0; status == OTR_OK && i < list->count; i++) {
        work.frontier = &list->parts[i];
        work.detectors = list->found.detectors + list->found.detector_begin[i];
        work.errors = list->found.errors + list->found.error_begin[i];
        status = order_part(&work);
        if (status == OTR_OK) {
            place_errors(&work);
            number_incidences(work.frontier);
            open_detectors(&work);
        }
    }
    if (status == OTR_ERR_MEMORY) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    return status == OTR_OK ? set_masks(list, errors, error) : status;
}

void otr_frontier_list_free(otr_frontier_list *list) {
    free(list->parts);
    free(list->words);
    free(list->odds);
    free(list->observables);
    free(list->masks);
    otr_error_parts_free(&list->found);
    free(list->scratch);
    free(list->begins);
    free(list->neighbours.items);
    *list = (otr_frontier_list){0};
}

size_t otr_frontier_list_bytes(const otr_frontier_list *list) {
    return list->part_capacity * sizeof *list->parts +
           (list->word_capacity + list->scratch_capacity + list->neighbours.capacity) * sizeof *list->words +
           list->odds_capacity * sizeof *list->odds +
           (list->observable_capacity + list->mask_capacity) * sizeof *list->masks +
           list->begin_capacity * sizeof *list->begins + otr_error_parts_bytes(&list->found);
}

static extent measure(const otr_error_parts *parts, const otr_error_list *errors) {
    extent found = {.steps = parts->detector_begin[parts->count], .errors = parts->error_begin[parts->count]};
    for (size_t i = 0; i < found.errors; i++) {
        found.incidences += errors->begin[parts->errors[i] + 1] - errors->begin[parts->errors[i]];
    }
    return found;
}

static bool reserve(otr_frontier_list *list, const extent *extent, const otr_error_list *errors,
                    laying *work) {
    const size_t parts = list->found.count;
    const size_t words = 6 * extent->steps + 4 * parts + extent->errors + 3 * extent->incidences;
    /* One more, so that there is an array to divide. */
    const size_t scratch = errors->detector_count + (1 + OTR_ELIMINATION_SCRATCH) * extent->steps +
                           extent->errors + extent->incidences + 1;
    if (!otr_array_reserve((void **)&list->parts, &list->part_capacity, parts, sizeof *list->parts) ||
        !otr_array_reserve((void **)&list->words, &list->word_capacity, words, sizeof *list->words) ||
        !otr_array_reserve((void **)&list->odds, &list->odds_capacity, extent->errors, sizeof *list->odds) ||
        !otr_array_reserve((void **)&list->observables, &list->observable_capacity, extent->errors,
                           sizeof *list->observables) ||
        !otr_array_reserve((void **)&list->scratch, &list->scratch_capacity, scratch,
                           sizeof *list->scratch) ||
        !otr_array_reserve((void **)&list->begins, &list->begin_capacity, 2 * extent->steps + 2,
                           sizeof *list->begins)) {
        return false;
    }
    work->place = list->scratch;
    work->mark = work->place + errors->detector_count;
    work->order = work->mark + extent->steps;
    work->local_errors = work->order + extent->errors;
    work->scratch = work->local_errors + extent->incidences;
    work->local_begin = list->begins;
    work->neighbour_begin = list->begins + extent->steps + 1;
    work->neighbours = &list->neighbours;
    return true;
}

static uint32_t *take(uint32_t **next, size_t count) {
    uint32_t *const taken = *next;
    *next += count;
    return taken;
}

/* Gives each part its share of the arrays. */
static void carve(otr_frontier_list *list, const extent *extent, const otr_error_list *errors) {
    const otr_error_parts *const found = &list->found;
    uint32_t *next = list->words;
    size_t incidence = 0;
    list->count = found->count;
    list->step_count = extent->steps;
    list->incidence_count = extent->incidences;
    for (uint32_t i = 0; i < found->count; i++) {
        otr_frontier *const part = &list->parts[i];
        const uint32_t steps = found->detector_begin[i + 1] - found->detector_begin[i];
        const uint32_t count = found->error_begin[i + 1] - found->error_begin[i];
        const uint32_t *const numbers = found->errors + found->error_begin[i];
        size_t incidences = 0;
        for (uint32_t j = 0; j < count; j++) {
            incidences += errors->begin[numbers[j] + 1] - errors->begin[numbers[j]];
        }
        *part = (otr_frontier){.step_count = steps,
                               .error_count = count,
                               .first_step = found->detector_begin[i],
                               .first_incidence = incidence,
                               .detector_of = take(&next, steps),
                               .error_begin = take(&next, (size_t)steps + 1),
                               .opened_begin = take(&next, (size_t)steps + 1),
                               .opened = take(&next, steps),
                               .slot = take(&next, steps),
                               .odds = list->odds + found->error_begin[i],
                               .observables = list->observables + found->error_begin[i],
                               .target_begin = take(&next, (size_t)count + 1),
                               .targets = take(&next, incidences),
                               .incidence = take(&next, incidences),
                               .incidence_begin = take(&next, (size_t)steps + 1),
                               .error_of = take(&next, incidences)};
        incidence += incidences;
    }
}

/* The errors of each detector, by places. */
static void list_errors(laying *work) {
    const otr_error_list *const list = work->list;
    const uint32_t count = work->frontier->step_count;
    size_t *const begin = work->local_begin;
    memset(begin, 0, ((size_t)count + 1) * sizeof *begin);
    for (uint32_t i = 0; i < work->frontier->error_count; i++) {
        for (size_t j = list->begin[work->errors[i]]; j < list->begin[work->errors[i] + 1]; j++) {
            begin[work->place[list->detectors[j]]]++;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        begin[i + 1] += begin[i];
    }
    /* Filled from the back, every begin ends where its errors start. */
    for (uint32_t i = work->frontier->error_count; i-- > 0;) {
        for (size_t j = list->begin[work->errors[i]]; j < list->begin[work->errors[i] + 1]; j++) {
            work->local_errors[--begin[work->place[list->detectors[j]]]] = work->errors[i];
        }
    }
}

/* Appends the detectors that share an error with the one at `place`, each once, as places. */
static otr_status append_neighbours(laying *work, uint32_t place) {
    const otr_error_list *const list = work->list;
    work->mark[place] = place;
    for (size_t i = work->local_begin[place]; i < work->local_begin[place + 1]; i++) {
        const uint32_t error = work->local_errors[i];
        for (size_t j = list->begin[error]; j < list->begin[error + 1]; j++) {
            const uint32_t other = work->place[list->detectors[j]];
            if (work->mark[other] != place) {
                work->mark[other] = place;
                if (!otr_index_append(work->neighbours, other)) {
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
    otr_status status = OTR_OK;
    for (uint32_t i = 0; i < count; i++) {
        work->place[work->detectors[i]] = i;
        work->mark[i] = NONE;
    }
    list_errors(work);
    work->neighbours->count = 0;
    work->neighbour_begin[0] = 0;
    for (uint32_t i = 0; status == OTR_OK && i < count; i++) {
        status = append_neighbours(work, i);
        work->neighbour_begin[i + 1] = work->neighbours->count;
    }
    if (status == OTR_OK) {
        const otr_neighbourhood graph = {
            .count = count, .begin = work->neighbour_begin, .neighbours = work->neighbours->items};
        otr_elimination_order(frontier->detector_of, &graph, work->scratch);
    }
    for (uint32_t step = 0; status == OTR_OK && step < count; step++) {
        frontier->detector_of[step] = work->detectors[frontier->detector_of[step]];
        work->place[frontier->detector_of[step]] = step;
    }
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
    memset(begin, 0, ((size_t)frontier->step_count + 1) * sizeof *begin);
    frontier->target_begin[0] = 0;
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
        frontier->observables[i] = list->observables[error];
        frontier->flips |= list->observables[error];
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
    memset(begin, 0, ((size_t)frontier->step_count + 1) * sizeof *begin);
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
static void open_detector(laying *work, uint32_t detector, uint32_t *opened) {
    otr_frontier *const frontier = work->frontier;
    uint32_t slot = 0;
    while (slot < frontier->slot_count && work->mark[slot] != 0) {
        slot++;
    }
    frontier->slot_count += slot == frontier->slot_count;
    work->mark[slot] = 1;
    frontier->slot[detector] = slot;
    frontier->opened[(*opened)++] = detector;
}

/* Gives every detector a slot from the step of its first error to its own. */
static void open_detectors(laying *work) {
    otr_frontier *const frontier = work->frontier;
    uint32_t opened = 0;
    for (uint32_t step = 0; step < frontier->step_count; step++) {
        frontier->slot[step] = NONE;
    }
    frontier->slot_count = 0;
    frontier->opened_begin[0] = 0;
    for (uint32_t step = 0; step < frontier->step_count; step++) {
        const uint32_t begin = frontier->target_begin[frontier->error_begin[step]];
        const uint32_t end = frontier->target_begin[frontier->error_begin[step + 1]];
        if (frontier->slot[step] == NONE) {
            open_detector(work, step, &opened);
        }
        for (uint32_t i = begin; i < end; i++) {
            if (frontier->slot[frontier->targets[i]] == NONE) {
                open_detector(work, frontier->targets[i], &opened);
            }
        }
        work->mark[frontier->slot[step]] = 0;
        frontier->opened_begin[step + 1] = opened;
    }
}

/* Lays out the masks of all parts. */
static otr_status set_masks(otr_frontier_list *list, const otr_error_list *errors, otr_error *error) {
    const uint32_t shift = otr_frontier_class_shift(errors);
    size_t words = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        otr_frontier *const part = &list->parts[i];
        if (part->slot_count > OTR_TRELLIS_OPEN_MAX) {
            return otr_error_set(
                error, OTR_ERR_LIMIT, 0, 0,
                "a sum over the errors of the model needs %u detectors open at once, the limit is "
                "%d",
                part->slot_count, OTR_TRELLIS_OPEN_MAX);
        }
        part->words = (part->slot_count + errors->observable_count + 63) / 64;
        words += (size_t)part->error_count * part->words;
    }
    if (!otr_array_reserve((void **)&list->masks, &list->mask_capacity, words, sizeof *list->masks)) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    if (words > 0) {
        memset(list->masks, 0, words * sizeof *list->masks);
    }
    words = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        otr_frontier *const part = &list->parts[i];
        part->masks = list->masks + words;
        words += (size_t)part->error_count * part->words;
        for (uint32_t j = 0; j < part->error_count; j++) {
            uint64_t *const mask = part->masks + (size_t)j * part->words;
            for (uint32_t k = part->target_begin[j]; k < part->target_begin[j + 1]; k++) {
                const uint32_t slot = part->slot[part->targets[k]];
                mask[slot / 64] |= (uint64_t)1 << slot % 64;
            }
            mask[part->words - 1] |= part->observables[j] << shift;
        }
    }
    return OTR_OK;
}
