/* Circuits of memory experiments, and the pieces that both families share. */
#ifndef OTR_CODE_MEMORY_CIRCUIT_H
#define OTR_CODE_MEMORY_CIRCUIT_H

#include "code/circuit.h"
#include "code/patch.h"

#include <stdbool.h>

#define OTR_BASIS_BIT(basis) (1u << (basis))
#define OTR_BOTH_BASES (OTR_BASIS_BIT(OTR_BASIS_X) | OTR_BASIS_BIT(OTR_BASIS_Z))

/* What a circuit is built from; the same for all its parts. */
typedef struct otr_memory {
    const otr_surface_options *options;
    const otr_patch *patch;
    uint64_t rounds; /* in place of options->rounds */
    bool unrolled;   /* repeat no blocks, write them out */
} otr_memory;

/* Builds the circuit of the family in memory->options into the zeroed *circuit. OTR_ERR_MEMORY. */
otr_status otr_memory_circuit(otr_circuit *circuit, const otr_memory *memory);

/* The families. */
void otr_stim_memory_circuit(otr_circuit *circuit, const otr_memory *memory);
void otr_paper_memory_circuit(otr_circuit *circuit, const otr_memory *memory);

/* An instruction on all data qubits, on the ancillas of some types, or on the qubit pairs of a CX layer.
 * Noise whose probabilities are all zero is left out. */
void otr_append_on_data(otr_circuit *circuit, const otr_patch *patch, otr_gate gate, const double *arguments,
                        size_t argument_count);
void otr_append_on_ancillas(otr_circuit *circuit, const otr_patch *patch, unsigned basis_bits, otr_gate gate,
                            const double *arguments, size_t argument_count);
void otr_append_on_layer(otr_circuit *circuit, const otr_patch *patch, int layer, otr_gate gate,
                         const double *arguments, size_t argument_count);
/* Whether an instruction with these arguments is noise that never strikes. */
bool otr_is_silent(const double *arguments, size_t argument_count);

/* QUBIT_COORDS of all qubits in ascending order of their numbers (both numberings go by rows). */
void otr_append_qubit_coordinates(otr_circuit *circuit, const otr_patch *patch);

/* Detectors of the first round; of a later round, after a SHIFT_COORDS; of the final readout, with the
 * observable. */
void otr_append_first_detectors(otr_circuit *circuit, const otr_patch *patch);
void otr_append_round_detectors(otr_circuit *circuit, const otr_patch *patch);
void otr_append_readout_detectors(otr_circuit *circuit, const otr_patch *patch);

/* `count` times what `body` appends, as a REPEAT block unless that is needless or unwanted. */
void otr_append_repeated(otr_circuit *circuit, const otr_memory *memory, uint64_t count,
                         void (*body)(otr_circuit *circuit, const otr_memory *memory));

#endif
