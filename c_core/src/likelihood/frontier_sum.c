/* A state is a set of open detectors that still need a flip, and the observables flipped so far; its weight
 * is the summed weight of all sets of errors that lead to it. An error leads from each state to another one.
 * When a detector is closed, states in which it needs a flip are gone.
 *
 * Which states are worth keeping is not seen from their weights alone: an open detector that needs a flip
 * will cost one more error. So the weights that are compared have a factor for each of them: the probability
 * that an odd number of the errors to come flips it, over that of an even number, from belief propagation.
 * The factors are kept inside the weights and changed where they change; what is left of them at the end is
 * nothing, since no detector is open. */
#include "likelihood/frontier_sum.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/logarithm.h"

#define NONE UINT32_MAX
/* Words of a state. */
#define WORDS_MAX ((OTR_TRELLIS_OPEN_MAX + OTR_TRELLIS_OBSERVABLES_MAX + 63) / 64)
/* Classes whose heaviest states are told apart by the first observables only. */
#define CLASSES 16
/* Factors of open detectors stay within this and its inverse. */
#define FACTOR_MIN 1e-9
/* The factor of one that nothing will flip. */
#define NEVER 1e-18
/* Room for states within a step, over those that are kept after it. */
#define GROWTH 16
#define SPARE_STATES 1024
/* Detectors of an error whose patterns in a state are looked up; behind them, the class if there are two. */
#define LOOKUP_MAX (OTR_STATE_BITS - 1)
/* Bounds by quotients are this much lower than the products that decide. */
#define SLACK 0.999
/* Weights are sorted into buckets, 4 for each factor of 2. */
#define BUCKETS 512
#define BUCKET_SHIFT 50

typedef struct run {
    const otr_kernels *kernels;
    otr_frontier_space *space;
    const otr_frontier *part;
    const uint8_t *fired;
    const double *messages;
    const otr_trellis_budget *budget;
    uint32_t class_shift;
    size_t count;      /* of states */
    size_t table_mask; /* of what is used of the table */
    uint32_t class_count;
    double most[CLASSES][2]; /* heaviest weight by whether the detector that is closed needs a flip */
    double threshold[CLASSES];
    uint64_t work;
    bool is_exact;
} run;

/* What the start of a step does to every state. */
typedef struct change {
    uint64_t opened[WORDS_MAX]; /* newly opened detectors that need a flip */
    uint64_t slots[WORDS_MAX];  /* those whose factor changes, by a ratio */
} change;

/* One error as it is applied. A pattern has a bit for each of its detectors, the one that is closed first:
 * whether a state needs a flip there. */
typedef struct applied_error {
    const uint64_t *mask;
    bool is_idle; /* it leads to no state that is kept */
    double odds;
    double expected; /* factor of the detector that is closed, once this error is through */
    uint32_t slots[OTR_TRELLIS_OPEN_MAX];
    uint32_t slot_count;
    /* With up to LOOKUP_MAX detectors. */
    double multiplier[1 << LOOKUP_MAX]; /* by pattern */
    otr_state_filter filter; /* by pattern and class: no weight up to this leads to one that is kept */
} applied_error;

static void start(run *run);
static inline void sweep(run *run, uint32_t words);
static void prepare_step(run *run, uint32_t step, change *change);
static void enter_step(run *run, uint32_t step, const change *change, uint32_t words);
static void apply_errors(run *run, uint32_t step, uint32_t words);
static void close_detector(run *run, uint32_t step, uint32_t words);

otr_status otr_frontier_space_init(otr_frontier_space *space, uint32_t states_max,
                                   const otr_kernels *kernels) {
    size_t table_size = SPARE_STATES;
    *space = (otr_frontier_space){.kernels = kernels, .capacity = (size_t)states_max * GROWTH + SPARE_STATES};
    while (table_size < 2 * space->capacity) {
        table_size *= 2;
    }
    space->table_size = table_size;
    space->weights = otr_array_new(space->capacity, sizeof *space->weights);
    space->places = otr_array_new(space->capacity, sizeof *space->places);
    space->new_weights = otr_array_new(space->capacity, sizeof *space->new_weights);
    space->selected = otr_array_new(space->capacity + OTR_INDEX_SLACK, sizeof *space->selected);
    space->table = otr_array_new(space->table_size, sizeof *space->table);
    if (space->weights == NULL || space->places == NULL || space->new_weights == NULL ||
        space->selected == NULL || space->table == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < space->table_size; i++) {
        space->table[i] = NONE;
    }
    return OTR_OK;
}

