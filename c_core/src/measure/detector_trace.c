/* A parity of results is the value of a Pauli operator. Walking the circuit backwards, each detector's
 * operator is the product of the operators measured for it so far, moved before every gate with its sign. A
 * reset or the initial state, where the operator must be the Pauli that it fixes, ends it on that qubit: its
 * value is +1. What is left in the end is the sign, the parity of a noise-free run. An operator that does not
 * commute with a measurement or reset has a random value. A classically controlled Pauli that does not
 * commute with the operator multiplies its value by the control: a sweep bit is noted, an earlier result's
 * operator is multiplied in once the walk comes to it. Stim finds error models by such a walk
 * (arXiv:2103.02202); the signs are added here.
 *
 * A run that left the feedback out differs by Paulis that the results fix: the row that reads these results
 * too has, in such a run, the operators and the value that the row has with feedback.
 *
 * Without a reference sample signs do not matter, and operators that do not commute are moved on: what flips
 * a random row flips it all the same.
 *
 * The operators are stored by qubit: a sorted list of rows (detectors and observables) with their Paulis. */
#include "measure/detector_trace.h"

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/sort.h"
#include "measure/row_lists.h"

#include <stdlib.h>
#include <string.h>

typedef struct tracer {
    const otr_stim_circuit *circuit;
    const otr_stim_operation *operation;
    otr_row_lists operators; /* qubit -> row << 2 | Pauli */
    otr_row_lists results;   /* measurement -> the rows whose operators it belongs to, unsorted */
    uint64_t measured;       /* measurements before the place of the walk */
    uint64_t detectors;      /* detectors before it */
    uint64_t steps;
    const otr_measurement_options *options;
    uint32_t *rows; /* of one measurement */
    size_t row_count, row_capacity;
    otr_trace_rows *out;
    otr_pauli_map from_x, from_y, fold, phase, inverse_phase; /* H, H_YZ, CX, S, S_DAG */
    otr_error *error;
} tracer;

static otr_status fail(const tracer *t, otr_status status);
static otr_pauli_map map_of(const char *name, size_t bytes);
static otr_status trace(tracer *t);
static otr_status reset(tracer *t, uint32_t qubit, uint32_t basis);

otr_status otr_detector_trace(const otr_stim_circuit *circuit, const otr_measurement_options *options,
                              otr_trace_rows *out, otr_error *error) {
    tracer t = {.circuit = circuit,
                .measured = circuit->totals[OTR_STIM_MEASUREMENTS],
                .detectors = circuit->totals[OTR_STIM_DETECTORS],
                .options = options,
                .out = out,
                .from_x = map_of("h", 1),
                .from_y = map_of("h_yz", 4),
                .fold = map_of("cx", 2),
                .phase = map_of("s", 1),
                .inverse_phase = map_of("s_dag", 5),
                .error = error};
    otr_status status = OTR_OK;
    if (options->skip_reference_sample && !options->ran_without_feedback && circuit->sweep_count == 0) {
        return OTR_OK;
    }
    if (!otr_row_lists_init(&t.operators, circuit->qubit_count) ||
        !otr_row_lists_init(&t.results, (uint32_t)t.measured)) {
        status = fail(&t, OTR_ERR_MEMORY);
    }
    if (status == OTR_OK) {
        status = trace(&t);
    }
    if (options->skip_reference_sample) {
        memset(out->constants, 0,
               otr_bytes_for_bits(circuit->totals[OTR_STIM_DETECTORS] + circuit->observable_count));
    }
    otr_row_lists_free(&t.operators);
    otr_row_lists_free(&t.results);
    free(t.rows);
    return status;
}

static otr_status fail(const tracer *t, otr_status status) {
    const uint64_t line = t->operation != NULL ? t->operation->line : 0;
    return status == OTR_ERR_LIMIT
               ? otr_error_set(t->error, status, line, 0, "detectors spread over too many qubits or gates")
               : otr_error_set(t->error, status, line, 0, "out of memory");
}

static otr_status spend_step(tracer *t) {
    return t->steps++ < t->options->steps_max ? OTR_OK : fail(t, OTR_ERR_LIMIT);
}

/* The line that declares a row, for an observable the first such. */
static uint64_t declaring_line(const tracer *t, uint64_t row) {
    otr_stim_walk walk = otr_stim_walk_start(t->circuit, OTR_STIM_FORWARD);
    const uint64_t detectors = t->circuit->totals[OTR_STIM_DETECTORS];
    const otr_stim_operation *operation;
    uint64_t detector = 0;
    while ((operation = otr_stim_walk_next(&walk)) != NULL) {
        if ((operation->kind == OTR_STIM_DETECTOR && detector++ == row) ||
            (operation->kind == OTR_STIM_OBSERVABLE && operation->value + detectors == row)) {
            return operation->line;
        }
    }
    return 0;
}

