/* Sampling layer by layer.
 *
 * Every error belongs to the layer of its earliest detector, and is kept as what it flips relative to that
 * layer. Layers that begin the same errors share a template: one for each of the first and last layers, one
 * for each layer of a period of the bulk. Time is cut into blocks of 64 layers. Within a block the layers of
 * one template are sampled together, as the sampler does with shots: cells (error, layer) of similar
 * probability are visited by geometric skips, so the cost grows with the errors that fire. What an error
 * flips in layers of the next block is carried over.
 *
 * Cells of the bulk always cover the whole block, and those in layers that are not of the bulk are passed
 * over: so a layer does not depend on where the history ends, unless it is one of the last. */
#include "outrider/round_sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "model/model_internal.h"
#include "model/model_layers.h"
#include "model/symptoms.h"
#include "sample/error_streams.h"

#define BLOCK_LAYERS OTR_ROUND_SAMPLER_BLOCK_LAYERS
/* The place of the stream in the low half of the counter, above the number of the success. */
#define STREAM_SHIFT 48
/* Probabilities of repeating errors that differ by no more were added up in another order. */
#define ROUNDING 1e-12

/* Targets are bits after the beginning of the error's layer, or observables. */
typedef struct timed_error {
    uint64_t limit;
    uint32_t first, count;
} timed_error;

typedef struct timed_stream {
    uint32_t id;
    size_t first, count; /* of its errors */
    double scale;
} timed_stream;

/* The errors that begin in a layer. */
typedef struct layer_template {
    uint32_t detector_count;
    size_t first_stream, stream_count;
    size_t first_certain, certain_count; /* errors that fire unless sampled */
} layer_template;

struct otr_round_sampler {
    const otr_kernels *kernels;
    uint64_t seed;
    uint32_t layer_count; /* of the model */
    otr_bulk bulk;        /* likewise; without a period all layers come before it */
    uint32_t tail;        /* layers after the bulk */
    uint64_t layers_min;
    uint32_t reach; /* layers after its first that an error flips detectors in */
    size_t row_bytes, observable_bytes;
    layer_template *templates; /* first layers, a period, last layers */
    size_t template_count;
    timed_stream *streams;
    size_t stream_count, stream_capacity;
    timed_error *errors;
    size_t error_count, error_capacity;
    uint32_t *targets;
    /* The history at hand. */
    uint64_t key;
    uint64_t history;
    uint64_t length; /* 0 while unknown */
    uint64_t next_layer;
    uint64_t block_begin;
    uint8_t *rows;        /* of the block, and `reach` more */
    uint8_t *flips;       /* observables flipped by the errors of each layer of the block */
    uint8_t *observables; /* of the layers given */
};

/* An error of the model. */
typedef struct raw_error {
    double probability;
    uint32_t layer;
    uint32_t first, count;
    const uint32_t *targets;
} raw_error;

typedef struct round_build {
    otr_round_sampler *sampler;
    otr_layers layers;
    raw_error *errors;
    size_t error_count, error_capacity;
    size_t *error_begin; /* layer -> its first error */
    otr_index_list targets;
    otr_index_list symptoms; /* of the error at hand */
} round_build;

/* Layers of the block that are sampled together: every `step`-th from slot `first` on, of which those from
 * `low` to before `high` count. */
typedef struct block_slots {
    uint32_t first, step, count;
    uint32_t low, high;
} block_slots;

static otr_status build(round_build *work, const otr_model *model, otr_error *error);
static otr_status read_errors(round_build *work, const otr_model *model, otr_error *error);
static otr_status sort_errors(round_build *work);
static bool repeats(const void *context, uint32_t layer, uint32_t period);
static otr_status make_templates(round_build *work);
static otr_status check_length(const otr_round_sampler *sampler, uint64_t layer_count, otr_error *error);
static void sample_block(otr_round_sampler *sampler);
static uint64_t larger(uint64_t a, uint64_t b);
static const layer_template *template_of(const otr_round_sampler *sampler, uint64_t layer);

