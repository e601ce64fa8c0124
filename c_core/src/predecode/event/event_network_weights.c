/* The weights of an event network, from the order of the file into the order in which events are evaluated:
 * relations by class, matrices four inputs at a time for all outputs, biases with the half that makes a shift
 * round.
 *
 * Sums cannot overflow. In 32 bits a row of all relations and the own matrix adds up to less than 2^29, to
 * which come a bias and a noise term of at most 2^29 each and a feature below 2^7 shifted by at most 16 bits;
 * in 16 bits the largest possible sum is computed for every channel. */
#include "predecode/event/event_network_internal.h"

#include "common/array.h"
#include "common/error.h"
#include "predecode/event/event_tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FEATURE_MAX 127
#define WEIGHT_MAGNITUDE_MAX 128
#define RELATIONS_MAX 248 /* of radius 4 */
#define NAME_BYTES 32

_Static_assert((RELATIONS_MAX + 1) * OTR_EVENT_WIDTH_MAX * WEIGHT_MAGNITUDE_MAX * FEATURE_MAX < 1 << 29 &&
                   OTR_EVENT_BIAS_MAX == 1 << 29 && OTR_EVENT_SHIFT_MAX <= 16,
               "sums fit 32 bits");

/* A file being read into a network; the first failure stays. */
typedef struct weight_reader {
    otr_event_network *network;
    const otr_safetensors *file;
    otr_error *error;
    otr_status status;
} weight_reader;

static void find_width(weight_reader *reader);
static void allocate(weight_reader *reader);
static void read_embedding(weight_reader *reader);
static void read_rows(weight_reader *reader);
static void bound_rows(weight_reader *reader);
static void read_layer(weight_reader *reader, uint32_t layer);
static void read_hidden(weight_reader *reader);
static void read_head(weight_reader *reader);

otr_status otr_event_read_weights(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    weight_reader reader = {.network = network, .file = file, .error = error, .status = OTR_OK};
    find_width(&reader);
    if (reader.status == OTR_OK) {
        allocate(&reader);
    }
    if (reader.status == OTR_OK) {
        read_embedding(&reader);
        read_rows(&reader);
        for (uint32_t layer = 0; layer < network->layer_count; layer++) {
            read_layer(&reader, layer);
        }
        read_hidden(&reader);
        read_head(&reader);
    }
    if (reader.status == OTR_OK) {
        bound_rows(&reader);
    }
    return reader.status;
}

/* A tensor, unless something failed before. */
static const otr_tensor *take(weight_reader *reader, const char *name, otr_dtype dtype, uint32_t rank,
                              const uint64_t *shape) {
    const otr_tensor *tensor = NULL;
    if (reader->status == OTR_OK) {
        tensor = otr_event_tensor(reader->file, name, dtype, rank, shape, reader->error);
        reader->status = tensor != NULL ? OTR_OK : OTR_ERR_FORMAT;
    }
    return tensor;
}

static void find_width(weight_reader *reader) {
    otr_event_network *const n = reader->network;
    const uint64_t shape[] = {n->layout.set_count, n->layout.relation_count, OTR_EVENT_ANY};
    const otr_tensor *const tensor = take(reader, "embed", OTR_DTYPE_I16, 3, shape);
    if (tensor == NULL) {
        return;
    }
    if (tensor->shape[2] > OTR_EVENT_WIDTH_MAX || tensor->shape[2] % OTR_EVENT_WIDTH_STEP != 0) {
        reader->status = otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                                       "event network of width %llu; there are 16, 32, 48 and 64",
                                       (unsigned long long)tensor->shape[2]);
        return;
    }
    n->width = (uint32_t)tensor->shape[2];
}

static void allocate(weight_reader *reader) {
    otr_event_network *const n = reader->network;
    const size_t squares =
        (size_t)n->layer_count * (n->layout.set_count + 2 * n->classes.message_count) + n->layout.set_count;
    const size_t heads = (size_t)n->layout.set_count * n->head_count * OTR_EVENT_HEAD;
    const size_t rows = (size_t)2 * n->classes.message_count +
                        (size_t)n->layout.rule.kinds * (OTR_PLACE_CLASSES + OTR_PHASE_CLASSES);
    const size_t biases = ((size_t)n->layer_count + 1) * n->layout.set_count * n->width + heads;
    n->noise = otr_array_zeroed(((size_t)n->layer_count + 1) * n->width, sizeof *n->noise);
    if (n->noise == NULL || !otr_aligned_reserve(&n->weights, (squares * n->width + heads) * n->width, 1) ||
        !otr_aligned_reserve(&n->rows, rows * n->width, sizeof(int16_t)) ||
        !otr_aligned_reserve(&n->biases, biases, sizeof(int32_t))) {
        reader->status = OTR_ERR_MEMORY;
        return;
    }
    memset(n->biases.data, 0, n->biases.bytes);
}

