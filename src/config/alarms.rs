//! `[alarms]` and `[junk]` of `faxgate.toml`: what is watched, who is told, and when.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml_span::Spanned;

use super::codes;
use super::departments::Departments;
use super::machine::Machine;
use super::sheet::{Note, Sheet};
use super::table::Reader;
use crate::fax::{Number, Target};
use crate::ops::alarms::Settings;

/// More often only loads the disk; less often than an hour is no watch.
const EVERY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
const PROMISE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);
const AGAIN: RangeInclusive<Duration> = Duration::from_secs(3_600)..=Duration::from_secs(30 * 86_400);
const MOST_BOUNCES: i64 = 10_000;

/// What the file says; departments are named and not yet known.
#[derive(Default)]
pub(super) struct Alarms {
    settings: Settings,
    to: Vec<Spanned<String>>,
    digest_to: Vec<Spanned<String>>,
}

/// Reads `[alarms]` and `[junk]`.
pub(super) fn read(alarms: Option<Reader<'_>>, junk: Option<Reader<'_>>) -> Alarms {
    let mut read = Alarms::default();
    if let Some(mut table) = alarms {
        let settings = &mut read.settings;
        read.to = table.texts("to").map_or(vec![], |list| list.value);
        for (key, range, place) in [
            ("every", EVERY, &mut settings.every),
            ("again", AGAIN, &mut settings.again),
            ("queue", PROMISE, &mut settings.queue),
            ("refusing", PROMISE, &mut settings.refusing),
        ] {
            *place = table.duration(key, range).map_or(*place, |value| value.value);
        }
        for (key, flag) in [("silence", &mut settings.silence), ("quality", &mut settings.quality)] {
            *flag = table.flag(key).map_or(*flag, |value| value.value);
        }
        settings.given_up = given_up(&mut table);
        let bounces =
            table.integer("bounces", 1..=MOST_BOUNCES).and_then(|number| u32::try_from(number).ok());
        settings.bounces = bounces.unwrap_or(settings.bounces);
        table.finish();
    }
    if let Some(mut table) = junk {
        read.digest_to = table.texts("to").map_or(vec![], |list| list.value);
        let at = table.parsed("digest", codes::VALUE_FORM, minute);
        read.settings.digest_at = at.map_or(read.settings.digest_at, |at| at.value);
        table.finish();
    }
    read
}

/// Lines as alarms name them. A number's digits count alone, as in alarms.
fn given_up(table: &mut Reader<'_>) -> Vec<String> {
    let list = table.texts("given_up").map_or(vec![], |list| list.value);
    let line = |text: Spanned<String>| {
        let named = match text.value.split_once(' ') {
            Some(("did", number)) => Some(("did", Number(number.into()).digits())),
            Some((kind @ ("spool" | "trunk"), name)) => Some((kind, name.trim().to_owned())),
            _ => None,
        };
        if let Some((kind, name)) = named.filter(|(_, name)| !name.is_empty()) {
            return Some(format!("{kind} {name}"));
        }
        let note = Note::error(codes::VALUE_FORM, format!("\"{}\" is no line", text.value));
        let help = "write it as its alarm names it: \"did 85230101001\", \"trunk carrier\", \"spool modems\"";
        table.sheet().note(text.span, note.help(help));
        None
    };
    list.into_iter().filter_map(line).collect()
}

/// `08:30` as minutes after midnight.
fn minute(text: &str) -> Result<u16, String> {
    let wrong = || "expected a time such as \"08:30\"".to_owned();
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return Err(wrong());
    }
    let (hour, minute): (u16, u16) =
        (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
    if hour < 24 && minute < 60 { Ok(hour * 60 + minute) } else { Err(wrong()) }
}

/// With the departments, all that the watch needs.
pub(super) fn settings(machine: &Machine<'_>, departments: &Departments<'_>) -> Settings {
    let Alarms { settings, to, digest_to } = &machine.alarms;
    Settings {
        to: places(machine.sheet, departments, to),
        digest_to: places(machine.sheet, departments, digest_to),
        spools: machine.spools.iter().map(|entry| entry.spool.name.clone()).collect(),
        ..settings.clone()
    }
}

/// The places of these departments.
fn places(sheet: Sheet<'_>, departments: &Departments<'_>, ids: &[Spanned<String>]) -> Vec<Target> {
    let mut places = Vec::new();
    for id in ids {
        match departments.find(&id.value) {
            Some(department) => places.extend(department.targets.iter().cloned()),
            None => sheet.note(id.span, departments.unknown(&id.value)),
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!(minute("08:30"), Ok(510));
        assert_eq!(minute("00:00"), Ok(0));
        for bad in ["", "8:30", "24:00", "12:60", "0830", "+8:30", "08:3０"] {
            assert!(minute(bad).is_err(), "{bad}");
        }
    }
}
