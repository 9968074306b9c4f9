//! Too little before a department where a wrong fax does harm.

use toml_span::Span;

use super::{Scene, placed};
use crate::config::codes;
use crate::config::rules::RuleEntry;
use crate::config::sheet::Note;
use crate::route::{Condition, Words};

/// A word so short stands in too many letters, and OCR makes it of others: Latin letters, Han characters.
const SHORT: (usize, usize) = (4, 1);

/// A sensitive department wants more than a claim, a number that can be forged, or a short word.
pub(super) fn look(scene: Scene<'_>, entry: &RuleEntry) {
    let is_sensitive = |id: &&String| scene.site.sensitive.contains(*id);
    let Some(id) = entry.rule.to.iter().chain(&entry.rule.copy).find(is_sensitive) else { return };
    if entry.rule.triage || entry.rule.when.iter().any(is_firm) {
        return;
    }
    let name = &entry.rule.name;
    let note = |code, at: Span, why: &str, help: &str| {
        let message = format!("\"{name}\" sends to the sensitive department \"{id}\": {why}");
        scene.sheet.note(at, Note::warning(code, message).help(help));
    };
    if !entry.rule.when.iter().any(Condition::guards) {
        let claimed = placed(entry).find(|(condition, ..)| condition.key() == "tsi");
        let (at, why) = match claimed {
            Some((_, at, _)) => (at, "any sender can claim this TSI"),
            None => (entry.to_at, "nothing says that its faxes belong there"),
        };
        let help = "add a condition on did, caller, subaddress, device, spool or text";
        return note(codes::RULES_TSI_ALONE, at, why, help);
    }
    let texts: Vec<_> = placed(entry).filter(|(condition, ..)| is_text(condition)).collect();
    if texts.is_empty() {
        let at = placed(entry)
            .find(|(condition, ..)| condition.key() == "caller")
            .map_or(entry.to_at, |one| one.1);
        let help = "add a condition on did, subaddress, device, spool or text, or let a person choose: triage = true";
        return note(codes::RULES_SENSITIVE, at, "a caller's number can be forged", help);
    }
    // one condition that asks enough is enough
    if texts
        .iter()
        .any(|(condition, ..)| words_of(condition).is_none_or(|list| list.iter().all(|one| !doubtful(one))))
    {
        return;
    }
    for (condition, _, places) in texts {
        for (words, at) in words_of(condition).unwrap_or_default().iter().zip(places) {
            if words.distance > 0 {
                let help = "such faxes go to triage with the suggestion; let the words stand letter by letter, or ask for more";
                note(
                    codes::RULES_SENSITIVE,
                    *at,
                    "words that were read with errors never send there by themselves",
                    help,
                );
            } else if is_short(words.as_str()) {
                let help = "ask for longer words, for more of them in another condition, or for a number";
                note(
                    codes::RULES_SENSITIVE,
                    *at,
                    "so short a word stands in many letters, and is easily misread",
                    help,
                );
            }
        }
    }
}

/// It says where a fax belongs by what neither sender nor OCR can get wrong easily.
fn is_firm(condition: &Condition) -> bool {
    match condition {
        Condition::Spool(_)
        | Condition::Did(_)
        | Condition::Subaddress(_)
        | Condition::Device(_)
        | Condition::Trunk(_)
        | Condition::Barcode(_)
        | Condition::Form(_) => true,
        Condition::Caller(_)
        | Condition::Tsi(_)
        | Condition::Time(_)
        | Condition::Weekday(_)
        | Condition::Holiday(_)
        | Condition::Pages(_)
        | Condition::Damaged(_)
        | Condition::Language(_)
        | Condition::Duplicate(_)
        | Condition::Reference(_)
        | Condition::Attention(_)
        | Condition::Text(_)
        | Condition::TextRegex(_) => false,
    }
}

fn is_text(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Text(_) | Condition::TextRegex(_) | Condition::Attention(_) | Condition::Reference(_)
    )
}

fn words_of(condition: &Condition) -> Option<&[Words]> {
    match condition {
        Condition::Text(list) | Condition::Attention(list) => Some(list),
        _ => None,
    }
}

fn doubtful(words: &Words) -> bool {
    words.distance > 0 || is_short(words.as_str())
}

fn is_short(phrase: &str) -> bool {
    let letters: Vec<char> = phrase.chars().filter(|c| c.is_alphanumeric()).collect();
    let han = letters.iter().filter(|c| !c.is_ascii()).count();
    if han > 0 { letters.len() <= SHORT.1 } else { letters.len() <= SHORT.0 }
}