otr_status otr_round_sampler_create(otr_round_sampler **out, const otr_model *model, uint64_t seed,
                                    otr_isa isa, otr_error *error) {
    const otr_kernels *const kernels = otr_kernels_for(isa);
    round_build work = {0};
    otr_status status;
    if (out == NULL || model == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "out and model must not be NULL");
    }
    if (kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "instruction set %s is not available here",
                             otr_isa_name(isa));
    }
    work.sampler = otr_array_zeroed(1, sizeof *work.sampler);
    if (work.sampler == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    work.sampler->kernels = kernels;
    work.sampler->seed = seed;
    status = build(&work, model, error);
    otr_layers_free(&work.layers);
    free(work.errors);
    free(work.error_begin);
    free(work.symptoms.items);
    if (status == OTR_OK) {
        status = otr_round_sampler_seek(work.sampler, 0, 0, 0, error);
    }
    if (status != OTR_OK) {
        otr_round_sampler_destroy(work.sampler);
        return status;
    }
    *out = work.sampler;
    return OTR_OK;
}

void otr_round_sampler_destroy(otr_round_sampler *sampler) {
    if (sampler != NULL) {
        free(sampler->templates);
        free(sampler->streams);
        free(sampler->errors);
        free(sampler->targets);
        free(sampler->rows);
        free(sampler->flips);
        free(sampler->observables);
        free(sampler);
    }
}

uint32_t otr_round_sampler_layer_count(const otr_round_sampler *sampler) {
    return sampler->layer_count;
}

uint32_t otr_round_sampler_period(const otr_round_sampler *sampler) {
    return sampler->bulk.period;
}

otr_status otr_round_sampler_seek(otr_round_sampler *sampler, uint64_t history, uint64_t layer,
                                  uint64_t layer_count, otr_error *error) {
    uint64_t unused, start;
    otr_sampled_layer passed;
    otr_status status;
    if (sampler == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no sampler");
    }
    if (layer_count == 0 && sampler->bulk.period == 0) {
        layer_count = sampler->layer_count;
    }
    status = layer_count > 0 ? check_length(sampler, layer_count, error) : OTR_OK;
    if (status != OTR_OK) {
        return status;
    }
    if (layer >= (layer_count > 0 ? layer_count : OTR_ROUND_SAMPLER_HISTORY_MAX)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "layer %llu is beyond the end",
                             (unsigned long long)layer);
    }
    otr_philox(sampler->seed, history, 0, &sampler->key, &unused);
    sampler->history = history;
    sampler->length = layer_count;
    start = layer > sampler->reach ? layer - sampler->reach : 0;
    sampler->block_begin = start - start % BLOCK_LAYERS;
    sampler->next_layer = sampler->block_begin;
    memset(sampler->rows, 0, (BLOCK_LAYERS + sampler->reach) * sampler->row_bytes);
    sample_block(sampler);
    while (sampler->next_layer < layer) {
        (void)otr_round_sampler_next(sampler, &passed);
    }
    memset(sampler->observables, 0, sampler->observable_bytes);
    return OTR_OK;
}

uint64_t otr_round_sampler_earliest_end(const otr_round_sampler *sampler) {
    const uint32_t period = sampler->bulk.period;
    uint64_t end = larger(sampler->next_layer + larger(sampler->tail, 1), sampler->layers_min);
    if (sampler->length > 0) {
        return sampler->length;
    }
    /* As far from the model's length as a multiple of the period is. */
    end += (sampler->layer_count % period + period - end % period) % period;
    return end;
}

