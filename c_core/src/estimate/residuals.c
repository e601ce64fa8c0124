#include "outrider/residuals.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "estimate/attenuation.h"
#include "estimate/event_table.h"
#include "estimate/incidence.h"
#include "estimate/significance.h"
#include "outrider/significance.h"

typedef struct tested_pair {
    uint32_t first, second;
    bool is_inside, is_significant;
    double expected, attenuation, deviation, z;
} tested_pair;

struct otr_residuals {
    tested_pair *pairs;
    uint64_t pair_count;
    otr_residual_detector *detectors;
    uint32_t detector_count;
    uint64_t capacity; /* of pairs */
    otr_residual_summary summary;
};

/* What a comparison reads. */
typedef struct comparison {
    otr_error_list errors;
    otr_incidence incidence;
    double *odd;      /* set -> shots of odd parity, of effective shots */
    double *expected; /* detector -> rate by the model; errors taken as happened are left out */
    double *rate;     /* detector -> as counted, flipped likewise; negative if it was not counted */
    double shots;
} comparison;

static otr_status prepare(comparison *c, const otr_model *model, const otr_moments *moments,
                          otr_error *error);
static void clean_up(comparison *c);
static otr_status reserve(otr_residuals *residuals, const otr_moments *moments);
static void test_detectors(otr_residuals *residuals, const comparison *c);
static void test_pairs(otr_residuals *residuals, const comparison *c, const otr_moments *moments);
static void find_significant(otr_residuals *residuals);
static void judge(otr_residual_summary *summary);

