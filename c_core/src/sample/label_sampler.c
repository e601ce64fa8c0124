/* Sampling the labels of the published pre-decoder.
 *
 * The ordinary sampler gives rows of label bits (label_model.h). Rows of 64 shots are transposed, so that a
 * word holds one bit of all of them; homological equivalence works on these words. Each output is a selection
 * of bits: gathered 64 at a time and transposed back into the caller's rows. */
#include "outrider/labels.h"

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "sample/homology.h"
#include "sample/label_model.h"

#include <stdlib.h>

#define BLOCK_SHOTS OTR_SAMPLER_BLOCK_SHOTS
#define WORD_SHOTS 64
/* Source of an output bit that is always 0. */
#define NO_BIT UINT32_MAX

/* Which label bit each bit of an output is. */
typedef struct selection {
    uint32_t *sources;
    size_t count;
} selection;

struct otr_label_sampler {
    const otr_kernels *kernels;
    otr_label_layout layout;
    bool equivalence;
    otr_sampler *faults;
    size_t word_count; /* bits of a shot, rounded up to whole blocks of a transposition */
    size_t row_stride;
    uint8_t *rows;   /* a block of shots */
    uint64_t *words; /* 64 of them, bit by bit */
    uint64_t *scratch;
    selection detectors, inputs, labels;
};

static otr_status build(otr_label_sampler *sampler, const otr_surface *surface,
                        const otr_label_options *options, otr_error *error);
static otr_status allocate(otr_label_sampler *sampler, uint64_t detector_count);
static void select_detectors(otr_label_sampler *sampler, const otr_patch *patch);
static void select_planes(otr_label_sampler *sampler);
static bool output_is_valid(const otr_label_sampler *sampler, const otr_label_output *output);
static void load_words(otr_label_sampler *sampler, uint32_t first_row, uint32_t row_count);
static void blank_events(otr_label_sampler *sampler);
static void store_rows(const otr_label_sampler *sampler, const selection *selected, otr_bit_rows *rows,
                       uint32_t row_count);

otr_label_options otr_label_options_default(void) {
    return (otr_label_options){.isa = OTR_ISA_AUTO, .equivalence = true};
}

otr_status otr_label_sampler_create(otr_label_sampler **out, const otr_surface *surface,
                                    const otr_label_options *options, otr_error *error) {
    const otr_label_options chosen = options != NULL ? *options : otr_label_options_default();
    otr_label_sampler *sampler;
    otr_status status;
    if (out == NULL || surface == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "out and surface must not be NULL");
    }
    if (surface->options.family == OTR_CIRCUIT_STIM) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "labels are defined for the circuits paper and paper-published only");
    }
    sampler = otr_array_zeroed(1, sizeof *sampler);
    if (sampler == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = build(sampler, surface, &chosen, error);
    if (status != OTR_OK) {
        otr_label_sampler_destroy(sampler);
        return status;
    }
    *out = sampler;
    return OTR_OK;
}

void otr_label_sampler_destroy(otr_label_sampler *sampler) {
    if (sampler != NULL) {
        otr_sampler_destroy(sampler->faults);
        otr_label_layout_free(&sampler->layout);
        free(sampler->rows);
        free(sampler->words);
        free(sampler->scratch);
        free(sampler->detectors.sources);
        free(sampler->inputs.sources);
        free(sampler->labels.sources);
        free(sampler);
    }
}

uint32_t otr_label_sampler_rounds(const otr_label_sampler *sampler) {
    return sampler->layout.rounds;
}

uint32_t otr_label_sampler_height(const otr_label_sampler *sampler) {
    return sampler->layout.height;
}

uint32_t otr_label_sampler_width(const otr_label_sampler *sampler) {
    return sampler->layout.width;
}

uint64_t otr_label_sampler_detector_count(const otr_label_sampler *sampler) {
    return sampler->detectors.count;
}

otr_status otr_label_sampler_sample(otr_label_sampler *sampler, uint64_t first_shot, size_t shot_count,
                                    const otr_label_output *output) {
    otr_label_output rest;
    if (sampler == NULL || output == NULL || shot_count > UINT64_MAX - first_shot ||
        !output_is_valid(sampler, output)) {
        return OTR_ERR_ARGUMENT;
    }
    rest = *output;
    while (shot_count > 0) {
        const uint32_t block_left = BLOCK_SHOTS - (uint32_t)(first_shot % BLOCK_SHOTS);
        const uint32_t count = block_left < shot_count ? block_left : (uint32_t)shot_count;
        const otr_sampler_output bits = {.detectors = {sampler->rows, sampler->row_stride},
                                         .observables = rest.observables};
        const otr_status status = otr_sampler_sample(sampler->faults, first_shot, count, &bits);
        if (status != OTR_OK) {
            return status;
        }
        for (uint32_t row = 0; row < count; row += WORD_SHOTS) {
            const uint32_t row_count = count - row < WORD_SHOTS ? count - row : WORD_SHOTS;
            load_words(sampler, row, row_count);
            store_rows(sampler, &sampler->detectors, &rest.detectors, row_count);
            blank_events(sampler);
            store_rows(sampler, &sampler->inputs, &rest.inputs, row_count);
            if (rest.labels.bytes != NULL && sampler->equivalence) {
                otr_homology_simplify(&sampler->layout, sampler->words, sampler->scratch);
            }
            store_rows(sampler, &sampler->labels, &rest.labels, row_count);
        }
        if (rest.observables.bytes != NULL) {
            rest.observables.bytes += count * rest.observables.stride;
        }
        first_shot += count;
        shot_count -= count;
    }
    return OTR_OK;
}

