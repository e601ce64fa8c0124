/* Models in layers, and options of plans, for the fuzz targets that need some: the input chooses sites, what
 * repeats in every layer, what only the first and the last one have, and where time is. */
#ifndef OUTRIDER_LAYERED_MODEL_H
#define OUTRIDER_LAYERED_MODEL_H

#include <stdarg.h>

#include "fuzz.h"

enum {
    SITES_MAX = 6,
    LAYERS_MAX = 14,
    /* Of a history, which may be longer than its reference. */
    HISTORY_LAYERS_MAX = 40,
    MECHANISMS_MAX = 16,
    OBSERVABLES = 3,
    MODEL_TEXT_BYTES = 0x10000,
    NO_DETECTOR = -1
};

typedef enum layer_choice { EVERY_LAYER = 0, FIRST_LAYER = 1, LAST_LAYER = 2, ONE_LAYER = 3 } layer_choice;

/* An error that happens in the layers of its choice. */
typedef struct mechanism {
    uint8_t site1, site2; /* site2 == sites: the boundary */
    uint8_t delay;        /* layers from the one to the other */
    uint8_t probability, flips;
    layer_choice in;
    uint8_t layer; /* of ONE_LAYER */
} mechanism;

typedef struct layered_model {
    uint32_t sites, layers;
    uint8_t every_other;           /* bit s: site s is in even layers only; never the first site */
    uint8_t not_in_last;           /* bit s: site s is not in the last layer; never the first site */
    uint8_t time_step, time_first; /* of the coordinate, in quarters */
    uint32_t mechanism_count;
    mechanism mechanisms[MECHANISMS_MAX];
    bool is_regular; /* nothing is in one layer alone but in the first and the last one */
} layered_model;

static inline layered_model take_layered_model(input *in) {
    layered_model out = {.sites = 1 + take_byte(in) % SITES_MAX, .layers = 1 + take_byte(in) % LAYERS_MAX};
    out.every_other = take_byte(in) & 0xFE;
    out.not_in_last = take_byte(in) & 0xFE;
    out.time_step = 1 + take_byte(in) % 8;
    out.time_first = take_byte(in);
    out.mechanism_count = take_byte(in) % (MECHANISMS_MAX + 1);
    out.is_regular = true;
    for (uint32_t i = 0; i < out.mechanism_count; i++) {
        mechanism *const one = &out.mechanisms[i];
        const uint8_t sites = take_byte(in), how = take_byte(in), when = take_byte(in);
        one->site1 = (uint8_t)(sites % out.sites);
        one->site2 = (uint8_t)(sites / out.sites % (out.sites + 1));
        one->probability = how & 15;
        one->flips = how >> 4 & 7;
        one->delay = when & 3;
        one->in = (layer_choice)(when >> 2 & 3);
        one->layer = (uint8_t)((when >> 4) % out.layers);
        out.is_regular = out.is_regular && one->in != ONE_LAYER;
    }
    return out;
}

/* The detector of a site in a layer of a history, by number; NO_DETECTOR if there is none. */
static inline int detector_at(const layered_model *model, uint32_t layers, uint32_t layer, uint32_t site) {
    int number = 0;
    for (uint32_t t = 0; t < layers; t++) {
        for (uint32_t s = 0; s < model->sites; s++) {
            const bool is_there = (t % 2 == 0 || (model->every_other >> s & 1) == 0) &&
                                  (t + 1 < layers || (model->not_in_last >> s & 1) == 0);
            if (t == layer && s == site) {
                return is_there ? number : NO_DETECTOR;
            }
            number += is_there;
        }
    }
    return NO_DETECTOR;
}

static inline void append(char *text, size_t *used, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    *used += (size_t)vsnprintf(text + *used, MODEL_TEXT_BYTES - *used, format, arguments);
    va_end(arguments);
    CHECK(*used < MODEL_TEXT_BYTES);
}

static inline bool happens_in(const mechanism *one, uint32_t layer, uint32_t layers) {
    switch (one->in) {
    case FIRST_LAYER:
        return layer == 0;
    case LAST_LAYER:
        return layer + 1 == layers;
    case ONE_LAYER:
        return layer == one->layer;
    default:
        return true;
    }
}

static inline void append_mechanism(char *text, size_t *used, const layered_model *model, uint32_t layers,
                                    uint32_t layer, const mechanism *one) {
    static const char *const probabilities[16] = {"0.01", "0.1",   "0.25", "0.5",  "0.001",  "0.02",
                                                  "0.3",  "1e-6",  "0.05", "0.75", "1e-300", "1",
                                                  "0",    "0.999", "0.4",  "0.2"};
    const int first = detector_at(model, layers, layer, one->site1);
    const int second =
        one->site2 == model->sites ? NO_DETECTOR : detector_at(model, layers, layer + one->delay, one->site2);
    if (!happens_in(one, layer, layers) || first == NO_DETECTOR ||
        (second == NO_DETECTOR && one->site2 != model->sites) || first == second) {
        return;
    }
    append(text, used, "error(%s) D%d", probabilities[one->probability], first);
    if (second != NO_DETECTOR) {
        append(text, used, " D%d", second);
    }
    for (unsigned i = 0; i < OBSERVABLES; i++) {
        if (one->flips >> i & 1) {
            append(text, used, " L%u", i);
        }
    }
    append(text, used, "\n");
}

/* The model of a history of so many layers. */
static inline otr_model *make_layered_model(const layered_model *model, uint32_t layers) {
    char *const text = allocate(MODEL_TEXT_BYTES);
    size_t used = 0;
    otr_model *out = NULL;
    for (uint32_t t = 0; t < layers; t++) {
        for (uint32_t s = 0; s < model->sites; s++) {
            const int detector = detector_at(model, layers, t, s);
            if (detector != NO_DETECTOR) {
                append(text, &used, "detector(%u, %u, %g) D%d\n", 2 * (s % 3), 2 * (s / 3),
                       0.25 * model->time_first + 0.25 * model->time_step * t, detector);
            }
        }
        for (uint32_t i = 0; i < model->mechanism_count; i++) {
            append_mechanism(text, &used, model, layers, t, &model->mechanisms[i]);
        }
    }
    append(text, &used, "logical_observable L%d\n", OBSERVABLES - 1);
    CHECK(otr_model_parse(&out, text, used, NULL) == OTR_OK);
    free(text);
    return out;
}

/* Options of a plan, some of them out of range. */
static inline otr_plan_options take_plan_options(input *in) {
    static const double pitches[] = {2, 2, 2, 1, 4, 0.5, 0, -1, 1e300, 1e-300};
    otr_plan_options out = otr_plan_options_default(1 + take_byte(in) % 4);
    const uint8_t sizes = take_byte(in), shape = take_byte(in), pitch = take_byte(in);
    out.cell_layers = sizes & 7;
    out.spacing = sizes >> 3 & 3;
    out.buffer = sizes >> 5;
    out.width = shape & 3;
    out.axis = shape >> 2 & 3;
    out.layout = (otr_plan_layout)(shape >> 4 & 1);
    out.context = shape >> 5 & 3;
    out.pitch = pitches[pitch % (sizeof pitches / sizeof pitches[0])];
    return out;
}

#endif
