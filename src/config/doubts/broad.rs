//! Conditions that say nothing, and outcomes that contradict each other.

use toml_span::Span;

use super::placed;
use crate::config::codes;
use crate::config::rules::{LANGUAGES, RuleEntry};
use crate::config::sheet::{Note, Sheet};
use crate::route::{Condition, Priority, Twin};

/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// All days of a week, as bits.
const WEEK: u8 = 0b111_1111;

/// Looks at one rule.
pub(super) fn look(sheet: Sheet<'_>, entry: &RuleEntry) {
    let mut all = true;
    for (condition, at, _) in placed(entry) {
        match breadth(condition) {
            Breadth::Everything => {
                let message = format!("this `{}` fits every fax", condition.key());
                let note = Note::warning(codes::RULES_BROAD, message);
                sheet.note(at, note.help("leave it out, or narrow it"));
                all = false;
            }
            Breadth::Known => {}
            Breadth::Some => all = false,
        }
    }
    if all && let Some((condition, at, _)) = placed(entry).next() {
        let message = format!(
            "\"{}\" takes nearly every fax: all of which any {} is known",
            entry.rule.name,
            condition.key()
        );
        let help = "narrow it, or let [default] say it; rules behind it get little";
        sheet.note(at, Note::warning(codes::RULES_BROAD, message).help(help));
    }
    outcome(sheet, entry);
}

/// How much a condition leaves out.
enum Breadth {
    /// Nothing.
    Everything,
    /// Only faxes of which nothing is known there.
    Known,
    /// Something.
    Some,
}

fn breadth(condition: &Condition) -> Breadth {
    let known = |is: bool| if is { Breadth::Known } else { Breadth::Some };
    let everything = |is: bool| if is { Breadth::Everything } else { Breadth::Some };
    let stars = |text: &str| !text.is_empty() && text.chars().all(|c| c == '*');
    match condition {
        Condition::Did(list) | Condition::Caller(list) => known(list.iter().any(|one| stars(one.as_str()))),
        Condition::Tsi(list) => known(list.iter().any(|one| stars(one.as_str()))),
        Condition::Device(list) => known(list.iter().any(|one| stars(one.as_str()))),
        Condition::Barcode(list) => known(list.iter().any(|one| stars(one.as_str()))),
        Condition::Reference(list) => known(list.iter().any(|one| one.is_any())),
        Condition::Language(list) => known(LANGUAGES.iter().all(|word| list.iter().any(|one| one == word))),
        Condition::Time(list) => everything(list.iter().any(|one| one.minutes() == (0, DAY))),
        Condition::Weekday(list) => everything(list.iter().fold(0, |days, one| days | one.days()) == WEEK),
        Condition::Pages(list) => {
            everything(list.iter().any(|one| one.bounds().0 <= 1 && one.bounds().1 == u32::MAX))
        }
        Condition::Duplicate(list) => everything(list.contains(&Twin::No) && list.contains(&Twin::Any)),
        _ => Breadth::Some,
    }
}

/// Outcomes that exclude each other, or that nothing can come of.
fn outcome(sheet: Sheet<'_>, entry: &RuleEntry) {
    let rule = &entry.rule;
    let outcome = &rule.outcome;
    let contradiction = |at: Span, why: String, help: &str| {
        let message = format!("\"{}\" contradicts itself: {why}", rule.name);
        sheet.note(at, Note::error(codes::RULES_CONTRADICTION, message).help(help));
    };
    if outcome.junk {
        let others = [
            ("to", !rule.to.is_empty()),
            ("copy", !rule.copy.is_empty()),
            ("triage", rule.triage),
            ("hold", outcome.hold),
            ("link", outcome.link),
            ("priority", outcome.priority != Priority::Normal),
            ("webhook", !outcome.webhooks.is_empty()),
            ("printer", !outcome.printers.is_empty()),
        ];
        let named: Vec<&str> = others.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
        if !named.is_empty() {
            let why = format!("junk is set aside, and `{}` has nothing to do", named.join("`, `"));
            let help =
                "take `junk` out, or the others: what is released from junk is routed anew, past this rule";
            contradiction(entry.to_at, why, help);
        }
    }
    if outcome.drop_duplicate {
        let at = placed(entry).find(|(condition, ..)| {
            matches!(condition, Condition::Duplicate(list) if list.iter().all(|one| *one == Twin::No))
        });
        if let Some((_, at, _)) = at {
            let why = "`drop_duplicate` on faxes that were never here before".to_owned();
            contradiction(at, why, "take one of the two out");
        }
    }
}
