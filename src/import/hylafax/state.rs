//! What the variables hold for which faxes.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::import::draft::Demands;
use crate::import::entry::Field;

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// This text, for every fax.
    Text(String),
    /// The fax's own fact.
    Fact(Field),
    /// Only a running server would know; and why.
    Unknown(String),
}

/// A place in the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) line: u32,
}

/// Faxes that fit `when`, and do not fit a state before this one.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) when: Demands,
    pub(super) variables: Rc<BTreeMap<String, Value>>,
    /// Where the recipients were set last.
    pub(super) at: Place,
}

/// Variables that faxrcvd reads when the script has ended; empty until they are set.
pub(super) fn is_recipient(name: &str) -> bool {
    matches!(name, "CCTO" | "BCCTO")
        || name.strip_prefix("SENDTO").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

impl State {
    /// What was assigned, if anything was.
    pub(super) fn assigned(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// What a recipient variable holds.
    pub(super) fn value(&self, name: &str) -> Value {
        self.assigned(name).cloned().unwrap_or_else(|| Value::Text(String::new()))
    }

    pub(super) fn assign(&mut self, name: &str, value: Value, at: Place) {
        Rc::make_mut(&mut self.variables).insert(name.to_owned(), value);
        if is_recipient(name) {
            self.at = at;
        }
    }

    /// It will never differ from the other.
    fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.variables, &other.variables) || self.variables == other.variables
    }
}

/// Drops states before the last that end as the last does: what they take, it takes.
pub(super) fn collapse(states: &mut Vec<State>) {
    while let [.., before, last] = states.as_slice()
        && last.when.is_empty()
        && before.same(last)
    {
        let at = states.len() - 2;
        states.remove(at);
    }
}

/// Names of variables in which states differ.
pub(super) fn varying(states: &[State]) -> Vec<String> {
    let Some(first) = states.first() else { return vec![] };
    let mut names: Vec<String> = Vec::new();
    for state in states.iter().skip(1) {
        if Rc::ptr_eq(&first.variables, &state.variables) {
            continue;
        }
        for name in first.variables.keys().chain(state.variables.keys()) {
            if first.variables.get(name) != state.variables.get(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}
