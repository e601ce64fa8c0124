/* Shots are transposed in blocks to a column of bits for each detector; the XOR of a set's columns has a bit
 * for each shot of odd parity. */
#include "outrider/moments.h"

#include <stdlib.h>
#include <string.h>

#include "common/aligned.h"
#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "common/sort.h"
#include "estimate/detector_sets.h"
#include "estimate/incidence.h"

/* Shots that are transposed at a time, in words; columns stand a cache line further apart, so that those of
 * one transposed block do not share cache sets. */
#define BLOCK_WORDS 64
#define COLUMN_WORDS (BLOCK_WORDS + 8)

struct otr_moments {
    otr_moments_options options;
    const otr_kernels *kernels;
    uint32_t detector_count;
    otr_detector_sets sets;
    uint64_t *counts;
    otr_aligned columns;
    uint64_t shots,
        square_shots;      /* sums of the shots' weights and of their squares, in units of the counts */
    uint64_t block_filled; /* shots of the current block */
};

static otr_status check_options(const otr_moments_options *options, otr_error *error);
static otr_status check_sets(uint32_t detector_count, const uint32_t *detectors, const size_t *begin,
                             size_t set_count, otr_set_list *list, otr_error *error);
static otr_status make(otr_moments **out, uint32_t detector_count, otr_detector_sets *sets,
                       const otr_moments_options *options, otr_error *error);
static otr_status explain(otr_status status, otr_error *error);
static void fade(otr_moments *moments);
static void add_block(otr_moments *moments, const uint8_t *shots, size_t stride, size_t shot_count);

otr_moments_options otr_moments_options_default(void) {
    return (otr_moments_options){.isa = OTR_ISA_AUTO, .block_shots = 4096};
}

