/* From measurements to detectors: the sparse parities that a Stim circuit declares, as `stim m2d` applies
 * them.
 *
 * A detector is a parity of measurement results that noise-free runs fix. What they fix it to depends on the
 * circuit (`constant`) and on the sweep bits that the circuit's classically controlled gates read:
 *
 *     detector = measurements[its list] ^ sweep[its list] ^ constant
 *
 * and the same for observables. Rows are detectors first, then observables. Results are packed: bit k of a
 * shot is byte k/8, bit k%8. A map is immutable and may be shared by threads.
 *
 * All gates and annotations of Stim 1.16 are read; noise is ignored. Feedback (`CX rec[-1] 5`) is taken to
 * have happened, unless `ran_without_feedback` is set. */
#ifndef OUTRIDER_MEASUREMENTS_H
#define OUTRIDER_MEASUREMENTS_H

#include "outrider/status.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of .stim text accepted. */
#define OTR_MEASUREMENT_TEXT_BYTES_MAX 0x100000000u
/* Nesting of REPEAT blocks accepted. */
#define OTR_MEASUREMENT_REPEAT_DEPTH_MAX 64
/* Coordinates of one DETECTOR or SHIFT_COORDS, and arguments of any instruction. */
#define OTR_MEASUREMENT_COORDINATES_MAX 16
/* Measurements, and detectors, with repeats unrolled. */
#define OTR_MEASUREMENT_COUNT_MAX 100000000u
/* Targets of all detectors and observables, sweep bits that they depend on, coordinates: entries each of the
 * arrays that a map keeps, and of those that the tracing needs. */
#define OTR_MEASUREMENT_TERMS_MAX 400000000u
/* Largest observable index + 1. */
#define OTR_MEASUREMENT_OBSERVABLES_MAX 0x100000u
/* Largest qubit, sweep bit or look-back that a circuit may name, as in Stim. */
#define OTR_MEASUREMENT_TARGET_MAX 0xFFFFFFu

typedef struct otr_measurement_options {
    /* The work that making a map may take: operations, their targets, and the entries of the Pauli operators
     * that each meets when detectors are traced back. A step takes a few nanoseconds. */
    uint64_t steps_max;
    /* The map has no observables, so that nothing about them is refused: neither Pauli targets, which no
     * measurement gives, nor a random value. */
    bool detectors_only;
    /* The measurements come from runs that left all feedback out, as where a Pauli frame in software takes
     * its place. A row then also reads the results whose feedback would have flipped it. Sweep bits are taken
     * to have acted. As --ran_without_feedback of `stim m2d`. */
    bool ran_without_feedback;
    /* All results 0, with all sweep bits 0, is taken for a noise-free run: every `constant` is 0, and no row
     * is refused as random. As --skip_reference_sample of `stim m2d`. */
    bool skip_reference_sample;
} otr_measurement_options;

/* 10^10 steps, and no more. */
OTR_API otr_measurement_options otr_measurement_options_default(void);

typedef struct otr_measurement_map otr_measurement_map;

/* Reads `bytes` bytes of a .stim circuit; `options` NULL is the default. On success *out is a new map that
 * the caller destroys; on failure *out is untouched and *error (nullable) names line and column.
 * OTR_ERR_PARSE; OTR_ERR_PROBABILITY; OTR_ERR_INDEX for rec[-k] before the first measurement; OTR_ERR_LIMIT;
 * OTR_ERR_UNSUPPORTED for an observable with Pauli targets, if observables are wanted; OTR_ERR_RANDOM for a
 * detector or a wanted observable that noise-free runs do not fix; OTR_ERR_MEMORY; OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_measurement_map_create(otr_measurement_map **out, const char *text, size_t bytes,
                                              const otr_measurement_options *options, otr_error *error);
/* NULL is allowed. */
OTR_API void otr_measurement_map_destroy(otr_measurement_map *map);

OTR_API uint64_t otr_measurement_map_measurement_count(const otr_measurement_map *map);
/* Largest sweep bit + 1. */
OTR_API uint64_t otr_measurement_map_sweep_count(const otr_measurement_map *map);
OTR_API uint64_t otr_measurement_map_detector_count(const otr_measurement_map *map);
/* Largest observable + 1; 0 with `detectors_only`. */
OTR_API uint64_t otr_measurement_map_observable_count(const otr_measurement_map *map);

/* A view of one row; the lists are ascending, without repetitions, and live as long as the map. */
typedef struct otr_parity {
    const uint32_t *measurements;
    size_t measurement_count;
    const uint32_t *sweep_bits;
    size_t sweep_count;
    uint32_t constant; /* 0 or 1 */
} otr_parity;

/* Row `row`: a detector, or observable row - otr_measurement_map_detector_count. OTR_ERR_INDEX. */
OTR_API otr_status otr_measurement_map_row(const otr_measurement_map *map, uint64_t row, otr_parity *out);

/* A detector's coordinates with all shifts, the last one usually time; *count is 0 where it has none. The
 * view lives as long as the map. OTR_ERR_INDEX. */
OTR_API otr_status otr_measurement_map_coordinates(const otr_measurement_map *map, uint64_t detector,
                                                   const double **coordinates, size_t *count);

/* Shots as rows of packed bits, row i at bits + i*stride. */
typedef struct otr_measured {
    const uint8_t *measurements;
    size_t measurement_stride;
    const uint8_t *sweep; /* NULL: all sweep bits are 0 */
    size_t sweep_stride;
} otr_measured;

/* Where their detectors and observables go; NULL: not wanted. Padding bits are set to 0. */
typedef struct otr_parities {
    uint8_t *detectors;
    size_t detector_stride;
    uint8_t *observables;
    size_t observable_stride;
} otr_parities;

/* Converts `count` shots. OTR_ERR_ARGUMENT for strides shorter than a row. */
OTR_API otr_status otr_measurement_map_apply(const otr_measurement_map *map, const otr_measured *in,
                                             size_t count, const otr_parities *out);

/* For streams: the detectors in the order in which they become known, by their last measurement and then by
 * index; otr_measurement_map_detector_count indices, which live as long as the map. */
OTR_API const uint32_t *otr_measurement_map_order(const otr_measurement_map *map);
/* How many of that order are known once the first `measurement_count` measurements are in. */
OTR_API uint64_t otr_measurement_map_known(const otr_measurement_map *map, uint64_t measurement_count);
/* Writes the bits of the detectors first ... first+count-1 of that order into the packed row `detectors`, and
 * leaves its other bits alone. Of `measurements` only those are read that these detectors need. `sweep` NULL:
 * all 0. OTR_ERR_INDEX, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_measurement_map_apply_known(const otr_measurement_map *map,
                                                   const uint8_t *measurements, const uint8_t *sweep,
                                                   uint64_t first, uint64_t count, uint8_t *detectors);

#ifdef __cplusplus
}
#endif
#endif
