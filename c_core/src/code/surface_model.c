/* The error model of a memory experiment.
 *
 * A fault flips detectors of its own round and the next only, and a decomposition looks no further than the
 * components that touch the same detectors. So rounds that are alike for two rounds around have alike faults:
 * a short experiment is traced in full, and its middle layer stands for all layers of the bulk of a longer
 * one. */
#include "code/fault_trace.h"
#include "code/surface_internal.h"
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

/* The traced mechanisms, sorted by the first detector layer that they touch, detectors counted from that
 * layer's. */
typedef struct layered_faults {
    otr_fault_set faults;
    uint64_t rounds;                            /* traced */
    size_t *order;                              /* numbers of mechanisms, layer by layer */
    size_t layer_begin[TRACED_LAYERS_MAX + 1];  /* where each layer begins in `order` */
    uint64_t first_detector[TRACED_LAYERS_MAX]; /* of each layer */
} layered_faults;

static otr_status trace_layers(layered_faults *layers, const otr_surface *surface, otr_error *error);
static void free_layers(layered_faults *layers);
static otr_status check_flat_size(const layered_faults *layers, const otr_surface *surface, otr_error *error);
static otr_status write_model(otr_model_builder *builder, const layered_faults *layers,
                              const otr_surface *surface, bool folded);

otr_status otr_surface_model(const otr_surface *surface, bool folded, otr_model **out, otr_error *error) {
    layered_faults layers = {0};
    otr_model_builder *builder = NULL;
    otr_error details = {.status = OTR_OK};
    otr_status status;
    if (surface == NULL || out == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "otr_surface_model needs a surface and an output");
    }
    status = trace_layers(&layers, surface, &details);
    if (status == OTR_OK && !folded) {
        status = check_flat_size(&layers, surface, &details);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_create(&builder);
    }
    if (status == OTR_OK) {
        status = write_model(builder, &layers, surface, folded);
    }
    if (status == OTR_OK) {
        status = otr_model_builder_finish(builder, out, &details);
    }
    otr_model_builder_destroy(builder);
    free_layers(&layers);
    if (status != OTR_OK) {
        const bool is_described = details.status != OTR_OK;
        return otr_error_set(error, status, 0, 0, "%s",
                             is_described ? details.message : otr_status_text(status));
    }
    return OTR_OK;
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
    otr_memory memory = {.options = &surface->options, .patch = &surface->patch, .unrolled = true};
    otr_status status;

    layers->rounds =
        surface->options.rounds < TRACED_ROUNDS_MAX ? surface->options.rounds : TRACED_ROUNDS_MAX;
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

static otr_status check_flat_size(const layered_faults *layers, const otr_surface *surface,
                                  otr_error *error) {
    const uint64_t extra = surface->options.rounds - layers->rounds;
    const uint64_t bulk =
        extra > 0 ? layers->layer_begin[BULK_LAYER + 1] - layers->layer_begin[BULK_LAYER] : 0;
    const uint64_t error_count = layers->faults.map.list_count + extra * bulk;
    if (error_count > OTR_SURFACE_FLAT_ERRORS_MAX) {
        return otr_error_set(
            error, OTR_ERR_LIMIT, 0, 0,
            "the flat model would have %llu errors, more than %u; fold it or take fewer rounds",
            (unsigned long long)error_count, (unsigned)OTR_SURFACE_FLAT_ERRORS_MAX);
    }
    return OTR_OK;
}

static otr_status write_layer(otr_model_builder *builder, const layered_faults *layers,
                              const otr_surface *surface, uint64_t layer) {
    const uint32_t detector_count = otr_patch_layer_detectors(&surface->patch, layer, layers->rounds);
    otr_status status = OTR_OK;
    for (uint32_t i = 0; status == OTR_OK && i < detector_count; i++) {
        const otr_stabiliser *stabiliser =
            otr_patch_layer_stabiliser(&surface->patch, layer, layers->rounds, i);
        const double coordinates[] = {stabiliser->x, stabiliser->y, 0};
        const uint64_t detector = i;
        const otr_instruction instruction = {
            .kind = OTR_INSTRUCTION_DETECTOR,
            .argument_count = 3,
            .arguments = coordinates,
            .target_count = 1,
            .targets = &detector,
        };
        status = otr_model_builder_append(builder, &instruction);
    }
    for (size_t i = layers->layer_begin[layer]; status == OTR_OK && i < layers->layer_begin[layer + 1]; i++) {
        const otr_target_list *list = &layers->faults.map.lists[layers->order[i]];
        const otr_instruction instruction = {
            .kind = OTR_INSTRUCTION_ERROR,
            .argument_count = 1,
            .arguments = &layers->faults.probabilities[layers->order[i]],
            .target_count = list->count,
            .targets = layers->faults.map.targets + list->first,
        };
        status = otr_model_builder_append(builder, &instruction);
    }
    if (status == OTR_OK && layer < layers->rounds) {
        static const double one_round[] = {0, 0, 1};
        const otr_instruction instruction = {
            .kind = OTR_INSTRUCTION_SHIFT_DETECTORS,
            .argument_count = 3,
            .arguments = one_round,
            .repeat_count = detector_count,
        };
        status = otr_model_builder_append(builder, &instruction);
    }
    return status;
}

/* The bulk layer `count` times, as a block or written out. */
static otr_status write_bulk(otr_model_builder *builder, const layered_faults *layers,
                             const otr_surface *surface, uint64_t count, bool folded) {
    const otr_instruction repeat = {.kind = OTR_INSTRUCTION_REPEAT, .repeat_count = count};
    otr_status status = OTR_OK;
    if (!folded || count == 1) {
        for (uint64_t i = 0; status == OTR_OK && i < count; i++) {
            status = write_layer(builder, layers, surface, BULK_LAYER);
        }
        return status;
    }
    status = otr_model_builder_append(builder, &repeat);
    if (status == OTR_OK) {
        status = write_layer(builder, layers, surface, BULK_LAYER);
    }
    return status == OTR_OK ? otr_model_builder_end_repeat(builder) : status;
}

static otr_status write_model(otr_model_builder *builder, const layered_faults *layers,
                              const otr_surface *surface, bool folded) {
    static const uint64_t observable = OTR_TARGET_OBSERVABLE;
    const otr_instruction declaration = {
        .kind = OTR_INSTRUCTION_OBSERVABLE,
        .target_count = 1,
        .targets = &observable,
    };
    const uint64_t bulk_count = surface->options.rounds - layers->rounds + 1;
    otr_status status = OTR_OK;
    for (uint64_t layer = 0; status == OTR_OK && layer <= layers->rounds; layer++) {
        status = layer == BULK_LAYER ? write_bulk(builder, layers, surface, bulk_count, folded)
                                     : write_layer(builder, layers, surface, layer);
    }
    return status == OTR_OK ? otr_model_builder_append(builder, &declaration) : status;
}
