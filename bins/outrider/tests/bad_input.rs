//! Bad input and wrong command lines: one line that names the place, exit code 2, nothing left behind.

mod support;

use std::fs;

use support::*;

/// A small model with a boundary: 3 detectors, 1 observable.
const MODEL: &str = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2\n";

#[test]
fn models_are_refused_with_line_and_column() {
    let deep = "repeat 2 {\n".repeat(65);
    let cases: [(&[u8], &[&str]); 16] = [
        (b"error(0.1) D0\nerror(nan) D1\n", &["m.dem:2:"]),
        (b"error(-0.1) D0\n", &["m.dem:1:"]),
        (b"error(1.5) D0\n", &["m.dem:1:"]),
        (b"error(0.1) D0\n\n  error(0.1) Q3\n", &["m.dem:3:14:"]),
        (b"error(0.1 D0\n", &["m.dem:1:"]),
        (b"eror(0.1) D0\n", &["m.dem:1:1:"]),
        (b"repeat 3 {\nerror(0.1) D0\n", &["m.dem:"]),
        (b"error(0.1) D0\n}\n", &["m.dem:2:1:"]),
        (b"repeat x {\n}\n", &["m.dem:1:"]),
        (b"error(0.1) D99999999999999999999\n", &["m.dem:1:"]),
        (b"error(0.1) D0\xff\n", &["m.dem:1:14:"]),
        (b"error(0.1) D0\0\n", &["m.dem:1:14:"]),
        (b"error(0.1) D1000000000000000\n", &["m.dem"]),
        (b"repeat 1000000000000000 {\nerror(0.1) D0 D1\nshift_detectors 1\n}\n", &["m.dem"]),
        (b"repeat 1000000000000000 {\nerror(0.1) D0\n}\n", &["m.dem"]),
        (deep.as_bytes(), &["m.dem:65:"]),
    ];
    for (text, fragments) in cases {
        let folder = folder();
        put(folder.path(), "m.dem", text);
        for command in ["decode", "predict", "count_mistakes", "sample --shots 10", "ler", "bench"] {
            let run = outrider(folder.path(), words(command).into_iter().chain(["--dem", "m.dem"]));
            run.refused(2, fragments);
        }
        assert_eq!(names(folder.path()), ["m.dem"]);
    }
}

#[test]
fn shots_are_refused_with_their_number() {
    let cases: [(&str, &[u8], &[&str]); 18] = [
        ("01", b"000\n01\n", &["shot 2"]),
        ("01", b"000\n0101\n", &["shot 2"]),
        ("01", b"000\n0x0\n", &["shot 2", "column 2"]),
        ("01", b"000\n01", &["shot 2"]),
        ("hits", b"0,1\n3\n", &["shot 2"]),
        ("hits", b"0,1\n1,2", &["shot 2", "line feed"]),
        ("hits", b"0,1\n1,", &["shot 2"]),
        ("dets", b"shot D0\nshot D1", &["shot 2", "line feed"]),
        ("b8", b"\x05\xA0", &["shot 2", "bitorder='little'"]),
        ("b8", b"\x08", &["shot 1", "another width"]),
        ("hits", b"0,,1\n", &["shot 1"]),
        ("hits", b"99999999999999999999999\n", &["shot 1"]),
        ("dets", b"shot D0\nshot D3\n", &["shot 2"]),
        ("dets", b"shot L0\n", &["shot 1"]),
        ("dets", b"shop D0\n", &["shot 1"]),
        ("r8", b"\x03\x05", &["shot 2"]),
        ("r8", b"\x03\x01", &["shot 2"]),
        ("ptb64", &[0; 23], &["shot 1"]),
    ];
    let folder = folder();
    put(folder.path(), "m.dem", MODEL);
    for (format, bytes, fragments) in cases {
        put(folder.path(), "shots", bytes);
        let line =
            format!("decode --dem m.dem --in shots --in-format {format} --out p --weights-out w --stats s");
        let run = outrider(folder.path(), words(&line));
        run.refused(2, &[&["shots"], fragments].concat());
        assert_eq!(names(folder.path()), ["m.dem", "shots"], "{format}");
        let piped = outrider_with_input(folder.path(), words(&line.replace("--in shots", "--in -")), bytes);
        piped.refused(2, &[&["standard input"], fragments].concat());
    }
}

