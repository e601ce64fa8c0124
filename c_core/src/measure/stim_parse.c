/* Parser of Stim's circuit text (Stim, doc/file_format_stim_circuit.md), accepting what Stim 1.16 accepts;
 * the probabilities of one channel may also sum to more than 1. What noise-free parities do not depend on is
 * dropped; Pauli products are multiplied out. */
#include <stdio.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "common/scanner.h"
#include "measure/stim_circuit.h"

#define REPEAT_COUNT_MAX 0xFFFFFFFFFFFFFFFFu

_Static_assert(OTR_SCANNER_ARGUMENTS_MAX == OTR_MEASUREMENT_COORDINATES_MAX, "all arguments must be kept");

typedef struct block {
    otr_scanner_place place;
    size_t operation;
    uint64_t outer[OTR_STIM_TOTALS]; /* totals before it */
} block;

typedef struct parser {
    otr_scanner scanner;
    otr_stim_circuit *circuit;
    const otr_stim_gate *gate;
    bool matters; /* whether parities depend on this instruction */
    bool detectors_only;
    otr_scanner_place gate_place;
    otr_scanner_arguments arguments;
    otr_scanner_tag tag;
    size_t first_operation; /* of this instruction */
    uint64_t measured;      /* results so far, each block's first iteration counted */
    uint64_t totals_max[OTR_STIM_TOTALS];
    uint32_t depth;
    block open[OTR_MEASUREMENT_REPEAT_DEPTH_MAX];
    uint32_t *product_place; /* qubit -> 1 + its place in the product being read, or 0 */
    size_t product_place_count, product_place_capacity;
} parser;

static otr_status parse_text(parser *p);
static otr_status parse_instruction(parser *p);
static otr_status parse_name(parser *p);
static otr_status parse_arguments(parser *p);
static otr_status parse_repeat(parser *p);
static otr_status close_repeat(parser *p);
static otr_status parse_targets(parser *p);
static otr_status parse_target(parser *p, uint32_t *out);
static otr_status append_target(parser *p, otr_stim_kind kind, uint32_t target);
static otr_status append_pair(parser *p, uint32_t first, uint32_t second, const char *begin);
static otr_status parse_product(parser *p, uint32_t first);
static otr_status open_operation(parser *p, otr_stim_kind kind);
static otr_status add(parser *p, otr_stim_total total, uint64_t count);
static otr_status fail_at_gate(parser *p, const char *what);
static otr_status fail_memory(parser *p);

otr_status otr_stim_circuit_parse(otr_stim_circuit *circuit, const char *text, size_t bytes,
                                  const otr_measurement_options *options, otr_error *error) {
    parser p = {.circuit = circuit,
                .detectors_only = options->detectors_only,
                .totals_max = {[OTR_STIM_MEASUREMENTS] = OTR_MEASUREMENT_COUNT_MAX,
                               [OTR_STIM_DETECTORS] = OTR_MEASUREMENT_COUNT_MAX,
                               [OTR_STIM_TERMS] = OTR_MEASUREMENT_TERMS_MAX,
                               [OTR_STIM_COORDINATES] = OTR_MEASUREMENT_TERMS_MAX,
                               [OTR_STIM_STEPS] = options->steps_max}};
    otr_status status = otr_scanner_start(&p.scanner, text, bytes, error);
    *circuit = (otr_stim_circuit){0};
    if (status == OTR_OK) {
        status = parse_text(&p);
    }
    free(p.tag.bytes);
    free(p.product_place);
    return status;
}

void otr_stim_circuit_free(otr_stim_circuit *circuit) {
    free(circuit->operations);
    free(circuit->targets);
    free(circuit->arguments);
    *circuit = (otr_stim_circuit){0};
}

static otr_status parse_text(parser *p) {
    otr_scanner *const scanner = &p->scanner;
    otr_status status = OTR_OK;
    for (otr_scanner_skip_blank(scanner); scanner->next < scanner->end && status == OTR_OK;
         otr_scanner_skip_blank(scanner)) {
        status = *scanner->next == '}' ? close_repeat(p) : parse_instruction(p);
    }
    if (status == OTR_OK && p->depth > 0) {
        return otr_scanner_fail_at(scanner, OTR_ERR_PARSE, &p->open[p->depth - 1].place,
                                   "this REPEAT block is never closed by '}'");
    }
    return status;
}

