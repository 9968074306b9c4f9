//! Whether a condition holds, and the words that say why. The two are apart: of ten thousand rules few are ever told of.

use super::clock::{DayRange, TimeRange};
use super::code::CodePattern;
use super::condition::Condition;
use super::confidence::Confidence;
use super::form::Form;
use super::number::{NumberPattern, Reading};
use super::pattern::{DevicePattern, PageRange, StationPattern};
use super::reference::ReferencePattern;
use super::seen::{Found, Seen};
use super::words::{Expression, Words};
use crate::fax::StationId;

/// Whether a condition, or a whole rule, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// No.
    No,
    /// The words are there, but were not read surely enough.
    Unsure,
    /// Yes.
    Yes,
}

/// What came of a condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) holds: Holds,
    /// The alternative that holds or nearly does.
    entry: usize,
    /// The words that it rests on, and how sure they had to be.
    pub(super) found: Option<(Found, Confidence)>,
}

/// How strictly a rule is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// What it wants where its words say nothing themselves.
    pub(super) confidence: Confidence,
    /// Nothing is forgiven: a wrong fax there does harm.
    pub(super) strict: bool,
}

impl Demand {
    /// How sure words must be that ask for this themselves. Whatever a rule says: nothing goes to a sensitive department
    /// on what is less sure than usual.
    fn of(self, own: Option<Confidence>) -> Confidence {
        let wanted = own.unwrap_or(self.confidence);
        if self.strict { wanted.max(Confidence::USUAL) } else { wanted }
    }
}

/// So many alternatives are named in a reason; of the rest only their number.
const NAMED_ALTERNATIVES: usize = 3;

const NO: Verdict = Verdict { holds: Holds::No, entry: 0, found: None };

impl Condition {
    /// Whether it holds.
    pub(super) fn judge(&self, seen: &Seen<'_>, demand: Demand) -> Verdict {
        let facts = seen.facts;
        let call = &facts.call;
        match self {
            Self::Spool(names) => first(names, |name| *name == facts.spool),
            Self::Did(patterns) => number(patterns, seen.did()),
            Self::Caller(patterns) => number(patterns, seen.caller()),
            Self::Tsi(patterns) => match seen.station() {
                Some((text, number)) => first(patterns, |pattern| pattern.fits(text, number.as_ref())),
                None => NO,
            },
            Self::Subaddress(wanted) => {
                let subaddress = call.subaddress.as_deref().map(str::trim);
                first(wanted, |want| Some(want.as_str()) == subaddress)
            }
            Self::Device(patterns) => match call.device.as_deref() {
                Some(device) => first(patterns, |pattern| pattern.fits(device)),
                None => NO,
            },
            Self::Trunk(names) => first(names, |name| Some(name) == call.trunk.as_ref()),
            Self::Time(_) | Self::Weekday(_) | Self::Holiday(_) => self.judge_time(seen),
            Self::Pages(ranges) => first(ranges, |range| range.fits(facts.pages)),
            Self::Damaged(wanted) => first(&[*wanted], |wanted| *wanted == facts.damaged),
            Self::Language(wanted) => first(wanted, |want| facts.languages.contains(want)),
            Self::Duplicate(twins) => first(twins, |twin| twin.fits(seen.kin())),
            Self::Barcode(patterns) => first(patterns, |pattern| {
                facts.codes.iter().zip(seen.codes()).any(|(code, text)| pattern.fits(code, text))
            }),
            Self::Reference(patterns) => {
                let wanted = demand.of(None);
                read(patterns, demand, |pattern| Some((reference(pattern, seen)?, wanted)))
            }
            Self::Form(forms) => read(forms, demand, |one| form(one, demand, seen)),
            Self::Attention(words) => read(words, demand, |words| {
                Some((words.look_in(seen.attention(), seen.pages())?, demand.of(words.confidence)))
            }),
            Self::Text(words) => {
                read(words, demand, |words| Some((words.look(seen.pages())?, demand.of(words.confidence))))
            }
            Self::TextRegex(list) => {
                read(list, demand, |one| Some((one.look(seen.pages())?, demand.of(one.confidence))))
            }
        }
    }

    fn judge_time(&self, seen: &Seen<'_>) -> Verdict {
        let Some(when) = &seen.facts.when else { return NO };
        match self {
            Self::Time(ranges) => first(ranges, |range| range.fits(when.minute)),
            Self::Weekday(ranges) => first(ranges, |range| range.fits(when.weekday)),
            Self::Holiday(wanted) => first(&[*wanted], |wanted| *wanted == when.holiday.is_some()),
            _ => NO,
        }
    }

