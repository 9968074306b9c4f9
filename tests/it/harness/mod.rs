//! What the stories share.

pub mod pdf;
