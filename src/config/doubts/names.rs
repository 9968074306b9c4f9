//! Names that mean nothing, and calendars that end.

use super::{Scene, placed};
use crate::config::codes;
use crate::config::rules::RuleEntry;
use crate::config::sheet::Note;
use crate::config::suggest::nearest;
use crate::route::{Condition, DayRange};

/// Months before its end in which a calendar is complained of.
const MONTHS_BEFORE: i8 = 2;

/// Looks at one rule.
pub(super) fn look(scene: Scene<'_>, entry: &RuleEntry) {
    trunks(scene, entry);
    days(scene, entry);
}

/// Trunks of `[t38]`. Where it is configured on another machine, nothing is known of them.
fn trunks(scene: Scene<'_>, entry: &RuleEntry) {
    let Some(t38) = scene.known.machine.and_then(|machine| machine.t38.as_ref()) else { return };
    let known = || t38.settings.trunks.iter().map(|trunk| trunk.name.as_str());
    for (condition, _, places) in placed(entry) {
        let Condition::Trunk(names) = condition else { continue };
        for (name, at) in names.iter().zip(places) {
            if known().any(|trunk| trunk == name) {
                continue;
            }
            let note = Note::warning(codes::RULES_TRUNK, format!("[t38] has no trunk \"{name}\""));
            let help = match nearest(name, known()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("trunks are: {}", known().collect::<Vec<_>>().join(", ")),
            };
            scene.sheet.note(*at, note.help(help));
        }
    }
}

/// Holidays on days of the week on which none falls: in Hong Kong a holiday on a Sunday is moved.
fn days(scene: Scene<'_>, entry: &RuleEntry) {
    let holiday = placed(entry)
        .find_map(|(condition, at, _)| matches!(condition, Condition::Holiday(true)).then_some(at));
    let weekdays: Option<&[DayRange]> = entry.rule.when.iter().find_map(|condition| match condition {
        Condition::Weekday(list) => Some(list.as_slice()),
        _ => None,
    });
    let (Some(at), Some(weekdays)) = (holiday, weekdays) else { return };
    let on = |date: jiff::civil::Date| {
        let weekday = u8::try_from(date.weekday().to_monday_one_offset()).unwrap_or(0);
        weekdays.iter().any(|range| range.fits(weekday))
    };
    if !scene.site.holidays.days().any(|(date, _)| on(date)) {
        let message = format!(
            "\"{}\" will hardly match: no holiday of the calendar falls on these days",
            entry.rule.name
        );
        let note = Note::warning(codes::RULES_HOLIDAYS, message);
        scene.sheet.note(at, note.help("two rules, one with `holiday`, one with `weekday`, take either"));
    }
}

/// The calendar's last day has come, or comes soon, and something goes by it.
pub(super) fn calendar(scene: Scene<'_>, entries: &[RuleEntry]) {
    let Some((_, last)) = scene.site.holidays.years() else { return };
    let rule = entries
        .iter()
        .flat_map(placed)
        .find_map(|(condition, at, _)| matches!(condition, Condition::Holiday(_)).then_some(at));
    if rule.is_none() && scene.site.office.is_none() {
        return;
    }
    let today = jiff::Timestamp::now().to_zoned_datetime(scene.site.zone.clone()).date();
    let soon = today.year() == last && today.month() > 12 - MONTHS_BEFORE;
    if today.year() <= last && !soon {
        return;
    }
    let name = &scene.site.holidays.name;
    let message = format!(
        "the calendar \"{name}\" knows no holiday after {last}: from then on every day is a working day"
    );
    let note = Note::warning(codes::RULES_HOLIDAYS, message)
        .help(format!("add the days that were gazetted to holidays/{name}.toml in the configuration folder"));
    match rule {
        Some(at) => scene.sheet.note(at, note),
        None => scene.sheet.note_file(note),
    }
}
