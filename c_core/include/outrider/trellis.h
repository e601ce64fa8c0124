/* Maximum-likelihood decoding: the sum over all errors of a model.
 *
 * An answer is right if the errors that happened flip the observables that it names, whichever errors they
 * were. So the best answer is the class of observables whose sets of errors, of all that explain the shot,
 * are likeliest together. A trellis sums them up: it closes one detector after the other, with the summed
 * probability of every state of the open ones (a frontier, or transfer matrix; for decoding arXiv:1405.4883).
 * It needs no decomposition and no graph, and takes any model. States that are not worth it are dropped, as
 * belief propagation sees the errors to come; without a cutoff the sum is exact.
 *
 * Sums are of doubles, added in one order, without contraction or library functions: the same bits on every
 * machine. Budgets are of states, never of time. */
#ifndef OUTRIDER_TRELLIS_H
#define OUTRIDER_TRELLIS_H

#include "outrider/kernels.h"
#include "outrider/model.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Errors, observables, and detectors that are open at once. */
#define OTR_TRELLIS_ERRORS_MAX 0x1000000
#define OTR_TRELLIS_OBSERVABLES_MAX 64
#define OTR_TRELLIS_OPEN_MAX 1024
/* Observables that parts of a model which share no detector may flip together. */
#define OTR_TRELLIS_SHARED_OBSERVABLES_MAX 16
/* Of options. */
#define OTR_TRELLIS_CUTOFF_MAX 0.1
#define OTR_TRELLIS_STATES_MAX 0x100000
#define OTR_TRELLIS_ITERATIONS_MAX 64
#define OTR_TRELLIS_TABLE_BITS_MAX 14
/* Magnitude of a log-likelihood ratio. */
#define OTR_TRELLIS_RATIO_MAX 600.0

typedef struct otr_trellis otr_trellis;

/* What is kept of the states after each detector. */
typedef struct otr_trellis_budget {
    double cutoff; /* below this times the heaviest of its class a state is dropped; 0 .. 0.1, 0 for none */
    uint32_t states_max; /* 1 .. OTR_TRELLIS_STATES_MAX; of more, the heaviest are kept */
} otr_trellis_budget;

typedef struct otr_trellis_options {
    otr_isa isa;               /* OTR_ISA_AUTO picks the best; all of them give the same bits */
    uint32_t iterations;       /* of belief propagation, at most OTR_TRELLIS_ITERATIONS_MAX */
    otr_trellis_budget coarse; /* for every shot */
    otr_trellis_budget fine;   /* again for those whose answer is unsure, or that nothing explains so far */
    uint32_t table_bits; /* parts of the model with at most so many detectors open at once and observables are
                            summed up exactly, in a table of every state; 0 to OTR_TRELLIS_TABLE_BITS_MAX */
    double unsure;       /* log-likelihood ratios below this in magnitude are; natural units, from 0 */
} otr_trellis_options;

/* 3 iterations; tables of 14 bits; cutoff 1e-4 and 1000 states, for ratios below 1 again with 1e-5 and 4000.
 */
OTR_API otr_trellis_options otr_trellis_options_default(void);

/* Lays out the sum of a model, which is not needed afterwards. A trellis is single-threaded (make one per
 * thread), does all its allocation here and none later. OTR_ERR_ARGUMENT for options out of range.
 * OTR_ERR_LIMIT: one of the limits above. OTR_ERR_UNSUPPORTED: a missing instruction set. OTR_ERR_MEMORY. On
 * failure *out is untouched. */
OTR_API otr_status otr_trellis_create(otr_trellis **out, const otr_model *model,
                                      const otr_trellis_options *options, otr_error *error);
OTR_API void otr_trellis_destroy(otr_trellis *trellis);

OTR_API uint32_t otr_trellis_detector_count(const otr_trellis *trellis);
OTR_API uint32_t otr_trellis_observable_count(const otr_trellis *trellis);
/* Most detectors that are open at once. */
OTR_API uint32_t otr_trellis_open_count(const otr_trellis *trellis);
/* Heap bytes held. */
OTR_API size_t otr_trellis_bytes(const otr_trellis *trellis);

/* What one shot gives. */
typedef struct otr_trellis_result {
    double failure; /* the probability that the answer is wrong in some observable, by the model; one far
                       below the cutoff may be 0 */
    uint64_t work;  /* states seen, each once for each error that was applied to it */
    bool is_fine;   /* the fine budget was used */
    bool is_exact;  /* nothing was left out */
} otr_trellis_result;

/* Decodes one shot.
 *  detectors    packed bits as in otr_decoder_decode; padding bits are ignored
 *  observables  out, packed bits of the likeliest class, ceil(observables/8) bytes, padding zero; nullable
 *  ratios       out, for each observable ln(P(not flipped) / P(flipped)), within OTR_TRELLIS_RATIO_MAX;
 *               nullable. One beyond ln(1 / cutoff) in magnitude is of a class that was dropped: how large
 *               it is has no meaning, and rarely the exact one is smaller than that. With several
 *               observables the likeliest class need not be that of their signs
 *  result       out; nullable
 * OTR_ERR_UNEXPLAINED: no errors of the model explain the shot, or none that the fine budget keeps; outputs
 * are untouched. Parts of the model in which no error flips an observable are not looked at. */
OTR_API otr_status otr_trellis_decode(otr_trellis *trellis, const uint8_t *detectors, uint8_t *observables,
                                      double *ratios, otr_trellis_result *result);

#ifdef __cplusplus
}
#endif
#endif
