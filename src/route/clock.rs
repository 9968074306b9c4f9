//! [`TimeRange`] and [`DayRange`]: when a fax came, as a rule says it. Clock and calendar are the site's.

use super::pattern::PatternError;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A time of day: `08:30-18:00`. The end is outside. `22:00-06:00` goes over midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange {
    shown: String,
    from: u16,
    until: u16,
}

impl TimeRange {
    /// Understands `08:30-18:00`; `24:00` may be the end. A range without any minute is an error.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let bad = || PatternError::whole(text, "expected a time of day such as \"08:30-18:00\"");
        let (from, until) = text.trim().split_once('-').ok_or_else(bad)?;
        let (from, until) = (minute(from).ok_or_else(bad)?, minute(until).ok_or_else(bad)?);
        if from == until || from == DAY || (from == 0 && until == 0) {
            return Err(PatternError::whole(text, "no time lies in it; the whole day is 00:00-24:00"));
        }
        Ok(Self { shown: text.trim().to_owned(), from, until })
    }

    /// The range as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Minutes since midnight: the first inside, and the first after it. The end is below the start where it goes over midnight.
    pub fn minutes(&self) -> (u16, u16) {
        (self.from, self.until)
    }

    /// The minute since midnight lies in it.
    pub fn fits(&self, minute: u16) -> bool {
        if self.from < self.until {
            (self.from..self.until).contains(&minute)
        } else {
            (self.from..DAY).contains(&minute) || minute < self.until
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        (0..DAY).all(|minute| !other.fits(minute) || self.fits(minute))
    }
}

/// `08:30` as minutes since midnight; `24:00` is the day's end.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hours.len()) || minutes.len() != 2 || !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= DAY).then_some(minute)
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Days of the week: `mon`, `mon-fri`, `sat-mon`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRange {
    shown: String,
    /// Bit 0 is Monday.
    days: u8,
}

impl DayRange {
    /// Understands a day or a range of days by their first three letters.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let day = |name: &str| {
            let name = name.trim().to_ascii_lowercase();
            DAYS.iter()
                .position(|day| *day == name)
                .ok_or_else(|| PatternError::whole(text, "expected days such as \"sat\" or \"mon-fri\""))
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (day(from)?, day(to)?);
        let length = (to + DAYS.len() - from) % DAYS.len();
        let days = (0..=length).fold(0, |days, step| days | 1 << ((from + step) % DAYS.len()));
        Ok(Self { shown: text.trim().to_owned(), days })
    }

    /// The days as the rule writes them.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The days as bits: bit 0 is Monday, bit 6 Sunday.
    pub fn days(&self) -> u8 {
        self.days
    }

    /// The short name of a day, 1 being Monday.
    pub(super) fn name(weekday: u8) -> Option<&'static str> {
        DAYS.get(usize::from(weekday).checked_sub(1)?).copied()
    }

    /// `weekday`: 1 is Monday, 7 Sunday (ISO 8601).
    pub fn fits(&self, weekday: u8) -> bool {
        (1..=7).contains(&weekday) && self.days & 1 << (weekday - 1) != 0
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        other.days & !self.days == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        let fits = |range: &str, minute| TimeRange::parse(range).unwrap().fits(minute);
        assert!(fits("08:30-18:00", 8 * 60 + 30) && !fits("08:30-18:00", 18 * 60));
        assert!(fits("22:00-06:00", 23 * 60) && fits("22:00-06:00", 5 * 60 + 59));
        assert!(!fits("22:00-06:00", 6 * 60) && !fits("22:00-06:00", 21 * 60 + 59));
        assert!(fits("00:00-24:00", 0) && fits("00:00-24:00", DAY - 1));
        assert!(fits("18:00-24:00", DAY - 1) && fits("18:00-00:00", DAY - 1));
        for bad in
            ["", "8", "08:30", "08:60-09:00", "25:00-26:00", "09:00-09:00", "24:00-01:00", "+9:00-10:00"]
        {
            assert!(TimeRange::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_of_the_week() {
        let fits = |range: &str| {
            let range = DayRange::parse(range).unwrap();
            (0..=8).filter(|day| range.fits(*day)).collect::<Vec<u8>>()
        };
        assert_eq!(fits("mon-fri"), [1, 2, 3, 4, 5]);
        assert_eq!(fits("Sat - Mon"), [1, 6, 7]);
        assert_eq!(fits("sun"), [7]);
        for bad in ["", "monday", "mon-", "mo-fr", "mon-tue-wed"] {
            assert!(DayRange::parse(bad).is_err(), "{bad}");
        }
    }
}
