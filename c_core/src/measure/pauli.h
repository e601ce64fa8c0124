/* Paulis on one and two qubits as small numbers, and what Clifford gates do to them. */
#ifndef OTR_MEASURE_PAULI_H
#define OTR_MEASURE_PAULI_H

#include <stdint.h>

/* A Pauli on one qubit: bit 0 says that it has an X, bit 1 that it has a Z. */
#define OTR_PAULI_X 1u
#define OTR_PAULI_Z 2u
#define OTR_PAULI_Y 3u

/* The bit of an image that says that its sign is minus. */
#define OTR_PAULI_MINUS 16u

/* For each Pauli P behind a gate U the Pauli before it, U^-1 P U: bits 0-1 on the first qubit, 2-3 on the
 * second, OTR_PAULI_MINUS. */
typedef struct otr_pauli_map {
    uint8_t before[16];
} otr_pauli_map;

/* Multiplies the Pauli *pauli from the right by `factor` and returns the power of i that comes out. */
uint32_t otr_pauli_multiply(uint32_t *pauli, uint32_t factor);

/* The map of the gate that takes X and Z of the first qubit, and then of the second if there is one, to
 * `images`: "+Z+X" for H, "+XX+ZI+IX+ZZ" for CX. */
otr_pauli_map otr_pauli_map_of(const char *images);

#endif
