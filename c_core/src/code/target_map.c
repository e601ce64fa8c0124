#include "code/target_map.h"

#include "common/array.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_COUNT_MIN 1024

static uint64_t hash(const uint64_t *targets, size_t count);
static size_t slot_of(const otr_target_map *map, const uint64_t *targets, size_t count);
static bool grow_slots(otr_target_map *map);

void otr_target_map_free(otr_target_map *map) {
    free(map->targets);
    free(map->lists);
    free(map->slots);
    *map = (otr_target_map){0};
}

size_t otr_target_map_find(const otr_target_map *map, const uint64_t *targets, size_t count) {
    if (map->slot_count == 0) {
        return OTR_TARGET_MAP_NONE;
    }
    /* An empty slot holds 0, and 0 - 1 is OTR_TARGET_MAP_NONE. */
    return map->slots[slot_of(map, targets, count)] - 1;
}

size_t otr_target_map_insert(otr_target_map *map, const uint64_t *targets, size_t count) {
    size_t slot;
    if (map->list_count >= map->slot_count / 2 && !grow_slots(map)) {
        return OTR_TARGET_MAP_NONE;
    }
    slot = slot_of(map, targets, count);
    if (map->slots[slot] != 0) {
        return map->slots[slot] - 1;
    }
    if (!OTR_ARRAY_GROW(map->lists, map->list_count, map->list_capacity) ||
        !otr_array_reserve((void **)&map->targets, &map->target_capacity, map->target_count + count,
                           sizeof *map->targets)) {
        return OTR_TARGET_MAP_NONE;
    }
    memcpy(map->targets + map->target_count, targets, count * sizeof *targets);
    map->lists[map->list_count++] = (otr_target_list){.first = map->target_count, .count = count};
    map->target_count += count;
    map->slots[slot] = map->list_count;
    return map->list_count - 1;
}

/* Multiply and xor-shift, target by target. */
static uint64_t hash(const uint64_t *targets, size_t count) {
    uint64_t state = count;
    for (size_t i = 0; i < count; i++) {
        state = (state ^ targets[i]) * 0x9E3779B97F4A7C15u;
        state ^= state >> 29;
    }
    return state;
}

/* The slot that holds the list, or the empty one where it belongs. */
static size_t slot_of(const otr_target_map *map, const uint64_t *targets, size_t count) {
    size_t slot = (size_t)hash(targets, count) & (map->slot_count - 1);
    while (map->slots[slot] != 0) {
        const otr_target_list *list = &map->lists[map->slots[slot] - 1];
        if (list->count == count &&
            memcmp(map->targets + list->first, targets, count * sizeof *targets) == 0) {
            break;
        }
        slot = (slot + 1) & (map->slot_count - 1);
    }
    return slot;
}

static bool grow_slots(otr_target_map *map) {
    otr_target_map grown = *map;
    grown.slot_count = map->slot_count > 0 ? 2 * map->slot_count : SLOT_COUNT_MIN;
    grown.slots = otr_array_zeroed(grown.slot_count, sizeof *grown.slots);
    if (grown.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->list_count; i++) {
        const otr_target_list *list = &map->lists[i];
        grown.slots[slot_of(&grown, map->targets + list->first, list->count)] = i + 1;
    }
    free(map->slots);
    *map = grown;
    return true;
}
