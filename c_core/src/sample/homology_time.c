/* The move of a data qubit between rounds t and t+1: its errors in both rounds flip, and the timelike parts
 * in round t of the one or two stabilisers that see them. The weight around the qubit in a round is
 *     w = e + sum over these stabilisers of (s + det),
 * and the move is wanted if it lowers w[t] + w[t+1], or keeps the sum and raises the larger of the two.
 *
 * Only e[t], e[t+1] and the s[t] flip, so the sum falls if most of them are 1 and stays if half are. In the
 * latter case let D be the events of round t and R the events and timelike parts of round t+1. Going through
 * the cases, the larger one rises if e[t+1] is 1 and R <= D, or if e[t+1] is 0 and R >= D + 2.
 *
 * All qubits of a pair of rounds are judged at once; among wanted moves that share a stabiliser that of the
 * qubit with the lowest number wins, even where it loses at another stabiliser. */
#include "outrider/labels.h"
#include "sample/homology.h"

#include <string.h>

static uint64_t move_errors(const otr_label_layout *layout, otr_basis type, uint64_t *words,
                            uint32_t first_round, uint64_t *scratch);
static uint64_t wanted_moves(const otr_label_layout *layout, otr_basis type, const uint64_t *words,
                             uint32_t data);

void otr_homology_time(const otr_label_layout *layout, otr_basis type, uint64_t *words, uint64_t *scratch) {
    /* Errors that the first round cannot see stay there. */
    const uint32_t even_rounds = type == layout->memory_basis ? 2 : 0;
    uint64_t changed = 1;
    for (int pass = 0; pass < OTR_LABELS_TIME_PASSES && changed != 0; pass++) {
        changed = move_errors(layout, type, words, even_rounds, scratch);
        changed |= move_errors(layout, type, words, 1, scratch);
    }
}

/* Between the rounds first_round and first_round + 1, the next two, and so on. */
static uint64_t move_errors(const otr_label_layout *layout, otr_basis type, uint64_t *words,
                            uint32_t first_round, uint64_t *scratch) {
    const uint32_t round_bits = otr_label_round_bits(layout);
    uint64_t *const wanted = scratch, *const taken = scratch + layout->data_count;
    uint64_t changed = 0;
    for (uint32_t round = first_round; round + 1 < layout->rounds; round += 2) {
        uint64_t *const here = words + (size_t)round * round_bits;
        uint64_t any = 0;
        for (uint32_t data = 0; data < layout->data_count; data++) {
            wanted[data] = wanted_moves(layout, type, here, data);
            any |= wanted[data];
        }
        if (any == 0) {
            continue;
        }
        memset(taken, 0, layout->stabiliser_count * sizeof *taken);
        for (uint32_t data = 0; data < layout->data_count; data++) {
            const otr_detecting *const detecting = &layout->detecting[type][data];
            const uint32_t error = otr_label_error(layout, type, data);
            uint64_t moved = wanted[data];
            for (uint32_t i = 0; i < detecting->count; i++) {
                moved &= ~taken[detecting->stabilisers[i]];
                taken[detecting->stabilisers[i]] |= wanted[data];
            }
            for (uint32_t i = 0; i < detecting->count; i++) {
                here[otr_label_timelike(layout, detecting->stabilisers[i])] ^= moved;
            }
            here[error] ^= moved;
            here[round_bits + error] ^= moved;
            changed |= moved;
        }
    }
    return changed;
}

/* The shots in which the move of the qubit between the round at `here` and the next is wanted. */
static uint64_t wanted_moves(const otr_label_layout *layout, otr_basis type, const uint64_t *here,
                             uint32_t data) {
    const otr_detecting *const detecting = &layout->detecting[type][data];
    const uint64_t *const next = here + otr_label_round_bits(layout);
    const uint32_t error = otr_label_error(layout, type, data);
    const uint32_t event1 = otr_label_event(detecting->stabilisers[0]);
    const uint32_t event2 = otr_label_event(detecting->stabilisers[1]);
    const uint32_t time1 = otr_label_timelike(layout, detecting->stabilisers[0]);
    const uint32_t time2 = otr_label_timelike(layout, detecting->stabilisers[1]);
    const uint64_t a = here[error], b = next[error], c = here[time1];
    if (detecting->count == 1) {
        return (a & b) | (c & (a | b));
    }
    const uint64_t d = here[time2];
    const uint64_t most = (a & b & (c | d)) | (c & d & (a | b));
    const uint64_t half = ((a & b) ^ (c & d) ^ ((a ^ b) & (c ^ d))) & ~most;
    if (half == 0) {
        return most;
    }
    /* D >= 1, 2 and R >= 1, 2, 3, 4. */
    const uint64_t d1 = here[event1] | here[event2], d2 = here[event1] & here[event2];
    const uint64_t s1 = next[time1] | next[time2], s2 = next[time1] & next[time2];
    const uint64_t e1 = next[event1] | next[event2], e2 = next[event1] & next[event2];
    const uint64_t r1 = s1 | e1, r2 = s2 | e2 | (s1 & e1), r3 = (s1 & e2) | (s2 & e1), r4 = s2 & e2;
    const uint64_t not_above = ~(r1 & (~d1 | r2) & (~d2 | r3));
    const uint64_t far_above = r2 & (~d1 | r3) & (~d2 | r4);
    return most | (half & ((b & not_above) | (~b & far_above)));
}
