//! User stories and house rules, one module each, in one binary.

mod decode_libtiff;
mod pipeline;
mod pipeline_crash;
mod pipeline_house;
mod store;
mod tidy;
