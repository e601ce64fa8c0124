/* The dense network's parts.
 *
 * Volumes are arrays of voxels in the order round, row, column, channels next to each other, with a margin
 * of kernel / 2 voxels on all six sides that stands for the zero padding. Channel counts are rounded up to
 * OTR_DENSE_BLOCK, except the four of the input. */
#ifndef OTR_DENSE_INTERNAL_H
#define OTR_DENSE_INTERNAL_H

#include "outrider/dense_network.h"

#include <stdbool.h>

/* A layer on integers. An activation a is input_scale * (integer - input_zero); the sums become places in the
 * table by scale and offset, or logits in the last layer, which has no table. */
typedef struct otr_dense_integers {
    double input_scale;
    uint8_t input_zero;
    int8_t *weights; /* as otr_dense_weights has them */
    float *scales, *offsets;
    uint8_t *table;
} otr_dense_integers;

typedef struct otr_dense_layer {
    uint32_t inputs, outputs;               /* channels, as in the file */
    uint32_t stored_inputs, stored_outputs; /* channels of the volumes */
    float *weights;                         /* see otr_dense_weight_index; zeros for rounding up */
    float *biases;                          /* [stored_outputs] */
    otr_dense_integers integers;
} otr_dense_layer;

struct otr_dense_network {
    uint32_t layer_count, kernel;
    otr_dense_layer layers[OTR_DENSE_LAYERS_MAX];
    /* Largest activation behind each layer but the last, measured; 0 before. */
    float maxima[OTR_DENSE_LAYERS_MAX];
    bool has_integers;
};

/* Taps of a layer's kernel. */
static inline uint32_t otr_dense_tap_count(const otr_dense_network *network) {
    return network->kernel * network->kernel * network->kernel;
}

/* Where a weight lies: [block][tap][input][OTR_DENSE_BLOCK]. */
static inline size_t otr_dense_weight_index(const otr_dense_layer *layer, uint32_t tap_count, uint32_t output,
                                            uint32_t tap, uint32_t input) {
    const size_t block = output / OTR_DENSE_BLOCK;
    return ((block * tap_count + tap) * layer->stored_inputs + input) * OTR_DENSE_BLOCK +
           output % OTR_DENSE_BLOCK;
}

/* The layer as the kernels take it, without `taps`. */
otr_dense_weights otr_dense_layer_weights(const otr_dense_network *network, const otr_dense_layer *layer);

void otr_dense_integers_free(otr_dense_integers *integers);

/* The activation, tanh-GELU. */
float otr_dense_gelu(float x);

/* Sets the maxima and makes the integers from them. The network is unchanged on failure. OTR_ERR_MEMORY,
 * OTR_ERR_FORMAT for maxima that are not positive and finite. */
otr_status otr_dense_set_maxima(otr_dense_network *network, const float *maxima, otr_error *error);

/* Memory in which one network is evaluated on volumes of one size. */
typedef struct otr_dense_workspace {
    const otr_dense_network *network;
    otr_dense_arithmetic arithmetic;
    uint32_t rounds, distance;
    uint32_t side;      /* of a round's voxels with their margin */
    uint32_t centre;    /* from the first voxel under a kernel to its middle one */
    size_t voxel_count; /* without margin */
    void *volumes[2];   /* a layer's input and output */
    size_t volume_bytes;
    uint32_t *places; /* the first voxel under the kernel at each voxel */
    uint32_t *taps;   /* distances for the layer at hand, in elements */
    uint8_t *scratch; /* of the kernels, as `sums` for integers only */
    size_t scratch_bytes;
    int32_t *sums;
    size_t sum_count;
    float *logits; /* [OTR_DENSE_PLANES][voxel_count] */
} otr_dense_workspace;

/* OTR_ERR_LIMIT if the volume is beyond OTR_DENSE_VOLUME_MAX, OTR_ERR_MEMORY; free it in either case. */
otr_status otr_dense_workspace_init(otr_dense_workspace *workspace, const otr_dense_network *network,
                                    otr_dense_arithmetic arithmetic, uint32_t rounds, uint32_t distance);
void otr_dense_workspace_free(otr_dense_workspace *workspace);
size_t otr_dense_workspace_bytes(const otr_dense_workspace *workspace);

/* Evaluates the network on the input planes [voxel][OTR_DENSE_PLANES], in halves: 0, 1 or 2. The logits are
 * in the workspace. */
void otr_dense_evaluate(otr_dense_workspace *workspace, const otr_kernels *kernels, const uint8_t *halves);

/* With floats: raises maxima[l] to the largest activation behind layer l. Sums overflow, to infinity or to no
 * number, only behind a layer that has one above OTR_DENSE_WEIGHT_MAX. */
void otr_dense_measure(otr_dense_workspace *workspace, const uint8_t *halves, float *maxima);

/* No detector, or one that the network does not see. */
#define OTR_DENSE_UNSEEN UINT32_MAX

typedef struct otr_dense_stabiliser {
    otr_basis basis;
    uint32_t cell;           /* row * distance + column in its plane */
    uint32_t first_detector; /* in round 0, or OTR_DENSE_UNSEEN */
    uint32_t data_count;
    uint32_t data[4]; /* its data qubits, which are cells too */
} otr_dense_stabiliser;

/* Where the detectors of one experiment lie in the volume. A voxel is round * distance^2 + cell. */
typedef struct otr_dense_map {
    uint32_t rounds, distance;
    otr_basis basis;
    uint32_t stabiliser_count;
    uint32_t basis_count; /* stabilisers of the memory basis */
    uint32_t detector_count;
    uint32_t boundary_begin;           /* first of the readout's detectors, which the network does not see */
    uint32_t observable_step;          /* the measured logical has the cells 0, step, 2 * step, ... */
    uint32_t *detector_input;          /* detector -> voxel * OTR_DENSE_PLANES + plane, or OTR_DENSE_UNSEEN */
    otr_dense_stabiliser *stabilisers; /* in the order of a round's detectors */
    uint8_t *presence;                 /* the input planes without events, in halves */
} otr_dense_map;

/* OTR_ERR_ARGUMENT if the experiment is not of the published form, OTR_ERR_LIMIT, OTR_ERR_MEMORY; free it in
 * any case. */
otr_status otr_dense_map_init(otr_dense_map *map, const otr_surface *surface, otr_error *error);
void otr_dense_map_free(otr_dense_map *map);
size_t otr_dense_map_bytes(const otr_dense_map *map);
size_t otr_dense_map_voxels(const otr_dense_map *map);

/* The detector of a stabiliser in a round below `rounds`, or OTR_DENSE_UNSEEN if it has none there. */
uint32_t otr_dense_map_detector(const otr_dense_map *map, uint32_t stabiliser, uint32_t round);

/* The input planes [voxel][OTR_DENSE_PLANES] of a shot, in halves. */
void otr_dense_map_planes(const otr_dense_map *map, const uint32_t *events, size_t event_count,
                          uint8_t *halves);

#endif