void otr_label_sampler_presence(const otr_label_sampler *sampler, float *planes) {
    const otr_label_layout *const layout = &sampler->layout;
    const size_t plane = (size_t)layout->rounds * layout->data_count;
    for (size_t i = 0; i < 2 * plane; i++) {
        planes[i] = 0;
    }
    for (uint32_t i = 0; i < layout->stabiliser_count; i++) {
        const otr_basis type = layout->basis[i];
        const uint32_t blank = type == layout->memory_basis ? 0 : 1;
        for (uint32_t round = blank; round + blank < layout->rounds; round++) {
            planes[type * plane + (size_t)round * layout->data_count + layout->cell[i]] =
                layout->weight[i] == OTR_CORNER_COUNT ? 1.0F : 0.5F;
        }
    }
}

static otr_status build(otr_label_sampler *sampler, const otr_surface *surface,
                        const otr_label_options *options, otr_error *error) {
    const otr_sampler_options sampling = {.seed = options->seed, .isa = options->isa};
    otr_model *model = NULL;
    otr_status status;
    sampler->kernels = otr_kernels_for(options->isa);
    if (sampler->kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "instruction set %s is not available here",
                             otr_isa_name(options->isa));
    }
    sampler->equivalence = options->equivalence;
    status = otr_label_layout_init(&sampler->layout, surface);
    if (status == OTR_OK && otr_label_bits(&sampler->layout) > OTR_LABELS_BITS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "a shot has %llu label bits, more than %u",
                             (unsigned long long)otr_label_bits(&sampler->layout), OTR_LABELS_BITS_MAX);
    }
    if (status == OTR_OK) {
        status = otr_label_model(surface, &sampler->layout, options->split_y, &model);
    }
    if (status == OTR_OK) {
        status = otr_sampler_create(&sampler->faults, model, &sampling, error);
        otr_model_destroy(model);
        if (status != OTR_OK) {
            return status;
        }
        status = allocate(sampler, otr_surface_detector_count(surface));
    }
    if (status != OTR_OK) {
        return otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
    }
    select_detectors(sampler, &surface->patch);
    select_planes(sampler);
    return OTR_OK;
}

static otr_status allocate(otr_label_sampler *sampler, uint64_t detector_count) {
    const otr_label_layout *const layout = &sampler->layout;
    const size_t plane = (size_t)layout->rounds * layout->data_count;
    sampler->word_count = (size_t)(otr_label_bits(layout) + WORD_SHOTS - 1) / WORD_SHOTS * WORD_SHOTS;
    sampler->row_stride = sampler->word_count / 8;
    sampler->detectors.count = (size_t)detector_count;
    sampler->inputs.count = 2 * plane;
    sampler->labels.count = 4 * plane;
    sampler->rows = otr_array_zeroed(BLOCK_SHOTS, sampler->row_stride);
    sampler->words = otr_array_new(sampler->word_count, sizeof *sampler->words);
    sampler->scratch =
        otr_array_new((size_t)layout->data_count + layout->stabiliser_count, sizeof *sampler->scratch);
    sampler->detectors.sources = otr_array_new(sampler->detectors.count, sizeof(uint32_t));
    sampler->inputs.sources = otr_array_new(sampler->inputs.count, sizeof(uint32_t));
    sampler->labels.sources = otr_array_new(sampler->labels.count, sizeof(uint32_t));
    if (sampler->rows == NULL || sampler->words == NULL || sampler->scratch == NULL ||
        sampler->detectors.sources == NULL || sampler->inputs.sources == NULL ||
        sampler->labels.sources == NULL) {
        return OTR_ERR_MEMORY;
    }
    return OTR_OK;
}

