//! User stories and house rules, one module each, in one binary.

mod config;
mod decode_libtiff;
mod rules;
mod store;
mod tidy;
