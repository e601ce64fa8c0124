/* Decoding by the sum over all errors: belief propagation and a sweep for each part of the model, classes put
 * together, once more with a finer budget where the answer is unsure. */
#include "outrider/trellis.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "likelihood/class_sum.h"
#include "model/error_list.h"

struct otr_trellis {
    otr_trellis_options options;
    otr_error_list errors;
    otr_class_sum sum;
};

static otr_status check_options(const otr_trellis_options *options, otr_error *error);
static otr_status fill(otr_trellis *trellis, const otr_model *model, otr_error *error);

otr_trellis_options otr_trellis_options_default(void) {
    return (otr_trellis_options){.isa = OTR_ISA_AUTO,
                                 .iterations = 3,
                                 .table_bits = OTR_TRELLIS_TABLE_BITS_MAX,
                                 .coarse = {.cutoff = 1e-4, .states_max = 1000},
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
    otr_class_sum_free(&trellis->sum);
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
    for (uint32_t i = 0; i < trellis->sum.frontiers.count; i++) {
        const uint32_t count = trellis->sum.frontiers.parts[i].slot_count;
        most = count > most ? count : most;
    }
    return most;
}

size_t otr_trellis_bytes(const otr_trellis *trellis) {
    return sizeof *trellis + otr_error_list_bytes(&trellis->errors) + otr_class_sum_bytes(&trellis->sum);
}

otr_status otr_trellis_decode(otr_trellis *trellis, const uint8_t *detectors, uint8_t *observables,
                              double *ratios, otr_trellis_result *result) {
    otr_trellis_result total = {.is_exact = true};
    uint64_t class;
    if (trellis == NULL || (detectors == NULL && trellis->errors.detector_count > 0)) {
        return OTR_ERR_ARGUMENT;
    }
    if (!otr_class_sum_take(&trellis->sum, detectors, trellis->options.iterations)) {
        return OTR_ERR_UNEXPLAINED;
    }
    class = trellis->errors.happened_observables;
    for (uint32_t i = 0; i < trellis->sum.groups.count; i++) {
        otr_class_answer found = otr_class_sum_group(&trellis->sum, i, &trellis->options.coarse);
        if (!found.is_exact && (!found.is_explained || found.ratio < trellis->options.unsure)) {
            total.work += found.work;
            total.is_fine = true;
            found = otr_class_sum_group(&trellis->sum, i, &trellis->options.fine);
        }
        if (!found.is_explained) {
            return OTR_ERR_UNEXPLAINED;
        }
        class ^= found.class;
        total.work += found.work;
        total.failure += found.failure * (1 - total.failure);
        total.is_exact = total.is_exact && found.is_exact;
    }
    if (observables != NULL) {
        memset(observables, 0, otr_bytes_for_bits(trellis->errors.observable_count));
        for (; class != 0; class &= class - 1) {
            otr_bit_flip(observables, otr_ctz64(class));
        }
    }
    for (uint32_t i = 0; ratios != NULL && i < trellis->errors.observable_count; i++) {
        const bool happened = (trellis->errors.happened_observables >> i & 1) != 0;
        ratios[i] = happened ? -trellis->sum.ratios[i] : trellis->sum.ratios[i];
    }
    if (result != NULL) {
        *result = total;
    }
    return OTR_OK;
}

static otr_status check_options(const otr_trellis_options *options, otr_error *error) {
    otr_status status = otr_check_trellis_budget(&options->coarse, error);
    status = status == OTR_OK ? otr_check_trellis_budget(&options->fine, error) : status;
    if (status != OTR_OK) {
        return status;
    }
    if (options->iterations > OTR_TRELLIS_ITERATIONS_MAX ||
        options->table_bits > OTR_TRELLIS_TABLE_BITS_MAX || !(options->unsure >= 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "more than %d iterations, tables of more than %d bits, or a ratio below 0 that "
                             "counts as unsure",
                             OTR_TRELLIS_ITERATIONS_MAX, OTR_TRELLIS_TABLE_BITS_MAX);
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
    if (status == OTR_OK &&
        otr_class_sum_init(&trellis->sum, states_max, options->table_bits, kernels) != OTR_OK) {
        status = otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    return status == OTR_OK ? otr_class_sum_lay(&trellis->sum, &trellis->errors, error) : status;
}
