//! Pre-decoders from the outside: `decode`, `ler` and `bench` after one, and `outrider predecode`.

#[path = "../../../c_core/tests/support/event_network.rs"]
mod event_network;
mod support;

use std::path::Path;

use event_network::{Colouring, NetworkFile, Shape};
use serde_json::Value;
use support::*;

const RULES: [&str; 3] = ["rule:clique", "rule:smith", "rule:min-sum"];

/// Runs `decode` on the golden shots, without its predictions' file, and returns predictions and stats.
fn decode(folder: &Path, options: &str) -> (String, Value) {
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    let mut arguments = vec!["decode", "--dem", &dem, "--in", &dets, "--stats", "stats.json"];
    arguments.extend(options.split_whitespace());
    let predictions = outrider(folder, arguments).text().to_owned();
    (predictions, json(&get_text(folder, "stats.json")))
}

/// An event network for Stim's circuits: small random weights, and a strong belief in edges that have events at both
/// ends.
fn event_network() -> NetworkFile {
    let mut state = 1_u64;
    let mut word = || {
        // Knuth's constants; the upper half is random enough.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let shape = Shape { width: 16, layers: 1, radius: 2, colouring: Colouring::Mirrored, weight: 1 };
    let mut network = NetworkFile::random(&shape, &mut word);
    // 20 steps of 1/8 nat, each 2^6 at this point.
    network.tensor("head.bias").values.iter_mut().for_each(|bias| *bias += 20.0 * 64.0);
    network
}

/// A dense network of two narrow layers with random weights.
fn dense_network() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("c_core/tests/golden/dense/narrow.safetensors").to_string_lossy().into_owned()
}

/// Runs `predecode` on the golden shots.
fn predecode(folder: &Path, options: &str) -> Run {
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    let mut arguments = vec!["predecode", "--dem", &dem, "--in", &dets];
    arguments.extend(options.split_whitespace());
    outrider(folder, arguments)
}

#[test]
fn every_rule_goes_before_every_decoder() {
    let folder = folder();
    for decoder in ["mwpm", "mwpm-correlated", "union-find"] {
        let (_, plain) = decode(folder.path(), &format!("--decoder {decoder}"));
        assert_eq!((&plain["predecoder"], &plain["predecoder_use"]), (&Value::Null, &Value::Null));
        assert_eq!(plain["events_left"], plain["detection_events"]);
        for rule in RULES {
            for usage in ["soft", "hard"] {
                let options = format!("--decoder {decoder} --predecoder {rule} --predecoder-use {usage}");
                let (one, stats) = decode(folder.path(), &format!("{options} --threads 1"));
                assert_eq!(stats["predecoder"], rule);
                assert_eq!(stats["predecoder_use"], usage);
                assert_eq!(stats["detection_events"], plain["detection_events"]);
                assert!(stats["events_left"].as_u64() < plain["events_left"].as_u64(), "{stats}");
                assert_eq!(decode(folder.path(), &format!("{options} --threads 3")).0, one, "{options}");
            }
        }
    }
    let (alone, _) = decode(folder.path(), "");
    assert_eq!(decode(folder.path(), "--predecoder none").0, alone);
}

#[test]
fn old_names_of_options_mean_the_same() {
    let folder = folder();
    let decoded = |options: &str| {
        let (predictions, stats) = decode(folder.path(), &format!("--predecoder rule:min-sum {options}"));
        (predictions, stats["predecoder_use"].clone(), stats["events_left"].clone())
    };
    let old = decoded("--predecode hard --commit-probability 0.9");
    assert_eq!(old, decoded("--predecoder-use hard --fix-probability 0.9"));
    assert_ne!(old, decoded("--predecoder-use hard"));
    let residual = |name: &str| {
        let options = format!("--predecoder rule:min-sum {name} 0.9 --out-format 01");
        predecode(folder.path(), &options).text().to_owned()
    };
    assert_eq!(residual("--commit-probability"), residual("--fix-probability"));
}

