use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, argument_error};
use crate::model::{DetectorErrorModel, InstructionKind, TargetKind};
use crate::moments::{Moments, MomentsOptions};
use crate::plan::Plan;
use crate::shots::Shots;

/// The errors of a history's bulk, once for each that is alike but for a shift in time, and what detection events say
/// about their rates.
///
/// A step is as many layers as the history's period has. Every layer has whole bytes in a row of steps, so a row of
/// windows is put together from bytes. What is counted are parities of sets of detectors in a window of a few steps, all
/// windows of the bulk alike; rates come from a model of some more steps, in the middle of which errors are whole.
pub(crate) struct BulkNoise {
    period: u64,
    /// The first layer of the first window, and layers at the end of a history that no window has.
    first_layer: u64,
    tail: u64,
    /// Of each layer of a step: its detectors, and the byte that it begins at.
    widths: Vec<u32>,
    layer_begin: Vec<usize>,
    step_bytes: usize,
    /// Steps of a window.
    extent: u32,
    /// The sets that are counted.
    sets: Vec<Vec<u32>>,
    /// By number of detectors, from most to fewest: an estimate needs those of the errors that flip more.
    order: Vec<u32>,
    classes: Vec<Class>,
    /// What the prior expects of the sets of one detector together.
    prior_singles: f64,
    singles: Vec<u32>,
    /// Probability by the prior of each error of the history's model, and the class that it is learned with.
    priors: Vec<f64>,
    class_of: Vec<Option<u32>>,
}

/// An error of the model: what it flips.
struct FlatError {
    probability: f64,
    detectors: Vec<u32>,
    targets: Vec<TargetKind>,
}

/// Errors of the bulk that flip the same detectors, but for a shift in time.
struct Class {
    /// Attenuation -ln(1 - 2 p) by the prior.
    prior: f64,
    /// Its detectors.
    size: usize,
    /// The set of each subset of them, by mask, less 1.
    subsets: [u32; SUBSETS],
    /// Classes that flip these detectors and more, wherever they begin.
    supersets: Vec<u32>,
}

/// What is learned of a class.
#[derive(Clone, Copy)]
struct Estimate {
    attenuation: f64,
    /// How often its detectors fire together by chance.
    accidental: f64,
    /// How much of it is learned, from 0 for nothing to 1.
    trust: f64,
}

impl Estimate {
    fn of_prior(class: &Class, scale: f64) -> Self {
        Self { attenuation: scale * class.prior, accidental: 0.0, trust: 0.0 }
    }
}

impl Class {
    fn masks(&self) -> impl Iterator<Item = (u32, usize)> {
        (1..1u32 << self.size).map(|mask| (mask, self.subsets[mask as usize - 1] as usize))
    }

    /// The attenuation of all that flips all of its detectors; nothing where a mean says nothing.
    fn restriction(&self, omegas: &[Option<f64>]) -> Option<f64> {
        let mut sum = 0.0;
        for (mask, set) in self.masks() {
            let omega = (*omegas.get(set)?)?;
            sum += if mask.count_ones() % 2 == 1 { omega } else { -omega };
        }
        Some(sum / f64::from(1u32 << (self.size - 1)))
    }

    /// How often all of its detectors fire.
    fn coincidence(&self, means: &[f64]) -> f64 {
        let mut sum = 1.0;
        for (mask, set) in self.masks() {
            sum += if mask.count_ones() % 2 == 1 { -means[set] } else { means[set] };
        }
        sum / f64::from(1u32 << self.size)
    }
}

