/* The registry of kinds of networks. Each kind has a folder of its own, which defines one of the functions
 * below; network_kind.c lists them. */
#ifndef OTR_NETWORK_KINDS_H
#define OTR_NETWORK_KINDS_H

#include "predecode/safetensors.h"

#include <stdbool.h>

/* Whether a file is of the kind, by names alone: the kind's reader may still refuse it. */
bool otr_event_network_claims(const otr_safetensors *file);
bool otr_dense_network_claims(const otr_safetensors *file);

#endif
