/* A hash table with linear probing; keys are kept densely beside it, so growing rehashes without moving them.
 */
#include "common/key_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* Slots of the first table. */
#define SLOTS_MIN 1024

/* The finaliser of MurmurHash3 (Appleby): every bit of the key reaches every bit of the result. */
static uint64_t mix(uint64_t key) {
    key = (key ^ (key >> 33)) * 0xFF51AFD7ED558CCDu;
    key = (key ^ (key >> 33)) * 0xC4CEB9FE1A85EC53u;
    return key ^ (key >> 33);
}

/* The slot that holds `key`, or the free one where it belongs. */
static size_t find_slot(const otr_key_table *table, uint64_t key) {
    const size_t mask = table->slot_count - 1;
    size_t slot = (size_t)mix(key) & mask;
    while (table->slots[slot] != OTR_KEY_NONE && table->keys[table->slots[slot]] != key) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int grow_slots(otr_key_table *table) {
    const size_t slot_count = table->slot_count > 0 ? 2 * table->slot_count : SLOTS_MIN;
    uint32_t *slots = otr_array_new(slot_count, sizeof *slots);
    if (slots == NULL) {
        return 0;
    }
    free(table->slots);
    memset(slots, 0xFF, slot_count * sizeof *slots);
    table->slots = slots;
    table->slot_count = slot_count;
    for (size_t i = 0; i < table->count; i++) {
        slots[find_slot(table, table->keys[i])] = (uint32_t)i;
    }
    return 1;
}

uint32_t otr_key_table_add(otr_key_table *table, uint64_t key) {
    size_t slot;
    if (2 * (table->count + 1) > table->slot_count && !grow_slots(table)) {
        return OTR_KEY_NONE;
    }
    slot = find_slot(table, key);
    if (table->slots[slot] == OTR_KEY_NONE) {
        if (table->count == OTR_KEY_NONE || !OTR_ARRAY_GROW(table->keys, table->count, table->capacity)) {
            return OTR_KEY_NONE;
        }
        table->slots[slot] = (uint32_t)table->count;
        table->keys[table->count++] = key;
    }
    return table->slots[slot];
}

void otr_key_table_free(otr_key_table *table) {
    free(table->keys);
    free(table->slots);
    *table = (otr_key_table){0};
}
