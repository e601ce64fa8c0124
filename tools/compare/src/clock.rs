//! Wall-clock time and processor time of a piece of work.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Does `work` and tells what it took, in seconds.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Value) {
    let (wall, cpu) = (Instant::now(), cpu_time());
    let done = work();
    let (wall, cpu) = (wall.elapsed(), cpu_time().saturating_sub(cpu));
    (done, json!({ "wall": wall.as_secs_f64(), "cpu": cpu.as_secs_f64() }))
}

/// Processor time of this process, all its threads together.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
