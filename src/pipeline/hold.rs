//! Waiting for office hours.

use super::Policy;
use crate::fax::Millis;
use crate::route::Decision;

/// The moment until which a decision's deliveries wait; `None`: they are due now, because no rule holds them, because
/// somebody is there, or because the site told no hours (`faxgate check` says so).
pub(super) fn until(decision: &Decision, policy: &Policy, now: Millis) -> Option<Millis> {
    if !decision.outcome.hold {
        return None;
    }
    let opens = policy.rules.office().map(|office| office.next_opening(now));
    if opens.is_none() {
        tracing::warn!(
            rule = decision.rule,
            "it should wait for office hours, but none are told; it goes out now"
        );
    }
    opens.filter(|opens| *opens > now)
}
