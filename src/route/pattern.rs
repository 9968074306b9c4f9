//! Patterns over devices, station names and page counts.

use std::ops::Range;

use super::fold::fold;
use super::number::{NumberPattern, NumberPlan, Reading};

/// Why a pattern is no pattern, and which bytes of it are to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// Bytes within the pattern.
    pub at: Range<usize>,
    /// Why, in words for an admin.
    pub message: String,
}

impl PatternError {
    pub(super) fn whole(text: &str, message: impl Into<String>) -> Self {
        Self { at: 0..text.len(), message: message.into() }
    }

    pub(super) fn at(start: usize, c: char, message: impl Into<String>) -> Self {
        Self { at: start..start + c.len_utf8(), message: message.into() }
    }
}

/// A glob over device names: `ttyIAX*`, `ttyS[01]`. Case matters, as it does in `/dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePattern(glob::Pattern);

impl DevicePattern {
    /// Understands a glob.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.trim().is_empty() {
            return Err(PatternError::whole(text, "an empty pattern fits no device"));
        }
        let pattern = glob::Pattern::new(text).map_err(|error| {
            let start = text.char_indices().nth(error.pos).map_or(text.len(), |(at, _)| at);
            PatternError { at: start..text.len(), message: error.msg.to_owned() }
        })?;
        Ok(Self(pattern))
    }

    /// The pattern as the rule writes it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn fits(&self, device: &str) -> bool {
        self.0.matches(device)
    }

    /// The one device that it fits, if it is no pattern at all.
    pub(super) fn plain(&self) -> Option<&str> {
        (!self.as_str().contains(['*', '?', '['])).then(|| self.as_str())
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        let plain = !other.as_str().contains(['*', '?', '[']);
        self == other || self.as_str() == "*" || plain && self.fits(other.as_str())
    }
}

/// What a rule says of a TSI: a number where it looks like one, and always a text with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationPattern {
    shown: String,
    number: Option<NumberPattern>,
    text: String,
}

impl StationPattern {
    /// Understands a number or a text; case, widths and blanks do not count.
    pub fn parse(text: &str, plan: &NumberPlan) -> Result<Self, PatternError> {
        let folded = fold(text);
        if folded.is_empty() {
            return Err(PatternError::whole(text, "an empty pattern fits no station"));
        }
        let number = NumberPattern::parse(text, plan).ok();
        Ok(Self { shown: text.trim().to_owned(), number, text: folded })
    }

    /// The pattern as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// `claimed` is folded; `number` is what it says as a number.
    pub(super) fn fits(&self, claimed: &str, number: Option<&Reading>) -> bool {
        let as_number =
            || self.number.as_ref().zip(number).is_some_and(|(pattern, number)| pattern.fits(number));
        wildcard(&self.text, claimed) || as_number()
    }

    /// The same as a number, where it looks like one.
    pub(super) fn number(&self) -> Option<&NumberPattern> {
        self.number.as_ref()
    }

    /// What every text that fits begins with, and whether that is all of it.
    pub(super) fn start(&self) -> Option<(&str, bool)> {
        literal_start(&self.text)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        // an entry with wildcards fits by its text too, so numbers alone prove nothing there
        let plain = !other.text.contains(['*', '?']);
        let covered = match (&self.number, &other.number) {
            (Some(mine), Some(theirs)) => mine.covers(theirs),
            (_, None) => wildcard(&self.text, &other.text),
            (None, Some(_)) => false,
        };
        self.text == "*" || self == other || plain && covered
    }
}

/// `*` stands for anything, `?` for one character. Time is the product of the lengths at worst.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// What every text that fits begins with, and whether that is all of the pattern. `None`: it begins with a wildcard.
pub(super) fn literal_start(pattern: &str) -> Option<(&str, bool)> {
    match pattern.find(['*', '?']) {
        Some(0) => None,
        Some(at) => Some((&pattern[..at], false)),
        None => Some((pattern, true)),
    }
}

/// A count of pages: `3`, `2-5`, `>=10`, `<4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRange {
    shown: String,
    least: u32,
    most: u32,
}

impl PageRange {
    /// Understands a count or a range. A range that no fax can have is an error.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let trimmed = text.trim();
        let number = |digits: &str| {
            digits.trim().parse::<u32>().map_err(|_| {
                PatternError::whole(
                    text,
                    "expected a number of pages such as \"3\", \"2-5\", \">=10\" or \"<4\"",
                )
            })
        };
        let (least, most) = if let Some(rest) = trimmed.strip_prefix(">=") {
            (number(rest)?, u32::MAX)
        } else if let Some(rest) = trimmed.strip_prefix("<=") {
            (0, number(rest)?)
        } else if let Some(rest) = trimmed.strip_prefix('>') {
            (number(rest)?.saturating_add(1), u32::MAX)
        } else if let Some(rest) = trimmed.strip_prefix('<') {
            (0, number(rest)?.saturating_sub(1))
        } else if let Some((least, most)) = trimmed.split_once('-') {
            (number(least)?, number(most)?)
        } else {
            let exact = number(trimmed)?;
            (exact, exact)
        };
        if most == 0 || least > most {
            return Err(PatternError::whole(text, "no fax has so many pages"));
        }
        Ok(Self { shown: trimmed.to_owned(), least, most })
    }

    /// The range as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Fewest and most pages that fit.
    pub fn bounds(&self) -> (u32, u32) {
        (self.least, self.most)
    }

    pub(super) fn fits(&self, pages: u32) -> bool {
        (self.least..=self.most).contains(&pages)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        self.least <= other.least && other.most <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_ranges() {
        for (text, pages, expected) in [
            ("3", 3, true),
            ("3", 4, false),
            (">=10", 10, true),
            (">10", 10, false),
            ("<4", 3, true),
            ("<= 4", 4, true),
            ("2-5", 5, true),
            ("2 - 5", 6, false),
        ] {
            assert_eq!(PageRange::parse(text).unwrap().fits(pages), expected, "{text} {pages}");
        }
        for bad in ["", "0", "<1", "5-2", "many", "-3", "1.5", ">=99999999999"] {
            assert!(PageRange::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*", "abcd", true),
            ("*d", "abcd", true),
            ("*b*", "abcd", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("中*", "中環", true),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_bad_glob_says_where() {
        assert_eq!(DevicePattern::parse("tty[").unwrap_err().at, 3..4);
        assert!(DevicePattern::parse(" ").is_err());
    }
}
