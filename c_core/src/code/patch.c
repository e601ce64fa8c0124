/* Layout rules: the STIM family follows Stim's generator (read off its circuits), the PAPER families the
 * layout of arXiv:2604.12841: orientation = type of the top-left plaquette (X: O1, O2; Z: O3, O4) and whether
 * the plaquette next to that corner lies on the top edge (O1, O3) or on the left edge (O2, O4). Stim's layout
 * is that of O3. */
#include "code/patch.h"

#include "common/array.h"

#include <stdlib.h>

#define BASIS_X_BIT (1u << OTR_BASIS_X)
#define BASIS_Z_BIT (1u << OTR_BASIS_Z)

/* Plaquettes form a grid of (height + 1) x (width + 1) cells; cell (row, column) has its centre at
 * coordinates (2 column, 2 row). */
typedef struct plaquette_rule {
    uint32_t width, height;
    otr_basis first; /* type of cells with even row + column, the top-left bulk plaquette among them */
    /* Whether top and bottom edges keep the type `first`, left and right the other; else the reverse. */
    bool top_first;
} plaquette_rule;

static plaquette_rule rule_of(const otr_surface_options *options);
static otr_status allocate(otr_patch *patch, uint32_t **cells, uint32_t **stabiliser_at);
static uint32_t collect_cells(const plaquette_rule *rule, bool by_column, unsigned basis_bits,
                              uint32_t *cells);
static void place_stabilisers(otr_patch *patch, const plaquette_rule *rule, const uint32_t *cells,
                              uint32_t *stabiliser_at);
static void number_qubits(otr_patch *patch, otr_circuit_family family);
static void set_schedule(otr_patch *patch, const otr_surface_options *options);

otr_status otr_patch_init(otr_patch *patch, const otr_surface_options *options) {
    const plaquette_rule rule = rule_of(options);
    const unsigned memory_bit = 1u << options->basis;
    const bool is_stim = options->family == OTR_CIRCUIT_STIM;
    uint32_t *cells = NULL, *stabiliser_at = NULL;
    otr_status status;
    uint32_t x_count;

    *patch = (otr_patch){.width = options->width, .height = options->height};
    patch->data_count = options->width * options->height;
    patch->stabiliser_count = patch->data_count - 1;
    status = allocate(patch, &cells, &stabiliser_at);
    if (status != OTR_OK) {
        goto done;
    }
    if (is_stim) {
        collect_cells(&rule, false, BASIS_X_BIT | BASIS_Z_BIT, cells);
    } else {
        x_count = collect_cells(&rule, false, BASIS_X_BIT, cells);
        collect_cells(&rule, true, BASIS_Z_BIT, cells + x_count);
    }
    place_stabilisers(patch, &rule, cells, stabiliser_at);
    number_qubits(patch, options->family);
    set_schedule(patch, options);

    x_count = collect_cells(&rule, is_stim, BASIS_X_BIT, cells);
    collect_cells(&rule, true, BASIS_Z_BIT, cells + x_count);
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        patch->gate_order[i] = stabiliser_at[cells[i]];
    }
    patch->basis_count = collect_cells(&rule, is_stim || options->basis == OTR_BASIS_Z, memory_bit, cells);
    for (uint32_t i = 0; i < patch->basis_count; i++) {
        patch->basis_order[i] = stabiliser_at[cells[i]];
    }
done:
    free(cells);
    free(stabiliser_at);
    if (status != OTR_OK) {
        otr_patch_free(patch);
    }
    return status;
}

void otr_patch_free(otr_patch *patch) {
    free(patch->data_qubit);
    free(patch->data_layers);
    free(patch->stabilisers);
    free(patch->gate_order);
    free(patch->basis_order);
    *patch = (otr_patch){0};
}

uint32_t otr_stabiliser_cell(const otr_stabiliser *stabiliser) {
    static const otr_corner order[2][OTR_CORNER_COUNT] = {
        [OTR_BASIS_X] = {OTR_TOP_LEFT, OTR_TOP_RIGHT, OTR_BOTTOM_LEFT, OTR_BOTTOM_RIGHT},
        [OTR_BASIS_Z] = {OTR_TOP_RIGHT, OTR_TOP_LEFT, OTR_BOTTOM_RIGHT, OTR_BOTTOM_LEFT},
    };
    int i = 0;
    while (stabiliser->data[order[stabiliser->basis][i]] == OTR_NO_DATA) {
        i++;
    }
    return stabiliser->data[order[stabiliser->basis][i]];
}

