/* Circuits as .stim text. */
#include "code/circuit.h"

#include "common/decimal.h"

#include <string.h>

#define INDENT_BYTES 4
/* Decimal digits of the largest uint64_t. */
#define UNSIGNED_DIGITS_MAX 20

/* A buffer that may be too small: counts every byte, keeps those that fit. */
typedef struct text_sink {
    char *buffer;
    size_t capacity;
    size_t bytes;
} text_sink;

static const char *const gate_names[] = {
    [OTR_GATE_QUBIT_COORDS] = "QUBIT_COORDS",
    [OTR_GATE_R] = "R",
    [OTR_GATE_RX] = "RX",
    [OTR_GATE_H] = "H",
    [OTR_GATE_CX] = "CX",
    [OTR_GATE_M] = "M",
    [OTR_GATE_MX] = "MX",
    [OTR_GATE_MR] = "MR",
    [OTR_GATE_MRX] = "MRX",
    [OTR_GATE_X_ERROR] = "X_ERROR",
    [OTR_GATE_Z_ERROR] = "Z_ERROR",
    [OTR_GATE_DEPOLARIZE1] = "DEPOLARIZE1",
    [OTR_GATE_DEPOLARIZE2] = "DEPOLARIZE2",
    [OTR_GATE_PAULI_CHANNEL_1] = "PAULI_CHANNEL_1",
    [OTR_GATE_PAULI_CHANNEL_2] = "PAULI_CHANNEL_2",
    [OTR_GATE_TICK] = "TICK",
    [OTR_GATE_SHIFT_COORDS] = "SHIFT_COORDS",
    [OTR_GATE_DETECTOR] = "DETECTOR",
    [OTR_GATE_OBSERVABLE_INCLUDE] = "OBSERVABLE_INCLUDE",
    [OTR_GATE_REPEAT] = "REPEAT",
    [OTR_GATE_END_REPEAT] = "}",
};

static void put(text_sink *sink, const char *text, size_t bytes);
static void put_string(text_sink *sink, const char *text);
static void put_unsigned(text_sink *sink, uint64_t value);
static void put_operation(text_sink *sink, const otr_circuit *circuit, const otr_operation *operation);

size_t otr_circuit_text(const otr_circuit *circuit, char *buffer, size_t capacity) {
    text_sink sink = {.buffer = buffer, .capacity = capacity};
    size_t depth = 0;
    for (size_t i = 0; i < circuit->operation_count; i++) {
        const otr_operation *operation = &circuit->operations[i];
        depth -= operation->gate == OTR_GATE_END_REPEAT;
        for (size_t blank = 0; blank < depth * INDENT_BYTES; blank++) {
            put_string(&sink, " ");
        }
        put_operation(&sink, circuit, operation);
        depth += operation->gate == OTR_GATE_REPEAT;
    }
    if (capacity > 0) {
        buffer[sink.bytes < capacity ? sink.bytes : capacity - 1] = '\0';
    }
    return sink.bytes;
}

static void put_operation(text_sink *sink, const otr_circuit *circuit, const otr_operation *operation) {
    const int is_lookback =
        operation->gate == OTR_GATE_DETECTOR || operation->gate == OTR_GATE_OBSERVABLE_INCLUDE;
    char number[OTR_DECIMAL_BYTES];

    put_string(sink, gate_names[operation->gate]);
    for (size_t i = 0; i < operation->argument_count; i++) {
        put_string(sink, i == 0 ? "(" : ", ");
        put(sink, number, otr_decimal_print(circuit->arguments[operation->arguments + i], number));
    }
    if (operation->argument_count > 0) {
        put_string(sink, ")");
    }
    for (size_t i = 0; i < operation->target_count; i++) {
        put_string(sink, is_lookback ? " rec[-" : " ");
        put_unsigned(sink, circuit->targets[operation->targets + i]);
        put_string(sink, is_lookback ? "]" : "");
    }
    if (operation->gate == OTR_GATE_REPEAT) {
        put_string(sink, " ");
        put_unsigned(sink, operation->repeat_count);
        put_string(sink, " {");
    }
    put_string(sink, "\n");
}

static void put(text_sink *sink, const char *text, size_t bytes) {
    if (sink->bytes < sink->capacity) {
        const size_t room = sink->capacity - sink->bytes;
        memcpy(sink->buffer + sink->bytes, text, bytes < room ? bytes : room);
    }
    sink->bytes += bytes;
}

static void put_string(text_sink *sink, const char *text) {
    put(sink, text, strlen(text));
}

static void put_unsigned(text_sink *sink, uint64_t value) {
    char digits[UNSIGNED_DIGITS_MAX];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(sink, digits + first, sizeof digits - first);
}
