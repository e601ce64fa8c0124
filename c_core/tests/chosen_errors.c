/* Sums over chosen errors, from within: for random models and random sets of edges, the errors that have a
 * decomposition into these edges are candidates, and every class's ratio is that of adding up all sets of
 * candidates, also once the list is reduced for the shot. Counts go to stdout: sets of edges, shots, sets
 * that choose all errors, errors that are decomposed in several ways, and candidates before and after
 * reduction. */
#include "graph/graph_internal.h"
#include "likelihood/candidates.h"
#include "likelihood/class_sum.h"
#include "likelihood/error_reduction.h"
#include "outrider/outrider.h"
#include "support/random_numbers.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS = 1500, SETS = 4, STEPS_MAX = 12, PIECES_MAX = 4, DETECTORS = 8, TEXT_MAX = 4000 };

/* An error instruction, with the detectors and observables of its pieces as masks. */
typedef struct step {
    double probability;
    unsigned detectors[PIECES_MAX], observables[PIECES_MAX];
    int piece_count;
} step;

/* Instructions of the same symptoms. */
typedef struct whole_error {
    double probability;
    unsigned detectors, observables;
    bool is_candidate;
} whole_error;

static step steps[STEPS_MAX + 2];
static int step_count;
static whole_error errors[STEPS_MAX + 2];
static int error_count;
static unsigned first_observable;
static char text[TEXT_MAX];
static size_t text_bytes;
static double sums[1 << DETECTORS][8]; /* by detectors and observables */

static unsigned long set_count, shot_count, full_count, several_count, long_count, short_count;

static void require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s of\n%s\n", what, text);
        exit(1);
    }
}

static void print(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_bytes += (size_t)vsnprintf(text + text_bytes, TEXT_MAX - text_bytes, format, arguments);
    va_end(arguments);
    require(text_bytes < TEXT_MAX, "no room for the text");
}

static unsigned detectors_of(const step *step) {
    unsigned mask = 0;
    for (int i = 0; i < step->piece_count; i++) {
        mask ^= step->detectors[i];
    }
    return mask;
}

static unsigned observables_of(const step *step) {
    unsigned mask = 0;
    for (int i = 0; i < step->piece_count; i++) {
        mask ^= step->observables[i];
    }
    return mask;
}

static double random_probability(void) {
    static const double special[] = {0, 1, 0.5, 0.9, 1e-7};
    const unsigned choice = below(14);
    return choice < 5 ? special[choice] : 0.001 * (1 + below(400));
}

/* The same symptoms in other pieces. */
static void decompose_again(step *made, const step *other) {
    unsigned left = detectors_of(other);
    made->piece_count = 0;
    do {
        unsigned piece = 0;
        for (unsigned size = 1 + below(2); size > 0 && left != 0; size--) {
            unsigned detector = below(DETECTORS);
            while ((left >> detector & 1) == 0) {
                detector = (detector + 1) % DETECTORS;
            }
            piece |= 1u << detector;
            left ^= 1u << detector;
        }
        made->detectors[made->piece_count] = piece;
        made->observables[made->piece_count++] = 0;
    } while (left != 0 && made->piece_count < PIECES_MAX);
    made->detectors[made->piece_count - 1] ^= left;
    made->observables[0] = observables_of(other);
}

static void draw_pieces(step *made, unsigned detectors) {
    made->piece_count = 1 + (int)below(3);
    for (int i = 0; i < made->piece_count; i++) {
        made->detectors[i] = 0;
        made->observables[i] = below(3) == 0 ? 1u << below(3) : 0;
        for (unsigned count = below(12) == 0 ? 3 : below(3); count > 0; count--) {
            made->detectors[i] ^= 1u << below(detectors);
        }
    }
}

/* Prints `error(p) D0 D1 ^ D2 L0`; some detectors are given twice more. */
static void print_step(const step *step) {
    print("error(%.17g)", step->probability);
    for (int i = 0; i < step->piece_count; i++) {
        print("%s", i > 0 ? " ^" : "");
        for (unsigned detector = 0; detector < DETECTORS; detector++) {
            if ((step->detectors[i] >> detector & 1) != 0) {
                print(" D%u", detector);
            }
        }
        if (below(10) == 0 || (step->detectors[i] == 0 && step->observables[i] == 0)) {
            const unsigned detector = below(DETECTORS - 1);
            print(" D%u D%u", detector, detector);
        }
        for (unsigned observable = 0; observable < 3; observable++) {
            if ((step->observables[i] >> observable & 1) != 0) {
                print(" L%u", first_observable + observable);
            }
        }
    }
    print("\n");
}

