/* Normalised min-sum belief propagation on the errors of the model, in integers (sum-product: Kschischang,
 * Frey and Loeliger 2001; min-sum: Fossorier, Mihaljevic and Imai 1999; normalised: Chen and Fossorier 2002;
 * its marginals as weights of matching: arXiv:2203.04948).
 *
 * Errors tell their detectors how unlikely they are by all that the others say; a detector tells each of its
 * errors what the parity that it saw leaves for it: the smallest magnitude of the others, with the sign of
 * their parity, times the normalisation. Only likely errors take part, those of whose detectors at least half
 * are events; the others say their prior for ever. So a shot's errors and detectors are gathered first, into
 * short arrays, and iterations run on these.
 *
 * After the last iteration an edge flips if an odd number of its errors do; its log-odds are those of the
 * exclusive or, errors taken as independent:
 *     a (+) b = sign(a) sign(b) (min(|a|,|b|) + f(|a|+|b|) - f(||a|-|b||)),   f(x) = ln(1 + exp(-x))
 * with f from a table, so that all is integers from the priors to the weights. */
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/exponential.h"
#include "graph/numbers.h"
#include "predecode/rules/factor_graph.h"
#include "predecode/rules/rule_internal.h"

#include <math.h>
#include <stdlib.h>

/* The table of f has one entry for 8 units, up to where f rounds to zero. */
#define TABLE_STEP 8
#define TABLE_SIZE 1024
/* Nats added to the weights of edges that are not named. Messages from quiet detectors make the named ones
 * heavier, but none reach the others; this keeps the balance, and takes some 6 % off the failures. */
#define QUIET_OFFSET 2.5

/* A detector of an error that takes part. */
typedef struct party {
    uint32_t begin;     /* of its messages; they end where the next one's begin */
    int32_t background; /* smallest magnitude among its errors that take no part */
    int32_t parity;     /* -1 if what it saw and these errors' signs leave an odd parity, else 0 */
} party;

typedef struct min_sum {
    otr_predecoder base;
    otr_rule_options options;
    otr_factor_graph factors;
    uint8_t *background_odd; /* packed bits: detectors with an odd number of negative priors */
    uint16_t table[TABLE_SIZE];

    /* Between shots: */
    int32_t *missing;   /* error -> events that it lacks to take part: half of its detectors */
    int32_t *posterior; /* error -> log-odds: the prior */
    uint32_t *party_of; /* detector -> OTR_NONE */
    uint8_t *is_named;  /* packed bits: edges; none */

    /* Of one shot. */
    uint32_t *errors; /* that take part */
    uint32_t error_count;
    party *parties; /* their detectors, and the end */
    uint32_t *party_detectors;
    uint32_t party_count;
    uint32_t *slots;      /* of the first error's detectors, the second's, ...: where their messages are */
    int32_t *to_detector; /* messages, by party */
    int32_t *to_error;
    uint32_t *edges; /* named in the overrides */
    uint32_t edge_count;
} min_sum;

static otr_status soft(otr_predecoder *self, const uint32_t *events, size_t event_count);
static otr_reach reach(const otr_predecoder *self);
static size_t bytes(const otr_predecoder *self);
static void destroy(otr_predecoder *self);
static otr_status prepare(min_sum *rule);
static void fill(min_sum *rule);
static int32_t half_of(const otr_factor_graph *factors, uint32_t error);
static void gather_errors(min_sum *rule, const uint32_t *events, size_t event_count);
static void gather_parties(min_sum *rule, const uint32_t *events, size_t event_count);
static void iterate(min_sum *rule);
static otr_status name_edges(min_sum *rule);
static void forget(min_sum *rule, const uint32_t *events, size_t event_count);

static const otr_predecoder_kind MIN_SUM = {"rule:min-sum", soft, NULL, reach, bytes, destroy, NULL};

otr_status otr_rule_min_sum_create(otr_predecoder **out, const otr_graph *graph, const otr_model *model,
                                   const otr_rule_options *options, otr_error *error) {
    min_sum *const rule = otr_array_zeroed(1, sizeof *rule);
    otr_status status = OTR_ERR_MEMORY;
    if (rule != NULL) {
        rule->options = *options;
        status = otr_predecoder_init(&rule->base, &MIN_SUM, graph, options->isa);
    }
    if (status == OTR_OK) {
        rule->base.weight_offset = otr_graph_nearest_weight(graph, QUIET_OFFSET);
        status = otr_factor_graph_init(&rule->factors, graph, model, error);
    }
    if (status == OTR_OK) {
        status = prepare(rule);
    }
    if (status != OTR_OK) {
        otr_predecoder_destroy(rule != NULL ? &rule->base : NULL);
        return status == OTR_ERR_MEMORY ? otr_error_set(error, status, 0, 0, "out of memory") : status;
    }
    *out = &rule->base;
    return OTR_OK;
}

