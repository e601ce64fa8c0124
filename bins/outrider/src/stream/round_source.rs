//! Where the rounds of `outrider stream` come from.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use outrider::{MeasurementMap, MeasurementStream, Plan, RoundSampler, Shots, TimeAxis, reorder_bits};

use crate::error::{Error, Result};
use crate::input::{self, Batches, ShotSource};

/// A round, as the target takes it.
pub(crate) struct Round<'a> {
    /// Packed detection events.
    pub(crate) events: &'a [u8],
    /// Its detectors.
    pub(crate) detector_count: u32,
    /// It is the last of its history.
    pub(crate) is_last: bool,
}

/// Histories, one after another, in rounds.
pub(crate) trait Source {
    /// Begins the next history; false if there is none.
    fn start(&mut self) -> Result<bool>;
    /// The next round of the history; nothing after the last.
    fn next(&mut self) -> Result<Option<Round<'_>>>;
    /// Lets no further history follow, and ends the one at hand as soon as it can end; whether it is the one that it would
    /// have been.
    fn stop(&mut self) -> Result<bool>;
    /// Goes back to the first round of the history, which has ended.
    fn rewind(&mut self) -> Result<()>;
    /// The observables that were really flipped, once the history has ended, if they are known.
    fn flips(&self) -> Option<&[u8]>;
}

/// A simulated processor.
pub(crate) struct Processor {
    sampler: RoundSampler,
    plan: Arc<Plan>,
    histories: u64,
    begun: u64,
    /// Of a history that runs to its end.
    length: u64,
    /// Of the history at hand, once its end is known.
    end: Option<u64>,
    given: u64,
    flips: Vec<u8>,
}

impl Processor {
    /// That many histories of `length` layers.
    pub(crate) fn new(sampler: RoundSampler, plan: Arc<Plan>, histories: u64, length: u64) -> Self {
        Self { sampler, plan, histories, begun: 0, length, end: None, given: 0, flips: Vec::new() }
    }

    /// What histories begun from now on have.
    pub(crate) fn set_length(&mut self, length: u64) {
        self.length = length;
    }

    fn end_at(&mut self, length: u64) -> Result<()> {
        self.sampler.end(length)?;
        self.end = Some(length);
        Ok(())
    }
}

impl Source for Processor {
    fn start(&mut self) -> Result<bool> {
        if self.begun == self.histories {
            return Ok(false);
        }
        self.begun += 1;
        self.given = 0;
        // A short history may be one that only its own model serves.
        let is_short = self.length <= u64::from(self.sampler.layer_count());
        self.end = is_short.then_some(self.length);
        self.sampler.seek(self.begun - 1, 0, self.end)?;
        Ok(true)
    }

    fn next(&mut self) -> Result<Option<Round<'_>>> {
        // The end is announced while there are still layers of the bulk to come.
        if self.end.is_none() && self.sampler.earliest_end() + END_AHEAD >= self.length {
            self.end_at(self.length)?;
        }
        let Some(layer) = self.sampler.next() else { return Ok(None) };
        self.given += 1;
        self.flips.clear();
        self.flips.extend_from_slice(layer.observables);
        Ok(Some(Round { events: layer.events, detector_count: layer.detector_count, is_last: layer.is_last }))
    }

    fn stop(&mut self) -> Result<bool> {
        self.histories = self.begun;
        if self.end.is_some() {
            return Ok(true);
        }
        let earliest = self.sampler.earliest_end().max(self.plan.layers_min().unwrap_or(0));
        let end = (earliest..self.length).find(|&end| self.plan.check_length(end).is_ok());
        self.end_at(end.unwrap_or(self.length))?;
        Ok(end.is_none())
    }

    fn rewind(&mut self) -> Result<()> {
        Ok(self.sampler.seek(self.begun - 1, 0, self.end)?)
    }

    fn flips(&self) -> Option<&[u8]> {
        Some(&self.flips)
    }
}

