/* The dense network as a safetensors file: reading with all checks, and writing. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/text.h"
#include "predecode/dense/dense_internal.h"
#include "predecode/network_kinds.h"
#include "predecode/safetensors.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_RANK 5
/* How names of tensors begin; what training on several devices puts before them. */
#define NET "net."
#define MODULE "module."
/* Convolutions are every third module of the published networks: dropout and activation lie between. */
#define MODULES_PER_LAYER 3
#define NAME_BYTES 48
#define MAXIMA_NAME "activation.maxima"
/* Products of a sum, so that it fits into 31 bits with 8-bit weights and 7-bit activations. */
#define PRODUCTS_MAX 0x20000

typedef struct published_model {
    uint32_t layer_count, width, kernel;
} published_model;

static const published_model PUBLISHED[] = {{4, 128, 3}, {4, 256, 3}, {4, 128, 5}, {6, 128, 3}, {6, 256, 3}};
#define PUBLISHED_COUNT (sizeof PUBLISHED / sizeof PUBLISHED[0])

static otr_status read_network(otr_dense_network *network, const otr_safetensors *file, otr_error *error);
static otr_status read_layer(otr_dense_network *network, const otr_safetensors *file, const char *prefix,
                             otr_error *error);
static otr_status check_names(const otr_dense_network *network, const otr_safetensors *file,
                              const char *prefix, otr_error *error);
static otr_status check_metadata(const otr_dense_network *network, const otr_safetensors *file,
                                 otr_error *error);
static otr_status read_maxima(otr_dense_network *network, const otr_safetensors *file, otr_error *error);
static uint32_t model_id(const otr_dense_network *network);
static void put_header(otr_text *text, const otr_dense_network *network);
static void put_float(otr_text *text, float value);
static void put_layer(otr_text *text, const otr_dense_layer *layer, uint32_t tap_count);

otr_status otr_dense_network_create(otr_dense_network **out, const uint8_t *bytes, size_t byte_count,
                                    otr_error *error) {
    otr_safetensors file;
    otr_dense_network *network;
    otr_status status;
    if (out == NULL || (bytes == NULL && byte_count > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a null argument");
    }
    status = otr_safetensors_parse(&file, bytes, byte_count, error);
    if (status != OTR_OK) {
        return status;
    }
    network = otr_array_zeroed(1, sizeof *network);
    status = network == NULL ? otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory")
                             : read_network(network, &file, error);
    otr_safetensors_free(&file);
    if (status != OTR_OK) {
        otr_dense_network_destroy(network);
        return status;
    }
    *out = network;
    return OTR_OK;
}

void otr_dense_network_destroy(otr_dense_network *network) {
    if (network == NULL) {
        return;
    }
    for (uint32_t l = 0; l < OTR_DENSE_LAYERS_MAX; l++) {
        otr_dense_layer *const layer = &network->layers[l];
        free(layer->weights);
        free(layer->biases);
        otr_dense_integers_free(&layer->integers);
    }
    free(network);
}

otr_dense_info otr_dense_network_info(const otr_dense_network *network) {
    otr_dense_info info = {
        .model_id = model_id(network),
        .layer_count = network->layer_count,
        .kernel = network->kernel,
        .width = network->layers[0].outputs,
        .receptive_field = 1 + network->layer_count * (network->kernel - 1),
        .has_integers = network->has_integers,
    };
    for (uint32_t l = 0; l < network->layer_count; l++) {
        const otr_dense_layer *const layer = &network->layers[l];
        const uint64_t products = (uint64_t)layer->inputs * layer->outputs * otr_dense_tap_count(network);
        info.products_per_voxel += products;
        info.parameter_count += products + layer->outputs;
    }
    return info;
}

bool otr_dense_network_claims(const otr_safetensors *file) {
    const size_t skip = strlen(MODULE);
    for (size_t i = 0; i < file->tensor_count; i++) {
        const char *const name = file->tensors[i].name;
        const size_t start = strncmp(name, MODULE, skip) == 0 ? skip : 0;
        if (strncmp(name + start, NET, strlen(NET)) == 0) {
            return true;
        }
    }
    return false;
}

size_t otr_dense_network_write(const otr_dense_network *network, uint8_t *buffer, size_t capacity) {
    otr_text measure = {0};
    otr_text text = {.buffer = (char *)buffer, .capacity = capacity};
    uint8_t length[8];
    put_header(&measure, network);
    otr_store_le64(length, measure.bytes);
    otr_text_put(&text, (const char *)length, sizeof length);
    put_header(&text, network);
    for (uint32_t l = 0; l < network->layer_count; l++) {
        put_layer(&text, &network->layers[l], otr_dense_tap_count(network));
    }
    for (uint32_t l = 0; network->has_integers && l < network->layer_count - 1; l++) {
        put_float(&text, network->maxima[l]);
    }
    return text.bytes;
}

static void layer_name(char name[NAME_BYTES], const char *prefix, uint32_t layer, const char *part) {
    otr_text text = {.buffer = name, .capacity = NAME_BYTES};
    otr_text_put_string(&text, prefix);
    otr_text_put_string(&text, NET);
    otr_text_put_unsigned(&text, MODULES_PER_LAYER * layer);
    otr_text_put_string(&text, part);
    otr_text_end(&text);
}

static otr_status read_network(otr_dense_network *network, const otr_safetensors *file, otr_error *error) {
    char name[NAME_BYTES];
    const char *prefix;
    otr_status status = OTR_OK;
    layer_name(name, MODULE, 0, ".weight");
    prefix = otr_safetensors_find(file, name) != NULL ? MODULE : "";
    do {
        if (network->layer_count == OTR_DENSE_LAYERS_MAX) {
            return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "more than %d layers", OTR_DENSE_LAYERS_MAX);
        }
        status = read_layer(network, file, prefix, error);
        layer_name(name, prefix, network->layer_count, ".weight");
    } while (status == OTR_OK && otr_safetensors_find(file, name) != NULL);
    if (status == OTR_OK &&
        (network->layer_count < 2 || network->layers[network->layer_count - 1].outputs < OTR_DENSE_PLANES)) {
        status = otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                               "not a dense pre-decoder: it needs two layers or more and %d output channels",
                               OTR_DENSE_PLANES);
    }
    status = status == OTR_OK ? check_names(network, file, prefix, error) : status;
    status = status == OTR_OK ? check_metadata(network, file, error) : status;
    return status == OTR_OK ? read_maxima(network, file, error) : status;
}

