/* Numbers distinct 64-bit keys 0, 1, 2, ... in the order of their first appearance. */
#ifndef OTR_COMMON_KEY_TABLE_H
#define OTR_COMMON_KEY_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Answered when memory is out, or when the numbers are. */
#define OTR_KEY_NONE UINT32_MAX

/* Zero-initialised is empty. */
typedef struct otr_key_table {
    uint64_t *keys; /* number -> key */
    size_t count;
    size_t capacity;
    uint32_t *slots;   /* open addressing; OTR_KEY_NONE is free */
    size_t slot_count; /* a power of two, at least twice `count` */
} otr_key_table;

/* The number of `key`, which is the old `count` if the key is new. */
uint32_t otr_key_table_add(otr_key_table *table, uint64_t key);

void otr_key_table_free(otr_key_table *table);

#endif
