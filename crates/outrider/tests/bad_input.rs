//! Bad input gives one clear error that names the place, and never a panic.

use std::io::Write;
use std::sync::Arc;

use outrider::{
    Circuit, Decoder, DecoderKind, DecoderOptions, DetectorErrorModel, Error, Format, Gap, GapOptions,
    Geometry, GraphOptions, Isa, Layout, MatchingGraph, MeasurementMap, Override, PaperNoise, Place, Sampler,
    ShotReader, ShotWriter, Shots, Slot, Status, StimNoise, SurfaceCode, Training, TrainingOptions,
};

/// Two detectors and one observable.
const CHAIN: &str = "error(0.1) D0 L0\nerror(0.1) D0 D1\n";
/// Nine detectors without any boundary.
const RING: &str = "error(0.1) D0 D1\nerror(0.1) D1 D2 L0\nerror(0.1) D0 D2\ndetector D8\n";

#[test]
fn a_broken_model_names_line_and_column() {
    let error = DetectorErrorModel::parse("error(0.1) D0\n  error(0.1) X1\n").expect_err("X1 is no target");
    assert_eq!(error.status(), Some(Status::Parse));
    let place = error.place().expect("a parse error has a place");
    assert_eq!(place.line, Some(2));
    assert!(place.column.is_some());
    assert!(error.is_bad_input());

    let error = DetectorErrorModel::parse("error(nan) D0").expect_err("NaN is no probability");
    assert_eq!(error.place().and_then(|place| place.line), Some(1), "{error}");
    assert!(error.is_bad_input());
}

#[test]
fn a_broken_model_file_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("broken.dem");
    std::fs::write(&path, "error(0.1) D0\nerror(2) D0\n").expect("the directory is writable");
    let error = DetectorErrorModel::from_file(&path).expect_err("2 is no probability");
    assert!(error.to_string().starts_with(&format!("{}:2:", path.display())), "{error}");

    std::fs::write(&path, b"error(0.1) D0\n# \xFF\n").expect("the directory is writable");
    let error = DetectorErrorModel::from_file(&path).expect_err("0xFF is not UTF-8");
    assert!(error.to_string().starts_with(&format!("{}:2:3: ", path.display())), "{error}");

    let missing = directory.path().join("missing.dem");
    let error = DetectorErrorModel::from_file(&missing).expect_err("there is no such file");
    assert!(error.to_string().starts_with(&format!("{}: cannot open", missing.display())), "{error}");
    assert!(error.is_bad_input());
    let error = DetectorErrorModel::from_file(directory.path()).expect_err("a directory is no file");
    assert!(error.is_bad_input(), "{error}");
}

#[test]
fn measurements_of_another_shape_are_refused() {
    let map = MeasurementMap::parse("CX sweep[0] 0\nM 0 1\nDETECTOR rec[-2]").expect("a circuit");
    let (mut detectors, mut observables) = map.batches();
    let mut convert = |measurements: Shots, sweep: Shots| {
        map.convert(&measurements, Some(&sweep), &mut detectors, &mut observables)
    };
    for (measured, swept, shots_swept) in [(3, 1, 4), (2, 2, 4), (2, 1, 3)] {
        let error = convert(Shots::zeroed(measured, 4), Shots::zeroed(swept, shots_swept));
        assert!(matches!(error, Err(Error::Length { .. })), "{error:?}");
    }
    convert(Shots::zeroed(2, 4), Shots::zeroed(1, 4)).expect("rows of the right width");
    assert_eq!(detectors.len(), 4);
    for (measurements, sweep, detectors) in [(0, 1, 1), (1, 2, 1), (1, 1, 0)] {
        let error =
            map.convert_known(&vec![0; measurements], Some(&vec![0; sweep]), 0, 1, &mut vec![0; detectors]);
        assert!(matches!(error, Err(Error::Length { .. })), "{error:?}");
    }
    let error = map.convert_known(&[0], None, usize::MAX, 2, &mut [0]).expect_err("one detector");
    assert_eq!(error.status(), Some(Status::Index));
    assert_eq!(map.detector(1).expect_err("one detector").status(), Some(Status::Index));
    assert_eq!(map.observable(usize::MAX).expect_err("no observable").status(), Some(Status::Index));
    assert_eq!(map.coordinates(1).expect_err("one detector").status(), Some(Status::Index));

    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("broken.stim");
    std::fs::write(&path, b"H 0\n# \xFF\n").expect("the directory is writable");
    let error = MeasurementMap::from_file(&path).expect_err("0xFF is not UTF-8");
    assert!(error.to_string().starts_with(&format!("{}:2:3: ", path.display())), "{error}");
}

