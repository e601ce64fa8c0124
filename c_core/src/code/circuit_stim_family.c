/* The circuit of Stim's generator `surface_code:rotated_memory_x|z`, instruction by instruction, for
 * rectangles too. */
#include "code/memory_circuit.h"

#define X_ANCILLAS OTR_BASIS_BIT(OTR_BASIS_X)

static void append_preparation(otr_circuit *circuit, const otr_memory *memory);
static void append_round(otr_circuit *circuit, const otr_memory *memory);
static void append_later_round(otr_circuit *circuit, const otr_memory *memory);
static void append_hadamards(otr_circuit *circuit, const otr_memory *memory);

void otr_stim_memory_circuit(otr_circuit *circuit, const otr_memory *memory) {
    const otr_patch *patch = memory->patch;
    const double *readout_flip = &memory->options->noise_stim.before_measure_flip_probability;
    const bool is_x = memory->options->basis == OTR_BASIS_X;

    otr_append_qubit_coordinates(circuit, patch);
    append_preparation(circuit, memory);
    append_round(circuit, memory);
    otr_append_first_detectors(circuit, patch);
    otr_append_repeated(circuit, memory, memory->rounds - 1, append_later_round);
    otr_append_on_data(circuit, patch, is_x ? OTR_GATE_Z_ERROR : OTR_GATE_X_ERROR, readout_flip, 1);
    otr_append_on_data(circuit, patch, is_x ? OTR_GATE_MX : OTR_GATE_M, NULL, 0);
    otr_append_readout_detectors(circuit, patch);
}

static void append_preparation(otr_circuit *circuit, const otr_memory *memory) {
    const otr_patch *patch = memory->patch;
    const double *reset_flip = &memory->options->noise_stim.after_reset_flip_probability;
    const bool is_x = memory->options->basis == OTR_BASIS_X;

    otr_append_on_data(circuit, patch, is_x ? OTR_GATE_RX : OTR_GATE_R, NULL, 0);
    otr_append_on_data(circuit, patch, is_x ? OTR_GATE_Z_ERROR : OTR_GATE_X_ERROR, reset_flip, 1);
    otr_append_on_ancillas(circuit, patch, OTR_BOTH_BASES, OTR_GATE_R, NULL, 0);
    otr_append_on_ancillas(circuit, patch, OTR_BOTH_BASES, OTR_GATE_X_ERROR, reset_flip, 1);
}

static void append_round(otr_circuit *circuit, const otr_memory *memory) {
    const otr_patch *patch = memory->patch;
    const otr_noise_stim *noise = &memory->options->noise_stim;

    otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
    otr_append_on_data(circuit, patch, OTR_GATE_DEPOLARIZE1, &noise->before_round_data_depolarization, 1);
    append_hadamards(circuit, memory);
    for (int layer = 0; layer < OTR_LAYER_COUNT; layer++) {
        otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
        otr_append_on_layer(circuit, patch, layer, OTR_GATE_CX, NULL, 0);
        otr_append_on_layer(circuit, patch, layer, OTR_GATE_DEPOLARIZE2,
                            &noise->after_clifford_depolarization, 1);
    }
    otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
    append_hadamards(circuit, memory);
    otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
    otr_append_on_ancillas(circuit, patch, OTR_BOTH_BASES, OTR_GATE_X_ERROR,
                           &noise->before_measure_flip_probability, 1);
    otr_append_on_ancillas(circuit, patch, OTR_BOTH_BASES, OTR_GATE_MR, NULL, 0);
    otr_append_on_ancillas(circuit, patch, OTR_BOTH_BASES, OTR_GATE_X_ERROR,
                           &noise->after_reset_flip_probability, 1);
}

static void append_later_round(otr_circuit *circuit, const otr_memory *memory) {
    append_round(circuit, memory);
    otr_append_round_detectors(circuit, memory->patch);
}

static void append_hadamards(otr_circuit *circuit, const otr_memory *memory) {
    otr_append_on_ancillas(circuit, memory->patch, X_ANCILLAS, OTR_GATE_H, NULL, 0);
    otr_append_on_ancillas(circuit, memory->patch, X_ANCILLAS, OTR_GATE_DEPOLARIZE1,
                           &memory->options->noise_stim.after_clifford_depolarization, 1);
}
