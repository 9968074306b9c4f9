//! [`Sheet`]: a file being checked, and the place where findings gather.

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml_span::{ErrorKind, Span};

use super::codes::{self, Code};
use super::problem::{Finding, Severity};
use super::table::Reader;

/// Findings of all files, gathered while reading goes on.
#[derive(Default)]
pub(super) struct Findings {
    list: RefCell<Vec<Finding>>,
    /// Counted as they come: every table asks, and there may be thousands of both.
    errors: Cell<usize>,
}

impl Findings {
    pub(super) fn push(&self, finding: Finding) {
        if finding.severity == Severity::Error {
            self.errors.set(self.errors.get() + 1);
        }
        self.list.borrow_mut().push(finding);
    }

    fn errors(&self) -> usize {
        self.errors.get()
    }

    /// In the order in which an admin reads: file by file, from the top.
    pub(super) fn sorted(self) -> Vec<Finding> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|finding| (finding.order, finding.at.as_ref().map_or(0, |at| at.start)));
        list
    }
}

/// A file's name and text.
pub(super) struct Source {
    name: &'static str,
    order: usize,
    text: Arc<str>,
    lines: Arc<[usize]>,
}

impl Source {
    /// Reads a file whole; says so if it cannot be read.
    pub(super) fn read(folder: &Path, name: &'static str, longest: u64, findings: &Findings) -> Option<Self> {
        let source = Self::given(name, "");
        let mut text = String::new();
        let read = std::fs::File::open(folder.join(name))
            .and_then(|file| file.take(longest + 1).read_to_string(&mut text));
        let problem = match read {
            Err(error) => format!("{name} cannot be read: {error}"),
            Ok(length) if length as u64 > longest => format!("{name} is longer than {longest} bytes"),
            Ok(_) => return Some(Self::given(name, &text)),
        };
        let help = format!("the configuration folder is {}", folder.display());
        findings.push(Note::error(codes::FILE, problem).help(help).finding(&source, None));
        None
    }

    /// A text that stands in for the file of that name.
    pub(super) fn given(name: &'static str, text: &str) -> Self {
        let order =
            [super::MACHINE_FILE, super::DEPARTMENTS_FILE].iter().position(|it| *it == name).unwrap_or(2);
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = [0].into_iter().chain(ends).collect();
        Self { name, order, text: text.into(), lines }
    }

    pub(super) fn sheet<'a>(&'a self, folder: &'a Path, findings: &'a Findings) -> Sheet<'a> {
        Sheet { source: self, folder, findings }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }
}

/// A finding before it has a place.
pub(super) struct Note {
    code: Code,
    severity: Severity,
    message: String,
    label: Option<String>,
    help: Vec<String>,
    also: Vec<(Range<usize>, String)>,
}

impl Note {
    pub(super) fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            label: None,
            help: vec![],
            also: vec![],
        }
    }

    pub(super) fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    pub(super) fn hint(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Hint, ..Self::error(code, message) }
    }

    /// Words beside the caret.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// A second place in the same file.
    pub(super) fn also(mut self, at: Span, label: impl Into<String>) -> Self {
        self.also.push((at.into(), label.into()));
        self
    }

    fn finding(self, source: &Source, at: Option<Range<usize>>) -> Finding {
        Finding {
            code: self.code,
            severity: self.severity,
            file: source.name.to_owned(),
            at,
            message: self.message,
            help: self.help,
            order: source.order,
            source: Arc::clone(&source.text),
            lines: Arc::clone(&source.lines),
            label: self.label,
            also: self.also,
        }
    }
}

/// A file being checked.
#[derive(Clone, Copy)]
pub(super) struct Sheet<'a> {
    source: &'a Source,
    folder: &'a Path,
    findings: &'a Findings,
}

impl<'a> Sheet<'a> {
    /// The file's top table. A syntax error ends the reading of this file: what follows it would be guesses.
    pub(super) fn top(self) -> Option<Reader<'a>> {
        match toml_span::parse(self.source.text()) {
            Ok(value) => Reader::open(self, value, "the file"),
            Err(error) => {
                let mut note = Note::error(codes::SYNTAX, error.to_string());
                match &error.kind {
                    ErrorKind::DuplicateKey { first, .. } | ErrorKind::DuplicateTable { first, .. } => {
                        note = note.label("again here").also(*first, "first here");
                    }
                    ErrorKind::UnquotedString => note = note.help("texts stand in double quotes"),
                    _ => {}
                }
                self.note(error.span, note);
                None
            }
        }
    }

    pub(super) fn text(self) -> &'a str {
        self.source.text()
    }

    /// Errors found so far, in all files.
    pub(super) fn errors(self) -> usize {
        self.findings.errors()
    }

    pub(super) fn note(self, at: Span, note: Note) {
        // the parser names single bytes, also of a character that has several
        let text = &self.source.text;
        let at = text.floor_char_boundary(at.start)..text.ceil_char_boundary(at.end.max(at.start));
        self.findings.push(note.finding(self.source, Some(at)));
    }

    /// About the file as a whole.
    pub(super) fn note_file(self, note: Note) {
        self.findings.push(note.finding(self.source, None));
    }

    /// Bytes of the file that stand for the bytes `inner` of the string `value`.
    pub(super) fn within(self, at: Span, value: &str, inner: Range<usize>) -> Span {
        let written = self.source.text.get(at.start..at.end).unwrap_or("");
        match (place(written, value, inner.start), place(written, value, inner.end)) {
            (Some(start), Some(end)) => Span::new(at.start + start, at.start + end),
            _ => at,
        }
    }

    /// The first line of a table that may go on for many.
    pub(super) fn first_line(self, at: Span) -> Span {
        let rest = self.source.text.get(at.start..).unwrap_or("");
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        Span::new(at.start, at.end.min(at.start + length))
    }

    /// A path of the configuration: relative ones start at the configuration folder; `.` and `..` are resolved by name.
    pub(super) fn path(self, text: &str) -> PathBuf {
        let mut path = PathBuf::new();
        for component in self.folder.join(text).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    path.pop();
                }
                other => path.push(other),
            }
        }
        path
    }
}

/// Where byte `wanted` of `value` stands in `written`, the same string with its escapes (TOML 1.0, "String").
/// `None` where the two do not run in step, as with line ends that a multi-line string swallows.
fn place(written: &str, value: &str, wanted: usize) -> Option<usize> {
    if written == value {
        return Some(wanted);
    }
    let mut at = 0;
    let mut passed = 0;
    for c in value.chars() {
        if passed == wanted {
            return Some(at);
        }
        let rest = written.get(at..)?;
        at += match rest.strip_prefix('\\') {
            None if rest.starts_with(c) => c.len_utf8(),
            None => return None,
            Some(escape) => match escape.chars().next()? {
                'u' => 6,
                'U' => 10,
                'x' => 4,
                '"' | '\\' | 'b' | 't' | 'n' | 'f' | 'r' | 'e' => 2,
                _ => return None,
            },
        };
        passed += c.len_utf8();
    }
    (passed == wanted).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_behind_escapes() {
        for (written, value, wanted, expected) in [
            ("plain", "plain", 3, Some(3)),
            (r"a\\d(", r"a\d(", 3, Some(4)),
            (r"\u724c(", "牌(", 3, Some(6)),
            (r"\t\n(", "\t\n(", 2, Some(4)),
            ("a\\\n   b", "ab", 1, Some(1)),
            ("a\\\n   b", "ab", 2, None),
            ("x", "y", 1, None),
        ] {
            assert_eq!(place(written, value, wanted), expected, "{written}");
        }
    }
}