    /// Why it holds or does not, in words for an admin.
    pub(super) fn tell(&self, seen: &Seen<'_>, verdict: &Verdict) -> String {
        let (key, facts) = (self.key(), seen.facts);
        let call = &facts.call;
        match self {
            Self::Spool(names) => value(key, names, String::as_str, Some(facts.spool.clone()), verdict),
            Self::Did(patterns) => {
                let shown = call.did.as_ref().map(ToString::to_string);
                value(key, patterns, NumberPattern::as_str, shown, verdict)
            }
            Self::Caller(patterns) => {
                let shown = call.caller.as_ref().map(ToString::to_string);
                value(key, patterns, NumberPattern::as_str, shown, verdict)
            }
            Self::Tsi(patterns) => {
                let shown = call.tsi.as_ref().map(StationId::shown);
                value(key, patterns, StationPattern::as_str, shown, verdict)
            }
            Self::Subaddress(wanted) => {
                let shown = call.subaddress.as_deref().map(|text| safe(text.trim()));
                value(key, wanted, String::as_str, shown, verdict)
            }
            Self::Device(patterns) => {
                let shown = call.device.as_deref().map(safe);
                value(key, patterns, DevicePattern::as_str, shown, verdict)
            }
            Self::Trunk(names) => value(key, names, String::as_str, call.trunk.as_deref().map(safe), verdict),
            Self::Time(_) | Self::Weekday(_) | Self::Holiday(_) => self.tell_time(seen, verdict),
            Self::Pages(ranges) => {
                value(key, ranges, PageRange::as_str, Some(facts.pages.to_string()), verdict)
            }
            Self::Damaged(_) => {
                let state = if facts.damaged { "the fax is damaged" } else { "the fax is not damaged" };
                if verdict.holds == Holds::Yes {
                    state.to_owned()
                } else {
                    format!("{state}, wanted the other")
                }
            }
            Self::Language(wanted) => {
                let shown = (!facts.languages.is_empty()).then(|| facts.languages.join(", "));
                value(key, wanted, String::as_str, shown, verdict)
            }
            Self::Duplicate(twins) => {
                let state = if seen.kin().is_empty() { "nothing of it" } else { "some of it" };
                let wanted = either(twins, |twin| twin.as_str());
                let fits = if verdict.holds == Holds::Yes { "fits" } else { "does not fit" };
                format!("{key}: {state} was here before, which {fits} {wanted}")
            }
            Self::Barcode(patterns) => match (verdict.holds, patterns.get(verdict.entry)) {
                (Holds::Yes, Some(one)) => format!("{key} fits \"{}\"", one.as_str()),
                _ if facts.codes.is_empty() => {
                    format!("{key}: none was found, wanted {}", either(patterns, CodePattern::as_str))
                }
                _ => format!("{key}: none fits {}", either(patterns, CodePattern::as_str)),
            },
            Self::Reference(patterns) => on_pages(key, patterns, ReferencePattern::as_str, seen, verdict),
            Self::Form(forms) => on_pages(key, forms, |form| &form.name, seen, verdict),
            Self::Attention(words) | Self::Text(words) => on_pages(key, words, Words::as_str, seen, verdict),
            Self::TextRegex(list) => on_pages(key, list, Expression::as_str, seen, verdict),
        }
    }

    fn tell_time(&self, seen: &Seen<'_>, verdict: &Verdict) -> String {
        let (key, when) = (self.key(), seen.facts.when.as_ref());
        match self {
            Self::Time(ranges) => {
                let shown = when.map(|when| format!("{:02}:{:02}", when.minute / 60, when.minute % 60));
                value(key, ranges, TimeRange::as_str, shown, verdict)
            }
            Self::Weekday(ranges) => {
                let shown = when.and_then(|when| DayRange::name(when.weekday)).map(str::to_owned);
                value(key, ranges, DayRange::as_str, shown, verdict)
            }
            _ => match when {
                None => format!("{key}: it is not known when it came"),
                Some(when) => {
                    let state = match &when.holiday {
                        Some(name) => format!("it came on a holiday, {}", safe(name)),
                        None => "it came on no holiday".to_owned(),
                    };
                    if verdict.holds == Holds::Yes { state } else { format!("{state}, wanted the other") }
                }
            },
        }
    }
}

fn first<T>(alternatives: &[T], fits: impl FnMut(&T) -> bool) -> Verdict {
    match alternatives.iter().position(fits) {
        Some(entry) => Verdict { holds: Holds::Yes, entry, found: None },
        None => NO,
    }
}

fn number(patterns: &[NumberPattern], seen: Option<&Reading>) -> Verdict {
    match seen {
        Some(reading) => first(patterns, |pattern| pattern.fits(reading)),
        None => NO,
    }
}

