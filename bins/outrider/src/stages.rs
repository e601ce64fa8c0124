//! Pre-decoding and decoding taken apart: for the time that each takes, and for gaps.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::{Duration, Instant};

use outrider::{
    DecodeResult, Decoder, DecoderOptions, Gap, GapOptions, MatchingGraph, Predecode, Predecoded, Predecoder,
};

/// A pre-decoder, and a decoder that takes what it leaves: the answers of a decoder that has the pre-decoder inside.
pub(crate) struct Stages {
    predecoder: Predecoder,
    decoder: Decoder,
    usage: Predecode,
    events: Vec<u32>,
}

/// What the stages did, of one shot or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageTotals {
    /// Detection events.
    pub(crate) events: u64,
    /// Events left to match.
    pub(crate) events_left: u64,
    /// Nanoseconds in the pre-decoder.
    pub(crate) predecode_ns: u64,
    /// Nanoseconds in the decoder after it.
    pub(crate) decode_ns: u64,
}

impl StageTotals {
    /// The pre-decoder's share of the time of both; 0 if there was none.
    pub(crate) fn predecode_share(&self) -> f64 {
        let total = self.predecode_ns.saturating_add(self.decode_ns);
        self.predecode_ns as f64 / total.max(1) as f64
    }
}

impl AddAssign for StageTotals {
    fn add_assign(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.events_left = self.events_left.saturating_add(other.events_left);
        self.predecode_ns = self.predecode_ns.saturating_add(other.predecode_ns);
        self.decode_ns = self.decode_ns.saturating_add(other.decode_ns);
    }
}

impl Stages {
    /// Sets up the decoder that `options` ask for behind the pre-decoder.
    pub(crate) fn new(predecoder: Predecoder, options: &DecoderOptions) -> Result<Self, outrider::Error> {
        let decoder = Decoder::with_options(Arc::clone(predecoder.graph()), options)?;
        Ok(Self { predecoder, decoder, usage: options.predecode, events: Vec::new() })
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
        let shot = self.predecoder.apply(self.usage, &self.events)?;
        let middle = Instant::now();
        let DecodeResult { matched_count, .. } = self.decoder.decode_predecoded(&shot, &[], observables)?;
        Ok(StageTotals {
            events: self.events.len() as u64,
            events_left: matched_count.into(),
            predecode_ns: nanoseconds(middle - start),
            decode_ns: nanoseconds(middle.elapsed()),
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
        let limit = limit.map_or(0, |limit| GapOptions::limit_from_natural(graph, limit));
        let weight_offset = options.weight_offset;
        let gap = Gap::with_options(graph, &GapOptions { isa: options.isa, weight_offset, limit })?;
        Ok(Self { gap, predecoder, usage: options.predecode, events: Vec::new() })
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
        let shot = match &mut self.predecoder {
            Some(predecoder) => predecoder.apply(self.usage, &self.events)?,
            None => Predecoded::untouched(&self.events),
        };
        let weights = self.gap.decode_predecoded(&shot, &[])?.weights;
        let predicted = usize::from(predicted);
        Ok(weights[1 - predicted] - weights[predicted])
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
