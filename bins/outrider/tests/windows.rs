//! Windows on the command line: answers beside those of whole histories, nothing left unexplained, and refusals.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use support::*;

const SHOTS: usize = 200;

/// Options for a patch of distance 3 that is five sites wide.
const LAYOUTS: [&str; 6] = [
    "--window forward --commit 3 --buffer 3",
    "--window parallel --commit 3 --spacing 3 --buffer 3",
    "--window sandwich --commit 2 --buffer 3",
    "--window chessboard --commit 3 --buffer 3 --row-width 2",
    "--window brick --commit 4 --buffer 3 --row-width 2 --row-axis x --row-pitch 2",
    "--window forward --commit 3 --buffer 0",
];

/// A folder with a model and shots of it.
fn memory() -> tempfile::TempDir {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --size 9x3 --rounds 23 --p 0.006 --dem-out m.dem")).text();
    let shots = format!("sample --dem m.dem --shots {SHOTS} --seed 3 --out dets.01 --obs-out truth.01");
    outrider(path, words(&shots)).text();
    folder
}

fn decode(path: &Path, options: &str) -> Run {
    let line = format!("decode --dem m.dem --in dets.01 --in-format 01 {options}");
    outrider(path, words(&line))
}

/// The detectors that the edges of a line flip.
fn flipped(line: &str) -> BTreeSet<usize> {
    let mut flipped = BTreeSet::new();
    for end in line.split([' ', '-']).filter(|end| !end.is_empty() && *end != "B") {
        let detector = end[1..].parse().unwrap();
        if !flipped.remove(&detector) {
            flipped.insert(detector);
        }
    }
    flipped
}

#[test]
fn windows_explain_every_event_and_answer_as_whole_histories() {
    let folder = memory();
    let path = folder.path();
    let shots = get_text(path, "dets.01");
    for (decoder, layouts) in [
        ("--decoder mwpm", &LAYOUTS[..]),
        ("--decoder mwpm-correlated", &LAYOUTS[..]),
        ("--decoder union-find", &LAYOUTS[..]),
        ("--decoder mwpm --predecoder rule:min-sum", &LAYOUTS[1..2]),
        ("--decoder mwpm --predecoder rule:smith --predecoder-use hard", &LAYOUTS[4..5]),
    ] {
        let whole = decode(path, decoder).text().to_owned();
        for layout in layouts {
            let windowed =
                decode(path, &format!("{decoder} {layout} --edges-out edges.txt")).text().to_owned();
            let edges = get_text(path, "edges.txt");
            assert_eq!((windowed.lines().count(), edges.lines().count()), (SHOTS, SHOTS));
            for (shot, line) in shots.lines().zip(edges.lines()) {
                let events: BTreeSet<usize> = shot.match_indices('1').map(|(place, _)| place).collect();
                assert_eq!(flipped(line), events, "{decoder} {layout}");
            }
            let differ = whole.lines().zip(windowed.lines()).filter(|(one, other)| one != other).count();
            // Measured: at most one in eleven; these histories fail half of the time. Without a buffer one in three.
            let differ_max = if layout.ends_with("--buffer 0") { SHOTS / 2 } else { SHOTS / 6 };
            assert!(differ <= differ_max, "{decoder} {layout}: {differ} differ");
        }
    }
}

#[test]
fn windowed_answers_are_the_same_for_any_number_of_threads() {
    let folder = memory();
    for layout in LAYOUTS {
        let [one, three] =
            [1, 3].map(|threads| decode(folder.path(), &format!("{layout} --threads {threads}")).stdout);
        assert_eq!(one, three, "{layout}");
    }
}

#[test]
fn statistics_tell_how_histories_were_cut() {
    let folder = memory();
    decode(folder.path(), &format!("{} --stats s.json", LAYOUTS[4])).text();
    let stats = json(&get_text(folder.path(), "s.json"));
    let expected = json(
        r#"{"win": "brick", "commit": 4, "gap": 0, "buffer": 3, "row_width": 2, "row_axis": "x", "row_pitch": 2.0}"#,
    );
    assert_eq!(stats["window"], expected);
    decode(folder.path(), "--stats s.json").text();
    assert!(json(&get_text(folder.path(), "s.json"))["window"].is_null());
}

/// Errors and custom counts of the only row of a statistics file, and the row.
fn row(folder: &Path, name: &str) -> (u64, serde_json::Value, String) {
    let text = get_text(folder, name);
    let row = text.lines().nth(1).unwrap().to_owned();
    let errors = row.split(',').nth(1).unwrap().trim().parse().unwrap();
    let counts = row.rsplit_once("\"{").unwrap().1.trim_end_matches('"').replace("\"\"", "\"");
    (errors, json(&format!("{{{counts}")), row)
}

