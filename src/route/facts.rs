//! [`Facts`]: the closed set of things that rules may look at.

use crate::fax::{CallRecord, Kinship, PageCode};

/// The closed set of things that rules may look at.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// What is known of the call: DID, caller, TSI, subaddress, device.
    pub call: CallRecord,
    /// Name of the spool.
    pub spool: String,
    /// Pages.
    pub pages: u32,
    /// Some page is damaged, or reception broke.
    pub damaged: bool,
    /// Languages found: `en`, `zh`.
    pub languages: Vec<String>,
    /// Text of all pages without the machines' header lines, a page an entry.
    pub text: Vec<String>,
    /// The same line by line, with what the reader thought of it and where it stands; empty where nothing is known of
    /// lines (an example, an older fax): then `text` counts, and counts as certain.
    #[serde(default)]
    pub sheets: Vec<SheetText>,
    /// Barcodes and QR codes.
    #[serde(default)]
    pub codes: Vec<PageCode>,
    /// When it came, as the site's clock and calendar show it.
    #[serde(default)]
    pub when: Option<Moment>,
    /// Earlier faxes that it is kin to.
    #[serde(default)]
    pub kin: Vec<Kinship>,
}

/// One page's lines.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SheetText {
    /// Its lines in the order of reading, header lines left out.
    pub lines: Vec<SheetLine>,
    /// How sure the reader is of the page, 0 to 1.
    pub confidence: f32,
}

/// One line of a page.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SheetLine {
    /// What it says.
    pub text: String,
    /// How sure the reader is of its least certain word, 0 to 1.
    pub confidence: f32,
    /// Where its middle stands: of the width from the left and of the height from the top, 0 to 1.
    pub at: (f32, f32),
    /// How sure the reader is word by word: so many characters of `text`, and how sure of them in hundredths. Empty where
    /// only the line's confidence is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sure: Vec<(u16, u8)>,
}

/// A moment as a site's clock and calendar show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Moment {
    /// Minutes since midnight.
    pub minute: u16,
    /// 1 is Monday, 7 Sunday (ISO 8601).
    pub weekday: u8,
    /// `2026-12-25`.
    pub date: String,
    /// Name of the public holiday that it is, if one.
    pub holiday: Option<String>,
}