uint32_t otr_patch_layer_detectors(const otr_patch *patch, uint64_t layer, uint64_t rounds) {
    return layer == 0 || layer == rounds ? patch->basis_count : patch->stabiliser_count;
}

const otr_stabiliser *otr_patch_layer_stabiliser(const otr_patch *patch, uint64_t layer, uint64_t rounds,
                                                 uint32_t index) {
    return &patch->stabilisers[layer == 0 || layer == rounds ? patch->basis_order[index] : index];
}

static plaquette_rule rule_of(const otr_surface_options *options) {
    const otr_orientation layout =
        options->family == OTR_CIRCUIT_STIM ? OTR_ORIENTATION_O3 : options->orientation;
    return (plaquette_rule){
        .width = options->width,
        .height = options->height,
        .first = layout == OTR_ORIENTATION_O1 || layout == OTR_ORIENTATION_O2 ? OTR_BASIS_X : OTR_BASIS_Z,
        .top_first = layout == OTR_ORIENTATION_O2 || layout == OTR_ORIENTATION_O4,
    };
}

static otr_status allocate(otr_patch *patch, uint32_t **cells, uint32_t **stabiliser_at) {
    const size_t cell_count = ((size_t)patch->width + 1) * ((size_t)patch->height + 1);
    patch->data_qubit = otr_array_new(patch->data_count, sizeof *patch->data_qubit);
    patch->data_layers = otr_array_zeroed(patch->data_count, sizeof *patch->data_layers);
    patch->stabilisers = otr_array_new(patch->stabiliser_count, sizeof *patch->stabilisers);
    patch->gate_order = otr_array_new(patch->stabiliser_count, sizeof *patch->gate_order);
    patch->basis_order = otr_array_new(patch->stabiliser_count, sizeof *patch->basis_order);
    *cells = otr_array_new(cell_count, sizeof **cells);
    *stabiliser_at = otr_array_new(cell_count, sizeof **stabiliser_at);
    if (patch->data_qubit == NULL || patch->data_layers == NULL || patch->stabilisers == NULL ||
        patch->gate_order == NULL || patch->basis_order == NULL || *cells == NULL || *stabiliser_at == NULL) {
        return OTR_ERR_MEMORY;
    }
    return OTR_OK;
}

static bool cell_is_first(uint32_t row, uint32_t column) {
    return (row + column) % 2 == 0;
}

static otr_basis cell_basis(const plaquette_rule *rule, uint32_t row, uint32_t column) {
    const otr_basis other = rule->first == OTR_BASIS_X ? OTR_BASIS_Z : OTR_BASIS_X;
    return cell_is_first(row, column) ? rule->first : other;
}

static bool cell_is_stabiliser(const plaquette_rule *rule, uint32_t row, uint32_t column) {
    const bool on_top_or_bottom = row == 0 || row == rule->height;
    const bool on_left_or_right = column == 0 || column == rule->width;
    if (on_top_or_bottom && on_left_or_right) {
        return false;
    }
    if (on_top_or_bottom) {
        return cell_is_first(row, column) == rule->top_first;
    }
    if (on_left_or_right) {
        return cell_is_first(row, column) != rule->top_first;
    }
    return true;
}

/* Lists the cells that hold a stabiliser of one of the types, row by row or column by column; returns their
 * number. */
static uint32_t collect_cells(const plaquette_rule *rule, bool by_column, unsigned basis_bits,
                              uint32_t *cells) {
    const uint32_t rows = rule->height + 1, columns = rule->width + 1;
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows * columns; i++) {
        const uint32_t row = by_column ? i % rows : i / columns;
        const uint32_t column = by_column ? i / rows : i % columns;
        if (cell_is_stabiliser(rule, row, column) && (basis_bits >> cell_basis(rule, row, column) & 1)) {
            cells[count++] = row * columns + column;
        }
    }
    return count;
}

