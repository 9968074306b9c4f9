//! User stories and house rules, one module each, in one binary.

mod decode_libtiff;
mod deliver_faults;
mod deliver_postfix;
mod harness;
mod mail_hostile;
mod store;
mod tidy;
