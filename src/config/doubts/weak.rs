//! Too little before a department where a wrong fax does harm.
//!
//! What decides there anyway is in [`crate::route`]: no error is forgiven, and no confidence below the usual one counts. Here
//! the admin is told that what the rule says is not what happens.

use toml_span::Span;

use super::{Scene, placed};
use crate::config::codes;
use crate::config::rules::RuleEntry;
use crate::config::sheet::Note;
use crate::route::{CodePattern, Condition, Confidence, Form, Words};

/// A word so short stands in too many letters, and OCR makes it of others: Latin letters, Han characters.
const SHORT: (usize, usize) = (4, 1);

/// A sensitive department wants more than a claim, a number that can be forged, or a short word.
pub(super) fn look(scene: Scene<'_>, entry: &RuleEntry) {
    let Some(id) = sensitive(scene, entry) else { return };
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
    let texts: Vec<_> = placed(entry).filter(|(condition, ..)| condition.is_read()).collect();
    if texts.is_empty() {
        let of = |key: &str| placed(entry).find(|(condition, ..)| condition.key() == key).map(|one| one.1);
        let help = "add a condition on did, subaddress, device, spool or text, or let a person choose: triage = true";
        let (at, why) = match (of("caller"), of("barcode")) {
            (Some(at), _) => (at, "a caller's number can be forged"),
            (None, Some(at)) => (at, "this barcode may be of a kind without a check digit, and so misread"),
            (None, None) => (entry.to_at, "nothing says that its faxes belong there"),
        };
        return note(codes::RULES_SENSITIVE, at, why, help);
    }
    // one condition that asks enough is enough
    if texts.iter().any(|(condition, ..)| asks_enough(condition)) {
        return;
    }
    for (condition, _, places) in texts {
        for (doubt, at) in doubts(condition).into_iter().zip(places) {
            let (why, help) = match doubt {
                None => continue,
                Some(Doubt::Errors) => (
                    "words that were read with errors never send there by themselves",
                    "such faxes go to triage with the suggestion; let the words stand letter by letter, or ask for more",
                ),
                Some(Doubt::Short) => (
                    "so short a word stands in many letters, and is easily misread",
                    "ask for longer words, for more of them in another condition, or for a number",
                ),
            };
            note(codes::RULES_SENSITIVE, *at, why, help);
        }
    }
}

fn sensitive<'a>(scene: Scene<'_>, entry: &'a RuleEntry) -> Option<&'a String> {
    entry.rule.to.iter().chain(&entry.rule.copy).find(|id| scene.site.sensitive.contains(*id))
}

/// Looks for a confidence that is too low to count, and tells of each place once: `[text]` speaks for many rules.
#[derive(Default)]
pub(super) struct Low {
    told: Vec<usize>,
}

impl Low {
    pub(super) fn look(&mut self, scene: Scene<'_>, entry: &RuleEntry) {
        let Some(id) = sensitive(scene, entry).filter(|_| !entry.rule.triage) else { return };
        let mut rule_speaks = false;
        for (condition, _, places) in placed(entry) {
            let owns: Vec<Vec<Option<Confidence>>> = match condition {
                Condition::Text(list) | Condition::Attention(list) => {
                    list.iter().map(|one| vec![one.confidence]).collect()
                }
                Condition::TextRegex(list) => list.iter().map(|one| vec![one.confidence]).collect(),
                Condition::Form(forms) => {
                    forms.iter().map(|form| form.marks.iter().map(|mark| mark.confidence).collect()).collect()
                }
                Condition::Reference(_) => vec![vec![None]],
                _ => continue,
            };
            rule_speaks |= owns.iter().flatten().any(Option::is_none);
            for (own, at) in owns.iter().zip(places) {
                if own.iter().flatten().any(|own| *own < Confidence::USUAL) {
                    self.tell(scene, entry, id, *at);
                }
            }
        }
        if let Some(at) =
            entry.confidence_at.filter(|_| rule_speaks && entry.rule.confidence < Confidence::USUAL)
        {
            self.tell(scene, entry, id, at);
        }
    }

    fn tell(&mut self, scene: Scene<'_>, entry: &RuleEntry, id: &str, at: Span) {
        if self.told.contains(&at.start) {
            return;
        }
        self.told.push(at.start);
        let usual = Confidence::USUAL;
        let message = format!(
            "\"{}\" sends to the sensitive department \"{id}\": a confidence below {usual} does not count there",
            entry.rule.name
        );
        let help =
            format!("words that were read less surely than {usual} go to triage; ask for {usual} or more");
        scene.sheet.note(at, Note::warning(codes::RULES_SENSITIVE, message).help(help));
    }
}

/// It says where a fax belongs by what neither sender nor OCR can get wrong easily.
fn is_firm(condition: &Condition) -> bool {
    match condition {
        Condition::Spool(_)
        | Condition::Did(_)
        | Condition::Subaddress(_)
        | Condition::Device(_)
        | Condition::Trunk(_) => true,
        Condition::Barcode(patterns) => patterns.iter().all(CodePattern::is_checked),
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
        | Condition::Form(_)
        | Condition::Attention(_)
        | Condition::Text(_)
        | Condition::TextRegex(_) => false,
    }
}

/// Why an entry is too little.
#[derive(Clone, Copy)]
enum Doubt {
    Errors,
    Short,
}

/// For each entry of a condition on what was read: why it is too little, if it is.
fn doubts(condition: &Condition) -> Vec<Option<Doubt>> {
    match condition {
        Condition::Text(list) | Condition::Attention(list) => list.iter().map(doubt).collect(),
        Condition::Form(forms) => forms.iter().map(|form| form_doubt(form)).collect(),
        _ => vec![None],
    }
}

fn asks_enough(condition: &Condition) -> bool {
    doubts(condition).iter().all(Option::is_none)
}

fn doubt(words: &Words) -> Option<Doubt> {
    match words.distance {
        0 => is_short(words.as_str()).then_some(Doubt::Short),
        _ => Some(Doubt::Errors),
    }
}

/// All marks stand on the page, so one that asks enough is enough.
fn form_doubt(form: &Form) -> Option<Doubt> {
    let all: Option<Vec<Doubt>> = form.marks.iter().map(doubt).collect();
    all?.first().copied()
}

fn is_short(phrase: &str) -> bool {
    let letters: Vec<char> = phrase.chars().filter(|c| c.is_alphanumeric()).collect();
    let han = letters.iter().filter(|c| !c.is_ascii()).count();
    if han > 0 { letters.len() <= SHORT.1 } else { letters.len() <= SHORT.0 }
}
