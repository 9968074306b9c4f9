//! The only place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::fax::Millis;

/// Milliseconds since the Unix epoch. A clock before 1970 reads as 0.
pub fn now() -> Millis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX))
}
