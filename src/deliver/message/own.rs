//! A department's own templates of one line: its subject and its file name.
//!
//! They stand in `departments.toml` and are tried there on faxes of which everything and nothing is known, so
//! that a word that does not exist is found before any fax comes. Should one fail all the same, the built-in
//! one serves.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::{Stationery, naming, sample};
use crate::fax::{Department, Language};

/// A template of one line is no longer than this, in bytes.
const TEMPLATE_MOST: usize = 1_000;

/// Fills a template; `None`: it fails, or gives nothing but blanks.
pub(super) fn filled(template: &str, values: &Value) -> Option<String> {
    match tried(template, values) {
        Ok(made) => Some(made.trim().to_owned()).filter(|made| !made.is_empty()),
        Err(problem) => {
            tracing::warn!(problem, "a department's template failed; the built-in one is used");
            None
        }
    }
}

fn tried(template: &str, values: &Value) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.render_str(template, values).map_err(|error| match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    })
}

/// What is wrong with a template of subjects.
///
/// # Errors
/// In words for an admin.
pub fn check_subject(template: &str) -> Result<(), String> {
    check(template, |made| !made.trim().is_empty())
}

/// What is wrong with a template of file names.
///
/// # Errors
/// In words for an admin.
pub fn check_file_name(template: &str) -> Result<(), String> {
    check(template, |made| naming::file_name(made, "pdf").is_some())
}

fn check(template: &str, enough: impl Fn(&str) -> bool) -> Result<(), String> {
    if template.len() > TEMPLATE_MOST {
        return Err(format!("longer than {TEMPLATE_MOST} bytes"));
    }
    if template.chars().any(char::is_control) {
        return Err("it is one line without control characters".to_owned());
    }
    let stationery = Stationery::plain();
    for sample in sample::letters() {
        for language in [Language::En, Language::ZhHant] {
            let department = Department { language, ..sample.department.clone() };
            let values = stationery.letter_values(&sample.letter(&department));
            if !enough(&tried(template, &values)?) {
                return Err("it gives nothing where nothing is known of the sender".to_owned());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_tried_where_everything_and_where_nothing_is_known() {
        assert_eq!(check_subject("傳真 {{ reference }} {{ name or number or sender }} {{ pages }}"), Ok(()));
        assert_eq!(check_file_name("{{ date }} {{ sender }} {{ department_id }}"), Ok(()));
        for (template, says) in [
            ("{{ nonsense }}", "undefined"),
            ("{% if %}", "syntax"),
            ("{{ tsi or '' }}", "nothing is known"),
            ("a\nb", "one line"),
        ] {
            let problem = check_subject(template).unwrap_err();
            assert!(problem.contains(says), "{template}: {problem}");
        }
        assert!(check_file_name("...").is_err());
    }
}
