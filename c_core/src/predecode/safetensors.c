/* The safetensors format (huggingface.co/docs/safetensors): the header's length in 8 bytes, little-endian; a
 * JSON object that gives each tensor's dtype, shape and place behind the header; the tensors' bytes.
 *
 * The reader takes the subset of JSON that the format uses: objects, strings, arrays of whole numbers. It has
 * no recursion, and its memory is bounded by the header's length. It is written here, where yyjson or jsmn
 * would do, because this library depends on nothing but C's own and builds by one line. */
#include "predecode/safetensors.h"

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8

typedef struct header_reader {
    otr_safetensors *file;
    const uint8_t *text;
    size_t at, end;
    size_t string_bytes; /* of file->strings in use */
    const uint8_t *data; /* behind the header */
    size_t data_bytes;
    otr_error *error;
} header_reader;

/* Where a tensor lies, beside its view while the header is read. */
typedef struct tensor_fields {
    bool has_dtype, has_shape, has_offsets;
    uint64_t begin, end;
} tensor_fields;

static const struct {
    const char *name;
    uint32_t bytes;
} DTYPES[] = {
    [OTR_DTYPE_BOOL] = {"BOOL", 1}, [OTR_DTYPE_U8] = {"U8", 1},   [OTR_DTYPE_I8] = {"I8", 1},
    [OTR_DTYPE_U16] = {"U16", 2},   [OTR_DTYPE_I16] = {"I16", 2}, [OTR_DTYPE_F16] = {"F16", 2},
    [OTR_DTYPE_BF16] = {"BF16", 2}, [OTR_DTYPE_U32] = {"U32", 4}, [OTR_DTYPE_I32] = {"I32", 4},
    [OTR_DTYPE_F32] = {"F32", 4},   [OTR_DTYPE_U64] = {"U64", 8}, [OTR_DTYPE_I64] = {"I64", 8},
    [OTR_DTYPE_F64] = {"F64", 8},
};
#define DTYPE_COUNT (sizeof DTYPES / sizeof DTYPES[0])

static otr_status read_header(header_reader *reader);
static otr_status read_metadata(header_reader *reader);
static otr_status read_tensor(header_reader *reader, const char *name);
static otr_status read_string(header_reader *reader, const char **out);
static otr_status check_layout(header_reader *reader);
static float float_of_bits(uint32_t bits);
static float float_of_half(uint32_t half);

otr_status otr_safetensors_parse(otr_safetensors *file, const uint8_t *bytes, size_t count,
                                 otr_error *error) {
    header_reader reader = {.file = file, .error = error};
    uint64_t header_bytes;
    otr_status status;

    *file = (otr_safetensors){0};
    if (count < LENGTH_BYTES) {
        return otr_error_set(error, OTR_ERR_TRUNCATED, 0, 0, "not a safetensors file: %zu bytes", count);
    }
    header_bytes = otr_load_le64(bytes);
    if (header_bytes > OTR_SAFETENSORS_HEADER_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "not a safetensors file, or its header exceeds %d bytes",
                             OTR_SAFETENSORS_HEADER_MAX);
    }
    if (header_bytes > count - LENGTH_BYTES) {
        return otr_error_set(error, OTR_ERR_TRUNCATED, 0, 0,
                             "the file ends inside its safetensors header of %zu bytes",
                             (size_t)header_bytes);
    }
    reader.text = bytes + LENGTH_BYTES;
    reader.end = (size_t)header_bytes;
    reader.data = reader.text + header_bytes;
    reader.data_bytes = count - LENGTH_BYTES - (size_t)header_bytes;
    /* A string's quotes make room for its NUL. */
    file->strings = otr_array_new(reader.end, 1);
    status = file->strings == NULL ? otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory")
                                   : read_header(&reader);
    status = status == OTR_OK ? check_layout(&reader) : status;
    if (status != OTR_OK) {
        otr_safetensors_free(file);
    }
    return status;
}

void otr_safetensors_free(otr_safetensors *file) {
    free(file->tensors);
    free(file->metadata);
    free(file->strings);
    *file = (otr_safetensors){0};
}

