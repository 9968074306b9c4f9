//! [`Rule`] and [`Rules`]: what was configured, ready to decide.

use super::condition::Condition;
use super::number::NumberPlan;

/// Name that a decision bears where no rule matched.
pub const DEFAULT_RULE: &str = "default";

/// One rule: all its conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique name.
    pub name: String,
    /// Conditions, at most one of a kind. A rule without any matches every fax.
    pub when: Vec<Condition>,
    /// Ids of the departments that get the fax; at least one.
    pub to: Vec<String>,
    /// Why the rule exists, for people.
    pub comment: Option<String>,
}

impl Rule {
    /// Whenever `later` matches, this rule matches too, so `later` never gets its turn.
    pub fn shadows(&self, later: &Self) -> bool {
        self.when.iter().all(|mine| later.when.iter().any(|theirs| mine.covers(theirs)))
    }
}

/// The rules of a site: a flat list, and a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    list: Vec<Rule>,
    default: Vec<String>,
    numbers: NumberPlan,
    version: String,
}

/// A rule or the default names no department: a fax would go nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no department")]
pub struct NoDepartment(pub String);

impl Rules {
    /// Takes rules in their order. Everything must name a department, so that every decision does. Within a rule the
    /// cheap conditions are put first.
    pub fn new(
        mut list: Vec<Rule>,
        default: Vec<String>,
        numbers: NumberPlan,
        version: String,
    ) -> Result<Self, NoDepartment> {
        if default.is_empty() {
            return Err(NoDepartment(DEFAULT_RULE.to_owned()));
        }
        if let Some(rule) = list.iter().find(|rule| rule.to.is_empty()) {
            return Err(NoDepartment(rule.name.clone()));
        }
        for rule in &mut list {
            rule.when.sort_by_key(Condition::cost);
        }
        Ok(Self { list, default, numbers, version })
    }

    /// The rules, in their order.
    pub fn list(&self) -> &[Rule] {
        &self.list
    }

    /// Ids of the departments that get what no rule matched.
    pub fn default_departments(&self) -> &[String] {
        &self.default
    }

    /// How numbers are read.
    pub fn numbers(&self) -> &NumberPlan {
        &self.numbers
    }

    /// Digest of the rules file.
    pub fn version(&self) -> &str {
        &self.version
    }
}
