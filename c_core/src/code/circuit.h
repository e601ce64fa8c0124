/* A stabiliser circuit in Stim's vocabulary: just the instructions that memory experiments need, in text
 * order.
 *
 * Building never fails half-way: after an allocation failure every call is a no-op and `status` says so at
 * the end. */
#ifndef OTR_CODE_CIRCUIT_H
#define OTR_CODE_CIRCUIT_H

#include "outrider/status.h"

typedef enum otr_gate {
    OTR_GATE_QUBIT_COORDS,
    OTR_GATE_R,
    OTR_GATE_RX,
    OTR_GATE_H,
    OTR_GATE_CX,
    OTR_GATE_M,
    OTR_GATE_MX,
    OTR_GATE_MR,
    OTR_GATE_MRX,
    OTR_GATE_X_ERROR,
    OTR_GATE_Z_ERROR,
    OTR_GATE_DEPOLARIZE1,
    OTR_GATE_DEPOLARIZE2,
    OTR_GATE_PAULI_CHANNEL_1,
    OTR_GATE_PAULI_CHANNEL_2,
    OTR_GATE_TICK,
    OTR_GATE_SHIFT_COORDS,
    OTR_GATE_DETECTOR,
    OTR_GATE_OBSERVABLE_INCLUDE,
    OTR_GATE_REPEAT,
    OTR_GATE_END_REPEAT
} otr_gate;

typedef struct otr_operation {
    otr_gate gate;
    uint64_t repeat_count; /* REPEAT */
    size_t arguments;      /* first argument, an index into the circuit's `arguments` */
    size_t argument_count;
    size_t targets;      /* first target, an index into the circuit's `targets` */
    size_t target_count; /* qubits; for DETECTOR and OBSERVABLE_INCLUDE k of each rec[-k] */
} otr_operation;

typedef struct otr_circuit {
    otr_operation *operations;
    size_t operation_count, operation_capacity;
    double *arguments;
    size_t argument_count, argument_capacity;
    uint32_t *targets;
    size_t target_count, target_capacity;
    otr_status status; /* OTR_OK or OTR_ERR_MEMORY */
} otr_circuit;

/* Frees what the calls below made; a zeroed circuit is empty. */
void otr_circuit_free(otr_circuit *circuit);

/* Appends an operation without targets; they follow by otr_circuit_target. */
void otr_circuit_append(otr_circuit *circuit, otr_gate gate, const double *arguments, size_t argument_count);
void otr_circuit_target(otr_circuit *circuit, uint32_t target);
/* Opens a block that repeats `count` times, until an OTR_GATE_END_REPEAT. */
void otr_circuit_repeat(otr_circuit *circuit, uint64_t count);

/* Writes the circuit as .stim text; snprintf rules as otr_model_text. */
size_t otr_circuit_text(const otr_circuit *circuit, char *buffer, size_t capacity);

#endif
