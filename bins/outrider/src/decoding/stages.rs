//! Pre-decoding and decoding taken apart: for the time that each takes, and for gaps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use outrider::{
    DecodeResult, Decoder, DecoderOptions, Gap, GapOptions, MatchingGraph, Override, Predecode, Predecoder,
};

use crate::report::statistics::StageTotals;

/// A pre-decoder, and a decoder that takes what it leaves: the answers of a decoder that has the pre-decoder inside.
pub(crate) struct Stages {
    predecoder: Predecoder,
    decoder: Decoder,
    usage: Predecode,
    events: Vec<u32>,
}

impl Stages {
    /// Sets up the decoder that `options` ask for behind the pre-decoder.
    pub(crate) fn new(predecoder: Predecoder, options: &DecoderOptions) -> Result<Self, outrider::Error> {
        let usage = options.predecode;
        let options = DecoderOptions { weight_offset: offset(&predecoder, usage), ..*options };
        let decoder = Decoder::with_options(Arc::clone(predecoder.graph()), &options)?;
        Ok(Self { predecoder, decoder, usage, events: Vec::new() })
    }

    /// The graph.
    pub(crate) fn graph(&self) -> &Arc<MatchingGraph> {
        self.predecoder.graph()
    }

    /// Decodes the shot with these events, ascending, into packed observables.
    pub(crate) fn decode(
        &mut self,
        events: impl Iterator<Item = u32>,
        observables: &mut [u8],
    ) -> Result<StageTotals, outrider::Error> {
        let start = Instant::now();
        self.events.clear();
        self.events.extend(events);
        let left = Left::of(&mut self.predecoder, self.usage, &self.events)?;
        let predecoded = Instant::now();
        let DecodeResult { matched_count, .. } =
            self.decoder.decode_events(left.events, left.overrides, observables)?;
        for (bits, flips) in observables.iter_mut().zip(left.observables) {
            *bits ^= flips;
        }
        Ok(StageTotals {
            events: self.events.len() as u64,
            events_left: matched_count.into(),
            predecode_ns: nanoseconds(predecoded - start),
            decode_ns: nanoseconds(predecoded.elapsed()),
        })
    }
}

/// Complementary gaps, behind a pre-decoder if there is one.
pub(crate) struct Gaps {
    gap: Gap,
    predecoder: Option<Predecoder>,
    usage: Predecode,
    events: Vec<u32>,
}

impl Gaps {
    /// Parts the boundary of the graph that the pre-decoder is on. The limit is in natural units.
    pub(crate) fn new(
        graph: &MatchingGraph,
        predecoder: Option<Predecoder>,
        options: &DecoderOptions,
        limit: Option<f64>,
    ) -> Result<Self, outrider::Error> {
        let usage = options.predecode;
        let limit = limit.map_or(0, |limit| GapOptions::limit_from_natural(graph, limit));
        let weight_offset = predecoder.as_ref().map_or(0, |predecoder| offset(predecoder, usage));
        let gap = Gap::with_options(graph, &GapOptions { isa: options.isa, weight_offset, limit })?;
        Ok(Self { gap, predecoder, usage, events: Vec::new() })
    }

    /// The least integer weight with the other observable minus that with the predicted one, for the shot with these
    /// events, ascending.
    pub(crate) fn gap(
        &mut self,
        events: impl Iterator<Item = u32>,
        predicted: bool,
    ) -> Result<i64, outrider::Error> {
        self.events.clear();
        self.events.extend(events);
        let left = match &mut self.predecoder {
            Some(predecoder) => Left::of(predecoder, self.usage, &self.events)?,
            None => Left { events: &self.events, overrides: &[], observables: &[] },
        };
        let weights = self.gap.decode_events(left.events, left.overrides)?.weights;
        let committed = left.observables.first().is_some_and(|bits| bits & 1 == 1);
        let predicted = usize::from(predicted != committed);
        Ok(weights[1 - predicted] - weights[predicted])
    }
}

/// What a pre-decoder leaves to be done.
struct Left<'a> {
    events: &'a [u32],
    overrides: &'a [Override],
    observables: &'a [u8],
}

impl<'a> Left<'a> {
    fn of(
        predecoder: &'a mut Predecoder,
        usage: Predecode,
        events: &'a [u32],
    ) -> Result<Self, outrider::Error> {
        Ok(match usage {
            Predecode::Soft => Self { events, overrides: predecoder.soft(events)?, observables: &[] },
            Predecode::Hard => {
                let residual = predecoder.hard(events)?;
                Self { events: residual.events, overrides: &[], observables: residual.observables }
            }
        })
    }
}

/// What the weights of all other edges get.
fn offset(predecoder: &Predecoder, usage: Predecode) -> i32 {
    match usage {
        Predecode::Soft => predecoder.weight_offset(),
        Predecode::Hard => 0,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
