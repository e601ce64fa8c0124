#include "code/circuit.h"

#include "common/array.h"

#include <stdlib.h>

void otr_circuit_free(otr_circuit *circuit) {
    free(circuit->operations);
    free(circuit->arguments);
    free(circuit->targets);
    *circuit = (otr_circuit){0};
}

void otr_circuit_append(otr_circuit *circuit, otr_gate gate, const double *arguments, size_t argument_count) {
    if (circuit->status != OTR_OK ||
        !OTR_ARRAY_GROW(circuit->operations, circuit->operation_count, circuit->operation_capacity)) {
        circuit->status = OTR_ERR_MEMORY;
        return;
    }
    circuit->operations[circuit->operation_count++] = (otr_operation){
        .gate = gate,
        .arguments = circuit->argument_count,
        .argument_count = argument_count,
        .targets = circuit->target_count,
    };
    for (size_t i = 0; i < argument_count; i++) {
        if (!OTR_ARRAY_GROW(circuit->arguments, circuit->argument_count, circuit->argument_capacity)) {
            circuit->status = OTR_ERR_MEMORY;
            return;
        }
        circuit->arguments[circuit->argument_count++] = arguments[i];
    }
}

void otr_circuit_target(otr_circuit *circuit, uint32_t target) {
    if (circuit->status != OTR_OK ||
        !OTR_ARRAY_GROW(circuit->targets, circuit->target_count, circuit->target_capacity)) {
        circuit->status = OTR_ERR_MEMORY;
        return;
    }
    circuit->targets[circuit->target_count++] = target;
    circuit->operations[circuit->operation_count - 1].target_count++;
}

void otr_circuit_repeat(otr_circuit *circuit, uint64_t count) {
    otr_circuit_append(circuit, OTR_GATE_REPEAT, NULL, 0);
    if (circuit->status == OTR_OK) {
        circuit->operations[circuit->operation_count - 1].repeat_count = count;
    }
}
