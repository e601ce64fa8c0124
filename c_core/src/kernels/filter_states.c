#include "kernels/filter_states.h"

size_t otr_portable_filter_states(const uint64_t *keys, const double *weights, size_t count,
                                  const otr_state_filter *filter, uint32_t *indices) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t pattern = 0;
        for (uint32_t bit = 0; bit < OTR_STATE_BITS; bit++) {
            const uint32_t turn = filter->turns[bit];
            pattern |= (keys[i] >> turn | keys[i] << (-turn & 63)) & filter->bits[bit];
        }
        indices[kept] = (uint32_t)i;
        kept += weights[i] > filter->needed[pattern];
    }
    return kept;
}