#[test]
fn the_residual_decoded_is_hard_use() {
    let folder = folder();
    let path = folder.path();
    put(path, "net.safetensors", event_network().bytes());
    for options in ["rule:clique", "rule:smith", "rule:min-sum", "net.safetensors --fix-probability 0.9"] {
        let line =
            format!("--predecoder {options} --out left.hits --out-format hits --obs-out done.01 --stats s");
        predecode(path, &format!("{line} --threads 3"));
        let dem = golden("model.dem");
        let left = ["decode", "--dem", &dem, "--in", "left.hits", "--in-format", "hits"];
        let rest = outrider(path, left).text().to_owned();
        let parts: String = rest
            .lines()
            .zip(get_text(path, "done.01").lines())
            .fold(String::new(), |text, (a, b)| text + if a == b { "0\n" } else { "1\n" });
        let (whole, decoded) = decode(path, &format!("--predecoder {options} --predecoder-use hard"));
        assert_eq!(parts, whole, "{options}");
        let stats = json(&get_text(path, "s"));
        assert_eq!(stats["shots"], GOLDEN_SHOTS);
        assert_eq!(stats["detection_events"], decoded["detection_events"]);
        assert_eq!(stats["events_left"], decoded["events_left"]);
        assert!(stats["shots_cleared"].as_u64() > Some(0), "{stats}");
        assert!(stats["reach"].as_array().unwrap().iter().all(|reach| reach.as_f64() > Some(0.0)), "{stats}");
    }
}

#[test]
fn hard_use_commits_what_the_log_odds_say() {
    let folder = folder();
    let path = folder.path();
    for options in ["", "--fix-probability 0.9"] {
        predecode(
            path,
            &format!(
                "--predecoder rule:min-sum {options} --out left.dets --out-format dets \
                                  --log-odds-out odds.txt --stats s"
            ),
        );
        // ln((1-p)/p) of p = 0.9, rounded up a little, as weights are integers.
        let limit = if options.is_empty() { 0.0 } else { -2.196 };
        let shots = get(path, &golden("dets.b8"));
        let (odds, left) = (get_text(path, "odds.txt"), get_text(path, "left.dets"));
        assert_eq!((odds.lines().count(), left.lines().count()), (GOLDEN_SHOTS, GOLDEN_SHOTS));
        let (mut named, mut committed) = (0, 0);
        for ((shot, odds), left) in shots.chunks(GOLDEN_DETECTORS / 8).zip(odds.lines()).zip(left.lines()) {
            let mut events = [false; GOLDEN_DETECTORS];
            for (detector, event) in events.iter_mut().enumerate() {
                *event = shot[detector / 8] >> (detector % 8) & 1 == 1;
            }
            for term in odds.split_whitespace() {
                let (edge, log_odds) = term.split_once(':').unwrap();
                named += 1;
                if log_odds.parse::<f64>().unwrap() > limit {
                    continue;
                }
                committed += 1;
                for end in edge.split('-').filter_map(|end| end.strip_prefix('D')) {
                    events[end.parse::<usize>().unwrap()] ^= true;
                }
            }
            let ones = events.iter().enumerate().filter(|(_, event)| **event);
            let expected = ones.fold("shot".to_owned(), |text, (detector, _)| format!("{text} D{detector}"));
            assert_eq!(left, expected, "{odds}");
        }
        assert!(committed > GOLDEN_SHOTS / 4 && named > 2 * committed, "{committed} of {named}");
        assert_eq!(json(&get_text(path, "s"))["edges_named"], named);
    }
}

#[test]
fn proofs_and_gaps_are_those_behind_the_pre_decoder() {
    let folder = folder();
    for usage in ["soft", "hard"] {
        let options = format!("--predecoder rule:min-sum --predecoder-use {usage} --gap-out gaps.txt");
        let (proved, stats) = decode(folder.path(), &format!("{options} --certify"));
        assert_eq!(stats["certified"], true);
        let gaps = get_text(folder.path(), "gaps.txt");
        assert_eq!(gaps.lines().count(), GOLDEN_SHOTS);
        // The matching that was found is the lightest under the very weights that the gap is about.
        assert!(gaps.lines().all(|gap| gap.parse::<f64>().unwrap() >= 0.0), "{usage}");
        assert_eq!(decode(folder.path(), &options).0, proved);
    }
    decode(folder.path(), "--gap-out plain.txt");
    assert_ne!(get_text(folder.path(), "plain.txt"), get_text(folder.path(), "gaps.txt"));
}

