#include "graph/edge_observables.h"

#include <stdlib.h>

#include "common/array.h"
#include "graph/numbers.h"

static bool append(otr_edge_observables *self, const uint64_t *observables, size_t count);
static bool are_equal(const otr_edge_observables *self, uint32_t begin, uint32_t end,
                      const uint64_t *observables, size_t count);
static bool add_variant(otr_edge_observables *self, uint32_t *link, uint32_t begin, uint32_t end, double p);
static bool merge_variant(otr_edge_observables *self, uint32_t first, const uint64_t *observables,
                          size_t count, double p);

bool otr_edge_observables_add(otr_edge_observables *self, const uint64_t *observables, size_t count) {
    const size_t edge = self->edge_count;
    if (!OTR_ARRAY_GROW(self->begin, edge, self->begin_capacity) ||
        !OTR_ARRAY_GROW(self->end, edge, self->end_capacity) ||
        !OTR_ARRAY_GROW(self->first, edge, self->first_capacity) || !append(self, observables, count)) {
        return false;
    }
    self->begin[edge] = (uint32_t)(self->count - count);
    self->end[edge] = (uint32_t)self->count;
    self->first[edge] = OTR_NONE;
    self->edge_count++;
    return true;
}

bool otr_edge_observables_merge(otr_edge_observables *self, uint32_t edge, const uint64_t *observables,
                                size_t count, double p, double before) {
    if (self->first[edge] == OTR_NONE) {
        if (are_equal(self, self->begin[edge], self->end[edge], observables, count)) {
            return true;
        }
        self->conflict_count++;
        if (!add_variant(self, &self->first[edge], self->begin[edge], self->end[edge], before)) {
            return false;
        }
    }
    return merge_variant(self, self->first[edge], observables, count, p);
}

void otr_edge_observables_choose(otr_edge_observables *self) {
    for (size_t edge = 0; edge < self->edge_count; edge++) {
        uint32_t best = self->first[edge];
        if (best == OTR_NONE) {
            continue;
        }
        for (uint32_t i = self->variants[best].next; i != OTR_NONE; i = self->variants[i].next) {
            best = self->variants[i].probability > self->variants[best].probability ? i : best;
        }
        self->begin[edge] = self->variants[best].begin;
        self->end[edge] = self->variants[best].end;
    }
}

void otr_edge_observables_free(otr_edge_observables *self) {
    free(self->variants);
    free(self->first);
    free(self->begin);
    free(self->end);
    free(self->list);
    *self = (otr_edge_observables){0};
}

static bool append(otr_edge_observables *self, const uint64_t *observables, size_t count) {
    if (self->count + count > UINT32_MAX ||
        !otr_array_reserve((void **)&self->list, &self->capacity, self->count + count, sizeof *self->list)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        self->list[self->count++] = (uint32_t)observables[i];
    }
    return true;
}

static bool are_equal(const otr_edge_observables *self, uint32_t begin, uint32_t end,
                      const uint64_t *observables, size_t count) {
    bool equal = end - begin == count;
    for (size_t i = 0; equal && i < count; i++) {
        equal = self->list[begin + i] == observables[i];
    }
    return equal;
}

/* `link` takes its number; it may stand in a variant. */
static bool add_variant(otr_edge_observables *self, uint32_t *link, uint32_t begin, uint32_t end, double p) {
    const size_t number = self->variant_count;
    *link = (uint32_t)number;
    if (number == OTR_NONE || !OTR_ARRAY_GROW(self->variants, number, self->variant_capacity)) {
        return false;
    }
    self->variants[self->variant_count++] = (otr_edge_variant){begin, end, OTR_NONE, p};
    return true;
}

static bool merge_variant(otr_edge_observables *self, uint32_t first, const uint64_t *observables,
                          size_t count, double p) {
    uint32_t last = OTR_NONE;
    for (uint32_t i = first; i != OTR_NONE; i = self->variants[i].next) {
        otr_edge_variant *const variant = &self->variants[i];
        if (are_equal(self, variant->begin, variant->end, observables, count)) {
            variant->probability = otr_probability_xor(variant->probability, p);
            return true;
        }
        last = i;
    }
    return append(self, observables, count) &&
           add_variant(self, &self->variants[last].next, (uint32_t)(self->count - count),
                       (uint32_t)self->count, p);
}
