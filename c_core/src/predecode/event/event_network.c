/* Reading event networks: every tensor is checked here, its numbers are packed in event_network_weights.c. */
#include "predecode/event/event_network_internal.h"

#include "common/array.h"
#include "common/error.h"
#include "predecode/event/event_tensors.h"
#include "predecode/network_kinds.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "outrider-event-network"
#define VERSION "1"
#define PLANE_VERSION "2"
#define LATTICE_NUMBERS 8
#define SCALARS 3
/* Shifts besides those of the layers: embed, hidden, head. */
#define SHIFTS_MORE 3

static otr_status read_network(otr_event_network *network, const otr_safetensors *file, otr_error *error);
static otr_status check_format(const otr_safetensors *file, otr_error *error);
static otr_status read_lattice(otr_event_network *network, const otr_safetensors *file, otr_error *error);
static otr_status read_plane(otr_event_network *network, const otr_safetensors *file, otr_error *error);
static otr_status read_sets(otr_event_network *network, const otr_safetensors *file, otr_error *error);
static otr_status read_slots(otr_event_network *network, const otr_safetensors *file, otr_error *error);
static otr_status read_shifts(otr_event_network *network, const otr_safetensors *file, otr_error *error);
static otr_status read_scalars(otr_event_network *network, const otr_safetensors *file, otr_error *error);
static int32_t larger_magnitude(int32_t most, int32_t value);

otr_status otr_event_network_parse(otr_event_network **out, const void *bytes, size_t size,
                                   otr_error *error) {
    otr_event_network *network;
    otr_safetensors file;
    otr_status status;
    if (out == NULL || (bytes == NULL && size > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "an argument is missing");
    }
    if (size > OTR_EVENT_NETWORK_BYTES_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "event network of more than %d bytes",
                             OTR_EVENT_NETWORK_BYTES_MAX);
    }
    status = otr_safetensors_parse(&file, bytes, size, error);
    if (status != OTR_OK) {
        return status;
    }
    network = otr_array_zeroed(1, sizeof *network);
    status = network != NULL ? read_network(network, &file, error) : OTR_ERR_MEMORY;
    otr_safetensors_free(&file);
    if (status != OTR_OK) {
        otr_event_network_destroy(network);
        return status == OTR_ERR_MEMORY ? otr_error_set(error, status, 0, 0, "out of memory") : status;
    }
    *out = network;
    return OTR_OK;
}

void otr_event_network_destroy(otr_event_network *network) {
    if (network == NULL) {
        return;
    }
    otr_event_classes_free(&network->classes);
    otr_aligned_free(&network->weights);
    otr_aligned_free(&network->rows);
    otr_aligned_free(&network->biases);
    free(network->layout.slots);
    free(network->noise);
    free(network->card);
    free(network);
}

uint32_t otr_event_network_width(const otr_event_network *network) {
    return network->width;
}

uint32_t otr_event_network_layers(const otr_event_network *network) {
    return network->layer_count;
}

uint32_t otr_event_network_radius(const otr_event_network *network) {
    return network->layout.radius;
}

otr_reach otr_event_network_reach(const otr_event_network *network) {
    const int32_t sites = (int32_t)((network->layer_count + 1) * network->layout.radius);
    otr_offset edge = {0, 0, 0};
    otr_reach reach;
    for (uint32_t i = 0; i < network->layout.set_count * network->layout.slot_count; i++) {
        const otr_offset offset = network->layout.slots[i].offset;
        edge.x = larger_magnitude(larger_magnitude(edge.x, offset.x), offset.y);
        edge.t = larger_magnitude(edge.t, offset.t);
    }
    otr_lattice_reach(&network->layout.rule, sites + edge.x, &reach.x, &reach.y);
    reach.rounds = (double)(sites + edge.t) * network->layout.rule.pitch.t;
    return reach;
}

const char *otr_event_network_card(const otr_event_network *network) {
    return network->card;
}

size_t otr_event_network_bytes(const otr_event_network *network) {
    const size_t codes = (size_t)network->classes.offset_count * network->layout.rule.kinds;
    return sizeof *network + network->weights.bytes + network->rows.bytes + network->biases.bytes +
           (size_t)network->layout.set_count * network->layout.slot_count * sizeof *network->layout.slots +
           (network->layer_count + 1) * network->width * sizeof *network->noise + strlen(network->card) + 1 +
           codes * (sizeof *network->classes.codes + sizeof *network->classes.classes);
}

bool otr_event_network_claims(const otr_safetensors *file) {
    const char *const format = otr_safetensors_metadata(file, "format");
    return format != NULL && strcmp(format, FORMAT) == 0;
}

static int32_t larger_magnitude(int32_t most, int32_t value) {
    const int32_t magnitude = value < 0 ? -value : value;
    return magnitude > most ? magnitude : most;
}

/* The numbers that say what the others mean. */

