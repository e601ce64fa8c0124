/* What the parts of the decoder by likelihood share: the cascade, and the edges of what it chose. */
#ifndef OTR_LIKELIHOOD_INTERNAL_H
#define OTR_LIKELIHOOD_INTERNAL_H

#include "decode/decode.h"
#include "likelihood/candidates.h"
#include "likelihood/class_sum.h"
#include "likelihood/error_reduction.h"
#include "outrider/decoder.h"
#include "outrider/gap.h"
#include "outrider/likelihood.h"

/* A set of edges. */
typedef struct otr_edge_set {
    const uint32_t *edges;
    size_t count;
} otr_edge_set;

/* Under which weights a shot is matched. */
enum { OTR_PREDECODED, OTR_OWN, OTR_WEIGHTS };

/* The gaps of an observable that errors flip, up to sure_gap, in the parts of the graph that it parts. One
 * gap under both weights would lay them out at every change. */
typedef struct otr_gap_set {
    otr_gap *under[OTR_WEIGHTS];
} otr_gap_set;

#define OTR_NO_DECIDER UINT8_MAX

/* What edges that are connected, and the parts of the sum among them, have in common; held by one node. */
typedef struct otr_edge_cluster {
    uint32_t parent; /* node; itself where it holds a cluster */
    uint8_t flips;   /* whether the sum wants the observable flipped */
    uint8_t flipped; /* bit i: whether the i-th set of edges flips it */
} otr_edge_cluster;

/* A shot as it is decided. */
typedef struct otr_likelihood_shot {
    const uint8_t *detectors;
    otr_predecoded left; /* all of its events, with a pre-decoder's weights */
    bool is_predecoded;
    otr_edge_set recalled; /* of cells, see otr_cell_shot */
} otr_likelihood_shot;

struct otr_likelihood {
    otr_likelihood_options options;
    const otr_graph *graph;         /* borrowed */
    const otr_graph_errors *errors; /* the graph's */
    const otr_kernels *kernels;
    bool for_cells;
    otr_candidates candidates;
    otr_error_reduction reduction;
    otr_class_sum sum;
    otr_decoder *plain;
    otr_gap_set gaps[OTR_TRELLIS_OBSERVABLES_MAX];
    int32_t limit;      /* of the gaps: sure_gap in units of the graph */
    uint64_t flippable; /* observables that have gaps */
    uint8_t *deciders;  /* node -> the first observable that parts its part of the graph, or OTR_NO_DECIDER */

    uint32_t *events;
    uint32_t *others; /* some of them */
    uint32_t *first;  /* the plain matching */
    size_t first_count;
    otr_override *perturbed; /* by member, then by edge, all of them; NULL without a deep level */
    otr_override *combined;  /* those of a member, and then what is implied */
    int32_t *implied;        /* edge -> weight that is implied, OTR_WEIGHT_INFINITE for none */
    otr_override *lowered;   /* what is */
    size_t lowered_count;

    /* Of the last shot. */
    bool is_answered;
    otr_likelihood_shot shot;
    uint64_t asked_again; /* observables with second gaps */
    uint64_t summed;      /* those that the sum decided */
    double ratios[OTR_TRELLIS_OBSERVABLES_MAX];
    double first_gaps[OTR_TRELLIS_OBSERVABLES_MAX]; /* signed, above 0 for unflipped */
    double mean_gaps[OTR_TRELLIS_OBSERVABLES_MAX];  /* the same */
    uint32_t *answer;                               /* edges, once asked for */
    size_t answer_count;
    otr_edge_cluster *clusters; /* node -> cluster, each its own between searches */
    bool answer_is_known;
};

/* Decides l->shot: sets ratios, and *result but for what it has of a gap that is sure. */
otr_status otr_likelihood_decide(otr_likelihood *l, otr_likelihood_result *result);
/* Lays out the weights of the members of the deep level. Returns false when memory is out. */
bool otr_likelihood_perturb(otr_likelihood *l);
/* Makes more edges candidates: those of both classes of the observable under the weights of every member. */
otr_status otr_likelihood_find_more(otr_likelihood *l, uint32_t observable);
/* Lists in l->others the events of parts that the observable does not part. */
size_t otr_likelihood_list_others(otr_likelihood *l, uint32_t observable);
/* The weights of a member, lowered to what is implied: in l->combined. Returns their number. */
size_t otr_likelihood_combine(otr_likelihood *l, const otr_override *weights);
/* Makes candidates of the edges of both classes of a gap that was asked, and of those of a matching of the
 * other_count events in l->others under what each implies: in place of the graph's weights, or of `weights`
 * of a member if they are given. */
otr_status otr_likelihood_add_classes(otr_likelihood *l, otr_gap *gap, const otr_override *weights,
                                      size_t other_count);
/* Makes these edges candidates. */
void otr_likelihood_add_edges(otr_likelihood *l, const otr_edge_set *set);
/* Lowers weights to what these edges and those recalled imply, in place of what was lowered before. */
void otr_likelihood_imply(otr_likelihood *l, const otr_edge_set *set);
/* Finds edges of the classes that were decided for, ascending: in l->answer. */
otr_status otr_likelihood_find_edges(otr_likelihood *l);

/* A decoder of the cells of a window, on the window's graph; its shots come pre-decoded. It decides by the
 * observables that have gaps there; if none has, *out is NULL. Statuses as for otr_likelihood_create. */
otr_status otr_likelihood_create_for_cells(otr_likelihood **out, const otr_graph *graph,
                                           const otr_likelihood_options *options, otr_error *error);
/* Decodes a cell; what it used is all of its edges. Statuses as for otr_likelihood_decode; *out is untouched
 * on failure. */
otr_status otr_likelihood_decode_cell(otr_likelihood *l, const otr_cell_shot *cell, otr_cell_answer *out);

#endif
