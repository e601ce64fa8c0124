#include "graph/numbers.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "common/logarithm.h"
#include "outrider/kernels.h"

/* Numbers of edges or rules that are turned at once. */
#define BLOCK 256

/* What the weights are made of. */
typedef struct number_source {
    const otr_graph *graph;
    const double *marginal; /* edge -> J[a][a] */
    const double *joint;    /* pair -> J[a][b] */
    const uint32_t *pairs;  /* rule -> pair */
    double lowest;          /* probability, at most 1/2 */
    double highest;         /* below 1, at least 1/2 */
    bool is_plain;          /* the kernel takes all probabilities */
    const otr_kernels *kernels;
} number_source;

/* The place of the next rule, which is one of `edge` or a later one. */
typedef struct rule_walk {
    uint32_t edge;
    uint32_t rule;
} rule_walk;

static void find_range(number_source *source);
static double find_scale(const number_source *source);
static double scale_for(const otr_graph *graph, double largest, bool is_whole);
static double lowest_implied(const number_source *source);
static bool are_whole(const number_source *source);
static void set_edges(otr_graph *graph, const number_source *source);
static void set_rules(otr_graph *graph, const number_source *source);
static int32_t quantize(double natural_weight, double half_scale);
static int32_t quantize_finite(double natural_weight, double half_scale);
static uint32_t next_edges(const number_source *source, uint32_t first, double *weights);
static uint32_t next_rules(const number_source *source, rule_walk *walk, double *weights);
static double log_odds(double against, double in_favour);

double otr_probability_weight(double p) {
    return log_odds(1 - p, p);
}

otr_status otr_graph_quantize(const otr_graph *graph, double natural_weight, int32_t *weight) {
    if (isnan(natural_weight)) {
        return OTR_ERR_ARGUMENT;
    }
    if (isfinite(natural_weight) && fabs(natural_weight) > otr_graph_weight_limit(graph)) {
        return OTR_ERR_LIMIT;
    }
    *weight = quantize(natural_weight, graph->scale / 2);
    return OTR_OK;
}

int32_t otr_graph_nearest_weight(const otr_graph *graph, double natural_weight) {
    return isnan(natural_weight) ? 0 : quantize_finite(natural_weight, graph->scale / 2);
}

int32_t otr_graph_probability_weight(const otr_graph *graph, double p) {
    return quantize(otr_probability_weight(p), graph->scale / 2);
}

double otr_graph_log_noise(const otr_graph *graph) {
    double sum = 0;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        sum += graph->edge_probability[edge];
    }
    return graph->edge_count > 0 ? -otr_minus_ln(sum / graph->edge_count) : 0;
}

void otr_graph_set_weights(otr_graph *graph, const otr_error_sums *sums, const uint32_t *pairs) {
    number_source source = {.graph = graph, .pairs = pairs, .kernels = otr_kernels_for(OTR_ISA_AUTO)};
    if (graph->correlations) {
        source.marginal = sums->marginal != NULL ? sums->marginal : graph->edge_probability;
        source.joint = sums->joint;
    }
    find_range(&source);
    graph->scale = find_scale(&source);
    set_edges(graph, &source);
    if (graph->correlations) {
        set_rules(graph, &source);
    }
}

void otr_graph_set_natural_weights(otr_graph *graph, const double *natural_weights) {
    double largest = 0;
    bool is_whole = true;
    graph->has_infinite = false;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const double weight = natural_weights[edge];
        if (isfinite(weight)) {
            largest = fmax(largest, fabs(weight));
            is_whole = is_whole && round(weight) == weight;
        } else {
            graph->has_infinite = true;
        }
    }
    graph->scale = scale_for(graph, largest, is_whole);
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        graph->edge_weight[edge] = quantize(natural_weights[edge], graph->scale / 2);
    }
}

static void find_range(number_source *source) {
    const otr_graph *const graph = source->graph;
    bool has_certain = false;
    source->lowest = graph->correlations ? lowest_implied(source) : 0.5;
    source->highest = 0.5;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const double p = graph->edge_probability[edge];
        source->lowest = p < source->lowest ? p : source->lowest;
        source->highest = p > source->highest && p < 1 ? p : source->highest;
        has_certain |= p == 1;
    }
    source->is_plain = source->lowest > 4 * DBL_MIN && !has_certain;
}

static double find_scale(const number_source *source) {
    const double largest =
        fmax(otr_probability_weight(source->lowest), -otr_probability_weight(source->highest));
    return scale_for(source->graph, largest, are_whole(source));
}

/* The scale for weights whose largest finite magnitude is `largest`; see graph.h. */
static double scale_for(const otr_graph *graph, double largest, bool is_whole) {
    const uint32_t levels = graph->levels > 0 ? graph->levels : OTR_GRAPH_LEVELS_DEFAULT;
    const double range = graph->weight_range > 0 ? graph->weight_range : OTR_GRAPH_WEIGHT_RANGE_DEFAULT;
    const double most = OTR_WEIGHT_MAX / range;
    const double scale = largest > 0 ? fmin(2.0 * (levels / largest), most) : most;
    int exponent;
    if (!is_whole) {
        return scale;
    }
    frexp(scale, &exponent);
    if (exponent > 1) {
        return ldexp(1, exponent - 1);
    }
    /* Weights beyond `levels` are exact as long as they can be held. */
    return 2 * fmax(largest, range) <= OTR_WEIGHT_MAX ? 2 : scale;
}