static otr_status fail_random(const tracer *t, uint64_t row, uint32_t qubit) {
    const uint64_t detectors = t->circuit->totals[OTR_STIM_DETECTORS];
    const char *const kind = row < detectors ? "detector D" : "observable L";
    const unsigned long long number = row < detectors ? row : row - detectors;
    if (t->operation == NULL) {
        return otr_error_set(t->error, OTR_ERR_RANDOM, declaring_line(t, row), 0,
                             "%s%llu is random without noise: the first state of qubit %u does not fix it",
                             kind, number, (unsigned)qubit);
    }
    return otr_error_set(
        t->error, OTR_ERR_RANDOM, declaring_line(t, row), 0,
        "%s%llu is random without noise: it does not commute with qubit %u's %s of line %llu", kind, number,
        (unsigned)qubit, t->operation->kind == OTR_STIM_RESET ? "reset" : "measurement",
        (unsigned long long)t->operation->line);
}

static void flip_constant(tracer *t, uint32_t row, uint32_t bit) {
    t->out->constants[row >> 3] ^= (uint8_t)(bit << (row & 7));
}

/* Moves operators before a gate on one qubit. */
static otr_status apply_1(tracer *t, uint32_t qubit, const otr_pauli_map *map) {
    otr_list_node *const nodes = t->operators.nodes;
    otr_status status = OTR_OK;
    for (uint32_t n = nodes[qubit].next; n != OTR_LIST_END && status == OTR_OK; n = nodes[n].next) {
        const uint32_t row = nodes[n].key >> 2;
        const uint32_t image = map->before[nodes[n].key & 3];
        nodes[n].key = row << 2 | (image & 3);
        flip_constant(t, row, image / OTR_PAULI_MINUS);
        status = spend_step(t);
    }
    return status;
}

/* The row behind the node `before` of an operator list, or UINT32_MAX. */
static uint32_t row_behind(const tracer *t, uint32_t before) {
    const uint32_t node = t->operators.nodes[before].next;
    return node == OTR_LIST_END ? UINT32_MAX : t->operators.nodes[node].key >> 2;
}

/* The Pauli of the row behind `before`. */
static uint32_t pauli_behind(const tracer *t, uint32_t before) {
    return t->operators.nodes[t->operators.nodes[before].next].key & 3;
}

/* Gives `row`, whose place is behind *before, this Pauli, and moves *before past it. */
static otr_status put(tracer *t, uint32_t *before, uint32_t row, uint32_t pauli) {
    otr_row_lists *const lists = &t->operators;
    const bool present = row_behind(t, *before) == row;
    if (pauli == 0) {
        if (present) {
            otr_row_lists_remove(lists, *before);
        }
        return OTR_OK;
    }
    if (!present) {
        const otr_status status = otr_row_lists_insert(lists, *before, row << 2);
        if (status != OTR_OK) {
            return fail(t, status);
        }
    }
    *before = lists->nodes[*before].next;
    lists->nodes[*before].key = row << 2 | pauli;
    return OTR_OK;
}

/* Moves operators before a gate on two qubits. */
static otr_status apply_2(tracer *t, uint32_t first, uint32_t second, const otr_pauli_map *map) {
    uint32_t before[2] = {first, second};
    for (;;) {
        const uint32_t rows[2] = {row_behind(t, before[0]), row_behind(t, before[1])};
        const uint32_t row = rows[0] < rows[1] ? rows[0] : rows[1];
        uint32_t pauli = 0, image;
        otr_status status;
        if (row == UINT32_MAX) {
            return OTR_OK;
        }
        for (uint32_t side = 0; side < 2; side++) {
            if (rows[side] == row) {
                pauli |= pauli_behind(t, before[side]) << 2 * side;
            }
        }
        image = map->before[pauli];
        flip_constant(t, row, image / OTR_PAULI_MINUS);
        status = put(t, &before[0], row, image & 3);
        if (status == OTR_OK) {
            status = put(t, &before[1], row, image >> 2 & 3);
        }
        if (status == OTR_OK) {
            status = spend_step(t);
        }
        if (status != OTR_OK) {
            return status;
        }
    }
}

/* Refuses operators that do not commute with `basis` on the qubit, unless there is no reference sample. */
static otr_status require_basis(tracer *t, uint32_t qubit, uint32_t basis) {
    const otr_list_node *const nodes = t->operators.nodes;
    otr_status status = OTR_OK;
    if (t->options->skip_reference_sample) {
        return OTR_OK;
    }
    for (uint32_t n = nodes[qubit].next; n != OTR_LIST_END && status == OTR_OK; n = nodes[n].next) {
        status = (nodes[n].key & 3) == basis ? spend_step(t) : fail_random(t, nodes[n].key >> 2, qubit);
    }
    return status;
}

