/* New numbers on the topology of a graph. */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "graph/graph_build.h"
#include "graph/numbers.h"

static otr_status fail_memory(otr_error *error);
static otr_graph *borrow_topology(const otr_graph *graph);
static otr_status reweigh(otr_graph *copy, const double *probabilities, otr_error *error);

otr_status otr_graph_reweighted(otr_graph **out, const otr_graph *graph, const double *probabilities,
                                uint64_t error_count, otr_error *error) {
    otr_graph *copy;
    otr_status status;
    if (out == NULL || graph == NULL || (probabilities == NULL && error_count > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no graph, no probabilities or no place for the graph");
    }
    if (!graph->recipe.is_kept) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "the graph was not built to take other error probabilities");
    }
    if (graph->errors != NULL) {
        return otr_error_set(
            error, OTR_ERR_UNSUPPORTED, 0, 0,
            "the graph keeps its errors whole, with the probabilities that it was built with");
    }
    if (graph->is_choice) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "parallel errors flip different observables, and which are likelier may change: "
                             "build another, or with the observables of the first ones");
    }
    if (error_count != graph->recipe.error_count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "%llu probabilities for %llu errors",
                             (unsigned long long)error_count, (unsigned long long)graph->recipe.error_count);
    }
    copy = borrow_topology(graph);
    status = copy != NULL ? reweigh(copy, probabilities, error) : fail_memory(error);
    if (status != OTR_OK) {
        otr_graph_destroy(copy);
        return status;
    }
    *out = copy;
    return OTR_OK;
}

otr_status otr_graph_reweighted_edges(otr_graph **out, const otr_graph *graph, const double *probabilities,
                                      uint32_t edge_count, otr_error *error) {
    otr_graph *copy;
    if (out == NULL || graph == NULL || (probabilities == NULL && edge_count > 0) ||
        edge_count != graph->edge_count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no graph, no place for the graph, or not a probability for each edge");
    }
    if (graph->correlations) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "correlations follow from the probabilities of errors, not of edges");
    }
    for (uint32_t edge = 0; edge < edge_count; edge++) {
        const double p = probabilities[edge];
        if (!(p > 0 && p <= 1)) {
            return otr_error_set(error, OTR_ERR_PROBABILITY, 0, 0,
                                 "edge %u has probability %g; it is above 0 and at most 1", edge, p);
        }
    }
    copy = borrow_topology(graph);
    if (copy == NULL) {
        return fail_memory(error);
    }
    if (edge_count > 0) {
        memcpy(copy->edge_probability, probabilities, edge_count * sizeof *probabilities);
    }
    otr_graph_set_weights(copy, NULL, NULL);
    *out = copy;
    return OTR_OK;
}

static otr_status fail_memory(otr_error *error) {
    return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
}

/* As otr_graph_allocate, for what is filled in full. */
static void *allocate(otr_graph *graph, size_t count, size_t element_bytes) {
    void *const memory = otr_array_new(count, element_bytes);
    if (memory != NULL) {
        graph->heap_bytes += count * element_bytes;
    }
    return memory;
}

/* A graph with the topology of `graph` and room for other numbers; NULL when memory is out. The probabilities
 * are 0, and those of vanished edges have room behind them. */
static otr_graph *borrow_topology(const otr_graph *graph) {
    otr_graph *const copy = otr_array_new(1, sizeof *copy);
    const size_t edges = graph->edge_count;
    if (copy == NULL) {
        return NULL;
    }
    *copy = *graph;
    copy->lender = graph->lender != NULL ? graph->lender : graph;
    copy->heap_bytes = sizeof *copy;
    copy->edge_weight = allocate(copy, edges, sizeof *copy->edge_weight);
    copy->edge_probability =
        otr_graph_allocate(copy, edges + graph->recipe.vanished_count, sizeof *copy->edge_probability);
    copy->implied_weight = NULL;
    if (graph->correlations) {
        copy->implied_weight = allocate(copy, graph->implied_begin[edges], sizeof *copy->implied_weight);
    }
    if (copy->edge_weight == NULL || copy->edge_probability == NULL ||
        (graph->correlations && copy->implied_weight == NULL)) {
        otr_graph_destroy(copy);
        return NULL;
    }
    return copy;
}

static otr_status refuse_probability(uint64_t number, double p, otr_error *error) {
    if (p >= 0 && p <= 1) {
        return otr_error_set(
            error, OTR_ERR_PROBABILITY, 0, 0,
            "error %llu has probability %g, and either it was 0 when the graph was built or it "
            "is 0 now: build another",
            (unsigned long long)number, p);
    }
    return otr_error_set(error, OTR_ERR_PROBABILITY, 0, 0, "error %llu has probability %g, which is none",
                         (unsigned long long)number, p);
}

/* Adds all errors, of which each can happen if and only if it could when the graph was built. */
static otr_status add_errors(const otr_graph *graph, const double *probabilities, const otr_error_sums *sums,
                             otr_error *error) {
    const uint32_t *words = graph->recipe.words;
    for (uint64_t i = 0; i < graph->recipe.error_count; i++) {
        const double p = probabilities[i];
        if (*words != OTR_ERROR_NEVER && p > 0 && p <= 1) {
            words = otr_error_sums_add(sums, words, p);
        } else if (*words == OTR_ERROR_NEVER && p == 0) {
            words++;
        } else {
            return refuse_probability(i, p, error);
        }
    }
    return OTR_OK;
}

/* Certain errors can cancel; then an edge is none, or is one again. */
static otr_status check_edges(const otr_graph *graph, const double *probability, otr_error *error) {
    const size_t count = (size_t)graph->edge_count + graph->recipe.vanished_count;
    for (size_t edge = 0; edge < count; edge++) {
        if ((probability[edge] > 0) != (edge < graph->edge_count)) {
            return otr_error_set(
                error, OTR_ERR_PROBABILITY, 0, 0,
                "certain errors cancel to other edges than those of the graph; build another");
        }
    }
    return OTR_OK;
}

static otr_status reweigh(otr_graph *copy, const double *probabilities, otr_error *error) {
    otr_error_sums sums = {.correlations = copy->correlations, .probability = copy->edge_probability};
    otr_status status = OTR_OK;
    if (copy->correlations) {
        sums.joint = otr_array_zeroed(copy->recipe.pair_count, sizeof *sums.joint);
        status = sums.joint != NULL ? OTR_OK : fail_memory(error);
    }
    if (copy->recipe.has_repeats) {
        sums.marginal =
            otr_array_zeroed((size_t)copy->edge_count + copy->recipe.vanished_count, sizeof *sums.marginal);
        status = sums.marginal != NULL ? status : fail_memory(error);
    }
    status = status == OTR_OK ? add_errors(copy, probabilities, &sums, error) : status;
    status = status == OTR_OK ? check_edges(copy, copy->edge_probability, error) : status;
    if (status == OTR_OK) {
        otr_graph_set_weights(copy, &sums, copy->implied_pairs);
    }
    free(sums.marginal);
    free(sums.joint);
    return status;
}
