//! Tests that run the C core in their own process, all in one program.
//!
//! A test that counts or refuses allocations, or compiles C itself, is a program of its own: a `[[test]]` of
//! `Cargo.toml`.

mod cell_book;
mod dense_network;
mod edge_flips;
mod estimate;
mod event_network;
mod gap;
mod graph;
mod graph_from_edges;
mod kernels;
mod labels;
mod likelihood;
mod matching;
mod measurement_stream;
mod measurements;
mod model;
mod noise_checks;
mod overrides;
mod plan;
mod predecoded;
mod predecoding;
mod reweight;
mod rounds;
mod rules;
mod sampler;
mod shots;
mod support;
mod surface_code;
mod training;
mod trellis;
mod union_find;
mod window;

use std::fs;
use std::path::Path;

/// A file that nothing names would never run.
#[test]
fn every_file_is_a_test_of_this_program_or_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (here, manifest) = (include_str!("main.rs"), include_str!("../../Cargo.toml"));
    for entry in fs::read_dir(root.join("c_core/tests")).expect("the folder of this file") {
        let path = entry.expect("a file").path();
        let Some("rs") = path.extension().and_then(|extension| extension.to_str()) else { continue };
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let is_here = here.lines().any(|line| line == format!("mod {name};"));
        let is_alone = manifest.contains(&format!("path = \"c_core/tests/{name}.rs\""));
        assert!(is_here != is_alone, "c_core/tests/{name}.rs");
    }
}
