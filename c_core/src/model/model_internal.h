/* The arrays of a model, for its builder, walk and text. Immutable after otr_model_builder_finish. */
#ifndef OTR_MODEL_INTERNAL_H
#define OTR_MODEL_INTERNAL_H

#include "outrider/model.h"

/* What the body of a repeat yields when it is walked. */
#define OTR_BODY_ERRORS 1u
#define OTR_BODY_DECLARATIONS 2u

/* One folded instruction. Fields that its kind does not use are zero. */
typedef struct otr_record {
    uint8_t kind;
    uint8_t body_content;    /* REPEAT: OTR_BODY_… of one iteration; 0 also for zero iterations */
    uint32_t argument_count; /* REPEAT: coordinates that one iteration shifts */
    uint32_t target_count;
    uint32_t tag_bytes;
    uint64_t argument_begin; /* into otr_model.arguments */
    uint64_t target_begin;   /* into otr_model.targets */
    uint64_t tag_begin;      /* into otr_model.tags */
    uint64_t repeat_count;   /* as in otr_instruction */
    uint64_t body_count;
    uint64_t body_shift; /* REPEAT: detector shift of one iteration */
    uint64_t line;
} otr_record;

struct otr_model {
    otr_record *records;
    double *arguments;
    uint64_t *targets;
    char *tags;
    size_t record_count;
    size_t record_capacity;
    size_t argument_count;
    size_t argument_capacity;
    size_t target_count;
    size_t target_capacity;
    size_t tag_bytes;
    size_t tag_capacity;
    uint32_t targets_max; /* of one instruction */
    uint64_t detector_count;
    uint64_t observable_count;
    uint64_t error_count;
};

/* A walk that yields errors only: repeats without errors cost nothing, whatever their count. */
otr_status otr_model_walk_create_errors(otr_model_walk **out, const otr_model *model);

#endif
