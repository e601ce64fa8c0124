/* Evaluating the dense network on a volume of voxels, layer by layer, in floats or in integers. */
#include "common/array.h"
#include "predecode/dense/dense_internal.h"

#include <stdlib.h>
#include <string.h>

/* Voxels whose sums are made before they become activations: a multiple of what all kernels do at a time. */
#define VOXELS_AT_ONCE 96

static void evaluate_floats(otr_dense_workspace *workspace, const uint8_t *halves, float *maxima);
static void evaluate_integers(otr_dense_workspace *workspace, const otr_kernels *kernels,
                              const uint8_t *halves);
static uint32_t widest(const otr_dense_network *network);
static void place_voxels(otr_dense_workspace *workspace);

otr_status otr_dense_workspace_init(otr_dense_workspace *workspace, const otr_dense_network *network,
                                    otr_dense_arithmetic arithmetic, uint32_t rounds, uint32_t distance) {
    const uint32_t margin = network->kernel / 2;
    const uint64_t side = (uint64_t)distance + 2 * margin;
    const uint64_t count = ((uint64_t)rounds + 2 * margin) * side * side;
    const size_t element = arithmetic == OTR_DENSE_FLOAT ? sizeof(float) : 1;
    const uint32_t channels = widest(network);
    size_t scratch_bytes = 0;

    *workspace = (otr_dense_workspace){.network = network, .arithmetic = arithmetic};
    if (count > OTR_DENSE_VOLUME_MAX / (channels * element)) {
        return OTR_ERR_LIMIT;
    }
    workspace->rounds = rounds;
    workspace->distance = distance;
    workspace->side = (uint32_t)side;
    workspace->centre = (uint32_t)((margin * side + margin) * side + margin);
    workspace->voxel_count = (size_t)rounds * distance * distance;
    workspace->volume_bytes = (size_t)count * channels * element;
    for (uint32_t l = 0; l < network->layer_count; l++) {
        const otr_dense_weights weights = otr_dense_layer_weights(network, &network->layers[l]);
        const size_t bytes = (size_t)OTR_DENSE_TILE * weights.block_groups * OTR_DENSE_GROUP;
        scratch_bytes = bytes > scratch_bytes ? bytes : scratch_bytes;
    }
    workspace->scratch_bytes = arithmetic == OTR_DENSE_INTEGER ? scratch_bytes : 0;
    workspace->sum_count = arithmetic == OTR_DENSE_INTEGER ? (size_t)VOXELS_AT_ONCE * channels : 0;
    workspace->volumes[0] = otr_array_new(workspace->volume_bytes, 1);
    workspace->volumes[1] = otr_array_new(workspace->volume_bytes, 1);
    workspace->places = otr_array_new(workspace->voxel_count, sizeof *workspace->places);
    workspace->taps = otr_array_new(otr_dense_tap_count(network), sizeof *workspace->taps);
    workspace->scratch = otr_array_new(workspace->scratch_bytes, 1);
    workspace->sums = otr_array_new(workspace->sum_count, sizeof *workspace->sums);
    workspace->logits = otr_array_new(workspace->voxel_count, OTR_DENSE_PLANES * sizeof *workspace->logits);
    if (workspace->volumes[0] == NULL || workspace->volumes[1] == NULL || workspace->places == NULL ||
        workspace->taps == NULL || workspace->scratch == NULL || workspace->sums == NULL ||
        workspace->logits == NULL) {
        return OTR_ERR_MEMORY;
    }
    place_voxels(workspace);
    return OTR_OK;
}

void otr_dense_workspace_free(otr_dense_workspace *workspace) {
    free(workspace->volumes[0]);
    free(workspace->volumes[1]);
    free(workspace->places);
    free(workspace->taps);
    free(workspace->scratch);
    free(workspace->sums);
    free(workspace->logits);
    *workspace = (otr_dense_workspace){0};
}

size_t otr_dense_workspace_bytes(const otr_dense_workspace *workspace) {
    return 2 * workspace->volume_bytes + workspace->voxel_count * sizeof *workspace->places +
           otr_dense_tap_count(workspace->network) * sizeof *workspace->taps + workspace->scratch_bytes +
           workspace->sum_count * sizeof *workspace->sums +
           workspace->voxel_count * OTR_DENSE_PLANES * sizeof *workspace->logits;
}

