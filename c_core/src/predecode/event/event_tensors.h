/* Tensors of an event network's file, checked. */
#ifndef OTR_EVENT_TENSORS_H
#define OTR_EVENT_TENSORS_H

#include "predecode/safetensors.h"

/* A length in a shape that may be anything but 0. */
#define OTR_EVENT_ANY UINT64_MAX

/* The tensor of that name, dtype and shape, or NULL with OTR_ERR_FORMAT in *error. */
const otr_tensor *otr_event_tensor(const otr_safetensors *file, const char *name, otr_dtype dtype,
                                   uint32_t rank, const uint64_t *shape, otr_error *error);

/* Element `index` of a tensor of dtype I8, I16 or I32. */
int32_t otr_event_integer(const otr_tensor *tensor, uint64_t index);

#endif
