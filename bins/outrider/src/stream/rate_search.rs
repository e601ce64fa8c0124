//! Two questions to a stream: how many rounds arrive until a correction lands, and how fast rounds may come.

use std::sync::atomic::Ordering;

use outrider::clock_ns;
use outrider_wire::Time;

use crate::error::{Error, Result};
use crate::stream::driver::Driver;
use crate::stream::figures::Figures;
use crate::stream::round_source::{Processor, Source};
use crate::stream::run_report::{FoundRate, RateTry, Sifl};

/// The closed loop (SIFL): a step's rounds arrive until the correction of the step before has landed, and are decoded
/// as one history. If decoding is slower than the rounds, every step is longer than the one before.
pub(crate) fn close_loop(
    driver: &mut Driver<'_>,
    source: &mut Processor,
    layers_min: u64,
    steps: u64,
) -> Result<Sifl> {
    let plan = std::sync::Arc::clone(driver.patch.plan());
    let round_ns = driver.pace.round_ns;
    let (mut begin, mut length) = (Time(clock_ns()), layers_min);
    let (mut total, mut most, mut last, mut done, mut diverged) = (0, 0, 0, 0, false);
    while done < steps {
        source.set_length(length);
        let Some(end) = driver.run_history(source, length, begin)? else { break };
        done += 1;
        last = length - 1;
        total += last;
        most = most.max(last);
        // The next step began when this one's last round came.
        begin = end.due.after(round_ns as u64);
        let arrived = (end.corrected.since(begin) as f64 / round_ns).ceil() as u64;
        let wanted = arrived.max(layers_min);
        if wanted > layers_min * LONGER_MAX {
            diverged = true;
            break;
        }
        // The plan may serve every other length only.
        length = (wanted..wanted + PERIOD_MAX).find(|&l| plan.check_length(l).is_ok()).unwrap_or(wanted);
    }
    Ok(Sifl {
        steps: done,
        rounds_min: layers_min - 1,
        rounds_mean: total as f64 / done.max(1) as f64,
        rounds_most: most,
        rounds_last: last,
        diverged,
    })
}

/// Finds the shortest round time that is held, by bisection, and leaves the figures of the last run that held. One that
/// was interrupted tells nothing.
pub(crate) fn find_rate(
    driver: &mut Driver<'_>,
    new_source: &mut dyn FnMut() -> Result<Box<dyn Source>>,
    length: u64,
) -> Result<FoundRate> {
    let mut tries = Vec::new();
    let mut try_at = |driver: &mut Driver<'_>, round_ns: f64| -> Result<Option<(bool, Figures)>> {
        let before = std::mem::replace(&mut driver.figures, Figures::new()?);
        driver.pace.round_ns = round_ns;
        driver.run(new_source()?.as_mut(), length)?;
        let figures = std::mem::replace(&mut driver.figures, before);
        if driver.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let held = round_ns > 0.0 && figures.held(driver.target.rounds_max()) == Some(true);
        if round_ns > 0.0 {
            tries.push(RateTry { round_time_us: round_ns / 1e3, held });
        }
        Ok(Some((held, figures)))
    };
    // As fast as it goes is where to begin.
    let (_, flat_out) = try_at(driver, 0.0)?.ok_or_else(interrupted)?;
    let mut too_fast = 1e9 / flat_out.rate().max(1.0) / FIRST_STEP;
    let mut kept = too_fast;
    let mut figures = loop {
        kept *= FIRST_STEP * FIRST_STEP;
        let (held, figures) = try_at(driver, kept)?.ok_or_else(interrupted)?;
        if held {
            break figures;
        }
        too_fast = kept;
        if kept > SLOWEST_NS {
            return Err(Error::Usage("--find-rate: no round time up to a second is held".to_owned()));
        }
    };
    while kept / too_fast > PRECISION {
        let middle = (kept * too_fast).sqrt();
        let Some((held, of_middle)) = try_at(driver, middle)? else { break };
        if held {
            (kept, figures) = (middle, of_middle);
        } else {
            too_fast = middle;
        }
    }
    driver.figures = figures;
    driver.pace.round_ns = kept;
    Ok(FoundRate { round_time_us: kept / 1e3, rounds_per_second: 1e9 / kept, tries })
}