otr_status otr_frontier_space_fit(otr_frontier_space *space, const otr_frontier_list *list) {
    size_t words = 1, slots = 0, incidences = 0, steps = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const otr_frontier *const part = &list->parts[i];
        const size_t count = part->incidence_begin[part->step_count];
        words = part->words > words ? part->words : words;
        slots = part->slot_count > slots ? part->slot_count : slots;
        incidences = count > incidences ? count : incidences;
        steps = part->step_count > steps ? part->step_count : steps;
    }
    return otr_array_reserve((void **)&space->keys, &space->key_capacity, space->capacity * words,
                             sizeof *space->keys) &&
                   otr_array_reserve((void **)&space->new_keys, &space->new_key_capacity,
                                     space->capacity * words, sizeof *space->new_keys) &&
                   otr_array_reserve((void **)&space->expected, &space->expected_capacity, incidences,
                                     sizeof *space->expected) &&
                   otr_array_reserve((void **)&space->factors, &space->factor_capacity, slots,
                                     sizeof *space->factors) &&
                   otr_array_reserve((void **)&space->ratios, &space->ratio_capacity, slots,
                                     sizeof *space->ratios) &&
                   otr_array_reserve((void **)&space->next, &space->next_capacity, steps, sizeof *space->next)
               ? OTR_OK
               : OTR_ERR_MEMORY;
}

void otr_frontier_space_free(otr_frontier_space *space) {
    free(space->keys);
    free(space->weights);
    free(space->places);
    free(space->new_keys);
    free(space->new_weights);
    free(space->selected);
    free(space->table);
    free(space->expected);
    free(space->factors);
    free(space->ratios);
    free(space->next);
    *space = (otr_frontier_space){0};
}

size_t otr_frontier_space_bytes(const otr_frontier_space *space) {
    return space->capacity * (2 * sizeof *space->weights + sizeof *space->places + sizeof *space->selected) +
           space->table_size * sizeof *space->table +
           (space->key_capacity + space->new_key_capacity) * sizeof *space->keys +
           (space->expected_capacity + space->factor_capacity + space->ratio_capacity) *
               sizeof *space->expected +
           space->next_capacity * sizeof *space->next;
}

otr_frontier_result otr_frontier_sum(otr_frontier_space *space, const otr_frontier *part,
                                     uint32_t class_shift, const uint8_t *fired, const double *messages,
                                     const otr_trellis_budget *budget) {
    run run = {.kernels = space->kernels,
               .space = space,
               .part = part,
               .fired = fired,
               .messages = messages,
               .budget = budget,
               .class_shift = class_shift,
               .class_count = class_shift > 60 ? 1u << (64 - class_shift) : CLASSES,
               .count = 1,
               .is_exact = budget->cutoff == 0};
    start(&run);
    switch (part->words) {
    case 1:
        sweep(&run, 1);
        break;
    case 2:
        sweep(&run, 2);
        break;
    default:
        sweep(&run, part->words);
    }
    return (otr_frontier_result){.class_count = run.count, .work = run.work, .is_exact = run.is_exact};
}

/* A sweep over all steps. Calls with a constant number of words are compiled for it. */
static inline void sweep(run *run, uint32_t words) {
    memset(run->space->keys, 0, words * sizeof *run->space->keys);
    for (uint32_t step = 0; step < run->part->step_count && run->count > 0; step++) {
        change change;
        prepare_step(run, step, &change);
        enter_step(run, step, &change, words);
        apply_errors(run, step, words);
        close_detector(run, step, words);
    }
    /* Of the states of the end, which differ in the observables alone, the last words are all. */
    for (size_t i = 0; i < run->count; i++) {
        run->space->keys[i] = run->space->keys[i * words + words - 1];
    }
}