#[test]
#[allow(clippy::too_many_lines, reason = "mostly arguments of commands")]
fn campaigns_count_what_decode_counts() {
    let folder = folder();
    let path = folder.path();
    let dem = golden("model.dem");
    outrider(
        path,
        [
            "sample",
            "--dem",
            &dem,
            "--shots",
            "3000",
            "--seed",
            "4",
            "--append-observables",
            "--out-format",
            "b8",
            "--out",
            "shots.b8",
        ],
    )
    .text();
    let line = [
        "ler",
        "--dem",
        &dem,
        "--max-shots",
        "3000",
        "--max-errors",
        "1000000",
        "--seed",
        "4",
        "--out",
        "s.csv",
        "--predecoder",
        "none",
        "--predecoder",
        "rule:min-sum",
        "--decoder",
        "mwpm,union-find",
    ];
    let table = outrider(path, line).text().to_owned();
    assert!(table.lines().next().unwrap().contains("left  pre %"), "{table}");
    let rows = get_text(path, "s.csv");
    let names = ["mwpm", "union-find", "rule:min-sum+mwpm", "rule:min-sum+union-find"];
    assert_eq!(rows.lines().count(), 1 + names.len());
    for (index, name) in names.iter().enumerate() {
        let (row, shown) = (rows.lines().nth(index + 1).unwrap(), table.lines().nth(index + 1).unwrap());
        let (predecoder, decoder) = name.split_once('+').unwrap_or(("none", name));
        let stats = [
            "decode",
            "--dem",
            &dem,
            "--in",
            "shots.b8",
            "--in-includes-appended-observables",
            "--decoder",
            decoder,
            "--predecoder",
            predecoder,
            "--out",
            "/dev/null",
            "--stats",
            "stats.json",
        ];
        outrider(path, stats).text();
        let stats = json(&get_text(path, "stats.json"));
        let fields: Vec<&str> = row.split(',').map(str::trim).collect();
        assert_eq!(fields[4], *name);
        assert_eq!(stats["mistakes"].to_string(), fields[1], "{name}");
        assert!(shown.starts_with(&format!("{name} ")), "{table}");
        if predecoder == "none" {
            assert!(!row.contains("events") && shown.contains(" - "), "{row}\n{shown}");
            continue;
        }
        assert!(row.contains("\"\"pre\"\":\"\"rule:min-sum\"\",\"\"use\"\":\"\"soft\"\""), "{row}");
        for (key, value) in [("events", &stats["detection_events"]), ("events_left", &stats["events_left"])] {
            assert!(row.contains(&format!("\"\"{key}\"\":{value},")), "{key} {value}: {row}");
        }
        let events = stats["detection_events"].as_f64().unwrap() / 3000.0;
        assert!(shown.contains(&format!(" {events:.2} ")), "{shown}");
    }
    // Run again there is nothing to do, and the table says the same but for rounded times.
    let again = outrider(path, line).text().to_owned();
    let counts = |table: &str| -> Vec<Vec<String>> {
        let columns = [0, 1, 2, 3, 8, 9, 10];
        let pick = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            columns.iter().map(|&column| fields[column].to_owned()).collect()
        };
        table.lines().skip(1).map(pick).collect()
    };
    assert_eq!(counts(&again), counts(&table));
    assert_eq!(get_text(path, "s.csv"), rows);
}

#[test]
fn uses_and_thresholds_are_tasks_of_their_own() {
    let folder = folder();
    for options in ["", "--predecoder-use hard", "--predecoder-use hard --fix-probability 0.9"] {
        let line = format!(
            "ler --distance 3 --p 0.02 --max-shots 1024 --out s.csv --predecoder rule:clique {options}"
        );
        outrider(folder.path(), words(&line)).text();
    }
    let rows = get_text(folder.path(), "s.csv");
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[0].contains(",rule:clique+mwpm,"), "{rows:?}");
    assert!(
        rows[1].contains(",rule:clique-hard+mwpm,") && rows[1].contains("\"\"use\"\":\"\"hard\"\""),
        "{rows:?}"
    );
    assert!(rows[2].contains("\"\"commit_p\"\":0.9"), "{rows:?}");
}

