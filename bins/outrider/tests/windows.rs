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
        ("--decoder likelihood", &LAYOUTS[..]),
        ("--decoder likelihood --predecoder rule:min-sum", &LAYOUTS[1..2]),
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
            // By likelihood, whose classes are those of windows, one in four in cells in space.
            let differ_max = match decoder.contains("likelihood") {
                _ if layout.ends_with("--buffer 0") => SHOTS / 2,
                true => SHOTS / 3,
                false => SHOTS / 6,
            };
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

/// A repetition code whose detectors stand at `place(site, round)`, numbered in this order.
fn repetition(order: &[(usize, usize)], place: impl Fn(usize, usize) -> String) -> String {
    let number = |site: usize, round: usize| order.iter().position(|&own| own == (site, round)).unwrap();
    let mut text = String::new();
    for round in 0..ROUNDS {
        for site in 0..SITES {
            let own = number(site, round);
            let right =
                if site + 1 < SITES { format!(" D{}", number(site + 1, round)) } else { " L0".to_owned() };
            text += &format!("error(0.05) D{own}{right}\n");
            if site == 0 {
                text += &format!("error(0.05) D{own}\n");
            }
            if round + 1 < ROUNDS {
                text += &format!("error(0.05) D{own} D{}\n", number(site, round + 1));
            }
            text += &format!("detector({}) D{own}\n", place(site, round));
        }
    }
    text
}

const ROUNDS: usize = 20;
const SITES: usize = 4;

/// Detectors in the order of rounds.
fn by_round() -> Vec<(usize, usize)> {
    (0..ROUNDS).flat_map(|round| (0..SITES).map(move |site| (site, round))).collect()
}

/// The shots of detectors in the order of rounds, for another order.
fn reordered(shots: &str, order: &[(usize, usize)]) -> String {
    let row = |line: &str| -> String {
        order.iter().map(|&(site, round)| line.as_bytes()[round * SITES + site] as char).collect()
    };
    shots.lines().map(|line| row(line) + "\n").collect()
}

#[test]
fn whatever_stands_for_time_the_answers_are_the_same() {
    let folder = folder();
    let path = folder.path();
    let plain = by_round();
    let mut mixed = plain.clone();
    // 7 has no divisor in common with the number of detectors.
    mixed.sort_by_key(|&(site, round)| (round * SITES + site) * 7 % (ROUNDS * SITES));
    let by_site: Vec<_> = (0..SITES).flat_map(|site| (0..ROUNDS).map(move |round| (site, round))).collect();
    put(path, "m.dem", repetition(&plain, |site, round| format!("{site}, 0, {round}")));
    outrider(path, words("sample --dem m.dem --shots 300 --seed 5 --out dets.01")).text();
    let shots = get_text(path, "dets.01");
    let windows = "--window parallel --commit 3 --spacing 3 --buffer 3";
    let expected = decode(path, windows).text().to_owned();
    let whole = decode(path, "").text().to_owned();
    type Place = fn(usize, usize) -> String;
    type Order = [(usize, usize)];
    let cases: [(&Order, Place, &str); 9] = [
        (&plain, |site, round| format!("{site}, 0, {round}, 0"), ""),
        (&plain, |site, round| format!("{site}, 0, {round}, {}", site % 2), ""),
        (&plain, |site, round| format!("{site}, {round}"), ""),
        (&plain, |site, round| format!("{site}, 0, {}", round as f64 / 2.0 - 3.0), ""),
        (&plain, |site, round| format!("{site}, 0, {}", 10 * round + 7), ""),
        (&mixed, |site, round| format!("{site}, 0, {round}, 1"), ""),
        (&by_site, |site, round| format!("{site}, 0, {}", 0.25 * round as f64), ""),
        (&plain, |site, round| format!("{round}, {site}, 5"), " --time-axis 0"),
        (
            &mixed,
            |site, round| format!("{site}, 0, 0, {}", 3 * round + round % 2),
            " --time-axis 3 --time-unit 3",
        ),
    ];
    for (order, place, options) in cases {
        put(path, "m.dem", repetition(order, place));
        put(path, "dets.01", reordered(&shots, order));
        let run = decode(path, &format!("{windows}{options}"));
        assert_eq!(run.text(), expected, "{}{options}", place(2, 1));
        if order == plain {
            assert_eq!(decode(path, "").text(), whole, "whole histories need no rounds");
        }
        let run = decode(path, &format!("{windows}{options} --edges-out edges.txt --out guesses.01"));
        run.text();
        for (line, row) in get_text(path, "edges.txt").lines().zip(reordered(&shots, order).lines()) {
            let events = row.bytes().enumerate().filter(|&(_, bit)| bit == b'1').map(|(at, _)| at);
            assert_eq!(flipped(line), events.collect(), "edges have the numbers of the model");
        }
        let name =
            "stream --dem m.dem --shots dets.01 --commit 3 --spacing 3 --buffer 3 --round-time 0 --verify";
        outrider(path, words(&format!("{name} --workers 0{options}"))).text();
    }
}

