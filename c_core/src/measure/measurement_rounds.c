/* The rounds of a circuit's detectors. */
#include "outrider/rounds.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/error.h"
#include "common/time_axis.h"

otr_status otr_measurement_map_rounds(const otr_measurement_map *map, const otr_time_axis *time, uint32_t *of,
                                      otr_rounds *out, otr_error *error) {
    const otr_time_axis chosen = time != NULL ? *time : otr_time_axis_default();
    otr_rounds found = {0};
    uint32_t *counts;
    double *times;
    otr_status status;
    if (map == NULL || out == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no map or no place for its rounds");
    }
    const size_t detectors = (size_t)otr_measurement_map_detector_count(map);
    counts = otr_array_new(detectors, sizeof *counts);
    times = otr_array_new(detectors, sizeof *times);
    if (counts == NULL || times == NULL) {
        status = otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    } else {
        const double *coordinates;
        size_t count = 0;
        for (size_t i = 0; i < detectors; i++) {
            counts[i] =
                otr_measurement_map_coordinates(map, i, &coordinates, &count) == OTR_OK ? (uint32_t)count : 0;
        }
        status = otr_choose_time_axis(counts, detectors, &chosen, &found, error);
        for (size_t i = 0; i < detectors && status == OTR_OK; i++) {
            status = otr_measurement_map_coordinates(map, i, &coordinates, &count);
            times[i] = coordinates[found.axis];
        }
    }
    if (status == OTR_OK) {
        status = otr_count_rounds(times, detectors, &chosen, of, &found, error);
    }
    if (status == OTR_OK) {
        *out = found;
    }
    free(counts);
    free(times);
    return status;
}
