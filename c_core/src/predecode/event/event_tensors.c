#include "predecode/event/event_tensors.h"

#include "common/bits.h"
#include "common/error.h"

#include <stdio.h>

#define SHAPE_TEXT_BYTES 96

static void shape_text(char *text, uint32_t rank, const uint64_t *shape);
static bool shape_fits(const otr_tensor *tensor, uint32_t rank, const uint64_t *shape);

const otr_tensor *otr_event_tensor(const otr_safetensors *file, const char *name, otr_dtype dtype,
                                   uint32_t rank, const uint64_t *shape, otr_error *error) {
    const otr_tensor *const tensor = otr_safetensors_find(file, name);
    char found[SHAPE_TEXT_BYTES], expected[SHAPE_TEXT_BYTES];
    if (tensor == NULL) {
        otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "event network without a tensor '%s'", name);
        return NULL;
    }
    if (tensor->dtype != dtype) {
        otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "tensor '%s' is %s, not %s", name,
                      otr_dtype_name(tensor->dtype), otr_dtype_name(dtype));
        return NULL;
    }
    if (!shape_fits(tensor, rank, shape)) {
        shape_text(found, tensor->rank, tensor->shape);
        shape_text(expected, rank, shape);
        otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "tensor '%s' has shape %s, not %s", name, found, expected);
        return NULL;
    }
    return tensor;
}

int32_t otr_event_integer(const otr_tensor *tensor, uint64_t index) {
    switch (tensor->dtype) {
    case OTR_DTYPE_I8:
        return (int8_t)tensor->data[index];
    case OTR_DTYPE_I16:
        return (int16_t)otr_load_tail(tensor->data + 2 * index, 2);
    default:
        return (int32_t)otr_load_tail(tensor->data + 4 * index, 4);
    }
}

/* "[2, 118, 16]", "any" for a length that is free. */
static void shape_text(char *text, uint32_t rank, const uint64_t *shape) {
    size_t bytes = 0;
    text[bytes++] = '[';
    for (uint32_t i = 0; i < rank; i++) {
        const char *const separator = i > 0 ? ", " : "";
        const int written = shape[i] == OTR_EVENT_ANY
                                ? snprintf(text + bytes, SHAPE_TEXT_BYTES - 1 - bytes, "%sany", separator)
                                : snprintf(text + bytes, SHAPE_TEXT_BYTES - 1 - bytes, "%s%llu", separator,
                                           (unsigned long long)shape[i]);
        bytes += (size_t)written;
        if (bytes >= SHAPE_TEXT_BYTES - 1) {
            bytes = SHAPE_TEXT_BYTES - 2;
        }
    }
    text[bytes++] = ']';
    text[bytes] = '\0';
}

static bool shape_fits(const otr_tensor *tensor, uint32_t rank, const uint64_t *shape) {
    if (tensor->rank != rank || tensor->element_count == 0) {
        return false;
    }
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i] != OTR_EVENT_ANY && shape[i] != tensor->shape[i]) {
            return false;
        }
    }
    return true;
}