static otr_status soft(otr_predecoder *self, const uint32_t *events, size_t event_count) {
    min_sum *const rule = (min_sum *)self;
    otr_status status;
    gather_errors(rule, events, event_count);
    gather_parties(rule, events, event_count);
    iterate(rule);
    status = name_edges(rule);
    forget(rule, events, event_count);
    return status;
}

static otr_reach reach(const otr_predecoder *self) {
    const min_sum *const rule = (const min_sum *)self;
    return otr_reach_times(rule->factors.extent, rule->options.iterations);
}

static size_t bytes(const otr_predecoder *self) {
    const min_sum *const rule = (const min_sum *)self;
    const otr_factor_graph *const factors = &rule->factors;
    const size_t nodes = self->graph->node_count;
    const size_t edges = self->graph->edge_count;
    return sizeof *rule + otr_factor_graph_bytes(factors, self->graph) + otr_bytes_for_bits(nodes) +
           otr_bytes_for_bits(edges) + (nodes + 1) * sizeof *rule->parties +
           (3 * ((size_t)factors->error_count + factors->link_count) + 2 * nodes + edges) *
               sizeof *rule->errors;
}

static void destroy(otr_predecoder *self) {
    min_sum *const rule = (min_sum *)self;
    otr_predecoder_free(self);
    otr_factor_graph_free(&rule->factors);
    free(rule->background_odd);
    free(rule->missing);
    free(rule->posterior);
    free(rule->party_of);
    free(rule->is_named);
    free(rule->errors);
    free(rule->parties);
    free(rule->party_detectors);
    free(rule->slots);
    free(rule->to_detector);
    free(rule->to_error);
    free(rule->edges);
    free(rule);
}

/* Room for any shot. */
static otr_status prepare(min_sum *rule) {
    const size_t nodes = rule->base.graph->node_count;
    const size_t edges = rule->base.graph->edge_count;
    const size_t errors = rule->factors.error_count;
    const size_t links = rule->factors.link_count;
    rule->background_odd = otr_array_zeroed(otr_bytes_for_bits(nodes), 1);
    rule->missing = otr_array_new(errors, sizeof *rule->missing);
    rule->posterior = otr_array_new(errors, sizeof *rule->posterior);
    rule->party_of = otr_array_new(nodes, sizeof *rule->party_of);
    rule->is_named = otr_array_zeroed(otr_bytes_for_bits(edges), 1);
    rule->errors = otr_array_new(errors, sizeof *rule->errors);
    rule->parties = otr_array_new(nodes + 1, sizeof *rule->parties);
    rule->party_detectors = otr_array_new(nodes, sizeof *rule->party_detectors);
    rule->slots = otr_array_new(links, sizeof *rule->slots);
    rule->to_detector = otr_array_new(links, sizeof *rule->to_detector);
    rule->to_error = otr_array_new(links, sizeof *rule->to_error);
    rule->edges = otr_array_new(edges, sizeof *rule->edges);
    if (rule->background_odd == NULL || rule->missing == NULL || rule->posterior == NULL ||
        rule->party_of == NULL || rule->is_named == NULL || rule->errors == NULL || rule->parties == NULL ||
        rule->party_detectors == NULL || rule->slots == NULL || rule->to_detector == NULL ||
        rule->to_error == NULL || rule->edges == NULL) {
        return OTR_ERR_MEMORY;
    }
    fill(rule);
    return OTR_OK;
}

/* Sets the table and all that holds between shots. */
static void fill(min_sum *rule) {
    const otr_factor_graph *const factors = &rule->factors;
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        const double x = ((double)i + 0.5) * TABLE_STEP / OTR_LOG_ODDS_ONE;
        rule->table[i] = (uint16_t)round(OTR_LOG_ODDS_ONE * otr_ln(1 + otr_exponential(-x)));
    }
    for (uint32_t node = 0; node < rule->base.graph->node_count; node++) {
        rule->party_of[node] = OTR_NONE;
    }
    for (uint32_t error = 0; error < factors->error_count; error++) {
        rule->missing[error] = half_of(factors, error);
        rule->posterior[error] = factors->prior[error];
        for (uint32_t i = factors->error_begin[error];
             i < factors->error_begin[error + 1] && factors->prior[error] < 0; i++) {
            otr_bit_flip(rule->background_odd, factors->error_detectors[i]);
        }
    }
}