/* The readout agrees with the last round, which has no noise after the data flips: its detectors are 0. */
static void select_detectors(otr_label_sampler *sampler, const otr_patch *patch) {
    const otr_label_layout *const layout = &sampler->layout;
    uint32_t *source = sampler->detectors.sources;
    for (uint64_t layer = 0; layer <= layout->rounds; layer++) {
        const uint32_t count = otr_patch_layer_detectors(patch, layer, layout->rounds);
        for (uint32_t i = 0; i < count; i++) {
            const otr_stabiliser *stabiliser = otr_patch_layer_stabiliser(patch, layer, layout->rounds, i);
            const uint32_t event = otr_label_event((uint32_t)(stabiliser - patch->stabilisers));
            *source++ =
                layer == layout->rounds ? NO_BIT : (uint32_t)layer * otr_label_round_bits(layout) + event;
        }
    }
}

static void select_planes(otr_label_sampler *sampler) {
    const otr_label_layout *const layout = &sampler->layout;
    const size_t plane = (size_t)layout->rounds * layout->data_count;
    for (size_t i = 0; i < sampler->inputs.count; i++) {
        sampler->inputs.sources[i] = NO_BIT;
    }
    for (size_t i = 0; i < sampler->labels.count; i++) {
        sampler->labels.sources[i] = NO_BIT;
    }
    for (uint32_t round = 0; round < layout->rounds; round++) {
        const uint32_t first_bit = round * otr_label_round_bits(layout);
        uint32_t *const inputs = sampler->inputs.sources + (size_t)round * layout->data_count;
        uint32_t *const labels = sampler->labels.sources + (size_t)round * layout->data_count;
        for (uint32_t data = 0; data < layout->data_count; data++) {
            labels[data] = first_bit + otr_label_error(layout, OTR_BASIS_Z, data);
            labels[plane + data] = first_bit + otr_label_error(layout, OTR_BASIS_X, data);
        }
        for (uint32_t i = 0; i < layout->stabiliser_count; i++) {
            inputs[layout->basis[i] * plane + layout->cell[i]] = first_bit + otr_label_event(i);
            labels[(2 + layout->basis[i]) * plane + layout->cell[i]] =
                first_bit + otr_label_timelike(layout, i);
        }
    }
}

static bool rows_are_valid(const otr_bit_rows *rows, size_t bits) {
    return rows->bytes == NULL || rows->stride >= otr_bytes_for_bits(bits);
}

static bool output_is_valid(const otr_label_sampler *sampler, const otr_label_output *output) {
    return rows_are_valid(&output->detectors, sampler->detectors.count) &&
           rows_are_valid(&output->observables, 1) &&
           rows_are_valid(&output->inputs, sampler->inputs.count) &&
           rows_are_valid(&output->labels, sampler->labels.count);
}

static void load_words(otr_label_sampler *sampler, uint32_t first_row, uint32_t row_count) {
    const uint8_t *const rows = sampler->rows + (size_t)first_row * sampler->row_stride;
    for (size_t block = 0; block < sampler->word_count; block += WORD_SHOTS) {
        uint64_t *const words = sampler->words + block;
        for (uint32_t row = 0; row < WORD_SHOTS; row++) {
            words[row] = row < row_count ? otr_load_le64(rows + row * sampler->row_stride + block / 8) : 0;
        }
        sampler->kernels->transpose_64x64(words);
    }
}

/* Stabilisers that the first round cannot compare with anything, and the last with the readout, give no
 * events to the network, nor to the equivalence. */
static void blank_events(otr_label_sampler *sampler) {
    const otr_label_layout *const layout = &sampler->layout;
    uint64_t *const last = sampler->words + (size_t)(layout->rounds - 1) * otr_label_round_bits(layout);
    for (uint32_t i = 0; i < layout->stabiliser_count; i++) {
        if (layout->basis[i] != layout->memory_basis) {
            sampler->words[otr_label_event(i)] = 0;
            last[otr_label_event(i)] = 0;
        }
    }
}

/* Writes the selected bits of the shots, and moves *rows behind them. */
static void store_rows(const otr_label_sampler *sampler, const selection *selected, otr_bit_rows *rows,
                       uint32_t row_count) {
    if (rows->bytes == NULL) {
        return;
    }
    for (size_t first = 0; first < selected->count; first += WORD_SHOTS) {
        const size_t left = selected->count - first;
        const uint32_t bit_count = left < WORD_SHOTS ? (uint32_t)left : WORD_SHOTS;
        uint64_t words[WORD_SHOTS] = {0};
        for (uint32_t i = 0; i < bit_count; i++) {
            const uint32_t source = selected->sources[first + i];
            words[i] = source != NO_BIT ? sampler->words[source] : 0;
        }
        sampler->kernels->transpose_64x64(words);
        for (uint32_t row = 0; row < row_count; row++) {
            uint8_t bytes[sizeof(uint64_t)];
            otr_store_le64(bytes, words[row]);
            memcpy(rows->bytes + row * rows->stride + first / 8, bytes, otr_bytes_for_bits(bit_count));
        }
    }
    rows->bytes += row_count * rows->stride;
}
