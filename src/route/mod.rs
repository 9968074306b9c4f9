//! (facts, rules) → [`Decision`], with its reasons.
//!
//! Pure: no clock, files, sockets or log; the same facts and rules always give the same decision. The rules are a
//! flat list. The first rule whose conditions all hold wins; the entries of one condition's list are
//! alternatives; where no rule fits, the mandatory default decides. So every fax gets at least one department.
//!
//! What rules look at is a closed set, [`Facts`]. Everything in it was said by the other side or read by a machine:
//! a TSI is the sender's claim, a caller number is the network's, text is what OCR made of a picture. The line
//! that the sending machine prints at the head of a page never reaches this module.
//!
//! A new kind of condition is one variant of [`Condition`]: the compiler then names every place that must know it.

mod clock;
mod code;
mod condition;
mod confidence;
mod decision;
mod facts;
mod fold;
mod form;
mod index;
mod letter;
mod near;
mod number;
mod office;
mod outcome;
mod page;
mod pattern;
mod place;
mod reference;
mod rule;
mod seen;
mod shadow;
mod text;
mod twin;
mod verdict;
mod words;

pub use clock::{DayRange, TimeRange};
pub use code::CodePattern;
pub use condition::Condition;
pub use confidence::Confidence;
pub use decision::{Decision, Reason, decide, decide_by_scan, decide_without_junk, explain};
pub use facts::{Facts, Moment, SheetLine, SheetText};
pub use form::Form;
pub use number::{NumberPattern, NumberPlan};
pub use office::{Calendar, Hours, Office};
pub use outcome::{Outcome, Priority, Suggestion};
pub use page::LEAST_LINES;
pub use pattern::{DevicePattern, PageRange, PatternError, StationPattern};
pub use place::{PageSpot, Within, Zone};
pub use reference::ReferencePattern;
pub use rule::{DEFAULT_RULE, NoDepartment, Rule, Rules, Site};
pub use shadow::{Shadow, Shadows, Taken};
pub use text::{Phrase, TextRegex};
pub use twin::Twin;
pub use words::{Expression, Words};

/// Text as phrases are compared with it: one line, lower case, one form of each character, no blanks beside Chinese. A soft
/// hyphen stands where a line ended in a hyphen.
pub fn folded(text: &str) -> String {
    fold::fold(text)
}

#[cfg(test)]
mod tests;
