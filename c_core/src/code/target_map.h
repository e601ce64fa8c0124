/* A hash map from target lists to consecutive numbers 0, 1, 2, ... in the order of insertion. */
#ifndef OTR_CODE_TARGET_MAP_H
#define OTR_CODE_TARGET_MAP_H

#include "outrider/status.h"

/* Number of a list that is not there. */
#define OTR_TARGET_MAP_NONE SIZE_MAX

typedef struct otr_target_list {
    size_t first; /* index into the map's `targets` */
    size_t count;
} otr_target_list;

typedef struct otr_target_map {
    uint64_t *targets;
    size_t target_count, target_capacity;
    otr_target_list *lists;
    size_t list_count, list_capacity;
    size_t *slots; /* open addressing: number of a list + 1, or 0 */
    size_t slot_count;
} otr_target_map;

/* Frees what the calls below made; a zeroed map is empty. */
void otr_target_map_free(otr_target_map *map);

/* The number of the list, or OTR_TARGET_MAP_NONE. */
size_t otr_target_map_find(const otr_target_map *map, const uint64_t *targets, size_t count);
/* The number of the list, inserted if new, or OTR_TARGET_MAP_NONE when memory is out. */
size_t otr_target_map_insert(otr_target_map *map, const uint64_t *targets, size_t count);

#endif
