//! What the stories share.

pub mod postfix;
pub mod smtp;
