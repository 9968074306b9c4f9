//! Rules that are well formed and still not what anyone can want.
//!
//! - [`never`]: rules that can never match, by themselves or because of earlier ones.
//! - [`weak`]: too little before a department where a wrong fax does harm.
//! - [`broad`]: conditions that say nothing, and outcomes that do nothing.
//! - [`regex`]: expressions that are something else than they look.
//! - [`names`]: names that mean nothing, calendars that end.
//!
//! Everything is said in one pass over the rules; what compares rules with each other goes by an index
//! ([`crate::route::Shadows`]), so that ten thousand rules take no longer than ten thousand rules should.

mod broad;
mod names;
mod never;
mod regex;
mod weak;

use toml_span::{Span, Spanned};

use super::codes;
use super::rules::{Known, RuleEntry};
use super::sheet::{Note, Sheet};
use crate::route::{Condition, Shadows, Site};

/// Most rules that a hint names.
const MOST_NAMED: usize = 5;

/// What the rules are looked at with.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The file.
    pub(super) sheet: Sheet<'a>,
    /// The other two files.
    pub(super) known: Known<'a>,
    /// Clock, calendar, office.
    pub(super) site: &'a Site,
}

/// Looks at all rules together.
pub(super) fn look(scene: Scene<'_>, entries: &[RuleEntry], default: Option<&Spanned<Vec<String>>>) {
    let mut shadows = Shadows::default();
    // the index counts rules that were pushed
    let mut pushed: Vec<&RuleEntry> = Vec::new();
    let mut low = weak::Low::default();
    for entry in entries.iter().filter(|entry| !entry.broken) {
        let never = never::alone(scene, entry) || never::shadowed(scene.sheet, entry, &shadows, &pushed);
        if !never {
            weak::look(scene, entry);
            low.look(scene, entry);
            broad::look(scene.sheet, entry);
            regex::look(scene.sheet, entry);
            names::look(scene, entry);
        }
        shadows.push(&entry.rule);
        pushed.push(entry);
    }
    names::calendar(scene, entries);
    unused(entries, default, scene);
}

/// Each alternative of a condition with its place; `None`: the rule has no such condition.
fn places<'a>(entry: &'a RuleEntry, condition: &Condition) -> Option<(Span, &'a [Span])> {
    let at = entry.rule.when.iter().position(|one| std::ptr::eq(one, condition))?;
    entry.places.get(at).map(|(span, places)| (*span, places.as_slice()))
}

/// The conditions of a rule, each with its place.
fn placed(entry: &RuleEntry) -> impl Iterator<Item = (&Condition, Span, &[Span])> {
    entry.rule.when.iter().zip(&entry.places).map(|(one, (at, places))| (one, *at, places.as_slice()))
}

/// Rules that no example tries, where there are examples at all.
pub(super) fn untried(sheet: Sheet<'_>, entries: &[RuleEntry], decided: &[String]) {
    if decided.is_empty() {
        return;
    }
    let tried: std::collections::HashSet<&str> = decided.iter().map(String::as_str).collect();
    let untried: Vec<&RuleEntry> =
        entries.iter().filter(|entry| !entry.broken && !tried.contains(entry.rule.name.as_str())).collect();
    let Some(first) = untried.first() else { return };
    let named: Vec<String> =
        untried.iter().take(MOST_NAMED).map(|entry| format!("\"{}\"", entry.rule.name)).collect();
    let more = untried.len() - named.len();
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let note =
        Note::hint(codes::RULES_UNTRIED, format!("no example is decided by {}{tail}", named.join(", ")));
    sheet.note(
        first.at,
        note.help("an [[example]] says what a rule is for, and fails when another takes its faxes"),
    );
}

/// Departments and forms that nothing uses.
fn unused(entries: &[RuleEntry], default: Option<&Spanned<Vec<String>>>, scene: Scene<'_>) {
    let (Some(departments), Some(default)) = (scene.known.departments, default) else { return };
    if entries.iter().any(|entry| entry.broken) {
        return;
    }
    let rules = || entries.iter().map(|entry| &entry.rule);
    let used: std::collections::HashSet<&str> = rules()
        .flat_map(|rule| rule.to.iter().chain(&rule.copy))
        .chain(&default.value)
        .chain(&scene.site.triage)
        .chain(&departments.fallback_id)
        .map(String::as_str)
        .collect();
    for entry in &departments.list {
        let id = &entry.department.id;
        if !used.contains(id.as_str()) {
            let message = format!("no rule sends anything to \"{id}\"");
            departments.sheet.note(entry.id_at, Note::warning(codes::DEPARTMENT_UNUSED, message));
        }
    }
}
