/* The dense network of arXiv:2604.12841 ("Fast and accurate AI-based pre-decoders for surface codes"): a
 * stack of zero-padded 3-D convolutions over all rounds and places of a patch, with tanh-GELU between them.
 *
 * Reads the published safetensors files (models 1 to 5) and any network of that form: weights
 * `net.{0,3,6,...}.weight` in the order (output, input, time, row, column) and `net.{...}.bias`, F16, BF16 or
 * F32, names optionally with `module.` before them; 4 input channels; cubic kernels of one odd size; the
 * first 4 output channels count. Files that this library writes also hold the ranges of activations that
 * integers need.
 *
 * Arithmetic: FLOAT is single precision as in the training code; INTEGER uses 8-bit weights, 7-bit
 * activations and 32-bit sums, and gives the same answers on every instruction set. */
#ifndef OUTRIDER_DENSE_NETWORK_H
#define OUTRIDER_DENSE_NETWORK_H

#include "outrider/predecoder.h"
#include "outrider/surface_code.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a network may have at most. */
#define OTR_DENSE_LAYERS_MAX 16
#define OTR_DENSE_CHANNELS_MAX 1024
#define OTR_DENSE_KERNEL_MAX 7
/* Largest magnitude of a weight or bias. */
#define OTR_DENSE_WEIGHT_MAX 10000
/* Voxels of one shot, rounds * distance^2, and bytes of one of its volumes of activations. */
#define OTR_DENSE_VOXELS_MAX 0x1000000
#define OTR_DENSE_VOLUME_MAX 0x40000000

/* Planes of input and of output. */
#define OTR_DENSE_PLANES 4

typedef struct otr_dense_network otr_dense_network;

/* Reads a file's bytes, which are not needed afterwards. OTR_ERR_TRUNCATED, OTR_ERR_FORMAT (the message names
 * the tensor), OTR_ERR_LIMIT, OTR_ERR_MEMORY. Once made, and calibrated if it shall be, a network is
 * immutable and shared by threads. */
OTR_API otr_status otr_dense_network_create(otr_dense_network **out, const uint8_t *bytes, size_t byte_count,
                                            otr_error *error);
OTR_API void otr_dense_network_destroy(otr_dense_network *network);

typedef struct otr_dense_info {
    uint32_t model_id; /* 1 to 5, 0 for other layers than the published ones */
    uint32_t layer_count;
    uint32_t kernel;          /* 3 for 3x3x3 */
    uint32_t width;           /* channels of the first layer */
    uint32_t receptive_field; /* voxels in each direction of space and time, 1 + layers * (kernel - 1) */
    uint64_t parameter_count;
    uint64_t products_per_voxel; /* multiplications */
    bool has_integers;           /* calibrated, so that INTEGER arithmetic is possible */
} otr_dense_info;
OTR_API otr_dense_info otr_dense_network_info(const otr_dense_network *network);

/* Measures the range of activations on shots of the experiment `surface`, which fixes the integers: the
 * largest activation of each layer becomes the largest 7-bit number. Rows are packed detectors, `stride`
 * bytes apart. OTR_ERR_ARGUMENT as for the pre-decoder, without shots, or if the stride is too small for the
 * detectors; OTR_ERR_FORMAT unless every layer's largest activation is above 0 and at most
 * OTR_DENSE_WEIGHT_MAX; OTR_ERR_LIMIT as for the pre-decoder, OTR_ERR_MEMORY. The network is unchanged on
 * failure. */
OTR_API otr_status otr_dense_network_calibrate(otr_dense_network *network, const otr_surface *surface,
                                               const uint8_t *detectors, size_t stride, size_t shot_count,
                                               otr_error *error);

/* Writes the network as a safetensors file: F32 weights, and ranges if it is calibrated. Reading that file
 * gives the same network. snprintf rules: at most `capacity` bytes are written, the full size is returned. */
OTR_API size_t otr_dense_network_write(const otr_dense_network *network, uint8_t *buffer, size_t capacity);

typedef enum otr_dense_arithmetic { OTR_DENSE_FLOAT = 0, OTR_DENSE_INTEGER = 1 } otr_dense_arithmetic;

typedef struct otr_dense_options {
    otr_isa isa;
    otr_dense_arithmetic arithmetic;
    float data_threshold;     /* hard use flips data qubits whose logit is at least this; finite */
    float syndrome_threshold; /* and measurements whose logit is at least this; finite */
} otr_dense_options;

/* AUTO, INTEGER, both thresholds 0. */
OTR_API otr_dense_options otr_dense_options_default(void);

/* A pre-decoder for the shots of `surface`: family PAPER or PAPER_PUBLISHED, square with odd distance.
 * `graph` is the matching graph of its model. It borrows network and graph, and needs the surface only now.
 *  - hard use is the published pipeline: logits at or above the thresholds are flips of data qubits between
 *    rounds and of measurements; the residual is what they leave of the events. True events of the last round
 *    that the published input masks (those of the other basis) are dropped with it.
 *    otr_predecoder_set_threshold is not for this kind: its options have the thresholds.
 *  - soft use turns the logits into weights: data qubits into the edges within a round, measurements into the
 *    edges between rounds; several flips that are one edge to the boundary are combined. Diagonal edges keep
 *    their weights.
 * Logits that are no numbers, which FLOAT gives where its activations overflow, flip nothing and weigh 0.
 * OTR_ERR_ARGUMENT (the message names what does not fit), OTR_ERR_UNSUPPORTED for the instruction set,
 * OTR_ERR_LIMIT, OTR_ERR_MEMORY. */
OTR_API otr_status otr_dense_predecoder_create(otr_predecoder **out, const otr_dense_network *network,
                                               const otr_surface *surface, const otr_graph *graph,
                                               const otr_dense_options *options, otr_error *error);

/* The network's logits of a shot, in the order (plane, round, row, column): Z error and X error of the data
 * qubit at (row, column), false outcome of the X and of the Z stabiliser at the cell. There are *logit_count
 * = OTR_DENSE_PLANES * rounds * distance^2, which live until the next call. Events as for
 * otr_predecoder_apply. OTR_ERR_ARGUMENT if the pre-decoder is of another kind, OTR_ERR_INDEX. */
OTR_API otr_status otr_dense_predecoder_logits(otr_predecoder *predecoder, const uint32_t *events,
                                               size_t event_count, const float **logits, size_t *logit_count);

#ifdef __cplusplus
}
#endif
#endif
