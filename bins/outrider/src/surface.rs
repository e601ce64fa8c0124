//! Surface-code memories as models.

use outrider::{DetectorErrorModel, SurfaceCode};

use crate::error::{Error, Result};

/// Detectors of a model with every round written out: about a gigabyte of it.
const FLAT_DETECTORS_MAX: u64 = 1 << 21;

/// The model with every round written out, unless that would eat the memory.
pub(crate) fn flat_model(surface: &SurfaceCode) -> Result<DetectorErrorModel> {
    let detectors = surface.detector_count();
    if detectors > FLAT_DETECTORS_MAX {
        return Err(Error::Usage(format!(
            "--rounds: the memory has {detectors} detectors, more than the limit of {FLAT_DETECTORS_MAX} \
             for a model without repeat blocks"
        )));
    }
    Ok(surface.model()?)
}
