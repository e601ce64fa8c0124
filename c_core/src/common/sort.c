#include "common/sort.h"

/* Lists of at most this length are sorted by insertion. */
#define INSERTION_MAX 24

static void insertion_sort(uint32_t *indices, size_t count);
static void sift_down(uint32_t *indices, size_t root, size_t count);

/* Heap sort: no recursion, no worst case. */
void otr_sort_indices(uint32_t *indices, size_t count) {
    if (count <= INSERTION_MAX) {
        insertion_sort(indices, count);
        return;
    }
    for (size_t i = count / 2; i-- > 0;) {
        sift_down(indices, i, count);
    }
    for (size_t end = count; end-- > 1;) {
        const uint32_t last = indices[end];
        indices[end] = indices[0];
        indices[0] = last;
        sift_down(indices, 0, end);
    }
}

size_t otr_sort_cancel(uint32_t *indices, size_t count) {
    size_t kept = 0, ascending = 1;
    while (ascending < count && indices[ascending - 1] < indices[ascending]) {
        ascending++;
    }
    if (ascending >= count) {
        return count;
    }
    otr_sort_indices(indices, count);
    for (size_t i = 0; i < count;) {
        size_t run = i + 1;
        while (run < count && indices[run] == indices[i]) {
            run++;
        }
        if ((run - i) % 2 != 0) {
            indices[kept++] = indices[i];
        }
        i = run;
    }
    return kept;
}

static void insertion_sort(uint32_t *indices, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const uint32_t moved = indices[i];
        size_t hole = i;
        for (; hole > 0 && indices[hole - 1] > moved; hole--) {
            indices[hole] = indices[hole - 1];
        }
        indices[hole] = moved;
    }
}

static void sift_down(uint32_t *indices, size_t root, size_t count) {
    const uint32_t moved = indices[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        child += child + 1 < count && indices[child + 1] > indices[child];
        if (indices[child] <= moved) {
            break;
        }
        indices[root] = indices[child];
        root = child;
    }
    indices[root] = moved;
}
