/* Independent errors of probabilities q multiply the channel's Pauli eigenvalues by 1 - 2q each; comparing
 * eigenvalues gives the conversions. For one qubit the eigenvalue of X is 1 - 2y - 2z = (1 - 2qy)(1 - 2qz),
 * and so on, so that (1 - 2qx)^2 is the product of the eigenvalues of Y and Z divided by that of X. */
#include "code/noise.h"

#include "common/error.h"

#include <math.h>

/* Above this a one-qubit depolarisation is stronger than complete mixing. */
#define DEPOLARIZE1_MAX 0.75
/* Slack of a sum of probabilities that should not exceed 1. */
#define SUM_TOLERANCE 1e-9
/* Newton steps for a channel that the closed form misses by rounding, and the error at which they end. */
#define NEWTON_STEPS_MAX 50
#define NEWTON_TOLERANCE 1e-14
/* 2^27 + 1: times this, a number falls apart into halves whose products are exact. */
#define SPLIT 134217729.0

typedef struct named_value {
    const char *name;
    double value;
    double max;
} named_value;

static otr_status check_values(const named_value *values, size_t count, otr_error *error);
static otr_status check_channel(const char *name, const double *values, size_t count, otr_error *error);
static double eighth_root(double x);
static double square_rest(double x, double square);
static bool solve_closed_form(const double disjoint[3], double independent[3]);
static bool solve_newton(const double disjoint[3], double independent[3]);

otr_noise_paper otr_noise_paper_uniform(double p) {
    const double flip = 2 * p / 3;
    /* Two depolarising steps in one: while the ancillas are measured, and while they are reset. */
    const double idle_spam = 2 * p / 3 - 4 * p * p / 9;
    otr_noise_paper noise = {.prep_x = flip, .prep_z = flip, .meas_x = flip, .meas_z = flip};
    for (int i = 0; i < 3; i++) {
        noise.idle_cnot[i] = p / 3;
        noise.idle_spam[i] = idle_spam;
    }
    for (int i = 0; i < 15; i++) {
        noise.cnot[i] = p / 15;
    }
    return noise;
}

otr_status otr_noise_stim_check(const otr_noise_stim *noise, otr_error *error) {
    const named_value values[] = {
        {"after_clifford_depolarization", noise->after_clifford_depolarization, DEPOLARIZE1_MAX},
        {"before_round_data_depolarization", noise->before_round_data_depolarization, DEPOLARIZE1_MAX},
        {"before_measure_flip_probability", noise->before_measure_flip_probability, 1},
        {"after_reset_flip_probability", noise->after_reset_flip_probability, 1},
    };
    return check_values(values, sizeof values / sizeof *values, error);
}

otr_status otr_noise_paper_check(const otr_noise_paper *noise, otr_error *error) {
    const named_value values[] = {
        {"prep_x", noise->prep_x, 1},
        {"prep_z", noise->prep_z, 1},
        {"meas_x", noise->meas_x, 1},
        {"meas_z", noise->meas_z, 1},
    };
    otr_status status = check_values(values, sizeof values / sizeof *values, error);
    if (status == OTR_OK) {
        status = check_channel("idle_cnot", noise->idle_cnot, 3, error);
    }
    if (status == OTR_OK) {
        status = check_channel("idle_spam", noise->idle_spam, 3, error);
    }
    if (status == OTR_OK) {
        status = check_channel("cnot", noise->cnot, 15, error);
    }
    return status;
}

double otr_depolarize1_independent(double p) {
    return 0.5 - 0.5 * sqrt(1 - 4 * p / 3);
}

double otr_depolarize2_independent(double p) {
    return 0.5 - 0.5 * eighth_root(1 - 16 * p / 15);
}