const otr_tensor *otr_safetensors_find(const otr_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        if (strcmp(file->tensors[i].name, name) == 0) {
            return &file->tensors[i];
        }
    }
    return NULL;
}

const char *otr_safetensors_metadata(const otr_safetensors *file, const char *key) {
    for (size_t i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) {
            return file->metadata[i].value;
        }
    }
    return NULL;
}

const char *otr_dtype_name(otr_dtype dtype) {
    return DTYPES[dtype].name;
}

float otr_tensor_float(const otr_tensor *tensor, uint64_t index) {
    const uint32_t bytes = DTYPES[tensor->dtype].bytes;
    const uint32_t bits = (uint32_t)otr_load_tail(tensor->data + index * bytes, bytes);
    if (tensor->dtype == OTR_DTYPE_F32) {
        return float_of_bits(bits);
    }
    return tensor->dtype == OTR_DTYPE_BF16 ? float_of_bits(bits << 16) : float_of_half(bits);
}

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rebases the exponent by a multiplication, which also makes small numbers normal; infinity and NaN keep
 * theirs. */
static float float_of_half(uint32_t half) {
    const uint32_t sign = (half & 0x8000) << 16;
    const uint32_t magnitude = (half & 0x7FFF) << 13;
    if (magnitude >= 0x7C00u << 13) {
        return float_of_bits(sign | 0x7F800000 | magnitude);
    }
    return float_of_bits(sign | magnitude) * 0x1p112f;
}

static otr_status fail(const header_reader *reader, const char *problem) {
    return otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0, "safetensors header, byte %zu: %s",
                         reader->at + 1, problem);
}

static otr_status fail_memory(const header_reader *reader) {
    return otr_error_set(reader->error, OTR_ERR_MEMORY, 0, 0, "out of memory");
}

/* Skips blanks and answers the next character, 0 at the end. */
static uint8_t peek(header_reader *reader) {
    while (reader->at < reader->end &&
           (reader->text[reader->at] == ' ' || reader->text[reader->at] == '\t' ||
            reader->text[reader->at] == '\n' || reader->text[reader->at] == '\r')) {
        reader->at++;
    }
    return reader->at < reader->end ? reader->text[reader->at] : 0;
}

/* Skips the character if it comes next. */
static bool accept(header_reader *reader, char character) {
    if (peek(reader) != (uint8_t)character) {
        return false;
    }
    reader->at++;
    return true;
}

/* Inside an object or array of which `count` items are read: 1 if another follows, 0 at its end, -1 if
 * neither comes. */
static int find_next(header_reader *reader, size_t count, char closing) {
    if (accept(reader, closing)) {
        return 0;
    }
    return count == 0 || accept(reader, ',') ? 1 : -1;
}

/* A string that appears in messages, so it is plain ASCII. */
static otr_status read_plain(header_reader *reader, const char **out) {
    const otr_status status = read_string(reader, out);
    if (status != OTR_OK) {
        return status;
    }
    for (const char *c = *out; *c != 0; c++) {
        if (*c < ' ' || *c > '~') {
            return fail(reader, "a name that is not plain ASCII");
        }
    }
    return OTR_OK;
}

/* A key and the colon behind it. */
static otr_status read_key(header_reader *reader, const char **out) {
    const otr_status status = read_plain(reader, out);
    if (status != OTR_OK) {
        return status;
    }
    return accept(reader, ':') ? OTR_OK : fail(reader, "expected ':'");
}

static otr_status read_header(header_reader *reader) {
    int more;
    bool has_metadata = false;
    if (!accept(reader, '{')) {
        return fail(reader, "expected '{'");
    }
    for (size_t count = 0; (more = find_next(reader, count, '}')) == 1; count++) {
        const char *name;
        otr_status status = read_key(reader, &name);
        if (status == OTR_OK && strcmp(name, "__metadata__") == 0) {
            status = has_metadata ? fail(reader, "a second __metadata__") : read_metadata(reader);
            has_metadata = true;
        } else if (status == OTR_OK) {
            status = read_tensor(reader, name);
        }
        if (status != OTR_OK) {
            return status;
        }
    }
    if (more < 0) {
        return fail(reader, "expected ',' or '}'");
    }
    return peek(reader) == 0 && reader->at == reader->end ? OTR_OK
                                                          : fail(reader, "expected the header's end");
}

