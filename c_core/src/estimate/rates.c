#include "outrider/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "estimate/attenuation.h"
#include "estimate/closed_form.h"
#include "estimate/rate_groups.h"
#include "estimate/regression.h"
#include "model/model_builder.h"
#include "model/symptoms.h"

/* Halvings of the interval that a fitted spread lies in. */
#define SPREAD_STEPS 40

/* Events behind an estimate that weigh as much as its prior, for the errors of estimates. */
#define SMOOTHING_EVENTS 30.0
/* Fewer pools do not show how far their factors spread. */
#define SPREAD_POOLS_MIN 4

/* What the closed form finds of the factor that the classes of a pool share. */
typedef struct pool_estimate {
    double factor, variance;
    uint32_t pool;
} pool_estimate;

/* Factors are normal about `scale`, with the standard deviation `spread` times it. */
typedef struct factor_prior {
    double scale, spread;
} factor_prior;

struct otr_rates {
    otr_rates_options options;
    otr_error_list errors;
    otr_error_classes classes;
    otr_rate_groups groups;
    otr_detector_sets sets;
    otr_closed_form form;
    otr_regression fit;
    otr_rates_summary summary;
    double *means, *omegas;
    double *attenuations, *deviations; /* of classes */
    double *alone, *alone_deviations;  /* of classes, before they are drawn to a prior */
    double *factors;                   /* of groups */

    /* Scratch; of a fit that may still fail. */
    double *plain; /* classes in closed form, drawn to nothing */
    double *fresh; /* attenuations */
    double *errors_of_fresh;
    double *fresh_alone, *errors_of_alone;
    double *shares;                       /* class -> what of it comes from omegas */
    double *fresh_factors, *group_priors; /* of groups */
    pool_estimate *pools;
    uint32_t *found; /* classes of a pool that are not kept */
};

static otr_status check(const otr_model *prior, const otr_moments *moments, const otr_rates_options *options,
                        otr_error *error);
static otr_status fill(otr_rates *rates, const otr_model *prior, const uint32_t *groups,
                       const otr_moments *moments, otr_error *error);
static bool has_sets_of(const otr_rates *rates, const otr_moments *moments);
static otr_status learn(otr_rates *rates, double shots);
static otr_status correlate(otr_rates *rates, uint32_t a, uint32_t b, double *correlation);
static double floor_of(const otr_rates *rates, uint32_t class);
static otr_status write_model(const otr_rates *rates, otr_model_builder *builder, otr_index_list *symptoms,
                              otr_model_walk *walk);

otr_rates_options otr_rates_options_default(void) {
    return (otr_rates_options){.method = OTR_RATES_REGRESSION, .floor = 0.05};
}

otr_status otr_rates_create(otr_rates **out, const otr_model *prior, const uint32_t *groups,
                            const otr_moments *moments, const otr_rates_options *options, otr_error *error) {
    const otr_rates_options chosen = options != NULL ? *options : otr_rates_options_default();
    otr_rates *rates;
    otr_status status;
    if (out == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no place for the rates");
    }
    status = check(prior, moments, &chosen, error);
    if (status != OTR_OK) {
        return status;
    }
    rates = otr_array_zeroed(1, sizeof *rates);
    if (rates == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    rates->options = chosen;
    status = fill(rates, prior, groups, moments, error);
    if (status != OTR_OK) {
        otr_rates_destroy(rates);
        return status;
    }
    *out = rates;
    return OTR_OK;
}

void otr_rates_destroy(otr_rates *rates) {
    if (rates == NULL) {
        return;
    }
    otr_regression_free(&rates->fit);
    otr_closed_form_free(&rates->form);
    otr_rate_groups_free(&rates->groups);
    otr_error_classes_free(&rates->classes);
    otr_error_list_free(&rates->errors);
    otr_detector_sets_free(&rates->sets);
    free(rates->means);
    free(rates->omegas);
    free(rates->attenuations);
    free(rates->deviations);
    free(rates->plain);
    free(rates->fresh);
    free(rates->errors_of_fresh);
    free(rates->alone);
    free(rates->alone_deviations);
    free(rates->fresh_alone);
    free(rates->errors_of_alone);
    free(rates->shares);
    free(rates->factors);
    free(rates->fresh_factors);
    free(rates->group_priors);
    free(rates->pools);
    free(rates->found);
    free(rates);
}

otr_status otr_rates_fit(otr_rates *rates, const otr_moments *moments, otr_error *error) {
    if (rates == NULL || moments == NULL || otr_moments_shots(moments) == 0 || !has_sets_of(rates, moments)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no rates, no shots, or moments of other sets than the rates were made for");
    }
    otr_moments_means(moments, rates->means);
    return otr_rates_fit_means(rates, rates->means, otr_moments_effective_shots(moments), error);
}

otr_status otr_rates_fit_means(otr_rates *rates, const double *means, double shots, otr_error *error) {
    otr_status status;
    if (rates == NULL || (means == NULL && rates->sets.count > 0) || !(shots > 0) || isinf(shots)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no rates, no means, or no shots behind them");
    }
    for (size_t i = 0; i < rates->sets.count; i++) {
        if (!(means[i] >= -1 && means[i] <= 1)) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "mean %llu is not within -1 and 1",
                                 (unsigned long long)i);
        }
    }
    for (size_t i = 0; i < rates->sets.count; i++) {
        rates->omegas[i] = means[i] > 0 ? -otr_ln(means[i]) : NAN;
    }
    status = learn(rates, shots);
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "out of memory");
}

