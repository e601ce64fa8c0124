/* Detector error models: Stim's .dem text, parsed once, kept folded, walked flat on demand.
 *
 * Format: Stim's "dem_detector_error_model" file format (errors, detectors, logical observables, shifts,
 * repeat blocks, tags). A `repeat` block is stored once, whatever its count; otr_model_walk visits its
 * iterations one after another in constant memory. A model is immutable and may be shared by threads. */
#ifndef OUTRIDER_MODEL_H
#define OUTRIDER_MODEL_H

#include "outrider/status.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of .dem text accepted. */
#define OTR_MODEL_TEXT_BYTES_MAX 0x100000000u
/* Nesting of repeat blocks accepted. */
#define OTR_MODEL_REPEAT_DEPTH_MAX 64
/* Largest detector or observable index + 1, after all shifts. */
#define OTR_MODEL_INDEX_MAX 0x1000000000000000u
/* Coordinates of one `detector` or `shift_detectors` instruction. */
#define OTR_MODEL_COORDINATES_MAX 16

typedef struct otr_model otr_model;

/* One target of an error: OTR_TARGET_SEPARATOR, or a kind bit and an index. */
#define OTR_TARGET_OBSERVABLE 0x8000000000000000u
#define OTR_TARGET_SEPARATOR 0xFFFFFFFFFFFFFFFFu

typedef enum otr_instruction_kind {
    OTR_INSTRUCTION_ERROR = 0,           /* error(p) targets */
    OTR_INSTRUCTION_DETECTOR = 1,        /* detector(coordinates) D#... */
    OTR_INSTRUCTION_OBSERVABLE = 2,      /* logical_observable L#... */
    OTR_INSTRUCTION_SHIFT_DETECTORS = 3, /* shift_detectors(coordinate offsets) N */
    OTR_INSTRUCTION_REPEAT = 4           /* repeat N { body } */
} otr_instruction_kind;

/* A view of one instruction; pointers live as long as the model (or, for a walker, until its next step). */
typedef struct otr_instruction {
    otr_instruction_kind kind;
    uint32_t argument_count; /* ERROR: 1; DETECTOR, SHIFT_DETECTORS: coordinates; else 0 */
    const double *arguments; /* the probability, the coordinates, or the coordinate offsets */
    uint64_t target_count;   /* ERROR, DETECTOR, OBSERVABLE */
    const uint64_t *targets; /* detectors relative to the shift in the folded view, absolute in a walk */
    uint64_t repeat_count;   /* REPEAT: iterations; SHIFT_DETECTORS: detector shift */
    uint64_t body_count; /* REPEAT: instructions of the body, nested ones included; they follow directly */
    uint64_t line;       /* 1-based line in the text; 0 if the model was not parsed */
    const char *tag;     /* unescaped tag, not NUL-terminated; NULL without tag */
    uint64_t tag_bytes;
} otr_instruction;

/* Parses `bytes` bytes of .dem text (UTF-8; a NUL byte is an error). On success *out is a new model that the
 * caller destroys; on failure *out is untouched and *error (nullable) names line and column.
 * OTR_ERR_PARSE, OTR_ERR_PROBABILITY, OTR_ERR_LIMIT, OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_model_parse(otr_model **out, const char *text, size_t bytes, otr_error *error);

/* NULL is allowed. */
OTR_API void otr_model_destroy(otr_model *model);

/* Largest detector index + 1, over errors and declarations, all repetitions and shifts. Same for observables,
 * which like in Stim count even inside `repeat 0`. */
OTR_API uint64_t otr_model_detector_count(const otr_model *model);
OTR_API uint64_t otr_model_observable_count(const otr_model *model);

/* Number of error instructions after unfolding every repeat; saturates at UINT64_MAX. */
OTR_API uint64_t otr_model_error_count(const otr_model *model);

/* The folded instructions in text order; a REPEAT is followed by its body_count body instructions. */
OTR_API uint64_t otr_model_instruction_count(const otr_model *model);
/* OTR_ERR_INDEX if index >= otr_model_instruction_count. */
OTR_API otr_status otr_model_instruction(const otr_model *model, uint64_t index, otr_instruction *out);

/* Walks the model flat: repeats unrolled, shifts applied to detector indices and coordinates; yields ERROR,
 * DETECTOR and OBSERVABLE instructions only. Memory does not grow with the repetitions. */
typedef struct otr_model_walk otr_model_walk;
/* The walk borrows `model`, which must outlive it. OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_model_walk_create(otr_model_walk **out, const otr_model *model);
OTR_API void otr_model_walk_destroy(otr_model_walk *walk);
/* Fills *out and returns true, or returns false at the end (and ever after). Views in *out die at the next
 * step. */
OTR_API bool otr_model_walk_next(otr_model_walk *walk, otr_instruction *out);

/* Writes the folded model as .dem text that parses to the same model (probabilities and coordinates with 17
 * significant digits at most, shortest that round-trips). Like snprintf: always returns the bytes needed
 * without NUL; writes at most `capacity` bytes including a NUL when capacity > 0. buffer may be NULL if
 * capacity is 0. */
OTR_API size_t otr_model_text(const otr_model *model, char *buffer, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
