//! [`Reader`]: takes the keys of one TOML table, each with its place, and in the end names the keys that nobody
//! asked for.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml_span::value::{Table, ValueInner};
use toml_span::{Span, Spanned, Value};

use super::codes::{self, Code};
use super::sheet::{Note, Sheet};
use super::suggest::nearest;
use super::units;

/// One table being read.
pub(super) struct Reader<'a> {
    sheet: Sheet<'a>,
    what: String,
    head: Span,
    table: Table<'a>,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// `what` names the table in messages.
    pub(super) fn open(sheet: Sheet<'a>, mut value: Value<'a>, what: &str) -> Option<Self> {
        let head = sheet.first_line(value.span);
        match value.take() {
            ValueInner::Table(table) => {
                Some(Self { sheet, what: what.to_owned(), head, table, known: Vec::new() })
            }
            other => {
                wrong_type(sheet, value.span, what, "a table", &other);
                None
            }
        }
    }

    pub(super) fn sheet(&self) -> Sheet<'a> {
        self.sheet
    }

    /// The table's first line.
    pub(super) fn head(&self) -> Span {
        self.head
    }

    /// The table's name in messages.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// Takes a key, whatever its value.
    pub(super) fn take(&mut self, key: &'static str) -> Option<(Span, Value<'a>)> {
        self.known.push(key);
        self.table.remove_entry(key).map(|(key, value)| (key.span, value))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Says that a key must be there.
    pub(super) fn missing(&self, key: &str) {
        let message = format!("{} lacks `{key}`", self.what);
        self.sheet.note(self.head, Note::error(codes::KEY_MISSING, message));
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let (_, value) = self.take(key)?;
        text_of(self.sheet, value, &format!("`{key}`"), "a text in quotes")
    }

    pub(super) fn required_text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        if !self.has(key) {
            self.missing(key);
        }
        self.text(key)
    }

    /// One text or a list of texts. An empty list is a problem. Bad entries are left out and named.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Spanned<Vec<Spanned<String>>>> {
        let (_, mut value) = self.take(key)?;
        let span = value.span;
        let list = match value.take() {
            ValueInner::Array(list) => list,
            other => vec![Value::with_span(other, span)],
        };
        if list.is_empty() {
            let note = Note::error(codes::VALUE_EMPTY, format!("`{key}` is an empty list"));
            self.sheet.note(span, note.help(format!("leave `{key}` out, or name something")));
            return None;
        }
        let what = format!("`{key}`");
        let texts = list
            .into_iter()
            .filter_map(|value| text_of(self.sheet, value, &what, "a text in quotes, or a list of such"));
        Some(Spanned::with_span(texts.collect(), span))
    }

    /// Like [`Self::texts`]; whole numbers may stand without quotes.
    pub(super) fn texts_or_numbers(&mut self, key: &'static str) -> Option<Spanned<Vec<Spanned<String>>>> {
        if let Some(value) = self.table.get_mut(key) {
            quote(value);
        }
        self.texts(key)
    }

    /// Its value is true or false.
    pub(super) fn is_flag(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.as_bool().is_some())
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<Spanned<bool>> {
        let (_, mut value) = self.take(key)?;
        match value.take() {
            ValueInner::Boolean(flag) => Some(Spanned::with_span(flag, value.span)),
            other => {
                wrong_type(self.sheet, value.span, &format!("`{key}`"), "true or false", &other);
                None
            }
        }
    }

    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let (_, mut value) = self.take(key)?;
        match value.take() {
            ValueInner::Integer(number) if range.contains(&number) => Some(number),
            ValueInner::Integer(_) => {
                let message = format!("`{key}` is from {} to {}", range.start(), range.end());
                self.sheet.note(value.span, Note::error(codes::VALUE_RANGE, message));
                None
            }
            other => {
                wrong_type(self.sheet, value.span, &format!("`{key}`"), "a whole number", &other);
                None
            }
        }
    }

    /// A duration within limits that have reasons.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Spanned<Duration>> {
        let duration = self.parsed(key, codes::VALUE_FORM, units::duration)?;
        if range.contains(&duration.value) {
            return Some(duration);
        }
        let message =
            format!("`{key}` is from {} to {}", units::shown(*range.start()), units::shown(*range.end()));
        self.sheet.note(duration.span, Note::error(codes::VALUE_RANGE, message));
        None
    }

    pub(super) fn size(&mut self, key: &'static str) -> Option<Spanned<u64>> {
        self.parsed(key, codes::VALUE_FORM, units::size)
    }

    /// A text in a form of its own.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        code: Code,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Spanned<T>> {
        let text = self.text(key)?;
        match parse(&text.value) {
            Ok(value) => Some(Spanned::with_span(value, text.span)),
            Err(message) => {
                self.sheet.note(text.span, Note::error(code, format!("`{key}`: {message}")));
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Clone>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<Spanned<T>> {
        let text = self.text(key)?;
        let chosen = choose(self.sheet, &text, &format!("`{key}`"), words)?;
        Some(Spanned::with_span(chosen, text.span))
    }

    pub(super) fn path(&mut self, key: &'static str) -> Option<Spanned<PathBuf>> {
        let text = self.text(key)?;
        if text.value.trim().is_empty() || text.value.contains('\0') {
            self.sheet.note(text.span, Note::error(codes::VALUE_EMPTY, format!("`{key}` names no path")));
            return None;
        }
        Some(Spanned::with_span(self.sheet.path(&text.value), text.span))
    }

    /// A folder that must be there when the gateway runs; its absence now is a warning.
    pub(super) fn folder(&mut self, key: &'static str) -> Option<Spanned<PathBuf>> {
        let path = self.path(key)?;
        if !path.value.is_dir() {
            let message = format!("`{key}`: there is no folder {}", path.value.display());
            self.sheet.note(path.span, Note::warning(codes::PATH_MISSING, message));
        }
        Some(path)
    }

    /// A sub-table.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Reader<'a>> {
        let (_, value) = self.take(key)?;
        Self::open(self.sheet, value, &format!("[{key}]"))
    }

    /// A list of tables.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Reader<'a>> {
        let Some((_, mut value)) = self.take(key) else { return vec![] };
        match value.take() {
            ValueInner::Array(list) => list
                .into_iter()
                .filter_map(|value| Self::open(self.sheet, value, &format!("this [[{key}]]")))
                .collect(),
            other => {
                let what = format!("`{key}`");
                wrong_type(
                    self.sheet,
                    self.sheet.first_line(value.span),
                    &what,
                    &format!("a list: [[{key}]]"),
                    &other,
                );
                vec![]
            }
        }
    }

    /// Names every key that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let message = format!("{} has no key `{}`", self.what, key.name);
            let mut note = Note::error(codes::KEY_UNKNOWN, message);
            note = match nearest(&key.name, self.known.iter().copied()) {
                Some(known) => note.help(format!("did you mean `{known}`?")),
                None => note.help(format!("its keys are: {}", self.known.join(", "))),
            };
            self.sheet.note(key.span, note);
        }
    }
}

