/* What only CPUID and XCR0 show, on x86-64. */
#ifndef OTR_COMMON_CPU_H
#define OTR_COMMON_CPU_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

#define OTR_CPUID_OSXSAVE (1u << 27)       /* leaf 1, ecx */
#define OTR_CPUID_AMX_TILE_INT8 (3u << 24) /* leaf 7, edx */
#define OTR_XCR0_TILE_STATE (3u << 17)     /* configuration and data of the tiles */

/* Whether the CPU has AMX-TILE and AMX-INT8 and the operating system saves the tiles. */
static inline bool otr_cpu_has_amx(void) {
    uint32_t a, b, c, d, state;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & OTR_CPUID_OSXSAVE) == 0 ||
        !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        (d & OTR_CPUID_AMX_TILE_INT8) != OTR_CPUID_AMX_TILE_INT8) {
        return false;
    }
    __asm__("xgetbv" : "=a"(state), "=d"(d) : "c"(0));
    return (state & OTR_XCR0_TILE_STATE) == OTR_XCR0_TILE_STATE;
}

#endif
