/* Builds the factor graph in two steps: errors are walked flat, turned into sets of edges and merged; then
 * the lists of errors by detector and by edge are laid out by counting passes.
 *
 * A set of edges is found again by walking a tree of prefixes: the key table numbers pairs of a prefix and
 * the edge that follows it. */
#include "predecode/rules/factor_graph.h"

#include "common/array.h"
#include "common/error.h"
#include "common/key_table.h"
#include "common/sort.h"
#include "graph/numbers.h"
#include "model/model_internal.h"
#include "predecode/rules/rule_internal.h"

#include <math.h>
#include <stdlib.h>

/* Lists of indices, one after another: list i ends at end[i] and starts where the one before ends. */
typedef struct lists {
    uint32_t *end;
    size_t count;
    size_t end_capacity;
    uint32_t *items;
    size_t item_count;
    size_t item_capacity;
} lists;

typedef struct build {
    const otr_graph *graph;
    otr_error *error;
    otr_detector_coordinates coordinates;
    otr_reach extent;       /* the largest of an error so far */
    otr_key_table prefixes; /* (prefix + 1, or 0 at the root) << 32 | edge */
    uint32_t *error_of;     /* prefix -> the error with exactly these edges, or OTR_NONE */
    size_t error_of_capacity;
    double *probability; /* error -> merged probability */
    size_t probability_capacity;
    lists edges;       /* of every error */
    lists detectors;   /* of every error */
    uint32_t *scratch; /* indices of one component or error */
    size_t scratch_capacity;
    uint32_t *set; /* the edges of the error being read */
    size_t set_count;
    size_t set_capacity;
} build;

static otr_status collect(build *from, const otr_model *model);
static otr_status add_error(build *from, const otr_instruction *instruction);
static otr_status add_component(build *from, const otr_instruction *instruction, uint64_t begin,
                                uint64_t end);
static otr_status merge_error(build *from, double p);
static bool append_list(lists *to, const uint32_t *items, size_t count);
static otr_status fail_memory(build *from);
static otr_status fail_other_model(build *from, uint64_t line);
static otr_status fail_limit(build *from, uint64_t line);
static otr_status lay_out(build *from, otr_factor_graph *factors);
static uint32_t *invert(const lists *from, uint32_t target_count, const uint64_t *order, uint32_t *sources);

otr_status otr_factor_graph_init(otr_factor_graph *factors, const otr_graph *graph, const otr_model *model,
                                 otr_error *error) {
    build from = {.graph = graph, .error = error};
    otr_status status = OTR_OK;
    *factors = (otr_factor_graph){0};
    if (otr_detector_coordinates_init(&from.coordinates, model, graph->node_count) != OTR_OK) {
        status = fail_memory(&from);
    }
    status = status == OTR_OK ? collect(&from, model) : status;
    status = status == OTR_OK ? lay_out(&from, factors) : status;
    otr_detector_coordinates_free(&from.coordinates);
    otr_key_table_free(&from.prefixes);
    free(from.error_of);
    free(from.probability);
    free(from.edges.end);
    free(from.edges.items);
    free(from.detectors.end);
    free(from.detectors.items);
    free(from.scratch);
    free(from.set);
    return status;
}

void otr_factor_graph_free(otr_factor_graph *factors) {
    free(factors->prior);
    free(factors->error_begin);
    free(factors->error_detectors);
    free(factors->error_edge_begin);
    free(factors->error_edges);
    free(factors->detector_begin);
    free(factors->detector_errors);
    free(factors->edge_begin);
    free(factors->edge_errors);
}

size_t otr_factor_graph_bytes(const otr_factor_graph *factors, const otr_graph *graph) {
    const size_t indices = 3 * (size_t)factors->error_count + 2 * (size_t)factors->link_count +
                           2 * (size_t)factors->part_count + graph->node_count + graph->edge_count + 4;
    return indices * sizeof *factors->prior;
}

