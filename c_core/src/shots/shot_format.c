#include "shots/shot_format.h"

#include <string.h>

static const char *const FORMAT_NAMES[] = {"01", "b8", "r8", "ptb64", "hits", "dets"};

#define FORMAT_COUNT (sizeof FORMAT_NAMES / sizeof FORMAT_NAMES[0])

otr_status otr_shot_format_from_name(const char *name, otr_shot_format *out) {
    if (name == NULL || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(name, FORMAT_NAMES[i]) == 0) {
            *out = (otr_shot_format)i;
            return OTR_OK;
        }
    }
    return OTR_ERR_FORMAT;
}

const char *otr_shot_format_name(otr_shot_format format) {
    return (size_t)format < FORMAT_COUNT ? FORMAT_NAMES[format] : "unknown";
}

otr_status otr_shot_record_init(shot_record *record, otr_shot_format format, const otr_shot_layout *layout) {
    const char letters[SHOT_SECTIONS] = {'M', 'D', 'L'};
    if (layout == NULL || (size_t)format >= FORMAT_COUNT) {
        return OTR_ERR_ARGUMENT;
    }
    const uint64_t counts[SHOT_SECTIONS] = {layout->measurements, layout->detectors, layout->observables};
    record->bits = 0;
    for (size_t i = 0; i < SHOT_SECTIONS; i++) {
        if (counts[i] > OTR_SHOT_BITS_MAX - record->bits) {
            return OTR_ERR_LIMIT;
        }
        record->sections[i] = (shot_section){letters[i], record->bits, counts[i]};
        record->bits += counts[i];
    }
    return OTR_OK;
}
