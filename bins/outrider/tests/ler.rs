//! `outrider ler` from the outside: sinter's CSV, stop rules, resuming. sinter itself reads the files in
//! oracle/cli.py.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use support::*;

const HEADER: &str =
    "     shots,    errors,  discards, seconds,decoder,strong_id,json_metadata,custom_counts";

/// A circuit and its model; the observable flips unseen with probability 1/4.
const FLIPS: &str = "# written by hand\nx_error(0.25) 0\nX_ERROR(0.25) 1\nM 0\nMZ 1\nDETECTOR(0,1.50) rec[-1]\n\
                     OBSERVABLE_INCLUDE(0) rec[-2]\n";
const FLIPS_MODEL: &str = "error(0.25) D0\nerror(0.25) L0\ndetector(0,1.5) D0\n";

/// Shots, errors and the rest of a row, without its seconds.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Row {
    shots: u64,
    errors: u64,
    rest: String,
}

fn rows(folder: &Path, name: &str) -> Vec<Row> {
    let text = get_text(folder, name);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.splitn(5, ',').collect();
            assert_eq!(
                (fields[0].len(), fields[1].len(), fields[2], fields[3].len()),
                (10, 10, "         0", 8),
                "{line}"
            );
            Row {
                shots: fields[0].trim().parse().unwrap(),
                errors: fields[1].trim().parse().unwrap(),
                rest: fields[4].to_owned(),
            }
        })
        .collect()
}

fn ler(folder: &Path, options: &str) -> String {
    outrider(folder, words(&format!("ler --distance 3 --p 0.02 {options}"))).text().to_owned()
}

#[test]
fn rows_are_sinters() {
    let folder = folder();
    // sinter.Task(circuit, detector_error_model, decoder="mwpm", json_metadata={"d": 3, "p":
    // 0.25}).strong_id()
    put(folder.path(), "d=3,p=0.25.stim", FLIPS);
    put(folder.path(), "m.dem", FLIPS_MODEL);
    let line = "ler --dem m.dem --stim d=3,p=0.25.stim --max-shots 2000 --out s.csv --seed 9";
    let table = outrider(folder.path(), words(line)).text().to_owned();
    let found = rows(folder.path(), "s.csv");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].shots, 2000);
    assert!((400..600).contains(&found[0].errors), "{found:?}");
    assert_eq!(
        found[0].rest,
        "mwpm,c4ec569c7679b3a9a3e21069dfaa463175af46325893ecc442d7ce8e828d5a54,\
         \"{\"\"d\"\":3,\"\"p\"\":0.25}\",\"{\"\"shots_of_seed_9\"\":2000,\"\"shot_numbers_of_seed_9\"\":1999000}\""
    );
    assert!(table.lines().nth(1).unwrap().starts_with("mwpm "), "{table}");
}

#[test]
fn counts_are_the_same_for_any_number_of_threads() {
    let folder = folder();
    for threads in [1, 2, 5] {
        let options =
            format!("--max-errors 150 --decoder mwpm,union-find --threads {threads} --out {threads}.csv");
        ler(folder.path(), &options);
    }
    let reference = rows(folder.path(), "1.csv");
    assert_eq!(reference.len(), 2);
    for row in &reference {
        assert!(row.errors >= 150 && row.shots % 1024 == 0, "{row:?}");
    }
    assert_eq!(rows(folder.path(), "2.csv"), reference);
    assert_eq!(rows(folder.path(), "5.csv"), reference);
}

#[test]
fn a_campaign_goes_on_where_it_ended() {
    let folder = folder();
    let path = folder.path();
    for shots in [1500, 1500, 4000, 10_000] {
        ler(path, &format!("--max-shots {shots} --max-errors 1000000 --out parts.csv"));
    }
    ler(path, "--max-shots 10000 --max-errors 1000000 --out whole.csv");
    let parts = rows(path, "parts.csv");
    let whole = rows(path, "whole.csv");
    // The second run had nothing to do.
    assert_eq!(parts.iter().map(|row| row.shots).collect::<Vec<_>>(), [1500, 2500, 6000]);
    assert_eq!(parts.iter().map(|row| row.errors).sum::<u64>(), whole[0].errors);
    assert!(parts.iter().all(|row| row.rest[..70] == whole[0].rest[..70]), "{parts:?}");

    // Another seed adds shots of its own to the same task.
    ler(path, "--max-shots 12000 --max-errors 1000000 --seed 1 --out parts.csv");
    let added = rows(path, "parts.csv").pop().unwrap();
    assert_eq!(added.shots, 2000);
    assert!(added.rest.contains("shots_of_seed_1"), "{added:?}");
    // And the first seed goes on behind its own shots.
    ler(path, "--max-shots 13000 --max-errors 1000000 --out parts.csv");
    ler(path, "--max-shots 11000 --max-errors 1000000 --out whole.csv");
    let (part, whole) = (rows(path, "parts.csv").pop().unwrap(), rows(path, "whole.csv").pop().unwrap());
    assert_eq!((part.shots, part.errors), (whole.shots, whole.errors));
}