#[test]
fn graphs_refuse_what_they_cannot_hold() {
    let three = model("error(0.1) D0\nerror(0.1) D0 D1 D2");
    let error = MatchingGraph::new(&three, &GraphOptions::default()).expect_err("three detectors");
    assert_eq!(error.status(), Some(Status::Undecomposable));
    assert_eq!(error.place().and_then(|place| place.line), Some(2), "{error}");
    let options = GraphOptions { ignore_undecomposable: true, ..GraphOptions::default() };
    assert_eq!(MatchingGraph::new(&three, &options).expect("skipped on request").ignored_count(), 1);

    let levels = GraphOptions { levels: u32::MAX, ..GraphOptions::default() };
    let error = MatchingGraph::new(&model(CHAIN), &levels).expect_err("too many levels");
    assert_eq!(error.status(), Some(Status::Argument));

    let likely = model("error(0.7) D0 D1");
    let options = GraphOptions { correlations: true, ..GraphOptions::default() };
    assert!(MatchingGraph::new(&likely, &options).expect("any probability").has_correlations());

    let range = GraphOptions { weight_range: -1.0, ..GraphOptions::default() };
    let error = MatchingGraph::new(&model(CHAIN), &range).expect_err("no range");
    assert_eq!(error.status(), Some(Status::Argument));

    let huge = model("repeat 1000000000000000 {\n    error(0.1) D0 D1\n    shift_detectors 1\n}\n");
    let error = MatchingGraph::new(&huge, &GraphOptions::default()).expect_err("10^15 detectors");
    assert_eq!(error.status(), Some(Status::Limit), "{error}");
    let error = Sampler::new(&huge, 0).expect_err("10^15 errors");
    assert_eq!(error.status(), Some(Status::Limit), "{error}");
}

#[test]
fn graph_indices_are_checked() {
    let graph = graph(CHAIN);
    assert_eq!(graph.edge(2).expect_err("two edges").status(), Some(Status::Index));
    assert_eq!(graph.implied(u32::MAX).err().expect("two edges").status(), Some(Status::Index));
    for (node1, node2) in [(0, Some(7)), (7, None), (u32::MAX, Some(0)), (0, Some(u32::MAX)), (1, None)] {
        assert_eq!(graph.find_edge(node1, node2), None, "{node1} {node2:?}");
    }
    assert!(graph.find_edge(0, Some(1)).is_some());
    assert_eq!(graph.find_edge(1, Some(0)), graph.find_edge(0, Some(1)));
    assert_eq!(graph.quantize(f64::NAN).expect_err("no number").status(), Some(Status::Argument));
    let beyond = graph.weight_limit() * 1.000001;
    assert_eq!(graph.quantize(beyond).expect_err("too large").status(), Some(Status::Limit));
    assert_eq!(graph.natural_edge_weight(graph.quantize(f64::INFINITY).expect("held")), f64::INFINITY);
    assert_eq!(
        graph.natural_edge_weight(graph.quantize(f64::NEG_INFINITY).expect("held")),
        f64::NEG_INFINITY
    );
}

#[test]
fn decoders_check_lengths_and_indices() {
    for kind in DecoderKind::OF_SHOTS {
        let mut decoder = decoder(CHAIN, kind);
        let mut observables = [0xAA];
        assert_length(decoder.decode(&[], &[], &mut observables), 1, 0);
        assert_length(decoder.decode(&[0, 0], &[], &mut observables), 1, 2);
        assert_length(decoder.decode(&[0], &[], &mut []), 1, 0);
        assert_length(decoder.decode_events(&[], &[], &mut [0, 0]), 1, 2);
        let error = decoder.decode_events(&[2], &[], &mut observables).expect_err("two detectors");
        assert_eq!(error.status(), Some(Status::Index), "{kind}");
        let wrong = [Override { edge: 2, weight: 0 }];
        let error = decoder.decode(&[1], &wrong, &mut observables).expect_err("two edges");
        assert_eq!(error.status(), Some(Status::Index), "{kind}");
        assert_eq!(observables, [0xAA], "{kind}: untouched on failure");

        decoder.decode(&[1], &[], &mut observables).expect("the decoder stays usable");
        assert_eq!(observables, [1], "{kind}");
    }
}

