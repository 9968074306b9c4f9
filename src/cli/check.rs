//! `check`: every problem of the configuration.

use std::path::Path;

use super::End;
use super::shown::{counted, json_text};
use crate::config::Config;

/// Prints every problem and warning.
pub fn check(folder: &Path, json: bool) -> End {
    let (loaded, hints) = Config::looked_at(folder);
    if !json {
        hints.iter().for_each(|hint| eprintln!("{}", hint.render()));
    }
    match loaded {
        Ok((config, warnings)) => {
            let missing = crate::recognize::models::missing(&config.worker.recognize);
            let end = if missing.is_empty() { End::Done } else { End::Config };
            if json {
                let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
                let ok = missing.is_empty();
                println!(
                    "{}",
                    json_text(
                        &serde_json::json!({ "ok": ok, "missing_models": missing, "warnings": told, "findings": warnings, "hints": hints })
                    )
                );
                return end;
            }
            warnings.iter().for_each(|warning| eprintln!("{warning}"));
            missing.iter().for_each(|what| eprintln!("faxgate: {what}"));
            println!(
                "{}: {}, {}, {}; {}, {}",
                folder.display(),
                counted(config.spools.len(), "spool"),
                counted(config.departments.len(), "department"),
                counted(config.rules.list().len(), "rule"),
                counted(missing.len(), "problem"),
                counted(warnings.len(), "warning"),
            );
            end
        }
        Err(problems) if json => {
            println!("{}", json_text(&problems.to_json()));
            End::Config
        }
        Err(problems) => {
            eprint!("{}", problems.render());
            End::Config
        }
    }
}
