/* The first step of decomposition: within one Pauli channel.
 *
 * Detectors that the channel's basis errors flip are numbered, so that every case is a bit mask. Cases with
 * one detector are atoms; two-detector cases that atoms do not make up are pairs. Every other case becomes
 * no, one or two pairs and the atoms for the rest, or stays whole when that is impossible. */
#include "code/fault_set.h"

#include <string.h>

/* Targets of a decomposed case: at most one component per detector, each with its observables and a
 * separator. */
#define CASE_TARGETS_MAX (OTR_TARGET_SET_MAX * 4)
/* Detectors that the masks can hold. */
#define CHANNEL_DETECTORS_MAX 64

typedef struct channel_case {
    uint64_t mask; /* detectors flipped */
    int detector_count;
    otr_target_set whole;
    uint64_t parts[CASE_TARGETS_MAX]; /* the decomposition, empty where `whole` stands */
    size_t part_count;
} channel_case;

typedef struct channel_cases {
    int count;
    channel_case cases[OTR_CHANNEL_CASES_MAX];
    uint64_t atoms; /* union of the atoms' detectors */
    int pairs[OTR_CHANNEL_CASES_MAX];
    int pair_count;
} channel_cases;

static otr_status fill_cases(channel_cases *all, const otr_channel *channel);
static otr_status decompose(channel_cases *all, int index);
static void merge_same_cases(const channel_cases *all, double *probabilities);

otr_status otr_fault_set_add_channel(otr_fault_set *faults, const otr_channel *channel) {
    channel_cases all;
    double probabilities[OTR_CHANNEL_CASES_MAX];
    otr_status status = fill_cases(&all, channel);

    for (int k = 1; status == OTR_OK && k < all.count; k++) {
        const channel_case *one = &all.cases[k];
        const bool is_pair = one->detector_count == 2 && (one->mask & ~all.atoms) != 0;
        if (one->detector_count >= 2 && !is_pair) {
            status = decompose(&all, k);
        }
    }
    if (status != OTR_OK) {
        return status;
    }
    memcpy(probabilities, channel->probabilities, sizeof probabilities);
    if (channel->is_disjoint) {
        merge_same_cases(&all, probabilities);
    }
    for (int k = 1; status == OTR_OK && k < all.count; k++) {
        const channel_case *one = &all.cases[k];
        status = one->part_count > 0
                     ? otr_fault_set_add(faults, one->parts, one->part_count, probabilities[k])
                     : otr_fault_set_add(faults, one->whole.items, one->whole.count, probabilities[k]);
    }
    return status;
}

/* Gives the detectors of `set` their bits in a mask, numbering new ones; *mask gets the result. */
static otr_status number_detectors(const otr_target_set *set, uint64_t *detectors, int *detector_count,
                                   uint64_t *mask) {
    *mask = 0;
    for (uint32_t i = 0; i < set->count && !(set->items[i] & OTR_TARGET_OBSERVABLE); i++) {
        int bit = 0;
        while (bit < *detector_count && detectors[bit] != set->items[i]) {
            bit++;
        }
        if (bit == CHANNEL_DETECTORS_MAX) {
            return OTR_ERR_LIMIT;
        }
        if (bit == *detector_count) {
            detectors[(*detector_count)++] = set->items[i];
        }
        *mask |= (uint64_t)1 << bit;
    }
    return OTR_OK;
}

static int bit_count(uint64_t word) {
    int count = 0;
    for (; word != 0; word &= word - 1) {
        count++;
    }
    return count;
}