static otr_status fail_tensor(const otr_tensor *tensor, const char *problem, otr_error *error) {
    return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "tensor %.80s: %s", tensor->name, problem);
}

static bool is_float(const otr_tensor *tensor) {
    return tensor->dtype == OTR_DTYPE_F16 || tensor->dtype == OTR_DTYPE_BF16 ||
           tensor->dtype == OTR_DTYPE_F32;
}

/* The tensor with that many dimensions and of floats that are not too large. */
static otr_status find_floats(const otr_safetensors *file, const char *name, uint32_t rank,
                              const otr_tensor **out, otr_error *error) {
    const otr_tensor *const tensor = otr_safetensors_find(file, name);
    if (tensor == NULL) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "not a dense pre-decoder: there is no tensor %s",
                             name);
    }
    if (!is_float(tensor)) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "tensor %s: %s instead of F16, BF16 or F32", name,
                             otr_dtype_name(tensor->dtype));
    }
    if (tensor->rank != rank) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "tensor %s: %u dimensions instead of %u", name,
                             tensor->rank, rank);
    }
    for (uint64_t i = 0; i < tensor->element_count; i++) {
        const float value = otr_tensor_float(tensor, i);
        if (!(value >= -OTR_DENSE_WEIGHT_MAX && value <= OTR_DENSE_WEIGHT_MAX)) {
            return fail_tensor(tensor, "a value that is not a number or too large", error);
        }
    }
    *out = tensor;
    return OTR_OK;
}

static otr_status check_shape(const otr_dense_network *network, const otr_tensor *weight,
                              const otr_tensor *bias, otr_error *error) {
    const uint32_t index = network->layer_count;
    const uint64_t inputs = index == 0 ? OTR_DENSE_PLANES : network->layers[index - 1].outputs;
    const uint64_t kernel = index == 0 ? weight->shape[2] : network->kernel;
    if (weight->shape[1] != inputs) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "tensor %s: %llu input channels instead of %llu",
                             weight->name, (unsigned long long)weight->shape[1], (unsigned long long)inputs);
    }
    if (weight->shape[2] != kernel || weight->shape[3] != kernel || weight->shape[4] != kernel ||
        kernel % 2 == 0 || kernel > OTR_DENSE_KERNEL_MAX) {
        return fail_tensor(weight, "kernels must be cubic, odd, at most 7 and the same in all layers", error);
    }
    if (weight->shape[0] == 0) {
        return fail_tensor(weight, "no output channels", error);
    }
    if (weight->shape[0] > OTR_DENSE_CHANNELS_MAX || inputs * kernel * kernel * kernel > PRODUCTS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "tensor %s: more than %d channels, or %d products of one sum", weight->name,
                             OTR_DENSE_CHANNELS_MAX, PRODUCTS_MAX);
    }
    return bias->shape[0] == weight->shape[0]
               ? OTR_OK
               : fail_tensor(bias, "as many biases as output channels are needed", error);
}

