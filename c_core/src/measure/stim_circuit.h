/* A Stim circuit as far as the parities of its results in noise-free runs depend on it: parsed once, repeats
 * folded, walked instruction by instruction in either direction. */
#ifndef OTR_MEASURE_STIM_CIRCUIT_H
#define OTR_MEASURE_STIM_CIRCUIT_H

#include "measure/stim_gates.h"
#include "outrider/measurements.h"

/* A target: a qubit, k of rec[-k], a sweep bit or a known result in the lowest bits, and what it is above. */
#define OTR_STIM_VALUE_BITS 24
#define OTR_STIM_VALUE_MAX ((1u << OTR_STIM_VALUE_BITS) - 1)
#define OTR_STIM_PAULI_SHIFT OTR_STIM_VALUE_BITS /* two bits, in products */
#define OTR_STIM_JOINED 0x10000000u              /* the next target belongs to the same product */
#define OTR_STIM_SWEEP 0x20000000u
#define OTR_STIM_RECORD 0x40000000u
#define OTR_STIM_INVERTED 0x80000000u /* of a product: on its first target */

static inline uint32_t otr_stim_value(uint32_t target) {
    return target & OTR_STIM_VALUE_MAX;
}

static inline uint32_t otr_stim_pauli(uint32_t target) {
    return target >> OTR_STIM_PAULI_SHIFT & 3u;
}

typedef struct otr_stim_operation {
    otr_stim_kind kind;
    const otr_stim_gate *gate;
    uint64_t line;
    uint64_t value; /* REPEAT, END_REPEAT: iterations; OBSERVABLE: its index */
    size_t partner; /* REPEAT, END_REPEAT: index of the other */
    size_t targets; /* first one, an index into the circuit's `targets`. FLIP: pairs of control and qubit */
    size_t target_count;
    size_t arguments; /* DETECTOR, SHIFT: coordinates, an index into the circuit's `arguments` */
    size_t argument_count;
    otr_pauli_map map; /* CLIFFORD_1, CLIFFORD_2 */
} otr_stim_operation;

/* What a circuit has, repeats unrolled. */
typedef enum otr_stim_total {
    OTR_STIM_MEASUREMENTS,
    OTR_STIM_DETECTORS,
    OTR_STIM_TERMS,       /* targets of detectors and observables */
    OTR_STIM_COORDINATES, /* of detectors */
    OTR_STIM_STEPS,       /* operations and their targets */
    OTR_STIM_TOTALS
} otr_stim_total;

typedef struct otr_stim_circuit {
    otr_stim_operation *operations;
    size_t operation_count, operation_capacity;
    uint32_t *targets;
    size_t target_count, target_capacity;
    double *arguments;
    size_t argument_count, argument_capacity;
    uint64_t totals[OTR_STIM_TOTALS];
    uint32_t qubit_count;
    uint32_t sweep_count;
    uint32_t observable_count;
} otr_stim_circuit;

/* The targets of an operation; NULL if it has none. */
static inline const uint32_t *otr_stim_targets_of(const otr_stim_circuit *circuit,
                                                  const otr_stim_operation *operation) {
    return operation->target_count > 0 ? circuit->targets + operation->targets : NULL;
}

/* Parses into *circuit, which otr_stim_circuit_free clears, also after a failure. Every product is free of
 * repeated qubits, and every rec[-k] refers to a measurement. With `detectors_only` there is no OBSERVABLE.
 */
otr_status otr_stim_circuit_parse(otr_stim_circuit *circuit, const char *text, size_t bytes,
                                  const otr_measurement_options *options, otr_error *error);
void otr_stim_circuit_free(otr_stim_circuit *circuit);

/* Results that an operation adds to the record. */
uint32_t otr_stim_results(const otr_stim_circuit *circuit, const otr_stim_operation *operation);

typedef enum otr_stim_direction { OTR_STIM_FORWARD, OTR_STIM_BACKWARD } otr_stim_direction;

/* A walk through the unrolled circuit. */
typedef struct otr_stim_walk {
    const otr_stim_circuit *circuit;
    otr_stim_direction direction;
    size_t done; /* operations left behind, in text order (FORWARD) or from the end */
    uint32_t depth;
    uint64_t left[OTR_MEASUREMENT_REPEAT_DEPTH_MAX]; /* iterations that each open block still has */
} otr_stim_walk;

otr_stim_walk otr_stim_walk_start(const otr_stim_circuit *circuit, otr_stim_direction direction);
/* The next operation, none of them a REPEAT or its end; NULL when there is none. */
const otr_stim_operation *otr_stim_walk_next(otr_stim_walk *walk);

#endif
