//! [`Condition`]: one thing that a rule demands, and the words that say whether it holds.

use std::borrow::Cow;

use super::facts::Seen;
use super::number::{NumberPattern, Reading};
use super::pattern::{DevicePattern, PageRange, StationPattern};
use super::text::{Phrase, TextRegex};

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

/// Whether a condition holds, and why, in words for an admin.
pub(super) struct Verdict {
    pub(super) holds: bool,
    pub(super) why: String,
}

/// So many alternatives are named in a reason; of the rest only their number.
const NAMED_ALTERNATIVES: usize = 3;

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
            Self::Pages(_) => "pages",
            Self::Damaged(_) => "damaged",
            Self::Language(_) => "language",
            Self::Text(_) => "text",
            Self::TextRegex(_) => "text_regex",
        }
    }

    /// True if this condition says *which* fax it is by something else than the sender's own claim. Counts,
    /// damage and language say nothing of where a fax belongs.
    pub fn guards(&self) -> bool {
        match self {
            Self::Spool(_)
            | Self::Did(_)
            | Self::Caller(_)
            | Self::Subaddress(_)
            | Self::Device(_)
            | Self::Text(_)
            | Self::TextRegex(_) => true,
            Self::Tsi(_) | Self::Pages(_) | Self::Damaged(_) | Self::Language(_) => false,
        }
    }

    /// Whenever `other` holds, this condition holds too. Never claimed wrongly; may be missed.
    pub fn covers(&self, other: &Self) -> bool {
        self.uncovered(other).is_some_and(|rest| rest.is_empty())
    }

    /// Places of those alternatives of `other` that this condition does not cover. `None`: another kind.
    pub fn uncovered(&self, other: &Self) -> Option<Vec<usize>> {
        Some(match (self, other) {
            (Self::Spool(mine), Self::Spool(theirs))
            | (Self::Subaddress(mine), Self::Subaddress(theirs))
            | (Self::Language(mine), Self::Language(theirs)) => rest(mine, theirs, |a, b| a == b),
            (Self::Did(mine), Self::Did(theirs)) | (Self::Caller(mine), Self::Caller(theirs)) => {
                rest(mine, theirs, NumberPattern::covers)
            }
            (Self::Tsi(mine), Self::Tsi(theirs)) => rest(mine, theirs, StationPattern::covers),
            (Self::Device(mine), Self::Device(theirs)) => rest(mine, theirs, DevicePattern::covers),
            (Self::Pages(mine), Self::Pages(theirs)) => rest(mine, theirs, PageRange::covers),
            (Self::Damaged(mine), Self::Damaged(theirs)) => rest(&[*mine], &[*theirs], |a, b| a == b),
            (Self::Text(mine), Self::Text(theirs)) => rest(mine, theirs, Phrase::covers),
            (Self::TextRegex(mine), Self::TextRegex(theirs)) => rest(mine, theirs, |a, b| a == b),
            _ => return None,
        })
    }

    /// Order of looking: what is cheap first, text last.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::TextRegex(_) => 2,
            Self::Text(_) => 1,
            _ => 0,
        }
    }

    pub(super) fn check(&self, seen: &Seen<'_>) -> Verdict {
        let call = &seen.facts.call;
        match self {
            Self::Spool(names) => among(
                "spool",
                names,
                |name| name == &seen.facts.spool,
                String::as_str,
                Some(&seen.facts.spool),
            ),
            Self::Did(patterns) => {
                let shown = call.did.as_ref().map(ToString::to_string);
                number("did", patterns, seen.did(), shown)
            }
            Self::Caller(patterns) => {
                let shown = call.caller.as_ref().map(ToString::to_string);
                number("caller", patterns, seen.caller(), shown)
            }
            Self::Tsi(patterns) => {
                let claimed = call.tsi.as_ref();
                let fits = |pattern: &StationPattern| claimed.is_some_and(|tsi| pattern.fits(&tsi.0, seen));
                let shown = claimed.map(|tsi| tsi.shown());
                among("tsi", patterns, fits, StationPattern::as_str, shown.as_deref())
            }
            Self::Subaddress(wanted) => {
                let subaddress = call.subaddress.as_deref().map(str::trim);
                let shown = subaddress.map(safe);
                let fits = |want: &String| Some(want.as_str()) == subaddress;
                among("subaddress", wanted, fits, String::as_str, shown.as_deref())
            }
            Self::Device(patterns) => {
                let shown = call.device.as_deref().map(safe);
                let fits =
                    |pattern: &DevicePattern| call.device.as_deref().is_some_and(|it| pattern.fits(it));
                among("device", patterns, fits, DevicePattern::as_str, shown.as_deref())
            }
            Self::Pages(ranges) => {
                let shown = seen.facts.pages.to_string();
                among("pages", ranges, |range| range.fits(seen.facts.pages), PageRange::as_str, Some(&shown))
            }
            Self::Damaged(wanted) => damaged(*wanted, seen.facts.damaged),
            Self::Language(wanted) => {
                let found = &seen.facts.languages;
                let shown = (!found.is_empty()).then(|| found.join(", "));
                among("language", wanted, |want| found.contains(want), String::as_str, shown.as_deref())
            }
            Self::Text(phrases) => on_pages(
                "text",
                phrases,
                seen.folded(),
                |phrase, page| phrase.stands_in(page),
                Phrase::as_str,
            ),
            Self::TextRegex(list) => on_pages(
                "text_regex",
                list,
                seen.lines(),
                |regex, page| regex.stands_in(page),
                TextRegex::as_str,
            ),
        }
    }
}

