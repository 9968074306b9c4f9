//! [`Facts`]: the closed set of things that rules may look at.

use std::cell::OnceCell;

use super::fold::{fold, fold_lines};
use super::number::{NumberPlan, Reading};
use crate::fax::{CallRecord, Number};

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
