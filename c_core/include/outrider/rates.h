/* Rates of a model's errors, learned from the parities of its detection events.
 *
 * Minus the logarithm of a set's mean parity, omega, is the sum of the attenuations a = -ln(1 - 2 p) of the
 * errors that flip an odd number of the set (moments.h). Two ways lead back:
 *
 *  Closed form. The errors that flip all of a set U of n detectors have together
 *  2^-(n-1) sum of (-1)^(|T| + 1) omega_T over the non-empty subsets T of U; what was learned of those that
 *  flip more detectors is taken off. For two detectors this is the published p_ij (Spitz et al.,
 *  arXiv:1712.02360; Google, Nature 595, 383), for one the rate of a boundary edge. Each estimate is then
 * drawn to the prior, times a factor that classes of as many detectors share, by how sure it is. All that
 * flips a pair of detectors has the sum that their correlation shows: what matching needs.
 *
 *  Regression. All attenuations at once from all omegas, by least squares weighted by the variances of the
 *  omegas, none below a share of the prior, each drawn to the prior's value times one common factor. It gets
 *  most out of few shots, and stays nearest to the prior where the noise does not fit the model: what sums
 * over errors need.
 *
 * How strongly estimates are drawn is found out from how much the closed forms differ from the prior beyond
 * their errors (empirical Bayes).
 *
 * Errors may be tied: those of a group share one factor on their prior. The closed form averages attenuations
 * over the group's classes of as many detectors.
 *
 * Errors that flip the same detectors, and differ in observables, are one to syndromes: a class, whose
 * attenuation is split as the prior has it. Attenuations are what is estimated and kept; they add where
 * probabilities do not. Sums are of doubles in one order, without contraction or library functions: the same
 * bits on every machine. */
#ifndef OUTRIDER_RATES_H
#define OUTRIDER_RATES_H

#include "outrider/moments.h"
#include "outrider/rounds.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Detectors of an error that the closed form takes. */
#define OTR_RATES_SUPPORT_MAX 4
/* Of options. */
#define OTR_RATES_SPREAD_MAX 100.0
#define OTR_RATES_SPREAD_FITTED_MIN 0.01 /* what a fitted spread lies between */
#define OTR_RATES_SPREAD_FITTED_MAX 3.0
/* Steps of the regression. */
#define OTR_RATES_ITERATIONS_MAX 5000
/* The group of errors that share no factor with others. */
#define OTR_RATES_UNTIED UINT32_MAX

typedef struct otr_rates otr_rates;

typedef enum otr_rates_method { OTR_RATES_CLOSED_FORM = 0, OTR_RATES_REGRESSION = 1 } otr_rates_method;

typedef struct otr_rates_options {
    otr_rates_method method;
    double floor;  /* no class of a learned model is below this share of its prior; 0 .. 1 */
    double spread; /* of true attenuations about the scaled prior, as a share of it: up to
                      OTR_RATES_SPREAD_MAX; 0 to fit it; HUGE_VAL to draw nothing to the prior */
} otr_rates_options;

/* Regression, floor 0.05, fitted spread. */
OTR_API otr_rates_options otr_rates_options_default(void);

/* What became of a class. */
#define OTR_RATE_KEPT 1u         /* nothing is learned: attenuation and probability are the prior's */
#define OTR_RATE_NOT_POSITIVE 2u /* the estimate is not above 0; learned models have the floor instead */
#define OTR_RATE_FLOORED 4u      /* at the floor, or below it: learned models have the floor */

/* A class of errors. Pointers live as long as the rates. */
typedef struct otr_rate {
    const uint32_t *detectors; /* ascending */
    uint32_t detector_count;
    uint32_t error_count;        /* errors that flip them, which differ in observables */
    const uint64_t *observables; /* a mask for each error */
    const double *shares;        /* of each in the attenuation, by the prior; they sum to 1 */
    double prior;                /* attenuation of the class */
    double attenuation;          /* learned; in closed form it may be negative */
    double deviation;            /* standard error of the attenuation; HUGE_VAL where it is kept */
    double alone; /* attenuation by the closed form, before it is drawn to a prior; tied classes have
                     that of their mean */
    double alone_deviation; /* its standard error; HUGE_VAL where there is no such estimate */
    uint32_t flags;         /* OTR_RATE_… */
} otr_rate;

/* What a fit says about itself. */
typedef struct otr_rates_summary {
    double shots;                         /* that the fit was made from */
    double scale;                         /* the factor that fits the prior to the omegas best */
    double spread[OTR_RATES_SUPPORT_MAX]; /* given or fitted, of classes of 1, 2, .. detectors; in the
                                             regression all are one; 0 where nothing is learned */
    double chi_square; /* mean over the omegas of (omega - learned)^2 / variance; neighbouring ones depend on
                          each other, so that it says little where it is below 1 */
    uint64_t moments;  /* omegas used: of means above 0, and in the regression well above */
    uint32_t iterations; /* of the regression; OTR_RATES_ITERATIONS_MAX: it did not converge */
    uint32_t kept, not_positive, floored; /* classes with these flags */
} otr_rates_summary;

