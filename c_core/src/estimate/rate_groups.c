#include "estimate/rate_groups.h"

#include <stdlib.h>

#include "common/array.h"
#include "estimate/attenuation.h"
#include "model/symptoms.h"
#include "outrider/rates.h"

/* What one error gives to its class and group; later a part. */
typedef struct contribution {
    uint32_t class, group;
    double amount;
} contribution;

typedef struct contribution_list {
    contribution *items;
    size_t count, capacity;
} contribution_list;

/* A class, by what its pool is told from others. */
typedef struct pool_key {
    size_t size;
    uint32_t group, class;
} pool_key;

static otr_status list_single_parts(contribution_list *list, const otr_error_classes *classes);
static otr_status list_parts(contribution_list *list, const otr_error_classes *classes,
                             const otr_error_list *errors, const otr_model *prior, const uint32_t *groups);
static void name_untied(contribution_list *list);
static void merge_parts(contribution_list *list, const otr_error_classes *classes);
static otr_status take_parts(otr_rate_groups *result, const contribution_list *list,
                             const otr_error_classes *classes);
static otr_status fill_pools(otr_rate_groups *result, const otr_error_classes *classes);

otr_status otr_rate_groups_init(otr_rate_groups *result, const otr_error_classes *classes,
                                const otr_error_list *errors, const otr_model *prior,
                                const uint32_t *groups) {
    contribution_list list = {0};
    otr_status status;
    *result = (otr_rate_groups){0};
    if (groups == NULL) {
        status = list_single_parts(&list, classes);
    } else {
        status = list_parts(&list, classes, errors, prior, groups);
        if (status == OTR_OK) {
            name_untied(&list);
            merge_parts(&list, classes);
        }
    }
    status = status == OTR_OK ? take_parts(result, &list, classes) : status;
    free(list.items);
    return status == OTR_OK ? fill_pools(result, classes) : status;
}

void otr_rate_groups_free(otr_rate_groups *groups) {
    free(groups->begin);
    free(groups->of);
    free(groups->amounts);
    free(groups->pool_begin);
    free(groups->members);
    free(groups->pool_of);
    *groups = (otr_rate_groups){0};
}

size_t otr_rate_groups_bytes(const otr_rate_groups *groups, uint32_t class_count) {
    const size_t parts = groups->begin[class_count];
    return ((size_t)class_count + 1) * sizeof *groups->begin +
           parts * (sizeof *groups->of + sizeof *groups->amounts) +
           class_count * (sizeof *groups->pool_begin + sizeof *groups->members + sizeof *groups->pool_of);
}

static otr_status append(contribution_list *list, contribution item) {
    if (!OTR_ARRAY_GROW(list->items, list->count, list->capacity)) {
        return OTR_ERR_MEMORY;
    }
    list->items[list->count++] = item;
    return OTR_OK;
}

static otr_status list_single_parts(contribution_list *list, const otr_error_classes *classes) {
    otr_status status = OTR_OK;
    for (uint32_t i = 0; i < classes->count && status == OTR_OK; i++) {
        status = append(list, (contribution){i, i, classes->prior[i]});
    }
    return status;
}

static otr_status list_parts(contribution_list *list, const otr_error_classes *classes,
                             const otr_error_list *errors, const otr_model *prior, const uint32_t *groups) {
    otr_model_walk *walk = NULL;
    otr_index_list symptoms = {0};
    otr_instruction step;
    uint64_t number = 0;
    otr_status status = otr_model_walk_create(&walk, prior);
    while (status == OTR_OK && otr_model_walk_next(walk, &step)) {
        uint32_t found, group;
        if (step.kind != OTR_INSTRUCTION_ERROR) {
            continue;
        }
        group = groups[number++];
        if (group != OTR_RATES_UNTIED && group >= otr_model_error_count(prior)) {
            status = OTR_ERR_INDEX;
        } else if (step.arguments[0] > 0) {
            const double odds = step.arguments[0] / (1 - step.arguments[0]);
            status = otr_list_symptoms(&symptoms, step.targets, step.target_count);
            found = status == OTR_OK && symptoms.count > 0
                        ? otr_error_list_find(errors, symptoms.items, symptoms.count)
                        : UINT32_MAX;
            if (found != UINT32_MAX) {
                status =
                    append(list, (contribution){classes->of[found], group, otr_attenuation_of_odds(odds)});
            }
        }
    }
    otr_model_walk_destroy(walk);
    free(symptoms.items);
    return status;
}

