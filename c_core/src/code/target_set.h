/* Small sorted sets of detectors and observables, an error's symptoms; adding is symmetric difference. */
#ifndef OTR_CODE_TARGET_SET_H
#define OTR_CODE_TARGET_SET_H

#include <stdbool.h>
#include <stdint.h>

/* An error of the surface code flips fewer; one that flips more is refused, not cut. */
#define OTR_TARGET_SET_MAX 16

typedef struct otr_target_set {
    uint32_t count;
    uint64_t
        items[OTR_TARGET_SET_MAX]; /* ascending; detectors, then observables with OTR_TARGET_OBSERVABLE */
} otr_target_set;

/* *set ^= `count` ascending items. Returns true, or false when more than OTR_TARGET_SET_MAX would remain;
 * *set is then unchanged. */
bool otr_target_set_xor(otr_target_set *set, const uint64_t *items, uint32_t count);

#endif