/// Detectors of an error that is learned, and subsets of so many.
const SUPPORT_MAX: usize = 4;
const SUBSETS: usize = (1 << SUPPORT_MAX) - 1;
/// Detectors of an error whose part in smaller ones is looked at.
const SUPERSET_MAX: usize = 12;
/// What a fitted spread about the prior lies between.
const SPREAD_MIN: f64 = 0.01;
const SPREAD_MAX: f64 = 3.0;
/// Windows overlap: neighbours say so many times less than as many apart would.
const OVERLAP: f64 = 2.0;
/// Least mean whose logarithm is taken.
const MEAN_MIN: f64 = 0.01;
/// No learned rate is more than this times its prior's, and no probability is above.
const RATIO_MAX: f64 = 1000.0;
const PROBABILITY_MAX: f64 = 0.4;
/// The least share of a prior that is learned.
const FLOOR: f64 = 0.05;
/// Probabilities of repeating errors that differ by no more were added up in another order.
const ROUNDING: f64 = 1e-9;

impl BulkNoise {
    /// The bulk of the model of a plan.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a history that does not repeat itself, and errors of probability 1/2 and
    /// above.
    pub(crate) fn new(model: &DetectorErrorModel, plan: &Plan) -> Result<Self, Error> {
        let period = plan.period().ok_or_else(|| {
            argument_error("learning needs a model whose rounds repeat, in the middle of its history")
        })?;
        let layer_count = plan.layer_count();
        let widths: Vec<u32> = (0..layer_count)
            .map(|layer| plan.layer_detectors(layer.into(), Some(layer_count.into())))
            .collect();
        let errors = flat_errors(model)?;
        let layer_of = |detector: u32| plan.place(detector).map(|(layer, _)| layer);
        let mut by_layer = vec![Vec::new(); layer_count as usize];
        let mut places = Vec::with_capacity(errors.len());
        for (number, error) in errors.iter().enumerate() {
            let mut of = Vec::with_capacity(error.detectors.len());
            for &detector in &error.detectors {
                of.push(plan.place(detector)?);
            }
            if let (Some(&first), true) = (error.detectors.first(), error.probability > 0.0) {
                by_layer[layer_of(first)? as usize].push(number);
            }
            places.push(of);
        }
        let (begin, end) = bulk_layers(&errors, &by_layer, &places, &widths, period)?;
        let own: Vec<usize> =
            (begin..begin + period).flat_map(|layer| &by_layer[layer as usize]).copied().collect();
        let reach = own.iter().map(|&error| span(&places[error])).max().unwrap_or(1);
        if own.iter().any(|&error| errors[error].probability >= 0.5) {
            return Err(argument_error("learning needs errors of probabilities below 1/2"));
        }
        let anchor = begin + (reach - 1).next_multiple_of(period);
        if anchor + 2 * period > end {
            return Err(argument_error("learning needs a model with more rounds that repeat"));
        }
        let widths_of_step: Vec<u32> = (0..period).map(|layer| widths[(anchor + layer) as usize]).collect();
        let layer_begin: Vec<usize> = widths_of_step
            .iter()
            .scan(0, |bytes, width| {
                let begin = *bytes;
                *bytes += width.div_ceil(8) as usize;
                Some(begin)
            })
            .collect();
        let step_bytes = widths_of_step.iter().map(|width| width.div_ceil(8) as usize).sum();
        // What an error flips, by steps from the one of its first layer on; nothing if it leaves the bulk's layers.
        let offset = anchor % period;
        let key = |places: &[(u32, u32)]| -> Option<Vec<u32>> {
            let first = (places.first()?.0 + period - offset) / period;
            let number = |&(layer, index): &(u32, u32)| {
                let (step, phase) =
                    ((layer + period - offset) / period - first, (layer + period - offset) % period);
                let is_alike = widths[layer as usize] == widths_of_step[phase as usize];
                is_alike
                    .then(|| step * step_bytes as u32 * 8 + layer_begin[phase as usize] as u32 * 8 + index)
            };
            places.iter().map(number).collect()
        };
        let mut classes: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
        for &error in &own {
            if let Some(key) = key(&places[error]) {
                let sum = classes.entry(key).or_insert(0.0);
                let p = errors[error].probability;
                *sum = *sum + p - 2.0 * *sum * p;
            }
        }
        let step_bits = step_bytes as u32 * 8;
        let extent =
            classes.keys().filter_map(|key| key.last()).map(|last| last / step_bits + 1).max().unwrap_or(1);
        let number_of: BTreeMap<&Vec<u32>, u32> = classes.keys().zip(0..).collect();
        let class_of =
            places.iter().map(|places| key(places).and_then(|key| number_of.get(&key).copied())).collect();

        let keys: Vec<&Vec<u32>> = classes.keys().collect();
        let mut sets = BTreeSet::new();
        let mut supersets = vec![Vec::new(); keys.len()];
        for (key, number) in keys.iter().zip(0..) {
            for_each_subset(key, |mask, subset| {
                let subset = from_first_step(subset, step_bits);
                if let Some(&own) = number_of.get(&subset).filter(|_| mask.count_ones() < key.len() as u32) {
                    supersets[own as usize].push(number);
                }
                if key.len() <= SUPPORT_MAX {
                    sets.insert(subset);
                }
            });
        }
        let sets: Vec<Vec<u32>> = sets.into_iter().collect();
        let counted = Moments::with_sets(extent * step_bits, &sets, &MomentsOptions::default())?;
        let find =
            |set: &[u32]| counted.find(&from_first_step(set, step_bits)).map_or(u32::MAX, |at| at as u32);
        let make = |((key, &probability), supersets): ((&Vec<u32>, &f64), Vec<u32>)| {
            let mut subsets = [u32::MAX; SUBSETS];
            if key.len() <= SUPPORT_MAX {
                for_each_subset(key, |mask, subset| subsets[mask as usize - 1] = find(subset));
            }
            Class { prior: attenuation(1.0 - 2.0 * probability), size: key.len(), subsets, supersets }
        };
        let made: Vec<Class> = classes.iter().zip(supersets).map(make).collect();
        let mut order: Vec<u32> = (0..made.len() as u32).collect();
        order.sort_by_key(|&class| (usize::MAX - made[class as usize].size, class));
        let singles = sets.iter().filter(|set| set.len() == 1).map(|set| find(set)).collect();
        // Every detector of an error is one of its step's.
        let prior_singles = made.iter().map(|class| class.prior * class.size as f64).sum();
        Ok(Self {
            period: period.into(),
            first_layer: anchor.into(),
            tail: (layer_count - end).into(),
            widths: widths_of_step,
            layer_begin,
            step_bytes,
            extent,
            sets,
            order,
            classes: made,
            prior_singles,
            singles,
            priors: errors.iter().map(|error| error.probability).collect(),
            class_of,
        })
    }

