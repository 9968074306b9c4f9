//! [`Decision`]: who gets a fax, and why.
//!
//! The first rule whose conditions all hold decides. Where the text of a rule before it was not read surely enough, it
//! might have been that one: unless both mean the same departments, a person must choose (triage), and the rule that
//! nearly fitted is the suggestion. The same where the first rule holds by a hair and a later one, by other words, for
//! other departments. So a fax goes wrong only where the reader was sure of words that are not there.

use super::confidence::Confidence;
use super::facts::Facts;
use super::outcome::{Outcome, Suggestion};
use super::rule::{DEFAULT_RULE, Rule, Rules};
use super::seen::Seen;
use super::verdict::{Demand, Holds, Verdict};

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Decision {
    /// Name of the rule that matched; [`DEFAULT_RULE`] where none did.
    pub rule: String,
    /// Ids of the departments that get the fax; at least one.
    pub departments: Vec<String>,
    /// Rules that were looked at, in order, and why they did or did not match. Of long lists those alone of which
    /// something held; the last reason counts the others.
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

/// A text that is less than so many thousandths surer than wanted holds by a hair.
const HAIR: u16 = 50;
/// So many rules are named in a decision's reasons.
const NAMED_RULES: usize = 64;

/// Decides by the first rule whose conditions all hold, else by the default.
pub fn decide(facts: &Facts, rules: &Rules) -> Decision {
    let seen = Seen::new(facts, rules.numbers());
    told(rules, &seen, walk(rules, &seen, &candidates(rules, &seen), |_| true))
}

/// The same as if no rule set anything aside as junk: for a fax that a person took back.
pub fn decide_without_junk(facts: &Facts, rules: &Rules) -> Decision {
    let seen = Seen::new(facts, rules.numbers());
    told(rules, &seen, walk(rules, &seen, &candidates(rules, &seen), |rule| !rule.outcome.junk))
}

/// Decides by looking at every rule: what the index is measured against.
pub fn decide_by_scan(facts: &Facts, rules: &Rules) -> Decision {
    let seen = Seen::new(facts, rules.numbers());
    let all = (0..rules.list().len()).collect();
    told(rules, &seen, walk(rules, &seen, &all, |_| true))
}

/// Looks at every rule, those after the one that decided too, and at the default.
pub fn explain(facts: &Facts, rules: &Rules) -> Vec<Reason> {
    let seen = Seen::new(facts, rules.numbers());
    let walk = walk(rules, &seen, &candidates(rules, &seen), |_| true);
    let mut reasons = Vec::with_capacity(rules.list().len() + 1);
    for (at, rule) in rules.list().iter().enumerate() {
        let (holds, mut why) = verdict(rule, rules, &seen);
        let matched = walk.chosen() == Some(at);
        if !matched && holds == Holds::Yes {
            why = match walk.deciding(rules) {
                Some(first) if walk.doubt.is_none() => {
                    format!("would fit ({why}), but \"{first}\" stands before it")
                }
                _ => format!("would fit ({why}), but a person must choose"),
            };
        }
        reasons.push(Reason { rule: rule.name.clone(), matched, why });
    }
    let why = match walk.deciding(rules) {
        Some(first) if walk.doubt.is_none() => format!("\"{first}\" stands before it"),
        _ => walk.default_why(rules, &seen),
    };
    reasons.push(Reason { rule: DEFAULT_RULE.to_owned(), matched: walk.chosen().is_none(), why });
    reasons
}

/// Rules that may fit, by their places, in order.
fn candidates(rules: &Rules, seen: &Seen<'_>) -> Vec<usize> {
    rules.index().candidates(seen, rules.list().len())
}

/// How a rule stands to a fax.
#[derive(Debug, Clone, Copy)]
struct Judged {
    at: usize,
    holds: Holds,
    /// The least certain of the texts that it rests on, and by how much the nearest is above what was wanted.
    read: Option<(Confidence, u16)>,
}

/// What came of going through the rules.
struct Walk {
    /// The first that holds.
    winner: Option<Judged>,
    /// The one that stands in its way: nearly fitted before it, or holds too where the winner holds by a hair.
    doubt: Option<Doubt>,
    /// Rules looked at, up to the winner, and what was found of their conditions.
    looked_at: Vec<(usize, Vec<Verdict>)>,
}

#[derive(Clone, Copy)]
enum Doubt {
    /// This one nearly fitted.
    Nearly(Judged),
    /// The winner holds by a hair, and this one holds too.
    Rival(usize),
}

impl Walk {
    /// The rule that decides; `None`: the default, or nobody could tell.
    fn chosen(&self) -> Option<usize> {
        self.winner.filter(|_| self.doubt.is_none()).map(|winner| winner.at)
    }

    fn deciding<'a>(&self, rules: &'a Rules) -> Option<&'a str> {
        let winner = self.winner?;
        rules.list().get(winner.at).map(|rule| rule.name.as_str())
    }

    fn default_why(&self, rules: &Rules, seen: &Seen<'_>) -> String {
        match suggestion(self, rules, seen) {
            Some(suggestion) => format!("a person must choose: \"{}\": {}", suggestion.rule, suggestion.why),
            None => "no rule before it matched".to_owned(),
        }
    }
}

