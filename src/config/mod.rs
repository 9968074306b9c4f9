//! The configuration: three files in one folder, read whole, checked whole, and handed out as the [`Settings`]
//! types that modules own.
//!
//! - `faxgate.toml`: the machine (spools, relay, OCR, limits, operations).
//! - `departments.toml`: who gets faxes, and where.
//! - `rules.toml`: which fax goes to whom; changed by people who write no programs.
//!
//! Phases: text → spanned TOML → check, which finds *all* problems at once and names file, line and column of each →
//! [`Config`]. A configuration with a problem is refused whole, so that a reload keeps the old one. No module
//! imports this one. Passwords stand in files of their own, never here.
//!
//! [`Settings`]: crate::worker::Settings

mod address;
mod alarms;
mod codes;
mod conditions;
mod departments;
mod doors;
mod doubts;
mod examples;
mod letters;
mod links;
mod machine;
mod mail;
mod office;
mod paths;
mod problem;
mod relays;
mod returns;
mod rules;
mod sheet;
mod spools;
mod suggest;
mod t38;
mod table;
mod units;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use codes::Code;
pub use problem::{Finding, Problems, Severity, Warning};

use crate::fax::Department;
use crate::t38::receiver;
use crate::{compose, decode, deliver, intake, ops, route, worker};
use sheet::{Findings, Source};

/// Name of the file about the machine.
pub const MACHINE_FILE: &str = "faxgate.toml";
/// Name of the file about departments.
pub const DEPARTMENTS_FILE: &str = "departments.toml";
/// Name of the file about rules.
pub const RULES_FILE: &str = "rules.toml";

/// Longest configuration file, in bytes.
const LONGEST_FILE: u64 = 4 << 20;

/// A configuration without problems.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The folder that it was read from; relative paths were resolved against it.
    pub folder: PathBuf,
    /// The store's folder: database and blobs.
    pub data: PathBuf,
    /// Spools, in the order of the file.
    pub spools: Vec<intake::Spool>,
    /// A scan of every spool at least so often, whatever inotify says.
    pub scan_interval: Duration,
    /// Limits of decoding.
    pub limits: decode::Limits,
    /// Page workers, enhancement, recognition.
    pub worker: worker::Settings,
    /// How PDFs are made.
    pub pdf: compose::Settings,
    /// Mail.
    pub deliver: deliver::Settings,
    /// Departments, in the order of the file. Every department that rules name is among them.
    pub departments: Vec<Department>,
    /// Senders whom the site knows by name.
    pub senders: deliver::addressbook::AddressBook,
    /// Rules; their version is the SHA-256 of `rules.toml`.
    pub rules: route::Rules,
    /// `rules.toml` as it was read.
    pub rules_text: Arc<str>,
    /// `departments.toml` as it was read.
    pub departments_text: Arc<str>,
    /// Metrics, health and log.
    pub ops: ops::Settings,
    /// `[returns]`: by which doors mail comes back, where there is one.
    pub returns: Option<crate::returns::Settings>,
    /// `[links]`: signed links, where there are any.
    pub links: Option<deliver::links::Settings>,
    /// `[t38]`: what `faxgate t38` is told, where there is one.
    pub t38: Option<receiver::Settings>,
    /// Webhooks and print queues.
    pub doors: deliver::doors::Doors,
    /// What is watched, and who is told.
    pub alarms: ops::alarms::Settings,
}

/// Whether a text is a mail address that a department may have.
pub fn is_address(text: &str) -> bool {
    address::check(text).is_ok()
}

/// A configuration with its warnings, or all that is wrong with it.
type Loaded = Result<(Config, Vec<Warning>), Problems>;

