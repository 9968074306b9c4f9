//! Words to the service manager (`sd_notify(3)`), silent where there is none.
//!
//! The watchdog is fed by the gateway's heart alone: the loop that claims work. A gateway that answers on
//! its port but claims nothing is restarted.

use std::time::Duration;

use sd_notify::NotifyState;

/// The gateway is ready: spools are watched and work is claimed.
pub fn ready() {
    say(&[NotifyState::Ready, NotifyState::Status("watching spools")]);
}

/// A reload begins; `ready` ends it.
pub fn reloading() {
    if let Ok(state) = NotifyState::monotonic_usec_now() {
        say(&[NotifyState::Reloading, state]);
    }
}

/// Shutdown begins.
pub fn stopping() {
    say(&[NotifyState::Stopping, NotifyState::Status("finishing what is in hand")]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    say(&[NotifyState::Status(line)]);
}

/// Feeds the watchdog.
pub fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How often the watchdog wants to be fed, if there is one: half of its time-out.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|timeout| timeout / 2)
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
