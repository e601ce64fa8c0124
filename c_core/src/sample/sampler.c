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
 * to stay in the cache; likewise the edges of its components, by the rules of the matching graph.
 *
 * Success number k of a stream uses the random words of counter (block; stream, k) under the key seed.
 * Nothing else enters, so any part of any block can be made again anywhere. */
#include "outrider/sampler.h"

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/random.h"
#include "model/model_internal.h"
#include "model/symptoms.h"
#include "sample/error_streams.h"

#include <stdlib.h>

#define BLOCK_SHOTS OTR_SAMPLER_BLOCK_SHOTS
/* The place of the stream in the low half of the counter, above the number of the success. */
#define STREAM_SHIFT 48

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
    uint32_t edge_count;
    uint32_t *edge_begin; /* per error, and one more: into `edges`; NULL without a graph */
    uint32_t *edges;
    /* A shot in which exactly the likely errors fire. */
    uint8_t *base_detectors, *base_observables, *base_errors, *base_edges;
};

/* The rows of one block that the caller wants: shots first .. first + count - 1 of the block. */
typedef struct block_rows {
    uint64_t block;
    uint32_t first, count;
    otr_sampler_output output;
} block_rows;

/* What building needs besides the sampler. */
typedef struct sampler_build {
    otr_sampler *sampler;
    const otr_model *model;
    const otr_graph *graph; /* or NULL */
    sampled_stream streams[OTR_ERROR_STREAMS];
    size_t next[OTR_ERROR_STREAMS];          /* place of the stream's next error */
    uint64_t next_target[OTR_ERROR_STREAMS]; /* at first the number of the stream's targets */
    uint64_t next_edge[OTR_ERROR_STREAMS];   /* likewise */
    otr_index_list symptoms, edges;          /* of the error at hand */
    otr_index_list component;                /* scratch */
} sampler_build;

static otr_status check_sizes(const otr_sampler *sampler, const otr_graph *graph, otr_error *error);
static otr_status build(sampler_build *build, otr_error *error);
static otr_status visit_errors(sampler_build *build, otr_status (*visit)(sampler_build *, uint64_t, double));
static otr_status count_error(sampler_build *build, uint64_t index, double probability);
static otr_status place_streams(sampler_build *build);
static otr_status place_error(sampler_build *build, uint64_t index, double probability);
static void sample_stream(const otr_sampler *sampler, const sampled_stream *stream, const block_rows *rows);
static bool output_is_valid(const otr_sampler *sampler, const otr_sampler_output *output);
static void start_rows(const otr_bit_rows *rows, size_t count, const uint8_t *base, uint64_t bits);
static void advance_rows(otr_bit_rows *rows, size_t count);

