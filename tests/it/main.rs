//! User stories and house rules, one module each, in one binary.

mod config;
mod crash;
mod decode_libtiff;
mod deliver_faults;
mod deliver_postfix;
mod every_fixture;
mod fixtures;
mod harness;
mod hylafax_faxinfo;
mod hylafax_record;
mod intake_admit;
mod intake_ledger;
mod intake_never_early;
mod intake_spools;
mod intake_watch;
mod intake_writers;
mod mail_hostile;
mod morning;
mod pdf;
mod pdf_tools;
mod pipeline;
mod pipeline_crash;
mod pipeline_house;
mod rules;
mod store;
mod tidy;
