#include "estimate/closed_form.h"

#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/bits.h"
#include "estimate/attenuation.h"
#include "outrider/rates.h"

static otr_status find_supersets(otr_closed_form *form);
static void find_subsets(otr_closed_form *form);
static double restriction(const otr_closed_form *form, uint32_t class, const double *omegas);
static otr_status expand(otr_closed_form *form, uint32_t class, const double *shares);
static void forget_sets(otr_closed_form *form);
static otr_status sum_variance(otr_closed_form *form, const double *attenuations, double *result);

otr_status otr_closed_form_init(otr_closed_form *form, const otr_error_classes *classes,
                                const otr_detector_sets *sets, uint32_t detector_count) {
    otr_status status;
    *form = (otr_closed_form){.classes = classes, .sets = sets};
    status = otr_incidence_init(&form->incidence, detector_count, classes->begin, classes->detectors,
                                classes->count);
    if (status != OTR_OK) {
        return status;
    }
    form->subsets = otr_array_new(classes->count, OTR_SUBSETS * sizeof *form->subsets);
    form->is_kept = otr_array_zeroed(classes->count, 1);
    form->coefficients = otr_array_zeroed(sets->count, sizeof *form->coefficients);
    form->is_used = otr_array_zeroed(sets->count, 1);
    form->heads = otr_array_new(classes->count, sizeof *form->heads);
    if (form->subsets == NULL || form->is_kept == NULL || form->coefficients == NULL ||
        form->is_used == NULL || form->heads == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < classes->count; i++) {
        form->heads[i] = UINT32_MAX;
    }
    find_subsets(form);
    return find_supersets(form);
}

void otr_closed_form_free(otr_closed_form *form) {
    otr_incidence_free(&form->incidence);
    free(form->subsets);
    free(form->superset_begin);
    free(form->supersets);
    free(form->is_kept);
    free(form->factors);
    free(form->coefficients);
    free(form->used);
    free(form->is_used);
    free(form->heads);
    free(form->links);
    free(form->shared);
    free(form->touched);
    *form = (otr_closed_form){0};
}

size_t otr_closed_form_bytes(const otr_closed_form *form) {
    const size_t count = form->classes->count;
    return count * (OTR_SUBSETS * sizeof *form->subsets + sizeof *form->superset_begin +
                    sizeof *form->is_kept + sizeof *form->heads) +
           form->superset_begin[count] * sizeof *form->supersets +
           form->sets->count * (sizeof *form->coefficients + sizeof *form->is_used) +
           form->used_capacity * sizeof *form->used + form->link_capacity * sizeof *form->links +
           form->shared_capacity * sizeof *form->shared + form->touched_capacity * sizeof *form->touched;
}

void otr_closed_form_begin(otr_closed_form *form, const double *omegas) {
    for (uint32_t i = 0; i < form->classes->count; i++) {
        const size_t size = otr_class_size(form->classes, i);
        const uint32_t *const subsets = form->subsets + (size_t)i * OTR_SUBSETS;
        form->is_kept[i] = size == 0 || size > OTR_RATES_SUPPORT_MAX;
        for (uint32_t mask = 1; !form->is_kept[i] && mask >> size == 0; mask++) {
            form->is_kept[i] = subsets[mask - 1] == OTR_NO_SET || isnan(omegas[subsets[mask - 1]]);
        }
    }
}

double otr_closed_form_estimate(const otr_closed_form *form, uint32_t class, const double *omegas,
                                const double *learned) {
    double sum = restriction(form, class, omegas);
    for (size_t i = form->superset_begin[class]; i < form->superset_begin[class + 1]; i++) {
        sum -= learned[form->supersets[i]];
    }
    return sum;
}

otr_status otr_closed_form_variance(otr_closed_form *form, const uint32_t *classes, size_t count,
                                    const double *shares, const double *attenuations, double *variance) {
    otr_status status = OTR_OK;
    forget_sets(form);
    for (size_t i = 0; i < count && status == OTR_OK; i++) {
        status = expand(form, classes[i], shares);
    }
    return status == OTR_OK ? sum_variance(form, attenuations, variance) : status;
}

