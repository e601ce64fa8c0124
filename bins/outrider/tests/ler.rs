//! `outrider ler` from the outside: sinter's CSV, stop rules, resuming. sinter itself reads the files in
//! oracle/cli.py.

mod support;

use std::path::Path;

use support::*;

const HEADER: &str =
    "     shots,    errors,  discards, seconds,decoder,strong_id,json_metadata,custom_counts";

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
    put(
        folder.path(),
        "d=3,p=0.25.stim",
        "# written by hand\nx_error(0.25) 0\nX_ERROR(0.25) 1\nM 0\nMZ 1\nDETECTOR(0,1.50) rec[-1]\n\
         OBSERVABLE_INCLUDE(0) rec[-2]\n",
    );
    put(folder.path(), "m.dem", "error(0.25) D0\nerror(0.25) L0\ndetector(0,1.5) D0\n");
    let line = "ler --dem m.dem --stim d=3,p=0.25.stim --max-shots 2000 --out s.csv --seed 9";
    let table = outrider(folder.path(), words(line)).text().to_owned();
    let found = rows(folder.path(), "s.csv");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].shots, 2000);
    // The observable flips unseen with probability 1/4.
    assert!((400..600).contains(&found[0].errors), "{found:?}");
    assert_eq!(
        found[0].rest,
        "mwpm,c4ec569c7679b3a9a3e21069dfaa463175af46325893ecc442d7ce8e828d5a54,\
         \"{\"\"d\"\":3,\"\"p\"\":0.25}\",\"{\"\"shots_of_seed_9\"\":2000}\""
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