static otr_status collect(build *from, const otr_model *model) {
    otr_model_walk *walk = NULL;
    otr_instruction instruction;
    otr_status status = OTR_OK;
    if (otr_model_walk_create_errors(&walk, model) != OTR_OK) {
        return fail_memory(from);
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &instruction)) {
        if (instruction.arguments[0] > 0) {
            status = add_error(from, &instruction);
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

static otr_status add_error(build *from, const otr_instruction *instruction) {
    otr_status status = OTR_OK;
    uint64_t begin = 0;
    from->set_count = 0;
    for (uint64_t i = 0; i <= instruction->target_count && status == OTR_OK; i++) {
        if (i == instruction->target_count || instruction->targets[i] == OTR_TARGET_SEPARATOR) {
            status = add_component(from, instruction, begin, i);
            begin = i + 1;
        }
    }
    if (status != OTR_OK) {
        return status;
    }
    from->set_count = otr_sort_cancel(from->set, from->set_count);
    status = from->set_count > 0 ? merge_error(from, instruction->arguments[0]) : OTR_OK;
    if (status == OTR_ERR_MEMORY) {
        return fail_memory(from);
    }
    return status == OTR_ERR_LIMIT ? fail_limit(from, instruction->line) : status;
}

/* Adds the edge of the component in targets begin .. end-1 to the set. */
static otr_status add_component(build *from, const otr_instruction *instruction, uint64_t begin,
                                uint64_t end) {
    size_t count = 0;
    uint32_t edge;
    if (!otr_array_reserve((void **)&from->scratch, &from->scratch_capacity, end - begin,
                           sizeof *from->scratch) ||
        !OTR_ARRAY_GROW(from->set, from->set_count, from->set_capacity)) {
        return fail_memory(from);
    }
    for (uint64_t i = begin; i < end; i++) {
        if ((instruction->targets[i] & OTR_TARGET_OBSERVABLE) == 0) {
            from->scratch[count++] = (uint32_t)instruction->targets[i];
        }
    }
    count = otr_sort_cancel(from->scratch, count);
    if (count != 1 && count != 2) {
        return OTR_OK;
    }
    if (otr_graph_find_edge(from->graph, from->scratch[0], count == 2 ? from->scratch[1] : OTR_BOUNDARY,
                            &edge) == OTR_OK) {
        from->set[from->set_count++] = edge;
        return OTR_OK;
    }
    /* The graph has no edge where certain errors have merged to nothing. */
    return instruction->arguments[0] == 1 ? OTR_OK : fail_other_model(from, instruction->line);
}

/* Merges the error with the edges of from->set. Reports OTR_ERR_MEMORY and OTR_ERR_LIMIT without words. */
static otr_status merge_error(build *from, double p) {
    const otr_graph *const graph = from->graph;
    const size_t error = from->edges.count;
    uint32_t prefix = 0;
    size_t ends = 0;
    for (size_t i = 0; i < from->set_count; i++) {
        const size_t known = from->prefixes.count;
        const uint32_t number = otr_key_table_add(&from->prefixes, (uint64_t)prefix << 32 | from->set[i]);
        if (number == OTR_KEY_NONE || !OTR_ARRAY_GROW(from->error_of, known, from->error_of_capacity)) {
            return OTR_ERR_MEMORY;
        }
        if (number == known) {
            from->error_of[number] = OTR_NONE;
        }
        prefix = number + 1;
    }
    if (from->error_of[prefix - 1] != OTR_NONE) {
        double *const known = &from->probability[from->error_of[prefix - 1]];
        *known = otr_probability_xor(*known, p);
        return OTR_OK;
    }
    if (!OTR_ARRAY_GROW(from->probability, error, from->probability_capacity) ||
        !otr_array_reserve((void **)&from->scratch, &from->scratch_capacity, 2 * from->set_count,
                           sizeof *from->scratch)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < from->set_count; i++) {
        from->scratch[ends++] = graph->edge_node1[from->set[i]];
        if (graph->edge_node2[from->set[i]] != OTR_BOUNDARY) {
            from->scratch[ends++] = graph->edge_node2[from->set[i]];
        }
    }
    otr_detector_coordinates_cover(&from->coordinates, from->scratch, ends, &from->extent);
    ends = otr_sort_cancel(from->scratch, ends);
    if (from->edges.item_count + from->set_count > OTR_RULE_LINKS_MAX ||
        from->detectors.item_count + ends > OTR_RULE_LINKS_MAX) {
        return OTR_ERR_LIMIT;
    }
    if (!append_list(&from->edges, from->set, from->set_count) ||
        !append_list(&from->detectors, from->scratch, ends)) {
        return OTR_ERR_MEMORY;
    }
    from->error_of[prefix - 1] = (uint32_t)error;
    from->probability[error] = p;
    return OTR_OK;
}

/* False when memory is out. */
static bool append_list(lists *to, const uint32_t *items, size_t count) {
    if (!OTR_ARRAY_GROW(to->end, to->count, to->end_capacity) ||
        !otr_array_reserve((void **)&to->items, &to->item_capacity, to->item_count + count,
                           sizeof *to->items)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        to->items[to->item_count++] = items[i];
    }
    to->end[to->count++] = (uint32_t)to->item_count;
    return true;
}

static otr_status fail_memory(build *from) {
    return otr_error_set(from->error, OTR_ERR_MEMORY, 0, 0, "out of memory");
}

static otr_status fail_other_model(build *from, uint64_t line) {
    return otr_error_set(from->error, OTR_ERR_ARGUMENT, line, 0,
                         "the model is not the one that the graph was built from");
}

static otr_status fail_limit(build *from, uint64_t line) {
    return otr_error_set(from->error, OTR_ERR_LIMIT, line, 0,
                         "more than %u pairs of errors and detectors, too many for message passing",
                         OTR_RULE_LINKS_MAX);
}

/* Where every list begins, with the end after the last; NULL when memory is out. */
static uint32_t *begins(const lists *from) {
    uint32_t *const begin = otr_array_zeroed(from->count + 1, sizeof *begin);
    for (size_t i = 0; begin != NULL && i < from->count; i++) {
        begin[i + 1] = from->end[i];
    }
    return begin;
}

/* NULL when memory is out. */
static uint32_t *copy_items(const lists *from) {
    uint32_t *const items = otr_array_new(from->item_count, sizeof *items);
    for (size_t i = 0; items != NULL && i < from->item_count; i++) {
        items[i] = from->items[i];
    }
    return items;
}

/* Log-odds for the error, clamped. */
static int32_t log_odds(double p) {
    const double rounded = round(otr_probability_weight(p) * OTR_LOG_ODDS_ONE);
    return (int32_t)fmax(-OTR_LOG_ODDS_MAX, fmin(OTR_LOG_ODDS_MAX, rounded));
}

static int compare_keys(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Keys whose low words are the errors, ascending by magnitude of the prior, then by number; NULL when memory
 * is out. */
static uint64_t *order_errors(const otr_factor_graph *factors) {
    uint64_t *const order = otr_array_new(factors->error_count, sizeof *order);
    if (order != NULL) {
        for (uint32_t error = 0; error < factors->error_count; error++) {
            order[error] = (uint64_t)abs(factors->prior[error]) << 32 | error;
        }
        qsort(order, factors->error_count, sizeof *order, compare_keys);
    }
    return order;
}

static otr_status lay_out(build *from, otr_factor_graph *factors) {
    uint64_t *order;
    factors->error_count = (uint32_t)from->edges.count;
    factors->link_count = (uint32_t)from->detectors.item_count;
    factors->part_count = (uint32_t)from->edges.item_count;
    factors->extent = from->extent;
    factors->prior = otr_array_new(factors->error_count, sizeof *factors->prior);
    factors->error_begin = begins(&from->detectors);
    factors->error_detectors = copy_items(&from->detectors);
    factors->error_edge_begin = begins(&from->edges);
    factors->error_edges = copy_items(&from->edges);
    factors->detector_errors = otr_array_new(factors->link_count, sizeof *factors->detector_errors);
    factors->edge_errors = otr_array_new(factors->part_count, sizeof *factors->edge_errors);
    if (factors->prior == NULL || factors->error_begin == NULL || factors->error_detectors == NULL ||
        factors->error_edge_begin == NULL || factors->error_edges == NULL ||
        factors->detector_errors == NULL || factors->edge_errors == NULL) {
        return fail_memory(from);
    }
    for (uint32_t error = 0; error < factors->error_count; error++) {
        factors->prior[error] = log_odds(from->probability[error]);
    }
    order = order_errors(factors);
    if (order != NULL) {
        factors->detector_begin =
            invert(&from->detectors, from->graph->node_count, order, factors->detector_errors);
        factors->edge_begin = invert(&from->edges, from->graph->edge_count, order, factors->edge_errors);
    }
    free(order);
    return factors->detector_begin != NULL && factors->edge_begin != NULL ? OTR_OK : fail_memory(from);
}

/* For every target the lists that hold it, in the order of the low words of `order`, into `sources`; returns
 * where each target's begin, NULL when memory is out. */
static uint32_t *invert(const lists *from, uint32_t target_count, const uint64_t *order, uint32_t *sources) {
    uint32_t *const begin = otr_array_zeroed((size_t)target_count + 1, sizeof *begin);
    if (begin == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < from->item_count; i++) {
        begin[from->items[i]]++;
    }
    for (size_t target = 1; target <= target_count; target++) {
        begin[target] += begin[target - 1];
    }
    /* Filled from the back, every begin ends where its target's sources start. */
    for (size_t place = from->count; place-- > 0;) {
        const uint32_t list = (uint32_t)order[place];
        for (uint32_t i = list > 0 ? from->end[list - 1] : 0; i < from->end[list]; i++) {
            sources[--begin[from->items[i]]] = list;
        }
    }
    return begin;
}