static void find_subsets(otr_closed_form *form) {
    const otr_error_classes *const classes = form->classes;
    for (uint32_t i = 0; i < classes->count; i++) {
        uint32_t *const subsets = form->subsets + (size_t)i * OTR_SUBSETS;
        const uint32_t *const detectors = classes->detectors + classes->begin[i];
        const size_t size = otr_class_size(classes, i);
        for (uint32_t mask = 1; mask <= OTR_SUBSETS; mask++) {
            uint32_t members[OTR_RATES_SUPPORT_MAX];
            size_t count = 0, place;
            subsets[mask - 1] = OTR_NO_SET;
            if (size > OTR_RATES_SUPPORT_MAX || mask >> size != 0) {
                continue;
            }
            for (uint32_t bits = mask; bits != 0; bits &= bits - 1) {
                members[count++] = detectors[otr_ctz64(bits)];
            }
            place = otr_detector_sets_find(form->sets, members, count);
            subsets[mask - 1] = place == SIZE_MAX ? OTR_NO_SET : (uint32_t)place;
        }
    }
}

/* Calls for each class that a class contains: counts it, or lists the latter as its superset. */
static void visit_subsets(otr_closed_form *form, uint32_t class, uint32_t *shared, size_t *next) {
    const otr_error_classes *const classes = form->classes;
    const otr_incidence *const incidence = &form->incidence;
    const size_t size = otr_class_size(classes, class);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = classes->begin[class]; i < classes->begin[class + 1]; i++) {
            const uint32_t detector = classes->detectors[i];
            for (size_t k = incidence->begin[detector]; k < incidence->begin[detector + 1]; k++) {
                const uint32_t other = incidence->errors[k];
                if (pass == 0) {
                    shared[other]++;
                    continue;
                }
                if (shared[other] == otr_class_size(classes, other) && shared[other] < size) {
                    if (form->supersets != NULL) {
                        form->supersets[next[other]] = class;
                    }
                    next[other]++;
                }
                shared[other] = 0;
            }
        }
    }
}

static int compare_by_size(const otr_error_classes *classes, uint32_t a, uint32_t b) {
    const size_t x = otr_class_size(classes, a), y = otr_class_size(classes, b);
    return x != y ? (x > y) - (x < y) : (a > b) - (a < b);
}

static otr_status find_supersets(otr_closed_form *form) {
    const uint32_t count = form->classes->count;
    uint32_t *const shared = otr_array_zeroed(count, sizeof *shared);
    size_t longest = 0;
    form->superset_begin = otr_array_zeroed((size_t)count + 2, sizeof *form->superset_begin);
    if (shared == NULL || form->superset_begin == NULL) {
        free(shared);
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        visit_subsets(form, i, shared, form->superset_begin + 2);
    }
    for (uint32_t i = 0; i < count; i++) {
        longest = form->superset_begin[i + 2] > longest ? form->superset_begin[i + 2] : longest;
        form->superset_begin[i + 2] += form->superset_begin[i + 1];
    }
    form->supersets = otr_array_new(form->superset_begin[count + 1], sizeof *form->supersets);
    form->factors = otr_array_new(longest + 1, sizeof *form->factors);
    for (uint32_t i = 0; i < count && form->supersets != NULL; i++) {
        visit_subsets(form, i, shared, form->superset_begin + 1);
    }
    free(shared);
    if (form->supersets == NULL || form->factors == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *const list = form->supersets + form->superset_begin[i];
        for (size_t k = 1; k < form->superset_begin[i + 1] - form->superset_begin[i]; k++) {
            const uint32_t item = list[k];
            size_t place = k;
            for (; place > 0 && compare_by_size(form->classes, item, list[place - 1]) < 0; place--) {
                list[place] = list[place - 1];
            }
            list[place] = item;
        }
    }
    return OTR_OK;
}

static bool contains(const otr_error_classes *classes, uint32_t large, uint32_t small) {
    size_t k = classes->begin[small];
    for (size_t i = classes->begin[large]; i < classes->begin[large + 1] && k < classes->begin[small + 1];
         i++) {
        k += classes->detectors[i] == classes->detectors[k];
    }
    return k == classes->begin[small + 1];
}

/* r_W of a class. */
static double restriction(const otr_closed_form *form, uint32_t class, const double *omegas) {
    const size_t size = otr_class_size(form->classes, class);
    const uint32_t *const subsets = form->subsets + (size_t) class * OTR_SUBSETS;
    double sum = 0;
    for (uint32_t mask = 1; mask >> size == 0; mask++) {
        sum += otr_popcount64(mask) % 2 == 1 ? omegas[subsets[mask - 1]] : -omegas[subsets[mask - 1]];
    }
    return sum / (double)(1u << (size - 1));
}