fn quote(value: &mut Value<'_>) {
    let quoted = match value.take() {
        ValueInner::Integer(number) => ValueInner::String(number.to_string().into()),
        ValueInner::Array(mut list) => {
            list.iter_mut().for_each(quote);
            ValueInner::Array(list)
        }
        other => other,
    };
    value.set(quoted);
}

/// A text, or a finding.
pub(super) fn text_of(
    sheet: Sheet<'_>,
    mut value: Value<'_>,
    what: &str,
    wanted: &str,
) -> Option<Spanned<String>> {
    match value.take() {
        ValueInner::String(text) => Some(Spanned::with_span(text.into_owned(), value.span)),
        other => {
            wrong_type(sheet, value.span, what, wanted, &other);
            None
        }
    }
}

/// One of a few words, or a finding with the nearest.
pub(super) fn choose<T: Clone>(
    sheet: Sheet<'_>,
    text: &Spanned<String>,
    what: &str,
    words: &[(&str, T)],
) -> Option<T> {
    if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == text.value) {
        return Some(chosen.clone());
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let mut note = Note::error(codes::VALUE_CHOICE, format!("{what} is none of: {}", all.join(", ")));
    if let Some(near) = nearest(&text.value, all) {
        note = note.help(format!("did you mean \"{near}\"?"));
    }
    sheet.note(text.span, note);
    None
}

fn wrong_type(sheet: Sheet<'_>, at: Span, what: &str, wanted: &str, found: &ValueInner<'_>) {
    let message = format!("{what} must be {wanted}, not {}", article(found.type_str()));
    sheet.note(at, Note::error(codes::VALUE_TYPE, message));
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'i']);
    format!("{} {kind}", if an { "an" } else { "a" })
}
