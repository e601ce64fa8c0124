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
/// Then rounds take so many times longer than they have to.
const SLACK: f64 = 3.0;

/// Streams so many histories, and then as many rounds in one, onto nodes that it starts, and prints what came of it.
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
    let mut nodes = NodeTarget::connect(&loaded.patch, WhichNodes::Local(local), None, PATIENCE)?;
    let round_ns = compare(&loaded, &mut nodes, histories)? * SLACK;
    kill_one(&loaded, &mut nodes, histories * u64::from(ROUNDS), round_ns)
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
    let (figures, _) = stream(loaded, nodes, &mut source, layers, 0.0, None)?;
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
    let verified = Some(Verified::default());
    let (figures, verified) = stream(loaded, nodes, &mut source, rounds + 1, round_ns, verified)?;
    let lag = figures.commit_lag.quantiles();
    let Verified { mismatches, answers } = verified.unwrap_or_default();
    print(&format!(
        "  then {rounds} rounds, one every {:.1} us: {}; a node killed after {}\n\
         \x20 lost rounds: {}; answers other than those of one thread: {mismatches} of {answers} compared\n\
         \x20 last round of a window due until its commit: p50 {:.0} us, p99 {:.0} us\n{}",
        round_ns / 1e3,
        verdict(figures.held(nodes.rounds_max())),
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
    verified: Option<Verified>,
) -> Result<(Figures, Option<Verified>)> {
    let pace = Pace { round_ns, history_ns: None, histories: 1, wait: Wait::SpinThenYield };
    let (stop, mut views) = (AtomicBool::new(false), Views::start(None)?);
    let mut driver = Driver::new(&loaded.patch, nodes, pace, &stop, &mut views)?;
    driver.verified = verified;
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
