//! [`CodePattern`]: what a rule says of a barcode or QR code.

use super::fold::fold;
use super::pattern::{PatternError, literal_start, wildcard};
use crate::fax::{PageCode, SYMBOLOGIES, Symbology};

/// Symbologies that others read and this gateway does not. Before a colon they are no text: such a pattern would wait for ever.
const NEVER_READ: &[&str] =
    &["upca", "upc", "upce", "ean8", "ean128", "gs1128", "maxicode", "rss14", "rssexpanded", "microqr"];

/// A text with `*` and `?`, behind the symbology where that counts: `qr:https://harbour.example/*`. Case and widths
/// do not count, blanks do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePattern {
    shown: String,
    kind: Option<Symbology>,
    text: String,
}

impl CodePattern {
    /// Understands `LIC-*` or `code39:LIC-*`. What stands before a colon is a symbology only if it is the name of one; the
    /// names of those that are never read, and other spellings of those that are, are refused.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let trimmed = text.trim();
        let (kind, pattern) = Self::split(trimmed)?;
        let folded = fold(pattern);
        if folded.is_empty() {
            return Err(PatternError::whole(text, "an empty pattern fits no barcode"));
        }
        Ok(Self { shown: trimmed.to_owned(), kind, text: folded })
    }

    /// The symbology that stands before a colon, if one does, and the rest.
    pub fn kind_of(text: &str) -> (Option<&'static str>, &str) {
        Self::split(text).map_or((None, text), |(kind, rest)| (kind.map(|kind| kind.name), rest))
    }

    fn split(text: &str) -> Result<(Option<Symbology>, &str), PatternError> {
        let Some((kind, rest)) = text.split_once(':') else { return Ok((None, text)) };
        let named = |kind: &str| SYMBOLOGIES.iter().find(|known| known.name.eq_ignore_ascii_case(kind));
        if let Some(known) = named(kind.trim()) {
            return Ok((Some(*known), rest));
        }
        let bare: String =
            kind.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let bare =
            bare.strip_suffix("code").filter(|_| bare == "qrcode" || bare == "azteccode").unwrap_or(&bare);
        let at = 0..kind.len();
        if let Some(known) = named(bare) {
            let message = format!("write \"{}:\" for {:?}", known.name, kind.trim());
            return Err(PatternError { at, message });
        }
        if NEVER_READ.contains(&bare) {
            let names = SYMBOLOGIES.map(|known| known.name).join(", ");
            let upc = if bare.starts_with("upc") { "; UPC-A is ean13 with a leading 0" } else { "" };
            let message = format!("codes of this kind are never read; what is read: {names}{upc}");
            return Err(PatternError { at, message });
        }
        Ok((None, text))
    }

    /// Whatever fits it carries a check of its own, so that it was not misread.
    pub fn is_checked(&self) -> bool {
        self.kind.is_some_and(|kind| kind.checked)
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
        self.kind.is_none_or(|kind| kind.name == code.kind) && wildcard(&self.text, text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_is_never_read_is_no_text() {
        for (text, kind, rest) in [
            ("code39:LIC-*", Some("code39"), "LIC-*"),
            ("QR: x", Some("qr"), " x"),
            ("https://harbour.example/*", None, "https://harbour.example/*"),
            ("LIC:17", None, "LIC:17"),
        ] {
            assert_eq!(CodePattern::kind_of(text), (kind, rest));
            assert!(CodePattern::parse(text).is_ok(), "{text}");
        }
        for (text, message) in [
            ("upca:0123*", "codes of this kind are never read; what is read: qr, code128"),
            ("UPC-E:0123*", "UPC-A is ean13 with a leading 0"),
            ("ean8:1234*", "codes of this kind are never read"),
            ("Code 39:LIC-*", "write \"code39:\" for \"Code 39\""),
            ("qr code:x", "write \"qr:\""),
        ] {
            let error = CodePattern::parse(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
        let checked = |text| CodePattern::parse(text).unwrap().is_checked();
        assert!(checked("qr:x") && !checked("code39:LIC-1*") && !checked("x"));
    }
}
