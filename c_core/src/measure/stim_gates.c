/* Stim's gates as data. Names and images are facts of Stim's doc/gates.md (1.16). */
#include "measure/stim_gates.h"

#include "common/scanner.h"

#include <stddef.h>

/* Coordinates, and arguments whose number Stim does not fix. */
#define MANY OTR_SCANNER_ARGUMENTS_MAX

#define ONE(n, i)                                                                                            \
    { .name = n, .kind = OTR_STIM_CLIFFORD_1, .targets = OTR_TARGETS_QUBITS, .images = i }
#define TWO(n, i)                                                                                            \
    { .name = n, .kind = OTR_STIM_CLIFFORD_2, .targets = OTR_TARGETS_PAIRS, .images = i }
/* `p` is what a classical control applies to the qubit; `c` says where it may stand. */
#define CONTROLLED(n, i, p, c)                                                                               \
    {                                                                                                        \
        .name = n, .kind = OTR_STIM_CLIFFORD_2, .targets = OTR_TARGETS_CONTROLLED, .pauli = p,               \
        .classical = c, .images = i                                                                          \
    }
#define RESET(n, p)                                                                                          \
    { .name = n, .kind = OTR_STIM_RESET, .targets = OTR_TARGETS_QUBITS, .pauli = p }
#define MEASURE(n, k, t, p)                                                                                  \
    {                                                                                                        \
        .name = n, .kind = k, .targets = t, .pauli = p, .arguments = OTR_ARGUMENTS_PROBABILITIES,            \
        .arguments_max = 1                                                                                   \
    }
#define PHASE(n, d)                                                                                          \
    { .name = n, .kind = OTR_STIM_PHASE, .targets = OTR_TARGETS_PRODUCTS, .inverse = d }
#define NOISE(n, t, least, most)                                                                             \
    {                                                                                                        \
        .name = n, .targets = t, .arguments = OTR_ARGUMENTS_PROBABILITIES, .arguments_min = least,           \
        .arguments_max = most                                                                                \
    }
#define HERALD(n, count)                                                                                     \
    {                                                                                                        \
        .name = n, .kind = OTR_STIM_PAD, .targets = OTR_TARGETS_QUBITS,                                      \
        .arguments = OTR_ARGUMENTS_PROBABILITIES, .arguments_min = count, .arguments_max = count             \
    }
#define OTHER(n, k, t, most)                                                                                 \
    { .name = n, .kind = k, .targets = t, .arguments = OTR_ARGUMENTS_NUMBERS, .arguments_max = most }

