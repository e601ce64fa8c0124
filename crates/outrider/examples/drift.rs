//! A stream whose noise drifts, decoded with weights that are learned on the way, with those of the noise at the beginning,
//! and with those of the noise as it is at every moment.
//!
//!     cargo run --release -p outrider --example drift -- double --distance 7 --p 0.004
//!
//! `double`: all rates grow to twice their value. `spread`: each place and kind of error has its own factor from 1/4 to 4,
//! which moves from one draw to another. `spot`: a spot of two sites around it, with noise FACTOR times as strong, moves
//! across the patch. Histories follow one another; the noise changes between them. Prints a line of CSV:
//! `tools/compare/drift.py` has the names of its columns.

use std::fmt::Write as _;
use std::sync::Arc;

use outrider::{
    Circuit, CircuitFamily, DecoderKind, DecoderOptions, DetectorErrorModel, InstructionKind, Patch,
    PatchOptions, PlanOptions, RoundSampler, SamplerOptions, Stream, StreamLearningOptions, StreamOptions,
    SurfaceCode, TargetKind,
};

type Fault = Box<dyn std::error::Error>;

/// What is measured.
struct Setting {
    drift: String,
    distance: u32,
    p: f64,
    rounds: u64,
    histories: u64,
    steps: u64,
    memory: u64,
    every: u64,
    factor: f64,
    seed: u64,
    decoder: DecoderKind,
}

/// The histories that each way of decoding got wrong, and those in which a way differs from true rates: wrong where these
/// are right, and the other way round.
#[derive(Default)]
struct Failures {
    frozen: u64,
    learned: u64,
    true_rates: u64,
    only_frozen: [u64; 2],
    only_learned: [u64; 2],
}

impl Failures {
    fn count(&mut self, frozen: bool, learned: bool, true_rates: bool) {
        self.frozen += u64::from(frozen);
        self.learned += u64::from(learned);
        self.true_rates += u64::from(true_rates);
        for (only, fails) in [(&mut self.only_frozen, frozen), (&mut self.only_learned, learned)] {
            only[0] += u64::from(fails && !true_rates);
            only[1] += u64::from(true_rates && !fails);
        }
    }
}

fn main() -> Result<(), Fault> {
    let setting = parse()?;
    let model = SurfaceCode::memory(setting.distance, 6 * setting.distance + 20)
        .circuit(Circuit::uniform(CircuitFamily::Stim, setting.p))
        .build()?
        .model()?;
    let plan = PlanOptions::parallel(setting.distance);
    let decoder = DecoderOptions { kind: setting.decoder, ..DecoderOptions::default() };
    let fixed = PatchOptions { decoder, ..PatchOptions::new(plan) };
    let learning = Some(StreamLearningOptions { memory: setting.memory, every: setting.every });
    let patch = |model: &DetectorErrorModel, options: &PatchOptions| Patch::new(model, options).map(Arc::new);
    let mut frozen = Stream::new(patch(&model, &fixed)?, &StreamOptions::default())?;
    let mut learned =
        Stream::new(patch(&model, &PatchOptions { learning, ..fixed.clone() })?, &StreamOptions::default())?;
    let mut failures = Failures::default();
    let mut is_first = true;
    let mut history = 0;
    for step in 0..setting.steps {
        let now = drifted(&setting, &model, (step as f64 + 0.5) / setting.steps as f64)?;
        let mut known = Stream::new(patch(&now, &fixed)?, &StreamOptions::default())?;
        let options = SamplerOptions { seed: setting.seed, ..SamplerOptions::default() };
        let mut sampler = RoundSampler::new(&now, &options)?;
        let mut is_first_known = true;
        while history < (step + 1) * setting.histories / setting.steps {
            sampler.seek(history, 0, Some(setting.rounds + 1))?;
            for (stream, is_first) in
                [(&mut frozen, is_first), (&mut learned, is_first), (&mut known, is_first_known)]
            {
                if !is_first {
                    stream.restart()?;
                }
            }
            let mut flips = Vec::new();
            while let Some(layer) = sampler.next() {
                for stream in [&mut frozen, &mut learned, &mut known] {
                    stream.push_when_room(layer.events, layer.detector_count, layer.is_last)?;
                }
                flips.clear();
                flips.extend_from_slice(layer.observables);
            }
            let fails = |stream: &mut Stream| stream.finish().map(|end| end.observables != flips);
            failures.count(fails(&mut frozen)?, fails(&mut learned)?, fails(&mut known)?);
            (is_first, is_first_known) = (false, false);
            history += 1;
        }
    }
    let Failures { frozen, learned, true_rates, only_frozen, only_learned } = failures;
    println!(
        "{},{},{},{},{},{},{},{},{},{},{frozen},{learned},{true_rates},{},{},{},{}",
        setting.drift,
        setting.decoder.name(),
        setting.distance,
        setting.p,
        setting.rounds,
        setting.histories,
        setting.memory,
        setting.every,
        setting.factor,
        setting.seed,
        only_frozen[0],
        only_frozen[1],
        only_learned[0],
        only_learned[1],
    );
    Ok(())
}