#[test]
fn bench_takes_the_stages_apart() {
    let folder = folder();
    let line = "bench --distance 5 --p 0.01 --shots 3000 --predecoder rule:min-sum --json j";
    let text = outrider(folder.path(), words(line)).text().to_owned();
    assert!(text.contains("plain matching on the same shots"), "{text}");
    let report = json(&get_text(folder.path(), "j"));
    let figure = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((&report["predecoder"], &report["predecoder_use"]), (&"rule:min-sum".into(), &"soft".into()));
    assert!(figure("events_left_per_shot") < figure("events_per_shot") / 2.0, "{report}");
    let (network, matching) = (figure("predecode_us"), figure("decode_us"));
    assert!(network > 0.0 && matching > 0.0, "{report}");
    assert!((figure("predecode_share") - network / (network + matching)).abs() < 1e-9, "{report}");
    assert!(
        (figure("speed_to_plain") * figure("mean_us") - figure("plain_mean_us")).abs() < 1e-9,
        "{report}"
    );
    outrider(folder.path(), words("bench --distance 3 --p 0.01 --shots 10 --json j")).text();
    assert!(json(&get_text(folder.path(), "j")).get("predecoder").is_none());
}

#[test]
fn networks_are_shared_by_threads_and_told_apart_in_campaigns() {
    let folder = folder();
    let path = folder.path();
    let mut network = event_network();
    put(path, "net.safetensors", network.bytes());
    for usage in ["soft", "hard"] {
        let options =
            format!("--predecoder net.safetensors --predecoder-use {usage} --decoder mwpm-correlated");
        let (one, stats) = decode(path, &format!("{options} --threads 1"));
        assert_eq!((&stats["predecoder"], &stats["predecoder_use"]), (&"net".into(), &usage.into()));
        assert!(stats["events_left"].as_u64() < stats["detection_events"].as_u64(), "{stats}");
        assert_eq!(decode(path, &format!("{options} --threads 3")).0, one);
    }
    // A file of the same name with other weights is another task.
    let line = "ler --distance 3 --p 0.02 --max-shots 1024 --predecoder net.safetensors --out s.csv";
    outrider(path, words(line)).text();
    outrider(path, words(line)).text();
    network.tensor("head.bias").values[0] += 1.0;
    put(path, "net.safetensors", network.bytes());
    outrider(path, words(line)).text();
    let rows = get_text(path, "s.csv");
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().all(|row| row.contains(",net+mwpm,") && row.contains("\"\"net\"\":")), "{rows:?}");
    assert_ne!(rows[0].split(',').nth(5), rows[1].split(',').nth(5));
}

#[test]
fn networks_say_what_they_are() {
    let folder = folder();
    let path = folder.path();
    put(path, "net.safetensors", event_network().bytes());
    for (predecoder, fragments) in [
        (
            "net.safetensors",
            vec!["net: event network", "16 channels", "1 layers", "reach", "  shots: 0\n", "random"],
        ),
        (
            &dense_network(),
            vec!["narrow: dense network", "3 x 3 x 3", "parameters", "reach", "arithmetic: float"],
        ),
        ("rule:smith", vec!["rule smith"]),
    ] {
        let text = outrider(path, ["predecode", "--describe", "--predecoder", predecoder]).text().to_owned();
        for fragment in fragments {
            assert!(text.contains(fragment), "{fragment:?} is not in {text}");
        }
    }
}

#[test]
fn a_description_is_not_about_shots() {
    let folder = folder();
    for option in [
        "--dem m",
        "--in s",
        "--in-format 01",
        "--in-includes-appended-observables",
        "--out o",
        "--out-format 01",
        "--obs-out o",
        "--obs-out-format 01",
        "--log-odds-out o",
        "--stats t",
        "--threads 1",
        "--isa portable",
        "--ignore-undecomposable",
        "--fix-probability 0.9",
        "--data-threshold 0",
        "--syndrome-threshold 0",
        "--surface d=3,r=3,b=z",
    ] {
        let line = format!("predecode --predecoder rule:clique --describe {option}");
        let option = option.split(' ').next().unwrap();
        outrider(folder.path(), words(&line)).refused(2, &["--describe", option]);
    }
}

