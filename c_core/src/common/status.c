#include "outrider/outrider.h"

const char *otr_status_text(otr_status status) {
    switch (status) {
    case OTR_OK:
        return "ok";
    case OTR_ERR_ARGUMENT:
        return "invalid argument";
    case OTR_ERR_UNSUPPORTED:
        return "not supported by this build or CPU";
    case OTR_ERR_INDEX:
        return "index out of range";
    case OTR_ERR_LIMIT:
        return "limit exceeded";
    case OTR_ERR_MEMORY:
        return "out of memory";
    case OTR_ERR_PARSE:
        return "malformed text";
    case OTR_ERR_PROBABILITY:
        return "probability out of range";
    case OTR_ERR_UNDECOMPOSABLE:
        return "error component with three or more detectors";
    case OTR_ERR_TRUNCATED:
        return "input ends inside a record";
    case OTR_ERR_FORMAT:
        return "input does not follow its format";
    case OTR_ERR_RANDOM:
        return "noise-free runs do not fix the parity";
    case OTR_ERR_ODD_PARITY:
        return "odd number of detection events in a component without boundary";
    case OTR_ERR_CERTIFICATE:
        return "the answer's dual certificate does not hold";
    case OTR_ERR_UNEXPLAINED:
        return "no errors of the model explain the shot within the budget";
    case OTR_ERR_RESIDUAL:
        return "the commit leaves detection events in its cell";
    }
    return "unknown status";
}

uint32_t otr_abi_version(void) {
    return OTR_ABI_VERSION;
}
