/* Measurement streams: from the raw measurements of a history, however long, to the detection events of its
 * layers, as otr_cell_book_push wants them.
 *
 * A stream is made from the measurement map of one history, the reference. Detectors lie in layers, one a
 * round (see rounds.h). If all layers but some first ones and the last one repeat, each so many measurements
 * after the one like it, the stream serves histories of any length in constant memory, with the last layer
 * unknown until it comes. What observables gain from the measurements of a layer has to repeat with it. Taken
 * to be the reference's for every length, because a map cannot tell: the last layer, and the observables'
 * constants and sweep bits.
 *
 *     otr_measurement_stream_start, with the history's sweep bits
 *     while there are measurements           otr_measurement_stream_push
 *         while a layer is known             otr_measurement_stream_next
 */
#ifndef OUTRIDER_MEASUREMENT_STREAM_H
#define OUTRIDER_MEASUREMENT_STREAM_H

#include "outrider/measurements.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Measurements that can be pushed at a time. */
#define OTR_MEASUREMENT_STREAM_PUSH_MAX 0x40000u
/* Layers after which a reference may repeat itself. */
#define OTR_MEASUREMENT_STREAM_PERIOD_MAX 8

typedef struct otr_measurement_stream otr_measurement_stream;

/* A stream at the beginning of a history without sweep bits. The map is not needed afterwards.
 * OTR_ERR_FORMAT: no rounds (see otr_measurement_map_rounds), or rounds that do not ascend with the
 * detectors' numbers. OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. Single-threaded; allocates here alone. */
OTR_API otr_status otr_measurement_stream_create(otr_measurement_stream **out, const otr_measurement_map *map,
                                                 otr_error *error);
/* NULL is allowed. */
OTR_API void otr_measurement_stream_destroy(otr_measurement_stream *stream);

/* Begins a history, and forgets the one before. `sweep`: its sweep bits, packed; NULL: all 0. */
OTR_API void otr_measurement_stream_start(otr_measurement_stream *stream, const uint8_t *sweep);

/* Appends `count` packed measurements: those of a round, or fewer. `is_last` is not zero for the last ones of
 * the history: they come at once, those of the data qubits for example. The stream is unchanged on failure.
 * OTR_ERR_LIMIT: more than OTR_MEASUREMENT_STREAM_PUSH_MAX. OTR_ERR_ARGUMENT: layers wait to be taken, the
 * history has ended, or none that the stream serves ends here. */
OTR_API otr_status otr_measurement_stream_push(otr_measurement_stream *stream, const uint8_t *measurements,
                                               uint32_t count, bool is_last, otr_error *error);

typedef struct otr_measured_layer {
    uint64_t number;
    const uint8_t *events; /* packed; a view until the next call */
    uint32_t detector_count;
    bool is_last;
} otr_measured_layer;

/* Fills *out with the next layer that is known and returns true; false if there is none. */
OTR_API bool otr_measurement_stream_next(otr_measurement_stream *stream, otr_measured_layer *out);

/* The observables, packed, by the measurements of the layers taken so far, and by all after the last layer. A
 * view until the next call. */
OTR_API const uint8_t *otr_measurement_stream_observables(const otr_measurement_stream *stream);

/* Layers of the reference; layers after which it repeats itself, 0 if it does not; sweep bits; observables;
 * heap bytes. */
OTR_API uint32_t otr_measurement_stream_layer_count(const otr_measurement_stream *stream);
OTR_API uint32_t otr_measurement_stream_period(const otr_measurement_stream *stream);
OTR_API uint64_t otr_measurement_stream_sweep_count(const otr_measurement_stream *stream);
OTR_API uint64_t otr_measurement_stream_observable_count(const otr_measurement_stream *stream);
OTR_API size_t otr_measurement_stream_bytes(const otr_measurement_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
