/* The matching graph: detectors as nodes, error components with one or two detectors as edges. Made from a
 * model, or from edges with weights of their own.
 *
 * From a model it is built by PyMatching's rules (arXiv:2303.15933; merge strategy "independent"):
 *  - an error is split at `^`; a repeated detector or observable inside a component cancels, as in Stim
 *    (PyMatching does not look for them);
 *  - a component with two detectors is an edge, with one detector an edge to the boundary;
 *  - parallel components merge to one edge, p = p1(1-p2) + p2(1-p1). If they flip different observables,
 * which is a conflict, the edge has those that the likeliest of them flip, the earlier ones if two are
 * equally likely. PyMatching takes those of the first component, also option first_observables;
 *  - p = 0 is skipped, also when it is the result of merging;
 *  - the weight is ln((1-p)/p), negative for p > 1/2;
 *  - p = 1 has no finite weight: it does not count for the scale and gets -OTR_WEIGHT_INFINITE;
 *  - a component without detectors is ignored (counted);
 *  - a component with three or more detectors is refused with its line, or skipped and counted.
 * With correlations, pairs of components of one error also give implied weights (see otr_graph_options).
 *
 * Weights are integers: 2 * round(weight * scale / 2), one scale for edges and implied weights. The factor 2
 * keeps every collision time of the matching algorithm an integer. The scale takes the largest weight to
 * 2 * levels, or weight_range to OTR_WEIGHT_MAX where that is less; if all weights are whole numbers it is
 * the largest power of two up to there, so that they stay exact.
 *
 * A weight of OTR_WEIGHT_INFINITE is that of an edge that does not exist: no answer uses it. One of
 * -OTR_WEIGHT_INFINITE is that of an error that is certain: every answer uses it, however much the others
 * weigh, and it counts 0 in the weight of an answer. Only a shot that has no answer otherwise takes certain
 * errors back, for OTR_WEIGHT_MAX each. */
#ifndef OUTRIDER_GRAPH_H
#define OUTRIDER_GRAPH_H

#include "outrider/model.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The virtual boundary as an edge's second node. */
#define OTR_BOUNDARY 0xFFFFFFFFu
/* Detectors and edges of one graph. */
#define OTR_GRAPH_NODES_MAX 0x4000000u
#define OTR_GRAPH_EDGES_MAX 0x10000000u
/* Flattened errors that graph building walks before it refuses. */
#define OTR_GRAPH_ERRORS_MAX 0x40000000u
/* With correlations: components of one error, and implied weights of one graph. */
#define OTR_GRAPH_COMPONENTS_MAX 256
#define OTR_GRAPH_RULES_MAX 0x8000000u
/* With option reweightable: flattened errors, their components, and with correlations the pairs of one
 * error's components, all together. */
#define OTR_GRAPH_RECIPE_MAX 0x10000000u
/* Observables of one graph. */
#define OTR_GRAPH_OBSERVABLES_MAX 0x100000u
/* Discretisation: distinct magnitudes of integer weights (before the factor 2). */
#define OTR_GRAPH_LEVELS_DEFAULT 0xFFFFFFu
/* Largest finite magnitude of an integer weight, also of a per-shot override; and an infinite one. */
#define OTR_WEIGHT_MAX 0x3FFFFFFE
#define OTR_WEIGHT_INFINITE 0x7FFFFFFE
/* Natural weights up to which a graph can be asked for room. */
#define OTR_GRAPH_WEIGHT_RANGE_DEFAULT 64.0
#define OTR_GRAPH_WEIGHT_RANGE_MAX 1e9

typedef struct otr_graph otr_graph;

