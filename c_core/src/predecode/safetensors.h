/* Files of named tensors in the safetensors format, read from bytes in memory. */
#ifndef OTR_SAFETENSORS_H
#define OTR_SAFETENSORS_H

#include "outrider/status.h"

/* What a file may hold at most. */
#define OTR_SAFETENSORS_HEADER_MAX 0x100000
#define OTR_SAFETENSORS_TENSORS_MAX 1024
#define OTR_SAFETENSORS_METADATA_MAX 1024
#define OTR_SAFETENSORS_RANK_MAX 8

typedef enum otr_dtype {
    OTR_DTYPE_BOOL,
    OTR_DTYPE_U8,
    OTR_DTYPE_I8,
    OTR_DTYPE_U16,
    OTR_DTYPE_I16,
    OTR_DTYPE_F16,
    OTR_DTYPE_BF16,
    OTR_DTYPE_U32,
    OTR_DTYPE_I32,
    OTR_DTYPE_F32,
    OTR_DTYPE_U64,
    OTR_DTYPE_I64,
    OTR_DTYPE_F64
} otr_dtype;

/* A view; `data` points into the file's bytes, little-endian and without any alignment. */
typedef struct otr_tensor {
    const char *name;
    otr_dtype dtype;
    uint32_t rank;
    uint64_t shape[OTR_SAFETENSORS_RANK_MAX];
    uint64_t element_count;
    const uint8_t *data;
} otr_tensor;

typedef struct otr_metadata {
    const char *key;
    const char *value;
} otr_metadata;

typedef struct otr_safetensors {
    otr_tensor *tensors; /* in the header's order */
    size_t tensor_count, tensor_capacity;
    otr_metadata *metadata; /* in the header's order */
    size_t metadata_count, metadata_capacity;
    char *strings; /* names, keys and values, without escapes, each with a NUL */
} otr_safetensors;

/* Reads the header and checks all of it: JSON as the format has it, dtypes, shapes and lengths that fit each
 * other, tensors that fill the rest of the file without gap or overlap, every name once. `bytes` must outlive
 * *file. On failure *file is empty. OTR_ERR_TRUNCATED, OTR_ERR_FORMAT, OTR_ERR_LIMIT, OTR_ERR_MEMORY; the
 * message says what and, in the header, at which byte. */
otr_status otr_safetensors_parse(otr_safetensors *file, const uint8_t *bytes, size_t count, otr_error *error);
/* Frees what parsing made; an empty or zeroed file is allowed. */
void otr_safetensors_free(otr_safetensors *file);

/* The tensor of that name, or NULL. */
const otr_tensor *otr_safetensors_find(const otr_safetensors *file, const char *name);
/* The metadata string of that key, or NULL. */
const char *otr_safetensors_metadata(const otr_safetensors *file, const char *key);

/* "F16", "I8", ... */
const char *otr_dtype_name(otr_dtype dtype);

/* Element `index` of a tensor of dtype F16, BF16 or F32. */
float otr_tensor_float(const otr_tensor *tensor, uint64_t index);

#endif
