//! The page that `outrider learn --plot` writes: what is on it, that it is well-formed and needs no other file, and that
//! names of files cannot change it.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};
use support::*;

/// Sections in their order.
const SECTIONS: [&str; 7] = ["summary", "rates", "patch", "drift", "residuals", "failures", "settings"];

/// The page as a tree, after checking that it is well-formed and loads nothing.
fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(page, options).expect("well-formed markup");
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        for forbidden in ["script", "img", "link", "iframe", "object", "image", "use", "foreignObject"] {
            assert_ne!(name, forbidden);
        }
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            assert!(!key.starts_with("on"), "{key}");
            assert!(!matches!(key, "src" | "style" | "srcset"), "{key}");
            assert!(key != "href" || value.starts_with('#'), "{value}");
            assert!(!value.contains("NaN") && !value.contains("inf"), "{name} {key}={value}");
        }
        // A browser reads these as HTML: only elements without an end may be closed at once.
        let is_void = matches!(name, "meta" | "br" | "hr" | "input");
        assert_eq!(page[node.range()].ends_with("/>"), is_void, "{name}");
    }
    let style = document.descendants().find(|node| node.has_tag_name_of("style")).expect("a style");
    let style = style.text().expect("rules");
    assert!(!style.contains("url(") && !style.contains("@import") && !style.contains('<'));
    document
}

/// Names of elements without their name space.
trait Named {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Named for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}

fn section<'d>(document: &'d Document<'_>, id: &str) -> Node<'d, 'd> {
    let mut sections = document.descendants().filter(|node| node.has_tag_name_of("section"));
    sections.find(|node| node.attribute("id") == Some(id)).unwrap_or_else(|| panic!("no section {id}"))
}

/// All text below a node.
fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

fn count(node: Node<'_, '_>, name: &str, class: &str) -> usize {
    let has_class = |node: &Node<'_, '_>| {
        class.is_empty() || node.attribute("class").is_some_and(|all| all.split(' ').any(|one| one == class))
    };
    node.descendants().filter(|node| node.has_tag_name_of(name) && has_class(node)).count()
}

/// Arguments that learn from the golden shots.
fn learn_golden(more: &str) -> Vec<String> {
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    let line = format!("learn --dem {dem} --in {dets} {more}");
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_page_has_all_sections_with_their_numbers() {
    let folder = folder();
    let obs = golden("obs.b8");
    let options = format!("--obs {obs} --cross-validate --decoder mwpm --window 100 --blocks 500");
    let run =
        outrider(folder.path(), learn_golden(&format!("{options} --plot page.html --report report.json")));
    let (summary, page) = (run.text().to_owned(), get_text(folder.path(), "page.html"));
    let report = json(&get_text(folder.path(), "report.json"));
    assert_eq!(names(folder.path()), ["page.html", "report.json"]);
    let document = parsed(&page);
    let ids: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name_of("section"))
        .filter_map(|node| node.attribute("id"))
        .collect();
    assert_eq!(ids, SECTIONS);
    for line in summary.lines().filter(|line| !line.starts_with("warning: ")) {
        assert!(text(section(&document, "summary")).contains(line), "{line}");
    }
    // A mark for each class, and one for each kind in the legend.
    let rates = section(&document, "rates");
    let classes = report["rates"].as_array().expect("rates").len();
    let sizes = (1..=4).filter(|&size| count(rates, "g", &format!("size{size}")) > 1).count();
    assert_eq!(count(rates, "path", "mark"), classes + sizes);
    let patch = &report["patch"];
    let places = patch["places"].as_array().expect("places").len();
    let map = section(&document, "patch");
    assert_eq!(count(map, "circle", ""), places);
    let drift = section(&document, "drift");
    let events = report["events"].as_array().expect("a series");
    let blocks = report["blocks"].as_array().expect("blocks");
    assert_eq!((events.len(), blocks.len()), (GOLDEN_SHOTS / 100, GOLDEN_SHOTS / 500));
    assert_eq!(count(drift, "circle", "mark"), events.len() + blocks.len());
    let residuals = &report["residuals"];
    let tested = text(section(&document, "residuals"));
    for (significant, all) in
        [("outside_significant", "outside_tested"), ("inside_significant", "inside_tested")]
    {
        assert!(tested.contains(&format!("{} of {}", residuals[significant], residuals[all])));
    }
    let apart = |rows: &str| -> u64 {
        let rows = residuals[rows].as_array().expect("rows");
        rows.iter().map(|row| row["tested"].as_u64().expect("a count")).sum()
    };
    assert_eq!(Some(apart("outside_apart")), residuals["outside_tested"].as_u64());
    assert_eq!(Some(apart("inside_apart")), residuals["inside_tested"].as_u64());
    let failures = section(&document, "failures");
    assert_eq!((count(failures, "rect", "prior"), count(failures, "rect", "learned")), (2, 2));
    let score = &report["scores"][0];
    for number in [&score["prior_failures"], &score["learned_failures"], &score["only_prior"]] {
        assert!(text(failures).contains(&number.to_string()), "{number}");
    }
    let settings = text(section(&document, "settings"));
    assert!(settings.contains(env!("CARGO_PKG_VERSION")) && settings.contains("closed-form"));
}

