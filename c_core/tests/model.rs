//! Detector error models: what the parser accepts, where it says an error is, folded counts, the flat walk, and text.

use outrider_sys::*;

use crate::support::model::{Flat, Model, ParseError};
use crate::support::random::Random;

/// `error(p) targets` as the walk yields it.
fn error(p: f64, targets: &[u64]) -> Flat {
    Flat { kind: otr_instruction_kind::OTR_INSTRUCTION_ERROR, arguments: vec![p], targets: targets.to_vec() }
}

/// Observable `index` as a target.
fn l(index: u64) -> u64 {
    OTR_TARGET_OBSERVABLE as u64 | index
}

const SEPARATOR: u64 = OTR_TARGET_SEPARATOR as u64;

/// Text that is accepted, and the text the model is written as.
const ACCEPTED: &[(&str, &str)] = &[
    ("", ""),
    ("\n \t\r\n# only a comment", ""),
    ("error(0.1) D0", "error(0.1) D0\n"),
    ("error(0.1)\tD0\t D1", "error(0.1) D0 D1\n"),
    ("  ERROR( 0.1\t)   d0 l1  ", "error(0.1) D0 L1\n"),
    ("error(0.1) D0# comment", "error(0.1) D0\n"),
    ("error(0.1)#", "error(0.1)\n"),
    ("error(0.1)", "error(0.1)\n"),
    ("error() D0", "error(0) D0\n"),
    ("error(-0) D0", "error(-0) D0\n"),
    ("error(1) D0 D0", "error(1) D0 D0\n"),
    (
        "error(1e-3) D0\nerror(+.25) D1\r\nerror(2.5E-01) D2\r",
        "error(0.001) D0\nerror(0.25) D1\nerror(0.25) D2\n",
    ),
    ("error(1e-400) D00", "error(0) D0\n"),
    ("error(0.1) D0 L0 ^ L0 ^ D1 D007", "error(0.1) D0 L0 ^ L0 ^ D1 D7\n"),
    ("error(0.1) D1152921504606846975", "error(0.1) D1152921504606846975\n"),
    ("error[](0.1) D0", "error(0.1) D0\n"),
    ("error[a#b[{é](0.1) D0", "error[a#b[{é](0.1) D0\n"),
    ("detector[\\C\\r\\n\\B] D0", "detector[\\C\\r\\n\\B] D0\n"),
    ("detector() D0", "detector(0) D0\n"),
    ("detector(1 ,\t-2.5e10,) D0 D3", "detector(1, -25000000000, 0) D0 D3\n"),
    (
        "detector(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16) D0",
        "detector(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16) D0\n",
    ),
    ("logical_observable[t] L0 L5", "logical_observable[t] L0 L5\n"),
    ("shift_detectors 0\nShift_Detectors(1, 0.5) 7", "shift_detectors 0\nshift_detectors(1, 0.5) 7\n"),
    ("repeat 0 {}", "repeat 0 {\n}\n"),
    ("repeat 2 {error(0.1) D0\n} error(0.2) D1", "repeat 2 {\n    error(0.1) D0\n}\nerror(0.2) D1\n"),
    (
        "REPEAT[a]\t3{ # }\n repeat 4 \r {} repeat 05 {\n\n}}",
        "repeat[a] 3 {\n    repeat 4 {\n    }\n    repeat 5 {\n    }\n}\n",
    ),
];

#[test]
fn accepted_text_round_trips() {
    for &(text, canonical) in ACCEPTED {
        let model = Model::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
        assert_eq!(model.text(), canonical, "{text:?}");
        assert_eq!(Model::parse(canonical.as_bytes()).expect(canonical).text(), canonical);
    }
}

const PARSE: otr_status = otr_status::OTR_ERR_PARSE;
const PROBABILITY: otr_status = otr_status::OTR_ERR_PROBABILITY;
const LIMIT: otr_status = otr_status::OTR_ERR_LIMIT;