uint32_t otr_rates_class_count(const otr_rates *rates) {
    return rates->classes.count;
}

otr_status otr_rates_class(const otr_rates *rates, uint32_t index, otr_rate *out) {
    const otr_error_classes *const classes = &rates->classes;
    if (index >= classes->count) {
        return OTR_ERR_INDEX;
    }
    const uint32_t first = classes->first[index];
    const double attenuation = rates->attenuations[index];
    const bool is_kept = isinf(rates->deviations[index]);
    *out = (otr_rate){.detectors = classes->detectors + classes->begin[index],
                      .detector_count = (uint32_t)otr_class_size(classes, index),
                      .error_count = classes->first[index + 1] - first,
                      .observables = rates->errors.observables + first,
                      .shares = classes->shares + first,
                      .prior = classes->prior[index],
                      .attenuation = attenuation,
                      .deviation = rates->deviations[index],
                      .alone = rates->alone[index],
                      .alone_deviation = rates->alone_deviations[index]};
    out->flags = is_kept ? OTR_RATE_KEPT
                         : (attenuation > 0 ? 0 : OTR_RATE_NOT_POSITIVE) |
                               (attenuation > floor_of(rates, index) ? 0 : OTR_RATE_FLOORED);
    return OTR_OK;
}

otr_status otr_rates_covariance(otr_rates *rates, const uint32_t *classes, size_t count, double *covariance,
                                otr_error *error) {
    otr_status status = OTR_OK;
    if (rates == NULL || (count > 0 && (classes == NULL || covariance == NULL))) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no rates, no classes, or no place for covariances");
    }
    for (size_t i = 0; i < count; i++) {
        if (classes[i] >= rates->classes.count) {
            return otr_error_set(error, OTR_ERR_INDEX, 0, 0, "class %u is not among %u", classes[i],
                                 rates->classes.count);
        }
    }
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        const double floor = floor_of(rates, i);
        rates->fresh[i] = rates->attenuations[i] > floor ? rates->attenuations[i] : floor;
    }
    for (size_t i = 0; i < count && status == OTR_OK; i++) {
        for (size_t k = 0; k <= i && status == OTR_OK; k++) {
            double correlation;
            status = correlate(rates, classes[i], classes[k], &correlation);
            covariance[i * count + k] = covariance[k * count + i] =
                correlation == 0
                    ? 0
                    : correlation * rates->deviations[classes[i]] * rates->deviations[classes[k]];
        }
    }
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "out of memory");
}

double otr_rates_group_factor(const otr_rates *rates, uint32_t group) {
    return group < rates->groups.count ? rates->factors[group] : NAN;
}

otr_rates_summary otr_rates_summarise(const otr_rates *rates) {
    otr_rates_summary summary = rates->summary;
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        otr_rate rate;
        if (otr_rates_class(rates, i, &rate) == OTR_OK) {
            summary.kept += (rate.flags & OTR_RATE_KEPT) != 0;
            summary.not_positive += (rate.flags & OTR_RATE_NOT_POSITIVE) != 0;
            summary.floored += (rate.flags & OTR_RATE_FLOORED) != 0;
        }
    }
    return summary;
}

double otr_rates_probability(double attenuation) {
    return otr_probability_of_attenuation(attenuation);
}

