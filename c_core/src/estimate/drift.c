#include "outrider/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "estimate/event_table.h"
#include "estimate/significance.h"
#include "outrider/significance.h"

/* log10 2: two tests of one detector. */
#define LOG10_TWO 0.30102999566398120

/* Sums over blocks of counts c in n shots at time t. */
typedef struct block_sums {
    double count;   /* c */
    double squares; /* c^2 / n */
    double times;   /* c t */
} block_sums;

struct otr_drift {
    uint32_t detector_count;
    block_sums *detectors;
    block_sums events;
    double event_squares; /* sum over shots of their events' squares */
    uint32_t blocks;
    uint64_t shots;
    /* Sums of 1 / n, n^2, n t, n t^2. */
    double inverses, square_shots, times, square_times;
};

/* What the sums say of one count. */
typedef struct stationarity {
    double mean; /* of a shot */
    double chi_square, freedom, spread, trend_z, change, log10_p;
} stationarity;

static bool is_plain(const otr_moments *moments);
static void add_count(block_sums *sums, uint64_t count, double shots, double time);
static bool has_all_single(const otr_moments *moments, uint32_t detector_count);
static otr_drift_detector test_detector(const otr_drift *drift, uint32_t detector);
static int compare_detectors(const void *a, const void *b);
static void test_events(const otr_drift *drift, otr_drift_summary *summary);

otr_status otr_drift_create(otr_drift **out, uint32_t detector_count, otr_error *error) {
    otr_drift *drift;
    if (out == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no place for the drift");
    }
    if (detector_count > OTR_MOMENTS_DETECTORS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "more than %d detectors", OTR_MOMENTS_DETECTORS_MAX);
    }
    drift = otr_array_zeroed(1, sizeof *drift);
    if (drift != NULL) {
        drift->detector_count = detector_count;
        drift->detectors = otr_array_zeroed(detector_count, sizeof *drift->detectors);
    }
    if (drift == NULL || drift->detectors == NULL) {
        otr_drift_destroy(drift);
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    *out = drift;
    return OTR_OK;
}

void otr_drift_destroy(otr_drift *drift) {
    if (drift != NULL) {
        free(drift->detectors);
        free(drift);
    }
}

size_t otr_drift_bytes(const otr_drift *drift) {
    return sizeof *drift + drift->detector_count * sizeof *drift->detectors;
}

otr_status otr_drift_add(otr_drift *drift, const otr_moments *block, const otr_event_sums *events,
                         otr_error *error) {
    if (drift == NULL || block == NULL || events == NULL ||
        otr_moments_detector_count(block) != drift->detector_count || !is_plain(block) ||
        !has_all_single(block, drift->detector_count) || events->shots != otr_moments_shots(block)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no block of shots that do not fade, with a set for each detector");
    }
    if (drift->blocks == OTR_DRIFT_BLOCKS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "more than %d blocks", OTR_DRIFT_BLOCKS_MAX);
    }
    const double shots = (double)events->shots;
    const double time = (double)drift->shots + shots / 2;
    const uint64_t *const counts = otr_moments_counts(block);
    for (uint32_t i = 0; i < drift->detector_count; i++) {
        add_count(&drift->detectors[i], counts[i], shots, time);
    }
    add_count(&drift->events, events->events, shots, time);
    drift->event_squares += (double)events->squares;
    drift->blocks++;
    drift->shots += events->shots;
    drift->inverses += 1 / shots;
    drift->square_shots += shots * shots;
    drift->times += shots * time;
    drift->square_times += shots * (time * time);
    return OTR_OK;
}

otr_status otr_drift_test(const otr_drift *drift, double level, otr_drift_detector *detectors,
                          otr_drift_summary *summary, otr_error *error) {
    if (drift == NULL || summary == NULL || drift->blocks < 2 || !(level > 0 && level < 1)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "fewer than two blocks, or a level that is not within 0 and 1");
    }
    otr_holm holm = {level, drift->detector_count};
    double least = 0;
    *summary = (otr_drift_summary){.blocks = drift->blocks, .shots = drift->shots, .level = level};
    for (uint32_t i = 0; i < drift->detector_count; i++) {
        const otr_drift_detector found = test_detector(drift, i);
        least = found.log10_p < least ? found.log10_p : least;
        if (detectors != NULL) {
            detectors[i] = found;
        }
    }
    test_events(drift, summary);
    if (detectors != NULL && drift->detector_count > 0) {
        qsort(detectors, drift->detector_count, sizeof *detectors, compare_detectors);
        for (uint32_t i = 0; i < drift->detector_count; i++) {
            detectors[i].is_significant = otr_holm_next(&holm, detectors[i].log10_p);
            summary->significant += detectors[i].is_significant;
        }
    }
    summary->has_drift = otr_holm_next(&(otr_holm){level, drift->detector_count}, least) ||
                         otr_holm_next(&(otr_holm){level, 1}, summary->events_log10_p);
    return OTR_OK;
}