static const otr_stim_gate gates[] = {
    ONE("c_nxyz", "-Y-X"),
    ONE("c_nzyx", "-Z-Y"),
    ONE("c_xnyz", "-Y+X"),
    ONE("c_xynz", "+Y-X"),
    ONE("c_xyz", "+Y+X"),
    ONE("c_znyx", "+Z-Y"),
    ONE("c_zynx", "-Z+Y"),
    ONE("c_zyx", "+Z+Y"),
    ONE("h", "+Z+X"),
    ONE("h_xz", "+Z+X"),
    ONE("h_nxy", "-Y-Z"),
    ONE("h_nxz", "-Z-X"),
    ONE("h_nyz", "-X-Y"),
    ONE("h_xy", "+Y-Z"),
    ONE("h_yz", "-X+Y"),
    ONE("s", "+Y+Z"),
    ONE("sqrt_z", "+Y+Z"),
    ONE("sqrt_x", "+X-Y"),
    ONE("sqrt_x_dag", "+X+Y"),
    ONE("sqrt_y", "-Z+X"),
    ONE("sqrt_y_dag", "+Z-X"),
    ONE("sqrt_z_dag", "-Y+Z"),
    ONE("s_dag", "-Y+Z"),
    ONE("x", "+X-Z"),
    ONE("y", "-X-Z"),
    ONE("z", "-X+Z"),
    TWO("cxswap", "+XX+IZ+XI+ZZ"),
    TWO("czswap", "+ZX+IZ+XZ+ZI"),
    TWO("swapcz", "+ZX+IZ+XZ+ZI"),
    TWO("iswap", "+ZY+IZ+YZ+ZI"),
    TWO("iswap_dag", "-ZY+IZ-YZ+ZI"),
    TWO("sqrt_xx", "+XI-YX+IX-XY"),
    TWO("sqrt_xx_dag", "+XI+YX+IX+XY"),
    TWO("sqrt_yy", "-ZY+XY-YZ+YX"),
    TWO("sqrt_yy_dag", "+ZY-XY+YZ-YX"),
    TWO("sqrt_zz", "+YZ+ZI+ZY+IZ"),
    TWO("sqrt_zz_dag", "-YZ+ZI-ZY+IZ"),
    TWO("swap", "+IX+IZ+XI+ZI"),
    TWO("swapcx", "+IX+ZZ+XX+ZI"),
    TWO("xcx", "+XI+ZX+IX+XZ"),
    TWO("xcy", "+XI+ZY+XX+XZ"),
    TWO("ycx", "+XX+ZX+IX+YZ"),
    TWO("ycy", "+XY+ZY+YX+YZ"),
    CONTROLLED("cx", "+XX+ZI+IX+ZZ", OTR_PAULI_X, OTR_CLASSICAL_FIRST),
    CONTROLLED("cnot", "+XX+ZI+IX+ZZ", OTR_PAULI_X, OTR_CLASSICAL_FIRST),
    CONTROLLED("zcx", "+XX+ZI+IX+ZZ", OTR_PAULI_X, OTR_CLASSICAL_FIRST),
    CONTROLLED("cy", "+XY+ZI+ZX+ZZ", OTR_PAULI_Y, OTR_CLASSICAL_FIRST),
    CONTROLLED("zcy", "+XY+ZI+ZX+ZZ", OTR_PAULI_Y, OTR_CLASSICAL_FIRST),
    CONTROLLED("cz", "+XZ+ZI+ZX+IZ", OTR_PAULI_Z, OTR_CLASSICAL_FIRST | OTR_CLASSICAL_SECOND),
    CONTROLLED("zcz", "+XZ+ZI+ZX+IZ", OTR_PAULI_Z, OTR_CLASSICAL_FIRST | OTR_CLASSICAL_SECOND),
    CONTROLLED("xcz", "+XI+ZZ+XX+IZ", OTR_PAULI_X, OTR_CLASSICAL_SECOND),
    CONTROLLED("ycz", "+XZ+ZZ+YX+IZ", OTR_PAULI_Y, OTR_CLASSICAL_SECOND),
    RESET("r", OTR_PAULI_Z),
    RESET("rz", OTR_PAULI_Z),
    RESET("rx", OTR_PAULI_X),
    RESET("ry", OTR_PAULI_Y),
    MEASURE("m", OTR_STIM_MEASURE, OTR_TARGETS_RESULTS, OTR_PAULI_Z),
    MEASURE("mz", OTR_STIM_MEASURE, OTR_TARGETS_RESULTS, OTR_PAULI_Z),
    MEASURE("mx", OTR_STIM_MEASURE, OTR_TARGETS_RESULTS, OTR_PAULI_X),
    MEASURE("my", OTR_STIM_MEASURE, OTR_TARGETS_RESULTS, OTR_PAULI_Y),
    MEASURE("mr", OTR_STIM_MEASURE_RESET, OTR_TARGETS_RESULTS, OTR_PAULI_Z),
    MEASURE("mrz", OTR_STIM_MEASURE_RESET, OTR_TARGETS_RESULTS, OTR_PAULI_Z),
    MEASURE("mrx", OTR_STIM_MEASURE_RESET, OTR_TARGETS_RESULTS, OTR_PAULI_X),
    MEASURE("mry", OTR_STIM_MEASURE_RESET, OTR_TARGETS_RESULTS, OTR_PAULI_Y),
    MEASURE("mxx", OTR_STIM_PRODUCT, OTR_TARGETS_RESULT_PAIRS, OTR_PAULI_X),
    MEASURE("myy", OTR_STIM_PRODUCT, OTR_TARGETS_RESULT_PAIRS, OTR_PAULI_Y),
    MEASURE("mzz", OTR_STIM_PRODUCT, OTR_TARGETS_RESULT_PAIRS, OTR_PAULI_Z),
    MEASURE("mpp", OTR_STIM_PRODUCT, OTR_TARGETS_PRODUCTS, 0),
    MEASURE("mpad", OTR_STIM_PAD, OTR_TARGETS_BITS, 0),
    PHASE("spp", 0),
    PHASE("spp_dag", 1),
    HERALD("heralded_erase", 1),
    HERALD("heralded_pauli_channel_1", 4),
    NOISE("x_error", OTR_TARGETS_QUBITS, 1, 1),
    NOISE("y_error", OTR_TARGETS_QUBITS, 1, 1),
    NOISE("z_error", OTR_TARGETS_QUBITS, 1, 1),
    NOISE("i_error", OTR_TARGETS_QUBITS, 0, MANY),
    NOISE("ii_error", OTR_TARGETS_PAIRS, 0, MANY),
    NOISE("depolarize1", OTR_TARGETS_QUBITS, 1, 1),
    NOISE("depolarize2", OTR_TARGETS_PAIRS, 1, 1),
    NOISE("pauli_channel_1", OTR_TARGETS_QUBITS, 3, 3),
    NOISE("pauli_channel_2", OTR_TARGETS_PAIRS, 15, 15),
    NOISE("e", OTR_TARGETS_PRODUCTS, 1, 1),
    NOISE("correlated_error", OTR_TARGETS_PRODUCTS, 1, 1),
    NOISE("else_correlated_error", OTR_TARGETS_PRODUCTS, 1, 1),
    OTHER("i", OTR_STIM_NOTHING, OTR_TARGETS_QUBITS, 0),
    OTHER("ii", OTR_STIM_NOTHING, OTR_TARGETS_PAIRS, 0),
    OTHER("tick", OTR_STIM_NOTHING, OTR_TARGETS_NONE, 0),
    OTHER("qubit_coords", OTR_STIM_NOTHING, OTR_TARGETS_QUBITS, MANY),
    OTHER("shift_coords", OTR_STIM_SHIFT, OTR_TARGETS_NONE, MANY),
    OTHER("detector", OTR_STIM_DETECTOR, OTR_TARGETS_RECORDS, MANY),
    OTHER("repeat", OTR_STIM_REPEAT, OTR_TARGETS_NONE, 0),
    {.name = "observable_include",
     .kind = OTR_STIM_OBSERVABLE,
     .targets = OTR_TARGETS_RECORDS,
     .arguments = OTR_ARGUMENTS_INDEX,
     .arguments_min = 1,
     .arguments_max = 1},
};

const otr_stim_gate *otr_stim_gate_find(const char *name, size_t bytes) {
    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
        if (otr_scanner_same_name(name, bytes, gates[i].name)) {
            return &gates[i];
        }
    }
    return NULL;
}
