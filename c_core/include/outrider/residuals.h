/* What shots have that a model does not explain: pairs of detectors that fire together too often or too
 * seldom, detectors that fire at other rates; and whether the shots belong to the model at all.
 *
 * The errors that flip both detectors of a pair have the attenuation (omega_i + omega_j - omega_ij) / 2
 * together, omega being minus the logarithm of a mean parity (moments.h). A pair outside the support of all
 * errors is expected to have 0, whatever the rates are: crosstalk and leakage show there. A pair inside has
 * what the model's errors give it. Each pair's count of shots with both events is compared with that
 * expectation at the rates that the detectors were counted with, so that a wrong rate is not taken for a
 * correlation. z is such that a normal variable is as likely beyond it; it comes from the distribution of
 * independent shots, and so holds for few events as well. Far out, where detectors fire seldom and then
 * nearly always together, pairs are less likely still than it says.
 *
 * Many pairs are tested. Pairs outside, pairs inside and detectors are three families, and in each of them
 * Holm's test says which are significant: if shots follow the model, the probability that a family has any
 * such one is at most the level. With a model that was learned from the same shots it is less, for pairs
 * inside and detectors; pairs outside do not depend on rates. Noise that drifts, and bursts, correlate all
 * detectors: look for these first (drift.h, bursts.h). */
#ifndef OUTRIDER_RESIDUALS_H
#define OUTRIDER_RESIDUALS_H

#include "outrider/moments.h"
#include "outrider/rates.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of otr_moments_create_for_pairs. */
#define OTR_ROUNDS_APART_ANY UINT32_MAX

/* Moments of every detector and of every pair of detectors whose rounds are at most `rounds_apart` apart:
 * for correlations of any range. `rounds` has the round of each detector (otr_model_rounds); NULL, and
 * OTR_ROUNDS_APART_ANY, for all pairs. OTR_ERR_LIMIT: over OTR_MOMENTS_SETS_MAX sets; 8191 detectors can have
 * all pairs. Otherwise as otr_moments_create. */
OTR_API otr_status otr_moments_create_for_pairs(otr_moments **out, uint32_t detector_count,
                                                const uint32_t *rounds, uint32_t rounds_apart,
                                                const otr_moments_options *options, otr_error *error);

typedef struct otr_residuals otr_residuals;

typedef struct otr_residual_pair {
    uint32_t first, second;  /* detectors, ascending */
    bool is_inside;          /* an error of the model flips both */
    bool is_significant;     /* in its family, at the level */
    double expected;         /* attenuation of the errors that flip both, by the model */
    double attenuation;      /* as it was counted; may be negative */
    double deviation;        /* standard error of the attenuation, if the expectation is right */
    double z;                /* above 0: more shots with both events than expected */
    double log10_p;          /* of z, two-sided, for this pair alone */
    double excess;           /* rate of one more error that flips both and would explain the difference */
    double excess_deviation; /* its standard error */
} otr_residual_pair;

typedef struct otr_residual_detector {
    uint32_t detector;
    bool is_significant;
    bool is_constant; /* it fired in no shot or in all of them, and significantly so */
    double expected;  /* rate of its events by the model */
    double rate;      /* as counted */
    double z;         /* infinite for events that the model says are impossible */
    double log10_p;
} otr_residual_detector;

/* Reasons why shots may not belong to a model, or cannot tell. */
#define OTR_MISFIT_FEW_SHOTS 1u /* most pairs inside: expected attenuation below its standard error */
#define OTR_MISFIT_CONSTANT 2u  /* a detector that is constant, and should not be */
#define OTR_MISFIT_HALF 4u      /* most detectors: rates near 1/2, which should not be there */
#define OTR_MISFIT_RATES 8u     /* most detectors: rates significantly different, by a factor */
#define OTR_MISFIT_PAIRS 16u    /* pairs that should stand out are missing: another circuit or order */

/* Most are more than this share. */
#define OTR_MISFIT_MOST 0.5
/* Near 1/2, and not so by the model. */
#define OTR_MISFIT_HALF_MIN 0.4
#define OTR_MISFIT_HALF_MAX 0.6
#define OTR_MISFIT_HALF_EXPECTED_MAX 0.25
/* Rates that differ: by this factor either way. */
#define OTR_MISFIT_RATE_FACTOR 3.0
/* Pairs stand out whose expected attenuation is so many standard errors. They are missing if less than this
 * share of it was counted. It is a reason if there are so many of the former, and the latter are more than
 * such a share of them. */
