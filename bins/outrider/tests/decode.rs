//! `outrider decode` from the outside.

mod support;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use support::*;

const DECODERS: [&str; 3] = ["mwpm", "mwpm-correlated", "union-find"];

/// The golden shots with their observables appended, in b8: 24 detectors fill three bytes.
fn appended() -> Vec<u8> {
    let detectors = fs::read(golden("dets.b8")).unwrap();
    let observables = fs::read(golden("obs.b8")).unwrap();
    let rows = detectors.chunks(GOLDEN_DETECTORS / 8).zip(&observables);
    rows.flat_map(|(row, &flip)| row.iter().copied().chain([flip])).collect()
}

#[test]
fn weights_are_those_of_pymatching() {
    let folder = folder();
    let dem = golden("model.dem");
    let dets = golden("dets.b8");
    let run =
        outrider(folder.path(), ["decode", "--dem", &dem, "--in", &dets, "--weights-out", "w", "--certify"]);
    assert_eq!(run.text().lines().count(), GOLDEN_SHOTS);
    let ours = get_text(folder.path(), "w");
    let theirs = fs::read_to_string(golden("plain.weights")).unwrap();
    assert_eq!(ours.lines().count(), GOLDEN_SHOTS);
    for (shot, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
        let (ours, theirs): (f64, f64) = (ours.parse().unwrap(), theirs.parse().unwrap());
        assert!((ours - theirs).abs() < 1e-4, "shot {}: {ours} and {theirs}", shot + 1);
    }
}

#[test]
fn mistakes_are_about_as_many_as_pymatchings() {
    let folder = folder();
    put(folder.path(), "appended.b8", appended());
    for (decoder, most) in [("mwpm", 135), ("mwpm-correlated", 135), ("union-find", 190)] {
        let line = format!(
            "decode --in appended.b8 --in-includes-appended-observables --out p --stats s.json \
             --decoder {decoder}"
        );
        let dem = golden("model.dem");
        outrider(folder.path(), words(&line).into_iter().chain(["--dem", &dem])).text();
        let stats = json(&get_text(folder.path(), "s.json"));
        let mistakes = stats["mistakes"].as_u64().unwrap();
        assert!((100..=most).contains(&mistakes), "{decoder}: {mistakes}");
        assert_eq!(stats["decoder"], decoder);
        assert_eq!(stats["shots"], GOLDEN_SHOTS);
        assert_eq!(stats["detection_events"], 5519);
        assert_eq!(stats["detectors"], GOLDEN_DETECTORS);
        assert_eq!(stats["ignored_components"], 0);
        for key in ["isa", "threads", "seconds", "shots_per_second", "edges", "observables"] {
            assert!(!stats[key].is_null(), "{key}");
        }
    }
}

#[test]
fn output_is_the_same_for_any_number_of_threads() {
    let folder = folder();
    let path = folder.path();
    // Several batches: 20,000 shots.
    let dets = fs::read(golden("dets.b8")).unwrap().repeat(10);
    put(path, "dets.b8", dets);
    let dem = golden("model.dem");
    for decoder in DECODERS {
        let outputs: Vec<_> = ["1", "2", "3", "7"]
            .map(|threads| {
                let line =
                    format!("decode --in dets.b8 --out p --weights-out w --edges-out e --gap-out g --threads {threads}");
                let run =
                    outrider(path, words(&line).into_iter().chain(["--dem", &dem, "--decoder", decoder]));
                assert_eq!(run.text(), "");
                ["p", "w", "e", "g"].map(|name| get(path, name))
            })
            .into();
        assert_eq!(outputs[0][0].len(), 2 * 10 * GOLDEN_SHOTS);
        assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{decoder}");
    }
}

#[test]
fn edges_explain_the_events() {
    let folder = folder();
    let dets = fs::read(golden("dets.b8")).unwrap();
    for decoder in DECODERS {
        let arguments = [
            "decode",
            "--dem",
            &golden("model.dem"),
            "--in",
            &golden("dets.b8"),
            "--decoder",
            decoder,
            "--edges-out",
            "e",
        ];
        outrider(folder.path(), arguments).text();
        let text = get_text(folder.path(), "e");
        assert_eq!(text.lines().count(), GOLDEN_SHOTS);
        for (line, row) in text.lines().zip(dets.chunks(GOLDEN_DETECTORS / 8)) {
            let mut flipped = vec![0u8; row.len()];
            for end in line.split_whitespace().flat_map(|edge| edge.split('-')).filter(|end| *end != "B") {
                let detector: usize = end.strip_prefix('D').unwrap().parse().unwrap();
                flipped[detector / 8] ^= 1 << (detector % 8);
            }
            assert_eq!(flipped, row, "{decoder}: {line}");
        }
    }
}

