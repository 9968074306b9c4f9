//! Phrases and regular expressions over what stands on the pages.
//!
//! OCR routing errs towards the wrong department when it is lenient, so a phrase must stand as words of its own: `art`
//! is not found in `smart`. Chinese is written without blanks and has no such edges. Where a line ends does not count
//! for phrases: Chinese goes on without a blank, English with one or, after a hyphen, in one word. Expressions see lines.

use std::ops::Range;

use super::fold::{fold, fold_expression, is_spaced_word, readings};
use super::near::Pattern;
use super::pattern::PatternError;

/// A word or phrase. Case, full and half width, forms of one character (衞 and 衛) and blanks do not count; `licen*` also finds `licensing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    shown: String,
    folded: String,
    open_start: bool,
    open_end: bool,
    near: Pattern,
}

impl Phrase {
    /// Understands a phrase; a `*` at either end lets a word go on there.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let trimmed = text.trim();
        let (open_start, rest) = trimmed.strip_prefix('*').map_or((false, trimmed), |rest| (true, rest));
        let (open_end, rest) = rest.strip_suffix('*').map_or((false, rest), |rest| (true, rest));
        let folded = fold(rest);
        if folded.is_empty() {
            return Err(PatternError::whole(text, "an empty phrase stands on every page"));
        }
        let near = Pattern::new(&folded);
        Ok(Self { shown: trimmed.to_owned(), folded, open_start, open_end, near })
    }

    /// The phrase as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Misread characters that may be forgiven in it at most.
    pub(super) fn forgivable(&self) -> u32 {
        // a phrase that lets words go on has no edges to tell other words by
        if self.open_start || self.open_end { 0 } else { u32::try_from(self.near.forgivable()).unwrap_or(0) }
    }

    /// What must stand on a page where the phrase stands with at most `errors` errors: one of these.
    pub(super) fn pieces(&self, errors: u8) -> Vec<String> {
        if errors == 0 { vec![self.folded.clone()] } else { self.near.pieces(usize::from(errors)) }
    }

    /// `page` is folded.
    pub(super) fn stands_in(&self, page: &str) -> bool {
        readings(page).any(|reading| self.places(&reading).next().is_some())
    }

    /// Where it stands in a reading of a page, letter by letter.
    pub(super) fn places(&self, page: &str) -> impl Iterator<Item = Range<usize>> {
        let first = self.folded.chars().next().is_some_and(is_spaced_word) && !self.open_start;
        let last = self.folded.chars().next_back().is_some_and(is_spaced_word) && !self.open_end;
        page.match_indices(self.folded.as_str()).filter_map(move |(at, found)| {
            let before = page.get(..at).and_then(|text| text.chars().next_back());
            let after = page.get(at + found.len()..).and_then(|text| text.chars().next());
            let part =
                first && before.is_some_and(is_spaced_word) || last && after.is_some_and(is_spaced_word);
            (!part).then(|| at..at + found.len())
        })
    }

    /// Where it stands with errors, and how many.
    pub(super) fn places_near(&self, page: &str, errors: u8) -> Vec<(Range<usize>, usize)> {
        self.near.places(page, usize::from(errors))
    }

    /// Every page that holds `other` holds this phrase too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let open = other.open_start || other.open_end;
        if open { self == other } else { self.stands_in(&other.folded) }
    }
}

/// A regular expression in the syntax of the `regex` crate: linear time, bounded size. Case does not count unless
/// `(?-i)` says so; `^` and `$` are the ends of lines. Full and half width and forms of one character do not count.
#[derive(Debug, Clone)]
pub struct TextRegex {
    shown: String,
    folded: regex::Regex,
}

