//! `rules.toml`: which fax goes to whom.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use toml_span::{Span, Spanned};

use super::codes;
use super::conditions::{conditions, confidence, forms};
use super::departments::Departments;
use super::machine::Machine;
use super::sheet::{Note, Sheet};
use super::spools::Names;
use super::suggest::nearest;
use super::table::Reader;
use super::{doubts, examples, office};
use crate::fax::Sha256;
use crate::route::{Confidence, DEFAULT_RULE, Form, NumberPlan, Outcome, Priority, Rule, Rules, Site};

/// Languages that recognition can find.
pub(super) const LANGUAGES: [&str; 2] = ["en", "zh"];

/// A rule and the places of its parts.
pub(super) struct RuleEntry {
    pub(super) rule: Rule,
    /// Its name, or its first line where it has none.
    pub(super) at: Span,
    /// For each condition of the rule: its value, and each entry of it.
    pub(super) places: Vec<(Span, Vec<Span>)>,
    pub(super) to_at: Span,
    /// What says how sure its words must be: its own `confidence`, else that of `[text]`.
    pub(super) confidence_at: Option<Span>,
    /// Some part of it has an error, so nothing can be said of the whole.
    pub(super) broken: bool,
}

/// What rules are checked against. Both are absent where their file is no TOML.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) machine: Option<&'a Machine<'a>>,
    pub(super) departments: Option<&'a Departments<'a>>,
}

/// Reads and checks the file; `None` if no rules can be made of it.
pub(super) fn read<'a>(
    sheet: Sheet<'a>,
    machine: Option<&'a Machine<'a>>,
    departments: Option<&'a Departments<'a>>,
) -> Option<Rules> {
    let known = Known { machine, departments };
    let mut top = sheet.top()?;
    let errors = sheet.errors();
    let site = site(&mut top, known);
    let usual = top.table("text").and_then(|mut table| {
        let usual = confidence(&mut table, "confidence");
        table.finish();
        usual
    });
    let forms = forms(top.tables("form"));
    let context = Context { known, site: &site, forms: &forms, usual: usual.as_ref() };
    let mut names = Names::default();
    let entries: Vec<RuleEntry> =
        top.tables("rule").into_iter().filter_map(|table| one(table, context, &mut names)).collect();
    let default = default(&mut top, known);
    doubts::look(doubts::Scene { sheet, known, site: &site }, &entries, default.as_ref());
    let list = entries.iter().map(|entry| entry.rule.clone()).collect();
    let version = Sha256::of(sheet.text().as_bytes()).to_string();
    let rules = Rules::new(list, default.map_or(vec![], |default| default.value), site, version).ok();
    // examples run on whole rules alone: on others they would tell of errors that are named already
    let whole = rules.as_ref().filter(|_| sheet.errors() == errors);
    let decided = examples::run(top.tables("example"), whole, known);
    doubts::untried(sheet, &entries, &decided);
    top.finish();
    rules
}

/// What each rule is read against.
#[derive(Clone, Copy)]
struct Context<'a> {
    known: Known<'a>,
    site: &'a Site,
    forms: &'a [Arc<Form>],
    usual: Option<&'a Spanned<Confidence>>,
}

/// What rules must know of the place: from all three files.
fn site(top: &mut Reader<'_>, known: Known<'_>) -> Site {
    let numbers: NumberPlan = known.machine.map(|machine| machine.numbers.clone()).unwrap_or_default();
    let named = known.machine.and_then(|machine| machine.mail.as_ref()).map(|mail| mail.time_zone.as_str());
    let zone = named.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let office = top.table("office");
    let (office, holidays) = office::read(top.sheet(), office, &zone);
    let triage = top.table("triage").and_then(|mut table| {
        let to = to(&mut table, known, "to", true);
        table.finish();
        to
    });
    if let Some(to) = &triage {
        unsorted(top.sheet(), to, known, "whatever is read too badly goes");
    }
    let list = known.departments.map_or(&[][..], |departments| &departments.list);
    let sensitive: BTreeSet<String> = list
        .iter()
        .map(|entry| &entry.department)
        .filter(|department| department.sensitive)
        .map(|department| department.id.clone())
        .collect();
    Site { numbers, zone, holidays, office, triage: triage.map_or(vec![], |to| to.value), sensitive }
}

