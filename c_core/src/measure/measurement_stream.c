/* Keeps the measurements that layers to come need, and takes the parities of a layer by the template of one
 * of the reference, shifted. */
#include "outrider/measurement_stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "measure/layer_templates.h"

struct otr_measurement_stream {
    otr_layer_templates templates;
    uint8_t *offsets; /* the templates' constants, with this history's sweep bits */
    uint64_t *bits;   /* of measurements from `base` on; those above `count` in the last word are 0 */
    size_t word_capacity;
    uint64_t base;        /* a multiple of 64 */
    uint64_t count;       /* measurements so far */
    uint64_t next;        /* the layer to take */
    uint32_t own;         /* the layer of the reference that it is like, unless it is the last one, */
    int64_t shift;        /* so many measurements later */
    uint64_t layer_count; /* of the history; 0 while that is not known */
    uint8_t *events, *observables;
};

static const otr_layer_template *find_known(const otr_measurement_stream *stream, int64_t *shift);
static otr_status find_end(const otr_measurement_stream *stream, uint64_t measurements, uint64_t *layer_count,
                           otr_error *error);
static void drop_old(otr_measurement_stream *stream);
static void append(otr_measurement_stream *stream, const uint8_t *measurements, uint32_t count);
static void xor_runs(const otr_measurement_stream *stream, size_t begin, size_t end, int64_t shift,
                     uint8_t *out);
static size_t row_bytes(uint64_t bits);

otr_status otr_measurement_stream_create(otr_measurement_stream **out, const otr_measurement_map *map,
                                         otr_error *error) {
    otr_measurement_stream *stream;
    otr_status status;
    if (out == NULL || map == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no map or place for the stream");
    }
    stream = otr_array_zeroed(1, sizeof *stream);
    if (stream == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = otr_layer_templates_init(&stream->templates, map, error);
    if (status == OTR_OK) {
        const otr_layer_templates *const templates = &stream->templates;
        /* Twice what has to be kept, so that it is moved rarely, and a word that is read past the end. */
        stream->word_capacity =
            2 * ((size_t)templates->reach / 64 + 2) + OTR_MEASUREMENT_STREAM_PUSH_MAX / 64 + 2;
        stream->offsets = otr_array_zeroed(templates->constant_bytes, 1);
        stream->bits = otr_array_zeroed(stream->word_capacity, sizeof *stream->bits);
        stream->events = otr_array_zeroed(row_bytes(templates->width), 1);
        stream->observables = otr_array_zeroed(row_bytes(templates->observable_count), 1);
        if (stream->offsets == NULL || stream->bits == NULL || stream->events == NULL ||
            stream->observables == NULL) {
            status = otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
        }
    }
    if (status != OTR_OK) {
        otr_measurement_stream_destroy(stream);
        return status;
    }
    otr_measurement_stream_start(stream, NULL);
    *out = stream;
    return OTR_OK;
}

void otr_measurement_stream_destroy(otr_measurement_stream *stream) {
    if (stream != NULL) {
        otr_layer_templates_free(&stream->templates);
        free(stream->offsets);
        free(stream->bits);
        free(stream->events);
        free(stream->observables);
        free(stream);
    }
}

void otr_measurement_stream_start(otr_measurement_stream *stream, const uint8_t *sweep) {
    const otr_layer_templates *const templates = &stream->templates;
    const size_t observables = templates->layers[templates->layer_count].constants;
    memcpy(stream->offsets, templates->constants, templates->constant_bytes);
    for (size_t i = 0; sweep != NULL && i < templates->sweep_term_count; i++) {
        const otr_sweep_term term = templates->sweeps[i];
        if (otr_bit_get(sweep, term.sweep)) {
            otr_bit_flip(stream->offsets, term.bit);
        }
    }
    memcpy(stream->observables, stream->offsets + observables, templates->constant_bytes - observables);
    stream->bits[0] = 0;
    stream->base = stream->count = stream->next = stream->layer_count = 0;
    stream->own = 0;
    stream->shift = 0;
}

otr_status otr_measurement_stream_push(otr_measurement_stream *stream, const uint8_t *measurements,
                                       uint32_t count, bool is_last, otr_error *error) {
    const otr_layer_templates *const templates = &stream->templates;
    const uint64_t total = stream->count + count;
    uint64_t layer_count = 0;
    int64_t shift;
    if (count > OTR_MEASUREMENT_STREAM_PUSH_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "%u measurements at once, more than the limit of %u",
                             count, OTR_MEASUREMENT_STREAM_PUSH_MAX);
    }
    if (stream->layer_count > 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the history has ended");
    }
    if (find_known(stream, &shift) != NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "layer %llu waits to be taken",
                             (unsigned long long)stream->next);
    }
    if (is_last) {
        const otr_status status = find_end(stream, total, &layer_count, error);
        if (status != OTR_OK) {
            return status;
        }
    } else if (templates->period == 0 && total > templates->measurement_count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "%llu measurements, but the circuit has %llu and does not repeat itself",
                             (unsigned long long)total, (unsigned long long)templates->measurement_count);
    }
    drop_old(stream);
    append(stream, measurements, count);
    stream->layer_count = layer_count;
    return OTR_OK;
}

