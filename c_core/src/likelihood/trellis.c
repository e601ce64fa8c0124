/* Decoding by the sum over all errors: belief propagation and a sweep for each part of the model, classes put
 * together, once more with a finer budget where the answer is unsure. */
#include "outrider/trellis.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/logarithm.h"
#include "likelihood/belief.h"
#include "likelihood/class_groups.h"
#include "likelihood/error_list.h"
#include "likelihood/frontier.h"
#include "likelihood/frontier_sum.h"

#define CUTOFF_MAX 0.1
/* Weights of classes below this count as none. */
#define WEIGHT_MIN 1e-300

struct otr_trellis {
    otr_trellis_options options;
    otr_error_list errors;
    otr_frontier_list frontiers;
    otr_class_groups groups;
    otr_frontier_space space;
    uint8_t *fired;    /* for each step 0 or 1 */
    double *messages;  /* for each incidence */
    double *scratch;   /* the same */
    double *sums;      /* for each class of one group */
    double *last_sums; /* the same, before the last part */
    double *part_sums; /* the same, of one part */
    uint32_t class_count_max;
    double *ratios; /* of the shot */
};

/* The answer for one group, or for all so far. */
typedef struct answer {
    uint64_t class;
    double failure;
    uint64_t work;
    bool is_explained;
    bool is_sure;
    bool is_exact;
} answer;

static otr_status check_options(const otr_trellis_options *options, otr_error *error);
static otr_status fill(otr_trellis *trellis, const otr_model *model, otr_error *error);
static bool has_impossible_event(const otr_error_list *errors, const uint8_t *detectors);
static void read_events(otr_trellis *trellis, const uint8_t *detectors);
static answer answer_group(otr_trellis *trellis, const otr_class_group *group,
                           const otr_trellis_budget *budget);

otr_trellis_options otr_trellis_options_default(void) {
    return (otr_trellis_options){.isa = OTR_ISA_AUTO,
                                 .iterations = 3,
                                 .coarse = {.cutoff = 1e-3, .states_max = 1000},
                                 .fine = {.cutoff = 1e-5, .states_max = 4000},
                                 .unsure = 1};
}

otr_status otr_trellis_create(otr_trellis **out, const otr_model *model, const otr_trellis_options *options,
                              otr_error *error) {
    const otr_trellis_options chosen = options != NULL ? *options : otr_trellis_options_default();
    otr_trellis *trellis;
    otr_status status;
    if (out == NULL || model == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model or no place for the trellis");
    }
    status = check_options(&chosen, error);
    if (status != OTR_OK) {
        return status;
    }
    trellis = otr_array_zeroed(1, sizeof *trellis);
    if (trellis == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    trellis->options = chosen;
    status = fill(trellis, model, error);
    if (status != OTR_OK) {
        otr_trellis_destroy(trellis);
        return status;
    }
    *out = trellis;
    return OTR_OK;
}

void otr_trellis_destroy(otr_trellis *trellis) {
    if (trellis == NULL) {
        return;
    }
    free(trellis->fired);
    free(trellis->messages);
    free(trellis->scratch);
    free(trellis->sums);
    free(trellis->last_sums);
    free(trellis->part_sums);
    free(trellis->ratios);
    otr_frontier_space_free(&trellis->space);
    otr_class_groups_free(&trellis->groups);
    otr_frontier_list_free(&trellis->frontiers);
    otr_error_list_free(&trellis->errors);
    free(trellis);
}

uint32_t otr_trellis_detector_count(const otr_trellis *trellis) {
    return trellis->errors.detector_count;
}

uint32_t otr_trellis_observable_count(const otr_trellis *trellis) {
    return trellis->errors.observable_count;
}

uint32_t otr_trellis_open_count(const otr_trellis *trellis) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < trellis->frontiers.count; i++) {
        const uint32_t count = trellis->frontiers.parts[i].slot_count;
        most = count > most ? count : most;
    }
    return most;
}

size_t otr_trellis_bytes(const otr_trellis *trellis) {
    return sizeof *trellis + otr_error_list_bytes(&trellis->errors) +
           otr_frontier_list_bytes(&trellis->frontiers) + otr_frontier_space_bytes(&trellis->space) +
           trellis->frontiers.step_count + 2 * trellis->frontiers.incidence_count * sizeof(double) +
           ((size_t)3 * trellis->class_count_max + trellis->errors.observable_count) * sizeof(double);
}

