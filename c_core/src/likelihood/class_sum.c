#include "likelihood/class_sum.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/logarithm.h"
#include "likelihood/belief.h"
#include "likelihood/table_sum.h"

/* Weights of classes below this count as none. */
#define WEIGHT_MIN 1e-300

static bool has_impossible_event(const otr_error_list *errors, const uint8_t *detectors);
static otr_frontier_result sum_part(otr_class_sum *sum, uint32_t number, const otr_trellis_budget *budget);
static double ratio_of(double unflipped, double flipped);
static void judge_classes(otr_class_sum *sum, const otr_class_group *group, const uint64_t *masks,
                          const double *weights, size_t count, otr_class_answer *out);

otr_status otr_check_trellis_budget(const otr_trellis_budget *budget, otr_error *error) {
    return budget->cutoff >= 0 && budget->cutoff <= OTR_TRELLIS_CUTOFF_MAX && budget->states_max > 0 &&
                   budget->states_max <= OTR_TRELLIS_STATES_MAX
               ? OTR_OK
               : otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                               "a budget has a cutoff from 0 to %g and 1 to %d states",
                               OTR_TRELLIS_CUTOFF_MAX, OTR_TRELLIS_STATES_MAX);
}

double otr_ratio_within_range(double ratio) {
    if (ratio > OTR_TRELLIS_RATIO_MAX || ratio < -OTR_TRELLIS_RATIO_MAX) {
        return ratio > 0 ? OTR_TRELLIS_RATIO_MAX : -OTR_TRELLIS_RATIO_MAX;
    }
    return ratio;
}

otr_status otr_class_sum_init(otr_class_sum *sum, uint32_t states_max, uint32_t table_bits,
                              const otr_kernels *kernels) {
    *sum = (otr_class_sum){.table_bits = table_bits};
    sum->table = otr_array_new((size_t)1 << table_bits, sizeof *sum->table);
    return sum->table != NULL ? otr_frontier_space_init(&sum->space, states_max, kernels) : OTR_ERR_MEMORY;
}

otr_status otr_class_sum_lay(otr_class_sum *sum, const otr_error_list *errors, otr_error *error) {
    size_t classes = 1; /* an array to divide, though no group has a table */
    otr_status status = otr_frontier_list_fill(&sum->frontiers, errors, error);
    sum->errors = errors;
    sum->groups.count = 0;
    if (status == OTR_OK) {
        status = otr_class_groups_fill(&sum->groups, &sum->frontiers, errors, error);
    }
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < sum->groups.count; i++) {
        const size_t count = sum->groups.groups[i].class_count;
        classes = count > classes ? count : classes;
    }
    return otr_array_reserve((void **)&sum->fired, &sum->fired_capacity, sum->frontiers.step_count,
                             sizeof *sum->fired) &&
                   otr_array_reserve((void **)&sum->messages, &sum->message_capacity,
                                     sum->frontiers.incidence_count, sizeof *sum->messages) &&
                   otr_array_reserve((void **)&sum->scratch, &sum->scratch_capacity,
                                     sum->frontiers.incidence_count, sizeof *sum->scratch) &&
                   otr_array_reserve((void **)&sum->sums, &sum->sum_capacity, 3 * classes,
                                     sizeof *sum->sums) &&
                   otr_array_reserve((void **)&sum->part_ratios, &sum->part_ratio_capacity,
                                     sum->frontiers.count, sizeof *sum->part_ratios) &&
                   otr_frontier_space_fit(&sum->space, &sum->frontiers) == OTR_OK
               ? OTR_OK
               : otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
}

void otr_class_sum_free(otr_class_sum *sum) {
    free(sum->fired);
    free(sum->messages);
    free(sum->scratch);
    free(sum->table);
    free(sum->sums);
    free(sum->part_ratios);
    otr_frontier_space_free(&sum->space);
    otr_class_groups_free(&sum->groups);
    otr_frontier_list_free(&sum->frontiers);
}

size_t otr_class_sum_bytes(const otr_class_sum *sum) {
    return otr_frontier_list_bytes(&sum->frontiers) + otr_frontier_space_bytes(&sum->space) +
           otr_class_groups_bytes(&sum->groups) + sum->fired_capacity +
           (((size_t)1 << sum->table_bits) + sum->message_capacity + sum->scratch_capacity +
            sum->sum_capacity + sum->part_ratio_capacity) *
               sizeof(double);
}

bool otr_class_sum_take(otr_class_sum *sum, const uint8_t *detectors, uint32_t iterations) {
    if (has_impossible_event(sum->errors, detectors)) {
        return false;
    }
    for (uint32_t i = 0; i < sum->frontiers.count; i++) {
        const otr_frontier *const part = &sum->frontiers.parts[i];
        uint8_t *const fired = sum->fired + part->first_step;
        for (uint32_t step = 0; step < part->step_count; step++) {
            const uint32_t detector = part->detector_of[step];
            fired[step] = otr_bit_get(detectors, detector) != otr_bit_get(sum->errors->happened, detector);
        }
        if (!otr_table_sum_fits(part, sum->table_bits)) {
            otr_belief_run(part, fired, iterations, sum->messages + part->first_incidence,
                           sum->scratch + part->first_incidence);
        }
    }
    for (uint32_t i = 0; i < sum->errors->observable_count; i++) {
        sum->ratios[i] = OTR_TRELLIS_RATIO_MAX;
    }
    return true;
}

