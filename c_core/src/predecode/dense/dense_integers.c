/* The dense network on integers: activations in 7 bits, weights in 8, one scale per output channel.
 *
 * An activation lies between the least value of GELU and the largest one measured; 0..127 are spread evenly
 * over that, so padding is the integer next to zero. A weight w of channel c is scale_c * q, |q| <= 127. Then
 *     bias + sum of w * a = bias_c + scale_c * input_scale * (sum of q * integer - input_zero * sum of q),
 * one multiplication and one addition behind the kernel's sum; in hidden layers they lead to a place in a
 * table that holds GELU, already in the next layer's integers. Every constant comes from IEEE operations in a
 * fixed order, so files give the same integers on every machine. */
#include "common/array.h"
#include "common/error.h"
#include "common/exponential.h"
#include "predecode/dense/dense_internal.h"

#include <stdlib.h>
#include <string.h>

#define GELU_SCALE 1.5957691216057308 /* 2 sqrt(2 / pi) */
#define GELU_CUBIC 0.044715
/* Just below the least value of GELU. */
#define GELU_LEAST (-0.1700409)
/* Where the tables begin: GELU is -1e-4 there and vanishes beyond. */
#define TABLE_BEGIN (-4.0)
#define ACTIVATION_MAX 127.0
#define WEIGHT_MAX 127.0

static otr_status make_layer(const otr_dense_network *network, uint32_t index, const float *maxima,
                             otr_dense_integers *out);
static uint32_t block_groups(const otr_dense_network *network, const otr_dense_layer *layer);

float otr_dense_gelu(float x) {
    const double y = x;
    return (float)(y / (1.0 + otr_exponential(-GELU_SCALE * (y + GELU_CUBIC * y * y * y))));
}

void otr_dense_integers_free(otr_dense_integers *integers) {
    free(integers->weights);
    free(integers->scales);
    free(integers->offsets);
    free(integers->table);
    *integers = (otr_dense_integers){0};
}

otr_dense_weights otr_dense_layer_weights(const otr_dense_network *network, const otr_dense_layer *layer) {
    return (otr_dense_weights){
        .weights = layer->integers.weights,
        .tap_count = otr_dense_tap_count(network),
        .tap_groups = layer->stored_inputs / OTR_DENSE_GROUP,
        .block_groups = block_groups(network, layer),
        .block_count = layer->stored_outputs / OTR_DENSE_BLOCK,
    };
}

otr_status otr_dense_set_maxima(otr_dense_network *network, const float *maxima, otr_error *error) {
    otr_dense_integers made[OTR_DENSE_LAYERS_MAX] = {{0}};
    otr_status status = OTR_OK;
    for (uint32_t l = 0; l < network->layer_count - 1; l++) {
        if (!(maxima[l] > 0 && maxima[l] <= OTR_DENSE_WEIGHT_MAX)) {
            return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                                 "the largest activation behind layer %u is not above 0 and at most %d",
                                 l + 1, OTR_DENSE_WEIGHT_MAX);
        }
    }
    for (uint32_t l = 0; l < network->layer_count && status == OTR_OK; l++) {
        status = make_layer(network, l, maxima, &made[l]);
    }
    for (uint32_t l = 0; l < network->layer_count; l++) {
        if (status == OTR_OK) {
            const otr_dense_integers old = network->layers[l].integers;
            network->layers[l].integers = made[l];
            made[l] = old;
        }
        otr_dense_integers_free(&made[l]);
    }
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    memcpy(network->maxima, maxima, (network->layer_count - 1) * sizeof *maxima);
    network->has_integers = true;
    return OTR_OK;
}

static uint32_t block_groups(const otr_dense_network *network, const otr_dense_layer *layer) {
    const uint32_t groups = otr_dense_tap_count(network) * layer->stored_inputs / OTR_DENSE_GROUP;
    return (groups + OTR_DENSE_GROUPS_ALIGN - 1) / OTR_DENSE_GROUPS_ALIGN * OTR_DENSE_GROUPS_ALIGN;
}

