//! Measurement streams: layers and observables of histories of many lengths, pushed in all kinds of pieces, against the
//! measurement map of the unrolled circuit; and what is refused.

use outrider::{
    Basis, Circuit, CircuitFamily, Error, MeasurementMap, MeasurementOptions, MeasurementStream, Orientation,
    Shots, Status, SurfaceCode,
};
use outrider_sys::*;
use std::ptr;

use crate::support::random::Random;

/// A circuit by its number of repetitions, and measurements of a repetition and of the end.
struct Circuits {
    text: Box<dyn Fn(u32) -> String>,
    round: usize,
    end: usize,
    options: MeasurementOptions,
}

impl Circuits {
    /// One measurement a repetition and one at the end.
    fn of(text: impl Fn(u32) -> String + 'static) -> Self {
        Self { text: Box::new(text), round: 1, end: 1, options: MeasurementOptions::default() }
    }

    fn map(&self, count: u32) -> MeasurementMap {
        MeasurementMap::with_options(&(self.text)(count), self.options).unwrap()
    }

    fn memory(family: CircuitFamily, basis: Basis, orientation: Orientation, distance: u32) -> Self {
        let text = move |rounds| {
            let circuit = Circuit::uniform(family, 0.01);
            let code = SurfaceCode::memory(distance, rounds).circuit(circuit);
            code.basis(basis).orientation(orientation).build().unwrap().circuit_text()
        };
        let qubits = (distance * distance) as usize;
        Self { round: qubits - 1, end: qubits, ..Self::of(text) }
    }

    /// By Stim, with sweep bits that prepare the qubits.
    fn golden() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/c_core/tests/golden/measurements/surface_code.stim");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.matches("REPEAT 3 {").count(), 1);
        let text = move |count| text.replace("REPEAT 3 {", &format!("REPEAT {count} {{"));
        Self { round: 8, end: 9, ..Self::of(text) }
    }

    /// Feedback in every round, which the runs have left out.
    fn fed_back() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/c_core/tests/golden/measurements/hand_frame.stim");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.matches("REPEAT 4 {").count(), 1);
        let text = move |count| text.replace("REPEAT 4 {", &format!("REPEAT {count} {{"));
        let options = MeasurementOptions { ran_without_feedback: true, ..MeasurementOptions::default() };
        Self { round: 4, end: 3, options, ..Self::of(text) }
    }

    /// Everything that a stream may meet: two first rounds unlike the rest, rounds of two kinds in turn, results that
    /// are 1 without noise, sweep bits and an observable in each of them, detectors that look far back and out of order.
    fn hand_made() -> Self {
        let text = |count| {
            format!(
                "R 0 1 2\nCX sweep[2] 0 sweep[0] 2\nM 0\nSHIFT_COORDS(0, 3)\nDETECTOR(0, 0) rec[-1]\nSHIFT_COORDS(0, 1)\n\
                 M 1 2\nM 0 1 2\nDETECTOR(0, 0) rec[-1] rec[-4]\nDETECTOR(1, 0) rec[-2]\n\
                 REPEAT {count} {{\nM 2 0 1\nX 0\nSHIFT_COORDS(0, 1)\nOBSERVABLE_INCLUDE(1) rec[-1]\n\
                 DETECTOR(0, 0) rec[-3]\nDETECTOR(0, 1) rec[-2] rec[-5]\n\
                 M 0 2\nCX sweep[1] 2\nM 2 1\nSHIFT_COORDS(0, 1)\nOBSERVABLE_INCLUDE(0) rec[-1]\n\
                 DETECTOR(5, 0) rec[-1]\nDETECTOR(0, 0) rec[-2] rec[-3]\nDETECTOR(1, 0) rec[-4] rec[-6]\n\
                 X 0\nCX sweep[1] 2\n}}\nM 0 1 2\nSHIFT_COORDS(0, 1)\nDETECTOR(2, 0) rec[-3] rec[-9]\n\
                 OBSERVABLE_INCLUDE(2) rec[-3] rec[-1]\nOBSERVABLE_INCLUDE(1) rec[-1]\n"
            )
        };
        Self { round: 7, end: 3, ..Self::of(text) }
    }
}

