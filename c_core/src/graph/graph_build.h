/* What graph building gathers from a model before the graph's arrays are laid out. */
#ifndef OTR_GRAPH_BUILD_H
#define OTR_GRAPH_BUILD_H

#include "common/key_table.h"
#include "graph/graph_internal.h"

/* Edges are numbered here in order of first appearance; `rank` takes them to the graph's order. */
typedef struct otr_graph_build {
    otr_graph_options options;
    otr_error *error;
    otr_key_table edges; /* node1 << 32 | node2 */
    double *probability; /* edge -> merged probability */
    size_t probability_capacity;
    uint32_t *observable_begin; /* edge -> its first one's observables, begin and end in observable_list */
    size_t observable_begin_capacity;
    uint32_t *observable_end;
    size_t observable_end_capacity;
    uint32_t *observable_list;
    size_t observable_count;
    size_t observable_capacity;
    uint64_t *scratch; /* targets of one component */
    size_t scratch_capacity;
    uint64_t ignored_count;
    uint64_t undetectable_count;
    uint32_t *rank; /* edge -> place in the graph, OTR_NONE if merging left p = 0 */

    /* With correlations. */
    uint32_t components[OTR_GRAPH_COMPONENTS_MAX]; /* edges of the error being read */
    uint32_t component_count;
    double *marginal; /* edge -> J[a][a] */
    size_t marginal_capacity;
    otr_key_table pairs; /* a << 32 | b with a < b */
    double *joint;       /* pair -> J[a][b] */
    size_t joint_capacity;
} otr_graph_build;

/* Probability that an odd number of two independent events happens. */
static inline double otr_probability_xor(double p, double q) {
    return p * (1 - q) + q * (1 - p);
}

/* ln((1-p)/p), finite also where the quotient overflows; infinite for 0 and 1. */
double otr_probability_weight(double p);

/* Zeroed memory that the graph owns and accounts for; NULL when memory is out. */
void *otr_graph_allocate(otr_graph *graph, size_t count, size_t element_bytes);

/* Fills the arcs of a graph whose nodes and edges are known; 0 when memory is out. */
int otr_graph_link(otr_graph *graph);

/* Accumulates the joint probabilities of build->components, all flipped together with probability p. */
otr_status otr_correlations_add(otr_graph_build *build, double p, uint64_t line);

/* The largest implied weight; *integral is cleared when one of them is no whole number. */
double otr_correlations_max_weight(const otr_graph_build *build, int *integral);

/* Fills the graph's implied weights; its scale is known. */
otr_status otr_correlations_finish(const otr_graph_build *build, otr_graph *graph);

/* A rule as the search applies it; the graph's arcs are known. */
otr_rule otr_rule_for(const otr_graph *graph, otr_implied implied);

#endif
