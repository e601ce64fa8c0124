/* Surface-code memory experiments: the public entry points.
 *
 * A fault flips detectors of its own round and the next only, and a decomposition looks no further than the components
 * that touch the same detectors. So rounds that are alike for two rounds around have alike faults: a short experiment
 * is traced in full, and its middle layer stands for all layers of the bulk of a longer one. */
#include "outrider/surface_code.h"

#include "code/fault_trace.h"
#include "code/memory_circuit.h"
#include "code/noise.h"
#include "common/array.h"
#include "common/error.h"
#include "model/model_builder.h"

#include <stdlib.h>

/* Rounds of the experiment that is traced: three rounds at either end may differ from the bulk. */
#define TRACED_ROUNDS_MAX 7
/* The detector layer of the traced experiment that repeats in a longer one. */
#define BULK_LAYER 3
/* Detector layers of the traced experiment. */
#define TRACED_LAYERS_MAX (TRACED_ROUNDS_MAX + 1)

struct otr_surface {
    otr_surface_options options;
    otr_patch patch;
    otr_circuit circuit;
};

/* The traced mechanisms, sorted by the first detector layer that they touch, detectors counted from that layer's. */
typedef struct layered_faults {
    otr_fault_set faults;
    uint64_t rounds;                               /* traced */
    size_t *order;                                 /* numbers of mechanisms, layer by layer */
    size_t layer_begin[TRACED_LAYERS_MAX + 1];     /* where each layer begins in `order` */
    uint64_t first_detector[TRACED_LAYERS_MAX];    /* of each layer */
} layered_faults;

static otr_status check_options(const otr_surface_options *options, otr_error *error);
static otr_status trace_layers(layered_faults *layers, const otr_surface *surface, otr_error *error);
static void free_layers(layered_faults *layers);
static otr_status check_flat_size(const layered_faults *layers, const otr_surface *surface, otr_error *error);
static otr_status write_model(otr_model_builder *builder, const layered_faults *layers, const otr_surface *surface,
                              int folded);

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

otr_status otr_surface_model(const otr_surface *surface, int folded, otr_model **out, otr_error *error) {
    layered_faults layers = {0};
    otr_model_builder *builder = NULL;
    otr_status status;
    if (surface == NULL || out == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "otr_surface_model needs a surface and an output");
    }
    otr_error_set(error, OTR_OK, 0, 0, "%s", "");
    status = trace_layers(&layers, surface, error);
    if (status == OTR_OK && !folded) {
        status = check_flat_size(&layers, surface, error);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_create(&builder);
    }
    if (status == OTR_OK) {
        status = write_model(builder, &layers, surface, folded);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_finish(builder, out, error);
    }
    if (builder != NULL) {
        otr_model_builder_destroy(builder);
    }
    free_layers(&layers);
    if (status != OTR_OK && error != NULL && error->status == OTR_OK) {
        otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
    }
    return status;
}

static otr_status check_range(const char *name, uint64_t value, uint64_t min, uint64_t max, otr_error *error) {
    if (value >= min && value <= max) {
        return OTR_OK;
    }
    return otr_error_set(error, value < min ? OTR_ERR_ARGUMENT : OTR_ERR_LIMIT, 0, 0,
                         "%s is %llu, not between %llu and %llu", name, (unsigned long long)value,
                         (unsigned long long)min, (unsigned long long)max);
}