#[test]
fn a_grid_measures_every_point_with_every_decoder() {
    let folder = folder();
    let line = "ler --distance 3,5 --p 0.01,0.02 --basis x,z --rounds 2 --max-shots 1024 \
                --decoder mwpm,mwpm-correlated --circuit paper-published --out s.csv";
    let table = outrider(folder.path(), words(line)).text().to_owned();
    assert_eq!(table.lines().count(), 17);
    let found = rows(folder.path(), "s.csv");
    assert_eq!(found.len(), 16);
    let mut ids: Vec<&str> = found.iter().map(|row| row.rest.split(',').nth(1).unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 16);
    let metadata = "\"{\"\"b\"\":\"\"z\"\",\"\"c\"\":\"\"paper-published\"\",\"\"d\"\":5,\
                    \"\"o\"\":\"\"O1\"\",\"\"p\"\":0.02,\"\"r\"\":2}\"";
    assert!(found.iter().any(|row| row.rest.contains(metadata)), "{found:?}");
}

#[test]
fn rates_are_those_measured_with_stim_and_pymatching() {
    let folder = folder();
    // PyMatching 2.4.0 fails on 0.1736 of 400,000 shots of Stim 1.16.0; five standard deviations of ours.
    ler(folder.path(), "--max-shots 51200 --max-errors 1000000 --out s.csv");
    let row = rows(folder.path(), "s.csv").pop().unwrap();
    let rate = row.errors as f64 / row.shots as f64;
    assert!((0.165..0.182).contains(&rate), "{rate}");
}

#[cfg(target_os = "linux")] // the one with a /dev/full
#[test]
fn a_full_disk_keeps_the_file_whole() {
    let folder = folder();
    outrider(folder.path(), words("ler --distance 3 --p 0.02 --max-shots 10 --out /dev/full"))
        .refused(1, &["/dev/full"]);
}

