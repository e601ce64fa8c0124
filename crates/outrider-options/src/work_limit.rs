//! How much work a model may mean before it is begun: a few bytes with `repeat` can mean hours.

use std::sync::OnceLock;

use outrider::{DetectorErrorModel, Error, Place, Status};

/// Errors, repeats unfolded, and detectors that a model may have together, unless the limit is set: a few seconds, and
/// two or three gigabytes.
pub const WORK_LIMIT_DEFAULT: u64 = 1 << 25;

static LIMIT: OnceLock<u64> = OnceLock::new();

/// Sets the limit for this program, once; a second call changes nothing.
pub fn set_work_limit(limit: u64) {
    LIMIT.get_or_init(|| limit);
}

/// Refuses a model that means more work.
///
/// # Errors
/// [`Status::Limit`].
pub fn require_work(model: &DetectorErrorModel) -> Result<(), Error> {
    let limit = *LIMIT.get_or_init(|| WORK_LIMIT_DEFAULT);
    let (errors, detectors) = (model.error_count(), model.detector_count());
    if errors.saturating_add(detectors) <= limit {
        return Ok(());
    }
    let message = format!(
        "the model unfolds to {errors} errors and {detectors} detectors, more work than the limit of {limit}; \
         --work-limit sets it"
    );
    Err(Error::Core { status: Status::Limit, place: Place::default(), message })
}