fn random_row(random: &mut Random, bits: usize) -> Shots {
    let mut shots = Shots::zeroed(bits, 1);
    for bit in 0..bits {
        shots.row_mut(0)[bit / 8] |= u8::from(random.word() & 1 == 1) << (bit % 8);
    }
    shots
}

/// Bits `first..end` of a row, moved to the front.
fn cut(row: &[u8], first: usize, end: usize) -> Vec<u8> {
    let mut cut = vec![0; (end - first).div_ceil(8)];
    for (to, from) in (first..end).enumerate() {
        cut[to / 8] |= (row[from / 8] >> (from % 8) & 1) << (to % 8);
    }
    cut
}

/// Appends a layer's events to a row at this bit, and gives the bit after them.
fn join(row: &mut [u8], first: usize, events: &[u8], count: usize) -> usize {
    for bit in 0..count {
        row[(first + bit) / 8] |= (events[bit / 8] >> (bit % 8) & 1) << ((first + bit) % 8);
    }
    first + count
}

/// Streams a history in pieces, the last of which has the measurements of the end, and compares with its own map.
fn compare(
    stream: &mut MeasurementStream,
    circuits: &Circuits,
    count: u32,
    random: &mut Random,
    mut piece: impl FnMut(&mut Random) -> usize,
) {
    let map = circuits.map(count);
    let total = map.measurement_count();
    let measurements = random_row(random, total);
    let sweep = random_row(random, map.sweep_count());
    let (mut detectors, mut observables) = map.batches();
    map.convert(&measurements, Some(&sweep), &mut detectors, &mut observables).unwrap();

    stream.start(Some(sweep.row(0))).unwrap();
    let mut events = vec![0; detectors.stride()];
    let (mut pushed, mut bits, mut layers, mut ended) = (0, 0, 0, false);
    while pushed < total {
        let before_end = total - circuits.end - pushed;
        let step = if before_end == 0 { circuits.end } else { piece(random).min(before_end) };
        let row = cut(measurements.row(0), pushed, pushed + step);
        pushed += step;
        stream.push(&row, step as u32, pushed == total).unwrap();
        while let Some(layer) = stream.next() {
            assert_eq!(layer.number, layers);
            layers += 1;
            bits = join(&mut events, bits, layer.events, layer.detector_count as usize);
            ended = layer.is_last;
        }
        let known = map.known(pushed);
        assert!(bits <= known, "{bits} detectors of {known}");
    }
    assert!(ended && bits == detectors.bits(), "{bits} of {} detectors, {count}", detectors.bits());
    assert_eq!(events, detectors.row(0), "{count} repetitions");
    assert_eq!(stream.observables(), observables.row(0), "{count} repetitions");
}

fn compare_all(circuits: &Circuits, reference: u32, period: u32) {
    let map = circuits.map(reference);
    let mut stream = MeasurementStream::new(&map).unwrap();
    let bytes = stream.heap_bytes();
    assert_eq!(stream.period(), Some(period));
    let mut random = Random(5);
    for count in [reference, 3, 4, 7, 10, 100, 1000] {
        let round = circuits.round;
        compare(&mut stream, circuits, count, &mut random, |_| round);
        compare(&mut stream, circuits, count, &mut random, |random| random.below(3 * round));
    }
    compare(&mut stream, circuits, 50, &mut random, |_| 1);
    compare(&mut stream, circuits, 50, &mut random, |_| usize::MAX);
    assert_eq!(stream.heap_bytes(), bytes);
}

