//! Streams of shots through the decoders of all threads.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use outrider::{
    Decoder, EdgeEnds, Error, HistoryDecoder, LikelihoodLevel, LikelihoodResult, MatchingGraph, Override,
    Shots,
};
use serde::Serialize;

use crate::decoding::decoder_factory::DecoderFactory;
use crate::decoding::stages::Gaps;
use crate::decoding::sum_decoder::{SumDecoder, Summed};
use crate::error::Result;
use crate::formats::edge_lines::ShotWeights;
use crate::formats::numbers::general;
use crate::input::{Batch, Batches};
use crate::threads::{Worker, run_ordered};

/// Digits that give a weight back bit for bit.
pub(crate) const WEIGHT_DIGITS: usize = 17;

/// What is wanted beyond predictions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras {
    /// A line of weight per shot.
    pub(crate) weights: bool,
    /// A line of edges per shot.
    pub(crate) edges: bool,
    /// A line of complementary gap per shot.
    pub(crate) gaps: bool,
    /// Where their search ends, in natural units.
    pub(crate) gap_limit: Option<f64>,
}

/// What became of one batch.
pub(crate) struct Decoded {
    /// Predicted observables.
    pub(crate) predictions: Shots,
    /// What really happened to the observables, if it is known.
    pub(crate) flips: Option<Shots>,
    /// One line per shot, if wanted.
    pub(crate) weights: String,
    /// One line per shot, if wanted.
    pub(crate) edges: String,
    /// One line per shot, if wanted.
    pub(crate) gaps: String,
    /// Sums over the batch.
    pub(crate) totals: Totals,
}

/// Sums over shots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    /// Shots decoded.
    pub(crate) shots: u64,
    /// Detection events in them.
    pub(crate) events: u64,
    /// Events that were left to match after pre-decoding; in windows, those that any window had to match.
    pub(crate) events_left: u64,
    /// Shots with a wrong observable, where the truth is known.
    pub(crate) mistakes: u64,
    /// The same of each observable.
    pub(crate) mistakes_per_observable: Vec<u64>,
    /// As many mistakes as the decoder itself expects, if it is one that does.
    pub(crate) expected_mistakes: f64,
    /// Shots by what decided them, if it is likelihood.
    pub(crate) levels: Levels,
}

/// Shots by the level of likelihood that decided them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Levels {
    /// The first gaps alone.
    gap: u64,
    /// The mean of both gaps.
    mean_gap: u64,
    /// The sum.
    sum: u64,
    /// The sum over more errors.
    deep: u64,
    /// Of those of the sum, shots that it did not explain: the mean gap answered.
    fallback: u64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.shots += other.shots;
        self.events += other.events;
        self.events_left += other.events_left;
        self.mistakes += other.mistakes;
        self.expected_mistakes += other.expected_mistakes;
        self.levels.add(other.levels);
        self.mistakes_per_observable.resize(other.mistakes_per_observable.len(), 0);
        for (sum, more) in self.mistakes_per_observable.iter_mut().zip(&other.mistakes_per_observable) {
            *sum += more;
        }
    }
}

impl Levels {
    fn count(&mut self, result: LikelihoodResult) {
        match result.level {
            LikelihoodLevel::Gap => self.gap += 1,
            LikelihoodLevel::MeanGap => self.mean_gap += 1,
            LikelihoodLevel::Sum => self.sum += 1,
            LikelihoodLevel::Deep => self.deep += 1,
        }
        self.fallback += u64::from(result.is_fallback);
    }

    fn add(&mut self, Self { gap, mean_gap, sum, deep, fallback }: Self) {
        self.gap += gap;
        self.mean_gap += mean_gap;
        self.sum += sum;
        self.deep += deep;
        self.fallback += fallback;
    }
}

