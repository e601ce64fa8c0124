/* Where the detectors of the paper's circuit lie in the network's planes (section IV of arXiv:2604.12841).
 *
 * A stabiliser owns the cell of one of its data qubits: X its top-left one, Z its top-right one; on an edge
 * of the patch the one that is left of those. Detectors of the memory basis are shown in every round, those
 * of the other basis in all but the first and the last, which also tells the network the basis. */
#include "code/surface_internal.h"
#include "common/array.h"
#include "common/error.h"
#include "predecode/dense/dense_internal.h"

#include <stdlib.h>
#include <string.h>

/* Values of the planes, in halves. */
#define EVENT 2
#define PRESENCE_BULK 2
#define PRESENCE_EDGE 1

static otr_status check_form(const otr_surface *surface, otr_error *error);
static otr_status allocate(otr_dense_map *map);
static void place_stabilisers(otr_dense_map *map, const otr_patch *patch);
static void place_detectors(otr_dense_map *map);

otr_status otr_dense_map_init(otr_dense_map *map, const otr_surface *surface, otr_error *error) {
    otr_status status = check_form(surface, error);
    *map = (otr_dense_map){0};
    if (status != OTR_OK) {
        return status;
    }
    map->rounds = surface->options.rounds;
    map->distance = surface->options.width;
    map->basis = surface->options.basis;
    map->stabiliser_count = surface->patch.stabiliser_count;
    map->basis_count = surface->patch.basis_count;
    map->boundary_begin = map->basis_count + (map->rounds - 1) * map->stabiliser_count;
    map->detector_count = map->boundary_begin + map->basis_count;
    map->observable_step = surface->patch.observable_is_row ? 1 : map->distance;
    status = allocate(map);
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
    place_stabilisers(map, &surface->patch);
    place_detectors(map);
    return OTR_OK;
}

void otr_dense_map_free(otr_dense_map *map) {
    free(map->detector_input);
    free(map->stabilisers);
    free(map->presence);
    *map = (otr_dense_map){0};
}

size_t otr_dense_map_voxels(const otr_dense_map *map) {
    return (size_t)map->rounds * map->distance * map->distance;
}

size_t otr_dense_map_bytes(const otr_dense_map *map) {
    return map->detector_count * sizeof *map->detector_input +
           map->stabiliser_count * sizeof *map->stabilisers + otr_dense_map_voxels(map) * OTR_DENSE_PLANES;
}

uint32_t otr_dense_map_detector(const otr_dense_map *map, uint32_t stabiliser, uint32_t round) {
    return round == 0 ? map->stabilisers[stabiliser].first_detector
                      : map->basis_count + (round - 1) * map->stabiliser_count + stabiliser;
}

void otr_dense_map_planes(const otr_dense_map *map, const uint32_t *events, size_t event_count,
                          uint8_t *halves) {
    memcpy(halves, map->presence, otr_dense_map_voxels(map) * OTR_DENSE_PLANES);
    for (size_t i = 0; i < event_count; i++) {
        if (map->detector_input[events[i]] != OTR_DENSE_UNSEEN) {
            halves[map->detector_input[events[i]]] = EVENT;
        }
    }
}

static otr_status check_form(const otr_surface *surface, otr_error *error) {
    const otr_surface_options *const options = &surface->options;
    if (options->family == OTR_CIRCUIT_STIM) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "dense networks are made for the paper's circuit, not for Stim's");
    }
    if (options->width != options->height || options->width % 2 == 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "dense networks are made for square patches of odd distance, not %u x %u",
                             options->width, options->height);
    }
    if (options->rounds > OTR_DENSE_VOXELS_MAX / (options->width * options->width)) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "%u rounds make more than %d voxels",
                             options->rounds, OTR_DENSE_VOXELS_MAX);
    }
    return OTR_OK;
}

static otr_status allocate(otr_dense_map *map) {
    map->detector_input = otr_array_new(map->detector_count, sizeof *map->detector_input);
    map->stabilisers = otr_array_new(map->stabiliser_count, sizeof *map->stabilisers);
    map->presence = otr_array_zeroed(otr_dense_map_voxels(map), OTR_DENSE_PLANES);
    return map->detector_input != NULL && map->stabilisers != NULL && map->presence != NULL ? OTR_OK
                                                                                            : OTR_ERR_MEMORY;
}

static void place_stabilisers(otr_dense_map *map, const otr_patch *patch) {
    for (uint32_t s = 0; s < patch->stabiliser_count; s++) {
        otr_dense_stabiliser *const out = &map->stabilisers[s];
        out->basis = patch->stabilisers[s].basis;
        out->cell = otr_stabiliser_cell(&patch->stabilisers[s]);
        out->first_detector = OTR_DENSE_UNSEEN;
        out->data_count = 0;
        for (int corner = 0; corner < OTR_CORNER_COUNT; corner++) {
            if (patch->stabilisers[s].data[corner] != OTR_NO_DATA) {
                out->data[out->data_count++] = patch->stabilisers[s].data[corner];
            }
        }
    }
    for (uint32_t i = 0; i < patch->basis_count; i++) {
        map->stabilisers[patch->basis_order[i]].first_detector = i;
    }
}

static void place_detectors(otr_dense_map *map) {
    const size_t cell_count = (size_t)map->distance * map->distance;
    for (uint32_t d = 0; d < map->detector_count; d++) {
        map->detector_input[d] = OTR_DENSE_UNSEEN;
    }
    for (uint32_t t = 0; t < map->rounds; t++) {
        for (uint32_t s = 0; s < map->stabiliser_count; s++) {
            const otr_dense_stabiliser *const stabiliser = &map->stabilisers[s];
            const size_t voxel = t * cell_count + stabiliser->cell;
            const size_t event = voxel * OTR_DENSE_PLANES + stabiliser->basis;
            if (stabiliser->basis != map->basis && (t == 0 || t == map->rounds - 1)) {
                continue;
            }
            map->detector_input[otr_dense_map_detector(map, s, t)] = (uint32_t)event;
            map->presence[event + 2] = stabiliser->data_count == 4 ? PRESENCE_BULK : PRESENCE_EDGE;
        }
    }
}