static void make_model(void) {
    static const unsigned first[] = {0, 0, 29, 61};
    const unsigned detectors = 2 + below(DETECTORS - 2);
    const unsigned drawn = 2 + below(STEPS_MAX - 2);
    first_observable = first[below(4)];
    text_bytes = 0;
    step_count = 0;
    for (unsigned i = 0; i < drawn; i++) {
        step *const made = &steps[step_count];
        made->probability = random_probability();
        if (i > 0 && below(4) == 0) {
            decompose_again(made, &steps[below((unsigned)step_count)]);
        } else {
            draw_pieces(made, detectors);
        }
        print_step(made);
        step_count++;
    }
    if (below(3) == 0) {
        /* A block that comes twice, one detector further. */
        step *const made = &steps[step_count];
        made->probability = random_probability();
        draw_pieces(made, detectors);
        print("repeat 2 {\n");
        print_step(made);
        print("shift_detectors 1\n}\n");
        made[1] = made[0];
        for (int i = 0; i < made->piece_count; i++) {
            made[1].detectors[i] <<= 1;
        }
        step_count += 2;
    }
    print("logical_observable L%u\n", first_observable + 2);
}

static void merge_errors(void) {
    error_count = 0;
    for (int i = 0; i < step_count; i++) {
        const whole_error made = {0, detectors_of(&steps[i]), observables_of(&steps[i]), false};
        const double p = steps[i].probability;
        int at = 0;
        while (at < error_count &&
               (errors[at].detectors != made.detectors || errors[at].observables != made.observables)) {
            at++;
        }
        if (at == error_count) {
            errors[error_count++] = made;
        }
        errors[at].probability = errors[at].probability * (1 - p) + p * (1 - errors[at].probability);
    }
}

/* Whether all pieces of an instruction are edges of the set; pieces without detectors are none. */
static bool is_chosen(const otr_graph *graph, const bool *chosen, const step *step) {
    for (int i = 0; i < step->piece_count; i++) {
        uint32_t nodes[2] = {0, OTR_BOUNDARY}, count = 0, edge;
        for (uint32_t detector = 0; detector < DETECTORS; detector++) {
            if ((step->detectors[i] >> detector & 1) != 0) {
                if (count == 2) {
                    return false;
                }
                nodes[count++] = detector;
            }
        }
        if (count > 0 && (otr_graph_find_edge(graph, nodes[0], nodes[1], &edge) != OTR_OK || !chosen[edge])) {
            return false;
        }
    }
    return true;
}

/* Marks the candidates. Returns how many of them are uncertain: those that the sum is over. */
static uint32_t mark_candidates(const otr_graph *graph, const bool *chosen) {
    uint32_t count = 0;
    for (int i = 0; i < error_count; i++) {
        int ways = 0;
        for (int j = 0; j < step_count; j++) {
            ways += detectors_of(&steps[j]) == errors[i].detectors &&
                    observables_of(&steps[j]) == errors[i].observables && steps[j].probability > 0 &&
                    is_chosen(graph, chosen, &steps[j]);
        }
        errors[i].is_candidate = ways > 0 && (errors[i].detectors | errors[i].observables) != 0;
        several_count += ways > 1;
        count += errors[i].is_candidate && errors[i].probability > 0 && errors[i].probability < 1;
    }
    return count;
}

/* Adds up all sets of candidates. Of the other errors those have happened that are likelier than not. */
static void add_up(void) {
    memset(sums, 0, sizeof sums);
    for (unsigned set = 0; set < 1u << error_count; set++) {
        unsigned detectors = 0, observables = 0;
        double probability = 1;
        for (int i = 0; i < error_count; i++) {
            const whole_error *const error = &errors[i];
            const bool happened = (set >> i & 1) != 0;
            const double p = error->is_candidate ? error->probability : error->probability > 0.5;
            probability *= happened ? p : 1 - p;
            detectors ^= happened ? error->detectors : 0;
            observables ^= happened ? error->observables : 0;
        }
        sums[detectors][observables] += probability;
    }
}

