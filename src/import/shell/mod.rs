//! A reader of the shell language (POSIX.1-2017, "Shell Command Language"), as far as FaxDispatch files use it.
//!
//! It gives a tree and never runs anything. What it does not know is kept as [`Node::Foreign`], with its place, so that
//! it can be listed. Bash's `[[ … ]]`, `;&` and `+=` are read, because `faxrcvd` is run by whatever `/bin/sh` is.

mod lex;
mod parse;
mod tree;

pub(super) use parse::parse;
pub(super) use tree::{Arm, Command, Joint, Node, Part, Word};