otr_status otr_rates_model(const otr_rates *rates, otr_model **out, const otr_model *prior,
                           otr_error *error) {
    otr_model_builder *builder = NULL;
    otr_index_list symptoms = {0};
    otr_model_walk *walk = NULL;
    otr_status status;
    if (rates == NULL || out == NULL || prior == NULL ||
        otr_model_detector_count(prior) != rates->errors.detector_count ||
        otr_model_observable_count(prior) != rates->errors.observable_count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no rates, no place for the model, or another model than the rates are of");
    }
    status = otr_model_builder_create(&builder);
    status = status == OTR_OK ? otr_model_walk_create(&walk, prior) : status;
    status = status == OTR_OK ? write_model(rates, builder, &symptoms, walk) : status;
    if (status != OTR_OK) {
        otr_error_set(error, status, 0, 0, "%s",
                      status == OTR_ERR_MEMORY     ? "out of memory"
                      : status == OTR_ERR_ARGUMENT ? "the rates are of another model"
                                                   : "too large");
    } else {
        status = otr_model_builder_finish(builder, out, error);
    }
    otr_model_walk_destroy(walk);
    otr_model_builder_destroy(builder);
    free(symptoms.items);
    return status;
}

size_t otr_rates_bytes(const otr_rates *rates) {
    const otr_error_classes *const classes = &rates->classes;
    const size_t errors = rates->errors.count;
    return sizeof *rates + otr_error_list_bytes(&rates->errors) + otr_closed_form_bytes(&rates->form) +
           otr_regression_bytes(&rates->fit) +
           errors * (sizeof *classes->of + sizeof *classes->first + sizeof *classes->begin +
                     sizeof *classes->prior + sizeof *classes->shares) +
           classes->begin[classes->count] * sizeof *classes->detectors +
           rates->sets.count * (sizeof *rates->sets.begin + 2 * sizeof *rates->omegas) +
           rates->sets.begin[rates->sets.count] * sizeof *rates->sets.detectors +
           otr_rate_groups_bytes(&rates->groups, classes->count) +
           (size_t)rates->groups.count * 3 * sizeof *rates->factors +
           (size_t)classes->count * (10 * sizeof *rates->fresh + sizeof *rates->pools + sizeof *rates->found);
}

static otr_status check(const otr_model *prior, const otr_moments *moments, const otr_rates_options *options,
                        otr_error *error) {
    if (prior == NULL || moments == NULL ||
        otr_model_detector_count(prior) != otr_moments_detector_count(moments)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model, or moments of other detectors");
    }
    if ((options->method != OTR_RATES_CLOSED_FORM && options->method != OTR_RATES_REGRESSION) ||
        !(options->floor >= 0 && options->floor <= 1) ||
        !(options->spread >= 0 && (options->spread <= OTR_RATES_SPREAD_MAX || isinf(options->spread)))) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "an unknown method, a floor beyond 0 and 1, or a spread beyond 0 and %g",
                             OTR_RATES_SPREAD_MAX);
    }
    return OTR_OK;
}

static otr_status copy_sets(otr_rates *rates, const otr_moments *moments) {
    const size_t count = otr_moments_set_count(moments);
    const uint32_t *detectors;
    const size_t *begin;
    otr_moments_sets(moments, &detectors, &begin);
    rates->sets.begin = otr_array_new(count + 1, sizeof *begin);
    rates->sets.detectors = otr_array_new(begin[count], sizeof *detectors);
    if (rates->sets.begin == NULL || rates->sets.detectors == NULL) {
        return OTR_ERR_MEMORY;
    }
    memcpy(rates->sets.begin, begin, (count + 1) * sizeof *begin);
    if (begin[count] > 0) {
        memcpy(rates->sets.detectors, detectors, begin[count] * sizeof *detectors);
    }
    rates->sets.count = count;
    return OTR_OK;
}

