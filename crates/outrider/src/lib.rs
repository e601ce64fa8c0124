//! Decoders for surface-code quantum computers: exact, correlated and union-find decoding of Stim data.
//!
//! A [`DetectorErrorModel`] becomes a [`MatchingGraph`]; a [`Decoder`] on that graph turns detection events
//! into predicted observables. [`Sampler`] makes shots from a model, [`SurfaceCode`] makes models,
//! [`ShotReader`] and [`ShotWriter`] speak Stim's result formats.
//!
//! ```
//! use outrider::{Circuit, CircuitFamily, Decoder, DecoderKind, Sampler, Shots, SurfaceCode};
//!
//! let circuit = Circuit::uniform(CircuitFamily::Stim, 0.005);
//! let model = SurfaceCode::memory(5, 5).circuit(circuit).build()?.model()?;
//! let mut sampler = Sampler::new(&model, 1)?;
//! let mut decoder = Decoder::from_model(&model, DecoderKind::MwpmCorrelated)?;
//! let (mut events, mut flips) = sampler.batches();
//! sampler.sample(0, 1000, &mut events, &mut flips)?;
//! let mut predictions = Shots::new(flips.bits());
//! decoder.decode_batch(&events, &mut predictions, None)?;
//! let mistakes = flips.rows().zip(predictions.rows()).filter(|(flip, guess)| flip != guess).count();
//! assert!(mistakes < 30);
//! # Ok::<(), outrider::Error>(())
//! ```
//!
//! Bits are packed everywhere: bit k of a row is bit `k % 8` of byte `k / 8`. Weights are even integers
//! inside; [`MatchingGraph::natural`] gives `ln((1-p)/p)`. Answers are the same on every instruction set and
//! thread. Bad input gives an [`Error`] that names the place, never a panic.
//!
//! Everything here is a safe layer over the C library in `c_core/`, which C programs can use directly.
#![deny(missing_docs)]

mod bulk_noise;
mod bursts;
mod cell_book;
mod clock;
mod decoder;
mod dense_network;
mod drift;
mod error;
mod event_network;
mod gap;
mod graph;
mod history;
mod kernels;
mod labels;
mod learning;
mod likelihood;
mod likelihood_options;
mod measurement_stream;
mod measurements;
mod model;
mod moments;
mod names;
mod network;
mod overrides;
mod patch;
mod patch_predecoder;
mod plan;
mod predecoder;
mod rates;
mod residuals;
mod round_sampler;
mod rounds;
mod rules;
mod sampler;
mod shots;
mod significance;
mod stim_text;
mod stream;
mod stream_learning;
mod stream_learning_options;
mod surface_code;
mod training;
mod trellis;
mod window;
mod workers;

pub use bursts::{BurstOptions, BurstWindow, Bursts, EventSums};
pub use cell_book::{
    CellBook, CellBookOptions, CellBookState, CellImport, CellInput, CellNeed, CellRange, KeptLayer,
    PlacedCommit, PlacedMark,
};
pub use clock::clock_ns;
pub use decoder::{Certificate, DecodeResult, Decoder, DecoderKind, DecoderOptions, Pair};
pub use dense_network::{DenseArithmetic, DenseInfo, DenseNetwork, DenseOptions};
pub use drift::{Drift, DriftDetector, DriftEvents, DriftReport};
pub use error::{Error, Place, Status};
pub use event_network::EventNetwork;
pub use gap::{Gap, GapOptions, GapResult};
pub use graph::{Edge, GraphOptions, Implied, MatchingGraph, WeightedEdge};
pub use history::{EdgeEnds, HistoryDecoder, HistoryWindows};
pub use kernels::Isa;
#[doc(hidden)]
pub use kernels::Kernels;
pub use labels::{LabelBatch, LabelOptions, LabelSampler};
pub use learning::{Learned, LearnedClass, Learning, LearningOptions, Ties};
pub use likelihood::{Likelihood, LikelihoodLevel, LikelihoodResult};
pub use likelihood_options::LikelihoodOptions;
pub use measurement_stream::{MeasuredLayer, MeasurementStream};
pub use measurements::{MeasurementMap, MeasurementOptions, Parity};
pub use model::{DetectorErrorModel, Instruction, InstructionKind, Instructions, Target, TargetKind, Walk};
pub use moments::{Moments, MomentsOptions};
pub use network::{Network, NetworkOptions};
pub use overrides::Override;
pub use patch::{LayerWidths, MakePredecoder, Patch, PatchOptions, PatchPredecoder};
pub use plan::{Axis, Cell, CellShape, Plan, PlanOptions, RowLayout, Rows};
pub use predecoder::{Predecoded, PredecodedBatch, Predecoder, PredecoderUse, Reach};
pub use rates::{Rate, Rates, RatesMethod, RatesOptions, RatesSummary, Shrinkage};
pub use residuals::{
    ClassFlags, Learnability, Misfit, ResidualDetector, ResidualPair, ResidualSummary, Residuals,
};
pub use round_sampler::{RoundSampler, SampledLayer};
pub use rounds::{Rounds, TimeAxis, reorder_bits};
pub use rules::{Rule, RuleOptions};
pub use sampler::{Sampler, SamplerOptions};
pub use shots::{Format, Layout, ShotReader, ShotWriter, Shots};
pub use significance::{chi_square_log10_p, normal_log10_p};
pub use stream::{CellReport, Stream, StreamOptions};
pub use stream_learning::{LearnedNoise, LearnedWeights, NoiseLearner, StreamLearning, WeightsToMake};
pub use stream_learning_options::StreamLearningOptions;
pub use surface_code::{
    Basis, Circuit, CircuitFamily, Orientation, PaperNoise, StimNoise, SurfaceCode, SurfaceCodeBuilder,
};
pub use training::{Geometry, Slot, Training, TrainingBatch, TrainingGaps, TrainingOptions};
pub use trellis::{Trellis, TrellisBudget, TrellisOptions, TrellisResult};
pub use window::{Commit, Role, Window, WindowDecoder, WindowEdge};
pub use workers::{Finished, PatchKey, Times, Wait, Workers, WorkersOptions};