#[test]
fn gaps_tell_how_sure_a_prediction_is() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\n");
    put(folder.path(), "shots", "00\n10\n01\n11\n");
    let line = "decode --dem m.dem --in shots --in-format 01 --gap-out g";
    assert_eq!(outrider(folder.path(), words(line)).text(), "0\n1\n0\n0\n");
    let gaps: Vec<f64> = get_text(folder.path(), "g").lines().map(|line| line.parse().unwrap()).collect();
    for (gap, expected) in gaps.iter().zip([3.0, 1.0, 1.0, 1.0]) {
        assert!((gap - expected * 9f64.ln()).abs() < 1e-6, "{gaps:?}");
    }
    let run = outrider(folder.path(), words(&format!("{line} --gap-limit 4")));
    assert_eq!(run.text(), "0\n1\n0\n0\n");
    let limited: Vec<f64> = get_text(folder.path(), "g").lines().map(|line| line.parse().unwrap()).collect();
    for (limited, gap) in limited.iter().zip(&gaps) {
        assert!((limited - gap.min(4.0)).abs() < 1e-6, "{limited} for {gap}");
    }
    for bad in ["0", "-1", "nan", "inf"] {
        let line = format!("{line} --gap-limit={bad}");
        outrider(folder.path(), words(&line)).refused(2, &["--gap-limit", "expected a positive number"]);
    }
}

#[test]
fn every_observable_has_a_gap_of_its_own() {
    let folder = folder();
    let patch = |first: u32, observables: &str| {
        let second = first + 1;
        format!("error(0.1) D{first} {observables}\nerror(0.1) D{first} D{second}\nerror(0.2) D{second}\n")
    };
    // Two patches, the second of which flips both.
    put(folder.path(), "m.dem", patch(0, "L1") + &patch(2, "L0 L1"));
    put(folder.path(), "shots", "0000\n1000\n0010\n1010\n");
    let line = "decode --dem m.dem --in shots --in-format 01 --gap-out g";
    assert_eq!(outrider(folder.path(), words(line)).text(), "00\n01\n11\n10\n");
    let (nine, four) = (9f64.ln(), 4f64.ln());
    let row = 2.0 * nine + four;
    let expected = [[row, row], [row, four], [four, four], [four, four]];
    for (line, expected) in get_text(folder.path(), "g").lines().zip(expected) {
        let gaps: Vec<f64> = line.split(' ').map(|gap| gap.parse().unwrap()).collect();
        assert_eq!(gaps.len(), 2, "{line}");
        assert!(gaps.iter().zip(expected).all(|(gap, expected)| (gap - expected).abs() < 1e-6), "{gaps:?}");
    }
}

#[test]
fn sure_predictions_are_right_more_often() {
    let folder = folder();
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    let flips = fs::read(golden("obs.b8")).unwrap();
    for decoder in DECODERS {
        let arguments = [
            "decode",
            "--dem",
            &dem,
            "--in",
            &dets,
            "--out-format",
            "b8",
            "--gap-out",
            "g",
            "--decoder",
            decoder,
        ];
        let run = outrider(folder.path(), arguments.into_iter().chain(["--out", "p"]));
        assert_eq!(run.text(), "");
        let predictions = get(folder.path(), "p");
        let text = get_text(folder.path(), "g");
        let gaps: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(gaps.len(), GOLDEN_SHOTS);
        assert!(decoder != "mwpm" || gaps.iter().all(|&gap| gap >= 0.0));
        let mut sorted = gaps.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[GOLDEN_SHOTS / 2];
        let mistakes = |sure: bool| {
            let shots = gaps.iter().zip(predictions.iter().zip(&flips));
            shots.filter(|(gap, (guess, flip))| (**gap > median) == sure && guess != flip).count()
        };
        assert!(20 * mistakes(true) < mistakes(false), "{decoder}: {} {}", mistakes(true), mistakes(false));
    }
}

#[test]
fn a_limit_beyond_all_weights_is_none() {
    let folder = folder();
    // A row of five edges: integer weights end at four times the largest in the model.
    let inner: String = (0..3).map(|i| format!("error(0.1) D{i} D{}\n", i + 1)).collect();
    put(folder.path(), "m.dem", format!("error(0.1) D0 L0\n{inner}error(0.1) D3\n"));
    put(folder.path(), "shots", "0000\n");
    let line = "decode --dem m.dem --in shots --in-format 01 --gap-out g --gap-limit 1e300";
    outrider(folder.path(), words(line)).text();
    let gap: f64 = get_text(folder.path(), "g").trim().parse().unwrap();
    assert!((gap - 5.0 * 9f64.ln()).abs() < 1e-6, "{gap}");
}

#[test]
fn a_model_without_a_gap_says_why() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0\nerror(0.1) D1 L1\n");
    put(folder.path(), "shots", "00\n");
    let line = "decode --dem m.dem --in shots --in-format 01 --gap-out g";
    let reason = "no undetected error flips the observable; --decoder trellis gives ratios for any model";
    for decoder in DECODERS {
        let run = outrider(folder.path(), words(&format!("{line} --decoder {decoder}")));
        run.refused(2, &["m.dem: no complementary gap", reason]);
    }
    assert_eq!(names(folder.path()), ["m.dem", "shots"]);
    outrider(folder.path(), words(&format!("{line} --decoder trellis"))).text();
}