static uint32_t data_at(const plaquette_rule *rule, uint32_t row, uint32_t column, otr_corner corner) {
    const uint32_t below = corner == OTR_BOTTOM_LEFT || corner == OTR_BOTTOM_RIGHT;
    const uint32_t right = corner == OTR_TOP_RIGHT || corner == OTR_BOTTOM_RIGHT;
    if (row + below == 0 || row + below > rule->height || column + right == 0 ||
        column + right > rule->width) {
        return OTR_NO_DATA;
    }
    return (row + below - 1) * rule->width + (column + right - 1);
}

static void place_stabilisers(otr_patch *patch, const plaquette_rule *rule, const uint32_t *cells,
                              uint32_t *stabiliser_at) {
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        const uint32_t row = cells[i] / (rule->width + 1), column = cells[i] % (rule->width + 1);
        otr_stabiliser *stabiliser = &patch->stabilisers[i];
        *stabiliser = (otr_stabiliser){.basis = cell_basis(rule, row, column), .x = 2 * column, .y = 2 * row};
        for (int corner = 0; corner < OTR_CORNER_COUNT; corner++) {
            stabiliser->data[corner] = data_at(rule, row, column, (otr_corner)corner);
        }
        stabiliser_at[cells[i]] = i;
    }
}

/* STIM numbers qubits by position with gaps, row pairs 2 width + 1 apart; PAPER: data, then ancillas. */
static void number_qubits(otr_patch *patch, otr_circuit_family family) {
    const bool is_stim = family == OTR_CIRCUIT_STIM;
    const uint32_t stride = 2 * patch->width + 1;
    for (uint32_t i = 0; i < patch->data_count; i++) {
        const uint32_t row = i / patch->width, column = i % patch->width;
        patch->data_qubit[i] = is_stim ? 2 * column + 1 + row * stride : i;
    }
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        otr_stabiliser *stabiliser = &patch->stabilisers[i];
        stabiliser->qubit = is_stim ? stabiliser->x + stabiliser->y / 2 * stride : patch->data_count + i;
    }
}

/* The last two corners of a type are where a hook error lands; they lie across the logical operator of that
 * type. */
static void set_schedule(otr_patch *patch, const otr_surface_options *options) {
    static const otr_corner stim_x[] = {OTR_BOTTOM_RIGHT, OTR_BOTTOM_LEFT, OTR_TOP_RIGHT, OTR_TOP_LEFT};
    static const otr_corner stim_z[] = {OTR_BOTTOM_RIGHT, OTR_TOP_RIGHT, OTR_BOTTOM_LEFT, OTR_TOP_LEFT};
    static const otr_corner paper_down[] = {OTR_TOP_RIGHT, OTR_BOTTOM_RIGHT, OTR_TOP_LEFT, OTR_BOTTOM_LEFT};
    static const otr_corner paper_across[] = {OTR_TOP_RIGHT, OTR_TOP_LEFT, OTR_BOTTOM_RIGHT, OTR_BOTTOM_LEFT};
    const bool x_is_row =
        options->family != OTR_CIRCUIT_STIM &&
        (options->orientation == OTR_ORIENTATION_O1 || options->orientation == OTR_ORIENTATION_O4);
    const otr_corner *order_x = x_is_row ? paper_down : paper_across;
    const otr_corner *order_z = x_is_row ? paper_across : paper_down;
    if (options->family == OTR_CIRCUIT_STIM) {
        order_x = stim_x;
        order_z = stim_z;
    }
    for (int layer = 0; layer < OTR_LAYER_COUNT; layer++) {
        patch->corners[OTR_BASIS_X][layer] = order_x[layer];
        patch->corners[OTR_BASIS_Z][layer] = order_z[layer];
    }
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[i];
        for (int layer = 0; layer < OTR_LAYER_COUNT; layer++) {
            const uint32_t data = stabiliser->data[patch->corners[stabiliser->basis][layer]];
            if (data != OTR_NO_DATA) {
                patch->data_layers[data] |= (uint8_t)(1u << layer);
            }
        }
    }
    patch->observable_is_row = (options->basis == OTR_BASIS_X) == x_is_row;
}