    /// Numbers that a version has: a factor on the rate of each class, and one for all other errors.
    pub(crate) fn factor_count(&self) -> usize {
        self.classes.len() + 1
    }

    /// The factors that means of all sets, as of so many windows, lead to.
    pub(crate) fn factors(&self, means: &[f64], windows: f64) -> Vec<f64> {
        let omegas: Vec<Option<f64>> =
            means.iter().map(|&mean| (mean > MEAN_MIN).then(|| attenuation(mean))).collect();
        let singles: f64 = self.singles.iter().filter_map(|&set| omegas[set as usize]).sum();
        let scale = (singles / self.prior_singles).clamp(FLOOR, RATIO_MAX);
        // Until they are learned, and for good where nothing is.
        let mut estimates: Vec<Estimate> =
            self.classes.iter().map(|class| Estimate::of_prior(class, scale)).collect();
        for group in
            self.order.chunk_by(|&a, &b| self.classes[a as usize].size == self.classes[b as usize].size)
        {
            if self.classes[group[0] as usize].size <= SUPPORT_MAX {
                self.learn(group, &omegas, means, windows, scale, &mut estimates);
            }
        }
        let ratio = |(class, estimate): (&Class, &Estimate)| {
            let learned = probability(estimate.attenuation.max(FLOOR * class.prior));
            (learned / probability(class.prior)).clamp(FLOOR, RATIO_MAX)
        };
        self.classes.iter().zip(&estimates).map(ratio).chain([scale]).collect()
    }

