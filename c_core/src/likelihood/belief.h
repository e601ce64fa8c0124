/* Belief propagation over the errors and detectors of a part: how likely each error is, in the eyes of each
 * of its detectors, given the shot. The sum-product algorithm with a flooding schedule (arXiv:2005.07016
 * applies it to quantum codes), in products and quotients only: no logarithm, so every machine gives the same
 * bits. */
#ifndef OTR_BELIEF_H
#define OTR_BELIEF_H

#include "likelihood/frontier.h"

/* For each incidence of the part, messages[] gets 1 - 2p of the error in the eyes of the detector, from -1 to
 * 1: its own probability before any iteration. `fired` has one 0 or 1 for each step; `scratch` is as long as
 * `messages`. */
void otr_belief_run(const otr_frontier *part, const uint8_t *fired, uint32_t iterations, double *messages,
                    double *scratch);

#endif