fn default(top: &mut Reader<'_>, known: Known<'_>) -> Option<Spanned<Vec<String>>> {
    if !top.has("default") {
        let note = Note::error(
            codes::RULES_NO_DEFAULT,
            "there is no [default]: a fax that no rule fits would go nowhere",
        );
        top.sheet().note_file(note.help("end the file with\n    [default]\n    to = [\"registry\"]"));
    }
    let mut table = top.table("default")?;
    let to = to(&mut table, known, "to", true);
    table.text("comment");
    table.finish();
    if let Some(to) = &to {
        unsorted(top.sheet(), to, known, "whatever no rule takes goes");
    }
    to
}

/// Warns of a sensitive department that gets faxes of which nothing says that they belong there.
fn unsorted(sheet: Sheet<'_>, to: &Spanned<Vec<String>>, known: Known<'_>, what: &str) {
    let Some(departments) = known.departments else { return };
    let is_sensitive = |id: &&String| departments.find(id).is_some_and(|department| department.sensitive);
    if let Some(id) = to.value.iter().find(is_sensitive) {
        let message = format!("{what} to the sensitive department \"{id}\"");
        let note = Note::warning(codes::RULES_SENSITIVE, message);
        sheet.note(to.span, note.help("name a department where people sort faxes, such as a registry"));
    }
}

fn one(mut table: Reader<'_>, context: Context<'_>, names: &mut Names) -> Option<RuleEntry> {
    let known = context.known;
    let sheet = table.sheet();
    let errors = sheet.errors();
    let name = table.required_text("name");
    if let Some(name) = &name {
        names.check(&table, "rule", name);
        if name.value.eq_ignore_ascii_case(DEFAULT_RULE) {
            let message = format!("\"{DEFAULT_RULE}\" is what decides when no rule does");
            let note =
                Note::error(codes::NAME_FORM, message).help("give the rule another name, or write [default]");
            sheet.note(name.span, note);
        }
    }
    let triage = table.flag("triage").is_some_and(|flag| flag.value);
    let outcome = outcome(&mut table, context);
    let to = to(&mut table, known, "to", !triage && !outcome.junk);
    let copy = to_copy(&mut table, known, to.as_ref());
    let comment = table.text("comment").map(|comment| comment.value);
    let own = confidence(&mut table, "confidence");
    let confidence = own.as_ref().or(context.usual);
    let confidence_at = confidence.map(|sure| sure.span);
    let confidence = confidence.map_or(Confidence::USUAL, |sure| sure.value);
    let conditions = conditions(&mut table, &context.site.numbers, known, context.forms);
    let at = name.as_ref().map_or(table.head(), |name| name.span);
    let complete = sheet.errors() == errors;
    if conditions.is_empty() && complete {
        let note = Note::error(codes::RULES_NO_CONDITION, "a rule without conditions takes every fax");
        sheet.note(at, note.help("give it a condition, or let [default] say it"));
    }
    table.finish();
    let (when, places) =
        conditions.into_iter().map(|placed| (placed.condition, (placed.at, placed.entries))).unzip();
    let to_at = to.as_ref().map_or(at, |to| to.span);
    let to = to.map_or(vec![], |to| to.value);
    let rule = Rule { name: name?.value, when, to, copy, comment, confidence, triage, outcome };
    Some(RuleEntry { rule, at, places, to_at, confidence_at, broken: sheet.errors() != errors })
}

