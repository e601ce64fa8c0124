/* The event network's loops, for every instruction set and width (see otr_event_layers for the contracts). */
#ifndef OTR_EVENT_LAYERS_H
#define OTR_EVENT_LAYERS_H

#include "kernels/kernels_tables.h"

/* The portable function, for tables that do not better it. */
size_t otr_portable_write_overrides(const otr_override *edges, uint32_t slots, const uint32_t *nodes,
                                    const uint32_t *named, size_t event_count, const int32_t *steps,
                                    size_t stride, int32_t unit, otr_override *out);

/* By (width / OTR_EVENT_WIDTH_STEP) - 1. */
extern const otr_event_layers otr_event_layers_portable[OTR_EVENT_WIDTHS];
#if defined(OTR_KERNELS_X86)
extern const otr_event_layers otr_event_layers_avx2[OTR_EVENT_WIDTHS];
extern const otr_event_layers otr_event_layers_avx512[OTR_EVENT_WIDTHS];
extern const otr_event_layers otr_event_layers_avx512vnni[OTR_EVENT_WIDTHS];
#elif defined(OTR_KERNELS_NEON)
extern const otr_event_layers otr_event_layers_neon[OTR_EVENT_WIDTHS];
#endif

_Static_assert(OTR_EVENT_WIDTHS *OTR_EVENT_WIDTH_STEP == OTR_EVENT_WIDTH_MAX, "a table for every width");

/* Writes one table: the functions of a file, each with its width as a constant first argument. */
#define OTR_EVENT_LAYERS_OF(W)                                                                               \
    static void start_rows_##W(const int16_t *places, const int16_t *phases, const otr_event_spot *spots,    \
                               const uint32_t *nodes, size_t event_count, int16_t *sums) {                   \
        start_rows(W, places, phases, spots, nodes, event_count, sums);                                      \
    }                                                                                                        \
    static void add_rows_##W(const int16_t *rows, const otr_event_pair *pairs, size_t pair_count,            \
                             int16_t *sums) {                                                                \
        add_rows(W, rows, pairs, pair_count, sums);                                                          \
    }                                                                                                        \
    static void narrow_rows_##W(const int16_t *sums, size_t event_count, uint32_t shift, uint8_t *h) {       \
        narrow_rows(sums, event_count *W, shift, h);                                                         \
    }                                                                                                        \
    static void dense_##W(const int8_t *matrix, const int32_t *biases, uint32_t shift,                       \
                          const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *sums) {     \
        dense(W, matrix, biases, shift, events, event_count, h, sums);                                       \
    }                                                                                                        \
    static void messages_##W(const int8_t *matrices, const otr_event_pair *pairs, size_t pair_count,         \
                             const uint8_t *h, int32_t *sums) {                                              \
        for (size_t k = 0; k < pair_count; k++) {                                                            \
            const int8_t *const matrix = matrices + (size_t)pairs[k].class_index * 2 * W * W;                \
            const size_t first = (size_t)pairs[k].first * W, second = (size_t)pairs[k].second * W;           \
            message(W, matrix, h + second, sums + first);                                                    \
            message(W, matrix + W * W, h + first, sums + second);                                            \
        }                                                                                                    \
    }                                                                                                        \
    static void narrow_sums_##W(const int32_t *sums, size_t event_count, uint32_t shift, uint8_t *h) {       \
        narrow_sums(sums, event_count *W, shift, h);                                                         \
    }                                                                                                        \
    static void head_##W(const int8_t *matrix, const int32_t *biases, uint32_t shift,                        \
                         const uint32_t *events, size_t event_count, const uint8_t *h, int32_t *out,         \
                         size_t stride) {                                                                    \
        head(W, matrix, biases, shift, events, event_count, h, out, stride);                                 \
    }

#define OTR_EVENT_LAYERS_ENTRY(W, write_overrides)                                                           \
    {                                                                                                        \
        start_rows_##W, add_rows_##W, narrow_rows_##W, dense_##W, messages_##W, narrow_sums_##W, head_##W,   \
            write_overrides                                                                                  \
    }

#define OTR_EVENT_LAYERS(name, write_overrides)                                                              \
    OTR_EVENT_LAYERS_OF(16)                                                                                  \
    OTR_EVENT_LAYERS_OF(32)                                                                                  \
    OTR_EVENT_LAYERS_OF(48)                                                                                  \
    OTR_EVENT_LAYERS_OF(64)                                                                                  \
    const otr_event_layers name[OTR_EVENT_WIDTHS] = {                                                        \
        OTR_EVENT_LAYERS_ENTRY(16, write_overrides), OTR_EVENT_LAYERS_ENTRY(32, write_overrides),            \
        OTR_EVENT_LAYERS_ENTRY(48, write_overrides), OTR_EVENT_LAYERS_ENTRY(64, write_overrides)}

#endif
