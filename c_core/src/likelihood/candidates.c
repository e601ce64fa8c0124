#include "likelihood/candidates.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/sort.h"
#include "model/model_internal.h"
#include "model/symptoms.h"

/* The decompositions as they are found: a count and that many edges each. */
typedef struct findings {
    otr_index_list edges;
    otr_index_list errors;
    otr_index_list counts;
    otr_index_list always;
    otr_index_list symptoms; /* of one error */
    otr_index_list piece;    /* of one piece */
    otr_index_list pieces;   /* edges of one error */
} findings;

static otr_status find(findings *found, const otr_model *model, const otr_error_list *errors,
                       const otr_graph *graph);
static otr_status fill(otr_candidates *candidates, const findings *found);
static void append_error(otr_error_list *list, const otr_error_list *all, uint32_t error);

otr_status otr_candidates_init(otr_candidates *candidates, const otr_model *model,
                               const otr_error_list *errors, const otr_graph *graph) {
    findings found = {0};
    otr_status status;
    *candidates = (otr_candidates){.errors = errors, .edge_count = graph->edge_count};
    status = find(&found, model, errors, graph);
    status = status == OTR_OK ? fill(candidates, &found) : status;
    free(found.edges.items);
    free(found.errors.items);
    free(found.counts.items);
    free(found.always.items);
    free(found.symptoms.items);
    free(found.piece.items);
    free(found.pieces.items);
    return status;
}

void otr_candidates_free(otr_candidates *candidates) {
    free(candidates->error_of);
    free(candidates->edge_counts);
    free(candidates->begin);
    free(candidates->decompositions);
    free(candidates->hits);
    free(candidates->is_chosen);
    free(candidates->edges);
    free(candidates->numbers);
    free(candidates->always);
    otr_error_list_free(&candidates->list);
    *candidates = (otr_candidates){0};
}

size_t otr_candidates_bytes(const otr_candidates *candidates) {
    const size_t decompositions = candidates->decomposition_count;
    const size_t edges = candidates->edge_count;
    return 3 * decompositions * sizeof(uint32_t) + (edges + 1) * sizeof(size_t) +
           edges * (sizeof(uint32_t) + 1) + candidates->begin[edges] * sizeof(uint32_t) +
           (candidates->errors->count + candidates->always_count) * sizeof(uint32_t) +
           otr_error_list_bytes(candidates->errors);
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

void otr_candidates_list(otr_candidates *candidates) {
    otr_error_list *const list = &candidates->list;
    uint32_t count = 0;
    for (uint32_t i = 0; i < candidates->chosen_count; i++) {
        const uint32_t edge = candidates->edges[i];
        for (size_t j = candidates->begin[edge]; j < candidates->begin[edge + 1]; j++) {
            const uint32_t decomposition = candidates->decompositions[j];
            if (++candidates->hits[decomposition] == candidates->edge_counts[decomposition]) {
                candidates->numbers[count++] = candidates->error_of[decomposition];
            }
        }
    }
    for (uint32_t i = 0; i < candidates->chosen_count; i++) {
        const uint32_t edge = candidates->edges[i];
        for (size_t j = candidates->begin[edge]; j < candidates->begin[edge + 1]; j++) {
            candidates->hits[candidates->decompositions[j]] = 0;
        }
    }
    for (uint32_t i = 0; i < candidates->always_count; i++) {
        candidates->numbers[count++] = candidates->always[i];
    }
    otr_sort_indices(candidates->numbers, count);
    list->count = 0;
    otr_error_list_fix(list);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || candidates->numbers[i] != candidates->numbers[i - 1]) {
            append_error(list, candidates->errors, candidates->numbers[i]);
        }
    }
}

/* Copies an error of the list of all. */
static void append_error(otr_error_list *list, const otr_error_list *all, uint32_t error) {
    const size_t begin = list->begin[list->count];
    const size_t count = all->begin[error + 1] - all->begin[error];
    list->odds[list->count] = all->odds[error];
    list->observables[list->count] = all->observables[error];
    for (size_t i = 0; i < count; i++) {
        const uint32_t detector = all->detectors[all->begin[error] + i];
        list->detectors[begin + i] = detector;
        list->fixed[detector / 8] &= (uint8_t) ~(1u << detector % 8);
    }
    list->begin[++list->count] = begin + count;
}

/* The edge of a piece, OTR_NONE if it has none. */
static uint32_t edge_of(const otr_graph *graph, const uint32_t *detectors, size_t count) {
    if (count == 1) {
        return graph->boundary_edge[detectors[0]];
    }
    for (uint32_t arc = graph->arc_begin[detectors[0]]; arc < graph->arc_begin[detectors[0] + 1]; arc++) {
        if (graph->arc_head[arc] == detectors[1]) {
            return graph->arc_edge[arc];
        }
    }
    return OTR_NONE;
}

static bool has(const otr_index_list *list, uint32_t item) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i] == item) {
            return true;
        }
    }
    return false;
}

