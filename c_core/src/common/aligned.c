#include "common/aligned.h"

#include <stdint.h>
#include <stdlib.h>

bool otr_aligned_reserve(otr_aligned *block, size_t count, size_t element_bytes) {
    const size_t limit = SIZE_MAX / 2 - OTR_CACHE_LINE_BYTES;
    size_t bytes, beyond;
    char *memory;
    if (count > limit / element_bytes) {
        return false;
    }
    if (block->memory != NULL && count * element_bytes <= block->bytes) {
        return true;
    }
    bytes = count * element_bytes;
    bytes = bytes < block->bytes + block->bytes / 2 ? block->bytes + block->bytes / 2 : bytes;
    memory = malloc(bytes + OTR_CACHE_LINE_BYTES);
    if (memory == NULL) {
        return false;
    }
    free(block->memory);
    beyond = (size_t)((uintptr_t)memory % OTR_CACHE_LINE_BYTES);
    *block =
        (otr_aligned){.data = memory + (OTR_CACHE_LINE_BYTES - beyond), .memory = memory, .bytes = bytes};
    return true;
}

void otr_aligned_free(otr_aligned *block) {
    free(block->memory);
    *block = (otr_aligned){0};
}
