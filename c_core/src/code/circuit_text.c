/* Circuits as .stim text. */
#include "code/circuit.h"

#include "common/text.h"

#include <stdbool.h>

static const char *const gate_names[] = {
    [OTR_GATE_QUBIT_COORDS] = "QUBIT_COORDS",
    [OTR_GATE_R] = "R",
    [OTR_GATE_RX] = "RX",
    [OTR_GATE_H] = "H",
    [OTR_GATE_CX] = "CX",
    [OTR_GATE_M] = "M",
    [OTR_GATE_MX] = "MX",
    [OTR_GATE_MR] = "MR",
    [OTR_GATE_MRX] = "MRX",
    [OTR_GATE_X_ERROR] = "X_ERROR",
    [OTR_GATE_Z_ERROR] = "Z_ERROR",
    [OTR_GATE_DEPOLARIZE1] = "DEPOLARIZE1",
    [OTR_GATE_DEPOLARIZE2] = "DEPOLARIZE2",
    [OTR_GATE_PAULI_CHANNEL_1] = "PAULI_CHANNEL_1",
    [OTR_GATE_PAULI_CHANNEL_2] = "PAULI_CHANNEL_2",
    [OTR_GATE_TICK] = "TICK",
    [OTR_GATE_SHIFT_COORDS] = "SHIFT_COORDS",
    [OTR_GATE_DETECTOR] = "DETECTOR",
    [OTR_GATE_OBSERVABLE_INCLUDE] = "OBSERVABLE_INCLUDE",
    [OTR_GATE_REPEAT] = "REPEAT",
    [OTR_GATE_END_REPEAT] = "}",
};

static void put_operation(otr_text *text, const otr_circuit *circuit, const otr_operation *operation);

size_t otr_circuit_text(const otr_circuit *circuit, char *buffer, size_t capacity) {
    otr_text text = {.buffer = buffer, .capacity = capacity};
    size_t depth = 0;
    for (size_t i = 0; i < circuit->operation_count; i++) {
        const otr_operation *operation = &circuit->operations[i];
        depth -= operation->gate == OTR_GATE_END_REPEAT;
        otr_text_put_indent(&text, depth);
        put_operation(&text, circuit, operation);
        depth += operation->gate == OTR_GATE_REPEAT;
    }
    return otr_text_end(&text);
}

static void put_operation(otr_text *text, const otr_circuit *circuit, const otr_operation *operation) {
    const bool is_lookback =
        operation->gate == OTR_GATE_DETECTOR || operation->gate == OTR_GATE_OBSERVABLE_INCLUDE;
    otr_text_put_string(text, gate_names[operation->gate]);
    otr_text_put_arguments(text, circuit->arguments + operation->arguments, operation->argument_count);
    for (size_t i = 0; i < operation->target_count; i++) {
        otr_text_put_string(text, is_lookback ? " rec[-" : " ");
        otr_text_put_unsigned(text, circuit->targets[operation->targets + i]);
        otr_text_put_string(text, is_lookback ? "]" : "");
    }
    if (operation->gate == OTR_GATE_REPEAT) {
        otr_text_put_string(text, " ");
        otr_text_put_unsigned(text, operation->repeat_count);
        otr_text_put_string(text, " {");
    }
    otr_text_put_string(text, "\n");
}
