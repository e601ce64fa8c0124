//! Noise that is learned from a stream: the factors are those of the noise, answers are the same for every number of workers,
//! and what cannot be learned is refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use outrider::{
    CellBook, Circuit, CircuitFamily, DecoderKind, DecoderOptions, DetectorErrorModel, InstructionKind,
    LearnedWeights, NoiseLearner, Patch, PatchOptions, PlanOptions, RoundSampler, SamplerOptions, Status,
    Stream, StreamLearning, StreamLearningOptions, StreamOptions, SurfaceCode, TargetKind, WorkersOptions,
};

const DISTANCE: u32 = 3;
const EVERY: u64 = 1024;

fn model(p: f64) -> DetectorErrorModel {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    SurfaceCode::memory(DISTANCE, 40).circuit(circuit).build().unwrap().model().unwrap()
}

/// The model with other rates: a factor for errors near one corner, another for the rest.
fn with_factors(model: &DetectorErrorModel, near: f64, far: f64) -> DetectorErrorModel {
    let coordinates = model.detector_coordinates().unwrap();
    let mut text = String::new();
    let mut walk = model.walk().unwrap();
    while let Some(instruction) = walk.step() {
        let InstructionKind::Error { probability, targets } = instruction.kind else { continue };
        let is_near = targets.iter().all(|target| match target.kind() {
            TargetKind::Detector(detector) => coordinates[detector as usize][0] <= 2.0,
            _ => true,
        });
        let words: String = targets.iter().map(|target| format!(" {target}")).collect();
        writeln!(text, "error({}){words}", probability * if is_near { near } else { far }).unwrap();
    }
    for (detector, place) in coordinates.iter().enumerate() {
        writeln!(text, "detector({},{},{}) D{detector}", place[0], place[1], place[2]).unwrap();
    }
    DetectorErrorModel::parse(&text).unwrap()
}

fn learning(memory: u64) -> Option<StreamLearningOptions> {
    Some(StreamLearningOptions { memory, every: EVERY })
}

fn patch(
    model: &DetectorErrorModel,
    kind: DecoderKind,
    learning: Option<StreamLearningOptions>,
) -> Arc<Patch> {
    let decoder = DecoderOptions { kind, ..DecoderOptions::default() };
    let plan = PlanOptions::parallel(DISTANCE);
    Arc::new(Patch::new(model, &PatchOptions { decoder, learning, ..PatchOptions::new(plan) }).unwrap())
}

/// The rounds of a history: their packed events, how many, and whether it is the last.
fn rounds(model: &DetectorErrorModel, seed: u64, length: u64) -> Vec<(Vec<u8>, u32, bool)> {
    let options = SamplerOptions { seed, ..SamplerOptions::default() };
    let mut sampler = RoundSampler::new(model, &options).unwrap();
    sampler.seek(0, 0, Some(length)).unwrap();
    let mut all = Vec::new();
    while let Some(layer) = sampler.next() {
        all.push((layer.events.to_vec(), layer.detector_count, layer.is_last));
    }
    all
}

#[test]
fn factors_are_those_of_the_noise() {
    let prior = model(0.004);
    let patch = patch(&prior, DecoderKind::Mwpm, learning(1 << 20));
    for (near, far) in [(1.0, 1.0), (2.0, 2.0), (3.0, 1.0)] {
        let mut learner = NoiseLearner::new(&patch).unwrap().unwrap();
        let mut last = None;
        for (events, _, is_last) in rounds(&with_factors(&prior, near, far), 5, 100 * EVERY + 2) {
            last = learner.push(&events, is_last).unwrap().or(last);
        }
        let last = last.unwrap();
        assert_eq!(last.version(), 101);
        let mut factors = last.factors().unwrap();
        let others = factors.pop().unwrap();
        factors.sort_by(f64::total_cmp);
        let share = |wanted: f64| {
            let close = factors.iter().filter(|&&factor| (factor / wanted - 1.0).abs() < 0.3).count();
            close as f64 / factors.len() as f64
        };
        if near == far {
            assert!(share(near) > 0.9, "{near}: {factors:?}");
            assert!((others / near - 1.0).abs() < 0.05, "{others}");
        } else {
            assert!(share(near) > 0.1 && share(far) > 0.4, "{factors:?}");
            assert!((far..near).contains(&others), "{others}");
        }
    }
}

#[test]
fn answers_are_the_same_for_every_number_of_workers() {
    let prior = model(0.008);
    let histories = [rounds(&prior, 1, 5000), rounds(&with_factors(&prior, 3.0, 1.0), 2, 9000)];
    for kind in [DecoderKind::Mwpm, DecoderKind::MwpmCorrelated, DecoderKind::UnionFind] {
        let frozen = patch(&prior, kind, None);
        let learning = patch(&prior, kind, learning(2048));
        assert_ne!(frozen.plan_digest(), learning.plan_digest());
        let expected = one_by_one(&learning, &histories);
        for count in [0, 1, 3] {
            let answers = streamed(&learning, count, &histories);
            assert_eq!(differences(&answers, &expected), 0, "{kind} {count}");
        }
        let answers = streamed(&frozen, 0, &histories);
        assert!(differences(&answers, &expected) > 0, "{kind}: nothing was learned");
    }
}

