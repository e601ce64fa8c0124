/* Chooses a kernel table; the only file that asks the CPU what it can do. */
#include "kernels/kernels_tables.h"

#if defined(OTR_KERNELS_X86)
#include "common/cpu.h"

/* __builtin_cpu_supports also checks that the operating system saves the wide registers. */
static int cpu_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

static int cpu_has_avx512(void) {
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static int cpu_has_avx512vnni(void) {
    return cpu_has_avx512() && __builtin_cpu_supports("avx512vnni");
}
#endif

const otr_kernels *otr_kernels_for(otr_isa isa) {
    switch (isa) {
    case OTR_ISA_PORTABLE:
        return &otr_kernels_portable;
#if defined(OTR_KERNELS_X86)
    case OTR_ISA_AVX2:
        return cpu_has_avx2() ? &otr_kernels_avx2 : NULL;
    case OTR_ISA_AVX512:
        return cpu_has_avx512() ? &otr_kernels_avx512 : NULL;
    case OTR_ISA_AVX512VNNI:
        return cpu_has_avx512vnni() ? &otr_kernels_avx512vnni : NULL;
    case OTR_ISA_AMX:
        return cpu_has_avx512vnni() && otr_cpu_has_amx() ? &otr_kernels_amx : NULL;
    case OTR_ISA_AUTO:
        return cpu_has_avx512vnni() ? &otr_kernels_avx512vnni
               : cpu_has_avx512()   ? &otr_kernels_avx512
               : cpu_has_avx2()     ? &otr_kernels_avx2
                                    : &otr_kernels_portable;
#else
    case OTR_ISA_AVX2:
    case OTR_ISA_AVX512:
    case OTR_ISA_AVX512VNNI:
    case OTR_ISA_AMX:
        return NULL;
    case OTR_ISA_AUTO:
        return &otr_kernels_portable;
#endif
    case OTR_ISA_NEON:
        return NULL;
    }
    return NULL;
}

const char *otr_isa_name(otr_isa isa) {
    switch (isa) {
    case OTR_ISA_AUTO:
        return "auto";
    case OTR_ISA_PORTABLE:
        return "portable";
    case OTR_ISA_AVX2:
        return "avx2";
    case OTR_ISA_AVX512:
        return "avx512";
    case OTR_ISA_AVX512VNNI:
        return "avx512vnni";
    case OTR_ISA_AMX:
        return "amx";
    case OTR_ISA_NEON:
        return "neon";
    }
    return "unknown";
}