#[test]
fn shots_of_no_bits_are_refused_where_they_cannot_be_counted() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) L0\n");
    for format in ["b8", "r8", "ptb64"] {
        let line = format!("decode --dem m.dem --in-format {format}");
        outrider(folder.path(), words(&line)).refused(2, &["standard input: shots of 0 bits", format]);
    }
    let run = outrider_with_input(folder.path(), words("decode --dem m.dem --in-format 01"), b"\n\n");
    assert_eq!(run.text(), "0\n0\n");
    put(folder.path(), "m.dem", "error(0.1) D0\n");
    let line = "decode --dem m.dem --in-format 01 --out-format b8";
    outrider(folder.path(), words(line)).refused(2, &["standard output: shots of 0 bits"]);
}

#[test]
fn truncated_packed_shots_are_refused() {
    let folder = folder();
    let dets = fs::read(golden("dets.b8")).unwrap();
    put(folder.path(), "dets.b8", &dets[..dets.len() - 1]);
    put(folder.path(), "old", "kept");
    let dem = golden("model.dem");
    let run = outrider(folder.path(), ["decode", "--dem", &dem, "--in", "dets.b8", "--out", "old"]);
    run.refused(2, &["dets.b8: shot 2000: "]);
    assert_eq!(get_text(folder.path(), "old"), "kept");
    let run = outrider(folder.path(), ["predict", "--dem", &dem, "--in", "dets.b8", "--out", "new"]);
    run.refused(2, &["dets.b8: shot 2000: "]);
    assert_eq!(names(folder.path()), ["dets.b8", "old"]);
}

#[test]
fn observables_that_end_early_are_refused() {
    let folder = folder();
    let obs = fs::read(golden("obs.b8")).unwrap();
    put(folder.path(), "obs.b8", &obs[..1500]);
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    let line = "count_mistakes --in_format b8 --obs_in obs.b8 --obs_in_format b8";
    let run = outrider(folder.path(), words(line).into_iter().chain(["--dem", &dem, "--in", &dets]));
    run.refused(2, &["obs.b8", "1500"]);
}

#[test]
fn whole_multiples_of_64_are_wanted_for_ptb64() {
    let folder = folder();
    put(folder.path(), "m.dem", MODEL);
    let line = "sample --dem m.dem --shots 63 --out s --out-format ptb64";
    outrider(folder.path(), words(line)).refused(2, &["s: ", "64"]);
    assert_eq!(names(folder.path()), ["m.dem"]);
}

#[test]
fn missing_files_are_the_users_mistake() {
    let folder = folder();
    put(folder.path(), "m.dem", MODEL);
    for (line, place) in [
        ("decode --dem none.dem", "none.dem: "),
        ("decode --dem .", ".: "),
        ("decode --dem m.dem --in none.b8 --out p", "none.b8: "),
        ("decode --dem m.dem --out none/p", "none/p: "),
        ("decode --dem m.dem --out .", ".: "),
        ("predict --dem none.dem", "none.dem: "),
        ("count_mistakes --dem m.dem --obs_in none.01", "none.01: "),
        ("sample --dem none.dem --shots 1", "none.dem: "),
        ("gen --distance 3 --circuit paper --noise-file none.json", "none.json: "),
        ("ler --dem m.dem --stim none.stim", "none.stim: "),
        ("bench --dem m.dem --in none.b8", "none.b8: "),
        ("ler --dem m.dem --out none/s.csv", "none/s.csv: "),
        ("ler --dem m.dem --out .", ".: "),
        ("man none/folder", "none/folder"),
    ] {
        outrider(folder.path(), words(line)).refused(2, &[place]);
    }
    assert_eq!(names(folder.path()), ["m.dem"]);
}