#[test]
fn odd_parity_is_an_error_of_its_shot() {
    for kind in DecoderKind::OF_SHOTS {
        let mut decoder = decoder(RING, kind);
        let error = decoder.decode(&[1, 0], &[], &mut [0]).expect_err("one event, no boundary");
        assert_eq!(error.status(), Some(Status::OddParity), "{kind}");
        let error = decoder.decode(&[0, 1], &[], &mut [0]).expect_err("detector 8 has no edge at all");
        assert_eq!(error.status(), Some(Status::OddParity), "{kind}");

        let mut shots = Shots::zeroed(9, 4);
        shots.row_mut(1)[0] = 0b110;
        shots.row_mut(2)[0] = 0b001;
        let mut observables = Shots::new(1);
        let mut weights = [0; 4];
        let error =
            decoder.decode_batch(&shots, &mut observables, Some(&mut weights)).expect_err("shot 3 is odd");
        assert_eq!(error.status(), Some(Status::OddParity), "{kind}");
        assert_eq!(error.place(), Some(&Place { shot: Some(3), ..Place::default() }), "{kind}");
        assert_eq!(observables.as_bytes(), [0, 1, 0, 0], "{kind}: rows before the fault are written");
        assert!(error.is_bad_input());
    }
}

#[test]
fn batches_check_widths() {
    let mut decoder = decoder(CHAIN, DecoderKind::Mwpm);
    let shots = Shots::zeroed(2, 3);
    assert_length(decoder.decode_batch(&Shots::new(4), &mut Shots::new(1), None), 2, 4);
    assert_length(decoder.decode_batch(&shots, &mut Shots::new(2), None), 1, 2);
    assert_length(decoder.decode_batch(&shots, &mut Shots::new(1), Some(&mut [0; 2])), 3, 2);
    let appended = Shots::zeroed(3, 3);
    decoder.decode_batch(&appended, &mut Shots::new(1), None).expect("appended observables are allowed");
}

#[test]
fn what_a_decoder_cannot_do_is_an_error() {
    let error = Decoder::new(graph(CHAIN), DecoderKind::MwpmCorrelated).expect_err("no correlations");
    assert_eq!(error.status(), Some(Status::Argument));
    assert_eq!(error.to_string(), "mwpm-correlated needs a graph built with correlations");
    let options = DecoderOptions { kind: DecoderKind::UnionFind, certify: true, ..DecoderOptions::default() };
    let error = Decoder::with_options(graph(CHAIN), &options).expect_err("union-find proves nothing");
    assert_eq!(error.to_string(), "union-find cannot certify");
    if !Isa::Neon.is_available() {
        let options = DecoderOptions { isa: Isa::Neon, ..DecoderOptions::default() };
        let error = Decoder::with_options(graph(CHAIN), &options).expect_err("no such kernels");
        assert_eq!(error.status(), Some(Status::Unsupported));
        assert_eq!(error.to_string(), "this machine or build lacks the instruction set neon");
        let options = GapOptions { isa: Isa::Neon, ..GapOptions::default() };
        let error = Gap::with_options(&graph(CHAIN), &options).expect_err("no such kernels");
        assert_eq!(error.to_string(), "this machine or build lacks the instruction set neon");
        let geometry = Geometry {
            plane: None,
            pitch: [1; 3],
            kind_rule: [0; 3],
            transposed: vec![false],
            sets: vec![0],
            radius: 1,
            slots: vec![vec![Slot::Boundary]],
        };
        let options = TrainingOptions { isa: Isa::Neon, ..TrainingOptions::default() };
        let error = Training::with_options(graph(CHAIN), &model(CHAIN), &geometry, &options)
            .expect_err("no such kernels");
        assert_eq!(error.to_string(), "this machine or build lacks the instruction set neon");
    }
    let mut mwpm = decoder(CHAIN, DecoderKind::Mwpm);
    assert_eq!(mwpm.edges().expect_err("no shot yet").status(), Some(Status::Argument));
    assert_eq!(mwpm.pairs().expect_err("no shot yet").status(), Some(Status::Argument));
    mwpm.decode(&[0], &[], &mut [0]).expect("no events");
    assert_eq!(mwpm.certificate().expect_err("not asked for").status(), Some(Status::Argument));
    let mut union_find = decoder(CHAIN, DecoderKind::UnionFind);
    union_find.decode(&[0], &[], &mut [0]).expect("no events");
    assert_eq!(union_find.pairs().expect_err("union-find has none").status(), Some(Status::Unsupported));
}