impl Config {
    /// Reads and checks the three files of `folder`. Warnings do not stand in the way; problems do, all of
    /// them together.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Warning>), Problems> {
        Self::looked_at(folder).0
    }

    /// The same, and hints: what is right and could say more. Only who asks for a check wants to hear of them.
    pub fn looked_at(folder: &Path) -> (Loaded, Vec<Finding>) {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let findings = Findings::default();
        let sources = [MACHINE_FILE, DEPARTMENTS_FILE, RULES_FILE]
            .map(|name| Source::read(&folder, name, LONGEST_FILE, &findings));
        Self::of(&folder, sources, findings)
    }

    /// Reads and checks `folder` with other rules, and maybe other departments, than lie there: a trial, nothing is written.
    pub fn load_with(
        folder: &Path,
        rules: &str,
        departments: Option<&str>,
    ) -> Result<(Self, Vec<Warning>), Problems> {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let findings = Findings::default();
        let machine = Source::read(&folder, MACHINE_FILE, LONGEST_FILE, &findings);
        let departments = match departments {
            Some(text) => Some(Source::given(DEPARTMENTS_FILE, text)),
            None => Source::read(&folder, DEPARTMENTS_FILE, LONGEST_FILE, &findings),
        };
        Self::of(&folder, [machine, departments, Some(Source::given(RULES_FILE, rules))], findings).0
    }

    fn of(folder: &Path, sources: [Option<Source>; 3], findings: Findings) -> (Loaded, Vec<Finding>) {
        let [machine, departments, rules] = &sources;
        let config = check(folder, machine, departments, rules, &findings);
        let (hints, findings): (Vec<_>, Vec<_>) =
            findings.sorted().into_iter().partition(|finding| finding.severity == Severity::Hint);
        let loaded = match config {
            Some(config) if findings.iter().all(|finding| finding.severity != Severity::Error) => {
                Ok((config, findings.into_iter().map(Warning).collect()))
            }
            _ => Err(Problems(findings)),
        };
        (loaded, hints)
    }

    /// Reads and checks what `faxgate t38` needs and nothing else: it runs apart from the gateway, with no right to read
    /// the other files. `None`: there is no `[t38]`.
    pub fn load_t38(folder: &Path) -> Result<(Option<receiver::Settings>, Vec<Warning>), Problems> {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let findings = Findings::default();
        let source = Source::read(&folder, MACHINE_FILE, LONGEST_FILE, &findings);
        let settings =
            source.as_ref().and_then(|source| machine::t38_alone(source.sheet(&folder, &findings)));
        let findings = findings.sorted();
        if findings.iter().all(|finding| finding.severity == Severity::Warning) {
            Ok((settings, findings.into_iter().map(Warning).collect()))
        } else {
            Err(Problems(findings))
        }
    }

    /// Digest of the rules file.
    pub fn rules_version(&self) -> &str {
        self.rules.version()
    }

    /// The department with this id.
    pub fn department(&self, id: &str) -> Option<&Department> {
        self.departments.iter().find(|department| department.id == id)
    }
}

/// Every file is checked even if another is broken; what depends on a broken one is left out, not guessed.
fn check(
    folder: &Path,
    machine: &Option<Source>,
    departments: &Option<Source>,
    rules: &Option<Source>,
    findings: &Findings,
) -> Option<Config> {
    let text = |source: &Option<Source>| source.as_ref().map(Source::shared_text);
    let (rules_text, departments_text) = (text(rules), text(departments));
    let machine = machine.as_ref().and_then(|source| machine::read(source.sheet(folder, findings)));
    let departments = departments
        .as_ref()
        .and_then(|source| departments::read(source.sheet(folder, findings), machine.as_ref()));
    let rules = rules.as_ref().and_then(|source| {
        rules::read(source.sheet(folder, findings), machine.as_ref(), departments.as_ref())
    });
    if let (Some(machine), Some(departments)) = (&machine, &departments) {
        paths::check(machine, departments);
    }
    let alarms =
        machine.as_ref().zip(departments.as_ref()).map(|(machine, them)| alarms::settings(machine, them));
    let (machine, departments, rules) = (machine?, departments?, rules?);
    let fallback = departments.fallback?;
    Some(Config {
        folder: folder.to_path_buf(),
        data: machine.data.value,
        spools: machine.spools.into_iter().map(|spool| spool.spool).collect(),
        scan_interval: machine.scan_interval,
        limits: machine.limits,
        worker: machine.worker,
        pdf: machine.pdf,
        deliver: machine.mail?.settings(fallback),
        senders: departments.senders,
        departments: departments.list.into_iter().map(|one| one.department).collect(),
        rules,
        rules_text: rules_text?,
        departments_text: departments_text?,
        ops: machine.ops,
        returns: machine.returns,
        links: machine.links,
        t38: machine.t38.map(|t38| t38.settings),
        doors: machine.doors,
        alarms: alarms?,
    })
}