impl TextRegex {
    /// Longest expression, in bytes.
    pub const LONGEST: usize = 1_000;
    /// Largest compiled expression, in bytes.
    pub const LARGEST: usize = 1 << 20;
    /// Deepest nesting.
    pub(super) const DEEPEST: u32 = 50;
    /// Texts with nothing in common: who matches all of them matches anything.
    const PROBES: [&'static str; 4] = ["a", "牌", "7", "-"];

    /// Compiles an expression. One that is in every text is an error.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > Self::LONGEST {
            return Err(PatternError::whole(text, format!("longer than {} bytes", Self::LONGEST)));
        }
        let written = Self::compiled(text).map_err(|error| Self::blame(text, &error))?;
        // A folded expression that does not compile, such as a range turned round, is left as it is written.
        let regex = Self::compiled(&fold_expression(text)).unwrap_or(written);
        if regex.is_match("") || Self::PROBES.iter().all(|probe| regex.is_match(probe)) {
            return Err(PatternError::whole(text, "it matches every text"));
        }
        Ok(Self { shown: text.to_owned(), folded: regex })
    }

    fn compiled(text: &str) -> Result<regex::Regex, regex::Error> {
        regex::RegexBuilder::new(text)
            .case_insensitive(true)
            .multi_line(true)
            .size_limit(Self::LARGEST)
            .dfa_size_limit(Self::LARGEST)
            .nest_limit(Self::DEEPEST)
            .build()
    }

    /// Which bytes of the expression are wrong; the `regex` crate alone tells it in prose only.
    fn blame(text: &str, error: &regex::Error) -> PatternError {
        let parsed = regex_syntax::ParserBuilder::new().nest_limit(Self::DEEPEST).build().parse(text);
        let (span, message) = match &parsed {
            Err(regex_syntax::Error::Parse(error)) => (*error.span(), error.kind().to_string()),
            Err(regex_syntax::Error::Translate(error)) => (*error.span(), error.kind().to_string()),
            _ => match error {
                regex::Error::CompiledTooBig(limit) => {
                    return PatternError::whole(
                        text,
                        format!("it needs more than {limit} bytes when compiled"),
                    );
                }
                other => return PatternError::whole(text, other.to_string()),
            },
        };
        PatternError { at: span.start.offset..span.end.offset, message }
    }

    /// The expression as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Where it matches on a page whose lines are folded.
    pub(super) fn places(&self, page: &str) -> impl Iterator<Item = Range<usize>> {
        self.folded.find_iter(page).map(|found| found.range())
    }

    /// The expression as it is tried.
    pub(super) fn folded(&self) -> &str {
        self.folded.as_str()
    }

    #[cfg(test)]
    fn stands_in(&self, page: &str) -> bool {
        self.places(page).next().is_some()
    }
}

impl PartialEq for TextRegex {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TextRegex {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_stand_as_words() {
        for (phrase, page, expected) in [
            ("art", "a smart card", false),
            ("art", "(art)", true),
            ("change of address", "CHANGE  of\nAddress form", true),
            ("licen*", "Licensing Unit", true),
            ("licen", "Licensing Unit", false),
            ("*2026", "REF2026", true),
            ("牌照申請", "關於牌照\n申請事宜", true),
            ("ｌｉｃｅｎｃｅ", "LICENCE", true),
            ("form a", "form ab, form a", true),
            ("c++", "c++ and more", true),
            ("食物環境衞生署", "致：食物環境\n  衛生署", true),
            ("食物環境衛生署", "食物環\n境衞生署", true),
            ("綫路", "九龍巴士線路", true),
            ("台北", "臺北", true),
            ("environmental hygiene", "Food and Environ-\nmental\nHygiene", true),
            ("chan tai-man", "Mr CHAN Tai-\nman", true),
            ("art", "the state-of-the-\nart thing", true),
            ("art", "a sm-\nart card", true),
            ("mental", "environ-mental", true),
            ("environmental", "environ-mental", false),
        ] {
            let found = Phrase::parse(phrase).unwrap().stands_in(&fold(page));
            assert_eq!(found, expected, "{phrase} in {page}");
        }
        for bad in ["", "  ", "*", "**", "\u{3000}"] {
            assert!(Phrase::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn bad_expressions_say_where() {
        let unclosed = TextRegex::parse(r"LIC/(\d+").unwrap_err();
        assert_eq!((unclosed.at, unclosed.message.as_str()), (4..5, "unclosed group"));
        for bad in ["", ".", ".*", "a?", "(?s).", "x{1000}{1000}{1000}", &"a".repeat(2_000)] {
            assert!(TextRegex::parse(bad).is_err(), "{bad:?}");
        }
        assert!(TextRegex::parse(r"^ref\b").unwrap().stands_in("dear sir\nREF 12"));
    }

    #[test]
    fn expressions_find_either_form() {
        for (expression, page) in [
            ("衞生[署处]", "食物環境衛生署"),
            ("衛生署", "食物環境衞生署"),
            ("（港元）[０-９]+", "金額(港元)20"),
            ("(港|澳)元", "金額（港元）"),
        ] {
            let regex = TextRegex::parse(expression).unwrap();
            assert!(regex.stands_in(&super::super::fold::fold_lines(page)), "{expression} in {page}");
            assert_eq!(regex.as_str(), expression);
        }
    }
}
