use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, argument_error};
use crate::model::{DetectorErrorModel, InstructionKind, TargetKind};
use crate::moments::{Moments, MomentsOptions};
use crate::plan::Plan;
use crate::shots::Shots;

/// The errors of a history's bulk, once for each that is alike but for a shift in time, and what detection events say
/// about their rates.
///
/// What is counted are parities of sets of detectors in a window of a few steps, all windows of the bulk alike. So a set is
/// one but for a shift by steps, and so is a class of errors that flip the same detectors.
pub(crate) struct BulkNoise {
    steps: Steps,
    /// Layers at the end of a history that no window has.
    tail: u64,
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

/// The bulk in steps of as many layers as its period has. In a row of steps every layer has whole bytes, so that rows of
/// windows are put together from bytes.
struct Steps {
    period: u32,
    /// The first layer of the first window.
    first_layer: u32,
    /// Of each layer of a step: its detectors, and the byte that it begins at.
    widths: Vec<u32>,
    layer_begin: Vec<usize>,
    bytes: usize,
}

/// An error of the model: what it flips, detectors by layer and place in it.
struct FlatError {
    probability: f64,
    places: Vec<(u32, u32)>,
    others: Vec<TargetKind>,
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

impl Steps {
    /// Those of a period from `first_layer` on, of layers of these widths.
    fn new(widths: &[u32], first_layer: u32, period: u32) -> Self {
        let widths = widths[first_layer as usize..(first_layer + period) as usize].to_vec();
        let (mut layer_begin, mut bytes) = (Vec::new(), 0);
        for width in &widths {
            layer_begin.push(bytes);
            bytes += width.div_ceil(8) as usize;
        }
        Self { period, first_layer, widths, layer_begin, bytes }
    }

    fn bits(&self) -> u32 {
        8 * self.bytes as u32
    }

