/* Two kinds of steps, each over the stabilisers in their order and on 64 shots at once:
 *  - three or four errors around a stabiliser are multiplied by it, likewise two around a stabiliser of two;
 *  - two errors around a stabiliser move to the preferred pair: from left to right, from bottom to top, from
 *    one diagonal to the other, which is top left to bottom right for Z errors; a single error at a
 *    stabiliser of two moves to its preferred qubit.
 * Within a sweep, qubits that took part in a move are claimed, and errors on claimed qubits stay. */
#include "outrider/labels.h"
#include "sample/homology.h"

#include <string.h>

static uint64_t reduce_weight(const otr_plaquette *plaquette, uint64_t *errors);
static uint64_t move_pair(const otr_plaquette *plaquette, otr_basis type, uint64_t *errors,
                          uint64_t *claimed);
static uint64_t move_single(const otr_plaquette *plaquette, uint64_t *errors, uint64_t *claimed);

void otr_homology_space(const otr_label_layout *layout, otr_basis type, uint64_t *errors, uint64_t *scratch) {
    const otr_plaquette *const plaquettes = layout->plaquettes[type];
    const uint32_t count = layout->plaquette_count[type];
    uint64_t changed = 1;
    for (int sweep = 0; sweep < OTR_LABELS_SPACE_SWEEPS && changed != 0; sweep++) {
        changed = 0;
        for (uint32_t i = 0; i < count; i++) {
            changed |= reduce_weight(&plaquettes[i], errors);
        }
        memset(scratch, 0, layout->data_count * sizeof *scratch);
        for (uint32_t i = 0; i < count; i++) {
            changed |= plaquettes[i].weight == OTR_CORNER_COUNT
                           ? move_pair(&plaquettes[i], type, errors, scratch)
                           : move_single(&plaquettes[i], errors, scratch);
        }
    }
}

static uint64_t reduce_weight(const otr_plaquette *plaquette, uint64_t *errors) {
    const uint32_t *const data = plaquette->data;
    uint64_t many = errors[data[0]] & errors[data[1]];
    if (plaquette->weight == OTR_CORNER_COUNT) {
        const uint64_t a = errors[data[0]], b = errors[data[1]], c = errors[data[2]], d = errors[data[3]];
        many = (a & b & (c | d)) | (c & d & (a | b));
    }
    for (uint32_t i = 0; i < plaquette->weight; i++) {
        errors[data[i]] ^= many;
    }
    return many;
}

static uint64_t move_pair(const otr_plaquette *plaquette, otr_basis type, uint64_t *errors,
                          uint64_t *claimed) {
    const uint32_t *const data = plaquette->data;
    const uint64_t top_left = errors[data[OTR_TOP_LEFT]], top_right = errors[data[OTR_TOP_RIGHT]];
    const uint64_t bottom_left = errors[data[OTR_BOTTOM_LEFT]], bottom_right = errors[data[OTR_BOTTOM_RIGHT]];
    const uint64_t left = top_left & bottom_left & ~(top_right | bottom_right);
    const uint64_t bottom = bottom_left & bottom_right & ~(top_left | top_right);
    const uint64_t diagonal = type == OTR_BASIS_X ? top_left & bottom_right & ~(top_right | bottom_left)
                                                  : top_right & bottom_left & ~(top_left | bottom_right);
    uint64_t moved = left | bottom | diagonal;
    if (moved == 0) {
        return 0;
    }
    for (int i = 0; i < OTR_CORNER_COUNT; i++) {
        moved &= ~(errors[data[i]] & claimed[data[i]]);
    }
    for (int i = 0; i < OTR_CORNER_COUNT; i++) {
        errors[data[i]] ^= moved;
        claimed[data[i]] |= moved;
    }
    return moved;
}

static uint64_t move_single(const otr_plaquette *plaquette, uint64_t *errors, uint64_t *claimed) {
    const uint32_t preferred = plaquette->data[0], other = plaquette->data[1];
    const uint64_t moved = errors[other] & ~errors[preferred] & ~claimed[other];
    errors[preferred] ^= moved;
    errors[other] ^= moved;
    claimed[preferred] |= moved;
    claimed[other] |= moved;
    return moved;
}
