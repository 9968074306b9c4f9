//! User stories and house rules, one module each, in one binary.

mod decode_libtiff;
mod fixtures;
mod hylafax_faxinfo;
mod hylafax_record;
mod intake_admit;
mod intake_ledger;
mod intake_never_early;
mod intake_spools;
mod intake_watch;
mod intake_writers;
mod store;
mod tidy;
