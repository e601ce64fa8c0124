/* Builds an otr_model instruction by instruction: used by the parser and by the surface-code generator. */
#ifndef OTR_MODEL_BUILDER_H
#define OTR_MODEL_BUILDER_H

#include "outrider/model.h"

typedef struct otr_model_builder otr_model_builder;

otr_status otr_model_builder_create(otr_model_builder **out);
void otr_model_builder_destroy(otr_model_builder *builder);

/* Appends a copy of *instruction (kind, arguments, targets, repeat_count for SHIFT_DETECTORS, line, tag);
 * targets are relative to the current shift. A REPEAT opens a block that otr_model_builder_end_repeat closes;
 * its body_count is filled then. OTR_ERR_LIMIT for too many arguments or nested REPEATs, OTR_ERR_MEMORY. */
otr_status otr_model_builder_append(otr_model_builder *builder, const otr_instruction *instruction);
/* OTR_ERR_ARGUMENT without an open repeat. */
otr_status otr_model_builder_end_repeat(otr_model_builder *builder);

/* Computes the counts and hands the model over; the builder is left empty and still to be destroyed.
 * OTR_ERR_LIMIT when an index exceeds OTR_MODEL_INDEX_MAX, OTR_ERR_ARGUMENT inside an open repeat. */
otr_status otr_model_builder_finish(otr_model_builder *builder, otr_model **out, otr_error *error);

#endif
