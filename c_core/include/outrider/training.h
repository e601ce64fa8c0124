/* What training an event network needs from the core: batches of shots as the network sees them, the float
 * kernels of its layers with their gradients, and the complementary gap of every shot with its gradient.
 *
 * The network's exact form is in outrider/event_network.h. Here its geometry is given as numbers, before
 * there is any network. Everything is single-threaded and deterministic for one instruction set; floats
 * differ between instruction sets in the last bits. Only training uses this; decoding never does. */
#ifndef OUTRIDER_TRAINING_H
#define OUTRIDER_TRAINING_H

#include "outrider/event_network.h"
#include "outrider/gap.h"
#include "outrider/graph.h"
#include "outrider/kernels.h"
#include "outrider/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Classes of a detector's place on the patch (7 by 7) and in time (first round closed or not, 7). */
#define OTR_GEOMETRY_PLACES 49
#define OTR_GEOMETRY_PHASES 14
/* Widths of layers are multiples of the first, up to the second. */
#define OTR_TRAINING_WIDTH_STEP OTR_TRAINING_BLOCK
#define OTR_TRAINING_WIDTH_MAX 64
/* Cells of the box that holds the lattice with a margin of one radius. */
#define OTR_TRAINING_CELLS_MAX 0x10000000
/* Shots, events, and pairs of near events, of one batch. */
#define OTR_TRAINING_SHOTS_MAX 0x100000
#define OTR_TRAINING_EVENTS_MAX 0x4000000
#define OTR_TRAINING_PAIRS_MAX 0x20000000

/* Where an edge leads from a detector, in the frame of the detector's kind. */
typedef struct otr_event_slot {
    int32_t dx, dy, dt;
    int32_t boundary; /* non-zero: the edge to the boundary; then, and only then, dx = dy = dt = 0 */
} otr_event_slot;

/* The geometry of an event network, under the limits OTR_EVENT_…_MAX; arrays are borrowed for the call. */
typedef struct otr_event_geometry {
    int32_t pitch[3];           /* detector coordinates (x, y, round) of neighbouring sites; positive */
    int32_t kind[3];            /* kind = (kind . site) mod kinds */
    int32_t kinds;              /* 1 .. OTR_EVENT_KINDS_MAX */
    int32_t radius;             /* events i, j are near if max(|dx|, |dy|) + |dt| <= radius */
    const uint8_t *transposed;  /* kinds: non-zero where x and y are swapped in the kind's frame */
    const uint8_t *set;         /* kinds: the set of weights that the kind uses */
    int32_t sets;               /* 1 .. kinds */
    int32_t slots;              /* per set, 1 .. OTR_EVENT_SLOTS_MAX */
    const otr_event_slot *slot; /* sets x slots, those of a set distinct */
    const int32_t (*plane)[3]; /* 2 rows for x and y: sites are plane (x, y, 1) divided by the pitch; NULL: of
                                  the coordinates themselves */
} otr_event_geometry;

typedef struct otr_training otr_training;

/* The graph is borrowed; the model (for coordinates) and the geometry are not needed afterwards. Edges
 * without an end at an event have `offset_nats` added to their weight in otr_training_gaps. OTR_ERR_ARGUMENT
 * for a geometry out of its ranges; OTR_ERR_FORMAT if a detector lacks coordinates or is off the lattice, or
 * an edge has no slot; OTR_ERR_LIMIT, OTR_ERR_UNSUPPORTED, OTR_ERR_MEMORY. */
OTR_API otr_status otr_training_create(otr_training **out, const otr_graph *graph, const otr_model *model,
                                       const otr_event_geometry *geometry, double offset_nats, otr_isa isa,
                                       otr_error *error);
OTR_API void otr_training_destroy(otr_training *training);

/* ln(mean edge probability of the graph). */
OTR_API double otr_training_log_noise(const otr_training *training);
/* Relations: offsets within the radius times sets of weights. */
OTR_API uint32_t otr_training_relations(const otr_training *training);

/* One batch; arrays live until the next otr_training_batch on the same handle.
 * Events are numbered shot by shot, ascending by detector within a shot. Relation r = set * offsets + number
 * of the offset, offsets in order of dt, dy, dx, in the frame of the pair's first event. */