static otr_status make_parts(otr_rates *rates, const otr_model *prior, const uint32_t *groups,
                             const otr_moments *moments) {
    otr_status status = copy_sets(rates, moments);
    status = status == OTR_OK ? otr_error_classes_init(&rates->classes, &rates->errors) : status;
    status = status == OTR_OK
                 ? otr_rate_groups_init(&rates->groups, &rates->classes, &rates->errors, prior, groups)
                 : status;
    status = status == OTR_OK ? otr_closed_form_init(&rates->form, &rates->classes, &rates->sets,
                                                     rates->errors.detector_count)
                              : status;
    if (status == OTR_OK && rates->options.method == OTR_RATES_REGRESSION) {
        status = otr_regression_init(&rates->fit, &rates->classes, &rates->groups, &rates->sets,
                                     &rates->form.incidence);
    }
    if (status != OTR_OK) {
        return status;
    }
    const uint32_t count = rates->classes.count;
    double **const vectors[] = {&rates->attenuations,   &rates->deviations,       &rates->plain,
                                &rates->fresh,          &rates->errors_of_fresh,  &rates->shares,
                                &rates->alone,          &rates->alone_deviations, &rates->fresh_alone,
                                &rates->errors_of_alone};
    rates->means = otr_array_new(rates->sets.count, sizeof *rates->means);
    rates->omegas = otr_array_new(rates->sets.count, sizeof *rates->omegas);
    rates->pools = otr_array_new(rates->groups.pool_count, sizeof *rates->pools);
    rates->found = otr_array_new(count, sizeof *rates->found);
    rates->factors = otr_array_new(rates->groups.count, sizeof *rates->factors);
    rates->fresh_factors = otr_array_new(rates->groups.count, sizeof *rates->fresh_factors);
    rates->group_priors = otr_array_new(rates->groups.count, sizeof *rates->group_priors);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        *vectors[i] = otr_array_new(count, sizeof **vectors[i]);
        if (*vectors[i] == NULL) {
            return OTR_ERR_MEMORY;
        }
    }
    if (rates->means == NULL || rates->omegas == NULL || rates->pools == NULL || rates->found == NULL ||
        rates->factors == NULL || rates->fresh_factors == NULL || rates->group_priors == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        rates->attenuations[i] = rates->classes.prior[i];
        rates->deviations[i] = HUGE_VAL;
        rates->alone[i] = rates->classes.prior[i];
        rates->alone_deviations[i] = HUGE_VAL;
    }
    for (uint32_t i = 0; i < rates->groups.count; i++) {
        rates->factors[i] = 1;
    }
    rates->summary.scale = 1;
    return OTR_OK;
}

/* Errors of probability 1/2 have no attenuation, and likelier ones none that adds. */
static otr_status find_likely_errors(const otr_model *prior, otr_error *error) {
    otr_model_walk *walk = NULL;
    otr_instruction step;
    otr_status status = otr_model_walk_create(&walk, prior);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        if (step.kind == OTR_INSTRUCTION_ERROR && !(step.arguments[0] < 0.5)) {
            status = otr_error_set(error, OTR_ERR_ARGUMENT, step.line, 0,
                                   "rates of errors are learned below probability 1/2, and one is %g",
                                   step.arguments[0]);
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

static otr_status fill(otr_rates *rates, const otr_model *prior, const uint32_t *groups,
                       const otr_moments *moments, otr_error *error) {
    otr_status status = otr_error_list_init(&rates->errors, prior, error);
    if (status != OTR_OK) {
        return status;
    }
    status = find_likely_errors(prior, error);
    if (status != OTR_OK) {
        return status;
    }
    status = make_parts(rates, prior, groups, moments);
    if (status == OTR_OK && rates->options.method == OTR_RATES_CLOSED_FORM && !rates->groups.is_partition) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "in closed form, errors that flip the same detectors belong to one group");
    }
    return status == OTR_OK ? OTR_OK
                            : otr_error_set(error, status, 0, 0, "%s",
                                            status == OTR_ERR_MEMORY ? "out of memory"
                                                                     : "a group beyond the number of errors");
}

static bool has_sets_of(const otr_rates *rates, const otr_moments *moments) {
    const otr_detector_sets *const sets = &rates->sets;
    const uint32_t *detectors;
    const size_t *begin;
    otr_moments_sets(moments, &detectors, &begin);
    return otr_moments_set_count(moments) == sets->count &&
           memcmp(begin, sets->begin, (sets->count + 1) * sizeof *begin) == 0 &&
           (sets->count == 0 ||
            memcmp(detectors, sets->detectors, sets->begin[sets->count] * sizeof *detectors) == 0);
}

/* How far factors differ from the scale of `prior` beyond what it and their errors say; it falls with the
 * spread. */
static double excess_of_spread(const pool_estimate *pools, size_t count, factor_prior prior) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = pools[i].factor - prior.scale, drawn = prior.spread * prior.scale;
        sum += difference * difference / (pools[i].variance + drawn * drawn) - 1;
    }
    return sum;
}

