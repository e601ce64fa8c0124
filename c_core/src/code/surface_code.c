/* Surface-code memory experiments: options and circuits. */
#include "code/noise.h"
#include "code/surface_internal.h"
#include "common/array.h"
#include "common/error.h"

#include <stdlib.h>

static otr_status check_options(const otr_surface_options *options, otr_error *error);

otr_surface_options otr_surface_options_default(void) {
    return (otr_surface_options){
        .family = OTR_CIRCUIT_STIM,
        .basis = OTR_BASIS_Z,
        .width = 3,
        .height = 3,
        .rounds = 3,
        .orientation = OTR_ORIENTATION_O1,
    };
}

otr_status otr_surface_create(otr_surface **out, const otr_surface_options *options, otr_error *error) {
    otr_surface *surface;
    otr_status status;
    if (out == NULL || options == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "otr_surface_create needs an output and options");
    }
    status = check_options(options, error);
    if (status != OTR_OK) {
        return status;
    }
    surface = otr_array_zeroed(1, sizeof *surface);
    if (surface == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    surface->options = *options;
    status = otr_patch_init(&surface->patch, options);
    if (status == OTR_OK) {
        const otr_memory memory = {.options = options, .patch = &surface->patch, .rounds = options->rounds};
        status = otr_memory_circuit(&surface->circuit, &memory);
    }
    if (status != OTR_OK) {
        otr_surface_destroy(surface);
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    *out = surface;
    return OTR_OK;
}

void otr_surface_destroy(otr_surface *surface) {
    if (surface != NULL) {
        otr_patch_free(&surface->patch);
        otr_circuit_free(&surface->circuit);
        free(surface);
    }
}

uint64_t otr_surface_detector_count(const otr_surface *surface) {
    return 2 * (uint64_t)surface->patch.basis_count +
           ((uint64_t)surface->options.rounds - 1) * surface->patch.stabiliser_count;
}

size_t otr_surface_circuit_text(const otr_surface *surface, char *buffer, size_t capacity) {
    return otr_circuit_text(&surface->circuit, buffer, capacity);
}

static otr_status check_range(const char *name, uint64_t value, uint64_t min, uint64_t max,
                              otr_error *error) {
    if (value >= min && value <= max) {
        return OTR_OK;
    }
    return otr_error_set(error, value < min ? OTR_ERR_ARGUMENT : OTR_ERR_LIMIT, 0, 0,
                         "%s is %llu, not between %llu and %llu", name, (unsigned long long)value,
                         (unsigned long long)min, (unsigned long long)max);
}

static otr_status check_options(const otr_surface_options *options, otr_error *error) {
    const bool is_stim = options->family == OTR_CIRCUIT_STIM;
    otr_status status;
    if (!is_stim && options->family != OTR_CIRCUIT_PAPER && options->family != OTR_CIRCUIT_PAPER_PUBLISHED) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "family is none of stim, paper, paper-published");
    }
    if (options->basis != OTR_BASIS_X && options->basis != OTR_BASIS_Z) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "basis is neither X nor Z");
    }
    if (options->orientation < OTR_ORIENTATION_O1 || options->orientation > OTR_ORIENTATION_O4) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "orientation is none of O1, O2, O3, O4");
    }
    if (is_stim && options->orientation != OTR_ORIENTATION_O1) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "orientation must be O1 in the stim circuit");
    }
    status = check_range("width", options->width, OTR_SURFACE_DISTANCE_MIN, OTR_SURFACE_DISTANCE_MAX, error);
    if (status == OTR_OK) {
        status =
            check_range("height", options->height, OTR_SURFACE_DISTANCE_MIN, OTR_SURFACE_DISTANCE_MAX, error);
    }
    if (status == OTR_OK) {
        status = check_range("rounds", options->rounds, is_stim ? 1 : 2, OTR_SURFACE_ROUNDS_MAX, error);
    }
    if (status == OTR_OK) {
        status = is_stim ? otr_noise_stim_check(&options->noise_stim, error)
                         : otr_noise_paper_check(&options->noise_paper, error);
    }
    return status;
}