/// What a rule demands besides the departments.
fn outcome(table: &mut Reader<'_>, context: Context<'_>) -> Outcome {
    let words = [("low", Priority::Low), ("normal", Priority::Normal), ("urgent", Priority::Urgent)];
    let priority = table.choice("priority", &words).map(|one| one.value).unwrap_or_default();
    let hold = table.choice("hold", &[("office-hours", true)]);
    if let Some(hold) = hold.as_ref().filter(|_| context.site.office.is_none()) {
        let note = Note::error(codes::KEY_MISSING, "nothing says when the office is open");
        let help = "write\n    [office]\n    hours = [\"mon-fri 09:00-17:30\"]";
        table.sheet().note(hold.span, note.help(help));
    }
    let link = table.flag("link");
    let linked = context.known.machine.is_none_or(|machine| machine.links.is_some());
    if let Some(link) = link.as_ref().filter(|link| link.value && !linked) {
        let note = Note::error(codes::KEY_MISSING, "nothing says where links lead, so none can be made");
        let help = "write [links] in faxgate.toml; without it the PDF would be attached all the same";
        table.sheet().note(link.span, note.help(help));
    }
    let mut flag = |key| table.flag(key).is_some_and(|flag| flag.value);
    let (junk, drop_duplicate) = (flag("junk"), flag("drop_duplicate"));
    let doors = context.known.machine.map(|machine| &machine.doors);
    let webhooks = doors.map(|doors| doors.webhooks.iter().map(|hook| hook.name.as_str()).collect());
    let printers = doors.map(|doors| doors.printers.iter().map(|printer| printer.name.as_str()).collect());
    let webhooks = door_names(table, "webhook", webhooks);
    let printers = door_names(table, "printer", printers);
    let link = link.is_some_and(|link| link.value);
    Outcome { priority, hold: hold.is_some(), link, junk, drop_duplicate, webhooks, printers }
}

/// Names of webhooks or print queues, each known and named once. `known` is `None` where `faxgate.toml` is no TOML.
fn door_names(table: &mut Reader<'_>, key: &'static str, known: Option<Vec<&str>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in table.texts(key).map_or(vec![], |list| list.value) {
        let unknown = known.as_ref().filter(|known| !known.contains(&name.value.as_str()));
        if let Some(known) = unknown {
            let note =
                Note::error(codes::RULES_DOOR, format!("faxgate.toml has no [[{key}]] \"{}\"", name.value));
            let help = match nearest(&name.value, known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if known.is_empty() => format!("there is no [[{key}]] at all"),
                None => format!("there are: {}", known.join(", ")),
            };
            table.sheet().note(name.span, note.help(help));
        } else if names.contains(&name.value) {
            let note =
                Note::error(codes::NAME_DUPLICATE, format!("\"{}\" stands twice in `{key}`", name.value));
            table.sheet().note(name.span, note);
            continue;
        }
        names.push(name.value);
    }
    names
}

/// `copy`: departments that are not in `to`.
fn to_copy(table: &mut Reader<'_>, known: Known<'_>, already: Option<&Spanned<Vec<String>>>) -> Vec<String> {
    let Some(copy) = to(table, known, "copy", false) else { return vec![] };
    if let Some(id) = already.and_then(|to| copy.value.iter().find(|id| to.value.contains(*id))) {
        let note = Note::error(codes::NAME_DUPLICATE, format!("\"{id}\" stands in `to` already"));
        table.sheet().note(copy.span, note);
    }
    copy.value
}

/// A list of departments, each known and named once.
fn to(
    table: &mut Reader<'_>,
    known: Known<'_>,
    key: &'static str,
    required: bool,
) -> Option<Spanned<Vec<String>>> {
    if required && !table.has(key) {
        table.missing(key);
    }
    let to = table.texts(key)?;
    let mut ids: Vec<String> = Vec::new();
    for id in to.value {
        if let Some(departments) =
            known.departments.filter(|departments| departments.find(&id.value).is_none())
        {
            table.sheet().note(id.span, departments.unknown(&id.value));
        }
        if ids.contains(&id.value) {
            let note =
                Note::error(codes::NAME_DUPLICATE, format!("\"{}\" stands twice in `{key}`", id.value));
            table.sheet().note(id.span, note);
        } else {
            ids.push(id.value);
        }
    }
    Some(Spanned::with_span(ids, to.span))
}

/// Says that a name means no spool, and which one was likely meant.
pub(super) fn check_spool(table: &Reader<'_>, name: &str, at: Span, known: Known<'_>) {
    let Some(machine) = known.machine else { return };
    let spools = || machine.spools.iter().map(|entry| entry.spool.name.as_str());
    if spools().any(|spool| spool == name) {
        return;
    }
    let note = Note::error(codes::RULES_SPOOL, format!("there is no spool \"{name}\""));
    table.sheet().note(
        at,
        match nearest(name, spools()) {
            Some(near) => note.help(format!("did you mean \"{near}\"?")),
            None => note.help(format!("spools are: {}", spools().collect::<Vec<_>>().join(", "))),
        },
    );
}
