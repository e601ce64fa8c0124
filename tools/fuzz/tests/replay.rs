//! What the fuzzers have found worth keeping, and seeded mutations of it, without a fuzzer: every promise still holds.

use std::fs;
use std::path::{Path, PathBuf};

use outrider_fuzz::TARGETS;
use outrider_test_support::Random;

/// Mutated inputs a target.
const MUTATIONS: usize = 4_000;

#[test]
fn corpora_replay_without_a_panic() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 8, "only {} files for {name}", corpus.len());
        for (path, bytes) in &corpus {
            println!("{}", path.display());
            target(bytes);
        }
        target(&[]);
    }
}

#[test]
fn mutations_of_the_corpora_replay_without_a_panic() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        let mut random = Random(1);
        for mutation in 0..MUTATIONS {
            let mut bytes = corpus[mutation % corpus.len()].1.clone();
            for _ in 0..=random.below(4) {
                mutate(&mut bytes, &corpus, &mut random);
            }
            target(&bytes);
        }
    }
}

#[test]
fn every_folder_has_its_target() {
    for entry in fs::read_dir(corpora()).expect("the corpora are here") {
        let name = entry.expect("the corpora can be listed").file_name();
        let name = name.to_str().expect("a plain name").to_owned();
        assert!(outrider_fuzz::target(&name).is_some(), "no target reads the corpus {name}");
    }
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = corpora().join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the corpus can be listed").path()).collect();
    paths.sort_unstable();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("the corpus can be read");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn mutate(bytes: &mut Vec<u8>, corpus: &[(PathBuf, Vec<u8>)], random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(12)).min(bytes.len());
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        2 => drop(bytes.drain(at..end)),
        3 => bytes.extend_from_within(at..end),
        4 => bytes.truncate(at),
        _ => {
            let other = &corpus[random.below(corpus.len())].1;
            let count = other.len().min(bytes.len() - at);
            bytes[at..at + count].copy_from_slice(&other[..count]);
        }
    }
}
