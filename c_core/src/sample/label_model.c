/* A circuit of three rounds, the first, one of the bulk and the last, is walked backwards. Per qubit we keep
 * what an X and what a Z there does to the outcomes of the round at hand and to the data qubits at its end.
 * Every fault of the circuit is read off there, and deferral decides where its errors count. The rounds of
 * the bulk are alike, so a repeat block stands for them. */
#include "sample/label_model.h"

#include "code/fault_set.h"
#include "common/array.h"
#include "model/model_builder.h"

#include <stdlib.h>

enum { ROUND_FIRST, ROUND_BULK, ROUND_LAST, ROUND_COUNT };

/* Paulis as pairs of bits, X and Z; two of them, on a data qubit and on an ancilla. */
enum { PAULI_I = 0, PAULI_X = 1, PAULI_Z = 2, PAULI_Y = PAULI_X | PAULI_Z, PAULI_COUNT = 4 };
#define PAIR(data, ancilla) ((data) << 2 | (ancilla))
#define PAIR_COUNT 16
#define PARTS_MAX 3

/* A part has at most OTR_TARGET_SET_MAX outcomes and errors. An outcome flips two events and a timelike part;
 * an error counts once, flips an event and a timelike part at two stabilisers, and the observable. */
#define FAULT_BITS_MAX (PARTS_MAX * OTR_TARGET_SET_MAX * 5 + 1)

typedef struct label_trace {
    const otr_label_layout *layout;
    bool split_y;
    /* By an X or a Z on a qubit: outcomes by stabiliser, data errors by label bit. */
    otr_target_set *flips[2];
    int round; /* at hand; ROUND_COUNT in the readout */
    bool between_rounds;
    otr_fault_set faults[ROUND_COUNT];
    otr_status status;
} label_trace;

/* The label bits of one fault: those of its round, then those of the next. */
typedef struct fault_bits {
    uint64_t items[FAULT_BITS_MAX];
    size_t count;
} fault_bits;

static otr_status trace_circuit(label_trace *trace, const otr_surface *surface);
static void undo(label_trace *trace, const otr_circuit *circuit, const otr_operation *operation);
static void start_round(label_trace *trace);
static void combine(label_trace *trace, otr_target_set *set, const otr_target_set *other);
static void set_ancilla(label_trace *trace, uint32_t qubit, otr_basis flipping);
static void add_single(label_trace *trace, uint32_t qubit, int pauli, double probability);
static void add_pair_channel(label_trace *trace, uint32_t control, uint32_t target, const double *disjoint);
static otr_status write_model(otr_model_builder *builder, const label_trace *trace);

otr_status otr_label_model(const otr_surface *surface, const otr_label_layout *layout, bool split_y,
                           otr_model **out) {
    const size_t qubit_count = (size_t)layout->data_count + layout->stabiliser_count;
    label_trace trace = {
        .layout = layout, .split_y = split_y, .round = ROUND_COUNT, .between_rounds = true, .status = OTR_OK};
    otr_model_builder *builder = NULL;
    otr_status status = OTR_ERR_MEMORY;
    trace.flips[OTR_BASIS_X] = otr_array_zeroed(qubit_count, sizeof *trace.flips[0]);
    trace.flips[OTR_BASIS_Z] = otr_array_zeroed(qubit_count, sizeof *trace.flips[0]);
    if (trace.flips[OTR_BASIS_X] != NULL && trace.flips[OTR_BASIS_Z] != NULL) {
        status = trace_circuit(&trace, surface);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_create(&builder);
    }
    if (status == OTR_OK) {
        status = write_model(builder, &trace);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_finish(builder, out, NULL);
    }
    otr_model_builder_destroy(builder);
    free(trace.flips[OTR_BASIS_X]);
    free(trace.flips[OTR_BASIS_Z]);
    for (int round = 0; round < ROUND_COUNT; round++) {
        otr_fault_set_free(&trace.faults[round]);
    }
    return status;
}

static otr_status trace_circuit(label_trace *trace, const otr_surface *surface) {
    const otr_memory memory = {
        .options = &surface->options, .patch = &surface->patch, .rounds = ROUND_COUNT, .unrolled = true};
    otr_circuit circuit = {0};
    trace->status = otr_memory_circuit(&circuit, &memory);
    for (size_t i = circuit.operation_count; trace->status == OTR_OK && i-- > 0;) {
        undo(trace, &circuit, &circuit.operations[i]);
    }
    otr_circuit_free(&circuit);
    return trace->status;
}

