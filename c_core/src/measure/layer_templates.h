/* How the layers of a reference come from its measurements, and which of them repeat. */
#ifndef OTR_LAYER_TEMPLATES_H
#define OTR_LAYER_TEMPLATES_H

#include "outrider/measurement_stream.h"
#include "outrider/rounds.h"

/* Bits from `from` on that enter bits from `to` on. */
typedef struct otr_bit_run {
    uint32_t to, from, length;
} otr_bit_run;

typedef struct otr_sweep_term {
    uint64_t bit; /* of the constants */
    uint32_t sweep;
} otr_sweep_term;

typedef struct otr_layer_template {
    uint64_t begin, end; /* measurements that it needs; it is known once all before `end` are there */
    uint32_t first_detector;
    size_t runs, observable_runs; /* its first ones: for its detectors, and for observables */
    size_t sweeps;                /* its first one */
    size_t constants;             /* the first byte of its row, a multiple of 8 */
} otr_layer_template;

/* Where an array goes on with the next layer's, a layer's part of it ends; after the layers follows one more
 * template, whose constants and sweep bits are the observables'. */
typedef struct otr_layer_templates {
    uint32_t layer_count;
    uint32_t bulk_begin; /* layers from here on are the same again `period` layers and `span` measurements
                            later, up to the last layer, which is by itself */
    uint32_t period;     /* 0 if they do not repeat */
    uint64_t span;
    uint64_t reach; /* measurements before a layer's `end` that it needs, at most */
    uint32_t width; /* detectors of the widest layer */
    uint64_t measurement_count, observable_count, sweep_count;
    otr_layer_template *layers;
    otr_bit_run *runs;
    size_t run_count, run_capacity;
    otr_sweep_term *sweeps;
    size_t sweep_term_count, sweep_capacity;
    uint8_t *constants;
    size_t constant_bytes;
} otr_layer_templates;

/* otr_layer_templates_free in any case. Statuses as for otr_measurement_stream_create. */
otr_status otr_layer_templates_init(otr_layer_templates *templates, const otr_measurement_map *map,
                                    otr_error *error);
void otr_layer_templates_free(otr_layer_templates *templates);

/* Detectors of a layer. */
static inline uint32_t otr_layer_width(const otr_layer_templates *templates, uint32_t layer) {
    return templates->layers[layer + 1].first_detector - templates->layers[layer].first_detector;
}

#endif
