//! [`Condition`]: one thing that a rule demands. Whether it holds is said by [`super::verdict`].

use std::sync::Arc;

use super::clock::{DayRange, TimeRange};
use super::code::CodePattern;
use super::form::Form;
use super::number::NumberPattern;
use super::pattern::{DevicePattern, PageRange, StationPattern};
use super::reference::ReferencePattern;
use super::twin::Twin;
use super::words::{Expression, Words};

/// One condition of a rule. The entries of a list are alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Name of the spool.
    Spool(Vec<String>),
    /// The dialled number.
    Did(Vec<NumberPattern>),
    /// The calling number.
    Caller(Vec<NumberPattern>),
    /// The sending machine's claimed identification.
    Tsi(Vec<StationPattern>),
    /// ITU-T T.33 subaddress, exactly.
    Subaddress(Vec<String>),
    /// Modem or line.
    Device(Vec<DevicePattern>),
    /// Name of the trunk.
    Trunk(Vec<String>),
    /// Time of day when it came, by the site's clock.
    Time(Vec<TimeRange>),
    /// Day of the week when it came.
    Weekday(Vec<DayRange>),
    /// It came on a public holiday.
    Holiday(bool),
    /// Number of pages.
    Pages(Vec<PageRange>),
    /// Some page is damaged, or reception broke.
    Damaged(bool),
    /// A language found on the pages.
    Language(Vec<String>),
    /// Whether it was here before.
    Duplicate(Vec<Twin>),
    /// A barcode or QR code.
    Barcode(Vec<CodePattern>),
    /// A reference number or file number, in the words that letters mark it with.
    Reference(Vec<ReferencePattern>),
    /// A form of the site.
    Form(Vec<Arc<Form>>),
    /// For whose attention it is, in the words that letters say it with.
    Attention(Vec<Words>),
    /// Words on the pages.
    Text(Vec<Words>),
    /// Expressions over the pages.
    TextRegex(Vec<Expression>),
}

impl Condition {
    /// The key that stands for it in `rules.toml`.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Spool(_) => "spool",
            Self::Did(_) => "did",
            Self::Caller(_) => "caller",
            Self::Tsi(_) => "tsi",
            Self::Subaddress(_) => "subaddress",
            Self::Device(_) => "device",
            Self::Trunk(_) => "trunk",
            Self::Time(_) => "time",
            Self::Weekday(_) => "weekday",
            Self::Holiday(_) => "holiday",
            Self::Pages(_) => "pages",
            Self::Damaged(_) => "damaged",
            Self::Language(_) => "language",
            Self::Duplicate(_) => "duplicate",
            Self::Barcode(_) => "barcode",
            Self::Reference(_) => "reference",
            Self::Form(_) => "form",
            Self::Attention(_) => "attention",
            Self::Text(_) => "text",
            Self::TextRegex(_) => "text_regex",
        }
    }

    /// True if this condition says *which* fax it is by something else than the sender's own claim. Counts, clock,
    /// damage and language say nothing of where a fax belongs.
    pub fn guards(&self) -> bool {
        match self {
            Self::Spool(_)
            | Self::Did(_)
            | Self::Caller(_)
            | Self::Subaddress(_)
            | Self::Device(_)
            | Self::Trunk(_)
            | Self::Barcode(_)
            | Self::Reference(_)
            | Self::Form(_)
            | Self::Attention(_)
            | Self::Text(_)
            | Self::TextRegex(_) => true,
            Self::Tsi(_)
            | Self::Time(_)
            | Self::Weekday(_)
            | Self::Holiday(_)
            | Self::Pages(_)
            | Self::Damaged(_)
            | Self::Language(_)
            | Self::Duplicate(_) => false,
        }
    }

    /// True if it rests on what a machine read from a picture, so that it holds more or less surely.
    pub fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Text(_) | Self::TextRegex(_) | Self::Attention(_) | Self::Reference(_) | Self::Form(_)
        )
    }

    /// Whenever `other` holds, this condition holds too. Never claimed wrongly; may be missed.
    pub fn covers(&self, other: &Self) -> bool {
        self.uncovered(other).is_some_and(|rest| rest.is_empty())
    }

    /// Places of those alternatives of `other` that this condition does not cover. `None`: another kind.
    pub fn uncovered(&self, other: &Self) -> Option<Vec<usize>> {
        Some(match (self, other) {
            (Self::Spool(mine), Self::Spool(theirs))
            | (Self::Trunk(mine), Self::Trunk(theirs))
            | (Self::Subaddress(mine), Self::Subaddress(theirs))
            | (Self::Language(mine), Self::Language(theirs)) => rest(mine, theirs, |a, b| a == b),
            (Self::Did(mine), Self::Did(theirs)) | (Self::Caller(mine), Self::Caller(theirs)) => {
                rest(mine, theirs, NumberPattern::covers)
            }
            (Self::Tsi(mine), Self::Tsi(theirs)) => rest(mine, theirs, StationPattern::covers),
            (Self::Device(mine), Self::Device(theirs)) => rest(mine, theirs, DevicePattern::covers),
            (Self::Time(mine), Self::Time(theirs)) => rest(mine, theirs, TimeRange::covers),
            (Self::Weekday(mine), Self::Weekday(theirs)) => rest(mine, theirs, DayRange::covers),
            (Self::Pages(mine), Self::Pages(theirs)) => rest(mine, theirs, PageRange::covers),
            (Self::Damaged(mine), Self::Damaged(theirs)) | (Self::Holiday(mine), Self::Holiday(theirs)) => {
                rest(&[*mine], &[*theirs], |a, b| a == b)
            }
            (Self::Duplicate(mine), Self::Duplicate(theirs)) => rest(mine, theirs, Twin::covers),
            (Self::Barcode(mine), Self::Barcode(theirs)) => rest(mine, theirs, CodePattern::covers),
            (Self::Reference(mine), Self::Reference(theirs)) => rest(mine, theirs, ReferencePattern::covers),
            (Self::Form(mine), Self::Form(theirs)) => rest(mine, theirs, |a, b| a == b),
            (Self::Attention(mine), Self::Attention(theirs)) | (Self::Text(mine), Self::Text(theirs)) => {
                rest(mine, theirs, Words::covers)
            }
            (Self::TextRegex(mine), Self::TextRegex(theirs)) => rest(mine, theirs, Expression::covers),
            _ => return None,
        })
    }

    /// Order of looking: what is cheap first, text last.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::TextRegex(_) => 3,
            Self::Text(_) | Self::Form(_) => 2,
            Self::Attention(_) | Self::Reference(_) | Self::Barcode(_) => 1,
            _ => 0,
        }
    }
}

fn rest<T>(mine: &[T], theirs: &[T], covers: impl Fn(&T, &T) -> bool) -> Vec<usize> {
    let left = theirs.iter().enumerate().filter(|(_, their)| !mine.iter().any(|my| covers(my, their)));
    left.map(|(at, _)| at).collect()
}
