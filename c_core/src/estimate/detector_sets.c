#include "estimate/detector_sets.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "outrider/moments.h"

/* Subsets of errors of no more detectors are listed in full. */
#define WHOLE_MAX 4

/* A set, wherever it lies. */
typedef struct set_view {
    const uint32_t *detectors;
    size_t count;
} set_view;

/* The detectors that each one shares an error with. */
typedef struct neighbours {
    size_t *begin;
    uint32_t *of;
    uint32_t *seen; /* detector -> the last one whose neighbours it was counted among, from 1 */
} neighbours;

static int compare_sets(const set_view *a, const set_view *b);
static int compare_views(const void *a, const void *b);
static otr_status append_error(otr_set_list *list, const uint32_t *detectors, size_t count);
static otr_status append_outside(otr_set_list *list, const otr_detector_sets *sets, uint32_t detector_count);

otr_status otr_set_list_append(otr_set_list *list, const uint32_t *detectors, size_t count) {
    if (list->count == OTR_MOMENTS_SETS_MAX) {
        return OTR_ERR_LIMIT;
    }
    if (!OTR_ARRAY_GROW(list->ends, list->count, list->capacity) ||
        !otr_array_reserve((void **)&list->detectors, &list->detector_capacity, list->detector_count + count,
                           sizeof *list->detectors)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        list->detectors[list->detector_count++] = detectors[i];
    }
    list->ends[list->count++] = list->detector_count;
    return OTR_OK;
}

void otr_set_list_free(otr_set_list *list) {
    free(list->detectors);
    free(list->ends);
    *list = (otr_set_list){0};
}

otr_status otr_detector_sets_init(otr_detector_sets *sets, const otr_set_list *list) {
    set_view *const views = otr_array_new(list->count, sizeof *views);
    *sets = (otr_detector_sets){0};
    sets->begin = otr_array_zeroed(list->count + 1, sizeof *sets->begin);
    sets->detectors = otr_array_new(list->detector_count, sizeof *sets->detectors);
    if (views == NULL || sets->begin == NULL || sets->detectors == NULL) {
        free(views);
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < list->count; i++) {
        const size_t begin = i > 0 ? list->ends[i - 1] : 0;
        views[i] = (set_view){list->detectors + begin, list->ends[i] - begin};
    }
    if (list->count > 0) {
        qsort(views, list->count, sizeof *views, compare_views);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || compare_sets(&views[i - 1], &views[i]) != 0) {
            const size_t begin = sets->begin[sets->count];
            memcpy(sets->detectors + begin, views[i].detectors, views[i].count * sizeof *sets->detectors);
            sets->begin[++sets->count] = begin + views[i].count;
        }
    }
    free(views);
    return OTR_OK;
}

otr_status otr_detector_sets_of_errors(otr_detector_sets *sets, const otr_error_list *errors,
                                       bool with_outside) {
    otr_set_list list = {0};
    otr_status status = OTR_OK;
    *sets = (otr_detector_sets){0};
    for (uint32_t i = 0; status == OTR_OK && i < errors->detector_count; i++) {
        status = otr_set_list_append(&list, &i, 1);
    }
    for (uint32_t i = 0; status == OTR_OK && i < errors->count; i++) {
        const size_t begin = errors->begin[i];
        status = append_error(&list, errors->detectors + begin, errors->begin[i + 1] - begin);
    }
    if (status == OTR_OK) {
        status = otr_detector_sets_init(sets, &list);
    }
    if (status == OTR_OK && with_outside) {
        status = append_outside(&list, sets, errors->detector_count);
        if (status == OTR_OK) {
            otr_detector_sets_free(sets);
            status = otr_detector_sets_init(sets, &list);
        }
    }
    otr_set_list_free(&list);
    return status;
}

void otr_detector_sets_free(otr_detector_sets *sets) {
    free(sets->begin);
    free(sets->detectors);
    *sets = (otr_detector_sets){0};
}