otr_status otr_moments_compare(const otr_moments *a, const otr_moments *b, double *z, double *log10_p,
                               otr_error *error) {
    const uint32_t *members[2];
    const size_t *begin[2];
    if (a == NULL || b == NULL || log10_p == NULL || !is_plain(a) || !is_plain(b) ||
        otr_moments_set_count(a) != otr_moments_set_count(b)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no moments, other sets, or no shots that do not fade");
    }
    const size_t sets = otr_moments_set_count(a);
    otr_moments_sets(a, &members[0], &begin[0]);
    otr_moments_sets(b, &members[1], &begin[1]);
    if (memcmp(begin[0], begin[1], (sets + 1) * sizeof *begin[0]) != 0 ||
        (sets > 0 && memcmp(members[0], members[1], begin[0][sets] * sizeof *members[0]) != 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "moments of other sets");
    }
    const double first = (double)otr_moments_shots(a), second = (double)otr_moments_shots(b);
    double largest = 0, least;
    for (size_t i = 0; i < sets; i++) {
        const double of_b = (double)otr_moments_counts(b)[i];
        const double odd = (double)otr_moments_counts(a)[i] + of_b;
        /* Is odd parity independent of being in b? */
        const otr_event_table table = {first + second, odd, second, of_b};
        const double rate = odd / table.shots, share = second / table.shots;
        const double found =
            otr_table_possible(rate, share, 0) ? otr_table_compare(&table, rate, share, 0).z : 0;
        largest = fabs(found) > largest ? fabs(found) : largest;
        if (z != NULL) {
            z[i] = found;
        }
    }
    least = otr_normal_log10_p(largest) + (sets > 0 ? otr_ln((double)sets) / OTR_LN_10 : 0);
    *log10_p = least < 0 ? least : 0;
    return OTR_OK;
}

static bool is_plain(const otr_moments *moments) {
    return otr_moments_shots(moments) > 0 &&
           otr_moments_effective_shots(moments) == (double)otr_moments_shots(moments);
}

static void add_count(block_sums *sums, uint64_t count, double shots, double time) {
    const double c = (double)count;
    sums->count += c;
    sums->squares += c * c / shots;
    sums->times += c * time;
}

/* Sets are ordered by size, then by their detectors: those of one come first. */
static bool has_all_single(const otr_moments *moments, uint32_t detector_count) {
    const size_t *begin;
    otr_moments_sets(moments, NULL, &begin);
    return otr_moments_set_count(moments) >= detector_count && begin[detector_count] == detector_count;
}

/* `variance` of one shot; `excess` of the chi-square's own variance over 2 (blocks - 1), which is 0 for
 * blocks of one length; `is_tested` for the chi-square. */
static stationarity test(const otr_drift *drift, const block_sums *sums, double variance, double excess,
                         bool is_tested) {
    const double shots = (double)drift->shots, freedom = drift->blocks - 1.0;
    const double centre = drift->times / shots;
    const double moment = drift->square_times - drift->times * centre;
    stationarity found = {.mean = sums->count / shots};
    double chi_square_p = 0, trend_p;
    if (!(variance > 0)) {
        return found;
    }
    const double raw = (sums->squares - sums->count * (sums->count / shots)) / variance;
    const double tilted = sums->times - sums->count * centre;
    if (is_tested) {
        /* Scaled so that both mean and variance are those of a chi-square. */
        found.freedom = freedom * (2 * freedom / (2 * freedom + excess));
        found.chi_square = raw > 0 ? raw * (found.freedom / freedom) : 0;
        chi_square_p = otr_chi_square_log10_p(found.chi_square, found.freedom);
    }
    if (raw > freedom) {
        found.spread = sqrt((raw - freedom) * variance / (shots - drift->square_shots / shots));
    }
    found.trend_z = moment > 0 ? tilted / sqrt(variance * moment) : 0;
    found.change = moment > 0 ? tilted / moment * shots : 0;
    trend_p = otr_normal_log10_p(found.trend_z);
    found.log10_p = (chi_square_p < trend_p ? chi_square_p : trend_p) + LOG10_TWO;
    found.log10_p = found.log10_p < 0 ? found.log10_p : 0;
    return found;
}

static otr_drift_detector test_detector(const otr_drift *drift, uint32_t detector) {
    const block_sums *const sums = &drift->detectors[detector];
    const double shots = (double)drift->shots, blocks = drift->blocks;
    const double rate = sums->count / shots, variance = rate * (1 - rate);
    const double rarer = sums->count < shots / 2 ? sums->count : shots - sums->count;
    const double uneven = drift->inverses - blocks * (blocks / shots);
    const stationarity found = test(drift, sums, variance, variance > 0 && uneven > 0 ? uneven / variance : 0,
                                    rarer >= OTR_DRIFT_EXPECTED_MIN * blocks);
    return (otr_drift_detector){.detector = detector,
                                .rate = rate,
                                .chi_square = found.chi_square,
                                .freedom = found.freedom,
                                .spread = found.spread,
                                .trend_z = found.trend_z,
                                .change = found.change,
                                .log10_p = found.log10_p};
}

static int compare_detectors(const void *a, const void *b) {
    const otr_drift_detector *const x = a, *const y = b;
    return x->log10_p != y->log10_p ? (x->log10_p > y->log10_p) - (x->log10_p < y->log10_p)
                                    : (x->detector > y->detector) - (x->detector < y->detector);
}

static void test_events(const otr_drift *drift, otr_drift_summary *summary) {
    const block_sums *const sums = &drift->events;
    const double freedom = (double)drift->shots - drift->blocks;
    const double variance = freedom > 0 ? (drift->event_squares - sums->squares) / freedom : 0;
    const stationarity found = test(drift, sums, variance, 0, true);
    summary->events_chi_square = found.chi_square;
    summary->events_freedom = found.freedom;
    summary->events_trend_z = found.trend_z;
    summary->events_log10_p = found.log10_p;
    summary->events_spread = found.spread;
    summary->events_change = found.change;
}
