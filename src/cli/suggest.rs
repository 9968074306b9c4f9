//! `suggest`: rules that people's moves speak for, as text that `check` and `backtest` take.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::shown::{counted, json_text};
use super::{End, with_store};
use crate::config::{Config, RULES_FILE};
use crate::fax::{Fault, FaxId, Millis};
use crate::ops::clock;
use crate::pipeline::PageRecord;
use crate::returns::suggest::{Marks, Moved, Stayed, rules_text, suggest};
use crate::store::{Access, FALLBACK, Fax, Filter, Move, Store};

/// Moves that are looked at.
const MOVES_MOST: u32 = 20_000;
/// Faxes that were left where they were and that are looked at; the newest.
const STAYED_MOST: u32 = 20_000;
/// Of those, so many with their text: reading it takes time.
const READ_MOST: usize = 1_000;
const DAY: Millis = 86_400_000;

#[derive(Debug, clap::Args)]
pub struct SuggestArgs {
    /// Moves of so many days
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// So many faxes must speak for a rule
    #[arg(long, default_value_t = 2)]
    least: usize,
    /// Write the present rules with the suggested ones before them to this file, for `backtest --rules`
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints suggested rules.
pub fn run(folder: &Path, args: &SuggestArgs) -> End {
    with_store(folder, Access::Reader, async |store, config| {
        let since = clock::now() - Millis::from(args.days) * DAY;
        let moves = last_of_each(store.moves(since, MOVES_MOST).await?);
        let mut moved = Vec::new();
        for (fax, (from, to)) in &moves {
            let Some(found) = store.fax(fax).await? else { continue };
            let lines = lines(&store, fax).await?;
            moved.push(Moved {
                fax: fax.clone(),
                from: from.clone(),
                to: to.clone(),
                marks: marks(&found, lines),
            });
        }
        let stayed = if moved.is_empty() { vec![] } else { stayed(&store, since, &moves).await? };
        let sensitive: BTreeSet<String> =
            config.departments.iter().filter(|one| one.sensitive).map(|one| one.id.clone()).collect();
        let suggestions = suggest(&moved, &stayed, &sensitive, args.least);
        let text = rules_text(&suggestions);
        if let Some(path) = &args.out {
            write(&config, path, &text)?;
        }
        if args.json {
            println!(
                "{}",
                json_text(
                    &serde_json::json!({ "moved": moved.len(), "suggestions": suggestions, "rules": text })
                )
            );
        } else {
            let (faxes, rules) = (counted(moved.len(), "fax"), counted(suggestions.len(), "rule"));
            println!("# {faxes} passed on by hand in {} days: {rules} suggested", args.days);
            print!("{text}");
        }
        Ok(End::Done)
    })
}

/// Where each fax that was passed on came from and where it stayed; what ended at the fallback inbox says nothing.
fn last_of_each(moves: Vec<Move>) -> BTreeMap<FaxId, (String, String)> {
    let mut last: BTreeMap<FaxId, (String, String)> = BTreeMap::new();
    for one in moves {
        let from = last.remove(&one.fax).map_or(one.from, |(first, _)| first);
        last.insert(one.fax, (from, one.to));
    }
    last.retain(|_, (_, to)| to != FALLBACK);
    last
}

/// Faxes that nobody passed on, with the departments that got them.
async fn stayed(
    store: &Store,
    since: Millis,
    moves: &BTreeMap<FaxId, (String, String)>,
) -> Result<Vec<Stayed>, Fault> {
    let filter = Filter { since: Some(since), ..Filter::default() };
    let mut stayed = Vec::new();
    for fax in store.list(&filter, STAYED_MOST).await? {
        let Some(routing) = fax.routing.as_ref().filter(|_| !moves.contains_key(&fax.id)) else { continue };
        let departments: Vec<String> = routing.decision["departments"]
            .as_array()
            .map(|list| list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let lines = if stayed.len() < READ_MOST { lines(store, &fax.id).await? } else { vec![] };
        stayed.push(Stayed { departments, marks: marks(&fax, lines) });
    }
    Ok(stayed)
}

async fn lines(store: &Store, fax: &FaxId) -> Result<Vec<String>, Fault> {
    let pages = store.pages::<PageRecord>(fax).await?;
    let bodies: Vec<String> = pages.into_iter().map(|page| page.transcript.text.body()).collect();
    Ok(bodies.iter().flat_map(|body| body.lines()).map(str::to_owned).collect())
}

fn marks(fax: &Fax, lines: Vec<String>) -> Marks {
    let call = &fax.call;
    Marks {
        did: call.did.as_ref().map(|number| number.0.clone()),
        caller: call.caller.as_ref().map(|number| number.0.clone()),
        tsi: call.tsi.as_ref().map(|tsi| tsi.shown()),
        lines,
    }
}

/// The present rules with the suggested ones in front: the first rule that fits decides.
fn write(config: &Config, path: &Path, suggested: &str) -> Result<(), Fault> {
    let present = config.folder.join(RULES_FILE);
    let rules =
        std::fs::read_to_string(&present).map_err(|error| super::convert::unreadable(&present, &error))?;
    super::convert::written(path, with_rules_in_front(&rules, suggested).as_bytes())
}

/// Before the first table of the file, so that what stands at its top stays there.
fn with_rules_in_front(rules: &str, suggested: &str) -> String {
    let mut at = 0;
    for line in rules.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            break;
        }
        at += line.len();
    }
    let (top, rest) = rules.split_at(at);
    let gap = if top.is_empty() || top.ends_with('\n') { "" } else { "\n" };
    format!("{top}{gap}{suggested}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggested_rules_stand_before_the_present_ones_and_after_the_files_top() {
        let rules = "# ours\n\n[text]\nconfidence = 0.8\n\n[[rule]]\nname = \"a\"\n[default]\nto = \"b\"\n";
        let whole = with_rules_in_front(rules, "[[rule]]\nname = \"new\"\n\n");
        assert!(whole.starts_with("# ours\n\n[[rule]]\nname = \"new\""), "{whole}");
        assert!(whole.ends_with("to = \"b\"\n"));
        assert!(toml_span::parse(&whole).is_ok());
        assert_eq!(with_rules_in_front("", "x\n"), "x\n");
    }
}
