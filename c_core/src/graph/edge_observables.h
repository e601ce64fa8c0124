/* The observables of edges in the making. Parallel components may flip different ones: an edge keeps those of
 * the likelier components, or those of its first one. */
#ifndef OTR_GRAPH_EDGE_OBSERVABLES_H
#define OTR_GRAPH_EDGE_OBSERVABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Components of one edge that flip the same observables. */
typedef struct otr_edge_variant {
    uint32_t begin, end; /* into the list */
    uint32_t next;       /* the next variant of the edge, or OTR_NONE */
    double probability;  /* that an odd number of its errors happens */
} otr_edge_variant;

/* Zero-initialised is empty. */
typedef struct otr_edge_observables {
    uint32_t *begin; /* edge -> observables in the list, ascending */
    size_t begin_capacity;
    uint32_t *end;
    size_t end_capacity;
    size_t edge_count;
    uint32_t *list;
    size_t count;
    size_t capacity;
    uint32_t *first; /* edge -> its first variant, or OTR_NONE where all components are alike */
    size_t first_capacity;
    otr_edge_variant *variants;
    size_t variant_count, variant_capacity;
    size_t conflict_count; /* edges with variants */
} otr_edge_observables;

/* Adds the next edge, with the observables of its first component, ascending. False when memory or numbers
 * are out. */
bool otr_edge_observables_add(otr_edge_observables *self, const uint64_t *observables, size_t count);

/* Adds a component of probability p to an edge, whose components before it have probability `before`. False
 * when memory or numbers are out. */
bool otr_edge_observables_merge(otr_edge_observables *self, uint32_t edge, const uint64_t *observables,
                                size_t count, double p, double before);

/* Gives each edge the observables of its likeliest components; where two are equally likely, of the earlier
 * ones. */
void otr_edge_observables_choose(otr_edge_observables *self);

void otr_edge_observables_free(otr_edge_observables *self);

#endif
