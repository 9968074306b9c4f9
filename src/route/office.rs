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
        let hours = Self {
            days: DayRange::parse(days).map_err(whole)?,
            times: TimeRange::parse(times).map_err(whole)?,
        };
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
        moment.holiday.is_none()
            && self.hours.iter().any(|hours| hours.open_at(moment.weekday, moment.minute))
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
        let start = local(now, &self.zone);
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
            u8::try_from(weekday).ok().filter(|weekday| hours.days.fits(*weekday))?;
            let (from, _) = hours.times.minutes();
            let at = date.at(i8::try_from(from / 60).ok()?, i8::try_from(from % 60).ok()?, 0, 0);
            Some(self.zone.to_timestamp(at).ok()?.as_millisecond())
        });
        openings.filter(|at| *at > now).min()
    }
}

/// A moment as clock and calendar show it.
pub(super) fn moment(at: Millis, zone: &TimeZone, holidays: &Calendar) -> Moment {
    moment_of(local(at, zone), holidays)
}

/// A moment that the clock shows.
pub(super) fn moment_of(local: civil::DateTime, holidays: &Calendar) -> Moment {
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or_default();
    Moment {
        minute,
        weekday: u8::try_from(local.date().weekday().to_monday_one_offset()).unwrap_or(1),
        date: local.date().to_string(),
        holiday: holidays.holiday(local.date()).map(str::to_owned),
    }
}

/// Times that no calendar has (before −9999, after 9999) count as the epoch.
fn local(at: Millis, zone: &TimeZone) -> civil::DateTime {
    zone.to_datetime(Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office() -> Office {
        let hours = ["mon-fri 09:00-13:00", "mon-fri 14:00-17:30", "sat 09:00-13:00"];
        let christmas = [
            (civil::date(2026, 12, 25), "Christmas Day".to_owned()),
            (civil::date(2026, 12, 26), "Boxing Day".to_owned()),
        ];
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        Office::new(
            hours.map(|text| Hours::parse(text).unwrap()).into(),
            Calendar::new("test", christmas),
            zone,
        )
    }

    fn at(office: &Office, text: &str) -> Millis {
        office.zone.to_timestamp(text.parse().unwrap()).unwrap().as_millisecond()
    }

    #[test]
    fn an_office_opens_again() {
        let office = office();
        for (now, opens) in [
            ("2026-12-24T10:00", "2026-12-24T10:00"),
            ("2026-12-24T13:00", "2026-12-24T14:00"),
            ("2026-12-24T08:59", "2026-12-24T09:00"),
            // Christmas, Boxing Day, Sunday
            ("2026-12-24T17:30", "2026-12-28T09:00"),
            ("2026-12-25T10:00", "2026-12-28T09:00"),
            ("2026-12-19T12:59", "2026-12-19T12:59"),
            ("2026-12-19T13:00", "2026-12-21T09:00"),
        ] {
            assert_eq!(office.next_opening(at(&office, now)), at(&office, opens), "{now}");
            assert_eq!(office.open_at(&office.moment(at(&office, now))), now == opens, "{now}");
        }
    }

    #[test]
    fn an_office_that_never_opens_keeps_nothing() {
        let never = Office { hours: vec![], ..office() };
        assert_eq!(never.next_opening(7), 7);
        assert_eq!(office().next_opening(Millis::MAX).signum(), 1);
    }

    #[test]
    fn a_moment_is_told_by_the_sites_clock() {
        let office = office();
        let moment = office.moment(at(&office, "2026-12-25T23:59"));
        assert_eq!((moment.minute, moment.weekday, moment.date.as_str()), (23 * 60 + 59, 5, "2026-12-25"));
        assert_eq!(moment.holiday.as_deref(), Some("Christmas Day"));
    }

    #[test]
    fn hours_are_days_and_times() {
        for bad in ["", "09:00-17:00", "mon-fri", "mon-fri 22:00-06:00", "mon fri 9-17"] {
            assert!(Hours::parse(bad).is_err(), "{bad}");
        }
        assert!(Hours::parse(" mon - fri 09:00-17:30 ").is_ok());
    }
}