/// Text that is refused, with status, line and column.
const REFUSED: &[(&str, otr_status, u64, u32)] = &[
    ("error(0.1)D0", PARSE, 1, 11),
    ("error (0.1) D0", PARSE, 1, 6),
    ("error(0.1) D0D1", PARSE, 1, 14),
    ("error(0.1) D0^D1", PARSE, 1, 14),
    ("error(0.1) ^ D1", PARSE, 1, 12),
    ("error(0.1) D1 ^", PARSE, 1, 16),
    ("error(0.1) D0 ^ ^ D1", PARSE, 1, 17),
    ("error D0", PARSE, 1, 6),
    ("error(0.1,0.2) D0", PARSE, 1, 6),
    ("\n error(1.1) D0", PROBABILITY, 2, 8),
    ("error(1.0000000000000003) D0", PROBABILITY, 1, 7),
    ("error(-0.1) D0", PROBABILITY, 1, 7),
    ("error(nan) D0", PROBABILITY, 1, 7),
    ("error(-inf) D0", PROBABILITY, 1, 7),
    ("error(1e) D0", PROBABILITY, 1, 7),
    ("error(0x1p-3) D0", PROBABILITY, 1, 7),
    ("error(0,1) D0", PARSE, 1, 6),
    ("error(1e999999999999) D0", PROBABILITY, 1, 7),
    ("error(0.1 D0", PARSE, 1, 11),
    ("error(0.1", PARSE, 1, 10),
    ("error(", PARSE, 1, 7),
    ("error(0.1)) D0", PARSE, 1, 11),
    ("error(0.1) D-1", PARSE, 1, 13),
    ("error(0.1) D", PARSE, 1, 13),
    ("error(0.1) D 1", PARSE, 1, 13),
    ("error(0.1) 5", PARSE, 1, 12),
    ("error(0.1) D0 é", PARSE, 1, 15),
    ("error(0.1) D1152921504606846976", LIMIT, 1, 13),
    ("error(0.1) L99999999999999999999999", LIMIT, 1, 13),
    ("error(0.1) D0 {", PARSE, 1, 15),
    ("error(0.1) D0\u{b}", PARSE, 1, 14),
    ("error(0.1) D0\rerror(0.1) D1", PARSE, 1, 15),
    ("error[a\nb](0.1) D0", PARSE, 1, 8),
    ("error[a\rb](0.1) D0", PARSE, 1, 8),
    ("error[a", PARSE, 1, 8),
    ("error[a\\", PARSE, 1, 8),
    ("error[a\\x](0.1) D0", PARSE, 1, 8),
    ("error[a] (0.1) D0", PARSE, 1, 9),
    ("error[a][b](0.1) D0", PARSE, 1, 9),
    ("error(0.1) D0\0", PARSE, 1, 14),
    ("error(0.1) D0\n# a\0\nfoo", PARSE, 2, 4),
    ("detector", PARSE, 1, 9),
    ("detector L0", PARSE, 1, 10),
    ("detector D0 ^ D1", PARSE, 1, 13),
    ("detector(1 2) D0", PARSE, 1, 12),
    ("detector(1e400) D0", PARSE, 1, 10),
    ("detector(nan) D0", PARSE, 1, 10),
    ("detector(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17) D0", LIMIT, 1, 49),
    ("logical_observable", PARSE, 1, 19),
    ("logical_observable() L0", PARSE, 1, 19),
    ("logical_observable D0", PARSE, 1, 20),
    ("shift_detectors", PARSE, 1, 16),
    ("shift_detectors(1)", PARSE, 1, 19),
    ("shift_detectors 1 2", PARSE, 1, 19),
    ("shift_detectors D1", PARSE, 1, 17),
    ("shift_detectors 1.5", PARSE, 1, 18),
    ("shift_detectors -1", PARSE, 1, 17),
    ("error(0.1) D0\r\n  foo D0", PARSE, 2, 3),
    ("detectorD0", PARSE, 1, 1),
    ("\u{feff}error(0.1) D0", PARSE, 1, 1),
    ("^", PARSE, 1, 1),
    ("}", PARSE, 1, 1),
    ("{", PARSE, 1, 1),
    ("repeat 2", PARSE, 1, 9),
    ("repeat {}", PARSE, 1, 8),
    ("repeat{}", PARSE, 1, 7),
    ("repeat 2 3 {}", PARSE, 1, 10),
    ("repeat(1) 2 {}", PARSE, 1, 7),
    ("repeat 2\n{}", PARSE, 1, 9),
    ("repeat 2 {{}", PARSE, 1, 11),
    ("repeat 2 {}}", PARSE, 1, 12),
    ("repeat 2 {\nerror(0.1) D0 }", PARSE, 2, 15),
    ("error(0.1) D0\n repeat 2 {\nerror(0.1) D0\n", PARSE, 2, 11),
    ("repeat 1152921504606846976 {}", LIMIT, 1, 8),
];

