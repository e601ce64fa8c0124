/* Sampling a detector error model.
 *
 * Time is cut into blocks of 256 shots, and the errors are dealt into streams by probability: four streams
 * for each power of two, one for all that is rarer than 2^-32. A stream and a block make a table of cells
 * (error, shot). All cells of the stream are given the largest probability p of its errors, so the successes
 * among them are found by geometric skips, one logarithm for each success instead of one coin for each cell;
 * a success of an error that is less likely, q < p, is then kept with probability q/p. So the cost of a block
 * grows with the errors that fire, and the number of streams is bounded even if every error has a probability
 * of its own.
 *
 * An error more likely than 1/2 is counted as fired in every shot, and its failures are sampled instead. A
 * fired error flips the bits of its symptoms directly in the caller's rows, which are few enough in a block
 * to stay in the cache.
 *
 * Success number k of a stream uses the random words of counter (block; stream, k) under the key seed.
 * Nothing else enters, so any part of any block can be made again anywhere. */
#include "outrider/sampler.h"

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/random.h"

#include <stdlib.h>

#define BLOCK_SHOTS OTR_SAMPLER_BLOCK_SHOTS
#define STREAM_COUNT 128
#define STREAM_RARE (STREAM_COUNT - 1)
#define RARE_PROBABILITY 2.3283064365386962890625e-10 /* 2^-32 */
/* The place of the stream in the low half of the counter, above the number of the success. */
#define STREAM_SHIFT 48
#define TWO_64 18446744073709551616.0

/* One target: a detector, or an observable with this bit. */
#define TARGET_OBSERVABLE 0x80000000u

typedef struct sampled_error {
    uint64_t limit; /* kept if a uniform word is not above it: probability over the stream's probability */
    uint32_t first; /* its targets end where the next error's begin */
    uint32_t index; /* in walk order */
} sampled_error;

typedef struct sampled_stream {
    uint32_t id;
    size_t first; /* of its errors */
    size_t count;
    double probability; /* of its likeliest error */
    double scale;
} sampled_stream;

struct otr_sampler {
    const otr_kernels *kernels;
    uint64_t seed;
    uint64_t detector_count, observable_count, error_count;
    sampled_stream *streams; /* those that have errors */
    size_t stream_count;
    sampled_error *errors; /* by stream, then in walk order; one more ends the last one's targets */
    uint32_t *targets;
    uint8_t *base_detectors, *base_observables,
        *base_errors; /* a shot in which exactly the likely errors fire */
};

/* The rows of one block that the caller wants: shots first .. first + count - 1 of the block. */
typedef struct block_rows {
    uint64_t block;
    uint32_t first, count;
    uint8_t *detectors, *observables, *errors;
    size_t detector_stride, observable_stride, error_stride;
} block_rows;

/* What building needs besides the sampler. */
typedef struct sampler_build {
    otr_sampler *sampler;
    const otr_model *model;
    sampled_stream streams[STREAM_COUNT];
    size_t next[STREAM_COUNT];          /* place of the stream's next error */
    uint64_t next_target[STREAM_COUNT]; /* at first the number of the stream's targets */
    uint32_t *symptoms;                 /* of the error at hand */
    size_t symptom_count, symptom_capacity;
} sampler_build;

static otr_status check_sizes(const otr_sampler *sampler, otr_error *error);
static otr_status build(sampler_build *build, otr_error *error);
static otr_status visit_errors(sampler_build *build, otr_status (*visit)(sampler_build *, uint64_t, double));
static otr_status count_error(sampler_build *build, uint64_t index, double probability);
static otr_status place_streams(sampler_build *build);
static otr_status place_error(sampler_build *build, uint64_t index, double probability);
static void sample_stream(const otr_sampler *sampler, const sampled_stream *stream, const block_rows *rows);
static int range_is_valid(const otr_sampler *sampler, uint64_t first_shot, size_t shot_count,
                          const block_rows *rows);
static void start_rows(uint8_t *rows, size_t stride, size_t count, const uint8_t *base, uint64_t bits);

otr_sampler_options otr_sampler_options_default(void) {
    const otr_sampler_options options = {0, OTR_ISA_AUTO};
    return options;
}