void otr_dense_evaluate(otr_dense_workspace *workspace, const otr_kernels *kernels, const uint8_t *halves) {
    if (workspace->arithmetic == OTR_DENSE_INTEGER) {
        evaluate_integers(workspace, kernels, halves);
    } else {
        float maxima[OTR_DENSE_LAYERS_MAX] = {0};
        evaluate_floats(workspace, halves, maxima);
    }
}

void otr_dense_measure(otr_dense_workspace *workspace, const uint8_t *halves, float *maxima) {
    evaluate_floats(workspace, halves, maxima);
}

/* Largest number of channels in a volume between two layers. */
static uint32_t widest(const otr_dense_network *network) {
    uint32_t most = OTR_DENSE_PLANES;
    for (uint32_t l = 0; l < network->layer_count; l++) {
        most = network->layers[l].stored_outputs > most ? network->layers[l].stored_outputs : most;
    }
    return most;
}

/* Fills in the numbers of the first voxel under the kernel at each voxel. */
static void place_voxels(otr_dense_workspace *workspace) {
    const uint32_t side = workspace->side;
    uint32_t *place = workspace->places;
    for (uint32_t t = 0; t < workspace->rounds; t++) {
        for (uint32_t row = 0; row < workspace->distance; row++) {
            for (uint32_t column = 0; column < workspace->distance; column++) {
                *place++ = (t * side + row) * side + column;
            }
        }
    }
}

/* Distances of the taps for volumes with that many channels. */
static void place_taps(otr_dense_workspace *workspace, uint32_t channels) {
    const uint32_t kernel = workspace->network->kernel, side = workspace->side;
    uint32_t *tap = workspace->taps;
    for (uint32_t t = 0; t < kernel; t++) {
        for (uint32_t row = 0; row < kernel; row++) {
            for (uint32_t column = 0; column < kernel; column++) {
                *tap++ = ((t * side + row) * side + column) * channels;
            }
        }
    }
}

/* One block of one voxel's output channels. */
static void sum_floats(const otr_dense_layer *layer, const uint32_t *taps, uint32_t tap_count,
                       const float *weights, const float *biases, const float *input, float *sums) {
    float totals[OTR_DENSE_BLOCK];
    memcpy(totals, biases, sizeof totals);
    for (uint32_t tap = 0; tap < tap_count; tap++) {
        const float *const from = input + taps[tap];
        for (uint32_t i = 0; i < layer->stored_inputs; i++) {
            for (uint32_t c = 0; c < OTR_DENSE_BLOCK; c++) {
                totals[c] += from[i] * weights[c];
            }
            weights += OTR_DENSE_BLOCK;
        }
    }
    memcpy(sums, totals, sizeof totals);
}

/* From one volume to the next; returns the largest activation. */
static float layer_on_floats(otr_dense_workspace *workspace, uint32_t index, const float *input,
                             float *output) {
    const otr_dense_layer *const layer = &workspace->network->layers[index];
    const uint32_t tap_count = otr_dense_tap_count(workspace->network);
    const size_t block_weights = (size_t)tap_count * layer->stored_inputs * OTR_DENSE_BLOCK;
    const bool is_last = index == workspace->network->layer_count - 1;
    float most = 0;
    place_taps(workspace, layer->stored_inputs);
    memset(output, 0, workspace->volume_bytes);
    for (size_t v = 0; v < workspace->voxel_count; v++) {
        const float *const from = input + (size_t)workspace->places[v] * layer->stored_inputs;
        float *const to = output + ((size_t)workspace->places[v] + workspace->centre) * layer->stored_outputs;
        for (uint32_t c = 0; c < layer->stored_outputs; c += OTR_DENSE_BLOCK) {
            sum_floats(layer, workspace->taps, tap_count,
                       layer->weights + c / OTR_DENSE_BLOCK * block_weights, layer->biases + c, from, to + c);
        }
        for (uint32_t c = 0; c < layer->outputs && !is_last; c++) {
            to[c] = otr_dense_gelu(to[c]);
            most = to[c] > most ? to[c] : most;
        }
        for (uint32_t plane = 0; plane < OTR_DENSE_PLANES && is_last; plane++) {
            workspace->logits[plane * workspace->voxel_count + v] = to[plane];
        }
    }
    return most;
}

