/* The deep level: more candidates from matchings under perturbed weights. A member's weights are those of the
 * graph with noise that depends on the numbers of the edge and of the member alone, so that a member finds
 * the same in every shot, on every machine. */
#include "common/array.h"
#include "graph/graph_internal.h"
#include "likelihood/likelihood_internal.h"

/* Standard deviation of the noise, in natural units: error rates change by a factor e. */
#define NOISE 1.0
/* Four numbers of 16 bits have this mean and this deviation together. */
#define SUM_MEAN 131070
#define SUM_DEVIATION 37837.2

static int32_t perturb(const otr_graph *graph, uint32_t member, uint32_t edge);

bool otr_likelihood_perturb(otr_likelihood *l) {
    const size_t edges = l->graph->edge_count;
    l->perturbed = otr_array_new(l->options.deep_members * edges, sizeof *l->perturbed);
    l->combined = otr_array_new(2 * edges, sizeof *l->combined);
    for (uint32_t member = 0; l->perturbed != NULL && member < l->options.deep_members; member++) {
        for (uint32_t edge = 0; edge < edges; edge++) {
            l->perturbed[member * edges + edge] =
                (otr_override){.edge = edge, .weight = perturb(l->graph, member, edge)};
        }
    }
    return l->perturbed != NULL && l->combined != NULL;
}

otr_status otr_likelihood_find_more(otr_likelihood *l, uint32_t observable) {
    const size_t other_count = otr_likelihood_list_others(l, observable);
    const size_t edges = l->graph->edge_count;
    const otr_predecoded *const left = &l->shot.left;
    otr_gap *const gap = l->gaps[observable].under[OTR_OWN];
    otr_status status = OTR_OK;
    /* The gap holds the answers of members from here on. */
    l->asked_again &= ~((uint64_t)1 << observable);
    for (uint32_t member = 0; member < l->options.deep_members && status == OTR_OK; member++) {
        const otr_override *const weights = l->perturbed + member * edges;
        otr_gap_result result;
        otr_edge_set first;
        status = otr_decoder_decode(l->plain, l->shot.detectors, weights, edges, NULL, NULL);
        if (status == OTR_OK) {
            status = otr_decoder_edges(l->plain, &first.edges, &first.count);
        }
        if (status == OTR_OK) {
            otr_likelihood_imply(l, &first);
            status = otr_gap_decode(gap, left->events, left->event_count, l->combined,
                                    otr_likelihood_combine(l, weights), &result);
        }
        status = status == OTR_OK ? otr_likelihood_add_classes(l, gap, weights, other_count) : status;
    }
    return status;
}

size_t otr_likelihood_combine(otr_likelihood *l, const otr_override *weights) {
    const size_t edges = l->graph->edge_count;
    size_t count = edges;
    for (size_t i = 0; i < edges; i++) {
        l->combined[i] = weights[i];
    }
    for (size_t i = 0; i < l->lowered_count; i++) {
        if (l->lowered[i].weight < weights[l->lowered[i].edge].weight) {
            l->combined[count++] = l->lowered[i];
        }
    }
    return count;
}

/* Mixes the bits of a number (splitmix64). */
static uint64_t mix(uint64_t word) {
    word += 0x9E3779B97F4A7C15u;
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9u;
    word = (word ^ word >> 27) * 0x94D049BB133111EBu;
    return word ^ word >> 31;
}

/* Nearly normal, as the sum of four even ones. */
static double noise(uint32_t member, uint32_t edge) {
    const uint64_t word = mix((uint64_t)member << 32 | edge);
    const uint64_t sum = (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + (word >> 48);
    return NOISE * ((double)sum - SUM_MEAN) / SUM_DEVIATION;
}

/* A weight that is finite and above 0 stays so. */
static int32_t perturb(const otr_graph *graph, uint32_t member, uint32_t edge) {
    const int32_t weight = graph->edge_weight[edge];
    /* Scales of tiny weights are beyond all integers. */
    const double shift = noise(member, edge) * graph->scale;
    const double most = 2.0 * OTR_WEIGHT_MAX;
    int32_t sum;
    if (weight <= 0 || weight == OTR_WEIGHT_INFINITE) {
        return weight;
    }
    sum = otr_weight_clamped(weight + (int64_t)(shift < -most ? -most : shift > most ? most : shift));
    return sum > 2 ? sum : 2;
}