static void undo(label_trace *trace, const otr_circuit *circuit, const otr_operation *operation) {
    const uint32_t *targets = circuit->targets + operation->targets;
    const double *arguments = circuit->arguments + operation->arguments;
    if (operation->gate == OTR_GATE_DETECTOR || operation->gate == OTR_GATE_OBSERVABLE_INCLUDE) {
        if (!trace->between_rounds) {
            start_round(trace);
        }
        return;
    }
    trace->between_rounds = false;
    for (size_t k = operation->target_count; trace->status == OTR_OK && k-- > 0;) {
        switch (operation->gate) {
        case OTR_GATE_CX:
            k--;
            combine(trace, &trace->flips[OTR_BASIS_X][targets[k]],
                    &trace->flips[OTR_BASIS_X][targets[k + 1]]);
            combine(trace, &trace->flips[OTR_BASIS_Z][targets[k + 1]],
                    &trace->flips[OTR_BASIS_Z][targets[k]]);
            break;
        case OTR_GATE_MR:
            set_ancilla(trace, targets[k], OTR_BASIS_X);
            break;
        case OTR_GATE_MRX:
            set_ancilla(trace, targets[k], OTR_BASIS_Z);
            break;
        case OTR_GATE_X_ERROR:
            add_single(trace, targets[k], PAULI_X, arguments[0]);
            break;
        case OTR_GATE_Z_ERROR:
            add_single(trace, targets[k], PAULI_Z, arguments[0]);
            break;
        case OTR_GATE_PAULI_CHANNEL_1:
            add_single(trace, targets[k], PAULI_X, arguments[0]);
            add_single(trace, targets[k], PAULI_Y, arguments[1]);
            add_single(trace, targets[k], PAULI_Z, arguments[2]);
            break;
        case OTR_GATE_PAULI_CHANNEL_2:
            k--;
            add_pair_channel(trace, targets[k], targets[k + 1], arguments);
            break;
        default:
            break;
        }
    }
}

/* The detectors of a round follow it, so going backwards the round before begins here. */
static void start_round(label_trace *trace) {
    const otr_label_layout *layout = trace->layout;
    trace->between_rounds = true;
    trace->round--;
    for (int type = OTR_BASIS_X; type <= OTR_BASIS_Z; type++) {
        for (uint32_t data = 0; data < layout->data_count; data++) {
            trace->flips[type][data] =
                (otr_target_set){.count = 1, .items = {otr_label_error(layout, (otr_basis)type, data)}};
        }
    }
}

static void combine(label_trace *trace, otr_target_set *set, const otr_target_set *other) {
    if (!otr_target_set_xor(set, other->items, other->count)) {
        trace->status = OTR_ERR_LIMIT;
    }
}

/* An ancilla is measured and reset: only a Pauli of one type does anything, to its outcome. */
static void set_ancilla(label_trace *trace, uint32_t qubit, otr_basis flipping) {
    const uint32_t stabiliser = qubit - trace->layout->data_count;
    trace->flips[OTR_BASIS_X][qubit].count = 0;
    trace->flips[OTR_BASIS_Z][qubit].count = 0;
    trace->flips[flipping][qubit] = (otr_target_set){.count = 1, .items = {otr_label_event(stabiliser)}};
}

static void flip(fault_bits *bits, uint64_t bit) {
    for (size_t i = 0; i < bits->count; i++) {
        if (bits->items[i] == bit) {
            bits->items[i] = bits->items[--bits->count];
            return;
        }
    }
    bits->items[bits->count++] = bit;
}

static void flip_outcome(const label_trace *trace, fault_bits *bits, uint32_t stabiliser) {
    const uint32_t next_round = otr_label_round_bits(trace->layout);
    flip(bits, otr_label_event(stabiliser));
    flip(bits, next_round + otr_label_event(stabiliser));
    flip(bits, otr_label_timelike(trace->layout, stabiliser));
}

