//! What an import has understood, and the two files that come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::entry::{Field, condition};
use super::{Choices, MOST_RULES, hopeless, toml};
use crate::fax::Fault;
use crate::route::{DEFAULT_RULE, NumberPlan, Rule};

/// How much is lost with what could not be translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Some faxes may go elsewhere than before: a person must look.
    Routing,
    /// The routing is the same; something besides it is not.
    Detail,
}

/// Something that could not be translated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// Name of the file.
    pub file: String,
    /// Line, from 1; 0: the file as a whole.
    pub line: u32,
    /// How much is lost.
    pub loss: Loss,
    /// What it is, and why, in one sentence.
    pub why: String,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.why),
            line => write!(f, "{}:{line}: {}", self.file, self.why),
        }
    }
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// `departments.toml`.
    pub departments: String,
    /// `rules.toml`.
    pub rules: String,
    /// Number of departments.
    pub department_count: usize,
    /// Number of rules.
    pub rule_count: usize,
    /// What could not be translated, in the order of the files.
    pub left: Vec<Left>,
}

impl Imported {
    /// What could not be translated, a line each, the grave first; for `import.txt` and people.
    pub fn report(&self) -> String {
        let list = |loss: Loss| {
            let of = self.left.iter().filter(|left| left.loss == loss);
            of.map(|left| format!("  {left}\n")).collect::<String>()
        };
        let mut text = String::new();
        for (loss, head) in [
            (
                Loss::Routing,
                "Not translated: faxes may go elsewhere than before. Write rules by hand, or leave it knowingly.",
            ),
            (Loss::Detail, "Not translated, without effect on where faxes go:"),
        ] {
            let lines = list(loss);
            if !lines.is_empty() {
                text.push_str(&format!("{head}\n{lines}"));
            }
        }
        text
    }
}

/// Demands on facts, all of which must hold; the entries of one are alternatives.
pub(super) type Demands = BTreeMap<Field, Vec<String>>;

/// A rule in the making. Recipients are mail addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DraftRule {
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) when: Demands,
    pub(super) to: Vec<String>,
    pub(super) copy: Vec<String>,
    pub(super) printers: Vec<String>,
    pub(super) junk: bool,
}

/// Gathers what an import finds.
pub(super) struct Draft<'a> {
    choices: &'a Choices,
    source: String,
    rules: Vec<DraftRule>,
    default: Vec<String>,
    /// Names of recipients for people, by address.
    titles: BTreeMap<String, String>,
    left: BTreeSet<Left>,
}

impl<'a> Draft<'a> {
    /// `source` names what is imported, for the heads of the files.
    pub(super) fn new(choices: &'a Choices, source: &str) -> Self {
        Self {
            choices,
            source: source.to_owned(),
            rules: vec![],
            default: vec![],
            titles: BTreeMap::new(),
            left: BTreeSet::new(),
        }
    }

    pub(super) fn left(&mut self, file: &str, line: u32, loss: Loss, why: impl Into<String>) {
        self.left.insert(Left { file: file.to_owned(), line, loss, why: why.into() });
    }

    pub(super) fn push(&mut self, rule: DraftRule) {
        self.rules.push(rule);
    }

    pub(super) fn set_default(&mut self, to: Vec<String>) {
        self.default = to;
    }

    /// What people call a recipient.
    pub(super) fn title(&mut self, address: &str, title: &str) {
        if !title.trim().is_empty() {
            self.titles.entry(address.to_owned()).or_insert_with(|| title.trim().to_owned());
        }
    }

    /// A recipient as the old server's mail program would have understood it.
    pub(super) fn address(&self, written: &str) -> Result<String, String> {
        let written = written.trim();
        let whole = match (&self.choices.domain, written.contains('@')) {
            (_, true) => written.to_owned(),
            (Some(domain), false) => format!("{written}@{domain}"),
            (None, false) => {
                return Err(format!(
                    "{written:?} is a user of the old mail server: say its domain (--domain), or write the rule by hand"
                ));
            }
        };
        match (self.choices.is_address)(&whole) {
            true => Ok(whole),
            false => Err(format!("{whole:?} is no mail address that the gateway takes")),
        }
    }