bool otr_pauli1_independent(const double disjoint[3], double independent[3]) {
    const double identity = fmax(0, 1 - disjoint[0] - disjoint[1] - disjoint[2]);
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        if (identity < disjoint[i]) {
            /* Exchange the roles of the identity and this Pauli, and of the two others. */
            double exchanged[3];
            exchanged[i] = identity;
            exchanged[j] = disjoint[k];
            exchanged[k] = disjoint[j];
            if (!otr_pauli1_independent(exchanged, independent)) {
                return false;
            }
            independent[i] = 1 - independent[i];
            return true;
        }
    }
    return solve_closed_form(disjoint, independent) || solve_newton(disjoint, independent);
}

/* For 0 < x <= 1, to 0.500001 units in the last place, by operations that IEEE 754 fixes: equal noise is an
 * equal model on every machine, which no library's pow() promises. Square roots leave a unit in the last
 * place, and a step of Newton's method on y^8 = x removes it, with y^8 as a sum of two numbers. */
static double eighth_root(double x) {
    const double y = sqrt(sqrt(sqrt(x)));
    double power = y, rest = 0;
    for (int doubling = 0; doubling < 3; doubling++) {
        const double square = power * power;
        rest = square_rest(power, square) + 2 * power * rest;
        power = square;
    }
    return y + (x - power - rest) * y / (8 * x);
}

/* x^2 - square exactly, if `square` is x * x (Dekker 1971). */
static double square_rest(double x, double square) {
    const double high = SPLIT * x - (SPLIT * x - x);
    const double low = x - high;
    return high * high - square + 2 * high * low + low * low;
}

static bool solve_closed_form(const double disjoint[3], double independent[3]) {
    double root[3];
    for (int i = 0; i < 3; i++) {
        const double eigenvalue = 1 - 2 * disjoint[(i + 1) % 3] - 2 * disjoint[(i + 2) % 3];
        if (eigenvalue <= 0) {
            return false;
        }
        root[i] = sqrt(eigenvalue);
    }
    for (int i = 0; i < 3; i++) {
        independent[i] = 0.5 - 0.5 * root[(i + 1) % 3] * root[(i + 2) % 3] / root[i];
        if (independent[i] < 0) {
            return false;
        }
    }
    return true;
}

static bool solve_newton(const double disjoint[3], double independent[3]) {
    double q[3] = {disjoint[0], disjoint[1], disjoint[2]};
    for (int step = 0; step < NEWTON_STEPS_MAX; step++) {
        double excess[3], slope[3], error = 0;
        for (int i = 0; i < 3; i++) {
            const double neither = (1 - q[(i + 1) % 3]) * (1 - q[(i + 2) % 3]);
            const double both = q[(i + 1) % 3] * q[(i + 2) % 3];
            excess[i] = q[i] * neither + (1 - q[i]) * both - disjoint[i];
            slope[i] = neither - both;
            error += fabs(excess[i]);
        }
        if (error < NEWTON_TOLERANCE) {
            for (int i = 0; i < 3; i++) {
                independent[i] = q[i];
            }
            return true;
        }
        for (int i = 0; i < 3; i++) {
            q[i] = fmax(0, q[i] - excess[i] / slope[i]);
        }
    }
    return false;
}

static otr_status check_values(const named_value *values, size_t count, otr_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (!(values[i].value >= 0 && values[i].value <= values[i].max)) {
            return otr_error_set(error, OTR_ERR_PROBABILITY, 0, 0, "%s is %g, not between 0 and %g",
                                 values[i].name, values[i].value, values[i].max);
        }
    }
    return OTR_OK;
}

static otr_status check_channel(const char *name, const double *values, size_t count, otr_error *error) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= 0 && values[i] <= 1)) {
            return otr_error_set(error, OTR_ERR_PROBABILITY, 0, 0, "%s[%zu] is %g, not between 0 and 1", name,
                                 i, values[i]);
        }
        sum += values[i];
    }
    if (sum > 1 + SUM_TOLERANCE) {
        return otr_error_set(error, OTR_ERR_PROBABILITY, 0, 0, "the %s probabilities sum to %g, more than 1",
                             name, sum);
    }
    return OTR_OK;
}