otr_status otr_round_sampler_end(otr_round_sampler *sampler, uint64_t layer_count, otr_error *error) {
    uint8_t *const observables = sampler != NULL ? sampler->observables : NULL;
    otr_status status;
    if (sampler == NULL || sampler->length > 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no sampler, or its history's end is known already");
    }
    status = check_length(sampler, layer_count, error);
    if (status == OTR_OK && layer_count < otr_round_sampler_earliest_end(sampler)) {
        status = otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                               "%llu layers are too few: the history is past layer %llu",
                               (unsigned long long)layer_count, (unsigned long long)sampler->next_layer);
    }
    if (status != OTR_OK) {
        return status;
    }
    /* The block may hold layers that are of the bulk no more. Its seek must not forget what was flipped. */
    sampler->observables = sampler->flips + BLOCK_LAYERS * sampler->observable_bytes;
    status = otr_round_sampler_seek(sampler, sampler->history, sampler->next_layer, layer_count, error);
    sampler->observables = observables;
    return status;
}

bool otr_round_sampler_next(otr_round_sampler *sampler, otr_sampled_layer *out) {
    const uint64_t end = sampler->length > 0 ? sampler->length : OTR_ROUND_SAMPLER_HISTORY_MAX;
    size_t slot;
    if (sampler->next_layer >= end) {
        return false;
    }
    if (sampler->next_layer == sampler->block_begin + BLOCK_LAYERS) {
        const size_t given = BLOCK_LAYERS * sampler->row_bytes;
        const size_t carried = sampler->reach * sampler->row_bytes;
        memmove(sampler->rows, sampler->rows + given, carried);
        memset(sampler->rows + carried, 0, given);
        sampler->block_begin += BLOCK_LAYERS;
        sample_block(sampler);
    }
    slot = (size_t)(sampler->next_layer - sampler->block_begin);
    for (size_t i = 0; i < sampler->observable_bytes; i++) {
        sampler->observables[i] ^= sampler->flips[slot * sampler->observable_bytes + i];
    }
    *out = (otr_sampled_layer){.events = sampler->rows + slot * sampler->row_bytes,
                               .detector_count = template_of(sampler, sampler->next_layer)->detector_count,
                               .is_last = sampler->next_layer + 1 == sampler->length,
                               .observables = sampler->observables};
    sampler->next_layer++;
    return true;
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* The template of a layer, with the history's length as far as it is known. */
static const layer_template *template_of(const otr_round_sampler *sampler, uint64_t layer) {
    const otr_bulk bulk = sampler->bulk;
    if (bulk.period == 0 || layer < bulk.begin) {
        return &sampler->templates[layer];
    }
    if (sampler->length > 0 && layer + sampler->tail >= sampler->length) {
        return &sampler->templates[bulk.begin + bulk.period + (layer + sampler->tail - sampler->length)];
    }
    return &sampler->templates[bulk.begin + (layer - bulk.begin) % bulk.period];
}

static otr_status check_length(const otr_round_sampler *sampler, uint64_t layer_count, otr_error *error) {
    const uint32_t own = sampler->layer_count;
    const uint32_t period = sampler->bulk.period;
    if (layer_count == own) {
        return OTR_OK;
    }
    if (period == 0) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "%llu layers, but the model has %u and does not repeat itself",
                             (unsigned long long)layer_count, own);
    }
    if (layer_count < sampler->layers_min || layer_count > OTR_ROUND_SAMPLER_HISTORY_MAX ||
        (layer_count > own ? layer_count - own : own - layer_count) % period != 0) {
        return otr_error_set(
            error, OTR_ERR_ARGUMENT, 0, 0,
            "%llu layers; the model can be repeated to %llu and more, %u and what differs from it "
            "by a multiple of %u",
            (unsigned long long)layer_count, (unsigned long long)sampler->layers_min, own, period);
    }
    return OTR_OK;
}

/* Sampling. */

