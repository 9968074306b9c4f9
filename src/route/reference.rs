//! Reference numbers: how letters mark them, and [`ReferencePattern`], what a rule says of one.

use super::fold::{fold, fold_expression};
use super::pattern::{PatternError, literal_start, wildcard};
use super::text::TextRegex;

/// What a rule says of a reference number or file number: a text with `*` and `?`, or an expression in slashes that must
/// match the whole. Case, widths and blanks do not count.
#[derive(Debug, Clone)]
pub struct ReferencePattern {
    shown: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Glob(String),
    Regex(regex::Regex),
}

impl ReferencePattern {
    /// Understands `LIC/*` or `/LIC\/\d{4}/`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let trimmed = text.trim();
        let kind = match trimmed.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(expression) => Kind::Regex(whole(text, expression)?),
            None => Kind::Glob(plain(trimmed)),
        };
        if matches!(&kind, Kind::Glob(glob) if glob.is_empty()) {
            return Err(PatternError::whole(text, "an empty pattern fits no reference"));
        }
        Ok(Self { shown: trimmed.to_owned(), kind })
    }

    /// The pattern as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// It fits every reference.
    pub fn is_any(&self) -> bool {
        matches!(&self.kind, Kind::Glob(glob) if glob.chars().all(|c| c == '*'))
    }

    /// `reference` is [`plain`].
    pub(super) fn fits(&self, reference: &str) -> bool {
        match &self.kind {
            Kind::Glob(glob) => wildcard(glob, reference),
            Kind::Regex(regex) => regex.is_match(reference),
        }
    }

    /// What every reference that fits begins with, and whether that is all of it. `None`: nothing is known.
    pub(super) fn start(&self) -> Option<(&str, bool)> {
        match &self.kind {
            Kind::Glob(glob) => literal_start(glob),
            Kind::Regex(_) => None,
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            _ if self == other || self.is_any() => true,
            (_, Kind::Glob(theirs)) => !theirs.contains(['*', '?']) && self.fits(theirs),
            _ => false,
        }
    }
}

impl PartialEq for ReferencePattern {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
    }
}

impl Eq for ReferencePattern {}

/// A reference as patterns see it: small letters, no blanks.
pub(super) fn plain(text: &str) -> String {
    fold(text).chars().filter(|c| !c.is_whitespace() && *c != '\u{ad}').collect()
}

/// The expression between the slashes, over the whole reference. Its own errors are named with their places.
fn whole(text: &str, expression: &str) -> Result<regex::Regex, PatternError> {
    let start = text.find('/').map_or(0, |at| at + 1);
    TextRegex::parse(expression)
        .map_err(|error| PatternError { at: error.at.start + start..error.at.end + start, ..error })?;
    let compiled = |expression: &str| {
        regex::RegexBuilder::new(&format!("^(?:{expression})$"))
            .case_insensitive(true)
            .size_limit(TextRegex::LARGEST)
            .build()
    };
    compiled(&fold_expression(expression))
        .or_else(|_| compiled(expression))
        .map_err(|error| PatternError::whole(text, error.to_string()))
}
