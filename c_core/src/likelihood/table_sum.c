/* A state's place in the table has the classes of the part's observables in the low bits and the slots of
 * open detectors above them. An error adds to every state, times its odds, what the state had from which it
 * leads there. The table is as large as the slots in use need. */
#include "likelihood/table_sum.h"

#include <string.h>

#include "common/bits.h"
#include "common/logarithm.h"
#include "likelihood/class_groups.h"

/* Sums below this are scaled up by its inverse, which rounds nothing; so often that they stay normal numbers.
 */
#define SMALL 0x1p-300
#define STEPS_TO_RESCALE 8

typedef struct table {
    double *sums;
    size_t count;        /* of states; a power of two */
    uint32_t class_bits; /* of a place */
    uint64_t open;       /* slots in use */
} table;

static void open_slot(table *table, uint32_t slot);
static void close_slot(table *table, uint32_t slot, bool fired);
static bool rescale(table *table);
static size_t place_of(const table *table, const otr_frontier *part, uint32_t error);

bool otr_table_sum_fits(const otr_frontier *part, uint32_t bits) {
    const uint32_t class_bits = otr_popcount64(part->flips);
    return class_bits <= OTR_TABLE_SUM_CLASS_BITS && part->slot_count + class_bits <= bits;
}

otr_frontier_result otr_table_sum(otr_frontier_space *space, const otr_frontier *part, uint32_t class_shift,
                                  const uint8_t *fired, double *sums) {
    table table = {.sums = sums, .class_bits = otr_popcount64(part->flips)};
    otr_frontier_result result = {.is_exact = true};
    table.count = (size_t)1 << table.class_bits;
    memset(sums, 0, table.count * sizeof *sums);
    sums[0] = 1;
    for (uint32_t step = 0; step < part->step_count; step++) {
        for (uint32_t i = part->opened_begin[step]; i < part->opened_begin[step + 1]; i++) {
            open_slot(&table, part->slot[part->opened[i]]);
        }
        for (uint32_t error = part->error_begin[step]; error < part->error_begin[step + 1]; error++) {
            space->kernels->flip_sums(sums, table.count, place_of(&table, part, error), part->odds[error]);
            result.work += table.count;
        }
        close_slot(&table, part->slot[step], fired[step] != 0);
        if ((step + 1) % STEPS_TO_RESCALE == 0 && !rescale(&table)) {
            return result;
        }
    }
    for (uint32_t class = 0; class < table.count; class ++) {
        if (sums[class] > 0) {
            space->keys[result.class_count] = otr_class_mask(part->flips, class) << class_shift;
            space->weights[result.class_count++] = sums[class];
        }
    }
    return result;
}

/* Where an error leads from the state without any flips. */
static size_t place_of(const table *table, const otr_frontier *part, uint32_t error) {
    const uint64_t slots = part->masks[(size_t)error * part->words] & (((uint64_t)1 << part->slot_count) - 1);
    return (size_t)slots << table->class_bits | otr_class_number(part->flips, part->observables[error]);
}

static void open_slot(table *table, uint32_t slot) {
    const size_t wanted = (size_t)2 << (slot + table->class_bits);
    if (wanted > table->count) {
        memset(table->sums + table->count, 0, (wanted - table->count) * sizeof *table->sums);
        table->count = wanted;
    }
    table->open |= (uint64_t)1 << slot;
}

/* Leaves the states in which the detector was flipped as the shot has it, without its bit. */
static void close_slot(table *table, uint32_t slot, bool fired) {
    const size_t half = (size_t)1 << (slot + table->class_bits);
    uint32_t used;
    for (size_t block = 0; block < table->count; block += 2 * half) {
        double *const kept = table->sums + block;
        if (fired) {
            memcpy(kept, kept + half, half * sizeof *kept);
        }
        memset(kept + half, 0, half * sizeof *kept);
    }
    table->open &= ~((uint64_t)1 << slot);
    used = table->open != 0 ? 64 - otr_clz64(table->open) : 0;
    table->count = (size_t)1 << (used + table->class_bits);
}

/* Keeps sums away from the smallest numbers. Returns whether there are any above 0. */
static bool rescale(table *table) {
    double most = 0;
    for (size_t i = 0; i < table->count; i++) {
        most = table->sums[i] > most ? table->sums[i] : most;
    }
    if (most < SMALL) {
        for (size_t i = 0; i < table->count; i++) {
            table->sums[i] *= 1 / SMALL;
        }
    }
    return most > 0;
}