#[test]
fn rows_follow_the_columns_of_the_file() {
    let folder = folder();
    put(
        folder.path(),
        "s.csv",
        "decoder,note,shots,errors,seconds,strong_id,json_metadata\npymatching,mine,7,1,0.5,abc,{}\n",
    );
    for shots in [1024, 3072] {
        ler(folder.path(), &format!("--max-shots {shots} --max-errors 1000000 --out s.csv"));
    }
    let text = get_text(folder.path(), "s.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "pymatching,mine,7,1,0.5,abc,{}");
    assert!(lines[2].starts_with("mwpm,,      1024,") && lines[3].starts_with("mwpm,,      2048,"), "{text}");
    // Without custom_counts no row says which shots it has; the second one has others than the first.
    ler(folder.path(), "--max-shots 3072 --max-errors 1000000 --out whole.csv");
    let errors = |line: &str| line.split(',').nth(3).and_then(|field| field.trim().parse::<u64>().ok());
    let parts = errors(lines[2]).zip(errors(lines[3])).map(|(first, second)| first + second);
    assert_eq!(parts, Some(rows(folder.path(), "whole.csv")[0].errors));
}

#[test]
fn rows_that_have_lost_their_seeds_are_not_repeated() {
    let folder = folder();
    ler(folder.path(), "--max-shots 2048 --max-errors 1000000 --out s.csv");
    // As `sinter combine --strip_custom_counts` leaves it.
    let text = get_text(folder.path(), "s.csv");
    let stripped = text.split_once("\"{\"\"shots_of_seed").expect("custom counts").0;
    put(folder.path(), "s.csv", format!("{stripped}\n"));
    ler(folder.path(), "--max-shots 5000 --max-errors 1000000 --out s.csv");
    ler(folder.path(), "--max-shots 5000 --max-errors 1000000 --out whole.csv");
    let (parts, whole) = (rows(folder.path(), "s.csv"), rows(folder.path(), "whole.csv"));
    assert_eq!(parts[0].errors + parts[1].errors, whole[0].errors);
}

/// Strong ids of sinter 1.16.0 for [`FLIPS`] under the names of the Python package's decoders, by ours.
const BY_PLUGIN: [(&str, &str); 3] = [
    ("mwpm", "7c2f20328ee317bc3d08c689689248467b0c9883fc1ea13fd9df1d9c66ddc3d5"),
    ("mwpm-correlated", "ef150d57bf17d7bc426e6919172a3b51f9c8cbd56541c589b160513e7741cb28"),
    ("union-find", "d07547d46af29600fab3462f941863f766de29adf7f6096a97e7e1f9a4ba4a02"),
];

fn plugin_row(decoder: &str, strong_id: &str) -> String {
    format!(
        "      1000,       251,         0,   0.100,outrider-{decoder},{strong_id},\"{{\"\"d\"\":3,\"\"p\"\":0.25}}\",\n"
    )
}

#[test]
fn rows_of_the_plug_in_count_and_go_on_under_their_name() {
    let folder = folder();
    put(folder.path(), "d=3,p=0.25.stim", FLIPS);
    put(folder.path(), "m.dem", FLIPS_MODEL);
    let line = "ler --dem m.dem --stim d=3,p=0.25.stim --decoder mwpm,mwpm-correlated,union-find";
    let line = format!("{line} --max-errors 100000 --out s.csv --max-shots");
    let found = BY_PLUGIN.map(|(decoder, strong_id)| plugin_row(decoder, strong_id)).concat();
    put(folder.path(), "s.csv", format!("{HEADER}\n{found}"));
    for (row, shots) in [(3, 3000), (6, 3000), (6, 4500)] {
        let table = outrider(folder.path(), words(&format!("{line} {shots}"))).text().to_owned();
        let counted = table.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap().to_owned());
        assert_eq!(Vec::from_iter(counted), [shots.to_string(), shots.to_string(), shots.to_string()]);
        let rows = rows(folder.path(), "s.csv");
        for ((decoder, strong_id), row) in BY_PLUGIN.iter().zip(&rows[row..]) {
            assert_eq!(row.shots, if shots == 3000 { 2000 } else { 1500 });
            assert!(row.rest.starts_with(&format!("outrider-{decoder},{strong_id},")), "{row:?}");
        }
    }
    assert_eq!(rows(folder.path(), "s.csv").len(), 9);
}

#[test]
fn rows_under_both_names_are_added_up() {
    let folder = folder();
    put(folder.path(), "d=3,p=0.25.stim", FLIPS);
    put(folder.path(), "m.dem", FLIPS_MODEL);
    let ler = |options: &str| {
        let line =
            format!("ler --dem m.dem --stim d=3,p=0.25.stim --max-errors 100000 --out s.csv {options}");
        outrider(folder.path(), words(&line)).text().to_owned()
    };
    ler("--max-shots 2000");
    let (decoder, strong_id) = BY_PLUGIN[0];
    put(folder.path(), "s.csv", get_text(folder.path(), "s.csv") + &plugin_row(decoder, strong_id));
    ler("--max-shots 3000");
    assert_eq!(rows(folder.path(), "s.csv").len(), 2, "there was nothing to do");
    let table = ler("--max-shots 4000");
    let found = rows(folder.path(), "s.csv");
    let row = table.lines().nth(1).unwrap().split_whitespace().take(3).collect::<Vec<_>>();
    let errors = found.iter().map(|row| row.errors).sum::<u64>().to_string();
    assert_eq!(row, ["mwpm", "4000", &errors]);
    assert!(found[2].shots == 1000 && found[2].rest.starts_with("mwpm,"), "{found:?}");
    // What is counted twice is found under either name.
    let text = get_text(folder.path(), "s.csv");
    let own_id = found[0].rest.split(',').nth(1).unwrap();
    let repeated = text.lines().nth(1).unwrap().replace(own_id, strong_id);
    put(folder.path(), "s.csv", format!("{text}{repeated}\n"));
    let line = "ler --dem m.dem --stim d=3,p=0.25.stim --max-errors 100000 --max-shots 9000 --out s.csv";
    outrider(folder.path(), words(line)).refused(2, &["s.csv: shots of seed 0", "--seed"]);
}