    /// Learns classes of as many detectors, of which larger ones are learned.
    fn learn(
        &self,
        group: &[u32],
        omegas: &[Option<f64>],
        means: &[f64],
        windows: f64,
        scale: f64,
        estimates: &mut [Estimate],
    ) {
        let mut raw = Vec::with_capacity(group.len());
        let (mut learned, mut prior) = (0.0, 0.0);
        for &number in group {
            let class = &self.classes[number as usize];
            let Some(seen) = class.restriction(omegas) else { continue };
            let accidental = (class.coincidence(means) - seen).max(0.0);
            let (mut own, mut variance) = (seen, accidental + scale * class.prior);
            for &larger in &class.supersets {
                let Estimate { attenuation, accidental, trust } = estimates[larger as usize];
                own -= attenuation;
                // Where a larger error is known, its own happening is taken off with it.
                variance += trust * accidental + (1.0 - trust) * scale * self.classes[larger as usize].prior;
            }
            learned += own;
            prior += class.prior;
            raw.push((number, own, OVERLAP * variance / windows, accidental));
        }
        if prior == 0.0 {
            return;
        }
        // A factor that all of them share, and how far they spread about it beyond their errors.
        let shared = (learned / prior).clamp(FLOOR, RATIO_MAX);
        let (mut excess, mut weights) = (0.0, 0.0);
        for &(number, own, variance, _) in &raw {
            let expected = shared * self.classes[number as usize].prior;
            let (distance, weight) = (own / expected - 1.0, expected * expected / variance);
            excess += distance * distance * weight - 1.0;
            weights += weight;
        }
        let spread = (excess / weights).clamp(SPREAD_MIN * SPREAD_MIN, SPREAD_MAX * SPREAD_MAX);
        for (number, own, variance, accidental) in raw {
            let expected = shared * self.classes[number as usize].prior;
            let between = spread * expected * expected;
            let trust = between / (between + variance);
            let attenuation = (expected + trust * (own - expected)).max(FLOOR * expected);
            estimates[number as usize] = Estimate { attenuation, accidental, trust };
        }
    }

    /// Whether factors can be those of a version: as many as there must be, and in their range.
    pub(crate) fn check_factors(&self, factors: &[f64]) -> Result<(), Error> {
        if factors.len() != self.factor_count() {
            return Err(argument_error(&format!(
                "weights of a version have {} factors, not {}",
                self.factor_count(),
                factors.len()
            )));
        }
        match factors.iter().find(|factor| !(FLOOR..=RATIO_MAX).contains(*factor)) {
            Some(factor) => Err(argument_error(&format!("a factor of {factor} on a rate, which is none"))),
            None => Ok(()),
        }
    }

    /// The probability of each error of the history's model.
    pub(crate) fn probabilities(&self, factors: &[f64]) -> Vec<f64> {
        let others = factors[factors.len() - 1];
        let learned = self.priors.iter().zip(&self.class_of).map(|(&prior, class)| {
            let factor = class.map_or(others, |class| factors[class as usize]);
            // What the prior has above the limit is not learned.
            (prior * factor).min(PROBABILITY_MAX.max(prior))
        });
        learned.collect()
    }
}

/// Counts windows of the bulk while layers come.
pub(crate) struct BulkCounts {
    moments: Moments,
    /// The last steps, the latest last, `extent` of them and one in the making.
    row: Vec<u8>,
    /// Windows that are complete and not counted yet.
    rows: Shots,
    /// Layers that have come of the history, and those of them that are in the row.
    layers: u64,
    taken: u64,
    /// Layers that may be among the last ones of the history.
    held: Vec<Vec<u8>>,
}

/// Windows counted together.
const ROWS_MAX: usize = 1024;