/* The mean of factors, each weighed by its error and the spread. */
static double mean_factor(const pool_estimate *pools, size_t count, factor_prior prior) {
    double sum = 0, weights = 0;
    for (size_t i = 0; i < count; i++) {
        const double drawn = prior.spread * prior.scale;
        const double weight = 1 / (pools[i].variance + drawn * drawn);
        sum += weight * pools[i].factor;
        weights += weight;
    }
    return sum > 0 ? sum / weights : prior.scale;
}

/* The spread for which factors differ from the scale as much as it and their errors say (Paule, Mandel, J.
 * Res. Natl. Bur. Stand. 87, 1982), with the scale given, or their weighted mean. */
static factor_prior fit_factor_prior(const pool_estimate *pools, size_t count, double scale, bool is_given) {
    double low = OTR_RATES_SPREAD_FITTED_MIN, high = OTR_RATES_SPREAD_FITTED_MAX;
    if (count < SPREAD_POOLS_MIN) {
        return (factor_prior){scale, high};
    }
    for (int step = 0; step < SPREAD_STEPS; step++) {
        factor_prior middle = {scale, (low + high) / 2};
        double sum;
        if (!is_given) {
            middle.scale = scale = mean_factor(pools, count, middle);
        }
        sum = excess_of_spread(pools, count, middle);
        low = sum > 0 ? middle.spread : low;
        high = sum > 0 ? high : middle.spread;
    }
    return (factor_prior){scale, (low + high) / 2};
}

/* Lists the classes of a pool that are not kept; `prior` returns their sum. */
static uint32_t find_members(otr_rates *rates, uint32_t pool, double *prior) {
    uint32_t count = 0;
    *prior = 0;
    for (uint32_t i = rates->groups.pool_begin[pool]; i < rates->groups.pool_begin[pool + 1]; i++) {
        const uint32_t class = rates->groups.members[i];
        if (!rates->form.is_kept[class]) {
            rates->found[count++] = class;
            *prior += rates->classes.prior[class];
        }
    }
    return count;
}

/* Estimates pools begin .. end - 1, those without an estimate left out, from attenuations learned of larger
 * classes. Errors are those that attenuations `noise` make. */
static otr_status estimate_pools(otr_rates *rates, uint32_t begin, uint32_t end, const double *learned,
                                 const double *noise, double shots, size_t *found) {
    otr_status status = OTR_OK;
    *found = 0;
    for (uint32_t pool = begin; pool < end && status == OTR_OK; pool++) {
        pool_estimate *const estimate = &rates->pools[*found];
        double prior, variance, sum = 0;
        const uint32_t count = find_members(rates, pool, &prior);
        if (count == 0) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            sum += otr_closed_form_estimate(&rates->form, rates->found[i], rates->omegas, learned);
        }
        status = otr_closed_form_variance(&rates->form, rates->found, count, rates->shares, noise, &variance);
        *estimate = (pool_estimate){sum / prior, variance > 0 ? variance / (shots * prior * prior) : 0, pool};
        ++*found;
    }
    return status;
}

/* Notes what the shots alone say of the classes of pools. */
static void note_alone(otr_rates *rates, size_t found) {
    const otr_rate_groups *const groups = &rates->groups;
    for (size_t k = 0; k < found; k++) {
        const pool_estimate estimate = rates->pools[k];
        for (uint32_t i = groups->pool_begin[estimate.pool]; i < groups->pool_begin[estimate.pool + 1]; i++) {
            const uint32_t class = groups->members[i];
            rates->fresh_alone[class] = estimate.factor * rates->classes.prior[class];
            rates->errors_of_alone[class] = sqrt(estimate.variance) * rates->classes.prior[class];
        }
    }
}

/* Pools of as many detectors as pool `begin`. */
static uint32_t end_of_size(const otr_rates *rates, uint32_t begin) {
    const otr_rate_groups *const groups = &rates->groups;
    const size_t size = otr_class_size(&rates->classes, groups->members[groups->pool_begin[begin]]);
    uint32_t end = begin;
    while (end < groups->pool_count &&
           otr_class_size(&rates->classes, groups->members[groups->pool_begin[end]]) == size) {
        end++;
    }
    return end;
}

/* Closed forms of each class for itself, drawn to nothing. */
static void estimate_plainly(otr_rates *rates) {
    double *const plain = rates->plain;
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        const uint32_t class = rates->groups.members[i];
        const double prior = rates->classes.prior[class];
        plain[class] = rates->form.is_kept[class]
                           ? prior
                           : otr_closed_form_estimate(&rates->form, class, rates->omegas, plain);
        rates->shares[class] = 1;
    }
}

