//! `faxgate t38 --send`: places one call and sends one file, for tests and for trying a line.