static otr_status check_options(const otr_surface_options *options, otr_error *error) {
    const int is_stim = options->family == OTR_CIRCUIT_STIM;
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
        status = check_range("height", options->height, OTR_SURFACE_DISTANCE_MIN, OTR_SURFACE_DISTANCE_MAX, error);
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

/* The first detector layer that a mechanism touches. */
static uint64_t layer_of(const layered_faults *layers, const otr_target_list *list) {
    uint64_t layer = layers->rounds;
    for (size_t i = 0; i < list->count; i++) {
        const uint64_t target = layers->faults.map.targets[list->first + i];
        while (target < OTR_TARGET_OBSERVABLE && layers->first_detector[layer] > target) {
            layer--;
        }
    }
    return layer;
}

static otr_status sort_into_layers(layered_faults *layers) {
    const otr_target_map *map = &layers->faults.map;
    size_t ends[TRACED_LAYERS_MAX] = {0};
    layers->order = otr_array_new(map->list_count, sizeof *layers->order);
    if (layers->order == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < map->list_count; i++) {
        layers->layer_begin[layer_of(layers, &map->lists[i]) + 1]++;
    }
    for (uint64_t layer = 0; layer <= layers->rounds; layer++) {
        layers->layer_begin[layer + 1] += layers->layer_begin[layer];
        ends[layer] = layers->layer_begin[layer];
    }
    for (size_t i = 0; i < map->list_count; i++) {
        const uint64_t layer = layer_of(layers, &map->lists[i]);
        uint64_t *targets = map->targets + map->lists[i].first;
        for (size_t k = 0; k < map->lists[i].count; k++) {
            targets[k] -= targets[k] < OTR_TARGET_OBSERVABLE ? layers->first_detector[layer] : 0;
        }
        layers->order[ends[layer]++] = i;
    }
    return OTR_OK;
}

static otr_status trace_layers(layered_faults *layers, const otr_surface *surface, otr_error *error) {
    otr_circuit circuit = {0};
    otr_memory memory = {.options = &surface->options, .patch = &surface->patch, .unrolled = 1};
    otr_status status;

    layers->rounds = surface->options.rounds < TRACED_ROUNDS_MAX ? surface->options.rounds : TRACED_ROUNDS_MAX;
    for (uint64_t layer = 0; layer < layers->rounds; layer++) {
        layers->first_detector[layer + 1] =
            layers->first_detector[layer] + otr_patch_layer_detectors(&surface->patch, layer, layers->rounds);
    }
    memory.rounds = layers->rounds;
    status = otr_memory_circuit(&circuit, &memory);
    if (status == OTR_OK) {
        status = otr_fault_trace(&layers->faults, &circuit, error);
    }
    otr_circuit_free(&circuit);
    if (status == OTR_OK) {
        status = otr_fault_set_finish(&layers->faults, error);
    }
    return status == OTR_OK ? sort_into_layers(layers) : status;
}

static void free_layers(layered_faults *layers) {
    otr_fault_set_free(&layers->faults);
    free(layers->order);
}

static otr_status check_flat_size(const layered_faults *layers, const otr_surface *surface, otr_error *error) {
    const uint64_t extra = surface->options.rounds - layers->rounds;
    const uint64_t bulk = extra > 0 ? layers->layer_begin[BULK_LAYER + 1] - layers->layer_begin[BULK_LAYER] : 0;
    const uint64_t error_count = layers->faults.map.list_count + extra * bulk;
    if (error_count > OTR_SURFACE_FLAT_ERRORS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the flat model would have %llu errors, more than %u; fold it or take fewer rounds",
                             (unsigned long long)error_count, (unsigned)OTR_SURFACE_FLAT_ERRORS_MAX);
    }
    return OTR_OK;
}

static otr_status write_layer(otr_model_builder *builder, const layered_faults *layers, const otr_surface *surface,
                              uint64_t layer) {
    static const double one_round[] = {0, 0, 1};
    const uint32_t detector_count = otr_patch_layer_detectors(&surface->patch, layer, layers->rounds);
    otr_status status = OTR_OK;
    for (uint32_t i = 0; status == OTR_OK && i < detector_count; i++) {
        const otr_stabiliser *stabiliser = otr_patch_layer_stabiliser(&surface->patch, layer, layers->rounds, i);
        const double coordinates[] = {stabiliser->x, stabiliser->y, 0};
        const uint64_t detector = i;
        status = otr_model_builder_append(builder, &(otr_instruction){
            .kind = OTR_INSTRUCTION_DETECTOR,
            .argument_count = 3,
            .arguments = coordinates,
            .target_count = 1,
            .targets = &detector,
        });
    }
    for (size_t i = layers->layer_begin[layer]; status == OTR_OK && i < layers->layer_begin[layer + 1]; i++) {
        const otr_target_list *list = &layers->faults.map.lists[layers->order[i]];
        status = otr_model_builder_append(builder, &(otr_instruction){
            .kind = OTR_INSTRUCTION_ERROR,
            .argument_count = 1,
            .arguments = &layers->faults.probabilities[layers->order[i]],
            .target_count = list->count,
            .targets = layers->faults.map.targets + list->first,
        });
    }
    if (status == OTR_OK && layer < layers->rounds) {
        status = otr_model_builder_append(builder, &(otr_instruction){
            .kind = OTR_INSTRUCTION_SHIFT_DETECTORS,
            .argument_count = 3,
            .arguments = one_round,
            .repeat_count = detector_count,
        });
    }
    return status;
}

static otr_status write_model(otr_model_builder *builder, const layered_faults *layers, const otr_surface *surface,
                              int folded) {
    static const uint64_t observable = OTR_TARGET_OBSERVABLE;
    const uint64_t extra = surface->options.rounds - layers->rounds;
    otr_status status = OTR_OK;
    for (uint64_t layer = 0; status == OTR_OK && layer <= layers->rounds; layer++) {
        const uint64_t count = layer == BULK_LAYER ? extra + 1 : 1;
        const int in_block = folded && count > 1;
        if (in_block) {
            status = otr_model_builder_append(builder, &(otr_instruction){
                .kind = OTR_INSTRUCTION_REPEAT,
                .repeat_count = count,
            });
        }
        for (uint64_t i = 0; status == OTR_OK && i < (in_block ? 1 : count); i++) {
            status = write_layer(builder, layers, surface, layer);
        }
        if (status == OTR_OK && in_block) {
            status = otr_model_builder_end_repeat(builder);
        }
    }
    if (status == OTR_OK) {
        status = otr_model_builder_append(builder, &(otr_instruction){
            .kind = OTR_INSTRUCTION_OBSERVABLE,
            .target_count = 1,
            .targets = &observable,
        });
    }
    return status;
}
