#include "outrider/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "estimate/attenuation.h"
#include "estimate/closed_form.h"
#include "estimate/regression.h"
#include "model/model_builder.h"
#include "model/symptoms.h"

/* Halvings of the interval that a fitted spread lies in. */
#define SPREAD_STEPS 40

struct otr_rates {
    otr_rates_options options;
    otr_error_list errors;
    otr_error_classes classes;
    otr_detector_sets sets;
    otr_closed_form form;
    otr_regression fit;
    otr_rates_summary summary;
    double *means, *omegas;
    double *attenuations, *deviations; /* of classes */
    double *estimates, *scaled;        /* scratch: in closed form; of the scaled prior */
    double *fresh;                     /* scratch: deviations of a fit that may still fail */
};

static otr_status check(const otr_model *prior, const otr_moments *moments, const otr_rates_options *options,
                        otr_error *error);
static otr_status fill(otr_rates *rates, const otr_model *prior, const otr_moments *moments,
                       otr_error *error);
static bool has_sets_of(const otr_rates *rates, const otr_moments *moments);
static otr_status learn(otr_rates *rates, double shots);
static double floor_of(const otr_rates *rates, uint32_t class);
static otr_status write_model(const otr_rates *rates, otr_model_builder *builder, otr_index_list *symptoms,
                              otr_model_walk *walk);

otr_rates_options otr_rates_options_default(void) {
    return (otr_rates_options){.method = OTR_RATES_REGRESSION, .floor = 0.05};
}

otr_status otr_rates_create(otr_rates **out, const otr_model *prior, const otr_moments *moments,
                            const otr_rates_options *options, otr_error *error) {
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
    status = fill(rates, prior, moments, error);
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
    otr_error_classes_free(&rates->classes);
    otr_error_list_free(&rates->errors);
    otr_detector_sets_free(&rates->sets);
    free(rates->means);
    free(rates->omegas);
    free(rates->attenuations);
    free(rates->deviations);
    free(rates->estimates);
    free(rates->scaled);
    free(rates->fresh);
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
                      .deviation = rates->deviations[index]};
    out->flags = is_kept ? OTR_RATE_KEPT
                         : (attenuation > 0 ? 0 : OTR_RATE_NOT_POSITIVE) |
                               (attenuation > floor_of(rates, index) ? 0 : OTR_RATE_FLOORED);
    return OTR_OK;
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
           (size_t)classes->count * 5 * sizeof *rates->scaled;
}

