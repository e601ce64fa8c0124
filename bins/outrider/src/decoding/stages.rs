//! Pre-decoding and decoding taken apart: for the time that each takes, and for gaps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use outrider::{
    DecodeResult, Decoder, DecoderOptions, Gap, GapOptions, MatchingGraph, Override, Predecoded, Predecoder,
    PredecoderUse,
};

use crate::report::statistics::StageTotals;

/// A pre-decoder, and a decoder that takes what it leaves: the answers of a decoder that has the pre-decoder inside.
pub(crate) struct Stages {
    predecoder: Predecoder,
    decoder: Decoder,
    usage: PredecoderUse,
    events: Vec<u32>,
}

impl Stages {
    /// Sets up the decoder that `options` ask for behind the pre-decoder.
    pub(crate) fn new(predecoder: Predecoder, options: &DecoderOptions) -> Result<Self, outrider::Error> {
        let decoder = Decoder::with_options(Arc::clone(predecoder.graph()), options)?;
        Ok(Self { predecoder, decoder, usage: options.predecoder_use, events: Vec::new() })
    }

    /// The graph.
    pub(crate) fn graph(&self) -> &Arc<MatchingGraph> {
        self.predecoder.graph()
    }

    /// Decodes the shot with these events, ascending, under these weights, into packed observables.
    pub(crate) fn decode(
        &mut self,
        events: impl Iterator<Item = u32>,
        overrides: &[Override],
        observables: &mut [u8],
    ) -> Result<StageTotals, outrider::Error> {
        let start = Instant::now();
        self.events.clear();
        self.events.extend(events);
        let shot = self.predecoder.apply(self.usage, &self.events)?;
        let middle = Instant::now();
        let DecodeResult { matched_count, .. } =
            self.decoder.decode_predecoded(&shot, overrides, observables)?;
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
    usage: PredecoderUse,
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
        Ok(Self { gap, predecoder, usage: options.predecoder_use, events: Vec::new() })
    }

    /// The least integer weight with the other observable minus that with the predicted one, for the shot with these
    /// events, ascending.
    pub(crate) fn gap(
        &mut self,
        events: impl Iterator<Item = u32>,
        overrides: &[Override],
        predicted: bool,
    ) -> Result<i64, outrider::Error> {
        self.events.clear();
        self.events.extend(events);
        let shot = match &mut self.predecoder {
            Some(predecoder) => predecoder.apply(self.usage, &self.events)?,
            None => Predecoded::untouched(&self.events),
        };
        let weights = self.gap.decode_predecoded(&shot, overrides)?.weights;
        let predicted = usize::from(predicted);
        let (other, own) = (weights[1 - predicted], weights[predicted]);
        Ok(if other == i64::MAX { other } else { other.saturating_sub(own) })
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
