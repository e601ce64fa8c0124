#include "measure/row_lists.h"

#include "common/array.h"

#include <stdlib.h>

bool otr_row_lists_init(otr_row_lists *lists, uint32_t list_count) {
    *lists = (otr_row_lists){.free = OTR_LIST_END};
    if (!otr_array_reserve((void **)&lists->nodes, &lists->node_capacity, list_count, sizeof *lists->nodes)) {
        return false;
    }
    for (uint32_t i = 0; i < list_count; i++) {
        lists->nodes[i].next = OTR_LIST_END;
    }
    lists->node_count = list_count;
    return true;
}

void otr_row_lists_free(otr_row_lists *lists) {
    free(lists->nodes);
}

otr_status otr_row_lists_insert(otr_row_lists *lists, uint32_t before, uint32_t key) {
    uint32_t node = lists->free;
    if (lists->element_count == OTR_MEASUREMENT_TERMS_MAX) {
        return OTR_ERR_LIMIT;
    }
    if (node != OTR_LIST_END) {
        lists->free = lists->nodes[node].next;
    } else {
        if (!OTR_ARRAY_GROW(lists->nodes, lists->node_count, lists->node_capacity)) {
            return OTR_ERR_MEMORY;
        }
        node = (uint32_t)lists->node_count++;
    }
    lists->nodes[node] = (otr_list_node){.key = key, .next = lists->nodes[before].next};
    lists->nodes[before].next = node;
    lists->element_count++;
    return OTR_OK;
}

void otr_row_lists_remove(otr_row_lists *lists, uint32_t before) {
    const uint32_t node = lists->nodes[before].next;
    lists->nodes[before].next = lists->nodes[node].next;
    lists->nodes[node].next = lists->free;
    lists->free = node;
    lists->element_count--;
}
