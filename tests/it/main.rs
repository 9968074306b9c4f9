//! User stories and house rules, one module each, in one binary.

mod decode_libtiff;
mod fixtures;
mod store;
mod tidy;