/* Checks the shot of these detectors, whose events for the sum's list are others if that is reduced. */
static void check_shot(otr_class_sum *sum, const otr_error_list *all, unsigned detectors,
                       const uint8_t *events) {
    const otr_trellis_budget exact = {.cutoff = 0, .states_max = 4000};
    uint64_t grouped = 0;
    double total = 0;
    for (unsigned class = 0; class < 8; class ++) {
        total += sums[detectors][class];
    }
    if (!otr_class_sum_take(sum, events, below(3))) {
        require(total == 0, "an event that candidates flip is refused");
        return;
    }
    for (uint32_t i = 0; i < sum->groups.count; i++) {
        const otr_class_answer found = otr_class_sum_group(sum, i, &exact);
        require(found.is_exact && (found.is_explained || total == 0), "a possible shot is not explained");
        grouped |= sum->groups.groups[i].observables;
    }
    if (total == 0) {
        return;
    }
    shot_count++;
    for (unsigned observable = 0; observable < 3; observable++) {
        const bool happened = (all->happened_observables >> (first_observable + observable) & 1) != 0;
        double by_flip[2] = {0, 0}, expected, found = sum->ratios[first_observable + observable];
        for (unsigned class = 0; class < 8; class ++) {
            by_flip[class >> observable & 1] += sums[detectors][class];
        }
        found = happened ? -found : found;
        expected = log(by_flip[0]) - log(by_flip[1]);
        require(isfinite(expected) ? fabs(found - expected) < 1e-6
                                   : found == copysign(OTR_TRELLIS_RATIO_MAX, expected),
                "a ratio is wrong");
        require((grouped >> (first_observable + observable) & 1) != 0 || !isfinite(expected),
                "an observable is in no group");
    }
}

static void check_set(otr_candidates *candidates, otr_error_reduction *reduction, otr_class_sum *sum,
                      const otr_graph *graph, const otr_error_list *all) {
    static const unsigned shares[] = {1, 2, 5};
    bool chosen[64] = {false};
    const uint32_t edge_count = otr_graph_edge_count(graph);
    const unsigned share = shares[below(3)];
    uint32_t count;
    require(edge_count <= 64, "too many edges");
    otr_candidates_clear(candidates);
    for (uint32_t i = edge_count; i-- > 0;) {
        chosen[i] = share == 1 || below(share) > 0;
        for (int times = chosen[i] ? 2 : 0; times > 0; times--) {
            otr_candidates_add(candidates, i);
        }
    }
    otr_candidates_list(candidates);
    count = mark_candidates(graph, chosen);
    require(candidates->list.count == count, "other errors are candidates");
    require(otr_class_sum_lay(sum, &candidates->list, NULL) == OTR_OK, "not laid out");
    add_up();
    for (unsigned detectors = 0; detectors < 1u << otr_graph_node_count(graph); detectors++) {
        const uint8_t events = (uint8_t)detectors;
        check_shot(sum, all, detectors, &events);
    }
    for (unsigned detectors = 0; detectors < 1u << otr_graph_node_count(graph); detectors++) {
        const uint8_t events = (uint8_t)detectors;
        otr_candidates_list(candidates);
        long_count += candidates->list.count;
        require(otr_error_reduction_run(reduction, &candidates->list, &events) == OTR_OK, "not reduced");
        short_count += candidates->list.count;
        require(otr_class_sum_lay(sum, &candidates->list, NULL) == OTR_OK, "not laid out");
        check_shot(sum, all, detectors, reduction->events);
    }
    set_count++;
    full_count += count == all->count;
}

int main(void) {
    otr_class_sum sum;
    /* Some parts are summed up in tables. */
    require(otr_class_sum_init(&sum, 4000, 4, otr_kernels_for(OTR_ISA_PORTABLE)) == OTR_OK, "no sum");
    for (int i = 0; i < MODELS; i++) {
        otr_graph_options options = otr_graph_options_default();
        otr_model *model = NULL;
        otr_graph *graph = NULL;
        otr_candidates candidates;
        otr_error_reduction reduction;
        make_model();
        merge_errors();
        options.ignore_undecomposable = true;
        options.errors = true;
        require(otr_model_parse(&model, text, text_bytes, NULL) == OTR_OK, "no model");
        require(otr_graph_create(&graph, model, &options, NULL) == OTR_OK, "no graph");
        require(otr_candidates_init(&candidates, graph->errors, graph->edge_count) == OTR_OK,
                "no candidates");
        require(otr_error_reduction_init(&reduction, graph->node_count) == OTR_OK, "no reduction");
        for (int set = 0; set < SETS; set++) {
            check_set(&candidates, &reduction, &sum, graph, &graph->errors->list);
        }
        otr_error_reduction_free(&reduction);
        otr_candidates_free(&candidates);
        otr_graph_destroy(graph);
        otr_model_destroy(model);
    }
    otr_class_sum_free(&sum);
    printf("%lu %lu %lu %lu %lu %lu\n", set_count, shot_count, full_count, several_count, long_count,
           short_count);
    return 0;
}
