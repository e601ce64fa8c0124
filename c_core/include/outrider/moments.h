/* Counts of odd parity of sets of detectors: what syndromes tell about the noise that made them.
 *
 * Errors are independent. So over many shots the mean of (-1)^(events of a set T) is the product of 1 - 2 p
 * over the errors p that flip an odd number of T's detectors, and minus its logarithm is the sum of their
 * attenuations -ln(1 - 2 p): linear in what is to be learned (Blume-Kohout, Young, arXiv:2504.14643). Moments
 * hold those counts for a list of sets, as integers: shots may come in batches of any size, from several
 * threads or machines, and give the same numbers. rates.h makes rates of errors of them. */
#ifndef OUTRIDER_MOMENTS_H
#define OUTRIDER_MOMENTS_H

#include "outrider/kernels.h"
#include "outrider/model.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Detectors; sets, as they are listed; detectors of one set. */
#define OTR_MOMENTS_DETECTORS_MAX 0x1000000
#define OTR_MOMENTS_SETS_MAX 0x2000000
#define OTR_MOMENTS_SET_SIZE_MAX 64
/* Shots of one object, merged ones included. */
#define OTR_MOMENTS_SHOTS_MAX 0x1000000000000u
/* Of options. */
#define OTR_MOMENTS_FADE_SHIFT_MAX 16
#define OTR_MOMENTS_BLOCK_SHOTS_MAX 0x40000000
/* Counts that fade are in units of 2^-16. */
#define OTR_MOMENTS_FADING_BITS 16

typedef struct otr_moments otr_moments;

typedef struct otr_moments_options {
    otr_isa isa;       /* OTR_ISA_AUTO picks the best; all of them give the same counts */
    bool with_outside; /* of a model: also pairs of detectors that no error joins, but a common neighbour does
                        */
    uint32_t
        fade_shift; /* k > 0: counts fade by the factor 1 - 2^-k between blocks; at most 16; 0 for never */
    uint32_t block_shots; /* shots of a block, if counts fade: 1 .. OTR_MOMENTS_BLOCK_SHOTS_MAX */
} otr_moments_options;

/* All counts for ever, no pairs outside. Blocks of 4096 shots, if fade_shift is set. */
OTR_API otr_moments_options otr_moments_options_default(void);

/* Moments of the sets listed: set k has the distinct detectors detectors[begin[k]] .. detectors[begin[k + 1]
 * - 1], in any order. Equal sets are one. Everything is copied. OTR_ERR_ARGUMENT: options out of range, an
 * empty set, a detector twice in a set, `begin` that descends. OTR_ERR_INDEX: a detector that is not below
 * detector_count. OTR_ERR_LIMIT: one of the limits above. OTR_ERR_UNSUPPORTED: a missing instruction set.
 * OTR_ERR_MEMORY. On failure *out is untouched.
 *
 * Moments belong to one thread at a time, and allocate here only. */
OTR_API otr_status otr_moments_create(otr_moments **out, uint32_t detector_count, const uint32_t *detectors,
                                      const size_t *begin, size_t set_count,
                                      const otr_moments_options *options, otr_error *error);

/* Moments that a model's errors are learned from: every detector, every pair of detectors that an error
 * flips, and for errors of three and four detectors all subsets. Errors are taken whole, without their
 * decomposition, and those of more than OTR_MOMENTS_SET_SIZE_MAX detectors are left out. The model is not
 * needed afterwards. Statuses as above; sets count for the limit as often as errors have them. */
OTR_API otr_status otr_moments_create_for_model(otr_moments **out, const otr_model *model,
                                                const otr_moments_options *options, otr_error *error);
/* NULL is allowed. */
OTR_API void otr_moments_destroy(otr_moments *moments);

/* Counts shots: row s is the ceil(detectors/8) bytes at shots + s * stride, packed as in otr_decoder_decode;
 * padding bits are ignored. However shots are split into calls, the counts are the same; thousands in one
 * call are fastest. OTR_ERR_ARGUMENT: NULL, or rows that overlap. OTR_ERR_LIMIT: OTR_MOMENTS_SHOTS_MAX;
 * nothing is counted then. */
OTR_API otr_status otr_moments_add(otr_moments *moments, const uint8_t *shots, size_t stride,
                                   size_t shot_count);

/* Adds the counts and shots of `from`. OTR_ERR_ARGUMENT unless both have the same detectors and sets and none
 * of them fades. OTR_ERR_LIMIT as above. */
OTR_API otr_status otr_moments_merge(otr_moments *into, const otr_moments *from);

/* Forgets all shots. */
OTR_API void otr_moments_clear(otr_moments *moments);

OTR_API uint32_t otr_moments_detector_count(const otr_moments *moments);
OTR_API size_t otr_moments_set_count(const otr_moments *moments);
/* Views of all sets, by size, then by their detectors, which ascend: set k as in otr_moments_create. They
 * live as long as the moments; *begin has otr_moments_set_count + 1 entries. Both nullable. */
OTR_API void otr_moments_sets(const otr_moments *moments, const uint32_t **detectors, const size_t **begin);
/* The number of a set, of detectors ascending; SIZE_MAX if it is not among them. */
OTR_API size_t otr_moments_find(const otr_moments *moments, const uint32_t *detectors, size_t count);

/* For each set the shots in which an odd number of its detectors fired; if counts fade, in units of 2^-16. A
 * view that lives as long as the moments; the next call that adds or forgets changes it. */
OTR_API const uint64_t *otr_moments_counts(const otr_moments *moments);
/* The shots counted, in the same unit. */
OTR_API uint64_t otr_moments_shots(const otr_moments *moments);
/* As many shots of equal weight would give means as sure as these: the shots, unless counts fade; 0 for none.
 */
OTR_API double otr_moments_effective_shots(const otr_moments *moments);
/* The mean of (-1)^(events) for each set: 1 - 2 count / shots; all 1 without shots. */
OTR_API void otr_moments_means(const otr_moments *moments, double *means);
/* The same as a model expects it, exactly but for rounding. OTR_ERR_ARGUMENT: NULL, or a model of another
 * number of detectors. OTR_ERR_LIMIT: over OTR_TRELLIS_ERRORS_MAX errors or 64 observables. OTR_ERR_MEMORY.
 */
OTR_API otr_status otr_moments_expected(const otr_moments *moments, const otr_model *model, double *means,
                                        otr_error *error);
/* Heap bytes held. */
OTR_API size_t otr_moments_bytes(const otr_moments *moments);

#ifdef __cplusplus
}
#endif
#endif