static otr_status read_metadata(header_reader *reader) {
    otr_safetensors *const file = reader->file;
    int more;
    if (!accept(reader, '{')) {
        return fail(reader, "expected '{'");
    }
    while ((more = find_next(reader, file->metadata_count, '}')) == 1) {
        const char *key, *value;
        otr_status status = read_key(reader, &key);
        if (status == OTR_OK && otr_safetensors_metadata(file, key) != NULL) {
            status = fail(reader, "a metadata key comes twice");
        }
        status = status == OTR_OK ? read_string(reader, &value) : status;
        if (status != OTR_OK) {
            return status;
        }
        if (file->metadata_count == OTR_SAFETENSORS_METADATA_MAX) {
            return otr_error_set(reader->error, OTR_ERR_LIMIT, 0, 0,
                                 "safetensors header: more than %d metadata strings",
                                 OTR_SAFETENSORS_METADATA_MAX);
        }
        if (!OTR_ARRAY_GROW(file->metadata, file->metadata_count, file->metadata_capacity)) {
            return fail_memory(reader);
        }
        file->metadata[file->metadata_count++] = (otr_metadata){key, value};
    }
    return more == 0 ? OTR_OK : fail(reader, "expected ',' or '}'");
}

/* A whole number below 2^63. */
static otr_status read_number(header_reader *reader, uint64_t *out) {
    const uint8_t first = peek(reader);
    uint64_t value = 0;
    if (first < '0' || first > '9') {
        return fail(reader, "expected a whole number");
    }
    for (; reader->at < reader->end; reader->at++) {
        const uint8_t digit = reader->text[reader->at];
        if (digit < '0' || digit > '9') {
            break;
        }
        if (value > (INT64_MAX - 9) / 10) {
            return fail(reader, "a number is too large");
        }
        value = value * 10 + (digit - '0');
    }
    *out = value;
    return OTR_OK;
}

/* An array of at most `max` whole numbers. */
static otr_status read_numbers(header_reader *reader, uint64_t *numbers, uint32_t max, uint32_t *count) {
    int more;
    *count = 0;
    if (!accept(reader, '[')) {
        return fail(reader, "expected '['");
    }
    while ((more = find_next(reader, *count, ']')) == 1) {
        otr_status status;
        if (*count == max) {
            return fail(reader, "too many numbers");
        }
        status = read_number(reader, &numbers[(*count)++]);
        if (status != OTR_OK) {
            return status;
        }
    }
    return more == 0 ? OTR_OK : fail(reader, "expected ',' or ']'");
}

static otr_status read_dtype(header_reader *reader, otr_tensor *tensor) {
    const char *name;
    const otr_status status = read_plain(reader, &name);
    if (status != OTR_OK) {
        return status;
    }
    for (size_t i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(DTYPES[i].name, name) == 0) {
            tensor->dtype = (otr_dtype)i;
            return OTR_OK;
        }
    }
    return otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0, "tensor %.80s: unknown dtype \"%.16s\"",
                         tensor->name, name);
}

static otr_status read_field(header_reader *reader, otr_tensor *tensor, tensor_fields *fields) {
    const char *key;
    uint64_t offsets[2];
    uint32_t count;
    otr_status status = read_key(reader, &key);
    if (status != OTR_OK) {
        return status;
    }
    if (strcmp(key, "dtype") == 0 && !fields->has_dtype) {
        fields->has_dtype = true;
        return read_dtype(reader, tensor);
    }
    if (strcmp(key, "shape") == 0 && !fields->has_shape) {
        fields->has_shape = true;
        return read_numbers(reader, tensor->shape, OTR_SAFETENSORS_RANK_MAX, &tensor->rank);
    }
    if (strcmp(key, "data_offsets") == 0 && !fields->has_offsets) {
        fields->has_offsets = true;
        status = read_numbers(reader, offsets, 2, &count);
        if (status == OTR_OK && count != 2) {
            status = fail(reader, "expected two offsets");
        }
        fields->begin = status == OTR_OK ? offsets[0] : 0;
        fields->end = status == OTR_OK ? offsets[1] : 0;
        return status;
    }
    return otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                         "tensor %.80s: unknown or second field \"%.40s\"", tensor->name, key);
}