#[test]
fn samplers_check_widths_and_shot_numbers() {
    let mut sampler = Sampler::new(&model(CHAIN), 1).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    assert_length(sampler.sample(0, 1, &mut Shots::new(9), &mut observables), 2, 9);
    assert_length(sampler.sample(0, 1, &mut detectors, &mut Shots::new(0)), 1, 0);
    let mut errors = Shots::new(3);
    assert_length(sampler.sample_with_errors(0, 1, &mut detectors, &mut observables, &mut errors), 2, 3);
    let error = sampler.sample(u64::MAX, 2, &mut detectors, &mut observables).expect_err("numbers overflow");
    assert_eq!(error.status(), Some(Status::Argument));
}

#[test]
fn broken_shots_name_file_and_shot() {
    let cases: [(Format, &[u8], Status, u64); 6] = [
        (Format::B8, b"\x01\x01\x02", Status::Truncated, 2),
        (Format::Text01, b"010101010\n01010101\n", Status::Format, 2),
        (Format::Text01, b"010101010\n01x101010\n", Status::Format, 2),
        (Format::Hits, b"0,8\n9\n", Status::Index, 2),
        (Format::Dets, b"shot D0\nshot D9\n", Status::Index, 2),
        (Format::Ptb64, b"abc", Status::Truncated, 1),
    ];
    for (format, bytes, status, shot) in cases {
        let reader = ShotReader::new(bytes, format, Layout::detectors(9)).expect("a valid layout");
        let mut reader = reader.named("shots.bin");
        let mut batch = reader.batch();
        let error = reader.read(&mut batch, 100).expect_err("the bytes are broken");
        assert_eq!(error.status(), Some(status), "{format}: {error}");
        assert_eq!(error.place().and_then(|place| place.shot), Some(shot), "{format}: {error}");
        assert!(error.to_string().starts_with("shots.bin: shot "), "{format}: {error}");
        assert_eq!(batch.len() as u64, shot - 1, "{format}: good rows stay");
        assert_eq!(reader.read(&mut batch, 100).expect("the end"), 0, "{format}: nothing after a fault");
    }
}

#[test]
fn rows_packed_in_another_bit_order_are_refused() {
    let little = [0b11];
    let big = [0b1100_0000];
    let refused = |error: Error| {
        assert_eq!(error.status(), Some(Status::Format));
        assert!(error.to_string().contains("the row's 2 are set in its last byte, 0xC0"), "{error}");
    };
    let mut decoder = Decoder::new(graph(CHAIN), DecoderKind::Mwpm).expect("a plain graph");
    decoder.decode(&little, &[], &mut [0]).expect("two events");
    refused(decoder.decode(&big, &[], &mut [0]).expect_err("two bits past the detectors"));
    let both_ends = format!("{CHAIN}error(0.1) D1\n");
    let mut gap = Gap::new(&graph(&both_ends)).expect("one observable");
    gap.decode(&little, &[]).expect("two events");
    refused(gap.decode(&big, &[]).expect_err("two bits past the detectors"));
}

