//! [`CodePattern`]: what a rule says of a barcode or QR code.

use super::fold::fold;
use super::pattern::{PatternError, literal_start, wildcard};
use crate::fax::PageCode;

/// Symbologies, as [`PageCode::kind`] names them: those that are sought on pages.
const KINDS: &[&str] =
    &["qr", "code128", "code39", "code93", "ean13", "itf", "datamatrix", "pdf417", "aztec", "codabar"];

/// A text with `*` and `?`, behind the symbology where that counts: `qr:https://harbour.example/*`. Case and widths
/// do not count, blanks do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePattern {
    shown: String,
    kind: Option<String>,
    text: String,
}

impl CodePattern {
    /// Understands `LIC-*` or `code39:LIC-*`. What stands before a colon is a symbology only if it is the name of one.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let trimmed = text.trim();
        let (kind, pattern) = Self::kind_of(trimmed);
        let folded = fold(pattern);
        if folded.is_empty() {
            return Err(PatternError::whole(text, "an empty pattern fits no barcode"));
        }
        Ok(Self { shown: trimmed.to_owned(), kind: kind.map(str::to_owned), text: folded })
    }

    /// The symbology that stands before a colon, if one does, and the rest.
    pub fn kind_of(text: &str) -> (Option<&'static str>, &str) {
        let named = text.split_once(':').and_then(|(kind, rest)| {
            let kind = KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind.trim()))?;
            Some((*kind, rest))
        });
        named.map_or((None, text), |(kind, rest)| (Some(kind), rest))
    }

    /// The pattern as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// It fits every barcode, of its symbology if it names one.
    pub fn is_any(&self) -> bool {
        self.text.chars().all(|c| c == '*')
    }

    /// `text` is the code's, folded.
    pub(super) fn fits(&self, code: &PageCode, text: &str) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == code.kind) && wildcard(&self.text, text)
    }

    /// What every text that fits begins with, and whether that is all of it.
    pub(super) fn start(&self) -> Option<(&str, bool)> {
        literal_start(&self.text)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        let kind = self.kind.is_none() || self.kind == other.kind;
        let plain = !other.text.contains(['*', '?']);
        kind && (self.text == other.text || self.is_any() || plain && wildcard(&self.text, &other.text))
    }
}
