/* Numbers distinct pairs of 32-bit words 0, 1, 2, ... in the order of their first appearance. */
#ifndef OTR_COMMON_KEY_TABLE_H
#define OTR_COMMON_KEY_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Answered when memory is out, or when the numbers are. */
#define OTR_KEY_NONE UINT32_MAX

/* Zero-initialised is empty. Memory grows with the keys and with the largest upper word. */
typedef struct otr_key_table {
    uint64_t *keys; /* number -> key, upper word << 32 | lower word */
    size_t count;
    size_t capacity;
    uint32_t *next; /* number -> an older key with the same upper word, or OTR_KEY_NONE */
    size_t next_capacity;
    uint32_t *heads; /* upper word -> its newest key, or OTR_KEY_NONE */
    size_t head_count;
    size_t head_capacity;
    uint32_t *slots;   /* hash table of the keys that no chain holds; OTR_KEY_NONE is free */
    size_t slot_count; /* a power of two, at least twice `hashed_count` */
    size_t hashed_count;
} otr_key_table;

/* The number of `key`, which is the old `count` if the key is new. */
uint32_t otr_key_table_add(otr_key_table *table, uint64_t key);

void otr_key_table_free(otr_key_table *table);

#endif