static otr_status read_network(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    const char *const card = otr_safetensors_metadata(file, "card");
    const size_t card_bytes = card != NULL ? strlen(card) : 0;
    otr_status status = check_format(file, error);
    network->card = otr_array_zeroed(card_bytes + 1, 1);
    if (network->card == NULL) {
        return OTR_ERR_MEMORY;
    }
    if (card != NULL) {
        memcpy(network->card, card, card_bytes);
    }
    status = status == OTR_OK ? read_lattice(network, file, error) : status;
    status = status == OTR_OK ? read_plane(network, file, error) : status;
    status = status == OTR_OK ? read_slots(network, file, error) : status;
    status = status == OTR_OK ? read_sets(network, file, error) : status;
    status = status == OTR_OK ? read_shifts(network, file, error) : status;
    status = status == OTR_OK ? read_scalars(network, file, error) : status;
    status = status == OTR_OK ? otr_event_classes_init(&network->classes, &network->layout) : status;
    return status == OTR_OK ? otr_event_read_weights(network, file, error) : status;
}

static otr_status check_format(const otr_safetensors *file, otr_error *error) {
    const char *const format = otr_safetensors_metadata(file, "format");
    const char *const version = otr_safetensors_metadata(file, "version");
    if (!otr_event_network_claims(file)) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "not an event network: metadata format is %.40s",
                             format != NULL ? format : "missing");
    }
    if (version == NULL || (strcmp(version, VERSION) != 0 && strcmp(version, PLANE_VERSION) != 0)) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0,
                             "event network of version %.40s; this library reads versions " VERSION
                             " and " PLANE_VERSION,
                             version != NULL ? version : "(missing)");
    }
    return OTR_OK;
}

static otr_status refuse(otr_error *error, const char *tensor, const char *why) {
    return otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "tensor '%s': %s", tensor, why);
}

static otr_status read_lattice(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    const uint64_t shape[] = {LATTICE_NUMBERS};
    const otr_tensor *const tensor = otr_event_tensor(file, "lattice", OTR_DTYPE_I32, 1, shape, error);
    otr_lattice_rule *const rule = &network->layout.rule;
    int32_t kinds, radius;
    if (tensor == NULL) {
        return OTR_ERR_FORMAT;
    }
    rule->pitch = (otr_offset){otr_event_integer(tensor, 0), otr_event_integer(tensor, 1),
                               otr_event_integer(tensor, 2)};
    rule->step = (otr_offset){otr_event_integer(tensor, 3), otr_event_integer(tensor, 4),
                              otr_event_integer(tensor, 5)};
    kinds = otr_event_integer(tensor, 6);
    radius = otr_event_integer(tensor, 7);
    if (rule->pitch.x < 1 || rule->pitch.y < 1 || rule->pitch.t < 1) {
        return refuse(error, "lattice", "a pitch is below 1");
    }
    if (kinds < 1 || kinds > OTR_EVENT_KINDS_MAX) {
        return refuse(error, "lattice", "the number of kinds is not 1 to 8");
    }
    if (radius < 1 || radius > OTR_EVENT_RADIUS_MAX) {
        return refuse(error, "lattice", "the radius is not 1 to 4");
    }
    rule->kinds = (uint32_t)kinds;
    network->layout.radius = (uint32_t)radius;
    network->layout.relation_count = otr_event_relation_count(network->layout.radius);
    return OTR_OK;
}

/* Version 2 has the tensor, version 1 has it not. */
static otr_status read_plane(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    const uint64_t shape[] = {2, 3};
    const otr_tensor *tensor;
    int32_t plane[2][3];
    if (strcmp(otr_safetensors_metadata(file, "version"), VERSION) == 0) {
        otr_lattice_set_plane(&network->layout.rule, NULL);
        return OTR_OK;
    }
    tensor = otr_event_tensor(file, "plane", OTR_DTYPE_I32, 2, shape, error);
    if (tensor == NULL) {
        return OTR_ERR_FORMAT;
    }
    for (uint32_t i = 0; i < 6; i++) {
        plane[i / 3][i % 3] = otr_event_integer(tensor, i);
    }
    if (!otr_lattice_set_plane(&network->layout.rule, (const int32_t(*)[3])plane)) {
        return refuse(error, "plane", "not invertible, or a number beyond 2^20");
    }
    return OTR_OK;
}

static otr_status read_sets(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    const uint64_t shape[] = {network->layout.rule.kinds, 2};
    const otr_tensor *const tensor = otr_event_tensor(file, "frames", OTR_DTYPE_I32, 2, shape, error);
    if (tensor == NULL) {
        return OTR_ERR_FORMAT;
    }
    for (uint32_t kind = 0; kind < network->layout.rule.kinds; kind++) {
        const int32_t transposed = otr_event_integer(tensor, 2 * kind);
        const int32_t set = otr_event_integer(tensor, 2 * kind + 1);
        if (transposed < 0 || transposed > 1 || set < 0 || set >= (int32_t)network->layout.set_count) {
            return refuse(error, "frames", "not 0 or 1, then a set that exists");
        }
        network->layout.rule.transposed[kind] = transposed == 1;
        network->layout.set_of_kind[kind] = (uint8_t)set;
    }
    return OTR_OK;
}

static bool is_short(int32_t component) {
    return component >= -OTR_EVENT_SLOT_OFFSET_MAX && component <= OTR_EVENT_SLOT_OFFSET_MAX;
}