static otr_status parse_instruction(parser *p) {
    bool tagged;
    otr_status status;
    p->gate_place = otr_scanner_here(&p->scanner);
    p->first_operation = p->circuit->operation_count;
    status = parse_name(p);
    if (status == OTR_OK) {
        status = otr_scanner_tag_read(&p->scanner, &p->tag, &tagged);
    }
    if (status == OTR_OK && p->gate->kind == OTR_STIM_REPEAT) {
        return parse_repeat(p);
    }
    if (status == OTR_OK) {
        status = parse_arguments(p);
    }
    return status == OTR_OK ? parse_targets(p) : status;
}

static otr_status parse_name(parser *p) {
    const char *const begin = p->scanner.next;
    const size_t bytes = otr_scanner_name(&p->scanner);
    if (bytes == 0) {
        return otr_scanner_fail_found(&p->scanner, "an instruction");
    }
    p->gate = otr_stim_gate_find(begin, bytes);
    if (p->gate == NULL) {
        return otr_scanner_fail_quoting(&p->scanner, OTR_ERR_PARSE, "unknown gate ", begin, "");
    }
    p->matters =
        p->gate->kind != OTR_STIM_NOTHING && !(p->gate->kind == OTR_STIM_OBSERVABLE && p->detectors_only);
    return OTR_OK;
}

static otr_status fail_argument_count(parser *p, const char *begin) {
    const unsigned least = p->gate->arguments_min, most = p->gate->arguments_max;
    char message[96];
    if (most == 0) {
        snprintf(message, sizeof message, "this instruction takes no arguments in parentheses");
    } else if (least == most) {
        snprintf(message, sizeof message, "this instruction takes %u arguments in parentheses, not %u", most,
                 (unsigned)p->arguments.count);
    } else {
        snprintf(message, sizeof message, "this instruction takes %u to %u arguments in parentheses, not %u",
                 least, most, (unsigned)p->arguments.count);
    }
    return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, begin, message);
}

static otr_status parse_observable_index(parser *p, const char *begin, uint32_t *out) {
    const double index = p->arguments.values[0];
    if (!(index >= 0 && index < OTR_MEASUREMENT_OBSERVABLES_MAX) || index != (double)(uint32_t)index) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_LIMIT, begin,
                                "an observable's index must be a whole number below 1048576");
    }
    *out = (uint32_t)index;
    return OTR_OK;
}

/* Reads the arguments and keeps those that matter: coordinates, and an observable's index. */
static otr_status parse_arguments(parser *p) {
    const otr_stim_gate *const gate = p->gate;
    const char *const begin = p->scanner.next;
    otr_stim_circuit *const circuit = p->circuit;
    uint32_t observable = 0;
    otr_status status = otr_scanner_arguments_read(
        &p->scanner, gate->arguments == OTR_ARGUMENTS_PROBABILITIES, &p->arguments);
    if (status != OTR_OK) {
        return status;
    }
    if (p->arguments.count < gate->arguments_min || p->arguments.count > gate->arguments_max) {
        return fail_argument_count(p, begin);
    }
    if (gate->arguments == OTR_ARGUMENTS_INDEX) {
        status = parse_observable_index(p, begin, &observable);
    }
    if (status != OTR_OK || !p->matters || (gate->kind == OTR_STIM_SHIFT && p->arguments.count == 0)) {
        return status;
    }
    status = open_operation(p, gate->kind);
    if (status == OTR_OK && gate->arguments == OTR_ARGUMENTS_INDEX) {
        circuit->operations[p->first_operation].value = observable;
        if (circuit->observable_count <= observable) {
            circuit->observable_count = observable + 1;
        }
    } else if (status == OTR_OK && gate->arguments == OTR_ARGUMENTS_NUMBERS) {
        otr_stim_operation *const operation = &circuit->operations[p->first_operation];
        if (!otr_array_reserve((void **)&circuit->arguments, &circuit->argument_capacity,
                               circuit->argument_count + p->arguments.count, sizeof(double))) {
            return fail_memory(p);
        }
        for (uint32_t i = 0; i < p->arguments.count; i++) {
            circuit->arguments[circuit->argument_count++] = p->arguments.values[i];
        }
        operation->argument_count = p->arguments.count;
    }
    return status;
}