/* Lists the edges of an error's pieces, each once. *is_matchable gets whether all of them have one. */
static otr_status list_pieces(findings *found, const otr_instruction *step, const otr_graph *graph,
                              bool *is_matchable) {
    uint64_t begin = 0;
    *is_matchable = true;
    found->pieces.count = 0;
    for (uint64_t i = 0; i <= step->target_count; i++) {
        size_t detectors = 0;
        if (i < step->target_count && step->targets[i] != OTR_TARGET_SEPARATOR) {
            continue;
        }
        if (otr_list_symptoms(&found->piece, step->targets + begin, i - begin) != OTR_OK) {
            return OTR_ERR_MEMORY;
        }
        begin = i + 1;
        while (detectors < found->piece.count &&
               (found->piece.items[detectors] & OTR_SYMPTOM_OBSERVABLE) == 0) {
            detectors++;
        }
        if (detectors > 0) {
            const uint32_t edge = detectors <= 2 ? edge_of(graph, found->piece.items, detectors) : OTR_NONE;
            *is_matchable = *is_matchable && edge != OTR_NONE;
            if (edge != OTR_NONE && !has(&found->pieces, edge) && !otr_index_append(&found->pieces, edge)) {
                return OTR_ERR_MEMORY;
            }
        }
    }
    return OTR_OK;
}

static bool append_decomposition(findings *found, uint32_t error) {
    if (found->pieces.count == 0) {
        return otr_index_append(&found->always, error);
    }
    for (size_t i = 0; i < found->pieces.count; i++) {
        if (!otr_index_append(&found->edges, found->pieces.items[i])) {
            return false;
        }
    }
    return otr_index_append(&found->errors, error) &&
           otr_index_append(&found->counts, (uint32_t)found->pieces.count);
}

static otr_status find(findings *found, const otr_model *model, const otr_error_list *errors,
                       const otr_graph *graph) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    otr_status status = otr_model_walk_create_errors(&walk, model);
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        bool is_matchable = false;
        uint32_t error;
        if (step.kind != OTR_INSTRUCTION_ERROR || !(step.arguments[0] > 0)) {
            continue;
        }
        status = otr_list_symptoms(&found->symptoms, step.targets, step.target_count);
        if (status != OTR_OK) {
            break;
        }
        error = otr_error_list_find(errors, found->symptoms.items, found->symptoms.count);
        if (error != OTR_NONE) {
            status = list_pieces(found, &step, graph, &is_matchable);
        }
        if (is_matchable && status == OTR_OK && !append_decomposition(found, error)) {
            status = OTR_ERR_MEMORY;
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

/* Room for all errors among the candidates. */
static bool reserve(otr_candidates *candidates, const findings *found) {
    const otr_error_list *const all = candidates->errors;
    const size_t bytes = otr_bytes_for_bits(all->detector_count);
    otr_error_list *const list = &candidates->list;
    candidates->error_of = otr_array_new(found->errors.count, sizeof *candidates->error_of);
    candidates->edge_counts = otr_array_new(found->errors.count, sizeof *candidates->edge_counts);
    candidates->hits = otr_array_zeroed(found->errors.count, sizeof *candidates->hits);
    candidates->begin = otr_array_zeroed((size_t)candidates->edge_count + 1, sizeof *candidates->begin);
    candidates->decompositions = otr_array_new(found->edges.count, sizeof *candidates->decompositions);
    candidates->is_chosen = otr_array_zeroed(candidates->edge_count, 1);
    candidates->edges = otr_array_new((size_t)candidates->edge_count + 1, sizeof *candidates->edges);
    candidates->numbers =
        otr_array_new(found->errors.count + found->always.count, sizeof *candidates->numbers);
    candidates->always = otr_array_new(found->always.count, sizeof *candidates->always);
    *list = (otr_error_list){.detector_count = all->detector_count,
                             .observable_count = all->observable_count,
                             .odds = otr_array_new(all->count, sizeof *list->odds),
                             .observables = otr_array_new(all->count, sizeof *list->observables),
                             .begin = otr_array_zeroed((size_t)all->count + 1, sizeof *list->begin),
                             .detectors = otr_array_new(all->begin[all->count], sizeof *list->detectors),
                             .happened = otr_array_new(bytes, 1),
                             .happened_observables = all->happened_observables,
                             .fixed = otr_array_new(bytes, 1)};
    return candidates->error_of != NULL && candidates->edge_counts != NULL && candidates->hits != NULL &&
           candidates->begin != NULL && candidates->decompositions != NULL && candidates->is_chosen != NULL &&
           candidates->edges != NULL && candidates->numbers != NULL && candidates->always != NULL &&
           list->odds != NULL && list->observables != NULL && list->begin != NULL &&
           list->detectors != NULL && list->happened != NULL && list->fixed != NULL;
}

static otr_status fill(otr_candidates *candidates, const findings *found) {
    const uint32_t count = (uint32_t)found->errors.count;
    size_t edge = found->edges.count;
    if (found->errors.count >= UINT32_MAX || !reserve(candidates, found)) {
        return OTR_ERR_MEMORY;
    }
    candidates->decomposition_count = count;
    candidates->always_count = (uint32_t)found->always.count;
    memcpy(candidates->list.happened, candidates->errors->happened,
           otr_bytes_for_bits(candidates->errors->detector_count));
    for (size_t i = 0; i < found->always.count; i++) {
        candidates->always[i] = found->always.items[i];
    }
    for (size_t i = 0; i < found->edges.count; i++) {
        candidates->begin[found->edges.items[i]]++;
    }
    for (uint32_t i = 0; i < candidates->edge_count; i++) {
        candidates->begin[i + 1] += candidates->begin[i];
    }
    /* Filled from the back, every begin ends where its list starts. */
    for (uint32_t i = count; i-- > 0;) {
        candidates->error_of[i] = found->errors.items[i];
        candidates->edge_counts[i] = found->counts.items[i];
        for (uint32_t j = 0; j < found->counts.items[i]; j++) {
            candidates->decompositions[--candidates->begin[found->edges.items[--edge]]] = i;
        }
    }
    return OTR_OK;
}