#define OTR_MISFIT_STRONG_Z 5.0
#define OTR_MISFIT_MISSING_SHARE 0.25
#define OTR_MISFIT_STRONG_MIN 4
#define OTR_MISFIT_MISSING_MOST 0.05

typedef struct otr_residual_summary {
    double shots;
    double level;
    uint64_t inside, outside;                         /* pairs tested */
    uint64_t inside_significant, outside_significant; /* of them */
    uint64_t untested; /* pairs without all three counts, of detectors so constant that they say nothing, or
                          with a mean parity that is not above 0 */
    uint64_t unsure;   /* pairs inside whose expected attenuation is below its standard error */
    uint64_t strong, missing; /* pairs inside that should stand out, of detectors that are not constant; those
                                 of them that do not */
    uint32_t detectors, detectors_significant; /* tested, significant */
    uint32_t constant, near_half, other_rates; /* detectors for which these reasons hold */
    uint32_t misfit;                           /* OTR_MISFIT_… */
} otr_residual_summary;

/* Compares counted moments with a model, the prior or a learned one. All sets of one and two detectors are
 * looked at; both arguments are not needed afterwards. `level` is the probability of a false alarm in each
 * family, above 0 and below 1. OTR_ERR_ARGUMENT: another level, no shots, a model of another number of
 * detectors. OTR_ERR_LIMIT: over OTR_TRELLIS_ERRORS_MAX errors or 64 observables. OTR_ERR_MEMORY. On failure
 * *out is untouched. Residuals are immutable. */
OTR_API otr_status otr_residuals_create(otr_residuals **out, const otr_model *model,
                                        const otr_moments *moments, double level, otr_error *error);
/* NULL is allowed. */
OTR_API void otr_residuals_destroy(otr_residuals *residuals);

/* The pairs tested, least likely first. */
OTR_API uint64_t otr_residuals_pair_count(const otr_residuals *residuals);
/* OTR_ERR_INDEX. */
OTR_API otr_status otr_residuals_pair(const otr_residuals *residuals, uint64_t index, otr_residual_pair *out);
/* The detectors tested, least likely first. */
OTR_API uint32_t otr_residuals_detector_count(const otr_residuals *residuals);
/* OTR_ERR_INDEX. */
OTR_API otr_status otr_residuals_detector(const otr_residuals *residuals, uint32_t index,
                                          otr_residual_detector *out);
OTR_API otr_residual_summary otr_residuals_summarise(const otr_residuals *residuals);
/* Heap bytes held. */
OTR_API size_t otr_residuals_bytes(const otr_residuals *residuals);

/* What is known of a class of errors (rates.h) after a fit. Invisible: it flips no detector. Shared: its
 * errors flip different observables, and syndromes do not tell them apart. Boundary: it flips one detector,
 * and is what other errors leave of that one's rate, so that their estimates' errors add up in it. Kept:
 * there is no estimate, for too many detectors, sets that were not counted, or means that are not above 0.
 * Unsure: the standard error is above the attenuation and above the prior's. Negative: it is below 0 by
 * OTR_CLASS_NEGATIVE_Z standard errors, so that something else than the model's errors correlates its
 * detectors. */
#define OTR_CLASS_INVISIBLE 1u
#define OTR_CLASS_SHARED 2u
#define OTR_CLASS_BOUNDARY 4u
#define OTR_CLASS_KEPT 8u
#define OTR_CLASS_UNSURE 16u
#define OTR_CLASS_NEGATIVE 32u
#define OTR_CLASS_NEGATIVE_Z 5.0

/* Classes with these flags. */
typedef struct otr_learnability {
    uint32_t classes;
    uint32_t invisible, shared, boundary, kept, unsure, negative;
    uint32_t boundary_unsure;
    bool has_few_shots; /* more than half of the classes with an estimate are unsure */
} otr_learnability;

/* Judges fitted rates by what the shots alone say of them, before they are drawn to a prior, whatever the
 * method. `flags` has room for a mask for each class; nullable. */
OTR_API otr_learnability otr_rates_judge(const otr_rates *rates, uint32_t *flags);

#ifdef __cplusplus
}
#endif
#endif