bool otr_measurement_stream_next(otr_measurement_stream *stream, otr_measured_layer *out) {
    const otr_layer_templates *const templates = &stream->templates;
    int64_t shift;
    const otr_layer_template *const layer = find_known(stream, &shift);
    if (layer == NULL) {
        return false;
    }
    memcpy(stream->events, stream->offsets + layer->constants, layer[1].constants - layer->constants);
    xor_runs(stream, layer->runs, layer->observable_runs, shift, stream->events);
    xor_runs(stream, layer->observable_runs, layer[1].runs, shift, stream->observables);
    *out = (otr_measured_layer){.number = stream->next++,
                                .events = stream->events,
                                .detector_count = layer[1].first_detector - layer->first_detector};
    out->is_last = stream->next == stream->layer_count;
    stream->own++;
    if (templates->period > 0 && stream->own == templates->bulk_begin + templates->period) {
        stream->own = templates->bulk_begin;
        stream->shift += (int64_t)templates->span;
    }
    return true;
}

const uint8_t *otr_measurement_stream_observables(const otr_measurement_stream *stream) {
    return stream->observables;
}

uint32_t otr_measurement_stream_layer_count(const otr_measurement_stream *stream) {
    return stream->templates.layer_count;
}

uint32_t otr_measurement_stream_period(const otr_measurement_stream *stream) {
    return stream->templates.period;
}

uint64_t otr_measurement_stream_sweep_count(const otr_measurement_stream *stream) {
    return stream->templates.sweep_count;
}

uint64_t otr_measurement_stream_observable_count(const otr_measurement_stream *stream) {
    return stream->templates.observable_count;
}

size_t otr_measurement_stream_bytes(const otr_measurement_stream *stream) {
    const otr_layer_templates *const templates = &stream->templates;
    return sizeof *stream + ((size_t)templates->layer_count + 1) * sizeof *templates->layers +
           templates->run_capacity * sizeof *templates->runs +
           templates->sweep_capacity * sizeof *templates->sweeps + 2 * templates->constant_bytes +
           stream->word_capacity * sizeof *stream->bits + row_bytes(templates->width) +
           row_bytes(templates->observable_count);
}

/* Bytes of a packed row, whole words of it. */
static size_t row_bytes(uint64_t bits) {
    return (size_t)(bits + 63) / 64 * 8;
}

/* The layer of the reference that the next layer is like, and how many measurements later that is; NULL while
 * the next layer is not known. */
static const otr_layer_template *find_known(const otr_measurement_stream *stream, int64_t *shift) {
    const otr_layer_templates *const templates = &stream->templates;
    const uint32_t last = templates->layer_count - 1;
    const otr_layer_template *const layer = &templates->layers[stream->own];
    if (stream->layer_count > 0 && stream->next + 1 >= stream->layer_count) {
        *shift = (int64_t)stream->count - (int64_t)templates->measurement_count;
        return stream->next < stream->layer_count ? &templates->layers[last] : NULL;
    }
    *shift = stream->shift;
    return stream->own < last && (int64_t)layer->end + *shift <= (int64_t)stream->count ? layer : NULL;
}

