//! Junk: set aside quietly, reversibly.

use super::Policy;
use crate::fax::{Disposition, Fault};
use crate::route::{Decision, Facts, decide};
use crate::store::{Change, JUNK};

/// So much of a fax's first words is kept for the digest.
const WORDS_MOST: usize = 120;

/// What is decided of a fax of which a person said that it is no junk: as if no rule called anything junk.
pub(super) fn past(facts: &Facts, policy: &Policy) -> Decision {
    decide(facts, &policy.rules.without_junk())
}

/// The change that sets a fax aside as junk.
pub(super) fn set_aside(facts: &Facts, decision: &Decision) -> Change {
    let sentence = format!(
        "The rule \"{}\" calls it junk. If it is none, `faxgate junk release` sends it on its way.",
        decision.rule
    );
    Change::Junked {
        rule: decision.rule.clone(),
        decision: serde_json::json!(decision),
        fault: Fault::new(JUNK, Disposition::Quarantine, sentence),
        words: first_words(facts),
    }
}

/// The first words of the first page that has any, one line.
fn first_words(facts: &Facts) -> String {
    let page = facts.text.iter().find(|page| !page.trim().is_empty());
    crate::fax::one_line(page.map_or("", String::as_str), WORDS_MOST)
}
