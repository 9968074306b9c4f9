//! faxgate from outside: a module per user story.

mod decode_libtiff;
