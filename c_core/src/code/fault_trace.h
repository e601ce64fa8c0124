/* Fault tracing: from a circuit to its independent error mechanisms. */
#ifndef OTR_CODE_FAULT_TRACE_H
#define OTR_CODE_FAULT_TRACE_H

#include "code/circuit.h"
#include "code/fault_set.h"

/* Adds the faults of every noise instruction of a circuit without REPEAT blocks to *faults, decomposed within
 * their channels. OTR_ERR_MEMORY, OTR_ERR_LIMIT, or OTR_ERR_ARGUMENT when a detector is not deterministic or
 * a block is found. */
otr_status otr_fault_trace(otr_fault_set *faults, const otr_circuit *circuit, otr_error *error);

#endif
