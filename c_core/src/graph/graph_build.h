/* Memory and arcs of a graph in the making. */
#ifndef OTR_GRAPH_BUILD_H
#define OTR_GRAPH_BUILD_H

#include "graph/graph_internal.h"

#include <stdbool.h>

/* Zeroed memory that the graph owns and accounts for; NULL when memory is out. */
void *otr_graph_allocate(otr_graph *graph, size_t count, size_t element_bytes);

/* Fills the arcs of a graph whose nodes and edges are known; false when memory is out. */
bool otr_graph_link(otr_graph *graph);

#endif
