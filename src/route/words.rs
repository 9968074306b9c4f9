//! [`Words`] and [`Expression`]: an entry of `text`, `attention` or `text_regex`, with where it must stand and how
//! surely it must have been read.

use super::confidence::Confidence;
use super::letter::Marked;
use super::page::SeenPage;
use super::pattern::PatternError;
use super::place::Within;
use super::seen::Found;
use super::text::{Phrase, TextRegex};

/// A phrase, where it must stand, how many misread characters are forgiven, and how sure the reader must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The phrase.
    pub phrase: Phrase,
    /// Where it must stand.
    pub within: Within,
    /// So many characters may be misread, missing or too many; 0 to [`Words::MOST_ERRORS`].
    pub distance: u8,
    /// How sure the reader must be; `None`: as the rule says.
    pub confidence: Option<Confidence>,
}

impl Words {
    /// Most errors that may be forgiven.
    pub const MOST_ERRORS: u8 = 3;

    /// A phrase anywhere, letter by letter.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Ok(Self::from(Phrase::parse(text)?))
    }

    /// Forgives errors. Refused where a word would be too short for them: an error takes five Latin letters or three
    /// Han characters of one word, and none is ever forgiven in a number.
    pub fn forgiving(self, distance: u8) -> Result<Self, PatternError> {
        let most = self.phrase.forgivable().min(u32::from(Self::MOST_ERRORS));
        if u32::from(distance) > most {
            let why = match most {
                0 => "no error can be forgiven here: it takes a word of five letters or three Chinese characters".to_owned(),
                most => format!("at most {most} here: each error takes five letters or three Chinese characters of a word"),
            };
            return Err(PatternError::whole(self.as_str(), why));
        }
        Ok(Self { distance, ..self })
    }

    /// The phrase as the rule writes it.
    pub fn as_str(&self) -> &str {
        self.phrase.as_str()
    }

    /// Where it stands on the pages, the best of all places: without errors before with, surely before less so.
    pub(super) fn look(&self, pages: &[SeenPage]) -> Option<Found> {
        let mut best = None;
        for (number, page) in (1..).zip(pages) {
            if self.within.page.is_none_or(|spot| spot.is(number, pages.len())) {
                self.look_on(page, number, &mut best);
            }
        }
        best
    }

    /// The same on one page, whatever page was asked for.
    pub(super) fn look_on(&self, page: &SeenPage, number: usize, best: &mut Option<Found>) {
        for reading in page.readings() {
            for at in self.phrase.places(&reading.text) {
                let confidence = page.look(reading, at, &self.within);
                better(best, confidence.map(|confidence| Found { page: number, confidence, errors: 0 }));
            }
            if self.distance > 0 && best.is_none_or(|best| best.errors > 0) {
                for (at, errors) in self.phrase.places_near(&reading.text, self.distance) {
                    let errors = u8::try_from(errors).unwrap_or(u8::MAX);
                    let confidence = page.look(reading, at, &self.within);
                    better(best, confidence.map(|confidence| Found { page: number, confidence, errors }));
                }
            }
        }
    }

    /// Where it stands in what was marked (attention lines).
    pub(super) fn look_in(&self, marked: &[Marked], pages: &[SeenPage]) -> Option<Found> {
        let mut best = None;
        for one in marked {
            let exact = self.phrase.places(&one.text).map(|at| (at, 0));
            let near = match self.distance {
                0 => vec![],
                errors => self.phrase.places_near(&one.text, errors),
            };
            for (at, errors) in exact.chain(near) {
                let errors = u8::try_from(errors).unwrap_or(u8::MAX);
                let confidence = one.sure(pages, at, &self.within);
                better(&mut best, confidence.map(|confidence| Found { page: one.page, confidence, errors }));
            }
        }
        best
    }

    /// Wherever `other` holds, this one holds too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let letters = if other.distance == 0 {
            self.phrase.covers(&other.phrase)
        } else {
            self.phrase == other.phrase && self.distance >= other.distance
        };
        letters && self.within.covers(&other.within) && less(self.confidence, other.confidence)
    }
}

impl From<Phrase> for Words {
    fn from(phrase: Phrase) -> Self {
        Self { phrase, within: Within::default(), distance: 0, confidence: None }
    }
}

/// A regular expression, where it must match, and how sure the reader must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// The expression.
    pub regex: TextRegex,
    /// Where it must match.
    pub within: Within,
    /// How sure the reader must be; `None`: as the rule says.
    pub confidence: Option<Confidence>,
}

impl Expression {
    /// An expression anywhere.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Ok(Self { regex: TextRegex::parse(text)?, within: Within::default(), confidence: None })
    }

    /// The expression as the rule writes it.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Where it matches on the pages, the surest of all places.
    pub(super) fn look(&self, pages: &[SeenPage]) -> Option<Found> {
        let mut best = None;
        for (number, page) in (1..).zip(pages) {
            if self.within.page.is_some_and(|spot| !spot.is(number, pages.len())) {
                continue;
            }
            let folded = page.expressed();
            for at in self.regex.places(&folded.text).take(MOST_PLACES) {
                let confidence = page.look(folded, at, &self.within);
                better(&mut best, confidence.map(|confidence| Found { page: number, confidence, errors: 0 }));
            }
        }
        best
    }

    /// Wherever `other` holds, this one holds too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.regex == other.regex
            && self.within.covers(&other.within)
            && less(self.confidence, other.confidence)
    }
}

/// So many matches of an expression are looked at on a page.
const MOST_PLACES: usize = 200;

/// Keeps the better of two finds; of equals the first.
fn better(best: &mut Option<Found>, found: Option<Found>) {
    let Some(found) = found else { return };
    let rank = |found: &Found| (std::cmp::Reverse(found.errors), found.confidence);
    if best.as_ref().is_none_or(|best| rank(&found) > rank(best)) {
        *best = Some(found);
    }
}

/// `mine` demands no more than `theirs`; where both are left to the rule, so far as the rules agree.
fn less(mine: Option<Confidence>, theirs: Option<Confidence>) -> bool {
    match (mine, theirs) {
        (None, None) => true,
        (Some(mine), Some(theirs)) => mine <= theirs,
        _ => false,
    }
}
