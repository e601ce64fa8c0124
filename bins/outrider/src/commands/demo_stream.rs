//! The part of `outrider demo` that streams: windows beside whole histories, and a node that dies.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use outrider::{Decoder, DecoderKind, DetectorErrorModel, Isa, RoundSampler, SamplerOptions, Wait};
use outrider_options::option_values::WaitHow;
use outrider_options::{LoadedPatch, PatchArgs};
use serde::Deserialize;
use serde_json::json;

use crate::error::{Error, Result};
use crate::output::print;
use crate::report::wilson::wilson;
use crate::stream::driver::{Driver, Pace};
use crate::stream::figures::Figures;
use crate::stream::local_nodes::{LocalNodes, LocalNodesOptions, Transport};
use crate::stream::node_report::Failover;
use crate::stream::node_target::{NodeTarget, WhichNodes};
use crate::stream::round_source::Processor;
use crate::stream::run_report::verdict;
use crate::stream::target::Target;
use crate::stream::verify::Verified;
use crate::stream::views::Views;

const DISTANCE: u32 = 7;
const NOISE: f64 = 0.004;
const NODES: usize = 2;
/// Rounds of a history that is streamed and decoded whole: many windows of the distance.
const ROUNDS: u32 = 60;
/// The first pace that is tried: rounds take so many times longer than they have to.
const SLACK: f64 = 3.0;
/// Paces that are tried, each twice as slow as the one before.
const TRIES: usize = 6;
/// Rounds of a trial, at most so long.
const TRIAL_ROUNDS: u64 = 50_000;
const TRIAL_NS: f64 = 2e9;
/// Longest time of the history in which a node is killed.
const KILLED_NS: f64 = 20e9;

/// Streams so many histories, finds a pace that this machine holds, and streams at most as many rounds at it, onto nodes
/// that it starts. Prints what came of it.
pub(crate) fn show(histories: u64) -> Result<()> {
    print(&format!(
        "\nRotated memory, distance {DISTANCE}, Z basis, uniform noise {NOISE}, streamed in windows to {NODES} \
         decoder nodes on this machine\n"
    ))?;
    let (patch, loaded) = patch()?;
    let local = LocalNodes::start(&LocalNodesOptions {
        count: NODES,
        transport: Transport::Unix,
        patch,
        workers: 0,
        wait: WaitHow::Yield,
    })?;
    let mut nodes = NodeTarget::connect(&loaded.patch, WhichNodes::Local(local), None, PATIENCE, None)?;
    let first_ns = compare(&loaded, &mut nodes, histories)? * SLACK;
    let rounds = histories * u64::from(ROUNDS);
    let found = find_pace(first_ns, |round_ns| {
        let rounds = rounds_within(TRIAL_NS, round_ns, rounds.min(TRIAL_ROUNDS));
        let (figures, _) = stream(
            &loaded,
            &mut nodes,
            &mut processor(&loaded, 1, rounds + 1)?,
            rounds + 1,
            round_ns,
            false,
        )?;
        let is_held = figures.held(nodes.rounds_max()) == Some(true);
        Ok((is_held, figures))
    })?;
    print(&found.text(nodes.rounds_max()))?;
    kill_one(&loaded, &mut nodes, rounds_within(KILLED_NS, found.round_ns, rounds), found.round_ns)
}

/// The pace that was tried last.
struct FoundPace<T> {
    round_ns: f64,
    is_held: bool,
    measured: T,
}

/// Tries ever slower paces until one is held.
fn find_pace<T>(first_ns: f64, mut attempt: impl FnMut(f64) -> Result<(bool, T)>) -> Result<FoundPace<T>> {
    let mut round_ns = first_ns;
    for _ in 1..TRIES {
        let (is_held, measured) = attempt(round_ns)?;
        if is_held {
            return Ok(FoundPace { round_ns, is_held, measured });
        }
        round_ns *= 2.0;
    }
    let (is_held, measured) = attempt(round_ns)?;
    Ok(FoundPace { round_ns, is_held, measured })
}