/* Half of an error's detectors, rounded up. */
static int32_t half_of(const otr_factor_graph *factors, uint32_t error) {
    return (int32_t)((factors->error_begin[error + 1] - factors->error_begin[error] + 1) / 2);
}

static void gather_errors(min_sum *rule, const uint32_t *events, size_t event_count) {
    const otr_factor_graph *const factors = &rule->factors;
    rule->error_count = 0;
    for (size_t i = 0; i < event_count; i++) {
        for (uint32_t k = factors->detector_begin[events[i]]; k < factors->detector_begin[events[i] + 1];
             k++) {
            const uint32_t error = factors->detector_errors[k];
            if (--rule->missing[error] == 0) {
                rule->errors[rule->error_count++] = error;
            }
        }
    }
}

/* The party of a detector, a new one without messages if it had none. */
static party *party_of(min_sum *rule, uint32_t detector) {
    if (rule->party_of[detector] == OTR_NONE) {
        const party fresh = {0, OTR_LOG_ODDS_MAX, otr_bit_get(rule->background_odd, detector) ? -1 : 0};
        rule->party_of[detector] = rule->party_count;
        rule->party_detectors[rule->party_count] = detector;
        rule->parties[rule->party_count++] = fresh;
    }
    return &rule->parties[rule->party_of[detector]];
}

/* Gathers the detectors of the errors that take part, gives their messages places, and sets what the others
 * say. */
static void gather_parties(min_sum *rule, const uint32_t *events, size_t event_count) {
    const otr_factor_graph *const factors = &rule->factors;
    uint32_t slot_count = 0;
    rule->party_count = 0;
    for (uint32_t i = 0; i < rule->error_count; i++) {
        const uint32_t error = rule->errors[i];
        for (uint32_t k = factors->error_begin[error]; k < factors->error_begin[error + 1]; k++) {
            party *const found = party_of(rule, factors->error_detectors[k]);
            found->begin++;
            found->parity ^= -(factors->prior[error] < 0);
            slot_count++;
        }
    }
    for (size_t i = 0; i < event_count; i++) {
        if (rule->party_of[events[i]] != OTR_NONE) {
            rule->parties[rule->party_of[events[i]]].parity ^= -1;
        }
    }
    rule->parties[rule->party_count].begin = slot_count;
    for (uint32_t i = 0, end = 0; i < rule->party_count; i++) {
        const uint32_t detector = rule->party_detectors[i];
        end += rule->parties[i].begin;
        rule->parties[i].begin = end;
        for (uint32_t k = factors->detector_begin[detector]; k < factors->detector_begin[detector + 1]; k++) {
            if (rule->missing[factors->detector_errors[k]] > 0) {
                rule->parties[i].background = abs(factors->prior[factors->detector_errors[k]]);
                break;
            }
        }
    }
    /* Filled from the back, every begin ends where its party's messages start. */
    for (uint32_t i = rule->error_count; i-- > 0;) {
        const uint32_t error = rule->errors[i];
        for (uint32_t k = factors->error_begin[error + 1]; k-- > factors->error_begin[error];) {
            const uint32_t slot = --rule->parties[rule->party_of[factors->error_detectors[k]]].begin;
            rule->slots[--slot_count] = slot;
            rule->to_detector[slot] = factors->prior[error];
        }
    }
}

static void speak_as_detector(const party *speaker, int32_t normalization, const int32_t *heard,
                              int32_t *said, uint32_t count) {
    int32_t parity = speaker->parity;
    int32_t least = speaker->background;
    int32_t second = OTR_LOG_ODDS_MAX;
    int32_t to_least;
    int32_t to_others;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t magnitude = abs(heard[i]);
        const int32_t larger = magnitude > least ? magnitude : least;
        parity ^= -(heard[i] < 0);
        second = larger < second ? larger : second;
        least = magnitude < least ? magnitude : least;
    }
    to_least = second * normalization / OTR_RULE_NORMALIZATION_ONE;
    to_others = least * normalization / OTR_RULE_NORMALIZATION_ONE;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t magnitude = abs(heard[i]) == least ? to_least : to_others;
        const int32_t sign = parity ^ -(heard[i] < 0);
        said[i] = (magnitude ^ sign) - sign;
    }
}

static int32_t clamp(int64_t log_odds) {
    if (log_odds > OTR_LOG_ODDS_MAX) {
        return OTR_LOG_ODDS_MAX;
    }
    return log_odds < -OTR_LOG_ODDS_MAX ? -OTR_LOG_ODDS_MAX : (int32_t)log_odds;
}