/* Errors that are not tied get groups behind all others, one for each class. */
static void name_untied(contribution_list *list) {
    uint32_t named = 0;
    for (size_t i = 0; i < list->count; i++) {
        const uint32_t group = list->items[i].group;
        named = group != OTR_RATES_UNTIED && group >= named ? group + 1 : named;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].group == OTR_RATES_UNTIED) {
            list->items[i].group = named + list->items[i].class;
        }
    }
}

static int compare_contributions(const void *left, const void *right) {
    const contribution *const a = left, *const b = right;
    if (a->class != b->class) {
        return (a->class > b->class) - (a->class < b->class);
    }
    if (a->group != b->group) {
        return (a->group > b->group) - (a->group < b->group);
    }
    return (a->amount > b->amount) - (a->amount < b->amount);
}

/* One item for each part; those of a class sum to its prior but for rounding, which is taken out. */
static void merge_parts(contribution_list *list, const otr_error_classes *classes) {
    size_t count = 0, begin = 0;
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare_contributions);
    }
    for (size_t i = 0; i < list->count; i++) {
        const contribution item = list->items[i];
        if (count > 0 && list->items[count - 1].class == item.class &&
            list->items[count - 1].group == item.group) {
            list->items[count - 1].amount += item.amount;
        } else {
            list->items[count++] = item;
        }
    }
    list->count = count;
    while (begin < count) {
        const uint32_t class = list->items[begin].class;
        size_t end = begin;
        double sum = 0;
        for (; end < count && list->items[end].class == class; end++) {
            sum += list->items[end].amount;
        }
        for (; begin < end; begin++) {
            list->items[begin].amount *= classes->prior[class] / sum;
        }
    }
}

static otr_status take_parts(otr_rate_groups *result, const contribution_list *list,
                             const otr_error_classes *classes) {
    result->begin = otr_array_zeroed((size_t)classes->count + 1, sizeof *result->begin);
    result->of = otr_array_new(list->count, sizeof *result->of);
    result->amounts = otr_array_new(list->count, sizeof *result->amounts);
    if (result->begin == NULL || result->of == NULL || result->amounts == NULL) {
        return OTR_ERR_MEMORY;
    }
    for (size_t i = 0; i < list->count; i++) {
        result->begin[list->items[i].class + 1] = i + 1;
        result->of[i] = list->items[i].group;
        result->amounts[i] = list->items[i].amount;
        result->count = result->of[i] >= result->count ? result->of[i] + 1 : result->count;
    }
    result->is_partition = list->count == classes->count;
    return OTR_OK;
}

static int compare_pool_keys(const void *left, const void *right) {
    const pool_key *const a = left, *const b = right;
    if (a->size != b->size) {
        return (a->size < b->size) - (a->size > b->size);
    }
    if (a->group != b->group) {
        return (a->group > b->group) - (a->group < b->group);
    }
    return (a->class > b->class) - (a->class < b->class);
}

static otr_status fill_pools(otr_rate_groups *result, const otr_error_classes *classes) {
    pool_key *const keys = otr_array_new(classes->count, sizeof *keys);
    result->pool_begin = otr_array_zeroed((size_t)classes->count + 1, sizeof *result->pool_begin);
    result->members = otr_array_new(classes->count, sizeof *result->members);
    result->pool_of = otr_array_new(classes->count, sizeof *result->pool_of);
    if (keys == NULL || result->pool_begin == NULL || result->members == NULL || result->pool_of == NULL) {
        free(keys);
        return OTR_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < classes->count; i++) {
        keys[i] = (pool_key){otr_class_size(classes, i),
                             result->is_partition ? result->of[result->begin[i]] : i, i};
    }
    if (classes->count > 0) {
        qsort(keys, classes->count, sizeof *keys, compare_pool_keys);
    }
    for (uint32_t i = 0; i < classes->count; i++) {
        if (i == 0 || keys[i - 1].size != keys[i].size || keys[i - 1].group != keys[i].group) {
            result->pool_count++;
        }
        result->members[i] = keys[i].class;
        result->pool_of[keys[i].class] = result->pool_count - 1;
        result->pool_begin[result->pool_count] = i + 1;
    }
    free(keys);
    return OTR_OK;
}
