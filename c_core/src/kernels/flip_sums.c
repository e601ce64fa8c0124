#include "kernels/flip_sums.h"

#include "common/bits.h"

void otr_portable_flip_sums(double *sums, size_t count, size_t mask, double odds) {
    const size_t highest = (size_t)1 << (63 - otr_clz64(mask));
    for (size_t block = 0; block < count; block += 2 * highest) {
        for (size_t i = block; i < block + highest; i++) {
            const double here = sums[i], there = sums[i ^ mask];
            sums[i] = here + odds * there;
            sums[i ^ mask] = there + odds * here;
        }
    }
}
