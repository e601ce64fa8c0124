//! The C programs of `c_core/README.md` and `c_core/examples/` build by the lines written there and give the
//! safe API's answers.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use outrider::{
    Basis, Circuit, CircuitFamily, Decoder, DecoderKind, DetectorErrorModel, Format, Layout, Sampler,
    ShotWriter, Shots, SurfaceCode,
};

#[test]
fn decode_file_gives_the_answers_of_the_safe_api() {
    let directory = scratch("decode_file");
    let program = build_example("decode_file", &directory);
    let (model, detectors, expected) = decoded_memory();
    let dem = directory.join("memory.dem");
    let b8 = directory.join("shots.b8");
    std::fs::write(&dem, model.to_text()).expect("the scratch directory is writable");
    let layout = Layout::detectors(detectors.bits());
    std::fs::write(&b8, encode(&detectors, Format::B8, layout)).expect("the scratch directory is writable");

    let output = run(Command::new(&program).args([&dem, &b8]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = encode(&expected, Format::Text01, Layout::observables(1));
    assert!(output.stdout == expected, "the predictions differ");

    std::fs::write(&b8, b"ab").expect("the scratch directory is writable");
    let output = run(Command::new(&program).args([&dem, &b8]));
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn embed_loop_gains_from_overrides() {
    let directory = scratch("embed_loop");
    let program = build_example("embed_loop", &directory);
    let output = run(&mut Command::new(program));
    let text = String::from_utf8(output.stdout).expect("plain ASCII");
    let mistakes = |what: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(what));
        line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no '{what}' in: {text}"))
    };
    let (blind, told) = (mistakes("mistakes without heralds:"), mistakes("mistakes with heralds:"));
    assert!(told * 2 < blind, "{text}");
}

#[test]
fn the_readme_is_right() {
    let directory = scratch("readme");
    let readme = std::fs::read_to_string(root().join("c_core/README.md")).expect("the README is readable");
    let code = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a C listing");
    let printed =
        readme.split("It prints `").nth(1).and_then(|rest| rest.split('`').next()).expect("its output");
    std::fs::write(directory.join("tour.c"), code).expect("the scratch directory is writable");
    let x86 = cfg!(target_arch = "x86_64");
    for line in ["    gcc ", "    grep "].iter().take(if x86 { 2 } else { 1 }) {
        let library = readme.lines().find(|text| text.starts_with(line)).expect("a build line");
        let sources = format!("{}/c_core", root().display());
        let library = library.replace("c_core", &sources).replace("gcc", &compiler());
        shell(&library, &directory);
        let link = format!("{} -I{sources}/include tour.c liboutrider.a -lm -o tour", compiler());
        shell(&link, &directory);
        let output = run(&mut Command::new(directory.join("tour")));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), printed);
    }
}

/// Builds an example by the line in its head comment, from the repository's root as it says.
fn build_example(name: &str, directory: &Path) -> PathBuf {
    let source =
        std::fs::read_to_string(root().join(format!("c_core/examples/{name}.c"))).expect("it is readable");
    let line = source.lines().find_map(|line| line.trim_start_matches([' ', '*']).strip_prefix("gcc "));
    let line = line.expect("a build line in the head comment");
    let output = format!("-o {name}");
    assert!(line.ends_with(&output), "{line}");
    let program = directory.join(name);
    let line = line.replace(&output, &format!("-o '{}'", program.display()));
    shell(&format!("{} {line}", compiler()), &root());
    program
}

/// Runs a build line, without its optimisation: the library is compiled often here and used little.
fn shell(line: &str, directory: &Path) {
    let line = line.replace("-O3", "-O0").replace("-O2", "-O0");
    let output = run(Command::new("sh").arg("-c").arg(&line).current_dir(directory));
    assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A sampled memory with its decoded observables.
fn decoded_memory() -> (DetectorErrorModel, Shots, Shots) {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
    let code = SurfaceCode::memory(3, 4).basis(Basis::X).circuit(circuit).build().expect("valid options");
    let model = code.model().expect("a small model");
    let mut sampler = Sampler::new(&model, 3).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, 10_000, &mut detectors, &mut observables).expect("batches of the right width");
    let mut decoder = Decoder::from_model(&model, DecoderKind::Mwpm).expect("a matchable model");
    let mut predictions = Shots::new(observables.bits());
    decoder.decode_batch(&detectors, &mut predictions, None).expect("every shot matches");
    let mistakes = predictions.rows().zip(observables.rows()).filter(|(guess, flip)| guess != flip).count();
    assert!(mistakes > 0 && mistakes < 2_000, "{mistakes} mistakes");
    (model, detectors, predictions)
}

fn encode(shots: &Shots, format: Format, layout: Layout) -> Vec<u8> {
    let mut writer = ShotWriter::new(Vec::new(), format, layout).expect("a valid layout");
    writer.write(shots).expect("memory does not fail");
    writer.finish().expect("memory does not fail")
}

fn compiler() -> String {
    std::env::var("CC").unwrap_or_else(|_| "cc".to_owned())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory below Cargo's target directory.
fn scratch(name: impl AsRef<OsStr>) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_examples").join(name.as_ref());
    if directory.exists() {
        std::fs::remove_dir_all(&directory).expect("the scratch directory is ours");
    }
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    directory
}
