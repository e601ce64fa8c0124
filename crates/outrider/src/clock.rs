use std::sync::OnceLock;
use std::time::Instant;

/// Nanoseconds of a clock that never goes backwards, since this process first read it. All time stamps of this crate
/// are its, so that stamps of one process can be compared.
pub fn clock_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    // 2^64 ns are 584 years.
    start.elapsed().as_nanos() as u64
}
