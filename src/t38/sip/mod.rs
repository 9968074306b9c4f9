//! SIP for a fax endpoint (RFC 3261) as a machine without sockets: bytes and the time come in, bytes and events go out.
//!
//! ```text
//! datagram ──────────────► message ─► transaction ─► dialog ─► Event to the receiver
//! stream ─► framer ──────►    (bytes)    (repeats)     (calls)   commands from it ─► Output::Send
//! ```
//!
//! - Both sides of a call: it answers trunks and, for the sender, calls out. It never proxies and never follows a
//!   redirect, so nobody can make it call a third party.
//! - All that a peer can make it hold is bounded by [`Limits`]; what is refused is answered without being remembered.
//! - A request of ours inside a call goes to the peer's Contact or Route only where that is an address of the trunk's own
//!   networks, else to where the call came from: names need no resolver, NATs do no harm, and nobody else is written to.
//! - Requests inside a call are not challenged again: both tags of a call are known to its two sides alone.
//! - Time is counted from the machine's start; randomness is a seed.

mod agent;
mod dialog;
mod digest;
mod event;
mod framer;
mod header;
mod message;
mod multipart;
mod random;
mod reading;
mod register;
mod settings;
mod transaction;

pub use agent::{Agent, Calling};
pub use event::{Asked, CallKey, End, Event, Flow, MOST_IDENTITY, Output, Party, Transport};
pub use framer::{Framed, Framer};
pub use message::{Header, Message, Start};
pub use reading::Bad;
pub use settings::{Credentials, Limits, Net, Register, SHORTEST_SESSION, Settings, Trunk};

#[cfg(test)]
mod tests;