#[test]
fn refused_text_names_its_place() {
    for &(text, status, line, column) in REFUSED {
        let Err(ParseError { status: found, line: at_line, column: at_column, message }) =
            Model::parse(text.as_bytes())
        else {
            panic!("accepted {text:?}");
        };
        assert_eq!((found, at_line, at_column), (status, line, column), "{text:?}: {message}");
        assert!(!message.is_empty() && !message.contains('\n'), "{text:?}: {message:?}");
    }
}

/// Every prefix of a valid model either parses or fails with a place inside the text.
#[test]
fn truncated_text_never_crashes() {
    let text =
        "repeat 3 {\n error[t\\B](0.125) D0 D1 ^ L2\n detector(1, 2) D0\n shift_detectors(0, 1) 2\n}\n";
    for end in 0..=text.len() {
        if let Err(e) = Model::parse(&text.as_bytes()[..end]) {
            assert!((1..=5).contains(&e.line) && (1..=50).contains(&e.column), "{end}: {e:?}");
        }
    }
}

/// Detectors, observables and errors of the flattened model.
#[test]
fn counts_are_folded() {
    let cases: &[(&str, (u64, u64, u64))] = &[
        ("", (0, 0, 0)),
        ("shift_detectors 5", (0, 0, 0)),
        ("shift_detectors 5\ndetector D0", (6, 0, 0)),
        ("error(0.1) D3 L2 ^ D1\nlogical_observable L7", (4, 8, 1)),
        (
            "repeat 1000000000000000 {\nerror(0.1) D0 D1\nshift_detectors 1\n}",
            (1_000_000_000_000_001, 0, 1_000_000_000_000_000),
        ),
        (
            "repeat 1000000000000000 {\nshift_detectors(1) 1\ndetector D2\n}\nerror(0.1) D0",
            (1_000_000_000_000_003, 0, 1),
        ),
        (
            "repeat 3 {\nrepeat 4 {\nerror(0.1) D1\nshift_detectors 2\n}\nerror(0.1) D9\nshift_detectors 1\n}\nerror(0.5)",
            (36, 0, 16),
        ),
        // Stim counts the observables, and nothing else, of iterations that never happen.
        ("repeat 0 {\nerror(0.1) D5 L3\nshift_detectors 4\n}\nerror(0.1) D0", (1, 4, 1)),
        ("repeat 1152921504606846975 {\nrepeat 1152921504606846975 {\nerror(0.1) D0\n}\n}", (1, 0, u64::MAX)),
    ];
    for &(text, counts) in cases {
        let model = Model::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
        assert_eq!(model.counts(), counts, "{text:?}");
    }
}