    /// The inbox of last resort, if one is known.
    pub(super) fn fallback(&self) -> Option<String> {
        let told = self.choices.fallback.as_deref().and_then(|written| self.address(written).ok());
        told.or_else(|| self.default.first().cloned())
    }

    /// Writes both files. A rule that earlier ones leave nothing is dropped: the checker would refuse it, and it never
    /// had its turn in the old server either.
    pub(super) fn finish(mut self) -> Result<Imported, Fault> {
        if let Some(written) = &self.choices.fallback
            && let Err(why) = self.address(written)
        {
            return Err(hopeless("import.fallback", format!("The fallback inbox cannot be used: {why}")));
        }
        let Some(fallback) = self.fallback() else {
            return Err(hopeless(
                "import.no-fallback",
                "Nothing says who gets what nobody else does: name an inbox with --fallback.",
            ));
        };
        if self.default.is_empty() {
            self.default = vec![fallback.clone()];
        }
        if self.rules.len() > MOST_RULES {
            return Err(hopeless(
                "import.rules",
                format!("More than {MOST_RULES} rules would come of it: split the files."),
            ));
        }
        let rules = reachable(std::mem::take(&mut self.rules), &fallback, &self.choices.numbers);
        let departments = Names::of(&rules, &self.default, &fallback);
        let text = self.rules_text(&rules, &departments);
        Ok(Imported {
            departments: self.departments_text(&departments, &fallback),
            rules: text,
            department_count: departments.0.len(),
            rule_count: rules.len(),
            left: self.left.into_iter().collect(),
        })
    }

    fn departments_text(&self, departments: &Names, fallback: &str) -> String {
        let mut text = format!(
            "{}\n# Look at each: give it the name that clerks know, and `sensitive = true` where a wrong fax does harm.\n\nfallback = {}\n",
            toml::comment(&format!("departments.toml: recipients found in {}.", self.source)),
            toml::text(departments.id(fallback)),
        );
        for (address, id) in &departments.0 {
            let title = self.titles.get(address).unwrap_or(address);
            let title: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text.push_str(&format!(
                "\n[[department]]\nid = {}\nname = {}\nmail = {}\n",
                toml::text(id),
                toml::text(title.trim()),
                toml::text(address)
            ));
        }
        text
    }

    fn rules_text(&self, rules: &[DraftRule], departments: &Names) -> String {
        let mut text = format!(
            "{}\n# The first rule that fits decides. Check it with `faxgate check`, and try it with `faxgate explain --rules`.\n",
            toml::comment(&format!("rules.toml: translated from {}.", self.source)),
        );
        let grave: Vec<&Left> = self.left.iter().filter(|left| left.loss == Loss::Routing).collect();
        if !grave.is_empty() {
            text.push_str("#\n# Not translated, so that faxes may go elsewhere than before:\n");
            grave
                .iter()
                .for_each(|left| text.push_str(&format!("{}\n", toml::comment(&format!("- {left}")))));
        }
        let ids = |addresses: &[String]| {
            let ids: Vec<&str> = addresses.iter().map(|address| departments.id(address)).collect();
            toml::texts(&ids)
        };
        let mut used = BTreeSet::new();
        for rule in rules {
            text.push_str(&format!("\n[[rule]]\nname = {}\n", toml::text(&unique(&rule.name, &mut used))));
            if !rule.comment.is_empty() {
                text.push_str(&format!("comment = {}\n", toml::text(&rule.comment)));
            }
            for (field, entries) in &rule.when {
                text.push_str(&format!("{field} = {}\n", toml::texts(entries)));
            }
            if rule.junk {
                text.push_str("junk = true\n");
            } else {
                text.push_str(&format!("to = {}\n", ids(&rule.to)));
            }
            let copies: Vec<String> =
                rule.copy.iter().filter(|copy| !rule.to.contains(copy)).cloned().collect();
            if !copies.is_empty() {
                text.push_str(&format!("copy = {}\n", ids(&copies)));
            }
            if !rule.printers.is_empty() {
                let line =
                    format!("printer = {}   # needs a [[printer]] of this name", toml::texts(&rule.printers));
                text.push_str(&format!("{}\n", toml::comment(&line)));
            }
        }
        text.push_str(&format!("\n[default]\nto = {}\n", ids(&self.default)));
        text
    }
}

