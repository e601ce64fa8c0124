/* Decodes a file of shots in Stim's format b8, in constant memory; the predictions go to stdout in format 01.
 *
 * Build it with the whole library, from the repository's root, and run it:
 *   gcc -std=c11 -O2 -ffp-contract=off -DOTR_PORTABLE_ONLY -Ic_core/include -Ic_core/src c_core/examples/decode_file.c $(find c_core/src -name '*.c' ! -name '*_avx*') -lm -o decode_file
 *   ./decode_file MODEL.dem SHOTS.b8 > PREDICTIONS.01
 */
#include <stdio.h>
#include <stdlib.h>

#include "outrider/outrider.h"

/* What the program holds; zero before use, so that release() may run at any time. */
typedef struct session {
    otr_model *model;
    otr_graph *graph;
    otr_decoder *decoder;
    otr_shot_reader *reader;
    uint8_t *row;
    uint8_t *observables;
} session;

static void release(session *s) {
    free(s->observables);
    free(s->row);
    otr_shot_reader_destroy(s->reader);
    otr_decoder_destroy(s->decoder);
    otr_graph_destroy(s->graph);
    otr_model_destroy(s->model);
}

/* The whole file in memory that the caller frees, or NULL. */
static char *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t capacity = 0;
    *bytes = 0;
    while (file != NULL && !feof(file) && !ferror(file)) {
        if (*bytes == capacity) {
            capacity = capacity == 0 ? 65536 : 2 * capacity;
            char *grown = realloc(text, capacity);
            if (grown == NULL) {
                break;
            }
            text = grown;
        }
        *bytes += fread(text + *bytes, 1, capacity - *bytes, file);
    }
    int failed = file == NULL || !feof(file);
    if (file != NULL) {
        fclose(file);
    }
    if (failed) {
        free(text);
        return NULL;
    }
    return text;
}

static otr_status open_session(session *s, const char *text, size_t bytes, otr_error *error) {
    otr_status status = otr_model_parse(&s->model, text, bytes, error);
    if (status != OTR_OK) {
        return status;
    }
    otr_graph_options graph_options = otr_graph_options_default();
    status = otr_graph_create(&s->graph, s->model, &graph_options, error);
    if (status != OTR_OK) {
        return status;
    }
    otr_decoder_options decoder_options = otr_decoder_options_default();
    status = otr_decoder_create(&s->decoder, s->graph, &decoder_options);
    if (status != OTR_OK) {
        return status;
    }
    otr_shot_layout layout = {.detectors = otr_graph_node_count(s->graph)};
    status = otr_shot_reader_create(&s->reader, OTR_FORMAT_B8, &layout, OTR_ISA_AUTO);
    if (status != OTR_OK) {
        return status;
    }
    s->row = malloc(otr_graph_node_count(s->graph) / 8 + 1);
    s->observables = malloc(otr_graph_observable_count(s->graph) / 8 + 1);
    return s->row != NULL && s->observables != NULL ? OTR_OK : OTR_ERR_MEMORY;
}

/* Decodes the shot in s->row and prints its observables. */
static otr_status decode_row(session *s) {
    otr_status status = otr_decoder_decode(s->decoder, s->row, NULL, 0, s->observables, NULL);
    if (status != OTR_OK) {
        return status;
    }
    for (uint32_t k = 0; k < otr_graph_observable_count(s->graph); k++) {
        putchar('0' + (s->observables[k / 8] >> k % 8 & 1));
    }
    putchar('\n');
    return OTR_OK;
}

static otr_status decode_stream(session *s, FILE *shots, otr_error *error) {
    size_t stride = (otr_graph_node_count(s->graph) + 7) / 8;
    uint8_t buffer[65536];
    size_t held = 0;
    do {
        held = fread(buffer, 1, sizeof buffer, shots);
        size_t start = 0, consumed = 0, row_count = 0;
        do {
            otr_status status = otr_shot_reader_read(s->reader, buffer + start, held - start, &consumed,
                                                     s->row, stride, 1, &row_count, error);
            start += consumed;
            if (status == OTR_OK && row_count == 1) {
                status = decode_row(s);
            }
            if (status != OTR_OK) {
                return status;
            }
        } while (row_count == 1);
    } while (held > 0);
    size_t last = 0;
    return otr_shot_reader_finish(s->reader, s->row, stride, &last, error);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: decode_file MODEL.dem SHOTS.b8\n");
        return 2;
    }
    session s = {0};
    otr_error error = {0};
    otr_status status = OTR_ERR_ARGUMENT;
    size_t bytes = 0;
    char *text = read_file(argv[1], &bytes);
    FILE *shots = fopen(argv[2], "rb");
    if (text == NULL || shots == NULL) {
        fprintf(stderr, "%s: cannot read\n", text == NULL ? argv[1] : argv[2]);
        goto done;
    }
    status = open_session(&s, text, bytes, &error);
    if (status == OTR_OK) {
        status = decode_stream(&s, shots, &error);
    }
    if (status != OTR_OK) {
        fprintf(stderr, "line or shot %llu: %s\n", (unsigned long long)error.line,
                error.status == status ? error.message : otr_status_text(status));
    }
done:
    if (shots != NULL) {
        fclose(shots);
    }
    free(text);
    release(&s);
    return status == OTR_OK ? 0 : 1;
}