static otr_status fill_cases(channel_cases *all, const otr_channel *channel) {
    uint64_t detectors[CHANNEL_DETECTORS_MAX];
    int detector_count = 0;
    all->count = 1 << channel->basis_count;
    all->atoms = 0;
    all->pair_count = 0;
    all->cases[0] = (channel_case){0};
    for (int k = 1; k < all->count; k++) {
        channel_case *one = &all->cases[k];
        const int rest = k & (k - 1);
        int lowest = 0;
        while (!(k >> lowest & 1)) {
            lowest++;
        }
        one->part_count = 0;
        one->whole = all->cases[rest].whole;
        if (!otr_target_set_xor(&one->whole, channel->basis[lowest]->items, channel->basis[lowest]->count)) {
            return OTR_ERR_LIMIT;
        }
        if (rest == 0) {
            const otr_status status = number_detectors(&one->whole, detectors, &detector_count, &one->mask);
            if (status != OTR_OK) {
                return status;
            }
        } else {
            one->mask = all->cases[rest].mask ^ all->cases[k ^ rest].mask;
        }
        one->detector_count = bit_count(one->mask);
        if (one->detector_count == 1) {
            all->atoms |= one->mask;
        }
    }
    for (int k = 1; k < all->count; k++) {
        if (all->cases[k].detector_count == 2 && (all->cases[k].mask & ~all->atoms) != 0) {
            all->pairs[all->pair_count++] = k;
        }
    }
    return OTR_OK;
}

/* Lexicographic order of the undecomposed target lists. */
static bool whole_is_less(const channel_case *a, const channel_case *b) {
    for (uint32_t i = 0; i < a->whole.count && i < b->whole.count; i++) {
        if (a->whole.items[i] != b->whole.items[i]) {
            return a->whole.items[i] < b->whole.items[i];
        }
    }
    return a->whole.count < b->whole.count;
}

static otr_status append_part(channel_case *one, const channel_case *part) {
    const size_t needed = one->part_count + part->whole.count + (one->part_count > 0);
    if (needed > CASE_TARGETS_MAX) {
        return OTR_ERR_LIMIT;
    }
    if (one->part_count > 0) {
        one->parts[one->part_count++] = OTR_TARGET_SEPARATOR;
    }
    memcpy(one->parts + one->part_count, part->whole.items, part->whole.count * sizeof *part->whole.items);
    one->part_count = needed;
    return OTR_OK;
}

/* Chooses up to two pairs that leave only atoms of the goal. Returns how many, or -1 when there is no way. */
static int choose_pairs(const channel_cases *all, uint64_t goal, int chosen[2]) {
    if ((goal & ~all->atoms) == 0) {
        return 0;
    }
    for (int i = 0; i < all->pair_count; i++) {
        const uint64_t mask = all->cases[all->pairs[i]].mask;
        if ((goal & mask) == mask && (goal & ~(all->atoms | mask)) == 0) {
            chosen[0] = all->pairs[i];
            return 1;
        }
    }
    for (int i = 0; i < all->pair_count; i++) {
        for (int j = i + 1; j < all->pair_count; j++) {
            const uint64_t first = all->cases[all->pairs[i]].mask, second = all->cases[all->pairs[j]].mask;
            if ((first & second) == 0 && (goal & ~(all->atoms | first | second)) == 0) {
                const int swapped = whole_is_less(&all->cases[all->pairs[j]], &all->cases[all->pairs[i]]);
                chosen[swapped] = all->pairs[i];
                chosen[!swapped] = all->pairs[j];
                return 2;
            }
        }
    }
    return -1;
}

static otr_status decompose(channel_cases *all, int index) {
    channel_case *one = &all->cases[index];
    uint64_t remaining = one->mask;
    int chosen[2];
    const int pair_count = choose_pairs(all, one->mask, chosen);
    otr_status status = OTR_OK;
    if (pair_count < 0) {
        return OTR_OK;
    }
    for (int i = 0; status == OTR_OK && i < pair_count; i++) {
        remaining &= ~all->cases[chosen[i]].mask;
        status = append_part(one, &all->cases[chosen[i]]);
    }
    for (int k = 1; status == OTR_OK && remaining != 0 && k < all->count; k++) {
        const channel_case *atom = &all->cases[k];
        if (atom->detector_count == 1 && (atom->mask & ~remaining) == 0) {
            remaining &= ~atom->mask;
            status = append_part(one, atom);
        }
    }
    return status;
}

/* When case k flips nothing, a case and its combination with k look alike and exclude each other:
 * probabilities add. */
static void merge_same_cases(const channel_cases *all, double *probabilities) {
    for (int k = 1; k < all->count; k++) {
        if (all->cases[k].whole.count > 0) {
            continue;
        }
        for (int kept = 0; kept < all->count; kept++) {
            const int merged = kept ^ k;
            if (merged > kept) {
                probabilities[kept] += probabilities[merged];
                probabilities[merged] = 0;
            }
        }
    }
}