static bool slot_is_valid(otr_offset offset, int32_t boundary) {
    const bool is_zero = offset.x == 0 && offset.y == 0 && offset.t == 0;
    return is_short(offset.x) && is_short(offset.y) && is_short(offset.t) && boundary == is_zero;
}

static bool slot_is_new(const otr_slot *slots, uint32_t slot) {
    for (uint32_t i = 0; i < slot; i++) {
        if (slots[i].offset.x == slots[slot].offset.x && slots[i].offset.y == slots[slot].offset.y &&
            slots[i].offset.t == slots[slot].offset.t) {
            return false;
        }
    }
    return true;
}

static otr_status read_slots(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    const uint64_t shape[] = {OTR_EVENT_ANY, OTR_EVENT_ANY, 4};
    const otr_tensor *const tensor = otr_event_tensor(file, "slots", OTR_DTYPE_I32, 3, shape, error);
    if (tensor == NULL) {
        return OTR_ERR_FORMAT;
    }
    if (tensor->shape[0] > network->layout.rule.kinds || tensor->shape[1] > OTR_EVENT_SLOTS_MAX) {
        return refuse(error, "slots", "more sets than kinds, or more than 32 slots");
    }
    network->layout.set_count = (uint32_t)tensor->shape[0];
    network->layout.slot_count = (uint32_t)tensor->shape[1];
    network->head_count = (network->layout.slot_count + OTR_EVENT_HEAD - 1) / OTR_EVENT_HEAD;
    network->layout.slots =
        otr_array_zeroed((size_t)tensor->element_count / 4, sizeof *network->layout.slots);
    if (network->layout.slots == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < network->layout.set_count * network->layout.slot_count; i++) {
        const uint32_t in_set = i % network->layout.slot_count;
        const int32_t boundary = otr_event_integer(tensor, 4 * i + 3);
        otr_slot *const slot = &network->layout.slots[i];
        slot->offset = (otr_offset){otr_event_integer(tensor, 4 * i), otr_event_integer(tensor, 4 * i + 1),
                                    otr_event_integer(tensor, 4 * i + 2)};
        slot->is_boundary = boundary == 1;
        if (!slot_is_valid(slot->offset, boundary)) {
            return refuse(error, "slots", "neither the boundary, 0 0 0 1, nor an offset up to 8 and a 0");
        }
        if (!slot_is_new(slot - in_set, in_set)) {
            return refuse(error, "slots", "two slots of a set are the same");
        }
    }
    return OTR_OK;
}

static otr_status read_shifts(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    const uint64_t shape[] = {OTR_EVENT_ANY};
    const otr_tensor *const tensor = otr_event_tensor(file, "shifts", OTR_DTYPE_I32, 1, shape, error);
    uint32_t shifts[OTR_EVENT_LAYERS_MAX + SHIFTS_MORE];
    if (tensor == NULL) {
        return OTR_ERR_FORMAT;
    }
    if (tensor->shape[0] < SHIFTS_MORE || tensor->shape[0] > OTR_EVENT_LAYERS_MAX + SHIFTS_MORE) {
        return refuse(error, "shifts", "not for 0 to 8 layers: embed, layers, hidden, head");
    }
    network->layer_count = (uint32_t)tensor->shape[0] - SHIFTS_MORE;
    for (uint32_t i = 0; i < network->layer_count + SHIFTS_MORE; i++) {
        const int32_t shift = otr_event_integer(tensor, i);
        if (shift < 0 || shift > OTR_EVENT_SHIFT_MAX) {
            return refuse(error, "shifts", "a shift is not 0 to 16");
        }
        shifts[i] = (uint32_t)shift;
    }
    network->embed_shift = shifts[0];
    memcpy(network->layer_shifts, shifts + 1, network->layer_count * sizeof *shifts);
    network->hidden_shift = shifts[network->layer_count + 1];
    network->head_shift = shifts[network->layer_count + 2];
    return OTR_OK;
}

static otr_status read_scalars(otr_event_network *network, const otr_safetensors *file, otr_error *error) {
    const uint64_t shape[] = {SCALARS};
    const otr_tensor *const tensor = otr_event_tensor(file, "scalars", OTR_DTYPE_F32, 1, shape, error);
    if (tensor == NULL) {
        return OTR_ERR_FORMAT;
    }
    network->reference_probability = (double)otr_tensor_float(tensor, 0);
    network->log_odds_unit = (double)otr_tensor_float(tensor, 1);
    network->offset_nats = (double)otr_tensor_float(tensor, 2);
    if (!(network->reference_probability >= (double)FLT_MIN && network->reference_probability < 1)) {
        return refuse(error, "scalars", "the reference probability is not between 0 and 1");
    }
    if (!(network->log_odds_unit > 0 && network->log_odds_unit <= (double)FLT_MAX)) {
        return refuse(error, "scalars", "the unit of log-odds is not above 0");
    }
    if (!(network->offset_nats >= 0 && network->offset_nats <= (double)FLT_MAX)) {
        return refuse(error, "scalars", "the offset of other edges is below 0");
    }
    return OTR_OK;
}