/// Rules that can have their turn, with the entries that can.
fn reachable(drafts: Vec<DraftRule>, fallback: &str, plan: &NumberPlan) -> Vec<DraftRule> {
    let mut kept: Vec<DraftRule> = Vec::new();
    let mut shadows = crate::route::Shadows::default();
    for mut draft in drafts {
        if draft.to.is_empty() && !draft.junk {
            draft.to = vec![fallback.to_owned()];
        }
        loop {
            let Some(rule) = compiled(&draft, plan) else { break };
            let found = shadows.look(&rule);
            if found.whole.is_some() {
                break;
            }
            if found.partly.is_empty() {
                shadows.push(&rule);
                kept.push(draft);
                break;
            }
            // conditions of a compiled rule stand in the order of the draft's demands
            for (at, (_, entries)) in draft.when.iter_mut().enumerate() {
                let mut place = 0;
                entries.retain(|_| {
                    place += 1;
                    !found.partly.iter().any(|taken| taken.condition == at && taken.entry == place - 1)
                });
            }
        }
    }
    kept
}

/// `None`: it has no condition, or an entry that is none (which was looked at before, so never).
fn compiled(draft: &DraftRule, plan: &NumberPlan) -> Option<Rule> {
    let when: Vec<_> = draft
        .when
        .iter()
        .map(|(field, entries)| condition(*field, entries, plan).ok())
        .collect::<Option<_>>()?;
    let empty = draft.when.values().any(Vec::is_empty);
    (!when.is_empty() && !empty).then(|| Rule { name: draft.name.clone(), when, ..Rule::default() })
}

/// A name that no rule before has. Names are letters, digits, dash, dot and underscore, at most 64.
fn unique(wish: &str, used: &mut BTreeSet<String>) -> String {
    let base = slug(wish, 48);
    let reserved = base.eq_ignore_ascii_case(DEFAULT_RULE);
    let mut name = if reserved { format!("{base}-rule") } else { base.clone() };
    let mut count = 2;
    while !used.insert(name.to_ascii_lowercase()) {
        name = format!("{base}-{count}");
        count += 1;
    }
    name
}

/// Only what a name may hold.
fn slug(text: &str, longest: usize) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') && !slug.is_empty() => {
                slug.push(c.to_ascii_lowercase());
            }
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
        if slug.len() >= longest {
            break;
        }
    }
    let slug = slug.trim_end_matches(['-', '.', '_']);
    if slug.is_empty() { "x".to_owned() } else { slug.to_owned() }
}

/// Ids of departments by address.
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(rules: &[DraftRule], default: &[String], fallback: &str) -> Self {
        let mut names = BTreeMap::new();
        // the fallback department may not be called so
        let mut used = BTreeSet::from(["fallback".to_owned(), DEFAULT_RULE.to_owned()]);
        let recipients = rules.iter().flat_map(|rule| rule.to.iter().chain(&rule.copy));
        for address in recipients.chain(default).map(String::as_str).chain([fallback]) {
            if !names.contains_key(address) {
                let local = address.split('@').next().unwrap_or(address);
                names.insert(address.to_owned(), unique(local, &mut used));
            }
        }
        Self(names)
    }

    fn id(&self, address: &str) -> &str {
        self.0.get(address).map_or("", String::as_str)
    }
}
