#include "measure/stim_circuit.h"

#include <stdbool.h>

uint32_t otr_stim_results(const otr_stim_circuit *circuit, const otr_stim_operation *operation) {
    const uint32_t *const targets = otr_stim_targets_of(circuit, operation);
    uint32_t products = 0;
    switch (operation->kind) {
    case OTR_STIM_MEASURE:
    case OTR_STIM_MEASURE_RESET:
    case OTR_STIM_PAD:
        return (uint32_t)operation->target_count;
    case OTR_STIM_PRODUCT:
        for (size_t i = 0; i < operation->target_count; i++) {
            products += (targets[i] & OTR_STIM_JOINED) == 0;
        }
        return products;
    default:
        return 0;
    }
}

otr_stim_walk otr_stim_walk_start(const otr_stim_circuit *circuit, otr_stim_direction direction) {
    return (otr_stim_walk){.circuit = circuit, .direction = direction};
}

const otr_stim_operation *otr_stim_walk_next(otr_stim_walk *walk) {
    const size_t count = walk->circuit->operation_count;
    const bool forward = walk->direction == OTR_STIM_FORWARD;
    const otr_stim_kind opening = forward ? OTR_STIM_REPEAT : OTR_STIM_END_REPEAT;
    const otr_stim_kind closing = forward ? OTR_STIM_END_REPEAT : OTR_STIM_REPEAT;
    while (walk->done < count) {
        const size_t index = forward ? walk->done : count - 1 - walk->done;
        const otr_stim_operation *const operation = &walk->circuit->operations[index];
        walk->done++;
        if (operation->kind == opening) {
            walk->left[walk->depth++] = operation->value;
        } else if (operation->kind != closing) {
            return operation;
        } else if (--walk->left[walk->depth - 1] > 0) {
            walk->done = forward ? operation->partner + 1 : count - operation->partner;
        } else {
            walk->depth--;
        }
    }
    return NULL;
}