/// Goes through the rules in their order.
fn walk(rules: &Rules, seen: &Seen<'_>, places: &Vec<usize>, counts: impl Fn(&Rule) -> bool) -> Walk {
    let same = |a: usize, b: usize| {
        rules.list().get(a).zip(rules.list().get(b)).is_some_and(|(a, b)| {
            // To nobody by a person's choice and to nobody as junk are two things.
            (&a.to, &a.copy, a.triage, a.outcome.junk) == (&b.to, &b.copy, b.triage, b.outcome.junk)
        })
    };
    let mut walk = Walk { winner: None, doubt: None, looked_at: Vec::new() };
    let mut unsure: Vec<Judged> = Vec::new();
    for &at in places {
        let Some(rule) = rules.list().get(at).filter(|rule| counts(rule)) else { continue };
        if let Some(winner) = walk.winner {
            // past the winner only what says otherwise by other words counts
            let rival = rule.when.iter().any(super::Condition::is_read) && !rule.may_go_nowhere();
            if rival && !same(at, winner.at) && judge(at, rule, rules, seen).0.holds == Holds::Yes {
                walk.doubt = Some(Doubt::Rival(at));
                break;
            }
            continue;
        }
        let (judged, verdicts) = judge(at, rule, rules, seen);
        walk.looked_at.push((at, verdicts));
        match judged.holds {
            Holds::No => {}
            // nothing is thrown out on a guess
            Holds::Unsure if rule.outcome.junk => {}
            Holds::Unsure => unsure.push(judged),
            Holds::Yes => {
                walk.winner = Some(judged);
                walk.doubt = unsure.iter().find(|one| !same(one.at, at)).map(|one| Doubt::Nearly(*one));
                let by_a_hair = judged.read.is_some_and(|(_, above)| above < HAIR);
                if walk.doubt.is_some() || !by_a_hair || rule.may_go_nowhere() {
                    break;
                }
            }
        }
    }
    if walk.winner.is_none() {
        walk.doubt = unsure.first().map(|one| Doubt::Nearly(*one));
    }
    walk
}

fn demand(rule: &Rule, rules: &Rules) -> Demand {
    let strict = rule.to.iter().chain(&rule.copy).any(|id| rules.is_sensitive(id));
    Demand { confidence: rule.confidence, strict }
}

/// Asks one condition after another, up to the first that does not hold.
fn judge(at: usize, rule: &Rule, rules: &Rules, seen: &Seen<'_>) -> (Judged, Vec<Verdict>) {
    let demand = demand(rule, rules);
    let mut judged = Judged { at, holds: Holds::Yes, read: None };
    let mut verdicts = Vec::with_capacity(rule.when.len());
    for condition in &rule.when {
        let verdict = condition.judge(seen, demand);
        verdicts.push(verdict);
        judged.holds = judged.holds.min(verdict.holds);
        if judged.holds == Holds::No {
            break;
        }
        if let Some((found, wanted)) = verdict.found {
            let above = found.confidence.above(wanted);
            judged.read = Some(match judged.read {
                None => (found.confidence, above),
                Some((least, margin)) => (least.min(found.confidence), margin.min(above)),
            });
        }
    }
    (judged, verdicts)
}

/// All conditions that hold, or the first that does not.
fn verdict(rule: &Rule, rules: &Rules, seen: &Seen<'_>) -> (Holds, String) {
    worded(rule, seen, &judge(0, rule, rules, seen).1)
}

fn worded(rule: &Rule, seen: &Seen<'_>, verdicts: &[Verdict]) -> (Holds, String) {
    let (mut all, mut held) = (Holds::Yes, Vec::new());
    for (condition, verdict) in rule.when.iter().zip(verdicts) {
        let why = condition.tell(seen, verdict);
        if verdict.holds == Holds::No {
            return (Holds::No, why);
        }
        all = all.min(verdict.holds);
        held.push(why);
    }
    let why = match (all, held.is_empty()) {
        (_, true) => "it has no conditions".to_owned(),
        (Holds::Unsure, _) => format!("nearly fits: {}", held.join("; ")),
        _ => held.join("; "),
    };
    (all, why)
}

