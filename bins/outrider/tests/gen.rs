//! `outrider gen` from the outside. Equality with Stim is tested in the C core and in CI.

mod support;

use support::*;

#[test]
fn circuit_and_model_go_where_they_are_sent() {
    let folder = folder();
    let path = folder.path();
    let circuit = outrider(path, words("gen --distance 3 --rounds 4 --p 0.01")).text().to_owned();
    assert!(circuit.contains("REPEAT 3 {") && circuit.contains("DEPOLARIZE2(0.01)"), "{circuit}");
    let run = outrider(path, words("gen --distance 3 --rounds 4 --p 0.01 --out c.stim --dem-out m.dem"));
    assert_eq!(run.text(), "");
    assert_eq!(get_text(path, "c.stim"), circuit);
    let model = outrider(path, words("gen --distance 3 --rounds 4 --p 0.01 --dem-out -"));
    assert_eq!(get_text(path, "m.dem"), model.text());
    assert_eq!(names(path), ["c.stim", "m.dem"]);
}

#[test]
fn every_family_basis_orientation_and_shape_decodes() {
    let folder = folder();
    let path = folder.path();
    for circuit in ["stim", "paper", "paper-published"] {
        for basis in ["x", "z"] {
            for orientation in if circuit == "stim" { &["O1"][..] } else { &["O1", "O2", "O3", "O4"] } {
                for size in ["--distance 3", "--distance 4", "--size 3x5", "--size 5x2"] {
                    let what =
                        format!("{size} --circuit {circuit} --basis {basis} --orientation {orientation}");
                    let run =
                        outrider(path, words(&format!("gen {what} --rounds 3 --p 0.02 --dem-out m.dem")));
                    assert_eq!(run.code, Some(0), "{what}: {}", run.stderr);
                    let sample = "sample --dem m.dem --shots 300 --append-observables --out s";
                    outrider(path, words(sample)).text();
                    let line = "count_mistakes --dem m.dem --in s --in_includes_appended_observables";
                    assert!(outrider(path, words(line)).text().ends_with(" / 300\n"), "{what}");
                }
            }
        }
    }
}

#[test]
fn folded_models_stay_small() {
    let folder = folder();
    let line = "gen --distance 5 --rounds 1000000 --p 0.001 --fold-loops --dem-out -";
    let folded = outrider(folder.path(), words(line)).text().to_owned();
    assert!(folded.len() < 1_000_000 && folded.contains("repeat 9999"), "{} bytes", folded.len());
}

#[test]
fn noise_parameters_have_their_own_flags() {
    let folder = folder();
    let line = "gen --distance 3 --p 0.01 \
                --after-clifford-depolarization 0.02 --before-measure-flip-probability 0.03 \
                --before-round-data-depolarization 0.04 --after-reset-flip-probability 0.05";
    let circuit = outrider(folder.path(), words(line)).text().to_owned();
    for instruction in ["DEPOLARIZE2(0.02)", "DEPOLARIZE1(0.04)", "X_ERROR(0.03)", "X_ERROR(0.05)"] {
        assert!(circuit.contains(instruction), "{instruction}");
    }
    assert!(!circuit.contains("(0.01)"));
}

#[test]
fn a_noise_file_gives_the_papers_parameters() {
    let folder = folder();
    put(folder.path(), "n.json", "{\"p\": 0.003}");
    let from_file = "gen --distance 3 --circuit paper --noise-file n.json";
    let from_flag = "gen --distance 3 --circuit paper --p 0.003";
    assert_eq!(
        outrider(folder.path(), words(from_file)).text(),
        outrider(folder.path(), words(from_flag)).text()
    );
}
