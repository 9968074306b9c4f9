//! Decision → deliveries: who gets it, under which Message-ID, and when.

use std::collections::BTreeSet;

use super::Policy;
use super::context::millis;
use super::hold;
use crate::deliver::message::message_id;
use crate::fax::{Fault, Millis, Target};
use crate::route::Decision;
use crate::store::{FALLBACK, Fax, NewDelivery};

/// What is decided for a department that is not configured (any more) goes to the fallback inbox under this code.
const NO_DEPARTMENT: &str = "route.department.unknown";
/// The same for a webhook or a print queue.
const NO_DOOR: &str = "route.door.unknown";

/// A delivery for each address of each department that gets the fax or a copy, all of a department under one Message-ID;
/// one for each webhook and each print queue. All of them wait where the rule holds them. What is decided for a place
/// that is not there (any more) goes to the fallback inbox, and does not wait.
pub(super) fn addressed(fax: &Fax, decision: &Decision, policy: &Policy, now: Millis) -> Vec<NewDelivery> {
    let held_until = hold::until(decision, policy, now);
    let new = |department: &str, target: &Target, because: Option<&str>| {
        let held_until = held_until.filter(|_| because.is_none());
        NewDelivery {
            department: department.to_owned(),
            target: target.clone(),
            message_id: stable_id(fax, department, &policy.mail.host_name),
            // Its time begins when it is let go.
            expires_at: held_until.unwrap_or(now) + millis(policy.mail.expires),
            because: because.map(str::to_owned),
            held_until,
        }
    };
    let mut deliveries = Vec::new();
    let mut named = BTreeSet::new();
    // A department that gets the fax gets no copy of it too.
    for id in decision.departments.iter().chain(&decision.copies).filter(|id| named.insert(id.as_str())) {
        let found = policy.department(id).filter(|department| !department.targets.is_empty());
        let because = found.is_none().then_some(NO_DEPARTMENT);
        let department = found.cloned().unwrap_or_else(|| policy.fallback());
        deliveries.extend(department.targets.iter().map(|target| new(&department.id, target, because)));
    }
    for door in doors(decision) {
        if policy.has_door(&door) {
            // In place of a department's id: none has a colon in it.
            deliveries.push(new(&door.to_string(), &door, None));
        } else {
            deliveries.push(new(FALLBACK, &policy.mail.fallback, Some(NO_DOOR)));
        }
    }
    deliveries
}

/// The webhooks and print queues of a decision, each once.
fn doors(decision: &Decision) -> BTreeSet<Target> {
    let webhooks = decision.outcome.webhooks.iter().cloned().map(Target::Webhook);
    webhooks.chain(decision.outcome.printers.iter().cloned().map(Target::Printer)).collect()
}

/// Word of a fax that was set aside, for the fallback inbox.
pub(super) fn notices(fax: &Fax, fault: &Fault, policy: &Policy, now: Millis) -> Vec<NewDelivery> {
    vec![NewDelivery {
        department: FALLBACK.to_owned(),
        target: policy.mail.fallback.clone(),
        message_id: stable_id(fax, "quarantine", &policy.mail.host_name),
        expires_at: now + millis(policy.mail.expires),
        because: Some(fault.code.clone()),
        held_until: None,
    }]
}

/// The Message-ID of what is sent of a fax to `what`: the same in every run, another after a replay.
fn stable_id(fax: &Fax, what: &str, host_name: &str) -> String {
    let what = if fax.round == 0 { what.to_owned() } else { format!("{what}-r{}", fax.round) };
    message_id(&fax.id, &what, host_name).to_ascii_lowercase()
}