#[test]
fn the_series_of_events_is_that_of_the_shots() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.25) D0 L0\nerror(0.25) D0 D1\n");
    put(folder.path(), "in.01", "10\n11\n00\n01\n11\n11\n");
    outrider(folder.path(), words("learn --dem m.dem --in in.01 --window 4 --report r.json --plot p.html"))
        .text();
    let report = json(&get_text(folder.path(), "r.json"));
    // Events 1, 2, 0, 1 have the mean 1 and the sample variance 2 / 3; 2 and 2 have no spread.
    let events = &report["events"];
    assert_eq!((events[0]["first_shot"].as_u64(), events[0]["last_shot"].as_u64()), (Some(0), Some(3)));
    assert_eq!((events[0]["mean"].as_f64(), events[1]["mean"].as_f64()), (Some(1.0), Some(2.0)));
    let error = events[0]["error"].as_f64().expect("an error");
    assert!((error - (2.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    assert_eq!(events[1]["error"].as_f64(), Some(0.0));
    parsed(&get_text(folder.path(), "p.html"));
}

#[test]
fn warnings_are_on_top() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.01) D0 L0\nerror(0.01) D0 D1\n");
    put(folder.path(), "in.01", "11\n".repeat(5));
    let run = outrider(folder.path(), words("learn --dem m.dem --in in.01 --plot p.html"));
    let warning = run.text().lines().find_map(|line| line.strip_prefix("warning: ")).expect("few shots");
    let page = get_text(folder.path(), "p.html");
    let document = parsed(&page);
    let first = section(&document, "summary").children().nth(1).expect("a warning");
    assert_eq!((first.attribute("class"), text(first)), (Some("warning"), format!("Warning: {warning}")));
}

#[test]
fn hostile_names_of_files_and_groups_are_text() {
    let hostile = b"<script>alert('a')&amp;\"x\"<!-- ]]>\n\x01\xff.01";
    let group = "</pre><script>alert(1)</script>&lt;";
    let folder = folder();
    let shots = OsStr::from_bytes(hostile);
    fs::write(folder.path().join(shots), "10\n01\n11\n").expect("the folder is writable");
    put(folder.path(), "\"><img src=x onerror=alert(1)>.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\n");
    put(folder.path(), "groups", format!("{group} -"));
    let dem = OsStr::new("\"><img src=x onerror=alert(1)>.dem");
    let arguments = ["learn", "--tie", "groups", "--plot", "p.html", "--in-format", "01", "--dem"];
    let mut arguments: Vec<_> = arguments.into_iter().map(OsStr::new).collect();
    arguments.extend([dem, OsStr::new("--in"), shots]);
    outrider(folder.path(), arguments).text();
    let page = get_text(folder.path(), "p.html");
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{1}'));
    let document = parsed(&page);
    assert!(text(section(&document, "settings")).contains("\"><img src=x onerror=alert(1)>.dem"));
    let name = "<script>alert('a')&amp;\"x\"<!-- ]]>\n\u{fffd}\u{fffd}.01";
    assert!(text(section(&document, "settings")).contains(name));
    assert!(text(section(&document, "summary")).contains(group));
}

#[test]
fn a_model_without_coordinates_has_no_map() {
    let folder = folder();
    let model = fs::read_to_string(golden("model.dem")).expect("the golden model");
    let errors: Vec<_> = model.lines().filter(|line| line.starts_with("error")).collect();
    put(folder.path(), "m.dem", errors.join("\n"));
    outrider(folder.path(), words(&format!("learn --dem m.dem --in {} --plot p.html", golden("dets.b8"))))
        .text();
    let page = get_text(folder.path(), "p.html");
    let document = parsed(&page);
    let map = section(&document, "patch");
    assert_eq!(count(map, "svg", ""), 0);
    assert!(text(map).contains("the model's detectors have no coordinates"));
    assert!(text(section(&document, "residuals")).contains("no table by distance"));
}

