#include "estimate/regression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "estimate/attenuation.h"
#include "outrider/rates.h"

/* Means closer to 0 than so many standard errors have no useful logarithm. */
#define MEAN_ERRORS_MIN 3.0
/* The gradient is this small when the fit ends, in units of the first one. */
#define GRADIENT_END 1e-10
/* Steps that estimate the largest eigenvalue. */
#define POWER_STEPS 12

static bool is_inside(const otr_error_classes *classes, const otr_incidence *incidence, const uint32_t *set,
                      size_t size);
static otr_status fill_rows(otr_regression *fit, const otr_detector_sets *sets, otr_incidence *incidence);
static void scale_variables(otr_regression *fit, double scale, double spread, double floor);
static void fill_target(otr_regression *fit, const double *omegas);
static void apply(otr_regression *fit, const double *x, double *result);
static double largest_eigenvalue(otr_regression *fit);
static void minimise(otr_regression *fit, double step, uint32_t *iterations);

otr_status otr_regression_init(otr_regression *fit, const otr_error_classes *classes,
                               const otr_rate_groups *groups, const otr_detector_sets *sets,
                               otr_incidence *incidence) {
    double **const vectors[] = {&fit->factors,  &fit->ridge,     &fit->lower,   &fit->x,
                                &fit->gradient, &fit->direction, &fit->product, &fit->target};
    *fit = (otr_regression){.groups = groups, .class_count = classes->count, .variable_count = groups->count};
    fit->values = otr_array_zeroed(classes->count, sizeof *fit->values);
    fit->pulls = otr_array_zeroed(classes->count, sizeof *fit->pulls);
    fit->sets = otr_array_new(sets->count, sizeof *fit->sets);
    fit->begin = otr_array_zeroed(sets->count + 1, sizeof *fit->begin);
    fit->weights = otr_array_zeroed(sets->count, sizeof *fit->weights);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        *vectors[i] = otr_array_zeroed(groups->count, sizeof **vectors[i]);
        if (*vectors[i] == NULL) {
            return OTR_ERR_MEMORY;
        }
    }
    if (fit->sets == NULL || fit->begin == NULL || fit->weights == NULL || fit->values == NULL ||
        fit->pulls == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < sets->count; i++) {
        const size_t size = sets->begin[i + 1] - sets->begin[i];
        if (is_inside(classes, incidence, sets->detectors + sets->begin[i], size)) {
            fit->sets[fit->row_count++] = (uint32_t)i;
        }
    }
    return fill_rows(fit, sets, incidence);
}

void otr_regression_free(otr_regression *fit) {
    free(fit->begin);
    free(fit->items);
    free(fit->sets);
    free(fit->weights);
    free(fit->values);
    free(fit->pulls);
    free(fit->factors);
    free(fit->ridge);
    free(fit->lower);
    free(fit->x);
    free(fit->gradient);
    free(fit->direction);
    free(fit->product);
    free(fit->target);
    *fit = (otr_regression){0};
}

size_t otr_regression_bytes(const otr_regression *fit) {
    return fit->row_count * (sizeof *fit->begin + sizeof *fit->sets + sizeof *fit->weights) +
           (fit->begin != NULL ? fit->begin[fit->row_count] * sizeof *fit->items : 0) +
           (size_t)fit->class_count * 2 * sizeof *fit->values +
           (size_t)fit->variable_count * 8 * sizeof *fit->x;
}

size_t otr_regression_weigh(otr_regression *fit, const double *prior, double scale, const double *omegas,
                            double shots) {
    const double omega_max = -otr_ln(MEAN_ERRORS_MIN / sqrt(shots > 100 ? shots : 100));
    size_t used = 0;
    for (size_t row = 0; row < fit->row_count; row++) {
        const double omega = omegas[fit->sets[row]];
        double expected = 0;
        for (size_t i = fit->begin[row]; i < fit->begin[row + 1]; i++) {
            expected += prior[fit->items[i]];
        }
        expected *= scale;
        fit->weights[row] = 0;
        if (expected > 0 && expected < omega_max && omega < omega_max) {
            fit->weights[row] = shots / otr_exponential_less_one(2 * expected);
            used++;
        }
    }
    return used;
}

