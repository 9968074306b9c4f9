//! Rules that are well formed and still not what anyone can want.

use toml_span::{Span, Spanned};

use super::codes;
use super::rules::{Known, RuleEntry};
use super::sheet::{Note, Sheet};
use crate::fax::Number;
use crate::route::Condition;

/// Looks at all rules together.
pub(super) fn look(
    sheet: Sheet<'_>,
    entries: &[RuleEntry],
    default: Option<&Spanned<Vec<String>>>,
    known: Known<'_>,
) {
    for (at, entry) in entries.iter().enumerate() {
        if entry.broken {
            continue;
        }
        let before: Vec<&RuleEntry> = entries[..at].iter().filter(|earlier| !earlier.broken).collect();
        let never = contradiction(sheet, entry, known) || shadowed(sheet, entry, &before);
        if !never {
            claimed_alone(sheet, entry, known);
        }
    }
    unused(entries, default, known);
}

/// The spools that the rule names stand for numbers that it does not name.
fn contradiction(sheet: Sheet<'_>, entry: &RuleEntry, known: Known<'_>) -> bool {
    let Some(machine) = known.machine else { return false };
    let spools = entry.rule.when.iter().find_map(|condition| match condition {
        Condition::Spool(names) => Some(names),
        _ => None,
    });
    let dids = entry.rule.when.iter().zip(&entry.places).find_map(|(condition, place)| match condition {
        Condition::Did(patterns) => Some((patterns, place.0)),
        _ => None,
    });
    let (Some(names), Some((patterns, at))) = (spools, dids) else { return false };
    let fixed: Option<Vec<&String>> = names
        .iter()
        .map(|name| machine.spools.iter().find(|entry| entry.spool.name == *name)?.spool.did.as_ref())
        .collect();
    let Some(fixed) = fixed else { return false };
    let fits = |did: &&String| {
        let number = Number((*did).clone());
        patterns.iter().any(|pattern| pattern.fits_number(&number, &machine.numbers))
    };
    if fixed.iter().any(fits) {
        return false;
    }
    let message = format!("\"{}\" can never match: its spools have other numbers", entry.rule.name);
    let is: Vec<&str> = fixed.iter().map(|did| did.as_str()).collect();
    let note = Note::error(codes::RULES_NEVER, message)
        .help(format!("faxes of its spools come to {}", is.join(", ")));
    sheet.note(at, note);
    true
}

/// Earlier rules take all that this one could, or some of its alternatives.
fn shadowed(sheet: Sheet<'_>, entry: &RuleEntry, before: &[&RuleEntry]) -> bool {
    let never = |first: &RuleEntry| {
        let message = format!(
            "\"{}\" can never match: \"{}\" takes all that it could",
            entry.rule.name, first.rule.name
        );
        let note = Note::error(codes::RULES_NEVER, message).also(first.at, "this rule comes first");
        sheet.note(entry.at, note.help("move it up, narrow the earlier rule, or delete it"));
        true
    };
    if let Some(first) = before.iter().find(|first| first.rule.shadows(&entry.rule)) {
        return never(first);
    }
    for (condition, (_, places)) in entry.rule.when.iter().zip(&entry.places) {
        let taken: Vec<(Span, &RuleEntry)> = places
            .iter()
            .enumerate()
            .filter_map(|(at, place)| {
                let first = before.iter().find(|first| takes(first, entry, condition, at))?;
                Some((*place, *first))
            })
            .collect();
        if let [.., (_, last)] = taken.as_slice()
            && taken.len() == places.len()
        {
            return never(last);
        }
        for (place, first) in taken {
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

/// `first` takes every fax that `entry` would by entry `at` of `condition`.
fn takes(first: &RuleEntry, entry: &RuleEntry, condition: &Condition, at: usize) -> bool {
    first.rule.when.iter().all(|mine| {
        entry.rule.when.iter().any(|theirs| {
            let this_entry =
                theirs == condition && mine.uncovered(theirs).is_some_and(|left| !left.contains(&at));
            this_entry || mine.covers(theirs)
        })
    })
}

/// Anyone can claim any TSI, so it must not be all that stands before a department where a wrong fax does harm.
fn claimed_alone(sheet: Sheet<'_>, entry: &RuleEntry, known: Known<'_>) {
    let sensitive = entry.rule.to.iter().find(|id| {
        known
            .departments
            .and_then(|departments| departments.find(id))
            .is_some_and(|department| department.sensitive)
    });
    let Some(id) = sensitive else { return };
    if entry.rule.when.iter().any(Condition::guards) {
        return;
    }
    let claimed = entry.rule.when.iter().zip(&entry.places).find(|(condition, _)| condition.key() == "tsi");
    let (at, why) = match claimed {
        Some((_, (at, _))) => (*at, "any sender can claim this TSI"),
        None => (entry.to_at, "nothing says that its faxes belong there"),
    };
    let message = format!("\"{}\" sends to the sensitive department \"{id}\": {why}", entry.rule.name);
    let note = Note::warning(codes::RULES_TSI_ALONE, message);
    sheet.note(at, note.help("add a condition on did, caller, subaddress, device, spool or text"));
}

/// Departments that nothing sends to.
fn unused(entries: &[RuleEntry], default: Option<&Spanned<Vec<String>>>, known: Known<'_>) {
    let (Some(departments), Some(default)) = (known.departments, default) else { return };
    if entries.iter().any(|entry| entry.broken) {
        return;
    }
    for entry in &departments.list {
        let id = &entry.department.id;
        let used = default.value.contains(id)
            || departments.fallback_id.as_ref() == Some(id)
            || entries.iter().any(|entry| entry.rule.to.contains(id));
        if !used {
            let message = format!("no rule sends anything to \"{id}\"");
            departments.sheet.note(entry.id_at, Note::warning(codes::DEPARTMENT_UNUSED, message));
        }
    }
}
