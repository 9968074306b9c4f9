//! Whether the gateway is well, in numbers that a monitor can judge.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use crate::fax::Millis;

/// A fax older than this and still not closed makes the gateway unwell.
pub const OLDEST_OPEN_LIMIT: Millis = 60 * 60 * 1000;
/// The heart must have beaten within this time.
pub const HEARTBEAT_LIMIT: Millis = 3 * 60 * 1000;

/// What the running gateway says of itself. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    heartbeat: AtomicI64,
    reload_problem: Mutex<Option<String>>,
    spools: Mutex<BTreeMap<String, String>>,
}

/// A health report, as `/healthz` prints it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// All is well.
    pub ok: bool,
    /// What is not, in words.
    pub problems: Vec<String>,
    /// Age of the oldest fax that is not closed, seconds.
    pub oldest_open_seconds: Option<i64>,
    /// Faxes set aside that a person must look at.
    pub quarantined: u64,
    /// Faxes and deliveries that are waiting or in hand.
    pub open: u64,
    /// Alarms that are open: kind and, numbers masked, what each is about. They are told by mail too, and make no gateway unwell: a line may be silent for
    /// reasons of its own.
    pub alarms: Vec<String>,
}

/// What the store says, for a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Admission of the oldest fax that is not closed.
    pub oldest_open: Option<Millis>,
    /// Faxes in quarantine.
    pub quarantined: u64,
    /// Faxes that are neither closed, discarded nor quarantined.
    pub open: u64,
}

impl Health {
    /// The heart beat: work was looked for.
    pub fn beat(&self, now: Millis) {
        self.0.heartbeat.store(now, Ordering::Relaxed);
    }

    /// The last reload failed (and the old configuration is in force), or succeeded (`None`).
    pub fn reload(&self, problem: Option<String>) {
        if let Ok(mut slot) = self.0.reload_problem.lock() {
            *slot = problem;
        }
    }

    /// What keeps faxes in a spool; `None`: nothing any more.
    pub fn spool(&self, name: &str, problem: Option<String>) {
        if let Ok(mut spools) = self.0.spools.lock() {
            match problem {
                Some(problem) => spools.insert(name.to_owned(), problem),
                None => spools.remove(name),
            };
        }
    }

    /// True if work was looked for lately.
    pub fn heart_beats(&self, now: Millis) -> bool {
        now - self.0.heartbeat.load(Ordering::Relaxed) < HEARTBEAT_LIMIT
    }

    /// Judges. `backlog` is what the store answered, or why it did not.
    pub fn report(&self, now: Millis, backlog: Result<Backlog, String>) -> Report {
        let mut problems = Vec::new();
        if !self.heart_beats(now) {
            problems.push("no work was looked for in the last three minutes".to_owned());
        }
        if let Some(problem) = self.0.reload_problem.lock().ok().and_then(|slot| slot.clone()) {
            problems
                .push(format!("the last reload was refused, the old configuration is in force: {problem}"));
        }
        if let Ok(spools) = self.0.spools.lock() {
            problems.extend(spools.iter().map(|(name, problem)| format!("spool {name}: {problem}")));
        }
        let backlog = backlog.unwrap_or_else(|why| {
            problems.push(format!("the store does not answer: {why}"));
            Backlog::default()
        });
        let age = backlog.oldest_open.map(|at| now - at);
        if let Some(age) = age.filter(|age| *age > OLDEST_OPEN_LIMIT) {
            problems.push(format!("a fax has been waiting for {} minutes", age / 60_000));
        }
        Report {
            ok: problems.is_empty(),
            problems,
            oldest_open_seconds: age.map(|age| age / 1000),
            quarantined: backlog.quarantined,
            open: backlog.open,
            alarms: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_well_only_while_its_heart_beats_and_nothing_waits_too_long() {
        let health = Health::default();
        let now = 10 * OLDEST_OPEN_LIMIT;
        assert!(!health.report(now, Ok(Backlog::default())).ok);
        health.beat(now);
        assert!(health.report(now, Ok(Backlog::default())).ok);
        let waiting = Backlog { oldest_open: Some(now - OLDEST_OPEN_LIMIT - 1), ..Backlog::default() };
        let report = health.report(now, Ok(waiting));
        assert_eq!(report.problems, ["a fax has been waiting for 60 minutes"]);
        assert!(!health.report(now, Err("disk I/O error".into())).ok);
    }

    #[test]
    fn a_spool_that_keeps_its_faxes_makes_the_gateway_unwell() {
        let health = Health::default();
        health.beat(0);
        health.spool("modems", Some("2 cannot be taken in, see the log".into()));
        let report = health.report(0, Ok(Backlog::default()));
        assert_eq!(report.problems, ["spool modems: 2 cannot be taken in, see the log"]);
        health.spool("modems", None);
        assert!(health.report(0, Ok(Backlog::default())).ok);
    }

    #[test]
    fn a_refused_reload_is_said_until_one_succeeds() {
        let health = Health::default();
        health.beat(0);
        health.reload(Some("rules.toml: 1 problem".into()));
        assert!(health.report(0, Ok(Backlog::default())).problems[0].contains("rules.toml"));
        health.reload(None);
        assert!(health.report(0, Ok(Backlog::default())).ok);
    }
}
