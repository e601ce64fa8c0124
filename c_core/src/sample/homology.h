/* Homological equivalence: many errors mean the same, and a network that learns labels should see one of them
 * only (arXiv:2604.12841, appendix on label processing).
 *
 * Bits of 64 shots are a word: words[b] holds bit b (as numbered in label_layout.h) of shots 0 .. 63. All
 * functions work on every shot by itself. */
#ifndef OTR_SAMPLE_HOMOLOGY_H
#define OTR_SAMPLE_HOMOLOGY_H

#include "sample/label_layout.h"

/* Spacelike, timelike, spacelike. `scratch` has a word per data qubit and one per stabiliser, as below. */
void otr_homology_simplify(const otr_label_layout *layout, uint64_t *words, uint64_t *scratch);

/* Errors of one type and round, a word per data qubit, may be multiplied by stabilisers of their type: until
 * nothing changes, makes them light and moves those that stay to preferred places. */
void otr_homology_space(const otr_label_layout *layout, otr_basis type, uint64_t *errors, uint64_t *scratch);

/* An error of this type may be moved between successive rounds together with the timelike parts that the move
 * flips: until nothing changes, moves what makes the labels lighter or gathers them in one round. Uses the
 * events to break ties. */
void otr_homology_time(const otr_label_layout *layout, otr_basis type, uint64_t *words, uint64_t *scratch);

#endif
