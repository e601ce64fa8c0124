/* One graph as a network in training sees it: which events are near, and which outputs score which edges. */
#include "common/array.h"
#include "common/error.h"
#include "graph/numbers.h"
#include "predecode/event/event_classes.h"
#include "train/training_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Offsets of a cube around an event. */
#define CUBE_SIDE_MAX (2 * OTR_EVENT_RADIUS_MAX + 1)
#define OFFSETS_MAX (CUBE_SIDE_MAX * CUBE_SIDE_MAX * CUBE_SIDE_MAX)

_Static_assert(OTR_GEOMETRY_PLACES == OTR_PLACE_CLASSES, "one number of classes, public and internal");
_Static_assert(OTR_GEOMETRY_PHASES == OTR_PHASE_CLASSES, "one number of classes, public and internal");

static otr_status check_geometry(const otr_event_geometry *g, otr_error *error);
static otr_status check_slots(const otr_event_geometry *g, otr_error *error);
static otr_status fill_training(otr_training *t, const otr_model *model, const otr_event_geometry *g,
                                double offset_nats, otr_error *error);
static void free_arrays(otr_training_arrays *a);

otr_status otr_training_create(otr_training **out, const otr_graph *graph, const otr_model *model,
                               const otr_event_geometry *geometry, double offset_nats, otr_isa isa,
                               otr_error *error) {
    otr_training *t;
    otr_status status;
    if (out == NULL || graph == NULL || model == NULL || geometry == NULL || !isfinite(offset_nats)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "an argument is missing or not finite");
    }
    status = check_geometry(geometry, error);
    if (status != OTR_OK) {
        return status;
    }
    if (otr_kernels_for(isa) == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "instruction set %s is not available here",
                             otr_isa_name(isa));
    }
    t = otr_array_zeroed(1, sizeof *t);
    if (t == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    t->graph = graph;
    t->kernels = otr_kernels_for(isa);
    status = fill_training(t, model, geometry, offset_nats, error);
    if (status != OTR_OK) {
        otr_training_destroy(t);
        return status;
    }
    *out = t;
    return OTR_OK;
}

void otr_training_destroy(otr_training *training) {
    if (training == NULL) {
        return;
    }
    otr_lattice_free(&training->lattice);
    free(training->slot_edges);
    free(training->end_slots);
    free(training->priors);
    free(training->cells);
    free(training->grid);
    free(training->steps);
    free_arrays(&training->arrays);
    free(training->pairs);
    free(training->events);
    otr_gap_destroy(training->gap.gap);
    otr_gap_destroy(training->own_gap.gap);
    free(training->overrides);
    free(training->difference_edges);
    free(training->difference_signs);
    free(training->first_edges);
    free(training);
}

double otr_training_log_noise(const otr_training *training) {
    return training->log_noise;
}

uint32_t otr_training_relations(const otr_training *training) {
    return training->sets * training->offset_count;
}

static void free_arrays(otr_training_arrays *a) {
    free(a->shot_events);
    free(a->shot_edges);
    free(a->relation_pairs);
    free(a->detector);
    free(a->set);
    free(a->place);
    free(a->phase);
    free(a->target);
    free(a->source);
    free(a->edge);
    free(a->output1);
    free(a->output2);
    free(a->prior);
    free(a->label);
}

static otr_status check_geometry(const otr_event_geometry *g, otr_error *error) {
    const bool shape_ok = g->kinds >= 1 && g->kinds <= OTR_EVENT_KINDS_MAX && g->sets >= 1 &&
                          g->sets <= g->kinds && g->slots >= 1 && g->slots <= OTR_EVENT_SLOTS_MAX &&
                          g->radius >= 1 && g->radius <= OTR_EVENT_RADIUS_MAX && g->pitch[0] >= 1 &&
                          g->pitch[1] >= 1 && g->pitch[2] >= 1;
    if (!shape_ok || g->transposed == NULL || g->set == NULL || g->slot == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the geometry is out of range: pitch from 1, kinds 1 to %d, sets 1 to kinds, "
                             "slots 1 to %d, radius 1 to %d",
                             OTR_EVENT_KINDS_MAX, OTR_EVENT_SLOTS_MAX, OTR_EVENT_RADIUS_MAX);
    }
    if (!otr_lattice_set_plane(&(otr_lattice_rule){0}, g->plane)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the geometry's plane is not invertible, or has a number beyond 2^20");
    }
    for (int32_t k = 0; k < g->kinds; k++) {
        if (g->set[k] >= g->sets) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "kind %d uses weight set %u of %d", k,
                                 g->set[k], g->sets);
        }
    }
    return check_slots(g, error);
}

