//! Streams on threads: the same commits for every number of workers, layers in any rhythm, errors that end a stream.

use outrider::{
    CellBook, CellReport, Circuit, CircuitFamily, Decoder, DecoderKind, DecoderOptions, DetectorErrorModel,
    Likelihood, MeasurementMap, MeasurementStream, Patch, PatchOptions, PatchPredecoder, Plan, PlanOptions,
    Predecoder, PredecoderUse, Rule, RuleOptions, Sampler, Shots, Status, Stream, StreamOptions, SurfaceCode,
    Wait, WorkersOptions, clock_ns,
};
use std::sync::Arc;

const DISTANCE: u32 = 3;
const ROUNDS: u32 = 100;
const SHOTS: usize = 200;

struct History {
    model: DetectorErrorModel,
    detectors: Shots,
    observables: Shots,
}

fn history() -> History {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.004);
    let model = SurfaceCode::memory(DISTANCE, ROUNDS).circuit(circuit).build().unwrap().model().unwrap();
    let mut sampler = Sampler::new(&model, 71).unwrap();
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, SHOTS, &mut detectors, &mut observables).unwrap();
    History { model, detectors, observables }
}

/// The layers of a shot, packed, with their widths.
fn layers(plan: &Plan, row: &[u8]) -> Vec<(Vec<u8>, u32)> {
    let count = u64::from(plan.layer_count());
    let mut first = 0;
    let mut layers = Vec::new();
    for layer in 0..count {
        let bits = plan.layer_detectors(layer, Some(count));
        let mut packed = vec![0; bits.div_ceil(8) as usize];
        for bit in 0..bits {
            let detector = (first + bit) as usize;
            packed[bit as usize / 8] |= (row[detector / 8] >> (detector % 8) & 1) << (bit % 8);
        }
        layers.push((packed, bits));
        first += bits;
    }
    layers
}

impl History {
    fn patch(&self, plan: PlanOptions, decoder: DecoderOptions) -> Arc<Patch> {
        let options = PatchOptions { decoder, ..PatchOptions::new(plan) };
        Arc::new(Patch::new(&self.model, &options).unwrap())
    }

    fn plain_patch(&self) -> Arc<Patch> {
        self.patch(PlanOptions::parallel(DISTANCE), DecoderOptions::default())
    }
}

fn workers(count: usize, wait: Wait) -> StreamOptions {
    let workers = WorkersOptions { count, wait, ..WorkersOptions::default() };
    StreamOptions { workers, ..StreamOptions::default() }
}

fn push_all(stream: &mut Stream, row: &[u8]) {
    let layers = layers(stream.plan(), row);
    for (index, (events, bits)) in layers.iter().enumerate() {
        stream.push_when_room(events, *bits, index + 1 == layers.len()).unwrap();
    }
}

fn decode(patch: &Arc<Patch>, options: &StreamOptions, row: &[u8]) -> Vec<u8> {
    let mut stream = Stream::new(Arc::clone(patch), options).unwrap();
    push_all(&mut stream, row);
    let state = stream.finish().unwrap();
    let layers = u64::from(patch.plan().layer_count());
    assert_eq!((state.committed, state.layers), (layers, layers));
    state.observables.to_vec()
}

type DecodeWhole = dyn FnMut(&[u8], &mut [u8]);

#[test]
fn every_number_of_workers_gives_the_same_answers() {
    let history = history();
    for plan_options in [PlanOptions::parallel(DISTANCE), PlanOptions::forward(DISTANCE)] {
        for kind in DecoderKind::ALL {
            let decoder = DecoderOptions { kind, ..DecoderOptions::default() };
            let patch = history.patch(plan_options, decoder);
            let graph = Arc::clone(patch.plan().graph());
            let mut whole: Box<DecodeWhole> = match kind {
                DecoderKind::Likelihood => {
                    let mut whole = Likelihood::new(graph).unwrap();
                    Box::new(move |row, answer| {
                        whole.decode(row, answer).unwrap();
                    })
                }
                _ => {
                    let mut whole = Decoder::with_options(graph, &decoder).unwrap();
                    Box::new(move |row, answer| {
                        whole.decode(row, &[], answer).unwrap();
                    })
                }
            };
            let (mut differ, mut failures) = (0, [0; 2]);
            for (shot, (row, truth)) in history.detectors.rows().zip(history.observables.rows()).enumerate() {
                let here = decode(&patch, &StreamOptions::default(), row);
                // Threads are slow to start in such numbers, so each way has its share of the shots.
                let count = 1 + shot % 3;
                let wait = [Wait::Spin, Wait::SpinThenYield, Wait::Block][shot / 3 % 3];
                if shot % 4 == 0 {
                    assert_eq!(decode(&patch, &workers(count, wait), row), here, "{kind} {count} {wait:?}");
                }
                let mut answer = [0];
                whole(row, &mut answer);
                differ += u32::from(here != answer);
                failures[0] += u32::from(here != truth);
                failures[1] += u32::from(answer[..] != *truth);
            }
            // Classes of a window are not those of the history.
            let differ_max = if kind == DecoderKind::Likelihood { 20 } else { 8 };
            assert!(
                differ <= differ_max && failures[0].abs_diff(failures[1]) <= 5,
                "{kind}: {differ} {failures:?}"
            );
            assert!(failures[0] > 5, "{kind}: {failures:?} failures compare nothing");
        }
    }
}

