/* What readers and writers share: the checked layout of a record. */
#ifndef OTR_SHOTS_SHOT_FORMAT_H
#define OTR_SHOTS_SHOT_FORMAT_H

#include "outrider/shots.h"

/* One kind of bit of a record: its letter in `dets`, and where its bits lie. */
typedef struct shot_section {
    char letter;
    uint64_t first; /* bit of the record that index 0 of this kind is */
    uint64_t count;
} shot_section;

#define SHOT_SECTIONS 3

/* A record of `bits` bits, its sections in the order of their bits. */
typedef struct shot_record {
    uint64_t bits;
    shot_section sections[SHOT_SECTIONS];
} shot_record;

/* OTR_ERR_ARGUMENT for an unknown format, OTR_ERR_LIMIT for more than OTR_SHOT_BITS_MAX bits. */
otr_status otr_shot_record_init(shot_record *record, otr_shot_format format, const otr_shot_layout *layout);

#endif
