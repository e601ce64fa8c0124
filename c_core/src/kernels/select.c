/* Chooses a kernel table; the only file that asks the CPU what it can do. */
#include "kernels/kernels_tables.h"

#include <stdbool.h>

static bool always(void) {
    return true;
}

#if defined(OTR_KERNELS_X86)
#include <cpuid.h>

/* __builtin_cpu_supports also checks that the operating system saves the wide registers. */
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static bool has_avx512vnni(void) {
    return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

#define CPUID_OSXSAVE (1u << 27)       /* leaf 1, ecx */
#define CPUID_AMX_TILE_INT8 (3u << 24) /* leaf 7, edx */
#define XCR0_TILE_STATE (3u << 17)     /* configuration and data of the tiles */

/* Compilers have no name for AMX: its bits, and whether the operating system saves the tiles. */
static bool has_amx(void) {
    uint32_t a, b, c, d, state;
    if (!has_avx512vnni() || !__get_cpuid(1, &a, &b, &c, &d) || (c & CPUID_OSXSAVE) == 0 ||
        !__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & CPUID_AMX_TILE_INT8) != CPUID_AMX_TILE_INT8) {
        return false;
    }
    __asm__("xgetbv" : "=a"(state), "=d"(d) : "c"(0));
    return (state & XCR0_TILE_STATE) == XCR0_TILE_STATE;
}
#endif

typedef struct instruction_set {
    otr_isa isa;
    const otr_kernels *kernels;
    bool (*is_here)(void);
    bool is_automatic; /* OTR_ISA_AUTO may stand for it */
} instruction_set;

/* Those of this build, the best one last. */
static const instruction_set SETS[] = {
    {OTR_ISA_PORTABLE, &otr_kernels_portable, always, true},
#if defined(OTR_KERNELS_X86)
    {OTR_ISA_AVX2, &otr_kernels_avx2, has_avx2, true},
    {OTR_ISA_AVX512, &otr_kernels_avx512, has_avx512, true},
    {OTR_ISA_AVX512VNNI, &otr_kernels_avx512vnni, has_avx512vnni, true},
    {OTR_ISA_AMX, &otr_kernels_amx, has_amx, false},
#elif defined(OTR_KERNELS_NEON)
    {OTR_ISA_NEON, &otr_kernels_neon, always, true},
#endif
};

#define SET_COUNT (sizeof SETS / sizeof SETS[0])

const otr_kernels *otr_kernels_for(otr_isa isa) {
    for (size_t i = SET_COUNT; i-- > 0;) {
        const bool wanted = isa == OTR_ISA_AUTO ? SETS[i].is_automatic : isa == SETS[i].isa;
        if (wanted && SETS[i].is_here()) {
            return SETS[i].kernels;
        }
    }
    return NULL;
}

const char *otr_isa_name(otr_isa isa) {
    switch (isa) {
    case OTR_ISA_AUTO:
        return "auto";
    case OTR_ISA_PORTABLE:
        return "portable";
    case OTR_ISA_NEON:
        return "neon";
    case OTR_ISA_AVX2:
        return "avx2";
    case OTR_ISA_AVX512:
        return "avx512";
    case OTR_ISA_AVX512VNNI:
        return "avx512vnni";
    case OTR_ISA_AMX:
        return "amx";
    }
    return "unknown";
}
