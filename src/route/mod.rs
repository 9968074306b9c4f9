//! (facts, rules) → [`Decision`], with its reasons. Pure.

use crate::fax::CallRecord;

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

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Decision {
    /// Name of the rule that matched.
    pub rule: String,
    /// Ids of the departments that get the fax; at least one.
    pub departments: Vec<String>,
    /// Each rule that was looked at, in order, and why it did or did not match.
    pub reasons: Vec<Reason>,
    /// Digest of the rules file that decided.
    pub rules_version: String,
}

/// One rule's verdict.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Reason {
    /// The rule's name.
    pub rule: String,
    /// It matched.
    pub matched: bool,
    /// Why, in words for an admin.
    pub why: String,
}