#[test]
fn memories_of_any_length_give_the_detectors_of_their_maps() {
    for basis in Basis::ALL {
        compare_all(&Circuits::memory(CircuitFamily::Stim, basis, Orientation::O1, 3), 12, 1);
        for orientation in Orientation::ALL {
            compare_all(&Circuits::memory(CircuitFamily::Paper, basis, orientation, 3), 12, 1);
        }
    }
    compare_all(&Circuits::memory(CircuitFamily::Stim, Basis::Z, Orientation::O1, 13), 6, 1);
    compare_all(&Circuits::golden(), 3, 1);
}

#[test]
fn rounds_in_turn_and_odd_ends_give_the_detectors_of_their_maps() {
    compare_all(&Circuits::hand_made(), 5, 2);
}

#[test]
fn histories_without_feedback_give_the_detectors_of_their_maps() {
    let circuits = Circuits::fed_back();
    let with_feedback = MeasurementMap::parse(&(circuits.text)(5)).unwrap();
    let differ = |&detector: &usize| {
        with_feedback.detector(detector).unwrap() != circuits.map(5).detector(detector).unwrap()
    };
    assert!(
        (0..with_feedback.detector_count()).filter(differ).count() > 5,
        "feedback matters in every round"
    );
    compare_all(&circuits, 5, 1);
}

#[test]
fn a_circuit_that_does_not_repeat_itself_serves_its_own_length() {
    let texts = [
        (Circuits::golden().text)(1),
        // The last layer looks at the first measurement, and where that lies depends on the length.
        "R 0\nM 0\nDETECTOR(0) rec[-1]\nREPEAT 9 {\nM 0\nSHIFT_COORDS(1)\nDETECTOR(0) rec[-1] rec[-2]\n}\n\
         M 0\nDETECTOR(1) rec[-1] rec[-11]\n"
            .to_owned(),
        // An observable that has one late round's measurement.
        "R 0\nREPEAT 5 {\nM 0\nDETECTOR(0) rec[-1]\nSHIFT_COORDS(1)\n}\nOBSERVABLE_INCLUDE(0) rec[-1]\n\
         REPEAT 1 {\nM 0\nDETECTOR(0) rec[-1]\nSHIFT_COORDS(1)\n}\n"
            .to_owned(),
    ];
    let mut random = Random(6);
    for (index, text) in texts.into_iter().enumerate() {
        let map = MeasurementMap::parse(&text).unwrap();
        let mut stream = MeasurementStream::new(&map).unwrap();
        assert_eq!(stream.period(), None, "{index}");
        let total = map.measurement_count();
        let end = if index == 0 { 9 } else { 1 };
        let circuits = Circuits { end, ..Circuits::of(move |_| text.clone()) };
        compare(&mut stream, &circuits, 0, &mut random, |_| 3);
        stream.start(None).unwrap();
        let row = vec![0; (total + 1).div_ceil(8)];
        for (count, is_last) in [(total + 1, true), (total + 1, false), (total - 1, true)] {
            let push = stream.push(&row[..count.div_ceil(8)], count as u32, is_last);
            let Err(Error::Core { status: Status::Argument, message, .. }) = push else { panic!("{push:?}") };
            assert!(message.contains("does not repeat itself"), "{message}");
        }
    }
}

#[test]
fn detectors_without_rounds_are_refused() {
    let cases = [
        ("M 0\n", "there are no detectors"),
        ("M 0\nDETECTOR(1) rec[-1]\nDETECTOR rec[-1]\n", "D1 has no coordinates"),
        ("M 0\nDETECTOR(1e10) rec[-1]\n", "D0, 1e+10, is no time"),
        ("M 0\nDETECTOR(7) rec[-1]\nDETECTOR(7) rec[-1]\n", "is 7 for all detectors"),
        (
            "M 0\nDETECTOR(1) rec[-1]\nDETECTOR(0) rec[-1]\n",
            "D1 lies in round 0, after a detector in round 1",
        ),
    ];
    for (text, expected) in cases {
        let text = format!("R 0\n{text}");
        let refusal = MeasurementStream::new(&MeasurementMap::parse(&text).unwrap()).unwrap_err();
        assert_eq!(refusal.status(), Some(Status::Format), "{text}");
        assert!(refusal.to_string().contains(expected), "{text}: {refusal}");
    }
}