otr_status otr_moments_create(otr_moments **out, uint32_t detector_count, const uint32_t *detectors,
                              const size_t *begin, size_t set_count, const otr_moments_options *options,
                              otr_error *error) {
    const otr_moments_options chosen = options != NULL ? *options : otr_moments_options_default();
    otr_detector_sets sets = {0};
    otr_set_list list = {0};
    otr_status status;
    if (out == NULL || begin == NULL || (detectors == NULL && set_count > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no sets or no place for the moments");
    }
    status = check_options(&chosen, error);
    if (status == OTR_OK) {
        status = check_sets(detector_count, detectors, begin, set_count, &list, error);
    }
    if (status == OTR_OK) {
        status = explain(otr_detector_sets_init(&sets, &list), error);
    }
    otr_set_list_free(&list);
    if (status == OTR_OK) {
        status = make(out, detector_count, &sets, &chosen, error);
    }
    otr_detector_sets_free(&sets);
    return status;
}

otr_status otr_moments_create_for_model(otr_moments **out, const otr_model *model,
                                        const otr_moments_options *options, otr_error *error) {
    const otr_moments_options chosen = options != NULL ? *options : otr_moments_options_default();
    otr_detector_sets sets = {0};
    otr_error_list errors;
    otr_status status;
    if (out == NULL || model == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no model or no place for the moments");
    }
    status = check_options(&chosen, error);
    if (status != OTR_OK) {
        return status;
    }
    status = otr_error_list_init(&errors, model, error);
    if (status == OTR_OK && errors.detector_count > OTR_MOMENTS_DETECTORS_MAX) {
        status = explain(OTR_ERR_LIMIT, error);
    }
    if (status == OTR_OK) {
        status = explain(otr_detector_sets_of_errors(&sets, &errors, chosen.with_outside), error);
    }
    if (status == OTR_OK) {
        status = make(out, errors.detector_count, &sets, &chosen, error);
    }
    otr_error_list_free(&errors);
    otr_detector_sets_free(&sets);
    return status;
}

void otr_moments_destroy(otr_moments *moments) {
    if (moments == NULL) {
        return;
    }
    otr_detector_sets_free(&moments->sets);
    otr_aligned_free(&moments->columns);
    free(moments->counts);
    free(moments);
}

otr_status otr_moments_add(otr_moments *moments, const uint8_t *shots, size_t stride, size_t shot_count) {
    if (moments == NULL || (shots == NULL && shot_count > 0 && moments->detector_count > 0) ||
        (stride < otr_bytes_for_bits(moments->detector_count) && shot_count > 1)) {
        return OTR_ERR_ARGUMENT;
    }
    const bool fades = moments->options.fade_shift > 0;
    if (!fades &&
        (shot_count > OTR_MOMENTS_SHOTS_MAX || moments->shots > OTR_MOMENTS_SHOTS_MAX - shot_count)) {
        return OTR_ERR_LIMIT;
    }
    for (size_t done = 0; done < shot_count;) {
        size_t here = shot_count - done < 64 * BLOCK_WORDS ? shot_count - done : 64 * BLOCK_WORDS;
        if (fades) {
            if (moments->block_filled == moments->options.block_shots) {
                fade(moments);
                moments->block_filled = 0;
            }
            const uint64_t room = moments->options.block_shots - moments->block_filled;
            here = here < room ? here : (size_t)room;
            moments->block_filled += here;
        }
        add_block(moments, shots + done * stride, stride, here);
        done += here;
    }
    return OTR_OK;
}

otr_status otr_moments_merge(otr_moments *into, const otr_moments *from) {
    if (into == NULL || from == NULL || into->detector_count != from->detector_count ||
        into->sets.count != from->sets.count || into->options.fade_shift != 0 ||
        from->options.fade_shift != 0) {
        return OTR_ERR_ARGUMENT;
    }
    const otr_detector_sets *const a = &into->sets;
    const otr_detector_sets *const b = &from->sets;
    if (memcmp(a->begin, b->begin, (a->count + 1) * sizeof *a->begin) != 0 ||
        (a->count > 0 &&
         memcmp(a->detectors, b->detectors, a->begin[a->count] * sizeof *a->detectors) != 0)) {
        return OTR_ERR_ARGUMENT;
    }
    if (into->shots > OTR_MOMENTS_SHOTS_MAX - from->shots) {
        return OTR_ERR_LIMIT;
    }
    for (size_t i = 0; i < a->count; i++) {
        into->counts[i] += from->counts[i];
    }
    into->shots += from->shots;
    into->square_shots += from->square_shots;
    return OTR_OK;
}

void otr_moments_clear(otr_moments *moments) {
    memset(moments->counts, 0, moments->sets.count * sizeof *moments->counts);
    moments->shots = 0;
    moments->square_shots = 0;
    moments->block_filled = 0;
}

uint32_t otr_moments_detector_count(const otr_moments *moments) {
    return moments->detector_count;
}

size_t otr_moments_set_count(const otr_moments *moments) {
    return moments->sets.count;
}

void otr_moments_sets(const otr_moments *moments, const uint32_t **detectors, const size_t **begin) {
    if (detectors != NULL) {
        *detectors = moments->sets.detectors;
    }
    if (begin != NULL) {
        *begin = moments->sets.begin;
    }
}

size_t otr_moments_find(const otr_moments *moments, const uint32_t *detectors, size_t count) {
    return otr_detector_sets_find(&moments->sets, detectors, count);
}

const uint64_t *otr_moments_counts(const otr_moments *moments) {
    return moments->counts;
}

uint64_t otr_moments_shots(const otr_moments *moments) {
    return moments->shots;
}

double otr_moments_effective_shots(const otr_moments *moments) {
    const double unit = moments->options.fade_shift > 0 ? 1u << OTR_MOMENTS_FADING_BITS : 1;
    const double shots = (double)moments->shots / unit;
    return moments->square_shots > 0 ? shots * shots / ((double)moments->square_shots / unit) : 0;
}

void otr_moments_means(const otr_moments *moments, double *means) {
    for (size_t i = 0; i < moments->sets.count; i++) {
        means[i] = moments->shots > 0 ? 1 - 2 * ((double)moments->counts[i] / (double)moments->shots) : 1;
    }
}

otr_status otr_moments_expected(const otr_moments *moments, const otr_model *model, double *means,
                                otr_error *error) {
    otr_incidence incidence = {0};
    otr_error_list errors;
    otr_status status;
    if (moments == NULL || model == NULL || means == NULL ||
        otr_model_detector_count(model) != moments->detector_count) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no moments, or a model of other detectors");
    }
    status = otr_error_list_init(&errors, model, error);
    if (status == OTR_OK) {
        status = explain(otr_incidence_init(&incidence, errors.detector_count, errors.begin, errors.detectors,
                                            errors.count),
                         error);
    }
    for (size_t i = 0; status == OTR_OK && i < moments->sets.count; i++) {
        const uint32_t *const set = moments->sets.detectors + moments->sets.begin[i];
        const size_t size = moments->sets.begin[i + 1] - moments->sets.begin[i];
        const size_t count = otr_incidence_of(&incidence, set, size);
        double product = 1;
        for (size_t k = 0; k < count; k++) {
            const double odds = errors.odds[incidence.row[k]];
            product *= (1 - odds) / (1 + odds);
        }
        for (size_t k = 0; k < size; k++) {
            product = otr_bit_get(errors.happened, set[k]) ? -product : product;
        }
        means[i] = product;
    }
    otr_incidence_free(&incidence);
    otr_error_list_free(&errors);
    return status;
}

