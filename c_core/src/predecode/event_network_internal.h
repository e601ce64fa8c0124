/* An event network as it is evaluated: checked, and packed for vectors. Immutable once parsed. */
#ifndef OTR_EVENT_NETWORK_INTERNAL_H
#define OTR_EVENT_NETWORK_INTERNAL_H

#include "common/aligned.h"
#include "outrider/event_network.h"
#include "outrider/kernels.h"
#include "predecode/lattice.h"
#include "predecode/safetensors.h"

/* What the metadata calls the format. */
#define OTR_EVENT_FORMAT "outrider-event-network"

#define OTR_EVENT_HEADS_MAX (OTR_EVENT_SLOTS_MAX / OTR_EVENT_HEAD)
/* No slot, no relation. */
#define OTR_EVENT_NO_SLOT UINT8_MAX
#define OTR_EVENT_NO_RELATION UINT32_MAX

/* What two near events are to each other. Pairs of one class use the same two relations, one each way, and
 * every relation belongs to one class or a few. */
typedef struct otr_event_class {
    uint32_t relations[2]; /* set * R + relation, as the first and as the second event sees the pair */
    uint8_t slots[2];      /* that name the edge between them at either event, or OTR_EVENT_NO_SLOT */
} otr_event_class;

/* All classes of pairs that a lattice can have. Classes that exchange messages come first; then slots beyond
 * the radius, among them a class without slots for pairs that only other kinds look for. */
typedef struct otr_event_classes {
    otr_offset *offsets; /* as otr_neighbours_init wants them */
    uint32_t offset_count;
    uint16_t *codes;
    otr_event_class *classes;
    uint32_t message_count;
    uint32_t count;
} otr_event_classes;

struct otr_event_network {
    uint32_t width, layer_count, radius;
    uint32_t set_count, slot_count, relation_count;
    uint32_t head_count; /* of OTR_EVENT_HEAD slots each, the last one padded */
    otr_lattice_rule rule;
    uint8_t set_of_kind[OTR_LATTICE_KINDS_MAX];
    otr_slot *slots; /* [set][slot] */
    otr_event_classes classes;

    uint32_t embed_shift, hidden_shift, head_shift;
    uint32_t layer_shifts[OTR_EVENT_LAYERS_MAX];
    double reference_probability, log_odds_unit, offset_nats;

    otr_aligned weights; /* int8: [layer][set] self, [layer][class][2] relations, [set] hidden, [set][head] */
    otr_aligned rows;    /* int16: [class][2] embedding, [kind][place], [kind][phase] */
    otr_aligned biases;  /* int32: [layer][set], [set] hidden, [set][head]; with their halves */
    float *noise;        /* [1 + layer][width]: of the embedding, of the layers */
    int32_t row_bounds[OTR_EVENT_WIDTH_MAX]; /* by channel: largest sum of rows, with the half */
    char *card;
};

/* Parts of the packed blocks. */
static inline int8_t *otr_event_self(const otr_event_network *n, uint32_t layer, uint32_t set) {
    return (int8_t *)n->weights.data + ((size_t)layer * n->set_count + set) * n->width * n->width;
}

static inline int8_t *otr_event_relations(const otr_event_network *n, uint32_t layer) {
    const size_t selves = (size_t)n->layer_count * n->set_count;
    return (int8_t *)n->weights.data +
           (selves + (size_t)layer * 2 * n->classes.message_count) * n->width * n->width;
}

static inline int8_t *otr_event_hidden(const otr_event_network *n, uint32_t set) {
    return otr_event_relations(n, n->layer_count) + (size_t)set * n->width * n->width;
}

static inline int8_t *otr_event_head(const otr_event_network *n, uint32_t set, uint32_t head) {
    return otr_event_hidden(n, n->set_count) +
           ((size_t)set * n->head_count + head) * n->width * OTR_EVENT_HEAD;
}

static inline size_t otr_event_weight_count(const otr_event_network *n) {
    return (size_t)(otr_event_head(n, n->set_count, 0) - (int8_t *)n->weights.data);
}

static inline int16_t *otr_event_embed(const otr_event_network *n) {
    return n->rows.data;
}

static inline int16_t *otr_event_places(const otr_event_network *n) {
    return otr_event_embed(n) + (size_t)2 * n->classes.message_count * n->width;
}

static inline int16_t *otr_event_phases(const otr_event_network *n) {
    return otr_event_places(n) + (size_t)n->rule.kinds * OTR_PLACE_CLASSES * n->width;
}

static inline int32_t *otr_event_biases(const otr_event_network *n, uint32_t layer, uint32_t set) {
    return (int32_t *)n->biases.data + ((size_t)layer * n->set_count + set) * n->width;
}

static inline int32_t *otr_event_head_biases(const otr_event_network *n, uint32_t set, uint32_t head) {
    return otr_event_biases(n, n->layer_count + 1, 0) + ((size_t)set * n->head_count + head) * OTR_EVENT_HEAD;
}

/* A length in a shape that may be anything but 0. */
#define OTR_EVENT_ANY UINT64_MAX

/* The tensor of that name, dtype and shape, or NULL with OTR_ERR_FORMAT in *error. */
const otr_tensor *otr_event_tensor(const otr_safetensors *file, const char *name, otr_dtype dtype,
                                   uint32_t rank, const uint64_t *shape, otr_error *error);

/* Element `index` of a tensor of dtype I8, I16 or I32. */
int32_t otr_event_integer(const otr_tensor *tensor, uint64_t index);

/* Checks and packs the tensors whose shapes follow from those read before. OTR_ERR_FORMAT, OTR_ERR_MEMORY. */
otr_status otr_event_read_weights(otr_event_network *network, const otr_safetensors *file, otr_error *error);

/* Offsets of the neighbourhood of a radius. */
uint32_t otr_event_relation_count(uint32_t radius);

/* The number of an offset in it, or OTR_EVENT_NO_RELATION. */
uint32_t otr_event_relation(uint32_t radius, otr_offset offset);

/* Finds the classes of a network whose rule, sets, radius and slots are known. OTR_ERR_MEMORY. */
otr_status otr_event_classes_init(otr_event_classes *classes, const otr_event_network *network);
void otr_event_classes_free(otr_event_classes *classes);

#endif
