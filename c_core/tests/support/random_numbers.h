/* Random numbers of C test programs: the same ones in every run (xorshift64, Marsaglia 2003). */
#ifndef RANDOM_NUMBERS_H
#define RANDOM_NUMBERS_H

#include <stdint.h>

/* From 0 to bound - 1. */
static inline uint32_t below(uint32_t bound) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * bound >> 32);
}

#endif