static int32_t half_of(uint32_t shift) {
    return (int32_t)((UINT32_C(1) << shift) >> 1);
}

/* Rows `begin` .. `begin + count - 1` of a tensor of rows of inputs, as a matrix of `outputs` >= count. */
static void pack(const otr_tensor *tensor, uint64_t begin, uint32_t count, uint32_t width, uint32_t outputs,
                 int8_t *packed) {
    for (uint32_t out = 0; out < outputs; out++) {
        for (uint32_t in = 0; in < width; in++) {
            packed[(in / 4 * outputs + out) * 4 + in % 4] =
                out < count ? (int8_t)otr_event_integer(tensor, (begin + out) * width + in) : 0;
        }
    }
}

/* Biases `begin` .. `begin + count - 1`, with the half of their shift. */
static void copy_biases(weight_reader *reader, const otr_tensor *tensor, uint64_t begin, uint32_t count,
                        uint32_t shift, int32_t *biases) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t bias = otr_event_integer(tensor, begin + i);
        if (bias > OTR_EVENT_BIAS_MAX || bias < -OTR_EVENT_BIAS_MAX) {
            reader->status = otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                                           "tensor '%s': %d is too large for a bias", tensor->name, bias);
            return;
        }
        biases[i] = bias + half_of(shift);
    }
}

static void read_biases(weight_reader *reader, const char *name, uint32_t shift, int32_t *biases) {
    const otr_event_network *const n = reader->network;
    const uint64_t shape[] = {n->layout.set_count, n->width};
    const otr_tensor *const tensor = take(reader, name, OTR_DTYPE_I32, 2, shape);
    if (tensor != NULL) {
        copy_biases(reader, tensor, 0, n->layout.set_count * n->width, shift, biases);
    }
}

static void read_noise(weight_reader *reader, const char *name, float *noise) {
    const uint64_t shape[] = {reader->network->width};
    const otr_tensor *const tensor = take(reader, name, OTR_DTYPE_F32, 1, shape);
    for (uint32_t i = 0; tensor != NULL && i < reader->network->width; i++) {
        noise[i] = otr_tensor_float(tensor, i);
        if (!isfinite(noise[i])) {
            reader->status = otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                                           "tensor '%s' has a value that is not finite", name);
            return;
        }
    }
}

/* Rows of relations, in the order of the classes. */
static void read_embedding(weight_reader *reader) {
    otr_event_network *const n = reader->network;
    const uint64_t shape[] = {n->layout.set_count, n->layout.relation_count, n->width};
    const otr_tensor *const tensor = take(reader, "embed", OTR_DTYPE_I16, 3, shape);
    int16_t *next = otr_event_embed(n);
    for (uint32_t i = 0; tensor != NULL && i < 2 * n->classes.message_count; i++) {
        const uint64_t row = n->classes.classes[i / 2].relations[i % 2];
        for (uint32_t c = 0; c < n->width; c++) {
            *next++ = (int16_t)otr_event_integer(tensor, row * n->width + c);
        }
    }
    read_noise(reader, "noise.embed", n->noise);
}

/* Rows of places and of phases. */
static void read_rows(weight_reader *reader) {
    otr_event_network *const n = reader->network;
    const uint64_t place_shape[] = {n->layout.rule.kinds, OTR_PLACE_CLASSES, n->width};
    const uint64_t phase_shape[] = {n->layout.rule.kinds, 2, OTR_END_CLASSES, n->width};
    const otr_tensor *const places = take(reader, "place", OTR_DTYPE_I16, 3, place_shape);
    const otr_tensor *const phases = take(reader, "phase", OTR_DTYPE_I16, 4, phase_shape);
    int16_t *next = otr_event_places(n);
    if (places == NULL || phases == NULL) {
        return;
    }
    for (uint64_t i = 0; i < places->element_count; i++) {
        *next++ = (int16_t)otr_event_integer(places, i);
    }
    for (uint64_t i = 0; i < phases->element_count; i++) {
        *next++ = (int16_t)otr_event_integer(phases, i);
    }
}

static int32_t magnitude(int32_t value) {
    return value < 0 ? -value : value;
}

/* The largest magnitude of a channel among `count` rows that begin at `rows`. */
static int32_t largest(const int16_t *rows, uint32_t count, uint32_t width, uint32_t channel) {
    int32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t value = magnitude(rows[(size_t)i * width + channel]);
        most = value > most ? value : most;
    }
    return most;
}

/* The largest sum of one channel over the relations of a set, each of them used once. */
static int64_t relations_bound(const otr_tensor *embed, const otr_event_network *n, uint32_t set,
                               uint32_t c) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < n->layout.relation_count; i++) {
        sum += magnitude(
            otr_event_integer(embed, ((uint64_t)set * n->layout.relation_count + i) * n->width + c));
    }
    return sum;
}

