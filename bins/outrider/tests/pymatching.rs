//! PyMatching's command lines. Byte-for-byte comparison with PyMatching itself is in oracle/cli.py.

mod support;

use std::fs;

use support::*;

#[test]
fn predict_and_count_mistakes_agree() {
    let folder = folder();
    let (dem, dets, obs) = (golden("model.dem"), golden("dets.b8"), golden("obs.b8"));
    for correlations in [&[][..], &["--enable_correlations"]] {
        let predict =
            ["predict", "--dem", &dem, "--in", &dets].into_iter().chain(correlations.iter().copied());
        let predictions = outrider(folder.path(), predict).text().to_owned();
        let flips = fs::read(&obs).unwrap();
        let wrong =
            predictions.lines().zip(&flips).filter(|(guess, flip)| **guess != flip.to_string()).count();
        let ones = predictions.lines().filter(|guess| *guess == "1").count();
        let run = |options: &[&str]| {
            let count = ["count_mistakes", "--dem", &dem, "--in", &dets, "--in_format", "b8"];
            let arguments = count.iter().chain(correlations).chain(options).copied();
            outrider(folder.path(), arguments.collect::<Vec<_>>()).text().to_owned()
        };
        assert_eq!(run(&["--obs_in", &obs, "--obs_in_format", "b8"]), format!("{wrong} / 2000\n"));
        // PyMatching compares with zeros when it is given no observables.
        assert_eq!(run(&[]), format!("{ones} / 2000\n"));
    }
}

#[test]
fn flags_take_equals_signs_and_files() {
    let folder = folder();
    let (dem, dets, obs) = (golden("model.dem"), golden("dets.b8"), golden("obs.b8"));
    let run = outrider(
        folder.path(),
        [
            "count_mistakes".to_owned(),
            format!("--dem={dem}"),
            format!("--in={dets}"),
            "--in_format=b8".to_owned(),
            format!("--obs_in={obs}"),
            "--obs_in_format=b8".to_owned(),
            "--out=count".to_owned(),
            "--time".to_owned(),
        ],
    );
    assert_eq!(run.text(), "");
    assert!(get_text(folder.path(), "count").ends_with(" / 2000\n"));
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!(lines[0].starts_with("Total decoding time: ") && lines[0].ends_with("us"), "{lines:?}");
    assert!(lines[1].starts_with("Decoding time per shot: ") && lines[1].ends_with("us"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn the_default_formats_are_pymatchings() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0 L2\nerror(0.1) D1\n");
    // predict reads b8 and writes 01.
    let run = outrider_with_input(folder.path(), ["predict", "--dem", "m.dem"], &[0b01, 0b10]);
    assert_eq!(run.text(), "101\n000\n");
    let run =
        outrider_with_input(folder.path(), words("predict --dem m.dem --out_format dets"), &[0b01, 0b10]);
    assert_eq!(run.text(), "shot L0 L2\nshot\n");
    // count_mistakes reads 01.
    let run = outrider_with_input(folder.path(), ["count_mistakes", "--dem", "m.dem"], b"10\n01\n");
    assert_eq!(run.text(), "1 / 2\n");
    let line = "count_mistakes --dem m.dem --in_includes_appended_observables";
    let run = outrider_with_input(folder.path(), words(line), b"10101\n10001\n01000\n");
    assert_eq!(run.text(), "1 / 3\n");
}

#[test]
fn undecomposable_errors_are_skipped_but_not_with_correlations() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0\nerror(0.1) D1\nerror(0.1) D0 D1 D2\nerror(0.1) D2\n");
    let run = outrider_with_input(folder.path(), ["predict", "--dem", "m.dem"], &[1]);
    assert_eq!(run.text(), "1\n");
    let left_out = |count: &str| {
        format!(
            "m.dem: {count} with three or more detectors {} left out, as PyMatching does; \
             stim analyze_errors --decompose_errors avoids them\n",
            if count.starts_with("1 ") { "is" } else { "are" }
        )
    };
    assert_eq!(run.stderr, left_out("1 error component"));
    put(
        folder.path(),
        "two.dem",
        "error(0.1) D0 L0\nrepeat 2 {\nerror(0.1) D0 D1 D2\n}\nerror(0.1) D1 ^ D2\n",
    );
    let run = outrider_with_input(folder.path(), words("count_mistakes --dem two.dem"), b"100\n");
    assert_eq!(run.text(), "1 / 1\n");
    assert_eq!(run.stderr, left_out("2 error components").replace("m.dem", "two.dem"));
    put(folder.path(), "none.dem", "error(0.1) D0 L0\nerror(0.1) D1\nerror(0.1) D2 D1\n");
    assert_eq!(outrider_with_input(folder.path(), words("predict --dem none.dem"), &[1]).stderr, "");
    outrider_with_input(folder.path(), words("predict --dem m.dem --enable_correlations"), &[1])
        .refused(2, &["m.dem:3"]);
}