/* Multiplies the shape out and points the view at its bytes. */
static otr_status place_tensor(const header_reader *reader, otr_tensor *tensor, const tensor_fields *fields) {
    uint64_t count = 1;
    if (!fields->has_dtype || !fields->has_shape || !fields->has_offsets) {
        return otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                             "tensor %.80s: dtype, shape or data_offsets is missing", tensor->name);
    }
    if (fields->end < fields->begin || fields->end > reader->data_bytes) {
        return otr_error_set(reader->error, OTR_ERR_TRUNCATED, 0, 0,
                             "tensor %.80s: its bytes end beyond the file", tensor->name);
    }
    for (uint32_t i = 0; i < tensor->rank; i++) {
        /* A product of factors that are not zero only grows: beyond the file it is wrong already. */
        if (tensor->shape[i] != 0 && count > reader->data_bytes / tensor->shape[i]) {
            count = UINT64_MAX;
            break;
        }
        count *= tensor->shape[i];
    }
    if (count > reader->data_bytes || count * DTYPES[tensor->dtype].bytes != fields->end - fields->begin) {
        return otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                             "tensor %.80s: shape and dtype do not fit its bytes", tensor->name);
    }
    tensor->element_count = count;
    tensor->data = reader->data + fields->begin;
    return OTR_OK;
}

static otr_status read_tensor(header_reader *reader, const char *name) {
    otr_safetensors *const file = reader->file;
    otr_tensor tensor = {.name = name};
    tensor_fields fields = {0};
    otr_status status = OTR_OK;
    int more;
    if (otr_safetensors_find(file, name) != NULL) {
        return otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0, "tensor %.80s comes twice", name);
    }
    if (file->tensor_count == OTR_SAFETENSORS_TENSORS_MAX) {
        return otr_error_set(reader->error, OTR_ERR_LIMIT, 0, 0, "safetensors header: more than %d tensors",
                             OTR_SAFETENSORS_TENSORS_MAX);
    }
    if (!accept(reader, '{')) {
        return fail(reader, "expected '{'");
    }
    for (size_t count = 0; (more = find_next(reader, count, '}')) == 1; count++) {
        status = read_field(reader, &tensor, &fields);
        if (status != OTR_OK) {
            return status;
        }
    }
    if (more < 0) {
        return fail(reader, "expected ',' or '}'");
    }
    status = place_tensor(reader, &tensor, &fields);
    if (status != OTR_OK) {
        return status;
    }
    if (!OTR_ARRAY_GROW(file->tensors, file->tensor_count, file->tensor_capacity)) {
        return fail_memory(reader);
    }
    file->tensors[file->tensor_count++] = tensor;
    return OTR_OK;
}

/* Four hexadecimal digits, UINT32_MAX if they are not. */
static uint32_t read_hex(header_reader *reader) {
    uint32_t value = 0;
    if (reader->end - reader->at < 4) {
        return UINT32_MAX;
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t c = reader->text[reader->at++];
        const uint8_t lower = c | 0x20;
        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint32_t)(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            return UINT32_MAX;
        }
    }
    return value;
}