#[test]
fn dense_networks_know_the_experiment() {
    let folder = folder();
    let path = folder.path();
    let net = dense_network();
    let known = [
        "ler",
        "--distance",
        "3",
        "--p",
        "0.01",
        "--circuit",
        "paper",
        "--max-shots",
        "1024",
        "--predecoder",
        &net,
    ];
    for usage in ["soft", "hard"] {
        let table = outrider(path, known.iter().chain(&["--predecoder-use", usage])).text().to_owned();
        assert!(table.lines().nth(1).unwrap().starts_with("narrow"), "{table}");
    }
    outrider(path, words("gen --distance 3 --p 0.01 --circuit paper --dem-out m.dem --out c.stim")).text();
    outrider(path, words("sample --dem m.dem --shots 500 --seed 2 --out s.b8 --out-format b8")).text();
    let told =
        ["decode", "--dem", "m.dem", "--in", "s.b8", "--out", "p", "--stats", "t", "--predecoder", &net];
    let hard = ["--predecoder-use", "hard", "--surface", "d=3,r=3,b=z", "--data-threshold", "-0.5"];
    outrider(path, told.iter().chain(&hard)).text();
    assert_eq!(json(&get_text(path, "t"))["shots"], 500);

    let edges = ["--edges-out", "e"];
    outrider(path, told.iter().chain(&hard).chain(&edges))
        .refused(2, &["--edges-out", "dense network", "hard"]);
    let soft = ["--surface", "d=3,r=3,b=z"];
    outrider(path, told.iter().chain(&soft).chain(&edges)).text();
    assert_eq!(get_text(path, "e").lines().count(), 500);

    outrider(path, told).refused(2, &["narrow", "dense network", "--surface"]);
    for (surface, fragments) in [
        ("d=5,r=3,b=z", ["m.dem", "narrow"]),
        ("d=3,r=3", ["--surface", "b=x|z"]),
        ("d=3,r=3,b=y", ["--surface", "b=y"]),
        ("d=3,r=3,b=z,c=stim", ["m.dem", "narrow"]),
        ("d=2000000,r=3,b=z", ["--surface", "2000000"]),
    ] {
        outrider(path, told.iter().chain(&["--surface", surface])).refused(2, &fragments);
    }
    let refused = |options: &[&str], fragments: &[&str]| {
        outrider(path, told.iter().chain(options)).refused(2, fragments)
    };
    refused(
        &["--fix-probability", "0.9", "--predecoder-use", "hard"],
        &["--fix-probability", "--data-threshold"],
    );
    refused(&["--syndrome-threshold", "0.5"], &["--syndrome-threshold", "hard"]);
    refused(
        &["--syndrome-threshold", "inf", "--predecoder-use", "hard"],
        &["--syndrome-threshold", "finite"],
    );
    outrider(path, known.iter().chain(&["--surface", "d=3,r=3,b=z"])).refused(2, &["--surface", "--dem"]);
    outrider(path, words("ler --distance 3 --p 0.01 --predecoder").iter().chain(&[&*net]))
        .refused(2, &["narrow"]);
}

