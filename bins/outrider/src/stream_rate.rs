//! Two questions to a stream: how many rounds arrive until a correction lands, and how fast rounds may come.

use outrider::clock_ns;

use crate::error::{Error, Result};
use crate::stream_figures::Figures;
use crate::stream_report::{FoundRate, RateTry, Sifl};
use crate::stream_session::Session;
use crate::stream_source::{Processor, Source};

/// The closed loop (SIFL): a step's rounds arrive until the correction of the step before has landed, and are decoded
/// as one history. If decoding is slower than the rounds, every step is longer than the one before.
pub(crate) fn close_loop(
    session: &mut Session<'_>,
    source: &mut Processor,
    layers_min: u64,
    steps: u64,
) -> Result<Sifl> {
    let plan = std::sync::Arc::clone(session.patch.plan());
    let round_ns = session.pace.round_ns;
    let (mut begin_ns, mut length) = (clock_ns(), layers_min);
    let (mut total, mut most, mut done, mut diverged) = (0, 0, 0, false);
    while done < steps {
        source.set_length(length);
        let Some(end) = session.run_history(source, length, begin_ns)? else { break };
        done += 1;
        total += length - 1;
        most = most.max(length - 1);
        // The next step began when this one's last round came.
        begin_ns = end.due_ns + round_ns as u64;
        let arrived = (end.corrected_ns.saturating_sub(begin_ns) as f64 / round_ns).ceil() as u64;
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
        rounds_last: length - 1,
        diverged,
    })
}

/// Finds the shortest round time that is held, by bisection, and leaves the figures of the last run that held.
pub(crate) fn find_rate(
    session: &mut Session<'_>,
    new_source: &mut dyn FnMut() -> Result<Box<dyn Source>>,
    length: u64,
) -> Result<FoundRate> {
    let mut tries = Vec::new();
    let mut try_at = |session: &mut Session<'_>, round_ns: f64| -> Result<(bool, Figures)> {
        let before = std::mem::replace(&mut session.figures, Figures::new()?);
        session.pace.round_ns = round_ns;
        session.run(new_source()?.as_mut(), length)?;
        let held = round_ns > 0.0 && session.figures.held(session.target.rounds_max());
        if round_ns > 0.0 {
            tries.push(RateTry { round_time_us: round_ns / 1e3, held });
        }
        Ok((held, std::mem::replace(&mut session.figures, before)))
    };
    // As fast as it goes is where to begin.
    let (_, flat_out) = try_at(session, 0.0)?;
    let mut too_fast = 1e9 / flat_out.rate().max(1.0) / FIRST_STEP;
    let mut kept = too_fast;
    let mut figures = loop {
        kept *= FIRST_STEP * FIRST_STEP;
        let (held, figures) = try_at(session, kept)?;
        if held {
            break figures;
        }
        too_fast = kept;
        if kept > SLOWEST_NS || session.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Error::Usage("--find-rate: no round time up to a second is held".to_owned()));
        }
    };
    while kept / too_fast > PRECISION && !session.stop.load(std::sync::atomic::Ordering::Relaxed) {
        let middle = (kept * too_fast).sqrt();
        let (held, of_middle) = try_at(session, middle)?;
        if held {
            (kept, figures) = (middle, of_middle);
        } else {
            too_fast = middle;
        }
    }
    session.figures = figures;
    session.pace.round_ns = kept;
    Ok(FoundRate { round_time_us: kept / 1e3, rounds_per_second: 1e9 / kept, tries })
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