#[test]
fn pre_decoders_are_made_for_every_decoder() {
    let history = history();
    let plan_options = PlanOptions { context: 2, ..PlanOptions::parallel(DISTANCE) };
    let model = Arc::new(history.model);
    let own = Arc::clone(&model);
    let predecoder = PatchPredecoder {
        make: Arc::new(move |graph| {
            Predecoder::rule(Arc::clone(graph), &own, &RuleOptions::new(Rule::Clique))
        }),
        digest: [1; 32],
    };
    let options = PatchOptions {
        decoder: DecoderOptions { predecoder_use: PredecoderUse::Soft, ..DecoderOptions::default() },
        predecoder: Some(predecoder),
        ..PatchOptions::new(plan_options)
    };
    let patch = Arc::new(Patch::new(&model, &options).unwrap());
    let mut right = 0;
    for (row, truth) in history.detectors.rows().zip(history.observables.rows()).take(20) {
        let answer = decode(&patch, &workers(2, Wait::Block), row);
        assert_eq!(decode(&patch, &StreamOptions::default(), row), answer);
        right += u32::from(answer == truth);
    }
    assert!(right > 12, "{right} of 20");
}

#[test]
fn what_does_not_go_is_an_error_and_changes_nothing() {
    let history = history();
    let patch = history.plain_patch();
    let status = |error: outrider::Error| error.status();
    let refusal = |patch: &Arc<Patch>, options| Stream::new(Arc::clone(patch), options).map_err(status).err();
    let few = StreamOptions { layers_max: Some(3), ..StreamOptions::default() };
    assert_eq!(refusal(&patch, &few), Some(Some(Status::Limit)));
    let uncertain =
        DecoderOptions { kind: DecoderKind::UnionFind, certify: true, ..DecoderOptions::default() };
    let uncertain = history.patch(PlanOptions::parallel(DISTANCE), uncertain);
    assert_eq!(refusal(&uncertain, &StreamOptions::default()), Some(Some(Status::Argument)));

    let mut stream = Stream::new(patch, &workers(1, Wait::default())).unwrap();
    assert_eq!(stream.push(&[0], 5, false).map_err(status), Err(Some(Status::Format)), "a wrong width");
    assert_eq!(stream.push(&[0, 0], 4, false).map_err(status), Err(None), "a wrong length");
    assert_eq!(stream.finish().map_err(status).err(), Some(Some(Status::Argument)), "it goes on");
    assert_eq!(stream.poll().unwrap().layers, 0);
    push_all(&mut stream, history.detectors.row(0));
    assert_eq!(stream.push(&[0], 4, false).map_err(status), Err(Some(Status::Argument)), "it has ended");
    assert!(stream.finish().unwrap().is_finished);
}

