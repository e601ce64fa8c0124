//! Weights and erasures of single shots from files.

mod support;

use support::*;

/// D0 alone is explained by its boundary edge, or over D1 and the other boundary.
const CHAIN: &str = "error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.2) D1\n";

#[test]
fn each_shot_has_the_weights_of_its_line() {
    let folder = folder();
    put(folder.path(), "m.dem", CHAIN);
    put(folder.path(), "s.01", "10\n10\n10\n10\n00\n");
    let lines = "\nD0-B:6 D1-D0:2.5 D1-B:2.5\nD0-B:inf\nD0-D1:30 D1-B:40 D0-B:69.5\nD0-B:-inf\n";
    put(folder.path(), "w.txt", lines);
    let line = "decode --dem m.dem --in s.01 --weights-in w.txt --weights-out out.txt --gap-out gap.txt";
    let predictions = outrider(folder.path(), words(line)).text().to_owned();
    assert_eq!(predictions, "1\n0\n0\n1\n1\n");
    let values = |name: &str| -> Vec<f64> {
        get_text(folder.path(), name).lines().map(|line| line.parse().expect("a number")).collect()
    };
    let expected = [9f64.ln(), 5.0, 2.0 * 4f64.ln(), 69.5, 2.0 * 4f64.ln()];
    for (found, expected) in values("out.txt").iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
    }
    let gaps = values("gap.txt");
    assert!((gaps[1] - 1.0).abs() < 1e-5 && (gaps[3] - 0.5).abs() < 1e-5, "{gaps:?}");
    assert!(gaps[2] == f64::INFINITY, "no edge set flips the observable: {gaps:?}");
}

#[test]
fn erased_edges_cost_nothing() {
    let folder = folder();
    put(folder.path(), "m.dem", CHAIN);
    put(folder.path(), "s.01", "10\n10\n10\n");
    put(folder.path(), "e.txt", "\nD0-D1 D1-B\nD0-B D0-D1 D1-B\n");
    put(folder.path(), "w.txt", "D0-B:9\nD0-D1:9\nD0-B:9\n");
    for threads in [1, 3] {
        let line = format!("decode --dem m.dem --in s.01 --erasures-in e.txt --threads {threads}");
        assert!(outrider(folder.path(), words(&line)).text().starts_with("1\n0\n"));
    }
    // Both: an erasure counts for more.
    let line = "decode --dem m.dem --in s.01 --erasures-in e.txt --weights-in w.txt --weights-out out.txt";
    assert!(outrider(folder.path(), words(line)).text().starts_with("0\n0\n"));
    assert!(get_text(folder.path(), "out.txt").ends_with("\n0\n0\n"));
}

#[test]
fn what_predecode_writes_decodes_as_the_predecoder_does() {
    let folder = folder();
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    let decode = ["decode", "--dem", &dem, "--in", &dets];
    let softly = outrider(folder.path(), decode.iter().copied().chain(["--predecoder", "rule:smith"]));
    let predecode = ["predecode", "--dem", &dem, "--in", &dets, "--predecoder", "rule:smith"];
    let outputs = ["--out", "left.b8", "--obs-out", "o.01", "--log-odds-out", "w.txt"];
    outrider(folder.path(), predecode.into_iter().chain(outputs)).text();
    let by_file = outrider(folder.path(), decode.iter().copied().chain(["--weights-in", "w.txt"]));
    assert_eq!(by_file.text(), softly.text());
}

#[test]
fn bad_lines_are_refused_with_their_place() {
    let folder = folder();
    put(folder.path(), "m.dem", CHAIN);
    put(folder.path(), "s.01", "10\n10\n");
    let cases = [
        ("D0-B:1\n", "w.txt: ends after 1 lines, before that of shot 2"),
        ("\n\n\n", "w.txt:3: another line after those of all 2 shots"),
        ("\nD0-D1\n", "w.txt:2: expected an edge and its weight"),
        ("D0-B:nan\n\n", "w.txt:1: expected an edge and its weight"),
        ("D0-D9:1\n\n", "w.txt:1: the model has no edge D0-D9"),
        ("\nD0-B:-5000\n", "w.txt:2: a weight of -5000 is more than"),
    ];
    for (text, message) in cases {
        put(folder.path(), "w.txt", text);
        outrider(folder.path(), words("decode --dem m.dem --in s.01 --weights-in w.txt --out p.01"))
            .refused(2, &[message]);
        assert!(!names(folder.path()).contains(&"p.01".to_owned()));
    }
    put(folder.path(), "w.txt", "\nD0-B:-5000\n");
    let line = "decode --dem m.dem --in s.01 --weights-in w.txt --weight-range 5000";
    assert_eq!(outrider(folder.path(), words(line)).text(), "1\n1\n");
    for (options, message) in [
        ("--in s.01 --weights-in w.txt --window forward --commit 1 --buffer 1", "are for whole histories"),
        ("--in s.01 --weights-in none.txt", "none.txt"),
        ("--weights-in - --in -", "both read standard input"),
    ] {
        let run = outrider(folder.path(), words(&format!("decode --dem m.dem {options}")));
        assert!(run.code != Some(0) && run.stderr.contains(message), "{run:?}");
    }
}

#[test]
fn ler_takes_them_by_the_number_of_the_shot() {
    let folder = folder();
    put(folder.path(), "m.dem", CHAIN);
    outrider(folder.path(), words("sample --dem m.dem --shots 3000 --seed 4 --out s.b8 --obs-out o.01"))
        .text();
    let line = |shot: u64| ["\n", "D0-B\n", "D0-D1 D1-B\n", "D0-B D1-B\n"][shot as usize % 4];
    put(folder.path(), "e.txt", (0..3000).map(line).collect::<String>());
    let predictions =
        outrider(folder.path(), words("decode --dem m.dem --in s.b8 --erasures-in e.txt")).text().to_owned();
    let flips = get_text(folder.path(), "o.01");
    let wrong = predictions.lines().zip(flips.lines()).filter(|(guess, flip)| guess != flip).count();
    let ler = "ler --dem m.dem --seed 4 --erasures-in e.txt --out l.csv --max-errors 100000 --max-shots";
    // In two runs, the second of which goes on where the first one ended.
    outrider(folder.path(), words(&format!("{ler} 1500"))).text();
    let table = outrider(folder.path(), words(&format!("{ler} 3000"))).text().to_owned();
    let row: Vec<&str> = table.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!((row[1], row[2]), ("3000", wrong.to_string().as_str()), "{table}");
    assert!(get_text(folder.path(), "l.csv").contains("erasures"), "the rows name the file");
    outrider(folder.path(), words(&format!("{ler} 4000"))).refused(2, &["e.txt: ends after 3000 lines"]);
    outrider(folder.path(), words("ler --distance 3 --p 0.01 --erasures-in e.txt"))
        .refused(2, &["--weights-in and --erasures-in need --dem"]);
}