static void fire(otr_round_sampler *sampler, const timed_error *fired, const block_slots *slots,
                 uint64_t number) {
    const uint32_t slot = slots->first + (uint32_t)number * slots->step;
    if (slot < slots->low || slot >= slots->high) {
        return;
    }
    for (uint32_t i = 0; i < fired->count; i++) {
        const uint32_t target = sampler->targets[fired->first + i];
        if ((target & OTR_SYMPTOM_OBSERVABLE) == 0) {
            otr_bit_flip(sampler->rows + slot * sampler->row_bytes, target);
        } else {
            otr_bit_flip(sampler->flips + slot * sampler->observable_bytes, target ^ OTR_SYMPTOM_OBSERVABLE);
        }
    }
}

static void sample_stream(otr_round_sampler *sampler, const timed_stream *stream, const block_slots *slots,
                          uint64_t counter_high) {
    const timed_error *const errors = sampler->errors + stream->first;
    const uint64_t cells = (uint64_t)stream->count * slots->count;
    uint64_t words[2 * OTR_RANDOM_LANES];
    uint64_t skips[OTR_RANDOM_LANES];
    uint64_t counter = (uint64_t)stream->id << STREAM_SHIFT;
    uint64_t cell = 0;
    for (;; counter += OTR_RANDOM_LANES) {
        sampler->kernels->random_words(sampler->key, counter_high, counter, words);
        sampler->kernels->geometric_skips(words, stream->scale, skips);
        for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane++, cell++) {
            cell += skips[lane];
            if (cell >= cells) {
                return;
            }
            const timed_error *const hit = &errors[cell / slots->count];
            if (words[OTR_RANDOM_LANES + lane] <= hit->limit) {
                fire(sampler, hit, slots, cell % slots->count);
            }
        }
    }
}

/* is_bulk keeps a layer that is sampled alone apart from those of the bulk. */
static void sample_slots(otr_round_sampler *sampler, const layer_template *template, const block_slots *slots,
                         bool is_bulk) {
    const uint64_t counter_high = (sampler->block_begin + slots->first) << 1 | (is_bulk ? 1 : 0);
    for (size_t i = 0; i < template->certain_count; i++) {
        for (uint32_t number = 0; number < slots->count; number++) {
            fire(sampler, &sampler->errors[template->first_certain + i], slots, number);
        }
    }
    for (size_t i = 0; i < template->stream_count; i++) {
        sample_stream(sampler, &sampler->streams[template->first_stream + i], slots, counter_high);
    }
}

/* The slot of a layer, or the block's nearest end. */
static uint32_t slot_of(const otr_round_sampler *sampler, uint64_t layer) {
    const uint64_t begin = sampler->block_begin;
    return layer <= begin ? 0 : layer - begin >= BLOCK_LAYERS ? BLOCK_LAYERS : (uint32_t)(layer - begin);
}

static void sample_block(otr_round_sampler *sampler) {
    const otr_bulk bulk = sampler->bulk;
    const uint64_t end = sampler->length > 0 ? sampler->length : UINT64_MAX;
    const uint32_t low = slot_of(sampler, bulk.period > 0 ? bulk.begin : end);
    const uint32_t high = larger(low, slot_of(sampler, end - (sampler->length > 0 ? sampler->tail : 0)));
    const uint32_t last = slot_of(sampler, end);
    memset(sampler->flips, 0, BLOCK_LAYERS * sampler->observable_bytes);
    for (uint32_t slot = 0; slot < last; slot++) {
        if (slot < low || slot >= high) {
            const block_slots alone = {.first = slot, .step = 1, .count = 1, .low = slot, .high = slot + 1};
            sample_slots(sampler, template_of(sampler, sampler->block_begin + slot), &alone, false);
        }
    }
    for (uint32_t phase = 0; phase < bulk.period && low < high; phase++) {
        const uint64_t ahead = sampler->block_begin % bulk.period + bulk.period - bulk.begin % bulk.period;
        const uint32_t first = (uint32_t)((phase + bulk.period - ahead % bulk.period) % bulk.period);
        const block_slots together = {.first = first,
                                      .step = bulk.period,
                                      .count = (BLOCK_LAYERS - first + bulk.period - 1) / bulk.period,
                                      .low = low,
                                      .high = high};
        sample_slots(sampler, &sampler->templates[bulk.begin + phase], &together, true);
    }
}

