/* A Pauli with bits x and z is i^(x z) X^x Z^z, on two qubits the product of two such; and
 * X^a Z^b X^c Z^d = (-1)^(b c) X^(a+c) Z^(b+d). */
#include "measure/pauli.h"

#include <stddef.h>

/* Numbers of Paulis on one and two qubits. */
#define PAULIS_1 4u
#define PAULIS_2 16u

static uint32_t x_bits(uint32_t pauli);
static uint32_t z_bits(uint32_t pauli);
static uint32_t weight(uint32_t bits);
static uint32_t from_letter(char letter);

uint32_t otr_pauli_multiply(uint32_t *pauli, uint32_t factor) {
    const uint32_t left = *pauli, product = left ^ factor;
    *pauli = product;
    return (weight(x_bits(left) & z_bits(left)) + weight(x_bits(factor) & z_bits(factor)) +
            2 * weight(z_bits(left) & x_bits(factor)) + 3 * weight(x_bits(product) & z_bits(product))) %
           4;
}

otr_pauli_map otr_pauli_map_of(const char *images) {
    /* Generators in the order of their bits: X and Z of the first qubit, X and Z of the second. */
    uint32_t image[4] = {0}, minus[4] = {0};
    otr_pauli_map map = {{0}};
    const size_t qubits = images[2] == '+' || images[2] == '-' ? 1 : 2;
    for (size_t g = 0; g < 2 * qubits; g++) {
        const char *const text = images + g * (qubits + 1);
        minus[g] = text[0] == '-';
        image[g] = from_letter(text[1]) | (qubits == 2 ? from_letter(text[2]) << 2 : 0);
    }
    for (uint32_t pauli = 0; pauli < (qubits == 1 ? PAULIS_1 : PAULIS_2); pauli++) {
        uint32_t after = 0, power = weight(x_bits(pauli) & z_bits(pauli));
        for (uint32_t g = 0; g < 4; g++) {
            if (pauli >> g & 1u) {
                power += 2 * minus[g] + otr_pauli_multiply(&after, image[g]);
            }
        }
        map.before[after] = (uint8_t)(pauli | (power % 4 == 2 ? OTR_PAULI_MINUS : 0));
    }
    return map;
}

/* Of Paulis on two qubits: the bits that say X, and those that say Z, moved to the places of X. */
static uint32_t x_bits(uint32_t pauli) {
    return pauli & 5u;
}

static uint32_t z_bits(uint32_t pauli) {
    return pauli >> 1 & 5u;
}

/* How many of bits 0 and 2 are set. */
static uint32_t weight(uint32_t bits) {
    return (bits & 1u) + (bits >> 2 & 1u);
}

static uint32_t from_letter(char letter) {
    return letter == 'X' ? OTR_PAULI_X : letter == 'Y' ? OTR_PAULI_Y : letter == 'Z' ? OTR_PAULI_Z : 0;
}