static otr_status parse_repeat(parser *p) {
    otr_scanner *const scanner = &p->scanner;
    uint64_t count = 0;
    block *const open = &p->open[p->depth];
    otr_status status = otr_scanner_count(scanner, REPEAT_COUNT_MAX, &count);
    if (status != OTR_OK) {
        return status;
    }
    if (count == 0) {
        return fail_at_gate(p, "REPEAT 0 is not allowed");
    }
    otr_scanner_skip_spaces(scanner);
    if (otr_scanner_peek(scanner) != '{') {
        return otr_scanner_fail_found(scanner, "'{'");
    }
    if (p->depth == OTR_MEASUREMENT_REPEAT_DEPTH_MAX) {
        return otr_scanner_fail(scanner, OTR_ERR_LIMIT, scanner->next,
                                "REPEAT blocks are nested more than 64 deep");
    }
    open->place = otr_scanner_here(scanner);
    open->operation = p->circuit->operation_count;
    for (int i = 0; i < OTR_STIM_TOTALS; i++) {
        open->outer[i] = p->circuit->totals[i];
        p->circuit->totals[i] = 0;
    }
    p->depth++;
    scanner->next++;
    status = open_operation(p, OTR_STIM_REPEAT);
    if (status == OTR_OK) {
        p->circuit->operations[open->operation].value = count;
    }
    return status;
}

/* Ends the innermost block, and forgets it if nothing in it matters. */
static otr_status close_repeat(parser *p) {
    otr_stim_circuit *const circuit = p->circuit;
    uint64_t inner[OTR_STIM_TOTALS], count;
    const block *open;
    otr_status status;
    if (p->depth == 0) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, p->scanner.next,
                                "'}' without an open REPEAT block");
    }
    p->gate_place = otr_scanner_here(&p->scanner);
    p->scanner.next++;
    open = &p->open[--p->depth];
    count = circuit->operations[open->operation].value;
    if (circuit->operation_count == open->operation + 1) {
        circuit->operation_count = open->operation;
        count = 0;
    } else {
        p->first_operation = circuit->operation_count;
        status = open_operation(p, OTR_STIM_END_REPEAT);
        if (status != OTR_OK) {
            return status;
        }
        circuit->operations[p->first_operation].value = count;
        circuit->operations[p->first_operation].partner = open->operation;
        circuit->operations[open->operation].partner = p->first_operation;
        p->measured += (count - 1) * circuit->totals[OTR_STIM_MEASUREMENTS];
    }
    for (int i = 0; i < OTR_STIM_TOTALS; i++) {
        inner[i] = circuit->totals[i];
        circuit->totals[i] = open->outer[i];
    }
    for (int i = 0; i < OTR_STIM_TOTALS; i++) {
        /* Each factor is within its limit, so that only the product can be too large. */
        const bool fits = inner[i] == 0 || count <= p->totals_max[i] / inner[i];
        status = add(p, (otr_stim_total)i, fits ? count * inner[i] : UINT64_MAX);
        if (status != OTR_OK) {
            return status;
        }
    }
    return OTR_OK;
}

static bool takes_pairs(const otr_stim_gate *gate) {
    return gate->targets == OTR_TARGETS_PAIRS || gate->targets == OTR_TARGETS_RESULT_PAIRS ||
           gate->targets == OTR_TARGETS_CONTROLLED;
}