fn rest<T>(mine: &[T], theirs: &[T], covers: impl Fn(&T, &T) -> bool) -> Vec<usize> {
    let left = theirs.iter().enumerate().filter(|(_, their)| !mine.iter().any(|my| covers(my, their)));
    left.map(|(at, _)| at).collect()
}

/// A value against alternatives. The value seen is named: an admin asks for it first.
fn among<T>(
    key: &str,
    alternatives: &[T],
    fits: impl Fn(&T) -> bool,
    as_str: impl Fn(&T) -> &str,
    shown: Option<&str>,
) -> Verdict {
    let value = match shown {
        Some(shown) if !shown.is_empty() => format!("is \"{shown}\""),
        _ => "is not known".to_owned(),
    };
    match alternatives.iter().find(|one| fits(one)) {
        Some(one) => Verdict { holds: true, why: format!("{key} {value}, which fits \"{}\"", as_str(one)) },
        None => {
            Verdict { holds: false, why: format!("{key} {value}, wanted {}", either(alternatives, as_str)) }
        }
    }
}

fn number(key: &str, patterns: &[NumberPattern], seen: Option<&Reading>, shown: Option<String>) -> Verdict {
    let fits = |pattern: &NumberPattern| seen.is_some_and(|reading| pattern.fits(reading));
    among(key, patterns, fits, NumberPattern::as_str, shown.as_deref())
}

fn damaged(wanted: bool, is: bool) -> Verdict {
    let state = if is { "damaged" } else { "not damaged" };
    let why = if wanted == is {
        format!("the fax is {state}")
    } else {
        format!("the fax is {state}, wanted the other")
    };
    Verdict { holds: wanted == is, why }
}

/// Words against pages. The rule's own words are quoted, never what else stands on the page.
fn on_pages<T>(
    key: &str,
    alternatives: &[T],
    pages: &[String],
    stands: impl Fn(&T, &str) -> bool,
    as_str: impl Fn(&T) -> &str,
) -> Verdict {
    for (at, page) in (1..).zip(pages) {
        if let Some(one) = alternatives.iter().find(|one| stands(one, page)) {
            return Verdict { holds: true, why: format!("{key} \"{}\" is on page {at}", as_str(one)) };
        }
    }
    let why = match pages.iter().all(String::is_empty) {
        true => format!("{key}: no text was read, wanted {}", either(alternatives, as_str)),
        false => format!("{key}: no page holds {}", either(alternatives, as_str)),
    };
    Verdict { holds: false, why }
}

fn either<T>(alternatives: &[T], as_str: impl Fn(&T) -> &str) -> String {
    let named: Vec<String> =
        alternatives.iter().take(NAMED_ALTERNATIVES).map(|one| format!("\"{}\"", as_str(one))).collect();
    let others = alternatives.len() - named.len();
    let tail: Cow<'_, str> = if others > 0 { format!(" or {others} more").into() } else { "".into() };
    named.join(" or ") + &tail
}

/// Foreign words on one safe line.
fn safe(text: &str) -> String {
    crate::fax::StationId(text.to_owned()).shown()
}