#[test]
fn readers_and_writers_check_widths() {
    let mut reader = ShotReader::new(&b"01\n"[..], Format::Text01, Layout::detectors(2)).expect("valid");
    assert_length(reader.read(&mut Shots::new(3), 1), 2, 3);
    let mut writer = ShotWriter::new(Vec::new(), Format::B8, Layout::detectors(2)).expect("valid");
    assert_length(writer.write(&Shots::new(10)), 2, 10);
    assert_length(Shots::new(9).push(&[0]), 2, 1);
    assert_length(Shots::new(9).beside(&Shots::zeroed(1, 1)), 0, 1);
    assert_length(Shots::new(9).columns(5..10), 9, 10);

    let huge = Layout { measurements: usize::MAX, detectors: usize::MAX, observables: 1 };
    for format in Format::ALL {
        let error = ShotReader::new(&b""[..], format, huge).expect_err("too many bits");
        assert_eq!(error.status(), Some(Status::Limit), "{format}");
        let error = ShotWriter::new(Vec::new(), format, huge).expect_err("too many bits");
        assert_eq!(error.status(), Some(Status::Limit), "{format}");
    }
    let error = ShotReader::new(&b""[..], Format::B8, Layout::default()).expect_err("endless shots");
    assert_eq!(error.status(), Some(Status::Argument));
    assert_eq!(error.to_string(), "in the format b8 shots of no bits take no bytes");
}

#[test]
fn a_partial_ptb64_block_is_an_error() {
    let mut writer = ShotWriter::new(Vec::new(), Format::Ptb64, Layout::detectors(2)).expect("valid");
    writer.write(&Shots::zeroed(2, 65)).expect("memory does not fail");
    assert_eq!(writer.finish().expect_err("65 shots").status(), Some(Status::Truncated));
}

#[test]
fn a_full_disk_is_not_the_callers_fault() {
    struct FullDisk;
    impl Write for FullDisk {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer =
        ShotWriter::new(FullDisk, Format::B8, Layout::detectors(2)).expect("valid").named("out.b8");
    let error = writer.write(&Shots::zeroed(2, 1)).expect_err("the disk is full");
    assert!(error.to_string().starts_with("out.b8: cannot write"), "{error}");
    assert!(!error.is_bad_input());
}

#[test]
fn surface_codes_name_the_wrong_option() {
    let quiet = Circuit::Stim(StimNoise::default());
    let not_a_number = StimNoise { after_reset_flip_probability: f64::NAN, ..StimNoise::default() };
    let above_one = PaperNoise { cnot: [0.1; 15], ..PaperNoise::default() };
    for builder in [
        SurfaceCode::memory(1, 3).circuit(quiet),
        SurfaceCode::memory(u32::MAX, 3).circuit(quiet),
        SurfaceCode::memory(3, 0).circuit(quiet),
        SurfaceCode::memory(3, u32::MAX).circuit(quiet),
        SurfaceCode::memory(3, 3).circuit(Circuit::Stim(not_a_number)),
        SurfaceCode::memory(3, 3).circuit(Circuit::Paper(above_one)),
    ] {
        let error = builder.build().expect_err("a wrong option");
        assert!(error.is_bad_input() && !error.to_string().is_empty(), "{error}");
    }
}

#[test]
fn unknown_names_list_the_known_ones() {
    let error = "mwpm2".parse::<DecoderKind>().expect_err("no such kind");
    assert_eq!(
        error.to_string(),
        "unknown decoder 'mwpm2', expected one of mwpm, mwpm-correlated, union-find, likelihood"
    );
    for kind in DecoderKind::OF_SHOTS {
        assert_eq!(kind.to_string().parse::<DecoderKind>().expect("its own name"), kind);
    }
    for format in Format::ALL {
        assert_eq!(format.to_string().parse::<Format>().expect("its own name"), format);
    }
    for isa in Isa::ALL {
        assert_eq!(isa.to_string().parse::<Isa>().expect("its own name"), isa);
    }
    assert!("".parse::<Isa>().is_err() && "B8".parse::<Format>().is_err());
}

fn model(text: &str) -> DetectorErrorModel {
    DetectorErrorModel::parse(text).expect("valid text")
}

fn graph(text: &str) -> Arc<MatchingGraph> {
    Arc::new(MatchingGraph::new(&model(text), &GraphOptions::default()).expect("a matchable model"))
}

fn decoder(text: &str, kind: DecoderKind) -> Decoder {
    Decoder::from_model(&model(text), kind).expect("a matchable model")
}

fn assert_length<T: std::fmt::Debug>(result: Result<T, Error>, wanted: u64, given: u64) {
    match result.expect_err("the length is wrong") {
        Error::Length { expected, found, .. } => assert_eq!((expected, found), (wanted, given)),
        other => panic!("not a length: {other}"),
    }
}