#[test]
fn indices_past_the_limit_name_the_line_that_pushes_them() {
    let cases: &[(&str, u64)] = &[
        ("shift_detectors 1152921504606846975\n\nshift_detectors 1152921504606846975", 3),
        ("shift_detectors 1152921504606846975\nerror(0.1) D0\nerror(0.1) D1", 3),
        ("\nrepeat 1000000000000000 {\nerror(0.1) D0\nshift_detectors 1000000000000000\n}", 2),
        ("repeat 1000000000 {\n repeat 1000000000 {\n  detector D0\n  shift_detectors 2\n }\n}", 1),
        ("repeat 1000000000 {\n repeat 1000000000000 {\n  shift_detectors 20000000\n }\n}", 2),
    ];
    for &(text, line) in cases {
        let e = Model::parse(text.as_bytes()).err().unwrap_or_else(|| panic!("accepted {text:?}"));
        assert_eq!((e.status, e.line), (LIMIT, line), "{text:?}: {e:?}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| format!("{}{}", "repeat 2 {\n".repeat(depth), "}".repeat(depth));
    let deepest = OTR_MODEL_REPEAT_DEPTH_MAX as usize;
    assert!(Model::parse(nested(deepest).as_bytes()).is_ok());
    let e = Model::parse(nested(deepest + 1).as_bytes()).expect_err("too deep");
    assert_eq!((e.status, e.line, e.column), (LIMIT, 65, 10));
}

#[test]
fn the_walk_shifts_detectors_and_coordinates() {
    let text = "error(0.5) D0 ^ L1\nshift_detectors(1, 2) 10\nrepeat 2 {\n  repeat 2 {\n    error(0.25) D0 L0\n    \
                shift_detectors(0, 0, 5) 1\n  }\n  detector(1, 1) D0\n  shift_detectors(100) 1\n}\nlogical_observable L9\n\
                detector(0, 0, 0, 7) D0\ndetector D1";
    let flat = Model::parse(text.as_bytes()).expect(text).walk();
    let declared = |kind, arguments: &[f64], targets: &[u64]| Flat {
        kind,
        arguments: arguments.to_vec(),
        targets: targets.to_vec(),
    };
    let detector = otr_instruction_kind::OTR_INSTRUCTION_DETECTOR;
    assert_eq!(
        flat,
        [
            error(0.5, &[0, SEPARATOR, l(1)]),
            error(0.25, &[10, l(0)]),
            error(0.25, &[11, l(0)]),
            declared(detector, &[2.0, 3.0], &[12]),
            error(0.25, &[13, l(0)]),
            error(0.25, &[14, l(0)]),
            declared(detector, &[102.0, 3.0], &[15]),
            declared(otr_instruction_kind::OTR_INSTRUCTION_OBSERVABLE, &[], &[l(9)]),
            declared(detector, &[201.0, 2.0, 20.0, 7.0], &[16]),
            declared(detector, &[], &[17]),
        ]
    );
}

/// Iterations that yield nothing take no time, however many there are.
#[test]
fn the_walk_passes_empty_repeats_in_one_step() {
    let text = "repeat 1000000000000000 {\nrepeat 1000 {\nshift_detectors(1, 0) 1\n}\n}\nrepeat 0 {\nerror(0.1) D0\n}\n\
                detector(1, 1) D0";
    let flat = Model::parse(text.as_bytes()).expect(text).walk();
    assert_eq!(flat.len(), 1);
    assert_eq!(
        (flat[0].targets[0], &flat[0].arguments[..]),
        (1_000_000_000_000_000_000, &[1e18 + 1.0, 1.0][..])
    );
}

#[test]
fn text_is_cut_like_snprintf_cuts() {
    let model = Model::parse(b"error(0.1) D0").expect("valid");
    let mut buffer = [b'x' as std::ffi::c_char; 8];
    // SAFETY: the model is alive, the buffer has the given size.
    let needed = unsafe { otr_model_text(model.raw(), buffer.as_mut_ptr(), 6) };
    assert_eq!(needed, 14);
    assert_eq!(buffer.map(|c| c as u8), *b"error\0xx");
}

/// Probabilities and coordinates survive, at most 17 digits, none wasted.
#[test]
fn numbers_are_read_and_written_exactly() {
    let mut random = Random(7);
    for round in 0..50_000 {
        let bits = random.word();
        let value = match round % 4 {
            0 => f64::from_bits(bits),
            1 => (bits >> 11) as f64 * 2f64.powi(-53 - (bits % 30) as i32),
            2 => 2f64.powi((bits % 2046) as i32 - 1022),
            _ => (bits % 100_000) as f64 / 1000.0,
        };
        if !value.is_finite() {
            continue;
        }
        // Rust's own formatting is correctly rounded, and its `{:e}` is the shortest that reads back.
        let digits = [16, 17, 18, 19, 21, 40][random.below(6)];
        let text = if round % 5 == 0 {
            format!("detector({value}) D0")
        } else {
            format!("detector({value:.digits$e}) D0")
        };
        let expected: f64 = if digits >= 17 || round % 5 == 0 {
            value
        } else {
            format!("{value:.digits$e}").parse().expect("number")
        };
        if !expected.is_finite() {
            continue;
        }
        let written = Model::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e:?}")).text();
        let written =
            written.strip_prefix("detector(").and_then(|w| w.strip_suffix(") D0\n")).expect("one detector");
        assert_eq!(written.parse::<f64>().expect("number").to_bits(), expected.to_bits(), "{text}");
        let significant = |text: &str| {
            let mantissa = text.split('e').next().unwrap_or("").trim_start_matches('-');
            mantissa.chars().filter(char::is_ascii_digit).collect::<String>().trim_matches('0').len()
        };
        assert_eq!(significant(written), significant(&format!("{expected:e}")), "{written}");
    }
}

/// The walk of a folded model is Stim's flattening of it.
#[test]
fn the_walk_agrees_with_stims_flattening() {
    for (folded, flat) in [
        (include_str!("golden/model/nested.dem"), include_str!("golden/model/nested.flat.dem")),
        (include_str!("golden/model/negative.dem"), include_str!("golden/model/negative.flat.dem")),
        (include_str!("golden/model/surface_x_d3.dem"), include_str!("golden/model/surface_x_d3.flat.dem")),
        (include_str!("golden/model/surface_z_d4.dem"), include_str!("golden/model/surface_z_d4.flat.dem")),
        (include_str!("golden/model/repetition_d5.dem"), include_str!("golden/model/repetition_d5.flat.dem")),
    ] {
        let folded = Model::parse(folded.as_bytes()).expect("golden");
        let flat = Model::parse(flat.as_bytes()).expect("golden");
        assert!(folded.walk() == flat.walk());
        assert_eq!(folded.counts(), flat.counts());
        let again = Model::parse(folded.text().as_bytes()).expect("own text");
        assert_eq!(again.text(), folded.text());
        assert!(again.walk() == flat.walk());
    }
}

#[test]
fn the_folded_view_keeps_lines_tags_and_bodies() {
    let text = "\nrepeat[r] 7 {\n  error[t\\C](0.5) D1\n  repeat 2 {\n    shift_detectors(1, 2) 3\n  }\n}\ndetector D0";
    let model = Model::parse(text.as_bytes()).expect(text);
    let view = |index| {
        // SAFETY: C's struct of integers and pointers may be zero.
        let mut view: otr_instruction = unsafe { std::mem::zeroed() };
        // SAFETY: the model is alive.
        let status = unsafe { otr_model_instruction(model.raw(), index, &mut view) };
        let mut tag = Vec::new();
        if view.tag_bytes > 0 {
            // SAFETY: the tag has that many bytes and lives as long as the model.
            tag = unsafe { std::slice::from_raw_parts(view.tag.cast::<u8>(), view.tag_bytes as usize) }
                .to_vec();
        }
        (status, view.line, view.repeat_count, view.body_count, view.argument_count, tag)
    };
    let ok = otr_status::OTR_OK;
    // SAFETY: the model is alive.
    assert_eq!(unsafe { otr_model_instruction_count(model.raw()) }, 5);
    assert_eq!(view(0), (ok, 2, 7, 3, 0, b"r".to_vec()));
    assert_eq!(view(1), (ok, 3, 0, 0, 1, b"t]".to_vec()));
    assert_eq!(view(2), (ok, 4, 2, 1, 0, vec![]));
    assert_eq!(view(3), (ok, 5, 3, 0, 2, vec![]));
    assert_eq!(view(4), (ok, 8, 0, 0, 0, vec![]));
    assert_eq!(view(5).0, otr_status::OTR_ERR_INDEX);
}