#[test]
fn command_lines_are_checked() {
    let folder = folder();
    put(folder.path(), "m.dem", MODEL);
    for (line, fragment) in [
        ("", "subcommand"),
        ("decod --dem m.dem", "decod"),
        ("decode", "--dem"),
        ("decode --dem m.dem --bogus", "--bogus"),
        ("decode --dem m.dem --decoder best", "best"),
        ("decode --dem m.dem --in-format b9", "b9"),
        if cfg!(target_arch = "aarch64") {
            ("decode --dem m.dem --isa avx2", "avx2")
        } else {
            ("decode --dem m.dem --isa neon", "neon")
        },
        ("decode --dem m.dem --threads 0", "0"),
        ("decode --dem m.dem --threads 100000", "--threads"),
        ("decode --dem m.dem --decoder union-find --certify", "--certify"),
        ("decode --dem -", "standard input"),
        ("decode --dem m.dem --out x --weights-out x", "--weights-out"),
        ("decode --dem m.dem --out x --stats ./x", "--stats"),
        ("decode --dem m.dem --weights-out -", "--weights-out"),
        ("predict --dem m.dem --informat b8", "--informat"),
        ("sample --dem m.dem", "--shots"),
        ("sample --dem m.dem --shots -1", "-1"),
        ("sample --dem m.dem --shots 1e9", "1e9"),
        ("gen", "--distance"),
        ("gen --distance 1", "1"),
        ("gen --distance 3 --size 3x3", "--size"),
        ("gen --size 3", "WIDTHxHEIGHT"),
        ("gen --distance 3 --rounds 0", "round"),
        ("gen --distance 3 --rounds 1 --circuit paper", "round"),
        ("gen --distance 100000", "100000"),
        ("gen --distance 127 --rounds 100000000 --dem-out x", "limit"),
        ("bench --distance 127 --rounds 100000000 --p 0.01", "limit"),
        ("ler --distance 127 --rounds 100000000 --p 0.01", "limit"),
        ("gen --distance 127 --rounds 1000000000000 --dem-out x", "rounds"),
        ("gen --distance 3 --p 1.5", "1.5"),
        ("gen --distance 3 --p nan", "nan"),
        ("gen --distance 3 --noise-file n.json", "--noise-file"),
        ("gen --distance 3 --circuit paper --after-reset-flip-probability 0.1", "--circuit stim"),
        ("ler", "--dem"),
        ("ler --distance 3", "--p"),
        ("ler --distance 3 --p 0.01 --dem m.dem", "--dem"),
        ("ler --stim c.stim", "--dem"),
        ("bench", "--dem"),
        ("bench --dem m.dem --rounds 0", "--rounds"),
        ("bench --dem m.dem --shots 0", "no shots"),
        ("completions dos", "dos"),
    ] {
        outrider(folder.path(), words(line)).refused(2, &[fragment]);
    }
    assert_eq!(names(folder.path()), ["m.dem"]);
}

#[test]
fn noise_files_are_checked() {
    let folder = folder();
    for (text, fragment) in [
        ("{", "n.json:1:1: "),
        ("{\"p\": 2}", "n.json: p is 2"),
        ("{\"p\": 0.1, \"q\": 0.1}", "n.json: q is not a noise parameter"),
        ("{\"p_prep_X\": 0.1}", "n.json: p_prep_Z is missing"),
        ("[1]", "n.json:1:"),
    ] {
        put(folder.path(), "n.json", text);
        let line = "gen --distance 3 --circuit paper --noise-file n.json --out c.stim --dem-out m.dem";
        outrider(folder.path(), words(line)).refused(2, &[fragment]);
        assert_eq!(names(folder.path()), ["n.json"]);
    }
}

#[test]
fn statistics_files_and_circuits_are_checked() {
    let folder = folder();
    put(folder.path(), "m.dem", MODEL);
    let header = "shots,errors,discards,seconds,decoder,strong_id,json_metadata,custom_counts\n";
    let id = "x";
    for (name, text, fragment) in [
        ("s.csv", format!("{header}1,1,0,0.1,mwpm,{id}"), "s.csv:2: an incomplete row"),
        ("s.csv", format!("{header}1,1\n"), "s.csv:2: "),
        ("s.csv", "a,b\n1,2\n".to_owned(), "s.csv:1: "),
        ("c.stim", "H 0\nFOO 1\n".to_owned(), "c.stim:2: "),
        ("c.stim", "REPEAT 2 {\n".to_owned(), "c.stim: "),
        ("c.stim", "M 0\nDETECTOR rec[-1]\n".to_owned(), "c.stim: the circuit has 1 detectors"),
    ] {
        let circuit = "M 0\nREPEAT 3 {\nDETECTOR rec[-1]\n}\nOBSERVABLE_INCLUDE(0) rec[-1]\n";
        put(folder.path(), "c.stim", circuit);
        put(folder.path(), "s.csv", "");
        put(folder.path(), name, &text);
        let line = "ler --dem m.dem --stim c.stim --out s.csv --max-shots 10";
        outrider(folder.path(), words(line)).refused(2, &[fragment]);
        assert_eq!(get_text(folder.path(), name), text, "untouched");
    }
}