#[test]
fn a_stream_that_is_not_polled_fills_up_and_goes_on() {
    let history = history();
    let patch = history.plain_patch();
    let layers_max = Some(CellBook::layers_needed(patch.plan()));
    let options = StreamOptions { layers_max, ..workers(1, Wait::default()) };
    let mut stream = Stream::new(Arc::clone(&patch), &options).unwrap();
    let layers = layers(patch.plan(), history.detectors.row(1));
    let (mut pushed, mut full) = (0, 0);
    while pushed < layers.len() {
        let (events, bits) = &layers[pushed];
        match stream.push(events, *bits, pushed + 1 == layers.len()) {
            Ok(()) => pushed += 1,
            Err(outrider::Error::Core { status: Status::Limit, .. }) => full += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(full < 10_000_000, "the stream stands still");
    }
    assert_eq!(
        stream.finish().unwrap().observables,
        decode(&patch, &StreamOptions::default(), history.detectors.row(1))
    );
}

#[test]
fn every_cell_is_reported_with_times_that_ascend() {
    let history = history();
    let patch = history.plain_patch();
    for count in [0, 1, 3] {
        let mut stream = Stream::new(Arc::clone(&patch), &workers(count, Wait::Block)).unwrap();
        let before = clock_ns();
        push_all(&mut stream, history.detectors.row(2));
        stream.finish().unwrap();
        let mut reports: Vec<_> = std::iter::from_fn(|| stream.next_report()).collect();
        for CellReport { ingested_ns, times, merged_ns, .. } in &reports {
            assert!(before <= *ingested_ns && *ingested_ns <= times.dispatched_ns);
            assert!(times.dispatched_ns <= times.started_ns && times.started_ns <= times.ended_ns);
            assert!(times.ended_ns <= *merged_ns && *merged_ns <= clock_ns());
        }
        assert!(reports.iter().any(|report| report.event_count > 0));
        reports.sort_unstable_by_key(|report| report.number);
        let mut end = 0;
        for report in reports {
            assert_eq!(report.first_layer, end, "cells follow one another");
            end = report.end_layer;
        }
        assert_eq!((end, stream.lost_reports()), (u64::from(patch.plan().layer_count()), 0));
    }
}

#[test]
fn reports_that_nobody_takes_are_counted() {
    let patch = history().plain_patch();
    let mut stream = Stream::new(Arc::clone(&patch), &StreamOptions::default()).unwrap();
    let rounds = DISTANCE as usize * (Stream::REPORTS_MAX + 10);
    for layer in 0..=rounds as u64 {
        let last = layer == rounds as u64;
        let bits = patch.plan().layer_detectors(layer, last.then_some(layer + 1));
        stream.push(&[0], bits, last).unwrap();
    }
    let cells = stream.finish().unwrap().cells;
    let mut kept = 0;
    while let Some(report) = stream.next_report() {
        kept += 1;
        assert!(report.number >= stream.lost_reports(), "the oldest are lost");
    }
    assert_eq!(
        (kept, stream.lost_reports()),
        (Stream::REPORTS_MAX as u64, cells - Stream::REPORTS_MAX as u64)
    );
}

#[test]
fn a_cell_that_fails_is_reported_once_and_ends_the_stream() {
    // Two detectors a round and nothing that flips one alone, so that one event has no match.
    let round = "error(0.01) D0 D1 L0\nerror(0.01) D0 D2\nerror(0.01) D1 D3\n\
                 detector(0, 0) D0\ndetector(1, 0) D1\nshift_detectors(0, 1) 2\n";
    let text =
        format!("repeat 40 {{\n{round}}}\nerror(0.01) D0 D1 L0\ndetector(0, 0) D0\ndetector(1, 0) D1\n");
    let model = DetectorErrorModel::parse(&text).unwrap();
    let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(DISTANCE))).unwrap());
    for count in [0, 2] {
        let mut stream = Stream::new(Arc::clone(&patch), &workers(count, Wait::default())).unwrap();
        let status = |error: outrider::Error| error.status();
        let mut failures = Vec::new();
        for layer in 0..100 {
            // Once it has failed, each further push fails too.
            let event = [u8::from(layer == 95)];
            failures.extend(stream.push_when_room(&event, 2, layer == 99).map_err(status).err());
        }
        for _ in 0..2 {
            failures.extend(stream.finish().map_err(status).err());
        }
        let ends = failures.len() - 1;
        assert_eq!(failures[0], Some(Status::OddParity), "{count}");
        assert_eq!(failures[1..], vec![Some(Status::Argument); ends], "{count}");
        assert!(ends >= 1);
        let again = stream.poll().map(|_| ()).unwrap_err().to_string();
        assert!(again.starts_with("cell ") && again.contains(" failed: "), "{again}");
    }
}

#[test]
fn raw_measurements_give_the_answer_of_their_layers() {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.004);
    let code = SurfaceCode::memory(DISTANCE, ROUNDS).circuit(circuit).build().unwrap();
    let map = MeasurementMap::parse(&code.circuit_text()).unwrap();
    let reference = SurfaceCode::memory(DISTANCE, 10).circuit(circuit).build().unwrap().circuit_text();
    let mut measured = MeasurementStream::new(&MeasurementMap::parse(&reference).unwrap()).unwrap();
    let patch = history().plain_patch();
    let mut measurements = Shots::zeroed(map.measurement_count(), 20);
    for shot in 0..20 {
        // A wrong result here and there, and now and then a qubit that stays flipped.
        for place in (shot..map.measurement_count()).step_by(61 + 7 * shot) {
            measurements.row_mut(shot)[place / 8] ^= 1 << (place % 8);
        }
    }
    let (mut detectors, mut observables) = map.batches();
    map.convert(&measurements, None, &mut detectors, &mut observables).unwrap();
    for shot in 0..20 {
        let mut stream = Stream::new(Arc::clone(&patch), &workers(shot % 3, Wait::Block)).unwrap();
        measured.start(None).unwrap();
        // A round of this memory is a byte, and the data qubits are nine bits.
        let (rounds, end) = measurements.row(shot).split_at(ROUNDS as usize);
        for round in rounds {
            stream.push_measurements(&mut measured, &[*round], 8, false).unwrap();
        }
        stream.push_measurements(&mut measured, end, 9, true).unwrap();
        let answer = stream.finish().unwrap().observables.to_vec();
        assert_eq!(answer, decode(&patch, &StreamOptions::default(), detectors.row(shot)), "shot {shot}");
        assert_eq!(measured.observables(), observables.row(shot), "shot {shot}");
    }
}

#[test]
fn a_stream_begins_again_with_the_same_workers() {
    let history = history();
    let patch = history.plain_patch();
    let mut stream = Stream::new(Arc::clone(&patch), &workers(2, Wait::SpinThenYield)).unwrap();
    assert_eq!(stream.restart().expect_err("nothing is finished").status(), Some(Status::Argument));
    for row in history.detectors.rows().take(20) {
        push_all(&mut stream, row);
        let observables = stream.finish().unwrap().observables.to_vec();
        assert_eq!(observables, decode(&patch, &StreamOptions::default(), row));
        stream.restart().unwrap();
        assert!(stream.next_report().is_none());
        assert_eq!(stream.poll().unwrap().layers, 0);
    }
}