/* The first state, and what is expected of the errors to come. */
static void start(run *run) {
    const otr_frontier *const part = run->part;
    otr_frontier_space *const space = run->space;
    for (uint32_t step = 0; step < part->step_count; step++) {
        double product = 1;
        space->next[step] = part->incidence_begin[step];
        for (uint32_t i = part->incidence_begin[step + 1]; i-- > part->incidence_begin[step];) {
            product *= run->messages[i];
            space->expected[i] = product;
        }
    }
    for (uint32_t slot = 0; slot < part->slot_count; slot++) {
        space->factors[slot] = 1;
    }
    space->weights[0] = 1;
}

/* The factor of an open detector whose errors to come have this product of messages. */
static double factor_of(double product) {
    const double factor = (1 - product) / (1 + product);
    if (factor < FACTOR_MIN) {
        return FACTOR_MIN;
    }
    return factor <= 1 / FACTOR_MIN ? factor : 1 / FACTOR_MIN;
}

/* What is expected of the errors of a detector from this incidence on. */
static double expected_from(const run *run, uint32_t step, uint32_t incidence) {
    return incidence < run->part->incidence_begin[step + 1] ? run->space->expected[incidence] : 1;
}

static void set_factor(run *run, uint32_t slot, double factor, change *change) {
    run->space->ratios[slot] = factor / run->space->factors[slot];
    run->space->factors[slot] = factor;
    change->slots[slot / 64] |= (uint64_t)1 << slot % 64;
}

/* Finds how the factors change: to what is expected of errors after this step; that of the detector that is
 * closed is left out, and judged error by error. */
static void prepare_step(run *run, uint32_t step, change *change) {
    const otr_frontier *const part = run->part;
    const uint32_t later = part->error_begin[step + 1];
    memset(change, 0, sizeof *change);
    for (uint32_t i = part->opened_begin[step]; i < part->opened_begin[step + 1]; i++) {
        const uint32_t slot = part->slot[part->opened[i]];
        run->space->factors[slot] = 1;
        if (run->fired[part->opened[i]]) {
            change->opened[slot / 64] |= (uint64_t)1 << slot % 64;
        }
    }
    for (uint32_t i = part->target_begin[part->error_begin[step]]; i < part->target_begin[later]; i++) {
        const uint32_t target = part->targets[i];
        uint32_t *const next = &run->space->next[target];
        const uint32_t end = part->incidence_begin[target + 1];
        if (target == step || *next == end || part->error_of[*next] >= later) {
            continue; /* the factor is up to date */
        }
        while (*next < end && part->error_of[*next] < later) {
            ++*next;
        }
        set_factor(run, part->slot[target], factor_of(expected_from(run, target, *next)), change);
    }
    set_factor(run, part->slot[step], 1, change);
}

static inline uint32_t class_of(const run *run, const uint64_t *key, uint32_t words) {
    return (uint32_t)(key[words - 1] >> run->class_shift) & (CLASSES - 1);
}

static inline bool has_slot(const uint64_t *key, uint32_t slot) {
    return (key[slot / 64] >> slot % 64 & 1) != 0;
}

/* Sets the threshold of each class from its heaviest state; one that is very light beside the others counts
 * for no class. Returns the heaviest of all. */
static double set_thresholds(run *run, const double *heaviest) {
    const double cutoff = run->budget->cutoff;
    double most = 0, floor;
    for (uint32_t i = 0; i < CLASSES; i++) {
        most = heaviest[i] > most ? heaviest[i] : most;
    }
    floor = most * cutoff * cutoff;
    for (uint32_t i = 0; i < CLASSES; i++) {
        const double own = heaviest[i] * cutoff;
        run->threshold[i] = own > floor ? own : floor;
    }
    return most;
}

