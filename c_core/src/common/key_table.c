/* Keys with the same upper word form a short chain. Models name neighbours one after another, so a chain is
 * in the cache when it is walked, which a hash table's slots are not. Keys beyond a full chain go to a hash
 * table with linear probing, so no input makes a lookup slow. */
#include "common/key_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* Keys of one chain at most. */
#define CHAIN_MAX 24
/* Slots of the first hash table. */
#define SLOTS_MIN 1024

static bool grow_heads(otr_key_table *table, size_t wanted);
static uint32_t append(otr_key_table *table, uint64_t key);
static bool grow_slots(otr_key_table *table);
static uint32_t *find_slot(const otr_key_table *table, uint64_t key);
static uint64_t mix(uint64_t key);

uint32_t otr_key_table_add(otr_key_table *table, uint64_t key) {
    const size_t upper = (size_t)(key >> 32);
    uint32_t length = 0;
    uint32_t number;
    uint32_t *slot;
    if (upper >= table->head_count && !grow_heads(table, upper + 1)) {
        return OTR_KEY_NONE;
    }
    for (number = table->heads[upper]; number != OTR_KEY_NONE && length < CHAIN_MAX; length++) {
        if (table->keys[number] == key) {
            return number;
        }
        number = table->next[number];
    }
    if (length < CHAIN_MAX) {
        number = append(table, key);
        if (number != OTR_KEY_NONE) {
            table->next[number] = table->heads[upper];
            table->heads[upper] = number;
        }
        return number;
    }
    if (2 * (table->hashed_count + 1) > table->slot_count && !grow_slots(table)) {
        return OTR_KEY_NONE;
    }
    slot = find_slot(table, key);
    if (*slot == OTR_KEY_NONE) {
        *slot = append(table, key);
        table->hashed_count += *slot != OTR_KEY_NONE;
    }
    return *slot;
}

void otr_key_table_free(otr_key_table *table) {
    free(table->keys);
    free(table->next);
    free(table->heads);
    free(table->slots);
    *table = (otr_key_table){0};
}

static bool grow_heads(otr_key_table *table, size_t wanted) {
    if (!otr_array_reserve((void **)&table->heads, &table->head_capacity, wanted, sizeof *table->heads)) {
        return false;
    }
    memset(table->heads + table->head_count, 0xFF, (wanted - table->head_count) * sizeof *table->heads);
    table->head_count = wanted;
    return true;
}

static uint32_t append(otr_key_table *table, uint64_t key) {
    if (table->count == OTR_KEY_NONE || !OTR_ARRAY_GROW(table->keys, table->count, table->capacity) ||
        !OTR_ARRAY_GROW(table->next, table->count, table->next_capacity)) {
        return OTR_KEY_NONE;
    }
    table->keys[table->count] = key;
    table->next[table->count] = OTR_KEY_NONE;
    return (uint32_t)table->count++;
}

static bool grow_slots(otr_key_table *table) {
    const uint32_t *old = table->slots;
    const size_t old_count = table->slot_count;
    const size_t slot_count = old_count > 0 ? 2 * old_count : SLOTS_MIN;
    uint32_t *slots = otr_array_new(slot_count, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0xFF, slot_count * sizeof *slots);
    table->slots = slots;
    table->slot_count = slot_count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != OTR_KEY_NONE) {
            *find_slot(table, table->keys[old[i]]) = old[i];
        }
    }
    free((void *)old);
    return true;
}

/* The slot that holds `key`, or the free one where it belongs. */
static uint32_t *find_slot(const otr_key_table *table, uint64_t key) {
    const size_t mask = table->slot_count - 1;
    size_t slot = (size_t)mix(key) & mask;
    while (table->slots[slot] != OTR_KEY_NONE && table->keys[table->slots[slot]] != key) {
        slot = (slot + 1) & mask;
    }
    return &table->slots[slot];
}

/* The finaliser of MurmurHash3 (Appleby): every bit of the key reaches every bit of the result. */
static uint64_t mix(uint64_t key) {
    key = (key ^ (key >> 33)) * 0xFF51AFD7ED558CCDu;
    key = (key ^ (key >> 33)) * 0xC4CEB9FE1A85EC53u;
    return key ^ (key >> 33);
}
