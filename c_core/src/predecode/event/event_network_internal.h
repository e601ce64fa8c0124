/* An event network as it is evaluated: checked, and packed for vectors. Immutable once parsed. */
#ifndef OTR_EVENT_NETWORK_INTERNAL_H
#define OTR_EVENT_NETWORK_INTERNAL_H

#include "common/aligned.h"
#include "outrider/event_network.h"
#include "outrider/kernels.h"
#include "predecode/event/event_classes.h"
#include "predecode/safetensors.h"

struct otr_event_network {
    uint32_t width, layer_count;
    uint32_t head_count; /* of OTR_EVENT_HEAD slots each, the last one padded */
    otr_event_layout layout;
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
    return (int8_t *)n->weights.data + ((size_t)layer * n->layout.set_count + set) * n->width * n->width;
}

static inline int8_t *otr_event_relations(const otr_event_network *n, uint32_t layer) {
    const size_t selves = (size_t)n->layer_count * n->layout.set_count;
    return (int8_t *)n->weights.data +
           (selves + (size_t)layer * 2 * n->classes.message_count) * n->width * n->width;
}

static inline int8_t *otr_event_hidden(const otr_event_network *n, uint32_t set) {
    return otr_event_relations(n, n->layer_count) + (size_t)set * n->width * n->width;
}

static inline int8_t *otr_event_head(const otr_event_network *n, uint32_t set, uint32_t head) {
    return otr_event_hidden(n, n->layout.set_count) +
           ((size_t)set * n->head_count + head) * n->width * OTR_EVENT_HEAD;
}

static inline size_t otr_event_weight_count(const otr_event_network *n) {
    return (size_t)(otr_event_head(n, n->layout.set_count, 0) - (int8_t *)n->weights.data);
}

static inline int16_t *otr_event_embed(const otr_event_network *n) {
    return n->rows.data;
}

static inline int16_t *otr_event_places(const otr_event_network *n) {
    return otr_event_embed(n) + (size_t)2 * n->classes.message_count * n->width;
}

static inline int16_t *otr_event_phases(const otr_event_network *n) {
    return otr_event_places(n) + (size_t)n->layout.rule.kinds * OTR_PLACE_CLASSES * n->width;
}

static inline int32_t *otr_event_biases(const otr_event_network *n, uint32_t layer, uint32_t set) {
    return (int32_t *)n->biases.data + ((size_t)layer * n->layout.set_count + set) * n->width;
}

static inline int32_t *otr_event_head_biases(const otr_event_network *n, uint32_t set, uint32_t head) {
    return otr_event_biases(n, n->layer_count + 1, 0) + ((size_t)set * n->head_count + head) * OTR_EVENT_HEAD;
}

/* Checks and packs the tensors whose shapes follow from those read before. OTR_ERR_FORMAT, OTR_ERR_MEMORY. */
otr_status otr_event_read_weights(otr_event_network *network, const otr_safetensors *file, otr_error *error);

#endif