static otr_status parse_targets(parser *p) {
    const uint64_t measured_before = p->circuit->totals[OTR_STIM_MEASUREMENTS];
    otr_status status = OTR_OK;
    while (status == OTR_OK) {
        const char *const gap = p->scanner.next;
        const char *begin;
        uint32_t first, second;
        otr_scanner_skip_spaces(&p->scanner);
        if (otr_scanner_at_line_end(&p->scanner)) {
            break;
        }
        if (p->scanner.next == gap) {
            return otr_scanner_fail_found(&p->scanner, "a space");
        }
        begin = p->scanner.next;
        status = parse_target(p, &first);
        if (status != OTR_OK) {
            return status;
        }
        if (takes_pairs(p->gate)) {
            otr_scanner_skip_spaces(&p->scanner);
            if (otr_scanner_at_line_end(&p->scanner)) {
                return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, begin,
                                        "the gate takes pairs, and this target stands alone");
            }
            status = parse_target(p, &second);
            if (status == OTR_OK) {
                status = append_pair(p, first, second, begin);
            }
        } else if (p->gate->targets == OTR_TARGETS_PRODUCTS) {
            status = parse_product(p, first);
        } else {
            status = append_target(p, p->gate->kind, first);
        }
    }
    if (status == OTR_OK) {
        p->measured += p->circuit->totals[OTR_STIM_MEASUREMENTS] - measured_before;
    }
    return status;
}

/* Reads "name[", perhaps '-', a number and ']'. */
static otr_status parse_bracketed(parser *p, const char *opening, const char *wanted, uint64_t *out) {
    otr_status status;
    for (; *opening != '\0'; opening++, p->scanner.next++) {
        if (otr_scanner_peek(&p->scanner) != *opening) {
            return otr_scanner_fail_found(&p->scanner, wanted);
        }
    }
    status = otr_scanner_integer(&p->scanner, OTR_MEASUREMENT_TARGET_MAX, out);
    if (status == OTR_OK && otr_scanner_peek(&p->scanner) != ']') {
        status = otr_scanner_fail_found(&p->scanner, "']'");
    }
    p->scanner.next += status == OTR_OK;
    return status;
}

static otr_status parse_record(parser *p, uint32_t *out) {
    const char *const begin = p->scanner.next;
    uint64_t value = 0;
    const otr_status status = parse_bracketed(p, "rec[-", "rec[-k]", &value);
    if (status != OTR_OK) {
        return status;
    }
    if (value == 0 || value > p->measured) {
        return otr_scanner_fail_quoting(&p->scanner, OTR_ERR_INDEX, "", begin,
                                        value == 0 ? " is no measurement; the last one is rec[-1]"
                                                   : " is before the first measurement");
    }
    *out = (uint32_t)value | OTR_STIM_RECORD;
    return OTR_OK;
}

static otr_status parse_sweep(parser *p, uint32_t *out) {
    uint64_t value = 0;
    const otr_status status = parse_bracketed(p, "sweep[", "sweep[k]", &value);
    if (status == OTR_OK && p->circuit->sweep_count <= value) {
        p->circuit->sweep_count = (uint32_t)value + 1;
    }
    *out = (uint32_t)value | OTR_STIM_SWEEP;
    return status;
}

/* Reads a qubit, after its Pauli in products. */
static otr_status parse_qubit(parser *p, uint32_t flags, uint32_t *out) {
    uint64_t value = 0;
    const otr_status status = otr_scanner_integer(&p->scanner, OTR_MEASUREMENT_TARGET_MAX, &value);
    if (status == OTR_OK && p->matters && p->circuit->qubit_count <= value) {
        p->circuit->qubit_count = (uint32_t)value + 1;
    }
    *out = (uint32_t)value | flags;
    return status;
}

/* The Pauli that a letter names, or 0. */
static uint32_t pauli_of(char letter) {
    switch (letter) {
    case 'X':
    case 'x':
        return OTR_PAULI_X;
    case 'Y':
    case 'y':
        return OTR_PAULI_Y;
    case 'Z':
    case 'z':
        return OTR_PAULI_Z;
    default:
        return 0;
    }
}

