/* Training data of the published pre-decoder (arXiv:2604.12841): circuit faults of the PAPER families sampled
 * together with the labels that a network learns from them.
 *
 * Faults are independent: each Pauli of each noise place of the circuit is a fault of its own with the
 * probability that the noise model names. All of the following is a sum over the faults of a shot, mod 2.
 *  - The data errors of round t, e[t]: what the fault leaves on the data qubits at the end of its round. A
 *    fault that flips no outcome of its own round is deferred: its errors count in the next round.
 *  - The timelike part s[t]: the outcome flips of round t, against those that the errors so far would give in
 *    a round without faults.
 *  - det[t], the detection events, so that s[t] + s[t-1] = H e[t] + det[t]: who knows e and s knows why every
 *    detector fired, and the errors along the logical operator give the observable.
 * Homological equivalence then replaces e and s by simpler ones of the same meaning, see
 * otr_label_options.equivalence.
 *
 * Shots are numbered and keyed as in outrider/sampler.h: any split, thread and instruction set gives the same
 * ones. */
#ifndef OUTRIDER_LABELS_H
#define OUTRIDER_LABELS_H

#include "outrider/sampler.h"
#include "outrider/surface_code.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Label bits of one shot, 2 * rounds * (data qubits + stabilisers). */
#define OTR_LABELS_BITS_MAX 0x1000000u

typedef struct otr_label_sampler otr_label_sampler;

typedef struct otr_label_options {
    uint64_t seed;
    otr_isa isa;
    /* Whether a CNOT's fault with a Y is taken apart as in the paper's Table I, and its parts are deferred
     * one by one. */
    bool split_y;
    /* Whether errors that differ by stabilisers, or by an error in two successive rounds with the timelike
     * flips between them, are brought to one canonical form: spacelike, timelike (one qubit at a time,
     * OTR_LABELS_TIME_PASSES at most), spacelike. */
    bool equivalence;
} otr_label_options;

/* Passes of the timelike step, and sweeps of a spacelike one; shots settle in fewer. */
#define OTR_LABELS_TIME_PASSES 8
#define OTR_LABELS_SPACE_SWEEPS 100

/* Seed 0, any instruction set, Y whole, with equivalence. */
OTR_API otr_label_options otr_label_options_default(void);

/* `surface` is of a PAPER family (OTR_ERR_ARGUMENT otherwise) and not needed afterwards. Single-threaded:
 * make one per thread. OTR_ERR_LIMIT, OTR_ERR_UNSUPPORTED, OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_label_sampler_create(otr_label_sampler **out, const otr_surface *surface,
                                            const otr_label_options *options, otr_error *error);
OTR_API void otr_label_sampler_destroy(otr_label_sampler *sampler);

/* The planes' shape (rounds, height, width), and detectors as otr_surface_detector_count; there is one
 * observable. */
OTR_API uint32_t otr_label_sampler_rounds(const otr_label_sampler *sampler);
OTR_API uint32_t otr_label_sampler_height(const otr_label_sampler *sampler);
OTR_API uint32_t otr_label_sampler_width(const otr_label_sampler *sampler);
OTR_API uint64_t otr_label_sampler_detector_count(const otr_label_sampler *sampler);

/* What sampling fills in, as otr_sampler_output. A stabiliser's cell in a plane is one of its data qubits: of
 * X type the first that exists of top left, top right, bottom left; of Z type of top right, top left, bottom
 * right. */
typedef struct otr_label_output {
    otr_bit_rows detectors; /* in the order of the surface's model */
    otr_bit_rows observables;
    /* (2, rounds, height, width): X events, Z events; those of the type that is not the memory's basis are
     * blank in the first and the last round. */
    otr_bit_rows inputs;
    /* (4, rounds, height, width): Z errors, X errors, timelike part of X stabilisers, of Z stabilisers. */
    otr_bit_rows labels;
} otr_label_output;

/* Samples shots first_shot .. first_shot + shot_count - 1; allocates nothing. OTR_ERR_ARGUMENT for a stride
 * that is too small or first_shot + shot_count overflowing. */
OTR_API otr_status otr_label_sampler_sample(otr_label_sampler *sampler, uint64_t first_shot,
                                            size_t shot_count, const otr_label_output *output);

/* Writes the two input planes that are the same for all shots, (2, rounds, height, width): where X and where
 * Z stabilisers sit, 1 for four qubits and 1/2 for two, blank where the events are. */
OTR_API void otr_label_sampler_presence(const otr_label_sampler *sampler, float *planes);

#ifdef __cplusplus
}
#endif
#endif