/* Opens the detectors of the step in all states, and brings their factors up to date. */
static inline void enter_step(run *run, uint32_t step, const change *change, uint32_t words) {
    const otr_frontier *const part = run->part;
    const uint32_t closing = part->slot[step];
    const uint32_t error_count = part->error_begin[step + 1] - part->error_begin[step];
    const double needed = factor_of(expected_from(run, step, part->incidence_begin[step + 1] - error_count));
    double heaviest[CLASSES] = {0};
    memset(run->most, 0, sizeof run->most);
    for (size_t i = 0; i < run->count; i++) {
        uint64_t *const key = run->space->keys + i * words;
        double weight = run->space->weights[i];
        for (uint32_t word = 0; word < words; word++) {
            key[word] ^= change->opened[word];
            for (uint64_t bits = key[word] & change->slots[word]; bits != 0; bits &= bits - 1) {
                weight *= run->space->ratios[64 * word + otr_ctz64(bits)];
            }
        }
        run->space->weights[i] = weight;
        const uint32_t class = class_of(run, key, words);
        double *const most = &run->most[class][has_slot(key, closing)];
        *most = weight > *most ? weight : *most;
        weight = has_slot(key, closing) ? weight * needed : weight;
        heaviest[class] = weight > heaviest[class] ? weight : heaviest[class];
    }
    set_thresholds(run, heaviest);
}

