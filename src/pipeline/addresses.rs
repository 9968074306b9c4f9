//! Decision → deliveries: who gets it, under which Message-ID.

use super::Policy;
use super::context::millis;
use crate::deliver::message::message_id;
use crate::fax::{Fault, Millis};
use crate::route::Decision;
use crate::store::{FALLBACK, Fax, NewDelivery};

/// A delivery for each address of each department, all of a department under one Message-ID. What is
/// decided for a department that is not there (any more) goes to the fallback inbox.
pub(super) fn addressed(fax: &Fax, decision: &Decision, policy: &Policy, now: Millis) -> Vec<NewDelivery> {
    let expires_at = now + millis(policy.mail.expires);
    let mut deliveries = Vec::new();
    for id in &decision.departments {
        let found = policy.department(id).filter(|department| !department.targets.is_empty());
        let because = found.is_none().then(|| "route.department.unknown".to_owned());
        let department = found.cloned().unwrap_or_else(|| policy.fallback());
        deliveries.extend(department.targets.iter().map(|target| NewDelivery {
            department: department.id.clone(),
            target: target.clone(),
            message_id: stable_id(fax, &department.id, &policy.mail.host_name),
            expires_at,
            because: because.clone(),
        }));
    }
    deliveries
}

/// Word of a fax that was set aside, for the fallback inbox.
pub(super) fn notices(fax: &Fax, fault: &Fault, policy: &Policy, now: Millis) -> Vec<NewDelivery> {
    vec![NewDelivery {
        department: FALLBACK.to_owned(),
        target: policy.mail.fallback.clone(),
        message_id: stable_id(fax, "quarantine", &policy.mail.host_name),
        expires_at: now + millis(policy.mail.expires),
        because: Some(fault.code.clone()),
    }]
}

/// The Message-ID of what is sent of a fax to `what`: the same in every run, another after a replay.
fn stable_id(fax: &Fax, what: &str, host_name: &str) -> String {
    let what = if fax.round == 0 { what.to_owned() } else { format!("{what}-r{}", fax.round) };
    message_id(&fax.id, &what, host_name).to_ascii_lowercase()
}
