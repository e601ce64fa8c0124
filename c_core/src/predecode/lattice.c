#include "predecode/lattice.h"

#include "common/array.h"
#include "common/error.h"
#include "outrider/event_network.h"
#include "outrider/rounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A node that no declaration has placed yet. */
#define UNPLACED INT32_MAX
/* Of a site: coordinates need not be exact in binary. */
#define SITE_TOLERANCE 1e-6

static int64_t determinant(const int32_t (*plane)[3]);
static otr_status read_sites(otr_lattice *lattice, const otr_model *model, otr_error *error);
static otr_status check_sites(const otr_lattice *lattice, otr_error *error);
static void find_box(otr_lattice *lattice);
static void classify(otr_lattice *lattice);
static uint32_t kind_of(const otr_lattice_rule *rule, int64_t start, otr_offset offset);
static uint32_t find_slot(const otr_lattice *lattice, const otr_slot *slots, uint32_t slot_count,
                          uint32_t node, uint32_t other);
static otr_status refuse_edge(const otr_lattice *lattice, uint32_t node, uint32_t other, otr_error *error);

otr_status otr_lattice_init(otr_lattice *lattice, const otr_lattice_rule *rule, const otr_graph *graph,
                            const otr_model *model, otr_error *error) {
    const uint32_t count = graph->node_count;
    otr_status status;
    *lattice = (otr_lattice){.rule = rule, .node_count = count};
    if (otr_model_detector_count(model) != count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the model has %llu detectors and the graph %u: they do not belong together",
                             (unsigned long long)otr_model_detector_count(model), count);
    }
    lattice->sites = otr_array_new(count, sizeof *lattice->sites);
    lattice->kinds = otr_array_new(count, sizeof *lattice->kinds);
    lattice->places = otr_array_new(count, sizeof *lattice->places);
    lattice->phases = otr_array_new(count, sizeof *lattice->phases);
    status = OTR_ERR_MEMORY;
    if (lattice->sites != NULL && lattice->kinds != NULL && lattice->places != NULL &&
        lattice->phases != NULL) {
        status = read_sites(lattice, model, error);
    }
    if (status == OTR_OK) {
        find_box(lattice);
        status = check_sites(lattice, error);
    }
    if (status != OTR_OK) {
        otr_lattice_free(lattice);
        return status == OTR_ERR_MEMORY ? otr_error_set(error, status, 0, 0, "out of memory") : status;
    }
    classify(lattice);
    return OTR_OK;
}

void otr_lattice_free(otr_lattice *lattice) {
    free(lattice->sites);
    free(lattice->kinds);
    free(lattice->places);
    free(lattice->phases);
    *lattice = (otr_lattice){0};
}

size_t otr_lattice_bytes(const otr_lattice *lattice) {
    return lattice->node_count * (sizeof *lattice->sites + sizeof *lattice->kinds + sizeof *lattice->places +
                                  sizeof *lattice->phases);
}

bool otr_lattice_set_plane(otr_lattice_rule *rule, const int32_t (*plane)[3]) {
    static const int32_t own[2][3] = {{1, 0, 0}, {0, 1, 0}};
    if (plane == NULL) {
        plane = own;
    }
    for (int i = 0; i < 6; i++) {
        if (plane[i / 3][i % 3] < -OTR_EVENT_PLANE_MAX || plane[i / 3][i % 3] > OTR_EVENT_PLANE_MAX) {
            return false;
        }
    }
    if (determinant(plane) == 0) {
        return false;
    }
    memcpy(rule->plane, plane, sizeof rule->plane);
    return true;
}

void otr_lattice_reach(const otr_lattice_rule *rule, int32_t sites, double *x, double *y) {
    const int32_t(*const plane)[3] = rule->plane;
    const double along_x = (double)sites * rule->pitch.x, along_y = (double)sites * rule->pitch.y;
    const double scale = fabs((double)determinant(plane));
    *x = (fabs((double)plane[1][1]) * along_x + fabs((double)plane[0][1]) * along_y) / scale;
    *y = (fabs((double)plane[1][0]) * along_x + fabs((double)plane[0][0]) * along_y) / scale;
}