/* The lowest implied probability, or 1/2. */
static double lowest_implied(const number_source *source) {
    const uint32_t *const begin = source->graph->implied_begin;
    double lowest = 0.5;
    for (uint32_t edge = 0; edge < source->graph->edge_count; edge++) {
        double least = source->marginal[edge];
        for (uint32_t rule = begin[edge]; rule < begin[edge + 1]; rule++) {
            const double joint = source->joint[source->pairs[rule]];
            /* Certain errors can cancel to 0, which has no finite weight. */
            least = joint > 0 && joint < least ? joint : least;
        }
        least /= source->marginal[edge];
        lowest = least < lowest ? least : lowest;
    }
    return lowest;
}

/* Whether all finite weights are whole numbers. */
static bool are_whole(const number_source *source) {
    double weights[BLOCK];
    bool whole = true;
    rule_walk walk = {0};
    uint32_t count;
    for (uint32_t edge = 0; whole && (count = next_edges(source, edge, weights)) > 0; edge += count) {
        for (uint32_t i = 0; i < count; i++) {
            whole = whole && (!isfinite(weights[i]) || round(weights[i]) == weights[i]);
        }
    }
    while (whole && source->joint != NULL && (count = next_rules(source, &walk, weights)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            whole = whole && round(weights[i]) == weights[i];
        }
    }
    return whole;
}

static void set_edges(otr_graph *graph, const number_source *source) {
    const double half_scale = graph->scale / 2;
    double weights[BLOCK];
    graph->has_infinite = false;
    for (uint32_t edge = 0, count; (count = next_edges(source, edge, weights)) > 0; edge += count) {
        for (uint32_t i = 0; i < count; i++) {
            graph->edge_weight[edge + i] = quantize_finite(weights[i], half_scale);
        }
        for (uint32_t i = 0; !source->is_plain && i < count; i++) {
            graph->edge_weight[edge + i] = quantize(weights[i], half_scale);
            graph->has_infinite |= otr_weight_is_infinite(graph->edge_weight[edge + i]);
        }
    }
}

static void set_rules(otr_graph *graph, const number_source *source) {
    const double half_scale = graph->scale / 2;
    double weights[BLOCK];
    rule_walk walk = {0};
    size_t sure = 0;
    int32_t *steps = graph->implied_weight;
    for (uint32_t count; (count = next_rules(source, &walk, weights)) > 0; steps += count) {
        for (uint32_t i = 0; i < count; i++) {
            steps[i] = quantize_finite(weights[i], half_scale);
            sure += steps[i] == 0;
        }
    }
    graph->are_rules_sure = 2 * sure > (size_t)(steps - graph->implied_weight);
}

static int32_t quantize(double natural_weight, double half_scale) {
    return isfinite(natural_weight) ? quantize_finite(natural_weight, half_scale)
           : natural_weight > 0     ? OTR_WEIGHT_INFINITE
                                    : -OTR_WEIGHT_INFINITE;
}

/* Rounds half of a weight in steps as round() does but without a branch: the largest number below 1/2 takes
 * exactly the halves over. */
static inline int32_t quantize_finite(double natural_weight, double half_scale) {
    const double half = natural_weight * half_scale;
    const double most = copysign(OTR_WEIGHT_MAX / 2, half);
    return 2 *
           (int32_t)((fabs(half) < OTR_WEIGHT_MAX / 2 ? half : most) + copysign(0.5 - DBL_EPSILON / 4, half));
}

/* The natural weights of edges from `first` on, as many as a block has; their number. */
static uint32_t next_edges(const number_source *source, uint32_t first, double *weights) {
    const double *const p = source->graph->edge_probability + first;
    const uint32_t left = source->graph->edge_count - first;
    const uint32_t count = left < BLOCK ? left : BLOCK;
    for (uint32_t i = 0; i < count; i++) {
        weights[i] = source->is_plain ? (1 - p[i]) / p[i] : otr_probability_weight(p[i]);
    }
    if (source->is_plain) {
        source->kernels->logarithms(weights, count);
    }
    return count;
}

/* The same for rules: the weight of their edge if the edge that has the rule is taken, which makes it as
 * likely as the joint probability over the marginal one, and at most 1/2. */
static uint32_t next_rules(const number_source *source, rule_walk *walk, double *weights) {
    const uint32_t *const begin = source->graph->implied_begin;
    const uint32_t first = walk->rule;
    const uint32_t left = begin[source->graph->edge_count] - first;
    const uint32_t end = first + (left < BLOCK ? left : BLOCK);
    uint32_t rule = first;
    while (rule < end) {
        const double marginal = source->marginal[walk->edge];
        const uint32_t last = begin[walk->edge + 1] < end ? begin[walk->edge + 1] : end;
        for (; source->is_plain && rule < last; rule++) {
            const double joint = source->joint[source->pairs[rule]];
            const double odds = (marginal - joint) / joint;
            weights[rule - first] = odds > 1 ? odds : 1;
        }
        for (; rule < last; rule++) {
            const double joint = source->joint[source->pairs[rule]];
            weights[rule - first] = fmax(log_odds(marginal - joint, joint), 0);
        }
        walk->edge += rule == begin[walk->edge + 1];
    }
    walk->rule = end;
    if (source->is_plain) {
        source->kernels->logarithms(weights, end - first);
    }
    return end - first;
}

/* ln(against / in_favour) of two parts of a probability of at most 1, also where the quotient overflows. */
static double log_odds(double against, double in_favour) {
    const double odds = against / in_favour;
    if (odds > 0 && odds <= DBL_MAX) {
        return otr_ln(odds);
    }
    if (odds > 0 && in_favour > 0) {
        return otr_ln(against) - (otr_ln(in_favour * 0x1p54) - 54 * OTR_LN_2);
    }
    return odds > 0 ? INFINITY : -INFINITY;
}