#[test]
fn layers_without_detectors_come_in_their_turn() {
    let text = "R 0\nM 0\nDETECTOR(0) rec[-1]\nM 0\nDETECTOR(0.5) rec[-1]\nDETECTOR(0.5) rec[-1] rec[-2]\n\
                M 0\nDETECTOR(2) rec[-1] rec[-2]\n";
    let map = MeasurementMap::parse(text).unwrap();
    let mut stream = MeasurementStream::new(&map).unwrap();
    let mut layers = Vec::new();
    for (number, bit) in [1, 0, 1].into_iter().enumerate() {
        stream.push(&[bit], 1, number == 2).unwrap();
        while let Some(layer) = stream.next() {
            layers.push((layer.number, layer.detector_count, layer.events.first().copied(), layer.is_last));
        }
    }
    assert_eq!(layers.len(), 5, "{layers:?}");
    assert_eq!(layers[0], (0, 1, Some(1), false));
    assert_eq!(layers[1], (1, 2, Some(0b10), false));
    assert_eq!([layers[2].0, layers[3].0, u64::from(layers[2].1 + layers[3].1)], [2, 3, 0]);
    assert_eq!(layers[4], (4, 1, Some(1), true));
}

#[test]
fn what_does_not_go_is_an_error_and_changes_nothing() {
    let circuits = Circuits::golden();
    let map = MeasurementMap::parse(&(circuits.text)(3)).unwrap();
    let mut stream = MeasurementStream::new(&map).unwrap();
    let refuse = |stream: &mut MeasurementStream, count: u32, is_last, expected: &str| {
        let refusal = stream.push(&vec![0; count.div_ceil(8) as usize], count, is_last).unwrap_err();
        assert!(refusal.to_string().contains(expected), "{refusal}");
        refusal.status()
    };
    let most = OTR_MEASUREMENT_STREAM_PUSH_MAX;
    assert_eq!(refuse(&mut stream, most + 1, false, "more than the limit"), Some(Status::Limit));
    assert!(matches!(stream.push(&[0, 0], 8, false), Err(Error::Length { .. })));
    assert!(matches!(stream.start(Some(&[0])), Err(Error::Length { .. })));
    for count in [0, 9, 16, 24, 32, 42] {
        let status = refuse(&mut stream, count, true, "no history ends after");
        assert_eq!(status, Some(Status::Argument), "{count}");
    }
    stream.push(&[0; 2], 16, false).unwrap();
    refuse(&mut stream, 1, false, "layer 0 waits");
    while stream.next().is_some() {}
    // Results of the data qubits that were taken for those of another round.
    stream.push(&[0; 3], 24, false).unwrap();
    while stream.next().is_some() {}
    refuse(&mut stream, 1, true, "have to come at once");
    stream.push(&[0; 2], 9, true).unwrap();
    refuse(&mut stream, 1, false, "has ended");
    let layers = std::iter::from_fn(|| stream.next().map(|layer| layer.is_last)).collect::<Vec<_>>();
    assert_eq!(layers, [true]);
    refuse(&mut stream, 1, true, "has ended");
    // The longest push, which is longer than everything that a stream keeps.
    stream.start(None).unwrap();
    stream.push(&vec![0; most as usize / 8], most, false).unwrap();
    assert_eq!(std::iter::from_fn(|| stream.next().map(|_| ())).count() as u32, most / 8);
}

#[test]
fn wrong_arguments_are_refused() {
    let mut stream = ptr::null_mut();
    // SAFETY: null arguments are allowed as stated.
    unsafe {
        let create = otr_measurement_stream_create(&mut stream, ptr::null(), ptr::null_mut());
        assert_eq!(create, otr_status::OTR_ERR_ARGUMENT);
        otr_measurement_stream_destroy(ptr::null_mut());
    }
}
