//! Rules that can never match.

use toml_span::Span;

use super::{Scene, placed, places};
use crate::config::codes;
use crate::config::rules::RuleEntry;
use crate::config::sheet::{Note, Sheet};
use crate::fax::Number;
use crate::intake::Kind;
use crate::route::{Condition, NumberPattern, PageSpot, Within};

/// Conditions that exclude each other, whatever other rules say.
pub(super) fn alone(scene: Scene<'_>, entry: &RuleEntry) -> bool {
    numbers(scene, entry) || trunk(scene, entry) || holiday(scene, entry) || pages(scene, entry)
}

fn note(scene: Scene<'_>, entry: &RuleEntry, at: Span, why: &str, help: String) -> bool {
    let message = format!("\"{}\" can never match: {why}", entry.rule.name);
    scene.sheet.note(at, Note::error(codes::RULES_NEVER, message).help(help));
    true
}

/// Names of the spools that the rule asks for.
fn spools(entry: &RuleEntry) -> Option<&[String]> {
    entry.rule.when.iter().find_map(|condition| match condition {
        Condition::Spool(names) => Some(names.as_slice()),
        _ => None,
    })
}

/// The spools that the rule names stand for numbers that it does not name.
fn numbers(scene: Scene<'_>, entry: &RuleEntry) -> bool {
    let (Some(machine), Some(names)) = (scene.known.machine, spools(entry)) else { return false };
    let dids = placed(entry).find_map(|(condition, at, _)| match condition {
        Condition::Did(patterns) => Some((patterns, at)),
        _ => None,
    });
    let Some((patterns, at)) = dids else { return false };
    let fixed: Option<Vec<&String>> = names
        .iter()
        .map(|name| machine.spools.iter().find(|entry| entry.spool.name == *name)?.spool.did.as_ref())
        .collect();
    let Some(fixed) = fixed else { return false };
    let fits = |did: &&String| {
        let number = Number((*did).clone());
        patterns.iter().any(|pattern: &NumberPattern| pattern.fits_number(&number, &machine.numbers))
    };
    if fixed.iter().any(fits) {
        return false;
    }
    let is: Vec<&str> = fixed.iter().map(|did| did.as_str()).collect();
    let help = format!("faxes of its spools come to {}", is.join(", "));
    note(scene, entry, at, "its spools have other numbers", help)
}

/// Only calls that the gateway answers itself come by a trunk.
fn trunk(scene: Scene<'_>, entry: &RuleEntry) -> bool {
    let (Some(machine), Some(names)) = (scene.known.machine, spools(entry)) else { return false };
    let at =
        placed(entry).find_map(|(condition, at, _)| matches!(condition, Condition::Trunk(_)).then_some(at));
    let Some(at) = at else { return false };
    let other = names.iter().all(|name| {
        machine.spools.iter().any(|entry| entry.spool.name == *name && entry.spool.kind != Kind::T38)
    });
    let help = "faxes of other spools come by modems and PBXs, which name no trunk: use `device` or `did`";
    other && note(scene, entry, at, "no trunk is known of faxes from its spools", help.to_owned())
}

/// Holidays of an empty calendar.
fn holiday(scene: Scene<'_>, entry: &RuleEntry) -> bool {
    let at = placed(entry)
        .find_map(|(condition, at, _)| matches!(condition, Condition::Holiday(true)).then_some(at));
    let Some(at) = at.filter(|_| scene.site.holidays.years().is_none()) else { return false };
    let help = "name a calendar: [office] holidays = \"hong-kong\"";
    note(scene, entry, at, "its calendar has no holidays", help.to_owned())
}

/// Words on a page that faxes of so few pages do not have.
fn pages(scene: Scene<'_>, entry: &RuleEntry) -> bool {
    let most = entry.rule.when.iter().find_map(|condition| match condition {
        Condition::Pages(ranges) => ranges.iter().map(|range| range.bounds().1).max(),
        _ => None,
    });
    let Some(most) = most else { return false };
    let beyond = |within: &Within| matches!(within.page, Some(PageSpot::Number(page)) if page > most);
    let at = placed(entry).find_map(|(condition, at, _)| {
        let all = match condition {
            Condition::Text(list) | Condition::Attention(list) => list.iter().all(|one| beyond(&one.within)),
            Condition::TextRegex(list) => list.iter().all(|one| beyond(&one.within)),
            _ => false,
        };
        all.then_some(at)
    });
    let Some(at) = at else { return false };
    let help = format!("the rule takes faxes of at most {most} pages");
    note(scene, entry, at, "its words stand on a page that such a fax has not", help)
}

/// Earlier rules take all that this one could, or some of its alternatives.
pub(super) fn shadowed(
    sheet: Sheet<'_>,
    entry: &RuleEntry,
    shadows: &crate::route::Shadows,
    pushed: &[&RuleEntry],
) -> bool {
    let found = shadows.look(&entry.rule);
    if let Some(first) = found.whole.and_then(|by| pushed.get(by)) {
        let message = format!(
            "\"{}\" can never match: \"{}\" takes all that it could",
            entry.rule.name, first.rule.name
        );
        let note = Note::error(codes::RULES_NEVER, message).also(first.at, "this rule comes first");
        sheet.note(entry.at, note.help("move it up, narrow the earlier rule, or delete it"));
        return true;
    }
    for taken in found.partly {
        let place = entry
            .rule
            .when
            .get(taken.condition)
            .and_then(|condition| places(entry, condition)?.1.get(taken.entry).copied());
        if let (Some(place), Some(first)) = (place, pushed.get(taken.by)) {
            let message = format!(
                "\"{}\" is never asked about this: \"{}\" takes it",
                entry.rule.name, first.rule.name
            );
            let note = Note::warning(codes::RULES_PARTLY, message);
            sheet.note(place, note.also(first.at, "this rule comes first"));
        }
    }
    false
}
