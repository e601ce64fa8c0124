//! Runs seeds of the simulator and tells what happened in them; stops at the first that breaks a promise.
//!
//!     cargo run --release -p outrider-simulator --example simulate -- --seeds 0..100000

use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use outrider_simulator::{Outcome, RunOptions, Tally, run};

/// Controller, nodes, network and clocks in seeded worlds
#[derive(Parser)]
struct Arguments {
    /// The seeds, from the first up to, and without, the last
    #[arg(long, value_name = "FIRST..END", value_parser = parse_range)]
    seeds: Range<u64>,
    /// Threads, each with worlds of its own; by default one a processor
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Tell everything that happens, event by event
    #[arg(long)]
    trace: bool,
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let (first, end) = text.split_once("..").ok_or("two numbers with .. between them")?;
    let parse = |number: &str| number.parse::<u64>().map_err(|error| format!("{number}: {error}"));
    let range = parse(first)?..parse(end)?;
    if range.is_empty() { Err("no seed is in it".to_owned()) } else { Ok(range) }
}

/// What all threads have found.
#[derive(Default)]
struct Findings {
    runs: u64,
    events: u64,
    virtual_ns: u128,
    tally: Tally,
    failures: Vec<(u64, String)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let begin = Instant::now();
    let (next, stops) = (AtomicU64::new(arguments.seeds.start), AtomicBool::new(false));
    let findings = Mutex::new(Findings::default());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !stops.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.seeds.end {
                        break;
                    }
                    let found = catch_unwind(AssertUnwindSafe(|| run(seed, options(&arguments))));
                    let mut findings = findings.lock().expect("nobody panics with the lock");
                    let is_good = findings.take(seed, found.ok());
                    stops.fetch_or(!is_good, Ordering::Relaxed);
                }
            });
        }
    });
    let findings = findings.into_inner().expect("nobody panics with the lock");
    findings.report(begin.elapsed().as_secs_f64());
    ExitCode::from(u8::from(!findings.failures.is_empty()))
}

fn options(arguments: &Arguments) -> RunOptions {
    RunOptions { keeps_trace: arguments.trace, sabotage: None }
}

impl Findings {
    /// Takes the outcome of a run, if it did not panic, and tells whether all is well.
    fn take(&mut self, seed: u64, outcome: Option<Outcome>) -> bool {
        self.runs += 1;
        let failure = match outcome {
            None => Some("a panic, see above".to_owned()),
            Some(outcome) => {
                outcome.trace.iter().for_each(|line| println!("{line}"));
                if !outcome.trace.is_empty() {
                    println!("seed {seed}: trace {}", outcome.trace_hash_hex());
                }
                self.events += outcome.events;
                self.virtual_ns += u128::from(outcome.virtual_ns);
                self.tally.add(&outcome.tally);
                outcome.failure
            }
        };
        let is_good = failure.is_none();
        self.failures.extend(failure.map(|failure| (seed, failure)));
        is_good
    }

    fn report(&self, seconds: f64) {
        for (name, count) in self.tally.rows() {
            println!("{name:>24} {count:>12}");
        }
        let (runs, events, virtual_s) = (self.runs, self.events, self.virtual_ns as f64 / 1e9);
        println!(
            "{runs} seeds in {seconds:.1} s, {:.0} a second; {events} events, {virtual_s:.0} s of virtual time",
            runs as f64 / seconds
        );
        for (seed, failure) in &self.failures {
            println!("seed {seed}: {failure}\n    {}", outrider_simulator::command(*seed));
        }
    }
}
