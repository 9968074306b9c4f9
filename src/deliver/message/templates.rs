//! Templates of subject, text and HTML: built in, or a site's own.
//!
//! A site's template that does not work is never a reason to hold a fax: the built-in one is used and the
//! fault is logged. `faxgate check` finds it before: [`problems`].

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

/// A template file is no longer than this.
const TEMPLATE_MOST: u64 = 256 * 1024;

/// The built-in templates. `*.html` is escaped, `*.txt` is not.
const BUILT_IN: [(&str, &str); 13] = [
    ("layout.html", include_str!("../templates/layout.html")),
    ("en.subject.txt", include_str!("../templates/en.subject.txt")),
    ("en.text.txt", include_str!("../templates/en.text.txt")),
    ("en.html", include_str!("../templates/en.html")),
    ("en.notice.subject.txt", include_str!("../templates/en.notice.subject.txt")),
    ("en.notice.text.txt", include_str!("../templates/en.notice.text.txt")),
    ("en.notice.html", include_str!("../templates/en.notice.html")),
    ("zh-hant.subject.txt", include_str!("../templates/zh-hant.subject.txt")),
    ("zh-hant.text.txt", include_str!("../templates/zh-hant.text.txt")),
    ("zh-hant.html", include_str!("../templates/zh-hant.html")),
    ("zh-hant.notice.subject.txt", include_str!("../templates/zh-hant.notice.subject.txt")),
    ("zh-hant.notice.text.txt", include_str!("../templates/zh-hant.notice.text.txt")),
    ("zh-hant.notice.html", include_str!("../templates/zh-hant.notice.html")),
];

/// What is wrong with a template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// File name within the templates folder; empty if the folder itself cannot be read.
    pub file: String,
    /// Line, from 1, where one is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// The templates in use.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    built_in: Environment<'static>,
    own: Option<Environment<'static>>,
}

impl Templates {
    /// The built-in ones, and over them those of `folder`.
    pub(super) fn load(folder: Option<&Path>) -> (Self, Vec<TemplateProblem>) {
        let built_in = environment();
        let Some(folder) = folder else { return (Self { built_in, own: None }, Vec::new()) };
        let (files, mut problems) = read_folder(folder);
        let mut own = built_in.clone();
        for (name, text) in files {
            if let Err(error) = own.add_template_owned(name.clone(), text) {
                problems.push(problem(&name, &error));
            }
        }
        (Self { built_in, own: Some(own) }, problems)
    }

    /// Fills a template. The site's own first; where it fails, the built-in one.
    pub(super) fn fill(&self, name: &str, values: &Value) -> String {
        if let Some(own) = &self.own {
            match fill(own, name, values) {
                Ok(text) => return text,
                Err(problem) => tracing::warn!(%problem, "template failed; the built-in one is used"),
            }
        }
        fill(&self.built_in, name, values).unwrap_or_else(|problem| {
            tracing::error!(%problem, "built-in template failed");
            String::new()
        })
    }

    /// Fills every template of `kind` (the name after the language) and tells which fail.
    pub(super) fn try_all(&self, names: &[String], values: &Value) -> Vec<TemplateProblem> {
        let environment = self.own.as_ref().unwrap_or(&self.built_in);
        names.iter().filter_map(|name| fill(environment, name, values).err()).collect()
    }
}

fn fill(environment: &Environment<'static>, name: &str, values: &Value) -> Result<String, TemplateProblem> {
    environment
        .get_template(name)
        .and_then(|template| template.render(values.clone()))
        .map_err(|error| problem(name, &error))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    for (name, text) in BUILT_IN {
        environment.add_template(name, text).expect("built-in templates are compiled by a test");
    }
    environment
}

fn read_folder(folder: &Path) -> (BTreeMap<String, String>, Vec<TemplateProblem>) {
    let mut files = BTreeMap::new();
    let mut problems = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("templates folder {}: {error}", folder.display());
            return (files, vec![TemplateProblem { file: String::new(), line: None, message }]);
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut refuse =
            |message: String| problems.push(TemplateProblem { file: name.clone(), line: None, message });
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if !BUILT_IN.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
            refuse(format!("no template has this name; known are {}", known.join(", ")));
            continue;
        }
        match read_file(&entry.path()) {
            Ok(text) => {
                files.insert(name, text);
            }
            Err(error) => refuse(error.to_string()),
        }
    }
    problems.sort_by(|a, b| a.file.cmp(&b.file));
    (files, problems)
}

fn read_file(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(TEMPLATE_MOST + 1).read_to_string(&mut text)?;
    if read as u64 > TEMPLATE_MOST {
        return Err(std::io::Error::other(format!("longer than {TEMPLATE_MOST} bytes")));
    }
    Ok(text)
}

fn problem(name: &str, error: &minijinja::Error) -> TemplateProblem {
    let file = error.name().unwrap_or(name).to_owned();
    TemplateProblem { file, line: error.line(), message: error.to_string() }
}