/* A data error at the end of the round shows in the outcomes of the next. */
static void flip_error(const label_trace *trace, fault_bits *bits, uint32_t error, bool deferred) {
    const otr_label_layout *layout = trace->layout;
    const uint32_t next_round = otr_label_round_bits(layout);
    const otr_basis type = error < otr_label_error(layout, OTR_BASIS_Z, 0) ? OTR_BASIS_X : OTR_BASIS_Z;
    const uint32_t data = error - otr_label_error(layout, type, 0);
    const otr_detecting *detecting = &layout->detecting[type][data];
    flip(bits, deferred ? next_round + error : error);
    for (uint32_t i = 0; i < detecting->count; i++) {
        flip(bits, next_round + otr_label_event(detecting->stabilisers[i]));
        if (!deferred) {
            flip(bits, otr_label_timelike(layout, detecting->stabilisers[i]));
        }
    }
    if (type != layout->memory_basis && data % layout->observable_step == 0 &&
        data / layout->observable_step < layout->observable_length) {
        flip(bits, OTR_TARGET_OBSERVABLE);
    }
}

/* Adds a part that happens as a whole; without an outcome in its own round it is deferred. */
static void add_part(const label_trace *trace, fault_bits *bits, const otr_target_set *part) {
    const bool deferred = part->count > 0 && part->items[0] >= otr_label_error(trace->layout, OTR_BASIS_X, 0);
    for (uint32_t i = 0; i < part->count; i++) {
        const uint32_t item = (uint32_t)part->items[i];
        if (item < trace->layout->stabiliser_count) {
            flip_outcome(trace, bits, item);
        } else {
            flip_error(trace, bits, item, deferred);
        }
    }
}

