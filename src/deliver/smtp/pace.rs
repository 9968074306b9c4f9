//! So many messages in any minute. Pure: the clock is an argument.
//!
//! Invariant: between the `n`th message and the one `limit` places later lies a whole minute, so no minute,
//! wherever it begins, holds more than `limit`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What "per minute" means.
const MINUTE: Duration = Duration::from_secs(60);

/// When a relay's last messages began or will begin.
#[derive(Debug, Default)]
pub(super) struct Pace {
    begun: VecDeque<Instant>,
}

impl Pace {
    /// Books the next free moment, if it comes within `patience`; else says how long it would take.
    pub(super) fn book(&mut self, limit: u32, now: Instant, patience: Duration) -> Result<Instant, Duration> {
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        while self.begun.len() > limit {
            self.begun.pop_front();
        }
        let free = match self.begun.front() {
            Some(first) if self.begun.len() == limit => (*first + MINUTE).max(now),
            _ => now,
        };
        let wait = free.saturating_duration_since(now);
        if wait > patience {
            return Err(wait);
        }
        self.begun.push_back(free);
        Ok(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_after_the_limit_waits_for_the_first_to_be_a_minute_old() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let second = Duration::from_secs(1);
        assert_eq!(pace.book(2, start, MINUTE), Ok(start));
        assert_eq!(pace.book(2, start + second, MINUTE), Ok(start + second));
        assert_eq!(pace.book(2, start + 2 * second, MINUTE), Ok(start + MINUTE));
        assert_eq!(pace.book(2, start + 3 * second, MINUTE), Ok(start + MINUTE + second));
        // Whoever has no patience is told how long it would take, and books nothing.
        assert_eq!(pace.book(2, start + 3 * second, second), Err(2 * MINUTE - 3 * second));
        assert_eq!(pace.book(2, start + 2 * MINUTE, MINUTE), Ok(start + 2 * MINUTE));
    }

    proptest::proptest! {
        #[test]
        fn no_minute_holds_more(limit in 1u32..6, gaps in proptest::collection::vec(0u64..40, 1..60)) {
            let (mut pace, mut now, mut booked) = (Pace::default(), Instant::now(), Vec::new());
            for gap in gaps {
                now += Duration::from_secs(gap);
                booked.extend(pace.book(limit, now, Duration::from_secs(3600)));
            }
            for pair in booked.windows(limit as usize + 1) {
                proptest::prop_assert!(pair[limit as usize] - pair[0] >= MINUTE);
            }
        }
    }
}