otr_status otr_sampler_create(otr_sampler **out, const otr_model *model, const otr_sampler_options *options,
                              otr_error *error) {
    otr_sampler_options chosen = options != NULL ? *options : otr_sampler_options_default();
    const otr_kernels *kernels = otr_kernels_for(chosen.isa);
    sampler_build work = {0};
    otr_status status;
    if (out == NULL || model == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "out and model must not be NULL");
    }
    if (kernels == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "instruction set %s is not available here",
                             otr_isa_name(chosen.isa));
    }
    work.model = model;
    work.sampler = otr_array_zeroed(1, sizeof *work.sampler);
    if (work.sampler == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    work.sampler->kernels = kernels;
    work.sampler->seed = chosen.seed;
    work.sampler->detector_count = otr_model_detector_count(model);
    work.sampler->observable_count = otr_model_observable_count(model);
    work.sampler->error_count = otr_model_error_count(model);
    status = build(&work, error);
    free(work.symptoms);
    if (status != OTR_OK) {
        otr_sampler_destroy(work.sampler);
        return status;
    }
    *out = work.sampler;
    return OTR_OK;
}

void otr_sampler_destroy(otr_sampler *sampler) {
    if (sampler != NULL) {
        free(sampler->streams);
        free(sampler->errors);
        free(sampler->targets);
        free(sampler->base_detectors);
        free(sampler->base_observables);
        free(sampler->base_errors);
        free(sampler);
    }
}

uint64_t otr_sampler_detector_count(const otr_sampler *sampler) {
    return sampler->detector_count;
}

uint64_t otr_sampler_observable_count(const otr_sampler *sampler) {
    return sampler->observable_count;
}

uint64_t otr_sampler_error_count(const otr_sampler *sampler) {
    return sampler->error_count;
}

otr_status otr_sampler_sample(otr_sampler *sampler, uint64_t first_shot, size_t shot_count,
                              uint8_t *detectors, size_t detector_stride, uint8_t *observables,
                              size_t observable_stride, uint8_t *errors, size_t error_stride) {
    block_rows rows = {.detectors = detectors,
                       .observables = observables,
                       .errors = errors,
                       .detector_stride = detector_stride,
                       .observable_stride = observable_stride,
                       .error_stride = error_stride};
    if (sampler == NULL || !range_is_valid(sampler, first_shot, shot_count, &rows)) {
        return OTR_ERR_ARGUMENT;
    }
    while (shot_count > 0) {
        rows.block = first_shot / BLOCK_SHOTS;
        rows.first = (uint32_t)(first_shot % BLOCK_SHOTS);
        rows.count = BLOCK_SHOTS - rows.first;
        if (rows.count > shot_count) {
            rows.count = (uint32_t)shot_count;
        }
        start_rows(rows.detectors, detector_stride, rows.count, sampler->base_detectors,
                   sampler->detector_count);
        start_rows(rows.observables, observable_stride, rows.count, sampler->base_observables,
                   sampler->observable_count);
        start_rows(rows.errors, error_stride, rows.count, sampler->base_errors, sampler->error_count);
        for (size_t i = 0; i < sampler->stream_count; i++) {
            sample_stream(sampler, &sampler->streams[i], &rows);
        }
        first_shot += rows.count;
        shot_count -= rows.count;
        rows.detectors = detectors != NULL ? rows.detectors + rows.count * detector_stride : NULL;
        rows.observables = observables != NULL ? rows.observables + rows.count * observable_stride : NULL;
        rows.errors = errors != NULL ? rows.errors + rows.count * error_stride : NULL;
    }
    return OTR_OK;
}

static int range_is_valid(const otr_sampler *sampler, uint64_t first_shot, size_t shot_count,
                          const block_rows *rows) {
    return shot_count <= UINT64_MAX - first_shot &&
           (rows->detectors == NULL ||
            rows->detector_stride >= otr_bytes_for_bits(sampler->detector_count)) &&
           (rows->observables == NULL ||
            rows->observable_stride >= otr_bytes_for_bits(sampler->observable_count)) &&
           (rows->errors == NULL || rows->error_stride >= otr_bytes_for_bits(sampler->error_count));
}

static void start_rows(uint8_t *rows, size_t stride, size_t count, const uint8_t *base, uint64_t bits) {
    if (rows != NULL) {
        for (size_t i = 0; i < count; i++) {
            memcpy(rows + i * stride, base, otr_bytes_for_bits(bits));
        }
    }
}