static uint32_t round_up(uint32_t channels) {
    return (channels + OTR_DENSE_BLOCK - 1) / OTR_DENSE_BLOCK * OTR_DENSE_BLOCK;
}

/* Rearranges (output, input, taps) to blocks. */
static void copy_weights(otr_dense_layer *layer, uint32_t tap_count, const otr_tensor *weight) {
    uint64_t from = 0;
    for (uint32_t output = 0; output < layer->outputs; output++) {
        for (uint32_t input = 0; input < layer->inputs; input++) {
            for (uint32_t tap = 0; tap < tap_count; tap++) {
                layer->weights[otr_dense_weight_index(layer, tap_count, output, tap, input)] =
                    otr_tensor_float(weight, from++);
            }
        }
    }
}

static otr_status read_layer(otr_dense_network *network, const otr_safetensors *file, const char *prefix,
                             otr_error *error) {
    otr_dense_layer *const layer = &network->layers[network->layer_count];
    char weight_name[NAME_BYTES], bias_name[NAME_BYTES];
    const otr_tensor *weight, *bias;
    otr_status status;
    uint32_t tap_count;

    layer_name(weight_name, prefix, network->layer_count, ".weight");
    layer_name(bias_name, prefix, network->layer_count, ".bias");
    status = find_floats(file, weight_name, WEIGHT_RANK, &weight, error);
    status = status == OTR_OK ? find_floats(file, bias_name, 1, &bias, error) : status;
    status = status == OTR_OK ? check_shape(network, weight, bias, error) : status;
    if (status != OTR_OK) {
        return status;
    }
    network->kernel = (uint32_t)weight->shape[2];
    tap_count = otr_dense_tap_count(network);
    layer->inputs = (uint32_t)weight->shape[1];
    layer->outputs = (uint32_t)weight->shape[0];
    layer->stored_inputs = network->layer_count == 0 ? OTR_DENSE_PLANES : round_up(layer->inputs);
    layer->stored_outputs = round_up(layer->outputs);
    layer->weights = otr_array_zeroed((size_t)layer->stored_inputs * layer->stored_outputs * tap_count,
                                      sizeof *layer->weights);
    layer->biases = otr_array_zeroed(layer->stored_outputs, sizeof *layer->biases);
    if (layer->weights == NULL || layer->biases == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    network->layer_count++;
    copy_weights(layer, tap_count, weight);
    for (uint32_t output = 0; output < layer->outputs; output++) {
        layer->biases[output] = otr_tensor_float(bias, output);
    }
    return OTR_OK;
}

/* Every tensor of the file is one that was read. */
static otr_status check_names(const otr_dense_network *network, const otr_safetensors *file,
                              const char *prefix, otr_error *error) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        bool known = strcmp(file->tensors[i].name, MAXIMA_NAME) == 0;
        for (uint32_t l = 0; l < network->layer_count && !known; l++) {
            char name[NAME_BYTES];
            layer_name(name, prefix, l, ".weight");
            known = strcmp(file->tensors[i].name, name) == 0;
            layer_name(name, prefix, l, ".bias");
            known = known || strcmp(file->tensors[i].name, name) == 0;
        }
        if (!known) {
            return fail_tensor(&file->tensors[i], "unknown to a dense pre-decoder", error);
        }
    }
    return OTR_OK;
}

static uint32_t model_id(const otr_dense_network *network) {
    for (uint32_t i = 0; i < PUBLISHED_COUNT; i++) {
        bool same =
            network->layer_count == PUBLISHED[i].layer_count && network->kernel == PUBLISHED[i].kernel;
        for (uint32_t l = 0; l < network->layer_count - 1 && same; l++) {
            same = network->layers[l].outputs == PUBLISHED[i].width;
        }
        if (same && network->layers[network->layer_count - 1].outputs == OTR_DENSE_PLANES) {
            return i + 1;
        }
    }
    return 0;
}

static otr_status check_metadata(const otr_dense_network *network, const otr_safetensors *file,
                                 otr_error *error) {
    const char *const id = otr_safetensors_metadata(file, "model_id");
    const char *const format = otr_safetensors_metadata(file, "quant_format");
    if (format != NULL && strcmp(format, "fp16") != 0 && strcmp(format, "fp32") != 0) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                             "the metadata's quant_format is neither fp16 nor fp32");
    }
    if (id != NULL && id[0] >= '1' && id[0] < '1' + (char)PUBLISHED_COUNT && id[1] == 0 &&
        model_id(network) != (uint32_t)(id[0] - '0')) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                             "the file says model_id %s, but its layers are not that model's", id);
    }
    return OTR_OK;
}