/// Decodes every batch on `threads` threads and hands the answers to `each` in the order of the shots;
/// `name` is the stream's, for errors.
pub(crate) fn decode_all(
    factory: &DecoderFactory,
    threads: usize,
    extras: Extras,
    mut batches: Batches,
    mut weights: Option<ShotWeights>,
    name: &Path,
    each: &mut dyn FnMut(Decoded) -> Result<()>,
) -> Result<Totals> {
    let mut workers = Vec::with_capacity(threads);
    for _ in 0..threads {
        let decoder = match factory.windowed_decoder()? {
            Some(decoder) => ShotDecoder::Windowed(decoder),
            None => match factory.sum_decoder()? {
                Some(decoder) => ShotDecoder::Sum(decoder),
                None => ShotDecoder::Whole(factory.decoder()?),
            },
        };
        let has_own_gaps = matches!(decoder, ShotDecoder::Sum(_));
        let gaps = (extras.gaps && !has_own_gaps).then(|| factory.gaps(extras.gap_limit)).transpose()?;
        let graph = Arc::clone(factory.graph());
        workers.push(StreamWorker { graph, decoder, gaps, extras, name: name.to_owned(), edges: Vec::new() });
    }
    let mut totals = Totals::default();
    let produce = move || {
        let Some(batch) = batches.next()? else {
            weights.as_mut().map_or(Ok(()), ShotWeights::require_end)?;
            return Ok(None);
        };
        let shots = batch.rows.len();
        let overrides = weights.as_mut().map(|weights| (0..shots).map(|_| weights.next()).collect());
        Ok(Some(Job { batch, overrides: overrides.transpose()? }))
    };
    run_ordered(workers, Box::new(produce), &mut |decoded: Decoded| {
        totals.add(&decoded.totals);
        each(decoded)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(totals)
}

/// A batch, and the weights of its shots if they have any.
struct Job {
    batch: Batch,
    overrides: Option<Vec<Vec<Override>>>,
}

struct StreamWorker {
    graph: Arc<MatchingGraph>,
    decoder: ShotDecoder,
    gaps: Option<Gaps>,
    extras: Extras,
    name: PathBuf,
    /// Of the last shot, if wanted.
    edges: Vec<EdgeEnds>,
}

enum ShotDecoder {
    Whole(Decoder),
    Windowed(HistoryDecoder),
    Sum(SumDecoder),
}

/// What became of one shot.
struct DecodedShot {
    /// Nothing where the decoder matches no events.
    events_left: Option<u64>,
    /// In natural units; windows and sums have none.
    weight: Option<f64>,
    /// From a sum over errors.
    summed: Option<Summed>,
}

impl StreamWorker {
    fn decode(
        &mut self,
        detectors: &[u8],
        overrides: &[Override],
        prediction: &mut [u8],
    ) -> std::result::Result<DecodedShot, Error> {
        self.edges.clear();
        match &mut self.decoder {
            ShotDecoder::Whole(decoder) => {
                let result = decoder.decode(detectors, overrides, prediction)?;
                if self.extras.edges {
                    for &edge in decoder.edges()? {
                        self.edges.push(EdgeEnds::of(&self.graph, edge)?);
                    }
                }
                let weight = self.graph.natural(result.weight);
                let events_left = Some(result.matched_count.into());
                Ok(DecodedShot { events_left, weight: Some(weight), summed: None })
            }
            ShotDecoder::Windowed(decoder) => {
                let edges = self.extras.edges.then_some(&mut self.edges);
                let events_left = decoder.decode(detectors, prediction, edges)?;
                self.edges.sort_unstable();
                Ok(DecodedShot { events_left: Some(events_left), weight: None, summed: None })
            }
            ShotDecoder::Sum(decoder) => {
                let summed = decoder.decode(detectors, prediction)?;
                if let (true, SumDecoder::Likelihood(likelihood)) = (self.extras.edges, decoder) {
                    for &edge in likelihood.edges()? {
                        self.edges.push(EdgeEnds::of(&self.graph, edge)?);
                    }
                }
                Ok(DecodedShot { events_left: None, weight: None, summed: Some(summed) })
            }
        }
    }
}

impl Worker for StreamWorker {
    type Job = Job;
    type Answer = Decoded;

    fn run(&mut self, Job { batch, overrides }: Job) -> Result<Decoded> {
        let graph = Arc::clone(&self.graph);
        let detectors = batch.detectors(graph.node_count() as usize)?;
        let mut decoded = Decoded {
            predictions: Shots::zeroed(graph.observable_count() as usize, batch.rows.len()),
            flips: None,
            weights: String::new(),
            edges: String::new(),
            gaps: String::new(),
            totals: Totals { shots: batch.rows.len() as u64, ..Totals::default() },
        };
        for (index, row) in detectors.rows().enumerate() {
            let prediction = decoded.predictions.row_mut(index);
            let shot = batch.index(index) + 1;
            let overrides = overrides.as_ref().map_or(&[][..], |all| &all[index]);
            let result = self.decode(row, overrides, prediction);
            let result = result.map_err(|error| error.with_path(&self.name).with_shot(shot))?;
            let event_count = events(&detectors, index, graph.node_count()).count() as u64;
            decoded.totals.events += event_count;
            decoded.totals.events_left += result.events_left.unwrap_or(event_count);
            match result.summed {
                Some(Summed::Trellis(result)) => decoded.totals.expected_mistakes += result.failure,
                Some(Summed::Likelihood(result)) => decoded.totals.levels.count(result),
                None => {}
            }
            if let Some(weight) = result.weight.filter(|_| self.extras.weights) {
                push_weight(&mut decoded.weights, weight);
            }
            if self.extras.edges {
                push_edges(&mut decoded.edges, &self.edges);
            }
            if let Some(gaps) = &mut self.gaps {
                let events = events(&detectors, index, graph.node_count());
                let found = gaps.gaps(events, overrides, prediction);
                let found = found.map_err(|error| error.with_path(&self.name).with_shot(shot))?;
                push_gaps(&mut decoded.gaps, found.into_iter().map(|gap| graph.natural(gap)));
            } else if let (true, ShotDecoder::Sum(decoder)) = (self.extras.gaps, &self.decoder) {
                let limit = self.extras.gap_limit.unwrap_or(f64::INFINITY);
                let of_prediction = decoder.ratios().iter().enumerate().map(|(observable, &ratio)| {
                    let is_flipped = prediction[observable / 8] >> (observable % 8) & 1 == 1;
                    if is_flipped { -ratio } else { ratio }.min(limit)
                });
                push_gaps(&mut decoded.gaps, of_prediction);
            }
        }
        if let Some(flips) = &batch.flips {
            let mistakes = flips.rows().zip(decoded.predictions.rows()).filter(|(flip, guess)| flip != guess);
            decoded.totals.mistakes = mistakes.count() as u64;
            decoded.totals.mistakes_per_observable = mistakes_per_observable(flips, &decoded.predictions);
        }
        decoded.flips = batch.flips;
        Ok(decoded)
    }
}

/// Of each observable, the shots in which it is predicted wrongly.
fn mistakes_per_observable(flips: &Shots, predictions: &Shots) -> Vec<u64> {
    let mut mistakes = vec![0; flips.bits()];
    for (flip, guess) in flips.rows().zip(predictions.rows()).filter(|(flip, guess)| flip != guess) {
        for (observable, count) in mistakes.iter_mut().enumerate() {
            *count += u64::from((flip[observable / 8] ^ guess[observable / 8]) >> (observable % 8) & 1);
        }
    }
    mistakes
}

/// The detection events of a row, which may have observables after its detectors.
pub(crate) fn events(rows: &Shots, row: usize, detectors: u32) -> impl Iterator<Item = u32> {
    rows.ones(row).map(|bit| bit as u32).take_while(move |&event| event < detectors)
}

fn push_weight(text: &mut String, weight: f64) {
    text.push_str(&general(weight, WEIGHT_DIGITS));
    text.push('\n');
}

/// Appends one line of gaps in natural units, separated by spaces.
fn push_gaps(text: &mut String, gaps: impl Iterator<Item = f64>) {
    let texts: Vec<_> = gaps.map(|gap| general(gap, WEIGHT_DIGITS)).collect();
    text.push_str(&texts.join(" "));
    text.push('\n');
}

/// Appends one line of edges: `D3-D7` between detectors, `D9-B` to the boundary, separated by spaces.
fn push_edges(text: &mut String, edges: &[EdgeEnds]) {
    for (index, &edge) in edges.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        push_ends(text, edge);
    }
    text.push('\n');
}

/// Appends `D3-D7` or `D9-B`.
pub(crate) fn push_edge(text: &mut String, graph: &MatchingGraph, edge: u32) -> Result<()> {
    push_ends(text, EdgeEnds::of(graph, edge)?);
    Ok(())
}

fn push_ends(text: &mut String, EdgeEnds { node1, node2 }: EdgeEnds) {
    // Writing to a string cannot fail.
    let _ = match node2 {
        Some(node2) => write!(text, "D{node1}-D{node2}"),
        None => write!(text, "D{node1}-B"),
    };
}