static otr_status check(const otr_model *prior, const otr_moments *moments, const otr_rates_options *options,
                        otr_error *error) {
    if (prior == NULL || moments == NULL ||
        otr_model_detector_count(prior) != otr_moments_detector_count(moments)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model, or moments of other detectors");
    }
    if ((options->method != OTR_RATES_CLOSED_FORM && options->method != OTR_RATES_REGRESSION) ||
        !(options->floor >= 0 && options->floor <= 1) ||
        !(options->spread >= 0 && options->spread <= OTR_RATES_SPREAD_MAX)) {
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

static otr_status make_parts(otr_rates *rates, const otr_moments *moments) {
    otr_status status = copy_sets(rates, moments);
    status = status == OTR_OK ? otr_error_classes_init(&rates->classes, &rates->errors) : status;
    status = status == OTR_OK ? otr_closed_form_init(&rates->form, &rates->classes, &rates->sets,
                                                     rates->errors.detector_count)
                              : status;
    if (status == OTR_OK && rates->options.method == OTR_RATES_REGRESSION) {
        status = otr_regression_init(&rates->fit, &rates->classes, &rates->sets, &rates->form.incidence);
    }
    if (status != OTR_OK) {
        return status;
    }
    const uint32_t count = rates->classes.count;
    rates->means = otr_array_new(rates->sets.count, sizeof *rates->means);
    rates->omegas = otr_array_new(rates->sets.count, sizeof *rates->omegas);
    rates->attenuations = otr_array_new(count, sizeof *rates->attenuations);
    rates->deviations = otr_array_new(count, sizeof *rates->deviations);
    rates->estimates = otr_array_new(count, sizeof *rates->estimates);
    rates->scaled = otr_array_new(count, sizeof *rates->scaled);
    rates->fresh = otr_array_new(count, sizeof *rates->fresh);
    if (rates->means == NULL || rates->omegas == NULL || rates->attenuations == NULL ||
        rates->deviations == NULL || rates->estimates == NULL || rates->scaled == NULL ||
        rates->fresh == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        rates->attenuations[i] = rates->classes.prior[i];
        rates->deviations[i] = HUGE_VAL;
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

static otr_status fill(otr_rates *rates, const otr_model *prior, const otr_moments *moments,
                       otr_error *error) {
    otr_status status = otr_error_list_init(&rates->errors, prior, error);
    if (status != OTR_OK) {
        return status;
    }
    status = find_likely_errors(prior, error);
    if (status != OTR_OK) {
        return status;
    }
    status = make_parts(rates, moments);
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "out of memory");
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

/* The spread for which estimates differ from the scaled prior as much as it and their errors say (Paule,
 * Mandel, J. Res. Natl. Bur. Stand. 87, 1982). */
static double fit_spread(const otr_rates *rates, const double *deviations) {
    double low = OTR_RATES_SPREAD_FITTED_MIN, high = OTR_RATES_SPREAD_FITTED_MAX;
    for (int step = 0; step < SPREAD_STEPS; step++) {
        const double middle = (low + high) / 2;
        double sum = 0;
        for (uint32_t i = 0; i < rates->classes.count; i++) {
            if (!rates->form.is_kept[i]) {
                const double difference = rates->estimates[i] / rates->scaled[i] - 1;
                const double relative = deviations[i] / rates->scaled[i];
                sum += difference * difference / (relative * relative + middle * middle) - 1;
            }
        }
        low = sum > 0 ? middle : low;
        high = sum > 0 ? high : middle;
    }
    return (low + high) / 2;
}

static otr_status learn_closed_form(otr_rates *rates, double shots) {
    otr_status status;
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        const double floor = rates->options.floor * rates->classes.prior[i];
        rates->scaled[i] = rates->estimates[i] > floor ? rates->estimates[i] : floor;
    }
    status = otr_closed_form_deviations(&rates->form, rates->scaled, shots, rates->fresh);
    if (status == OTR_OK) {
        memcpy(rates->attenuations, rates->estimates, rates->classes.count * sizeof *rates->attenuations);
        memcpy(rates->deviations, rates->fresh, rates->classes.count * sizeof *rates->deviations);
        rates->summary = (otr_rates_summary){.shots = shots, .scale = 1};
        for (size_t i = 0; i < rates->sets.count; i++) {
            rates->summary.moments += !isnan(rates->omegas[i]);
        }
    }
    return status;
}

static otr_status learn_regression(otr_rates *rates, double shots) {
    otr_regression *const fit = &rates->fit;
    otr_rates_summary summary = {.shots = shots, .scale = 1, .spread = rates->options.spread};
    otr_status status;
    /* Weights depend on the scale, and it on them. */
    for (int i = 0; i < 2; i++) {
        otr_regression_weigh(fit, rates->classes.prior, summary.scale, rates->omegas, shots);
        summary.scale = otr_regression_scale(fit, rates->classes.prior, rates->omegas);
    }
    summary.moments = otr_regression_weigh(fit, rates->classes.prior, summary.scale, rates->omegas, shots);
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        rates->scaled[i] = summary.scale * rates->classes.prior[i];
    }
    status = otr_closed_form_deviations(&rates->form, rates->scaled, shots, rates->fresh);
    if (status != OTR_OK) {
        return status;
    }
    if (summary.spread == 0) {
        summary.spread = fit_spread(rates, rates->fresh);
    }
    summary.iterations = otr_regression_solve(fit, rates->scaled, summary.spread, rates->options.floor,
                                              rates->omegas, rates->estimates);
    status = otr_closed_form_deviations(&rates->form, rates->estimates, shots, rates->fresh);
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < rates->classes.count; i++) {
        const double closed = rates->fresh[i], drawn = summary.spread * rates->scaled[i];
        const bool is_kept = otr_class_size(&rates->classes, i) == 0;
        rates->attenuations[i] = is_kept ? rates->classes.prior[i] : rates->estimates[i];
        rates->deviations[i] = is_kept         ? HUGE_VAL
                               : isinf(closed) ? drawn
                                               : closed * drawn / sqrt(closed * closed + drawn * drawn);
    }
    summary.chi_square = otr_regression_chi_square(fit, rates->attenuations, rates->omegas);
    rates->summary = summary;
    return OTR_OK;
}

static otr_status learn(otr_rates *rates, double shots) {
    const otr_status status = otr_closed_form_estimate(&rates->form, rates->omegas, rates->estimates);
    if (status != OTR_OK) {
        return status;
    }
    return rates->options.method == OTR_RATES_CLOSED_FORM ? learn_closed_form(rates, shots)
                                                          : learn_regression(rates, shots);
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