impl FoundPace<Figures> {
    /// The pace and its lag, or why there is none.
    fn text(&self, rounds_max: u64) -> String {
        let Self { round_ns, is_held, measured } = self;
        let (us, lag, backlog) = (round_ns / 1e3, measured.commit_lag.quantiles(), measured.backlog());
        let stalls = measured.stalls;
        let rounds = measured.rounds();
        if *is_held {
            return format!(
                "  {rounds} rounds, one every {us:.1} us: {}\n\
                 \x20 last round of a window due until its commit: p50 {:.0} us, p99 {:.0} us\n",
                verdict(Some(true), None),
                lag.p50,
                lag.p99,
            );
        }
        let longest_ms = stalls.longest_ns as f64 / 1e6;
        format!(
            "  no pace is held on this machine as it is: with a round every {us:.1} us, {} rounds are due and not \
             committed at p99, and the nodes hold {rounds_max}\n\
             \x20 stalls of the machine: {}, the longest {longest_ms:.1} ms; last round of a window due until its \
             commit: p50 {:.0} us, p99 {:.0} us\n",
            backlog.p99, stalls.count, lag.p50, lag.p99,
        )
    }
}

/// So many rounds, or as many as fit into a time, in lengths that the plan serves: those of whole histories in a row.
fn rounds_within(most_ns: f64, round_ns: f64, rounds: u64) -> u64 {
    let histories = rounds.min((most_ns / round_ns) as u64) / u64::from(ROUNDS);
    histories.max(1) * u64::from(ROUNDS)
}

/// What is streamed. Its reference is as long as the histories, so that they can be decoded whole on its model.
fn patch() -> Result<(PatchArgs, LoadedPatch)> {
    let options = json!({ "distance": DISTANCE, "p": NOISE, "reference-rounds": ROUNDS });
    let patch = PatchArgs::deserialize(options).map_err(|error| Error::Usage(error.to_string()))?;
    let loaded = patch.load(Isa::Auto)?;
    Ok((patch, loaded))
}

/// Streams histories as fast as they are taken, decodes the same ones whole, and prints how many are wrong. Returns how
/// long a round took.
fn compare(loaded: &LoadedPatch, nodes: &mut NodeTarget, histories: u64) -> Result<f64> {
    let layers = u64::from(ROUNDS) + 1;
    let mut source = processor(loaded, histories, layers)?;
    let (figures, _) = stream(loaded, nodes, &mut source, layers, 0.0, false)?;
    let streamed = figures.logical_errors.unwrap_or_default();
    let whole = wrong_as_a_whole(&loaded.model, histories)?;
    let row = |name: &str, errors: u64| {
        let (low, high) = wilson(errors, histories);
        let rate = errors as f64 / histories.max(1) as f64;
        format!("  {name:<30} {rate:>8.2e}  {low:.2e} .. {high:.2e}\n")
    };
    print(&format!(
        "  {:<30} {:>8}  95% interval (Wilson)\n{}{}",
        format!("{histories} histories of {ROUNDS} rounds"),
        "LER",
        row("streamed", streamed),
        row("the same decoded whole", whole),
    ))?;
    Ok(1e9 / figures.rate())
}

/// Streams a long history, kills a node in the middle, and prints what that cost.
fn kill_one(loaded: &LoadedPatch, nodes: &mut NodeTarget, rounds: u64, round_ns: f64) -> Result<()> {
    nodes.kill_after(rounds / 2);
    let mut source = processor(loaded, 1, rounds + 1)?;
    let (figures, verified) = stream(loaded, nodes, &mut source, rounds + 1, round_ns, true)?;
    let lag = figures.commit_lag.quantiles();
    let Verified { mismatches, answers } = verified.unwrap_or_default();
    print(&format!(
        "  then {rounds} rounds, one every {:.1} us; a node killed after {}\n\
         \x20 lost rounds: {}; answers other than those of one thread: {mismatches} of {answers} compared\n\
         \x20 last round of a window due until its commit: p50 {:.0} us, p99 {:.0} us\n{}",
        round_ns / 1e3,
        rounds / 2,
        figures.layers_lost,
        lag.p50,
        lag.p99,
        nodes.failovers().iter().map(cost).collect::<String>(),
    ))
}

