#include "common/bits.h"
#include "outrider/bursts.h"

static uint64_t count_events(const uint8_t *row, uint32_t detector_count);

otr_status otr_event_sums_add(otr_event_sums *sums, const uint8_t *shots, size_t stride, size_t shot_count,
                              uint32_t detector_count) {
    if (sums == NULL || (shots == NULL && shot_count > 0 && detector_count > 0) ||
        (stride < otr_bytes_for_bits(detector_count) && shot_count > 1)) {
        return OTR_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < shot_count; i++) {
        const uint64_t events = count_events(shots + i * stride, detector_count);
        sums->events += events;
        sums->squares += events * events;
    }
    sums->shots += shot_count;
    return OTR_OK;
}

static uint64_t count_events(const uint8_t *row, uint32_t detector_count) {
    const size_t bytes = otr_bytes_for_bits(detector_count);
    uint64_t events = 0;
    for (size_t byte = 0; byte < bytes; byte += 8) {
        const size_t left = detector_count - 8 * byte;
        uint64_t word =
            bytes - byte < 8 ? otr_load_tail(row + byte, bytes - byte) : otr_load_le64(row + byte);
        if (left < 64) {
            word &= ((uint64_t)1 << left) - 1;
        }
        events += otr_popcount64(word);
    }
    return events;
}