fn interrupted() -> Error {
    Error::machine("--find-rate", "interrupted before a round time was held")
}

/// A step that is so many times longer than it need be will not be caught up with. A pause of some ten milliseconds, which
/// a shared machine makes now and then, will.
const LONGER_MAX: u64 = 1000;
/// Layers after which a plan may repeat itself.
pub(crate) const PERIOD_MAX: u64 = 8;
const FIRST_STEP: f64 = 1.3;
const SLOWEST_NS: f64 = 1e9;
/// Round times this close are not told apart.
const PRECISION: f64 = 1.03;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::stream::driver::Pace;
    use crate::stream::target::InProcess;
    use crate::stream::views::Views;
    use outrider::{Isa, RoundSampler, SamplerOptions, StreamOptions, Wait, WorkersOptions};
    use outrider_options::{LoadedPatch, PatchArgs};
    use serde::Deserialize;
    use serde_json::json;

    const LAYERS: u64 = 101;

    fn small_patch() -> LoadedPatch {
        let args = PatchArgs::deserialize(json!({ "distance": 3, "p": 0.01 })).expect("options");
        args.load(Isa::Auto).expect("a patch")
    }

    fn processor(loaded: &LoadedPatch) -> Processor {
        let sampler = RoundSampler::new(&loaded.model, &SamplerOptions::default()).expect("a sampler");
        Processor::new(sampler, Arc::clone(loaded.patch.plan()), 1, LAYERS)
    }

    /// Runs with a driver that decodes on this thread.
    fn with_driver<T>(
        loaded: &LoadedPatch,
        round_ns: f64,
        stop: &AtomicBool,
        run: impl FnOnce(&mut Driver<'_>) -> T,
    ) -> T {
        let workers = WorkersOptions { count: 0, wait: Wait::SpinThenYield, cores: Vec::new() };
        let options = StreamOptions { workers, layers_max: None };
        let mut target = InProcess::new(Arc::clone(&loaded.patch), &options).expect("a stream");
        let pace = Pace { round_ns, history_ns: None, histories: 1, wait: Wait::SpinThenYield };
        let mut views = Views::start(None).expect("no file");
        run(&mut Driver::new(&loaded.patch, &mut target, pace, stop, &mut views).expect("memory"))
    }

    #[test]
    fn a_trial_that_is_interrupted_does_not_count() {
        let loaded = small_patch();
        for completed in 0..6 {
            let stop = AtomicBool::new(false);
            let mut begun = 0;
            let mut new_source = || -> Result<Box<dyn Source>> {
                stop.fetch_or(begun == completed, Ordering::Relaxed);
                begun += 1;
                Ok(Box::new(processor(&loaded)))
            };
            let found = with_driver(&loaded, 0.0, &stop, |driver| find_rate(driver, &mut new_source, LAYERS));
            match found {
                Ok(found) => {
                    assert!(found.tries.len() < completed);
                    let held = found.tries.iter().filter(|one| one.held).map(|one| one.round_time_us);
                    assert_eq!(held.reduce(f64::min), Some(found.round_time_us));
                }
                Err(error) => assert!(error.to_string().contains("interrupted"), "{error}"),
            }
        }
    }

    #[test]
    fn the_last_step_is_one_that_was_made() {
        let loaded = small_patch();
        // A step begins with so many rounds behind that the next has to be longer.
        let sifl = with_driver(&loaded, 100.0, &AtomicBool::new(false), |driver| {
            close_loop(driver, &mut processor(&loaded), LAYERS, 1).expect("a step")
        });
        assert_eq!((sifl.steps, sifl.rounds_most, sifl.rounds_last), (1, LAYERS - 1, LAYERS - 1));
    }
}
