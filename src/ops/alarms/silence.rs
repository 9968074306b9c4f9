//! A line that usually speaks and does not.
//!
//! Silence is measured not in hours but in surprise. For each hour of the week the line's past says how likely a fax is
//! within it; an hour that usually brings one and brings none adds `-ln(1 - p)`, one that never does adds nothing. The
//! sum since the last fax is minus the logarithm of the chance of such a silence. So nights, weekends and holidays
//! (which count as Sundays) cost nothing, and a busy line is missed after hours, a quiet one after days. A burst counts
//! as one hour with a fax, however many it brought.
//!
//! Hours of a week repeat, but not perfectly: a line has had surprising silences before. Only one that is clearly longer
//! than all of those is told.

use std::collections::BTreeMap;

use crate::fax::Millis;

/// Milliseconds of an hour.
pub const HOUR: Millis = 3_600_000;
/// So many weeks of the past count.
pub const WEEKS: i64 = 8;
/// Hours of a week: Monday's first is 0.
pub const SLOTS: usize = 168;

/// A line whose first fax is younger is not known yet.
const LEAST_HOURS: i64 = 21 * 24;
/// A line with fewer hours that brought something is not known yet.
const LEAST_ACTIVE: usize = 20;
/// A silence that comes by chance once in a thousand times: -ln 0.001.
const SURE: f64 = 6.9;
/// And that is so much longer than the longest before.
const MARGIN: f64 = 1.5;

/// What is known of a silence that is no chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silence {
    /// The last fax came then.
    pub since: Millis,
    /// Hours since then in which one usually comes.
    pub busy_hours: u32,
}

/// Judges one line. `faxes`: when its faxes of the last [`WEEKS`] came, in any order. `slot`: the hour of the week that
/// an hour since the epoch is, by the site's clock and calendar; below [`SLOTS`].
pub fn judge(faxes: &[Millis], now: Millis, slot: impl Fn(i64) -> usize) -> Option<Silence> {
    let since = faxes.iter().copied().filter(|at| *at <= now).max()?;
    let this_hour = now.div_euclid(HOUR);
    let earliest = this_hour - WEEKS * 7 * 24;
    let mut active: BTreeMap<i64, ()> = BTreeMap::new();
    for hour in
        faxes.iter().map(|at| at.div_euclid(HOUR)).filter(|hour| (earliest..=this_hour).contains(hour))
    {
        active.insert(hour, ());
    }
    let (first, last) = (*active.keys().next()?, *active.keys().next_back()?);
    if this_hour - first < LEAST_HOURS || active.len() < LEAST_ACTIVE {
        return None;
    }
    let surprise = surprises(&active, first, last, &slot);
    let longest = longest_before(&active, first, last, &surprise, &slot);
    let of = |hour: i64| surprise.get(slot(hour)).copied().unwrap_or(0.0);
    // The hour in progress may still bring one.
    let (mut silent, mut busy_hours) = (0.0, 0);
    for hour in last + 1..this_hour {
        silent += of(hour);
        busy_hours += u32::from(of(hour) > 0.1);
    }
    (silent >= SURE && silent >= MARGIN * longest).then_some(Silence { since, busy_hours })
}

/// For each hour of the week: `-ln(1 - p)`, where p is the share of such hours that brought a fax, one such hour
/// without any added: of what was seen eight times nothing is certain.
fn surprises(active: &BTreeMap<i64, ()>, first: i64, last: i64, slot: &impl Fn(i64) -> usize) -> Vec<f64> {
    let (mut seen, mut brought) = (vec![0u32; SLOTS], vec![0u32; SLOTS]);
    for hour in first..=last {
        if let (Some(seen), Some(brought)) = (seen.get_mut(slot(hour)), brought.get_mut(slot(hour))) {
            *seen += 1;
            *brought += u32::from(active.contains_key(&hour));
        }
    }
    let share = |(brought, seen): (u32, u32)| f64::from(brought) / f64::from(seen + 1);
    brought.into_iter().zip(seen).map(|counts| -(1.0 - share(counts)).ln()).collect()
}

