#include "decode/decode.h"

static bool has_lists(const otr_predecoded *shot);

otr_status otr_predecoded_check(const otr_predecoded *shot, uint32_t node_count, uint32_t edge_count) {
    if (!has_lists(shot) || (shot->observables == NULL && shot->edge_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < shot->event_count; i++) {
        if (shot->events[i] >= node_count || (i > 0 && shot->events[i] <= shot->events[i - 1])) {
            return OTR_ERR_INDEX;
        }
    }
    for (size_t i = 0; i < shot->override_count; i++) {
        if (shot->overrides[i].edge >= edge_count) {
            return OTR_ERR_INDEX;
        }
    }
    for (size_t i = 0; i < shot->edge_count; i++) {
        if (shot->edges[i] >= edge_count) {
            return OTR_ERR_INDEX;
        }
    }
    return OTR_OK;
}

static bool has_lists(const otr_predecoded *shot) {
    return (shot->events != NULL || shot->event_count == 0) &&
           (shot->overrides != NULL || shot->override_count == 0) &&
           (shot->edges != NULL || shot->edge_count == 0);
}