double otr_regression_scale(const otr_regression *fit, const double *prior, const double *omegas) {
    double found = 0, expected = 0;
    for (size_t row = 0; row < fit->row_count; row++) {
        double sum = 0;
        if (fit->weights[row] > 0) {
            for (size_t i = fit->begin[row]; i < fit->begin[row + 1]; i++) {
                sum += prior[fit->items[i]];
            }
            found += fit->weights[row] * sum * omegas[fit->sets[row]];
            expected += fit->weights[row] * sum * sum;
        }
    }
    return found > 0 && expected > 0 ? found / expected : 1;
}

uint32_t otr_regression_solve(otr_regression *fit, double scale, double spread, double floor,
                              const double *omegas, double *attenuations, double *factors) {
    const otr_rate_groups *const groups = fit->groups;
    uint32_t iterations = 0;
    scale_variables(fit, scale, spread, floor);
    fill_target(fit, omegas);
    minimise(fit, 1 / largest_eigenvalue(fit), &iterations);
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        factors[i] = fit->x[i] > fit->lower[i] ? fit->x[i] * fit->factors[i] : floor * scale;
    }
    for (uint32_t i = 0; i < fit->class_count; i++) {
        attenuations[i] = 0;
        for (size_t k = groups->begin[i]; k < groups->begin[i + 1]; k++) {
            attenuations[i] += groups->amounts[k] * factors[groups->of[k]];
        }
    }
    return iterations;
}

double otr_regression_chi_square(const otr_regression *fit, const double *attenuations,
                                 const double *omegas) {
    double sum = 0;
    size_t used = 0;
    for (size_t row = 0; row < fit->row_count; row++) {
        double rest;
        if (fit->weights[row] > 0) {
            rest = omegas[fit->sets[row]];
            for (size_t i = fit->begin[row]; i < fit->begin[row + 1]; i++) {
                rest -= attenuations[fit->items[i]];
            }
            sum += fit->weights[row] * rest * rest;
            used++;
        }
    }
    return used > 0 ? sum / (double)used : 0;
}

/* Whether some class flips all of a set. */
static bool is_inside(const otr_error_classes *classes, const otr_incidence *incidence, const uint32_t *set,
                      size_t size) {
    for (size_t k = incidence->begin[set[0]]; k < incidence->begin[set[0] + 1]; k++) {
        const uint32_t class = incidence->errors[k];
        size_t found = 0;
        for (size_t i = classes->begin[class]; i < classes->begin[class + 1] && found < size; i++) {
            found += classes->detectors[i] == set[found];
        }
        if (found == size) {
            return true;
        }
    }
    return false;
}

static otr_status fill_rows(otr_regression *fit, const otr_detector_sets *sets, otr_incidence *incidence) {
    for (int pass = 0; pass < 2; pass++) {
        for (size_t row = 0; row < fit->row_count; row++) {
            const size_t begin = sets->begin[fit->sets[row]];
            const size_t size = sets->begin[fit->sets[row] + 1] - begin;
            const size_t count = otr_incidence_of(incidence, sets->detectors + begin, size);
            fit->begin[row + 1] = fit->begin[row] + count;
            if (pass == 1) {
                memcpy(fit->items + fit->begin[row], incidence->row, count * sizeof *fit->items);
            }
        }
        if (pass == 0) {
            fit->items = otr_array_new(fit->begin[fit->row_count], sizeof *fit->items);
            if (fit->items == NULL) {
                return OTR_ERR_MEMORY;
            }
        }
    }
    return OTR_OK;
}

/* Adds to the diagonal of the quadratic form what a row gives, the sums of its groups' amounts being
 * squared; those sums, in `sums`, are 0 again after that. */
static void add_diagonal(const otr_regression *fit, size_t row, double *sums, double *diagonal) {
    const otr_rate_groups *const groups = fit->groups;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = fit->begin[row]; i < fit->begin[row + 1]; i++) {
            const uint32_t class = fit->items[i];
            for (size_t k = groups->begin[class]; k < groups->begin[class + 1]; k++) {
                const uint32_t group = groups->of[k];
                if (pass == 0) {
                    sums[group] += groups->amounts[k];
                } else {
                    diagonal[group] += fit->weights[row] * sums[group] * sums[group];
                    sums[group] = 0;
                }
            }
        }
    }
}

