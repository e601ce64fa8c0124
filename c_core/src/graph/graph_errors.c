#include "graph/graph_errors.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "model/model_internal.h"
#include "model/symptoms.h"

/* The decompositions as they are found, in the order of the model: so many edges each. */
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
static otr_status fill(otr_graph_errors *errors, const findings *found);
static bool is_repeat(const otr_graph_errors *errors, uint32_t error, const uint32_t *edges, size_t count);

otr_status otr_graph_errors_create(otr_graph_errors **out, const otr_model *model, const otr_graph *graph,
                                   otr_error *error) {
    findings found = {0};
    otr_graph_errors *const made = otr_array_zeroed(1, sizeof *made);
    otr_status status = OTR_ERR_MEMORY;
    if (made != NULL) {
        status = otr_error_list_init(&made->list, model, error);
        if (status != OTR_OK) {
            otr_graph_errors_destroy(made);
            return status;
        }
        status = find(&found, model, &made->list, graph);
    }
    status = status == OTR_OK ? fill(made, &found) : status;
    status = status == OTR_OK ? otr_graph_errors_index(made, graph->edge_count) : status;
    free(found.edges.items);
    free(found.errors.items);
    free(found.counts.items);
    free(found.always.items);
    free(found.symptoms.items);
    free(found.piece.items);
    free(found.pieces.items);
    if (status != OTR_OK) {
        otr_graph_errors_destroy(made);
        return otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
    }
    *out = made;
    return OTR_OK;
}

otr_status otr_graph_errors_index(otr_graph_errors *errors, uint32_t edge_count) {
    const size_t count = errors->edge_begin[errors->decomposition_count];
    errors->begin = otr_array_zeroed((size_t)edge_count + 1, sizeof *errors->begin);
    errors->decompositions = otr_array_new(count, sizeof *errors->decompositions);
    if (errors->begin == NULL || errors->decompositions == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        errors->begin[errors->edges[i]]++;
    }
    for (uint32_t edge = 0; edge < edge_count; edge++) {
        errors->begin[edge + 1] += errors->begin[edge];
    }
    /* Filled from the back, every begin ends where its list starts. */
    for (uint32_t i = errors->decomposition_count; i-- > 0;) {
        for (size_t j = errors->edge_begin[i + 1]; j-- > errors->edge_begin[i];) {
            errors->decompositions[--errors->begin[errors->edges[j]]] = i;
        }
    }
    return OTR_OK;
}

void otr_graph_errors_destroy(otr_graph_errors *errors) {
    if (errors == NULL) {
        return;
    }
    otr_error_list_free(&errors->list);
    free(errors->error_of);
    free(errors->edge_begin);
    free(errors->edges);
    free(errors->begin);
    free(errors->decompositions);
    free(errors->always);
    free(errors->recalled);
    free(errors->recalled_odds);
    free(errors);
}

size_t otr_graph_errors_bytes(const otr_graph_errors *errors, uint32_t edge_count) {
    const size_t decompositions = errors->decomposition_count;
    const size_t recalled = errors->recalled != NULL ? errors->list.count : 0;
    return sizeof *errors + otr_error_list_bytes(&errors->list) +
           decompositions * (sizeof *errors->error_of + sizeof *errors->edge_begin) +
           errors->edge_begin[decompositions] * (sizeof *errors->edges + sizeof *errors->decompositions) +
           ((size_t)edge_count + 1) * sizeof *errors->begin + errors->always_count * sizeof *errors->always +
           recalled * (sizeof *errors->recalled + sizeof *errors->recalled_odds);
}

/* The edge of a piece, OTR_NONE if it has none. */
static uint32_t edge_of(const otr_graph *graph, const uint32_t *detectors, size_t count) {
    uint32_t edge;
    const uint32_t other = count == 2 ? detectors[1] : OTR_BOUNDARY;
    return count <= 2 && otr_graph_find_edge(graph, detectors[0], other, &edge) == OTR_OK ? edge : OTR_NONE;
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
            const uint32_t edge = edge_of(graph, found->piece.items, detectors);
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

/* Orders the decompositions by their errors, each of an error once. */
static otr_status fill(otr_graph_errors *errors, const findings *found) {
    const size_t count = found->errors.count;
    size_t *const from = otr_array_new(count, sizeof *from); /* decomposition as found -> its first edge */
    uint32_t *const order = otr_array_new(count, sizeof *order);
    size_t *const next = otr_array_zeroed((size_t)errors->list.count + 1, sizeof *next);
    size_t edge = 0;
    errors->error_of = otr_array_new(count, sizeof *errors->error_of);
    errors->edge_begin = otr_array_zeroed(count + 1, sizeof *errors->edge_begin);
    errors->edges = otr_array_new(found->edges.count, sizeof *errors->edges);
    errors->always = otr_array_new(found->always.count, sizeof *errors->always);
    if (count >= UINT32_MAX || from == NULL || order == NULL || next == NULL || errors->error_of == NULL ||
        errors->edge_begin == NULL || errors->edges == NULL || errors->always == NULL) {
        free(from);
        free(order);
        free(next);
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        from[i] = edge;
        edge += found->counts.items[i];
        next[found->errors.items[i] + 1]++;
    }
    for (uint32_t i = 0; i < errors->list.count; i++) {
        next[i + 1] += next[i];
    }
    for (size_t i = 0; i < count; i++) {
        order[next[found->errors.items[i]]++] = (uint32_t)i;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t error = found->errors.items[order[i]];
        const uint32_t *const edges = found->edges.items + from[order[i]];
        const size_t edge_count = found->counts.items[order[i]];
        const size_t begin = errors->edge_begin[errors->decomposition_count];
        if (!is_repeat(errors, error, edges, edge_count)) {
            memcpy(errors->edges + begin, edges, edge_count * sizeof *edges);
            errors->error_of[errors->decomposition_count] = error;
            errors->edge_begin[++errors->decomposition_count] = begin + edge_count;
        }
    }
    errors->always_count = (uint32_t)found->always.count;
    for (size_t i = 0; i < found->always.count; i++) {
        errors->always[i] = found->always.items[i];
    }
    free(from);
    free(order);
    free(next);
    return OTR_OK;
}

/* Whether one of the error's decompositions so far has the same edges in the same order. */
static bool is_repeat(const otr_graph_errors *errors, uint32_t error, const uint32_t *edges, size_t count) {
    for (uint32_t i = errors->decomposition_count; i > 0 && errors->error_of[i - 1] == error; i--) {
        const size_t begin = errors->edge_begin[i - 1];
        if (errors->edge_begin[i] - begin == count &&
            memcmp(errors->edges + begin, edges, count * sizeof *edges) == 0) {
            return true;
        }
    }
    return false;
}
