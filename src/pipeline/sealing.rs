//! Whose mails are encrypted, and what may therefore go where in clear.
//!
//! Invariants: what was decided for, or passed on by, a department whose mails are encrypted reaches no fallback inbox
//! in clear; a reload that renames or removes a department opens nothing that was sealed before; a department that a
//! rule or a person names gets its mails as it is configured.

use serde_json::Value;

use super::Policy;
use crate::fax::{Delivery, Department, MailStyle};
use crate::route::Decision;
use crate::store::{FALLBACK, Move};

/// Beside a stored decision: ids of its departments whose mails were encrypted when it was made.
const SEALED: &str = "sealed";

/// A decision as it is stored: with who of its departments was sealed, which no later configuration tells.
pub(super) fn recorded(decision: &Decision, policy: &Policy) -> Value {
    let places = decision.departments.iter().chain(&decision.copies);
    let sealed: Vec<&String> =
        places.filter(|id| policy.department(id).is_some_and(Department::encrypts)).collect();
    let mut value = serde_json::json!(decision);
    value[SEALED] = serde_json::json!(sealed);
    value
}

/// What is known of a fax's sealed departments.
pub(super) struct Sealing<'a> {
    policy: &'a Policy,
    decided: &'a Value,
    passed: Option<&'a Move>,
}

impl<'a> Sealing<'a> {
    /// Of a fax that was decided so, and of the move that made the delivery.
    pub(super) fn new(policy: &'a Policy, decided: &'a Value, passed: Option<&'a Move>) -> Self {
        Self { policy, decided, passed }
    }

    /// The fax was for a sealed department: by the rules, or by the person who passed it on from there.
    pub(super) fn sealed(&self) -> bool {
        let decided = strings(self.decided, "departments");
        decided.chain(self.passed.map(|made| made.from.as_str())).any(|id| self.seals(id))
    }

    /// The document may not travel to this inbox, whose department has no certificate.
    pub(super) fn keeps_from(&self, first: &Delivery, instead_of: Option<&Delivery>) -> bool {
        match first.department.as_str() {
            FALLBACK => self.sealed() || instead_of.is_some_and(|one| self.seals(&one.department)),
            // The rules or a person named it, as it is configured now.
            id if self.policy.department(id).is_some() => false,
            gone => self.seals(gone),
        }
    }

    /// Its mails are or were encrypted, or nobody can tell any more.
    fn seals(&self, id: &str) -> bool {
        if strings(self.decided, SEALED).any(|one| one == id) {
            return true;
        }
        if let Some(found) = self.policy.department(id) {
            return found.encrypts();
        }
        let mut decided = strings(self.decided, "departments").chain(strings(self.decided, "copies"));
        let known_open = self.decided.get(SEALED).is_some() && decided.any(|one| one == id);
        // A webhook's or print queue's name has a colon.
        !(known_open || id == FALLBACK || id.contains(':'))
    }
}

/// How mails went to a place whose department is configured no more: as they go to whoever has its address now.
pub(super) fn style_of(policy: &Policy, gone: &Delivery) -> Option<MailStyle> {
    let now = || policy.departments.iter().filter(|one| one.targets.contains(&gone.target));
    now().find(|one| one.encrypts()).or_else(|| now().next()).map(|one| one.mail.clone())
}

fn strings<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
