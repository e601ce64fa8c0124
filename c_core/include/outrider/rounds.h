/* Rounds: which coordinate of a detector is time, and which round each time is in. Windows, streams, samplers
 * of rounds, event networks and rules use this one rule.
 *
 * Unless an axis is given, time is the third coordinate of models whose detectors have three or more, as in
 * Stim's (x, y, t), and the last one of models whose detectors all have one coordinate, or all two, as in
 * Stim's (x, t). Coordinates behind the third, such as marks for postselection, bases or colours, are never
 * time by themselves. Unless a unit is given, a round is the greatest common step of the times, so times may
 * be halves, begin anywhere, or come at every fourth unit. Rounds are counted from the first that has
 * detectors. Those without any, between others, are rounds all the same. */
#ifndef OUTRIDER_ROUNDS_H
#define OUTRIDER_ROUNDS_H

#include "outrider/measurements.h"
#include "outrider/model.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The axis is found. */
#define OTR_TIME_AXIS_AUTO UINT32_MAX
/* Rounds without detectors may be so many times those with some, and some more. */
#define OTR_ROUNDS_SPARSITY_MAX 64
#define OTR_ROUNDS_FREE 4096
/* Magnitude of a time. */
#define OTR_TIME_MAX 1e9

typedef struct otr_time_axis {
    uint32_t axis; /* number of the coordinate, from 0; OTR_TIME_AXIS_AUTO to find it */
    double unit;   /* units of the coordinate that a round lasts, finite and above 0; 0 to find it */
    double offset; /* a time at which a round begins, finite; NaN for that of the earliest detectors */
} otr_time_axis;

/* Everything is found. */
OTR_API otr_time_axis otr_time_axis_default(void);

/* What was found. */
typedef struct otr_rounds {
    uint32_t axis;     /* number of the coordinate that is time, from 0 */
    double unit;       /* units of it that a round lasts */
    double first_time; /* at which the first round begins */
    uint32_t count;    /* rounds */
    bool is_ascending; /* no detector lies in an earlier round than one of a lower number */
} otr_rounds;

/* The rounds of a model. If `of` is not NULL it has room for a number for each detector, and gets its round.
 * The last declaration of a detector counts. `time` NULL is the default. OTR_ERR_FORMAT, with *error
 * (nullable) naming a detector: one has no coordinates or not that many, a time is out of range; the
 * detectors have different numbers of coordinates, fewer than three among them, and no axis is given; all of
 * several detectors lie in one round; without a unit, times that no unit fits; far more rounds than have
 * detectors. OTR_ERR_ARGUMENT for a unit or an offset that is none. OTR_ERR_LIMIT from 2^32 - 1 detectors on.
 * OTR_ERR_MEMORY. *out is untouched on failure. */
OTR_API otr_status otr_model_rounds(const otr_model *model, const otr_time_axis *time, uint32_t *of,
                                    otr_rounds *out, otr_error *error);

/* The same of a circuit's detectors. */
OTR_API otr_status otr_measurement_map_rounds(const otr_measurement_map *map, const otr_time_axis *time,
                                              uint32_t *of, otr_rounds *out, otr_error *error);

/* A flat copy of a model whose detectors have the round as third coordinate (second, or first, of those with
 * fewer), before it what else they have first, behind it what else they have: its rounds by default are those
 * of `model` by *time. If `order` is not NULL it has room for a number for each detector, detectors are
 * numbered anew, by round, within a round by the coordinates beside time, and order[new number] is the old
 * one. The copy is the caller's to destroy. Statuses as for otr_model_rounds. */
OTR_API otr_status otr_model_in_rounds(otr_model **out, const otr_model *model, const otr_time_axis *time,
                                       uint32_t *order, otr_error *error);

#ifdef __cplusplus
}
#endif
#endif
