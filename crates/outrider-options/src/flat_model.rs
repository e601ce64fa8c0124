//! Models with every round written out, of a bounded size.

use outrider::{DetectorErrorModel, SurfaceCode};

use crate::patch_error::PatchError;

/// The model with every round written out, unless that would eat the memory; `option` sets the rounds.
///
/// # Errors
/// As [`SurfaceCode::model`], and [`PatchError::Option`] for too many detectors.
pub fn flat_model(surface: &SurfaceCode, option: &str) -> Result<DetectorErrorModel, PatchError> {
    let detectors = surface.detector_count();
    if detectors > FLAT_DETECTORS_MAX {
        return Err(PatchError::Option(format!(
            "{option}: the memory has {detectors} detectors, more than the limit of {FLAT_DETECTORS_MAX} \
             for a model without repeat blocks"
        )));
    }
    Ok(surface.model()?)
}

/// Detectors of a model with every round written out: about a gigabyte of it.
const FLAT_DETECTORS_MAX: u64 = 1 << 21;
