#include "likelihood/class_groups.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"

static bool is_undetectable(const otr_error_list *errors, uint32_t error);
static void join(otr_class_groups *groups, uint64_t observables);
static void list_parts(otr_class_groups *groups, const otr_frontier_list *parts);
static otr_status fill_tables(otr_class_groups *groups, const otr_error_list *errors, otr_error *error);
static void add_undetectable(otr_class_group *group, const otr_error_list *errors);

otr_status otr_class_groups_fill(otr_class_groups *groups, const otr_frontier_list *parts,
                                 const otr_error_list *errors, otr_error *error) {
    groups->count = 0;
    if (!otr_array_reserve((void **)&groups->parts, &groups->part_capacity, parts->count,
                           sizeof *groups->parts)) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        join(groups, parts->parts[i].flips);
    }
    for (uint32_t i = 0; i < errors->count; i++) {
        if (is_undetectable(errors, i)) {
            join(groups, errors->observables[i]);
        }
    }
    list_parts(groups, parts);
    return fill_tables(groups, errors, error);
}

void otr_class_groups_free(otr_class_groups *groups) {
    free(groups->parts);
    free(groups->shares);
    *groups = (otr_class_groups){0};
}

size_t otr_class_groups_bytes(const otr_class_groups *groups) {
    return groups->part_capacity * sizeof *groups->parts + groups->share_capacity * sizeof *groups->shares;
}

uint32_t otr_class_number(uint64_t observables, uint64_t mask) {
    uint32_t number = 0;
    for (uint32_t place = 0; observables != 0; observables &= observables - 1, place++) {
        number |= (uint32_t)(mask >> otr_ctz64(observables) & 1) << place;
    }
    return number;
}

uint64_t otr_class_mask(uint64_t observables, uint32_t number) {
    uint64_t mask = 0;
    for (; observables != 0; observables &= observables - 1, number >>= 1) {
        mask |= (uint64_t)(number & 1) << otr_ctz64(observables);
    }
    return mask;
}

void otr_class_convolve(double *sums, const double *left, const double *right, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        sums[i] = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; right[i] > 0 && j < count; j++) {
            sums[i ^ j] += right[i] * left[j];
        }
    }
}

static bool is_undetectable(const otr_error_list *errors, uint32_t error) {
    return errors->begin[error] == errors->begin[error + 1];
}

/* Makes one group of these observables and of all groups that have one of them. */
static void join(otr_class_groups *groups, uint64_t observables) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < groups->count; i++) {
        if ((groups->groups[i].observables & observables) != 0) {
            observables |= groups->groups[i].observables;
        } else {
            groups->groups[kept++] = groups->groups[i];
        }
    }
    groups->groups[kept] = (otr_class_group){.observables = observables};
    groups->count = kept + 1;
}

static void list_parts(otr_class_groups *groups, const otr_frontier_list *parts) {
    uint32_t listed = 0;
    for (uint32_t i = 0; i < groups->count; i++) {
        otr_class_group *const group = &groups->groups[i];
        group->part_begin = listed;
        for (uint32_t j = 0; j < parts->count; j++) {
            if ((parts->parts[j].flips & group->observables) != 0) {
                groups->parts[listed++] = j;
            }
        }
        group->part_end = listed;
    }
}

static bool has_undetectable(const otr_class_group *group, const otr_error_list *errors) {
    for (uint32_t i = 0; i < errors->count; i++) {
        if (is_undetectable(errors, i) && (errors->observables[i] & group->observables) != 0) {
            return true;
        }
    }
    return false;
}

/* Makes the table of each group that has one. */
static otr_status fill_tables(otr_class_groups *groups, const otr_error_list *errors, otr_error *error) {
    size_t shares = 0;
    for (uint32_t i = 0; i < groups->count; i++) {
        otr_class_group *const group = &groups->groups[i];
        const uint32_t bits = otr_popcount64(group->observables);
        if (bits <= OTR_TRELLIS_SHARED_OBSERVABLES_MAX) {
            group->class_count = 1u << bits;
            shares += group->class_count;
        } else if (group->part_end - group->part_begin > 1 || has_undetectable(group, errors)) {
            return otr_error_set(
                error, OTR_ERR_LIMIT, 0, 0,
                "parts of the model that share no detector flip %u observables together, the "
                "limit is %d",
                bits, OTR_TRELLIS_SHARED_OBSERVABLES_MAX);
        }
    }
    if (!otr_array_reserve((void **)&groups->shares, &groups->share_capacity, shares,
                           sizeof *groups->shares)) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    shares = 0;
    for (uint32_t i = 0; i < groups->count; i++) {
        otr_class_group *const group = &groups->groups[i];
        if (group->class_count > 0) {
            group->undetectable = groups->shares + shares;
            shares += group->class_count;
            add_undetectable(group, errors);
        }
    }
    return OTR_OK;
}

static void add_undetectable(otr_class_group *group, const otr_error_list *errors) {
    double *const shares = group->undetectable;
    memset(shares, 0, group->class_count * sizeof *shares);
    shares[0] = 1;
    for (uint32_t i = 0; i < errors->count; i++) {
        if (!is_undetectable(errors, i) || (errors->observables[i] & group->observables) == 0) {
            continue;
        }
        const double odds = errors->odds[i];
        const double flips = odds / (1 + odds), stays = 1 / (1 + odds);
        const uint32_t mask = otr_class_number(group->observables, errors->observables[i]);
        for (uint32_t j = 0; j < group->class_count; j++) {
            const uint32_t other = j ^ mask;
            if (j < other) {
                const double here = shares[j], there = shares[other];
                shares[j] = here * stays + there * flips;
                shares[other] = there * stays + here * flips;
            }
        }
    }
}