/* Turns plain estimates into the noise that errors of estimates are made of. An estimate that happens to be
 * low must not seem surer for it: of those from few events most is taken from the prior, scaled for classes
 * of as many detectors. */
static void smooth(otr_rates *rates, double shots) {
    const double *const prior = rates->classes.prior;
    double *const plain = rates->plain;
    for (uint32_t begin = 0, end; begin < rates->groups.pool_count; begin = end) {
        double sum = 0, of_prior = 0, scale;
        end = end_of_size(rates, begin);
        for (uint32_t i = rates->groups.pool_begin[begin]; i < rates->groups.pool_begin[end]; i++) {
            sum += plain[rates->groups.members[i]];
            of_prior += prior[rates->groups.members[i]];
        }
        scale = sum > rates->options.floor * of_prior ? sum / of_prior : rates->options.floor;
        for (uint32_t i = rates->groups.pool_begin[begin]; i < rates->groups.pool_begin[end]; i++) {
            const uint32_t class = rates->groups.members[i];
            const double expected = scale * prior[class], floor = rates->options.floor * prior[class];
            const double events = shots * expected / 2;
            const double noise = expected + events / (events + SMOOTHING_EVENTS) * (plain[class] - expected);
            plain[class] = noise > floor ? noise : floor;
        }
    }
}

/* Draws a factor to the prior that was fitted to `count` factors, and returns what of it stays. A prior from
 * few factors is unsure itself: they are drawn less, and have larger errors (Morris, J. Am. Stat. Assoc. 78,
 * 47, 1983). */
static double draw(pool_estimate *estimate, size_t count, factor_prior prior, bool is_fitted) {
    const double drawn = prior.spread * prior.scale, others = (double)count - 1;
    const double away = estimate->factor - prior.scale;
    double pull = estimate->variance / (estimate->variance + drawn * drawn), doubt = 0;
    if (is_fitted) {
        pull *= (others - 2) / others;
        doubt = 2 / (others - 2) * pull * pull * away * away;
    }
    estimate->factor -= pull * away;
    estimate->variance = estimate->variance * (1 - pull * others / (others + 1)) + doubt;
    return 1 - pull;
}

/* Draws factors to their prior, and gives them to the classes of their pools. */
static void take_pools(otr_rates *rates, size_t found, factor_prior prior, bool is_fitted) {
    const otr_rate_groups *const groups = &rates->groups;
    const bool is_drawn = !isinf(prior.spread) && (found >= SPREAD_POOLS_MIN || !is_fitted);
    for (size_t k = 0; k < found; k++) {
        pool_estimate estimate = rates->pools[k];
        const double share = is_drawn && estimate.variance > 0 ? draw(&estimate, found, prior, is_fitted) : 1;
        for (uint32_t i = groups->pool_begin[estimate.pool]; i < groups->pool_begin[estimate.pool + 1]; i++) {
            const uint32_t class = groups->members[i];
            rates->shares[class] = share;
            rates->fresh[class] = estimate.factor * rates->classes.prior[class];
            rates->errors_of_fresh[class] = sqrt(estimate.variance) * rates->classes.prior[class];
        }
    }
}

static void keep_all(otr_rates *rates) {
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        rates->fresh[i] = rates->classes.prior[i];
        rates->errors_of_fresh[i] = HUGE_VAL;
    }
}

/* What the groups of a partition have together over what the prior gives them; 1 for those without classes.
 */
static void find_group_factors(otr_rates *rates) {
    const otr_rate_groups *const groups = &rates->groups;
    for (uint32_t i = 0; i < groups->count; i++) {
        rates->fresh_factors[i] = 0;
        rates->group_priors[i] = 0;
    }
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        const uint32_t group = groups->of[groups->begin[i]];
        rates->fresh_factors[group] += rates->fresh[i];
        rates->group_priors[group] += rates->classes.prior[i];
    }
    for (uint32_t i = 0; i < groups->count; i++) {
        rates->fresh_factors[i] =
            rates->group_priors[i] > 0 ? rates->fresh_factors[i] / rates->group_priors[i] : 1;
    }
}

/* All attenuations over those of the prior; 1 if they do not sum to anything. */
static double overall_scale(const otr_rates *rates) {
    double learned = 0, prior = 0;
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        if (!isinf(rates->errors_of_fresh[i])) {
            learned += rates->fresh[i];
            prior += rates->classes.prior[i];
        }
    }
    return learned > 0 && prior > 0 ? learned / prior : 1;
}