/* The diagonal of the quadratic form in z goes into the scale of x = z sqrt(diagonal). */
static void scale_variables(otr_regression *fit, double scale, double spread, double floor) {
    double *const diagonal = fit->product, *const sums = fit->target;
    const double tie = 1 / (spread * spread);
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        diagonal[i] = 0;
        sums[i] = 0;
    }
    for (size_t row = 0; row < fit->row_count; row++) {
        if (fit->weights[row] > 0) {
            add_diagonal(fit, row, sums, diagonal);
        }
    }
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        const double square = diagonal[i] * scale * scale + tie;
        const double root = sqrt(square);
        fit->factors[i] = scale / root;
        fit->ridge[i] = tie / square;
        fit->lower[i] = floor * root;
        fit->x[i] = root;
    }
}

/* Variables in the place of their groups: fills in the classes' attenuations. */
static void spread_over_classes(const otr_regression *fit, const double *x) {
    const otr_rate_groups *const groups = fit->groups;
    for (uint32_t i = 0; i < fit->class_count; i++) {
        double sum = 0;
        for (size_t k = groups->begin[i]; k < groups->begin[i + 1]; k++) {
            sum += groups->amounts[k] * (fit->factors[groups->of[k]] * x[groups->of[k]]);
        }
        fit->values[i] = sum;
    }
}

/* The transposed of that: adds what pulls at the classes to what pulls at the variables. */
static void gather_over_groups(const otr_regression *fit, const double *pulls, double *result) {
    const otr_rate_groups *const groups = fit->groups;
    for (uint32_t i = 0; i < fit->class_count; i++) {
        for (size_t k = groups->begin[i]; k < groups->begin[i + 1]; k++) {
            const uint32_t group = groups->of[k];
            result[group] += groups->amounts[k] * fit->factors[group] * pulls[i];
        }
    }
}

/* The linear part: weights times omegas, and the prior, where x is at the start. */
static void fill_target(otr_regression *fit, const double *omegas) {
    for (uint32_t i = 0; i < fit->class_count; i++) {
        fit->values[i] = 0;
    }
    for (size_t row = 0; row < fit->row_count; row++) {
        const double weighted = fit->weights[row] > 0 ? fit->weights[row] * omegas[fit->sets[row]] : 0;
        for (size_t i = fit->begin[row]; i < fit->begin[row + 1]; i++) {
            fit->values[fit->items[i]] += weighted;
        }
    }
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        fit->target[i] = fit->ridge[i] * fit->x[i];
    }
    gather_over_groups(fit, fit->values, fit->target);
}

static void apply(otr_regression *fit, const double *x, double *result) {
    double *const values = fit->values, *const pulls = fit->pulls;
    spread_over_classes(fit, x);
    for (uint32_t i = 0; i < fit->class_count; i++) {
        pulls[i] = 0;
    }
    for (size_t row = 0; row < fit->row_count; row++) {
        double sum = 0;
        if (fit->weights[row] > 0) {
            for (size_t i = fit->begin[row]; i < fit->begin[row + 1]; i++) {
                sum += values[fit->items[i]];
            }
            sum *= fit->weights[row];
            for (size_t i = fit->begin[row]; i < fit->begin[row + 1]; i++) {
                pulls[fit->items[i]] += sum;
            }
        }
    }
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        result[i] = fit->ridge[i] * x[i];
    }
    gather_over_groups(fit, pulls, result);
}

static double inner(const double *a, const double *b, uint32_t count) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* From below, but nearly: all entries of the quadratic form are positive, and so are those of its first
 * eigenvector. */
