/* Many short sorted lists of rows, their nodes in one pool, so that memory follows what all of them hold
 * together. */
#ifndef OTR_MEASURE_ROW_LISTS_H
#define OTR_MEASURE_ROW_LISTS_H

#include "outrider/measurements.h"

#include <stdbool.h>

/* Ends a list. */
#define OTR_LIST_END UINT32_MAX

/* An element: row << 2 | Pauli, or a row. */
typedef struct otr_list_node {
    uint32_t key;
    uint32_t next;
} otr_list_node;

/* The first nodes are the heads of the lists; a list is named by its head, and its first element is the
 * head's next. */
typedef struct otr_row_lists {
    otr_list_node *nodes;
    size_t node_count, node_capacity;
    uint32_t free; /* nodes given back, chained */
    uint32_t element_count;
} otr_row_lists;

/* Makes `list_count` empty lists. Returns false when memory is out. Freed by otr_row_lists_free in either
 * case.
 */
bool otr_row_lists_init(otr_row_lists *lists, uint32_t list_count);
void otr_row_lists_free(otr_row_lists *lists);

/* Inserts an element behind the node `before`. OTR_ERR_MEMORY, or OTR_ERR_LIMIT when all lists together would
 * have more than OTR_MEASUREMENT_TERMS_MAX elements. */
otr_status otr_row_lists_insert(otr_row_lists *lists, uint32_t before, uint32_t key);
/* Removes the element behind the node `before`. */
void otr_row_lists_remove(otr_row_lists *lists, uint32_t before);

#endif
