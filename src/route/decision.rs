//! [`Decision`]: who gets a fax, and why.

use super::facts::{Facts, Seen};
use super::outcome::{Outcome, Suggestion};
use super::rule::{DEFAULT_RULE, Rule, Rules};

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Decision {
    /// Name of the rule that matched; [`DEFAULT_RULE`] where none did.
    pub rule: String,
    /// Ids of the departments that get the fax; at least one.
    pub departments: Vec<String>,
    /// Each rule that was looked at, in order, and why it did or did not match.
    pub reasons: Vec<Reason>,
    /// Digest of the rules file that decided.
    pub rules_version: String,
    /// Ids of departments that get a copy for information.
    #[serde(default)]
    pub copies: Vec<String>,
    /// What else the rule demands.
    #[serde(default)]
    pub outcome: Outcome,
    /// A person must choose: nothing fitted surely enough.
    #[serde(default)]
    pub triage: bool,
    /// What was nearly decided; only with `triage`.
    #[serde(default)]
    pub suggestion: Option<Suggestion>,
    /// How sure the text is that the decision rests on, 0 to 1; `None`: it rests on none.
    #[serde(default)]
    pub confidence: Option<f32>,
}

/// One rule's verdict.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Reason {
    /// The rule's name.
    pub rule: String,
    /// It matched, and so it decided: true for exactly one rule.
    pub matched: bool,
    /// Why, in words for an admin.
    pub why: String,
}

/// Decides by the first rule whose conditions all hold, else by the default.
pub fn decide(facts: &Facts, rules: &Rules) -> Decision {
    let seen = Seen::new(facts, rules.numbers());
    let mut reasons = Vec::new();
    for rule in rules.list() {
        let reason = verdict(rule, &seen);
        let matched = reason.matched;
        reasons.push(reason);
        if matched {
            return decision(&rule.name, &rule.to, reasons, rules);
        }
    }
    reasons.push(Reason {
        rule: DEFAULT_RULE.to_owned(),
        matched: true,
        why: "no rule before it matched".to_owned(),
    });
    decision(DEFAULT_RULE, rules.default_departments(), reasons, rules)
}

/// Looks at every rule, those after the one that decided too, and at the default.
pub fn explain(facts: &Facts, rules: &Rules) -> Vec<Reason> {
    let seen = Seen::new(facts, rules.numbers());
    let mut winner: Option<&str> = None;
    let mut reasons = Vec::new();
    for rule in rules.list() {
        let mut reason = verdict(rule, &seen);
        match winner {
            Some(first) if reason.matched => {
                reason.matched = false;
                reason.why = format!("would fit ({}), but \"{first}\" stands before it", reason.why);
            }
            None if reason.matched => winner = Some(&rule.name),
            _ => {}
        }
        reasons.push(reason);
    }
    let why = match winner {
        Some(first) => format!("\"{first}\" stands before it"),
        None => "no rule before it matched".to_owned(),
    };
    reasons.push(Reason { rule: DEFAULT_RULE.to_owned(), matched: winner.is_none(), why });
    reasons
}

/// All conditions that hold, or the first that does not.
fn verdict(rule: &Rule, seen: &Seen<'_>) -> Reason {
    let mut held = Vec::new();
    for condition in &rule.when {
        let verdict = condition.check(seen);
        if !verdict.holds {
            return Reason { rule: rule.name.clone(), matched: false, why: verdict.why };
        }
        held.push(verdict.why);
    }
    let why = if held.is_empty() { "it has no conditions".to_owned() } else { held.join("; ") };
    Reason { rule: rule.name.clone(), matched: true, why }
}

fn decision(rule: &str, departments: &[String], reasons: Vec<Reason>, rules: &Rules) -> Decision {
    Decision {
        rule: rule.to_owned(),
        departments: departments.to_vec(),
        reasons,
        rules_version: rules.version().to_owned(),
        copies: Vec::new(),
        outcome: Outcome::default(),
        triage: false,
        suggestion: None,
        confidence: None,
    }
}