/* Adds r_W, `factor` times, to the weights of the sets. */
static otr_status add_restriction(otr_closed_form *form, uint32_t class, double factor) {
    const size_t size = otr_class_size(form->classes, class);
    const uint32_t *const subsets = form->subsets + (size_t) class * OTR_SUBSETS;
    const double weight = factor / (double)(1u << (size - 1));
    if (!otr_array_reserve((void **)&form->used, &form->used_capacity, form->used_count + OTR_SUBSETS,
                           sizeof *form->used)) {
        return OTR_ERR_MEMORY;
    }
    for (uint32_t mask = 1; mask >> size == 0; mask++) {
        const uint32_t set = subsets[mask - 1];
        if (!form->is_used[set]) {
            form->is_used[set] = 1;
            form->used[form->used_count++] = set;
        }
        form->coefficients[set] += otr_popcount64(mask) % 2 == 1 ? weight : -weight;
    }
    return OTR_OK;
}

static void forget_sets(otr_closed_form *form) {
    for (size_t i = 0; i < form->used_count; i++) {
        form->coefficients[form->used[i]] = 0;
        form->is_used[form->used[i]] = 0;
    }
    form->used_count = 0;
}

/* Adds one class' sum to the weights. With a_S = r_S - sum of share_W a_W, a superset V counts -share_V (1 +
 * how often its subsets among them count). Classes that are kept are constants. */
static otr_status expand(otr_closed_form *form, uint32_t class, const double *shares) {
    const uint32_t *const supersets = form->supersets + form->superset_begin[class];
    const size_t count = form->superset_begin[class + 1] - form->superset_begin[class];
    otr_status status = add_restriction(form, class, 1);
    for (size_t i = 0; status == OTR_OK && i < count; i++) {
        double times = 1;
        form->factors[i] = 0;
        if (form->is_kept[supersets[i]]) {
            continue;
        }
        for (size_t k = 0; k < i; k++) {
            if (form->factors[k] != 0 && contains(form->classes, supersets[i], supersets[k]) &&
                otr_class_size(form->classes, supersets[k]) < otr_class_size(form->classes, supersets[i])) {
                times += form->factors[k];
            }
        }
        form->factors[i] = -times * (shares != NULL ? shares[supersets[i]] : 1);
        if (form->factors[i] != 0) {
            status = add_restriction(form, supersets[i], form->factors[i]);
        }
    }
    return status;
}

/* Notes that two sets, of which `newest` is numbered last, both see a class. */
static void share(otr_closed_form *form, uint32_t used, uint32_t newest, double attenuation,
                  size_t *touched) {
    struct otr_shared_view *const view = &form->shared[used];
    if (view->newest != newest + 1) {
        *view = (struct otr_shared_view){0, newest + 1};
        form->touched[(*touched)++] = used;
    }
    view->attenuation += attenuation;
}

/* Sets are linked to the classes that they see one after the other; so a set finds those before it that see
 * the same. */
static otr_status sum_variance(otr_closed_form *form, const double *attenuations, double *result) {
    size_t link_count = 0;
    otr_status status = OTR_OK;
    double sum = 0;
    if (!otr_array_reserve((void **)&form->shared, &form->shared_capacity, form->used_count,
                           sizeof *form->shared) ||
        !otr_array_reserve((void **)&form->touched, &form->touched_capacity, form->used_count,
                           sizeof *form->touched)) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < form->used_count; i++) {
        form->shared[i].newest = 0;
    }
    for (size_t i = 0; status == OTR_OK && i < form->used_count; i++) {
        const uint32_t set = form->used[i];
        const size_t begin = form->sets->begin[set];
        size_t row, touched = 0;
        double inner = 0;
        if (form->coefficients[set] == 0) {
            continue;
        }
        row = otr_incidence_of(&form->incidence, form->sets->detectors + begin,
                               form->sets->begin[set + 1] - begin);
        if (!otr_array_reserve((void **)&form->links, &form->link_capacity, link_count + row,
                               sizeof *form->links)) {
            status = OTR_ERR_MEMORY;
            break;
        }
        for (size_t k = 0; k < row; k++) {
            const uint32_t class = form->incidence.row[k];
            form->links[link_count] = (struct otr_set_link){class, (uint32_t)i, form->heads[class]};
            form->heads[class] = (uint32_t)link_count++;
            for (uint32_t at = form->heads[class]; at != UINT32_MAX; at = form->links[at].next) {
                share(form, form->links[at].used, (uint32_t)i, attenuations[class], &touched);
            }
        }
        for (size_t k = 0; k < touched; k++) {
            const uint32_t other = form->touched[k];
            const double both = otr_exponential_less_one(2 * form->shared[other].attenuation);
            inner += form->coefficients[form->used[other]] * both * (other < i ? 2 : 1);
        }
        sum += form->coefficients[set] * inner;
    }
    for (size_t i = 0; i < link_count; i++) {
        form->heads[form->links[i].class] = UINT32_MAX;
    }
    *result = sum;
    return status;
}