otr_class_answer otr_class_sum_group(otr_class_sum *sum, uint32_t number, const otr_trellis_budget *budget) {
    const otr_class_group *const group = &sum->groups.groups[number];
    const uint32_t shift = otr_frontier_class_shift(sum->errors);
    double *sums = sum->sums, *last_sums = sums + group->class_count;
    double *const part_sums = last_sums + group->class_count;
    otr_class_answer out = {.is_exact = true};
    for (uint32_t i = 0; i < group->class_count; i++) {
        sums[i] = group->undetectable[i];
    }
    for (uint32_t i = group->part_begin; i < group->part_end; i++) {
        const otr_frontier_result found = sum_part(sum, sum->groups.parts[i], budget);
        double *const swap = sums;
        out.work += found.work;
        out.is_exact = out.is_exact && found.is_exact;
        for (size_t j = 0; j < found.class_count; j++) {
            sum->space.keys[j] >>= shift;
        }
        if (group->class_count == 0) {
            judge_classes(sum, group, sum->space.keys, sum->space.weights, found.class_count, &out);
            return out;
        }
        memset(part_sums, 0, group->class_count * sizeof *part_sums);
        for (size_t j = 0; j < found.class_count; j++) {
            part_sums[otr_class_number(group->observables, sum->space.keys[j])] = sum->space.weights[j];
        }
        if (group->class_count == 2) {
            sum->part_ratios[sum->groups.parts[i]] = ratio_of(part_sums[0], part_sums[1]);
        }
        sums = last_sums;
        last_sums = swap;
        otr_class_convolve(sums, last_sums, part_sums, group->class_count);
    }
    judge_classes(sum, group, NULL, sums, group->class_count, &out);
    return out;
}

/* Whether a detector that no error of the list flips is not as those that happened leave it. */
static bool has_impossible_event(const otr_error_list *errors, const uint8_t *detectors) {
    for (size_t i = 0; i < otr_bytes_for_bits(errors->detector_count); i++) {
        if (((detectors[i] ^ errors->happened[i]) & errors->fixed[i]) != 0) {
            return true;
        }
    }
    return false;
}

static otr_frontier_result sum_part(otr_class_sum *sum, uint32_t number, const otr_trellis_budget *budget) {
    const otr_frontier *const part = &sum->frontiers.parts[number];
    if (otr_table_sum_fits(part, sum->table_bits)) {
        return otr_table_sum(&sum->space, part, otr_frontier_class_shift(sum->errors),
                             sum->fired + part->first_step, sum->table);
    }
    return otr_frontier_sum(&sum->space, part, otr_frontier_class_shift(sum->errors),
                            sum->fired + part->first_step, sum->messages + part->first_incidence, budget);
}

static double ratio_of(double unflipped, double flipped) {
    const double ratio = otr_ln(unflipped > WEIGHT_MIN ? unflipped : WEIGHT_MIN) -
                         otr_ln(flipped > WEIGHT_MIN ? flipped : WEIGHT_MIN);
    return otr_ratio_within_range(ratio);
}

/* The answer from classes as masks, or as their numbers where masks is NULL. */
static void judge_classes(otr_class_sum *sum, const otr_class_group *group, const uint64_t *masks,
                          const double *weights, size_t count, otr_class_answer *out) {
    double total = 0, others = 0;
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        best = weights[i] > weights[best] ? i : best;
        total += weights[i];
    }
    for (size_t i = 0; i < count; i++) {
        others += i != best ? weights[i] : 0;
    }
    out->is_explained = total > 0;
    if (!out->is_explained) {
        return;
    }
    out->class = masks != NULL ? masks[best] : otr_class_mask(group->observables, (uint32_t)best);
    out->failure = others / total;
    out->ratio = OTR_TRELLIS_RATIO_MAX;
    for (uint64_t left = group->observables; left != 0; left &= left - 1) {
        const uint32_t observable = otr_ctz64(left);
        const uint32_t place = otr_class_number(group->observables, left & (0 - left));
        double flipped = 0, unflipped = 0;
        for (size_t i = 0; i < count; i++) {
            const bool flips = masks != NULL ? (masks[i] >> observable & 1) != 0 : (i & place) != 0;
            flipped += flips ? weights[i] : 0;
            unflipped += flips ? 0 : weights[i];
        }
        const double ratio = ratio_of(unflipped, flipped);
        const double magnitude = ratio < 0 ? -ratio : ratio;
        sum->ratios[observable] = ratio;
        out->ratio = magnitude < out->ratio ? magnitude : out->ratio;
    }
}