uint32_t otr_lattice_kind_at(const otr_lattice_rule *rule, uint32_t kind, otr_offset offset) {
    return kind_of(rule, kind, offset);
}

otr_status otr_lattice_edges(const otr_lattice *lattice, const otr_graph *graph, const otr_slot *slots,
                             uint32_t slot_count, const uint8_t *set_of_kind, uint32_t *edges,
                             otr_error *error) {
    memset(edges, 0xFF, (size_t)lattice->node_count * slot_count * sizeof *edges);
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        uint32_t node = graph->edge_node1[edge], other = graph->edge_node2[edge];
        const int end_count = other == OTR_BOUNDARY ? 1 : 2;
        for (int end = 0; end < end_count; end++) {
            const otr_slot *const own = slots + (size_t)slot_count * set_of_kind[lattice->kinds[node]];
            const uint32_t slot = find_slot(lattice, own, slot_count, node, other);
            const uint32_t seen = node;
            if (slot == slot_count) {
                return refuse_edge(lattice, graph->edge_node1[edge], graph->edge_node2[edge], error);
            }
            edges[(size_t)node * slot_count + slot] = edge;
            node = other;
            other = seen;
        }
    }
    return OTR_OK;
}

static int64_t determinant(const int32_t (*plane)[3]) {
    return (int64_t)plane[0][0] * plane[1][1] - (int64_t)plane[0][1] * plane[1][0];
}

/* The remainder that is never negative. */
static uint32_t kind_of(const otr_lattice_rule *rule, int64_t start, otr_offset offset) {
    const int64_t kinds = rule->kinds;
    const int64_t sum = start + (int64_t)rule->step.x * offset.x + (int64_t)rule->step.y * offset.y +
                        (int64_t)rule->step.t * offset.t;
    return (uint32_t)((sum % kinds + kinds) % kinds);
}

/* The site number of a coordinate; false if it is none. */
static bool to_site(double coordinate, int32_t pitch, int32_t *site) {
    const double quotient = coordinate / pitch, nearest = nearbyint(quotient);
    if (!(fabs(quotient) <= OTR_LATTICE_SITE_MAX) || fabs(quotient - nearest) > SITE_TOLERANCE) {
        return false;
    }
    *site = (int32_t)nearest;
    return true;
}

/* x or y of the lattice. Numbers that the row leaves out do not matter, be they infinite. */
static double along(const int32_t *row, const double *at) {
    return (row[0] != 0 ? row[0] * at[0] : 0) + (row[1] != 0 ? row[1] * at[1] : 0) + row[2];
}

/* `rounds`: of the detectors, NULL where their times are sites. */
static otr_status place(otr_lattice *lattice, const otr_instruction *declaration, uint64_t detector,
                        const uint32_t *rounds, otr_error *error) {
    const double *const at = declaration->arguments;
    const otr_offset pitch = lattice->rule->pitch;
    otr_offset site;
    if (declaration->argument_count < 3) {
        return OTR_OK;
    }
    if (!to_site(along(lattice->rule->plane[0], at), pitch.x, &site.x) ||
        !to_site(along(lattice->rule->plane[1], at), pitch.y, &site.y) ||
        !(rounds != NULL ? to_site(rounds[detector], 1, &site.t) : to_site(at[2], pitch.t, &site.t))) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                             "detector D%llu at (%g, %g, %g) is not on the network's lattice",
                             (unsigned long long)detector, at[0], at[1], at[2]);
    }
    lattice->sites[detector] = site;
    lattice->kinds[detector] = (uint8_t)kind_of(lattice->rule, 0, site);
    return OTR_OK;
}