/// The most surprising silence between two faxes of the past.
fn longest_before(
    active: &BTreeMap<i64, ()>,
    first: i64,
    last: i64,
    surprise: &[f64],
    slot: &impl Fn(i64) -> usize,
) -> f64 {
    let (mut longest, mut silent) = (0.0_f64, 0.0_f64);
    for hour in first + 1..=last {
        if active.contains_key(&hour) {
            longest = longest.max(silent);
            silent = 0.0;
        } else {
            silent += surprise.get(slot(hour)).copied().unwrap_or(0.0);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The epoch's first hour was a Thursday's.
    fn slot(hour: i64) -> usize {
        usize::try_from((hour + 3 * 24).rem_euclid(168)).unwrap()
    }

    fn office_hour(hour: i64) -> bool {
        let slot = slot(hour);
        slot / 24 < 5 && (9..18).contains(&(slot % 24))
    }

    /// Faxes in office hours of weeks 0 to `weeks`: in each hour with a chance of so many in a hundred.
    fn line(weeks: i64, percent: u64, keep: impl Fn(i64) -> bool) -> Vec<Millis> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut chance = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % 100
        };
        // A week before the Monday of week 1, so that weeks begin on Mondays.
        (96..96 + weeks * 168)
            .filter(|hour| office_hour(*hour) && chance() < percent && keep(*hour))
            .map(|hour| hour * HOUR + 5 * 60_000)
            .collect()
    }

    /// Monday 00:00 after `weeks` weeks.
    fn monday(weeks: i64) -> i64 {
        96 + weeks * 168
    }

    #[test]
    fn a_busy_line_is_missed_within_the_day_and_never_at_night_or_at_the_weekend() {
        let faxes = line(8, 80, |_| true);
        // Through the weekend and the night, up to Monday's opening.
        for hours in 0..10 {
            assert_eq!(judge(&faxes, (monday(8) + hours) * HOUR, slot), None, "{hours}");
        }
        let missed = (9..24).find(|hours| judge(&faxes, (monday(8) + hours) * HOUR, slot).is_some());
        assert!(missed.is_some_and(|hours| (12..=18).contains(&hours)), "{missed:?}");
    }

    #[test]
    fn a_quiet_line_is_given_days() {
        let faxes = line(8, 12, |_| true);
        let missed = (0..14 * 24).find(|hours| judge(&faxes, (monday(8) + hours) * HOUR, slot).is_some());
        assert!(missed.is_some_and(|hours| hours > 36), "{missed:?}");
    }

    #[test]
    fn a_line_that_lives_gives_no_alarm_in_its_whole_life() {
        for percent in [10, 40, 90] {
            let faxes = line(16, percent, |_| true);
            let mut alarms = 0;
            for hour in monday(8)..monday(16) {
                let known: Vec<Millis> = faxes.iter().copied().filter(|at| *at <= hour * HOUR).collect();
                alarms += usize::from(judge(&known, hour * HOUR, slot).is_some());
            }
            assert_eq!(alarms, 0, "{percent} %");
        }
    }

    #[test]
    fn a_holiday_counts_as_a_sunday() {
        let faxes = line(8, 80, |_| true);
        let holiday = |hour: i64| {
            if (monday(8)..monday(8) + 24).contains(&hour) { 6 * 24 + slot(hour) % 24 } else { slot(hour) }
        };
        assert_eq!(judge(&faxes, (monday(8) + 24) * HOUR, holiday), None);
        assert!(judge(&faxes, (monday(8) + 24) * HOUR, slot).is_some());
    }

    #[test]
    fn a_burst_counts_once_and_a_new_line_is_not_known() {
        let mut faxes = line(8, 30, |_| true);
        let burst = monday(3) * HOUR + 10 * HOUR;
        faxes.extend((0..500).map(|number| burst + number * 1000));
        assert_eq!(judge(&faxes, (monday(8) + 12) * HOUR, slot), None);
        assert_eq!(judge(&line(2, 90, |_| true), monday(3) * HOUR, slot), None);
        assert_eq!(judge(&[], 0, slot), None);
    }

    #[test]
    fn the_silence_says_since_when() {
        let faxes = line(8, 80, |_| true);
        let silence = judge(&faxes, (monday(8) + 30) * HOUR, slot).unwrap();
        assert_eq!(Some(silence.since), faxes.iter().copied().max());
        assert_eq!(silence.busy_hours, 9);
    }
}