/* To the nearest whole number, halves away from zero. */
static int32_t round_to_integer(double x) {
    return (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
}

/* The integers that stand for activations behind a layer with that maximum. */
static double activation_scale(float maximum) {
    return (maximum - GELU_LEAST) / ACTIVATION_MAX;
}

static uint8_t activation_zero(float maximum) {
    return (uint8_t)round_to_integer(-GELU_LEAST / activation_scale(maximum));
}

static double table_step(float maximum) {
    return (maximum - GELU_LEAST - TABLE_BEGIN) / (OTR_DENSE_TABLE - 1);
}

static void fill_table(uint8_t *table, float maximum) {
    for (int i = 0; i < OTR_DENSE_TABLE; i++) {
        const double value = otr_dense_gelu((float)(TABLE_BEGIN + i * table_step(maximum)));
        const double place = value / activation_scale(maximum) + activation_zero(maximum);
        table[i] = (uint8_t)round_to_integer(place < 0 ? 0 : place > ACTIVATION_MAX ? ACTIVATION_MAX : place);
    }
}

/* Quantises the weights of one output channel; returns their scale, and the sum of the integers. */
static double pack_channel(const otr_dense_layer *layer, uint32_t tap_count, uint32_t groups, uint32_t output,
                           int8_t *packed, int64_t *sum) {
    const size_t block_bytes = (size_t)groups * OTR_DENSE_BLOCK * OTR_DENSE_GROUP;
    int8_t *const block = packed + output / OTR_DENSE_BLOCK * block_bytes;
    double largest = 0, scale;
    for (uint32_t tap = 0; tap < tap_count; tap++) {
        for (uint32_t input = 0; input < layer->inputs; input++) {
            const double weight =
                layer->weights[otr_dense_weight_index(layer, tap_count, output, tap, input)];
            const double magnitude = weight < 0 ? -weight : weight;
            largest = magnitude > largest ? magnitude : largest;
        }
    }
    scale = largest > 0 ? largest / WEIGHT_MAX : 1.0;
    *sum = 0;
    for (uint32_t tap = 0; tap < tap_count; tap++) {
        for (uint32_t input = 0; input < layer->inputs; input++) {
            const double weight =
                layer->weights[otr_dense_weight_index(layer, tap_count, output, tap, input)];
            const int32_t integer = round_to_integer(weight / scale);
            const size_t place = (size_t)tap * layer->stored_inputs + input;
            block[(place / OTR_DENSE_GROUP * OTR_DENSE_BLOCK + output % OTR_DENSE_BLOCK) * OTR_DENSE_GROUP +
                  place % OTR_DENSE_GROUP] = (int8_t)integer;
            *sum += integer;
        }
    }
    return scale;
}

static otr_status make_layer(const otr_dense_network *network, uint32_t index, const float *maxima,
                             otr_dense_integers *out) {
    const otr_dense_layer *const layer = &network->layers[index];
    const bool is_last = index == network->layer_count - 1;
    const uint32_t groups = block_groups(network, layer);
    out->weights = otr_array_zeroed((size_t)groups * OTR_DENSE_GROUP, layer->stored_outputs);
    out->scales = otr_array_zeroed(layer->stored_outputs, sizeof *out->scales);
    out->offsets = otr_array_zeroed(layer->stored_outputs, sizeof *out->offsets);
    out->table = is_last ? NULL : otr_array_new(OTR_DENSE_TABLE, 1);
    if (out->weights == NULL || out->scales == NULL || out->offsets == NULL ||
        (!is_last && out->table == NULL)) {
        return OTR_ERR_MEMORY;
    }
    out->input_scale = index == 0 ? 0.5 : activation_scale(maxima[index - 1]);
    out->input_zero = index == 0 ? 0 : activation_zero(maxima[index - 1]);
    if (!is_last) {
        fill_table(out->table, maxima[index]);
    }
    for (uint32_t output = 0; output < layer->outputs; output++) {
        const double step = is_last ? 1.0 : table_step(maxima[index]);
        const double begin = is_last ? 0.0 : TABLE_BEGIN;
        int64_t sum;
        const double scale = out->input_scale * pack_channel(layer, otr_dense_tap_count(network), groups,
                                                             output, out->weights, &sum);
        out->scales[output] = (float)(scale / step);
        out->offsets[output] =
            (float)((layer->biases[output] - begin - scale * out->input_zero * (double)sum) / step);
    }
    return OTR_OK;
}
