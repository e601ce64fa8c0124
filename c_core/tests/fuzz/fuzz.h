/* Shared by the fuzz targets, each of which defines LLVMFuzzerTestOneInput.
 *
 * Under libFuzzer (see .ci/run) the targets search for crashes; linked with replay.c they run a corpus again.
 */
#ifndef OUTRIDER_FUZZ_H
#define OUTRIDER_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outrider/outrider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the program, so that the fuzzer keeps the input. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                    \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* What is left of the input; reads zeros past its end. */
typedef struct input {
    const uint8_t *data;
    size_t size;
} input;

static inline uint8_t take_byte(input *in) {
    if (in->size == 0) {
        return 0;
    }
    in->size--;
    return *in->data++;
}

/* A block of exactly this size, so that the sanitizers see the first byte past it. */
static inline void *allocate(size_t bytes) {
    void *const block = malloc(bytes);
    CHECK(block != NULL || bytes == 0);
    return block;
}

/* A failure names itself: the status, and one line of text. */
static inline void check_error(otr_status status, const otr_error *error) {
    CHECK(status != OTR_OK);
    CHECK(error->status == status);
    CHECK(error->message[0] != '\0');
    CHECK(memchr(error->message, '\0', sizeof error->message) != NULL);
    CHECK(strchr(error->message, '\n') == NULL);
}

/* One of the instruction sets that this build and this machine have. */
static inline otr_isa pick_isa(uint8_t choice) {
    const otr_isa isa = (otr_isa)(choice % (OTR_ISA_NEON + 1));
    return otr_kernels_for(isa) != NULL ? isa : OTR_ISA_PORTABLE;
}

#endif