size_t otr_detector_sets_find(const otr_detector_sets *sets, const uint32_t *detectors, size_t count) {
    const set_view wanted = {detectors, count};
    size_t low = 0, high = sets->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const size_t begin = sets->begin[middle];
        const set_view here = {sets->detectors + begin, sets->begin[middle + 1] - begin};
        const int order = compare_sets(&wanted, &here);
        if (order == 0) {
            return middle;
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return SIZE_MAX;
}

static int compare_sets(const set_view *a, const set_view *b) {
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->detectors[i] != b->detectors[i]) {
            return a->detectors[i] < b->detectors[i] ? -1 : 1;
        }
    }
    return 0;
}

static int compare_views(const void *a, const void *b) {
    return compare_sets(a, b);
}

/* All subsets of two detectors and more, or pairs only. */
static otr_status append_error(otr_set_list *list, const uint32_t *detectors, size_t count) {
    otr_status status = OTR_OK;
    if (count > OTR_MOMENTS_SET_SIZE_MAX) {
        return OTR_OK;
    }
    if (count > WHOLE_MAX) {
        for (size_t i = 0; i < count; i++) {
            for (size_t k = i + 1; status == OTR_OK && k < count; k++) {
                status = otr_set_list_append(list, (const uint32_t[]){detectors[i], detectors[k]}, 2);
            }
        }
        return status;
    }
    for (uint32_t subset = 1; status == OTR_OK && subset < 1u << count; subset++) {
        uint32_t members[WHOLE_MAX];
        size_t size = 0;
        for (size_t i = 0; i < count; i++) {
            if ((subset >> i & 1) != 0) {
                members[size++] = detectors[i];
            }
        }
        status = size > 1 ? otr_set_list_append(list, members, size) : OTR_OK;
    }
    return status;
}

/* The pairs of `sets`, both ways. */
static otr_status fill_neighbours(neighbours *near, const otr_detector_sets *sets, uint32_t detector_count) {
    size_t first = 0, end;
    while (first < sets->count && sets->begin[first + 1] - sets->begin[first] < 2) {
        first++;
    }
    end = first;
    while (end < sets->count && sets->begin[end + 1] - sets->begin[end] == 2) {
        end++;
    }
    near->begin = otr_array_zeroed((size_t)detector_count + 2, sizeof *near->begin);
    near->of = otr_array_new(2 * (end - first), sizeof *near->of);
    near->seen = otr_array_zeroed(detector_count, sizeof *near->seen);
    if (near->begin == NULL || near->of == NULL || near->seen == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = sets->begin[first]; i < sets->begin[end]; i++) {
        near->begin[sets->detectors[i] + 2]++;
    }
    for (uint32_t i = 0; i < detector_count; i++) {
        near->begin[i + 2] += near->begin[i + 1];
    }
    for (size_t i = first; i < end; i++) {
        const uint32_t *const pair = sets->detectors + sets->begin[i];
        near->of[near->begin[pair[0] + 1]++] = pair[1];
        near->of[near->begin[pair[1] + 1]++] = pair[0];
    }
    return OTR_OK;
}

static otr_status append_outside(otr_set_list *list, const otr_detector_sets *sets, uint32_t detector_count) {
    neighbours near = {0};
    otr_status status = fill_neighbours(&near, sets, detector_count);
    for (uint32_t a = 0; status == OTR_OK && a < detector_count; a++) {
        for (size_t i = near.begin[a]; i < near.begin[a + 1]; i++) {
            near.seen[near.of[i]] = a + 1;
        }
        for (size_t i = near.begin[a]; status == OTR_OK && i < near.begin[a + 1]; i++) {
            const uint32_t b = near.of[i];
            for (size_t k = near.begin[b]; status == OTR_OK && k < near.begin[b + 1]; k++) {
                const uint32_t c = near.of[k];
                if (c > a && near.seen[c] != a + 1) {
                    near.seen[c] = a + 1;
                    status = otr_set_list_append(list, (const uint32_t[]){a, c}, 2);
                }
            }
        }
    }
    free(near.begin);
    free(near.of);
    free(near.seen);
    return status;
}
