/* What a window asks of its decoder beyond the public calls, so that correlated matching goes on over the
 * borders of cells: rules of edges that are no part of its graph. */
#ifndef OTR_DECODER_INTERNAL_H
#define OTR_DECODER_INTERNAL_H

#include "outrider/decoder.h"

/* Edges that were used elsewhere, for the next shot: the second pass of correlated matching applies their
 * rules too. They are numbers from the graph's edge_count on in its implied_begin. Borrowed until the shot is
 * decoded; other kinds of decoders ignore them. */
void otr_decoder_recall(otr_decoder *decoder, const uint32_t *edges, size_t count);

/* The edges that the first pass of the last shot used, distinct, in no order; none but for correlated
 * matching. Valid until the next call on the decoder, otr_decoder_edges included. */
void otr_decoder_first_pass(const otr_decoder *decoder, const uint32_t **edges, size_t *count);

#endif