otr_status otr_trellis_decode(otr_trellis *trellis, const uint8_t *detectors, uint8_t *observables,
                              double *ratios, otr_trellis_result *result) {
    otr_trellis_result total = {.is_exact = true};
    uint64_t class;
    if (trellis == NULL || (detectors == NULL && trellis->errors.detector_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    if (has_impossible_event(&trellis->errors, detectors)) {
        return OTR_ERR_UNEXPLAINED;
    }
    class = trellis->errors.happened_observables;
    read_events(trellis, detectors);
    for (uint32_t i = 0; i < trellis->errors.observable_count; i++) {
        trellis->ratios[i] = OTR_TRELLIS_RATIO_MAX;
    }
    for (uint32_t i = 0; i < trellis->groups.count; i++) {
        const otr_class_group *const group = &trellis->groups.groups[i];
        answer found = answer_group(trellis, group, &trellis->options.coarse);
        if (!found.is_explained || !found.is_sure) {
            total.work += found.work;
            total.is_fine = true;
            found = answer_group(trellis, group, &trellis->options.fine);
        }
        if (!found.is_explained) {
            return OTR_ERR_UNEXPLAINED;
        }
        class ^= found.class;
        total.work += found.work;
        total.failure += found.failure * (1 - total.failure);
        total.is_exact = total.is_exact && found.is_exact;
    }
    for (uint32_t i = 0; i < trellis->errors.observable_count; i++) {
        if ((trellis->errors.happened_observables >> i & 1) != 0) {
            trellis->ratios[i] = -trellis->ratios[i];
        }
    }
    if (observables != NULL) {
        memset(observables, 0, otr_bytes_for_bits(trellis->errors.observable_count));
        for (; class != 0; class &= class - 1) {
            otr_bit_flip(observables, otr_ctz64(class));
        }
    }
    if (ratios != NULL) {
        memcpy(ratios, trellis->ratios, trellis->errors.observable_count * sizeof *ratios);
    }
    if (result != NULL) {
        *result = total;
    }
    return OTR_OK;
}

static bool is_budget(const otr_trellis_budget *budget) {
    return budget->cutoff >= 0 && budget->cutoff <= CUTOFF_MAX && budget->states_max > 0 &&
           budget->states_max <= OTR_TRELLIS_STATES_MAX;
}

static otr_status check_options(const otr_trellis_options *options, otr_error *error) {
    if (!is_budget(&options->coarse) || !is_budget(&options->fine)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "a budget has a cutoff from 0 to %g and 1 to %d states", CUTOFF_MAX,
                             OTR_TRELLIS_STATES_MAX);
    }
    if (options->iterations > OTR_TRELLIS_ITERATIONS_MAX || !(options->unsure >= 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "more than %d iterations, or a ratio below 0 that counts as unsure",
                             OTR_TRELLIS_ITERATIONS_MAX);
    }
    return OTR_OK;
}

static otr_status fill(otr_trellis *trellis, const otr_model *model, otr_error *error) {
    const otr_trellis_options *const options = &trellis->options;
    const uint32_t states_max = options->coarse.states_max > options->fine.states_max
                                    ? options->coarse.states_max
                                    : options->fine.states_max;
    const otr_kernels *const kernels = otr_kernels_for(options->isa);
    otr_status status;
    if (kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "the instruction set is not available");
    }
    status = otr_error_list_init(&trellis->errors, model, error);
    if (status == OTR_OK) {
        status = otr_frontier_list_init(&trellis->frontiers, &trellis->errors, error);
    }
    if (status == OTR_OK) {
        status = otr_class_groups_init(&trellis->groups, &trellis->frontiers, &trellis->errors, error);
    }
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < trellis->groups.count; i++) {
        const uint32_t count = trellis->groups.groups[i].class_count;
        trellis->class_count_max = count > trellis->class_count_max ? count : trellis->class_count_max;
    }
    trellis->fired = otr_array_new(trellis->frontiers.step_count, sizeof *trellis->fired);
    trellis->messages = otr_array_new(trellis->frontiers.incidence_count, sizeof *trellis->messages);
    trellis->scratch = otr_array_new(trellis->frontiers.incidence_count, sizeof *trellis->scratch);
    trellis->sums = otr_array_new(trellis->class_count_max, sizeof *trellis->sums);
    trellis->last_sums = otr_array_new(trellis->class_count_max, sizeof *trellis->last_sums);
    trellis->part_sums = otr_array_new(trellis->class_count_max, sizeof *trellis->part_sums);
    trellis->ratios = otr_array_new(trellis->errors.observable_count, sizeof *trellis->ratios);
    if (trellis->fired == NULL || trellis->messages == NULL || trellis->scratch == NULL ||
        trellis->sums == NULL || trellis->last_sums == NULL || trellis->part_sums == NULL ||
        trellis->ratios == NULL ||
        otr_frontier_space_init(&trellis->space, &trellis->frontiers, states_max, kernels) != OTR_OK) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    return OTR_OK;
}

