/* Walks the circuit backwards and keeps, per qubit, which detectors and observables an X (a Z) at that place
 * would flip. Gates conjugate these sets, measurements add the detectors that read them, resets clear them; a
 * noise instruction finds there what its Paulis do. Linear in the circuit; the method is that of Stim's error
 * analysis (arXiv:2103.02202). */
#include "code/fault_trace.h"

#include "code/noise.h"
#include "common/array.h"
#include "common/error.h"

#include <stdlib.h>

typedef struct tracer {
    otr_fault_set *faults;
    otr_target_set *x_flips; /* per qubit: what an X there flips */
    otr_target_set *z_flips;
    otr_target_set *record_flips; /* per measurement: what reads its outcome */
    size_t measurements_before;   /* of the place reached; likewise detectors */
    uint64_t detectors_before;
    otr_status status;
} tracer;

static otr_status start(tracer *tracer, const otr_circuit *circuit);
static void undo(tracer *tracer, const otr_circuit *circuit, const otr_operation *operation);
static void undo_on_qubit(tracer *tracer, otr_gate gate, const double *arguments, uint32_t qubit);
static void undo_annotation(tracer *tracer, const otr_operation *operation, const uint32_t *lookbacks,
                            uint64_t target);
static void undo_measurement(tracer *tracer, otr_target_set *flips, const otr_target_set *conjugate);
static void undo_reset(tracer *tracer, uint32_t qubit, const otr_target_set *conjugate);
static void combine(tracer *tracer, otr_target_set *set, const otr_target_set *other);
static void add_depolarize(tracer *tracer, const uint32_t *qubits, int qubit_count, double p);
static void add_pauli_channel_1(tracer *tracer, uint32_t qubit, const double *disjoint);
static void add_pauli_channel_2(tracer *tracer, uint32_t first, uint32_t second, const double *disjoint);

otr_status otr_fault_trace(otr_fault_set *faults, const otr_circuit *circuit, otr_error *error) {
    tracer tracer = {.faults = faults};
    tracer.status = start(&tracer, circuit);
    for (size_t i = circuit->operation_count; tracer.status == OTR_OK && i-- > 0;) {
        undo(&tracer, circuit, &circuit->operations[i]);
    }
    free(tracer.x_flips);
    free(tracer.z_flips);
    free(tracer.record_flips);
    if (tracer.status == OTR_ERR_ARGUMENT) {
        return otr_error_set(error, tracer.status, 0, 0,
                             "the circuit has a detector that is not deterministic");
    }
    return tracer.status;
}

static bool is_measurement(otr_gate gate) {
    return gate == OTR_GATE_M || gate == OTR_GATE_MX || gate == OTR_GATE_MR || gate == OTR_GATE_MRX;
}

static bool is_annotation(otr_gate gate) {
    return gate == OTR_GATE_DETECTOR || gate == OTR_GATE_OBSERVABLE_INCLUDE;
}

static otr_status start(tracer *tracer, const otr_circuit *circuit) {
    size_t qubit_count = 0;
    for (size_t i = 0; i < circuit->operation_count; i++) {
        const otr_operation *operation = &circuit->operations[i];
        if (operation->gate == OTR_GATE_REPEAT) {
            return OTR_ERR_ARGUMENT;
        }
        tracer->measurements_before += is_measurement(operation->gate) ? operation->target_count : 0;
        tracer->detectors_before += operation->gate == OTR_GATE_DETECTOR;
        for (size_t k = 0; !is_annotation(operation->gate) && k < operation->target_count; k++) {
            const size_t qubit = circuit->targets[operation->targets + k];
            qubit_count = qubit >= qubit_count ? qubit + 1 : qubit_count;
        }
    }
    tracer->x_flips = otr_array_zeroed(qubit_count, sizeof *tracer->x_flips);
    tracer->z_flips = otr_array_zeroed(qubit_count, sizeof *tracer->z_flips);
    tracer->record_flips = otr_array_zeroed(tracer->measurements_before, sizeof *tracer->record_flips);
    if (tracer->x_flips == NULL || tracer->z_flips == NULL || tracer->record_flips == NULL) {
        return OTR_ERR_MEMORY;
    }
    return OTR_OK;
}

static void undo(tracer *tracer, const otr_circuit *circuit, const otr_operation *operation) {
    const uint32_t *targets = circuit->targets + operation->targets;
    const double *arguments = circuit->arguments + operation->arguments;

    switch (operation->gate) {
    case OTR_GATE_DETECTOR:
        undo_annotation(tracer, operation, targets, --tracer->detectors_before);
        return;
    case OTR_GATE_OBSERVABLE_INCLUDE:
        undo_annotation(tracer, operation, targets, OTR_TARGET_OBSERVABLE | (uint64_t)arguments[0]);
        return;
    case OTR_GATE_CX:
        for (size_t k = operation->target_count; k >= 2; k -= 2) {
            const uint32_t control = targets[k - 2], target = targets[k - 1];
            combine(tracer, &tracer->x_flips[control], &tracer->x_flips[target]);
            combine(tracer, &tracer->z_flips[target], &tracer->z_flips[control]);
        }
        return;
    case OTR_GATE_DEPOLARIZE2:
        for (size_t k = 0; k + 1 < operation->target_count; k += 2) {
            add_depolarize(tracer, targets + k, 2, arguments[0]);
        }
        return;
    case OTR_GATE_PAULI_CHANNEL_2:
        for (size_t k = 0; k + 1 < operation->target_count; k += 2) {
            add_pauli_channel_2(tracer, targets[k], targets[k + 1], arguments);
        }
        return;
    default:
        for (size_t k = operation->target_count; tracer->status == OTR_OK && k-- > 0;) {
            undo_on_qubit(tracer, operation->gate, arguments, targets[k]);
        }
    }
}

