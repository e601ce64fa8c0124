/* Memory and arcs of a graph in the making. */
#ifndef OTR_GRAPH_BUILD_H
#define OTR_GRAPH_BUILD_H

#include "graph/graph_internal.h"

#include <stdbool.h>

/* Zeroed memory that the graph owns and accounts for; NULL when memory is out. */
void *otr_graph_allocate(otr_graph *graph, size_t count, size_t element_bytes);

/* What is wrong with the options, or with the size of a graph: OTR_ERR_ARGUMENT, OTR_ERR_LIMIT. */
otr_status otr_graph_check_options(const otr_graph_options *options, otr_error *error);
otr_status otr_graph_check_count(const char *what, uint64_t count, uint64_t limit, otr_error *error);

/* Room for what graph->edge_count edges with this many observables are; false when memory is out. */
bool otr_graph_allocate_edges(otr_graph *graph, size_t observable_count);

/* Fills the arcs of a graph whose nodes and edges are known; false when memory is out. */
bool otr_graph_link(otr_graph *graph);

#endif
