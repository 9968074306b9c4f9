//! User stories and house rules, one module each, in one binary.

mod config;
mod decode_libtiff;
mod harness;
mod pdf;
mod pdf_tools;
mod store;
mod tidy;