static void evaluate_floats(otr_dense_workspace *workspace, const uint8_t *halves, float *maxima) {
    float *input = workspace->volumes[0], *output = workspace->volumes[1];
    memset(input, 0, workspace->volume_bytes);
    for (size_t v = 0; v < workspace->voxel_count; v++) {
        float *const to = input + ((size_t)workspace->places[v] + workspace->centre) * OTR_DENSE_PLANES;
        for (uint32_t plane = 0; plane < OTR_DENSE_PLANES; plane++) {
            to[plane] = 0.5f * halves[v * OTR_DENSE_PLANES + plane];
        }
    }
    for (uint32_t l = 0; l < workspace->network->layer_count; l++) {
        const float most = layer_on_floats(workspace, l, input, output);
        float *const next = input;
        maxima[l] = most > maxima[l] ? most : maxima[l];
        input = output;
        output = next;
    }
}

/* The logits of `count` voxels from their sums. */
static void store_logits(otr_dense_workspace *workspace, const otr_dense_layer *layer, size_t first,
                         size_t count) {
    for (size_t i = 0; i < count; i++) {
        const int32_t *const sums = workspace->sums + i * layer->stored_outputs;
        for (uint32_t plane = 0; plane < OTR_DENSE_PLANES; plane++) {
            workspace->logits[plane * workspace->voxel_count + first + i] =
                (float)sums[plane] * layer->integers.scales[plane] + layer->integers.offsets[plane];
        }
    }
}

static void layer_on_integers(otr_dense_workspace *workspace, const otr_kernels *kernels, uint32_t index,
                              const uint8_t *input, uint8_t *output) {
    const otr_dense_layer *const layer = &workspace->network->layers[index];
    const bool is_last = index == workspace->network->layer_count - 1;
    otr_dense_weights weights = otr_dense_layer_weights(workspace->network, layer);
    weights.taps = workspace->taps;
    place_taps(workspace, layer->stored_inputs);
    if (!is_last) {
        memset(output, layer[1].integers.input_zero, workspace->volume_bytes);
    }
    for (size_t v = 0; v < workspace->voxel_count; v += VOXELS_AT_ONCE) {
        const size_t left = workspace->voxel_count - v;
        const size_t count = left < VOXELS_AT_ONCE ? left : VOXELS_AT_ONCE;
        const uint32_t *const places = workspace->places + v;
        uint32_t voxels[VOXELS_AT_ONCE];
        for (size_t i = 0; i < count; i++) {
            voxels[i] = places[i] * layer->stored_inputs;
        }
        kernels->dense_sums(&weights, input, voxels, count, workspace->scratch, workspace->sums);
        if (is_last) {
            store_logits(workspace, layer, v, count);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            kernels->dense_activate(workspace->sums + i * layer->stored_outputs, layer->integers.scales,
                                    layer->integers.offsets, layer->integers.table, layer->stored_outputs,
                                    output + ((size_t)places[i] + workspace->centre) * layer->stored_outputs);
        }
    }
}

static void evaluate_integers(otr_dense_workspace *workspace, const otr_kernels *kernels,
                              const uint8_t *halves) {
    uint8_t *input = workspace->volumes[0], *output = workspace->volumes[1];
    memset(input, 0, workspace->volume_bytes);
    for (size_t v = 0; v < workspace->voxel_count; v++) {
        memcpy(input + ((size_t)workspace->places[v] + workspace->centre) * OTR_DENSE_PLANES,
               halves + v * OTR_DENSE_PLANES, OTR_DENSE_PLANES);
    }
    for (uint32_t l = 0; l < workspace->network->layer_count; l++) {
        uint8_t *const next = input;
        layer_on_integers(workspace, kernels, l, input, output);
        input = output;
        output = next;
    }
}