/* Lays out what is to be learned: the classes of errors of `prior`, from the sets of `moments`. `groups` has
 * the group of each error of the prior, in the order of its walk, or OTR_RATES_UNTIED; NULL if none are tied.
 * Nothing of these is needed afterwards. Until a fit, all rates are kept. Rates belong to one thread at a
 * time.
 *
 * To learn a few parameters of a circuit, list in the prior the errors that each of them makes, one parameter
 * after the other, as groups; errors of the same symptoms are one, whose attenuation is the sum.
 *
 * OTR_ERR_ARGUMENT: options out of range, different numbers of detectors, an error of probability 1/2 or
 * above. OTR_ERR_INDEX: a group that is not below the number of errors. OTR_ERR_UNSUPPORTED: closed form, and
 * errors of the same detectors in several groups. OTR_ERR_LIMIT: over OTR_TRELLIS_ERRORS_MAX errors or 64
 * observables. OTR_ERR_MEMORY. On failure *out is untouched. */
OTR_API otr_status otr_rates_create(otr_rates **out, const otr_model *prior, const uint32_t *groups,
                                    const otr_moments *moments, const otr_rates_options *options,
                                    otr_error *error);
/* NULL is allowed. */
OTR_API void otr_rates_destroy(otr_rates *rates);

/* Learns from counted moments with the sets that the rates were made for. OTR_ERR_ARGUMENT: other sets, or no
 * shots. OTR_ERR_MEMORY: rates are then kept or those of an earlier fit. */
OTR_API otr_status otr_rates_fit(otr_rates *rates, const otr_moments *moments, otr_error *error);

/* The same from a mean for each set, in the order of the moments, as of `shots` shots, which need not be
 * whole. OTR_ERR_ARGUMENT: not a number, beyond 1 in magnitude, or shots that are not above 0 and finite. */
OTR_API otr_status otr_rates_fit_means(otr_rates *rates, const double *means, double shots, otr_error *error);

/* Standard errors. In closed form they come from the covariance of parities, (Z of the symmetric difference
 * of two sets - Z Z') / shots, with the Z that the learned model expects: sets of symmetric differences need
 * not be counted. Where a larger error is kept, its prior counts as exact. An estimate that is drawn to its
 * prior has the error of the weighted mean of both. Those of the regression are the errors of closed forms,
 * each joined with the spread about the prior: an approximation, too large where the regression knows more
 * than the closed form does, and where groups share classes. */

OTR_API uint32_t otr_rates_class_count(const otr_rates *rates);
/* Classes are ordered by detectors, as lists of numbers. OTR_ERR_INDEX. */
OTR_API otr_status otr_rates_class(const otr_rates *rates, uint32_t index, otr_rate *out);
/* Covariances of the errors of `count` classes' attenuations, to be added up with: covariance[i * count + k]
 * is the correlation of their closed forms times both standard errors, the diagonal being the squares of
 * these; HUGE_VAL there, and 0 beside it, for classes that are kept. Time grows with the square of `count`.
 * Nothing that was learned changes. OTR_ERR_ARGUMENT: NULL. OTR_ERR_INDEX: a class that is not there.
 * OTR_ERR_MEMORY.
 */
OTR_API otr_status otr_rates_covariance(otr_rates *rates, const uint32_t *classes, size_t count,
                                        double *covariance, otr_error *error);

/* The factor on the prior that a group of otr_rates_create has; in closed form that of all its classes
 * together. 1 before a fit, and for a group without errors; NaN for one above all others. */
OTR_API double otr_rates_group_factor(const otr_rates *rates, uint32_t group);
OTR_API otr_rates_summary otr_rates_summarise(const otr_rates *rates);

/* The probability (1 - e^-a) / 2 of an attenuation; for an error it is to be multiplied by its share first.
 */
OTR_API double otr_rates_probability(double attenuation);

/* A model with the instructions of `prior`, which is the one the rates were made for, in its order with
 * repeats unrolled, and learned probabilities: attenuations of equal errors keep their proportions. Errors of
 * probability 0 stay so. OTR_ERR_ARGUMENT: another model. OTR_ERR_LIMIT, OTR_ERR_MEMORY. On failure *out is
 * untouched. */
OTR_API otr_status otr_rates_model(const otr_rates *rates, otr_model **out, const otr_model *prior,
                                   otr_error *error);

/* Groups for ties over time: errors that flip detectors at the same places, as far apart in time, share a
 * factor, whatever observables they flip. Errors at the first or the last detector of a place are
 * OTR_RATES_UNTIED: rounds at the ends of an experiment have others. `groups` has room for each error of
 * `prior` (otr_model_error_count); *group_count (nullable) returns how many groups there are. Places and
 * rounds are coordinates; `time` as in otr_model_rounds. Statuses of that function; OTR_ERR_LIMIT: places
 * times rounds reach 2^32. */
OTR_API otr_status otr_rates_time_groups(const otr_model *prior, const otr_time_axis *time, uint32_t *groups,
                                         uint32_t *group_count, otr_error *error);

/* Heap bytes held. */
OTR_API size_t otr_rates_bytes(const otr_rates *rates);

#ifdef __cplusplus
}
#endif
#endif
