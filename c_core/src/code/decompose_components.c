/* The second step of decomposition: components with more than two detectors, over all mechanisms of the
 * circuit.
 *
 * A component that occurs is known by its one or two detectors; where two with the same detectors differ in
 * their observables, the one of the lexicographically last mechanism counts. */
#include "code/fault_set.h"

#include "common/array.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

/* Observables that the search can tell apart. */
#define SEARCH_OBSERVABLES_MAX 64

/* A slice of the mechanisms' targets. */
typedef struct component {
    const uint64_t *targets;
    uint32_t count;
    uint32_t detector_count;
} component;

typedef struct mechanism {
    const uint64_t *targets;
    size_t count;
    double probability;
} mechanism;

/* Components known by their detectors. */
typedef struct known_components {
    otr_target_map map;
    component *components; /* by number in the map */
    size_t component_capacity;
} known_components;

/* The targets of a mechanism under construction. */
typedef struct target_builder {
    uint64_t *targets;
    size_t count, capacity;
} target_builder;

static otr_status sort_mechanisms(const otr_fault_set *faults, mechanism **out, size_t *count);
static otr_status learn_components(known_components *known, const mechanism *mechanisms, size_t count);
static bool is_graphlike(const mechanism *one);
static otr_status rewrite(target_builder *out, const mechanism *one, const known_components *known,
                          otr_error *error);
static otr_status sorted_copy(otr_fault_set *out, const otr_fault_set *faults);

otr_status otr_fault_set_finish(otr_fault_set *faults, otr_error *error) {
    mechanism *mechanisms = NULL;
    known_components known = {0};
    target_builder rewritten = {0};
    otr_fault_set decomposed = {0}, sorted = {0};
    size_t count = 0;
    otr_status status = sort_mechanisms(faults, &mechanisms, &count);

    if (status == OTR_OK) {
        status = learn_components(&known, mechanisms, count);
    }
    for (size_t i = 0; status == OTR_OK && i < count; i++) {
        const mechanism *one = &mechanisms[i];
        if (is_graphlike(one)) {
            status = otr_fault_set_add(&decomposed, one->targets, one->count, one->probability);
            continue;
        }
        status = rewrite(&rewritten, one, &known, error);
        if (status == OTR_OK) {
            status = otr_fault_set_add(&decomposed, rewritten.targets, rewritten.count, one->probability);
        }
    }
    if (status == OTR_OK) {
        status = sorted_copy(&sorted, &decomposed);
    }
    if (status == OTR_OK) {
        otr_fault_set_free(faults);
        *faults = sorted;
        sorted = (otr_fault_set){0};
    }
    free(mechanisms);
    otr_target_map_free(&known.map);
    free(known.components);
    free(rewritten.targets);
    otr_fault_set_free(&decomposed);
    otr_fault_set_free(&sorted);
    return status;
}

static int compare_mechanisms(const void *left, const void *right) {
    const mechanism *a = left, *b = right;
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (a->targets[i] != b->targets[i]) {
            return a->targets[i] < b->targets[i] ? -1 : 1;
        }
    }
    return (a->count > b->count) - (a->count < b->count);
}

/* Views of the mechanisms that can happen, in lexicographic order. */
static otr_status sort_mechanisms(const otr_fault_set *faults, mechanism **out, size_t *count) {
    *out = otr_array_new(faults->map.list_count, sizeof **out);
    *count = 0;
    if (*out == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < faults->map.list_count; i++) {
        if (faults->probabilities[i] > 0) {
            (*out)[(*count)++] = (mechanism){
                .targets = faults->map.targets + faults->map.lists[i].first,
                .count = faults->map.lists[i].count,
                .probability = faults->probabilities[i],
            };
        }
    }
    qsort(*out, *count, sizeof **out, compare_mechanisms);
    return OTR_OK;
}

static otr_status sorted_copy(otr_fault_set *out, const otr_fault_set *faults) {
    mechanism *mechanisms = NULL;
    size_t count;
    otr_status status = sort_mechanisms(faults, &mechanisms, &count);
    for (size_t i = 0; status == OTR_OK && i < count; i++) {
        status =
            otr_fault_set_add(out, mechanisms[i].targets, mechanisms[i].count, mechanisms[i].probability);
    }
    free(mechanisms);
    return status;
}

/* The component that starts at targets[first]; detectors come before observables within it. */
static component component_at(const mechanism *one, size_t first) {
    component found = {.targets = one->targets + first};
    for (size_t i = first; i < one->count && one->targets[i] != OTR_TARGET_SEPARATOR; i++) {
        found.count++;
        found.detector_count += !(one->targets[i] & OTR_TARGET_OBSERVABLE);
    }
    return found;
}

static bool is_graphlike(const mechanism *one) {
    for (size_t i = 0; i < one->count; i += component_at(one, i).count + 1) {
        if (component_at(one, i).detector_count > 2) {
            return false;
        }
    }
    return true;
}

static otr_status learn_components(known_components *known, const mechanism *mechanisms, size_t count) {
    for (size_t m = 0; m < count; m++) {
        component found;
        for (size_t i = 0; i < mechanisms[m].count; i += found.count + 1) {
            size_t index;
            found = component_at(&mechanisms[m], i);
            if (found.detector_count != 1 && found.detector_count != 2) {
                continue;
            }
            if (!OTR_ARRAY_GROW(known->components, known->map.list_count, known->component_capacity)) {
                return OTR_ERR_MEMORY;
            }
            index = otr_target_map_insert(&known->map, found.targets, found.detector_count);
            if (index == OTR_TARGET_MAP_NONE) {
                return OTR_ERR_MEMORY;
            }
            known->components[index] = found;
        }
    }
    return OTR_OK;
}

