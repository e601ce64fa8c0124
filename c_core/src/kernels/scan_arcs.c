#include "kernels/scan_arcs.h"

uint64_t otr_portable_scan_arcs(const uint32_t *arcs, uint32_t count, const uint64_t *bits, uint32_t *least,
                                uint32_t *position) {
    uint64_t set = 0;
    uint32_t best = UINT32_MAX;
    uint32_t best_position = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t head = arcs[2 * i];
        const uint64_t bit = bits[head >> 6] >> (head & 63) & 1;
        const uint32_t weight = arcs[2 * i + 1] | (0u - (uint32_t)bit);
        set |= bit << i;
        best_position = weight < best ? i : best_position;
        best = weight < best ? weight : best;
    }
    *least = best;
    *position = best_position;
    return set;
}
