/* A decoder inside a control loop, one shot at a time, with weights that change from shot to shot.
 *
 * The pretend processor heralds erasures: in every shot it names a few edges that were hit by an error with
 * probability 1/2. Telling the decoder so (weight ln((1-p)/p) = 0) costs one override per erasure.
 *
 * Build it with the whole library, from the repository's root, and run it:
 *   gcc -std=c11 -O2 -ffp-contract=off -DOTR_PORTABLE_ONLY -Ic_core/include -Ic_core/src c_core/examples/embed_loop.c $(find c_core/src -name '*.c' ! -name '*_avx*') -lm -o embed_loop
 *   ./embed_loop
 */
#include <stdio.h>

#include "outrider/outrider.h"

enum { SHOTS = 20000, ERASURES = 24, DETECTOR_BYTES = 32 };

typedef struct loop {
    otr_graph *graph;
    otr_decoder *decoder;
    otr_sampler *sampler;
    uint64_t random;
} loop;

/* SplitMix64. */
static uint64_t next_random(uint64_t *state) {
    uint64_t mixed = *state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

static void flip(uint8_t *bits, uint32_t index) {
    bits[index / 8] ^= (uint8_t)(1u << index % 8);
}

/* Distance 5, 5 rounds, uniform noise; everything the loop needs, or the status that stopped it. */
static otr_status loop_open(loop *l, otr_error *error) {
    otr_surface_options options = otr_surface_options_default();
    options.width = options.height = options.rounds = 5;
    options.noise_stim = (otr_noise_stim){0.002, 0.002, 0.002, 0.002};
    otr_graph_options graph_options = otr_graph_options_default();
    otr_decoder_options decoder_options = otr_decoder_options_default();
    otr_surface *surface = NULL;
    otr_model *model = NULL;
    otr_sampler_options sampling = otr_sampler_options_default();
    sampling.seed = 1;
    otr_status status = otr_surface_create(&surface, &options, error);
    if (status == OTR_OK) {
        status = otr_surface_model(surface, 0, &model, error);
    }
    if (status == OTR_OK) {
        status = otr_graph_create(&l->graph, model, &graph_options, error);
    }
    if (status == OTR_OK) {
        status = otr_decoder_create(&l->decoder, l->graph, &decoder_options);
    }
    if (status == OTR_OK) {
        status = otr_sampler_create(&l->sampler, model, &sampling, error);
    }
    otr_model_destroy(model);
    otr_surface_destroy(surface);
    return status;
}

static void loop_close(loop *l) {
    otr_sampler_destroy(l->sampler);
    otr_decoder_destroy(l->decoder);
    otr_graph_destroy(l->graph);
}

/* Stands for the hardware: the sampler's noise, and erasures on top. */
static otr_status measure(loop *l, uint64_t shot, uint8_t *detectors, uint8_t *observables,
                          otr_override *heralds) {
    const otr_sampler_output output = {.detectors = {detectors, DETECTOR_BYTES},
                                       .observables = {observables, 1}};
    otr_status status = otr_sampler_sample(l->sampler, shot, 1, &output);
    for (size_t i = 0; status == OTR_OK && i < ERASURES; i++) {
        uint64_t random = next_random(&l->random);
        heralds[i] = (otr_override){.edge = (uint32_t)(random % otr_graph_edge_count(l->graph)), .weight = 0};
        otr_edge edge;
        status = otr_graph_edge(l->graph, heralds[i].edge, &edge);
        if (status != OTR_OK || random >> 63 == 0) {
            continue;
        }
        flip(detectors, edge.node1);
        if (edge.node2 != OTR_BOUNDARY) {
            flip(detectors, edge.node2);
        }
        for (uint32_t k = 0; k < edge.observable_count; k++) {
            flip(observables, edge.observables[k]);
        }
    }
    return status;
}

int main(void) {
    loop l = {.random = 1};
    otr_error error = {0};
    unsigned mistakes_blind = 0, mistakes_told = 0;
    otr_status status = loop_open(&l, &error);
    if (status == OTR_OK && otr_graph_node_count(l.graph) > 8 * DETECTOR_BYTES) {
        status = OTR_ERR_LIMIT;
    }
    for (uint64_t shot = 0; status == OTR_OK && shot < SHOTS; shot++) {
        uint8_t detectors[DETECTOR_BYTES] = {0}, actual = 0, blind = 0, told = 0;
        otr_override heralds[ERASURES];
        status = measure(&l, shot, detectors, &actual, heralds);
        if (status == OTR_OK) {
            status = otr_decoder_decode(l.decoder, detectors, NULL, 0, &blind, NULL);
        }
        if (status == OTR_OK) {
            status = otr_decoder_decode(l.decoder, detectors, heralds, ERASURES, &told, NULL);
        }
        mistakes_blind += blind != actual;
        mistakes_told += told != actual;
    }
    loop_close(&l);
    if (status != OTR_OK) {
        fprintf(stderr, "embed_loop: %s\n", error.status == status ? error.message : otr_status_text(status));
        return 1;
    }
    printf("%d shots with %d erasures each\n", SHOTS, ERASURES);
    printf("mistakes without heralds: %u\n", mistakes_blind);
    printf("mistakes with heralds:    %u\n", mistakes_told);
    return 0;
}
