/* Blocks that start on a cache line, for arrays that vector loops walk. */
#ifndef OTR_COMMON_ALIGNED_H
#define OTR_COMMON_ALIGNED_H

#include <stdbool.h>
#include <stddef.h>

#define OTR_CACHE_LINE_BYTES 64

/* Zero-initialised is empty. */
typedef struct otr_aligned {
    void *data;   /* on a cache line; NULL while empty */
    void *memory; /* what was allocated */
    size_t bytes; /* usable from `data` on */
} otr_aligned;

/* Makes room for `count` elements; what the block held is lost when it grows. Returns false when memory is
 * out or the size overflows; the block is then unchanged. */
bool otr_aligned_reserve(otr_aligned *block, size_t count, size_t element_bytes);

void otr_aligned_free(otr_aligned *block);

#endif
