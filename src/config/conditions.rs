//! The conditions of a rule, and the forms of a site: each key, its entries and their places.

use std::sync::Arc;

use toml_span::value::ValueInner;
use toml_span::{Span, Spanned, Value};

use super::codes::{self, Code};
use super::rules::{Known, LANGUAGES, check_spool};
use super::sheet::Note;
use super::spools::Names;
use super::suggest::nearest;
use super::table::{Reader, choose};
use crate::route::{
    CodePattern, Condition, Confidence, DayRange, DevicePattern, Expression, Form, NumberPattern, NumberPlan,
    PageRange, PageSpot, PatternError, ReferencePattern, StationPattern, TextRegex, TimeRange, Twin, Within,
    Words, Zone,
};

/// A condition and its places.
pub(super) struct Placed {
    pub(super) condition: Condition,
    pub(super) at: Span,
    pub(super) entries: Vec<Span>,
}

/// Every kind of condition that there is. A new one is one line here.
pub(super) fn conditions(
    table: &mut Reader<'_>,
    plan: &NumberPlan,
    known: Known<'_>,
    forms: &[Arc<Form>],
) -> Vec<Placed> {
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
        patterns(table, "trunk", bad, name, Condition::Trunk),
        patterns(table, "time", bad, TimeRange::parse, Condition::Time),
        patterns(table, "weekday", bad, DayRange::parse, Condition::Weekday),
        flag(table, "holiday", Condition::Holiday),
        patterns(table, "pages", bad, PageRange::parse, Condition::Pages),
        flag(table, "damaged", Condition::Damaged),
        languages(table),
        duplicate(table),
        patterns(table, "barcode", bad, CodePattern::parse, Condition::Barcode),
        patterns(table, "reference", bad, ReferencePattern::parse, Condition::Reference),
        form(table, forms),
        words(table, "attention").map(|list| list.placed(Condition::Attention)),
        words(table, "text").map(|list| list.placed(Condition::Text)),
        expressions(table),
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
        if let Some(pattern) = parsed(table, key, code, &text, &parse) {
            good.push(pattern);
            entries.push(text.span);
        }
    }
    (!good.is_empty()).then(|| Placed { condition: make(good), at: list.span, entries })
}

fn parsed<T>(
    table: &Reader<'_>,
    key: &str,
    code: Code,
    text: &Spanned<String>,
    parse: impl Fn(&str) -> Result<T, PatternError>,
) -> Option<T> {
    parse(&text.value)
        .map_err(|error| {
            let at = table.sheet().within(text.span, &text.value, error.at);
            table.sheet().note(at, Note::error(code, format!("`{key}`: {}", error.message)));
        })
        .ok()
}

fn flag(table: &mut Reader<'_>, key: &'static str, make: impl Fn(bool) -> Condition) -> Option<Placed> {
    let flag = table.flag(key)?;
    Some(Placed { condition: make(flag.value), at: flag.span, entries: vec![flag.span] })
}

fn subaddress(text: &str) -> Result<String, PatternError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(PatternError { at: 0..0, message: "an empty subaddress fits no fax".to_owned() });
    }
    Ok(text.to_owned())
}

fn name(text: &str) -> Result<String, PatternError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(PatternError { at: 0..0, message: "an empty name fits nothing".to_owned() });
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

/// `true`, `false`, or the ways of being kin.
fn duplicate(table: &mut Reader<'_>) -> Option<Placed> {
    let (_, mut value) = table.take("duplicate")?;
    let at = value.span;
    let (twins, entries) = match value.take() {
        ValueInner::Boolean(flag) => (vec![if flag { Twin::Any } else { Twin::No }], vec![at]),
        other => {
            let mut twins = (Vec::new(), Vec::new());
            for text in texts(table, "duplicate", Value::with_span(other, at)) {
                if let Some(twin) = parsed(table, "duplicate", codes::RULES_PATTERN, &text, Twin::parse) {
                    twins.0.push(twin);
                    twins.1.push(text.span);
                }
            }
            twins
        }
    };
    (!twins.is_empty()).then(|| Placed { condition: Condition::Duplicate(twins), at, entries })
}

