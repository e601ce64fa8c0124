/* Calibration: the largest activations that shots give, in floats. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "predecode/dense/dense_internal.h"

#include <stdlib.h>

typedef struct calibration {
    otr_dense_map map;
    otr_dense_workspace workspace;
    uint32_t *events;
    uint8_t *halves;
} calibration;

static otr_status set_up(calibration *self, const otr_dense_network *network, const otr_surface *surface,
                         size_t stride, otr_error *error);

otr_status otr_dense_network_calibrate(otr_dense_network *network, const otr_surface *surface,
                                       const uint8_t *detectors, size_t stride, size_t shot_count,
                                       otr_error *error) {
    const otr_kernels *const kernels = otr_kernels_for(OTR_ISA_AUTO);
    calibration self = {0};
    float maxima[OTR_DENSE_LAYERS_MAX] = {0};
    otr_status status;
    if (network == NULL || surface == NULL || detectors == NULL || shot_count == 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "calibration needs a network and shots");
    }
    status = set_up(&self, network, surface, stride, error);
    for (size_t shot = 0; shot < shot_count && status == OTR_OK; shot++) {
        const size_t count =
            kernels->bit_indices(detectors + shot * stride, self.map.detector_count, self.events);
        otr_dense_map_planes(&self.map, self.events, count, self.halves);
        otr_dense_measure(&self.workspace, self.halves, maxima);
    }
    status = status == OTR_OK ? otr_dense_set_maxima(network, maxima, error) : status;
    otr_dense_map_free(&self.map);
    otr_dense_workspace_free(&self.workspace);
    free(self.events);
    free(self.halves);
    return status;
}

static otr_status set_up(calibration *self, const otr_dense_network *network, const otr_surface *surface,
                         size_t stride, otr_error *error) {
    otr_status status = otr_dense_map_init(&self->map, surface, error);
    if (status != OTR_OK) {
        return status;
    }
    if (stride < otr_bytes_for_bits(self->map.detector_count)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "rows of %zu bytes do not hold %u detectors",
                             stride, self->map.detector_count);
    }
    status = otr_dense_workspace_init(&self->workspace, network, OTR_DENSE_FLOAT, self->map.rounds,
                                      self->map.distance);
    if (status == OTR_ERR_LIMIT) {
        return otr_error_set(error, status, 0, 0, "the network's activations need more than %d bytes",
                             OTR_DENSE_VOLUME_MAX);
    }
    self->events = otr_array_new((size_t)self->map.detector_count + OTR_INDEX_SLACK, sizeof *self->events);
    self->halves = otr_array_new(otr_dense_map_voxels(&self->map), OTR_DENSE_PLANES);
    if (status != OTR_OK || self->events == NULL || self->halves == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    return OTR_OK;
}