impl BulkCounts {
    /// Counts of which one that is `memory` rounds old has the weight 1/e.
    pub(crate) fn new(noise: &BulkNoise, memory: u64) -> Result<Self, Error> {
        let windows = (memory / noise.period).max(1 << FADE_SHIFT);
        let options = MomentsOptions {
            fade_shift: FADE_SHIFT,
            block_shots: u32::try_from(windows >> FADE_SHIFT).unwrap_or(u32::MAX),
            ..MomentsOptions::default()
        };
        let bytes = noise.step_bytes * noise.extent as usize;
        let moments = Moments::with_sets(bytes as u32 * 8, &noise.sets, &options)?;
        let mut rows = Shots::zeroed(8 * bytes, ROWS_MAX);
        rows.clear();
        let held = vec![Vec::new(); noise.tail as usize + 1];
        Ok(Self { moments, row: vec![0; bytes], rows, layers: 0, taken: 0, held })
    }

    /// Takes the next layer of a history.
    pub(crate) fn push(&mut self, noise: &BulkNoise, events: &[u8], is_last: bool) -> Result<(), Error> {
        let places = self.held.len() as u64;
        let place = &mut self.held[(self.layers % places) as usize];
        place.clear();
        place.extend_from_slice(events);
        self.layers += 1;
        if self.layers > noise.tail {
            self.take(noise, self.layers - 1 - noise.tail)?;
        }
        if is_last {
            self.begin_history();
        }
        Ok(())
    }

    /// The next layer is the first of a history.
    pub(crate) fn begin_history(&mut self) {
        (self.layers, self.taken) = (0, 0);
    }

    /// Takes a layer that is known to be none of the last.
    fn take(&mut self, noise: &BulkNoise, layer: u64) -> Result<(), Error> {
        let Some(after) = layer.checked_sub(noise.first_layer) else { return Ok(()) };
        let phase = (after % noise.period) as usize;
        if phase == 0 {
            self.row.copy_within(noise.step_bytes.., 0);
        }
        let last_step = self.row.len() - noise.step_bytes;
        let bytes = noise.widths[phase].div_ceil(8) as usize;
        let place = &self.held[(layer % self.held.len() as u64) as usize];
        let to = &mut self.row[last_step + noise.layer_begin[phase]..][..bytes];
        to.copy_from_slice(&place[..bytes]);
        self.taken += 1;
        if phase as u64 + 1 == noise.period && self.taken >= u64::from(noise.extent) * noise.period {
            self.rows.push(&self.row)?;
            if self.rows.len() == ROWS_MAX {
                self.count()?;
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Error> {
        self.moments.add(&self.rows)?;
        self.rows.clear();
        Ok(())
    }

    /// The means of all sets so far, and as of how many windows; nothing if there are too few.
    pub(crate) fn means(&mut self) -> Result<Option<(Vec<f64>, f64)>, Error> {
        self.count()?;
        let windows = self.moments.effective_shots();
        Ok((windows >= WINDOWS_MIN).then(|| (self.moments.means(), windows)))
    }

    /// Heap bytes of the counts.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.moments.heap_bytes()
    }
}

/// Counts fade by the factor 1 - 2^-4 between blocks of a sixteenth of the memory.
const FADE_SHIFT: u32 = 4;
/// Windows from which on rates are learned.
const WINDOWS_MIN: f64 = 256.0;

fn flat_errors(model: &DetectorErrorModel) -> Result<Vec<FlatError>, Error> {
    let mut errors = Vec::new();
    let mut walk = model.walk()?;
    while let Some(instruction) = walk.step() {
        let InstructionKind::Error { probability, targets } = instruction.kind else { continue };
        let targets: Vec<TargetKind> = targets.iter().map(|target| target.kind()).collect();
        let mut detectors: Vec<u32> = Vec::new();
        for target in &targets {
            if let TargetKind::Detector(index) = *target {
                detectors.push(index as u32);
            }
        }
        detectors.sort_unstable();
        errors.push(FlatError { probability, detectors: cancelled(&detectors), targets });
    }
    Ok(errors)
}

/// Those of ascending numbers that there is an odd number of.
fn cancelled(numbers: &[u32]) -> Vec<u32> {
    let groups = numbers.chunk_by(|a, b| a == b);
    groups.filter(|group| group.len() % 2 == 1).map(|group| group[0]).collect()
}

/// Layers that an error spans.
fn span(places: &[(u32, u32)]) -> u32 {
    match (places.first(), places.last()) {
        (Some(first), Some(last)) => last.0 - first.0 + 1,
        _ => 1,
    }
}

/// The layers that errors of the bulk begin in: those around the middle that have the same errors a period earlier or
/// later.
fn bulk_layers(
    errors: &[FlatError],
    by_layer: &[Vec<usize>],
    places: &[Vec<(u32, u32)>],
    widths: &[u32],
    period: u32,
) -> Result<(u32, u32), Error> {
    let layer_count = by_layer.len() as u32;
    let signature = |layer: u32| {
        let mut list: Vec<_> = by_layer[layer as usize]
            .iter()
            .map(|&error| {
                let own: Vec<(u32, u32, u32)> = places[error]
                    .iter()
                    .map(|&(at, index)| (at - layer, index, widths[at as usize]))
                    .collect();
                let others =
                    errors[error].targets.iter().filter(|target| !matches!(target, TargetKind::Detector(_)));
                (
                    own,
                    others.map(|target| format!("{target:?}")).collect::<Vec<_>>(),
                    errors[error].probability,
                )
            })
            .collect();
        list.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)).then(a.2.total_cmp(&b.2)));
        list
    };
    let signatures: Vec<_> = (0..layer_count).map(signature).collect();
    let are_alike = |a: u32, b: u32| {
        let (a, b) = (&signatures[a as usize], &signatures[b as usize]);
        let is_alike = |(a, b): (&(_, _, f64), &(_, _, f64))| (a.2 - b.2).abs() <= ROUNDING * a.2.max(b.2);
        a.len() == b.len()
            && a.iter().zip(b).all(|(a, b)| (&a.0, &a.1) == (&b.0, &b.1))
            && a.iter().zip(b).all(is_alike)
    };
    let middle = layer_count / 2;
    if middle + period >= layer_count || !are_alike(middle, middle + period) {
        return Err(argument_error("learning needs a model with more rounds that repeat"));
    }
    let (mut begin, mut end) = (middle, middle + period + 1);
    while begin > 0 && are_alike(begin - 1, begin - 1 + period) {
        begin -= 1;
    }
    while end < layer_count && are_alike(end, end - period) {
        end += 1;
    }
    Ok((begin, end))
}

