/* Times are sorted; the unit is the greatest common divisor of the steps between them, by Euclid's algorithm
 * on numbers that are exact but for a rounding error. */
#include "common/time_axis.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"

/* Coordinates of a detector in space and time. */
#define USUAL_COUNT 3
/* Rounding error of times, as a share of the largest one and at least. */
#define TIME_PRECISION 1e-10
/* A time may lie this far, in rounds, from where its round begins. */
#define ROUND_PRECISION 1e-4

static int compare_times(const void *left, const void *right);
static double longest_unit(const double *sorted, size_t count);
static otr_status find_unit(const double *sorted, size_t count, const otr_time_axis *time, otr_rounds *out,
                            otr_error *error);
static void place_rounds(const double *times, size_t detector_count, uint32_t *of, otr_rounds *out);

otr_time_axis otr_time_axis_default(void) {
    return (otr_time_axis){.axis = OTR_TIME_AXIS_AUTO, .unit = 0, .offset = NAN};
}

otr_status otr_choose_time_axis(const uint32_t *counts, size_t detector_count, const otr_time_axis *time,
                                otr_rounds *out, otr_error *error) {
    size_t least = 0, most = 0;
    if (!(time->unit >= 0 && isfinite(time->unit)) || isinf(time->offset)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a round lasts a finite time above 0");
    }
    for (size_t i = 0; i < detector_count; i++) {
        if (counts[i] == 0) {
            return otr_error_set(
                error, OTR_ERR_FORMAT, 0, 0,
                "detector D%zu has no coordinates (x, y, round), which windows need; decoding "
                "without windows works",
                i);
        }
        least = counts[i] < counts[least] ? i : least;
        most = counts[i] > counts[most] ? i : most;
    }
    if (detector_count == 0) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "there are no detectors, so no rounds");
    }
    out->axis = time->axis != OTR_TIME_AXIS_AUTO ? time->axis
                : counts[least] >= USUAL_COUNT   ? USUAL_COUNT - 1
                                                 : counts[least] - 1;
    if (counts[least] <= out->axis) {
        return otr_error_set(
            error, OTR_ERR_FORMAT, 0, 0,
            "detector D%zu has no coordinate %u, which is said to be time; coordinates count "
            "from 0",
            least, out->axis);
    }
    if (time->axis == OTR_TIME_AXIS_AUTO && counts[least] < USUAL_COUNT && counts[least] != counts[most]) {
        return otr_error_set(
            error, OTR_ERR_FORMAT, 0, 0,
            "which coordinate is time? detector D%zu has %u coordinates, detector D%zu has %u; "
            "give the axis",
            least, counts[least], most, counts[most]);
    }
    return OTR_OK;
}

otr_status otr_count_rounds(const double *times, size_t detector_count, const otr_time_axis *time,
                            uint32_t *of, otr_rounds *out, otr_error *error) {
    size_t runs = 0, distinct = 0;
    double *sorted;
    otr_status status;
    for (size_t i = 0; i < detector_count; i++) {
        if (!(fabs(times[i]) <= OTR_TIME_MAX)) {
            return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                                 "coordinate %u of detector D%zu, %g, is no time: it is out of range",
                                 out->axis, i, times[i]);
        }
    }
    sorted = otr_array_new(detector_count, sizeof *sorted);
    if (sorted == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (size_t i = 0; i < detector_count; i++) {
        if (i == 0 || times[i] != times[i - 1]) {
            sorted[runs++] = times[i];
        }
    }
    qsort(sorted, runs, sizeof *sorted, compare_times);
    for (size_t i = 0; i < runs; i++) {
        if (distinct == 0 || sorted[i] > sorted[distinct - 1]) {
            sorted[distinct++] = sorted[i];
        }
    }
    if (detector_count > 1 && (distinct == 1 || longest_unit(sorted, distinct) == 0)) {
        status =
            otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                          "coordinate %u, taken as time, is %g for all detectors, so there are no rounds to "
                          "tell apart: give the axis of time if it is another one",
                          out->axis, sorted[0]);
    } else {
        status = find_unit(sorted, distinct, time, out, error);
    }
    free(sorted);
    if (status == OTR_OK) {
        place_rounds(times, detector_count, of, out);
    }
    return status;
}

static int compare_times(const void *left, const void *right) {
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The greatest common divisor of two lengths, of which rounding errors are below `precision`. */
static double common_step(double a, double b, double precision) {
    while (b > precision) {
        const double rest = fabs(a - round(a / b) * b);
        a = b;
        b = rest;
    }
    return a;
}

/* The longest round that all times fit, with the rounding errors of the steps averaged out; 0 if they differ
 * by rounding errors only. */
static double longest_unit(const double *sorted, size_t count) {
    const double largest = fmax(fabs(sorted[0]), fabs(sorted[count - 1]));
    const double span = sorted[count - 1] - sorted[0];
    double unit = 0;
    for (size_t i = 1; i < count; i++) {
        unit = common_step(unit, sorted[i] - sorted[i - 1], TIME_PRECISION * fmax(largest, 1));
    }
    return count == 1 ? 1 : unit == 0 ? 0 : span / fmax(round(span / unit), 1);
}

static uint32_t round_at(const otr_rounds *rounds, double time) {
    return (uint32_t)fmax(floor((time - rounds->first_time) / rounds->unit + ROUND_PRECISION), 0);
}

/* A unit that leaves all rounds but every so many-th without detectors is none. */
static otr_status check_step(const double *sorted, size_t count, const otr_rounds *rounds, otr_error *error) {
    uint32_t step = 0;
    for (size_t i = 1; i < count && step != 1; i++) {
        uint32_t other = round_at(rounds, sorted[i]);
        while (other != 0) {
            const uint32_t rest = step % other;
            step = other;
            other = rest;
        }
    }
    return step <= 1 ? OTR_OK
                     : otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                                     "coordinate %u has values %u rounds of %g apart: a round lasts %g",
                                     rounds->axis, step, rounds->unit, step * rounds->unit);
}

static otr_status find_unit(const double *sorted, size_t count, const otr_time_axis *time, otr_rounds *out,
                            otr_error *error) {
    const double unit = time->unit > 0 ? time->unit : longest_unit(sorted, count);
    const bool has_offset = !isnan(time->offset);
    double rounds;
    out->unit = unit;
    out->first_time = has_offset
                          ? time->offset + floor((sorted[0] - time->offset) / unit + ROUND_PRECISION) * unit
                          : sorted[0];
    rounds = floor((sorted[count - 1] - out->first_time) / unit + ROUND_PRECISION) + 1;
    if (!(rounds <= (double)count * OTR_ROUNDS_SPARSITY_MAX + OTR_ROUNDS_FREE)) {
        return otr_error_set(
            error, OTR_ERR_FORMAT, 0, 0,
            "coordinate %u, taken as time, has %zu values in %.0f rounds of %g: give the axis of "
            "time, or how long a round lasts",
            out->axis, count, rounds, unit);
    }
    if (rounds == 1 && count > 1) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                             "coordinate %u runs from %g to %g: that is one round of %g only", out->axis,
                             sorted[0], sorted[count - 1], unit);
    }
    out->count = (uint32_t)rounds;
    return check_step(sorted, count, out, error);
}

static void place_rounds(const double *times, size_t detector_count, uint32_t *of, otr_rounds *out) {
    uint32_t last = 0;
    out->is_ascending = true;
    for (size_t i = 0; i < detector_count; i++) {
        const uint32_t at = round_at(out, times[i]);
        out->is_ascending &= at >= last;
        last = at;
        if (of != NULL) {
            of[i] = at;
        }
    }
}