/* Building. */

static otr_status build(round_build *work, const otr_model *model, otr_error *error) {
    otr_round_sampler *const sampler = work->sampler;
    uint32_t widest = 0;
    otr_status status = otr_layers_init(&work->layers, model, 0, NULL, error);
    if (status != OTR_OK) {
        return status;
    }
    if (otr_model_error_count(model) > OTR_SAMPLER_ERRORS_MAX ||
        otr_model_observable_count(model) > OTR_SAMPLER_INDEX_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "too many errors or observables to sample");
    }
    for (uint32_t layer = 0; layer < work->layers.count; layer++) {
        const uint32_t width = work->layers.begin[layer + 1] - work->layers.begin[layer];
        widest = width > widest ? width : widest;
    }
    sampler->layer_count = work->layers.count;
    sampler->row_bytes = otr_bytes_for_bits(widest);
    sampler->observable_bytes = otr_bytes_for_bits(otr_model_observable_count(model));
    status = read_errors(work, model, error);
    if (status == OTR_OK) {
        status = sort_errors(work);
    }
    if (status == OTR_OK) {
        sampler->bulk = otr_find_bulk(sampler->layer_count, OTR_ROUND_SAMPLER_PERIOD_MAX, repeats, work);
        if (sampler->bulk.period == 0) {
            sampler->bulk.begin = sampler->bulk.end = sampler->layer_count;
        }
        sampler->tail = sampler->layer_count - sampler->bulk.end;
        sampler->layers_min = (uint64_t)sampler->bulk.begin + larger(sampler->reach, 1) + sampler->tail;
        status = make_templates(work);
    }
    /* The observables of a block have a row more, for the layers that a seek passes. */
    sampler->rows = otr_array_zeroed((size_t)BLOCK_LAYERS + sampler->reach, sampler->row_bytes);
    sampler->flips = otr_array_zeroed(BLOCK_LAYERS + 1, larger(sampler->observable_bytes, 1));
    sampler->observables = otr_array_zeroed(sampler->observable_bytes, 1);
    if (status == OTR_OK &&
        (sampler->rows == NULL || sampler->flips == NULL || sampler->observables == NULL)) {
        status = OTR_ERR_MEMORY;
    }
    return status == OTR_ERR_MEMORY ? otr_error_set(error, status, 0, 0, "out of memory") : status;
}

/* Takes the error whose symptoms are listed, detectors first, into its layer. */
static otr_status take_error(round_build *work, const otr_instruction *instruction, otr_error *error) {
    const otr_index_list *const symptoms = &work->symptoms;
    const uint32_t *const layers = work->layers.of;
    otr_round_sampler *const sampler = work->sampler;
    raw_error taken = {.probability = instruction->arguments[0],
                       .first = (uint32_t)work->targets.count,
                       .count = (uint32_t)symptoms->count};
    if (symptoms->count == 0) {
        return OTR_OK;
    }
    if ((symptoms->items[0] & OTR_SYMPTOM_OBSERVABLE) != 0) {
        return otr_error_set(error, OTR_ERR_FORMAT, instruction->line, 0,
                             "the error flips an observable and no detector, so it happens in no round");
    }
    taken.layer = layers[symptoms->items[0]];
    for (size_t i = 0; i < symptoms->count; i++) {
        uint32_t target = symptoms->items[i];
        if ((target & OTR_SYMPTOM_OBSERVABLE) == 0) {
            const uint32_t later = layers[target] - taken.layer;
            const uint64_t bit =
                (uint64_t)later * sampler->row_bytes * 8 + (target - work->layers.begin[layers[target]]);
            sampler->reach = later > sampler->reach ? later : sampler->reach;
            if (bit >= OTR_SYMPTOM_OBSERVABLE) {
                return otr_error_set(error, OTR_ERR_LIMIT, instruction->line, 0,
                                     "the error reaches over too many detectors to sample");
            }
            target = (uint32_t)bit;
        }
        if (!otr_index_append(&work->targets, target)) {
            return OTR_ERR_MEMORY;
        }
    }
    if (work->targets.count > UINT32_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "the errors have more than 2^32 targets");
    }
    if (!OTR_ARRAY_GROW(work->errors, work->error_count, work->error_capacity)) {
        return OTR_ERR_MEMORY;
    }
    work->errors[work->error_count++] = taken;
    return OTR_OK;
}

