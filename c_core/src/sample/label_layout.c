#include "sample/label_layout.h"

#include "common/array.h"

#include <stdlib.h>
#include <string.h>

static otr_plaquette plaquette_of(const otr_stabiliser *stabiliser);

otr_status otr_label_layout_init(otr_label_layout *layout, const otr_surface *surface) {
    const otr_patch *patch = &surface->patch;
    *layout = (otr_label_layout){
        .rounds = surface->options.rounds,
        .height = patch->height,
        .width = patch->width,
        .data_count = patch->data_count,
        .stabiliser_count = patch->stabiliser_count,
        .memory_basis = surface->options.basis,
        .observable_step = patch->observable_is_row ? 1 : patch->width,
        .observable_length = patch->observable_is_row ? patch->width : patch->height,
    };
    layout->basis = otr_array_new(patch->stabiliser_count, sizeof *layout->basis);
    layout->cell = otr_array_new(patch->stabiliser_count, sizeof *layout->cell);
    layout->weight = otr_array_new(patch->stabiliser_count, sizeof *layout->weight);
    for (int type = OTR_BASIS_X; type <= OTR_BASIS_Z; type++) {
        layout->plaquettes[type] = otr_array_new(patch->stabiliser_count, sizeof *layout->plaquettes[type]);
        layout->detecting[type] = otr_array_zeroed(patch->data_count, sizeof *layout->detecting[type]);
    }
    if (layout->basis == NULL || layout->cell == NULL || layout->weight == NULL ||
        layout->plaquettes[OTR_BASIS_X] == NULL || layout->plaquettes[OTR_BASIS_Z] == NULL ||
        layout->detecting[OTR_BASIS_X] == NULL || layout->detecting[OTR_BASIS_Z] == NULL) {
        otr_label_layout_free(layout);
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < patch->stabiliser_count; i++) {
        const otr_stabiliser *stabiliser = &patch->stabilisers[i];
        const otr_basis type = stabiliser->basis, seen = type == OTR_BASIS_X ? OTR_BASIS_Z : OTR_BASIS_X;
        const otr_plaquette plaquette = plaquette_of(stabiliser);
        layout->basis[i] = type;
        layout->cell[i] = otr_stabiliser_cell(stabiliser);
        layout->weight[i] = plaquette.weight;
        layout->plaquettes[type][layout->plaquette_count[type]++] = plaquette;
        for (uint32_t k = 0; k < plaquette.weight; k++) {
            otr_detecting *detecting = &layout->detecting[seen][plaquette.data[k]];
            detecting->stabilisers[detecting->count++] = i;
        }
    }
    return OTR_OK;
}

void otr_label_layout_free(otr_label_layout *layout) {
    free(layout->basis);
    free(layout->cell);
    free(layout->weight);
    for (int type = OTR_BASIS_X; type <= OTR_BASIS_Z; type++) {
        free(layout->plaquettes[type]);
        free(layout->detecting[type]);
    }
    *layout = (otr_label_layout){0};
}

/* Of the two qubits of a plaquette on the patch's edge, the one that comes first clockwise is preferred: the
 * right one above, the lower one on the right, the left one below, the upper one on the left. */
static otr_plaquette plaquette_of(const otr_stabiliser *stabiliser) {
    static const otr_corner clockwise[] = {OTR_TOP_RIGHT, OTR_BOTTOM_RIGHT, OTR_BOTTOM_LEFT, OTR_TOP_LEFT};
    const uint32_t *data = stabiliser->data;
    otr_plaquette plaquette = {0};
    for (int i = 0; i < OTR_CORNER_COUNT; i++) {
        const uint32_t here = data[clockwise[i]], next = data[clockwise[(i + 1) % OTR_CORNER_COUNT]];
        if (here != OTR_NO_DATA) {
            plaquette.weight++;
            if (next != OTR_NO_DATA) {
                plaquette.data[0] = here;
                plaquette.data[1] = next;
            }
        }
    }
    if (plaquette.weight == OTR_CORNER_COUNT) {
        memcpy(plaquette.data, data, sizeof plaquette.data);
    }
    return plaquette;
}
