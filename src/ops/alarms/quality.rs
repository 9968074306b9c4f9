//! Faxes of a line or a sender that come worse than they used to: damage, or text that is read less surely.
//!
//! The newest few are compared with those before them, by what chance would bring: the share of damaged faxes by the
//! tail of the binomial distribution, the confidence by the distance of means in standard errors. While an alarm is
//! open less is asked, so that it does not flutter.

/// The newest so many are judged.
pub const NEWEST: usize = 10;
/// By so many before them at least.
const LEAST_BEFORE: usize = 20;
/// And at most.
pub const MOST_BEFORE: usize = 200;
/// A line is never better than one damaged fax in fifty: below that chance rules.
const LEAST_SHARE: f64 = 0.02;
/// Fewer damaged faxes than this are no trend.
const LEAST_DAMAGED: usize = 4;
/// Once in a thousand looks by chance; while open, once in twenty.
const RARE: (f64, f64) = (0.001, 0.05);
/// Standard errors; while open.
const ERRORS: (f64, f64) = (4.0, 2.0);
/// And so many points of a hundred, at least; while open.
const POINTS: (f64, f64) = (8.0, 4.0);
/// Confidence varies by some points whatever a line does.
const LEAST_DEVIATION: f64 = 4.0;

/// How one fax came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Came {
    /// Damaged, or broken off.
    pub damaged: bool,
    /// Mean confidence of its text, 0 to 100.
    pub confidence: Option<f32>,
}

/// What is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Worse {
    /// So many of the newest are damaged; of those before, this share was.
    Damage {
        /// Damaged of [`NEWEST`].
        damaged: usize,
        /// Share before, 0 to 1.
        before: f64,
    },
    /// The text is read less surely.
    Confidence {
        /// Mean now, 0 to 100.
        now: f64,
        /// Mean before.
        before: f64,
    },
}

/// Judges a line or a sender. `faxes`: newest first. `open`: an alarm says so already.
pub fn judge(faxes: &[Came], open: bool) -> Option<Worse> {
    if faxes.len() < NEWEST + LEAST_BEFORE {
        return None;
    }
    let (newest, before) = faxes.split_at(NEWEST);
    let before = before.get(..MOST_BEFORE.min(before.len())).unwrap_or(before);
    damage(newest, before, open).or_else(|| confidence(newest, before, open))
}

fn damage(newest: &[Came], before: &[Came], open: bool) -> Option<Worse> {
    let count = |faxes: &[Came]| faxes.iter().filter(|fax| fax.damaged).count();
    let damaged = count(newest);
    // Laplace's rule: what was never seen is not impossible.
    let share = (count(before) as f64 + 1.0) / (before.len() as f64 + 2.0);
    let rare = if open { RARE.1 } else { RARE.0 };
    let least = if open { LEAST_DAMAGED / 2 } else { LEAST_DAMAGED };
    let worse = damaged >= least && tail(newest.len(), damaged, share.max(LEAST_SHARE)) < rare;
    worse.then(|| Worse::Damage { damaged, before: count(before) as f64 / before.len() as f64 })
}

/// Chance of at least `hits` of `tries`, each with chance `share`.
fn tail(tries: usize, hits: usize, share: f64) -> f64 {
    let mut chance = (1.0 - share).powi(i32::try_from(tries).unwrap_or(i32::MAX));
    let mut below = 0.0;
    for number in 0..hits {
        below += chance;
        chance *= (tries - number) as f64 / (number as f64 + 1.0) * share / (1.0 - share);
    }
    (1.0 - below).max(0.0)
}

fn confidence(newest: &[Came], before: &[Came], open: bool) -> Option<Worse> {
    let read =
        |faxes: &[Came]| faxes.iter().filter_map(|fax| fax.confidence).map(f64::from).collect::<Vec<_>>();
    let (newest, before) = (read(newest), read(before));
    if newest.len() < NEWEST / 2 || before.len() < LEAST_BEFORE {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (now, then) = (mean(&newest), mean(&before));
    let variance = before.iter().map(|value| (value - then).powi(2)).sum::<f64>() / before.len() as f64;
    let error = variance.sqrt().max(LEAST_DEVIATION) / (newest.len() as f64).sqrt();
    let (errors, points) = if open { (ERRORS.1, POINTS.1) } else { (ERRORS.0, POINTS.0) };
    let fell = then - now;
    (fell >= points && fell >= errors * error).then_some(Worse::Confidence { now, before: then })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(damaged: bool, confidence: f32) -> Came {
        Came { damaged, confidence: Some(confidence) }
    }

    /// Newest first: `worse` of the newest damaged, then 60 of which each tenth is.
    fn with_damage(worse: usize) -> Vec<Came> {
        let newest = (0..NEWEST).map(|at| came(at < worse, 90.0));
        newest.chain((0..60).map(|at| came(at % 10 == 0, 90.0))).collect()
    }

    #[test]
    fn damage_beyond_chance_is_told_and_less_keeps_an_alarm_open() {
        assert_eq!(judge(&with_damage(3), false), None);
        assert!(matches!(judge(&with_damage(6), false), Some(Worse::Damage { damaged: 6, .. })));
        assert_eq!(judge(&with_damage(4), false), None);
        assert!(judge(&with_damage(4), true).is_some());
        assert_eq!(judge(&with_damage(1), true), None);
    }

    #[test]
    fn text_that_is_read_less_surely_is_told() {
        let line = |now: f32| -> Vec<Came> {
            let newest = (0..NEWEST).map(|_| came(false, now));
            newest.chain((0..60).map(|at| came(false, 88.0 + (at % 5) as f32))).collect()
        };
        assert_eq!(judge(&line(86.0), false), None);
        assert!(matches!(judge(&line(70.0), false), Some(Worse::Confidence { .. })));
    }

    #[test]
    fn a_line_without_a_past_is_not_judged() {
        let faxes = vec![came(true, 10.0); NEWEST + LEAST_BEFORE - 1];
        assert_eq!(judge(&faxes, false), None);
        // And one that always was bad has not become worse.
        assert_eq!(judge(&vec![came(true, 10.0); 100], false), None);
    }

    #[test]
    fn the_tail_is_that_of_the_binomial_distribution() {
        for (tries, hits, share, expected) in
            [(10, 0, 0.3, 1.0), (10, 10, 0.5, 0.000_976_562_5), (10, 4, 0.1, 0.012_795_198_4)]
        {
            assert!((tail(tries, hits, share) - expected).abs() < 1e-9, "{tries} {hits} {share}");
        }
    }
}