typedef struct otr_graph_options {
    bool correlations;          /* also build implied weights; a component without detectors inside a
                                   decomposed error is then OTR_ERR_UNDECOMPOSABLE */
    bool ignore_undecomposable; /* skip and count components with three or more detectors */
    bool reweightable;          /* keep what each error adds to, for otr_graph_reweighted: 4 bytes an
                                  error, a component and a pair of them */
    bool errors;                /* keep the errors whole too, for sums over them (likelihood.h): at most
                                   OTR_TRELLIS_ERRORS_MAX, on 64 observables (OTR_ERR_LIMIT). Such a graph takes
                                   no other numbers */
    bool first_observables;     /* edges keep the observables of their first component */
    uint32_t levels;            /* 0 = OTR_GRAPH_LEVELS_DEFAULT; at most that */
    double weight_range;        /* natural weights of single shots up to this can be held, and more where the
                                   graph's own are larger, see otr_graph_weight_limit: the larger, the coarser.
                                   0 = OTR_GRAPH_WEIGHT_RANGE_DEFAULT; at most OTR_GRAPH_WEIGHT_RANGE_MAX */
} otr_graph_options;

OTR_API otr_graph_options otr_graph_options_default(void);

/* Flattens `model` and builds its graph; the model is not needed afterwards. On failure *out is untouched and
 * *error names the line of the model. OTR_ERR_UNDECOMPOSABLE, OTR_ERR_PROBABILITY, OTR_ERR_LIMIT,
 * OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. The graph is immutable; threads and decoders may share it. */
OTR_API otr_status otr_graph_create(otr_graph **out, const otr_model *model, const otr_graph_options *options,
                                    otr_error *error);
/* Edges with weights of their own. All arrays have edge_count entries but for the last two. */
typedef struct otr_graph_edges {
    uint32_t node_count;
    uint32_t observable_count;
    size_t edge_count;
    const uint32_t *node1;
    const uint32_t *node2;          /* another node than node1; one of the two may be OTR_BOUNDARY */
    const double *weights;          /* natural, of any size; infinite ones as above */
    const double *probabilities;    /* from 0 to 1, for what asks for them; NULL: 1 / (1 + e^weight) */
    const size_t *observable_begin; /* edge_count + 1 rising offsets into observables; NULL: there are none */
    const uint32_t *observables;    /* what each edge flips; one that is given twice cancels */
} otr_graph_edges;

/* The graph of edges, at most one between two nodes; whole weights up to OTR_WEIGHT_MAX / 2 are exact. Its
 * edges are numbered by their nodes, not as given: otr_graph_find_edge. Nothing of *edges is needed
 * afterwards. Of the options it takes levels and weight_range. OTR_ERR_INDEX: a node or an observable that is
 * none, or an edge from a node to itself. OTR_ERR_ARGUMENT: two edges between the same nodes, a weight that
 * is not a number, a bad option. OTR_ERR_PROBABILITY, OTR_ERR_LIMIT, OTR_ERR_MEMORY. OTR_ERR_UNSUPPORTED: the
 * options ask for correlations, reweightable or errors. *error names the edge, counted from 0. */
OTR_API otr_status otr_graph_create_from_edges(otr_graph **out, const otr_graph_edges *edges,
                                               const otr_graph_options *options, otr_error *error);
/* Last for the graph whose topology others borrow. NULL is allowed. */
OTR_API void otr_graph_destroy(otr_graph *graph);

/* The graph with other numbers: what otr_graph_create makes of the model when its errors have these
 * probabilities, to the last bit, in much less time. `probabilities` has one for each error of the flattened
 * model, in its order (otr_model_walk), also for those that the graph skips; it is not needed afterwards.
 *
 * The new graph borrows the topology of the graph that otr_graph_create made, `graph` or the one that `graph`
 * was made from: that one must outlive it, `graph` itself need not. Both can be decoded at the same time.
 *
 * Which errors can happen belongs to the topology: a probability is 0 if and only if it was when the graph
 * was built. OTR_ERR_PROBABILITY: it is not so, or a probability is not in [0, 1], or certain errors on one
 * edge cancel and did not before, or the other way round.
 * OTR_ERR_UNSUPPORTED: the graph was built without option reweightable or with option errors, or has
 * conflicts and not option first_observables, so that its observables depend on the probabilities.
 * OTR_ERR_ARGUMENT: another number of errors. OTR_ERR_MEMORY. On failure *out is untouched, and *error
 * (nullable) gives the error, counted from 0. */
OTR_API otr_status otr_graph_reweighted(otr_graph **out, const otr_graph *graph, const double *probabilities,
                                        uint64_t error_count, otr_error *error);
