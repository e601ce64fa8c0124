/* The handle behind the public interface. */
#ifndef OTR_CODE_SURFACE_INTERNAL_H
#define OTR_CODE_SURFACE_INTERNAL_H

#include "code/memory_circuit.h"

struct otr_surface {
    otr_surface_options options;
    otr_patch patch;
    otr_circuit circuit;
};

#endif