typedef struct otr_training_shots {
    size_t shot_count;
    size_t event_count;
    const uint64_t *shot_events; /* shot_count + 1: first event of each shot */
    const uint32_t *detector;    /* of each event */
    const uint32_t *set;         /* of each event */
    const uint32_t *place;       /* kind * OTR_GEOMETRY_PLACES + class */
    const uint32_t *phase;       /* kind * OTR_GEOMETRY_PHASES + class */
    size_t pair_count;
    const uint64_t *relation_pairs; /* relations + 1: first pair of each relation */
    const uint32_t *target;         /* of each pair: the event that receives */
    const uint32_t *source;         /* the event that sends */
    size_t edge_count;              /* edges with at least one end at an event */
    const uint64_t *shot_edges;     /* shot_count + 1 */
    const uint32_t *edge;
    const uint32_t *output1; /* event * slots + slot of one end */
    const uint32_t *output2; /* of the other end, or UINT32_MAX if that is no event */
    const float *prior;      /* ln(p/(1-p)) of the edge */
    const float *label;      /* 1 if the edge flipped; NULL without truth */
} otr_training_shots;

/* Prepares shot_count shots: row i of `detectors` at i*detector_stride bytes, of `edges` (the truth;
 * nullable) at i*edge_stride. OTR_ERR_ARGUMENT, OTR_ERR_LIMIT, OTR_ERR_MEMORY. */
OTR_API otr_status otr_training_batch(otr_training *training, const uint8_t *detectors,
                                      size_t detector_stride, const uint8_t *edges, size_t edge_stride,
                                      size_t shot_count, otr_training_shots *out);

/* Layers on the present batch. Events have rows of `width` floats; rows are relations x width, weights
 * relations x width (in) x width (out). Inputs and outputs do not overlap.
 *
 *  embed_forward     out[i] += sum over pairs (i, j) of rows[relation]
 *  embed_backward    row_gradient[relation] = sum over its pairs of gradient[i]
 *  message_forward   out[i] += sum over pairs (i, j) of in[j] . weights[relation]
 *  message_backward  in_gradient[j] += sum over pairs (i, j) of gradient[i] . transpose of weights[relation]
 *                    weight_gradient[relation] = sum over its pairs of the outer products in[j] x gradient[i]
 *
 * OTR_ERR_ARGUMENT for another width or without a batch. */
OTR_API otr_status otr_training_embed_forward(const otr_training *training, uint32_t width, const float *rows,
                                              float *out);
OTR_API otr_status otr_training_embed_backward(const otr_training *training, uint32_t width,
                                               const float *gradient, float *row_gradient);
OTR_API otr_status otr_training_message_forward(const otr_training *training, uint32_t width,
                                                const float *weights, const float *in, float *out);
OTR_API otr_status otr_training_message_backward(const otr_training *training, uint32_t width,
                                                 const float *weights, const float *in, const float *gradient,
                                                 float *in_gradient, float *weight_gradient);

/* The complementary gap of every shot of the batch under the log-odds `logits` (ln(p/(1-p)), one for each
 * edge of the batch); the weights of other edges are the graph's plus the offset.
 *  gaps             out, shot_count: weight of class 1 minus weight of class 0, natural units, within the
 *                   limit either way
 *  limit            positive, INFINITY for none; differences are listed for shots with |gap| < limit, and
 *                   the search ends there, so a small one makes it much faster
 *  shot_differences out, shot_count + 1
 * The edges in exactly one of the two classes' answers, by shot: *edges and *signs (+1: in class 1 only, -1:
 * in class 0 only; d gap / d weight) live until the next call, and may be NULL if there are none.
 * OTR_ERR_UNSUPPORTED if the graph has no gap, OTR_ERR_ARGUMENT for a NaN, OTR_ERR_ODD_PARITY,
 * OTR_ERR_MEMORY; *error then names the shot from 1, where there is one, as its line. After a failure gaps
 * and shot_differences are undefined, and earlier lists of edges and signs are gone. */
OTR_API otr_status otr_training_gaps(otr_training *training, const float *logits, double limit, double *gaps,
                                     uint64_t *shot_differences, const uint32_t **edges, const int8_t **signs,
                                     otr_error *error);

/* Which of shot_count shots (row i at i*detector_stride bytes) have a gap below `limit` under the model's own
 * weights: their numbers, ascending, go to `shots` (room for shot_count), how many to *count. Hardly any
 * other shot has a small gap under a network's weights. Leaves the present batch as it is.
 * OTR_ERR_UNSUPPORTED, OTR_ERR_ARGUMENT, OTR_ERR_ODD_PARITY, OTR_ERR_MEMORY as otr_training_gaps; `shots` and
 * *count are then undefined. */
OTR_API otr_status otr_training_screen(otr_training *training, const uint8_t *detectors,
                                       size_t detector_stride, size_t shot_count, double limit,
                                       uint32_t *shots, size_t *count, otr_error *error);

#ifdef __cplusplus
}
#endif
#endif