#[test]
fn rows_of_the_plug_in_are_not_those_of_windows_or_after_a_predecoder() {
    let folder = folder();
    put(folder.path(), "d=3,p=0.25.stim", FLIPS);
    put(folder.path(), "m.dem", FLIPS_MODEL);
    let (decoder, strong_id) = BY_PLUGIN[0];
    for options in ["--predecoder rule:clique", "--window parallel --commit 3 --spacing 3 --buffer 3"] {
        put(folder.path(), "s.csv", format!("{HEADER}\n{}", plugin_row(decoder, strong_id)));
        let line = "ler --dem m.dem --stim d=3,p=0.25.stim --max-errors 100000 --max-shots 3000 --out s.csv";
        outrider(folder.path(), words(&format!("{line} {options}"))).text();
        let found = rows(folder.path(), "s.csv");
        assert_eq!(found.iter().map(|row| row.shots).collect::<Vec<_>>(), [1000, 3000], "{options}");
        assert!(!found[1].rest.starts_with("outrider-"), "{found:?}");
    }
}

#[test]
fn files_that_count_shots_twice_are_refused_with_the_way_out() {
    let folder = folder();
    ler(folder.path(), "--max-shots 2048 --max-errors 1000000 --out s.csv");
    // The same seed on two machines, joined.
    let text = get_text(folder.path(), "s.csv");
    let row = text.lines().nth(1).expect("a row");
    put(folder.path(), "s.csv", format!("{text}{row}\n"));
    let line = "ler --distance 3 --p 0.02 --max-shots 9000 --max-errors 1000000 --out s.csv";
    outrider(folder.path(), words(line)).refused(2, &["s.csv: shots of seed 0", "--seed"]);
    ler(folder.path(), "--max-shots 9000 --max-errors 1000000 --seed 1 --out s.csv");
}

#[test]
fn two_campaigns_take_turns_with_a_file() {
    let folder = folder();
    let options = "ler --distance 3 --p 0.02 --max-shots 200000 --max-errors 1000000 --threads 1 --out s.csv";
    let start = || {
        let mut command = program();
        command.current_dir(folder.path()).args(words(options)).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    };
    for mut campaign in [start(), start(), start()] {
        assert!(campaign.wait().expect("the program ends").success());
    }
    let found = rows(folder.path(), "s.csv");
    assert_eq!(found.iter().map(|row| row.shots).collect::<Vec<_>>(), [200_000]);
}

#[test]
fn a_signal_keeps_what_was_measured() {
    for signal in ["INT", "TERM"] {
        let folder = folder();
        let line = "ler --distance 3 --p 0.02 --max-errors 18446744073709551615 --max-shots 1000000000000 --threads 1 --out s.csv";
        let mut campaign = program()
            .current_dir(folder.path())
            .args(words(line))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // The header of the table comes when the file is open and signals are watched.
        let mut header = String::new();
        let mut table = BufReader::new(campaign.stdout.take().expect("a pipe"));
        table.read_line(&mut header).expect("a header");
        let sent = Command::new("kill").args(["-s", signal, &campaign.id().to_string()]).status();
        assert!(sent.expect("a kill program").success());
        let output = campaign.wait_with_output().expect("the program ends");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("s.csv: ended by a signal"), "{error}");
        let measured = rows(folder.path(), "s.csv").pop().expect("a row").shots;
        ler(
            folder.path(),
            &format!("--max-shots {} --max-errors 18446744073709551615 --out s.csv", measured + 1024),
        );
        ler(
            folder.path(),
            &format!("--max-shots {} --max-errors 18446744073709551615 --out whole.csv", measured + 1024),
        );
        let errors = |name| rows(folder.path(), name).iter().map(|row| row.errors).sum::<u64>();
        assert_eq!(errors("s.csv"), errors("whole.csv"), "{signal}");
    }
}

