#include "outrider/network_kind.h"

#include "common/error.h"
#include "predecode/dense_internal.h"
#include "predecode/event_network_internal.h"
#include "predecode/safetensors.h"

#include <string.h>

static otr_status tell(otr_network_kind *out, const otr_safetensors *file, otr_error *error);
static int has_convolutions(const otr_safetensors *file);

otr_status otr_network_kind_of(otr_network_kind *out, const void *bytes, size_t size, otr_error *error) {
    otr_safetensors file;
    otr_status status;
    if (out == NULL || (bytes == NULL && size > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a null argument");
    }
    status = otr_safetensors_parse(&file, bytes, size, error);
    status = status == OTR_OK ? tell(out, &file, error) : status;
    otr_safetensors_free(&file);
    return status;
}

static otr_status tell(otr_network_kind *out, const otr_safetensors *file, otr_error *error) {
    const char *const format = otr_safetensors_metadata(file, "format");
    if (format != NULL && strcmp(format, OTR_EVENT_FORMAT) == 0) {
        *out = OTR_NETWORK_EVENT;
        return OTR_OK;
    }
    if (has_convolutions(file)) {
        *out = OTR_NETWORK_DENSE;
        return OTR_OK;
    }
    return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                         "neither an event network (metadata format is %.40s) nor a dense one (no tensor "
                         "net.*)",
                         format != NULL ? format : "missing");
}

static int has_convolutions(const otr_safetensors *file) {
    const size_t skip = strlen(OTR_DENSE_MODULE);
    for (size_t i = 0; i < file->tensor_count; i++) {
        const char *const name = file->tensors[i].name;
        const size_t start = strncmp(name, OTR_DENSE_MODULE, skip) == 0 ? skip : 0;
        if (strncmp(name + start, OTR_DENSE_NET, strlen(OTR_DENSE_NET)) == 0) {
            return 1;
        }
    }
    return 0;
}
