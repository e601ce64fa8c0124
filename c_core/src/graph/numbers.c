#include "graph/numbers.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/random.h"

/* What followed from the probabilities seen last, by a hash: models repeat few of them many times. */
#define MEMO_BITS 10
#define MEMO_SIZE ((size_t)1 << MEMO_BITS)
typedef struct memo_entry {
    uint64_t bits; /* of a probability, which is not 0; 0 in a free entry */
    double weight; /* natural, or an integer one */
} memo_entry;

/* What the weights are made of. */
typedef struct number_source {
    const double *marginal; /* edge -> J[a][a] */
    const double *joint;    /* pair -> J[a][b] */
    const uint32_t *pairs;  /* rule -> pair */
    double *natural;        /* edge -> natural weight */
    memo_entry *memo;
} number_source;

static double find_scale(const otr_graph *graph, const number_source *source);
static double lowest_implied(const otr_graph *graph, const number_source *source);
static bool has_whole_rules(const otr_graph *graph, const number_source *source);
static void set_rules(otr_graph *graph, const number_source *source);
static double implied_probability(const number_source *source, uint32_t edge, uint32_t rule);
static memo_entry *memo_entry_of(memo_entry *memo, double p);
static double natural_weight(memo_entry *memo, double p);

double otr_probability_weight(double p) {
    const double odds = (1 - p) / p;
    return isinf(odds) && p > 0 ? -log(p) : log(odds);
}

int32_t otr_graph_quantize(const otr_graph *graph, double natural_weight) {
    const double half = natural_weight * (graph->scale / 2);
    int32_t rounded;
    if (!(fabs(half) < OTR_WEIGHT_MAX)) {
        return half > 0 ? OTR_WEIGHT_MAX : half < 0 ? -OTR_WEIGHT_MAX : 0;
    }
    /* As round(), without the call. */
    rounded = (int32_t)half;
    rounded += (half - rounded >= 0.5) - (half - rounded <= -0.5);
    rounded = rounded < OTR_WEIGHT_MAX / 2 ? rounded : OTR_WEIGHT_MAX / 2;
    return 2 * (rounded > -OTR_WEIGHT_MAX / 2 ? rounded : -OTR_WEIGHT_MAX / 2);
}

double otr_graph_log_noise(const otr_graph *graph) {
    double sum = 0;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        sum += graph->edge_probability[edge];
    }
    return graph->edge_count > 0 ? -otr_minus_ln(sum / graph->edge_count) : 0;
}

otr_status otr_graph_set_weights(otr_graph *graph, const otr_error_sums *sums, const uint32_t *pairs) {
    number_source source = {.marginal = graph->edge_probability, .pairs = pairs};
    bool enough;
    source.natural = otr_array_new(graph->edge_count, sizeof *source.natural);
    source.memo = otr_array_zeroed(MEMO_SIZE, sizeof *source.memo);
    enough = source.natural != NULL && source.memo != NULL;
    if (graph->correlations) {
        source.marginal = sums->marginal != NULL ? sums->marginal : source.marginal;
        source.joint = sums->joint;
    }
    if (enough) {
        for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
            source.natural[edge] = natural_weight(source.memo, graph->edge_probability[edge]);
        }
        graph->scale = find_scale(graph, &source);
        for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
            graph->edge_weight[edge] = otr_graph_quantize(graph, source.natural[edge]);
        }
        set_rules(graph, &source);
    }
    free(source.natural);
    free(source.memo);
    return enough ? OTR_OK : OTR_ERR_MEMORY;
}

/* The scale takes the largest finite magnitude to `levels`; whole numbers stay as they are. */
static double find_scale(const otr_graph *graph, const number_source *source) {
    const uint32_t levels = graph->levels > 0 ? graph->levels : OTR_GRAPH_LEVELS_DEFAULT;
    bool integral = true;
    double largest = 0;
    double implied;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const double weight = source->natural[edge];
        if (isfinite(weight)) {
            largest = fabs(weight) > largest ? fabs(weight) : largest;
            integral = integral && round(weight) == weight;
        }
    }
    implied = otr_probability_weight(lowest_implied(graph, source));
    largest = implied > largest ? implied : largest;
    return integral && has_whole_rules(graph, source) ? 2.0 : 2.0 * (levels / largest);
}

/* The lowest implied probability, which has the largest weight; 1/2 without rules. Only where a product says
 * that the quotient may be lower is it worth the division. */
static double lowest_implied(const otr_graph *graph, const number_source *source) {
    double lowest = 0.5;
    for (uint32_t edge = 0; graph->correlations && edge < graph->edge_count; edge++) {
        const uint32_t end = graph->implied_begin[edge + 1];
        double bound = lowest * source->marginal[edge] * (1 + 4 * DBL_EPSILON);
        for (uint32_t rule = graph->implied_begin[edge]; rule < end; rule++) {
            if (source->joint[source->pairs[rule]] <= bound) {
                const double p = implied_probability(source, edge, rule);
                lowest = p < lowest ? p : lowest;
                bound = lowest * source->marginal[edge] * (1 + 4 * DBL_EPSILON);
            }
        }
    }
    return lowest;
}

static bool has_whole_rules(const otr_graph *graph, const number_source *source) {
    for (uint32_t edge = 0; graph->correlations && edge < graph->edge_count; edge++) {
        for (uint32_t rule = graph->implied_begin[edge]; rule < graph->implied_begin[edge + 1]; rule++) {
            const double weight = natural_weight(source->memo, implied_probability(source, edge, rule));
            if (round(weight) != weight) {
                return false;
            }
        }
    }
    return true;
}

static void set_rules(otr_graph *graph, const number_source *source) {
    const otr_implied *const targets = graph->lender != NULL ? graph->lender->implied : graph->implied;
    otr_implied *const implied = graph->implied;
    memset(source->memo, 0, MEMO_SIZE * sizeof *source->memo);
    for (uint32_t edge = 0; graph->correlations && edge < graph->edge_count; edge++) {
        const uint32_t end = graph->implied_begin[edge + 1];
        for (uint32_t rule = graph->implied_begin[edge]; rule < end; rule++) {
            const double p = implied_probability(source, edge, rule);
            memo_entry *const entry = memo_entry_of(source->memo, p);
            if (entry->bits != otr_bits_of_double(p)) {
                entry->bits = otr_bits_of_double(p);
                entry->weight = otr_graph_quantize(graph, otr_probability_weight(p));
            }
            implied[rule] = (otr_implied){.edge = targets[rule].edge, .weight = (int32_t)entry->weight};
        }
    }
}

/* How likely `edge` makes the edge of one of its rules. */
static double implied_probability(const number_source *source, uint32_t edge, uint32_t rule) {
    const double p = source->joint[source->pairs[rule]] / source->marginal[edge];
    return p < 0.5 ? p : 0.5;
}

/* The place of p > 0, which may be another one's. */
static memo_entry *memo_entry_of(memo_entry *memo, double p) {
    /* The multiplier is 2^64 over the golden ratio. */
    return &memo[otr_bits_of_double(p) * UINT64_C(0x9E3779B97F4A7C15) >> (64 - MEMO_BITS)];
}

/* otr_probability_weight of p > 0. */
static double natural_weight(memo_entry *memo, double p) {
    memo_entry *const entry = memo_entry_of(memo, p);
    if (entry->bits != otr_bits_of_double(p)) {
        entry->bits = otr_bits_of_double(p);
        entry->weight = otr_probability_weight(p);
    }
    return entry->weight;
}