/* Reads a Pauli and its qubit. */
static otr_status parse_factor(parser *p, uint32_t inverted, uint32_t *out) {
    const uint32_t factor = pauli_of(otr_scanner_peek(&p->scanner));
    if (factor == 0) {
        return otr_scanner_fail_found(&p->scanner, "a Pauli and a qubit, as in X5");
    }
    p->scanner.next++;
    return parse_qubit(p, inverted | factor << OTR_STIM_PAULI_SHIFT, out);
}

/* Reads a Pauli of an observable, perhaps with '!', which is refused if observables are wanted. */
static otr_status parse_observable_pauli(parser *p, uint32_t *out) {
    if (p->matters) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_UNSUPPORTED, p->scanner.next,
                                "no measurement gives the value of a Pauli in an observable: only the "
                                "detectors of this circuit can be had");
    }
    p->scanner.next += otr_scanner_peek(&p->scanner) == '!';
    return parse_factor(p, 0, out);
}

static otr_status parse_target(parser *p, uint32_t *out) {
    const otr_stim_targets kind = p->gate->targets;
    const char letter = otr_scanner_peek(&p->scanner);
    uint32_t inverted = 0;
    if (kind == OTR_TARGETS_NONE) {
        return otr_scanner_fail_found(&p->scanner, "the end of the line");
    }
    if (letter == 'r' && (kind == OTR_TARGETS_CONTROLLED || kind == OTR_TARGETS_RECORDS)) {
        return parse_record(p, out);
    }
    if (letter == 's' && kind == OTR_TARGETS_CONTROLLED) {
        return parse_sweep(p, out);
    }
    if (kind == OTR_TARGETS_RECORDS) {
        return p->gate->kind == OTR_STIM_OBSERVABLE && (pauli_of(letter) != 0 || letter == '!')
                   ? parse_observable_pauli(p, out)
                   : otr_scanner_fail_found(&p->scanner, "rec[-k]");
    }
    if (letter == '!' &&
        (kind == OTR_TARGETS_RESULTS || kind == OTR_TARGETS_RESULT_PAIRS || kind == OTR_TARGETS_PRODUCTS)) {
        p->scanner.next++;
        inverted = OTR_STIM_INVERTED;
    }
    if (kind == OTR_TARGETS_PRODUCTS) {
        return parse_factor(p, inverted, out);
    }
    if (otr_scanner_peek(&p->scanner) < '0' || otr_scanner_peek(&p->scanner) > '9') {
        return otr_scanner_fail_found(&p->scanner, kind == OTR_TARGETS_BITS ? "0 or 1" : "a qubit");
    }
    if (kind == OTR_TARGETS_BITS) {
        uint64_t bit = 0;
        const otr_status status = otr_scanner_integer(&p->scanner, 1, &bit);
        *out = (uint32_t)bit;
        return status;
    }
    return parse_qubit(p, inverted, out);
}

/* Appends a target to this instruction's operation of that kind. */
static otr_status append_target(parser *p, otr_stim_kind kind, uint32_t target) {
    otr_stim_circuit *const circuit = p->circuit;
    otr_status status = OTR_OK;
    if (!p->matters) {
        return OTR_OK;
    }
    /* What a herald says of noise is 0 in a noise-free run. */
    if (p->gate->kind == OTR_STIM_PAD && p->gate->targets == OTR_TARGETS_QUBITS) {
        target = 0;
    }
    if (circuit->operations[circuit->operation_count - 1].kind != kind) {
        status = open_operation(p, kind);
    }
    if (status == OTR_OK &&
        !OTR_ARRAY_GROW(circuit->targets, circuit->target_count, circuit->target_capacity)) {
        status = fail_memory(p);
    }
    if (status != OTR_OK) {
        return status;
    }
    circuit->targets[circuit->target_count++] = target;
    circuit->operations[circuit->operation_count - 1].target_count++;
    if (kind == OTR_STIM_MEASURE || kind == OTR_STIM_MEASURE_RESET || kind == OTR_STIM_PAD ||
        (kind == OTR_STIM_PRODUCT && (target & OTR_STIM_JOINED) == 0)) {
        status = add(p, OTR_STIM_MEASUREMENTS, 1);
    } else if (kind == OTR_STIM_DETECTOR || kind == OTR_STIM_OBSERVABLE) {
        status = add(p, OTR_STIM_TERMS, 1);
    }
    return status == OTR_OK ? add(p, OTR_STIM_STEPS, 1) : status;
}

