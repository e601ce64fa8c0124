/* What the room decode/ has for windows beyond the public calls: correlated matching that goes on over the
 * borders of cells, by rules of edges that are no part of the window's graph. */
#ifndef OTR_DECODE_H
#define OTR_DECODE_H

#include <stdbool.h>

#include "outrider/decoder.h"
#include "outrider/gap.h"

/* A cell as its decoder takes it, in the numbers of the window's graph. */
typedef struct otr_cell_shot {
    const uint8_t *detectors; /* packed, as in otr_decoder_decode */
    const otr_override *overrides;
    size_t override_count;
    int32_t weight_offset; /* as in otr_predecoded */
    /* Edges that other cells used, for the second pass of correlated matching, which applies their rules too:
     * numbers from the graph's edge_count on in its implied_begin. Other kinds ignore them. */
    const uint32_t *recalled;
    size_t recalled_count;
} otr_cell_shot;

/* Its answer; valid until the next call on the decoder. */
typedef struct otr_cell_answer {
    const uint32_t *edges; /* ascending and distinct */
    size_t edge_count;
    const uint32_t *first_pass; /* what correlated matching used in its first pass: distinct, in no order that
                                   means anything; none from other kinds */
    size_t first_pass_count;
    uint32_t event_count;
} otr_cell_answer;

/* Decodes a cell. Statuses as for otr_decoder_decode; *out is untouched on failure. */
otr_status otr_decoder_decode_cell(otr_decoder *decoder, const otr_cell_shot *cell, otr_cell_answer *out);

/* Lays out the weights of `graph`, which is the decoder's or alike but for its numbers, for this
 * weight_offset of the options and this one of the shots, if they are laid out for others. OTR_ERR_MEMORY
 * leaves the decoder as it was; there is none unless more edges than ever have a negative weight. */
otr_status otr_decoder_lay_weights(otr_decoder *decoder, const otr_graph *graph, int32_t own_offset,
                                   int32_t shot_offset);

/* Whether the observable has two sides in the part of the graph that this detector belongs to. */
bool otr_gap_is_parted(const otr_gap *gap, uint32_t detector);

/* Whether what a caller hands in as left of a shot can be that, on a graph of this size: OTR_ERR_ARGUMENT,
 * OTR_ERR_INDEX. */
otr_status otr_predecoded_check(const otr_predecoded *shot, uint32_t node_count, uint32_t edge_count);

#endif
