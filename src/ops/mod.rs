//! What operators see: logs, metrics, health, and the service manager's watchdog; and the clock and the disk's promise.
//!
//! Invariants: no fax content and no full telephone number leaves through here (ids, counts, codes and
//! durations only); one number matters most, the age of the oldest fax that is not closed.

pub mod alarms;
pub mod clock;
pub mod durable;
pub mod health;
pub mod logging;
pub mod systemd;
pub mod web;

use std::net::SocketAddr;

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One readable line an event.
    #[default]
    Text,
    /// One JSON object an event.
    Json,
}

/// What operators set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Where `/healthz` and `/metrics` are served; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// Shape of the log.
    pub log: LogFormat,
}
