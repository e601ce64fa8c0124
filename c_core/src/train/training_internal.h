/* What the parts of training share: one graph on its lattice, and the present batch. */
#ifndef OTR_TRAINING_INTERNAL_H
#define OTR_TRAINING_INTERNAL_H

#include "outrider/training.h"
#include "predecode/lattice.h"

/* One growing array for each view of otr_training_shots that has one. */
typedef struct otr_training_arrays {
    uint64_t *shot_events, *shot_edges, *relation_pairs;
    uint32_t *detector, *set, *place, *phase;
    uint32_t *target, *source;
    uint32_t *edge, *output1, *output2;
    float *prior, *label;
    size_t shot_events_capacity, shot_edges_capacity, relation_pairs_capacity;
    size_t detector_capacity, set_capacity, place_capacity, phase_capacity;
    size_t target_capacity, source_capacity;
    size_t edge_capacity, output1_capacity, output2_capacity;
    size_t prior_capacity, label_capacity;
} otr_training_arrays;

/* A pair as it is found, event by event. */
typedef struct otr_training_pair {
    uint32_t target, source, relation;
} otr_training_pair;

/* A gap and the limit that it was made for. */
typedef struct otr_training_gap {
    otr_gap *gap;
    int32_t limit;
} otr_training_gap;

struct otr_training {
    const otr_graph *graph;
    const otr_kernels *kernels;
    otr_lattice_rule rule;
    otr_lattice lattice;
    uint8_t set_of_kind[OTR_LATTICE_KINDS_MAX];
    uint32_t sets, slots;
    uint32_t *slot_edges; /* [node][slot]: edge or OTR_NONE */
    uint8_t *end_slots;   /* [edge][2]: slot at node1 and at node2 */
    float *priors;        /* [edge] */
    double log_noise;

    /* Near events are looked up in a grid of sites with margins; a cell holds an event or OTR_NONE. */
    uint32_t *cells; /* node -> cell */
    uint32_t *grid;
    uint32_t offset_count;
    int64_t *steps; /* [kind][offset]: from an event's cell to its neighbour's */

    otr_training_arrays arrays;
    otr_training_pair *pairs;
    size_t pair_capacity;
    uint32_t *events; /* of one shot, with room for otr_kernels.bit_indices to scribble */
    otr_training_shots shots;

    /* Gaps under the log-odds of a batch, and under the model's own weights; made when first asked for. */
    otr_training_gap gap, own_gap;
    int32_t offset;
    otr_override *overrides;
    size_t override_capacity;
    uint32_t *difference_edges, *first_edges;
    int8_t *difference_signs;
    size_t difference_capacity, sign_capacity, first_capacity;
};

#endif