/// Calls with the mask and the detectors of each subset of up to four detectors, but the empty one.
fn for_each_subset(key: &[u32], mut visit: impl FnMut(u32, &[u32])) {
    if key.len() > SUPERSET_MAX {
        return;
    }
    let mut subset = Vec::with_capacity(SUPPORT_MAX);
    for mask in (1..1u32 << key.len()).filter(|mask| mask.count_ones() as usize <= SUPPORT_MAX) {
        subset.clear();
        subset.extend((0..key.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| key[bit]));
        visit(mask, &subset);
    }
}

/// The probability (1 - e^-a) / 2 of an attenuation.
fn probability(attenuation: f64) -> f64 {
    // SAFETY: a pure function of a number.
    unsafe { outrider_sys::otr_rates_probability(attenuation) }
}

/// Minus the natural logarithm of a mean above 0, the same on every machine.
fn attenuation(mean: f64) -> f64 {
    let (mut mantissa, mut halvings) = (mean, 0.0);
    while mantissa < std::f64::consts::FRAC_1_SQRT_2 {
        mantissa *= 2.0;
        halvings += 1.0;
    }
    // 2 artanh(t) = ln((1 + t) / (1 - t)), |t| < 0.172: terms below 2^-53 of the sum are left out.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let (square, mut power, mut sum, mut odd) = (t * t, t, 0.0, 1.0);
    while odd < 23.0 {
        sum += power / odd;
        power *= square;
        odd += 2.0;
    }
    halvings * std::f64::consts::LN_2 - 2.0 * sum
}

/// A set shifted so that it begins in the first step.
fn from_first_step(set: &[u32], step_bits: u32) -> Vec<u32> {
    let first = set.first().map_or(0, |first| first / step_bits * step_bits);
    set.iter().map(|detector| detector - first).collect()
}
