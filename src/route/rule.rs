//! [`Rule`] and [`Rules`]: what was configured, ready to decide.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::condition::Condition;
use super::confidence::Confidence;
use super::facts::Moment;
use super::index::Index;
use super::number::NumberPlan;
use super::office::{self, Calendar, Office};
use super::outcome::Outcome;
use crate::fax::Millis;

/// Name that a decision bears where no rule matched.
pub const DEFAULT_RULE: &str = "default";

/// One rule: all its conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Unique name.
    pub name: String,
    /// Conditions, at most one of a kind. A rule without any matches every fax.
    pub when: Vec<Condition>,
    /// Ids of the departments that get the fax; at least one, but for `triage` and junk.
    pub to: Vec<String>,
    /// Ids of the departments that get a copy for information.
    pub copy: Vec<String>,
    /// Why the rule exists, for people.
    pub comment: Option<String>,
    /// How sure the text must be that it rests on; where words say it themselves, that counts.
    pub confidence: Confidence,
    /// A person chooses: the fax goes to the triage inbox, with `to` as the suggestion.
    pub triage: bool,
    /// What else is demanded.
    pub outcome: Outcome,
}

impl Rule {
    /// Whenever `later` matches, this rule matches too, so `later` never gets its turn.
    pub fn shadows(&self, later: &Self) -> bool {
        self.confidence <= later.confidence
            && self.when.iter().all(|mine| later.when.iter().any(|theirs| mine.covers(theirs)))
    }

    /// It may do without a department.
    pub fn may_go_nowhere(&self) -> bool {
        self.triage || self.outcome.junk
    }
}

/// What rules must know of the place where they decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// How telephone numbers are read.
    pub numbers: NumberPlan,
    /// The site's clock.
    pub zone: TimeZone,
    /// Public holidays.
    pub holidays: Calendar,
    /// The office, if its hours are told.
    pub office: Option<Office>,
    /// Ids of the departments that get what a person must decide; empty: as the default.
    pub triage: Vec<String>,
    /// Ids of the departments where a wrong fax does harm.
    pub sensitive: BTreeSet<String>,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            numbers: NumberPlan::default(),
            zone: TimeZone::UTC,
            holidays: Calendar::default(),
            office: None,
            triage: Vec::new(),
            sensitive: BTreeSet::new(),
        }
    }
}

/// The rules of a site: a flat list, and a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    list: Vec<Rule>,
    default: Vec<String>,
    site: Site,
    version: String,
    index: Indexed,
}

/// The index of a list: the same for the same list.
#[derive(Clone)]
struct Indexed(Arc<Index>);

impl fmt::Debug for Indexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index")
    }
}

impl PartialEq for Indexed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Indexed {}

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
        site: Site,
        version: String,
    ) -> Result<Self, NoDepartment> {
        if default.is_empty() {
            return Err(NoDepartment(DEFAULT_RULE.to_owned()));
        }
        if let Some(rule) = list.iter().find(|rule| rule.to.is_empty() && !rule.may_go_nowhere()) {
            return Err(NoDepartment(rule.name.clone()));
        }
        for rule in &mut list {
            rule.when.sort_by_key(Condition::cost);
        }
        let index = Indexed(Arc::new(Index::new(&list)));
        Ok(Self { list, default, site, version, index })
    }

    /// The same rules with an index, however few they are: for tests of the index.
    #[cfg(test)]
    pub(super) fn indexed(&self) -> Self {
        Self { index: Indexed(Arc::new(Index::build(&self.list))), ..self.clone() }
    }

    /// The same without the rules that call a fax junk: for one of which a person said that it is none.
    pub fn without_junk(&self) -> Self {
        let list: Vec<Rule> = self.list.iter().filter(|rule| !rule.outcome.junk).cloned().collect();
        let index = Indexed(Arc::new(Index::new(&list)));
        Self { list, index, ..self.clone() }
    }

    /// Which of them may fit a fax.
    pub(super) fn index(&self) -> &Index {
        &self.index.0
    }

    /// The rules, in their order.
    pub fn list(&self) -> &[Rule] {
        &self.list
    }

    /// Ids of the departments that get what no rule matched.
    pub fn default_departments(&self) -> &[String] {
        &self.default
    }

    /// Ids of the departments that get what a person must decide.
    pub fn triage_departments(&self) -> &[String] {
        if self.site.triage.is_empty() { &self.default } else { &self.site.triage }
    }

    /// A wrong fax does harm there.
    pub fn is_sensitive(&self, department: &str) -> bool {
        self.site.sensitive.contains(department)
    }

    /// How numbers are read.
    pub fn numbers(&self) -> &NumberPlan {
        &self.site.numbers
    }

    /// The office, if its hours are told.
    pub fn office(&self) -> Option<&Office> {
        self.site.office.as_ref()
    }

    /// Public holidays.
    pub fn holidays(&self) -> &Calendar {
        &self.site.holidays
    }

    /// A moment as the site's clock and calendar show it.
    pub fn moment(&self, at: Millis) -> Moment {
        office::moment(at, &self.site.zone, &self.site.holidays)
    }

    /// A moment that the site's own clock shows.
    pub fn moment_of(&self, local: jiff::civil::DateTime) -> Moment {
        office::moment_of(local, &self.site.holidays)
    }

    /// A moment that other rules' calendar showed, on this calendar. A date that is none stays as it is.
    pub fn redated(&self, moment: Moment) -> Moment {
        let Ok(date) = moment.date.parse::<jiff::civil::Date>() else { return moment };
        Moment { holiday: self.site.holidays.holiday(date).map(str::to_owned), ..moment }
    }

    /// Digest of the rules file.
    pub fn version(&self) -> &str {
        &self.version
    }
}