static otr_status place_all(otr_lattice *lattice, const otr_model *model, const uint32_t *rounds,
                            otr_error *error) {
    otr_model_walk *walk = NULL;
    otr_instruction instruction;
    otr_status status = otr_model_walk_create(&walk, model);
    for (uint32_t node = 0; node < lattice->node_count; node++) {
        lattice->sites[node].x = UNPLACED;
    }
    while (status == OTR_OK && otr_model_walk_next(walk, &instruction)) {
        if (instruction.kind == OTR_INSTRUCTION_DETECTOR) {
            for (uint64_t i = 0; i < instruction.target_count && status == OTR_OK; i++) {
                status = place(lattice, &instruction, instruction.targets[i], rounds, error);
            }
        }
    }
    otr_model_walk_destroy(walk);
    return status;
}

static bool has_whole_times(const otr_rounds *rounds) {
    return floor(rounds->unit) == rounds->unit && floor(rounds->first_time) == rounds->first_time;
}

/* Time is the third coordinate, as outrider/rounds.h has it; where its values are not whole, rounds are. */
static otr_status read_sites(otr_lattice *lattice, const otr_model *model, otr_error *error) {
    otr_error by_times = {0};
    otr_rounds found;
    otr_status status = place_all(lattice, model, NULL, &by_times);
    if (status == OTR_ERR_FORMAT) {
        uint32_t *const rounds = otr_array_new(lattice->node_count, sizeof *rounds);
        status = rounds != NULL ? otr_model_rounds(model, NULL, rounds, &found, NULL) : OTR_ERR_MEMORY;
        if (status == OTR_OK) {
            status = has_whole_times(&found) ? OTR_ERR_FORMAT : place_all(lattice, model, rounds, NULL);
        }
        free(rounds);
        if (status != OTR_OK && status != OTR_ERR_MEMORY) {
            status = otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "%s", by_times.message);
        }
    }
    for (uint32_t node = 0; node < lattice->node_count && status == OTR_OK; node++) {
        if (lattice->sites[node].x == UNPLACED) {
            status = otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                                   "detector D%u has no coordinates (x, y, round), which the event network "
                                   "needs; decoding without a pre-decoder works",
                                   node);
        }
    }
    return status;
}

static void stretch(int32_t value, int32_t *low, int32_t *high) {
    *low = value < *low ? value : *low;
    *high = value > *high ? value : *high;
}

static void find_box(otr_lattice *lattice) {
    lattice->low = (otr_offset){INT32_MAX, INT32_MAX, INT32_MAX};
    lattice->high = (otr_offset){INT32_MIN, INT32_MIN, INT32_MIN};
    for (uint32_t node = 0; node < lattice->node_count; node++) {
        const otr_offset site = lattice->sites[node];
        stretch(site.x, &lattice->low.x, &lattice->high.x);
        stretch(site.y, &lattice->low.y, &lattice->high.y);
        stretch(site.t, &lattice->low.t, &lattice->high.t);
    }
    if (lattice->node_count == 0) {
        lattice->low = (otr_offset){0, 0, 0};
        lattice->high = (otr_offset){-1, -1, -1};
    }
}

/* Whether the box is crowded enough to be held as an array; *sites is its volume. */
static bool box_sites(const otr_lattice *lattice, uint64_t *sites) {
    const uint64_t limit = OTR_LATTICE_SITES_FREE + (uint64_t)OTR_LATTICE_SPARSITY_MAX * lattice->node_count;
    const uint64_t width = (uint64_t)((int64_t)lattice->high.x - lattice->low.x + 1);
    const uint64_t height = (uint64_t)((int64_t)lattice->high.y - lattice->low.y + 1);
    const uint64_t length = (uint64_t)((int64_t)lattice->high.t - lattice->low.t + 1);
    const uint64_t area = width * height; /* sides are below 2^31 */
    if (area > limit || (area > 0 && length > limit / area)) {
        return false;
    }
    *sites = area * length;
    return true;
}

