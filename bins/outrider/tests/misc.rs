//! bench, demo, completions, man, help.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::*;

#[test]
fn bench_writes_its_figures() {
    let folder = folder();
    let dem = golden("model.dem");
    let dets = golden("dets.b8");
    let memory = words("bench --distance 3 --p 0.01 --shots 3000 --decoder union-find --json j");
    let file = ["bench", "--dem", &dem, "--in", &dets, "--rounds", "3", "--shots", "3000", "--json", "j"];
    for (arguments, decoder, shots) in [(memory, "union-find", 3000), (file.into(), "mwpm", GOLDEN_SHOTS)] {
        let text = outrider(folder.path(), arguments).text().to_owned();
        assert!(text.contains("p99.9"), "{text}");
        let report = json(&get_text(folder.path(), "j"));
        assert_eq!((&report["decoder"], &report["shots"]), (&decoder.into(), &shots.into()));
        assert_eq!(report["rounds"], 3);
        let figure = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
        let rising = ["p50_us", "p90_us", "p99_us", "p999_us", "max_us"].map(figure);
        assert!(rising.is_sorted() && rising[0] > 0.0, "{rising:?}");
        assert!(figure("mean_us") <= figure("max_us"));
        assert!((figure("us_per_round") - figure("mean_us") / 3.0).abs() < 1e-9);
        assert!((2.0..4.0).contains(&figure("events_per_shot")), "{report}");
        assert!(report["isa"].is_string());
    }
    let run = outrider(folder.path(), words("bench --distance 3 --p 0.01 --shots 10 --json -"));
    assert_eq!(json(run.text())["shots"], 10);
}

#[test]
fn demo_shows_every_decoder_learns_and_loses_no_round() {
    let folder = folder();
    let text = outrider(folder.path(), words("demo --shots 2048")).text().to_owned();
    // On the device's shots, with what was learned from them, and on sampled ones.
    for (decoder, count) in [
        ("mwpm ", 3),
        ("mwpm-correlated ", 3),
        ("union-find ", 2),
        ("trellis ", 2),
        ("event-stim+mwpm ", 1),
        ("event-stim+likelihood ", 1),
    ] {
        let lines = text.lines().filter(|line| line.trim_start().starts_with(decoder));
        assert_eq!(lines.count(), count, "{decoder} in {text}");
    }
    let left = |name: &str| -> f64 {
        let row = text.lines().rfind(|line| line.split_whitespace().next() == Some(name)).unwrap();
        row.split_whitespace().rev().nth(1).unwrap().parse().unwrap()
    };
    assert!(left("event-stim+mwpm") < left("mwpm") / 2.0, "{text}");
    assert!(text.contains("CC BY 4.0") && text.contains("outrider decode"), "{text}");
    // PyMatching makes 7825 mistakes in the 50,000 shots of the device.
    let line = text.lines().find(|line| line.trim_start().starts_with("mwpm ")).unwrap();
    let rate: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((rate - 7825.0 / 50_000.0).abs() < 1e-3, "{line}");
    // The sum over all errors takes the Y errors into account that it ignores.
    let line = text.lines().find(|line| line.trim_start().starts_with("trellis ")).unwrap();
    assert!(line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() < rate, "{line}");
    // Learned rates make fewer mistakes.
    for line in text.lines().filter(|line| line.contains(" -> ") && line.contains(" times [")) {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        assert!(numbers.len() == 2 && numbers[1] < numbers[0], "{line}");
    }
    assert!(
        text.contains(" us: held\n") || text.contains("no pace is held on this machine as it is"),
        "{text}"
    );
    for told in ["lost rounds: 0", "those of one thread: 0 of", "fail-over: noticed after"] {
        assert!(text.contains(told), "{text}");
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn completions_know_the_subcommands() {
    let folder = folder();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = outrider(folder.path(), ["completions", shell]);
        assert!(script.text().contains("count_mistakes"), "{shell}");
    }
}

#[test]
fn manual_pages_cover_the_subcommands() {
    let folder = folder();
    assert!(outrider(folder.path(), ["man"]).text().contains(".TH outrider 1"));
    assert_eq!(outrider(folder.path(), ["man", "."]).text(), "");
    let pages = names(folder.path());
    for page in ["outrider.1", "outrider-decode.1", "outrider-count_mistakes.1", "outrider-ler.1"] {
        assert!(pages.contains(&page.to_owned()), "{pages:?}");
    }
    assert!(get_text(folder.path(), "outrider-decode.1").contains("weights"));
}

#[test]
fn help_is_plain_in_a_pipe_and_has_examples() {
    let folder = folder();
    let version = outrider(folder.path(), ["--version"]);
    assert_eq!(version.text(), format!("outrider {}\n", env!("CARGO_PKG_VERSION")));
    for command in [
        "decode",
        "predict",
        "count_mistakes",
        "predecode",
        "sample",
        "m2d",
        "gen",
        "ler",
        "bench",
        "completions",
        "man",
    ] {
        let help = outrider(folder.path(), [command, "--help"]).text().to_owned();
        assert!(help.contains("Example") && !help.contains('\u{1b}'), "{command}: {help}");
    }
    assert!(outrider(folder.path(), ["--help"]).text().contains("count_mistakes"));
}

#[test]
fn options_in_the_documents_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let documents =
        fs::read_dir(root.join("docs")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let documents = documents.filter(|path| path.extension().is_some_and(|suffix| suffix == "md"));
    let documents =
        documents.chain(["README.md", "models/README.md", "deploy/README.md"].map(|name| root.join(name)));
    let folder = folder();
    let mut helps = BTreeMap::new();
    let mut seen = 0;
    for document in documents.filter(|path| path.exists()) {
        let text = fs::read_to_string(&document).expect("a document");
        for (command, option) in options_in_code(&text) {
            let help = helps.entry(command.clone()).or_insert_with(|| {
                let help = outrider(folder.path(), [&command, "--help"]).text().to_owned();
                BTreeSet::from_iter(help.split([' ', '\n', ',', '=']).map(str::to_owned))
            });
            assert!(help.contains(&option), "{}: outrider {command} {option}", document.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} options in all documents");
}

/// The options of `outrider` and `outrider-node` in blocks of code, each with its subcommand.
fn options_in_code(text: &str) -> Vec<(String, String)> {
    let mut is_fenced = false;
    let mut code = String::new();
    for line in text.lines() {
        is_fenced ^= line.starts_with("```");
        if is_fenced || line.starts_with("    ") {
            code += line;
            code.push('\n');
        }
    }
    let mut options = Vec::new();
    for command in code.replace("\\\n", " ").split(['\n', '|', ';', '&']) {
        let mut words = command.split_whitespace();
        let subcommand = words.by_ref().find_map(|word| match word.rsplit('/').next() {
            Some("outrider") => Some(None),
            Some("outrider-node") => Some(Some("node")),
            _ => None,
        });
        let Some(subcommand) = subcommand.and_then(|node| node.or_else(|| words.next())) else { continue };
        let given = words.filter(|word| word.starts_with("--")).filter_map(|word| word.split('=').next());
        options.extend(given.map(|option| (subcommand.to_owned(), option.to_owned())));
    }
    options
}
