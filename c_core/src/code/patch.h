/* The rotated surface-code patch: where qubits and stabilisers sit, and in which order they are used.
 *
 * Data qubit r * width + c sits at coordinates (2c + 1, 2r + 1), row 0 on top; stabilisers sit at even
 * coordinates between them. Plaquettes alternate in a chessboard; each of the four edges keeps the two-qubit
 * plaquettes of one type only, so that opposite edges carry the same type and width * height - 1 stabilisers
 * remain, for any size. */
#ifndef OTR_CODE_PATCH_H
#define OTR_CODE_PATCH_H

#include "outrider/surface_code.h"

#include <stdbool.h>

/* Stands for a corner at which a stabiliser has no data qubit. */
#define OTR_NO_DATA UINT32_MAX

typedef enum otr_corner {
    OTR_TOP_LEFT = 0,
    OTR_TOP_RIGHT = 1,
    OTR_BOTTOM_LEFT = 2,
    OTR_BOTTOM_RIGHT = 3
} otr_corner;

#define OTR_CORNER_COUNT 4
/* CX layers of a round: each visits one corner of every stabiliser. */
#define OTR_LAYER_COUNT 4

typedef struct otr_stabiliser {
    otr_basis basis;
    uint32_t x, y;
    uint32_t qubit;                  /* its ancilla's number in the circuit */
    uint32_t data[OTR_CORNER_COUNT]; /* data indices, or OTR_NO_DATA, by otr_corner */
} otr_stabiliser;

typedef struct otr_patch {
    uint32_t width, height;
    uint32_t data_count, stabiliser_count;
    uint32_t basis_count;        /* stabilisers of the memory basis */
    uint32_t *data_qubit;        /* the circuit's number of each data qubit */
    uint8_t *data_layers;        /* per data qubit, bit k: a CX of layer k acts on it */
    otr_stabiliser *stabilisers; /* in the order of their measurement, so of detectors within a round */
    uint32_t *gate_order;        /* all stabilisers, in the order of a layer's CX */
    uint32_t *basis_order;       /* those of the memory basis, in the first and last detectors' order */
    otr_corner corners[2][OTR_LAYER_COUNT]; /* the corner visited per layer, by basis of the stabiliser */
    bool observable_is_row;                 /* the measured logical is the top row, else the left column */
} otr_patch;

/* `options` must have passed otr_surface_create's checks. OTR_ERR_MEMORY. */
otr_status otr_patch_init(otr_patch *patch, const otr_surface_options *options);
/* Frees what otr_patch_init made; a zeroed patch is allowed. */
void otr_patch_free(otr_patch *patch);

/* The cell that stands for a stabiliser in the planes of arXiv:2604.12841, its first data qubit of: top left,
 * top right, bottom left, bottom right for X; top right, top left, bottom right, bottom left for Z. */
uint32_t otr_stabiliser_cell(const otr_stabiliser *stabiliser);

/* Detectors of layer `layer` when there are `rounds` rounds: layers 0 and `rounds` compare with the
 * preparation and the final readout and hold the memory basis only. */
uint32_t otr_patch_layer_detectors(const otr_patch *patch, uint64_t layer, uint64_t rounds);
/* The stabiliser whose detector is number `index` of that layer. */
const otr_stabiliser *otr_patch_layer_stabiliser(const otr_patch *patch, uint64_t layer, uint64_t rounds,
                                                 uint32_t index);

#endif