#[test]
fn models_at_the_edge_of_what_can_be_drawn_have_a_page() {
    // Nothing to learn; no rate above 0; one place; places on a line; times without places; three coordinates.
    for model in [
        "detector D0\nlogical_observable L0\n",
        "error(0) D0\n",
        "error(0.1) D0\ndetector(1, 1, 0) D0\n",
        "error(0.1) D0 D1\nerror(0.1) D1\ndetector(0, 0) D0\ndetector(1, 0) D1\n",
        "error(0.1) D0 D1\ndetector(0) D0\ndetector(1) D1\n",
        "error(0.1) D0 D1\ndetector(0, 1, 2, 0) D0\ndetector(0, 1, 4, 0) D1\n",
        "error(0.4) D0 D1\nerror(0.000001) D1\n",
    ] {
        let folder = folder();
        put(folder.path(), "m.dem", model);
        let detectors = 1 + usize::from(model.contains("D1"));
        put(folder.path(), "in.01", format!("{}\n", "1".repeat(detectors)).repeat(3));
        let run = outrider(folder.path(), words("learn --dem m.dem --in in.01 --plot p.html"));
        assert_eq!(run.code, Some(0), "{model}{run:?}");
        parsed(&get_text(folder.path(), "p.html"));
    }
}

#[test]
fn bursts_are_marked_and_not_in_the_series() {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0\nerror(0.1) D1\n");
    let mut shots = String::new();
    for window in 0..40 {
        for shot in 0..20 {
            shots += if window == 20 || shot % 10 == 0 { "11\n" } else { "00\n" };
        }
    }
    put(folder.path(), "in.01", shots);
    let learn = "learn --dem m.dem --in in.01 --window 20 --plot p.html --report r.json";
    outrider(folder.path(), words(learn)).text();
    let report = json(&get_text(folder.path(), "r.json"));
    assert_eq!(report["bursts"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["events"].as_array().map(Vec::len), Some(39));
    let page = get_text(folder.path(), "p.html");
    let document = parsed(&page);
    let drift = section(&document, "drift");
    let burst = drift.descendants().find(|node| node.attribute("class") == Some("burst")).expect("a group");
    assert!(text(burst).contains("left out: shots 400 to 419, 40 events where 4 are usual"));
    outrider(folder.path(), words(&format!("{learn} --keep-bursts"))).text();
    let report = json(&get_text(folder.path(), "r.json"));
    assert_eq!(report["events"].as_array().map(Vec::len), Some(40));
}

#[test]
fn the_page_of_a_big_model_stays_small() {
    let folder = folder();
    let at = folder.path();
    outrider(
        at,
        words("gen --code rotated-surface --distance 9 --rounds 9 --p 0.005 --out c.stim --dem-out m.dem"),
    )
    .text();
    outrider(at, words("sample --dem m.dem --shots 1000 --out in.b8")).text();
    let learn = "learn --dem m.dem --in in.b8 --shrink none --window 1 --keep-bursts --blocks 500 --correlations inside";
    outrider(at, words(&format!("{learn} --plot p.html --report r.json"))).text();
    let page = get_text(at, "p.html");
    let classes = json(&get_text(at, "r.json"))["rates"].as_array().map(Vec::len).expect("rates");
    assert!(classes > 12_000, "{classes}");
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    let document = parsed(&page);
    let rates = section(&document, "rates");
    // Each of four sizes, and in the legend.
    assert_eq!(count(rates, "path", "mark"), 3 * 250 + 240 + 4);
    let dots = rates.descendants().filter(|node| node.attribute("class") == Some("dots"));
    let dots: usize = dots.map(|node| node.attribute("d").expect("data").matches('M').count()).sum();
    assert_eq!(dots, classes - 3 * 250 - 240);
}

#[test]
fn the_page_can_go_to_standard_output_alone() {
    let folder = folder();
    let run = outrider(folder.path(), learn_golden("--plot -"));
    parsed(run.text());
    assert!(run.stderr.starts_with("2000 shots of 24 detectors"), "{}", run.stderr);
    outrider(folder.path(), learn_golden("--plot - --out -"))
        .refused(2, &["--out and --plot both write to -"]);
    outrider(folder.path(), learn_golden("--plot x --report ./x"))
        .refused(2, &["--report and --plot both write to x"]);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn nothing_is_written_on_an_error() {
    let folder = folder();
    let at: &Path = folder.path();
    put(at, "m.dem", "error(0.1) D0 L0\n");
    put(at, "bad.01", "1\n0\n2\n");
    put(at, "old.html", "old");
    outrider(at, words("learn --dem m.dem --in bad.01 --plot new.html --out new.dem"))
        .refused(2, &["bad.01"]);
    outrider(at, words("learn --dem m.dem --in bad.01 --plot old.html")).refused(2, &["bad.01"]);
    outrider(at, words("learn --dem m.dem --in bad.01 --plot no/page.html")).refused(2, &["no/page.html"]);
    assert_eq!(names(at), ["bad.01", "m.dem", "old.html"]);
    assert_eq!(get_text(at, "old.html"), "old");
}
