/* Chooses a kernel table; the only file that asks the CPU what it can do. */
#include "kernels/kernels_tables.h"

#include <stdbool.h>
#if defined(OTR_KERNELS_X86)
#include <cpuid.h>
#endif

/* What a CPU of x86-64 has, by leaf and register of CPUID, and which registers its operating system saves. */
typedef struct cpu_features {
    uint32_t leaf1_c;
    uint32_t leaf7_b;
    uint32_t leaf7_c;
    uint32_t leaf7_d;
    uint32_t xcr0;
} cpu_features;

typedef struct instruction_set {
    otr_isa isa;
    bool is_automatic; /* OTR_ISA_AUTO may stand for it */
    const otr_kernels *kernels;
    cpu_features needed; /* beside what the sets before it need */
} instruction_set;

#if defined(OTR_KERNELS_X86)
#define C1_OSXSAVE (1u << 27) /* there is XCR0 */

#define C1_POPCNT_AVX (1u << 23 | 1u << 28)
#define B7_BMI1_AVX2_BMI2 (1u << 3 | 1u << 5 | 1u << 8)
#define B7_AVX512_F_DQ_BW_VL (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31)
#define C7_AVX512_VNNI (1u << 11)
#define D7_AMX_TILE_INT8 (1u << 24 | 1u << 25)

#define XCR0_YMM (1u << 1 | 1u << 2)           /* lower halves, which are XMM; upper halves */
#define XCR0_ZMM (1u << 5 | 1u << 6 | 1u << 7) /* masks; upper halves; registers 16 to 31 */
#define XCR0_TILES (1u << 17 | 1u << 18)       /* configuration; data */
#endif

/* Those of this build, the best one last. */
static const instruction_set SETS[] = {
    {OTR_ISA_PORTABLE, true, &otr_kernels_portable, {0}},
#if defined(OTR_KERNELS_X86)
    {OTR_ISA_AVX2, true, &otr_kernels_avx2, {C1_POPCNT_AVX, B7_BMI1_AVX2_BMI2, 0, 0, XCR0_YMM}},
    {OTR_ISA_AVX512, true, &otr_kernels_avx512, {0, B7_AVX512_F_DQ_BW_VL, 0, 0, XCR0_ZMM}},
    {OTR_ISA_AVX512VNNI, true, &otr_kernels_avx512vnni, {0, 0, C7_AVX512_VNNI, 0, 0}},
    {OTR_ISA_AMX, false, &otr_kernels_amx, {0, 0, 0, D7_AMX_TILE_INT8, XCR0_TILES}},
#elif defined(OTR_KERNELS_NEON)
    {OTR_ISA_NEON, true, &otr_kernels_neon, {0}},
#endif
};

#define SET_COUNT (sizeof SETS / sizeof SETS[0])

/* By the instructions themselves: __builtin_cpu_supports reads a table that a part of the compiler's runtime
 * library fills, and not every linker brings that part. */
static cpu_features features_here(void) {
    cpu_features here = {0};
#if defined(OTR_KERNELS_X86)
    uint32_t a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        here.leaf1_c = c;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        here.leaf7_b = b;
        here.leaf7_c = c;
        here.leaf7_d = d;
    }
    if ((here.leaf1_c & C1_OSXSAVE) != 0) {
        __asm__ __volatile__("xgetbv" : "=a"(here.xcr0), "=d"(d) : "c"(0));
#if defined(__APPLE__)
        here.xcr0 |= XCR0_ZMM; /* set there when a thread first uses one */
#endif
    }
#endif
    return here;
}

static bool has_all(const cpu_features *here, const cpu_features *needed) {
    return (needed->leaf1_c & ~here->leaf1_c) == 0 && (needed->leaf7_b & ~here->leaf7_b) == 0 &&
           (needed->leaf7_c & ~here->leaf7_c) == 0 && (needed->leaf7_d & ~here->leaf7_d) == 0 &&
           (needed->xcr0 & ~here->xcr0) == 0;
}

const otr_kernels *otr_kernels_for(otr_isa isa) {
    const cpu_features here = features_here();
    const otr_kernels *kernels = NULL;
    for (size_t i = 0; i < SET_COUNT && has_all(&here, &SETS[i].needed); i++) {
        if (isa == OTR_ISA_AUTO ? SETS[i].is_automatic : isa == SETS[i].isa) {
            kernels = SETS[i].kernels;
        }
    }
    return kernels;
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
