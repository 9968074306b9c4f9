//! faxgate: keeps legacy fax numbers alive without fax machines.
//!
//! The modules stand in the order in which a fax flows. Start with [`pipeline`]: its `steps` are the
//! whole journey on one page.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod fax;

pub mod intake;

pub mod t38;

pub mod decode;

pub mod enhance;

pub mod recognize;

pub mod compose;

pub mod route;

pub mod import;

pub mod deliver;

pub mod returns;

pub mod console;

pub mod pipeline;

pub mod worker;

pub mod store;

pub mod eval;

pub mod config;

pub mod ops;

pub mod daemon;

pub mod cli;
