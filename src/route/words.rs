//! [`Words`] and [`Expression`]: an entry of `text`, `attention` or `text_regex`, with where it must stand and how
//! surely it must have been read.

use super::confidence::Confidence;
use super::pattern::PatternError;
use super::place::Within;
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

    /// Wherever `other` holds, this one holds too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.regex == other.regex
            && self.within.covers(&other.within)
            && less(self.confidence, other.confidence)
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
