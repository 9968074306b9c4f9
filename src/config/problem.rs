//! [`Finding`]: one thing wrong or doubtful in a configuration file, and how it is shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::codes::Code;
use crate::fax::{Disposition, Fault};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration works, but an admin should look.
    Warning,
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
    pub(super) label: Option<String>,
    pub(super) also: Vec<(Range<usize>, String)>,
}

impl Finding {
    /// Line and column of its beginning, both from 1, the column in characters.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let before = self.source.get(..self.at.as_ref()?.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Some((line, column))
    }

    /// The finding as plain text: code, sentence, the lines of the file with carets below, and help.
    pub fn render(&self) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code.as_str());
        let group = match &self.at {
            None => title.element(Origin::path(self.file.as_str())),
            Some(at) => {
                let primary = AnnotationKind::Primary.span(at.clone()).label(self.label.as_deref());
                let also = self
                    .also
                    .iter()
                    .map(|(at, label)| AnnotationKind::Context.span(at.clone()).label(label.as_str()));
                title.element(
                    Snippet::source(&*self.source)
                        .path(self.file.as_str())
                        .annotation(primary)
                        .annotations(also),
                )
            }
        };
        let group = group.elements(self.help.iter().map(|help| Level::HELP.message(help.as_str())));
        Renderer::plain().render(&[group])
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
        self.0.len() - self.errors()
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