static bool same_offset(const otr_event_slot *a, const otr_event_slot *b) {
    return a->dx == b->dx && a->dy == b->dy && a->dt == b->dt;
}

static otr_status check_slots(const otr_event_geometry *g, otr_error *error) {
    const otr_event_slot nowhere = {0, 0, 0, 0};
    for (int32_t i = 0; i < g->sets * g->slots; i++) {
        const int32_t set = i / g->slots, slot = i % g->slots;
        const otr_event_slot *const s = &g->slot[i];
        const int32_t reach = s->boundary != 0 ? 0 : OTR_EVENT_SLOT_OFFSET_MAX;
        if (s->dx < -reach || s->dx > reach || s->dy < -reach || s->dy > reach || s->dt < -reach ||
            s->dt > reach) {
            return otr_error_set(
                error, OTR_ERR_ARGUMENT, 0, 0,
                "slot %d of set %d has offset (%d, %d, %d), which may be at most %d each way", slot, set,
                s->dx, s->dy, s->dt, reach);
        }
        if (s->boundary == 0 && same_offset(s, &nowhere)) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                                 "slot %d of set %d has offset (0, 0, 0), which only the boundary may have",
                                 slot, set);
        }
        for (int32_t k = 0; k < slot; k++) {
            if (same_offset(s, &g->slot[set * g->slots + k])) {
                return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "slots %d and %d of set %d are the same",
                                     k, slot, set);
            }
        }
    }
    return OTR_OK;
}

static void copy_rule(otr_training *t, const otr_event_geometry *g) {
    otr_lattice_set_plane(&t->rule, g->plane);
    t->rule.pitch = (otr_offset){g->pitch[0], g->pitch[1], g->pitch[2]};
    t->rule.step = (otr_offset){g->kind[0], g->kind[1], g->kind[2]};
    t->rule.kinds = (uint32_t)g->kinds;
    t->sets = (uint32_t)g->sets;
    t->slots = (uint32_t)g->slots;
    for (uint32_t k = 0; k < OTR_LATTICE_KINDS_MAX && k < t->rule.kinds; k++) {
        t->rule.transposed[k] = g->transposed[k] != 0;
        t->set_of_kind[k] = g->set[k];
    }
}