/* Appends a pair: as a product, a Clifford gate or a controlled Pauli. `begin` is where it stands. */
static otr_status append_pair(parser *p, uint32_t first, uint32_t second, const char *begin) {
    const uint32_t classical = OTR_STIM_RECORD | OTR_STIM_SWEEP;
    const otr_stim_gate *const gate = p->gate;
    uint32_t control = first, qubit = second;
    otr_stim_kind kind = gate->kind;
    otr_status status;
    if (((first ^ second) & ~OTR_STIM_INVERTED) == 0) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, begin, "both targets of the pair are the same");
    }
    if (((first & classical) != 0 && (gate->classical & OTR_CLASSICAL_FIRST) == 0) ||
        ((second & classical) != 0 && (gate->classical & OTR_CLASSICAL_SECOND) == 0)) {
        return otr_scanner_fail(&p->scanner, OTR_ERR_PARSE, begin,
                                "a classical bit can control this gate, but not be changed by it");
    }
    if (kind == OTR_STIM_PRODUCT) {
        const uint32_t pauli = (uint32_t)gate->pauli << OTR_STIM_PAULI_SHIFT;
        const uint32_t inverted = (first ^ second) & OTR_STIM_INVERTED;
        status = append_target(p, kind, otr_stim_value(first) | pauli | inverted | OTR_STIM_JOINED);
        return status == OTR_OK ? append_target(p, kind, otr_stim_value(second) | pauli) : status;
    }
    if ((first & classical) != 0 && (second & classical) != 0) {
        return OTR_OK; /* a phase that nothing sees */
    }
    if ((second & classical) != 0) {
        control = second;
        qubit = first;
    }
    if ((control & classical) != 0) {
        kind = OTR_STIM_FLIP;
    }
    status = append_target(p, kind, control);
    return status == OTR_OK ? append_target(p, kind, qubit) : status;
}

/* Multiplies `factor` into the product whose targets begin at `begin`, *power being its power of i. */
static otr_status multiply_factor(parser *p, size_t begin, uint32_t factor, uint32_t *power) {
    otr_stim_circuit *const circuit = p->circuit;
    const uint32_t qubit = otr_stim_value(factor);
    if (!otr_array_reserve((void **)&p->product_place, &p->product_place_capacity, (size_t)qubit + 1,
                           sizeof(uint32_t)) ||
        !OTR_ARRAY_GROW(circuit->targets, circuit->target_count, circuit->target_capacity)) {
        return fail_memory(p);
    }
    while (p->product_place_count <= qubit) {
        p->product_place[p->product_place_count++] = 0;
    }
    *power += (factor & OTR_STIM_INVERTED) != 0 ? 2 : 0;
    if (p->product_place[qubit] == 0) {
        circuit->targets[circuit->target_count++] = factor & ~OTR_STIM_INVERTED;
        p->product_place[qubit] = (uint32_t)(circuit->target_count - begin);
    } else {
        uint32_t *const target = &circuit->targets[begin + p->product_place[qubit] - 1];
        uint32_t pauli = otr_stim_pauli(*target);
        *power += otr_pauli_multiply(&pauli, otr_stim_pauli(factor));
        *target = qubit | pauli << OTR_STIM_PAULI_SHIFT;
    }
    return OTR_OK;
}

/* Replaces the factors from `begin` on by a product without identities, or, if nothing else is left of it, by
 * its known result. */
