/* The circuit of arXiv:2604.12841: ancillas are reset and measured in their own basis, 25 noise parameters,
 * and a last round without noise but for a flip of the data qubits that stands for errors of the readout. */
#include "code/memory_circuit.h"

#define X_ANCILLAS OTR_BASIS_BIT(OTR_BASIS_X)
#define Z_ANCILLAS OTR_BASIS_BIT(OTR_BASIS_Z)

static void append_preparation(otr_circuit *circuit, const otr_memory *memory);
static void append_ancilla_preparation_noise(otr_circuit *circuit, const otr_memory *memory);
static void append_round(otr_circuit *circuit, const otr_memory *memory);
static void append_later_round(otr_circuit *circuit, const otr_memory *memory);
static void append_final_round(otr_circuit *circuit, const otr_memory *memory);
static void append_on_idle(otr_circuit *circuit, const otr_patch *patch, int layer, const double *arguments);

void otr_paper_memory_circuit(otr_circuit *circuit, const otr_memory *memory) {
    const otr_gate readout = memory->options->basis == OTR_BASIS_X ? OTR_GATE_MX : OTR_GATE_M;

    otr_append_qubit_coordinates(circuit, memory->patch);
    append_preparation(circuit, memory);
    append_round(circuit, memory);
    otr_append_first_detectors(circuit, memory->patch);
    otr_append_repeated(circuit, memory, memory->rounds - 2, append_later_round);
    append_final_round(circuit, memory);
    otr_append_on_data(circuit, memory->patch, readout, NULL, 0);
    otr_append_readout_detectors(circuit, memory->patch);
}

static void append_preparation(otr_circuit *circuit, const otr_memory *memory) {
    const otr_patch *patch = memory->patch;
    const otr_noise_paper *noise = &memory->options->noise_paper;
    const bool is_x = memory->options->basis == OTR_BASIS_X;

    otr_append_on_data(circuit, patch, is_x ? OTR_GATE_RX : OTR_GATE_R, NULL, 0);
    if (memory->options->family == OTR_CIRCUIT_PAPER) {
        otr_append_on_data(circuit, patch, is_x ? OTR_GATE_Z_ERROR : OTR_GATE_X_ERROR,
                           is_x ? &noise->prep_x : &noise->prep_z, 1);
    }
    otr_append_on_ancillas(circuit, patch, X_ANCILLAS, OTR_GATE_RX, NULL, 0);
    otr_append_on_ancillas(circuit, patch, Z_ANCILLAS, OTR_GATE_R, NULL, 0);
    append_ancilla_preparation_noise(circuit, memory);
}

static void append_ancilla_preparation_noise(otr_circuit *circuit, const otr_memory *memory) {
    const otr_noise_paper *noise = &memory->options->noise_paper;
    otr_append_on_ancillas(circuit, memory->patch, X_ANCILLAS, OTR_GATE_Z_ERROR, &noise->prep_x, 1);
    otr_append_on_ancillas(circuit, memory->patch, Z_ANCILLAS, OTR_GATE_X_ERROR, &noise->prep_z, 1);
}

static void append_round(otr_circuit *circuit, const otr_memory *memory) {
    const otr_patch *patch = memory->patch;
    const otr_noise_paper *noise = &memory->options->noise_paper;

    for (int layer = 0; layer < OTR_LAYER_COUNT; layer++) {
        otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
        otr_append_on_layer(circuit, patch, layer, OTR_GATE_CX, NULL, 0);
        otr_append_on_layer(circuit, patch, layer, OTR_GATE_PAULI_CHANNEL_2, noise->cnot, 15);
        append_on_idle(circuit, patch, layer, noise->idle_cnot);
    }
    otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
    otr_append_on_ancillas(circuit, patch, X_ANCILLAS, OTR_GATE_Z_ERROR, &noise->meas_x, 1);
    otr_append_on_ancillas(circuit, patch, Z_ANCILLAS, OTR_GATE_X_ERROR, &noise->meas_z, 1);
    otr_append_on_ancillas(circuit, patch, X_ANCILLAS, OTR_GATE_MRX, NULL, 0);
    otr_append_on_ancillas(circuit, patch, Z_ANCILLAS, OTR_GATE_MR, NULL, 0);
    otr_append_on_data(circuit, patch, OTR_GATE_PAULI_CHANNEL_1, noise->idle_spam, 3);
}

static void append_later_round(otr_circuit *circuit, const otr_memory *memory) {
    append_ancilla_preparation_noise(circuit, memory);
    append_round(circuit, memory);
    otr_append_round_detectors(circuit, memory->patch);
}

static void append_final_round(otr_circuit *circuit, const otr_memory *memory) {
    const otr_patch *patch = memory->patch;
    const otr_noise_paper *noise = &memory->options->noise_paper;
    const bool is_x = memory->options->basis == OTR_BASIS_X;

    if (memory->options->family == OTR_CIRCUIT_PAPER) {
        otr_append_on_data(circuit, patch, is_x ? OTR_GATE_Z_ERROR : OTR_GATE_X_ERROR,
                           is_x ? &noise->meas_x : &noise->meas_z, 1);
    }
    for (int layer = 0; layer < OTR_LAYER_COUNT; layer++) {
        otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
        otr_append_on_layer(circuit, patch, layer, OTR_GATE_CX, NULL, 0);
    }
    otr_circuit_append(circuit, OTR_GATE_TICK, NULL, 0);
    otr_append_on_ancillas(circuit, patch, X_ANCILLAS, OTR_GATE_MRX, NULL, 0);
    otr_append_on_ancillas(circuit, patch, Z_ANCILLAS, OTR_GATE_MR, NULL, 0);
    otr_append_round_detectors(circuit, patch);
}

/* PAULI_CHANNEL_1 on every qubit, data or ancilla, that no CX of the layer acts on. */
static void append_on_idle(otr_circuit *circuit, const otr_patch *patch, int layer, const double *arguments) {
    if (otr_is_silent(arguments, 3)) {
        return;
    }
    otr_circuit_append(circuit, OTR_GATE_PAULI_CHANNEL_1, arguments, 3);
    for (uint32_t i = 0; i < patch->data_count; i++) {
        if (!(patch->data_layers[i] >> layer & 1)) {
            otr_circuit_target(circuit, patch->data_qubit[i]);
        }
    }
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[i];
        if (stabiliser->data[patch->corners[stabiliser->basis][layer]] == OTR_NO_DATA) {
            otr_circuit_target(circuit, stabiliser->qubit);
        }
    }
}