fn form(table: &mut Reader<'_>, forms: &[Arc<Form>]) -> Option<Placed> {
    let list = table.texts("form")?;
    let (mut good, mut entries) = (Vec::new(), Vec::new());
    for name in list.value {
        match forms.iter().find(|form| form.name == name.value) {
            Some(form) => {
                good.push(Arc::clone(form));
                entries.push(name.span);
            }
            None => {
                let note = Note::error(codes::VALUE_CHOICE, format!("there is no form \"{}\"", name.value));
                let names = || forms.iter().map(|form| form.name.as_str());
                let help = match nearest(&name.value, names()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "forms are defined by [[form]] with `name` and `marks`".to_owned(),
                };
                table.sheet().note(name.span, note.help(help));
            }
        }
    }
    (!good.is_empty()).then(|| Placed { condition: Condition::Form(good), at: list.span, entries })
}

/// Reads every `[[form]]`.
pub(super) fn forms(tables: Vec<Reader<'_>>) -> Vec<Arc<Form>> {
    let mut names = Names::default();
    let mut forms = Vec::new();
    for mut table in tables {
        let name = table.required_text("name");
        if let Some(name) = &name {
            names.check(&table, "form", name);
        }
        table.text("comment");
        let zone = table.text("zone").and_then(|text| zone(&table, &text));
        if !table.has("marks") {
            table.missing("marks");
        }
        let mut marks = words(&mut table, "marks").map_or(vec![], |list| list.good);
        for mark in &mut marks {
            mark.within.zone = mark.within.zone.take().or_else(|| zone.clone());
        }
        table.finish();
        if let (Some(name), false) = (name, marks.is_empty()) {
            forms.push(Arc::new(Form { name: name.value, marks }));
        }
    }
    forms
}

/// Entries of a list that were understood, and where they stand.
struct List<T> {
    good: Vec<T>,
    at: Span,
    entries: Vec<Span>,
}

impl<T> List<T> {
    fn placed(self, make: impl Fn(Vec<T>) -> Condition) -> Placed {
        Placed { condition: make(self.good), at: self.at, entries: self.entries }
    }
}

/// Phrases, or tables that say more: `{ words = "…", zone = "top", page = 1, distance = 1, confidence = 0.8 }`.
fn words(table: &mut Reader<'_>, key: &'static str) -> Option<List<Words>> {
    let bad = codes::RULES_PATTERN;
    entries(
        table,
        key,
        |reader, text| parsed(reader, key, bad, text, Words::parse),
        |reader| {
            let text = reader.required_text("words")?;
            let mut words = parsed(reader, "words", bad, &text, Words::parse)?;
            words.within = within(reader);
            words.confidence = confidence(reader, "confidence").map(|sure| sure.value);
            let distance = reader.integer("distance", 0..=i64::from(Words::MOST_ERRORS)).unwrap_or(0);
            let forgiving = |_: &str| words.clone().forgiving(u8::try_from(distance).unwrap_or(0));
            parsed(reader, "distance", bad, &text, forgiving)
        },
    )
}

/// Expressions, or tables that say more: `{ regex = "…", zone = "top", page = 1, confidence = 0.8 }`.
fn expressions(table: &mut Reader<'_>) -> Option<Placed> {
    let (key, bad) = ("text_regex", codes::RULES_REGEX);
    let list = entries(
        table,
        key,
        |reader, text| parsed(reader, key, bad, text, Expression::parse),
        |reader| {
            let text = reader.required_text("regex")?;
            let regex = parsed(reader, "regex", bad, &text, TextRegex::parse)?;
            let within = within(reader);
            let confidence = confidence(reader, "confidence").map(|sure| sure.value);
            Some(Expression { regex, within, confidence })
        },
    )?;
    Some(list.placed(Condition::TextRegex))
}