/// A file of shots, each a history, by its detection events.
pub(crate) struct Recording {
    shots: Rows,
    plan: Arc<Plan>,
    length: u64,
    truth: Truth,
    /// The shots' number of each detector, if the plan has others.
    order: Option<Vec<u32>>,
    /// The shot at hand, with detectors in the plan's order.
    row: Vec<u8>,
    given: u64,
    /// Of the shot: bits given.
    place: usize,
    events: Vec<u8>,
    flips: Vec<u8>,
}

/// Whether shots carry their observables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// They do not.
    Unknown,
    /// Behind the detectors.
    Appended,
}

impl Recording {
    /// Histories of `length` layers; `order` has the shots' number of each detector of the plan, if they differ.
    pub(crate) fn new(
        shots: ShotSource,
        plan: Arc<Plan>,
        length: u64,
        truth: Truth,
        order: Option<Vec<u32>>,
    ) -> Self {
        Self {
            shots: Rows::new(shots),
            plan,
            length,
            truth,
            order,
            row: Vec::new(),
            given: 0,
            place: 0,
            events: Vec::new(),
            flips: Vec::new(),
        }
    }
}

impl Source for Recording {
    fn start(&mut self) -> Result<bool> {
        if !self.shots.advance()? {
            return Ok(false);
        }
        self.rewind()?;
        Ok(true)
    }

    fn next(&mut self) -> Result<Option<Round<'_>>> {
        if self.given == self.length {
            return Ok(None);
        }
        let detector_count = self.plan.layer_detectors(self.given, Some(self.length));
        let row = if self.order.is_some() { &self.row } else { self.shots.row() };
        extract(row, self.place, detector_count as usize, &mut self.events);
        self.place += detector_count as usize;
        self.given += 1;
        if self.truth == Truth::Appended {
            let observables = self.plan.graph().observable_count();
            extract(row, self.place, observables as usize, &mut self.flips);
        }
        Ok(Some(Round { events: &self.events, detector_count, is_last: self.given == self.length }))
    }

    fn stop(&mut self) -> Result<bool> {
        self.shots.stop();
        Ok(true)
    }

    fn rewind(&mut self) -> Result<()> {
        (self.given, self.place) = (0, 0);
        if let Some(order) = &self.order {
            reorder_bits(self.shots.row(), order, &mut self.row);
        }
        Ok(())
    }

    fn flips(&self) -> Option<&[u8]> {
        (self.truth == Truth::Appended).then_some(&self.flips[..])
    }
}

/// A file of shots, each a history, by its raw measurements.
pub(crate) struct Readout {
    shots: Rows,
    sweep: Option<SweepBits>,
    measured: MeasurementStream,
    /// Measurements of each layer of the history.
    widths: Vec<u32>,
    given: usize,
    place: usize,
    measurements: Vec<u8>,
    /// Layers that the last measurements made known at once.
    ready: VecDeque<(Vec<u8>, u32, bool)>,
    round: Vec<u8>,
    flips: Vec<u8>,
}

/// The sweep bits of recorded shots, one row for each.
pub(crate) struct SweepBits {
    rows: Rows,
    taken: u64,
    path: PathBuf,
}

impl SweepBits {
    /// Those in a file.
    pub(crate) fn new(rows: ShotSource, path: &Path) -> Self {
        Self { rows: Rows::new(rows), taken: 0, path: path.to_owned() }
    }

    /// Goes on to the next shot, which there must be.
    fn advance(&mut self) -> Result<()> {
        if !self.rows.advance()? {
            let message = format!("ends after {} shots, before the measurements", self.taken);
            return Err(Error::input(input::name(&self.path).display(), message));
        }
        self.taken += 1;
        Ok(())
    }
}

impl Readout {
    /// Histories whose rounds bring so many measurements each.
    pub(crate) fn new(
        shots: ShotSource,
        sweep: Option<SweepBits>,
        measured: MeasurementStream,
        widths: Vec<u32>,
    ) -> Self {
        Self {
            shots: Rows::new(shots),
            sweep,
            measured,
            widths,
            given: 0,
            place: 0,
            measurements: Vec::new(),
            ready: VecDeque::new(),
            round: Vec::new(),
            flips: Vec::new(),
        }
    }
}

impl Source for Readout {
    fn start(&mut self) -> Result<bool> {
        if !self.shots.advance()? {
            return Ok(false);
        }
        if let Some(sweep) = &mut self.sweep {
            sweep.advance()?;
        }
        self.rewind()?;
        Ok(true)
    }