otr_sampler_options otr_sampler_options_default(void) {
    const otr_sampler_options options = {0, OTR_ISA_AUTO, NULL};
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
    work.graph = chosen.graph;
    work.sampler = otr_array_zeroed(1, sizeof *work.sampler);
    if (work.sampler == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    work.sampler->kernels = kernels;
    work.sampler->seed = chosen.seed;
    work.sampler->detector_count = otr_model_detector_count(model);
    work.sampler->observable_count = otr_model_observable_count(model);
    work.sampler->error_count = otr_model_error_count(model);
    work.sampler->edge_count = work.graph != NULL ? otr_graph_edge_count(work.graph) : 0;
    status = build(&work, error);
    free(work.symptoms.items);
    free(work.edges.items);
    free(work.component.items);
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
        free(sampler->edge_begin);
        free(sampler->edges);
        free(sampler->base_detectors);
        free(sampler->base_observables);
        free(sampler->base_errors);
        free(sampler->base_edges);
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

uint32_t otr_sampler_edge_count(const otr_sampler *sampler) {
    return sampler->edge_count;
}

otr_status otr_sampler_sample(otr_sampler *sampler, uint64_t first_shot, size_t shot_count,
                              const otr_sampler_output *output) {
    block_rows rows;
    if (sampler == NULL || output == NULL || shot_count > UINT64_MAX - first_shot ||
        !output_is_valid(sampler, output)) {
        return OTR_ERR_ARGUMENT;
    }
    rows.output = *output;
    while (shot_count > 0) {
        rows.block = first_shot / BLOCK_SHOTS;
        rows.first = (uint32_t)(first_shot % BLOCK_SHOTS);
        rows.count = BLOCK_SHOTS - rows.first;
        if (rows.count > shot_count) {
            rows.count = (uint32_t)shot_count;
        }
        start_rows(&rows.output.detectors, rows.count, sampler->base_detectors, sampler->detector_count);
        start_rows(&rows.output.observables, rows.count, sampler->base_observables,
                   sampler->observable_count);
        start_rows(&rows.output.errors, rows.count, sampler->base_errors, sampler->error_count);
        start_rows(&rows.output.edges, rows.count, sampler->base_edges, sampler->edge_count);
        for (size_t i = 0; i < sampler->stream_count; i++) {
            sample_stream(sampler, &sampler->streams[i], &rows);
        }
        first_shot += rows.count;
        shot_count -= rows.count;
        advance_rows(&rows.output.detectors, rows.count);
        advance_rows(&rows.output.observables, rows.count);
        advance_rows(&rows.output.errors, rows.count);
        advance_rows(&rows.output.edges, rows.count);
    }
    return OTR_OK;
}

static bool rows_are_valid(const otr_bit_rows *rows, uint64_t bits) {
    return rows->bytes == NULL || rows->stride >= otr_bytes_for_bits(bits);
}

static bool output_is_valid(const otr_sampler *sampler, const otr_sampler_output *output) {
    return rows_are_valid(&output->detectors, sampler->detector_count) &&
           rows_are_valid(&output->observables, sampler->observable_count) &&
           rows_are_valid(&output->errors, sampler->error_count) &&
           rows_are_valid(&output->edges, sampler->edge_count) &&
           (output->edges.bytes == NULL || sampler->edge_begin != NULL);
}

static void start_rows(const otr_bit_rows *rows, size_t count, const uint8_t *base, uint64_t bits) {
    if (rows->bytes != NULL) {
        for (size_t i = 0; i < count; i++) {
            memcpy(rows->bytes + i * rows->stride, base, otr_bytes_for_bits(bits));
        }
    }
}

static void advance_rows(otr_bit_rows *rows, size_t count) {
    if (rows->bytes != NULL) {
        rows->bytes += count * rows->stride;
    }
}

static inline void fire(const otr_sampler *sampler, const sampled_error *fired,
                        const otr_sampler_output *output, uint32_t row) {
    uint8_t *const detectors = output->detectors.bytes;
    uint8_t *const observables = output->observables.bytes;
    for (uint32_t i = fired[0].first; i < fired[1].first; i++) {
        const uint32_t target = sampler->targets[i];
        if ((target & OTR_SYMPTOM_OBSERVABLE) == 0) {
            if (detectors != NULL) {
                otr_bit_flip(detectors + row * output->detectors.stride, target);
            }
        } else if (observables != NULL) {
            otr_bit_flip(observables + row * output->observables.stride, target ^ OTR_SYMPTOM_OBSERVABLE);
        }
    }
    if (output->errors.bytes != NULL) {
        otr_bit_flip(output->errors.bytes + row * output->errors.stride, fired->index);
    }
    if (output->edges.bytes != NULL) {
        const uint32_t *const begin = sampler->edge_begin + (fired - sampler->errors);
        for (uint32_t i = begin[0]; i < begin[1]; i++) {
            otr_bit_flip(output->edges.bytes + row * output->edges.stride, sampler->edges[i]);
        }
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
                fire(sampler, hit, &rows->output, row);
            }
        }
    }
}

