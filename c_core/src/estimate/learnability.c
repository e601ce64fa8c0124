#include <math.h>

#include "outrider/residuals.h"

static uint32_t judge_class(const otr_rate *rate);

otr_learnability otr_rates_judge(const otr_rates *rates, uint32_t *flags) {
    otr_learnability found = {.classes = otr_rates_class_count(rates)};
    for (uint32_t i = 0; i < found.classes; i++) {
        otr_rate rate;
        if (otr_rates_class(rates, i, &rate) != OTR_OK) {
            continue;
        }
        const uint32_t mask = judge_class(&rate);
        found.invisible += (mask & OTR_CLASS_INVISIBLE) != 0;
        found.shared += (mask & OTR_CLASS_SHARED) != 0;
        found.boundary += (mask & OTR_CLASS_BOUNDARY) != 0;
        found.kept += (mask & OTR_CLASS_KEPT) != 0;
        found.unsure += (mask & OTR_CLASS_UNSURE) != 0;
        found.negative += (mask & OTR_CLASS_NEGATIVE) != 0;
        found.boundary_unsure += (mask & OTR_CLASS_UNSURE) != 0 && (mask & OTR_CLASS_BOUNDARY) != 0;
        if (flags != NULL) {
            flags[i] = mask;
        }
    }
    found.has_few_shots = found.unsure > (found.classes - found.kept) / 2;
    return found;
}

static uint32_t judge_class(const otr_rate *rate) {
    uint32_t flags = (rate->detector_count == 0 ? OTR_CLASS_INVISIBLE : 0) |
                     (rate->detector_count == 1 ? OTR_CLASS_BOUNDARY : 0) |
                     (rate->error_count > 1 ? OTR_CLASS_SHARED : 0);
    if (isinf(rate->alone_deviation)) {
        return flags | OTR_CLASS_KEPT;
    }
    if (rate->alone_deviation > rate->alone && rate->alone_deviation > rate->prior) {
        flags |= OTR_CLASS_UNSURE;
    }
    if (rate->alone < -OTR_CLASS_NEGATIVE_Z * rate->alone_deviation) {
        flags |= OTR_CLASS_NEGATIVE;
    }
    return flags;
}
