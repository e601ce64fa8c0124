#include "sample/homology.h"

static void simplify_rounds(const otr_label_layout *layout, otr_basis type, uint64_t *words,
                            uint64_t *scratch);

void otr_homology_simplify(const otr_label_layout *layout, uint64_t *words, uint64_t *scratch) {
    for (int type = OTR_BASIS_X; type <= OTR_BASIS_Z; type++) {
        simplify_rounds(layout, (otr_basis)type, words, scratch);
        otr_homology_time(layout, (otr_basis)type, words, scratch);
        simplify_rounds(layout, (otr_basis)type, words, scratch);
    }
}

static void simplify_rounds(const otr_label_layout *layout, otr_basis type, uint64_t *words,
                            uint64_t *scratch) {
    for (uint32_t round = 0; round < layout->rounds; round++) {
        uint64_t *const here = words + (size_t)round * otr_label_round_bits(layout);
        otr_homology_space(layout, type, here + otr_label_error(layout, type, 0), scratch);
    }
}