    fn next(&mut self) -> Result<Option<Round<'_>>> {
        while self.ready.is_empty() && self.given < self.widths.len() {
            let count = self.widths[self.given];
            extract(self.shots.row(), self.place, count as usize, &mut self.measurements);
            self.place += count as usize;
            self.given += 1;
            self.measured.push(&self.measurements, count, self.given == self.widths.len())?;
            while let Some(layer) = self.measured.next() {
                self.ready.push_back((layer.events.to_vec(), layer.detector_count, layer.is_last));
            }
        }
        let Some((events, detector_count, is_last)) = self.ready.pop_front() else { return Ok(None) };
        self.round = events;
        if is_last {
            self.flips = self.measured.observables().to_vec();
        }
        Ok(Some(Round { events: &self.round, detector_count, is_last }))
    }

    fn stop(&mut self) -> Result<bool> {
        self.shots.stop();
        Ok(true)
    }

    fn rewind(&mut self) -> Result<()> {
        (self.given, self.place) = (0, 0);
        self.ready.clear();
        let sweep = self.sweep.as_ref().map(|sweep| sweep.rows.row());
        Ok(self.measured.start(sweep)?)
    }

    fn flips(&self) -> Option<&[u8]> {
        Some(&self.flips)
    }
}

/// The rows of a file, one at a time.
struct Rows {
    batches: Option<Batches>,
    rows: Shots,
    at: usize,
}

impl Rows {
    fn new(shots: ShotSource) -> Self {
        let rows = shots.batch();
        Self { batches: Some(Batches::new(shots, crate::input::Truth::Unknown)), rows, at: 0 }
    }

    /// Goes to the next row, the first at first; false at the end.
    fn advance(&mut self) -> Result<bool> {
        self.at += 1;
        if self.at < self.rows.len() {
            return Ok(self.batches.is_some());
        }
        let Some(batches) = &mut self.batches else { return Ok(false) };
        match batches.next()? {
            Some(batch) => (self.rows, self.at) = (batch.rows, 0),
            None => self.batches = None,
        }
        Ok(self.batches.is_some())
    }

    fn row(&self) -> &[u8] {
        self.rows.row(self.at)
    }

    /// Lets no further row follow.
    fn stop(&mut self) {
        self.batches = None;
    }
}

/// Replaces `to` by `count` bits of a packed row.
fn extract(row: &[u8], first: usize, count: usize, to: &mut Vec<u8>) {
    to.clear();
    to.resize(count.div_ceil(8), 0);
    for bit in 0..count {
        let from = first + bit;
        to[bit / 8] |= (row[from / 8] >> (from % 8) & 1) << (bit % 8);
    }
}

/// Detectors of a history of so many layers, if they fit memory.
pub(crate) fn history_detectors(plan: &Plan, length: u64, option: &str) -> Result<usize> {
    if length > RECORDED_LAYERS_MAX {
        return Err(Error::Usage(format!(
            "{option}: shots of {length} layers, more than the limit of {RECORDED_LAYERS_MAX}"
        )));
    }
    Ok((0..length).map(|layer| plan.layer_detectors(layer, Some(length)) as usize).sum())
}

/// Measurements that complete each layer of a circuit's history; the last layer has all that are left.
pub(crate) fn measurement_widths(map: &MeasurementMap) -> Result<Vec<u32>> {
    let rounds = map.rounds(&TimeAxis::default())?;
    let (mut widths, mut complete) = (vec![0; rounds.count as usize], 0);
    for (detector, &round) in rounds.of.iter().enumerate() {
        let end = map.detector(detector)?.measurements.last().map_or(0, |&last| last + 1).max(complete);
        widths[round as usize] += end - complete;
        complete = end;
    }
    if let Some(width) = widths.last_mut() {
        *width += map.measurement_count() as u32 - complete;
    }
    Ok(widths)
}

/// Layers before the earliest possible end at which a history's end is announced.
const END_AHEAD: u64 = 64;
/// Layers of one recorded history.
const RECORDED_LAYERS_MAX: u64 = 1 << 22;