/* Where a state is in the table, or where it would be. */
static inline size_t find_place(const run *run, const uint64_t *key, uint32_t words) {
    const otr_frontier_space *const space = run->space;
    uint64_t hash = 0;
    for (uint32_t word = 0; word < words; word++) {
        hash = (hash ^ key[word]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    size_t place = (size_t)(hash * 0xD6E8FEB86659FD93u >> 20) & run->table_mask;
    while (space->table[place] != NONE &&
           memcmp(space->keys + (size_t)space->table[place] * words, key, words * sizeof *key) != 0) {
        place = (place + 1) & run->table_mask;
    }
    return place;
}

static void empty_table(run *run) {
    for (size_t i = 0; i < run->count; i++) {
        run->space->table[run->space->places[i]] = NONE;
    }
}

/* Puts all states into a table with at least four places for each. */
static inline void fill_table(run *run, size_t wanted, uint32_t words) {
    size_t size = SPARE_STATES;
    while (size < 4 * wanted && size < run->space->table_size) {
        size *= 2;
    }
    run->table_mask = size - 1;
    for (size_t i = 0; i < run->count; i++) {
        const size_t place = find_place(run, run->space->keys + i * words, words);
        run->space->table[place] = (uint32_t)i;
        run->space->places[i] = (uint32_t)place;
    }
}

/* The class as a part of patterns: there is room for two of them. */
static inline uint32_t pattern_class(const run *run, uint32_t class) {
    return run->class_count == 2 ? class << LOOKUP_MAX : 0;
}

/* What an error multiplies weights by, pattern by pattern. */
static uint32_t set_multipliers(const run *run, uint32_t closing, applied_error *error) {
    uint32_t count = 1;
    error->multiplier[0] = error->odds;
    for (uint32_t i = 0; i < error->slot_count; i++, count *= 2) {
        /* A detector that needs a flip needs none after it, and the other way round. */
        const double factor = error->slots[i] != closing ? run->space->factors[error->slots[i]] : 1;
        for (uint32_t pattern = 0; pattern < count; pattern++) {
            error->multiplier[count + pattern] = error->multiplier[pattern] * (1 / factor);
            error->multiplier[pattern] *= factor;
        }
    }
    return count;
}

/* What weights need, and whether one has it; `count` patterns. */
static void set_filter(const run *run, applied_error *error, uint32_t count) {
    otr_state_filter *const filter = &error->filter;
    const uint32_t flipped = class_of(run, error->mask, run->part->words);
    for (uint32_t i = 0; i < LOOKUP_MAX; i++) {
        filter->turns[i] = i < error->slot_count ? (error->slots[i] - i) % 64 : 0;
        filter->bits[i] = (uint64_t)(i < error->slot_count) << i;
    }
    filter->turns[LOOKUP_MAX] = 63 - LOOKUP_MAX;
    filter->bits[LOOKUP_MAX] = pattern_class(run, 1);
    for (uint32_t from = 0; from < run->class_count; from++) {
        double *const needed = filter->needed + pattern_class(run, from);
        const double threshold = run->threshold[from ^ flipped] * SLACK;
        for (uint32_t pattern = 0; pattern < count; pattern++) {
            const double after = error->multiplier[pattern] * (pattern % 2 == 0 ? error->expected : 1);
            const double own = threshold / after;
            needed[pattern] =
                run->class_count <= 2 || from == 0 || own < needed[pattern] ? own : needed[pattern];
            error->is_idle = error->is_idle && run->most[from][pattern % 2] <= own;
        }
    }
}

static void prepare_error(const run *run, uint32_t step, uint32_t number, double expected,
                          applied_error *error) {
    const otr_frontier *const part = run->part;
    const uint32_t begin = part->target_begin[number];
    error->mask = part->masks + (size_t)number * part->words;
    error->odds = part->odds[number];
    error->expected = expected;
    error->slot_count = part->target_begin[number + 1] - begin;
    for (uint32_t i = 0; i < error->slot_count; i++) {
        error->slots[i] = part->slot[part->targets[begin + i]];
    }
    error->is_idle = error->slot_count <= LOOKUP_MAX;
    if (error->is_idle) {
        set_filter(run, error, set_multipliers(run, part->slot[step], error));
    }
}

/* The pattern of an error in a state. */
static inline uint32_t pattern_of(const applied_error *error, const uint64_t *key) {
    uint32_t pattern = 0;
    for (uint32_t i = 0; i < error->slot_count; i++) {
        pattern |= (uint32_t)has_slot(key, error->slots[i]) << i;
    }
    return pattern;
}

/* The weight that a state has after an error of many detectors. */
static double weight_after(const run *run, const applied_error *error, const uint64_t *key, double weight) {
    double product = weight * error->odds;
    for (uint32_t i = 1; i < error->slot_count; i++) {
        const double factor = run->space->factors[error->slots[i]];
        product *= has_slot(key, error->slots[i]) ? 1 / factor : factor;
    }
    return product;
}

/* Selects the states that an error can lead to one that is kept from, and perhaps some more. */
static inline size_t select_states(run *run, const applied_error *error, uint32_t words) {
    otr_frontier_space *const space = run->space;
    size_t count = 0;
    if (words == 1 && error->slot_count <= LOOKUP_MAX) {
        return run->kernels->filter_states(space->keys, space->weights, run->count, &error->filter,
                                           space->selected);
    }
    for (size_t i = 0; i < run->count; i++) {
        const uint64_t *const key = space->keys + i * words;
        space->selected[count] = (uint32_t)i;
        count +=
            error->slot_count > LOOKUP_MAX ||
            space->weights[i] >
                error->filter.needed[pattern_of(error, key) | pattern_class(run, class_of(run, key, words))];
    }
    return count;
}

/* Lists the states that one error leads to and that are heavy enough. */
static inline size_t list_new_states(run *run, const applied_error *error, uint32_t words) {
    otr_frontier_space *const space = run->space;
    const size_t selected = select_states(run, error, words);
    size_t count = 0;
    for (size_t i = 0; i < selected; i++) {
        const size_t from = space->selected[i];
        const uint64_t *const key = space->keys + from * words;
        uint64_t *const new_key = space->new_keys + count * words;
        double weight = error->slot_count <= LOOKUP_MAX
                            ? space->weights[from] * error->multiplier[pattern_of(error, key)]
                            : weight_after(run, error, key, space->weights[from]);
        for (uint32_t word = 0; word < words; word++) {
            new_key[word] = key[word] ^ error->mask[word];
        }
        space->new_weights[count] = weight;
        weight = has_slot(new_key, error->slots[0]) ? weight * error->expected : weight;
        count += weight > run->threshold[class_of(run, new_key, words)];
    }
    return count;
}

/* Adds the listed states to those that there are. */
static inline void add_new_states(run *run, size_t new_count, uint32_t closing, uint32_t words) {
    otr_frontier_space *const space = run->space;
    if (4 * (run->count + new_count) > 3 * (run->table_mask + 1) && run->table_mask + 1 < space->table_size) {
        empty_table(run);
        fill_table(run, run->count + new_count, words);
    }
    for (size_t i = 0; i < new_count; i++) {
        const uint64_t *const key = space->new_keys + i * words;
        const size_t place = find_place(run, key, words);
        size_t at = space->table[place];
        if (at == NONE) {
            if (run->count == space->capacity) {
                run->is_exact = false;
                continue;
            }
            at = run->count++;
            space->table[place] = (uint32_t)at;
            space->places[at] = (uint32_t)place;
            memcpy(space->keys + at * words, key, words * sizeof *key);
            space->weights[at] = 0;
        }
        space->weights[at] += space->new_weights[i];
        double *const most = &run->most[class_of(run, key, words)][has_slot(key, closing)];
        *most = space->weights[at] > *most ? space->weights[at] : *most;
    }
}

static inline void apply_errors(run *run, uint32_t step, uint32_t words) {
    const otr_frontier *const part = run->part;
    const uint32_t begin = part->error_begin[step], end = part->error_begin[step + 1];
    const uint32_t first = part->incidence_begin[step + 1] - (end - begin); /* of the closing detector */
    const bool is_pruned = run->budget->cutoff > 0;
    fill_table(run, 2 * run->count, words);
    for (uint32_t i = begin; i < end; i++) {
        applied_error error;
        /* After the last error nothing flips the detector any more. */
        double expected = 1;
        if (is_pruned) {
            expected = i + 1 < end ? factor_of(expected_from(run, step, first + (i - begin) + 1)) : NEVER;
        }
        prepare_error(run, step, i, expected, &error);
        run->work += run->count;
        if (!error.is_idle) {
            add_new_states(run, list_new_states(run, &error, words), error.slots[0], words);
        }
    }
    empty_table(run);
}

/* Keeps one state at another place. */
static inline void move_state(otr_frontier_space *space, size_t to, size_t from, uint32_t words) {
    for (uint32_t word = 0; word < words; word++) {
        space->keys[to * words + word] = space->keys[from * words + word];
    }
    space->weights[to] = space->weights[from];
}

/* The bucket of a weight that is at most `heaviest`: 0 for the heaviest. */
static uint32_t bucket_of(double weight, double heaviest) {
    const uint64_t below =
        (OTR_BITS_ONE >> BUCKET_SHIFT) - (otr_bits_of_double(weight / heaviest) >> BUCKET_SHIFT);
    return below < BUCKETS ? (uint32_t)below : BUCKETS - 1;
}

/* The first bucket of those that do not fit. */
static inline uint32_t find_limit(run *run, const double *heaviest, uint32_t words) {
    size_t buckets[BUCKETS] = {0};
    uint32_t limit = 0;
    for (size_t i = 0, kept = 0; i < run->count; i++) {
        const uint32_t class = class_of(run, run->space->keys + i * words, words);
        if (run->space->weights[i] > run->threshold[class]) {
            buckets[bucket_of(run->space->weights[i], heaviest[class])]++;
            kept++;
        }
        if (i + 1 == run->count && kept <= run->budget->states_max) {
            return BUCKETS;
        }
    }
    for (size_t sum = 0; limit < BUCKETS; limit++) {
        sum += buckets[limit];
        if (sum > run->budget->states_max) {
            break;
        }
    }
    return limit;
}

/* Leaves the states in which the detector needs no flip, those that are worth it, with weights near 1. */
static inline void close_detector(run *run, uint32_t step, uint32_t words) {
    otr_frontier_space *const space = run->space;
    const uint32_t closing = run->part->slot[step];
    double heaviest[CLASSES] = {0};
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (!has_slot(space->keys + i * words, closing)) {
            move_state(space, count, i, words);
            const uint32_t class = class_of(run, space->keys + count * words, words);
            heaviest[class] =
                space->weights[count] > heaviest[class] ? space->weights[count] : heaviest[class];
            count++;
        }
    }
    run->count = count;
    const double most = set_thresholds(run, heaviest);
    if (most == 0) {
        run->count = 0;
        return;
    }
    const uint32_t limit = count > run->budget->states_max ? find_limit(run, heaviest, words) : BUCKETS;
    /* A power of two, so that nothing is rounded. */
    const double scale =
        otr_double_of_bits((2 * (OTR_BITS_ONE >> 52) - (otr_bits_of_double(most) >> 52)) << 52);
    count = 0;
    for (size_t i = 0; i < run->count; i++) {
        const uint32_t class = class_of(run, space->keys + i * words, words);
        const bool fits = limit == BUCKETS || bucket_of(space->weights[i], heaviest[class]) < limit ||
                          (limit == 0 && count < run->budget->states_max);
        if (space->weights[i] > run->threshold[class] && fits) {
            move_state(space, count, i, words);
            space->weights[count++] *= scale;
        }
    }
    run->is_exact = run->is_exact && (limit == BUCKETS);
    run->count = count;
}
