//! Measurement maps: against Stim's answers for golden circuits, against the surface-code generator, and what is
//! refused.

use outrider::{
    Circuit, CircuitFamily, Error, InstructionKind, MeasurementMap, MeasurementOptions, Parity, Shots,
    Status, SurfaceCode, TargetKind,
};
use outrider_sys::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr;

/// A circuit with Stim's answers; `golden/measurements/README.md` says how they were made.
struct Case {
    name: String,
    text: String,
    measurements: Shots,
    sweep: Shots,
    detectors: Shots,
    observables: Shots,
    /// Detectors and observables of the same measurements from runs without feedback, where that matters.
    without_feedback: Option<[Shots; 2]>,
    coordinates: Vec<Vec<f64>>,
}

impl Case {
    fn load(path: &Path) -> Self {
        let read = |extension: &str| {
            let path = path.with_extension(extension);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let [measurements, sweep, detectors, observables] = columns(&read("shots"));
        let without_feedback =
            path.with_extension("without_feedback").exists().then(|| columns(&read("without_feedback")));
        let numbers =
            |line: &str| line.split(' ').skip(1).map(|word| word.parse().expect("a number")).collect();
        Self {
            name: path.file_stem().expect("a file name").to_string_lossy().into_owned(),
            text: read("stim"),
            measurements,
            sweep,
            detectors,
            observables,
            without_feedback,
            coordinates: read("coordinates").lines().map(numbers).collect(),
        }
    }
}

/// The columns of a file of shots.
fn columns<const COUNT: usize>(text: &str) -> [Shots; COUNT] {
    let mut columns = [const { Vec::new() }; COUNT];
    for line in text.lines() {
        for (column, word) in columns.iter_mut().zip(line.split(' ')) {
            column.push(word.trim_matches('-').bytes().map(|byte| byte == b'1').collect());
        }
    }
    columns.map(|rows: Vec<Vec<bool>>| packed(&rows))
}

fn packed(rows: &[Vec<bool>]) -> Shots {
    let mut shots = Shots::zeroed(rows[0].len(), rows.len());
    for (index, row) in rows.iter().enumerate() {
        for (bit, _) in row.iter().enumerate().filter(|(_, set)| **set) {
            shots.row_mut(index)[bit / 8] |= 1 << (bit % 8);
        }
    }
    shots
}

fn cases() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("c_core/tests/golden/measurements");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "stim"));
    paths.sort();
    assert!(paths.len() >= 12, "only {} cases", paths.len());
    paths.iter().map(|path| Case::load(path)).collect()
}

#[test]
fn golden_circuits_convert_as_stim_converts_them() {
    for case in cases() {
        let map = MeasurementMap::parse(&case.text).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(map.measurement_count(), case.measurements.bits(), "{}", case.name);
        assert_eq!(map.sweep_count(), case.sweep.bits(), "{}", case.name);
        let (mut detectors, mut observables) = map.batches();
        map.convert(&case.measurements, Some(&case.sweep), &mut detectors, &mut observables)
            .expect("batches of the right width");
        assert!(detectors == case.detectors, "{}: detectors", case.name);
        assert!(observables == case.observables, "{}: observables", case.name);
        assert_eq!(map.detector_count(), case.coordinates.len(), "{}", case.name);
        for (detector, coordinates) in case.coordinates.iter().enumerate() {
            assert_eq!(
                map.coordinates(detector).expect("a detector"),
                coordinates,
                "{} D{detector}",
                case.name
            );
        }
    }
}