/* Marks every site once. */
static otr_status check_sites(const otr_lattice *lattice, otr_error *error) {
    const otr_offset low = lattice->low, high = lattice->high;
    uint64_t sites;
    uint32_t *owner;
    otr_status status = OTR_OK;
    if (!box_sites(lattice, &sites)) {
        return otr_error_set(error, OTR_ERR_LIMIT, 0, 0,
                             "the detectors are spread over more than %d sites each: coordinates too sparse "
                             "for an event network",
                             OTR_LATTICE_SPARSITY_MAX);
    }
    owner = otr_array_new((size_t)sites, sizeof *owner);
    if (owner == NULL) {
        return OTR_ERR_MEMORY;
    }
    memset(owner, 0xFF, (size_t)sites * sizeof *owner);
    for (uint32_t node = 0; node < lattice->node_count && status == OTR_OK; node++) {
        const otr_offset site = lattice->sites[node];
        const size_t column = (size_t)(site.x - low.x), row = (size_t)(site.y - low.y);
        const size_t width = (size_t)(high.x - low.x + 1), height = (size_t)(high.y - low.y + 1);
        uint32_t *const own = &owner[((size_t)(site.t - low.t) * height + row) * width + column];
        if (*own != OTR_NONE) {
            status = otr_error_set(error, OTR_ERR_FORMAT, 0, 0, "detectors D%u and D%u have the same place",
                                   *own, node);
        }
        *own = node;
    }
    free(owner);
    return status;
}

static uint32_t end_class(int32_t value, int32_t low, int32_t high) {
    const int32_t from_low = value - low, from_high = high - value;
    const int32_t nearest = from_low < from_high ? from_low : from_high;
    if (nearest >= OTR_END_DISTANCE_MAX) {
        return OTR_END_DISTANCE_MAX;
    }
    return (uint32_t)(from_low <= from_high ? from_low : OTR_END_CLASSES - 1 - from_high);
}

static void classify(otr_lattice *lattice) {
    const otr_offset low = lattice->low, high = lattice->high;
    bool is_first[OTR_LATTICE_KINDS_MAX] = {false};
    for (uint32_t node = 0; node < lattice->node_count; node++) {
        is_first[lattice->kinds[node]] |= lattice->sites[node].t == low.t;
    }
    for (uint32_t node = 0; node < lattice->node_count; node++) {
        const otr_offset site = lattice->sites[node];
        const uint32_t kind = lattice->kinds[node];
        const uint32_t x = end_class(site.x, low.x, high.x), y = end_class(site.y, low.y, high.y);
        const bool is_transposed = lattice->rule->transposed[kind];
        lattice->places[node] = (uint8_t)(is_transposed ? y * OTR_END_CLASSES + x : x * OTR_END_CLASSES + y);
        lattice->phases[node] =
            (uint8_t)((is_first[kind] ? OTR_END_CLASSES : 0) + end_class(site.t, low.t, high.t));
    }
}

/* The slot of `node` for its edge to `other`, or slot_count. */
static uint32_t find_slot(const otr_lattice *lattice, const otr_slot *slots, uint32_t slot_count,
                          uint32_t node, uint32_t other) {
    otr_offset offset = {0, 0, 0};
    uint32_t slot = 0;
    if (other != OTR_BOUNDARY) {
        const otr_offset from = lattice->sites[node], to = lattice->sites[other];
        offset = (otr_offset){to.x - from.x, to.y - from.y, to.t - from.t};
        offset = otr_lattice_framed(lattice->rule, lattice->kinds[node], offset);
    }
    while (slot < slot_count &&
           (slots[slot].is_boundary != (other == OTR_BOUNDARY) || slots[slot].offset.x != offset.x ||
            slots[slot].offset.y != offset.y || slots[slot].offset.t != offset.t)) {
        slot++;
    }
    return slot;
}

static otr_status refuse_edge(const otr_lattice *lattice, uint32_t node, uint32_t other, otr_error *error) {
    const otr_offset from = lattice->sites[node];
    if (other == OTR_BOUNDARY) {
        return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                             "D%u has an edge to the boundary: the network was not made for this code", node);
    }
    return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                         "edge D%u-D%u has offset (%d, %d, %d): the network was not made for this code", node,
                         other, lattice->sites[other].x - from.x, lattice->sites[other].y - from.y,
                         lattice->sites[other].t - from.t);
}
