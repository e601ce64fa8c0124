#include "code/target_set.h"

bool otr_target_set_xor(otr_target_set *set, const uint64_t *items, uint32_t count) {
    otr_target_set merged = {0};
    uint32_t i = 0, j = 0;
    while (i < set->count || j < count) {
        uint64_t next;
        if (i < set->count && j < count && set->items[i] == items[j]) {
            i++;
            j++;
            continue;
        }
        next = j == count || (i < set->count && set->items[i] < items[j]) ? set->items[i++] : items[j++];
        if (merged.count == OTR_TARGET_SET_MAX) {
            return false;
        }
        merged.items[merged.count++] = next;
    }
    *set = merged;
    return true;
}
