//! [`Facts`]: the closed set of things that rules may look at.

use std::cell::OnceCell;

use super::fold::{fold, fold_lines};
use super::number::{NumberPlan, Reading};
use crate::fax::{CallRecord, Kinship, Number, PageCode};

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
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SheetLine {
    /// What it says.
    pub text: String,
    /// How sure the reader is of its least certain word, 0 to 1.
    pub confidence: f32,
    /// Where its middle stands: of the width from the left and of the height from the top, 0 to 1.
    pub at: (f32, f32),
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

/// Facts as conditions read them: what is costly to derive is derived once, and only if some rule asks.
pub(super) struct Seen<'a> {
    pub(super) facts: &'a Facts,
    plan: &'a NumberPlan,
    did: OnceCell<Option<Reading>>,
    caller: OnceCell<Option<Reading>>,
    folded: OnceCell<Vec<String>>,
    lines: OnceCell<Vec<String>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(facts: &'a Facts, plan: &'a NumberPlan) -> Self {
        Self {
            facts,
            plan,
            did: OnceCell::new(),
            caller: OnceCell::new(),
            folded: OnceCell::new(),
            lines: OnceCell::new(),
        }
    }

    /// The dialled number, read under the site's number plan.
    pub(super) fn did(&self) -> Option<&Reading> {
        self.did.get_or_init(|| self.read(self.facts.call.did.as_ref())).as_ref()
    }

    /// The calling number, read under the site's number plan.
    pub(super) fn caller(&self) -> Option<&Reading> {
        self.caller.get_or_init(|| self.read(self.facts.call.caller.as_ref())).as_ref()
    }

    /// Pages as phrases are sought in them: one line of lower case.
    pub(super) fn folded(&self) -> &[String] {
        self.folded.get_or_init(|| self.facts.text.iter().map(|page| fold(page)).collect())
    }

    /// Pages as regular expressions see them: line by line, case kept.
    pub(super) fn lines(&self) -> &[String] {
        self.lines.get_or_init(|| self.facts.text.iter().map(|page| fold_lines(page)).collect())
    }

    /// A claimed identification read as a number, if it looks like one.
    pub(super) fn number_in(&self, text: &str) -> Option<Reading> {
        self.plan.read_text(text)
    }

    fn read(&self, number: Option<&Number>) -> Option<Reading> {
        number.and_then(|number| self.plan.read(number))
    }
}