/* Appends a code point in UTF-8, which is shorter than its escape. */
static void put_code_point(header_reader *reader, uint32_t code) {
    char *const out = reader->file->strings;
    if (code < 0x80) {
        out[reader->string_bytes++] = (char)code;
        return;
    }
    if (code < 0x800) {
        out[reader->string_bytes++] = (char)(0xC0 | code >> 6);
    } else if (code < 0x10000) {
        out[reader->string_bytes++] = (char)(0xE0 | code >> 12);
        out[reader->string_bytes++] = (char)(0x80 | (code >> 6 & 0x3F));
    } else {
        out[reader->string_bytes++] = (char)(0xF0 | code >> 18);
        out[reader->string_bytes++] = (char)(0x80 | (code >> 12 & 0x3F));
        out[reader->string_bytes++] = (char)(0x80 | (code >> 6 & 0x3F));
    }
    out[reader->string_bytes++] = (char)(0x80 | (code & 0x3F));
}

/* What follows `\u`, both halves of a surrogate pair included. */
static otr_status read_code_point(header_reader *reader) {
    uint32_t code = read_hex(reader);
    if (code >= 0xD800 && code < 0xDC00 && reader->end - reader->at >= 6 &&
        reader->text[reader->at] == '\\' && reader->text[reader->at + 1] == 'u') {
        uint32_t low;
        reader->at += 2;
        low = read_hex(reader);
        code =
            low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00)) : UINT32_MAX;
    }
    if (code == 0 || code == UINT32_MAX || (code >= 0xD800 && code < 0xE000)) {
        return fail(reader, "a wrong \\u escape");
    }
    put_code_point(reader, code);
    return OTR_OK;
}

static otr_status read_escape(header_reader *reader) {
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const uint8_t c = reader->at < reader->end ? reader->text[reader->at++] : 0;
    const char *found;
    if (c == 'u') {
        return read_code_point(reader);
    }
    found = c != 0 ? strchr(escapes, c) : NULL;
    if (found == NULL) {
        return fail(reader, "an unknown escape");
    }
    reader->file->strings[reader->string_bytes++] = meanings[found - escapes];
    return OTR_OK;
}

static otr_status read_string(header_reader *reader, const char **out) {
    char *const strings = reader->file->strings;
    if (!accept(reader, '"')) {
        return fail(reader, "expected a string");
    }
    *out = strings + reader->string_bytes;
    while (reader->at < reader->end) {
        const uint8_t c = reader->text[reader->at++];
        otr_status status = OTR_OK;
        if (c == '"') {
            strings[reader->string_bytes++] = 0;
            return OTR_OK;
        }
        if (c == '\\') {
            status = read_escape(reader);
        } else if (c < ' ') {
            status = fail(reader, "a control character in a string");
        } else {
            strings[reader->string_bytes++] = (char)c;
        }
        if (status != OTR_OK) {
            return status;
        }
    }
    return fail(reader, "a string without end");
}

static int by_place(const void *a, const void *b) {
    const otr_tensor *const first = *(const otr_tensor *const *)a, *const second =
                                                                       *(const otr_tensor *const *)b;
    if (first->data != second->data) {
        return first->data < second->data ? -1 : 1;
    }
    return (first->element_count > second->element_count) - (first->element_count < second->element_count);
}

/* The tensors fill the bytes behind the header, one after the other. */
static otr_status check_layout(header_reader *reader) {
    const otr_safetensors *const file = reader->file;
    const otr_tensor **order = otr_array_new(file->tensor_count, sizeof *order);
    const uint8_t *next = reader->data;
    otr_status status = OTR_OK;
    if (order == NULL) {
        return fail_memory(reader);
    }
    for (size_t i = 0; i < file->tensor_count; i++) {
        order[i] = &file->tensors[i];
    }
    qsort(order, file->tensor_count, sizeof *order, by_place);
    for (size_t i = 0; i < file->tensor_count && status == OTR_OK; i++) {
        if (order[i]->data != next) {
            status = otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0, "tensor %.80s: %s", order[i]->name,
                                   order[i]->data < next ? "it overlaps another" : "a gap before its bytes");
        }
        next = order[i]->data + order[i]->element_count * DTYPES[order[i]->dtype].bytes;
    }
    if (status == OTR_OK && next != reader->data + reader->data_bytes) {
        status = otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                               "safetensors file: %zu bytes behind the last tensor",
                               (size_t)(reader->data + reader->data_bytes - next));
    }
    free(order);
    return status;
}
