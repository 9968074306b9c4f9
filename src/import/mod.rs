//! Other fax servers' routing, translated into `departments.toml` and `rules.toml`.
//!
//! - [`hylafax`]: `etc/FaxDispatch`, a piece of shell that HylaFAX sources for each fax (faxrcvd(8)). It is read, never
//!   run: what its assignments and tests would do is worked out for all faxes at once.
//! - [`avantfax`]: the tables of its MySQL database, as a dump or as CSV.
//!
//! Invariants: nothing is executed and no file is opened here; what is written passes `faxgate check`; what cannot be
//! translated exactly is listed with its file and line, never replaced by something similar without a word.
//!
//! In FaxDispatch the *last* assignment wins, here the *first* rule does; so the order of what comes out is not the order
//! of what went in.

pub mod avantfax;
mod draft;
mod entry;
pub mod hylafax;
mod shell;
mod toml;

pub use draft::{Imported, Left, Loss};
pub use entry::Field;

use crate::fax::{Disposition, Fault};
use crate::route::NumberPlan;

/// Longest file that is read, in bytes.
pub const LONGEST_FILE: u64 = 256 << 20;

/// Most rules that come out of one import.
pub const MOST_RULES: usize = 20_000;

/// One file to be read.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name, as reports show it.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// What the files do not say.
#[derive(Debug, Clone)]
pub struct Choices {
    /// The domain of recipients that are written without one (`SENDTO=lee`): the mail server of the old machine added its
    /// own.
    pub domain: Option<String>,
    /// The inbox of last resort; what HylaFAX calls FaxMaster.
    pub fallback: Option<String>,
    /// What CALLID1, CALLID2, … hold; it is the order of `CallIDPattern` in HylaFAX' `config.<device>`. `None`: nothing that
    /// rules know.
    pub call_ids: Vec<Option<Field>>,
    /// AvantFAX: take fax-to-mail addresses for the TSI too, as AvantFAX does where no caller's number is known.
    pub trust_tsi: bool,
    /// The site's dial plan, as `[numbers]` of its `faxgate.toml` will say it: it decides which patterns mean one number.
    pub numbers: NumberPlan,
    /// Whether a text is a mail address that the gateway takes.
    pub is_address: fn(&str) -> bool,
}

/// Nothing can come of the whole import.
fn hopeless(code: &'static str, operator: impl Into<String>) -> Fault {
    Fault::new(code, Disposition::Refuse, operator.into())
}
