#include "code/memory_circuit.h"

static uint32_t ancilla_lookback(const otr_patch *patch, const otr_stabiliser *stabiliser);
static void append_detector(otr_circuit *circuit, const otr_stabiliser *stabiliser, double time);
static void append_coordinates_of(otr_circuit *circuit, uint32_t qubit, uint32_t x, uint32_t y);

otr_status otr_memory_circuit(otr_circuit *circuit, const otr_memory *memory) {
    if (memory->options->family == OTR_CIRCUIT_STIM) {
        otr_stim_memory_circuit(circuit, memory);
    } else {
        otr_paper_memory_circuit(circuit, memory);
    }
    return circuit->status;
}

bool otr_is_silent(const double *arguments, size_t argument_count) {
    for (size_t i = 0; i < argument_count; i++) {
        if (arguments[i] > 0) {
            return false;
        }
    }
    return argument_count > 0;
}

void otr_append_on_data(otr_circuit *circuit, const otr_patch *patch, otr_gate gate, const double *arguments,
                        size_t argument_count) {
    if (otr_is_silent(arguments, argument_count)) {
        return;
    }
    otr_circuit_append(circuit, gate, arguments, argument_count);
    for (uint32_t i = 0; i < patch->data_count; i++) {
        otr_circuit_target(circuit, patch->data_qubit[i]);
    }
}

void otr_append_on_ancillas(otr_circuit *circuit, const otr_patch *patch, unsigned basis_bits, otr_gate gate,
                            const double *arguments, size_t argument_count) {
    if (otr_is_silent(arguments, argument_count)) {
        return;
    }
    otr_circuit_append(circuit, gate, arguments, argument_count);
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        if (basis_bits & OTR_BASIS_BIT(patch->stabilisers[i].basis)) {
            otr_circuit_target(circuit, patch->stabilisers[i].qubit);
        }
    }
}

void otr_append_on_layer(otr_circuit *circuit, const otr_patch *patch, int layer, otr_gate gate,
                         const double *arguments, size_t argument_count) {
    if (otr_is_silent(arguments, argument_count)) {
        return;
    }
    otr_circuit_append(circuit, gate, arguments, argument_count);
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[patch->gate_order[i]];
        const uint32_t data = stabiliser->data[patch->corners[stabiliser->basis][layer]];
        const bool ancilla_controls = stabiliser->basis == OTR_BASIS_X;
        if (data != OTR_NO_DATA) {
            otr_circuit_target(circuit, ancilla_controls ? stabiliser->qubit : patch->data_qubit[data]);
            otr_circuit_target(circuit, ancilla_controls ? patch->data_qubit[data] : stabiliser->qubit);
        }
    }
}

void otr_append_qubit_coordinates(otr_circuit *circuit, const otr_patch *patch) {
    uint32_t data = 0, ancilla = 0;
    while (data < patch->data_count || ancilla < patch->stabiliser_count) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[ancilla];
        if (ancilla == patch->stabiliser_count ||
            (data < patch->data_count && patch->data_qubit[data] < stabiliser->qubit)) {
            append_coordinates_of(circuit, patch->data_qubit[data], data % patch->width * 2 + 1,
                                  data / patch->width * 2 + 1);
            data++;
        } else {
            append_coordinates_of(circuit, stabiliser->qubit, stabiliser->x, stabiliser->y);
            ancilla++;
        }
    }
}

void otr_append_first_detectors(otr_circuit *circuit, const otr_patch *patch) {
    for (uint32_t i = 0; i < patch->basis_count; i++) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[patch->basis_order[i]];
        append_detector(circuit, stabiliser, 0);
        otr_circuit_target(circuit, ancilla_lookback(patch, stabiliser));
    }
}

void otr_append_round_detectors(otr_circuit *circuit, const otr_patch *patch) {
    static const double one_round[] = {0, 0, 1};
    otr_circuit_append(circuit, OTR_GATE_SHIFT_COORDS, one_round, 3);
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[i];
        append_detector(circuit, stabiliser, 0);
        otr_circuit_target(circuit, ancilla_lookback(patch, stabiliser));
        otr_circuit_target(circuit, ancilla_lookback(patch, stabiliser) + patch->stabiliser_count);
    }
}

void otr_append_readout_detectors(otr_circuit *circuit, const otr_patch *patch) {
    static const double observable[] = {0};
    const uint32_t step = patch->observable_is_row ? 1 : patch->width;
    const uint32_t length = patch->observable_is_row ? patch->width : patch->height;
    for (uint32_t i = 0; i < patch->basis_count; i++) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[patch->basis_order[i]];
        append_detector(circuit, stabiliser, 1);
        for (int corner = OTR_CORNER_COUNT - 1; corner >= 0; corner--) {
            if (stabiliser->data[corner] != OTR_NO_DATA) {
                otr_circuit_target(circuit, patch->data_count - stabiliser->data[corner]);
            }
        }
        otr_circuit_target(circuit, patch->data_count + ancilla_lookback(patch, stabiliser));
    }
    otr_circuit_append(circuit, OTR_GATE_OBSERVABLE_INCLUDE, observable, 1);
    for (uint32_t i = length; i-- > 0;) {
        otr_circuit_target(circuit, patch->data_count - i * step);
    }
}

void otr_append_repeated(otr_circuit *circuit, const otr_memory *memory, uint64_t count,
                         void (*body)(otr_circuit *circuit, const otr_memory *memory)) {
    if (memory->unrolled || count <= 1) {
        for (uint64_t i = 0; i < count; i++) {
            body(circuit, memory);
        }
        return;
    }
    otr_circuit_repeat(circuit, count);
    body(circuit, memory);
    otr_circuit_append(circuit, OTR_GATE_END_REPEAT, NULL, 0);
}

static void append_coordinates_of(otr_circuit *circuit, uint32_t qubit, uint32_t x, uint32_t y) {
    const double coordinates[] = {x, y};
    otr_circuit_append(circuit, OTR_GATE_QUBIT_COORDS, coordinates, 2);
    otr_circuit_target(circuit, qubit);
}

/* How far back in the record the stabiliser's outcome lies right after a round. */
static uint32_t ancilla_lookback(const otr_patch *patch, const otr_stabiliser *stabiliser) {
    return patch->stabiliser_count - (uint32_t)(stabiliser - patch->stabilisers);
}

static void append_detector(otr_circuit *circuit, const otr_stabiliser *stabiliser, double time) {
    const double coordinates[] = {stabiliser->x, stabiliser->y, time};
    otr_circuit_append(circuit, OTR_GATE_DETECTOR, coordinates, 3);
}