/// The first alternative that was read surely; else the one that was read best. `look` tells how sure it had to be, too.
fn read<T>(alternatives: &[T], demand: Demand, look: impl Fn(&T) -> Option<(Found, Confidence)>) -> Verdict {
    let mut best = NO;
    for (entry, one) in alternatives.iter().enumerate() {
        let Some((found, wanted)) = look(one) else { continue };
        let sure = found.confidence >= wanted && !(demand.strict && found.errors > 0);
        let holds = if sure { Holds::Yes } else { Holds::Unsure };
        let verdict = Verdict { holds, entry, found: Some((found, wanted)) };
        if sure {
            return verdict;
        }
        if best.found.is_none_or(|(best, _)| best.confidence < found.confidence) {
            best = verdict;
        }
    }
    best
}

fn reference(pattern: &ReferencePattern, seen: &Seen<'_>) -> Option<Found> {
    let anywhere = super::place::Within::default();
    let fitting = seen.references().iter().filter(|one| pattern.fits(&one.text));
    let found = fitting.filter_map(|one| {
        let confidence = one.sure(seen.pages(), 0..one.text.len(), &anywhere)?;
        Some(Found { page: one.page, confidence, errors: 0 })
    });
    found.reduce(|best, one| if one.confidence > best.confidence { one } else { best })
}

/// All marks on one page, each as sure as it must be. Told is the mark that is furthest below what it wants, or least above.
fn form(form: &Form, demand: Demand, seen: &Seen<'_>) -> Option<(Found, Confidence)> {
    let pages = seen.pages();
    let margin = |(found, wanted): &(Found, Confidence)| {
        i32::from(found.confidence.above(*wanted)) - i32::from(wanted.above(found.confidence))
    };
    let whole = (1..).zip(pages).filter_map(|(number, page)| {
        let mut all: Option<(Found, Confidence)> = None;
        for mark in &form.marks {
            if mark.within.page.is_some_and(|spot| !spot.is(number, pages.len())) {
                return None;
            }
            let mut best = None;
            mark.look_on(page, number, &mut best);
            let one = (best?, demand.of(mark.confidence));
            all = Some(match all {
                None => one,
                Some(all) => {
                    let errors = all.0.errors.saturating_add(one.0.errors);
                    let (found, wanted) = if margin(&one) < margin(&all) { one } else { all };
                    (Found { errors, ..found }, wanted)
                }
            });
        }
        all
    });
    whole.max_by_key(|one| (std::cmp::Reverse(one.0.errors), margin(one)))
}

/// A value against alternatives. The value seen is named: an admin asks for it first.
fn value<T>(
    key: &str,
    alternatives: &[T],
    as_str: impl Fn(&T) -> &str,
    shown: Option<String>,
    verdict: &Verdict,
) -> String {
    let value = match shown {
        Some(shown) if !shown.is_empty() => format!("is \"{shown}\""),
        _ => "is not known".to_owned(),
    };
    match alternatives.get(verdict.entry).filter(|_| verdict.holds == Holds::Yes) {
        Some(one) => format!("{key} {value}, which fits \"{}\"", as_str(one)),
        None => format!("{key} {value}, wanted {}", either(alternatives, as_str)),
    }
}

/// Words against pages. The rule's own words are quoted, never what else stands on the page.
fn on_pages<T>(
    key: &str,
    alternatives: &[T],
    as_str: impl Fn(&T) -> &str,
    seen: &Seen<'_>,
    verdict: &Verdict,
) -> String {
    if let (Some(one), Some((found, wanted))) = (alternatives.get(verdict.entry), verdict.found) {
        let mut why = format!("{key} \"{}\" is on page {}", as_str(one), found.page);
        let errors = match found.errors {
            0 => String::new(),
            1 => ", one character misread".to_owned(),
            more => format!(", {more} characters misread"),
        };
        why.push_str(&errors);
        if found.confidence < wanted {
            why.push_str(&format!(", read with confidence {} where {wanted} is wanted", found.confidence));
        } else if verdict.holds == Holds::Unsure {
            why.push_str(", and nothing is forgiven for a sensitive department");
        } else if found.confidence < Confidence::SURE {
            why.push_str(&format!(", confidence {}", found.confidence));
        }
        return why;
    }
    match seen.pages().iter().all(super::page::SeenPage::is_empty) {
        true => format!("{key}: no text was read, wanted {}", either(alternatives, as_str)),
        false => format!("{key}: no page holds {}", either(alternatives, as_str)),
    }
}

fn either<T>(alternatives: &[T], as_str: impl Fn(&T) -> &str) -> String {
    let named: Vec<String> =
        alternatives.iter().take(NAMED_ALTERNATIVES).map(|one| format!("\"{}\"", as_str(one))).collect();
    let others = alternatives.len() - named.len();
    let tail = if others > 0 { format!(" or {others} more") } else { String::new() };
    named.join(" or ") + &tail
}

/// Foreign words on one safe line.
fn safe(text: &str) -> String {
    StationId(text.to_owned()).shown()
}