#[test]
fn pairs_are_counted_on_the_same_shots() {
    let folder = folder();
    let path = folder.path();
    let point = "ler --distance 3 --p 0.01 --rounds 30 --max-shots 3000 --max-errors 1000000";
    outrider(path, words(&format!("{point} --out whole.csv"))).text();
    let (whole, _, _) = row(path, "whole.csv");
    for (layout, name) in [("parallel", "mwpm@parallel,"), ("sandwich --buffer 1", "mwpm@sandwich-b1,")] {
        let line = format!("{point} --window {layout} --paired --out w.csv");
        let table = outrider(path, words(&line)).text().to_owned();
        assert!(table.contains("only windows  only whole"), "{table}");
        let (errors, counts, row) = row(path, "w.csv");
        let count = |key: &str| counts[key].as_u64().unwrap();
        assert_eq!(count("paired_shots"), 3000);
        assert_eq!(errors + count("only_whole"), whole + count("only_windows"), "{layout}");
        assert!(row.contains(name), "{row}");
        // The counts are there already.
        outrider(path, words(&line)).text();
        assert_eq!(get_text(path, "w.csv").lines().count(), 2);
        std::fs::remove_file(path.join("w.csv")).unwrap();
    }
}

/// A Y error whose halves belong to two cells is seen for what it is, because the later cell knows what the earlier one's
/// first pass used. Measured: the answers to 33 shots differ for plain matching and 76 for correlated, which would be 130 if
/// the later cell knew nothing.
#[test]
fn bricks_lose_nothing() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --size 15x5 --rounds 30 --p 0.006 --dem-out wide.dem")).text();
    for (decoder, differ_max) in [("mwpm", 50), ("mwpm-correlated", 100)] {
        let line = format!(
            "ler --dem wide.dem --decoder {decoder} --window brick --commit 5 --buffer 5 --row-width 5 --paired \
             --max-shots 3000 --max-errors 1000000 --seed 3 --out {decoder}.csv"
        );
        outrider(path, words(&line)).text();
        let (errors, counts, _) = row(path, &format!("{decoder}.csv"));
        let count = |key: &str| counts[key].as_u64().unwrap();
        let (windows, whole) = (count("only_windows"), count("only_whole"));
        let failures = errors + whole - windows;
        assert!(failures > 700 && windows + whole < differ_max, "{decoder}: {failures} {counts}");
        assert!(
            errors.abs_diff(failures) * 50 < failures,
            "{decoder}: {errors} in windows, {failures} whole"
        );
    }
}

#[test]
fn the_old_name_of_the_spacing_means_the_same() {
    let folder = memory();
    let line = |name: &str| format!("--window parallel --commit 3 {name} 2 --buffer 3");
    let old = decode(folder.path(), &line("--gap")).text().to_owned();
    assert_eq!(old, decode(folder.path(), &line("--spacing")).text());
    decode(folder.path(), &(line("--gap") + " --spacing 2")).refused(2, &["--spacing", "multiple times"]);
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let folder = memory();
    let path = folder.path();
    for (options, fragment) in [
        ("--commit 3", "--commit is not for --window whole"),
        ("--window forward --commit 3 --buffer 3 --spacing 3", "--spacing is not for --window forward"),
        ("--window parallel --row-width 3", "--row-width is not for --window parallel"),
        ("--window parallel --commit 3 --buffer 3", "--window parallel needs --spacing"),
        ("--window parallel --commit 3 --spacing 0 --buffer 3", "--spacing 0: use --window forward"),
        ("--window forward --commit 3", "--window forward needs --buffer"),
        ("--window brick --commit 4 --buffer 3", "--window brick needs --row-width"),
        ("--window brick --commit 4 --buffer 3 --row-width 0", "--row-width 0"),
        ("--window forward --commit 0 --buffer 3", "--commit 0: cells have rounds"),
        ("--window forward --commit 3 --buffer 5000", "m.dem: buffer is 5000"),
        ("--window brick --commit 1 --buffer 3 --row-width 2", "m.dem: bricks have two layers or more"),
        ("--window forward --commit 3 --buffer 3 --weights-out w.txt", "--weights-out"),
        ("--window forward --commit 3 --buffer 3 --gap-out g.txt", "--gap-out"),
        ("--window forward --commit 3 --buffer 3 --certify", "--certify"),
        ("--window spiral", "spiral"),
    ] {
        decode(path, options).refused(2, &[fragment]);
    }
    outrider(path, words("ler --dem m.dem --paired")).refused(2, &["--paired needs --window"]);
    outrider(path, words("ler --dem m.dem --window forward")).refused(2, &["needs --commit"]);
    assert_eq!(names(path), ["dets.01", "m.dem", "truth.01"]);
}

#[test]
fn models_without_layers_and_enclosed_cells_are_refused() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\n");
    put(path, "dets.01", "00\n");
    decode(path, LAYOUTS[0]).refused(2, &["m.dem: detector D0 has no coordinates"]);

    // Rows along the long side of a basis-X memory: inner rows reach no boundary.
    outrider(path, words("gen --size 15x3 --basis x --rounds 20 --p 0.01 --dem-out m.dem")).text();
    outrider(path, words("sample --dem m.dem --shots 100 --out dets.01")).text();
    let options = "--window brick --commit 3 --buffer 3 --row-width 2 --threads 1";
    decode(path, options).refused(2, &["dets.01: shot ", "a window has no perfect matching"]);
    let line = "ler --dem m.dem --max-shots 1000 --window brick --commit 3 --buffer 3 --row-width 2";
    outrider(path, words(line)).refused(2, &["seed 0: shot ", "a window has no perfect matching"]);
}
