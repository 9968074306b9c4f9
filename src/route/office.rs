//! [`Office`] and [`Calendar`]: when somebody is there. Pure: time zone data come in from outside.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, civil};

use super::clock::{DayRange, TimeRange};
use super::facts::Moment;
use super::pattern::PatternError;
use crate::fax::Millis;

/// Public holidays by their dates. Weekends are no holidays here: rules and hours name weekdays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// `hong-kong`.
    pub name: String,
    days: BTreeMap<civil::Date, String>,
}

impl Calendar {
    /// Takes days and their names.
    pub fn new(name: impl Into<String>, days: impl IntoIterator<Item = (civil::Date, String)>) -> Self {
        Self { name: name.into(), days: days.into_iter().collect() }
    }

    /// Adds days; a day that is there already gets the new name.
    pub fn extend(&mut self, days: impl IntoIterator<Item = (civil::Date, String)>) {
        self.days.extend(days);
    }

    /// Name of the holiday that the date is, if one.
    pub fn holiday(&self, date: civil::Date) -> Option<&str> {
        self.days.get(&date).map(String::as_str)
    }

    /// All days, in order.
    pub fn days(&self) -> impl Iterator<Item = (civil::Date, &str)> {
        self.days.iter().map(|(date, name)| (*date, name.as_str()))
    }

    /// Years of which it knows any day, first and last. `None`: it is empty. After the last year nothing is known.
    pub fn years(&self) -> Option<(i16, i16)> {
        Some((self.days.keys().next()?.year(), self.days.keys().next_back()?.year()))
    }
}

/// Hours of an office: days and times, `mon-fri 09:00-17:30`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    days: DayRange,
    times: TimeRange,
}

impl Hours {
    /// Understands `mon-fri 09:00-17:30` or `sat 09:00-13:00`. Hours over midnight are two entries.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let bad = || PatternError::whole(text, "expected days and times such as \"mon-fri 09:00-17:30\"");
        let (days, times) = text.trim().rsplit_once(char::is_whitespace).ok_or_else(bad)?;
        let whole = |error: PatternError| PatternError::whole(text, error.message);
        let hours =
            Self { days: DayRange::parse(days).map_err(whole)?, times: TimeRange::parse(times).map_err(whole)? };
        let (from, until) = hours.times.minutes();
        if from > until {
            return Err(PatternError::whole(text, "hours that go over midnight are written as two entries"));
        }
        Ok(hours)
    }

    fn open_at(&self, weekday: u8, minute: u16) -> bool {
        self.days.fits(weekday) && self.times.fits(minute)
    }
}

/// An office: its hours, its holidays, its clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    hours: Vec<Hours>,
    holidays: Calendar,
    zone: TimeZone,
}

/// Nobody waits longer for an office to open: one that is shut so long has no hours that mean anything.
const LONGEST_SHUT_DAYS: i64 = 60;

impl Office {
    /// An office; it is shut on the calendar's days.
    pub fn new(hours: Vec<Hours>, holidays: Calendar, zone: TimeZone) -> Self {
        Self { hours, holidays, zone }
    }

    /// Somebody is there.
    pub fn open_at(&self, moment: &Moment) -> bool {
        moment.holiday.is_none() && self.hours.iter().any(|hours| hours.open_at(moment.weekday, moment.minute))
    }

    /// The moment as this office's clock and calendar show it.
    pub fn moment(&self, at: Millis) -> Moment {
        moment(at, &self.zone, &self.holidays)
    }

    /// When it opens next; now, if it is open. Where no hour comes within two months, now too: nothing waits for ever.
    pub fn next_opening(&self, now: Millis) -> Millis {
        if self.open_at(&self.moment(now)) {
            return now;
        }
        let start = zoned(now, &self.zone);
        (0..=LONGEST_SHUT_DAYS)
            .filter_map(|days| start.date().checked_add(days.days()).ok())
            .filter(|date| self.holidays.holiday(*date).is_none())
            .find_map(|date| self.first_opening(date, now))
            .unwrap_or(now)
    }

    /// The first opening of a day after `now`.
    fn first_opening(&self, date: civil::Date, now: Millis) -> Option<Millis> {
        let weekday = date.weekday().to_monday_one_offset();
        let openings = self.hours.iter().filter_map(|hours| {
            let weekday = u8::try_from(weekday).ok().filter(|weekday| hours.days.fits(*weekday))?;
            let _ = weekday;
            let (from, _) = hours.times.minutes();
            let at = date.at(i8::try_from(from / 60).ok()?, i8::try_from(from % 60).ok()?, 0, 0);
            Some(self.zone.to_zoned(at).ok()?.timestamp().as_millisecond())
        });
        openings.filter(|at| *at > now).min()
    }
}

/// A moment as clock and calendar show it.
pub(super) fn moment(at: Millis, zone: &TimeZone, holidays: &Calendar) -> Moment {
    let local = zoned(at, zone);
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or_default();
    Moment {
        minute,
        weekday: u8::try_from(local.weekday().to_monday_one_offset()).unwrap_or(1),
        date: local.date().to_string(),
        holiday: holidays.holiday(local.date()).map(str::to_owned),
    }
}

/// Times that no calendar has (before −9999, after 9999) count as the epoch.
fn zoned(at: Millis, zone: &TimeZone) -> jiff::Zoned {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}
