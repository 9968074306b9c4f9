//! One state per recipient address.

use std::fmt;
use std::path::PathBuf;

use super::{FaxId, Millis};

/// Where a fax goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A mail address, by SMTP.
    Mail(String),
    /// A Maildir on this machine.
    Maildir(PathBuf),
    /// A webhook, by its name in the configuration.
    Webhook(String),
    /// A print queue (IPP), by its name in the configuration.
    Printer(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(address) => f.write_str(address),
            Self::Maildir(path) => write!(f, "maildir:{}", path.display()),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
            Self::Printer(name) => write!(f, "printer:{name}"),
        }
    }
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried at `next_at`.
    Due,
    /// Accepted by the next hop; its words are kept.
    Delivered,
    /// Given up; the fallback inbox got it instead.
    Failed,
    /// Accepted once, and returned later by a bounce (RFC 3464); the fallback inbox got it instead.
    Bounced,
    /// No longer wanted: a person replayed or discarded the fax before it went out.
    Withdrawn,
}

/// One fax to one address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Delivery {
    /// Row number in the store.
    pub id: i64,
    /// The fax.
    pub fax: FaxId,
    /// Department it goes to; `fallback` names the fallback inbox.
    pub department: String,
    /// The address.
    pub target: Target,
    /// Fixed for ever when the delivery is made: a repeat after a crash is recognisable by it.
    pub message_id: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt is due.
    pub next_at: Millis,
    /// When we give up.
    pub expires_at: Millis,
    /// Why this delivery exists besides the decision: the code of the fault that sent it to the fallback inbox.
    pub because: Option<String>,
    /// The last reply or fault: code and words.
    pub last: Option<String>,
}

/// How one attempt on one address ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The next hop took responsibility; its words, with the queue id.
    Delivered(String),
    /// Not now.
    Deferred(super::Fault),
    /// Never: the fallback inbox must get it.
    Failed(super::Fault),
}

/// One attempt on one delivery, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attempt {
    /// The delivery.
    pub delivery: i64,
    /// When it ended.
    pub at: Millis,
    /// How.
    pub outcome: Outcome,
}