#[test]
fn conflicting_observables_are_counted_and_the_likelier_ones_kept() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(1e-12) D0\nerror(0.1) D0 L0\nerror(0.1) D1\n");
    put(folder.path(), "shots", "10\n");
    for (option, prediction, kept) in [("", "1\n", "likelier"), ("--first-observables", "0\n", "first")] {
        let line =
            format!("decode --dem m.dem --in shots --in-format 01 --out-format 01 --stats s.json {option}");
        let run = outrider(folder.path(), words(&line));
        assert_eq!(run.text(), prediction, "{option}");
        assert!(run.stderr.starts_with("note: m.dem: 1 edge is of errors"), "{run:?}");
        assert!(run.stderr.lines().count() == 1 && run.stderr.contains(kept), "{run:?}");
        assert_eq!(json(&get_text(folder.path(), "s.json"))["conflicting_edges"], 1);
    }
}

#[test]
fn every_format_goes_in_and_out() {
    let folder = folder();
    let path = folder.path();
    let dem = golden("model.dem");
    // 1,984 shots, a multiple of 64.
    put(path, "b8", &fs::read(golden("dets.b8")).unwrap()[..1984 * 3]);
    let reference = outrider(path, ["decode", "--dem", &dem, "--in", "b8"]).text().to_owned();
    // A model whose observables are the detectors turns decoding into a change of format.
    let identity: String = (0..24).map(|k| format!("error(0.1) D{k} L{k}\n")).collect();
    put(path, "identity.dem", identity);
    for format in ["01", "b8", "r8", "ptb64", "hits", "dets"] {
        let run = outrider(
            path,
            ["decode", "--dem", "identity.dem", "--in", "b8", "--out", format, "--out-format", format],
        );
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        if format == "dets" {
            let text = get_text(path, format).replace('L', "D");
            put(path, format, text);
        }
        let run = outrider(path, ["decode", "--dem", &dem, "--in", format, "--in-format", format]);
        assert_eq!(run.text(), reference, "{format}");
    }
}

#[test]
fn standard_input_and_output_are_the_defaults() {
    let folder = folder();
    let dets = fs::read(golden("dets.b8")).unwrap();
    let dem = golden("model.dem");
    let piped = outrider_with_input(folder.path(), ["decode", "--dem", &dem], &dets);
    let filed = outrider(folder.path(), ["decode", "--dem", &dem, "--in", &golden("dets.b8"), "--out", "p"]);
    assert_eq!(filed.text(), "");
    assert_eq!(piped.text().as_bytes(), get(folder.path(), "p"));
    let empty = outrider(folder.path(), ["decode", "--dem", &dem]);
    assert_eq!(empty.text(), "");
}

#[test]
fn an_output_may_replace_its_input() {
    let folder = folder();
    let dem = golden("model.dem");
    let expected = outrider(folder.path(), ["decode", "--dem", &dem, "--in", &golden("dets.b8")]);
    put(folder.path(), "x", fs::read(golden("dets.b8")).unwrap());
    outrider(folder.path(), ["decode", "--dem", &dem, "--in", "x", "--out", "x"]).text();
    assert_eq!(get(folder.path(), "x"), expected.stdout);
    assert_eq!(names(folder.path()), ["x"]);
}

#[test]
fn a_shot_without_matching_is_named() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 D1 L0\nerror(0.1) D1 D2\n");
    put(folder.path(), "shots", "000\n110\n011\n010\n000\n");
    for threads in ["1", "4"] {
        let line = "decode --dem m.dem --in shots --in-format 01 --out p --weights-out w --threads";
        let run = outrider(folder.path(), words(line).into_iter().chain([threads]));
        run.refused(2, &["shots", "shot 4"]);
    }
    assert_eq!(names(folder.path()), ["m.dem", "shots"]);
}

#[test]
fn undecomposable_errors_are_refused_or_counted() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0\nerror(0.1) D1 L0\nerror(0.1) D0 D1 D2\nerror(0.1) D2\n");
    put(folder.path(), "shots", "010\n");
    let line = "decode --dem m.dem --in shots --in-format 01 --stats s.json";
    outrider(folder.path(), words(line)).refused(2, &["m.dem:3"]);
    let run = outrider(folder.path(), words(line).into_iter().chain(["--ignore-undecomposable"]));
    assert_eq!(run.text(), "1\n");
    assert_eq!(json(&get_text(folder.path(), "s.json"))["ignored_components"], 1);
}

#[cfg(target_os = "linux")] // the one with a /dev/full
#[test]
fn a_full_disk_is_a_failure_of_the_machine() {
    let folder = folder();
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    for option in ["--out", "--weights-out", "--edges-out", "--gap-out", "--stats"] {
        let run = outrider(folder.path(), ["decode", "--dem", &dem, "--in", &dets, option, "/dev/full"]);
        run.refused(1, &["/dev/full", "space"]);
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let mut child = program()
        .args(["decode", "--dem", &golden("model.dem")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let dets = fs::read(golden("dets.b8")).unwrap();
    // The program must end although its input never does.
    while stdin.write_all(&dets).is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"");
}