static otr_status reset(tracer *t, uint32_t qubit, uint32_t basis) {
    const otr_status status = require_basis(t, qubit, basis);
    while (status == OTR_OK && t->operators.nodes[qubit].next != OTR_LIST_END) {
        otr_row_lists_remove(&t->operators, qubit);
    }
    return status;
}

/* Takes the rows of the last measurement before the place of the walk, ascending, into t->rows. */
static otr_status take_rows(tracer *t) {
    const uint32_t head = (uint32_t)--t->measured;
    otr_status status = spend_step(t);
    t->row_count = 0;
    while (status == OTR_OK && t->results.nodes[head].next != OTR_LIST_END) {
        if (!OTR_ARRAY_GROW(t->rows, t->row_count, t->row_capacity)) {
            return fail(t, OTR_ERR_MEMORY);
        }
        t->rows[t->row_count++] = t->results.nodes[t->results.nodes[head].next].key;
        otr_row_lists_remove(&t->results, head);
        status = spend_step(t);
    }
    t->row_count = otr_sort_cancel(t->rows, t->row_count);
    return status;
}

static void flip_constants(tracer *t) {
    for (size_t i = 0; i < t->row_count; i++) {
        flip_constant(t, t->rows[i], 1);
    }
}

/* Multiplies the measured Pauli into the operators of the rows that the result belongs to. */
static otr_status measure(tracer *t, uint32_t qubit, uint32_t basis, bool inverted) {
    uint32_t before = qubit;
    otr_status status = require_basis(t, qubit, basis);
    if (status == OTR_OK) {
        status = take_rows(t);
    }
    if (status == OTR_OK && inverted) {
        flip_constants(t);
    }
    for (size_t i = 0; i < t->row_count && status == OTR_OK; i++) {
        uint32_t pauli = basis;
        while (row_behind(t, before) < t->rows[i]) {
            before = t->operators.nodes[before].next;
        }
        if (row_behind(t, before) == t->rows[i]) {
            pauli ^= pauli_behind(t, before);
        }
        status = put(t, &before, t->rows[i], pauli);
    }
    return status;
}

/* Moves operators before or behind the gates that bring a product's sign to Z of its first qubit. */
static otr_status rotate_product(tracer *t, const uint32_t *targets, size_t count) {
    otr_status status = OTR_OK;
    for (size_t i = 0; i < count && status == OTR_OK; i++) {
        if (otr_stim_pauli(targets[i]) != OTR_PAULI_Z) {
            status = apply_1(t, otr_stim_value(targets[i]),
                             otr_stim_pauli(targets[i]) == OTR_PAULI_X ? &t->from_x : &t->from_y);
        }
    }
    return status;
}

static otr_status fold_product(tracer *t, const uint32_t *targets, size_t count) {
    otr_status status = OTR_OK;
    for (size_t i = 1; i < count && status == OTR_OK; i++) {
        status = apply_2(t, otr_stim_value(targets[i]), otr_stim_value(targets[0]), &t->fold);
    }
    return status;
}

/* Moves operators before a measurement of a product, or before its square root. */
static otr_status apply_product(tracer *t, const uint32_t *targets, size_t count) {
    const uint32_t qubit = otr_stim_value(targets[0]);
    const bool inverted = (targets[0] & OTR_STIM_INVERTED) != 0;
    otr_status status = rotate_product(t, targets, count);
    if (status == OTR_OK) {
        status = fold_product(t, targets, count);
    }
    if (status == OTR_OK) {
        status =
            t->operation->kind == OTR_STIM_PRODUCT
                ? measure(t, qubit, OTR_PAULI_Z, inverted)
                : apply_1(t, qubit, inverted != t->operation->gate->inverse ? &t->inverse_phase : &t->phase);
    }
    if (status == OTR_OK) {
        status = fold_product(t, targets, count);
    }
    return status == OTR_OK ? rotate_product(t, targets, count) : status;
}

static otr_status apply_products(tracer *t, const uint32_t *targets, size_t count) {
    otr_status status = OTR_OK;
    for (size_t end = count, begin; end > 0 && status == OTR_OK; end = begin) {
        for (begin = end - 1; begin > 0 && (targets[begin - 1] & OTR_STIM_JOINED) != 0;) {
            begin--;
        }
        status = apply_product(t, targets + begin, end - begin);
    }
    return status;
}

/* Notes a result among those that a row's operator belongs to. */
static otr_status add_result(tracer *t, uint32_t record, uint32_t row) {
    const otr_status status =
        otr_row_lists_insert(&t->results, (uint32_t)t->measured - otr_stim_value(record), row);
    return status == OTR_OK ? spend_step(t) : fail(t, status);
}