static void swap(otr_target_set *a, otr_target_set *b) {
    const otr_target_set kept = *a;
    *a = *b;
    *b = kept;
}

static void undo_on_qubit(tracer *tracer, otr_gate gate, const double *arguments, uint32_t qubit) {
    otr_target_set *x = &tracer->x_flips[qubit], *z = &tracer->z_flips[qubit];

    switch (gate) {
    case OTR_GATE_H:
        swap(x, z);
        break;
    case OTR_GATE_R:
        undo_reset(tracer, qubit, z);
        break;
    case OTR_GATE_RX:
        undo_reset(tracer, qubit, x);
        break;
    case OTR_GATE_MR:
        undo_reset(tracer, qubit, z);
        undo_measurement(tracer, x, z);
        break;
    case OTR_GATE_MRX:
        undo_reset(tracer, qubit, x);
        undo_measurement(tracer, z, x);
        break;
    case OTR_GATE_M:
        undo_measurement(tracer, x, z);
        break;
    case OTR_GATE_MX:
        undo_measurement(tracer, z, x);
        break;
    case OTR_GATE_X_ERROR:
        tracer->status = otr_fault_set_add(tracer->faults, x->items, x->count, arguments[0]);
        break;
    case OTR_GATE_Z_ERROR:
        tracer->status = otr_fault_set_add(tracer->faults, z->items, z->count, arguments[0]);
        break;
    case OTR_GATE_DEPOLARIZE1:
        add_depolarize(tracer, &qubit, 1, arguments[0]);
        break;
    case OTR_GATE_PAULI_CHANNEL_1:
        add_pauli_channel_1(tracer, qubit, arguments);
        break;
    default:
        break;
    }
}

/* `target` reads the outcomes that lie `lookbacks` back. */
static void undo_annotation(tracer *tracer, const otr_operation *operation, const uint32_t *lookbacks,
                            uint64_t target) {
    for (size_t k = 0; tracer->status == OTR_OK && k < operation->target_count; k++) {
        otr_target_set *flips = &tracer->record_flips[tracer->measurements_before - lookbacks[k]];
        if (!otr_target_set_xor(flips, &target, 1)) {
            tracer->status = OTR_ERR_LIMIT;
        }
    }
}

/* A Pauli that the measurement does not commute with flips its outcome; one that it does must flip nothing
 * later. */
static void undo_measurement(tracer *tracer, otr_target_set *flips, const otr_target_set *conjugate) {
    combine(tracer, flips, &tracer->record_flips[--tracer->measurements_before]);
    if (conjugate->count > 0) {
        tracer->status = OTR_ERR_ARGUMENT;
    }
}

static void undo_reset(tracer *tracer, uint32_t qubit, const otr_target_set *conjugate) {
    if (conjugate->count > 0) {
        tracer->status = OTR_ERR_ARGUMENT;
    }
    tracer->x_flips[qubit].count = 0;
    tracer->z_flips[qubit].count = 0;
}

static void combine(tracer *tracer, otr_target_set *set, const otr_target_set *other) {
    if (!otr_target_set_xor(set, other->items, other->count)) {
        tracer->status = OTR_ERR_LIMIT;
    }
}

static void add_channel(tracer *tracer, const otr_channel *channel) {
    if (tracer->status == OTR_OK) {
        tracer->status = otr_fault_set_add_channel(tracer->faults, channel);
    }
}

static void add_depolarize(tracer *tracer, const uint32_t *qubits, int qubit_count, double p) {
    const double q = qubit_count == 1 ? otr_depolarize1_independent(p) : otr_depolarize2_independent(p);
    otr_channel channel = {.basis_count = 2 * qubit_count};
    for (int i = 0; i < qubit_count; i++) {
        channel.basis[2 * i] = &tracer->z_flips[qubits[i]];
        channel.basis[2 * i + 1] = &tracer->x_flips[qubits[i]];
    }
    for (int k = 1; k < 1 << channel.basis_count; k++) {
        channel.probabilities[k] = q;
    }
    add_channel(tracer, &channel);
}

/* Bits of a Pauli I, X, Y, Z = 0..3 as a combination of X (bit 0) and Z (bit 1). */
static int xz_bits(int pauli) {
    return pauli ^ (pauli >> 1);
}

static void add_pauli_channel_1(tracer *tracer, uint32_t qubit, const double *disjoint) {
    double independent[3];
    const bool is_independent = otr_pauli1_independent(disjoint, independent);
    otr_channel channel = {
        .basis_count = 2,
        .basis = {&tracer->x_flips[qubit], &tracer->z_flips[qubit]},
        .is_disjoint = !is_independent,
    };
    for (int pauli = 1; pauli < 4; pauli++) {
        channel.probabilities[xz_bits(pauli)] = is_independent ? independent[pauli - 1] : disjoint[pauli - 1];
    }
    add_channel(tracer, &channel);
}

static void add_pauli_channel_2(tracer *tracer, uint32_t first, uint32_t second, const double *disjoint) {
    otr_channel channel = {
        .basis_count = 4,
        .basis = {&tracer->x_flips[second], &tracer->z_flips[second], &tracer->x_flips[first],
                  &tracer->z_flips[first]},
        .is_disjoint = true,
    };
    for (int pair = 1; pair < 16; pair++) {
        channel.probabilities[xz_bits(pair & 3) | xz_bits(pair >> 2) << 2] = disjoint[pair - 1];
    }
    add_channel(tracer, &channel);
}
