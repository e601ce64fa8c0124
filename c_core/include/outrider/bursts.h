/* Bursts: windows of shots with far more events, or fewer, than the windows around them. A cosmic ray, a jump
 * of a defect, a readout that was off: such shots are better left out of what noise is learned from.
 *
 * Each window is compared with the windows before and after it: with the mean of those that are not far off
 * their median, so that slow drift is no burst and bursts do not hide each other, and with a spread that is
 * the larger of two: what independent shots give, from the variance of shots within these windows, and what
 * the median of absolute deviations (MAD) of the windows gives. Neither is Poisson's, since an error makes
 * several events. The tail is that of a Poisson distribution of the same variance. So windows of independent
 * shots are taken for bursts at most about as often as the stated rate.
 *
 * Shots are read once. A window is decided when `neighbours` more of them are known; the caller holds the
 * shots of those undecided. Bursts that last for more than half of the windows around are the median, and are
 * not found; of one that is shorter than a window only its events above the mean of the window count. */
#ifndef OUTRIDER_BURSTS_H
#define OUTRIDER_BURSTS_H

#include "outrider/status.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Events of some shots. */
typedef struct otr_event_sums {
    uint64_t shots;
    uint64_t events;
    uint64_t squares; /* of the events of each shot, summed */
} otr_event_sums;

/* Adds shots: rows as in otr_moments_add. OTR_ERR_ARGUMENT: NULL, or rows that overlap. */
OTR_API otr_status otr_event_sums_add(otr_event_sums *sums, const uint8_t *shots, size_t stride,
                                      size_t shot_count, uint32_t detector_count);

/* Of options. */
#define OTR_BURSTS_NEIGHBOURS_MIN 8
#define OTR_BURSTS_NEIGHBOURS_MAX 4096
/* Variance of events over their mean that is the least to be believed. */
#define OTR_BURSTS_DISPERSION_MIN 0.05

typedef struct otr_bursts otr_bursts;

typedef struct otr_bursts_options {
    uint32_t neighbours; /* windows on each side; OTR_BURSTS_NEIGHBOURS_MIN .. OTR_BURSTS_NEIGHBOURS_MAX */
    double false_rate; /* probability that a window is taken for a burst and is none; above 0, below 1. For a
                          probability of any in n windows, divide it by n */
} otr_bursts_options;

/* 32 windows on each side; 1e-7. */
OTR_API otr_bursts_options otr_bursts_options_default(void);

/* A decided window. */
typedef struct otr_burst_window {
    uint64_t index; /* windows and shots before it */
    uint64_t first_shot;
    uint64_t shots;
    uint64_t events;
    double expected;  /* events, by the windows around */
    double deviation; /* of events from it, as the windows around have it */
    double z;         /* a normal variable is as likely beyond it; above 0: too many events */
    double log10_p;   /* of z, two-sided */
    bool is_burst;    /* less likely than the false rate */
    bool is_judged;   /* fewer than OTR_BURSTS_NEIGHBOURS_MIN other windows are no ground: z is 0 */
} otr_burst_window;

/* OTR_ERR_ARGUMENT: options out of range. OTR_ERR_MEMORY. On failure *out is untouched. NULL options are the
 * default. Bursts belong to one thread at a time, and allocate here only. */
OTR_API otr_status otr_bursts_create(otr_bursts **out, const otr_bursts_options *options, otr_error *error);
/* NULL is allowed. */
OTR_API void otr_bursts_destroy(otr_bursts *bursts);

/* Takes the next window, usually of as many shots as the others; the last one may have fewer.
 * OTR_ERR_ARGUMENT: NULL, no shots, or after otr_bursts_finish. OTR_ERR_LIMIT: windows are decided that were
 * not popped; the window is not taken. That cannot happen if all are popped after each push. */
OTR_API otr_status otr_bursts_push(otr_bursts *bursts, const otr_event_sums *window);
/* There are no more windows: the last ones are decided by those before them. */
OTR_API void otr_bursts_finish(otr_bursts *bursts);
/* The next decided window, in order; false if it is undecided so far, or there are no more. */
OTR_API bool otr_bursts_pop(otr_bursts *bursts, otr_burst_window *out);
/* Windows pushed and not popped. */
OTR_API uint64_t otr_bursts_waiting(const otr_bursts *bursts);
/* Heap bytes held. */
OTR_API size_t otr_bursts_bytes(const otr_bursts *bursts);

#ifdef __cplusplus
}
#endif
#endif