static otr_status add_entry(tracer *t, otr_row_entries *entries, uint32_t row, uint32_t column) {
    if (entries->count == OTR_MEASUREMENT_TERMS_MAX) {
        return fail(t, OTR_ERR_LIMIT);
    }
    if (!OTR_ARRAY_GROW(entries->items, entries->count, entries->capacity)) {
        return fail(t, OTR_ERR_MEMORY);
    }
    entries->items[entries->count++] = (otr_row_entry){.row = row, .column = column};
    return OTR_OK;
}

/* Notes that a control flips a row. */
static otr_status add_control(tracer *t, uint32_t control, uint32_t row) {
    const uint32_t value = otr_stim_value(control);
    otr_status status;
    if ((control & OTR_STIM_SWEEP) != 0) {
        return add_entry(t, &t->out->sweeps, row, value);
    }
    status = add_result(t, control, row);
    return status == OTR_OK && t->options->ran_without_feedback
               ? add_entry(t, &t->out->feedback, row, (uint32_t)t->measured - value)
               : status;
}

static otr_status flip(tracer *t, uint32_t control, uint32_t qubit) {
    const uint32_t pauli = t->operation->gate->pauli;
    const otr_list_node *const nodes = t->operators.nodes;
    otr_status status = OTR_OK;
    for (uint32_t n = nodes[qubit].next; n != OTR_LIST_END && status == OTR_OK; n = nodes[n].next) {
        const uint32_t row = nodes[n].key >> 2;
        status = spend_step(t);
        if (status == OTR_OK && (nodes[n].key & 3) != pauli) {
            status = add_control(t, control, row);
        }
    }
    return status;
}

static otr_status apply_target(tracer *t, const uint32_t *target) {
    const otr_stim_operation *const operation = t->operation;
    const uint32_t value = otr_stim_value(*target), basis = operation->gate->pauli;
    const bool inverted = (*target & OTR_STIM_INVERTED) != 0;
    otr_status status;
    switch (operation->kind) {
    case OTR_STIM_CLIFFORD_1:
        return apply_1(t, value, &operation->map);
    case OTR_STIM_CLIFFORD_2:
        return apply_2(t, otr_stim_value(target[-1]), value, &operation->map);
    case OTR_STIM_FLIP:
        return flip(t, target[-1], value);
    case OTR_STIM_RESET:
        return reset(t, value, basis);
    case OTR_STIM_MEASURE:
        return measure(t, value, basis, inverted);
    case OTR_STIM_MEASURE_RESET:
        status = reset(t, value, basis);
        return status == OTR_OK ? measure(t, value, basis, inverted) : status;
    case OTR_STIM_PAD:
        status = take_rows(t);
        if (status == OTR_OK && value != 0) {
            flip_constants(t);
        }
        return status;
    case OTR_STIM_DETECTOR:
        return add_result(t, *target, (uint32_t)t->detectors);
    case OTR_STIM_OBSERVABLE:
        return add_result(t, *target, (uint32_t)(t->circuit->totals[OTR_STIM_DETECTORS] + operation->value));
    default:
        return OTR_OK;
    }
}

/* Moves the walk before one operation. */
static otr_status apply_operation(tracer *t) {
    const otr_stim_operation *const operation = t->operation;
    const uint32_t *const targets = otr_stim_targets_of(t->circuit, operation);
    const size_t width = operation->kind == OTR_STIM_CLIFFORD_2 || operation->kind == OTR_STIM_FLIP ? 2 : 1;
    otr_status status = spend_step(t);
    if (operation->kind == OTR_STIM_PRODUCT || operation->kind == OTR_STIM_PHASE) {
        return apply_products(t, targets, operation->target_count);
    }
    t->detectors -= operation->kind == OTR_STIM_DETECTOR;
    for (size_t end = operation->target_count; end > 0 && status == OTR_OK; end -= width) {
        status = spend_step(t);
        if (status == OTR_OK) {
            status = apply_target(t, &targets[end - 1]);
        }
    }
    return status;
}

static otr_pauli_map map_of(const char *name, size_t bytes) {
    return otr_pauli_map_of(otr_stim_gate_find(name, bytes)->images);
}

static otr_status trace(tracer *t) {
    otr_stim_walk walk = otr_stim_walk_start(t->circuit, OTR_STIM_BACKWARD);
    otr_status status = OTR_OK;
    while (status == OTR_OK && (t->operation = otr_stim_walk_next(&walk)) != NULL) {
        status = apply_operation(t);
    }
    for (uint32_t qubit = 0; qubit < t->circuit->qubit_count && status == OTR_OK; qubit++) {
        status = require_basis(t, qubit, OTR_PAULI_Z);
    }
    return status;
}
