//! User stories and house rules, one module each, in one binary.

mod decode_libtiff;
mod tidy;