/* Whether a detector that only certain errors flip is not as they leave it. */
static bool has_impossible_event(const otr_error_list *errors, const uint8_t *detectors) {
    for (size_t i = 0; i < otr_bytes_for_bits(errors->detector_count); i++) {
        if (((detectors[i] ^ errors->happened[i]) & errors->fixed[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* Lays the events of a shot out by steps, without those of errors that are taken as happened, and asks belief
 * propagation. */
static void read_events(otr_trellis *trellis, const uint8_t *detectors) {
    for (uint32_t i = 0; i < trellis->frontiers.count; i++) {
        const otr_frontier *const part = &trellis->frontiers.parts[i];
        uint8_t *const fired = trellis->fired + part->first_step;
        for (uint32_t step = 0; step < part->step_count; step++) {
            const uint32_t detector = part->detector_of[step];
            fired[step] = otr_bit_get(detectors, detector) != otr_bit_get(trellis->errors.happened, detector);
        }
        otr_belief_run(part, fired, trellis->options.iterations, trellis->messages + part->first_incidence,
                       trellis->scratch + part->first_incidence);
    }
}

static double ratio_of(double unflipped, double flipped) {
    const double ratio = otr_ln(unflipped > WEIGHT_MIN ? unflipped : WEIGHT_MIN) -
                         otr_ln(flipped > WEIGHT_MIN ? flipped : WEIGHT_MIN);
    if (ratio > OTR_TRELLIS_RATIO_MAX || ratio < -OTR_TRELLIS_RATIO_MAX) {
        return ratio > 0 ? OTR_TRELLIS_RATIO_MAX : -OTR_TRELLIS_RATIO_MAX;
    }
    return ratio;
}

/* The answer from classes as masks, or as their numbers where masks is NULL; sets the ratios of the group. */
static void judge_classes(otr_trellis *trellis, const otr_class_group *group, const uint64_t *masks,
                          const double *weights, size_t count, answer *out) {
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
    out->is_sure = true;
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
        trellis->ratios[observable] = ratio;
        out->is_sure =
            out->is_sure && (ratio >= trellis->options.unsure || ratio <= -trellis->options.unsure);
    }
}

static otr_frontier_result sum_part(otr_trellis *trellis, uint32_t number, const otr_trellis_budget *budget) {
    const otr_frontier *const part = &trellis->frontiers.parts[number];
    return otr_frontier_sum(&trellis->space, part, otr_frontier_class_shift(&trellis->errors),
                            trellis->fired + part->first_step, trellis->messages + part->first_incidence,
                            budget);
}

static answer answer_group(otr_trellis *trellis, const otr_class_group *group,
                           const otr_trellis_budget *budget) {
    const uint32_t shift = otr_frontier_class_shift(&trellis->errors);
    answer out = {.is_exact = true};
    double *swap;
    for (uint32_t i = 0; i < group->class_count; i++) {
        trellis->sums[i] = group->undetectable[i];
    }
    for (uint32_t i = group->part_begin; i < group->part_end; i++) {
        const otr_frontier_result sum = sum_part(trellis, trellis->groups.parts[i], budget);
        out.work += sum.work;
        out.is_exact = out.is_exact && sum.is_exact;
        for (size_t j = 0; j < sum.class_count; j++) {
            trellis->space.keys[j] >>= shift;
        }
        if (group->class_count == 0) {
            judge_classes(trellis, group, trellis->space.keys, trellis->space.weights, sum.class_count, &out);
            return out;
        }
        memset(trellis->part_sums, 0, group->class_count * sizeof *trellis->part_sums);
        for (size_t j = 0; j < sum.class_count; j++) {
            trellis->part_sums[otr_class_number(group->observables, trellis->space.keys[j])] =
                trellis->space.weights[j];
        }
        swap = trellis->sums;
        trellis->sums = trellis->last_sums;
        trellis->last_sums = swap;
        otr_class_convolve(trellis->sums, trellis->last_sums, trellis->part_sums, group->class_count);
    }
    judge_classes(trellis, group, NULL, trellis->sums, group->class_count, &out);
    return out;
}
