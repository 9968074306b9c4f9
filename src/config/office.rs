//! `[office]`, `[triage]` and calendars of public holidays: when somebody is there, and who looks at what is unsure.

use std::io::Read;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml_span::Span;

use super::codes;
use super::sheet::{Note, Sheet};
use super::table::Reader;
use crate::route::{Calendar, Hours, Office};

/// The calendar that is built in, and the usual one.
const HONG_KONG: (&str, &str) = ("hong-kong", include_str!("../../config/holidays/hong-kong.toml"));
/// No holidays at all.
const NONE: &str = "none";
/// Where calendars of the site lie, below the configuration folder.
const FOLDER: &str = "holidays";
/// Longest calendar, in bytes.
const LONGEST: u64 = 1 << 20;

/// Reads `[office]`: its hours, if any are told, and the calendar that counts.
pub(super) fn read(
    sheet: Sheet<'_>,
    table: Option<Reader<'_>>,
    zone: &TimeZone,
) -> (Option<Office>, Calendar) {
    let Some(mut table) = table else { return (None, calendar(sheet, HONG_KONG.0, None)) };
    let named = table.text("holidays");
    let calendar = match &named {
        Some(name) => calendar(sheet, &name.value, Some(name.span)),
        None => calendar(sheet, HONG_KONG.0, None),
    };
    let mut hours = Vec::new();
    for text in table.texts("hours").map_or(vec![], |list| list.value) {
        match Hours::parse(&text.value) {
            Ok(one) => hours.push(one),
            Err(error) => {
                sheet.note(text.span, Note::error(codes::VALUE_FORM, format!("`hours`: {}", error.message)));
            }
        }
    }
    table.finish();
    let office = (!hours.is_empty()).then(|| Office::new(hours, calendar.clone(), zone.clone()));
    (office, calendar)
}

/// The calendar of a name: what is built in, and what a file of the site adds.
fn calendar(sheet: Sheet<'_>, name: &str, at: Option<Span>) -> Calendar {
    let complain = |message: String| {
        let note = Note::error(codes::VALUE_CHOICE, message)
            .help(format!("calendars are \"{}\", \"{NONE}\" and files {FOLDER}/NAME.toml", HONG_KONG.0));
        match at {
            Some(at) => sheet.note(at, note),
            None => sheet.note_file(note),
        }
    };
    let mut calendar = Calendar::new(name, []);
    if name == NONE {
        return calendar;
    }
    // a name and no path: it names a file
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        complain(format!("`holidays`: {name:?} is no name of a calendar"));
        return calendar;
    }
    let built_in = name == HONG_KONG.0;
    if built_in {
        match days(HONG_KONG.1) {
            Ok(days) => calendar.extend(days),
            Err(error) => complain(format!("the calendar that is built in cannot be read: {error}")),
        }
    }
    let path = sheet.path(&format!("{FOLDER}/{name}.toml"));
    let mut text = String::new();
    match std::fs::File::open(&path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
        Ok(_) => match days(&text) {
            Ok(days) => calendar.extend(days),
            Err(error) => complain(format!("{}: {error}", path.display())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && built_in => {}
        Err(error) => complain(format!("there is no calendar \"{name}\": {}: {error}", path.display())),
    }
    calendar
}

/// The days of a calendar file: `[days]`, a date and its name each.
fn days(text: &str) -> Result<Vec<(Date, String)>, String> {
    let mut value = toml_span::parse(text).map_err(|error| error.to_string())?;
    let mut top = match value.take() {
        toml_span::value::ValueInner::Table(top) => top,
        _ => return Err("it is no table".to_owned()),
    };
    let mut days = top.remove("days").ok_or("it has no [days]")?;
    let toml_span::value::ValueInner::Table(days) = days.take() else {
        return Err("[days] is no table".to_owned());
    };
    if let Some(other) = top.keys().next() {
        return Err(format!("it has no key `{}`", other.name));
    }
    let mut list = Vec::with_capacity(days.len());
    for (date, mut name) in days {
        let day = date
            .name
            .parse::<Date>()
            .map_err(|_| format!("{:?} is no date such as 2026-12-25", date.name))?;
        match name.take() {
            toml_span::value::ValueInner::String(name) => list.push((day, name.into_owned())),
            _ => return Err(format!("the name of {day} is a text in quotes")),
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hong_kong_has_seventeen_days_each_year_and_none_on_a_sunday() {
        let days = days(HONG_KONG.1).unwrap();
        for year in 2025..=2028 {
            assert_eq!(days.iter().filter(|(date, _)| date.year() == year).count(), 17, "{year}");
        }
        // the ordinance moves what would fall on a Sunday
        let sunday = days.iter().find(|(date, _)| date.weekday() == jiff::civil::Weekday::Sunday);
        assert_eq!(sunday, None);
        assert_eq!(days.len(), 68);
    }

    #[test]
    fn a_bad_calendar_says_what_is_wrong() {
        for (text, wrong) in [
            ("", "it has no [days]"),
            ("[days]\n\"soon\" = \"x\"", "\"soon\" is no date such as 2026-12-25"),
            ("[days]\n\"2026-01-01\" = 1", "the name of 2026-01-01 is a text in quotes"),
            ("[days]\n[day]", "it has no key `day`"),
        ] {
            assert_eq!(days(text), Err(wrong.to_owned()));
        }
    }
}
