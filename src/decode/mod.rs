//! Bytes as received → [`Page`](crate::fax::Page)s and their [`Damage`](crate::fax::Damage).
//!
//! Pure: no files, clock, log. Whatever the bytes are, decoding ends within [`Limits`] and never panics;
//! damage is data, and an error means that no page at all could be made.

mod error;
mod geometry;
mod limits;
mod opened;
mod pdf;
mod png;
pub mod raw_g3;
pub mod t4;
pub mod tiff;
mod turn;

pub use error::DecodeError;
pub use limits::Limits;
pub use opened::{Opened, open, sniff};