/* Larger classes first: what is learned of them is taken off smaller ones. */
static otr_status learn_closed_form(otr_rates *rates, double shots, otr_rates_summary *summary) {
    estimate_plainly(rates);
    smooth(rates, shots);
    keep_all(rates);
    for (uint32_t begin = 0, end; begin < rates->groups.pool_count; begin = end) {
        const uint32_t first = rates->groups.members[rates->groups.pool_begin[begin]];
        const size_t size = otr_class_size(&rates->classes, first);
        const bool is_fitted = rates->options.spread == 0;
        factor_prior prior = {1, rates->options.spread};
        size_t found;
        otr_status status;
        end = end_of_size(rates, begin);
        status = estimate_pools(rates, begin, end, rates->fresh, rates->plain, shots, &found);
        if (status != OTR_OK) {
            return status;
        }
        if (!isinf(prior.spread)) {
            const factor_prior fitted = fit_factor_prior(rates->pools, found, 1, false);
            prior = (factor_prior){fitted.scale, is_fitted ? fitted.spread : prior.spread};
        }
        note_alone(rates, found);
        take_pools(rates, found, prior, is_fitted);
        if (found > 0) {
            summary->spread[size - 1] = prior.spread;
        }
    }
    find_group_factors(rates);
    summary->scale = overall_scale(rates);
    for (size_t i = 0; i < rates->sets.count; i++) {
        summary->moments += !isnan(rates->omegas[i]);
    }
    return OTR_OK;
}

static otr_status learn_regression(otr_rates *rates, double shots, otr_rates_summary *summary) {
    otr_regression *const fit = &rates->fit;
    const double *const prior = rates->classes.prior;
    const uint32_t pools = rates->groups.pool_count;
    double spread = isinf(rates->options.spread) ? OTR_RATES_SPREAD_MAX : rates->options.spread;
    size_t found;
    otr_status status;
    /* Weights depend on the scale, and it on them. */
    for (int i = 0; i < 2; i++) {
        otr_regression_weigh(fit, prior, summary->scale, rates->omegas, shots);
        summary->scale = otr_regression_scale(fit, prior, rates->omegas);
    }
    summary->moments = otr_regression_weigh(fit, prior, summary->scale, rates->omegas, shots);
    estimate_plainly(rates);
    if (spread == 0) {
        for (uint32_t i = 0; i < rates->classes.count; i++) {
            rates->fresh[i] = summary->scale * prior[i];
        }
        status = estimate_pools(rates, 0, pools, rates->plain, rates->fresh, shots, &found);
        if (status != OTR_OK) {
            return status;
        }
        spread = fit_factor_prior(rates->pools, found, summary->scale, true).spread;
    }
    summary->iterations = otr_regression_solve(fit, summary->scale, spread, rates->options.floor,
                                               rates->omegas, rates->fresh, rates->fresh_factors);
    summary->chi_square = otr_regression_chi_square(fit, rates->fresh, rates->omegas);
    status = estimate_pools(rates, 0, pools, rates->plain, rates->fresh, shots, &found);
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        const bool is_seen = otr_class_size(&rates->classes, i) > 0;
        rates->fresh[i] = is_seen ? rates->fresh[i] : prior[i];
        rates->errors_of_fresh[i] = is_seen ? spread * summary->scale * prior[i] : HUGE_VAL;
    }
    note_alone(rates, found);
    for (size_t k = 0; k < found; k++) {
        const double drawn = spread * summary->scale, variance = rates->pools[k].variance;
        const uint32_t pool = rates->pools[k].pool;
        for (uint32_t i = rates->groups.pool_begin[pool]; i < rates->groups.pool_begin[pool + 1]; i++) {
            const uint32_t class = rates->groups.members[i];
            rates->errors_of_fresh[class] =
                sqrt(variance / (variance + drawn * drawn)) * drawn * prior[class];
        }
    }
    for (size_t i = 0; i < OTR_RATES_SUPPORT_MAX; i++) {
        summary->spread[i] = spread;
    }
    return OTR_OK;
}