/// A text, a table, or a list of these. `None`: nothing of it was understood.
fn entries<'a, T>(
    table: &mut Reader<'a>,
    key: &'static str,
    of_text: impl Fn(&Reader<'a>, &Spanned<String>) -> Option<T>,
    of_table: impl Fn(&mut Reader<'a>) -> Option<T>,
) -> Option<List<T>> {
    let (_, mut value) = table.take(key)?;
    let at = value.span;
    let values = match value.take() {
        ValueInner::Array(list) if list.is_empty() => {
            let note = Note::error(codes::VALUE_EMPTY, format!("`{key}` is an empty list"));
            table.sheet().note(at, note.help(format!("leave `{key}` out, or name something")));
            return None;
        }
        ValueInner::Array(list) => list,
        other => vec![Value::with_span(other, at)],
    };
    let mut list = List { good: Vec::new(), at, entries: Vec::new() };
    for mut value in values {
        let span = value.span;
        let good = match value.take() {
            table_value @ ValueInner::Table(_) => {
                let value = Value::with_span(table_value, span);
                Reader::open(table.sheet(), value, &format!("this entry of `{key}`")).and_then(
                    |mut reader| {
                        let good = of_table(&mut reader);
                        reader.finish();
                        good
                    },
                )
            }
            other => {
                texts(table, key, Value::with_span(other, span)).first().and_then(|text| of_text(table, text))
            }
        };
        if let Some(good) = good {
            list.good.push(good);
            list.entries.push(span);
        }
    }
    (!list.good.is_empty()).then_some(list)
}

/// A text or a list of texts; what is none is named.
fn texts(table: &Reader<'_>, key: &str, mut value: Value<'_>) -> Vec<Spanned<String>> {
    let at = value.span;
    match value.take() {
        ValueInner::String(text) => vec![Spanned::with_span(text.into_owned(), at)],
        ValueInner::Array(list) => list
            .into_iter()
            .flat_map(|value| match value.as_str() {
                Some(_) => texts(table, key, value),
                None => texts(table, key, Value::with_span(ValueInner::Boolean(false), value.span)),
            })
            .collect(),
        _ => {
            let message = format!("`{key}` is a text in quotes, or a list of such");
            table.sheet().note(at, Note::error(codes::VALUE_TYPE, message));
            vec![]
        }
    }
}

fn within(table: &mut Reader<'_>) -> Within {
    let zone = table.text("zone").and_then(|text| zone(table, &text));
    let pages = table.texts_or_numbers("page");
    if let Some(list) = pages.as_ref().filter(|list| list.value.len() > 1) {
        let note = Note::error(codes::VALUE_TYPE, "`page` is one page");
        table.sheet().note(list.span, note.help("write an entry for each page"));
    }
    let page = pages.and_then(|list| list.value.into_iter().next());
    let page = page.and_then(|text| parsed(table, "page", codes::RULES_PATTERN, &text, PageSpot::parse));
    Within { zone, page }
}

fn zone(table: &Reader<'_>, text: &Spanned<String>) -> Option<Zone> {
    parsed(table, "zone", codes::VALUE_CHOICE, text, Zone::parse)
}

/// A share of 0 to 1.
pub(super) fn confidence(table: &mut Reader<'_>, key: &'static str) -> Option<Spanned<Confidence>> {
    let (_, mut value) = table.take(key)?;
    let share = match value.take() {
        ValueInner::Float(share) => share,
        ValueInner::Integer(share) => share as f64,
        _ => f64::NAN,
    };
    if (0.0..=1.0).contains(&share) {
        return Some(Spanned::with_span(Confidence::of(share as f32), value.span));
    }
    let note = Note::error(codes::VALUE_RANGE, format!("`{key}` is a number from 0 to 1"));
    table.sheet().note(value.span, note.help("0.75 is usual; 1 only where no machine read the text"));
    None
}
