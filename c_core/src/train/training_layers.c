/* The layers of an event network on floats, forward and backward, over the present batch. */
#include "train/training_internal.h"

#include <stddef.h>
#include <string.h>

static bool usable(const otr_training *t, uint32_t width);
static void transpose(uint32_t width, const float *matrix, float *out);

otr_status otr_training_embed_forward(const otr_training *training, uint32_t width, const float *rows,
                                      float *out) {
    const otr_training_shots *const s = training != NULL ? &training->shots : NULL;
    if (!usable(training, width) || rows == NULL || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    for (uint32_t r = 0; r < otr_training_relations(training); r++) {
        const float *const row = rows + (size_t)r * width;
        for (uint64_t k = s->relation_pairs[r]; k < s->relation_pairs[r + 1]; k++) {
            float *const to = out + (size_t)s->target[k] * width;
            for (uint32_t c = 0; c < width; c++) {
                to[c] += row[c];
            }
        }
    }
    return OTR_OK;
}

otr_status otr_training_embed_backward(const otr_training *training, uint32_t width, const float *gradient,
                                       float *row_gradient) {
    const otr_training_shots *const s = training != NULL ? &training->shots : NULL;
    if (!usable(training, width) || gradient == NULL || row_gradient == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    for (uint32_t r = 0; r < otr_training_relations(training); r++) {
        for (uint32_t first = 0; first < width; first += OTR_TRAINING_BLOCK) {
            float sum[OTR_TRAINING_BLOCK] = {0};
            for (uint64_t k = s->relation_pairs[r]; k < s->relation_pairs[r + 1]; k++) {
                const float *const from = gradient + (size_t)s->target[k] * width + first;
                for (size_t c = 0; c < OTR_TRAINING_BLOCK; c++) {
                    sum[c] += from[c];
                }
            }
            memcpy(row_gradient + (size_t)r * width + first, sum, sizeof sum);
        }
    }
    return OTR_OK;
}

otr_status otr_training_message_forward(const otr_training *training, uint32_t width, const float *weights,
                                        const float *in, float *out) {
    const otr_training_shots *const s = training != NULL ? &training->shots : NULL;
    if (!usable(training, width) || weights == NULL || in == NULL || out == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    for (uint32_t r = 0; r < otr_training_relations(training); r++) {
        const float *const matrix = weights + (size_t)r * width * width;
        const uint64_t first = s->relation_pairs[r];
        const size_t count = (size_t)(s->relation_pairs[r + 1] - first);
        for (uint32_t to = 0; to < width; to += OTR_TRAINING_BLOCK) {
            for (uint32_t from = 0; from < width; from += OTR_TRAINING_BLOCK) {
                training->kernels->training_blocks->apply(width, count, s->target + first, s->source + first,
                                                          matrix + (size_t)from * width + to, in + from,
                                                          out + to);
            }
        }
    }
    return OTR_OK;
}

otr_status otr_training_message_backward(const otr_training *training, uint32_t width, const float *weights,
                                         const float *in, const float *gradient, float *in_gradient,
                                         float *weight_gradient) {
    const otr_training_shots *const s = training != NULL ? &training->shots : NULL;
    float matrix[OTR_TRAINING_WIDTH_MAX * OTR_TRAINING_WIDTH_MAX];
    if (!usable(training, width) || weights == NULL || in == NULL || gradient == NULL ||
        in_gradient == NULL || weight_gradient == NULL) {
        return OTR_ERR_ARGUMENT;
    }
    for (uint32_t r = 0; r < otr_training_relations(training); r++) {
        const size_t place = (size_t)r * width * width;
        const uint64_t first = s->relation_pairs[r];
        const size_t count = (size_t)(s->relation_pairs[r + 1] - first);
        const uint32_t *const target = s->target + first;
        const uint32_t *const source = s->source + first;
        transpose(width, weights + place, matrix);
        for (uint32_t to = 0; to < width; to += OTR_TRAINING_BLOCK) {
            for (uint32_t from = 0; from < width; from += OTR_TRAINING_BLOCK) {
                training->kernels->training_blocks->apply(width, count, source, target,
                                                          matrix + (size_t)from * width + to, gradient + from,
                                                          in_gradient + to);
                training->kernels->training_blocks->outer(
                    width, count, target, source, in + from, gradient + to,
                    weight_gradient + place + (size_t)from * width + to);
            }
        }
    }
    return OTR_OK;
}

static bool usable(const otr_training *t, uint32_t width) {
    return t != NULL && t->shots.relation_pairs != NULL && width >= OTR_TRAINING_BLOCK &&
           width <= OTR_TRAINING_WIDTH_MAX && width % OTR_TRAINING_BLOCK == 0;
}

static void transpose(uint32_t width, const float *matrix, float *out) {
    for (uint32_t i = 0; i < width; i++) {
        for (uint32_t o = 0; o < width; o++) {
            out[o * width + i] = matrix[i * width + o];
        }
    }
}