/// By history and cells that are committed without holes, what these flip.
type Answers = BTreeMap<(usize, u64), Vec<u8>>;

/// How many answers differ from those expected of the same cells; most have some.
fn differences(answers: &Answers, expected: &Answers) -> usize {
    let common = answers.iter().filter_map(|(cells, answer)| Some((answer, expected.get(cells)?)));
    let (same, different): (Vec<_>, Vec<_>) = common.partition(|(answer, expected)| answer == expected);
    assert!(same.len() + different.len() > 100);
    different.len()
}

fn streamed(patch: &Arc<Patch>, count: usize, histories: &[Vec<(Vec<u8>, u32, bool)>]) -> Answers {
    let workers = WorkersOptions { count, ..WorkersOptions::default() };
    let options = StreamOptions { workers, ..StreamOptions::default() };
    let mut stream = Stream::new(Arc::clone(patch), &options).unwrap();
    let mut answers = BTreeMap::new();
    for (number, history) in histories.iter().enumerate() {
        if number > 0 {
            stream.restart().unwrap();
        }
        for (events, bits, is_last) in history {
            stream.push_when_room(events, *bits, *is_last).unwrap();
            let state = stream.poll().unwrap();
            answers.entry((number, state.cells)).or_insert_with(|| state.observables.to_vec());
        }
        let state = stream.finish().unwrap();
        answers.insert((number, state.cells), state.observables.to_vec());
    }
    assert_eq!(stream.learned_noise().is_some(), patch.learning().is_some());
    answers
}

/// The same with a decoder that is made anew for every cell.
fn one_by_one(patch: &Arc<Patch>, histories: &[Vec<(Vec<u8>, u32, bool)>]) -> Answers {
    let needed = CellBook::layers_needed(patch.plan());
    let mut learning = StreamLearning::new(patch, needed, false).unwrap().unwrap();
    let mut answers = BTreeMap::new();
    let mut windows = BTreeMap::new();
    for (number, history) in histories.iter().enumerate() {
        let mut book = CellBook::new(Arc::clone(patch.plan()), needed).unwrap();
        for (events, bits, is_last) in history {
            book.push(events, *bits, *is_last).unwrap();
            learning.push(events, *is_last).unwrap();
            while let Some(cell) = book.next() {
                let base = windows
                    .entry(cell.shape)
                    .or_insert_with(|| Arc::new(patch.plan().window(&cell).unwrap()));
                let window = match learning.weights(&cell).unwrap() {
                    Some(weights) => weights.window(cell.shape, base).unwrap(),
                    None => Arc::clone(base),
                };
                let input = book.input(cell.number).unwrap();
                let mut decoder = patch.decoder(window).unwrap();
                let commit = decoder.decode(input.events, input.marks, &[]).unwrap();
                book.commit(cell.number, &commit).unwrap();
                let state = book.state();
                answers.insert((number, state.cells), state.observables.to_vec());
            }
        }
    }
    answers
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let prior = model(0.004);
    let plan = PlanOptions::parallel(DISTANCE);
    let status = |model: &DetectorErrorModel, kind, memory, every| {
        let decoder = DecoderOptions { kind, ..DecoderOptions::default() };
        let learning = Some(StreamLearningOptions { memory, every });
        let options = PatchOptions { decoder, learning, ..PatchOptions::new(plan) };
        Patch::new(model, &options).err().and_then(|error| error.status())
    };
    assert_eq!(status(&prior, DecoderKind::Mwpm, 1024, 1024), None);
    assert_eq!(status(&prior, DecoderKind::Mwpm, 1023, 1024), Some(Status::Argument));
    assert_eq!(status(&prior, DecoderKind::Mwpm, 1024, 1023), Some(Status::Argument));
    assert_eq!(status(&prior, DecoderKind::Mwpm, 1 << 33, 1024), Some(Status::Argument));
    assert_eq!(status(&prior, DecoderKind::Likelihood, 1024, 1024), Some(Status::Unsupported));
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.004);
    let short = SurfaceCode::memory(DISTANCE, 4).circuit(circuit).build().unwrap().model().unwrap();
    assert_eq!(status(&short, DecoderKind::Mwpm, 1024, 1024), Some(Status::Argument));
}

#[test]
fn forged_factors_make_no_weights() {
    let prior = model(0.004);
    let own = patch(&prior, DecoderKind::Mwpm, learning(2048));
    let mut learner = NoiseLearner::new(&own).unwrap().unwrap();
    let mut made = None;
    for (events, _, is_last) in rounds(&prior, 5, EVERY + 3) {
        made = learner.push(&events, is_last).unwrap().or(made);
    }
    let factors = made.unwrap().factors().unwrap();
    assert!(LearnedWeights::new(&own, 2, factors.clone()).is_ok());
    let refused = |factors: Vec<f64>| {
        let error = LearnedWeights::new(&own, 2, factors).unwrap_err();
        assert_eq!(error.status(), Some(Status::Argument), "{error}");
    };
    refused(factors[1..].to_vec());
    refused(Vec::new());
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        let mut factors = factors.clone();
        factors[3] = wrong;
        refused(factors);
    }
    let frozen = patch(&prior, DecoderKind::Mwpm, None);
    assert!(LearnedWeights::new(&frozen, 2, factors).is_err());
    assert!(NoiseLearner::new(&frozen).unwrap().is_none());
}