static otr_status read_errors(round_build *work, const otr_model *model, otr_error *error) {
    otr_model_walk *walk = NULL;
    otr_instruction instruction;
    otr_status status = OTR_ERR_MEMORY;
    /* There is a list, also of no errors: every layer's errors are a part of it. */
    if (OTR_ARRAY_GROW(work->errors, work->error_count, work->error_capacity)) {
        status = otr_model_walk_create_errors(&walk, model);
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &instruction)) {
        if (instruction.kind == OTR_INSTRUCTION_ERROR && instruction.arguments[0] > 0) {
            status = otr_list_symptoms(&work->symptoms, instruction.targets, instruction.target_count);
            if (status == OTR_OK) {
                status = take_error(work, &instruction, error);
            }
        }
    }
    otr_model_walk_destroy(walk);
    work->sampler->targets = work->targets.items;
    return status;
}

static int compare_targets(const raw_error *x, const raw_error *y) {
    for (uint32_t i = 0; i < x->count && i < y->count; i++) {
        if (x->targets[i] != y->targets[i]) {
            return x->targets[i] < y->targets[i] ? -1 : 1;
        }
    }
    return (x->count > y->count) - (x->count < y->count);
}

static int compare_errors(const void *a, const void *b) {
    const raw_error *const x = a;
    const raw_error *const y = b;
    if (x->layer != y->layer) {
        return x->layer < y->layer ? -1 : 1;
    }
    const int order = compare_targets(x, y);
    return order != 0 ? order : (x->probability > y->probability) - (x->probability < y->probability);
}

/* By layer, and within in an order that does not depend on the model's. */
static otr_status sort_errors(round_build *work) {
    const uint32_t layers = work->sampler->layer_count;
    work->error_begin = otr_array_zeroed((size_t)layers + 1, sizeof *work->error_begin);
    if (work->error_begin == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < work->error_count; i++) {
        work->errors[i].targets = work->targets.items + work->errors[i].first;
        work->error_begin[work->errors[i].layer + 1]++;
    }
    for (uint32_t layer = 0; layer < layers; layer++) {
        work->error_begin[layer + 1] += work->error_begin[layer];
    }
    if (work->error_count > 1) {
        qsort(work->errors, work->error_count, sizeof *work->errors, compare_errors);
    }
    return OTR_OK;
}

static bool repeats(const void *context, uint32_t layer, uint32_t period) {
    const round_build *const work = context;
    const uint32_t *const begin = work->layers.begin;
    const raw_error *const earlier = work->errors + work->error_begin[layer - period];
    const raw_error *const later = work->errors + work->error_begin[layer];
    const size_t count = work->error_begin[layer + 1] - work->error_begin[layer];
    if (begin[layer + 1] - begin[layer] != begin[layer - period + 1] - begin[layer - period] ||
        count != work->error_begin[layer - period + 1] - work->error_begin[layer - period]) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const double p = earlier[i].probability;
        if (compare_targets(&earlier[i], &later[i]) != 0 || fabs(p - later[i].probability) > ROUNDING * p) {
            return false;
        }
    }
    return true;
}