#[test]
fn a_campaign_that_fails_at_once_leaves_no_file() {
    let folder = folder();
    outrider(folder.path(), words("ler --dem missing.dem --out s.csv")).refused(2, &["missing.dem"]);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

/// Two observables, and a mark on D2.
const MARKED: &str = "error(0.1) D0 L0\nerror(0.1) D0 D1 L1\nerror(0.1) D1\nerror(0.2) D2\n\
                      error(0.1) D3 L0\nerror(0.2) D3 D4\nerror(0.2) D4\n\
                      detector(0,0,0,0) D0\ndetector(1,0,0) D1\ndetector(2,0,0,1) D2\n";

/// The counts of the first row: shots, errors and discards.
fn counts(folder: &Path, name: &str) -> [u64; 3] {
    let text = get_text(folder, name);
    let row = text.lines().nth(1).expect("a row");
    let numbers: Vec<u64> = row.splitn(4, ',').take(3).map(|field| field.trim().parse().unwrap()).collect();
    [numbers[0], numbers[1], numbers[2]]
}

#[test]
fn discarded_shots_count_as_discards() {
    let folder = folder();
    put(folder.path(), "m.dem", MARKED);
    let sample = "sample --dem m.dem --shots 5000 --seed 6 --out s.01 --out-format 01 --obs-out o.01";
    outrider(folder.path(), words(sample)).text();
    let guesses = outrider(folder.path(), words("decode --dem m.dem --in s.01")).text().to_owned();
    let (shots, flips) = (get_text(folder.path(), "s.01"), get_text(folder.path(), "o.01"));
    let shots: Vec<_> = shots.lines().zip(flips.lines().zip(guesses.lines())).collect();
    let marked = |shot: &str| shot.as_bytes()[2] == b'1';
    let wrong = |flips: &str, guess: &str, k: usize| flips.as_bytes()[k] != guess.as_bytes()[k];
    let (mut discards, mut errors, mut masked, mut masked_errors) = (0, 0, 0, 0);
    for &(shot, (flips, guess)) in &shots {
        discards += u64::from(marked(shot));
        errors += u64::from(!marked(shot) && flips != guess);
        masked += u64::from(marked(shot) || wrong(flips, guess, 1));
        masked_errors += u64::from(!marked(shot) && !wrong(flips, guess, 1) && wrong(flips, guess, 0));
    }
    assert!(
        discards > 500 && masked > discards && masked_errors > 100,
        "{discards} {masked} {masked_errors}"
    );
    let ler = "ler --dem m.dem --seed 6 --max-shots 5000 --max-errors 100000";
    for (options, expected) in [
        ("--postselect-detectors D2", [5000, errors, discards]),
        ("--postselect-detectors-with-non-zero-4th-coord", [5000, errors, discards]),
        ("--postselect-detectors D2-D2 --predecoder rule:clique", [5000, errors, discards]),
        ("--postselect-detectors D2 --postselect-observables L1", [5000, masked_errors, masked]),
    ] {
        for threads in [1, 3] {
            let name = format!("{}-{threads}.csv", options.replace(['-', ' ', ':'], ""));
            let line = format!("{ler} {options} --threads {threads} --out {name}");
            let table = outrider(folder.path(), words(&line)).text().to_owned();
            assert_eq!(counts(folder.path(), &name), expected, "{options}");
            assert!(table.contains("discards"), "{table}");
        }
    }
    for (options, message) in [
        ("--postselect-detectors D5", "--postselect-detectors: D5 of a model with 5 detectors"),
        ("--postselect-observables L7-L8", "--postselect-observables: L8 of a model with 2 observables"),
    ] {
        outrider(folder.path(), words(&format!("{ler} {options}"))).refused(2, &[message]);
    }
}

#[test]
fn errors_are_counted_per_observable() {
    let folder = folder();
    put(folder.path(), "m.dem", MARKED);
    let ler = "ler --dem m.dem --seed 6 --max-errors 100000 --count-observable-error-combos --out c.csv --max-shots";
    outrider(folder.path(), words(&format!("{ler} 2000"))).text();
    let table = outrider(folder.path(), words(&format!("{ler} 5000"))).text().to_owned();
    let mut sums = [0; 3];
    let mut per_observable = [0; 2];
    for (row, line) in get_text(folder.path(), "c.csv").lines().skip(1).enumerate() {
        for (sum, field) in sums.iter_mut().zip(line.splitn(4, ',')) {
            *sum += field.trim().parse::<u64>().unwrap();
        }
        for (combination, wrong) in [("E_", [1, 0]), ("_E", [0, 1]), ("EE", [1, 1])] {
            let key = format!("obs_mistake_mask={combination}\"\":");
            let Some((_, rest)) = line.split_once(&key) else { continue };
            let count: u64 = rest.split([',', '}']).next().unwrap().parse().unwrap();
            (0..2).for_each(|k| per_observable[k] += wrong[k] * count);
        }
        assert!(row < 2);
    }
    let cell =
        |line: usize| table.lines().nth(line).unwrap().split_whitespace().nth(1).unwrap().parse::<u64>();
    assert_eq!(sums[0], 5000);
    assert_eq!([cell(2), cell(3)], per_observable.map(Ok), "{table}");
    assert!(per_observable.iter().sum::<u64>() >= sums[1] && per_observable.iter().all(|&count| count > 100));
}
