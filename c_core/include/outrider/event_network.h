/* The event network: a pre-decoder whose features live only at detection events, on integers.
 *
 * Each event sums an embedding row of every event in its neighbourhood, exchanges a few rounds of messages
 * with them and scores the matching-graph edges at its detector. Cost grows with events, not with volume.
 * Position enters through kind and distance to the ends of the patch and of time, so one network serves every
 * size.
 *
 * Offsets count sites: coordinates divided by the pitch. Where x and y of the detectors are turned against
 * the lattice, moved or not whole, (x, y, 1) is multiplied by the plane first. kind = (kind_x x + kind_y y +
 * kind_t t) mod kinds; a kind is `transposed` if it sees x and y exchanged, and `set` says which weights it
 * uses. The neighbourhood of radius r holds the R offsets (dx, dy, dt) other than 0 with max(|dx|, |dy|) +
 * |dt| <= r, in the order of dt, then dy, then dx. With E, S, K, ... the tensors below, all sums exact, >>
 * rounding down, and half = 2^shift / 2:
 *
 *   h_i  = clamp((sum_j embed[rel(i,j)] + place + phase + round(noise.embed nu) + half) >> embed, 0, 127)
 *   h_i <- clamp((bias + round(noise nu) + (h_i << shift) + self h_i + sum_j relations[rel(i,j)] h_j + half)
 *          >> shift, 0, 127)                          for each layer, from the old h, and once for `hidden`
 *   o_i  = (head.bias + head.weight h_i + half) >> head               one log-odds step for every slot
 *
 * nu = ln(mean edge probability of the graph / reference_probability). place is by distance to the ends of
 * the patch along x and y, phase by distance to the first and last round and whether the kind occurs in the
 * first. A slot names the edge from an event's detector to the one at its offset, or to the boundary. An edge
 * weighs its graph weight less log_odds_unit nats for each step its ends give; edges without an event end
 * weigh offset_nats more.
 *
 * File: safetensors with metadata format "outrider-event-network", version "1", or "2" with a plane, and, at
 * will, card. Tensors:
 *   lattice              I32[8]: pitch_x, pitch_y, pitch_t, kind_x, kind_y, kind_t, kinds, radius
 *   plane                I32[2,3]: rows for x and y, invertible; in version 2 only
 *   frames               I32[kinds,2]: transposed, set
 *   slots                I32[sets,S,4]: dx, dy, dt, is_boundary
 *   shifts               I32[L+3]: embed, layers, hidden, head
 *   scalars              F32[3]: reference_probability, log_odds_unit, offset_nats
 *   embed                I16[sets,R,W]
 *   place                I16[kinds,49,W]
 *   phase                I16[kinds,2,7,W]
 *   noise.embed          F32[W]
 *   layer.N.self         I8[sets,W,W]: out, in; N from 0 to L-1
 *   layer.N.relations    I8[sets,R,W,W]: out, in
 *   layer.N.bias         I32[sets,W]
 *   layer.N.noise        F32[W]
 *   hidden.weight        I8[sets,W,W]: out, in
 *   hidden.bias          I32[sets,W]
 *   head.weight          I8[sets,S,W]
 *   head.bias            I32[sets,S]
 * Others are ignored. */
#ifndef OUTRIDER_EVENT_NETWORK_H
#define OUTRIDER_EVENT_NETWORK_H

#include "outrider/predecoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a file accepted. */
#define OTR_EVENT_NETWORK_BYTES_MAX 0x20000000
/* Widths are 16, 32, 48 or 64 channels. */
#define OTR_EVENT_LAYERS_MAX 8
#define OTR_EVENT_RADIUS_MAX 4
#define OTR_EVENT_KINDS_MAX 8
#define OTR_EVENT_SLOTS_MAX 32
/* Components of a slot's offset. */
#define OTR_EVENT_SLOT_OFFSET_MAX 8
/* Numbers of a plane. */
#define OTR_EVENT_PLANE_MAX 0x100000
#define OTR_EVENT_SHIFT_MAX 16
/* Magnitude of a bias, and of a noise term once it is scaled. */
#define OTR_EVENT_BIAS_MAX 0x20000000

typedef struct otr_event_network otr_event_network;

/* Reads a file of `size` bytes, which are not needed afterwards. On failure *out is untouched and *error
 * (nullable) says what is wrong. OTR_ERR_FORMAT, OTR_ERR_TRUNCATED, OTR_ERR_LIMIT, OTR_ERR_UNSUPPORTED (a
 * later version of the format), OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. The network is immutable; threads and
 * pre-decoders may share it. */
OTR_API otr_status otr_event_network_parse(otr_event_network **out, const void *bytes, size_t size,
                                           otr_error *error);
OTR_API void otr_event_network_destroy(otr_event_network *network);

OTR_API uint32_t otr_event_network_width(const otr_event_network *network);
OTR_API uint32_t otr_event_network_layers(const otr_event_network *network);
OTR_API uint32_t otr_event_network_radius(const otr_event_network *network);
/* See otr_predecoder_reach: layers + 1 radii and the longest edge. */
OTR_API otr_reach otr_event_network_reach(const otr_event_network *network);
/* The metadata string `card`, free text about the training; "" without one. Lives as long as the network. */
OTR_API const char *otr_event_network_card(const otr_event_network *network);
/* Heap bytes held. */
OTR_API size_t otr_event_network_bytes(const otr_event_network *network);

/* A pre-decoder for the graph of `model`. Network and graph are borrowed and must outlive it; the model is
 * not needed afterwards. OTR_ERR_FORMAT if the model lacks coordinates, or if an edge or a site is not one
 * that the network was made for; OTR_ERR_ARGUMENT, OTR_ERR_LIMIT, OTR_ERR_UNSUPPORTED, OTR_ERR_MEMORY. */
OTR_API otr_status otr_event_predecoder_create(otr_predecoder **out, const otr_event_network *network,
                                               const otr_graph *graph, const otr_model *model, otr_isa isa,
                                               otr_error *error);

#ifdef __cplusplus
}
#endif
#endif