#[test]
fn files_and_models_that_networks_are_not_for_are_refused() {
    let folder = folder();
    let path = folder.path();
    let network = event_network().bytes();
    put(path, "net.safetensors", &network);
    put(path, "cut.safetensors", &network[..network.len() - 1]);
    put(path, "text.safetensors", "not a network at all, though long enough");
    put(path, "empty.safetensors", "");
    let mut other = event_network();
    other.metadata[0].1 = "sparse".to_owned();
    put(path, "other.safetensors", other.bytes());
    let dense = std::fs::read(dense_network()).expect("a golden file");
    let damaged = |name: &str, what: &[u8], by: &[u8]| {
        let place = dense.windows(what.len()).position(|window| window == what).expect("what is replaced");
        put(path, name, [&dense[..place], by, &dense[place + what.len()..]].concat());
    };
    damaged("brace.safetensors", b"{\"dtype", b"(\"dtype");
    damaged("name.safetensors", b"net.0.weight", b"nut.0.weight");
    damaged("letter.safetensors", b"fp16", b"fp\xFF6");
    put(path, "torn.safetensors", &dense[..100]);
    let dem = golden("model.dem");
    for (file, fragment) in [
        ("cut.safetensors", "cut.safetensors: "),
        ("text.safetensors", "text.safetensors: "),
        ("empty.safetensors", "empty.safetensors: "),
        ("other.safetensors", "neither an event network (metadata format is sparse) nor a dense one"),
        ("brace.safetensors", "brace.safetensors: safetensors header, byte "),
        ("name.safetensors", "name.safetensors: not a dense pre-decoder: there is no tensor net.0.weight"),
        ("letter.safetensors", "letter.safetensors: the metadata's quant_format is"),
        ("torn.safetensors", "torn.safetensors: the file ends inside its safetensors header"),
        ("nowhere.safetensors", "cannot open"),
    ] {
        let options = ["--predecoder", file];
        outrider(path, ["decode", "--dem", &dem].iter().chain(&options)).refused(2, &[file, fragment]);
        outrider(path, ["predecode", "--describe"].iter().chain(&options)).refused(2, &[file]);
    }
    put(path, "bare.dem", "error(0.1) D0 D1\nerror(0.1) D1 L0\n");
    put(
        path,
        "line.dem",
        "error(0.1) D0 D1\nerror(0.1) D1 L0\ndetector(2, 2, 0) D0\ndetector(12, 2, 0) D1\n",
    );
    for command in ["decode", "ler", "bench", "predecode"] {
        let run =
            |dem: &str| outrider(path, words(&format!("{command} --dem {dem} --predecoder net.safetensors")));
        run("bare.dem").refused(2, &["bare.dem: net: ", "coordinates", "without a pre-decoder works"]);
        run("line.dem").refused(2, &["line.dem: net: ", "not made for this code"]);
    }
    let run = outrider_with_input(path, words("decode --dem bare.dem --in-format dets"), b"shot D0\n");
    assert_eq!(run.text(), "1\n");
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 D1\nerror(0.1) D1 L0\n");
    for (options, fragments) in [
        ("--predecoder rule:nearest", vec!["--predecoder", "nearest", "clique, smith, min-sum"]),
        ("--predecoder-use hard", vec!["--predecoder"]),
        ("--predecoder none --surface d=3,r=3,b=x", vec!["--surface", "--predecoder"]),
        ("--predecoder clique", vec!["--predecoder", "rule:NAME", ".safetensors"]),
        ("--predecoder rule:smith --predecoder-use firm", vec!["--predecoder-use", "firm", "soft, hard"]),
        ("--predecoder rule:smith --fix-probability 0.7", vec!["--fix-probability", "hard"]),
        (
            "--predecoder rule:smith --predecoder-use hard --fix-probability 1",
            vec!["--fix-probability", "below 1"],
        ),
        (
            "--predecoder rule:smith --predecoder-use hard --fix-probability 0",
            vec!["--fix-probability", "above 0"],
        ),
        ("--predecoder rule:smith --predecoder-use hard --fix-probability nan", vec!["--fix-probability"]),
        (
            "--predecoder rule:smith --predecoder-use hard --data-threshold 1",
            vec!["--data-threshold", "--fix-probability"],
        ),
    ] {
        for command in ["decode", "ler", "bench"] {
            outrider(path, words(&format!("{command} --dem m.dem {options}"))).refused(2, &fragments);
        }
    }
    put(path, "net.safetensors", event_network().bytes());
    for predecoder in ["rule:clique", "net.safetensors"] {
        for command in ["decode", "ler", "ler --predecoder none", "bench", "predecode"] {
            let line = format!("{command} --dem m.dem --predecoder {predecoder} --surface d=3,r=3,b=x");
            outrider(path, words(&line)).refused(2, &["--surface", "dense networks"]);
        }
    }
    outrider(path, words("predecode --dem m.dem --predecoder none")).refused(2, &["--predecoder none"]);
    outrider(path, words("predecode --dem m.dem --predecoder rule:clique --out a --obs-out a"))
        .refused(2, &["--out and --obs-out"]);
    outrider(path, words("predecode --dem - --predecoder rule:clique")).refused(2, &["standard input"]);
    let run = outrider_with_input(
        path,
        words("predecode --dem m.dem --predecoder rule:clique --in-format dets --out o"),
        b"shot D0\nshot D2\n",
    );
    run.refused(2, &["standard input", "shot 2"]);
    assert_eq!(names(path), ["m.dem", "net.safetensors"]);
}
