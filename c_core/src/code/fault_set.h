/* The independent error mechanisms of a circuit: what each flips, how it is taken apart into graph edges, and
 * with which probability it happens.
 *
 * A mechanism is a list of targets as in a .dem `error`: components separated by OTR_TARGET_SEPARATOR.
 * Decomposition has two steps, after Stim's documented `decompose_errors`:
 *  1. when a channel is added, its cases are written as combinations of its own one- and two-detector cases;
 *  2. in the end, larger components are written as combinations of components that occur somewhere, if
 *     possible with the same observables, else leaving one new component of at most two detectors. */
#ifndef OTR_CODE_FAULT_SET_H
#define OTR_CODE_FAULT_SET_H

#include "code/target_map.h"
#include "code/target_set.h"
#include "outrider/model.h"

#include <stdbool.h>

/* Basis errors of a channel: X and Z of one or two qubits. */
#define OTR_CHANNEL_BASIS_MAX 4
#define OTR_CHANNEL_CASES_MAX (1 << OTR_CHANNEL_BASIS_MAX)

typedef struct otr_fault_set {
    otr_target_map map;    /* the mechanisms' targets */
    double *probabilities; /* by number in the map */
    size_t probability_capacity;
} otr_fault_set;

/* A Pauli channel: case k happens with probabilities[k] and flips the sum of all basis[i] with bit i of k
 * set. */
typedef struct otr_channel {
    int basis_count;
    const otr_target_set *basis[OTR_CHANNEL_BASIS_MAX];
    double probabilities[OTR_CHANNEL_CASES_MAX];
    /* The cases exclude each other, and are taken as independent after merging equal ones. */
    bool is_disjoint;
} otr_channel;

/* Frees what the calls below made; a zeroed set is empty. */
void otr_fault_set_free(otr_fault_set *faults);

/* Adds a mechanism; the same targets again combine to the probability that one of the two happens. Empty
 * lists and zero probabilities leave no trace. OTR_ERR_MEMORY. */
otr_status otr_fault_set_add(otr_fault_set *faults, const uint64_t *targets, size_t count,
                             double probability);

/* Adds the cases of a channel, decomposed within the channel. OTR_ERR_MEMORY, OTR_ERR_LIMIT. */
otr_status otr_fault_set_add_channel(otr_fault_set *faults, const otr_channel *channel);

/* The second step: replaces *faults by a set whose components have at most two detectors, in ascending order
 * of their targets. OTR_ERR_MEMORY, OTR_ERR_LIMIT, OTR_ERR_UNDECOMPOSABLE. */
otr_status otr_fault_set_finish(otr_fault_set *faults, otr_error *error);

#endif
