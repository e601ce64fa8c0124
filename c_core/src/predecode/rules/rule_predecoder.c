/* Rules without training: their names, their options, and which file makes which. */
#include "common/error.h"
#include "graph/graph_internal.h"
#include "predecode/rules/rule_internal.h"

#include <string.h>

static otr_status check_options(const otr_rule_options *options, otr_error *error);

typedef struct rule {
    const char *name;
    otr_status (*create)(otr_predecoder **out, const otr_graph *graph, const otr_model *model,
                         const otr_rule_options *options, otr_error *error);
    uint32_t iterations;
} rule;

/* By otr_rule_kind. */
static const rule RULES[] = {{"clique", otr_rule_pairs_create, 1},
                             {"smith", otr_rule_pairs_create, 2},
                             {"min-sum", otr_rule_min_sum_create, 10}};

#define RULE_COUNT (sizeof RULES / sizeof RULES[0])
/* 205/256 is 0.8. */
#define NORMALIZATION_DEFAULT 205

otr_rule_options otr_rule_options_default(otr_rule_kind kind) {
    return (otr_rule_options){.kind = kind,
                              .isa = OTR_ISA_AUTO,
                              .iterations = (size_t)kind < RULE_COUNT ? RULES[kind].iterations : 1,
                              .normalization = NORMALIZATION_DEFAULT};
}

otr_status otr_rule_predecoder_create(otr_predecoder **out, const otr_graph *graph, const otr_model *model,
                                      const otr_rule_options *options, otr_error *error) {
    otr_status status;
    if (out == NULL || graph == NULL || model == NULL || options == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no graph, model or options, or no place for the pre-decoder");
    }
    status = check_options(options, error);
    if (status != OTR_OK) {
        return status;
    }
    if (otr_model_detector_count(model) != graph->node_count ||
        otr_model_observable_count(model) != graph->observable_count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "the model is not the one that the graph was built from");
    }
    return RULES[options->kind].create(out, graph, model, options, error);
}

const char *otr_rule_name(otr_rule_kind kind) {
    return (size_t)kind < RULE_COUNT ? RULES[kind].name : "unknown";
}

otr_status otr_rule_from_name(const char *name, otr_rule_kind *kind) {
    for (size_t i = 0; name != NULL && kind != NULL && i < RULE_COUNT; i++) {
        if (strcmp(name, RULES[i].name) == 0) {
            *kind = (otr_rule_kind)i;
            return OTR_OK;
        }
    }
    return OTR_ERR_ARGUMENT;
}

static otr_status check_options(const otr_rule_options *options, otr_error *error) {
    const char *wrong = NULL;
    if ((size_t)options->kind >= RULE_COUNT) {
        wrong = "no such rule";
    } else if (options->iterations < 1 || options->iterations > OTR_RULE_ITERATIONS_MAX) {
        wrong = "iterations of a rule must be 1 to 1000";
    } else if (options->normalization < 1 || options->normalization > OTR_RULE_NORMALIZATION_ONE) {
        wrong = "the normalization of min-sum must be 1 to 256";
    } else if (otr_kernels_for(options->isa) == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "instruction set %s is not available",
                             otr_isa_name(options->isa));
    }
    return wrong == NULL ? OTR_OK : otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "%s", wrong);
}