static inline void fire(const otr_sampler *sampler, const sampled_error *fired, const block_rows *rows,
                        uint32_t row) {
    for (uint32_t i = fired[0].first; i < fired[1].first; i++) {
        const uint32_t target = sampler->targets[i];
        if ((target & TARGET_OBSERVABLE) == 0) {
            if (rows->detectors != NULL) {
                otr_bit_flip(rows->detectors + row * rows->detector_stride, target);
            }
        } else if (rows->observables != NULL) {
            otr_bit_flip(rows->observables + row * rows->observable_stride, target ^ TARGET_OBSERVABLE);
        }
    }
    if (rows->errors != NULL) {
        otr_bit_flip(rows->errors + row * rows->error_stride, fired->index);
    }
}

static void sample_stream(const otr_sampler *sampler, const sampled_stream *stream, const block_rows *rows) {
    const sampled_error *const errors = sampler->errors + stream->first;
    const uint64_t cells = (uint64_t)stream->count * BLOCK_SHOTS;
    uint64_t words[2 * OTR_RANDOM_LANES];
    uint64_t skips[OTR_RANDOM_LANES];
    uint64_t counter = (uint64_t)stream->id << STREAM_SHIFT;
    uint64_t cell = 0;
    for (;; counter += OTR_RANDOM_LANES) {
        sampler->kernels->random_words(sampler->seed, rows->block, counter, words);
        sampler->kernels->geometric_skips(words, stream->scale, skips);
        for (uint32_t lane = 0; lane < OTR_RANDOM_LANES; lane++, cell++) {
            cell += skips[lane];
            if (cell >= cells) {
                return;
            }
            const sampled_error *const hit = &errors[cell / BLOCK_SHOTS];
            const uint32_t row = (uint32_t)(cell % BLOCK_SHOTS) - rows->first;
            if (row < rows->count && words[OTR_RANDOM_LANES + lane] <= hit->limit) {
                fire(sampler, hit, rows, row);
            }
        }
    }
}

static otr_status build(sampler_build *work, otr_error *error) {
    otr_sampler *sampler = work->sampler;
    otr_status status = check_sizes(sampler, error);
    if (status != OTR_OK) {
        return status;
    }
    sampler->base_detectors = otr_array_zeroed(otr_bytes_for_bits(sampler->detector_count), 1);
    sampler->base_observables = otr_array_zeroed(otr_bytes_for_bits(sampler->observable_count), 1);
    sampler->base_errors = otr_array_zeroed(otr_bytes_for_bits(sampler->error_count), 1);
    if (sampler->base_detectors == NULL || sampler->base_observables == NULL ||
        sampler->base_errors == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = visit_errors(work, count_error);
    if (status == OTR_OK) {
        status = place_streams(work);
    }
    if (status == OTR_OK) {
        status = visit_errors(work, place_error);
    }
    if (status == OTR_ERR_LIMIT) {
        return otr_error_set(error, status, 0, 0, "the errors have more than 2^32 targets");
    }
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
}

static otr_status check_sizes(const otr_sampler *sampler, otr_error *error) {
    if (sampler->error_count > OTR_SAMPLER_ERRORS_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the model unfolds to %llu errors, at most %u can be sampled",
                             (unsigned long long)sampler->error_count, OTR_SAMPLER_ERRORS_MAX);
    }
    if (sampler->detector_count > OTR_SAMPLER_INDEX_MAX ||
        sampler->observable_count > OTR_SAMPLER_INDEX_MAX) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the model has %llu detectors and %llu observables, at most %u can be sampled",
                             (unsigned long long)sampler->detector_count,
                             (unsigned long long)sampler->observable_count, OTR_SAMPLER_INDEX_MAX);
    }
    return OTR_OK;
}

static int compare_targets(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Lists the targets that an odd number of the error's components name, detectors first. */
static otr_status list_symptoms(sampler_build *work, const otr_instruction *instruction) {
    size_t count = 0, kept = 0;
    if (!otr_array_reserve((void **)&work->symptoms, &work->symptom_capacity, instruction->target_count,
                           sizeof *work->symptoms)) {
        return OTR_ERR_MEMORY;
    }
    for (uint64_t i = 0; i < instruction->target_count; i++) {
        const uint64_t target = instruction->targets[i];
        if (target != OTR_TARGET_SEPARATOR) {
            work->symptoms[count++] =
                (uint32_t)target | ((target & OTR_TARGET_OBSERVABLE) != 0 ? TARGET_OBSERVABLE : 0);
        }
    }
    if (count > 1) {
        qsort(work->symptoms, count, sizeof *work->symptoms, compare_targets);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && work->symptoms[kept - 1] == work->symptoms[i]) {
            kept--;
        } else {
            work->symptoms[kept++] = work->symptoms[i];
        }
    }
    work->symptom_count = kept;
    return OTR_OK;
}

