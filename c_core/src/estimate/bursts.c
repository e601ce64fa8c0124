#include "outrider/bursts.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "estimate/significance.h"
#include "outrider/significance.h"

/* Of a normal distribution: its standard deviation over its MAD. */
#define DEVIATIONS_PER_MAD 1.4826022185056018
/* Windows that are so many deviations off the median are left out of mean and variance. */
#define OUTLIER 6.0

typedef struct kept_window {
    uint64_t first_shot;
    otr_event_sums sums;
} kept_window;

struct otr_bursts {
    otr_bursts_options options;
    kept_window *ring;
    size_t capacity;
    double *scratch; /* of the windows around one */
    uint64_t pushed, popped;
    uint64_t shots;
    bool is_finished;
};

/* What the windows around one say, outliers apart. */
typedef struct surroundings {
    double mean, variance; /* of a shot */
    double shots;          /* behind them */
} surroundings;

static const kept_window *window_at(const otr_bursts *bursts, uint64_t index);
static void judge(const otr_bursts *bursts, uint64_t begin, uint64_t end, otr_burst_window *out);

otr_bursts_options otr_bursts_options_default(void) {
    return (otr_bursts_options){.neighbours = 32, .false_rate = 1e-7};
}

otr_status otr_bursts_create(otr_bursts **out, const otr_bursts_options *options, otr_error *error) {
    const otr_bursts_options chosen = options != NULL ? *options : otr_bursts_options_default();
    otr_bursts *bursts;
    if (out == NULL || chosen.neighbours < OTR_BURSTS_NEIGHBOURS_MIN ||
        chosen.neighbours > OTR_BURSTS_NEIGHBOURS_MAX || !(chosen.false_rate > 0 && chosen.false_rate < 1)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "bursts need %d to %d windows on each side and a false rate within 0 and 1",
                             OTR_BURSTS_NEIGHBOURS_MIN, OTR_BURSTS_NEIGHBOURS_MAX);
    }
    bursts = otr_array_zeroed(1, sizeof *bursts);
    if (bursts != NULL) {
        bursts->options = chosen;
        bursts->capacity = 4 * (size_t)chosen.neighbours + 2;
        bursts->ring = otr_array_zeroed(bursts->capacity, sizeof *bursts->ring);
        bursts->scratch = otr_array_zeroed(2 * (size_t)chosen.neighbours, sizeof *bursts->scratch);
    }
    if (bursts == NULL || bursts->ring == NULL || bursts->scratch == NULL) {
        otr_bursts_destroy(bursts);
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    *out = bursts;
    return OTR_OK;
}

void otr_bursts_destroy(otr_bursts *bursts) {
    if (bursts == NULL) {
        return;
    }
    free(bursts->ring);
    free(bursts->scratch);
    free(bursts);
}

otr_status otr_bursts_push(otr_bursts *bursts, const otr_event_sums *window) {
    if (bursts == NULL || window == NULL || window->shots == 0 || bursts->is_finished) {
        return OTR_ERR_ARGUMENT;
    }
    const uint64_t neighbours = bursts->options.neighbours;
    const uint64_t needed = bursts->popped > neighbours ? bursts->popped - neighbours : 0;
    if (bursts->pushed - needed >= bursts->capacity) {
        return OTR_ERR_LIMIT;
    }
    bursts->ring[bursts->pushed++ % bursts->capacity] = (kept_window){bursts->shots, *window};
    bursts->shots += window->shots;
    return OTR_OK;
}

void otr_bursts_finish(otr_bursts *bursts) {
    bursts->is_finished = true;
}

uint64_t otr_bursts_waiting(const otr_bursts *bursts) {
    return bursts->pushed - bursts->popped;
}

size_t otr_bursts_bytes(const otr_bursts *bursts) {
    return sizeof *bursts + bursts->capacity * sizeof *bursts->ring +
           2 * (size_t)bursts->options.neighbours * sizeof *bursts->scratch;
}

bool otr_bursts_pop(otr_bursts *bursts, otr_burst_window *out) {
    const uint64_t neighbours = bursts->options.neighbours, index = bursts->popped;
    uint64_t begin = index > neighbours ? index - neighbours : 0;
    uint64_t end = begin + 2 * neighbours + 1;
    if (index == bursts->pushed || (end > bursts->pushed && !bursts->is_finished)) {
        return false;
    }
    if (end > bursts->pushed) {
        /* As many as for the others, where there are so many. */
        end = bursts->pushed;
        begin = end > 2 * neighbours ? end - 2 * neighbours - 1 : 0;
    }
    const kept_window *const window = window_at(bursts, index);
    *out = (otr_burst_window){.index = index,
                              .first_shot = window->first_shot,
                              .shots = window->sums.shots,
                              .events = window->sums.events};
    if (end - begin > OTR_BURSTS_NEIGHBOURS_MIN) {
        judge(bursts, begin, end, out);
    }
    bursts->popped++;
    return true;
}