#[test]
fn text_in_place_of_packed_shots_is_refused_before_any_output() {
    let folder = folder();
    // 7 detectors: the lines of digits are 8 bytes that could be shots.
    put(folder.path(), "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D6\n");
    for (text, format) in [
        ("0000000\n1100000\n", "01"),
        ("0000000\n", "01"),
        ("0,1\n\n6\n\n\n0,1\n", "hits"),
        ("shot D0 D1\nshot\n", "dets"),
    ] {
        put(folder.path(), "shots", text);
        for option in ["decode --in-format b8", "decode", "predict", "count_mistakes --in_format b8"] {
            let name =
                if option.contains('_') || option == "predict" { "--in_format" } else { "--in-format" };
            let give = format!("give {name} {format}");
            let line = format!("{option} --dem m.dem --in");
            let run = outrider(folder.path(), words(&line).into_iter().chain(["shots"]));
            run.refused(2, &["shots: ", &give]);
            assert!(run.stdout.is_empty(), "{run:?}");
            let run =
                outrider_with_input(folder.path(), words(&line).into_iter().chain(["-"]), text.as_bytes());
            run.refused(2, &["standard input: ", &give]);
            assert!(run.stdout.is_empty(), "{run:?}");
        }
        for line in
            ["decode --dem m.dem --in shots --in-format", "predict --dem m.dem --in shots --in_format"]
        {
            let run = outrider(folder.path(), words(line).into_iter().chain([format]));
            assert!(!run.text().is_empty());
        }
    }
    put(folder.path(), "s.stim", "X_ERROR(0.1) 0\nM 0 1 2 3 4 5 6\nDETECTOR rec[-1]\n");
    put(folder.path(), "shots", "0000000\n1100000\n");
    let run = outrider(folder.path(), words("m2d --circuit s.stim --in shots"));
    run.refused(2, &["shots: ", "give --in-format 01"]);
}

#[test]
fn a_length_that_is_no_number_of_shots_is_refused_before_any_output() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D8\n");
    put(folder.path(), "shots", [0; 4001]);
    let run = outrider(folder.path(), words("decode --dem m.dem --in shots"));
    run.refused(2, &["shots: shot 2001: the file has 4001 bytes", "the 2 bytes of a shot of 9 bits in b8"]);
    assert!(run.stdout.is_empty(), "{run:?}");
    put(folder.path(), "shots", [0; 145]);
    let run = outrider(folder.path(), words("decode --dem m.dem --in shots --in-format ptb64"));
    run.refused(2, &["shots: shot 129: ", "the 72 bytes of 64 shots"]);
}