/* The layers of a history with so many measurements. */
static otr_status find_end(const otr_measurement_stream *stream, uint64_t measurements, uint64_t *layer_count,
                           otr_error *error) {
    const otr_layer_templates *const templates = &stream->templates;
    const int64_t more = (int64_t)measurements - (int64_t)templates->measurement_count;
    const uint64_t bulk_measurement =
        templates->bulk_begin > 0 ? templates->layers[templates->bulk_begin - 1].end : 0;
    const int64_t last_begin = (int64_t)templates->layers[templates->layer_count - 1].begin + more;
    int64_t layers = templates->layer_count;
    if (more != 0 && templates->period == 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "%llu measurements, but the circuit has %llu and does not repeat itself",
                             (unsigned long long)measurements,
                             (unsigned long long)templates->measurement_count);
    }
    if (more != 0) {
        const int64_t shortest = (int64_t)templates->bulk_begin + templates->period + 1;
        layers += more / (int64_t)templates->span * templates->period;
        if (more % (int64_t)templates->span != 0 || layers < shortest ||
            last_begin < (int64_t)bulk_measurement) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                                 "no history ends after %llu measurements: the circuit has %llu, and %llu "
                                 "more for each %u layers",
                                 (unsigned long long)measurements,
                                 (unsigned long long)templates->measurement_count,
                                 (unsigned long long)templates->span, templates->period);
        }
    }
    if ((uint64_t)layers <= stream->next) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the last measurements of a history have to come at once");
    }
    *layer_count = (uint64_t)layers;
    return OTR_OK;
}

/* Forgets measurements that no layer needs any more, once these are the greater part. */
static void drop_old(otr_measurement_stream *stream) {
    const uint64_t held = stream->count - stream->base;
    const uint64_t reach = stream->templates.reach;
    const size_t words = (size_t)(held / 64) + 1;
    const size_t old_words = held > reach ? (size_t)((held - reach) / 64) : 0;
    if (old_words > 0 && old_words >= words - old_words) {
        memcpy(stream->bits, stream->bits + old_words, (words - old_words) * sizeof *stream->bits);
        stream->base += (uint64_t)old_words * 64;
    }
}

static void append(otr_measurement_stream *stream, const uint8_t *measurements, uint32_t count) {
    const uint32_t used = (uint32_t)(stream->count % 64);
    uint64_t *to = stream->bits + (stream->count - stream->base) / 64;
    for (uint32_t done = 0; done < count; done += 64) {
        const uint32_t left = count - done;
        const size_t bytes = otr_bytes_for_bits(left);
        const uint8_t *const from = measurements + done / 8;
        uint64_t word = bytes >= 8 ? otr_load_le64(from) : otr_load_tail(from, bytes);
        if (left < 64) {
            word &= UINT64_MAX >> (64 - left);
        }
        *to++ |= word << used;
        *to = used > 0 ? word >> (64 - used) : 0;
    }
    stream->count += count;
}

/* The 64 bits from a bit on. */
static uint64_t word_at(const uint64_t *bits, uint64_t bit) {
    const uint32_t used = (uint32_t)(bit % 64);
    const uint64_t *const word = bits + bit / 64;
    return used > 0 ? word[0] >> used | word[1] << (64 - used) : word[0];
}

static void xor_runs(const otr_measurement_stream *stream, size_t begin, size_t end, int64_t shift,
                     uint8_t *out) {
    for (size_t i = begin; i < end; i++) {
        const otr_bit_run run = stream->templates.runs[i];
        uint64_t from = (uint64_t)((int64_t)run.from + shift) - stream->base;
        for (uint32_t to = run.to, left = run.length; left > 0;) {
            const uint32_t room = 64 - to % 64;
            const uint32_t count = left < room ? left : room;
            const uint64_t word = word_at(stream->bits, from) & (UINT64_MAX >> (64 - count));
            uint8_t *const place = out + to / 64 * 8;
            otr_store_le64(place, otr_load_le64(place) ^ word << to % 64);
            from += count;
            to += count;
            left -= count;
        }
    }
}