/* Calls `visit` with the index and probability of every error, its symptoms listed. */
static otr_status visit_errors(sampler_build *work, otr_status (*visit)(sampler_build *, uint64_t, double)) {
    otr_model_walk *walk;
    otr_instruction instruction;
    uint64_t index = 0;
    otr_status status = otr_model_walk_create(&walk, work->model);
    if (status != OTR_OK) {
        return status;
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &instruction)) {
        if (instruction.kind == OTR_INSTRUCTION_ERROR) {
            status = list_symptoms(work, &instruction);
            if (status == OTR_OK) {
                status = visit(work, index++, instruction.arguments[0]);
            }
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

/* Of an error, or of its not firing if that is less likely. */
static double rarer_probability(double probability) {
    return probability > 0.5 ? 1.0 - probability : probability;
}

/* Four streams for each power of two: probabilities of one stream share exponent and two bits of the
 * mantissa. */
static uint32_t stream_of(double probability) {
    const uint64_t steps = (otr_bits_of_double(0.5) >> 50) - (otr_bits_of_double(probability) >> 50);
    return steps < STREAM_RARE ? (uint32_t)steps : STREAM_RARE;
}

static otr_status count_error(sampler_build *work, uint64_t index, double probability) {
    const double rarer = rarer_probability(probability);
    if (probability > 0.5) {
        for (size_t i = 0; i < work->symptom_count; i++) {
            const uint32_t target = work->symptoms[i];
            if ((target & TARGET_OBSERVABLE) == 0) {
                otr_bit_flip(work->sampler->base_detectors, target);
            } else {
                otr_bit_flip(work->sampler->base_observables, target ^ TARGET_OBSERVABLE);
            }
        }
        otr_bit_flip(work->sampler->base_errors, index);
    }
    if (rarer > 0) {
        const uint32_t id = stream_of(rarer);
        sampled_stream *stream = &work->streams[id];
        stream->count++;
        work->next_target[id] += work->symptom_count;
        if (stream->probability < rarer) {
            stream->probability = rarer;
        }
    }
    return OTR_OK;
}

/* With the streams' sizes known: gives every stream its place. */
static otr_status place_streams(sampler_build *work) {
    otr_sampler *sampler = work->sampler;
    size_t errors = 0;
    uint64_t targets = 0;
    sampler->streams = otr_array_new(STREAM_COUNT, sizeof *sampler->streams);
    if (sampler->streams == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t id = 0; id < STREAM_COUNT; id++) {
        sampled_stream *stream = &work->streams[id];
        const uint64_t stream_targets = work->next_target[id];
        work->next[id] = errors;
        work->next_target[id] = targets;
        targets += stream_targets;
        if (targets > UINT32_MAX) {
            return OTR_ERR_LIMIT;
        }
        if (stream->count > 0) {
            if (id == STREAM_RARE) {
                stream->probability = RARE_PROBABILITY;
            }
            stream->id = id;
            stream->first = errors;
            stream->scale = otr_geometric_scale(stream->probability);
            sampler->streams[sampler->stream_count++] = *stream;
        }
        errors += stream->count;
    }
    sampler->errors = otr_array_zeroed(errors + 1, sizeof *sampler->errors);
    sampler->targets = otr_array_new((size_t)targets, sizeof *sampler->targets);
    if (sampler->errors == NULL || sampler->targets == NULL) {
        return OTR_ERR_MEMORY;
    }
    sampler->errors[errors].first = (uint32_t)targets;
    return OTR_OK;
}

static otr_status place_error(sampler_build *work, uint64_t index, double probability) {
    const double rarer = rarer_probability(probability);
    if (rarer > 0) {
        const uint32_t id = stream_of(rarer);
        const double kept = rarer / work->streams[id].probability;
        sampled_error *placed = &work->sampler->errors[work->next[id]++];
        placed->limit = kept < 1 ? (uint64_t)(kept * TWO_64) : UINT64_MAX;
        placed->first = (uint32_t)work->next_target[id];
        placed->index = (uint32_t)index;
        if (work->symptom_count > 0) {
            memcpy(work->sampler->targets + placed->first, work->symptoms,
                   work->symptom_count * sizeof *work->symptoms);
        }
        work->next_target[id] += work->symptom_count;
    }
    return OTR_OK;
}