static otr_status place_error(otr_round_sampler *sampler, const raw_error *raw, double stream_probability) {
    timed_error *placed;
    if (!OTR_ARRAY_GROW(sampler->errors, sampler->error_count, sampler->error_capacity)) {
        return OTR_ERR_MEMORY;
    }
    placed = &sampler->errors[sampler->error_count++];
    *placed = (timed_error){.first = raw->first, .count = raw->count};
    placed->limit = otr_error_limit(otr_rarer_probability(raw->probability), stream_probability);
    return OTR_OK;
}

/* The stream of these errors that have the number; nothing if there are none. */
static otr_status make_stream(otr_round_sampler *sampler, const raw_error *errors, size_t count,
                              uint32_t id) {
    timed_stream stream = {.id = id, .first = sampler->error_count};
    double likeliest = 0;
    otr_status status = OTR_OK;
    for (size_t i = 0; i < count; i++) {
        const double rarer = otr_rarer_probability(errors[i].probability);
        if (rarer > likeliest && otr_error_stream_of(rarer) == id) {
            likeliest = rarer;
        }
    }
    if (likeliest == 0) {
        return OTR_OK;
    }
    likeliest = otr_error_stream_probability(id, likeliest);
    stream.scale = otr_geometric_scale(likeliest);
    for (size_t i = 0; i < count && status == OTR_OK; i++) {
        const double rarer = otr_rarer_probability(errors[i].probability);
        if (rarer > 0 && otr_error_stream_of(rarer) == id) {
            status = place_error(sampler, &errors[i], likeliest);
        }
    }
    stream.count = sampler->error_count - stream.first;
    if (!OTR_ARRAY_GROW(sampler->streams, sampler->stream_count, sampler->stream_capacity)) {
        return OTR_ERR_MEMORY;
    }
    sampler->streams[sampler->stream_count++] = stream;
    return status;
}

static otr_status make_template(round_build *work, uint32_t layer) {
    otr_round_sampler *const sampler = work->sampler;
    const raw_error *const errors = work->errors + work->error_begin[layer];
    const size_t count = work->error_begin[layer + 1] - work->error_begin[layer];
    layer_template *const made = &sampler->templates[sampler->template_count++];
    bool has_stream[OTR_ERROR_STREAMS] = {false};
    otr_status status = OTR_OK;
    *made = (layer_template){.detector_count = work->layers.begin[layer + 1] - work->layers.begin[layer],
                             .first_stream = sampler->stream_count,
                             .first_certain = sampler->error_count};
    for (size_t i = 0; i < count && status == OTR_OK; i++) {
        const double rarer = otr_rarer_probability(errors[i].probability);
        if (rarer > 0) {
            has_stream[otr_error_stream_of(rarer)] = true;
        }
        if (errors[i].probability > 0.5) {
            status = place_error(sampler, &errors[i], 1);
        }
    }
    made->certain_count = sampler->error_count - made->first_certain;
    for (uint32_t id = 0; id < OTR_ERROR_STREAMS && status == OTR_OK; id++) {
        status = has_stream[id] ? make_stream(sampler, errors, count, id) : OTR_OK;
    }
    made->stream_count = sampler->stream_count - made->first_stream;
    return status;
}

static otr_status make_templates(round_build *work) {
    otr_round_sampler *const sampler = work->sampler;
    const otr_bulk bulk = sampler->bulk;
    otr_status status = OTR_OK;
    sampler->templates =
        otr_array_new((size_t)bulk.begin + bulk.period + sampler->tail, sizeof *sampler->templates);
    if (sampler->templates == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t layer = 0; layer < bulk.begin + bulk.period && status == OTR_OK; layer++) {
        status = make_template(work, layer);
    }
    for (uint32_t layer = bulk.end; layer < sampler->layer_count && status == OTR_OK; layer++) {
        status = make_template(work, layer);
    }
    return status;
}