/* The edge behind every (node, slot), and the reverse. */
static otr_status find_slots(otr_training *t, const otr_event_geometry *g, otr_error *error) {
    const size_t nodes = t->graph->node_count;
    const size_t slot_count = (size_t)g->sets * t->slots;
    otr_slot slots[OTR_LATTICE_KINDS_MAX * OTR_EVENT_SLOTS_MAX];
    otr_status status;
    for (size_t i = 0; i < slot_count; i++) {
        slots[i].offset = (otr_offset){g->slot[i].dx, g->slot[i].dy, g->slot[i].dt};
        slots[i].is_boundary = g->slot[i].boundary != 0;
    }
    t->slot_edges = otr_array_new(nodes * t->slots, sizeof *t->slot_edges);
    t->end_slots = otr_array_zeroed((size_t)t->graph->edge_count * 2, 1);
    if (t->slot_edges == NULL || t->end_slots == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    status = otr_lattice_edges(&t->lattice, t->graph, slots, t->slots, t->set_of_kind, t->slot_edges, error);
    for (size_t i = 0; status == OTR_OK && i < nodes * t->slots; i++) {
        const uint32_t edge = t->slot_edges[i];
        if (edge != OTR_NONE) {
            t->end_slots[2 * (size_t)edge + (t->graph->edge_node1[edge] != i / t->slots)] =
                (uint8_t)(i % t->slots);
        }
    }
    return status;
}

static otr_status find_priors(otr_training *t, otr_error *error) {
    const uint32_t edges = t->graph->edge_count;
    t->priors = otr_array_new(edges, sizeof *t->priors);
    if (t->priors == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    for (uint32_t e = 0; e < edges; e++) {
        t->priors[e] = (float)(-t->graph->edge_weight[e] / t->graph->scale);
    }
    t->log_noise = otr_graph_log_noise(t->graph);
    return OTR_OK;
}

/* The offsets within the radius, by their numbers. */
static void list_offsets(int32_t radius, otr_offset *offsets) {
    for (int32_t z = -radius; z <= radius; z++) {
        for (int32_t y = -radius; y <= radius; y++) {
            for (int32_t x = -radius; x <= radius; x++) {
                const otr_offset offset = {x, y, z};
                const uint32_t relation = otr_event_relation((uint32_t)radius, offset);
                if (relation != OTR_EVENT_NO_RELATION) {
                    offsets[relation] = offset;
                }
            }
        }
    }
}

/* Cells of a box with margins on every side, and the steps to near cells. */
static otr_status lay_grid(otr_training *t, int32_t radius, otr_error *error) {
    const otr_offset low = t->lattice.low, high = t->lattice.high;
    const int64_t columns = (int64_t)high.x - low.x + 1 + 2 * radius;
    const int64_t rows = (int64_t)high.y - low.y + 1 + 2 * radius;
    const int64_t layers = (int64_t)high.t - low.t + 1 + 2 * radius;
    const uint32_t nodes = t->graph->node_count;
    otr_offset offsets[OFFSETS_MAX];
    size_t cells;
    if (columns > OTR_TRAINING_CELLS_MAX / rows || columns * rows > OTR_TRAINING_CELLS_MAX / layers) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0, "the lattice is too large to train on");
    }
    cells = (size_t)(columns * rows * layers);
    list_offsets(radius, offsets);
    t->offset_count = otr_event_relation_count((uint32_t)radius);
    t->cells = otr_array_new(nodes, sizeof *t->cells);
    t->grid = otr_array_new(cells, sizeof *t->grid);
    t->steps = otr_array_new((size_t)t->rule.kinds * t->offset_count, sizeof *t->steps);
    if (t->cells == NULL || t->grid == NULL || t->steps == NULL) {
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    memset(t->grid, 0xFF, cells * sizeof *t->grid);
    for (uint32_t node = 0; node < nodes; node++) {
        const otr_offset site = t->lattice.sites[node];
        const int64_t layer = site.t - low.t + radius, row = site.y - low.y + radius;
        t->cells[node] = (uint32_t)((layer * rows + row) * columns + site.x - low.x + radius);
    }
    for (uint32_t kind = 0; kind < t->rule.kinds; kind++) {
        for (uint32_t i = 0; i < t->offset_count; i++) {
            const otr_offset o = otr_lattice_framed(&t->rule, kind, offsets[i]);
            t->steps[(size_t)kind * t->offset_count + i] = (o.t * rows + o.y) * columns + o.x;
        }
    }
    return OTR_OK;
}

static otr_status fill_training(otr_training *t, const otr_model *model, const otr_event_geometry *g,
                                double offset_nats, otr_error *error) {
    otr_status status;
    copy_rule(t, g);
    status = otr_lattice_init(&t->lattice, &t->rule, t->graph, model, error);
    status = status == OTR_OK ? find_slots(t, g, error) : status;
    status = status == OTR_OK ? find_priors(t, error) : status;
    status = status == OTR_OK ? lay_grid(t, g->radius, error) : status;
    t->offset = otr_graph_nearest_weight(t->graph, offset_nats);
    if (status == OTR_OK) {
        t->events = otr_array_new((size_t)t->graph->node_count + OTR_INDEX_SLACK, sizeof *t->events);
        status = t->events != NULL ? OTR_OK : otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    return status;
}