static otr_status learn(otr_rates *rates, double shots) {
    otr_rates_summary summary = {.shots = shots, .scale = 1};
    otr_status status;
    otr_closed_form_begin(&rates->form, rates->omegas);
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        rates->fresh_alone[i] = rates->classes.prior[i];
        rates->errors_of_alone[i] = HUGE_VAL;
    }
    status = rates->options.method == OTR_RATES_CLOSED_FORM ? learn_closed_form(rates, shots, &summary)
                                                            : learn_regression(rates, shots, &summary);
    if (status == OTR_OK) {
        memcpy(rates->attenuations, rates->fresh, rates->classes.count * sizeof *rates->attenuations);
        memcpy(rates->deviations, rates->errors_of_fresh, rates->classes.count * sizeof *rates->deviations);
        memcpy(rates->alone, rates->fresh_alone, rates->classes.count * sizeof *rates->alone);
        memcpy(rates->alone_deviations, rates->errors_of_alone,
               rates->classes.count * sizeof *rates->alone_deviations);
        memcpy(rates->factors, rates->fresh_factors, rates->groups.count * sizeof *rates->factors);
        rates->summary = summary;
    }
    return status;
}

/* Appends the classes that a class is estimated with: those of its pool that are not kept. */
static uint32_t append_pool(otr_rates *rates, uint32_t class, uint32_t count) {
    const otr_rate_groups *const groups = &rates->groups;
    const uint32_t pool = groups->pool_of[class];
    for (uint32_t i = groups->pool_begin[pool]; i < groups->pool_begin[pool + 1]; i++) {
        if (!rates->form.is_kept[groups->members[i]]) {
            rates->found[count++] = groups->members[i];
        }
    }
    return count;
}

/* Correlation of the closed forms of two classes, by the noise that `fresh` makes. A pool is one estimate. */
static otr_status correlate(otr_rates *rates, uint32_t a, uint32_t b, double *correlation) {
    const uint32_t *const pool_of = rates->groups.pool_of;
    double both, first, second;
    uint32_t middle, end;
    otr_status status;
    *correlation = a == b ? 1 : 0;
    if (a == b || isinf(rates->deviations[a]) || isinf(rates->deviations[b])) {
        return OTR_OK;
    }
    if (pool_of[a] == pool_of[b]) {
        *correlation = 1;
        return OTR_OK;
    }
    middle = append_pool(rates, a, 0);
    end = append_pool(rates, b, middle);
    if (middle == 0 || end == middle) {
        return OTR_OK;
    }
    status = otr_closed_form_variance(&rates->form, rates->found, end, rates->shares, rates->fresh, &both);
    status = status == OTR_OK ? otr_closed_form_variance(&rates->form, rates->found, middle, rates->shares,
                                                         rates->fresh, &first)
                              : status;
    status = status == OTR_OK ? otr_closed_form_variance(&rates->form, rates->found + middle, end - middle,
                                                         rates->shares, rates->fresh, &second)
                              : status;
    if (status == OTR_OK && first > 0 && second > 0) {
        *correlation = (both - first - second) / (2 * sqrt(first * second));
    }
    return status;
}

/* Of a class' attenuation in learned models. */
static double floor_of(const otr_rates *rates, uint32_t class) {
    return rates->options.floor * (rates->summary.scale * rates->classes.prior[class]);
}

/* What a probability of the prior becomes where the attenuation of its class does. */
static double learned_probability(const otr_rates *rates, uint32_t class, double probability) {
    otr_rate rate;
    if (otr_rates_class(rates, class, &rate) != OTR_OK || (rate.flags & OTR_RATE_KEPT) != 0) {
        return probability;
    }
    const double floor = floor_of(rates, class);
    const double learned = rate.attenuation > floor ? rate.attenuation : floor;
    const double own = otr_attenuation_of_odds(probability / (1 - probability));
    return otr_probability_of_attenuation(own * (learned / rate.prior));
}

static otr_status write_model(const otr_rates *rates, otr_model_builder *builder, otr_index_list *symptoms,
                              otr_model_walk *walk) {
    otr_instruction step;
    otr_status status = OTR_OK;
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        double probability = step.argument_count > 0 ? step.arguments[0] : 0;
        if (step.kind == OTR_INSTRUCTION_ERROR && probability > 0) {
            status = otr_list_symptoms(symptoms, step.targets, step.target_count);
            if (status == OTR_OK && symptoms->count > 0) {
                const uint32_t found = otr_error_list_find(&rates->errors, symptoms->items, symptoms->count);
                if (found == UINT32_MAX || !(probability < 0.5)) {
                    return OTR_ERR_ARGUMENT;
                }
                probability = learned_probability(rates, rates->classes.of[found], probability);
            }
            step.arguments = &probability;
        }
        status = status == OTR_OK ? otr_model_builder_append(builder, &step) : status;
    }
    return status;
}
