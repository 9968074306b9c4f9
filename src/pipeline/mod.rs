//! A fax through its durable stages: claim, run, record.
//!
//! Read [`steps`] first: it is the journey of one fax, step by step. Around it:
//!
//! - [`runner`] claims due faxes, runs the next step under a lease that it renews, and records the result by
//!   compare-and-set. Of errors it knows the [`Disposition`](crate::fax::Disposition) and nothing else.
//! - `delivering` does the same for messages: claim, write the letter, attempt, record each address.
//! - `kin` finds earlier faxes that this one repeats, completes or belongs to.
//! - [`duties`] is what no single fax asks for: alarms, the digest of junk, and the mails that tell of both.
//! - [`recover`] puts right what a dead process left behind, and once a minute looks at everything.
//!
//! Invariants: bounded (so many faxes, pages and messages at a time, one page in memory for each page in
//! hand); a panic is a fault of that fax and not of the gateway; whatever is cut short at any moment is due
//! again and repeats without harm.

mod addresses;
mod alarms;
mod context;
mod delivering;
mod digest;
mod doors;
pub mod duties;
mod facts;
mod hold;
mod junk;
mod kept;
mod kin;
mod letters;
mod parts;
pub mod post;
mod reading;
pub mod recover;
pub mod runner;
mod sealing;
mod sheets;
pub mod steps;
mod typesetting;
pub mod words;

pub use context::{Answer, Context, Courier, Policy, Reader, Settings};
pub use facts::{facts, moment};
pub use kept::{facts_of, packed, unpacked};
pub use reading::PageRecord;
pub use runner::{Left, drain, run};
pub use typesetting::{Made, Typography, typeset};