static otr_status read_maxima(otr_dense_network *network, const otr_safetensors *file, otr_error *error) {
    float maxima[OTR_DENSE_LAYERS_MAX] = {0};
    const otr_tensor *tensor;
    otr_status status;
    if (otr_safetensors_find(file, MAXIMA_NAME) == NULL) {
        return OTR_OK;
    }
    status = find_floats(file, MAXIMA_NAME, 1, &tensor, error);
    if (status == OTR_OK && tensor->shape[0] != network->layer_count - 1) {
        status = fail_tensor(tensor, "one maximum is needed for each layer but the last", error);
    }
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t l = 0; l < network->layer_count - 1; l++) {
        maxima[l] = otr_tensor_float(tensor, l);
    }
    return otr_dense_set_maxima(network, maxima, error);
}

/* Writes one tensor's entry of the header and moves *offset behind its bytes. */
static void put_entry(otr_text *text, const char *name, const uint32_t *shape, uint32_t rank,
                      uint64_t *offset) {
    uint64_t bytes = sizeof(float);
    otr_text_put_string(text, ",\"");
    otr_text_put_string(text, name);
    otr_text_put_string(text, "\":{\"dtype\":\"F32\",\"shape\":[");
    for (uint32_t i = 0; i < rank; i++) {
        bytes *= shape[i];
        otr_text_put_string(text, i == 0 ? "" : ",");
        otr_text_put_unsigned(text, shape[i]);
    }
    otr_text_put_string(text, "],\"data_offsets\":[");
    otr_text_put_unsigned(text, *offset);
    *offset += bytes;
    otr_text_put_string(text, ",");
    otr_text_put_unsigned(text, *offset);
    otr_text_put_string(text, "]}");
}

static void put_metadata(otr_text *text, const otr_dense_network *network) {
    const otr_dense_info info = otr_dense_network_info(network);
    otr_text_put_string(text, "{\"__metadata__\":{\"model_id\":\"");
    otr_text_put_unsigned(text, info.model_id);
    otr_text_put_string(text, "\",\"quant_format\":\"fp32\",\"receptive_field\":\"");
    otr_text_put_unsigned(text, info.receptive_field);
    otr_text_put_string(text, "\",\"num_filters\":\"");
    for (uint32_t l = 0; l < network->layer_count; l++) {
        otr_text_put_string(text, l == 0 ? "[" : ", ");
        otr_text_put_unsigned(text, network->layers[l].outputs);
    }
    otr_text_put_string(text, "]\",\"kernel_size\":\"");
    for (uint32_t l = 0; l < network->layer_count; l++) {
        otr_text_put_string(text, l == 0 ? "[" : ", ");
        otr_text_put_unsigned(text, network->kernel);
    }
    otr_text_put_string(text, "]\"}");
}

static void put_header(otr_text *text, const otr_dense_network *network) {
    uint64_t offset = 0;
    uint32_t maxima_count = network->layer_count - 1;
    char name[NAME_BYTES];
    put_metadata(text, network);
    for (uint32_t l = 0; l < network->layer_count; l++) {
        const otr_dense_layer *const layer = &network->layers[l];
        const uint32_t k = network->kernel;
        layer_name(name, "", l, ".weight");
        put_entry(text, name, (const uint32_t[]){layer->outputs, layer->inputs, k, k, k}, WEIGHT_RANK,
                  &offset);
        layer_name(name, "", l, ".bias");
        put_entry(text, name, &layer->outputs, 1, &offset);
    }
    if (network->has_integers) {
        put_entry(text, MAXIMA_NAME, &maxima_count, 1, &offset);
    }
    otr_text_put_string(text, "}");
    while (text->bytes % 8 != 0) {
        otr_text_put_string(text, " ");
    }
}

static void put_float(otr_text *text, float value) {
    uint32_t bits;
    char bytes[4];
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++) {
        bytes[i] = (char)(bits >> 8 * i);
    }
    otr_text_put(text, bytes, sizeof bytes);
}

static void put_layer(otr_text *text, const otr_dense_layer *layer, uint32_t tap_count) {
    for (uint32_t output = 0; output < layer->outputs; output++) {
        for (uint32_t input = 0; input < layer->inputs; input++) {
            for (uint32_t tap = 0; tap < tap_count; tap++) {
                put_float(text, layer->weights[otr_dense_weight_index(layer, tap_count, output, tap, input)]);
            }
        }
    }
    for (uint32_t output = 0; output < layer->outputs; output++) {
        put_float(text, layer->biases[output]);
    }
}