#[test]
fn suffixes_choose_formats_and_options_win() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\n");
    let line = "sample --dem m.dem --shots 64 --seed 3 --out";
    let mut expected = None;
    for suffix in ["01", "b8", "r8", "ptb64", "hits", "dets"] {
        let name = format!("s.{suffix}");
        outrider(folder.path(), words(line).into_iter().chain([name.as_str()])).text();
        let again = format!("{line} explicit --out-format {suffix}");
        outrider(folder.path(), words(&again)).text();
        assert_eq!(get(folder.path(), &name), get(folder.path(), "explicit"), "{suffix}");
        for command in ["decode", "predict"] {
            let run = outrider(folder.path(), [command, "--dem", "m.dem", "--in", &name]);
            let expected = expected.get_or_insert_with(|| run.text().to_owned());
            assert_eq!(run.text(), expected, "{command} {suffix}");
        }
        let run = outrider(folder.path(), ["count_mistakes", "--dem", "m.dem", "--in", &name]);
        assert!(run.text().ends_with(" / 64\n"), "{run:?}");
    }
    // Names that mean nothing keep the defaults of PyMatching: b8, and 01 for count_mistakes.
    put(folder.path(), "dets.dat", get(folder.path(), "s.b8"));
    put(folder.path(), "digits.dat", get(folder.path(), "s.01"));
    let run = outrider(folder.path(), words("predict --dem m.dem --in dets.dat"));
    assert_eq!(run.text(), expected.expect("runs before"));
    let run = outrider(folder.path(), words("count_mistakes --dem m.dem --in digits.dat"));
    assert!(run.text().ends_with(" / 64\n"), "{run:?}");
    // An option wins over a suffix.
    put(folder.path(), "wrong.hits", get(folder.path(), "s.b8"));
    let line = "decode --dem m.dem --in wrong.hits --in-format b8 --out p.b8 --out-format 01";
    outrider(folder.path(), words(line)).text();
    assert_eq!(get_text(folder.path(), "p.b8").len(), 128);
}

#[test]
fn a_circuit_for_a_model_and_a_model_for_a_circuit_are_named_with_the_way_out() {
    let folder = folder();
    let model = "error(0.1) D0 L0\n";
    let circuits = [
        "QUBIT_COORDS(0, 0) 0\nR 0\nM 0\nDETECTOR(0, 0) rec[-1]\n",
        "R 0\nREPEAT 3 {\n    X_ERROR(0.1) 0\n    MR 0\n    DETECTOR(0, 0) rec[-1]\n}\n",
        "# no qubits\nOBSERVABLE_INCLUDE(0) rec[-1]\n",
    ];
    for circuit in circuits {
        // The suffix does not matter.
        put(folder.path(), "m.dem", circuit);
        for command in [
            "decode",
            "predict",
            "count_mistakes",
            "sample --shots 10",
            "ler",
            "bench",
            "stream",
            "node --listen unix:s",
        ] {
            let run = outrider(folder.path(), words(command).into_iter().chain(["--dem", "m.dem"]));
            run.refused(2, &["m.dem:", "a Stim circuit", "stim analyze_errors --decompose_errors"]);
        }
        let run = outrider_with_input(folder.path(), words("sample --shots 1 --dem -"), circuit.as_bytes());
        run.refused(2, &["standard input:", "a Stim circuit"]);
    }
    for text in [model, "detector(1, 2) D0\n", "repeat 2 {\n error(0.1) D0\n shift_detectors 1\n}\n"] {
        put(folder.path(), "c.stim", text);
        let run = outrider(folder.path(), words("m2d --circuit c.stim"));
        run.refused(2, &["c.stim:", "a detector error model", "stim analyze_errors"]);
    }
}

#[test]
fn a_few_bytes_of_much_work_are_refused_at_once() {
    let folder = folder();
    put(folder.path(), "big.dem", "repeat 200000000 {\nerror(0.1) D0\n}\n");
    put(folder.path(), "wide.dem", "error(0.1) D40000000\n");
    put(folder.path(), "s.hits", "0\n");
    for (model, size) in [("big.dem", "200000000 errors"), ("wide.dem", "40000001 detectors")] {
        for command in [
            "sample --shots 1 --out o.b8",
            "decode --in s.hits --in-format hits --out o.01",
            "ler --max-shots 1",
            "predict --in s.hits --in_format hits --out o.01",
            "stream --window forward --commit 3 --buffer 3 --rounds 10",
        ] {
            let run = outrider(folder.path(), words(&format!("{command} --dem {model}")));
            run.refused(2, &[model, size, "more work than the limit of 33554432; --work-limit sets it"]);
        }
    }
    put(folder.path(), "m.dem", "repeat 9 {\nerror(0.1) D0\n}\n");
    let line = "sample --dem m.dem --shots 1 --out o.b8 --work-limit";
    outrider(folder.path(), words(&format!("{line} 9"))).refused(2, &["9 errors and 1 detectors"]);
    outrider(folder.path(), words(&format!("{line} 10"))).text();
}
