/* Drift: whether detectors fire at the same rates in all blocks of shots.
 *
 * The shots of a block are independent of each other, whatever correlates the events of one shot. So the
 * number of shots in which a detector fired is binomial, and its blocks can be compared with that: by a
 * chi-square over all blocks, for jumps and wandering, and by the trend over the shots, for slow change. All
 * events together are compared alike, with the variance that shots have within blocks, since the events of a
 * shot are not independent.
 *
 * Blocks should be long enough for a few events of each detector, and short against the drift; ten to a
 * thousand of them are usual. What is significant need not matter: `spread` and `change` say how much it is.
 * Bursts (bursts.h) are not stationary either; leave them out first. */
#ifndef OUTRIDER_DRIFT_H
#define OUTRIDER_DRIFT_H

#include "outrider/bursts.h"
#include "outrider/moments.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTR_DRIFT_BLOCKS_MAX 1000000
/* The chi-square of a detector needs so many shots with an event, and without, in a mean block; of those with
 * fewer only the trend is tested. */
#define OTR_DRIFT_EXPECTED_MIN 5.0

typedef struct otr_drift otr_drift;

typedef struct otr_drift_detector {
    uint32_t detector;
    bool is_significant;
    double rate;       /* of events, over all blocks */
    double chi_square; /* over blocks; scaled to its mean where blocks differ in length */
    double freedom;    /* of it; 0 if it was not tested */
    double spread;     /* standard deviation of the rate among blocks, beyond chance; from 0 */
    double trend_z;    /* of the trend, in standard deviations; above 0: rising */
    double change;     /* of the rate from the first shot to the last, by the trend */
    double log10_p;    /* the less likely of both, times two */
} otr_drift_detector;

typedef struct otr_drift_summary {
    uint32_t blocks;
    uint64_t shots;
    double level;
    uint32_t significant; /* detectors; 0 if there was no room for them */
    double events_chi_square, events_freedom, events_trend_z, events_log10_p; /* all events; as above */
    double events_spread, events_change;                                      /* in events of a shot */
    bool has_drift; /* a detector is significant, or all events are at the level */
} otr_drift_summary;

/* OTR_ERR_LIMIT: over OTR_MOMENTS_DETECTORS_MAX. OTR_ERR_MEMORY. On failure *out is untouched. A drift
 * belongs to one thread at a time, and allocates here only. */
OTR_API otr_status otr_drift_create(otr_drift **out, uint32_t detector_count, otr_error *error);
/* NULL is allowed. */
OTR_API void otr_drift_destroy(otr_drift *drift);

/* Adds the next block, in order of time: its moments, with all sets of one detector, and the sums of its
 * events. Nothing of it is kept but sums over blocks. OTR_ERR_ARGUMENT: NULL, moments of another number of
 * detectors, without one of these sets, that fade or have no shots, or another number of shots in the sums.
 * OTR_ERR_LIMIT: OTR_DRIFT_BLOCKS_MAX. */
OTR_API otr_status otr_drift_add(otr_drift *drift, const otr_moments *block, const otr_event_sums *events,
                                 otr_error *error);

/* Tests what was added so far. If nothing drifts, the probability that any detector is significant is at most
 * `level`, by Holm's test; and as much for all events. `detectors` has room for all of them, and gets them
 * with those that moved most significantly first; nullable. OTR_ERR_ARGUMENT: NULL, fewer than two blocks, a
 * level that is not above 0 and below 1. */
OTR_API otr_status otr_drift_test(const otr_drift *drift, double level, otr_drift_detector *detectors,
                                  otr_drift_summary *summary, otr_error *error);
/* Heap bytes held. */
OTR_API size_t otr_drift_bytes(const otr_drift *drift);

/* Compares two blocks by all their sets: `z` has room for each set, and gets by how many standard deviations
 * of a normal distribution it has odd parity more often in b than in a (residuals.h); nullable. *log10_p, not
 * NULL, becomes log10 of the probability of any as large a |z| among all sets, at most. OTR_ERR_ARGUMENT:
 * NULL, other sets, moments that fade or have no shots. */
OTR_API otr_status otr_moments_compare(const otr_moments *a, const otr_moments *b, double *z, double *log10_p,
                                       otr_error *error);

#ifdef __cplusplus
}
#endif
#endif