/* The same with probabilities of edges, in (0, 1], for any graph without correlations (OTR_ERR_UNSUPPORTED
 * otherwise). `edge_count` is otr_graph_edge_count. */
OTR_API otr_status otr_graph_reweighted_edges(otr_graph **out, const otr_graph *graph,
                                              const double *probabilities, uint32_t edge_count,
                                              otr_error *error);
/* Errors that otr_graph_reweighted wants probabilities of; 0 without option reweightable. */
OTR_API uint64_t otr_graph_error_count(const otr_graph *graph);

OTR_API uint32_t otr_graph_node_count(const otr_graph *graph); /* = detectors of the model */
OTR_API uint32_t otr_graph_edge_count(const otr_graph *graph);
OTR_API uint32_t otr_graph_observable_count(const otr_graph *graph);
OTR_API bool otr_graph_has_correlations(const otr_graph *graph);
OTR_API bool otr_graph_has_errors(const otr_graph *graph);
OTR_API uint64_t otr_graph_conflict_count(const otr_graph *graph);     /* edges whose components conflict */
OTR_API uint64_t otr_graph_ignored_count(const otr_graph *graph);      /* undecomposable components skipped */
OTR_API uint64_t otr_graph_undetectable_count(const otr_graph *graph); /* components without detectors */
/* Natural weight = integer weight / scale. Natural weights are held to 1 / scale. */
OTR_API double otr_graph_scale(const otr_graph *graph);
/* The largest finite natural weight that can be held: OTR_WEIGHT_MAX / scale. */
OTR_API double otr_graph_weight_limit(const otr_graph *graph);
/* Heap bytes held. */
OTR_API size_t otr_graph_bytes(const otr_graph *graph);

/* One edge, as a view; observables live as long as the graph. */
typedef struct otr_edge {
    uint32_t node1;     /* a detector */
    uint32_t node2;     /* a detector > node1, or OTR_BOUNDARY */
    double probability; /* merged, in (0, 1]; or as given, in [0, 1] */
    int32_t weight;     /* integer weight, even; may be negative, or infinite */
    uint32_t observable_count;
    const uint32_t *observables; /* ascending */
} otr_edge;
/* OTR_ERR_INDEX if edge >= otr_graph_edge_count. */
OTR_API otr_status otr_graph_edge(const otr_graph *graph, uint32_t edge, otr_edge *out);

/* The edge between two nodes (node2 may be OTR_BOUNDARY); OTR_ERR_INDEX if there is none. */
OTR_API otr_status otr_graph_find_edge(const otr_graph *graph, uint32_t node1, uint32_t node2,
                                       uint32_t *edge);

/* The correlation rules of one edge: using it lowers edges[i] to at most weights[i] (integer units, >= 0).
 * Ascending by edge; the arrays live as long as the graph. */
typedef struct otr_implied {
    const uint32_t *edges;
    const int32_t *weights;
    size_t count; /* 0 without correlations */
} otr_implied;
/* OTR_ERR_INDEX if edge >= otr_graph_edge_count. */
OTR_API otr_status otr_graph_implied(const otr_graph *graph, uint32_t edge, otr_implied *out);

/* One per-shot weight. The graph's own weight of `edge` is replaced for this shot only. A negative weight
 * forces the edge: its endpoints' events flip, its observables flip, and |weight| is the price of taking it
 * back; that is exact. Cost is constant per override. The same edge twice: the last one counts. |weight| is
 * at most OTR_WEIGHT_MAX, or OTR_WEIGHT_INFINITE; an odd weight is rounded down in magnitude to even. */
typedef struct otr_override {
    uint32_t edge;
    int32_t weight; /* integer units, see otr_graph_quantize */
} otr_override;

/* Nearest even integer weight for a natural weight, ties away from zero, the way the graph itself rounds;
 * infinite for an infinite one. OTR_ERR_LIMIT if it is finite and above otr_graph_weight_limit in magnitude,
 * OTR_ERR_ARGUMENT for NaN; *weight is then untouched. */
OTR_API otr_status otr_graph_quantize(const otr_graph *graph, double natural_weight, int32_t *weight);

#ifdef __cplusplus
}
#endif
#endif
