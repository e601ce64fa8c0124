/* Noise of surface-code circuits: checks of the parameters, and Pauli channels as independent errors. */
#ifndef OTR_CODE_NOISE_H
#define OTR_CODE_NOISE_H

#include "outrider/surface_code.h"

#include <stdbool.h>

/* OTR_ERR_PROBABILITY, the message naming the parameter, when one is no probability, the parameters of a
 * channel sum to more than 1, or a depolarisation is over-mixing (above 3/4). */
otr_status otr_noise_stim_check(const otr_noise_stim *noise, otr_error *error);
otr_status otr_noise_paper_check(const otr_noise_paper *noise, otr_error *error);

/* Probability of each of the 3 (15) Paulis as independent errors that compose to DEPOLARIZE1(p)
 * (DEPOLARIZE2(p)). */
double otr_depolarize1_independent(double p);
double otr_depolarize2_independent(double p);

/* Finds independent X, Y, Z errors that compose to the channel with disjoint probabilities (x, y, z). False
 * when there are none. */
bool otr_pauli1_independent(const double disjoint[3], double independent[3]);

#endif