static const component *find_known(const known_components *known, const uint64_t *detectors, size_t count) {
    const size_t index = otr_target_map_find(&known->map, detectors, count);
    return index == OTR_TARGET_MAP_NONE ? NULL : &known->components[index];
}

static uint64_t observable_mask(const component *one) {
    uint64_t mask = 0;
    for (uint32_t i = one->detector_count; i < one->count; i++) {
        mask ^= (uint64_t)1 << (one->targets[i] & ~OTR_TARGET_OBSERVABLE) % SEARCH_OBSERVABLES_MAX;
    }
    return mask;
}

static otr_status append_component(target_builder *out, const uint64_t *targets, size_t count) {
    if (!otr_array_reserve((void **)&out->targets, &out->capacity, out->count + count + 1,
                           sizeof *out->targets)) {
        return OTR_ERR_MEMORY;
    }
    if (out->count > 0) {
        out->targets[out->count++] = OTR_TARGET_SEPARATOR;
    }
    memcpy(out->targets + out->count, targets, count * sizeof *targets);
    out->count += count;
    return OTR_OK;
}

/* A partition of a component's detectors into known components with the same observables in total. */
typedef struct partition_search {
    const known_components *known;
    const component *problem;
    const component *found[OTR_TARGET_SET_MAX];
    uint32_t found_count;
} partition_search;

/* Depth-first: the first free detector goes with each later one in turn, at last alone. */
static bool search_partition(partition_search *search, uint32_t start, uint64_t used, uint64_t observables) {
    const component *problem = search->problem;
    uint64_t key[2];
    while (start < problem->detector_count && (used >> start & 1)) {
        start++;
    }
    if (start == problem->detector_count) {
        return observables == 0;
    }
    key[0] = problem->targets[start];
    for (uint32_t partner = start + 1; partner <= problem->detector_count; partner++) {
        const bool is_alone = partner == problem->detector_count;
        const component *match;
        if (!is_alone && (used >> partner & 1)) {
            continue;
        }
        key[1] = is_alone ? 0 : problem->targets[partner];
        match = find_known(search->known, key, is_alone ? 1 : 2);
        if (match == NULL) {
            continue;
        }
        search->found[search->found_count++] = match;
        if (search_partition(search, start + 1, is_alone ? used : used | (uint64_t)1 << partner,
                             observables ^ observable_mask(match))) {
            return true;
        }
        search->found_count--;
    }
    return false;
}

static bool take_known(otr_target_set *rest, const component *match, target_builder *out,
                       otr_status *status) {
    if (match == NULL || *status != OTR_OK) {
        return false;
    }
    *status = append_component(out, match->targets, match->count);
    if (*status == OTR_OK && !otr_target_set_xor(rest, match->targets, match->count)) {
        *status = OTR_ERR_LIMIT;
    }
    return true;
}

/* Takes known pairs, then known single detectors, greedily; what is left becomes a component of its own. */
static otr_status split_greedily(target_builder *out, const component *problem, const known_components *known,
                                 otr_error *error) {
    int done[OTR_TARGET_SET_MAX] = {0};
    uint32_t missed = 0;
    otr_target_set rest = {0};
    otr_status status = OTR_OK;
    if (!otr_target_set_xor(&rest, problem->targets, problem->count)) {
        return OTR_ERR_LIMIT;
    }
    for (uint32_t i = 0; i < problem->detector_count; i++) {
        for (uint32_t j = i + 1; !done[i] && j < problem->detector_count; j++) {
            const uint64_t key[] = {problem->targets[i], problem->targets[j]};
            if (!done[j] && take_known(&rest, find_known(known, key, 2), out, &status)) {
                done[i] = done[j] = 1;
            }
        }
    }
    for (uint32_t i = 0; i < problem->detector_count; i++) {
        missed += !done[i] && !take_known(&rest, find_known(known, &problem->targets[i], 1), out, &status);
    }
    if (status == OTR_OK && missed > 2) {
        return otr_error_set(
            error, OTR_ERR_UNDECOMPOSABLE, 0, 0,
            "an error flips %u detectors that known errors of one or two detectors do not make up",
            (unsigned)problem->detector_count);
    }
    return status == OTR_OK && rest.count > 0 ? append_component(out, rest.items, rest.count) : status;
}

static otr_status rewrite(target_builder *out, const mechanism *one, const known_components *known,
                          otr_error *error) {
    component problem;
    otr_status status = OTR_OK;
    out->count = 0;
    for (size_t i = 0; status == OTR_OK && i < one->count; i += problem.count + 1) {
        partition_search search = {.known = known, .problem = &problem};
        problem = component_at(one, i);
        if (problem.detector_count > OTR_TARGET_SET_MAX) {
            return OTR_ERR_LIMIT;
        }
        if (search_partition(&search, 0, 0, observable_mask(&problem))) {
            for (uint32_t k = 0; status == OTR_OK && k < search.found_count; k++) {
                status = append_component(out, search.found[k]->targets, search.found[k]->count);
            }
        } else if (problem.detector_count <= 2) {
            status = append_component(out, problem.targets, problem.count);
        } else {
            status = split_greedily(out, &problem, known, error);
        }
    }
    return status;
}
