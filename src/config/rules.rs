//! `rules.toml`: which fax goes to whom.

use toml_span::{Span, Spanned};

use super::codes::{self, Code};
use super::departments::Departments;
use super::machine::Machine;
use super::sheet::{Note, Sheet};
use super::spools::Names;
use super::suggest::nearest;
use super::table::{Reader, choose};
use super::{doubts, examples};
use crate::fax::Sha256;
use crate::route::{
    Condition, DEFAULT_RULE, DevicePattern, NumberPattern, NumberPlan, PageRange, PatternError, Phrase, Rule,
    Rules, StationPattern, TextRegex,
};

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
    let plan = machine.map(|machine| machine.numbers.clone()).unwrap_or_default();
    let mut top = sheet.top()?;
    let errors = sheet.errors();
    let mut names = Names::default();
    let entries: Vec<RuleEntry> =
        top.tables("rule").into_iter().filter_map(|table| one(table, known, &plan, &mut names)).collect();
    let default = default(&mut top, known);
    doubts::look(sheet, &entries, default.as_ref(), known);
    let list = entries.into_iter().map(|entry| entry.rule).collect();
    let version = Sha256::of(sheet.text().as_bytes()).to_string();
    let rules = Rules::new(list, default.map_or(vec![], |default| default.value), plan, version).ok();
    // examples run on whole rules alone: on others they would tell of errors that are named already
    let whole = rules.as_ref().filter(|_| sheet.errors() == errors);
    examples::run(top.tables("example"), whole, known);
    top.finish();
    rules
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
    let to = to(&mut table, known);
    table.text("comment");
    table.finish();
    to
}

fn one(mut table: Reader<'_>, known: Known<'_>, plan: &NumberPlan, names: &mut Names) -> Option<RuleEntry> {
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
    let to = to(&mut table, known);
    let comment = table.text("comment").map(|comment| comment.value);
    let conditions = conditions(&mut table, plan, known);
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
    let rule = Rule { name: name?.value, when, to: to.map_or(vec![], |to| to.value), comment };
    Some(RuleEntry { rule, at, places, to_at, broken: sheet.errors() != errors })
}

/// `to`: departments, each known and named once.
fn to(table: &mut Reader<'_>, known: Known<'_>) -> Option<Spanned<Vec<String>>> {
    if !table.has("to") {
        table.missing("to");
    }
    let to = table.texts("to")?;
    let mut ids: Vec<String> = Vec::new();
    for id in to.value {
        if let Some(departments) =
            known.departments.filter(|departments| departments.find(&id.value).is_none())
        {
            table.sheet().note(id.span, departments.unknown(&id.value));
        }
        if ids.contains(&id.value) {
            let note = Note::error(codes::NAME_DUPLICATE, format!("\"{}\" stands twice in `to`", id.value));
            table.sheet().note(id.span, note);
        } else {
            ids.push(id.value);
        }
    }
    Some(Spanned::with_span(ids, to.span))
}

/// A condition and its places.
struct Placed {
    condition: Condition,
    at: Span,
    entries: Vec<Span>,
}

/// Every kind of condition that there is. A new one is one line here.
fn conditions(table: &mut Reader<'_>, plan: &NumberPlan, known: Known<'_>) -> Vec<Placed> {
    let number = |text: &str| NumberPattern::parse(text, plan);
    let station = |text: &str| StationPattern::parse(text, plan);
    let bad = codes::RULES_PATTERN;
    let found = [
        spools(table, known),
        patterns(table, "did", bad, number, Condition::Did),
        patterns(table, "caller", bad, number, Condition::Caller),
        patterns(table, "tsi", bad, station, Condition::Tsi),
        patterns(table, "subaddress", bad, subaddress, Condition::Subaddress),
        patterns(table, "device", bad, DevicePattern::parse, Condition::Device),
        patterns(table, "pages", bad, PageRange::parse, Condition::Pages),
        table.flag("damaged").map(|flag| Placed {
            condition: Condition::Damaged(flag.value),
            at: flag.span,
            entries: vec![flag.span],
        }),
        languages(table),
        patterns(table, "text", bad, Phrase::parse, Condition::Text),
        patterns(table, "text_regex", codes::RULES_REGEX, TextRegex::parse, Condition::TextRegex),
    ];
    found.into_iter().flatten().collect()
}

/// A list of patterns of one kind; each bad one is named with the place inside it.
fn patterns<T>(
    table: &mut Reader<'_>,
    key: &'static str,
    code: Code,
    parse: impl Fn(&str) -> Result<T, PatternError>,
    make: impl Fn(Vec<T>) -> Condition,
) -> Option<Placed> {
    let list = if key == "pages" { table.texts_or_numbers(key)? } else { table.texts(key)? };
    let (mut good, mut entries) = (Vec::new(), Vec::new());
    for text in list.value {
        match parse(&text.value) {
            Ok(pattern) => {
                good.push(pattern);
                entries.push(text.span);
            }
            Err(error) => {
                let at = table.sheet().within(text.span, &text.value, error.at);
                table.sheet().note(at, Note::error(code, format!("`{key}`: {}", error.message)));
            }
        }
    }
    (!good.is_empty()).then(|| Placed { condition: make(good), at: list.span, entries })
}

fn subaddress(text: &str) -> Result<String, PatternError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(PatternError { at: 0..0, message: "an empty subaddress fits no fax".to_owned() });
    }
    Ok(text.to_owned())
}

fn spools(table: &mut Reader<'_>, known: Known<'_>) -> Option<Placed> {
    let list = table.texts("spool")?;
    let (names, entries): (Vec<String>, Vec<Span>) =
        list.value.into_iter().map(|name| (name.value, name.span)).unzip();
    for (name, at) in names.iter().zip(&entries) {
        check_spool(table, name, *at, known);
    }
    (!names.is_empty()).then(|| Placed { condition: Condition::Spool(names), at: list.span, entries })
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

fn languages(table: &mut Reader<'_>) -> Option<Placed> {
    let list = table.texts("language")?;
    let words = LANGUAGES.map(|word| (word, word.to_owned()));
    let (mut good, mut entries) = (Vec::new(), Vec::new());
    for text in &list.value {
        if let Some(word) = choose(table.sheet(), text, "`language`", &words) {
            good.push(word);
            entries.push(text.span);
        }
    }
    (!good.is_empty()).then(|| Placed { condition: Condition::Language(good), at: list.span, entries })
}