size_t otr_moments_bytes(const otr_moments *moments) {
    const otr_detector_sets *const sets = &moments->sets;
    return sizeof *moments + sets->count * (sizeof *sets->begin + sizeof *moments->counts) +
           sets->begin[sets->count] * sizeof *sets->detectors + moments->columns.bytes;
}

static otr_status check_options(const otr_moments_options *options, otr_error *error) {
    if (options->fade_shift > OTR_MOMENTS_FADE_SHIFT_MAX ||
        (options->fade_shift > 0 &&
         (options->block_shots == 0 || options->block_shots > OTR_MOMENTS_BLOCK_SHOTS_MAX))) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "counts fade by 2^-1 to 2^-%d after 1 to %d shots, not by 2^-%u after %u",
                             OTR_MOMENTS_FADE_SHIFT_MAX, OTR_MOMENTS_BLOCK_SHOTS_MAX, options->fade_shift,
                             options->block_shots);
    }
    if (otr_kernels_for(options->isa) == NULL) {
        return otr_error_set(error, OTR_ERR_UNSUPPORTED, 0, 0, "the instruction set is not available");
    }
    return OTR_OK;
}

/* Copies one set in order, or says what is wrong with it. */
static otr_status check_set(uint32_t detector_count, const uint32_t *set, size_t size, otr_set_list *list) {
    uint32_t members[OTR_MOMENTS_SET_SIZE_MAX];
    if (size == 0) {
        return OTR_ERR_ARGUMENT;
    }
    if (size > OTR_MOMENTS_SET_SIZE_MAX) {
        return OTR_ERR_LIMIT;
    }
    memcpy(members, set, size * sizeof *members);
    otr_sort_indices(members, size);
    for (size_t i = 1; i < size; i++) {
        if (members[i - 1] == members[i]) {
            return OTR_ERR_ARGUMENT;
        }
    }
    return members[size - 1] >= detector_count ? OTR_ERR_INDEX : otr_set_list_append(list, members, size);
}

static otr_status check_sets(uint32_t detector_count, const uint32_t *detectors, const size_t *begin,
                             size_t set_count, otr_set_list *list, otr_error *error) {
    if (detector_count > OTR_MOMENTS_DETECTORS_MAX) {
        return explain(OTR_ERR_LIMIT, error);
    }
    for (size_t i = 0; i < set_count; i++) {
        const otr_status status = begin[i + 1] < begin[i] ? OTR_ERR_ARGUMENT
                                                          : check_set(detector_count, detectors + begin[i],
                                                                      begin[i + 1] - begin[i], list);
        if (status == OTR_ERR_ARGUMENT || status == OTR_ERR_INDEX) {
            return otr_error_set(error, status, 0, 0, "set %llu is empty, or a detector is %s",
                                 (unsigned long long)i,
                                 status == OTR_ERR_INDEX ? "not one of the shots" : "in it twice");
        }
        if (status != OTR_OK) {
            return explain(status, error);
        }
    }
    return OTR_OK;
}

