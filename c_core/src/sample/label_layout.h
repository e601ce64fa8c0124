/* Where things lie in the labels of the published pre-decoder: numbers of bits, cells of planes, neighbours
 * on the patch.
 *
 * The bits of a shot are numbered round by round; within a round come the events of all stabilisers, their
 * timelike parts, the X and the Z errors of all data qubits. */
#ifndef OTR_SAMPLE_LABEL_LAYOUT_H
#define OTR_SAMPLE_LABEL_LAYOUT_H

#include "code/surface_internal.h"

/* The data qubits of a stabiliser: by otr_corner if there are four, else the preferred one and the other. */
typedef struct otr_plaquette {
    uint32_t weight; /* 4 or 2 */
    uint32_t data[OTR_CORNER_COUNT];
} otr_plaquette;

/* The stabilisers of the other type around a data qubit: they see an error there. */
typedef struct otr_detecting {
    uint32_t count; /* 1 or 2 */
    uint32_t stabilisers[2];
} otr_detecting;

typedef struct otr_label_layout {
    uint32_t rounds, height, width;
    uint32_t data_count, stabiliser_count;
    otr_basis memory_basis;
    uint32_t observable_step, observable_length; /* data qubits 0, step, 2 step, ... are measured */
    otr_basis *basis;                            /* of each stabiliser */
    uint32_t *cell;                              /* its place in a plane, a data qubit */
    uint32_t *weight;                            /* its data qubits */
    otr_plaquette *plaquettes[2];                /* those of each type, in the order of their measurement */
    uint32_t plaquette_count[2];
    otr_detecting *detecting[2]; /* by type of the error, then data qubit */
} otr_label_layout;

/* OTR_ERR_MEMORY. */
otr_status otr_label_layout_init(otr_label_layout *layout, const otr_surface *surface);
/* A zeroed layout is allowed. */
void otr_label_layout_free(otr_label_layout *layout);

static inline uint32_t otr_label_event(uint32_t stabiliser) {
    return stabiliser;
}

static inline uint32_t otr_label_timelike(const otr_label_layout *layout, uint32_t stabiliser) {
    return layout->stabiliser_count + stabiliser;
}

/* An X or a Z on a data qubit. */
static inline uint32_t otr_label_error(const otr_label_layout *layout, otr_basis type, uint32_t data) {
    return 2 * layout->stabiliser_count + (type == OTR_BASIS_Z ? layout->data_count : 0) + data;
}

/* Bits of a round. */
static inline uint32_t otr_label_round_bits(const otr_label_layout *layout) {
    return 2 * (layout->stabiliser_count + layout->data_count);
}

/* Bits of a shot. */
static inline uint64_t otr_label_bits(const otr_label_layout *layout) {
    return (uint64_t)layout->rounds * otr_label_round_bits(layout);
}

#endif
