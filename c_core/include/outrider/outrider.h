/* Umbrella header of the outrider C library. */
#ifndef OUTRIDER_OUTRIDER_H
#define OUTRIDER_OUTRIDER_H

#include "outrider/bursts.h"
#include "outrider/cell_book.h"
#include "outrider/decoder.h"
#include "outrider/dense_network.h"
#include "outrider/drift.h"
#include "outrider/event_network.h"
#include "outrider/gap.h"
#include "outrider/graph.h"
#include "outrider/kernels.h"
#include "outrider/labels.h"
#include "outrider/likelihood.h"
#include "outrider/measurement_stream.h"
#include "outrider/measurements.h"
#include "outrider/model.h"
#include "outrider/moments.h"
#include "outrider/network_kind.h"
#include "outrider/plan.h"
#include "outrider/predecoder.h"
#include "outrider/rates.h"
#include "outrider/residuals.h"
#include "outrider/round_sampler.h"
#include "outrider/rounds.h"
#include "outrider/rules.h"
#include "outrider/sampler.h"
#include "outrider/shots.h"
#include "outrider/significance.h"
#include "outrider/status.h"
#include "outrider/surface_code.h"
#include "outrider/training.h"
#include "outrider/trellis.h"
#include "outrider/window.h"

/* Equal to the Cargo package version; checked when the Rust crate is built. */
#define OTR_VERSION_MAJOR 0
#define OTR_VERSION_MINOR 1
#define OTR_VERSION_PATCH 0
/* Raised when a signature or struct of these headers changes. */
#define OTR_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/* The OTR_ABI_VERSION the library was compiled with. */
OTR_API uint32_t otr_abi_version(void);

#ifdef __cplusplus
}
#endif
#endif