fn map_with(text: &str, options: MeasurementOptions) -> MeasurementMap {
    MeasurementMap::with_options(text, options).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn runs_without_feedback_convert_as_stim_converts_them() {
    let options = MeasurementOptions { ran_without_feedback: true, ..MeasurementOptions::default() };
    let mut fed_back = 0;
    for case in cases() {
        let map = map_with(&case.text, options);
        let (mut detectors, mut observables) = map.batches();
        map.convert(&case.measurements, Some(&case.sweep), &mut detectors, &mut observables)
            .expect("batches of the right width");
        let expected = match &case.without_feedback {
            Some([detectors, observables]) => (detectors, observables),
            None => (&case.detectors, &case.observables),
        };
        assert!((&detectors, &observables) == expected, "{}", case.name);
        fed_back += usize::from(case.without_feedback.is_some());
    }
    assert!(fed_back >= 2, "{fed_back} cases with feedback");
}

/// A detector (or observable) by its measurements, sweep bits and constant.
type Row = (Vec<u32>, Vec<u32>, bool);

fn row(parity: Result<Parity<'_>, Error>) -> Row {
    let parity = parity.expect("an index in range");
    (parity.measurements.to_vec(), parity.sweep_bits.to_vec(), parity.constant)
}

fn rows(map: &MeasurementMap) -> [Vec<Row>; 2] {
    let detectors = (0..map.detector_count()).map(|index| row(map.detector(index)));
    let observables = (0..map.observable_count()).map(|index| row(map.observable(index)));
    [detectors.collect(), observables.collect()]
}

#[test]
fn without_a_reference_sample_constants_are_0_and_the_rest_stays() {
    let mut constants = 0;
    for case in cases() {
        for ran_without_feedback in [false, true] {
            let options = MeasurementOptions { ran_without_feedback, ..MeasurementOptions::default() };
            let mut expected = rows(&map_with(&case.text, options));
            for row in expected.iter_mut().flatten() {
                constants += usize::from(row.2);
                row.2 = false;
            }
            let skipped = map_with(&case.text, MeasurementOptions { skip_reference_sample: true, ..options });
            assert_eq!(rows(&skipped), expected, "{}", case.name);
        }
    }
    assert!(constants > 20, "{constants} rows that noise-free runs fix to 1");
}

#[test]
fn without_a_reference_sample_random_parities_are_read_as_they_are() {
    let options = MeasurementOptions { skip_reference_sample: true, ..MeasurementOptions::default() };
    let text = "RX 0\nCX sweep[0] 0\nM 0\nCX rec[-1] 1\nMR 1\nMPP X0*X1 Y0*Z1\nCX rec[-2] 1\nMX 1\n\
                DETECTOR rec[-5]\nDETECTOR rec[-4]\nDETECTOR rec[-3] rec[-5]\nOBSERVABLE_INCLUDE(0) rec[-2] rec[-1]\n";
    assert_eq!(refusal(text).0, Status::Random);
    let [detectors, observables] = rows(&map_with(text, options));
    let expected = [(vec![0], vec![0], false), (vec![1], vec![0], false), (vec![0, 2], vec![0], false)];
    assert_eq!(detectors, expected);
    assert_eq!(observables, [(vec![3, 4], vec![0], false)]);
    // Nothing is traced where nothing flips a row, so that no work limit is met.
    let few = MeasurementOptions { steps_max: 4, ..options };
    assert_eq!(rows(&map_with("RX 0\nM 0\n", few)), [vec![], vec![]]);
}

#[test]
fn observables_of_paulis_leave_the_detectors_as_they_are() {
    let options = MeasurementOptions { detectors_only: true, ..MeasurementOptions::default() };
    for case in cases() {
        let map = MeasurementMap::parse(&case.text).expect("a golden circuit");
        let paulis = format!(
            "OBSERVABLE_INCLUDE(0) X0 !Y1\n{}OBSERVABLE_INCLUDE(7) z3 rec[-1] !x16777215\n",
            case.text
        );
        let detectors = map_with(&paulis, options);
        assert_eq!(rows(&detectors), [rows(&map)[0].clone(), vec![]], "{}", case.name);
        assert_eq!(detectors.measurement_count(), map.measurement_count(), "{}", case.name);
        assert_eq!(detectors.order(), map.order(), "{}", case.name);
        assert_eq!(refusal(&paulis).0, Status::Unsupported, "{}", case.name);
    }
}

#[test]
fn what_is_wrong_with_observables_is_found_or_does_not_matter_if_they_are_left_out() {
    let options = MeasurementOptions { detectors_only: true, ..MeasurementOptions::default() };
    let accepted = [
        "RX 0\nM 0\nOBSERVABLE_INCLUDE(0) rec[-1]\nDETECTOR",
        "OBSERVABLE_INCLUDE(1048575) Y0 rec[-1]",
        "REPEAT 18446744073709551615 {\nOBSERVABLE_INCLUDE(0) X0 X1\n}",
    ];
    for text in accepted {
        let map = map_with(&format!("M 9\n{text}\n"), options);
        assert_eq!(map.observable_count(), 0, "{text}");
    }
    let refused = [
        ("OBSERVABLE_INCLUDE(0) X", Status::Parse, 24, "a whole number"),
        ("OBSERVABLE_INCLUDE(0) X-1", Status::Parse, 24, "a whole number"),
        ("OBSERVABLE_INCLUDE(0) !!X0", Status::Parse, 24, "a Pauli and a qubit"),
        ("OBSERVABLE_INCLUDE(0) !rec[-1]", Status::Parse, 24, "a Pauli and a qubit"),
        ("OBSERVABLE_INCLUDE(0) X0*X1", Status::Parse, 25, "a space"),
        ("OBSERVABLE_INCLUDE(0) X0 5", Status::Parse, 26, "rec[-k]"),
        ("OBSERVABLE_INCLUDE(0) X16777216", Status::Limit, 24, "larger than"),
        ("OBSERVABLE_INCLUDE(0) rec[-2]", Status::Index, 23, "before the first measurement"),
        ("OBSERVABLE_INCLUDE(0.5) X0", Status::Limit, 19, "an observable's index"),
        ("OBSERVABLE_INCLUDE X0", Status::Parse, 19, "takes 1 arguments"),
        ("DETECTOR X0", Status::Parse, 10, "expected rec[-k]"),
    ];
    for (text, expected, column, fragment) in refused {
        let error = MeasurementMap::with_options(&format!("M 0\n{text}"), options).expect_err(text);
        let Error::Core { status, place, message } = error else { panic!("{text}: {error}") };
        assert_eq!(
            (status, place.line, place.column),
            (expected, Some(2), Some(column)),
            "{text}: {message}"
        );
        assert!(message.contains(fragment), "{text}: {message}");
    }
}

#[test]
fn rows_are_the_parities_that_are_applied() {
    for case in cases() {
        let map = MeasurementMap::parse(&case.text).expect("a golden circuit");
        let bit = |row: &[u8], index: u32| row[index as usize / 8] >> (index % 8) & 1 == 1;
        for shot in 0..case.measurements.len() {
            let (measurements, sweep) = (case.measurements.row(shot), case.sweep.row(shot));
            let value = |parity: Parity<'_>| {
                let measured = parity.measurements.iter().filter(|&&k| bit(measurements, k)).count();
                let swept = parity.sweep_bits.iter().filter(|&&k| bit(sweep, k)).count();
                (measured + swept) % 2 == usize::from(!parity.constant)
            };
            for detector in 0..map.detector_count() {
                let parity = map.detector(detector).expect("a detector");
                assert!(
                    parity.measurements.is_sorted_by(|a, b| a < b)
                        && parity.sweep_bits.is_sorted_by(|a, b| a < b)
                );
                assert_eq!(value(parity), bit(case.detectors.row(shot), detector as u32), "{}", case.name);
            }
            for observable in 0..map.observable_count() {
                let expected = bit(case.observables.row(shot), observable as u32);
                assert_eq!(
                    value(map.observable(observable).expect("an observable")),
                    expected,
                    "{}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn a_stream_knows_each_detector_once_its_last_measurement_is_in() {
    for case in cases() {
        let map = MeasurementMap::parse(&case.text).expect("a golden circuit");
        let mut order = map.order().to_vec();
        for came in 0..=map.measurement_count() {
            let known = map.known(came);
            for (place, &detector) in map.order().iter().enumerate() {
                let last = map.detector(detector as usize).expect("a detector").measurements.last();
                assert_eq!(place < known, last.is_none_or(|&last| (last as usize) < came), "{}", case.name);
            }
        }
        for shot in 0..case.measurements.len() {
            let mut row = vec![0xFF; case.detectors.stride()];
            let mut done = 0;
            for came in 0..=map.measurement_count() {
                // What has not come yet is all ones.
                let mut so_far = case.measurements.row(shot).to_vec();
                for bit in came..map.measurement_count() {
                    so_far[bit / 8] |= 1 << (bit % 8);
                }
                let known = map.known(came);
                map.convert_known(&so_far, Some(case.sweep.row(shot)), done, known - done, &mut row)
                    .expect("places within the order");
                done = known;
            }
            let mut expected = case.detectors.row(shot).to_vec();
            if let (Some(last), used @ 1..) = (expected.last_mut(), case.detectors.bits() % 8) {
                *last |= 0xFF << used;
            }
            assert_eq!(row, expected, "{}: other bits stay", case.name);
        }
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..map.detector_count() as u32), "{}", case.name);
    }
}

#[test]
fn generated_memories_have_the_detectors_of_their_models() {
    for family in CircuitFamily::ALL {
        let circuit = Circuit::uniform(family, 0.01);
        let code = SurfaceCode::memory(3, 12).circuit(circuit).build().expect("valid options");
        let map = MeasurementMap::parse(&code.circuit_text()).expect("a memory");
        let model = code.model().expect("a small model");
        assert_eq!(map.detector_count() as u64, model.detector_count(), "{family}");
        assert_eq!((map.observable_count(), map.sweep_count()), (1, 0), "{family}");
        let mut walk = model.walk().expect("a walk");
        while let Some(step) = walk.step() {
            if let InstructionKind::Detector { coordinates, targets } = step.kind {
                let TargetKind::Detector(detector) = targets[0].kind() else {
                    panic!("a declaration of a detector names another target");
                };
                assert_eq!(map.coordinates(detector as usize).expect("a detector"), coordinates, "{family}");
            }
        }
        // All results 0 is what a noise-free run may give.
        let measurements = Shots::zeroed(map.measurement_count(), 1);
        let (mut detectors, mut observables) = map.batches();
        map.convert(&measurements, None, &mut detectors, &mut observables)
            .expect("batches of the right width");
        assert_eq!((detectors.ones(0).count(), observables.ones(0).count()), (0, 0), "{family}");
    }
}

/// What is wrong with a circuit: status, line, column, and a part of the message.
fn refusal(text: &str) -> (Status, u64, u32, String) {
    let error = MeasurementMap::parse(text).expect_err(text);
    let Error::Core { status, place, message } = error else { panic!("{text}: {error}") };
    (status, place.line.unwrap_or(0), place.column.unwrap_or(0), message)
}

#[test]
fn bad_circuits_are_refused_with_their_place() {
    use Status::{Index, Limit, Parse, Probability, Random, Unsupported};
    let cases = [
        ("H 0\n FOO 1\n", Parse, 2, 2, "unknown gate 'FOO'"),
        ("H0", Parse, 1, 1, "unknown gate 'H0'"),
        ("{", Parse, 1, 1, "expected an instruction, found '{'"),
        ("H\0", Parse, 1, 2, "a NUL byte"),
        ("H[tag 0\n", Parse, 1, 8, "the tag is not closed"),
        ("H(1) 0", Parse, 1, 2, "takes no arguments in parentheses"),
        ("OBSERVABLE_INCLUDE rec[-1]", Parse, 1, 19, "takes 1 arguments in parentheses, not 0"),
        ("M(0.1, 0.2) 0", Parse, 1, 2, "takes 0 to 1 arguments"),
        ("M(0.1 0", Parse, 1, 7, "',' or ')'"),
        ("M(2) 0", Probability, 1, 3, "'2' is not a probability"),
        ("X_ERROR(-1) 0", Probability, 1, 9, "'-1' is not a probability"),
        ("DETECTOR(x)", Parse, 1, 10, "'x' is not a finite number"),
        ("H 0,1", Parse, 1, 4, "expected a space, found ','"),
        ("H 0 }", Parse, 1, 5, "expected a qubit, found '}'"),
        ("H !0", Parse, 1, 3, "expected a qubit, found '!'"),
        ("H rec[-1]", Parse, 1, 3, "expected a qubit, found 'r'"),
        ("M !!0", Parse, 1, 4, "expected a qubit, found '!'"),
        ("TICK 0", Parse, 1, 6, "the end of the line"),
        ("MPAD 2", Limit, 1, 6, "larger than 1"),
        ("MPP 1", Parse, 1, 5, "a Pauli and a qubit"),
        ("MPP X1*", Parse, 1, 8, "a Pauli and a qubit"),
        ("H 1\nMPP X0 X1*Z1", Parse, 2, 1, "not Hermitian"),
        ("CX 0 1 2", Parse, 1, 8, "stands alone"),
        ("CX 0 0", Parse, 1, 4, "the same"),
        ("MXX !0 0", Parse, 1, 5, "the same"),
        ("CX 1 sweep[0]", Parse, 1, 4, "not be changed"),
        ("SWAP sweep[0] 1", Parse, 1, 6, "expected a qubit"),
        ("CX sweep[-1] 1", Parse, 1, 10, "a whole number"),
        ("CX sweep[1 1", Parse, 1, 11, "expected ']'"),
        ("M 0\nDETECTOR 0", Parse, 2, 10, "expected rec[-k]"),
        ("M 0\nDETECTOR rec[1]", Parse, 2, 14, "expected rec[-k]"),
        ("M 0\nDETECTOR rec[-2]", Index, 2, 10, "'rec[-2]' is before the first measurement"),
        ("M 0\nDETECTOR rec[-0]", Index, 2, 10, "'rec[-0]' is no measurement"),
        ("REPEAT 2 {\nCX rec[-1] 0\nM 0\n}", Index, 2, 4, "before the first"),
        ("RX 0\nOBSERVABLE_INCLUDE(0) X0", Unsupported, 2, 23, "Pauli"),
        ("REPEAT 2 {\nH 0\n", Parse, 1, 10, "never closed"),
        ("H 0\n}\n", Parse, 2, 1, "without an open REPEAT"),
        ("REPEAT 0 {\n}", Parse, 1, 1, "REPEAT 0"),
        ("REPEAT {\n}", Parse, 1, 8, "a whole number"),
        ("REPEAT 2\n", Parse, 1, 9, "expected '{'"),
        ("REPEAT 2 { M 0 }", Parse, 1, 16, "expected a qubit"),
        ("REPEAT 99999999999999999999 {\n}", Limit, 1, 8, "larger than"),
        (
            "H 0\nM 0\nH 0\nM 0\nDETECTOR rec[-1]",
            Random,
            5,
            0,
            "D0 is random without noise: it does not commute",
        ),
        ("RX 0\nM 0\nDETECTOR(1) rec[-1]", Random, 3, 0, "qubit 0's reset of line 1"),
        ("M 0\nH 0\nM 0 0\nOBSERVABLE_INCLUDE(2) rec[-1]", Random, 4, 0, "observable L2 is random"),
        (
            "MX 5\nDETECTOR\nDETECTOR rec[-1]",
            Random,
            3,
            0,
            "D1 is random without noise: the first state of qubit 5",
        ),
        ("MPP X0*X1\nMX 0\nM 1\nDETECTOR rec[-1] rec[-2]", Random, 4, 0, "random"),
    ];
    for (text, status, line, column, fragment) in cases {
        let (found, found_line, found_column, message) = refusal(text);
        assert_eq!((found, found_line, found_column), (status, line, column), "{text:?}: {message}");
        assert!(message.contains(fragment), "{text:?}: {message}");
    }
}

#[test]
fn limits_hold_at_their_value() {
    let nested = |depth: usize| "REPEAT 1 {\n".repeat(depth) + "M 0\n" + &"}\n".repeat(depth);
    let numbers = |count: usize| format!("DETECTOR({})", vec!["1"; count].join(","));
    let (depth, target) = (OTR_MEASUREMENT_REPEAT_DEPTH_MAX as usize, OTR_MEASUREMENT_TARGET_MAX);
    let observables = OTR_MEASUREMENT_OBSERVABLES_MAX;
    let coordinates = OTR_MEASUREMENT_COORDINATES_MAX as usize;
    let accepted = [
        nested(depth),
        numbers(coordinates),
        format!("CX sweep[{target}] 0"),
        format!("OBSERVABLE_INCLUDE({})", observables - 1),
        // Nothing that matters is repeated.
        format!("REPEAT {} {{\nTICK\nX_ERROR(0.1) 5\nREPEAT {} {{\n}}\n}}", u64::MAX, u64::MAX),
    ];
    for text in accepted {
        MeasurementMap::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    let refused = [
        nested(depth + 1),
        numbers(coordinates + 1),
        format!("H {}", target + 1),
        format!("CX sweep[{}] 0", target + 1),
        format!("OBSERVABLE_INCLUDE({observables})"),
        "OBSERVABLE_INCLUDE(0.5)".to_owned(),
        format!("REPEAT {} {{\nM 0\n}}", OTR_MEASUREMENT_COUNT_MAX + 1),
        format!("REPEAT {} {{\nDETECTOR\n}}", OTR_MEASUREMENT_COUNT_MAX + 1),
        format!("M 0\nREPEAT {} {{\nOBSERVABLE_INCLUDE(0) rec[-1]\n}}", OTR_MEASUREMENT_TERMS_MAX + 1),
        format!("REPEAT {} {{\nH 0\n}}", u64::MAX),
        format!("REPEAT {0} {{\nREPEAT {0} {{\nREPEAT {0} {{\nM 0\n}}\n}}\n}}", u64::MAX / 2),
    ];
    for text in refused {
        assert_eq!(refusal(&text).0, Status::Limit, "{text}");
    }
}

#[test]
fn the_work_is_limited_by_the_caller() {
    let text = "REPEAT 100 {\nR 0 1\nCX 0 1\nM 0 1\nDETECTOR rec[-1] rec[-2]\n}\n";
    let with = |steps_max: u64| {
        MeasurementMap::with_options(text, MeasurementOptions { steps_max, ..MeasurementOptions::default() })
    };
    let needed = (0..10_000).find(|&steps| with(steps).is_ok()).expect("a small circuit");
    assert!(needed > 1000, "{needed} steps for 100 rounds of four instructions");
    for steps in [0, 1, needed / 2, needed - 1] {
        assert_eq!(with(steps).expect_err("too few steps").status(), Some(Status::Limit), "{steps}");
    }
    assert!(with(needed + 1).is_ok());
}

#[test]
fn truncated_text_never_crashes() {
    for case in cases() {
        for end in (0..case.text.len()).filter(|&end| case.text.is_char_boundary(end)) {
            // Either answer is fine.
            let _ = MeasurementMap::parse(&case.text[..end]);
        }
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let text = b"M 0 1 2 3 4 5 6 7 8\nDETECTOR rec[-1]\nCX sweep[8] 0\nOBSERVABLE_INCLUDE(0) rec[-2]\n";
    let mut map = ptr::null_mut();
    // SAFETY: the text has this length; null outputs and options are allowed as stated.
    unsafe {
        let none = ptr::null_mut();
        let create = |out, text: *const u8, bytes| {
            otr_measurement_map_create(out, text.cast(), bytes, ptr::null(), none)
        };
        assert_eq!(create(none.cast(), text.as_ptr(), text.len()), otr_status::OTR_ERR_ARGUMENT);
        assert_eq!(create(&mut map, ptr::null(), 1), otr_status::OTR_ERR_ARGUMENT);
        assert_eq!(create(&mut map, text.as_ptr(), text.len()), otr_status::OTR_OK);
        otr_measurement_map_destroy(ptr::null_mut());
    }
    let (measurements, sweep, mut detectors, mut observables) = ([0xFF; 2], [0; 2], [0xAA; 1], [0xAA; 1]);
    let mut apply = |measurement_stride, sweep_stride, detector_stride, observable_stride| {
        let measured = otr_measured {
            measurements: measurements.as_ptr(),
            measurement_stride,
            sweep: sweep.as_ptr(),
            sweep_stride,
        };
        let parities = otr_parities {
            detectors: detectors.as_mut_ptr(),
            detector_stride,
            observables: observables.as_mut_ptr(),
            observable_stride,
        };
        // SAFETY: the map is alive; one shot of these rows is long enough whatever the strides say.
        let status = unsafe { otr_measurement_map_apply(map, &measured, 1, &parities) };
        (status, detectors[0], observables[0])
    };
    for strides in [(1, 2, 1, 1), (2, 1, 1, 1), (2, 2, 0, 1), (2, 2, 1, 0)] {
        let refused = apply(strides.0, strides.1, strides.2, strides.3);
        assert_eq!(refused, (otr_status::OTR_ERR_ARGUMENT, 0xAA, 0xAA), "{strides:?}");
    }
    assert_eq!(apply(2, 2, 1, 1), (otr_status::OTR_OK, 1, 1));
    let mut parity = std::mem::MaybeUninit::uninit();
    let (mut coordinates, mut count) = (ptr::null(), 0);
    // SAFETY: the map is alive until it is destroyed, once; the outputs are ours.
    unsafe {
        let known = |first, count, row| {
            otr_measurement_map_apply_known(map, measurements.as_ptr(), ptr::null(), first, count, row)
        };
        assert_eq!(known(0, 2, detectors.as_mut_ptr()), otr_status::OTR_ERR_INDEX);
        assert_eq!(known(u64::MAX, 2, detectors.as_mut_ptr()), otr_status::OTR_ERR_INDEX);
        assert_eq!(known(0, 1, ptr::null_mut()), otr_status::OTR_ERR_ARGUMENT);
        assert_eq!(known(1, 0, ptr::null_mut()), otr_status::OTR_OK);
        assert_eq!(otr_measurement_map_row(map, 2, parity.as_mut_ptr()), otr_status::OTR_ERR_INDEX);
        let status = otr_measurement_map_coordinates(map, 1, &mut coordinates, &mut count);
        assert_eq!(status, otr_status::OTR_ERR_INDEX);
        otr_measurement_map_destroy(map);
    }
}