static otr_status build(sampler_build *work, otr_error *error) {
    otr_sampler *sampler = work->sampler;
    otr_status status = check_sizes(sampler, work->graph, error);
    if (status != OTR_OK) {
        return status;
    }
    sampler->base_detectors = otr_array_zeroed(otr_bytes_for_bits(sampler->detector_count), 1);
    sampler->base_observables = otr_array_zeroed(otr_bytes_for_bits(sampler->observable_count), 1);
    sampler->base_errors = otr_array_zeroed(otr_bytes_for_bits(sampler->error_count), 1);
    sampler->base_edges = otr_array_zeroed(otr_bytes_for_bits(sampler->edge_count), 1);
    if (sampler->base_detectors == NULL || sampler->base_observables == NULL ||
        sampler->base_errors == NULL || sampler->base_edges == NULL) {
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
    if (status == OTR_ERR_INDEX) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "the graph lacks an edge of the model");
    }
    return status == OTR_OK ? OTR_OK : otr_error_set(error, status, 0, 0, "%s", otr_status_text(status));
}

static otr_status check_sizes(const otr_sampler *sampler, const otr_graph *graph, otr_error *error) {
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
    if (graph != NULL && (otr_graph_node_count(graph) != sampler->detector_count ||
                          otr_graph_observable_count(graph) != sampler->observable_count)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the graph has %u detectors and %u observables, the model %llu and %llu",
                             otr_graph_node_count(graph), otr_graph_observable_count(graph),
                             (unsigned long long)sampler->detector_count,
                             (unsigned long long)sampler->observable_count);
    }
    return OTR_OK;
}

/* Adds the edge of the listed component, if it has one. */
static otr_status add_edge_of_component(sampler_build *work, double probability) {
    const uint32_t *const nodes = work->component.items;
    size_t count = 0;
    uint32_t edge;
    while (count < work->component.count && (nodes[count] & OTR_SYMPTOM_OBSERVABLE) == 0) {
        count++;
    }
    if (count == 0 || count > 2) {
        return OTR_OK;
    }
    if (otr_graph_find_edge(work->graph, nodes[0], count == 2 ? nodes[1] : OTR_BOUNDARY, &edge) != OTR_OK) {
        /* Errors that never fire make no edge, and those that always do cancel out in pairs. */
        return probability > 0 && probability < 1 ? OTR_ERR_INDEX : OTR_OK;
    }
    return otr_index_append(&work->edges, edge) ? OTR_OK : OTR_ERR_MEMORY;
}

/* Lists the edges of the error's components; one that occurs twice will flip twice. */
static otr_status list_edges(sampler_build *work, const otr_instruction *instruction) {
    const uint64_t *const targets = instruction->targets;
    otr_status status = OTR_OK;
    uint64_t begin = 0;
    work->edges.count = 0;
    for (uint64_t i = 0; i <= instruction->target_count && status == OTR_OK; i++) {
        if (i == instruction->target_count || targets[i] == OTR_TARGET_SEPARATOR) {
            status = otr_list_symptoms(&work->component, targets + begin, i - begin);
            if (status == OTR_OK) {
                status = add_edge_of_component(work, instruction->arguments[0]);
            }
            begin = i + 1;
        }
    }
    return status;
}

