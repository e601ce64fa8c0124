/* What a kind of pre-decoder provides, and what all kinds share.
 *
 * A kind embeds otr_predecoder as its first member, fills in the table, and is created through its own public
 * header. All of them work shot by shot, and otr_predecoder_apply_batch asks for one after the other. A kind
 * that is better asked for many at once (on a device) gets an entry for that beside `soft` and `hard`, which
 * fills a whole otr_predecoded_batch; then nothing above it changes. */
#ifndef OTR_PREDECODER_INTERNAL_H
#define OTR_PREDECODER_INTERNAL_H

#include "outrider/predecoder.h"

typedef struct otr_predecoder_kind {
    const char *name;
    /* Events are checked: ascending, distinct, in range. Appends to the overrides with
     * otr_predecoder_override. */
    otr_status (*soft)(otr_predecoder *self, const uint32_t *events, size_t event_count);
    /* Fills in the events, the observables and perhaps the edges, in a struct of zeros. NULL: hard use
     * fixes what soft use finds likely enough. */
    otr_status (*hard)(otr_predecoder *self, const uint32_t *events, size_t event_count, otr_predecoded *out);
    otr_reach (*reach)(const otr_predecoder *self);
    size_t (*bytes)(const otr_predecoder *self); /* beyond the shared part */
    void (*destroy)(otr_predecoder *self);       /* frees the kind's own, and self */
    /* Takes the numbers of a graph that is alike but for them; self->graph is still the old one. A failure
     * leaves all as it was. NULL: it must be made anew. */
    otr_status (*reweight)(otr_predecoder *self, const otr_graph *graph, otr_error *error);
} otr_predecoder_kind;

struct otr_predecoder {
    const otr_predecoder_kind *kind;
    const otr_graph *graph;
    const otr_kernels *kernels;
    int32_t weight_offset;    /* of soft use */
    double threshold;         /* hard use fixes edges of at least this probability, 1/2 at first; */
    int32_t threshold_weight; /* that is, of at most this weight */

    otr_override *overrides;
    size_t override_count, override_capacity;
    uint32_t *residual;
    size_t residual_count, residual_capacity;
    uint32_t *edges; /* fixed by hard use */
    size_t edge_count, edge_capacity;
    uint8_t *observables;
};

/* Fills in the shared part; the kind calls it first in its create and _free in its destroy. The graph is
 * borrowed. OTR_ERR_MEMORY, OTR_ERR_UNSUPPORTED for an instruction set that is not there. */
otr_status otr_predecoder_init(otr_predecoder *self, const otr_predecoder_kind *kind, const otr_graph *graph,
                               otr_isa isa);
void otr_predecoder_free(otr_predecoder *self);

/* OTR_ERR_INDEX unless the events are ascending, distinct and below the graph's nodes. */
otr_status otr_predecoder_check_events(const otr_predecoder *self, const uint32_t *events,
                                       size_t event_count);

/* otr_predecoder_apply with arguments that are there; *out may be written on failure, too. */
otr_status otr_predecoder_run(otr_predecoder *self, otr_predecoder_use use, const uint32_t *events,
                              size_t event_count, otr_predecoded *out);

/* For kinds without numbers of their own. */
otr_status otr_predecoder_reweight_plain(otr_predecoder *self, const otr_graph *graph, otr_error *error);

/* Appends one override. OTR_ERR_MEMORY. */
otr_status otr_predecoder_override(otr_predecoder *self, uint32_t edge, int32_t weight);

/* One of the shots of a batch. */
static inline otr_predecoded otr_predecoded_at(const otr_predecoded_spans *all, size_t shot) {
    return (otr_predecoded){
        .events = all->events + all->event_begin[shot],
        .event_count = all->event_begin[shot + 1] - all->event_begin[shot],
        .overrides = all->overrides + all->override_begin[shot],
        .override_count = all->override_begin[shot + 1] - all->override_begin[shot],
        .observables = all->observables != NULL ? all->observables + shot * all->observable_stride : NULL,
        .edges = all->edges != NULL ? all->edges + all->edge_begin[shot] : NULL,
        .edge_count = all->edge_begin[shot + 1] - all->edge_begin[shot],
        .weight_offset = all->weight_offset,
    };
}

#endif