fn told(rules: &Rules, seen: &Seen<'_>, walk: Walk) -> Decision {
    let chosen = walk.chosen().and_then(|at| rules.list().get(at));
    let mut decision = Decision {
        rule: chosen.map_or(DEFAULT_RULE, |rule| &rule.name).to_owned(),
        departments: chosen.map_or(rules.default_departments(), |rule| &rule.to).to_vec(),
        reasons: reasons(rules, seen, &walk),
        rules_version: rules.version().to_owned(),
        copies: chosen.map_or(vec![], |rule| rule.copy.clone()),
        outcome: chosen.map(|rule| rule.outcome.clone()).unwrap_or_default(),
        triage: walk.doubt.is_some() || chosen.is_some_and(|rule| rule.triage),
        suggestion: None,
        confidence: walk.winner.and_then(|winner| winner.read).map(|(least, _)| least.share()),
    };
    if decision.triage {
        decision.suggestion = suggestion(&walk, rules, seen);
        decision.confidence = decision.suggestion.as_ref().map(|one| one.confidence).or(decision.confidence);
        // what is urgent is urgent whoever gets it
        let suggested = decision.suggestion.as_ref();
        let named = suggested.and_then(|one| rules.list().iter().find(|rule| rule.name == one.rule));
        decision.outcome.priority = named.map_or(decision.outcome.priority, |rule| rule.outcome.priority);
    }
    if decision.triage || decision.departments.is_empty() {
        decision.departments = rules.triage_departments().to_vec();
    }
    decision
}

/// What was nearly decided, or what a rule that asks for a person suggests.
fn suggestion(walk: &Walk, rules: &Rules, seen: &Seen<'_>) -> Option<Suggestion> {
    let make = |judged: Judged, why: String| {
        let rule = rules.list().get(judged.at)?;
        Some(Suggestion {
            rule: rule.name.clone(),
            departments: rule.to.clone(),
            confidence: judged.read.map_or(1.0, |(least, _)| least.share()),
            why,
        })
    };
    match walk.doubt {
        Some(Doubt::Nearly(judged)) => {
            let rule = rules.list().get(judged.at)?;
            make(judged, verdict(rule, rules, seen).1)
        }
        Some(Doubt::Rival(rival)) => {
            let winner = walk.winner?;
            let rule = rules.list().get(winner.at)?;
            let why = verdict(rule, rules, seen).1;
            let rival = rules.list().get(rival)?;
            make(winner, format!("fits by a hair ({why}), and \"{}\" for others fits too", rival.name))
        }
        None => {
            let winner = walk.winner?;
            let rule = rules.list().get(winner.at).filter(|rule| rule.triage && !rule.to.is_empty())?;
            make(winner, format!("the rule asks for a person: {}", verdict(rule, rules, seen).1))
        }
    }
}

fn reasons(rules: &Rules, seen: &Seen<'_>, walk: &Walk) -> Vec<Reason> {
    let end = walk.winner.map_or(rules.list().len(), |winner| winner.at + 1);
    let chosen = walk.chosen();
    let all: Vec<usize> = match end <= NAMED_RULES {
        true => (0..end).collect(),
        false => {
            let mut some: Vec<usize> = walk.looked_at.iter().map(|(at, _)| *at).take(NAMED_RULES).collect();
            some.extend(walk.winner.map(|winner| winner.at).filter(|at| !some.contains(at)));
            some
        }
    };
    let mut reasons: Vec<Reason> = Vec::with_capacity(all.len() + 1);
    for rule_at in &all {
        let Some(rule) = rules.list().get(*rule_at) else { continue };
        let matched = chosen == Some(*rule_at);
        // Asking anew what was asked already would cost as much as deciding.
        let (holds, why) = match walk.looked_at.binary_search_by_key(rule_at, |(at, _)| *at) {
            Ok(found) => worded(rule, seen, walk.looked_at.get(found).map_or(&[], |(_, verdicts)| verdicts)),
            Err(_) => verdict(rule, rules, seen),
        };
        let why = match holds == Holds::Yes && !matched {
            true => format!("would fit ({why}), but a person must choose"),
            false => why,
        };
        reasons.push(Reason { rule: rule.name.clone(), matched, why });
    }
    if chosen.is_none() {
        let why = walk.default_why(rules, seen);
        reasons.push(Reason { rule: DEFAULT_RULE.to_owned(), matched: true, why });
    }
    let others = end.saturating_sub(all.len());
    if let Some(last) = reasons.last_mut().filter(|_| others > 0) {
        last.why.push_str(&format!("; of {others} more rules before it nothing held, or too little to name"));
    }
    reasons
}
