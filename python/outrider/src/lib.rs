//! The extension module `outrider._outrider`: crate `outrider` for NumPy arrays.
//!
//! Bits come in and go out as arrays with a row per shot, packed or one byte per bit. Work is done in blocks
//! of shots: copied in, decoded or sampled without the interpreter lock, copied out; between blocks signals
//! are looked at, so Ctrl-C ends a long call. Comments on what Python sees are Python's docstrings; the types
//! are in `outrider/_outrider.pyi`.
#![forbid(unsafe_code)]

mod arrays;
mod decoder;
mod drift;
mod errors;
mod gap;
mod graph;
mod learning;
mod likelihood;
mod measurements;
mod model;
mod moments;
mod predecoder;
mod residuals;
mod sampler;
mod shots;
mod stream;
mod surface_code;
mod training;
mod trellis;
mod windows;

/// The module as Python imports it.
#[pyo3::pymodule]
mod _outrider {
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
    #[pymodule_export]
    use crate::decoder::Decoder;
    #[pymodule_export]
    use crate::drift::{Drift, find_bursts};
    #[pymodule_export]
    use crate::gap::Gap;
    #[pymodule_export]
    use crate::graph::MatchingGraph;
    #[pymodule_export]
    use crate::learning::{LearnedNoise, learn};
    #[pymodule_export]
    use crate::likelihood::Likelihood;
    #[pymodule_export]
    use crate::measurements::MeasurementMap;
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::moments::Moments;
    #[pymodule_export]
    use crate::predecoder::Predecoder;
    #[pymodule_export]
    use crate::residuals::Residuals;
    #[pymodule_export]
    use crate::sampler::Sampler;
    #[pymodule_export]
    use crate::shots::read_shots;
    #[pymodule_export]
    use crate::stream::Stream;
    #[pymodule_export]
    use crate::surface_code::SurfaceCode;
    #[pymodule_export]
    use crate::training::Training;
    #[pymodule_export]
    use crate::trellis::Trellis;
    #[pymodule_export]
    use crate::windows::{WindowedDecoder, Windows};
}