static int compare_bits(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void add_fault(label_trace *trace, fault_bits *bits, double probability) {
    qsort(bits->items, bits->count, sizeof *bits->items, compare_bits);
    if (trace->status == OTR_OK) {
        trace->status =
            otr_fault_set_add(&trace->faults[trace->round], bits->items, bits->count, probability);
    }
}

static void combine_pauli(label_trace *trace, otr_target_set *part, uint32_t qubit, int pauli) {
    if ((pauli & PAULI_X) != 0) {
        combine(trace, part, &trace->flips[OTR_BASIS_X][qubit]);
    }
    if ((pauli & PAULI_Z) != 0) {
        combine(trace, part, &trace->flips[OTR_BASIS_Z][qubit]);
    }
}

static void add_single(label_trace *trace, uint32_t qubit, int pauli, double probability) {
    otr_target_set part = {0};
    fault_bits bits = {.count = 0};
    combine_pauli(trace, &part, qubit, pauli);
    add_part(trace, &bits, &part);
    add_fault(trace, &bits, probability);
}

/* Table I of the paper, by the type of the ancilla's stabiliser; zero ends a list, and a list without entries
 * means that the pair stays whole. */
static const uint8_t SPLIT[2][PAIR_COUNT][PARTS_MAX] =
    {
        [OTR_BASIS_X] =
            {
                [PAIR(PAULI_Y, PAULI_X)] = {PAIR(PAULI_X, PAULI_I), PAIR(PAULI_Z, PAULI_I),
                                            PAIR(PAULI_I, PAULI_X)},
                [PAIR(PAULI_Y, PAULI_Z)] = {PAIR(PAULI_Z, PAULI_Z), PAIR(PAULI_X, PAULI_I)},
                [PAIR(PAULI_Y, PAULI_Y)] = {PAIR(PAULI_Z, PAULI_Z), PAIR(PAULI_X, PAULI_I),
                                            PAIR(PAULI_I, PAULI_X)},
                [PAIR(PAULI_X, PAULI_Y)] = {PAIR(PAULI_X, PAULI_I), PAIR(PAULI_I, PAULI_X),
                                            PAIR(PAULI_I, PAULI_Z)},
                [PAIR(PAULI_Z, PAULI_Y)] = {PAIR(PAULI_Z, PAULI_Z), PAIR(PAULI_I, PAULI_X)},
            },
        [OTR_BASIS_Z] =
            {
                [PAIR(PAULI_Y, PAULI_X)] = {PAIR(PAULI_X, PAULI_X), PAIR(PAULI_Z, PAULI_I)},
                [PAIR(PAULI_Y, PAULI_Z)] = {PAIR(PAULI_X, PAULI_I), PAIR(PAULI_Z, PAULI_I),
                                            PAIR(PAULI_I, PAULI_Z)},
                [PAIR(PAULI_Y, PAULI_Y)] = {PAIR(PAULI_X, PAULI_X), PAIR(PAULI_Z, PAULI_I),
                                            PAIR(PAULI_I, PAULI_Z)},
                [PAIR(PAULI_X, PAULI_Y)] = {PAIR(PAULI_X, PAULI_X), PAIR(PAULI_I, PAULI_Z)},
                [PAIR(PAULI_Z, PAULI_Y)] = {PAIR(PAULI_Z, PAULI_I), PAIR(PAULI_I, PAULI_X),
                                            PAIR(PAULI_I, PAULI_Z)},
            },
};

static void add_pair(label_trace *trace, uint32_t data, uint32_t ancilla, uint8_t pair, double probability) {
    const otr_basis type = trace->layout->basis[ancilla - trace->layout->data_count];
    const uint8_t whole[PARTS_MAX] = {pair};
    const uint8_t *parts = trace->split_y && SPLIT[type][pair][0] != 0 ? SPLIT[type][pair] : whole;
    fault_bits bits = {.count = 0};
    for (int i = 0; i < PARTS_MAX && parts[i] != 0; i++) {
        otr_target_set part = {0};
        combine_pauli(trace, &part, data, parts[i] >> 2);
        combine_pauli(trace, &part, ancilla, parts[i] % PAULI_COUNT);
        add_part(trace, &bits, &part);
    }
    add_fault(trace, &bits, probability);
}

/* Probabilities come in the order IX, IY, IZ, XI, ..., ZZ, the control's Pauli first. */
static void add_pair_channel(label_trace *trace, uint32_t control, uint32_t target, const double *disjoint) {
    static const uint8_t paulis[] = {PAULI_I, PAULI_X, PAULI_Y, PAULI_Z};
    const bool ancilla_controls = control >= trace->layout->data_count;
    for (int i = 1; i < PAIR_COUNT; i++) {
        const uint8_t on_control = paulis[i / PAULI_COUNT], on_target = paulis[i % PAULI_COUNT];
        if (ancilla_controls) {
            add_pair(trace, target, control, PAIR(on_target, on_control), disjoint[i - 1]);
        } else {
            add_pair(trace, control, target, PAIR(on_control, on_target), disjoint[i - 1]);
        }
    }
}

/* The faults of a round, and a shift to the next. */
static otr_status write_round(otr_model_builder *builder, const label_trace *trace, int round) {
    const otr_fault_set *faults = &trace->faults[round];
    const otr_instruction shift = {
        .kind = OTR_INSTRUCTION_SHIFT_DETECTORS,
        .repeat_count = otr_label_round_bits(trace->layout),
    };
    otr_status status = OTR_OK;
    for (size_t i = 0; status == OTR_OK && i < faults->map.list_count; i++) {
        const otr_instruction instruction = {
            .kind = OTR_INSTRUCTION_ERROR,
            .argument_count = 1,
            .arguments = &faults->probabilities[i],
            .target_count = faults->map.lists[i].count,
            .targets = faults->map.targets + faults->map.lists[i].first,
        };
        status = otr_model_builder_append(builder, &instruction);
    }
    return status == OTR_OK ? otr_model_builder_append(builder, &shift) : status;
}

static otr_status write_model(otr_model_builder *builder, const label_trace *trace) {
    static const uint64_t observable = OTR_TARGET_OBSERVABLE;
    const uint64_t last_bit = otr_label_bits(trace->layout) - 1;
    const otr_instruction declarations[] = {
        {.kind = OTR_INSTRUCTION_DETECTOR, .target_count = 1, .targets = &last_bit},
        {.kind = OTR_INSTRUCTION_OBSERVABLE, .target_count = 1, .targets = &observable},
    };
    const otr_instruction repeat = {.kind = OTR_INSTRUCTION_REPEAT,
                                    .repeat_count = trace->layout->rounds - 2};
    otr_status status = OTR_OK;
    for (size_t i = 0; status == OTR_OK && i < sizeof declarations / sizeof *declarations; i++) {
        status = otr_model_builder_append(builder, &declarations[i]);
    }
    if (status == OTR_OK) {
        status = write_round(builder, trace, ROUND_FIRST);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_append(builder, &repeat);
    }
    if (status == OTR_OK) {
        status = write_round(builder, trace, ROUND_BULK);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_end_repeat(builder);
    }
    return status == OTR_OK ? write_round(builder, trace, ROUND_LAST) : status;
}
