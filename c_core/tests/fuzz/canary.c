/* A target with two planted bugs, to see that the machinery notices them: a broken promise, which every build
 * must see, and a write past the end, which the sanitizers must see. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    volatile uint8_t *const copy = allocate(size);
    for (size_t i = 0; i < size; i++) {
        copy[i] = data[i];
    }
    CHECK(size < 3 || memcmp(data, "lie", 3) != 0);
    if (size >= 4 && memcmp(data, "past", 4) == 0) {
        copy[size] = 0;
    }
    free((void *)copy);
    return 0;
}