static double largest_eigenvalue(otr_regression *fit) {
    double *const v = fit->direction;
    double value = 1;
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        v[i] = 1;
    }
    for (int step = 0; step < POWER_STEPS; step++) {
        const double before = inner(v, v, fit->variable_count);
        double after;
        apply(fit, v, fit->product);
        after = sqrt(inner(fit->product, fit->product, fit->variable_count));
        value = before > 0 ? after / sqrt(before) : 1;
        for (uint32_t i = 0; i < fit->variable_count && after > 0; i++) {
            v[i] = fit->product[i] / after;
        }
    }
    return value;
}

/* The gradient of a group that is not bound; 0 for others. */
static double free_part(const otr_regression *fit, uint32_t i) {
    return fit->x[i] > fit->lower[i] ? fit->gradient[i] : 0;
}

/* The gradient of a bound group if it would leave its bound; 0 for others. */
static double chopped_part(const otr_regression *fit, uint32_t i) {
    return fit->x[i] > fit->lower[i] || fit->gradient[i] >= 0 ? 0 : fit->gradient[i];
}

static void take_gradient(otr_regression *fit) {
    apply(fit, fit->x, fit->gradient);
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        fit->gradient[i] -= fit->target[i];
    }
}

static void take_free_direction(otr_regression *fit) {
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        fit->direction[i] = free_part(fit, i);
    }
}

/* One step along `direction`; where it meets a bound, one along the free gradient, cut at the bounds,
 * follows. */
static void step_within(otr_regression *fit, double step) {
    double curvature, wanted, feasible = HUGE_VAL;
    apply(fit, fit->direction, fit->product);
    curvature = inner(fit->direction, fit->product, fit->variable_count);
    wanted = inner(fit->gradient, fit->direction, fit->variable_count) / curvature;
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        if (fit->direction[i] > 0) {
            const double room = (fit->x[i] - fit->lower[i]) / fit->direction[i];
            feasible = room < feasible ? room : feasible;
        }
    }
    const double taken = wanted < feasible ? wanted : feasible;
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        const double x = fit->x[i] - taken * fit->direction[i];
        fit->x[i] = x > fit->lower[i] ? x : fit->lower[i];
        fit->gradient[i] -= taken * fit->product[i];
    }
    if (wanted <= feasible) {
        double mixed = 0;
        for (uint32_t i = 0; i < fit->variable_count; i++) {
            mixed += free_part(fit, i) * fit->product[i];
        }
        for (uint32_t i = 0; i < fit->variable_count; i++) {
            fit->direction[i] = free_part(fit, i) - mixed / curvature * fit->direction[i];
        }
        return;
    }
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        const double x = fit->x[i] - step * free_part(fit, i);
        fit->x[i] = x > fit->lower[i] ? x : fit->lower[i];
    }
    take_gradient(fit);
    take_free_direction(fit);
}

/* One step that frees bound groupes. */
static void step_off_bounds(otr_regression *fit) {
    double taken;
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        fit->direction[i] = chopped_part(fit, i);
    }
    apply(fit, fit->direction, fit->product);
    taken = inner(fit->gradient, fit->direction, fit->variable_count) /
            inner(fit->direction, fit->product, fit->variable_count);
    for (uint32_t i = 0; i < fit->variable_count; i++) {
        fit->x[i] -= taken * fit->direction[i];
        fit->gradient[i] -= taken * fit->product[i];
    }
    take_free_direction(fit);
}

static void minimise(otr_regression *fit, double step, uint32_t *iterations) {
    const double end = GRADIENT_END * GRADIENT_END * inner(fit->target, fit->target, fit->variable_count);
    take_gradient(fit);
    take_free_direction(fit);
    for (*iterations = 0; *iterations < OTR_RATES_ITERATIONS_MAX; ++*iterations) {
        double chopped = 0, reduced = 0, free_square = 0;
        for (uint32_t i = 0; i < fit->variable_count; i++) {
            const double part = free_part(fit, i), bound = chopped_part(fit, i);
            const double room = (fit->x[i] - fit->lower[i]) / step;
            chopped += bound * bound;
            free_square += part * part;
            reduced += part * (part < room ? part : room);
        }
        if (!(chopped + free_square > end)) {
            break;
        }
        if (chopped <= reduced) {
            step_within(fit, step);
        } else {
            step_off_bounds(fit);
        }
    }
}