fn parse() -> Result<Setting, Fault> {
    let mut setting = Setting {
        drift: "double".to_owned(),
        distance: 7,
        p: 0.004,
        rounds: 250,
        histories: 4000,
        steps: 50,
        memory: 100_000,
        every: StreamLearningOptions::EVERY_DEFAULT,
        factor: 4.0,
        seed: 1,
        decoder: DecoderKind::default(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            setting.drift = word;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--distance" => setting.distance = value.parse()?,
            "--p" => setting.p = value.parse()?,
            "--rounds" => setting.rounds = value.parse()?,
            "--histories" => setting.histories = value.parse()?,
            "--steps" => setting.steps = value.parse()?,
            "--memory" => setting.memory = value.parse()?,
            "--every" => setting.every = value.parse()?,
            "--factor" => setting.factor = value.parse()?,
            "--seed" => setting.seed = value.parse()?,
            "--decoder" => setting.decoder = value.parse()?,
            _ => return Err(format!("{word} is no option").into()),
        }
    }
    Ok(setting)
}

/// The model with the rates of a time from 0 to 1.
fn drifted(setting: &Setting, model: &DetectorErrorModel, time: f64) -> Result<DetectorErrorModel, Fault> {
    let coordinates = model.detector_coordinates()?;
    let size = f64::from(2 * setting.distance);
    let mut text = String::new();
    let mut walk = model.walk()?;
    while let Some(instruction) = walk.step() {
        let InstructionKind::Error { probability, targets } = instruction.kind else { continue };
        let mut places: Vec<&[f64]> = Vec::new();
        write!(text, "error(")?;
        let mut words = String::new();
        for target in targets {
            if let TargetKind::Detector(detector) = target.kind() {
                places.push(&coordinates[detector as usize]);
            }
            write!(words, " {target}")?;
        }
        let factor = match setting.drift.as_str() {
            "double" => 1.0 + time,
            "spread" => {
                let mut ends = [0.0; 2];
                for (draw, end) in ends.iter_mut().enumerate() {
                    *end = spread_factor(setting, draw as u64, &places).ln();
                }
                (ends[0] * (1.0 - time) + ends[1] * time).exp()
            }
            "spot" => {
                let spot = (size * (0.1 + 0.8 * time), size / 2.0);
                let is_near = |place: &&[f64]| (place[0] - spot.0).hypot(place[1] - spot.1) <= 4.1;
                if places.iter().all(is_near) { setting.factor } else { 1.0 }
            }
            other => return Err(format!("{other} is no drift").into()),
        };
        writeln!(text, "{}){words}", (probability * factor).min(0.3))?;
    }
    for (detector, place) in coordinates.iter().enumerate() {
        let place: Vec<String> = place.iter().map(f64::to_string).collect();
        writeln!(text, "detector({}) D{detector}", place.join(","))?;
    }
    Ok(DetectorErrorModel::parse(&text)?)
}

/// A factor that errors have which flip detectors at the same places, as far apart in time.
fn spread_factor(setting: &Setting, draw: u64, places: &[&[f64]]) -> f64 {
    let first = places.iter().map(|place| place[2]).fold(f64::INFINITY, f64::min);
    let mut keys: Vec<u64> = places
        .iter()
        .map(|place| (place[0] * 64.0 + place[1]) as u64 * 16 + (place[2] - first) as u64)
        .collect();
    keys.sort_unstable();
    let mut hash = setting.seed * 2 + draw + 0x9E37_79B9;
    for key in keys {
        hash = (hash ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash ^= hash >> 29;
    }
    let uniform = (hash.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1u64 << 53) as f64;
    setting.factor.powf(2.0 * uniform - 1.0)
}
