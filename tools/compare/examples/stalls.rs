//! How often this machine stops a thread that does nothing but read the clock, and for how long. No latency measured here can
//! have a shorter tail: what falls into a stop takes as long as the stop.
//!
//!     cargo run --release -p compare --example stalls -- 10

use std::time::{Duration, Instant};

/// Two readings of the clock are less than this apart, unless the thread was stopped.
const STOPPED: Duration = Duration::from_micros(2);
/// Stops that are told apart.
const LONG: Duration = Duration::from_micros(20);
const SECONDS_DEFAULT: u64 = 10;

fn main() -> Result<(), String> {
    let seconds = match std::env::args().nth(1) {
        Some(word) => word.parse().map_err(|error| format!("seconds '{word}': {error}"))?,
        None => SECONDS_DEFAULT,
    };
    if seconds == 0 {
        return Err("seconds '0': at least 1".to_owned());
    }
    let stops = watch(Duration::from_secs(seconds));
    println!(
        "{seconds} s of one thread; stops, how many a second, their share of the time, p50, p99 and longest:"
    );
    for least in [STOPPED, LONG] {
        println!("{}", line(&stops[stops.partition_point(|&stop| stop < least)..], least, seconds as f64));
    }
    Ok(())
}

/// The stops, ascending.
fn watch(time: Duration) -> Vec<Duration> {
    let mut stops = Vec::new();
    let begin = Instant::now();
    let mut last = begin;
    while last - begin < time {
        let now = Instant::now();
        if now - last >= STOPPED {
            stops.push(now - last);
        }
        last = now;
    }
    stops.sort_unstable();
    stops
}

fn line(stops: &[Duration], least: Duration, seconds: f64) -> String {
    let micros = |place: usize| stops.get(place).map_or(0.0, |stop| stop.as_secs_f64() * 1e6);
    let last = stops.len().saturating_sub(1);
    let share = stops.iter().map(Duration::as_secs_f64).sum::<f64>() / seconds;
    format!(
        "{:>4} us or more: {:>7.0} /s, {:.2} %, {:.1} us, {:.1} us, {:.0} us",
        least.as_micros(),
        stops.len() as f64 / seconds,
        100.0 * share,
        micros(last / 2),
        micros(last * 99 / 100),
        micros(last)
    )
}
