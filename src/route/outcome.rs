//! [`Outcome`]: what a rule demands besides the departments.

use serde::{Deserialize, Serialize};

/// What a rule demands besides the departments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// How urgent the mail is.
    pub priority: Priority,
    /// It waits for office hours.
    pub hold: bool,
    /// A signed link in place of the attachment.
    pub link: bool,
    /// Set aside as junk: reversible, told of in the daily digest.
    pub junk: bool,
    /// Nothing is delivered where the fax is only the retransmission of one that was.
    pub drop_duplicate: bool,
    /// Names of webhooks that are called too.
    pub webhooks: Vec<String>,
    /// Names of print queues that get it too.
    pub printers: Vec<String>,
}

/// How urgent a mail is (RFC 2156 §5.3.6 `Priority`, `Importance`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Can wait.
    Low,
    /// As any mail.
    #[default]
    Normal,
    /// Read it now.
    Urgent,
}

/// What the rules would have decided, had the text been surer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The rule that nearly matched.
    pub rule: String,
    /// Its departments.
    pub departments: Vec<String>,
    /// How sure its text is, 0 to 1.
    pub confidence: f32,
    /// Why it is no decision, in words for a clerk.
    pub why: String,
}
