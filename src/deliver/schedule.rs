//! When to try again, and when to give up. Pure: the clock is an argument.
//!
//! Waits double from the first to the longest (RFC 5321 §4.5.4.1 asks for at least 30 minutes in the long
//! run and giving up after days; greylisting servers want a second try after some minutes). Each is moved
//! by up to a tenth, by the delivery's own number: deliveries that failed together do not come back
//! together, and the same delivery always waits the same.

use std::time::Duration;

use super::trouble::Trouble;
use crate::fax::{Fault, Millis};

/// What to do after a deferral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again then.
    At(Millis),
    /// Give up: the fallback inbox gets it.
    Expired,
}

/// How waits grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// First wait.
    pub first: Duration,
    /// Longest wait.
    pub most: Duration,
}

impl BackOff {
    /// After attempt number `attempts` (from 1) of `delivery` was deferred at `now`. There is always one
    /// last attempt at `expires_at` itself.
    pub fn after(&self, attempts: u32, now: Millis, expires_at: Millis, delivery: i64) -> Next {
        if now >= expires_at {
            return Next::Expired;
        }
        Next::At(now.saturating_add(self.wait(attempts, delivery)).min(expires_at))
    }

    /// Milliseconds to wait after attempt number `attempts`.
    fn wait(&self, attempts: u32, delivery: i64) -> Millis {
        let most = self.most.max(self.first);
        let doublings = attempts.saturating_sub(1).min(32);
        let plain = self.first.saturating_mul(2u32.saturating_pow(doublings)).min(most);
        let millis = Millis::try_from(plain.as_millis()).unwrap_or(Millis::MAX / 4);
        let tenth = millis / 10;
        let moved = tenth.saturating_mul(spread(delivery, attempts)) / 1000;
        (millis + moved).max(1)
    }
}

/// −1000 to 1000, fixed for each delivery and attempt (the finaliser of SplitMix64).
fn spread(delivery: i64, attempts: u32) -> i64 {
    let mut bits = (delivery as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(attempts);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) % 2001) as i64 - 1000
}

/// The fault of a delivery that was given up; `last` is what its last attempt ended with.
pub fn expired(last: &str) -> Fault {
    Trouble::Expired(crate::fax::one_line(last, super::trouble::WORDS_MOST)).fault()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;
    const BACK_OFF: BackOff = BackOff { first: Duration::from_secs(60), most: Duration::from_secs(3600) };

    #[test]
    fn waits_double_up_to_the_longest() {
        for (attempts, minutes) in [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (u32::MAX, 60)]
        {
            for delivery in [0, 1, 77, i64::MAX, -1] {
                let wait = BACK_OFF.wait(attempts, delivery);
                let plain = minutes * MINUTE;
                assert!(
                    (plain - wait).abs() <= plain / 10,
                    "attempt {attempts}, delivery {delivery}: {wait}"
                );
            }
        }
    }

    #[test]
    fn the_same_delivery_waits_the_same_and_others_do_not() {
        assert_eq!(BACK_OFF.wait(3, 5), BACK_OFF.wait(3, 5));
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|delivery| BACK_OFF.wait(3, delivery)).collect();
        assert!(waits.len() > 80, "only {} different waits", waits.len());
    }

    #[test]
    fn there_is_one_last_attempt_at_expiry_and_none_after() {
        assert_eq!(BACK_OFF.after(9, 0, 10 * MINUTE, 1), Next::At(10 * MINUTE));
        assert_eq!(BACK_OFF.after(10, 10 * MINUTE, 10 * MINUTE, 1), Next::Expired);
        assert_eq!(BACK_OFF.after(10, 11 * MINUTE, 10 * MINUTE, 1), Next::Expired);
        assert!(matches!(BACK_OFF.after(1, 0, Millis::MAX, 1), Next::At(at) if at > 0));
    }

    #[test]
    fn strange_settings_do_no_harm() {
        let none = BackOff { first: Duration::ZERO, most: Duration::ZERO };
        assert_eq!(none.wait(5, 1), 1);
        let huge = BackOff { first: Duration::MAX, most: Duration::ZERO };
        assert!(huge.wait(5, 1) > 0);
        assert!(matches!(huge.after(1, Millis::MAX - 1, Millis::MAX, 1), Next::At(Millis::MAX)));
    }

    #[test]
    fn giving_up_is_final_and_says_why() {
        let fault = expired("451 4.7.1 greylisted");
        assert_eq!(fault.code, "deliver.expired");
        assert!(fault.operator.contains("451 4.7.1 greylisted"), "{}", fault.operator);
    }
}