    /// What is flipped at these places, as bits from the step of the first of them on; nothing if a layer is none of the
    /// bulk's, by its width.
    fn key(&self, places: &[(u32, u32)], widths: &[u32]) -> Option<Vec<u32>> {
        // Steps are counted from before the first layer of the history.
        let ahead = self.period - self.first_layer % self.period;
        let first = (places.first()?.0 + ahead) / self.period;
        let bit = |&(layer, index): &(u32, u32)| {
            let (step, phase) = ((layer + ahead) / self.period - first, (layer + ahead) % self.period);
            let begin = step * self.bits() + 8 * self.layer_begin[phase as usize] as u32;
            (widths[layer as usize] == self.widths[phase as usize]).then_some(begin + index)
        };
        places.iter().map(bit).collect()
    }
}

impl FlatError {
    /// Layers that it spans.
    fn span(&self) -> u32 {
        match (self.places.first(), self.places.last()) {
            (Some(first), Some(last)) => last.0 - first.0 + 1,
            _ => 1,
        }
    }
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
        let width = |layer: u32| plan.layer_detectors(layer.into(), Some(layer_count.into()));
        let widths: Vec<u32> = (0..layer_count).map(width).collect();
        let errors = flat_errors(model, plan)?;
        let mut by_layer = vec![Vec::new(); layer_count as usize];
        for error in errors.iter().filter(|error| error.probability > 0.0) {
            if let Some(&(first, _)) = error.places.first() {
                by_layer[first as usize].push(error);
            }
        }
        let (begin, end) = bulk_layers(&by_layer, &widths, period)?;
        let own = || by_layer[begin as usize..(begin + period) as usize].iter().flatten();
        if own().any(|error| error.probability >= 0.5) {
            return Err(argument_error("learning needs errors of probabilities below 1/2"));
        }
        let reach = own().map(|error| error.span()).max().unwrap_or(1);
        let first_layer = begin + (reach - 1).next_multiple_of(period);
        if first_layer + 2 * period > end {
            return Err(argument_error("learning needs a model with more rounds that repeat"));
        }
        let steps = Steps::new(&widths, first_layer, period);
        let mut probabilities: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
        for (error, key) in own().filter_map(|error| Some((error, steps.key(&error.places, &widths)?))) {
            let sum = probabilities.entry(key).or_insert(0.0);
            *sum = *sum + error.probability - 2.0 * *sum * error.probability;
        }
        let number_of: BTreeMap<&Vec<u32>, u32> = probabilities.keys().zip(0..).collect();
        let class_of = |error: &FlatError| number_of.get(&steps.key(&error.places, &widths)?).copied();
        let last = probabilities.keys().filter_map(|key| key.last()).max();
        let extent = last.map_or(1, |last| last / steps.bits() + 1);
        let (sets, classes) = learned_classes(&probabilities, &number_of, extent, steps.bits())?;
        let mut order: Vec<u32> = (0..classes.len() as u32).collect();
        order.sort_by_key(|&class| (usize::MAX - classes[class as usize].size, class));
        Ok(Self {
            tail: (layer_count - end).into(),
            extent,
            singles: (0..sets.len() as u32).filter(|&set| sets[set as usize].len() == 1).collect(),
            // Every detector of an error is one of its step's.
            prior_singles: classes.iter().map(|class| class.prior * class.size as f64).sum(),
            sets,
            order,
            classes,
            priors: errors.iter().map(|error| error.probability).collect(),
            class_of: errors.iter().map(class_of).collect(),
            steps,
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
        let windows = (memory / u64::from(noise.steps.period)).max(1 << FADE_SHIFT);
        let options = MomentsOptions {
            fade_shift: FADE_SHIFT,
            block_shots: u32::try_from(windows >> FADE_SHIFT).unwrap_or(u32::MAX),
            ..MomentsOptions::default()
        };
        let bytes = noise.steps.bytes * noise.extent as usize;
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
        let Steps { period, first_layer, widths, layer_begin, bytes: step_bytes } = &noise.steps;
        let Some(after) = layer.checked_sub(u64::from(*first_layer)) else { return Ok(()) };
        let (period, step_bytes) = (u64::from(*period), *step_bytes);
        let phase = (after % period) as usize;
        if phase == 0 {
            self.row.copy_within(step_bytes.., 0);
        }
        let last_step = self.row.len() - step_bytes;
        let bytes = widths[phase].div_ceil(8) as usize;
        let place = &self.held[(layer % self.held.len() as u64) as usize];
        let to = &mut self.row[last_step + layer_begin[phase]..][..bytes];
        to.copy_from_slice(&place[..bytes]);
        self.taken += 1;
        if phase as u64 + 1 == period && self.taken >= u64::from(noise.extent) * period {
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

fn flat_errors(model: &DetectorErrorModel, plan: &Plan) -> Result<Vec<FlatError>, Error> {
    let mut errors = Vec::new();
    let mut walk = model.walk()?;
    while let Some(instruction) = walk.step() {
        let InstructionKind::Error { probability, targets } = instruction.kind else { continue };
        let (mut detectors, mut others) = (Vec::new(), Vec::new());
        for target in targets {
            match target.kind() {
                TargetKind::Detector(index) => detectors.push(index as u32),
                other => others.push(other),
            }
        }
        detectors.sort_unstable();
        // A detector that is given twice cancels.
        let groups = detectors.chunk_by(|a, b| a == b).filter(|group| group.len() % 2 == 1);
        let places = groups.map(|group| plan.place(group[0])).collect::<Result<_, _>>()?;
        errors.push(FlatError { probability, places, others });
    }
    Ok(errors)
}

/// What errors that begin in a layer flip, by layers from that one on, and how likely they are.
type Signature = Vec<(Vec<(u32, u32, u32)>, String, f64)>;

/// The layers that errors of the bulk begin in: those around the middle that have the same errors a period earlier or
/// later.
fn bulk_layers(by_layer: &[Vec<&FlatError>], widths: &[u32], period: u32) -> Result<(u32, u32), Error> {
    let layer_count = by_layer.len() as u32;
    let signature = |layer: u32| {
        let of = |error: &&FlatError| {
            let places = error.places.iter();
            let places = places.map(|&(at, index)| (at - layer, index, widths[at as usize])).collect();
            (places, format!("{:?}", error.others), error.probability)
        };
        let mut list: Signature = by_layer[layer as usize].iter().map(of).collect();
        list.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)).then(a.2.total_cmp(&b.2)));
        list
    };
    let signatures: Vec<Signature> = (0..layer_count).map(signature).collect();
    let are_alike = |a: u32, b: u32| {
        let (a, b) = (&signatures[a as usize], &signatures[b as usize]);
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| (&a.0, &a.1) == (&b.0, &b.1) && (a.2 - b.2).abs() <= ROUNDING * a.2.max(b.2))
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

/// The sets that are counted, in the order of moments, and the classes with what they need of them.
fn learned_classes(
    probabilities: &BTreeMap<Vec<u32>, f64>,
    number_of: &BTreeMap<&Vec<u32>, u32>,
    extent: u32,
    step_bits: u32,
) -> Result<(Vec<Vec<u32>>, Vec<Class>), Error> {
    let mut sets = BTreeSet::new();
    let mut supersets = vec![Vec::new(); probabilities.len()];
    for (key, number) in probabilities.keys().zip(0..) {
        for_each_subset(key, |mask, subset| {
            let subset = from_first_step(subset, step_bits);
            if let Some(&own) = number_of.get(&subset).filter(|_| (mask.count_ones() as usize) < key.len()) {
                supersets[own as usize].push(number);
            }
            if key.len() <= SUPPORT_MAX {
                sets.insert(subset);
            }
        });
    }
    let sets: Vec<Vec<u32>> = sets.into_iter().collect();
    let counted = Moments::with_sets(extent * step_bits, &sets, &MomentsOptions::default())?;
    let make = |((key, &probability), supersets): ((&Vec<u32>, &f64), Vec<u32>)| {
        let mut subsets = [u32::MAX; SUBSETS];
        if key.len() <= SUPPORT_MAX {
            for_each_subset(key, |mask, subset| {
                let found = counted.find(&from_first_step(subset, step_bits));
                subsets[mask as usize - 1] = found.map_or(u32::MAX, |set| set as u32);
            });
        }
        Class { prior: attenuation(1.0 - 2.0 * probability), size: key.len(), subsets, supersets }
    };
    let classes = probabilities.iter().zip(supersets).map(make).collect();
    Ok((counted.sets().map(<[u32]>::to_vec).collect(), classes))
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
