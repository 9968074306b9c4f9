//! [`Finding`]: one thing wrong or doubtful in a configuration file, and how it is shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::codes::Code;
use crate::fax::{Disposition, Fault, is_unsafe_in_a_line};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration works, but an admin should look.
    Warning,
    /// It works, and could say more. `faxgate check` alone tells of it.
    Hint,
}

/// One thing wrong or doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable code.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// File name within the configuration folder.
    pub file: String,
    /// Where in the file, in bytes; `None`: the file as a whole.
    pub at: Option<Range<usize>>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do, a line each.
    pub help: Vec<String>,
    pub(super) order: usize,
    pub(super) source: Arc<str>,
    /// Where the lines of the source begin: found once, not for each of thousands of findings.
    pub(super) lines: Arc<[usize]>,
    pub(super) label: Option<String>,
    pub(super) also: Vec<(Range<usize>, String)>,
}

impl Finding {
    /// Line and column of its beginning, both from 1, the column in characters.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let at = self.at.as_ref()?.start;
        let line = self.line_of(at);
        let begin = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.source.get(begin..at)?.chars().count() + 1;
        Some((line, column))
    }

    /// The finding as plain text: code, sentence, the lines of the file with carets below, and help.
    pub fn render(&self) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Hint => Level::NOTE,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code.as_str());
        let group = match &self.at {
            None => title.element(Origin::path(self.file.as_str())),
            Some(at) => {
                let window = self.window(at);
                let within = |at: &Range<usize>| {
                    at.start.saturating_sub(window.start)..at.end.saturating_sub(window.start)
                };
                let primary = AnnotationKind::Primary.span(within(at)).label(self.label.as_deref());
                let also = self
                    .also
                    .iter()
                    .map(|(at, label)| AnnotationKind::Context.span(within(at)).label(label.as_str()));
                title.element(
                    Snippet::source(self.source.get(window.clone()).unwrap_or(""))
                        .line_start(self.line_of(window.start))
                        .path(self.file.as_str())
                        .annotation(primary)
                        .annotations(also),
                )
            }
        };
        let group = group.elements(self.help.iter().map(|help| Level::HELP.message(help.as_str())));
        // The renderer knows C0 and bidi, but not C1 and what else drives a terminal.
        let shown =
            |c: char| if c != '\n' && is_unsafe_in_a_line(c) { char::REPLACEMENT_CHARACTER } else { c };
        Renderer::plain().render(&[group]).chars().map(shown).collect()
    }
}

impl Finding {
    /// Number of the line in which a byte stands, from 1.
    fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= at).max(1)
    }

    /// The lines that are shown: a file of megabytes is not laid out anew for each of thousands of findings.
    fn window(&self, at: &Range<usize>) -> Range<usize> {
        let places = || self.also.iter().map(|(at, _)| at).chain([at]);
        let first = places().map(|at| at.start).min().unwrap_or(at.start);
        let last = places().map(|at| at.end).max().unwrap_or(at.end);
        let before = self.source.get(..first).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let rest = self.source.get(last..).unwrap_or("");
        let after = rest.find('\n').map_or(self.source.len(), |length| last + length + 1);
        before..after
    }
}

impl serde::Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let place = self.line_column();
        let mut fields = serializer.serialize_struct("Finding", 7)?;
        fields.serialize_field("code", self.code.as_str())?;
        fields.serialize_field("severity", &self.severity)?;
        fields.serialize_field("file", &self.file)?;
        fields.serialize_field("line", &place.map(|(line, _)| line))?;
        fields.serialize_field("column", &place.map(|(_, column)| column))?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("help", &self.help)?;
        fields.end()
    }
}

/// A doubt about a configuration that is good enough to run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Warning(pub Finding);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.render())
    }
}

/// All that is wrong with a configuration, with the warnings in their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Finding>);

impl Problems {
    /// Number of errors.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// Number of warnings.
    pub fn warnings(&self) -> usize {
        self.0.iter().filter(|finding| finding.severity == Severity::Warning).count()
    }

    /// All findings, rendered, and their number.
    pub fn render(&self) -> String {
        let mut text: String = self.0.iter().map(|finding| finding.render() + "\n\n").collect();
        text.push_str(&format!("{self}\n"));
        text
    }

    /// For scripts: `{"errors": 1, "warnings": 0, "findings": [{"code", "severity", "file", "line", …}]}`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "errors": self.errors(), "warnings": self.warnings(), "findings": self.0 })
    }

    /// The error as operators see it. On a reload the old configuration stays in force.
    pub fn fault(&self) -> Fault {
        let first = self.0.iter().find(|finding| finding.severity == Severity::Error);
        let detail =
            first.map(|finding| format!("{}: {}", finding.file, finding.message)).unwrap_or_default();
        let operator =
            format!("The configuration is not used: {self}. Run `faxgate check` and mend what it names.");
        Fault::new("config.invalid", Disposition::Refuse, operator).with_detail(detail)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        write!(f, "{}, {}", count(self.errors(), "error"), count(self.warnings(), "warning"))
    }
}

impl std::error::Error for Problems {}
