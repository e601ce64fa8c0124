/* Moments of all pairs of detectors, or of those in near rounds. */
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "outrider/residuals.h"

static bool are_near(const uint32_t *rounds, uint32_t rounds_apart, uint32_t a, uint32_t b);

otr_status otr_moments_create_for_pairs(otr_moments **out, uint32_t detector_count, const uint32_t *rounds,
                                        uint32_t rounds_apart, const otr_moments_options *options,
                                        otr_error *error) {
    size_t count = detector_count, next = 0;
    otr_status status;
    for (uint32_t a = 0; a < detector_count && count <= OTR_MOMENTS_SETS_MAX; a++) {
        for (uint32_t b = a + 1; b < detector_count && count <= OTR_MOMENTS_SETS_MAX; b++) {
            count += are_near(rounds, rounds_apart, a, b);
        }
    }
    if (count > OTR_MOMENTS_SETS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "more than %d detectors and pairs: take those fewer rounds apart",
                             OTR_MOMENTS_SETS_MAX);
    }
    size_t *const begin = otr_array_new(count + 1, sizeof *begin);
    uint32_t *const members = otr_array_new(2 * count, sizeof *members);
    if (begin == NULL || members == NULL) {
        free(begin);
        free(members);
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    begin[0] = 0;
    for (uint32_t a = 0; a < detector_count; a++) {
        members[begin[next]] = a;
        begin[next + 1] = begin[next] + 1;
        next++;
        for (uint32_t b = a + 1; b < detector_count; b++) {
            if (are_near(rounds, rounds_apart, a, b)) {
                members[begin[next]] = a;
                members[begin[next] + 1] = b;
                begin[next + 1] = begin[next] + 2;
                next++;
            }
        }
    }
    status = otr_moments_create(out, detector_count, members, begin, next, options, error);
    free(begin);
    free(members);
    return status;
}

static bool are_near(const uint32_t *rounds, uint32_t rounds_apart, uint32_t a, uint32_t b) {
    const uint32_t apart = rounds == NULL          ? 0
                           : rounds[a] > rounds[b] ? rounds[a] - rounds[b]
                                                   : rounds[b] - rounds[a];
    return apart <= rounds_apart;
}
