/* Rotated surface-code memory experiments: circuits as Stim text, error models by fault tracing.
 *
 * Circuit families:
 *  - STIM: the circuit of Stim's generator `surface_code:rotated_memory_x|z` with its four noise arguments;
 *  - PAPER: the circuit of arXiv:2604.12841 with 25 noise parameters and four orientations;
 *  - PAPER_PUBLISHED: the same without the data-preparation noise and without the data flip before the final
 *    readout; the paper's published curves correspond to it.
 *
 * The model equals what Stim's error analysis gives for the written circuit with decompose_errors=True and
 * approximate_disjoint_errors=True: same symptoms, same decompositions, probabilities to 1e-9 relative. */
#ifndef OUTRIDER_SURFACE_CODE_H
#define OUTRIDER_SURFACE_CODE_H

#include "outrider/model.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OTR_SURFACE_DISTANCE_MIN 2
#define OTR_SURFACE_DISTANCE_MAX 127
#define OTR_SURFACE_ROUNDS_MAX 100000000
/* Errors that a model that is not folded may have. */
#define OTR_SURFACE_FLAT_ERRORS_MAX 0x4000000

typedef enum otr_circuit_family {
    OTR_CIRCUIT_STIM = 0,
    OTR_CIRCUIT_PAPER = 1,
    OTR_CIRCUIT_PAPER_PUBLISHED = 2
} otr_circuit_family;

typedef enum otr_basis { OTR_BASIS_X = 0, OTR_BASIS_Z = 1 } otr_basis;

/* Orientations O1..O4 of the paper's circuit (XV, XH, ZV, ZH). The STIM family has one and takes O1. */
typedef enum otr_orientation {
    OTR_ORIENTATION_O1 = 1,
    OTR_ORIENTATION_O2 = 2,
    OTR_ORIENTATION_O3 = 3,
    OTR_ORIENTATION_O4 = 4
} otr_orientation;

/* Noise of the STIM family, named as in Stim's generator; each a probability. */
typedef struct otr_noise_stim {
    double after_clifford_depolarization;
    double before_round_data_depolarization;
    double before_measure_flip_probability;
    double after_reset_flip_probability;
} otr_noise_stim;

/* Noise of the PAPER families: 25 probabilities. */
typedef struct otr_noise_paper {
    double prep_x, prep_z; /* wrong state after a reset in X or Z */
    double meas_x, meas_z; /* flip before a measurement in X or Z */
    double idle_cnot[3];   /* X, Y, Z on a qubit idle during a CNOT layer */
    double idle_spam[3];   /* X, Y, Z on data qubits while ancillas are measured and reset */
    double cnot[15];       /* IX IY IZ XI XX XY XZ YI YX YY YZ ZI ZX ZY ZZ, control first */
} otr_noise_paper;

/* The paper's uniform depolarising model of strength p. */
OTR_API otr_noise_paper otr_noise_paper_uniform(double p);

typedef struct otr_surface_options {
    otr_circuit_family family;
    otr_basis basis;
    uint32_t width;  /* data qubits per row, OTR_SURFACE_DISTANCE_MIN..MAX, odd or even */
    uint32_t height; /* data qubits per column */
    uint32_t rounds; /* >= 1 (STIM) or >= 2 (PAPER) */
    otr_orientation orientation;
    otr_noise_stim noise_stim;
    otr_noise_paper noise_paper;
} otr_surface_options;

/* STIM, Z basis, 3 x 3, 3 rounds, O1, no noise. */
OTR_API otr_surface_options otr_surface_options_default(void);

typedef struct otr_surface otr_surface;

/* Lays out the patch and its circuit. OTR_ERR_ARGUMENT (the message names the option), OTR_ERR_PROBABILITY,
 * OTR_ERR_LIMIT, OTR_ERR_MEMORY. */
OTR_API otr_status otr_surface_create(otr_surface **out, const otr_surface_options *options,
                                      otr_error *error);
OTR_API void otr_surface_destroy(otr_surface *surface);

OTR_API uint64_t otr_surface_detector_count(const otr_surface *surface);

/* The circuit as .stim text, repeat blocks folded; snprintf rules as otr_model_text. */
OTR_API size_t otr_surface_circuit_text(const otr_surface *surface, char *buffer, size_t capacity);

/* The decomposed error model with detector coordinates (x, y, round), layer by layer. `folded` keeps the
 * bulk rounds in a `repeat` block once there are 8 rounds or more (memory and time then do not grow with the
 * rounds). The caller destroys *out. OTR_ERR_MEMORY, OTR_ERR_LIMIT, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_surface_model(const otr_surface *surface, bool folded, otr_model **out,
                                     otr_error *error);

#ifdef __cplusplus
}
#endif
#endif
