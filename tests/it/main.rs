//! User stories and house rules, one module each, in one binary.

mod store;
mod tidy;