static const kept_window *window_at(const otr_bursts *bursts, uint64_t index) {
    return &bursts->ring[index % bursts->capacity];
}

/* The item that is number `wanted` in order, with smaller ones before it and larger ones behind. */
static double select_item(double *items, size_t count, size_t wanted) {
    size_t low = 0, high = count - 1;
    while (low < high) {
        const double pivot = items[low + (high - low) / 2];
        size_t i = low, k = high;
        for (;;) {
            while (items[i] < pivot) {
                i++;
            }
            while (items[k] > pivot) {
                k--;
            }
            if (i >= k) {
                break;
            }
            const double item = items[i];
            items[i++] = items[k];
            items[k--] = item;
        }
        if (wanted <= k) {
            high = k;
        } else {
            low = k + 1;
        }
    }
    return items[wanted];
}

static double median(double *items, size_t count) {
    const double upper = select_item(items, count, count / 2);
    return count % 2 == 1 ? upper : (select_item(items, count, count / 2 - 1) + upper) / 2;
}

static double rate_of(const kept_window *window) {
    return (double)window->sums.events / (double)window->sums.shots;
}

/* Of the windows begin .. end - 1 but `index`; there are at least two. */
static surroundings look_around(const otr_bursts *bursts, uint64_t index, uint64_t begin, uint64_t end) {
    double *const scratch = bursts->scratch;
    surroundings found = {0};
    double all_events = 0, squares = 0, freedom = 0, middle, mad;
    size_t count = 0;
    for (uint64_t i = begin; i < end; i++) {
        if (i != index) {
            scratch[count++] = rate_of(window_at(bursts, i));
        }
    }
    middle = median(scratch, count);
    count = 0;
    for (uint64_t i = begin; i < end; i++) {
        if (i != index) {
            const kept_window *const window = window_at(bursts, i);
            scratch[count++] = fabs(rate_of(window) - middle) * sqrt((double)window->sums.shots);
        }
    }
    mad = DEVIATIONS_PER_MAD * median(scratch, count);
    for (uint64_t i = begin; i < end; i++) {
        const kept_window *const window = window_at(bursts, i);
        const double shots = (double)window->sums.shots, events = (double)window->sums.events;
        /* One event more, so that few of them are no outlier. */
        const double poisson = middle + 1 / shots;
        const double limit = OUTLIER * sqrt((mad * mad > poisson ? mad * mad : poisson) / shots);
        if (i != index && fabs(rate_of(window) - middle) <= limit) {
            found.shots += shots;
            all_events += events;
            squares += (double)window->sums.squares - events * events / shots;
            freedom += shots - 1;
        }
    }
    found.mean = all_events / found.shots;
    found.variance = freedom > 0 ? squares / freedom : 0;
    found.variance = found.variance > mad * mad ? found.variance : mad * mad;
    return found;
}

/* How far `events` are off, by a Poisson distribution of events in lumps of `lump`: the signed root of the
 * deviance, corrected as in event_table.h. */
static double root_of(double events, double expected, double lump) {
    const double size = fabs(events - expected) - 0.5;
    if (!(size > 0)) {
        return 0;
    }
    const double mean = expected / lump;
    const double moved = (expected + (events < expected ? -size : size)) / lump;
    if (!(moved > 0)) {
        return -sqrt(2 * mean);
    }
    const double tilt = otr_ln(moved / mean);
    const double square = 2 * (moved * tilt - (moved - mean));
    const double root = sqrt(square > 0 ? square : 0);
    if (events < expected) {
        return -root;
    }
    return root > 0.1 ? root + otr_ln(tilt * sqrt(moved) / root) / root : root;
}

static void judge(const otr_bursts *bursts, uint64_t begin, uint64_t end, otr_burst_window *out) {
    const surroundings around = look_around(bursts, out->index, begin, end);
    const double shots = (double)out->shots;
    /* Where nothing happened half an event may be due. */
    const double least = 0.5 / around.shots;
    const double mean = around.mean > least ? around.mean : least;
    double lump = around.variance / mean;
    lump = lump > OTR_BURSTS_DISPERSION_MIN ? lump : OTR_BURSTS_DISPERSION_MIN;
    out->expected = shots * mean;
    out->deviation = sqrt(out->expected * lump * (1 + shots / around.shots));
    out->z = root_of((double)out->events, out->expected, lump) / sqrt(1 + shots / around.shots);
    out->log10_p = otr_normal_log10_p(out->z);
    out->is_burst = out->log10_p * OTR_LN_10 < otr_ln(bursts->options.false_rate);
    out->is_judged = true;
}
