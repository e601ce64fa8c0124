/* Which kind of network a file holds, before the reader of that kind takes it.
 *
 * Both kinds are safetensors files. An event network says so in its metadata (outrider/event_network.h); a
 * dense one, whose published files say nothing, is known by its tensors' names (outrider/dense_network.h). */
#ifndef OUTRIDER_NETWORK_KIND_H
#define OUTRIDER_NETWORK_KIND_H

#include "outrider/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum otr_network_kind { OTR_NETWORK_EVENT = 0, OTR_NETWORK_DENSE = 1 } otr_network_kind;

/* Looks at names only: the kind's reader may still refuse the file. Files too torn or damaged to tell get the
 * same error from every reader: OTR_ERR_TRUNCATED, OTR_ERR_FORMAT, OTR_ERR_LIMIT. OTR_ERR_FORMAT also for
 * files of neither kind; OTR_ERR_MEMORY, OTR_ERR_ARGUMENT. */
OTR_API otr_status otr_network_kind_of(otr_network_kind *out, const void *bytes, size_t size,
                                       otr_error *error);

#ifdef __cplusplus
}
#endif
#endif
