/* The gates of Stim's circuits: what each takes and what it does. */
#ifndef OTR_MEASURE_STIM_GATES_H
#define OTR_MEASURE_STIM_GATES_H

#include "measure/pauli.h"

#include <stddef.h>

/* What an instruction means for the parities of noise-free runs. */
typedef enum otr_stim_kind {
    OTR_STIM_NOTHING, /* noise, identities, annotations that no parity depends on */
    OTR_STIM_CLIFFORD_1,
    OTR_STIM_CLIFFORD_2,
    OTR_STIM_FLIP, /* a Pauli controlled by an earlier result or a sweep bit; Stim writes CX, CZ, ... */
    OTR_STIM_RESET,
    OTR_STIM_MEASURE,
    OTR_STIM_MEASURE_RESET,
    OTR_STIM_PRODUCT, /* the result of a Pauli product */
    OTR_STIM_PHASE,   /* the square root of a Pauli product, as S is the one of Z */
    OTR_STIM_PAD,     /* results that are known */
    OTR_STIM_DETECTOR,
    OTR_STIM_OBSERVABLE,
    OTR_STIM_SHIFT,
    OTR_STIM_REPEAT,
    OTR_STIM_END_REPEAT
} otr_stim_kind;

/* What may stand behind a gate's name. */
typedef enum otr_stim_targets {
    OTR_TARGETS_NONE,
    OTR_TARGETS_QUBITS,
    OTR_TARGETS_RESULTS, /* qubits, perhaps with '!' */
    OTR_TARGETS_PAIRS,
    OTR_TARGETS_RESULT_PAIRS,
    OTR_TARGETS_CONTROLLED, /* pairs in which rec[-k] or sweep[k] may stand for a qubit */
    OTR_TARGETS_PRODUCTS,
    OTR_TARGETS_BITS,
    OTR_TARGETS_RECORDS
} otr_stim_targets;

typedef enum otr_stim_arguments {
    OTR_ARGUMENTS_NUMBERS,
    OTR_ARGUMENTS_PROBABILITIES,
    OTR_ARGUMENTS_INDEX
} otr_stim_arguments;

/* Which target of a pair may be classical. */
#define OTR_CLASSICAL_FIRST 1
#define OTR_CLASSICAL_SECOND 2

typedef struct otr_stim_gate {
    const char *name; /* in lower case */
    otr_stim_kind kind;
    otr_stim_targets targets;
    otr_stim_arguments arguments;
    uint8_t arguments_min;
    uint8_t arguments_max;
    uint8_t pauli;      /* the basis of a reset or measurement, or what a classical control applies */
    uint8_t classical;  /* OTR_CLASSICAL_… */
    uint8_t inverse;    /* PHASE: the inverse square root */
    const char *images; /* Clifford gates: as otr_pauli_map_of takes them */
} otr_stim_gate;

/* The gate of that name, which ignores case, or NULL. */
const otr_stim_gate *otr_stim_gate_find(const char *name, size_t bytes);

#endif