static otr_status append_product(parser *p, size_t begin, uint32_t power) {
    otr_stim_circuit *const circuit = p->circuit;
    const size_t end = circuit->target_count;
    size_t kept = begin;
    otr_status status = OTR_OK;
    for (size_t i = begin; i < end; i++) {
        p->product_place[otr_stim_value(circuit->targets[i])] = 0;
        if (otr_stim_pauli(circuit->targets[i]) != 0) {
            circuit->targets[kept++] = circuit->targets[i] | OTR_STIM_JOINED;
        }
    }
    circuit->target_count = begin;
    if (!p->matters) {
        return OTR_OK;
    }
    if (power % 2 != 0) {
        return fail_at_gate(p, "a product is not Hermitian, as X1*Z1 is not");
    }
    if (kept == begin) {
        return p->gate->kind == OTR_STIM_PRODUCT ? append_target(p, OTR_STIM_PAD, power / 2 % 2) : OTR_OK;
    }
    circuit->targets[kept - 1] &= ~OTR_STIM_JOINED;
    circuit->targets[begin] |= power % 4 == 2 ? OTR_STIM_INVERTED : 0;
    for (size_t i = begin; i < kept && status == OTR_OK; i++) {
        status = append_target(p, p->gate->kind, circuit->targets[i]);
    }
    return status;
}

/* Reads the rest of a product and appends it. The factors wait behind the circuit's last target. */
static otr_status parse_product(parser *p, uint32_t first) {
    const size_t begin = p->circuit->target_count;
    uint32_t power = 0;
    otr_status status = multiply_factor(p, begin, first, &power);
    while (status == OTR_OK) {
        const char *const gap = p->scanner.next;
        uint32_t factor;
        otr_scanner_skip_spaces(&p->scanner);
        if (otr_scanner_peek(&p->scanner) != '*') {
            p->scanner.next = gap;
            return append_product(p, begin, power % 4);
        }
        p->scanner.next++;
        otr_scanner_skip_spaces(&p->scanner);
        status = parse_target(p, &factor);
        if (status == OTR_OK) {
            status = multiply_factor(p, begin, factor, &power);
            power %= 4;
        }
    }
    return status;
}

/* Appends an operation without targets. */
static otr_status open_operation(parser *p, otr_stim_kind kind) {
    otr_stim_circuit *const circuit = p->circuit;
    otr_status status = add(p, OTR_STIM_STEPS, 1);
    if (status == OTR_OK && kind == OTR_STIM_DETECTOR) {
        status = add(p, OTR_STIM_DETECTORS, 1);
        if (status == OTR_OK) {
            status = add(p, OTR_STIM_COORDINATES, p->arguments.count);
        }
    }
    if (status != OTR_OK) {
        return status;
    }
    if (!OTR_ARRAY_GROW(circuit->operations, circuit->operation_count, circuit->operation_capacity)) {
        return fail_memory(p);
    }
    circuit->operations[circuit->operation_count++] = (otr_stim_operation){
        .kind = kind,
        .gate = p->gate,
        .line = p->gate_place.line,
        .targets = circuit->target_count,
        .arguments = circuit->argument_count,
        .map = p->gate->images != NULL ? otr_pauli_map_of(p->gate->images) : (otr_pauli_map){{0}},
    };
    return OTR_OK;
}

static otr_status add(parser *p, otr_stim_total total, uint64_t count) {
    static const char *const names[] = {[OTR_STIM_MEASUREMENTS] = "measurements",
                                        [OTR_STIM_DETECTORS] = "detectors",
                                        [OTR_STIM_TERMS] = "targets of detectors and observables",
                                        [OTR_STIM_COORDINATES] = "coordinates of detectors",
                                        [OTR_STIM_STEPS] = "operations and targets"};
    uint64_t *const sum = &p->circuit->totals[total];
    if (count > p->totals_max[total] || *sum > p->totals_max[total] - count) {
        return otr_error_set(p->scanner.error, OTR_ERR_LIMIT, p->scanner.line, 0,
                             "more than %llu %s, repeats unrolled", (unsigned long long)p->totals_max[total],
                             names[total]);
    }
    *sum += count;
    return OTR_OK;
}

static otr_status fail_at_gate(parser *p, const char *what) {
    return otr_scanner_fail_at(&p->scanner, OTR_ERR_PARSE, &p->gate_place, what);
}

static otr_status fail_memory(parser *p) {
    return otr_scanner_fail(&p->scanner, OTR_ERR_MEMORY, p->scanner.next, "out of memory");
}
