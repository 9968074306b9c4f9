//! The nouns of the house, in the field's own words.
//!
//! Every other module speaks in these types and none of them speaks back: `fax` imports nothing of
//! ours, starts no thread, opens no file and reads no clock. What is untrusted (station names, caller
//! names, pixels) is kept exactly as it arrived; whoever shows it is the one who must make it safe, with
//! [`StationId::shown`] and its like.

mod arrival;
mod bitmap;
mod call;
mod damage;
mod delivery;
mod department;
mod document;
mod fault;
mod finds;
mod id;
mod page;
mod stage;
mod text;

pub use arrival::{Arrival, Format, Original, Sha256};
pub use bitmap::Bitmap;
pub use call::{CallRecord, Number, Packets, PageReport, Receipt, StationId, is_unsafe_in_a_line, one_line};
pub use damage::Damage;
pub use delivery::{Attempt, Delivery, DeliveryState, Outcome, Target};
pub use department::{Certificate, Department, Language, MailStyle, Oversize};
pub use document::Document;
pub use fault::{Disposition, Fault};
pub use finds::{Fingerprint, Kin, Kinship, PageCode, SYMBOLOGIES, Symbology};
pub use id::FaxId;
pub use page::{Ccitt, CleanPage, Coding, Page, Plan, Raster, Resolution};
pub use stage::{IllegalStep, NotAStage, Stage, Step};
pub use text::{Box2, Line, PageText, Script, Turn, Word};

/// A moment, in milliseconds since the Unix epoch, UTC. Clocks live in `ops::clock`.
pub type Millis = i64;