fn cost(failover: &Failover) -> String {
    format!(
        "  fail-over: noticed after {:.1} ms; everything that waited committed after {:.1} ms\n",
        failover.detection / 1e3,
        failover.total / 1e3,
    )
}

fn stream(
    loaded: &LoadedPatch,
    nodes: &mut NodeTarget,
    source: &mut Processor,
    layers: u64,
    round_ns: f64,
    verifies: bool,
) -> Result<(Figures, Option<Verified>)> {
    let pace = Pace { round_ns, history_ns: None, histories: 1, wait: Wait::SpinThenYield };
    let (stop, mut views) = (AtomicBool::new(false), Views::start(None)?);
    let mut driver = Driver::new(&loaded.patch, nodes, pace, &stop, &mut views)?;
    if verifies {
        driver.verify()?;
    }
    driver.run(source, layers)?;
    Ok((driver.figures, driver.verified))
}

fn processor(loaded: &LoadedPatch, histories: u64, layers: u64) -> Result<Processor> {
    let sampler = RoundSampler::new(&loaded.model, &SamplerOptions::default())?;
    Ok(Processor::new(sampler, Arc::clone(loaded.patch.plan()), histories, layers))
}

/// How many of the same histories whole-history decoding gets wrong.
fn wrong_as_a_whole(model: &DetectorErrorModel, histories: u64) -> Result<u64> {
    let mut sampler = RoundSampler::new(model, &SamplerOptions::default())?;
    let mut decoder = Decoder::from_model(model, DecoderKind::Mwpm)?;
    let mut answer = vec![0; decoder.graph().observable_bytes()];
    let (mut events, mut flips, mut wrong) = (Vec::new(), Vec::new(), 0);
    for history in 0..histories {
        sampler.seek(history, 0, Some(u64::from(ROUNDS) + 1))?;
        events.clear();
        let mut first = 0;
        while let Some(layer) = sampler.next() {
            let is_event = |&index: &u32| layer.events[index as usize / 8] >> (index % 8) & 1 == 1;
            events.extend((0..layer.detector_count).filter(is_event).map(|index| first + index));
            first += layer.detector_count;
            flips.clear();
            flips.extend_from_slice(layer.observables);
        }
        decoder.decode_events(&events, &[], &mut answer)?;
        wrong += u64::from(answer != flips);
    }
    Ok(wrong)
}

/// How long there may be no node.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_are_tried_until_one_is_held() {
        let mut tried = Vec::new();
        let found = find_pace(10.0, |round_ns| {
            tried.push(round_ns);
            Ok((round_ns >= 40.0, tried.len()))
        });
        let found = found.expect("trials that do not fail");
        assert_eq!((found.round_ns, found.is_held, found.measured), (40.0, true, 3));
        assert_eq!(tried, [10.0, 20.0, 40.0]);
    }

    #[test]
    fn where_none_is_held_the_reason_is_given() {
        let found = find_pace(1e3, |_| {
            let mut figures = Figures::new()?;
            (0..100).for_each(|_| figures.note_backlog(500, true));
            figures.stalls.add(8_100_000);
            (figures.layers, figures.histories) = (101, 1);
            figures.commit_lag.add(32_000);
            Ok((figures.held(116) == Some(true), figures))
        });
        let found = found.expect("trials that do not fail");
        assert_eq!((found.round_ns, found.is_held), (32e3, false));
        let text = found.text(116);
        assert!(
            text.contains("no pace is held on this machine as it is: with a round every 32.0 us"),
            "{text}"
        );
        assert!(
            text.contains("500 rounds are due and not committed at p99, and the nodes hold 116"),
            "{text}"
        );
        assert!(text.contains("stalls of the machine: 1, the longest 8.1 ms"), "{text}");
    }

    #[test]
    fn a_slow_pace_takes_fewer_rounds() {
        assert_eq!([1.0, 5e3, 1e9].map(|ns| rounds_within(1e6, ns, 600)), [600, 180, 60]);
    }
}