/* Answers at the error's slots, `count` of them; returns its log-odds now. */
static int32_t speak_as_error(int32_t prior, const uint32_t *slots, uint32_t count, const int32_t *heard,
                              int32_t *said) {
    int64_t sum = prior;
    for (uint32_t i = 0; i < count; i++) {
        sum += heard[slots[i]];
    }
    for (uint32_t i = 0; i < count; i++) {
        said[slots[i]] = clamp(sum - heard[slots[i]]);
    }
    return clamp(sum);
}

static void iterate(min_sum *rule) {
    const otr_factor_graph *const factors = &rule->factors;
    for (uint32_t iteration = 0; iteration < rule->options.iterations; iteration++) {
        const uint32_t *slots = rule->slots;
        for (uint32_t i = 0; i < rule->party_count; i++) {
            const uint32_t begin = rule->parties[i].begin;
            speak_as_detector(&rule->parties[i], (int32_t)rule->options.normalization,
                              rule->to_detector + begin, rule->to_error + begin,
                              rule->parties[i + 1].begin - begin);
        }
        for (uint32_t i = 0; i < rule->error_count; i++) {
            const uint32_t error = rule->errors[i];
            const uint32_t count = factors->error_begin[error + 1] - factors->error_begin[error];
            rule->posterior[error] =
                speak_as_error(factors->prior[error], slots, count, rule->to_error, rule->to_detector);
            slots += count;
        }
    }
}

static int32_t table_at(const min_sum *rule, int32_t x) {
    return x < TABLE_STEP * TABLE_SIZE ? rule->table[x / TABLE_STEP] : 0;
}

/* Log-odds of the exclusive or. */
static int32_t combine(const min_sum *rule, int32_t a, int32_t b) {
    const int32_t low = abs(a) < abs(b) ? abs(a) : abs(b);
    const int32_t high = abs(a) < abs(b) ? abs(b) : abs(a);
    const int32_t magnitude = low + table_at(rule, low + high) - table_at(rule, high - low);
    if (magnitude <= 0) {
        return 0;
    }
    return (a < 0) == (b < 0) ? magnitude : -magnitude;
}

static int32_t edge_log_odds(const min_sum *rule, uint32_t edge) {
    const otr_factor_graph *const factors = &rule->factors;
    int32_t sum = OTR_LOG_ODDS_MAX;
    for (uint32_t i = factors->edge_begin[edge]; i < factors->edge_begin[edge + 1]; i++) {
        sum = combine(rule, sum, rule->posterior[factors->edge_errors[i]]);
    }
    return sum;
}

/* Writes an override for every edge of an error that takes part. */
static otr_status name_edges(min_sum *rule) {
    const otr_factor_graph *const factors = &rule->factors;
    otr_status status = OTR_OK;
    rule->edge_count = 0;
    for (uint32_t i = 0; i < rule->error_count; i++) {
        const uint32_t error = rule->errors[i];
        for (uint32_t k = factors->error_edge_begin[error]; k < factors->error_edge_begin[error + 1]; k++) {
            const uint32_t edge = factors->error_edges[k];
            if (!otr_bit_get(rule->is_named, edge)) {
                otr_bit_flip(rule->is_named, edge);
                rule->edges[rule->edge_count++] = edge;
            }
        }
    }
    for (uint32_t i = 0; i < rule->edge_count && status == OTR_OK; i++) {
        const double natural = (double)edge_log_odds(rule, rule->edges[i]) / OTR_LOG_ODDS_ONE;
        status = otr_predecoder_override(&rule->base, rule->edges[i],
                                         otr_graph_nearest_weight(rule->base.graph, natural));
    }
    return status;
}

/* Puts back what holds between shots. */
static void forget(min_sum *rule, const uint32_t *events, size_t event_count) {
    const otr_factor_graph *const factors = &rule->factors;
    for (size_t i = 0; i < event_count; i++) {
        for (uint32_t k = factors->detector_begin[events[i]]; k < factors->detector_begin[events[i] + 1];
             k++) {
            rule->missing[factors->detector_errors[k]] = half_of(factors, factors->detector_errors[k]);
        }
    }
    for (uint32_t i = 0; i < rule->error_count; i++) {
        rule->posterior[rule->errors[i]] = factors->prior[rule->errors[i]];
    }
    for (uint32_t i = 0; i < rule->party_count; i++) {
        rule->party_of[rule->party_detectors[i]] = OTR_NONE;
    }
    for (uint32_t i = 0; i < rule->edge_count; i++) {
        rule->is_named[rule->edges[i] / 8] = 0;
    }
}