/* Calls `visit` with the index and probability of every error, its symptoms and edges listed. */
static otr_status visit_errors(sampler_build *work, otr_status (*visit)(sampler_build *, uint64_t, double)) {
    otr_model_walk *walk;
    otr_instruction instruction;
    uint64_t index = 0;
    otr_status status = otr_model_walk_create_errors(&walk, work->model);
    if (status != OTR_OK) {
        return status;
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &instruction)) {
        if (instruction.kind == OTR_INSTRUCTION_ERROR) {
            status = otr_list_symptoms(&work->symptoms, instruction.targets, instruction.target_count);
            if (status == OTR_OK && work->graph != NULL) {
                status = list_edges(work, &instruction);
            }
            if (status == OTR_OK) {
                status = visit(work, index++, instruction.arguments[0]);
            }
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

/* Makes the error at hand fire in the base shot. */
static void fire_in_base(sampler_build *work, uint64_t index) {
    for (size_t i = 0; i < work->symptoms.count; i++) {
        const uint32_t target = work->symptoms.items[i];
        if ((target & OTR_SYMPTOM_OBSERVABLE) == 0) {
            otr_bit_flip(work->sampler->base_detectors, target);
        } else {
            otr_bit_flip(work->sampler->base_observables, target ^ OTR_SYMPTOM_OBSERVABLE);
        }
    }
    for (size_t i = 0; i < work->edges.count; i++) {
        otr_bit_flip(work->sampler->base_edges, work->edges.items[i]);
    }
    otr_bit_flip(work->sampler->base_errors, index);
}

static otr_status count_error(sampler_build *work, uint64_t index, double probability) {
    const double rarer = otr_rarer_probability(probability);
    if (probability > 0.5) {
        fire_in_base(work, index);
    }
    if (rarer > 0) {
        const uint32_t id = otr_error_stream_of(rarer);
        sampled_stream *stream = &work->streams[id];
        stream->count++;
        work->next_target[id] += work->symptoms.count;
        work->next_edge[id] += work->edges.count;
        if (stream->probability < rarer) {
            stream->probability = rarer;
        }
    }
    return OTR_OK;
}

/* Turns the streams' counts into the places of their first items; returns the total. */
static uint64_t place_items(uint64_t counts[OTR_ERROR_STREAMS]) {
    uint64_t total = 0;
    for (uint32_t id = 0; id < OTR_ERROR_STREAMS; id++) {
        const uint64_t count = counts[id];
        counts[id] = total;
        total += count;
    }
    return total;
}

/* With the streams' sizes known: gives every stream its place. */
static otr_status place_streams(sampler_build *work) {
    otr_sampler *sampler = work->sampler;
    const uint64_t targets = place_items(work->next_target);
    const uint64_t edges = place_items(work->next_edge);
    size_t errors = 0;
    if (targets > UINT32_MAX || edges > UINT32_MAX) {
        return OTR_ERR_LIMIT;
    }
    sampler->streams = otr_array_new(OTR_ERROR_STREAMS, sizeof *sampler->streams);
    if (sampler->streams == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t id = 0; id < OTR_ERROR_STREAMS; id++) {
        sampled_stream *stream = &work->streams[id];
        work->next[id] = errors;
        if (stream->count > 0) {
            stream->probability = otr_error_stream_probability(id, stream->probability);
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
    if (work->graph != NULL) {
        sampler->edge_begin = otr_array_zeroed(errors + 1, sizeof *sampler->edge_begin);
        sampler->edges = otr_array_new((size_t)edges, sizeof *sampler->edges);
        if (sampler->edge_begin == NULL || sampler->edges == NULL) {
            return OTR_ERR_MEMORY;
        }
        sampler->edge_begin[errors] = (uint32_t)edges;
    }
    return OTR_OK;
}

/* Copies a list behind what the stream has placed so far; returns where it begins. */
static uint32_t place_list(uint32_t *items, uint64_t *next, const otr_index_list *list) {
    const uint32_t begin = (uint32_t)*next;
    if (list->count > 0) {
        memcpy(items + begin, list->items, list->count * sizeof *items);
    }
    *next += list->count;
    return begin;
}

static otr_status place_error(sampler_build *work, uint64_t index, double probability) {
    const double rarer = otr_rarer_probability(probability);
    if (rarer > 0) {
        otr_sampler *const sampler = work->sampler;
        const uint32_t id = otr_error_stream_of(rarer);
        const size_t place = work->next[id]++;
        sampled_error *const placed = &sampler->errors[place];
        placed->limit = otr_error_limit(rarer, work->streams[id].probability);
        placed->index = (uint32_t)index;
        placed->first = place_list(sampler->targets, &work->next_target[id], &work->symptoms);
        if (work->graph != NULL) {
            sampler->edge_begin[place] = place_list(sampler->edges, &work->next_edge[id], &work->edges);
        }
    }
    return OTR_OK;
}