static void bound_rows(weight_reader *reader) {
    otr_event_network *const n = reader->network;
    const otr_tensor *const embed = otr_safetensors_find(reader->file, "embed");
    for (uint32_t kind = 0; kind < n->layout.rule.kinds; kind++) {
        const int16_t *const places = otr_event_places(n) + (size_t)kind * OTR_PLACE_CLASSES * n->width;
        const int16_t *const phases = otr_event_phases(n) + (size_t)kind * OTR_PHASE_CLASSES * n->width;
        for (uint32_t c = 0; c < n->width; c++) {
            const int64_t bound = relations_bound(embed, n, n->layout.set_of_kind[kind], c) +
                                  largest(places, OTR_PLACE_CLASSES, n->width, c) +
                                  largest(phases, OTR_PHASE_CLASSES, n->width, c) + half_of(n->embed_shift);
            if (bound > INT16_MAX) {
                reader->status =
                    otr_error_set(reader->error, OTR_ERR_FORMAT, 0, 0,
                                  "tensor 'embed': channel %u may sum to %lld, more than 16 bits hold", c,
                                  (long long)bound);
                return;
            }
            n->row_bounds[c] = bound > n->row_bounds[c] ? (int32_t)bound : n->row_bounds[c];
        }
    }
}

static void read_layer(weight_reader *reader, uint32_t layer) {
    otr_event_network *const n = reader->network;
    const uint32_t width = n->width;
    const uint64_t self_shape[] = {n->layout.set_count, width, width};
    const uint64_t relations_shape[] = {n->layout.set_count, n->layout.relation_count, width, width};
    char name[NAME_BYTES];
    const otr_tensor *self, *relations;
    snprintf(name, sizeof name, "layer.%u.self", layer);
    self = take(reader, name, OTR_DTYPE_I8, 3, self_shape);
    for (uint32_t set = 0; self != NULL && set < n->layout.set_count; set++) {
        pack(self, (uint64_t)set * width, width, width, width, otr_event_self(n, layer, set));
    }
    snprintf(name, sizeof name, "layer.%u.relations", layer);
    relations = take(reader, name, OTR_DTYPE_I8, 4, relations_shape);
    for (uint32_t i = 0; relations != NULL && i < 2 * n->classes.message_count; i++) {
        const uint64_t relation = n->classes.classes[i / 2].relations[i % 2];
        pack(relations, relation * width, width, width, width,
             otr_event_relations(n, layer) + (size_t)i * width * width);
    }
    snprintf(name, sizeof name, "layer.%u.bias", layer);
    read_biases(reader, name, n->layer_shifts[layer], otr_event_biases(n, layer, 0));
    snprintf(name, sizeof name, "layer.%u.noise", layer);
    read_noise(reader, name, n->noise + ((size_t)layer + 1) * width);
}

static void read_hidden(weight_reader *reader) {
    otr_event_network *const n = reader->network;
    const uint64_t shape[] = {n->layout.set_count, n->width, n->width};
    const otr_tensor *const tensor = take(reader, "hidden.weight", OTR_DTYPE_I8, 3, shape);
    for (uint32_t set = 0; tensor != NULL && set < n->layout.set_count; set++) {
        pack(tensor, (uint64_t)set * n->width, n->width, n->width, n->width, otr_event_hidden(n, set));
    }
    read_biases(reader, "hidden.bias", n->hidden_shift, otr_event_biases(n, n->layer_count, 0));
}

static void read_head(weight_reader *reader) {
    otr_event_network *const n = reader->network;
    const uint64_t shape[] = {n->layout.set_count, n->layout.slot_count, n->width};
    const uint64_t bias_shape[] = {n->layout.set_count, n->layout.slot_count};
    const otr_tensor *const weight = take(reader, "head.weight", OTR_DTYPE_I8, 3, shape);
    const otr_tensor *const bias = take(reader, "head.bias", OTR_DTYPE_I32, 2, bias_shape);
    if (weight == NULL || bias == NULL) {
        return;
    }
    for (uint32_t i = 0; i < n->layout.set_count * n->head_count; i++) {
        const uint32_t set = i / n->head_count, first = i % n->head_count * OTR_EVENT_HEAD;
        const uint32_t left = n->layout.slot_count - first;
        const uint32_t count = left < OTR_EVENT_HEAD ? left : OTR_EVENT_HEAD;
        const uint64_t begin = (uint64_t)set * n->layout.slot_count + first;
        pack(weight, begin, count, n->width, OTR_EVENT_HEAD, otr_event_head(n, set, i % n->head_count));
        copy_biases(reader, bias, begin, count, n->head_shift,
                    otr_event_head_biases(n, set, i % n->head_count));
    }
}
