#include "outrider/network_kind.h"

#include "common/error.h"
#include "predecode/network_kinds.h"

typedef struct network_kind {
    otr_network_kind kind;
    bool (*claims)(const otr_safetensors *file);
} network_kind;

/* The first that claims a file has it. */
static const network_kind KINDS[] = {{OTR_NETWORK_EVENT, otr_event_network_claims},
                                     {OTR_NETWORK_DENSE, otr_dense_network_claims}};

static otr_status find_kind(otr_network_kind *out, const otr_safetensors *file, otr_error *error);

otr_status otr_network_kind_of(otr_network_kind *out, const void *bytes, size_t size, otr_error *error) {
    otr_safetensors file;
    otr_status status;
    if (out == NULL || (bytes == NULL && size > 0)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "a null argument");
    }
    status = otr_safetensors_parse(&file, bytes, size, error);
    status = status == OTR_OK ? find_kind(out, &file, error) : status;
    otr_safetensors_free(&file);
    return status;
}

static otr_status find_kind(otr_network_kind *out, const otr_safetensors *file, otr_error *error) {
    const char *const format = otr_safetensors_metadata(file, "format");
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (KINDS[i].claims(file)) {
            *out = KINDS[i].kind;
            return OTR_OK;
        }
    }
    return otr_error_set(error, OTR_ERR_FORMAT, 0, 0,
                         "neither an event network (metadata format is %.40s) nor a dense one (no tensor "
                         "net.*)",
                         format != NULL ? format : "missing");
}