#[test]
fn rounds_without_detectors_are_rounds() {
    let folder = folder();
    let path = folder.path();
    let late = |round: usize| if round < 10 { round } else { round + 4 };
    put(path, "m.dem", repetition(&by_round(), |site, round| format!("{site}, 0, {}", late(round))));
    outrider(path, words("sample --dem m.dem --shots 300 --seed 5 --out dets.01")).text();
    for layout in ["forward --commit 2", "parallel --commit 6 --spacing 5", "parallel --commit 5 --spacing 7"]
    {
        decode(path, &format!("--window {layout} --buffer 5 --edges-out edges.txt --out guesses.01")).text();
        for (line, row) in get_text(path, "edges.txt").lines().zip(get_text(path, "dets.01").lines()) {
            let events = row.bytes().enumerate().filter(|&(_, bit)| bit == b'1').map(|(at, _)| at);
            assert_eq!(flipped(line), events.collect(), "{layout}");
        }
    }
    let cut = "--commit 6 --spacing 5 --buffer 5 --round-time 0 --workers 0 --verify";
    outrider(path, words(&format!("stream --dem m.dem --shots dets.01 {cut}"))).text();
    outrider(path, words(&format!("stream --dem m.dem --repeat 50 {cut}"))).text();
    decode(path, "--window sandwich --commit 6 --buffer 5").refused(
        2,
        &["D36 in round 9 and D40 in round 14", "the spacing between cells, 1, must be more rounds"],
    );
}

#[test]
fn what_a_round_is_and_what_is_no_time_is_said() {
    let folder = folder();
    let path = folder.path();
    let windows = "--window forward --commit 3 --buffer 3";
    put(path, "m.dem", repetition(&by_round(), |site, round| format!("{site}, 0, {}", 0.5 * round as f64)));
    outrider(path, words("sample --dem m.dem --shots 10 --out dets.01")).text();
    let note = "note: m.dem: a round is 0.5 units of coordinate 2";
    assert!(decode(path, windows).stderr.contains(note));
    assert!(!decode(path, &format!("{windows} --time-unit 0.5")).stderr.contains("note"));
    for (options, message) in [
        ("--time-axis 1", "m.dem: coordinate 1, taken as time, is 0 for all detectors"),
        ("--time-axis 3", "m.dem: detector D0 has no coordinate 3"),
        ("--time-unit 0.25", "m.dem: coordinate 2 has values 2 rounds of 0.25 apart: a round lasts 0.5"),
        ("--time-unit 0", "expected a positive number"),
        ("--time-offset inf", "expected a finite number"),
    ] {
        decode(path, &format!("{windows} {options}")).refused(2, &[message]);
    }
    decode(path, "--time-axis 2").refused(2, &["need --window or --predecoder"]);
    put(path, "m.dem", repetition(&by_round(), |site, round| format!("{site}, {round}, 0")));
    decode(path, windows).refused(2, &["m.dem: coordinate 2, taken as time, is 0 for all detectors", "axis"]);
    // An edge over two rounds, and a layout whose spacing is one.
    put(path, "m.dem", get_text(path, "m.dem").replace(", 0) D", ") D") + "error(0.01) D8 D16\n");
    decode(path, "--window sandwich --commit 3 --buffer 3").refused(
        2,
        &["m.dem: an edge joins detectors D8", "the spacing between cells, 1, must be more rounds"],
    );
    decode(path, "--window sandwich --spacing 2 --commit 3 --buffer 3")
        .refused(2, &["use --window parallel"]);
    decode(path, "--window parallel --spacing 2 --commit 3 --buffer 3").text();
}

#[test]
fn models_without_layers_and_impossible_shots_are_refused() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\n");
    put(path, "dets.01", "00\n");
    decode(path, LAYOUTS[0]).refused(2, &["m.dem: detector D0 has no coordinates"]);

    // A ring in space, so that only an even number of detectors can fire.
    let ring = repetition(&by_round(), |site, round| format!("{site}, {round}"));
    let ring: String = ring
        .lines()
        .filter(|line| {
            !(line.starts_with("error") && line.matches('D').count() == 1 && !line.ends_with("L0"))
        })
        .map(|line| match line.strip_suffix(" L0") {
            Some(own) => {
                let last: usize = own.rsplit('D').next().unwrap().parse().unwrap();
                format!("{own} D{} L0\n", last + 1 - SITES)
            }
            None => format!("{line}\n"),
        })
        .collect();
    put(path, "m.dem", ring);
    outrider(path, words("sample --dem m.dem --shots 500 --out dets.01")).text();
    for layout in ["forward", "parallel --spacing 3", "sandwich"] {
        let run = decode(path, &format!("--window {layout} --commit 3 --buffer 3"));
        assert_eq!(run.text().lines().count(), 500);
        assert_eq!(run.stderr.contains("one after the other"), layout != "forward", "{}", run.stderr);
    }
    put(path, "dets.01", format!("{}1\n", "0".repeat(SITES * ROUNDS - 1)));
    for options in ["", "--window forward --commit 3 --buffer 3", "--window sandwich --commit 3 --buffer 3"] {
        let run = decode(path, options);
        let last = run.stderr.lines().last().unwrap_or_default();
        assert_eq!(run.code, Some(2), "{run:?}");
        let message =
            "error: dets.01: shot 1: odd number of detection events in a component without boundary";
        assert!(last.starts_with(message), "{run:?}");
    }
    // A node names it as well, and not the patch, which it has taken.
    let line =
        "stream --dem m.dem --shots dets.01 --commit 3 --spacing 3 --buffer 3 --round-time 0 --nodes 1";
    let run = outrider(path, words(line));
    let last = run.stderr.lines().last().unwrap_or_default();
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        last.contains("decoding failed: cell ") && last.contains("odd number of detection events"),
        "{run:?}"
    );
}

#[test]
fn rows_that_reach_no_boundary_are_decided_all_the_same() {
    let folder = folder();
    let path = folder.path();
    // Rows along the long side of a basis-X memory.
    outrider(path, words("gen --size 15x3 --basis x --rounds 20 --p 0.01 --dem-out m.dem")).text();
    let line = "ler --dem m.dem --max-shots 1000 --window brick --commit 3 --buffer 3 --row-width 2";
    assert!(outrider(path, words(line)).text().contains("mwpm@brick"));
}