otr_status otr_residuals_create(otr_residuals **out, const otr_model *model, const otr_moments *moments,
                                double level, otr_error *error) {
    comparison c = {0};
    otr_residuals *residuals;
    otr_status status;
    if (out == NULL || model == NULL || moments == NULL || !(level > 0 && level < 1) ||
        otr_moments_shots(moments) == 0 ||
        otr_model_detector_count(model) != otr_moments_detector_count(moments)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no shots, a model of other detectors, or a level that is not within 0 and 1");
    }
    residuals = otr_array_zeroed(1, sizeof *residuals);
    status = residuals == NULL ? otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory")
                               : prepare(&c, model, moments, error);
    if (status == OTR_OK && reserve(residuals, moments) != OTR_OK) {
        status = otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    if (status == OTR_OK) {
        residuals->summary.shots = c.shots;
        residuals->summary.level = level;
        test_detectors(residuals, &c);
        test_pairs(residuals, &c, moments);
        find_significant(residuals);
        judge(&residuals->summary);
        *out = residuals;
        residuals = NULL;
    }
    clean_up(&c);
    otr_residuals_destroy(residuals);
    return status;
}

void otr_residuals_destroy(otr_residuals *residuals) {
    if (residuals == NULL) {
        return;
    }
    free(residuals->pairs);
    free(residuals->detectors);
    free(residuals);
}

uint64_t otr_residuals_pair_count(const otr_residuals *residuals) {
    return residuals->pair_count;
}

otr_status otr_residuals_pair(const otr_residuals *residuals, uint64_t index, otr_residual_pair *out) {
    if (index >= residuals->pair_count) {
        return OTR_ERR_INDEX;
    }
    const tested_pair *const pair = &residuals->pairs[index];
    const double excess = pair->attenuation - pair->expected;
    *out = (otr_residual_pair){.first = pair->first,
                               .second = pair->second,
                               .is_inside = pair->is_inside,
                               .is_significant = pair->is_significant,
                               .expected = pair->expected,
                               .attenuation = pair->attenuation,
                               .deviation = pair->deviation,
                               .z = pair->z,
                               .log10_p = otr_normal_log10_p(pair->z),
                               .excess = otr_probability_of_attenuation(excess),
                               .excess_deviation = 0.5 * otr_exponential(-excess) * pair->deviation};
    return OTR_OK;
}

uint32_t otr_residuals_detector_count(const otr_residuals *residuals) {
    return residuals->detector_count;
}

otr_status otr_residuals_detector(const otr_residuals *residuals, uint32_t index,
                                  otr_residual_detector *out) {
    if (index >= residuals->detector_count) {
        return OTR_ERR_INDEX;
    }
    *out = residuals->detectors[index];
    return OTR_OK;
}

otr_residual_summary otr_residuals_summarise(const otr_residuals *residuals) {
    return residuals->summary;
}

size_t otr_residuals_bytes(const otr_residuals *residuals) {
    return sizeof *residuals + residuals->capacity * sizeof *residuals->pairs +
           residuals->detector_count * sizeof *residuals->detectors;
}

static otr_status prepare(comparison *c, const otr_model *model, const otr_moments *moments,
                          otr_error *error) {
    const size_t sets = otr_moments_set_count(moments);
    const uint64_t *const counts = otr_moments_counts(moments);
    const uint32_t detectors = otr_moments_detector_count(moments);
    const uint32_t *members;
    const size_t *begin;
    otr_status status = otr_error_list_init(&c->errors, model, error);
    if (status != OTR_OK) {
        return status;
    }
    status = otr_incidence_init(&c->incidence, c->errors.detector_count, c->errors.begin, c->errors.detectors,
                                c->errors.count);
    c->odd = otr_array_new(sets, sizeof *c->odd);
    c->expected = otr_array_new(detectors, sizeof *c->expected);
    c->rate = otr_array_new(detectors, sizeof *c->rate);
    if (status != OTR_OK || c->odd == NULL || c->expected == NULL || c->rate == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    otr_moments_sets(moments, &members, &begin);
    c->shots = otr_moments_effective_shots(moments);
    for (uint32_t i = 0; i < detectors; i++) {
        double z = 1;
        for (size_t k = c->incidence.begin[i]; k < c->incidence.begin[i + 1]; k++) {
            const double odds = c->errors.odds[c->incidence.errors[k]];
            z *= (1 - odds) / (1 + odds);
        }
        c->expected[i] = (1 - z) / 2;
        c->rate[i] = -1;
    }
    for (size_t i = 0; i < sets; i++) {
        bool is_flipped = false;
        c->odd[i] = (double)counts[i] * (c->shots / (double)otr_moments_shots(moments));
        for (size_t k = begin[i]; k < begin[i + 1]; k++) {
            is_flipped ^= otr_bit_get(c->errors.happened, members[k]);
        }
        c->odd[i] = is_flipped ? c->shots - c->odd[i] : c->odd[i];
        if (begin[i + 1] - begin[i] == 1) {
            c->rate[members[begin[i]]] = c->odd[i] / c->shots;
        }
    }
    return OTR_OK;
}

static void clean_up(comparison *c) {
    otr_incidence_free(&c->incidence);
    otr_error_list_free(&c->errors);
    free(c->odd);
    free(c->expected);
    free(c->rate);
}

static otr_status reserve(otr_residuals *residuals, const otr_moments *moments) {
    const size_t sets = otr_moments_set_count(moments);
    const size_t *begin;
    size_t singles = 0;
    otr_moments_sets(moments, NULL, &begin);
    for (size_t i = 0; i < sets && begin[i + 1] - begin[i] <= 2; i++) {
        singles += begin[i + 1] - begin[i] == 1;
        residuals->capacity += begin[i + 1] - begin[i] == 2;
    }
    residuals->pairs = otr_array_new(residuals->capacity, sizeof *residuals->pairs);
    residuals->detectors = otr_array_new(singles, sizeof *residuals->detectors);
    return residuals->pairs != NULL && residuals->detectors != NULL ? OTR_OK : OTR_ERR_MEMORY;
}

static int compare_detectors(const void *a, const void *b) {
    const otr_residual_detector *const x = a, *const y = b;
    const double u = fabs(x->z), v = fabs(y->z);
    return u != v ? (u < v) - (u > v) : (x->detector > y->detector) - (x->detector < y->detector);
}

static void test_detectors(otr_residuals *residuals, const comparison *c) {
    for (uint32_t i = 0; i < c->errors.detector_count; i++) {
        const double rate = c->rate[i], expected = c->expected[i];
        const bool is_flipped = otr_bit_get(c->errors.happened, i);
        double z;
        if (rate < 0) {
            continue;
        }
        /* Without errors there are no events. */
        z = expected > 0 ? otr_rate_compare(c->shots, rate * c->shots, expected) : rate > 0 ? HUGE_VAL : 0;
        residuals->detectors[residuals->detector_count++] =
            (otr_residual_detector){.detector = i,
                                    .is_constant = !(rate > 0 && rate < 1),
                                    .expected = is_flipped ? 1 - expected : expected,
                                    .rate = is_flipped ? 1 - rate : rate,
                                    .z = is_flipped ? -z : z,
                                    .log10_p = otr_normal_log10_p(z)};
    }
    if (residuals->detector_count > 0) {
        qsort(residuals->detectors, residuals->detector_count, sizeof *residuals->detectors,
              compare_detectors);
    }
}

/* The attenuation of the errors that flip both; whether there is any. */
static bool expect(const comparison *c, uint32_t first, uint32_t second, double *attenuation) {
    const otr_incidence *const incidence = &c->incidence;
    size_t i = incidence->begin[first], k = incidence->begin[second];
    bool is_inside = false;
    *attenuation = 0;
    while (i < incidence->begin[first + 1] && k < incidence->begin[second + 1]) {
        const uint32_t a = incidence->errors[i], b = incidence->errors[k];
        if (a == b) {
            is_inside = true;
            *attenuation += c->errors.odds[a] < 1 ? otr_attenuation_of_odds(c->errors.odds[a]) : HUGE_VAL;
        }
        i += a <= b;
        k += b <= a;
    }
    return is_inside;
}

static bool test_pair(tested_pair *pair, const comparison *c, double odd) {
    const double q1 = c->rate[pair->first], q2 = c->rate[pair->second];
    const double z1 = 1 - 2 * q1, z2 = 1 - 2 * q2, z12 = 1 - 2 * (odd / c->shots);
    const otr_event_table table = {c->shots, q1 * c->shots, q2 * c->shots,
                                   0.5 * ((q1 + q2) * c->shots - odd)};
    double e1 = q1, e2 = q2;
    pair->is_inside = expect(c, pair->first, pair->second, &pair->expected);
    if (!(z1 > 0 && z2 > 0 && z12 > 0) || isinf(pair->expected)) {
        return false;
    }
    if (!otr_table_possible(e1, e2, pair->expected)) {
        /* Detectors that fire too seldom for such an attenuation: it is compared at the rates of the model.
         */
        e1 = c->expected[pair->first];
        e2 = c->expected[pair->second];
        if (!pair->is_inside || !otr_table_possible(e1, e2, pair->expected)) {
            return false;
        }
    }
    pair->attenuation = 0.5 * otr_ln(z12 / (z1 * z2));
    pair->deviation = otr_table_deviation(e1, e2, pair->expected) / sqrt(c->shots);
    pair->z = otr_table_compare(&table, e1, e2, pair->expected).z;
    return true;
}

static int compare_pairs(const void *a, const void *b) {
    const tested_pair *const x = a, *const y = b;
    const double u = fabs(x->z), v = fabs(y->z);
    return u != v                 ? (u < v) - (u > v)
           : x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                  : (x->second > y->second) - (x->second < y->second);
}

/* The power of a pair inside is judged at the rates of the model. Constant detectors are a reason of their
 * own. */
static void count_pair(otr_residual_summary *summary, const tested_pair *pair, const comparison *c) {
    const double e1 = c->expected[pair->first], e2 = c->expected[pair->second];
    double deviation = pair->deviation;
    if (!pair->is_inside) {
        summary->outside++;
        return;
    }
    if (otr_table_possible(e1, e2, pair->expected)) {
        deviation = otr_table_deviation(e1, e2, pair->expected) / sqrt(c->shots);
    }
    const double q1 = c->rate[pair->first], q2 = c->rate[pair->second];
    const bool may_move = q1 > 0 && q1 < 1 && q2 > 0 && q2 < 1;
    const bool is_strong = may_move && pair->expected >= OTR_MISFIT_STRONG_Z * deviation;
    summary->inside++;
    summary->unsure += pair->expected < deviation;
    summary->strong += is_strong;
    summary->missing += is_strong && pair->attenuation < OTR_MISFIT_MISSING_SHARE * pair->expected;
}

static void test_pairs(otr_residuals *residuals, const comparison *c, const otr_moments *moments) {
    const size_t sets = otr_moments_set_count(moments);
    const uint32_t *members;
    const size_t *begin;
    otr_moments_sets(moments, &members, &begin);
    for (size_t i = 0; i < sets && begin[i + 1] - begin[i] <= 2; i++) {
        tested_pair pair = {.first = members[begin[i]]};
        if (begin[i + 1] - begin[i] < 2) {
            continue;
        }
        pair.second = members[begin[i] + 1];
        if (c->rate[pair.first] < 0 || c->rate[pair.second] < 0 || !test_pair(&pair, c, c->odd[i])) {
            residuals->summary.untested++;
            continue;
        }
        count_pair(&residuals->summary, &pair, c);
        residuals->pairs[residuals->pair_count++] = pair;
    }
    if (residuals->pair_count > 0) {
        qsort(residuals->pairs, residuals->pair_count, sizeof *residuals->pairs, compare_pairs);
    }
}

static void find_significant(otr_residuals *residuals) {
    otr_residual_summary *const summary = &residuals->summary;
    otr_holm pairs[2] = {{summary->level, summary->outside}, {summary->level, summary->inside}};
    otr_holm detectors = {summary->level, residuals->detector_count};
    for (uint64_t i = 0; i < residuals->pair_count; i++) {
        tested_pair *const pair = &residuals->pairs[i];
        pair->is_significant = otr_holm_next(&pairs[pair->is_inside], otr_normal_log10_p(pair->z));
        summary->inside_significant += pair->is_significant && pair->is_inside;
        summary->outside_significant += pair->is_significant && !pair->is_inside;
    }
    summary->detectors = residuals->detector_count;
    for (uint32_t i = 0; i < residuals->detector_count; i++) {
        otr_residual_detector *const detector = &residuals->detectors[i];
        const double rate = detector->rate, expected = detector->expected;
        detector->is_significant = otr_holm_next(&detectors, detector->log10_p);
        detector->is_constant &= detector->is_significant;
        summary->detectors_significant += detector->is_significant;
        summary->constant += detector->is_constant;
        summary->near_half += rate >= OTR_MISFIT_HALF_MIN && rate <= OTR_MISFIT_HALF_MAX &&
                              expected < OTR_MISFIT_HALF_EXPECTED_MAX;
        summary->other_rates += detector->is_significant && (rate > OTR_MISFIT_RATE_FACTOR * expected ||
                                                             OTR_MISFIT_RATE_FACTOR * rate < expected);
    }
}

static bool are_most(uint64_t count, uint64_t all) {
    return (double)count > OTR_MISFIT_MOST * (double)all;
}

static void judge(otr_residual_summary *summary) {
    const bool has_strong = summary->strong >= OTR_MISFIT_STRONG_MIN;
    const double allowed = OTR_MISFIT_MISSING_MOST * (double)summary->strong;
    summary->misfit = (are_most(summary->unsure, summary->inside) ? OTR_MISFIT_FEW_SHOTS : 0) |
                      (summary->constant > 0 ? OTR_MISFIT_CONSTANT : 0) |
                      (are_most(summary->near_half, summary->detectors) ? OTR_MISFIT_HALF : 0) |
                      (are_most(summary->other_rates, summary->detectors) ? OTR_MISFIT_RATES : 0) |
                      (has_strong && (double)summary->missing > allowed ? OTR_MISFIT_PAIRS : 0);
}
