/* The lattice that detectors stand on: sites, kinds, and what a network is told about a place.
 *
 * A site is the coordinate divided by the pitch, along x, y and round; before, x and y may be turned, scaled
 * and moved. Kinds colour the lattice (for a surface code the two stabiliser types, as a chessboard). Each
 * kind has a frame, in which x and y may be exchanged, so that two kinds which are mirror images of each
 * other look alike. */
#ifndef OTR_LATTICE_H
#define OTR_LATTICE_H

#include "graph/graph_internal.h"
#include "outrider/model.h"

#include <stdbool.h>

#define OTR_LATTICE_KINDS_MAX 8
/* Sites lie within plus or minus this. */
#define OTR_LATTICE_SITE_MAX 0x20000000
/* A lattice with more sites per detector than this in its bounding box is refused as too sparse; small ones
 * never are. */
#define OTR_LATTICE_SPARSITY_MAX 1024
#define OTR_LATTICE_SITES_FREE 0x100000

/* Distances to an end are told apart below this; three classes a side and one for "far from both". */
#define OTR_END_DISTANCE_MAX 3
#define OTR_END_CLASSES (2 * OTR_END_DISTANCE_MAX + 1)
#define OTR_PLACE_CLASSES (OTR_END_CLASSES * OTR_END_CLASSES)
#define OTR_PHASE_CLASSES (2 * OTR_END_CLASSES)

typedef struct otr_offset {
    int32_t x, y, t;
} otr_offset;

typedef struct otr_lattice_rule {
    int32_t plane[2][3]; /* rows for x and y: what is divided by the pitch is plane (x, y, 1); invertible */
    otr_offset pitch;    /* units per site, each at least 1 */
    otr_offset step;     /* kind = (step . site) mod kinds */
    uint32_t kinds;
    bool transposed[OTR_LATTICE_KINDS_MAX];
} otr_lattice_rule;

typedef struct otr_lattice {
    const otr_lattice_rule *rule;
    uint32_t node_count;
    otr_offset low, high; /* the corners of the bounding box; high < low without detectors */
    otr_offset *sites;    /* of the nodes */
    uint8_t *kinds;
    /* Distance classes towards the ends of the box: 0, 1, 2 steps from the low end, 3 far from both (or
     * halfway), 4, 5, 6 for 2, 1, 0 steps from the high end. */
    uint8_t *places; /* OTR_END_CLASSES * class along x + class along y, in the own frame */
    uint8_t *phases; /* class along t, plus OTR_END_CLASSES if the kind occurs in the very first round */
} otr_lattice;

/* One edge as one of its ends sees it: where the other end is, in the frame of the own kind. */
typedef struct otr_slot {
    otr_offset offset;
    bool is_boundary; /* the offset is then zero */
} otr_slot;

/* Sets the plane, that of the coordinates themselves for NULL; false, with the rule as it was, if it is not
 * invertible or a number is beyond OTR_EVENT_PLANE_MAX. */
bool otr_lattice_set_plane(otr_lattice_rule *rule, const int32_t (*plane)[3]);

/* How far apart along x and y, in detector coordinates, sites are at most that lie within `sites` of each
 * other. */
void otr_lattice_reach(const otr_lattice_rule *rule, int32_t sites, double *x, double *y);

/* The offset in the frame of `kind`, or back: exchanging twice changes nothing. */
static inline otr_offset otr_lattice_framed(const otr_lattice_rule *rule, uint32_t kind, otr_offset offset) {
    return rule->transposed[kind] ? (otr_offset){offset.y, offset.x, offset.t} : offset;
}

/* The kind of the site that lies at `offset` (on the lattice) from one of kind `kind`. */
uint32_t otr_lattice_kind_at(const otr_lattice_rule *rule, uint32_t kind, otr_offset offset);

/* Reads the coordinates of all detectors of `model`, whose graph has as many nodes. The rule is borrowed.
 * OTR_ERR_FORMAT if a detector lacks coordinates, is off the lattice or shares its site with another one,
 * OTR_ERR_ARGUMENT if the model is not the graph's, OTR_ERR_LIMIT, OTR_ERR_MEMORY. */
otr_status otr_lattice_init(otr_lattice *lattice, const otr_lattice_rule *rule, const otr_graph *graph,
                            const otr_model *model, otr_error *error);
void otr_lattice_free(otr_lattice *lattice);

/* Heap bytes held. */
size_t otr_lattice_bytes(const otr_lattice *lattice);

/* Fills edges[node * slot_count + slot] with the edge of the graph that leads from the node to the place that
 * the slot names, or OTR_NONE. The slots of a kind begin at slots[slot_count * set_of_kind[kind]].
 * OTR_ERR_FORMAT if an edge has no slot at one of its ends. */
otr_status otr_lattice_edges(const otr_lattice *lattice, const otr_graph *graph, const otr_slot *slots,
                             uint32_t slot_count, const uint8_t *set_of_kind, uint32_t *edges,
                             otr_error *error);

#endif