static otr_status explain(otr_status status, otr_error *error) {
    switch (status) {
    case OTR_OK:
        return OTR_OK;
    case OTR_ERR_LIMIT:
        return otr_error_set(error, status, 0, 0, "more than %d detectors, %d sets, or %d detectors in a set",
                             OTR_MOMENTS_DETECTORS_MAX, OTR_MOMENTS_SETS_MAX, OTR_MOMENTS_SET_SIZE_MAX);
    default:
        return otr_error_set(error, status, 0, 0, "out of memory");
    }
}

/* Takes the sets over. */
static otr_status make(otr_moments **out, uint32_t detector_count, otr_detector_sets *sets,
                       const otr_moments_options *options, otr_error *error) {
    otr_moments *const moments = otr_array_zeroed(1, sizeof *moments);
    if (moments != NULL) {
        moments->options = *options;
        moments->kernels = otr_kernels_for(options->isa);
        moments->detector_count = detector_count;
        moments->counts = otr_array_zeroed(sets->count, sizeof *moments->counts);
    }
    if (moments == NULL || moments->counts == NULL ||
        !otr_aligned_reserve(&moments->columns, (size_t)detector_count * COLUMN_WORDS, sizeof(uint64_t))) {
        otr_moments_destroy(moments);
        return explain(OTR_ERR_MEMORY, error);
    }
    moments->sets = *sets;
    *sets = (otr_detector_sets){0};
    *out = moments;
    return OTR_OK;
}

/* What one fading leaves: rounded up, so that a count of 1 - 2^-16 and below may stay for ever. */
static uint64_t faded(const otr_moments *moments, uint64_t count) {
    return count - (count >> moments->options.fade_shift);
}

static void fade(otr_moments *moments) {
    for (size_t i = 0; i < moments->sets.count; i++) {
        moments->counts[i] = faded(moments, moments->counts[i]);
    }
    moments->shots = faded(moments, moments->shots);
    moments->square_shots = faded(moments, faded(moments, moments->square_shots));
}

/* Sixty-four shots, or the last ones, to a word of each column. */
static void transpose_shots(otr_moments *moments, const uint8_t *shots, size_t stride, size_t shot_count,
                            size_t word) {
    uint64_t *const columns = (uint64_t *)moments->columns.data + word;
    const size_t row_bytes = otr_bytes_for_bits(moments->detector_count);
    for (size_t byte = 0; byte < row_bytes; byte += 8) {
        const size_t left = moments->detector_count - 8 * byte;
        uint64_t rows[64];
        for (size_t i = 0; i < 64; i++) {
            const uint8_t *const from = shots + i * stride + byte;
            rows[i] = i >= shot_count        ? 0
                      : row_bytes - byte < 8 ? otr_load_tail(from, row_bytes - byte)
                                             : otr_load_le64(from);
        }
        moments->kernels->transpose_64x64(rows);
        for (size_t i = 0; i < 64 && i < left; i++) {
            columns[(8 * byte + i) * COLUMN_WORDS] = rows[i];
        }
    }
}

static void add_block(otr_moments *moments, const uint8_t *shots, size_t stride, size_t shot_count) {
    const otr_detector_sets *const sets = &moments->sets;
    const uint32_t shift = moments->options.fade_shift > 0 ? OTR_MOMENTS_FADING_BITS : 0;
    const otr_bit_columns columns = {moments->columns.data, COLUMN_WORDS, (shot_count + 63) / 64};
    for (size_t i = 0; i < shot_count; i += 64) {
        const size_t here = shot_count - i < 64 ? shot_count - i : 64;
        transpose_shots(moments, shots + i * stride, stride, here, i / 64);
    }
    /* Sets of one size at a time. */
    for (size_t begin = 0, end; begin < sets->count; begin = end) {
        const size_t size = sets->begin[begin + 1] - sets->begin[begin];
        for (end = begin + 1; end < sets->count && sets->begin[end + 1] - sets->begin[end] == size;) {
            end++;
        }
        moments->kernels->count_parities(&columns, sets->detectors + sets->begin[begin], size, end - begin,
                                         shift, moments->counts + begin);
    }
    moments->shots += (uint64_t)shot_count << shift;
    moments->square_shots += (uint64_t)shot_count << shift;
}
