//! The process `faxgate t38`: sockets, clocks, threads, and the spool that finished calls are left in.

pub mod disk;
pub mod ports;
pub mod settings;
pub mod spool;
mod tiff;

pub use settings::Settings;
